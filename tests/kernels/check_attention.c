/* Attention: every variant against the written rule in plain loops, bit for bit; the rule against binary64; and the
 * same bits for one token or many, for all heads or some. */
#include "../share.h"
#include "base/memory.h"
#include "kernels/attention.h"
#include "kernels/half.h"
#include "kernels/kernel_test.h"
#include "kernels/test_cache.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct scene {
    cache_shape shape;
    uint32_t heads, length;       /* `length` positions are stored */
    float *key, *value;           /* [length, kv_heads, head_dim] as they are given to be stored */
    float *kept_key, *kept_value; /* as the format keeps them */
    float *q;                     /* [length, heads, head_dim] */
    float *expected, *found;      /* [length, heads, head_dim] */
    test_cache cache;
    void *scratch;
    float scale;
    attention_form form;
    float slopes[16], sinks[16];
} scene;

static float *floats(size_t n)
{
    float *p = mem_alloc_aligned(n * sizeof(float), 64);
    assert_non_null(p);
    return p;
}

/* One of a block's values as the formats say, in plain loops: docs/formats/number-formats.md. */
static float as_quantized(const float *block, size_t n, size_t i, bool eight)
{
    float a = 0;
    float e = 0;
    for (size_t k = 0; k < n; k++) {
        if (!(fabsf(block[k]) <= a) || (fabsf(block[k]) == a && block[k] > e)) { /* NaN stays */
            a = fabsf(block[k]);
            e = block[k];
        }
        if (isnan(a)) {
            break;
        }
    }
    const float d = half_f16_to_f32(half_f16_from_f32(eight ? a / 127.0f : e / -8.0f));
    if (d == 0 || !isfinite(d)) {
        return d * 0.0f;
    }
    const float q = rintf(block[i] * (1.0f / d));
    return d * (q < (eight ? -127.0f : -8.0f) ? (eight ? -127.0f : -8.0f)
                : q > (eight ? 127.0f : 7.0f) ? (eight ? 127.0f : 7.0f)
                                              : q);
}

/* Value d of a row of one head, as the cache keeps it. */
static float as_stored(const scene *s, const float *row, size_t d)
{
    const size_t begin = d / 32 * 32;
    const size_t n = s->shape.head_dim - begin < 32 ? s->shape.head_dim - begin : 32;
    switch (s->shape.type) {
    case CACHE_F16:
        return half_f16_to_f32(half_f16_from_f32(row[d]));
    case CACHE_BF16:
        return half_bf16_to_f32(half_bf16_from_f32(row[d]));
    case CACHE_Q8_0:
    case CACHE_Q4_0:
        return as_quantized(row + begin, n, d % 32, s->shape.type == CACHE_Q8_0);
    default:
        return row[d];
    }
}

static scene scene_make(cache_shape shape, uint32_t heads, uint32_t length, input_kind kind)
{
    scene s = {.shape = shape, .heads = heads, .length = length};
    const size_t kv = (size_t)length * shape.kv_heads * shape.head_dim;
    const size_t queries = (size_t)length * heads * shape.head_dim;
    s.key = floats(kv);
    s.value = floats(kv);
    s.q = floats(queries);
    s.expected = floats(queries);
    s.found = floats(queries);
    test_fill(s.key, kv, VALUES_USUAL);
    test_fill(s.value, kv, kind);
    test_fill(s.q, queries, VALUES_USUAL);
    if (kind == VALUES_CORNERS) {
        for (unsigned i = 0; i < 4; i++) {
            test_fill(s.key + test_bits() % kv, 1, VALUES_WIDE);
        }
    }
    s.kept_key = floats(kv);
    s.kept_value = floats(kv);
    for (size_t i = 0; i < kv; i++) {
        s.kept_key[i] = as_stored(&s, s.key + i / shape.head_dim * shape.head_dim, i % shape.head_dim);
        s.kept_value[i] = as_stored(&s, s.value + i / shape.head_dim * shape.head_dim, i % shape.head_dim);
    }
    s.cache = test_cache_make(shape, length);
    s.scratch = floats(ATTENTION_SCRATCH_BYTES / sizeof(float));
    s.scale = 0.7f / sqrtf((float)shape.head_dim);
    return s;
}

/* Fills the cache with garbage, then stores all positions with the variant's own function. */
static void scene_store(scene *s, const kernel_table *k)
{
    memset(s->cache.memory, 0xFF, s->cache.bytes); /* NaN: what is not stored must not be seen */
    const size_t row = (size_t)s->shape.kv_heads * s->shape.head_dim;
    for (uint32_t p = 0; p < s->length; p++) {
        k->attention->store(s->shape, s->cache.view, p, s->key + p * row, s->value + p * row, 0, s->shape.kv_heads);
    }
}

