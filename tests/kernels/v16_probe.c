/* Applies the vocabulary; compiled once per instruction set. */
#include "kernels/v16.h"
#include "kernels/v16_probe.h"

void V16_NAME(v16_probe)(const v16_probe_input *in, v16_probe_output *out);

static void probe_floats(const v16_probe_input *in, v16_probe_output *out)
{
    const v16f a = v16f_load(in->a);
    const v16f b = v16f_load(in->b);
    const v16f c = v16f_load(in->c);
    float(*f)[16] = out->f;
    v16f_store(f[0], a);
    v16f_store(f[1], v16f_load_n(in->a, in->n));
    v16f_store_n(f[2], a, in->n);
    v16f_store(f[3], v16f_set1(in->a[3]));
    v16f_store(f[4], v16f_fma(a, b, c));
    v16f_store(f[5], v16f_fnma(a, b, c));
    v16f_store(f[6], v16f_add(a, b));
    v16f_store(f[7], v16f_sub(a, b));
    v16f_store(f[8], v16f_mul(a, b));
    v16f_store(f[9], v16f_div(a, b));
    v16f_store(f[10], v16f_sqrt(a));
    v16f_store(f[11], v16f_min(a, b));
    v16f_store(f[12], v16f_max(a, b));
    v16f_store(f[13], v16f_neg(a));
    v16f_store(f[14], v16f_abs(a));
    v16f_store(f[15], v16f_select(v16f_lt(a, b), a, c));
    v16f_store(f[16], v16f_select(v16f_le(a, b), a, c));
    v16f_store(f[17], v16f_select(v16f_eq(a, b), a, c));
    v16f_store(f[18], v16f_select(v16f_unordered(a, b), a, c));
    v16f_store(f[19], v16i_to_float(v16i_load(in->i)));
    v16f_store(f[20], v16i_as_float(v16i_load(in->i)));
    v16f_store(f[21], v16f_load_f16(in->half));
    v16f_store(f[22], v16f_load_bf16(in->half));
    v16f_store(f[23], v16f_round_bf16(a));
    v16f_store(f[24], v16f_zero());
    f[25][0] = v16f_fold_add(a);
    f[25][1] = v16f_fold_max(a);
}

static void probe_ints(const v16_probe_input *in, v16_probe_output *out)
{
    const v16f a = v16f_load(in->a);
    const v16f b = v16f_load(in->b);
    const v16i i = v16i_load(in->i);
    const v16i j = v16i_load(in->j);
    int32_t(*o)[16] = out->i;
    v16i_store(o[0], v16f_to_int(a));
    v16i_store(o[1], v16f_bits(a));
    v16i_store(o[2], v16i_set1(in->i[2]));
    v16i_store(o[3], v16i_add(i, j));
    v16i_store(o[4], v16i_sub(i, j));
    v16i_store(o[5], v16i_mul(i, j));
    v16i_store(o[6], v16i_and(i, j));
    v16i_store(o[7], v16i_or(i, j));
    v16i_store(o[8], v16i_xor(i, j));
    v16i_store(o[9], v16i_min(i, j));
    v16i_store(o[10], v16i_max(i, j));
    v16i_store(o[11], v16i_shl(i, in->shift));
    v16i_store(o[12], v16i_shr(i, in->shift));
    v16i_store(o[13], v16i_sar(i, in->shift));
    v16i_store(o[14], v16i_select(v16i_eq(i, j), i, v16i_zero()));
    v16i_store(o[15], v16i_select(v16i_gt(i, j), i, j));
    v16i_store(o[16], v16i_load_s8(in->wide));
    v16i_store(o[17], v16i_load_u8(in->bytes));
    v16i_store(o[18], v16i_iota());
    v16i_store(o[19], v16i_select(v16m_and(v16f_lt(a, b), v16i_gt(i, j)), i, j));
    v16i_store(o[20], v16i_select(v16m_or(v16f_lt(a, b), v16i_gt(i, j)), i, j));
    v16i_store(o[21], v16i_dot4_s8s8(i, v16b_load(in->wide), v16b_load(in->narrow)));
    v16i_store(o[22], v16i_dot4_u8s8(j, v16b_load(in->bytes), v16b_load(in->narrow)));
    v16i_store(o[23], v16i_dot4_s8s8(j, v16b_load(in->wide), v16b_set4(in->narrow + 8)));
    v16i_store(o[25], v16i_lookup(in->wide, v16i_and(i, v16i_set1(0x0F0F0F0F))));
    o[24][0] = v16i_sum(i);
    o[24][1] = v16i_fold_max(i);
    o[24][2] = (int32_t)v16m_bits(v16f_lt(a, b));
    o[24][3] = (int32_t)v16m_bits(v16i_gt(i, j));
    v16f_store_f16(out->half[0], a);
    v16f_store_bf16(out->half[1], a);
    v16i_store_s8(out->bytes, v16i_load_s8(in->wide));
}

void V16_NAME(v16_probe)(const v16_probe_input *in, v16_probe_output *out)
{
    memset(out, 0, sizeof *out);
    probe_floats(in, out);
    probe_ints(in, out);
}
