/* Weights that are larger than the memory they may take: which stay, which are read for each step. Private to model/.
 */
#ifndef MODEL_WEIGHTS_STREAM_H
#define MODEL_WEIGHTS_STREAM_H

#include "model/weights_find.h"

/* What a matrix will take once packed: exact but for blocks that do not fit the lossless form, if that was chosen. */
uint64_t weights_expected_bytes(const matrix *m);
/* If none of them fits. */
uint64_t weights_most_bytes(const matrix *m);
/* Prepares the packing of one matrix, for which blocks that do not fit that form may take `beyond` bytes more, and
 * tells the progress. */
hearth_status weights_pack_one(loader *l, matrix *m, uint64_t beyond, hearth_error *error);
/* Packs as many of the matrices that every token uses as `memory_bytes` hold, spread over the layers, and makes the
 * stream of the others; experts stay mapped unless all of the rest is packed and they fit, too. */
hearth_status weights_stream(loader *l, uint64_t memory_bytes, hearth_error *error);

#endif