static void scene_free(scene *s)
{
    void *blocks[] = {s->key, s->value, s->kept_key, s->kept_value, s->q, s->expected, s->found, s->scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        mem_free(blocks[i]);
    }
    test_cache_free(&s->cache);
}

static float one_exp(const kernel_table *k, float x)
{
    float y;
    k->exp(&x, 1, &y);
    return y;
}

static float one_tanh(const kernel_table *k, float x)
{
    float y;
    k->tanh(&x, 1, &y);
    return y;
}

/* The rule of docs/numerics.md, one query, plain loops; exp and tanh are the only things taken from the kernels. */
static void rule_query(const scene *s, const kernel_table *k, uint32_t token, uint32_t head, float *out)
{
    const size_t dim = s->shape.head_dim;
    const size_t kv = head / (s->heads / s->shape.kv_heads);
    const float *q = s->q + ((size_t)token * s->heads + head) * dim;
    float m = -INFINITY;
    float l = 0;
    for (size_t d = 0; d < dim; d++) {
        out[d] = 0;
    }
    const attention_form *form = &s->form;
    uint32_t seen = form->window != 0 && token + 1 > form->window ? token + 1 - form->window : 0;
    seen = form->chunk != 0 ? token - token % form->chunk : seen;
    if (form->sinks != NULL) {
        m = form->sinks[head];
        l = 1;
    }
    for (uint32_t block = seen / 64 * 64; block <= token; block += 64) {
        const uint32_t begin = block < seen ? seen : block;
        const uint32_t end = block + 64 < token + 1 ? block + 64 : token + 1;
        float score[64];
        float top = m;
        float best = -INFINITY;
        for (uint32_t j = begin; j < end; j++) {
            const float *key = s->kept_key + ((size_t)j * s->shape.kv_heads + kv) * dim;
            float chain = 0;
            for (size_t d = 0; d < dim; d++) {
                chain = fmaf(q[d], key[d], chain);
            }
            score[j - begin] = s->scale * chain;
            if (form->softcap != 0) {
                score[j - begin] = form->softcap * one_tanh(k, score[j - begin] / form->softcap);
            }
            if (form->slopes != NULL) {
                score[j - begin] = fmaf(form->slopes[head], (float)((int)j - (int)token), score[j - begin]);
            }
            best = score[j - begin] > best ? score[j - begin] : best;
        }
        top = best > m ? best : m;
        float p[16] = {0};
        const float c = one_exp(k, m - top);
        for (uint32_t j = 0; j < end - begin; j++) {
            score[j] = one_exp(k, score[j] - top);
            p[(begin + j) % 16] = p[(begin + j) % 16] + score[j];
        }
        for (size_t w = 8; w > 0; w /= 2) {
            for (size_t i = 0; i < w; i++) {
                p[i] = p[i] + p[i + w];
            }
        }
        l = l * c + p[0];
        m = top;
        for (size_t d = 0; d < dim; d++) {
            out[d] = out[d] * c;
            for (uint32_t j = begin; j < end; j++) {
                const float v = s->kept_value[((size_t)j * s->shape.kv_heads + kv) * dim + d];
                out[d] = fmaf(score[j - begin], v, out[d]);
            }
        }
    }
    for (size_t d = 0; d < dim; d++) {
        out[d] = out[d] / l;
    }
}

static void attend_range(scene *s, const kernel_table *k, uint32_t from, uint32_t to, uint32_t head_begin,
                         uint32_t head_end)
{
    const size_t row = (size_t)s->heads * s->shape.head_dim;
    k->attention->attend(s->shape, s->cache.view, from, to - from, s->q + from * row, row, s->heads, head_begin,
                         head_end, s->scale, &s->form, s->found + from * row, row, s->scratch);
}

static const struct {
    uint32_t kv_heads, share, dim, length;
} scenes[] = {{1, 1, 16, 70}, {2, 3, 20, 130},  {1, 6, 64, 65},   {3, 1, 7, 64}, {1, 7, 40, 129},
              {2, 4, 96, 80}, {1, 13, 33, 100}, {1, 2, 128, 200}, {1, 5, 1, 66}, {1, 1, 300, 66}};
#define SCENES (sizeof scenes / sizeof scenes[0])

static scene scene_number(size_t i, cache_type type, input_kind kind)
{
    const cache_shape shape = {type, scenes[i].kv_heads, scenes[i].dim};
    return scene_make(shape, scenes[i].kv_heads * scenes[i].share, scenes[i].length, kind);
}

