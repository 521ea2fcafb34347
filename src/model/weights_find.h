/* Tensors of a container by name, checked, as matrices and vectors in the order that the layers want. Private to
 * model/.
 *
 * Rows of q and k that RoPE turns lie in one of two orders: values that turn together half a rotation apart, or side by
 * side ("interleaved"). Row maps bring the second to the first, so that every container computes the same chains. Rows
 * of fused tensors (q, k and v in one; gate and up in one) are found by maps, too. convert/ takes the same maps. */
#ifndef MODEL_WEIGHTS_FIND_H
#define MODEL_WEIGHTS_FIND_H

#include "model/tensor_names.h"
#include "model/weights.h"

/* What the steps of loading share. */
typedef struct loader {
    const tensor_table *tensors;
    const model_config *c;
    const tensor_names *names;
    engine *e;
    const weights_options *options;
    model_weights *w;
    bool *used; /* [tensors->count] */
    uint64_t done_bytes;
    bool expanded; /* FP8 as binary32: rows for a file, which has no format for its scales */
} loader;

/* Which rows of a tensor. */
typedef enum row_part {
    PART_ALL,
    PART_Q,
    PART_K,
    PART_V,
    PART_FIRST_HALF,  /* gate of a fused gate and up */
    PART_SECOND_HALF, /* up */
    PART_EVEN,        /* gate of a fused gate and up, whose rows take turns */
    PART_ODD,         /* up */
    PART_LATENT_Q,    /* heads of nope + rope values, of which the last ones turn */
    PART_LATENT_KV,   /* kv_rank values, then rope ones that turn */
    PART_GATED_Q,    /* queries of all heads, then gates of all heads; the file has each head's gate behind its query */
    PART_DELTA_QKVZ, /* q, k, v, z; the file has them for one key head after the other */
    PART_DELTA_BA,   /* b, a; likewise */
} row_part;

/* In which order a container keeps rows. */
typedef struct row_order {
    const model_config *c;
    fused_order order;
    bool interleaved;
} row_order;

/* Row of the file for row `row` of a part that has `rows` rows; `fused`: the tensor holds more than this part. */
size_t row_place(const row_order *o, row_part part, bool fused, size_t rows, size_t row);

typedef struct matrix_place {
    const char *stem; /* the name without ".weight", the layer's number in it */
    row_part part;
    bool fused;       /* the tensor holds more than this part */
    bool transposed;  /* stored [cols, rows] */
    const char *tail; /* of the name; NULL: ".weight" */
    size_t experts;   /* not 0: a tensor [experts, …], of which `expert` is taken */
    size_t expert;
} matrix_place;

/* Fills the layer's number into a pattern, and the expert's where there is a second %u. */
const char *name_with(const char *pattern, unsigned layer, unsigned expert, char *ret, size_t size);
/* By its name as any file spells it: without the first part, or as BERT's first files do; NULL: not there. */
const tensor_entry *tensor_find_spelled(const tensor_table *tensors, const char *name);
bool tensor_is_there(const loader *l, const char *stem, const char *tail);
/* Tensors that files carry and that say nothing new. */
bool tensor_is_superfluous(const tensor_entry *entry, const model_config *c, const tensor_names *names);
/* Rows of all parts together of a fused tensor. */
size_t fused_rows(const model_config *c, row_part part);

/* NULL in *ret_map and the first row in *ret_first where rows simply follow each other. */
hearth_status make_row_map(const loader *l, const matrix_place *place, size_t rows, size_t *ret_first,
                           uint32_t **ret_map, hearth_error *error);

/* The tensor of that exact name with that shape (row-major), marked as used. */
hearth_status find_tensor(loader *l, const char *name, uint32_t dims, const uint64_t *shape, const tensor_entry **ret,
                          hearth_error *error);
/* [rows, cols] whose row r and column c is the tensor's row first + c and column r. `shape`: the tensor's. */
hearth_status find_turned(loader *l, const char *stem, const uint64_t shape[2], size_t first, size_t rows, size_t cols,
                          matrix *ret, hearth_error *error);
/* Rows [first, first + rows) of a tensor of that shape. */
hearth_status find_slice(loader *l, const char *stem, const uint64_t shape[2], size_t first, size_t rows, matrix *ret,
                         hearth_error *error);
hearth_status find_matrix(loader *l, const matrix_place *place, size_t rows, size_t cols, matrix *ret,
                          hearth_error *error);
/* Of F32, F16 or BF16, what check_value_type lets through. */
hearth_status check_value_type(const char *name, const tensor_entry *entry, hearth_error *error);
float value_at(dtype type, const uint8_t *values, size_t index);
/* Of [experts, all], the values `first`, `first + step`, … of one expert. */
hearth_status find_expert_vector(loader *l, const char *name, const uint64_t shape[2], size_t expert, size_t first,
                                 size_t step, size_t count, const float **ret, hearth_error *error);
/* `name` whole; `part` and `fused` choose and order as for the matrix of these rows. `plus` is added to each value. */
hearth_status find_vector(loader *l, const char *name, row_part part, bool fused, size_t count, float plus,
                          const float **ret, hearth_error *error);

#endif
