/* The tensors of a folder that keeps its matrices quantised, a matrix a tensor again: FP8 as F32, GPTQ and AWQ as Q5_0
 * (F32 where their groups do not follow each other), gpt-oss's MXFP4 as MXFP4. Their rows are made by the readers of
 * model/weights_stored.h. Private to convert/. */
#ifndef CONVERT_STORED_H
#define CONVERT_STORED_H

#include "model/weights_find.h"

typedef struct stored_tensors {
    tensor_table table;            /* sorted; names, maps and the data of plain tensors are the folder's */
    const matrix_reader **readers; /* [table.count]: not NULL: makes the rows, and the entry has no data */
    model_weights holder;          /* its arena owns the readers and the names that are made here */
    bool *used;                    /* [tensors of the folder]: part of a quantised matrix */
} stored_tensors;

/* A matrix STEM.qweight or STEM.weight with scales becomes STEM.weight, STEM_blocks and STEM_scales become STEM_blocks,
 * [experts, rows, cols]. Tensors that belong to none stay. `raw` must outlive the result. */
hearth_status stored_tensors_open(stored_tensors *s, const tensor_table *raw, const model_config *c,
                                  hearth_error *error);
/* Zeroed and half-built ones are allowed. */
void stored_tensors_close(stored_tensors *s);

#endif
