/* What the searches sum, in the words of kernels/v16.h: integers for a scale, the sums that a fit needs, the integers
 * and the error for the scale that is stored. For template/search.c. */
#ifndef KERNELS_SEARCH_V16_H
#define KERNELS_SEARCH_V16_H

#include "kernels/search.h"
#include "kernels/v16.h"

#define SEARCH_ROUNDS 2 /* how often integers and scales are fitted to each other */

typedef struct search_block {
    const float *x, *w; /* w NULL: ones */
    size_t n;           /* even; up to 32 where there is a minimum */
    v16f sum_w, sum_x;  /* of w and w x: search_begin, where there is a minimum */
} search_block;

/* Where (x - m) inverse may lie: what is known not to pass an end of the range needs no clipping there. */
typedef enum search_clip { SEARCH_CLIP, SEARCH_CLIP_MOST, SEARCH_CLIP_NOT } search_clip;

typedef struct search_range {
    search_levels levels;
    float least, most;
    int steps; /* candidates on each side of an end */
    float step;
    bool affine;
} search_range;

static const search_range search_range_iq4 = {SEARCH_IQ4, -127.0f, 113.0f, 3, 4.0f, false};
static const search_range search_range_mxfp4 = {SEARCH_MXFP4, -12.0f, 12.0f, 0, 0.0f, false};

/* Wide ranges gain little by many candidates; with a minimum only one end is tried. */
V16_INLINE search_range search_even(int least, int most)
{
    const bool affine = least == 0;
    const int values = most - least;
    const int steps = affine ? 3 : values > 20 ? 1 : 2;
    const float step = affine ? 0.25f : values > 100 ? 1.0f : values > 20 ? 0.5f : 0.375f;
    return (search_range){SEARCH_EVEN, (float)least, (float)most, steps, step, affine};
}

/* Per row: sums over a block of w, w x, w q, w x q, w q q. */
typedef struct search_sums {
    v16f w, x, q, xq, qq;
} search_sums;

V16_INLINE v16f search_inverse(v16f d)
{
    const v16f zero = v16f_zero();
    return v16f_select(v16f_eq(d, zero), zero, v16f_div(v16f_set1(1.0f), d));
}

V16_INLINE v16f search_round_within(v16f x, float least, float most, search_clip clip)
{
    const v16f magic = v16f_set1(12582912.0f);
    const v16f above = clip == SEARCH_CLIP ? v16f_max(x, v16f_set1(least)) : x;
    const v16f clipped = clip == SEARCH_CLIP_NOT ? x : v16f_min(above, v16f_set1(most));
    return v16f_sub(v16f_add(clipped, magic), magic);
}

/* Half to even; NaN gives the least. */
V16_INLINE v16f search_round(v16f x, float least, float most)
{
    return search_round_within(x, least, most, SEARCH_CLIP);
}

/* As binary16 stores it, the largest one in place of what is beyond it and zero in place of NaN. */
V16_INLINE v16f search_half(v16f d)
{
    uint16_t half[16];
    const v16f known = v16f_select(v16f_unordered(d, d), v16f_zero(), d);
    v16f_store_f16(half, v16f_min(v16f_max(known, v16f_set1(-65504.0f)), v16f_set1(65504.0f)));
    return v16f_load_f16(half);
}

/* The table of IQ4_NL: middles between neighbours, and how far they are apart. */
static const float search_iq4_middle[15] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                            7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f};
static const float search_iq4_gap[15] = {23.0f, 21.0f, 18.0f, 16.0f, 14.0f, 13.0f, 12.0f, 11.0f,
                                         12.0f, 12.0f, 13.0f, 15.0f, 16.0f, 20.0f, 24.0f};
/* Of twice E2M1's magnitudes. */
static const float search_e2m1_middle[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5.0f, 7.0f, 10.0f};
static const float search_e2m1_gap[7] = {1.0f, 1.0f, 1.0f, 1.0f, 2.0f, 2.0f, 4.0f};

