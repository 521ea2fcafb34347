/* Tensors that a GGUF file keeps in the lossless form of BF16, as BF16 again. Private to convert/. */
#ifndef CONVERT_LOSSLESS_H
#define CONVERT_LOSSLESS_H

#include "convert/plan.h"
#include "tensor/lossless.h"

typedef struct lossless_tensors {
    tensor_table table;            /* names, maps and the data of other tensors are the file's */
    const matrix_reader **readers; /* [table.count] */
    lossless_reader *made;         /* [table.count] */
} lossless_tensors;

/* What a plan reads from: the file's table where it has no such tensors. `s` is zeroed by the caller. HEARTH_E_FORMAT
 * where a panel is not as long as its tables say. */
hearth_status lossless_tensors_open(lossless_tensors *s, const tensor_table *raw, convert_source *ret,
                                    hearth_error *error);
void lossless_tensors_close(lossless_tensors *s);

#endif
