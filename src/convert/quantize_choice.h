/* Which tensor gets which number format. Private to convert/. docs/convert.md, "Which format". */
#ifndef CONVERT_QUANTIZE_CHOICE_H
#define CONVERT_QUANTIZE_CHOICE_H

#include "convert/quantize.h"

/* What a choice depends on, beside the tensor. */
typedef struct choice_model {
    unsigned layers;
    unsigned experts;   /* 0: none */
    unsigned shared_by; /* query heads that share a key head */
    bool tied;          /* the embedding is the output matrix too */
    bool importance;    /* there are statistics */
} choice_model;

choice_model choice_look(const tensor_table *table);
/* llama.cpp's number for general.file_type. */
uint32_t choice_file_type(int kind);
dtype choice_of(int kind, const tensor_entry *e, const choice_model *m, const quantize_options *o, bool *ret_fell_back);

#endif
