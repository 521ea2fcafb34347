/* The number formats, and how many values and bytes a block of each has. Values equal ggml's type ids,
 * so a GGUF file's number is one of these or is refused. Formulas: docs/formats/number-formats.md. */
#ifndef KERNELS_DTYPE_H
#define KERNELS_DTYPE_H

#include <stddef.h>
#include <stdint.h>

typedef enum dtype {
    DTYPE_F32 = 0,
    DTYPE_F16 = 1,
    DTYPE_Q4_0 = 2,
    DTYPE_Q4_1 = 3,
    DTYPE_Q5_0 = 6,
    DTYPE_Q5_1 = 7,
    DTYPE_Q8_0 = 8,
    DTYPE_Q2_K = 10,
    DTYPE_Q3_K = 11,
    DTYPE_Q4_K = 12,
    DTYPE_Q5_K = 13,
    DTYPE_Q6_K = 14,
    DTYPE_Q8_K = 15,
    DTYPE_IQ2_XXS = 16,
    DTYPE_IQ2_XS = 17,
    DTYPE_IQ3_XXS = 18,
    DTYPE_IQ1_S = 19,
    DTYPE_IQ4_NL = 20,
    DTYPE_IQ3_S = 21,
    DTYPE_IQ2_S = 22,
    DTYPE_IQ4_XS = 23,
    DTYPE_IQ1_M = 29,
    DTYPE_BF16 = 30,
    DTYPE_TQ1_0 = 34,
    DTYPE_TQ2_0 = 35,
    DTYPE_MXFP4 = 39,
    DTYPE_NVFP4 = 40,
    DTYPE_Q1_0 = 41,
    DTYPE_Q2_0 = 42,
    DTYPE_GGUF = 43, /* of safetensors alone, and no weight by itself: model/weights_stored.h */
    DTYPE_U8 = 43,
    DTYPE_I32 = 44,
    DTYPE_F8_E4M3 = 45,
    DTYPE_F8_SCALED = 46,     /* in memory alone: kernels/fp8.h */
    DTYPE_BF16_LOSSLESS = 47, /* in memory, and under a number of its own in GGUF: kernels/lossless.h */
    DTYPE_FILES = 48,         /* no file has what follows: layouts in memory alone (kernels/quantized.h) */
    DTYPE_WIDE = 48,
    DTYPE_WIDE_MIN = 49,
    DTYPE_LIMIT = 50, /* table size */
} dtype;

typedef struct dtype_info {
    const char *name;      /* "Q4_K", as GGUF tools print it; NULL for an unknown id */
    uint32_t block_values; /* values per block along k */
    uint32_t block_bytes;  /* bytes per block in the file's row layout */
} dtype_info;

/* NULL for an unknown id. */
const dtype_info *dtype_get_info(uint32_t id);
/* NULL also for what GGUF files have not. */
const dtype_info *dtype_get_gguf_info(uint32_t id);

/* How a product is computed: chosen by the user, printed, never silent. */
typedef enum compute {
    COMPUTE_NATIVE, /* the format's fast rule: integer dot products, bf16 pairs */
    COMPUTE_F32,    /* exactly dequantised weights times binary32 activations, one fma chain */
} compute;

#endif
