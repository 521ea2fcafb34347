/* What a model's weights take: counted from the tensors of its files, or from its configuration alone. docs/memory.md.
 */
#ifndef MODEL_SIZES_H
#define MODEL_SIZES_H

#include "formats/tensors.h"
#include "model/config.h"

/* Values of weights, their bytes in a file, and in memory once packed (tensor/matrix.h). */
typedef struct weight_size {
    uint64_t values, file_bytes, bytes;
} weight_size;

typedef struct layer_size {
    weight_size fixed;   /* read for every token */
    weight_size experts; /* all of them: a token reads moe.used of moe.experts */
} layer_size;

typedef struct model_sizes {
    layer_size *layers; /* [config.layers] */
    uint32_t layer_count;
    weight_size embedding; /* tables of which a token reads a row; none when tied */
    weight_size output;    /* the output matrix, and what else stands once */
    weight_size all;
    bool tied;
} model_sizes;

/* Every matrix in the format `type` (`sizes_type_for`), the vectors and routers as binary32, as files have them.
 * HEARTH_E_LIMIT where a number passes 64 bits. Free with model_sizes_free. */
hearth_status model_sizes_from_config(const model_config *c, dtype type, model_sizes *ret, hearth_error *error);
/* As the files have them. `gguf`: GGUF's names, else the family's. */
hearth_status model_sizes_from_tensors(const model_config *c, const tensor_table *tensors, bool gguf, model_sizes *ret,
                                       hearth_error *error);
void model_sizes_free(model_sizes *s);

/* The format of rows of `cols` values in a model of format `type`: Q8_0 or F16 where they are not whole blocks. */
dtype sizes_type_for(dtype type, size_t cols);

/* A packed matrix's bytes: of BF16 what the lossless form is likely to take (tensor/lossless.h), of others exactly. */
uint64_t sizes_packed_bytes(dtype type, uint64_t rows, uint64_t cols);

/* Values, and bytes in memory or in the file, that a token reads: of tables a row, of the experts its share. */
uint64_t model_sizes_active_values(const model_sizes *s, const model_config *c);
double model_sizes_active_bytes(const model_sizes *s, const model_config *c, bool in_file);
/* Bytes of keys and values that a token behind `positions` others reads: of layers with a window no more than that; of
 * recurrent layers the state, read and written. */
double model_sizes_cache_read(const model_config *c, uint64_t positions, cache_type type);

#endif