void check_attention_definition(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(31);
    for (size_t i = 0; i < SCENES * (CACHE_TYPES + 1); i += i < SCENES * CACHE_TYPES ? share_of(1, 3) : 1) {
        const bool corners = i / SCENES == CACHE_TYPES; /* in every format */
        const cache_type type = (cache_type)(corners ? i % CACHE_TYPES : i / SCENES);
        scene s = scene_number(i % SCENES, type, corners ? VALUES_CORNERS : VALUES_USUAL);
        const size_t row = (size_t)s.heads * s.shape.head_dim;
        for (uint32_t t = 0; t < s.length; t++) {
            for (uint32_t h = 0; h < s.heads; h++) {
                rule_query(&s, variants[0], t, h, s.expected + t * row + h * s.shape.head_dim);
            }
        }
        for (size_t v = 0; v < count; v++) {
            scene_store(&s, variants[v]);
            attend_range(&s, variants[v], 0, s.length, 0, s.heads);
            char label[48];
            (void)snprintf(label, sizeof label, "attention, scene %zu", i);
            assert_same(s.expected, s.found, row * s.length, label, variants[v]->name);
        }
        scene_free(&s);
    }
}

/* What families do to it, alone and together. */
#define FORMS 7u
static void scene_bend(scene *s, size_t number)
{
    static const uint32_t windows[FORMS] = {1, 5, 64, 37, 100, 0, 0};
    static const uint32_t chunks[FORMS] = {0, 0, 0, 0, 0, 64, 23};
    s->form = (attention_form){.window = windows[number % FORMS],
                               .chunk = chunks[number % FORMS],
                               .softcap = number % 3 == 1 ? 1.5f : 0.0f,
                               .slopes = number % 4 >= 2 ? s->slopes : NULL,
                               .sinks = number % 5 >= 3 ? s->sinks : NULL};
    test_fill(s->slopes, 16, VALUES_USUAL);
    test_fill(s->sinks, 16, VALUES_USUAL);
}

void check_attention_forms(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(35);
    for (size_t i = 0; i < SCENES * share_of(6, 2); i++) {
        scene s = scene_number(i % SCENES, (cache_type)(i * 7 / 3 % CACHE_TYPES), VALUES_USUAL);
        const size_t row = (size_t)s.heads * s.shape.head_dim;
        scene_bend(&s, i);
        for (uint32_t t = 0; t < s.length; t++) {
            for (uint32_t h = 0; h < s.heads; h++) {
                rule_query(&s, variants[0], t, h, s.expected + t * row + h * s.shape.head_dim);
            }
        }
        for (size_t v = 0; v < count; v++) {
            scene_store(&s, variants[v]);
            for (uint32_t t = 0, step = 0; t < s.length; t += step) { /* in pieces, the first one large */
                step = t == 0 ? s.length / 2 + 1 : 7;
                step = t + step < s.length ? step : s.length - t;
                attend_range(&s, variants[v], t, t + step, 0, s.heads);
            }
            char label[48];
            (void)snprintf(label, sizeof label, "attention form, scene %zu", i);
            assert_same(s.expected, s.found, row * s.length, label, variants[v]->name);
        }
        scene_free(&s);
    }
}

/* One token at a time, odd pieces, head by head: the bits of all at once. */
void check_attention_chunks(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(32);
    for (size_t i = 0; i < SCENES; i++) {
        for (size_t v = 0; v < count; v++) {
            scene s = scene_number(i, (cache_type)((i + 3) % CACHE_TYPES), VALUES_USUAL);
            const size_t row = (size_t)s.heads * s.shape.head_dim;
            scene_store(&s, variants[v]);
            attend_range(&s, variants[v], 0, s.length, 0, s.heads);
            memcpy(s.expected, s.found, row * s.length * sizeof(float));
            for (uint32_t step = 1; step < 60; step = step * 3 + 2) {
                memset(s.found, 0, row * s.length * sizeof(float));
                for (uint32_t t = 0; t < s.length; t += step) {
                    const uint32_t end = t + step < s.length ? t + step : s.length;
                    const uint32_t middle = s.heads / 2 + (step == 1 && s.heads > 2 ? 1 : 0);
                    attend_range(&s, variants[v], t, end, 0, middle);
                    attend_range(&s, variants[v], t, end, middle, s.heads);
                }
                assert_same(s.expected, s.found, row * s.length, "attention in pieces", variants[v]->name);
            }
            scene_free(&s);
        }
    }
}