V16_INLINE v16f search_climb(v16f y, v16f value, const float *middle, const float *gap, int count)
{
    for (int i = 0; i < count; i++) {
        const v16f step = gap == NULL ? v16f_set1(1.0f) : v16f_set1(gap[i]);
        value = v16f_add(value, v16f_select(v16f_lt(v16f_set1(middle[i]), y), step, v16f_zero()));
    }
    return value;
}

/* The level nearest to y. */
V16_INLINE v16f search_level(const search_range *range, search_levels levels, v16f y)
{
    if (levels == SEARCH_IQ4) {
        return search_climb(y, v16f_set1(-127.0f), search_iq4_middle, search_iq4_gap, 15);
    }
    if (levels == SEARCH_MXFP4) {
        const v16f value = search_climb(v16f_abs(y), v16f_zero(), search_e2m1_middle, search_e2m1_gap, 7);
        return v16f_select(v16f_lt(y, v16f_zero()), v16f_neg(value), value);
    }
    return search_round(y, range->least, range->most);
}

/* What a block stores for it. */
V16_INLINE v16i search_name(search_levels levels, v16f y, v16f level)
{
    if (levels == SEARCH_IQ4) {
        return v16f_to_int(search_climb(y, v16f_zero(), search_iq4_middle, NULL, 15));
    }
    if (levels == SEARCH_MXFP4) {
        const v16f place = search_climb(v16f_abs(y), v16f_zero(), search_e2m1_middle, NULL, 7);
        const v16f sign = v16f_select(v16f_lt(level, v16f_zero()), v16f_set1(8.0f), v16f_zero());
        return v16f_to_int(v16f_add(place, sign));
    }
    return v16f_to_int(level);
}

/* What is fixed while a block is summed. */
typedef struct search_how {
    search_levels levels;
    search_clip clip;
    bool weighted, affine;
} search_how;

V16_INLINE search_sums search_sum_of(const search_block *b, const search_range *range, search_how how, v16f inverse,
                                     v16f m)
{
    const v16f zero = v16f_zero();
    v16f xq = zero;
    v16f qq = zero;
    v16f sum = zero;
    for (size_t i = 0; i < 16 * b->n; i += 16) {
        const v16f x = v16f_load(b->x + i);
        const v16f y = v16f_mul(how.affine ? v16f_sub(x, m) : x, inverse);
        const v16f q = how.levels == SEARCH_EVEN ? search_round_within(y, range->least, range->most, how.clip)
                                                 : search_level(range, how.levels, y);
        const v16f wq = how.weighted ? v16f_mul(v16f_load(b->w + i), q) : q;
        xq = v16f_add(xq, v16f_mul(wq, x));
        /* without weights q q and its sums are integers below 2^24: the fused form rounds nothing */
        qq = how.weighted ? v16f_add(qq, v16f_mul(wq, q)) : v16f_fma(q, q, qq);
        sum = how.affine ? v16f_add(sum, wq) : sum;
    }
    return (search_sums){how.affine ? b->sum_w : zero, how.affine ? b->sum_x : zero, sum, xq, qq};
}

V16_INLINE search_sums search_sum_even(const search_block *b, const search_range *range, search_clip clip, v16f inverse,
                                       v16f m)
{
    if (range->affine) {
        return b->w != NULL ? search_sum_of(b, range, (search_how){SEARCH_EVEN, clip, true, true}, inverse, m)
                            : search_sum_of(b, range, (search_how){SEARCH_EVEN, clip, false, true}, inverse, m);
    }
    return b->w != NULL ? search_sum_of(b, range, (search_how){SEARCH_EVEN, clip, true, false}, inverse, m)
                        : search_sum_of(b, range, (search_how){SEARCH_EVEN, clip, false, false}, inverse, m);
}

