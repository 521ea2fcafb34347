/* Scales and integers of blocks by least squares: sixteen rows side by side (kernels/search.h). */
#include "kernels/search_turn.h"
#include "kernels/search_v16.h"

#include <math.h>

/* ---- one scale (and minimum) of one block ---- */

/* A block's value of largest magnitude, the first of several. `ret_plain`: search_is_plain. */
static v16f search_extreme(const search_block *b, bool *ret_plain)
{
    v16f low = v16f_zero();
    v16f high = low;
    v16f sum = low;
    v16f extreme = low;
    for (size_t i = 0; i < b->n; i++) {
        const v16f x = v16f_load(b->x + 16 * i);
        low = v16f_min(x, low);
        high = v16f_max(x, high);
        sum = v16f_add(sum, x);
    }
    const v16f depth = v16f_neg(low);
    extreme = v16f_select(v16f_lt(high, depth), low, high);
    *ret_plain = search_is_plain(extreme, sum);
    if (*ret_plain && v16m_bits(v16f_eq(high, depth)) == 0) {
        return extreme;
    }
    extreme = v16f_zero();
    for (size_t i = 0; i < b->n; i++) { /* both signs are as large, or a value is odd */
        const v16f x = v16f_load(b->x + 16 * i);
        extreme = v16f_select(v16f_lt(v16f_abs(extreme), v16f_abs(x)), x, extreme);
    }
    return extreme;
}

/* x = d q. Candidates map the value of largest magnitude onto either end of the range and near it; the best one's
 * integers are taken again for the scale that fits them best. */
static v16f search_fit(const search_block *b, const search_range *range)
{
    const float ends[2] = {range->least, range->most};
    bool plain = false;
    v16f xq = v16f_zero();
    v16f qq = v16f_set1(1.0f);
    const v16f unit = v16f_div(v16f_set1(1.0f), search_extreme(b, &plain));
    plain = plain && range->levels == SEARCH_EVEN;
    for (int end = 0; end < 2; end++) {
        for (int step = -range->steps; step <= range->steps; step++) {
            const float place = ends[end] + range->step * (float)step;
            const v16f inverse = v16f_mul(v16f_set1(place), unit);
            const search_sums s =
                plain ? search_sum_within(b, range, inverse, fabsf(place)) : search_sum(b, range, inverse, v16f_zero());
            /* xq^2 / qq is what the error gets less by: compared without dividing */
            const v16m better = v16f_lt(v16f_mul(v16f_mul(xq, xq), s.qq), v16f_mul(v16f_mul(s.xq, s.xq), qq));
            xq = v16f_select(better, s.xq, xq);
            qq = v16f_select(better, s.qq, qq);
        }
    }
    v16f d = v16f_div(xq, qq);
    for (int round = 0; round < SEARCH_ROUNDS; round++) {
        const search_sums s = search_sum(b, range, search_inverse(d), v16f_zero());
        d = v16f_select(v16f_lt(v16f_zero(), s.qq), v16f_div(s.xq, s.qq), d);
    }
    return d;
}

/* The d and m of least error for a block's integers, m at most `cap`; false lanes: there are none. */
static v16m search_solve(const search_sums *s, v16f cap, v16f *d, v16f *m)
{
    const v16f zero = v16f_zero();
    const v16f determinant = v16f_sub(v16f_mul(s->w, s->qq), v16f_mul(s->q, s->q));
    const v16f free_d = v16f_div(v16f_sub(v16f_mul(s->w, s->xq), v16f_mul(s->q, s->x)), determinant);
    const v16f free_m = v16f_div(v16f_sub(v16f_mul(s->qq, s->x), v16f_mul(s->q, s->xq)), determinant);
    const v16m over = v16f_lt(cap, free_m);
    *m = v16f_select(over, cap, free_m);
    *d = v16f_select(over, v16f_div(v16f_sub(s->xq, v16f_mul(cap, s->q)), s->qq), free_d);
    return v16m_and(v16f_lt(zero, determinant), v16f_lt(zero, *d));
}

