/* The quantised formats read straight from a file's blocks, one value at a time, in plain arithmetic: what panels and
 * kernels are compared with. Written from the GGUF specification alone; it shares no code with src/kernels. */
#ifndef TESTS_QUANTIZED_FILE_H
#define TESTS_QUANTIZED_FILE_H

#include "kernels/activation.h"
#include "kernels/dtype.h"

#define QUANTIZED_FORMATS 14
extern const dtype quantized_formats[QUANTIZED_FORMATS];

/* One value: w = scale * sub * q + minimum, where q has its offset taken off. */
typedef struct file_value {
    int q;
    float d;     /* the block's binary16 scale */
    int sub;     /* the 6- or 8-bit scale of the value's sub-block; 1 where there is none */
    float min_d; /* the block's binary16 minimum or dmin; 0 where there is none */
    int min_sub; /* 6-bit minimum of Q4_K and Q5_K */
} file_value;

file_value file_value_get(dtype type, const uint8_t *row, size_t k);
/* Dequantised. */
float file_value_weight(dtype type, file_value v);
/* The native product of one row and one token. */
float file_row_product(dtype type, const uint8_t *row, size_t cols, const activation_q8 *x);

#endif
