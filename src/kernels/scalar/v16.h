/* Sixteen lanes in plain C: the definition of the vocabulary (kernels/v16.h). fmaf is the correctly rounded fused
 * multiply-add of the C library: the one function that a numeric path takes from there. */
#ifndef KERNELS_SCALAR_V16_H
#define KERNELS_SCALAR_V16_H

#include <stdbool.h>

/* Accumulators that a tile may keep in registers: any number is right; a small one leaves less to compile. */
#define V16_TILE 2u

typedef struct v16f {
    float lane[16];
} v16f;
typedef struct v16i {
    int32_t lane[16];
} v16i;
typedef struct v16b {
    uint8_t byte[64];
} v16b;
typedef struct v16m {
    bool lane[16];
} v16m;

/* What is long sixteen times over is called: spread out in every place it took a compiler minutes and was no faster. */
#define V16_CALLED static __attribute__((noinline, unused))

#define V16_LANES for (int i = 0; i < 16; i++)

/* ---- binary32 ---- */

V16_INLINE v16f v16f_load(const float *p)
{
    v16f r;
    memcpy(r.lane, p, sizeof r.lane);
    return r;
}
V16_INLINE void v16f_store(float *p, v16f a)
{
    memcpy(p, a.lane, sizeof a.lane);
}
V16_INLINE v16f v16f_load_n(const float *p, size_t n)
{
    v16f r = {{0}};
    if (n > 0) {
        memcpy(r.lane, p, n * sizeof(float));
    }
    return r;
}
V16_INLINE void v16f_store_n(float *p, v16f a, size_t n)
{
    if (n > 0) {
        memcpy(p, a.lane, n * sizeof(float));
    }
}
V16_INLINE v16f v16f_set1(float x)
{
    v16f r;
    V16_LANES r.lane[i] = x;
    return r;
}
V16_INLINE v16f v16f_zero(void)
{
    return v16f_set1(0.0f);
}
V16_CALLED v16f v16f_fma(v16f a, v16f b, v16f c)
{
    V16_LANES a.lane[i] = __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]);
    return a;
}
V16_CALLED v16f v16f_fnma(v16f a, v16f b, v16f c)
{
    V16_LANES a.lane[i] = __builtin_fmaf(-a.lane[i], b.lane[i], c.lane[i]);
    return a;
}
V16_INLINE v16f v16f_add(v16f a, v16f b)
{
    V16_LANES a.lane[i] += b.lane[i];
    return a;
}
V16_INLINE v16f v16f_sub(v16f a, v16f b)
{
    V16_LANES a.lane[i] -= b.lane[i];
    return a;
}
V16_INLINE v16f v16f_mul(v16f a, v16f b)
{
    V16_LANES a.lane[i] *= b.lane[i];
    return a;
}
V16_INLINE v16f v16f_div(v16f a, v16f b)
{
    V16_LANES a.lane[i] /= b.lane[i];
    return a;
}
V16_INLINE v16f v16f_sqrt(v16f a)
{
    V16_LANES a.lane[i] = __builtin_sqrtf(a.lane[i]);
    return a;
}
V16_INLINE v16f v16f_neg(v16f a)
{
    V16_LANES a.lane[i] = -a.lane[i];
    return a;
}
V16_INLINE v16f v16f_abs(v16f a)
{
    V16_LANES a.lane[i] = __builtin_fabsf(a.lane[i]);
    return a;
}
V16_INLINE v16f v16f_min(v16f a, v16f b)
{
    V16_LANES a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
V16_INLINE v16f v16f_max(v16f a, v16f b)
{
    V16_LANES a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
V16_INLINE v16m v16f_lt(v16f a, v16f b)
{
    v16m r;
    V16_LANES r.lane[i] = a.lane[i] < b.lane[i];
    return r;
}
V16_INLINE v16m v16f_le(v16f a, v16f b)
{
    v16m r;
    V16_LANES r.lane[i] = a.lane[i] <= b.lane[i];
    return r;
}
V16_INLINE v16m v16f_eq(v16f a, v16f b)
{
    v16m r;
    V16_LANES r.lane[i] = a.lane[i] == b.lane[i];
    return r;
}
V16_INLINE v16m v16f_unordered(v16f a, v16f b)
{
    v16m r;
    V16_LANES r.lane[i] = a.lane[i] != a.lane[i] || b.lane[i] != b.lane[i];
    return r;
}
V16_INLINE v16f v16f_select(v16m m, v16f a, v16f b)
{
    V16_LANES a.lane[i] = m.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
V16_INLINE float v16f_fold_add(v16f a)
{
    for (int w = 8; w > 0; w >>= 1) {
        for (int i = 0; i < w; i++) {
            a.lane[i] += a.lane[i + w];
        }
    }
    return a.lane[0];
}
V16_INLINE float v16f_fold_max(v16f a)
{
    for (int w = 8; w > 0; w >>= 1) {
        for (int i = 0; i < w; i++) {
            a.lane[i] = a.lane[i] > a.lane[i + w] ? a.lane[i] : a.lane[i + w];
        }
    }
    return a.lane[0];
}

/* ---- int32 ---- */

V16_INLINE v16i v16i_load(const int32_t *p)
{
    v16i r;
    memcpy(r.lane, p, sizeof r.lane);
    return r;
}
V16_INLINE void v16i_store(int32_t *p, v16i a)
{
    memcpy(p, a.lane, sizeof a.lane);
}
V16_INLINE v16i v16i_set1(int32_t x)
{
    v16i r;
    V16_LANES r.lane[i] = x;
    return r;
}
V16_INLINE v16i v16i_zero(void)
{
    return v16i_set1(0);
}
V16_INLINE v16i v16i_iota(void)
{
    v16i r;
    V16_LANES r.lane[i] = i;
    return r;
}
V16_INLINE v16i v16i_add(v16i a, v16i b)
{
    V16_LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]);
    return a;
}
V16_INLINE v16i v16i_sub(v16i a, v16i b)
{
    V16_LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] - (uint32_t)b.lane[i]);
    return a;
}
V16_INLINE v16i v16i_mul(v16i a, v16i b)
{
    V16_LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] * (uint32_t)b.lane[i]);
    return a;
}
V16_INLINE v16i v16i_and(v16i a, v16i b)
{
    V16_LANES a.lane[i] &= b.lane[i];
    return a;
}
V16_INLINE v16i v16i_or(v16i a, v16i b)
{
    V16_LANES a.lane[i] |= b.lane[i];
    return a;
}
V16_INLINE v16i v16i_xor(v16i a, v16i b)
{
    V16_LANES a.lane[i] ^= b.lane[i];
    return a;
}
V16_INLINE v16i v16i_min(v16i a, v16i b)
{
    V16_LANES a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
V16_INLINE v16i v16i_max(v16i a, v16i b)
{
    V16_LANES a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
V16_INLINE v16i v16i_shl(v16i a, int count)
{
    V16_LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] << count);
    return a;
}
V16_INLINE v16i v16i_shr(v16i a, int count)
{
    V16_LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] >> count);
    return a;
}
V16_INLINE v16i v16i_sar(v16i a, int count)
{
    V16_LANES a.lane[i] >>= count;
    return a;
}
V16_INLINE v16m v16i_eq(v16i a, v16i b)
{
    v16m r;
    V16_LANES r.lane[i] = a.lane[i] == b.lane[i];
    return r;
}
V16_INLINE v16m v16i_gt(v16i a, v16i b)
{
    v16m r;
    V16_LANES r.lane[i] = a.lane[i] > b.lane[i];
    return r;
}
V16_INLINE v16i v16i_select(v16m m, v16i a, v16i b)
{
    V16_LANES a.lane[i] = m.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
/* 16 bytes widened. */
V16_INLINE v16i v16i_load_s8(const int8_t *p)
{
    v16i r;
    V16_LANES r.lane[i] = p[i];
    return r;
}
V16_INLINE v16i v16i_load_u8(const uint8_t *p)
{
    v16i r;
    V16_LANES r.lane[i] = p[i];
    return r;
}
/* Each lane in -128..127. */
V16_INLINE void v16i_store_s8(int8_t *p, v16i a)
{
    V16_LANES p[i] = (int8_t)a.lane[i];
}
V16_INLINE int32_t v16i_fold_max(v16i a)
{
    int32_t most = a.lane[0];
    V16_LANES most = a.lane[i] > most ? a.lane[i] : most;
    return most;
}
V16_INLINE int32_t v16i_sum(v16i a)
{
    uint32_t sum = 0;
    V16_LANES sum += (uint32_t)a.lane[i];
    return (int32_t)sum;
}

/* ---- truth values ---- */

V16_INLINE v16m v16m_and(v16m a, v16m b)
{
    V16_LANES a.lane[i] = a.lane[i] && b.lane[i];
    return a;
}
V16_INLINE v16m v16m_or(v16m a, v16m b)
{
    V16_LANES a.lane[i] = a.lane[i] || b.lane[i];
    return a;
}
/* Bit i is lane i. */
V16_INLINE unsigned v16m_bits(v16m a)
{
    unsigned bits = 0;
    V16_LANES bits |= (unsigned)a.lane[i] << i;
    return bits;
}

/* ---- conversions ---- */

V16_CALLED v16i v16f_to_int(v16f a)
{
    v16i r;
    V16_LANES
    {
        const float x = a.lane[i];
        if (!(x >= -0x1p31f && x < 0x1p31f)) {
            r.lane[i] = INT32_MIN;
            continue;
        }
        const int32_t whole = (int32_t)x; /* toward zero */
        const float rest = x - (float)whole;
        const int32_t away = rest > 0.5f || (rest == 0.5f && (whole & 1))     ? 1
                             : rest < -0.5f || (rest == -0.5f && (whole & 1)) ? -1
                                                                              : 0;
        r.lane[i] = whole + away;
    }
    return r;
}
V16_INLINE v16f v16i_to_float(v16i a)
{
    v16f r;
    V16_LANES r.lane[i] = (float)a.lane[i];
    return r;
}
V16_INLINE v16i v16f_bits(v16f a)
{
    v16i r;
    memcpy(&r, &a, sizeof r);
    return r;
}
V16_INLINE v16f v16i_as_float(v16i a)
{
    v16f r;
    memcpy(&r, &a, sizeof r);
    return r;
}
V16_CALLED v16f v16f_load_f16(const uint16_t *p)
{
    v16f r;
    V16_LANES r.lane[i] = half_f16_to_f32(p[i]);
    return r;
}
V16_CALLED void v16f_store_f16(uint16_t *p, v16f a)
{
    V16_LANES p[i] = half_f16_from_f32(a.lane[i]);
}
V16_INLINE v16f v16f_load_bf16(const uint16_t *p)
{
    v16f r;
    V16_LANES r.lane[i] = half_bf16_to_f32(p[i]);
    return r;
}
V16_INLINE void v16f_store_bf16(uint16_t *p, v16f a)
{
    V16_LANES p[i] = half_bf16_from_f32(a.lane[i]);
}

/* ---- bytes ---- */

V16_INLINE v16b v16b_load(const void *p)
{
    v16b r;
    memcpy(r.byte, p, sizeof r.byte);
    return r;
}
/* The 4 bytes at p in each of the 16 lanes. */
V16_INLINE v16b v16b_set4(const void *p)
{
    v16b r;
    V16_LANES memcpy(r.byte + 4 * i, p, 4);
    return r;
}
V16_INLINE v16i v16i_lookup(const int8_t table[16], v16i index)
{
    V16_LANES
    {
        uint8_t byte[4];
        memcpy(byte, &index.lane[i], 4);
        for (int j = 0; j < 4; j++) {
            byte[j] = (uint8_t)table[byte[j]];
        }
        memcpy(&index.lane[i], byte, 4);
    }
    return index;
}
V16_INLINE v16i v16i_dot4_s8s8(v16i acc, v16b a, v16b b)
{
    V16_LANES
    {
        for (int j = 0; j < 4; j++) {
            acc.lane[i] += (int8_t)a.byte[4 * i + j] * (int8_t)b.byte[4 * i + j];
        }
    }
    return acc;
}
V16_INLINE v16i v16i_dot4_u8s8(v16i acc, v16b a, v16b b)
{
    V16_LANES
    {
        for (int j = 0; j < 4; j++) {
            acc.lane[i] += a.byte[4 * i + j] * (int8_t)b.byte[4 * i + j];
        }
    }
    return acc;
}

/* ---- subnormals as zeros: there is no such mode in C ---- */

enum { V16_REGISTERS = 8 };

typedef int v16_flush_state;

V16_INLINE v16_flush_state v16_flush_begin(void)
{
    return 0;
}
V16_INLINE bool v16_flush_end(v16_flush_state before)
{
    (void)before;
    return false;
}

#undef V16_CALLED
#undef V16_LANES

#endif
