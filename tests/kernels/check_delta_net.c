/* A gated delta net's kernels: variants against scalar, scalar against plain loops over the text of delta_net.h. */
#include "kernels/attention.h"
#include "kernels/kernel_test.h"

#include <math.h>
#include <string.h>

#define MOST_TOKENS 9
#define MOST_CHANNELS 70
#define MOST_TAPS 5
#define MOST_KEY 37
#define MOST_VALUE 131
#define PADDED 144

/* ---- the convolution ---- */

typedef struct convolution {
    size_t tokens, channels, taps, begin, end;
    float x[MOST_TOKENS * MOST_CHANNELS];
    float tail[MOST_TAPS * MOST_CHANNELS];
    float weights[MOST_TAPS * MOST_CHANNELS];
} convolution;

/* The sum before the SiLU, and the tail after. */
static void plain_convolution(const convolution *c, float *sums, float *tail)
{
    float rows[MOST_TOKENS + MOST_TAPS][MOST_CHANNELS];
    memcpy(tail, c->tail, sizeof c->tail);
    for (size_t i = 0; i < c->taps - 1; i++) {
        memcpy(rows[i], c->tail + i * MOST_CHANNELS, sizeof rows[0]);
    }
    for (size_t t = 0; t < c->tokens; t++) {
        memcpy(rows[c->taps - 1 + t], c->x + t * MOST_CHANNELS, sizeof rows[0]);
    }
    for (size_t channel = c->begin; channel < c->end; channel++) {
        for (size_t t = 0; t < c->tokens; t++) {
            float sum = 0.0f;
            for (size_t i = 0; i < c->taps; i++) {
                sum = fmaf(c->weights[i * MOST_CHANNELS + channel], rows[t + i][channel], sum);
            }
            sums[t * MOST_CHANNELS + channel] = sum;
        }
        for (size_t i = 0; i < c->taps - 1; i++) {
            tail[i * MOST_CHANNELS + channel] = rows[c->tokens + i][channel];
        }
    }
}

static void check_convolution(const kernel_table *k, const kernel_table *scalar, const convolution *c)
{
    convolution made = *c;
    float sums[MOST_TOKENS * MOST_CHANNELS];
    float tail[MOST_TAPS * MOST_CHANNELS];
    memcpy(sums, c->x, sizeof sums);
    plain_convolution(c, sums, tail);
    for (size_t t = 0; t < c->tokens; t++) {
        float *row = sums + t * MOST_CHANNELS + c->begin;
        scalar->activate[ACTIVATE_SILU](row, NULL, c->end - c->begin, row);
    }
    k->attention->delta->convolve(made.x, MOST_CHANNELS, c->tokens, made.tail, c->weights, MOST_CHANNELS, c->taps,
                                  c->begin, c->end);
    assert_same(sums, made.x, MOST_TOKENS * MOST_CHANNELS, "delta convolution", k->name);
    assert_same(tail, made.tail, MOST_TAPS * MOST_CHANNELS, "delta convolution's tail", k->name);
}

/* ---- the recurrence ---- */

typedef struct recurrence {
    size_t key, value, tokens;
    float q[MOST_TOKENS * MOST_KEY], k[MOST_TOKENS * MOST_KEY], v[MOST_TOKENS * MOST_VALUE];
    float decay[MOST_TOKENS], write[MOST_TOKENS];
    float state[MOST_KEY * PADDED]; /* as the kernels have it */
} recurrence;

static float *state_at(const recurrence *r, float *state, size_t i, size_t j)
{
    return state + (j / 16 * r->key + i) * 16 + j % 16;
}

static void plain_recurrence(const recurrence *r, float *state, float *out)
{
    memcpy(state, r->state, sizeof r->state);
    for (size_t t = 0; t < r->tokens; t++) {
        const float *q = r->q + t * r->key;
        const float *k = r->k + t * r->key;
        for (size_t j = 0; j < r->value; j++) {
            float m = 0.0f;
            float o = 0.0f;
            for (size_t i = 0; i < r->key; i++) {
                m = fmaf(*state_at(r, state, i, j), k[i], m);
            }
            const float shrunk = r->decay[t] * m;
            const float missing = r->v[t * MOST_VALUE + j] - shrunk;
            const float change = missing * r->write[t];
            for (size_t i = 0; i < r->key; i++) {
                float *s = state_at(r, state, i, j);
                const float left = r->decay[t] * *s;
                *s = fmaf(k[i], change, left);
                o = fmaf(*s, q[i], o);
            }
            out[t * MOST_VALUE + j] = o;
        }
    }
}