/* Squared error of d q + m, less the sum of squares. */
static v16f search_loss(const search_sums *s, v16f d, v16f m)
{
    const v16f two = v16f_set1(2.0f);
    const v16f of_d = v16f_add(v16f_mul(d, s->qq), v16f_mul(two, v16f_sub(v16f_mul(m, s->q), s->xq)));
    const v16f of_m = v16f_sub(v16f_mul(m, s->w), v16f_mul(two, s->x));
    return v16f_add(v16f_mul(d, of_d), v16f_mul(m, of_m));
}

/* x = d q + m, m at most 0 where `negative`. The search runs over x - low. */
static void search_fit_affine(const search_block *b, const search_range *range, bool negative, v16f *ret_d, v16f *ret_m)
{
    float room[32 * 16] __attribute__((aligned(64)));
    v16f low = v16f_load(b->x);
    v16f high = low;
    for (size_t i = 1; i < b->n; i++) {
        low = v16f_min(v16f_load(b->x + 16 * i), low);
        high = v16f_max(v16f_load(b->x + 16 * i), high);
    }
    low = negative ? v16f_min(low, v16f_zero()) : low;
    for (size_t i = 0; i < b->n; i++) {
        v16f_store(room + 16 * i, v16f_sub(v16f_load(b->x + 16 * i), low));
    }
    const v16f cap = negative ? v16f_neg(low) : v16f_set1(0x1p126f);
    search_block moved = {.x = room, .w = b->w, .n = b->n};
    const v16f width = v16f_sub(high, low);
    search_begin(&moved);
    const bool plain = search_is_plain(width, moved.sum_x);
    v16f best = v16f_zero();
    v16f d = v16f_zero();
    v16f m = v16f_zero();
    for (int turn = -range->steps; turn <= range->steps + SEARCH_ROUNDS; turn++) {
        const bool candidate = turn <= range->steps;
        const float reach = range->most + range->step * (float)turn;
        const v16f inverse = candidate ? v16f_div(v16f_set1(reach), width) : search_inverse(d);
        const search_sums s = plain && candidate ? search_sum_within(&moved, range, inverse, reach)
                                                 : search_sum(&moved, range, inverse, candidate ? v16f_zero() : m);
        v16f new_d, new_m;
        const v16m good = search_solve(&s, cap, &new_d, &new_m);
        const v16f loss = search_loss(&s, new_d, new_m);
        const v16m better = v16m_and(good, v16f_lt(loss, best));
        best = v16f_select(better, loss, best);
        d = v16f_select(better, new_d, d);
        m = v16f_select(better, new_m, m);
    }
    *ret_d = d;
    *ret_m = v16f_add(low, m);
}

/* ---- formats of 32 values ---- */

static void search_finish(const search_block *b, const search_range *range, v16f d, v16f m, search_small *ret)
{
    v16f_store(ret->d, d);
    v16f_store(ret->m, m);
    v16f_store(ret->error, search_settle(b, range, d, m, ret->q));
}

static void search_symmetric(const search_tile *t, int least, int most, search_small *ret)
{
    const search_block b = {.x = t->x, .w = t->w, .n = 32};
    const search_range range = search_even(least, most);
    search_finish(&b, &range, search_half(search_fit(&b, &range)), v16f_zero(), ret);
}

static void search_affine(const search_tile *t, int most, search_small *ret)
{
    const search_block b = {.x = t->x, .w = t->w, .n = 32};
    const search_range range = search_even(0, most);
    v16f d, m;
    search_fit_affine(&b, &range, false, &d, &m);
    search_finish(&b, &range, search_half(d), search_half(m), ret);
}

static void search_iq4(const search_tile *t, search_small *ret)
{
    const search_block b = {.x = t->x, .w = t->w, .n = 32};
    search_finish(&b, &search_range_iq4, search_half(search_fit(&b, &search_range_iq4)), v16f_zero(), ret);
}

