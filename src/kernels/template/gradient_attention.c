/* Attention's gradient (kernels/gradient.h): for a block of 64 keys, for each head, for the blocks of 64 queries that
 * see it, the weights are computed again and multiplied where they go. */
#include "kernels/fill.h"
#include "kernels/gradient.h"
#include "kernels/template/gradient_product.h"
#include "kernels/v16_math.h"

/* A block of keys, and of queries of one head. */
typedef struct gradient_pair {
    const gradient_attention *a;
    size_t key, keys;      /* the first position, and how many */
    size_t query, queries; /* likewise */
    size_t head;
    const float *keys_by_d, *values_by_d; /* panels: [GRADIENT_BLOCK / 16][head_dim][16] */
    float *p, *g;                         /* [GRADIENT_BLOCK][GRADIENT_BLOCK] */
    void *scratch;
} gradient_pair;

static void gradient_turn(const float *rows, size_t ld, size_t count, size_t dim, float *to)
{
    for (size_t j = 0; j < count; j += PANEL_ROWS) {
        const uint8_t *some[PANEL_ROWS];
        const unsigned there = (unsigned)(count - j < PANEL_ROWS ? count - j : PANEL_ROWS);
        for (unsigned i = 0; i < there; i++) {
            some[i] = (const uint8_t *)(rows + (j + i) * ld);
        }
        panel_pack(DTYPE_F32, dim, some, there, (uint8_t *)(to + j * dim));
    }
}

/* p holds the scores, g the products of d_out and v: to p and g as the header has them. */
static void gradient_weigh(const gradient_pair *b)
{
    const gradient_attention *a = b->a;
    const v16f scale = v16f_set1(a->scale);
    for (size_t i = 0; i < b->queries; i++) {
        const size_t position = b->query + i;
        const size_t at = position * a->ld_stat + b->head;
        const size_t sees = position + 1 - b->key < b->keys ? position + 1 - b->key : b->keys;
        const v16f top = v16f_set1(a->max[at]);
        const v16f inverse = v16f_div(v16f_set1(1.0f), v16f_set1(a->sum[at]));
        const v16f dot = v16f_set1(a->dots[at]);
        float *p = b->p + i * GRADIENT_BLOCK;
        float *g = b->g + i * GRADIENT_BLOCK;
        for (size_t j = (sees + 15) / 16 * 16; j < b->keys; j += 16) { /* no query of this row's strip sees them */
            v16f_store(p + j, v16f_zero());
            v16f_store(g + j, v16f_zero());
        }
        for (size_t j = 0; j < sees; j += 16) {
            const v16i place = v16i_add(v16i_set1((int32_t)j), v16i_iota());
            const v16m seen = v16i_gt(v16i_set1((int32_t)sees), place);
            const v16f e = v16_exp(v16f_sub(v16f_mul(scale, v16f_load(p + j)), top));
            const v16f weight = v16f_mul(e, inverse);
            const v16f slope = v16f_mul(v16f_mul(weight, v16f_sub(v16f_load(g + j), dot)), scale);
            v16f_store(p + j, v16f_select(seen, weight, v16f_zero()));
            v16f_store(g + j, v16f_select(seen, slope, v16f_zero()));
        }
    }
}

/* [queries][keys] from rows of a query's [head_dim] and a turned block: 16 keys at a time, and of a block on the
 * diagonal without the queries before them, which see none. */
static void gradient_scores(const gradient_pair *b, const float *rows, size_t ld, const float *by_d, float *to)
{
    for (size_t j = 0; j < b->keys; j += 16) {
        const size_t from = b->query > b->key ? 0 : j;
        const gradient_product p = {.a = rows + from * ld,
                                    .a_row = ld,
                                    .a_step = 1,
                                    .b = by_d + j * b->a->head_dim,
                                    .ldb = 16,
                                    .c = to + from * GRADIENT_BLOCK + j,
                                    .ldc = GRADIENT_BLOCK,
                                    .rows = b->queries > from ? b->queries - from : 0,
                                    .cols = 16,
                                    .steps = b->a->head_dim};
        gradient_multiply(&p, b->scratch);
    }
}

/* to[j] = chain over queries of fma(weights(t, j), rows_t, to[j]) */
static void gradient_to_keys(const gradient_pair *b, const float *weights, const float *rows, size_t ld, float *to,
                             bool resume)
{
    const gradient_product p = {.a = weights,
                                .a_row = 1,
                                .a_step = GRADIENT_BLOCK,
                                .b = rows,
                                .ldb = ld,
                                .c = to,
                                .ldc = b->a->ldkv,
                                .rows = b->keys,
                                .cols = b->a->head_dim,
                                .steps = b->queries,
                                .resume = resume};
    gradient_multiply(&p, b->scratch);
}

static void gradient_block(const gradient_pair *b, bool resume)
{
    const gradient_attention *a = b->a;
    const size_t dim = a->head_dim;
    const float *q = a->q + b->query * a->ldq + b->head * dim;
    const float *d_out = a->d_out + b->query * a->ldo + b->head * dim;
    gradient_scores(b, q, a->ldq, b->keys_by_d, b->p);
    gradient_scores(b, d_out, a->ldo, b->values_by_d, b->g);
    gradient_weigh(b);
    gradient_to_keys(b, b->p, d_out, a->ldo, a->dv + b->key * a->ldkv, resume);
    gradient_to_keys(b, b->g, q, a->ldq, a->dk + b->key * a->ldkv, resume);
    const gradient_product to_queries = {.a = b->g,
                                         .a_row = GRADIENT_BLOCK,
                                         .a_step = 1,
                                         .b = a->k + b->key * a->ldkv,
                                         .ldb = a->ldkv,
                                         .c = a->dq + b->query * a->ldq + b->head * dim,
                                         .ldc = a->ldq,
                                         .rows = b->queries,
                                         .cols = dim,
                                         .steps = b->keys,
                                         .resume = b->key > 0};
    gradient_multiply(&to_queries, b->scratch);
}

void V16_NAME(gradient_attention_heads)(const gradient_attention *a, void *scratch)
{
    float *room = (float *)scratch + GRADIENT_SCRATCH_BYTES / sizeof(float);
    float *keys_by_d = room + 2 * GRADIENT_BLOCK * GRADIENT_BLOCK;
    gradient_pair b = {.a = a,
                       .p = room,
                       .g = room + GRADIENT_BLOCK * GRADIENT_BLOCK,
                       .keys_by_d = keys_by_d,
                       .values_by_d = keys_by_d + GRADIENT_BLOCK * a->head_dim,
                       .scratch = scratch};
    for (b.key = 0; b.key < a->tokens; b.key += GRADIENT_BLOCK) {
        b.keys = a->tokens - b.key < GRADIENT_BLOCK ? a->tokens - b.key : GRADIENT_BLOCK;
        gradient_turn(a->k + b.key * a->ldkv, a->ldkv, b.keys, a->head_dim, keys_by_d);
        gradient_turn(a->v + b.key * a->ldkv, a->ldkv, b.keys, a->head_dim, keys_by_d + GRADIENT_BLOCK * a->head_dim);
        for (b.head = 0; b.head < a->group; b.head++) {
            for (b.query = b.key; b.query < a->tokens; b.query += GRADIENT_BLOCK) {
                b.queries = a->tokens - b.query < GRADIENT_BLOCK ? a->tokens - b.query : GRADIENT_BLOCK;
                gradient_block(&b, b.head > 0 || b.query > b.key);
            }
        }
    }
}
