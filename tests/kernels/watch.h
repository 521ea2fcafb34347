/* Which entries of the kernels' tables the tests of this program have called. Every entry of a copy of a table leads to
 * a stub that counts and goes on to the kernel, so that an entry that a table gains is watched without a word here. */
#ifndef TESTS_KERNELS_WATCH_H
#define TESTS_KERNELS_WATCH_H

#include "kernels/kernels.h"

/* The entries' tests stand in several programs. */
typedef enum watch_part {
    WATCH_ELEMENTS,  /* all that is no entry for a number format */
    WATCH_FLOATS,    /* formats' products and rows by binary32's rule and those of 16-bit floats and FP8 */
    WATCH_QUANTIZED, /* of quantised formats, by their own rule */
    WATCH_LOSSLESS,  /* of the lossless form */
} watch_part;

/* The same variants, watched (on x86-64 and aarch64; elsewhere as they are). `count` of at most 8. */
void watch_variants(const kernel_table **variants, size_t count);
/* A cmocka test, the last one of a program: fails with the entries of the part that some variant has and no test
 * called. `state` is of no use. */
void check_every_element_called(void **state);
void check_every_float_product_called(void **state);
void check_every_quantized_product_called(void **state);
void check_every_lossless_product_called(void **state);

#endif