/* Scales are powers of two: the one that brings the largest value to 6 or below, and those on both sides of it. */
static void search_mxfp4(const search_tile *t, search_small *ret)
{
    const search_block b = {.x = t->x, .w = t->w, .n = 32};
    const v16f zero = v16f_zero();
    v16f largest = zero;
    v16f best = zero;
    v16f d = zero;
    for (size_t i = 0; i < 32; i++) {
        largest = v16f_max(v16f_abs(v16f_load(t->x + 16 * i)), largest);
    }
    const v16i exponent = v16i_shr(v16f_bits(v16f_mul(largest, v16f_set1(1.0f / 12.0f))), 23);
    for (int step = 0; step <= 2; step++) {
        const v16i bits = v16i_min(v16i_max(v16i_add(exponent, v16i_set1(step)), v16i_set1(1)), v16i_set1(253));
        const v16f power = v16i_as_float(v16i_shl(bits, 23));
        const search_sums s = search_sum(&b, &search_range_mxfp4, search_inverse(power), zero);
        const v16f loss = search_loss(&s, power, zero);
        const v16m better = v16f_lt(loss, best);
        best = v16f_select(better, loss, best);
        d = v16f_select(better, power, d);
    }
    search_finish(&b, &search_range_mxfp4, d, zero, ret);
}

/* ---- 256 values ---- */

typedef struct search_blocks {
    search_range range;
    unsigned count;
    search_block of[16];
    search_sums sums[16];
    v16f scale[16], minimum[16]; /* integers, once d and dmin are known */
    v16f d, dmin;
} search_blocks;

static void search_scales(search_blocks *s, const search_super_form *form)
{
    v16f extreme = v16f_zero();
    v16f deepest = v16f_zero();
    for (unsigned b = 0; b < s->count; b++) {
        if (form->affine) {
            search_fit_affine(&s->of[b], &s->range, true, &s->scale[b], &s->minimum[b]);
            s->minimum[b] = v16f_neg(s->minimum[b]);
            deepest = v16f_max(s->minimum[b], deepest);
        } else {
            s->scale[b] = search_fit(&s->of[b], &s->range);
        }
        extreme = v16f_select(v16f_lt(v16f_abs(extreme), v16f_abs(s->scale[b])), s->scale[b], extreme);
    }
    /* without minima the largest scale takes the end that has one more */
    const float end = form->affine ? (float)form->scale_most : (float)form->scale_least;
    s->d = search_half(v16f_div(extreme, v16f_set1(end)));
    s->dmin = search_half(v16f_div(deepest, v16f_set1((float)form->scale_most)));
    for (unsigned b = 0; b < s->count; b++) {
        s->scale[b] = search_round(v16f_mul(s->scale[b], search_inverse(s->d)), (float)form->scale_least,
                                   (float)form->scale_most);
        s->minimum[b] =
            form->affine ? search_round(v16f_mul(s->minimum[b], search_inverse(s->dmin)), 0.0f, (float)form->scale_most)
                         : v16f_zero();
    }
}

static v16f search_block_d(const search_blocks *s, unsigned b)
{
    return v16f_mul(s->d, s->scale[b]);
}

static v16f search_block_m(const search_blocks *s, unsigned b)
{
    return v16f_neg(v16f_mul(s->dmin, s->minimum[b]));
}

static v16f search_loss_all(const search_blocks *s, v16f d, v16f dmin)
{
    v16f loss = v16f_zero();
    for (unsigned b = 0; b < s->count; b++) {
        const v16f m = v16f_neg(v16f_mul(dmin, s->minimum[b]));
        loss = v16f_add(loss, search_loss(&s->sums[b], v16f_mul(d, s->scale[b]), m));
    }
    return loss;
}

