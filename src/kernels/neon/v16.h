/* Sixteen lanes as four Q registers (aarch64 Advanced SIMD). */
#ifndef KERNELS_NEON_V16_H
#define KERNELS_NEON_V16_H

#include <arm_neon.h>

/* Accumulators that a tile may keep in registers: 24 of 32 registers. */
#define V16_TILE 6u

typedef struct v16f {
    float32x4_t a, b, c, d;
} v16f;
typedef struct v16i {
    int32x4_t a, b, c, d;
} v16i;
typedef struct v16b {
    int8x16_t a, b, c, d;
} v16b;
typedef struct v16m {
    uint32x4_t a, b, c, d; /* all bits of a lane set, or none */
} v16m;

/* An operation on each quarter. */
#define V16_EACH1(type, f, x) ((type){f((x).a), f((x).b), f((x).c), f((x).d)})
#define V16_EACH2(type, f, x, y) ((type){f((x).a, (y).a), f((x).b, (y).b), f((x).c, (y).c), f((x).d, (y).d)})
#define V16_EACH3(type, f, x, y, z)                                                                                    \
    ((type){f((x).a, (y).a, (z).a), f((x).b, (y).b, (z).b), f((x).c, (y).c, (z).c), f((x).d, (y).d, (z).d)})

/* ---- binary32 ---- */

