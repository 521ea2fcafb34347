/* Which activation a product takes, and how large it is. The layouts are in activation.h. */
#include "kernels/activation.h"

#include "kernels/fp8.h"
#include "kernels/kernels.h"
#include "kernels/lossless.h"
#include "kernels/panel.h"

activation_kind activation_for(dtype type, compute how)
{
    type = panel_layout(type);
    if (how == COMPUTE_F32 || type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_F8_SCALED) {
        return ACTIVATION_F32;
    }
    return type == DTYPE_BF16 || type == DTYPE_BF16_LOSSLESS ? ACTIVATION_BF16 : ACTIVATION_Q8;
}

size_t activation_bytes(activation_kind kind, size_t tokens, size_t k)
{
    if (kind == ACTIVATION_Q8) {
        return tokens * (k / ACTIVATION_Q8_VALUES) * sizeof(activation_q8);
    }
    return tokens * activation_row_floats(k) * sizeof(float);
}
