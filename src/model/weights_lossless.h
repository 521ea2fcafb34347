/* Matrices out of tensors that a GGUF file keeps in the lossless form of BF16. Private to model/. */
#ifndef MODEL_WEIGHTS_LOSSLESS_H
#define MODEL_WEIGHTS_LOSSLESS_H

#include "model/weights_find.h"

/* Rows [first, first + rows) of all rows of a tensor of several matrices [.., rows, cols], in the order of row_map
 * (taken over; NULL: as they are). HEARTH_E_FORMAT where a panel is not as long as its tables say. */
hearth_status weights_lossless(loader *l, const tensor_entry *entry, size_t first, size_t rows, uint32_t *row_map,
                               matrix *ret, hearth_error *error);

#endif