/* d and dmin of least error for the integers and integer scales; kept as they are where that is no gain. */
static void search_refit(search_blocks *s, bool affine)
{
    v16f a = v16f_zero(), b = a, c = a, p = a, q = a;
    for (unsigned i = 0; i < s->count; i++) {
        const search_sums *sums = &s->sums[i];
        const v16f scale = s->scale[i];
        const v16f minimum = s->minimum[i];
        a = v16f_add(a, v16f_mul(v16f_mul(scale, scale), sums->qq));
        p = v16f_add(p, v16f_mul(scale, sums->xq));
        if (affine) {
            b = v16f_add(b, v16f_mul(v16f_mul(scale, minimum), sums->q));
            c = v16f_add(c, v16f_mul(v16f_mul(minimum, minimum), sums->w));
            q = v16f_add(q, v16f_mul(minimum, sums->x));
        }
    }
    v16f d = v16f_div(p, a);
    v16f dmin = v16f_zero();
    if (affine) {
        const v16f determinant = v16f_sub(v16f_mul(a, c), v16f_mul(b, b));
        const v16m both = v16f_lt(v16f_zero(), determinant);
        const v16f pair = v16f_div(v16f_sub(v16f_mul(p, c), v16f_mul(q, b)), determinant);
        d = v16f_select(both, pair, d);
        dmin = v16f_div(v16f_sub(v16f_mul(p, b), v16f_mul(q, a)), determinant);
        dmin = v16f_select(v16m_and(both, v16f_lt(v16f_zero(), dmin)), dmin, v16f_zero());
    }
    d = search_half(d);
    dmin = search_half(dmin);
    const v16m better = v16f_lt(search_loss_all(s, d, dmin), search_loss_all(s, s->d, s->dmin));
    s->d = v16f_select(better, d, s->d);
    s->dmin = v16f_select(better, dmin, s->dmin);
}

/* The integer scale and minimum beside the present ones that have the least error together. */
static void search_neighbours(search_blocks *s, unsigned b, const search_super_form *form)
{
    const v16f scale = s->scale[b];
    const v16f minimum = s->minimum[b];
    v16f best = search_loss(&s->sums[b], search_block_d(s, b), search_block_m(s, b));
    for (int i = -1; i <= 1; i++) {
        const v16f near =
            search_round(v16f_add(scale, v16f_set1((float)i)), (float)form->scale_least, (float)form->scale_most);
        const v16f d = v16f_mul(s->d, near);
        for (int j = -1; j <= 1; j++) {
            const v16f deep = search_round(v16f_add(minimum, v16f_set1((float)j)), 0.0f, (float)form->scale_most);
            const v16f loss = search_loss(&s->sums[b], d, v16f_neg(v16f_mul(s->dmin, deep)));
            const v16m better = v16f_lt(loss, best);
            best = v16f_select(better, loss, best);
            s->scale[b] = v16f_select(better, near, s->scale[b]);
            s->minimum[b] = v16f_select(better, deep, s->minimum[b]);
        }
    }
}

/* Integers for the scales as they are; scales for those integers. */
static void search_improve(search_blocks *s, const search_super_form *form)
{
    for (unsigned b = 0; b < s->count; b++) {
        const v16f d = search_block_d(s, b);
        s->sums[b] = search_sum(&s->of[b], &s->range, search_inverse(d), search_block_m(s, b));
    }
    search_refit(s, form->affine);
    for (unsigned b = 0; b < s->count; b++) {
        if (form->affine) {
            search_neighbours(s, b, form);
            continue;
        }
        const v16f wanted = v16f_div(s->sums[b].xq, v16f_mul(s->sums[b].qq, s->d));
        const v16f near = search_round(wanted, (float)form->scale_least, (float)form->scale_most);
        s->scale[b] = v16f_select(v16f_lt(v16f_zero(), s->sums[b].qq), near, s->scale[b]);
    }
}

static void search_super_blocks(const search_tile *t, const search_super_form *form, search_super *ret)
{
    const size_t n = 256 / form->count;
    v16f error = v16f_zero();
    search_blocks s = {.range = form->levels == SEARCH_IQ4 ? search_range_iq4 : search_even(form->least, form->most),
                       .count = form->count};
    for (unsigned b = 0; b < form->count; b++) {
        s.of[b] = (search_block){.x = t->x + 16 * n * b, .w = t->w == NULL ? NULL : t->w + 16 * n * b, .n = n};
        if (form->affine) {
            search_begin(&s.of[b]);
        }
    }
    search_scales(&s, form);
    for (int round = 0; round < SEARCH_ROUNDS; round++) {
        search_improve(&s, form);
    }
    for (unsigned b = 0; b < form->count; b++) {
        const v16f d = search_block_d(&s, b);
        error = v16f_add(error, search_settle(&s.of[b], &s.range, d, search_block_m(&s, b), ret->q + 16 * n * b));
        v16i_store_s8(ret->scale + 16 * b, v16f_to_int(s.scale[b]));
        v16i_store_s8(ret->minimum + 16 * b, v16f_to_int(s.minimum[b]));
    }
    v16f_store(ret->d, s.d);
    v16f_store(ret->dmin, s.dmin);
    v16f_store(ret->error, error);
}