V16_INLINE v16f v16f_load(const float *p)
{
    return (v16f){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
V16_INLINE void v16f_store(float *p, v16f x)
{
    vst1q_f32(p, x.a);
    vst1q_f32(p + 4, x.b);
    vst1q_f32(p + 8, x.c);
    vst1q_f32(p + 12, x.d);
}
V16_INLINE v16f v16f_load_n(const float *p, size_t n)
{
    float lanes[16] = {0};
    for (size_t i = 0; i < n; i++) {
        lanes[i] = p[i];
    }
    return v16f_load(lanes);
}
V16_INLINE void v16f_store_n(float *p, v16f x, size_t n)
{
    float lanes[16];
    v16f_store(lanes, x);
    for (size_t i = 0; i < n; i++) {
        p[i] = lanes[i];
    }
}
V16_INLINE v16f v16f_set1(float x)
{
    return (v16f){vdupq_n_f32(x), vdupq_n_f32(x), vdupq_n_f32(x), vdupq_n_f32(x)};
}
V16_INLINE v16f v16f_zero(void)
{
    return v16f_set1(0.0f);
}
V16_INLINE v16f v16f_fma(v16f x, v16f y, v16f z)
{
    return V16_EACH3(v16f, vfmaq_f32, z, x, y);
}
V16_INLINE v16f v16f_fnma(v16f x, v16f y, v16f z)
{
    return V16_EACH3(v16f, vfmsq_f32, z, x, y);
}
V16_INLINE v16f v16f_add(v16f x, v16f y)
{
    return V16_EACH2(v16f, vaddq_f32, x, y);
}
V16_INLINE v16f v16f_sub(v16f x, v16f y)
{
    return V16_EACH2(v16f, vsubq_f32, x, y);
}
V16_INLINE v16f v16f_mul(v16f x, v16f y)
{
    return V16_EACH2(v16f, vmulq_f32, x, y);
}
V16_INLINE v16f v16f_div(v16f x, v16f y)
{
    return V16_EACH2(v16f, vdivq_f32, x, y);
}
V16_INLINE v16f v16f_sqrt(v16f x)
{
    return V16_EACH1(v16f, vsqrtq_f32, x);
}
V16_INLINE v16f v16f_neg(v16f x)
{
    return V16_EACH1(v16f, vnegq_f32, x);
}
V16_INLINE v16f v16f_abs(v16f x)
{
    return V16_EACH1(v16f, vabsq_f32, x);
}
V16_INLINE v16m v16f_lt(v16f x, v16f y)
{
    return V16_EACH2(v16m, vcltq_f32, x, y);
}
V16_INLINE v16m v16f_le(v16f x, v16f y)
{
    return V16_EACH2(v16m, vcleq_f32, x, y);
}
V16_INLINE v16m v16f_eq(v16f x, v16f y)
{
    return V16_EACH2(v16m, vceqq_f32, x, y);
}
V16_INLINE v16m v16f_unordered(v16f x, v16f y)
{
    const v16m x_equal = v16f_eq(x, x);
    const v16m y_equal = v16f_eq(y, y);
    const v16m both = V16_EACH2(v16m, vandq_u32, x_equal, y_equal);
    return V16_EACH1(v16m, vmvnq_u32, both);
}
V16_INLINE v16f v16f_select(v16m m, v16f x, v16f y)
{
    return V16_EACH3(v16f, vbslq_f32, m, x, y);
}
V16_INLINE v16f v16f_min(v16f x, v16f y)
{
    return v16f_select(v16f_lt(x, y), x, y);
}
V16_INLINE v16f v16f_max(v16f x, v16f y)
{
    return v16f_select(v16f_lt(y, x), x, y);
}
V16_INLINE float v16f_fold_add(v16f x)
{
    const float32x4_t four = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
V16_INLINE float32x4_t v16_neon_max(float32x4_t x, float32x4_t y)
{
    return vbslq_f32(vcgtq_f32(x, y), x, y);
}
V16_INLINE float v16f_fold_max(v16f x)
{
    const float32x4_t four = v16_neon_max(v16_neon_max(x.a, x.c), v16_neon_max(x.b, x.d));
    const float32x4_t two = v16_neon_max(four, vextq_f32(four, four, 2));
    return vgetq_lane_f32(v16_neon_max(two, vextq_f32(two, two, 1)), 0);
}

/* ---- int32 ---- */

V16_INLINE v16i v16i_load(const int32_t *p)
{
    return (v16i){vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)};
}
V16_INLINE void v16i_store(int32_t *p, v16i x)
{
    vst1q_s32(p, x.a);
    vst1q_s32(p + 4, x.b);
    vst1q_s32(p + 8, x.c);
    vst1q_s32(p + 12, x.d);
}
V16_INLINE v16i v16i_set1(int32_t x)
{
    return (v16i){vdupq_n_s32(x), vdupq_n_s32(x), vdupq_n_s32(x), vdupq_n_s32(x)};
}
V16_INLINE v16i v16i_zero(void)
{
    return v16i_set1(0);
}
V16_INLINE v16i v16i_iota(void)
{
    static const int32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v16i_load(lanes);
}
V16_INLINE v16i v16i_add(v16i x, v16i y)
{
    return V16_EACH2(v16i, vaddq_s32, x, y);
}
V16_INLINE v16i v16i_sub(v16i x, v16i y)
{
    return V16_EACH2(v16i, vsubq_s32, x, y);
}
V16_INLINE v16i v16i_mul(v16i x, v16i y)
{
    return V16_EACH2(v16i, vmulq_s32, x, y);
}
V16_INLINE v16i v16i_and(v16i x, v16i y)
{
    return V16_EACH2(v16i, vandq_s32, x, y);
}
V16_INLINE v16i v16i_or(v16i x, v16i y)
{
    return V16_EACH2(v16i, vorrq_s32, x, y);
}
V16_INLINE v16i v16i_xor(v16i x, v16i y)
{
    return V16_EACH2(v16i, veorq_s32, x, y);
}
V16_INLINE v16i v16i_min(v16i x, v16i y)
{
    return V16_EACH2(v16i, vminq_s32, x, y);
}
V16_INLINE v16i v16i_max(v16i x, v16i y)
{
    return V16_EACH2(v16i, vmaxq_s32, x, y);
}
V16_INLINE v16i v16i_shl(v16i x, int count)
{
    const v16i by = v16i_set1(count);
    return V16_EACH2(v16i, vshlq_s32, x, by);
}
V16_INLINE int32x4_t v16_neon_shr(int32x4_t x, int32x4_t by)
{
    return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(x), by));
}
V16_INLINE v16i v16i_shr(v16i x, int count)
{
    const v16i by = v16i_set1(-count);
    return V16_EACH2(v16i, v16_neon_shr, x, by);
}
V16_INLINE v16i v16i_sar(v16i x, int count)
{
    const v16i by = v16i_set1(-count);
    return V16_EACH2(v16i, vshlq_s32, x, by);
}
V16_INLINE v16m v16i_eq(v16i x, v16i y)
{
    return V16_EACH2(v16m, vceqq_s32, x, y);
}
V16_INLINE v16m v16i_gt(v16i x, v16i y)
{
    return V16_EACH2(v16m, vcgtq_s32, x, y);
}
V16_INLINE v16i v16i_select(v16m m, v16i x, v16i y)
{
    return V16_EACH3(v16i, vbslq_s32, m, x, y);
}
V16_INLINE v16i v16i_load_s8(const int8_t *p)
{
    const int8x16_t bytes = vld1q_s8(p);
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
    const int16x8_t high = vmovl_s8(vget_high_s8(bytes));
    return (v16i){vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)),
                  vmovl_s16(vget_high_s16(high))};
}
V16_INLINE v16i v16i_load_u8(const uint8_t *p)
{
    const uint8x16_t bytes = vld1q_u8(p);
    const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
    const int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
    return (v16i){vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)),
                  vmovl_s16(vget_high_s16(high))};
}
V16_INLINE void v16i_store_s8(int8_t *p, v16i x)
{
    const int16x8_t low = vcombine_s16(vmovn_s32(x.a), vmovn_s32(x.b));
    const int16x8_t high = vcombine_s16(vmovn_s32(x.c), vmovn_s32(x.d));
    vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}
