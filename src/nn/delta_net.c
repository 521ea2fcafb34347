/* Products, then the convolution by channels, then the recurrence by value heads: a barrier between them. */
#include "nn/delta_net.h"

#include "base/limits.h"
#include "nn/profile.h"

#define DELTA_LENGTH_EPS 1e-6f /* under the root of a squared length */
#define DELTA_LINEAR 20.0f     /* softplus is the identity above */

static size_t round_up_16(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t delta_stride(const delta_config *c)
{
    return round_up_16(delta_channels(c));
}

static size_t head_state_floats(const delta_config *c)
{
    return (size_t)c->key_dim * round_up_16(c->value_dim);
}

size_t delta_state_floats(const delta_config *c)
{
    return (c->taps - 1) * delta_stride(c) + c->value_heads * head_state_floats(c);
}

size_t delta_head_floats(const delta_config *c)
{
    return (size_t)DELTA_TOKENS * (2 * (size_t)c->key_dim + 4);
}

static const delta_table *operations(const nn_worker *w)
{
    return w->k->attention->delta;
}

/* ---- the convolution ---- */

static void convolve_share(const nn_worker *w, const nn_delta *d, const delta_room *room, const nn_attention *a)
{
    const delta_config *c = d->config;
    const size_t stride = delta_stride(c);
    const thread_range share = thread_split(delta_channels(c), 16, w->part, w->parts);
    for (size_t i = 0; i < a->sequence_count && share.begin < share.end; i++) {
        const nn_sequence *s = &a->sequences[i];
        float *tail = s->states + d->layer * s->state_floats;
        operations(w)->convolve(room->mixed + s->first * room->ldm, room->ldm, s->count, tail, d->taps, stride, c->taps,
                                share.begin, share.end);
    }
}

/* ---- the recurrence ---- */

/* A thread's room for a head: some tokens of it. */
typedef struct head_room {
    float *q, *k;          /* [DELTA_TOKENS, key_dim] */
    float *decay, *write;  /* [DELTA_TOKENS] */
    float *first, *second; /* likewise */
} head_room;

static head_room room_of(const delta_config *c, float *floats)
{
    const size_t rows = (size_t)DELTA_TOKENS * c->key_dim;
    float *rest = floats + 2 * rows;
    return (head_room){.q = floats,
                       .k = floats + rows,
                       .decay = rest,
                       .write = rest + DELTA_TOKENS,
                       .first = rest + (size_t)2 * DELTA_TOKENS,
                       .second = rest + (size_t)3 * DELTA_TOKENS};
}

/* x / sqrt(sum(x^2) + eps), as an RMS norm and a scale; the query times 1 / sqrt(key_dim), too. */
static void normalise(const nn_worker *w, const delta_config *c, const float *mixed, size_t ldm, uint32_t head,
                      size_t tokens, const head_room *r)
{
    const size_t n = c->key_dim;
    const float eps = DELTA_LENGTH_EPS / (float)n;
    const float root = 1.0f / __builtin_sqrtf((float)n);
    for (size_t t = 0; t < tokens; t++) {
        const float *q = mixed + t * ldm + head * n;
        const float *k = q + c->key_heads * n;
        w->k->rms_norm(q, NULL, eps, n, r->q + t * n);
        w->k->scale(r->q + t * n, 1.0f / (float)n, n, r->q + t * n);
        w->k->rms_norm(k, NULL, eps, n, r->k + t * n);
        w->k->scale(r->k + t * n, root, n, r->k + t * n);
    }
}

/* log(1 + exp(x)): with u = 1 + exp(x) rounded, log(u) * (exp(x) / (u - 1)) makes good what the rounding took. */
static void softplus(const nn_worker *w, float *x, size_t n, float *room)
{
    float sum[DELTA_TOKENS];
    w->k->exp(x, n, room);
    for (size_t i = 0; i < n; i++) {
        sum[i] = 1.0f + room[i];
    }
    float logs[DELTA_TOKENS];
    w->k->log(sum, n, logs);
    for (size_t i = 0; i < n; i++) {
        const float small = sum[i] == 1.0f ? room[i] : logs[i] * (room[i] / (sum[i] - 1.0f));
        x[i] = x[i] > DELTA_LINEAR ? x[i] : small;
    }
}

/* write = 1 / (1 + exp(-b)); decay = exp(rate * softplus(a + bias)) */
static void make_gates(const nn_worker *w, const nn_delta *d, const float *ba, size_t ldb, uint32_t head, size_t tokens,
                       const head_room *r)
{
    for (size_t t = 0; t < tokens; t++) {
        r->first[t] = -ba[t * ldb + head];
        r->decay[t] = ba[t * ldb + d->config->value_heads + head] + d->step_bias[head];
    }
    w->k->exp(r->first, tokens, r->write);
    softplus(w, r->decay, tokens, r->second);
    for (size_t t = 0; t < tokens; t++) {
        r->write[t] = 1.0f / (1.0f + r->write[t]);
        r->second[t] = d->rate[head] * r->decay[t];
    }
    w->k->exp(r->second, tokens, r->decay);
}

/* The head's results, through the norm, times silu(z). */
static void finish_head(const nn_worker *w, const nn_delta *d, const float *z, size_t ldz, size_t tokens, float *out,
                        size_t ldo)
{
    const size_t n = d->config->value_dim;
    for (size_t t = 0; t < tokens; t++) {
        nn_norm_row(w->k, &d->norm, out + t * ldo, n, out + t * ldo);
        w->k->silu_mul(z + t * ldz, out + t * ldo, n, out + t * ldo);
    }
}

/* Some tokens of a sequence, value heads [begin, end), which read one key head. */
static void recur_heads(const nn_worker *w, const nn_delta *d, const delta_room *room, const nn_attention *a,
                        const nn_sequence *s, size_t first, size_t tokens, uint32_t begin, uint32_t end)
{
    const delta_config *c = d->config;
    const head_room r = room_of(c, room->heads[w->part]);
    const float *mixed = room->mixed + first * room->ldm;
    float *states = s->states + d->layer * s->state_floats + (c->taps - 1) * delta_stride(c);
    normalise(w, c, mixed, room->ldm, begin / (c->value_heads / c->key_heads), tokens, &r);
    for (uint32_t head = begin; head < end; head++) {
        const float *v = mixed + 2 * (size_t)c->key_heads * c->key_dim + (size_t)head * c->value_dim;
        float *out = a->out + first * a->ldo + (size_t)head * c->value_dim;
        make_gates(w, d, room->ba + first * room->ldb, room->ldb, head, tokens, &r);
        const delta_head one = {.key_dim = c->key_dim,
                                .value_dim = c->value_dim,
                                .tokens = tokens,
                                .q = r.q,
                                .k = r.k,
                                .v = v,
                                .decay = r.decay,
                                .write = r.write,
                                .ldv = room->ldm,
                                .ldo = a->ldo};
        operations(w)->recur(&one, states + head * head_state_floats(c), out);
        finish_head(w, d, v + delta_values(c), room->ldm, tokens, out, a->ldo);
    }
}

/* This thread's value heads of one sequence. */
static void recur_share(const nn_worker *w, const nn_delta *d, const delta_room *room, const nn_attention *a,
                        const nn_sequence *s)
{
    const uint32_t share = d->config->value_heads / d->config->key_heads;
    const thread_range own = thread_split(d->config->value_heads, 1, w->part, w->parts);
    for (size_t at = 0; at < s->count; at += DELTA_TOKENS) {
        const size_t tokens = s->count - at < DELTA_TOKENS ? s->count - at : DELTA_TOKENS;
        for (size_t head = own.begin; head < own.end;) {
            const size_t next = (head / share + 1) * share;
            const size_t end = next < own.end ? next : own.end;
            recur_heads(w, d, room, a, s, s->first + at, tokens, (uint32_t)head, (uint32_t)end);
            head = end;
        }
    }
}

void nn_delta_apply(const nn_worker *w, const nn_delta *d, const delta_room *room, const nn_norm *norm, const float *x,
                    size_t ldx, size_t width, const nn_attention *a)
{
    const matrix *all[3] = {d->qkv, d->ba, d->z};
    const nn_input *input =
        nn_prepare(w, nn_input_kinds(all, d->z != NULL ? 3 : 2, w->how), x, ldx, a->tokens, width, norm);
    nn_linear(w, d->qkv, NULL, input, a->tokens, room->mixed, room->ldm);
    if (d->z != NULL) {
        nn_linear(w, d->z, NULL, input, a->tokens, room->mixed + delta_channels(d->config), room->ldm);
    }
    nn_linear(w, d->ba, NULL, input, a->tokens, room->ba, room->ldb);
    nn_barrier(w);
    convolve_share(w, d, room, a);
    nn_lap(w, NN_OP_CONVOLVE);
    nn_barrier(w);
    for (size_t i = 0; i < a->sequence_count; i++) {
        recur_share(w, d, room, a, &a->sequences[i]);
    }
    nn_lap(w, NN_OP_RECUR);
}