/* ---- rows beside each other ---- */

V16_INLINE v16f search_widen_16(dtype type, const uint8_t *from, size_t n)
{
    uint8_t raw[64] __attribute__((aligned(64)));
    if (n < 16 || (uintptr_t)from % 4 != 0) {
        memset(raw, 0, sizeof raw);
        memcpy(raw, from, (n < 16 ? n : 16) * (type == DTYPE_F32 ? 4 : 2));
        from = raw;
    }
    return type == DTYPE_F32   ? v16f_load((const float *)from)
           : type == DTYPE_F16 ? v16f_load_f16((const uint16_t *)from)
                               : v16f_load_bf16((const uint16_t *)from);
}

V16_INLINE void search_gather_of(dtype type, const uint8_t *const *rows, unsigned count, size_t n, float *tile)
{
    enum { AT_ONCE = 256 };
    float row[16][AT_ONCE + 16] __attribute__((aligned(64))); /* rows do not share the cache's sets */
    const size_t size = type == DTYPE_F32 ? 4 : 2;
    for (unsigned r = count; r < 16; r++) {
        memset(row[r], 0, sizeof row[r]);
    }
    for (size_t at = 0; at < n; at += AT_ONCE) {
        const size_t length = n - at < AT_ONCE ? n - at : AT_ONCE;
        for (unsigned r = 0; r < count; r++) {
            const uint8_t *from = rows[r] + at * size;
            for (size_t i = 0; i < length; i += 16) {
                __builtin_prefetch(from + (i + AT_ONCE) * size);
                v16f_store(row[r] + i, search_widen_16(type, from + i * size, length - i));
            }
        }
        size_t i = 0;
        for (; i + 8 <= length; i += 8) {
            search_turn_8(&row[0][i], AT_ONCE + 16, tile + (at + i) * 16);
            search_turn_8(&row[8][i], AT_ONCE + 16, tile + (at + i) * 16 + 8);
        }
        for (; i < length; i++) {
            for (unsigned r = 0; r < 16; r++) {
                tile[(at + i) * 16 + r] = row[r][i];
            }
        }
    }
}

static void search_gather(dtype type, const uint8_t *const *rows, unsigned count, size_t n, float *tile)
{
    if (type == DTYPE_F32) {
        search_gather_of(DTYPE_F32, rows, count, n, tile);
    } else if (type == DTYPE_F16) {
        search_gather_of(DTYPE_F16, rows, count, n, tile);
    } else {
        search_gather_of(DTYPE_BF16, rows, count, n, tile);
    }
}

static void search_scatter(const int8_t *q, size_t n, int8_t *rows)
{
    for (size_t i = 0; i < n; i += 16) {
        search_turn_bytes(q + 16 * i, rows + i, n);
    }
}

static void search_weigh(const float *tile, const float *importance, size_t n, float *w, float square[SEARCH_LANES])
{
    v16f sum = v16f_zero();
    for (size_t i = 0; i < n; i++) {
        const v16f x = v16f_load(tile + 16 * i);
        sum = v16f_add(sum, v16f_mul(x, x));
    }
    for (size_t i = 0; i < n && importance != NULL; i++) {
        v16f_store(w + 16 * i, v16f_set1(importance[i]));
    }
    v16f_store(square, sum);
}

extern const search_table V16_NAME(search_table);
const search_table V16_NAME(search_table) = {.symmetric = search_symmetric,
                                             .affine = search_affine,
                                             .iq4 = search_iq4,
                                             .mxfp4 = search_mxfp4,
                                             .super = search_super_blocks,
                                             .gather = search_gather,
                                             .scatter = search_scatter,
                                             .weigh = search_weigh};