V16_INLINE int32_t v16i_fold_max(v16i x)
{
    return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.a, x.b), vmaxq_s32(x.c, x.d)));
}
V16_INLINE int32_t v16i_sum(v16i x)
{
    return vaddvq_s32(vaddq_s32(vaddq_s32(x.a, x.b), vaddq_s32(x.c, x.d)));
}

/* ---- truth values ---- */

V16_INLINE v16m v16m_and(v16m x, v16m y)
{
    return V16_EACH2(v16m, vandq_u32, x, y);
}
V16_INLINE v16m v16m_or(v16m x, v16m y)
{
    return V16_EACH2(v16m, vorrq_u32, x, y);
}
V16_INLINE unsigned v16m_bits(v16m x)
{
    static const uint32_t weights[4] = {1, 2, 4, 8};
    const uint32x4_t w = vld1q_u32(weights);
    return vaddvq_u32(vandq_u32(x.a, w)) | vaddvq_u32(vandq_u32(x.b, w)) << 4 | vaddvq_u32(vandq_u32(x.c, w)) << 8 |
           vaddvq_u32(vandq_u32(x.d, w)) << 12;
}

/* ---- conversions ---- */

V16_INLINE int32x4_t v16_neon_to_int(float32x4_t x)
{
    const uint32x4_t fits = vandq_u32(vcgeq_f32(x, vdupq_n_f32(-0x1p31f)), vcltq_f32(x, vdupq_n_f32(0x1p31f)));
    return vbslq_s32(fits, vcvtnq_s32_f32(x), vdupq_n_s32(INT32_MIN));
}
V16_INLINE v16i v16f_to_int(v16f x)
{
    return V16_EACH1(v16i, v16_neon_to_int, x);
}
V16_INLINE v16f v16i_to_float(v16i x)
{
    return V16_EACH1(v16f, vcvtq_f32_s32, x);
}
V16_INLINE v16i v16f_bits(v16f x)
{
    return V16_EACH1(v16i, vreinterpretq_s32_f32, x);
}
V16_INLINE v16f v16i_as_float(v16i x)
{
    return V16_EACH1(v16f, vreinterpretq_f32_s32, x);
}
V16_INLINE float32x4_t v16_neon_load_f16(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
V16_INLINE v16f v16f_load_f16(const uint16_t *p)
{
    return (v16f){v16_neon_load_f16(p), v16_neon_load_f16(p + 4), v16_neon_load_f16(p + 8), v16_neon_load_f16(p + 12)};
}
V16_INLINE void v16f_store_f16(uint16_t *p, v16f x)
{
    vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x.a)));
    vst1_u16(p + 4, vreinterpret_u16_f16(vcvt_f16_f32(x.b)));
    vst1_u16(p + 8, vreinterpret_u16_f16(vcvt_f16_f32(x.c)));
    vst1_u16(p + 12, vreinterpret_u16_f16(vcvt_f16_f32(x.d)));
}
V16_INLINE float32x4_t v16_neon_load_bf16(const uint16_t *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
V16_INLINE v16f v16f_load_bf16(const uint16_t *p)
{
    return (v16f){v16_neon_load_bf16(p), v16_neon_load_bf16(p + 4), v16_neon_load_bf16(p + 8),
                  v16_neon_load_bf16(p + 12)};
}
V16_INLINE void v16_neon_store_bf16(uint16_t *p, float32x4_t x)
{
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7FFF)), odd);
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    vst1_u16(p, vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet), 16));
}
V16_INLINE void v16f_store_bf16(uint16_t *p, v16f x)
{
    v16_neon_store_bf16(p, x.a);
    v16_neon_store_bf16(p + 4, x.b);
    v16_neon_store_bf16(p + 8, x.c);
    v16_neon_store_bf16(p + 12, x.d);
}

