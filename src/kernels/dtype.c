/* The table of number formats. Block sizes are those of the GGUF specification (ggml's block structures). */
#include "kernels/dtype.h"
#include "kernels/fp8.h"
#include "kernels/lossless.h"

static const dtype_info infos[DTYPE_LIMIT] = {
    [DTYPE_F32] = {"F32", 1, 4},
    [DTYPE_F16] = {"F16", 1, 2},
    [DTYPE_BF16] = {"BF16", 1, 2},
    [DTYPE_Q4_0] = {"Q4_0", 32, 18},
    [DTYPE_Q4_1] = {"Q4_1", 32, 20},
    [DTYPE_Q5_0] = {"Q5_0", 32, 22},
    [DTYPE_Q5_1] = {"Q5_1", 32, 24},
    [DTYPE_Q8_0] = {"Q8_0", 32, 34},
    [DTYPE_Q2_K] = {"Q2_K", 256, 84},
    [DTYPE_Q3_K] = {"Q3_K", 256, 110},
    [DTYPE_Q4_K] = {"Q4_K", 256, 144},
    [DTYPE_Q5_K] = {"Q5_K", 256, 176},
    [DTYPE_Q6_K] = {"Q6_K", 256, 210},
    [DTYPE_Q8_K] = {"Q8_K", 256, 292},
    [DTYPE_IQ1_S] = {"IQ1_S", 256, 50},
    [DTYPE_IQ1_M] = {"IQ1_M", 256, 56},
    [DTYPE_IQ2_XXS] = {"IQ2_XXS", 256, 66},
    [DTYPE_IQ2_XS] = {"IQ2_XS", 256, 74},
    [DTYPE_IQ2_S] = {"IQ2_S", 256, 82},
    [DTYPE_IQ3_XXS] = {"IQ3_XXS", 256, 98},
    [DTYPE_IQ3_S] = {"IQ3_S", 256, 110},
    [DTYPE_IQ4_NL] = {"IQ4_NL", 32, 18},
    [DTYPE_IQ4_XS] = {"IQ4_XS", 256, 136},
    [DTYPE_TQ1_0] = {"TQ1_0", 256, 54},
    [DTYPE_TQ2_0] = {"TQ2_0", 256, 66},
    [DTYPE_MXFP4] = {"MXFP4", 32, 17},
    [DTYPE_NVFP4] = {"NVFP4", 64, 36},
    [DTYPE_Q1_0] = {"Q1_0", 128, 18},
    [DTYPE_Q2_0] = {"Q2_0", 64, 18},
    [DTYPE_U8] = {"U8", 1, 1},
    [DTYPE_I32] = {"I32", 1, 4},
    [DTYPE_F8_E4M3] = {"F8_E4M3", 1, 1},
    [DTYPE_F8_SCALED] = {"F8_E4M3 with scales", FP8_ROW_VALUES, FP8_ROW_BYTES},
    [DTYPE_BF16_LOSSLESS] = {"BF16 lossless", 1, 2}, /* of its rows */
    [DTYPE_WIDE] = {"wide", 256, 296},
    [DTYPE_WIDE_MIN] = {"wide with minima", 256, 296},
};

const dtype_info *dtype_get_info(uint32_t id)
{
    return id < DTYPE_LIMIT && infos[id].name != 0 ? &infos[id] : 0;
}

const dtype_info *dtype_get_gguf_info(uint32_t id)
{
    return id < DTYPE_GGUF ? dtype_get_info(id) : 0;
}
