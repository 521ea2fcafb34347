/* Elementary functions on sixteen lanes: one definition for every instruction set, over + - * / sqrt fma and integer
 * shifts. The polynomials are minimax fits (Remez, relative error in the margin), rounded to binary32. Errors, measured
 * by tests/kernels against binary64, are in docs/numerics.md. */
#ifndef KERNELS_V16_MATH_H
#define KERNELS_V16_MATH_H

#include "kernels/kernels.h"
#include "kernels/v16.h"

#include <math.h>

#define V16_EXP_MOST 2u

/* The exponentials of `count` vectors (V16_EXP_MOST at most) in their place, step by step side by side: one vector's
 * chain of operations is longer than what a core looks ahead.
 * x = n ln 2 + r, |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 P(r), |error| < 2^-28; then times 2^n in two exact steps, so
 * that only the last one rounds when the result is subnormal. The clamps keep n small, and let a NaN through. */
V16_INLINE void v16_exp_of(v16f *x, const unsigned count)
{
    v16i n[V16_EXP_MOST];
    v16f r[V16_EXP_MOST];
    v16f p[V16_EXP_MOST];
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        x[i] = v16f_min(v16f_set1(89.0f), v16f_max(v16f_set1(-104.0f), x[i]));
        n[i] = v16f_to_int(v16f_mul(x[i], v16f_set1(0x1.715476p+0f)));
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        const v16f whole = v16i_to_float(n[i]);
        r[i] = v16f_fnma(whole, v16f_set1(0x1.62e430p-1f), x[i]);
        r[i] = v16f_fnma(whole, v16f_set1(-0x1.05c610p-29f), r[i]);
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        p[i] = v16f_fma(v16f_set1(0x1.6db5bap-10f), r[i], v16f_set1(0x1.123c78p-7f));
        p[i] = v16f_fma(p[i], r[i], v16f_set1(0x1.55545cp-5f));
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        p[i] = v16f_fma(p[i], r[i], v16f_set1(0x1.55548ep-3f));
        p[i] = v16f_fma(p[i], r[i], v16f_set1(0x1p-1f));
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        p[i] = v16f_fma(v16f_mul(r[i], r[i]), p[i], r[i]);
        p[i] = v16f_add(p[i], v16f_set1(1.0f));
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        const v16i half = v16i_sar(n[i], 1);
        const v16i bias = v16i_set1(127);
        const v16f by_half = v16i_as_float(v16i_shl(v16i_add(half, bias), 23));
        const v16f by_rest = v16i_as_float(v16i_shl(v16i_add(v16i_sub(n[i], half), bias), 23));
        x[i] = v16f_mul(v16f_mul(p[i], by_half), by_rest);
    }
}

V16_INLINE v16f v16_exp(v16f x)
{
    v16_exp_of(&x, 1);
    return x;
}

/* x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = f - f^2 / 2 + f^3 P(f), |error| < 2^-30 f^2. */
V16_INLINE v16f v16_log(v16f x)
{
    const v16m tiny = v16f_lt(x, v16f_set1(0x1p-126f));
    const v16f scaled = v16f_select(tiny, v16f_mul(x, v16f_set1(0x1p24f)), x);
    const v16i bits = v16f_bits(scaled);
    const v16i above = v16i_sub(bits, v16i_set1(0x3F3504F3)); /* the bits of sqrt(1/2) */
    const v16i exponent = v16i_sar(above, 23);
    const v16f f = v16f_sub(v16i_as_float(v16i_sub(bits, v16i_shl(exponent, 23))), v16f_set1(1.0f));
    const v16i shift = v16i_select(tiny, v16i_set1(24), v16i_zero());
    const v16f e = v16i_to_float(v16i_sub(exponent, shift));
    v16f p = v16f_set1(0x1.1b410ap-4f);
    p = v16f_fma(p, f, v16f_set1(-0x1.e2e85ep-4f));
    p = v16f_fma(p, f, v16f_set1(0x1.e650b2p-4f));
    p = v16f_fma(p, f, v16f_set1(-0x1.fb4368p-4f));
    p = v16f_fma(p, f, v16f_set1(0x1.2332c4p-3f));
    p = v16f_fma(p, f, v16f_set1(-0x1.5562e2p-3f));
    p = v16f_fma(p, f, v16f_set1(0x1.99a546p-3f));
    p = v16f_fma(p, f, v16f_set1(-0x1.ffffeep-3f));
    p = v16f_fma(p, f, v16f_set1(0x1.555546p-2f));
    const v16f square = v16f_mul(f, f);
    v16f y = v16f_mul(v16f_mul(square, f), p);
    y = v16f_fma(e, v16f_set1(0x1.7f7d1cp-20f), y);
    y = v16f_fnma(v16f_set1(0.5f), square, y);
    v16f result = v16f_fma(e, v16f_set1(0x1.62e4p-1f), v16f_add(f, y));
    result = v16f_select(v16f_eq(x, v16f_zero()), v16f_set1(-INFINITY), result);
    result = v16f_select(v16f_eq(x, v16f_set1(INFINITY)), x, result);
    const v16m invalid = v16m_or(v16f_lt(x, v16f_zero()), v16f_unordered(x, x));
    return v16f_select(invalid, v16f_set1(NAN), result);
}