/* The rule means softmax: binary64, all positions at once. */
void check_attention_meaning(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    (void)variants_list(variants);
    test_seed(33);
    scene s = scene_number(7, CACHE_F32, VALUES_USUAL);
    scene_store(&s, variants[0]);
    attend_range(&s, variants[0], 0, s.length, 0, s.heads);
    const size_t dim = s.shape.head_dim;
    for (uint32_t t = 0; t < s.length; t++) {
        const float *q = s.q + (size_t)t * s.heads * dim;
        double weight[256];
        double sum = 0;
        for (uint32_t j = 0; j <= t; j++) {
            double dot = 0;
            for (size_t d = 0; d < dim; d++) {
                dot += (double)q[d] * (double)s.key[j * dim + d];
            }
            weight[j] = exp((double)s.scale * dot);
            sum += weight[j];
        }
        for (size_t d = 0; d < dim; d++) {
            double expected = 0;
            for (uint32_t j = 0; j <= t; j++) {
                expected += weight[j] / sum * (double)s.value[j * dim + d];
            }
            assert_true(fabs((double)s.found[(size_t)t * s.heads * dim + d] - expected) < 1e-5);
        }
    }
    scene_free(&s);
}

/* Where a position's key and value lie, and that nothing else is touched. */
void check_cache_store(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    const cache_shape shape = {CACHE_F32, 3, 20};
    float key[60];
    float value[60];
    test_seed(34);
    test_fill(key, 60, VALUES_WIDE);
    test_fill(value, 60, VALUES_WIDE);
    test_cache cache = test_cache_make(shape, 128);
    const uint8_t *page = cache.view.pages[1];
    const float *keys = (const float *)(const void *)(page + cache.view.keys);
    const float *values = (const float *)(const void *)(page + cache.view.values);
    for (size_t v = 0; v < count; v++) {
        memset(cache.memory, 0, cache.bytes);
        variants[v]->attention->store(shape, cache.view, 64 + 37, key, value, 1, 3);
        for (size_t i = 0; i < 3 * 64 * 20; i++) {
            const size_t kv = i / (64 * 20);
            const size_t d = i / 16 % 20;
            const float expected = kv > 0 && i / 320 % 4 == 2 && i % 16 == 5 ? key[kv * 20 + d] : 0.0f;
            assert_same(&expected, keys + i, 1, "key", variants[v]->name);
        }
        for (size_t i = 0; i < 3 * 64 * 32; i++) {
            const size_t kv = i / (64 * 32);
            const float expected = kv > 0 && i / 32 % 64 == 37 && i % 32 < 20 ? value[kv * 20 + i % 32] : 0.0f;
            assert_same(&expected, values + i, 1, "value", variants[v]->name);
        }
        for (size_t i = 0; i < cache.page_bytes; i++) {
            assert_int_equal(cache.view.pages[0][i], 0);
        }
    }
    test_cache_free(&cache);
}

/* In every format: positions in any order give the same bytes, and every variant the scalar's; a position that is
 * stored once more leaves the others' bytes and those of other heads alone. */
void check_cache_positions(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    enum { HEADS = 2, DIM = 44, POSITIONS = 64, ROW = HEADS * DIM };
    float *key = floats((size_t)ROW * POSITIONS);
    float *value = floats((size_t)ROW * POSITIONS);
    test_seed(36);
    test_fill(key, (size_t)ROW * POSITIONS, VALUES_USUAL);
    test_fill(value, (size_t)ROW * POSITIONS, VALUES_USUAL);
    for (int type = 0; type < CACHE_TYPES; type++) {
        const cache_shape shape = {(cache_type)type, HEADS, DIM};
        test_cache first = test_cache_make(shape, POSITIONS);
        test_cache other = test_cache_make(shape, POSITIONS);
        memset(first.memory, 0xA5, first.bytes);
        for (uint32_t p = 0; p < POSITIONS; p++) {
            variants[0]->attention->store(shape, first.view, p, key + p * ROW, value + p * ROW, 0, HEADS);
        }
        for (size_t v = 0; v < count; v++) {
            memset(other.memory, 0xA5, other.bytes);
            for (uint32_t p = POSITIONS; p-- > 0;) {
                variants[v]->attention->store(shape, other.view, p, key + p * ROW, value + p * ROW, 0, 1);
                variants[v]->attention->store(shape, other.view, p, key + p * ROW, value + p * ROW, 1, 2);
            }
            assert_memory_equal(first.memory, other.memory, first.bytes);
            variants[v]->attention->store(shape, other.view, 37, key, value, 1, 2);
            assert_memory_not_equal(first.memory, other.memory, first.bytes);
            variants[v]->attention->store(shape, other.view, 37, key + 37 * ROW, value + 37 * ROW, 1, 2);
            assert_memory_equal(first.memory, other.memory, first.bytes);
        }
        test_cache_free(&first);
        test_cache_free(&other);
    }
    mem_free(key);
    mem_free(value);
}
