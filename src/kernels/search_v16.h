/* What the searches sum, in the words of kernels/v16.h: integers for a scale, the sums that a fit needs, the integers
 * and the error for the scale that is stored. For template/search.c. */
#ifndef KERNELS_SEARCH_V16_H
#define KERNELS_SEARCH_V16_H

#include "kernels/search.h"
#include "kernels/v16.h"

#define SEARCH_ROUNDS 2 /* how often integers and scales are fitted to each other */

typedef struct search_block {
    const float *x, *w; /* w NULL: ones */
    size_t n;           /* up to 32 where there is a minimum */
} search_block;

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

/* Half to even; NaN gives the least. */
V16_INLINE v16f search_round(v16f x, float least, float most)
{
    const v16f magic = v16f_set1(12582912.0f);
    const v16f clipped = v16f_min(v16f_max(x, v16f_set1(least)), v16f_set1(most));
    return v16f_sub(v16f_add(clipped, magic), magic);
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

V16_INLINE search_sums search_sum_of(const search_block *b, const search_range *range, search_levels levels,
                                     bool weighted, bool affine, v16f inverse, v16f m)
{
    search_sums s = {v16f_zero(), v16f_zero(), v16f_zero(), v16f_zero(), v16f_zero()};
    for (size_t i = 0; i < b->n; i++) {
        const v16f x = v16f_load(b->x + 16 * i);
        const v16f w = weighted ? v16f_load(b->w + 16 * i) : v16f_set1(1.0f);
        const v16f q = search_level(range, levels, v16f_mul(affine ? v16f_sub(x, m) : x, inverse));
        const v16f wq = weighted ? v16f_mul(w, q) : q;
        s.xq = v16f_add(s.xq, v16f_mul(wq, x));
        s.qq = v16f_add(s.qq, v16f_mul(wq, q));
        if (affine) {
            s.w = v16f_add(s.w, w);
            s.x = v16f_add(s.x, weighted ? v16f_mul(w, x) : x);
            s.q = v16f_add(s.q, wq);
        }
    }
    return s;
}

/* The sums for the integers of (x - m) inverse; m counts where the range is affine. */
static search_sums search_sum(const search_block *b, const search_range *range, v16f inverse, v16f m)
{
    const bool weighted = b->w != NULL;
    if (range->levels == SEARCH_IQ4) {
        return search_sum_of(b, range, SEARCH_IQ4, weighted, false, inverse, m);
    }
    if (range->levels == SEARCH_MXFP4) {
        return search_sum_of(b, range, SEARCH_MXFP4, weighted, false, inverse, m);
    }
    if (range->affine) {
        return weighted ? search_sum_of(b, range, SEARCH_EVEN, true, true, inverse, m)
                        : search_sum_of(b, range, SEARCH_EVEN, false, true, inverse, m);
    }
    return weighted ? search_sum_of(b, range, SEARCH_EVEN, true, false, inverse, m)
                    : search_sum_of(b, range, SEARCH_EVEN, false, false, inverse, m);
}

V16_INLINE v16f search_settle_of(const search_block *b, const search_range *range, search_levels levels, v16f d, v16f m,
                                 int8_t *q)
{
    const v16f inverse = search_inverse(d);
    v16f error = v16f_zero();
    for (size_t i = 0; i < b->n; i++) {
        const v16f x = v16f_load(b->x + 16 * i);
        const v16f y = v16f_mul(v16f_sub(x, m), inverse);
        const v16f level = search_level(range, levels, y);
        const v16f off = v16f_sub(x, v16f_add(v16f_mul(d, level), m));
        error = v16f_add(error, v16f_mul(off, off));
        v16i_store_s8(q + 16 * i, search_name(levels, y, level));
    }
    return error;
}

/* The integers for the scale (and minimum) as stored; returns their squared error. */
static v16f search_settle(const search_block *b, const search_range *range, v16f d, v16f m, int8_t *q)
{
    if (range->levels == SEARCH_IQ4) {
        return search_settle_of(b, range, SEARCH_IQ4, d, m, q);
    }
    if (range->levels == SEARCH_MXFP4) {
        return search_settle_of(b, range, SEARCH_MXFP4, d, m, q);
    }
    return search_settle_of(b, range, SEARCH_EVEN, d, m, q);
}

#endif