static void check_recurrence(const kernel_table *k, const recurrence *r)
{
    static float expected[MOST_TOKENS * MOST_VALUE];
    static float found[MOST_TOKENS * MOST_VALUE];
    static float state[MOST_KEY * PADDED];
    recurrence made = *r;
    for (size_t i = 0; i < MOST_TOKENS * MOST_VALUE; i++) {
        expected[i] = 12345.0f; /* what lies beside the head must survive */
        found[i] = 12345.0f;
    }
    plain_recurrence(r, state, expected);
    const delta_head head = {.key_dim = r->key,
                             .value_dim = r->value,
                             .tokens = r->tokens,
                             .q = r->q,
                             .k = r->k,
                             .v = r->v,
                             .decay = r->decay,
                             .write = r->write,
                             .ldv = MOST_VALUE,
                             .ldo = MOST_VALUE};
    k->attention->delta->recur(&head, made.state, found);
    assert_same(expected, found, MOST_TOKENS * MOST_VALUE, "delta recurrence", k->name);
    for (size_t j = 0; j < r->value; j++) {
        for (size_t i = 0; i < r->key; i++) {
            assert_same(state_at(r, state, i, j), state_at(r, made.state, i, j), 1, "delta state", k->name);
        }
    }
}

static void fill_recurrence(recurrence *r, input_kind kind)
{
    test_fill(r->q, MOST_TOKENS * MOST_KEY, kind);
    test_fill(r->k, MOST_TOKENS * MOST_KEY, kind);
    test_fill(r->v, MOST_TOKENS * MOST_VALUE, kind);
    test_fill(r->decay, MOST_TOKENS, kind);
    test_fill(r->write, MOST_TOKENS, kind);
    test_fill(r->state, MOST_KEY * PADDED, kind);
    for (size_t j = r->value; j < PADDED; j++) {
        for (size_t i = 0; i < r->key && j / 16 * r->key * 16 + (i + 1) * 16 <= MOST_KEY * PADDED; i++) {
            *state_at(r, r->state, i, j) = 0.0f;
        }
    }
}

static void check_sigmoid_gate(const kernel_table *k, const kernel_table *scalar, input_kind kind)
{
    float gate[100];
    float x[100];
    float expected[100];
    float found[100];
    for (size_t n = 1; n <= 100; n += 11) {
        test_fill(gate, n, kind);
        test_fill(x, n, kind);
        for (size_t i = 0; i < n; i++) {
            expected[i] = -gate[i];
        }
        scalar->exp(expected, n, expected);
        for (size_t i = 0; i < n; i++) {
            expected[i] = x[i] / (1.0f + expected[i]);
        }
        k->attention->delta->sigmoid_gate(gate, x, n, found);
        assert_same(expected, found, n, "sigmoid gate", k->name);
        k->attention->delta->sigmoid_gate(gate, x, n, x);
        assert_same(expected, x, n, "sigmoid gate in place", k->name);
    }
}

void check_delta_net(void **state)
{
    (void)state;
    static const size_t keys[] = {1, 8, 12, 37};
    static const size_t values[] = {1, 16, 20, 48, 63, 64, 65, 131};
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    static recurrence r;
    convolution c;
    test_seed(17);
    for (size_t v = 0; v < count; v++) {
        for (int kind = 0; kind < VALUES_COUNT; kind++) {
            for (size_t i = 0; i < 4 * 8; i++) {
                r = (recurrence){.key = keys[i / 8], .value = values[i % 8], .tokens = 1 + i % MOST_TOKENS};
                fill_recurrence(&r, (input_kind)kind);
                check_recurrence(variants[v], &r);
            }
            for (size_t i = 0; i < 60; i++) {
                c = (convolution){.tokens = 1 + i % MOST_TOKENS, .channels = MOST_CHANNELS, .taps = 2 + i % 4};
                c.begin = i % 3 * 16;
                c.end = i % 2 == 0 ? MOST_CHANNELS : c.begin + 16;
                test_fill(c.x, MOST_TOKENS * MOST_CHANNELS, (input_kind)kind);
                test_fill(c.tail, MOST_TAPS * MOST_CHANNELS, (input_kind)kind);
                test_fill(c.weights, MOST_TAPS * MOST_CHANNELS, (input_kind)kind);
                check_convolution(variants[v], variants[0], &c);
            }
            check_sigmoid_gate(variants[v], variants[0], (input_kind)kind);
        }
    }
}
