/* Every word of the vocabulary, applied once: compiled per instruction set like a kernel, compared with scalar. */
#ifndef TESTS_KERNELS_V16_PROBE_H
#define TESTS_KERNELS_V16_PROBE_H

#include <stddef.h>
#include <stdint.h>

typedef struct v16_probe_input {
    float a[16], b[16], c[16];
    int32_t i[16], j[16];
    uint16_t half[16];
    uint8_t bytes[64]; /* 0..127, for the unsigned operand */
    int8_t wide[64];   /* -128..127 */
    int8_t narrow[64]; /* -127..127 */
    size_t n;          /* 0..16 */
    int shift;         /* 0..31 */
} v16_probe_input;

#define V16_PROBE_FLOATS 26
#define V16_PROBE_INTS 32

typedef struct v16_probe_output {
    float f[V16_PROBE_FLOATS][16];
    int32_t i[V16_PROBE_INTS][16];
    uint16_t half[2][16];
    int8_t bytes[16];
} v16_probe_output;

typedef void (*v16_probe_function)(const v16_probe_input *in, v16_probe_output *out);

/* One per variant of variants_list, by its name; NULL for an unknown one. */
v16_probe_function v16_probe_of(const char *variant);

#endif