/* The sums for the integers of (x - m) inverse; m counts where the range is affine. */
static search_sums search_sum(const search_block *b, const search_range *range, v16f inverse, v16f m)
{
    const bool weighted = b->w != NULL;
    if (range->levels == SEARCH_IQ4) {
        return search_sum_of(b, range, (search_how){SEARCH_IQ4, SEARCH_CLIP, weighted, false}, inverse, m);
    }
    if (range->levels == SEARCH_MXFP4) {
        return search_sum_of(b, range, (search_how){SEARCH_MXFP4, SEARCH_CLIP, weighted, false}, inverse, m);
    }
    return search_sum_even(b, range, SEARCH_CLIP, inverse, m);
}

/* The same, m being 0, where no x inverse is farther from 0 than `reach` (but for its rounding) nor NaN. */
static search_sums search_sum_within(const search_block *b, const search_range *range, v16f inverse, float reach)
{
    const v16f zero = v16f_zero();
    if (!range->affine && reach > 0.49f - range->least) {
        return search_sum_even(b, range, SEARCH_CLIP, inverse, zero);
    }
    return reach > 0.49f + range->most ? search_sum_even(b, range, SEARCH_CLIP_MOST, inverse, zero)
                                       : search_sum_even(b, range, SEARCH_CLIP_NOT, inverse, zero);
}

/* The sums that no integer changes, for ranges with a minimum. */
static void search_begin(search_block *b)
{
    b->sum_w = v16f_zero();
    b->sum_x = v16f_zero();
    for (size_t i = 0; i < b->n; i++) {
        const v16f x = v16f_load(b->x + 16 * i);
        const v16f w = b->w != NULL ? v16f_load(b->w + 16 * i) : v16f_set1(1.0f);
        b->sum_w = v16f_add(b->sum_w, w);
        b->sum_x = v16f_add(b->sum_x, b->w != NULL ? v16f_mul(w, x) : x);
    }
}

/* Whether candidates around 1 / `size` bring finite values onto what they should: no subnormals, nothing infinite. */
V16_INLINE bool search_is_plain(v16f size, v16f sum)
{
    const v16f magnitude = v16f_abs(size);
    const v16m within = v16m_and(v16f_lt(v16f_set1(0x1p-100f), magnitude), v16f_lt(magnitude, v16f_set1(0x1p100f)));
    return v16m_bits(v16m_and(within, v16f_eq(v16f_sub(sum, sum), v16f_zero()))) == 0xFFFF;
}

V16_INLINE v16f search_settle_of(const search_block *b, const search_range *range, search_levels levels, bool affine,
                                 v16f d, v16f m, int8_t *q)
{
    const v16f inverse = search_inverse(d);
    v16f error = v16f_zero();
    for (size_t i = 0; i < b->n; i++) {
        const v16f x = v16f_load(b->x + 16 * i);
        const v16f y = v16f_mul(affine ? v16f_sub(x, m) : x, inverse);
        const v16f level = search_level(range, levels, y);
        const v16f value = v16f_mul(d, level);
        const v16f off = v16f_sub(x, affine ? v16f_add(value, m) : value);
        error = v16f_add(error, v16f_mul(off, off));
        v16i_store_s8(q + 16 * i, search_name(levels, y, level));
    }
    return error;
}

/* The integers for the scale (and minimum) as stored; returns their squared error. */
static v16f search_settle(const search_block *b, const search_range *range, v16f d, v16f m, int8_t *q)
{
    if (range->levels == SEARCH_IQ4) {
        return search_settle_of(b, range, SEARCH_IQ4, false, d, m, q);
    }
    if (range->levels == SEARCH_MXFP4) {
        return search_settle_of(b, range, SEARCH_MXFP4, false, d, m, q);
    }
    return range->affine ? search_settle_of(b, range, SEARCH_EVEN, true, d, m, q)
                         : search_settle_of(b, range, SEARCH_EVEN, false, d, m, q);
}

#endif