/* Beyond this the three-part reduction loses bits, and lanes are computed one by one in binary64. */
#define V16_TRIG_LIMIT 32768.0f

/* sin(x + quadrant * pi / 2), |x| <= V16_TRIG_LIMIT. x = n pi / 2 + r, |r| <= pi / 4 and a little;
 * sin(r) = r + r^3 S(r^2), cos(r) = 1 - r^2 / 2 + r^4 C(r^2), |error| < 2^-37. */
V16_INLINE v16f v16_sin_reduced(v16f x, int quadrant)
{
    const v16i n = v16f_to_int(v16f_mul(x, v16f_set1(0x1.45f306p-1f)));
    const v16f whole = v16i_to_float(n);
    v16f r = v16f_fnma(whole, v16f_set1(0x1.921fb6p+0f), x);
    r = v16f_fnma(whole, v16f_set1(-0x1.777a5cp-25f), r);
    r = v16f_fnma(whole, v16f_set1(-0x1.ee59dap-50f), r);
    const v16f z = v16f_mul(r, r);
    v16f s = v16f_set1(0x1.6cd5ecp-19f);
    s = v16f_fma(s, z, v16f_set1(-0x1.a00f94p-13f));
    s = v16f_fma(s, z, v16f_set1(0x1.111108p-7f));
    s = v16f_fma(s, z, v16f_set1(-0x1.555556p-3f));
    s = v16f_fma(v16f_mul(z, r), s, r);
    s = v16f_select(v16f_lt(v16f_abs(x), v16f_set1(0x1p-13f)), x, s); /* keeps -0 */
    v16f c = v16f_set1(-0x1.24290ap-22f);
    c = v16f_fma(c, z, v16f_set1(0x1.a01118p-16f));
    c = v16f_fma(c, z, v16f_set1(-0x1.6c16b8p-10f));
    c = v16f_fma(c, z, v16f_set1(0x1.555556p-5f));
    c = v16f_fma(v16f_mul(z, z), c, v16f_fnma(v16f_set1(0.5f), z, v16f_set1(1.0f)));
    const v16i turn = v16i_add(n, v16i_set1(quadrant));
    const v16m odd = v16i_eq(v16i_and(turn, v16i_set1(1)), v16i_set1(1));
    const v16i sign = v16i_shl(v16i_and(turn, v16i_set1(2)), 30);
    return v16i_as_float(v16i_xor(v16f_bits(v16f_select(odd, c, s)), sign));
}

V16_INLINE v16f v16_trig(v16f x, int quadrant)
{
    const v16m near_zero = v16f_le(v16f_abs(x), v16f_set1(V16_TRIG_LIMIT));
    const v16f result = v16_sin_reduced(x, quadrant);
    const unsigned far = ~v16m_bits(near_zero) & 0xFFFFu;
    if (far == 0) {
        return result;
    }
    float in[16];
    float out[16];
    v16f_store(in, x);
    v16f_store(out, result);
    for (unsigned i = 0; i < 16; i++) {
        if (far >> i & 1u) {
            out[i] = (float)(quadrant == 0 ? math64_sin((double)in[i]) : math64_cos((double)in[i]));
        }
    }
    return v16f_load(out);
}

