/* Comparing two suffixes of one text, many times. What is long and stands twice is met again at each of its positions:
 * how far two places match is remembered by their distance, so that no part of such a match is read over and over. */
#ifndef INDEXING_ORDER_DIAGONAL_H
#define INDEXING_ORDER_DIAGONAL_H

#include "base/error.h"

typedef struct order_diagonals order_diagonals;

/* For `bytes` of text, which the caller keeps. */
hearth_status order_diagonals_new(const uint8_t *text, uint64_t bytes, order_diagonals **ret, hearth_error *error);
void order_diagonals_free(order_diagonals *d);

/* Whether what stands from `x` on comes before what stands from `y` on; of two that match to the end of the text,
 * neither does. */
bool order_diagonals_less(order_diagonals *d, uint64_t x, uint64_t y);

#endif
