/* Matrices that Hugging Face folders keep quantised, in several tensors or by columns: FP8 with scales, MXFP4 as
 * gpt-oss ships it, GPTQ and AWQ. Readers (tensor/matrix.h) make rows of a format that holds the same values out of
 * them. docs/formats/safetensors.md has the formulas. Private to model/. */
#ifndef MODEL_WEIGHTS_STORED_H
#define MODEL_WEIGHTS_STORED_H

#include "model/weights_find.h"

/* Is the matrix stored in one of these ways? */
bool stored_otherwise(const loader *l, const matrix_place *place);
/* As find_matrix; `all` are the rows of the tensor, of which the matrix has `rows`. */
hearth_status find_stored(loader *l, const matrix_place *place, size_t rows, size_t all, size_t cols, matrix *ret,
                          hearth_error *error);
/* As find_slice and find_turned. */
hearth_status find_stored_slice(loader *l, const matrix_place *place, const uint64_t shape[2], size_t first,
                                size_t rows, matrix *ret, hearth_error *error);
hearth_status find_stored_turned(loader *l, const matrix_place *place, const uint64_t shape[2], size_t first,
                                 size_t rows, size_t cols, matrix *ret, hearth_error *error);

#endif