V16_INLINE v16f v16_sin(v16f x)
{
    return v16_trig(x, 0);
}

V16_INLINE v16f v16_cos(v16f x)
{
    return v16_trig(x, 1);
}

/* |x| < 0.625: x + x^3 T(x^2), |error| < 2^-32; else 1 - 2 / (exp(2 |x|) + 1) with x's sign. */
V16_INLINE v16f v16_tanh(v16f x)
{
    const v16f size = v16f_abs(x);
    const v16f z = v16f_mul(x, x);
    v16f t = v16f_set1(0x1.12f3c4p-9f);
    t = v16f_fma(t, z, v16f_set1(-0x1.0a5efap-7f));
    t = v16f_fma(t, z, v16f_set1(0x1.633b66p-6f));
    t = v16f_fma(t, z, v16f_set1(-0x1.b9e782p-5f));
    t = v16f_fma(t, z, v16f_set1(0x1.111044p-3f));
    t = v16f_fma(t, z, v16f_set1(-0x1.555554p-2f));
    t = v16f_fma(v16f_mul(z, x), t, x);
    t = v16f_select(v16f_lt(size, v16f_set1(0x1p-13f)), x, t); /* keeps -0 */
    const v16f one = v16f_set1(1.0f);
    const v16f e = v16_exp(v16f_add(size, size));
    const v16f large = v16f_sub(one, v16f_div(v16f_set1(2.0f), v16f_add(e, one)));
    const v16i sign = v16i_and(v16f_bits(x), v16i_set1(INT32_MIN));
    const v16f signed_large = v16i_as_float(v16i_or(v16f_bits(large), sign));
    return v16f_select(v16f_lt(size, v16f_set1(0.625f)), t, signed_large);
}

/* |x| < 0.92: x + x P(x^2), |error| < 2^-31; else 1 - exp(|x| Q(|x|)) with x's sign, |error| < 2^-32; 1 from 4 on. */
V16_INLINE v16f v16_erf(v16f x)
{
    const v16f size = v16f_abs(x);
    const v16f z = v16f_mul(x, x);
    v16f p = v16f_set1(0x1.5d8eb4p-14f);
    p = v16f_fma(p, z, v16f_set1(-0x1.aa76dap-11f));
    p = v16f_fma(p, z, v16f_set1(0x1.54ce2ap-8f));
    p = v16f_fma(p, z, v16f_set1(-0x1.b80f34p-6f));
    p = v16f_fma(p, z, v16f_set1(0x1.ce2e10p-4f));
    p = v16f_fma(p, z, v16f_set1(-0x1.812742p-2f));
    p = v16f_fma(p, z, v16f_set1(0x1.06eba8p-3f));
    p = v16f_fma(p, x, x);
    const v16f t = v16f_min(v16f_set1(4.0f), size);
    v16f q = v16f_set1(-0x1.4b65e6p-18f);
    q = v16f_fma(q, t, v16f_set1(0x1.7e5ce2p-15f));
    q = v16f_fma(q, t, v16f_set1(0x1.9ff69cp-15f));
    q = v16f_fma(q, t, v16f_set1(-0x1.800fc4p-9f));
    q = v16f_fma(q, t, v16f_set1(0x1.737e3ap-6f));
    q = v16f_fma(q, t, v16f_set1(-0x1.af27f0p-4f));
    q = v16f_fma(q, t, v16f_set1(-0x1.4570aep-1f));
    q = v16f_fma(q, t, v16f_set1(-0x1.20e8c4p+0f));
    const v16f large = v16f_sub(v16f_set1(1.0f), v16_exp(v16f_mul(q, t)));
    const v16i sign = v16i_and(v16f_bits(x), v16i_set1(INT32_MIN));
    const v16f signed_large = v16i_as_float(v16i_or(v16f_bits(large), sign));
    const v16f result = v16f_select(v16f_lt(size, v16f_set1(0.92f)), p, signed_large);
    return v16f_select(v16f_unordered(x, x), x, result);
}

#endif
