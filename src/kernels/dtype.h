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
    DTYPE_Q4_K = 12,
    DTYPE_Q5_K = 13,
    DTYPE_Q6_K = 14,
    DTYPE_IQ4_NL = 20,
    DTYPE_BF16 = 30,
    DTYPE_LIMIT = 48, /* table size */
} dtype;

typedef struct dtype_info {
    const char *name;      /* "Q4_K", as GGUF tools print it; NULL for an unknown id */
    uint32_t block_values; /* values per block along k */
    uint32_t block_bytes;  /* bytes per block in the file's row layout */
} dtype_info;

/* NULL for an unknown id. */
const dtype_info *dtype_get_info(uint32_t id);

/* How a product is computed: chosen by the user, printed, never silent. */
typedef enum compute {
    COMPUTE_NATIVE, /* the format's fast rule: integer dot products, bf16 pairs */
    COMPUTE_F32,    /* exactly dequantised weights times binary32 activations, one fma chain */
} compute;

#endif