/* ---- bytes ---- */

V16_INLINE v16b v16b_load(const void *p)
{
    const int8_t *bytes = p;
    return (v16b){vld1q_s8(bytes), vld1q_s8(bytes + 16), vld1q_s8(bytes + 32), vld1q_s8(bytes + 48)};
}
V16_INLINE v16b v16b_set4(const void *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    const int8x16_t all = vreinterpretq_s8_s32(vdupq_n_s32(four));
    return (v16b){all, all, all, all};
}
V16_INLINE int32x4_t v16_neon_dot4(int32x4_t acc, int8x16_t x, int8x16_t y)
{
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(acc, x, y);
#else
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(y));
    const int16x8_t high = vmull_s8(vget_high_s8(x), vget_high_s8(y));
    return vaddq_s32(acc, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}
V16_INLINE int32x4_t v16_neon_lookup(int8x16_t table, int32x4_t index)
{
    return vreinterpretq_s32_s8(vqtbl1q_s8(table, vreinterpretq_u8_s32(index)));
}
V16_INLINE v16i v16i_lookup(const int8_t table[16], v16i index)
{
    const int8x16_t t = vld1q_s8(table);
    return (v16i){v16_neon_lookup(t, index.a), v16_neon_lookup(t, index.b), v16_neon_lookup(t, index.c),
                  v16_neon_lookup(t, index.d)};
}
V16_INLINE v16i v16i_dot4_s8s8(v16i acc, v16b x, v16b y)
{
    return V16_EACH3(v16i, v16_neon_dot4, acc, x, y);
}
/* x is in 0..127, where signed and unsigned agree. */
V16_INLINE v16i v16i_dot4_u8s8(v16i acc, v16b x, v16b y)
{
    return v16i_dot4_s8s8(acc, x, y);
}

/* ---- subnormals as zeros ---- */

enum { V16_REGISTERS = 8 };

typedef uint64_t v16_flush_state;

/* FZ flushes what is below 2^-126 before rounding, x86 what is after: so a run that flushed anything is not trusted. */
V16_INLINE v16_flush_state v16_flush_begin(void)
{
    uint64_t before;
    uint64_t flags;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("mrs %0, fpsr" : "=r"(flags));
    __asm__ volatile("msr fpsr, %0" : : "r"(flags & ~(uint64_t)8));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t)1 << 24) : "memory");
    return before;
}
V16_INLINE bool v16_flush_end(v16_flush_state before)
{
    uint64_t flags;
    __asm__ volatile("msr fpcr, %0" : : "r"(before) : "memory");
    __asm__ volatile("mrs %0, fpsr" : "=r"(flags));
    return (flags & 8) == 0; /* UFC */
}

#undef V16_EACH1
#undef V16_EACH2
#undef V16_EACH3

#endif
