/* The experts' products. Rows are sorted by expert, so that an expert's matrices are read once a step:
 *
 *   norm of each token - barrier - router - barrier - choices - barrier - one thread sorts - barrier - inputs prepared
 * - barrier - gate, up - barrier - inner values prepared - barrier - down, and the sum on the rows a thread owns */
#include "nn/moe.h"

#include "nn/profile.h"

#include <string.h>

static size_t area_bytes(unsigned kinds, size_t tokens, size_t n)
{
    size_t bytes = 0;
    for (unsigned kind = 0; kind < ACTIVATION_KINDS; kind++) {
        if ((kinds & (1u << kind)) != 0) { /* whole blocks, as forward.c asks for */
            bytes += (activation_bytes((activation_kind)kind, tokens, (n + 255) / 256 * 256) + 63) / 64 * 64;
        }
    }
    return bytes;
}

size_t moe_prepared_bytes(const moe_config *c, size_t tokens, size_t width, unsigned kinds)
{
    const size_t widest = width > c->ffn ? width : c->ffn;
    const size_t rows = tokens * c->used;
    /* an area per expert that has rows, and each kind's area is rounded up */
    const size_t areas = rows < c->experts ? rows : c->experts;
    return area_bytes(kinds, 1, widest) * rows + areas * 64 * ACTIVATION_KINDS;
}

/* Points at where expert e's rows are prepared; returns where the next one's begin. */
static uint8_t *place_area(uint8_t *at, unsigned kinds, size_t rows, size_t n, nn_input *ret)
{
    for (unsigned kind = 0; kind < ACTIVATION_KINDS; kind++) {
        ret->of[kind] = NULL;
        if ((kinds & (1u << kind)) != 0 && rows != 0) {
            ret->of[kind] = at;
            at += (activation_bytes((activation_kind)kind, rows, (n + 255) / 256 * 256) + 63) / 64 * 64;
        }
    }
    return at;
}

static void place_areas(const moe_config *c, const moe_room *room, unsigned kinds, size_t n)
{
    uint8_t *at = room->prepared;
    for (uint32_t e = 0; e < c->experts; e++) {
        at = place_area(at, kinds, room->begin[e + 1] - room->begin[e], n, &room->inputs[e]);
    }
}

/* The token's row as its expert is given it. */
static const float *weighed(const nn_worker *w, const moe_config *c, const moe_room *room, size_t row, size_t n)
{
    const size_t token = room->tokens[row];
    const float *x = room->normed + token * room->ldn;
    if (!c->weigh_input) {
        return x;
    }
    size_t choice = token * c->used;
    while (room->slots[choice] != row) {
        choice++;
    }
    w->k->scale(x, room->weights[choice], n, w->row);
    return w->row;
}

/* This thread's share of the rows, each into its expert's area. `from` NULL: the tokens' normed rows, else rows of a.
 */
static void prepare_rows(const nn_worker *w, const nn_moe *moe, const moe_room *room, unsigned kinds, size_t tokens,
                         size_t n, bool inner)
{
    const moe_config *c = moe->config;
    const thread_range share = thread_split(tokens * c->used, 1, w->part, w->parts);
    uint32_t e = 0;
    for (size_t row = share.begin; row < share.end; row++) {
        while (room->begin[e + 1] <= row) {
            e++;
        }
        const size_t here = row - room->begin[e];
        const float *x = inner ? room->a + row * room->lda : weighed(w, c, room, row, n);
        for (unsigned kind = 0; kind < ACTIVATION_KINDS; kind++) {
            if ((kinds & (1u << kind)) != 0) {
                w->k->activation_prepare[kind](x, 0, room->begin[e + 1] - room->begin[e], n, here, here + 1,
                                               room->inputs[e].of[kind]);
            }
        }
    }
    nn_lap_work(w, NN_OP_PREPARE, share.end - share.begin, n * sizeof(float), n);
}

/* Routers are computed exactly in either computation: where a token goes shall not depend on how its experts are
 * stored, and files keep routers in several formats. */
static void score_and_route(const nn_worker *worker, const nn_moe *moe, const moe_room *room, size_t tokens,
                            size_t width)
{
    nn_worker exact = *worker;
    exact.how = COMPUTE_F32;
    const nn_worker *w = &exact;
    const moe_config *c = moe->config;
    const matrix *readers[2] = {moe->router, moe->shared_router};
    const bool gated = moe->shared_router != NULL;
    const nn_input *input =
        nn_prepare(w, nn_input_kinds(readers, gated ? 2 : 1, w->how), room->normed, room->ldn, tokens, width, NULL);
    nn_linear(w, moe->router, moe->router_bias, input, tokens, room->scores, c->experts);
    if (gated) {
        nn_linear(w, moe->shared_router, NULL, input, tokens, room->shared_scale, 1);
    }
    nn_barrier(w);
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        moe_route(w->k, c, moe->selection_bias, room->scores + t * c->experts, room->chosen + t * c->used,
                  room->weights + t * c->used);
        if (gated) {
            float e = -room->shared_scale[t];
            w->k->exp(&e, 1, &e);
            room->shared_scale[t] = 1.0f / (1.0f + e);
        }
    }
    nn_lap(w, NN_OP_ROUTE);
    nn_barrier(w);
}

/* y = sum of weight * expert, ascending experts, on rows `own`. */
static void add_up(const nn_worker *w, const moe_config *c, const moe_room *room, thread_range own, size_t tokens,
                   float *y, size_t ldy)
{
    const size_t n = own.end - own.begin;
    for (size_t t = 0; t < tokens && n != 0; t++) {
        float *sum = y + t * ldy + own.begin;
        memset(sum, 0, n * sizeof *sum);
        for (uint32_t i = 0; i < c->used; i++) {
            float *part = room->b + room->slots[t * c->used + i] * room->lda + own.begin;
            if (!c->weigh_input) {
                w->k->scale(part, room->weights[t * c->used + i], n, part);
            }
            w->k->add(sum, part, n, sum);
        }
    }
    nn_lap_work(w, NN_OP_ADD, tokens * c->used, 3 * n * sizeof *y, 2 * n);
}

/* Experts that were left in the file: the disk may begin with all that this step wants. */
static void fetch_chosen(const nn_moe *moe, const moe_room *room)
{
    for (uint32_t e = 0; e < moe->config->experts; e++) {
        const nn_mlp *expert = &moe->experts[e];
        if (room->begin[e + 1] == room->begin[e]) {
            continue;
        }
        if (expert->gate != NULL) {
            matrix_fetch(expert->gate);
        }
        matrix_fetch(expert->up);
        matrix_fetch(expert->down);
    }
}

static void run_experts(const nn_worker *w, const nn_moe *moe, const moe_room *room, size_t tokens, size_t width)
{
    const moe_config *c = moe->config;
    unsigned kinds = 0;
    unsigned inner_kinds = 0;
    for (uint32_t e = 0; e < c->experts; e++) { /* a file may keep experts in several formats */
        const nn_mlp *expert = &moe->experts[e];
        const matrix *entering[2] = {expert->up, expert->gate};
        kinds |= nn_input_kinds(entering, expert->gate != NULL ? 2 : 1, w->how);
        inner_kinds |= nn_input_kinds(&expert->down, 1, w->how);
    }
    if (w->part == 0) {
        moe_sort_rows(c, tokens, room->chosen, room->slots, room->tokens, room->begin);
        fetch_chosen(moe, room);
        place_areas(c, room, kinds, width);
    }
    nn_lap(w, NN_OP_ROUTE);
    nn_barrier(w);
    prepare_rows(w, moe, room, kinds, tokens, width, false);
    nn_barrier(w);
    for (uint32_t e = 0; e < c->experts; e++) {
        const size_t rows = room->begin[e + 1] - room->begin[e];
        if (rows != 0) {
            nn_mlp_inner(w, &moe->experts[e], &room->inputs[e], rows, room->a + room->begin[e] * room->lda, room->lda,
                         room->b + room->begin[e] * room->lda, room->lda);
        }
    }
    nn_barrier(w);
    if (w->part == 0) {
        place_areas(c, room, inner_kinds, c->ffn);
    }
    nn_lap(w, NN_OP_ROUTE);
    nn_barrier(w);
    prepare_rows(w, moe, room, inner_kinds, tokens, c->ffn, true);
    nn_barrier(w);
    for (uint32_t e = 0; e < c->experts; e++) {
        const size_t rows = room->begin[e + 1] - room->begin[e];
        if (rows != 0) {
            nn_linear(w, moe->experts[e].down, moe->experts[e].down_bias, &room->inputs[e], rows,
                      room->b + room->begin[e] * room->lda, room->lda);
        }
    }
}

static void add_shared(const nn_worker *w, const nn_moe *moe, const moe_room *room, size_t tokens, size_t width,
                       float *y, size_t ldy, float *a, float *b, size_t lda)
{
    const matrix *entering[2] = {moe->shared->up, moe->shared->gate};
    const thread_range own = matrix_share(moe->shared->down, w->part, w->parts);
    const size_t n = own.end - own.begin;
    nn_barrier(w); /* the router's input may still be read where it was shared */
    const nn_input *input = nn_prepare(w, nn_input_kinds(entering, moe->shared->gate != NULL ? 2 : 1, w->how),
                                       room->normed, room->ldn, tokens, width, NULL);
    nn_mlp_apply(w, moe->shared, input, tokens, a, lda, b, lda);
    for (size_t t = 0; t < tokens && n != 0; t++) {
        float *part = b + t * lda + own.begin;
        if (moe->shared_router != NULL) {
            w->k->scale(part, room->shared_scale[t], n, part);
        }
        w->k->add(y + t * ldy + own.begin, part, n, y + t * ldy + own.begin);
    }
    nn_lap_work(w, NN_OP_ADD, tokens, 3 * n * sizeof *y, n);
}

void nn_moe_apply(const nn_worker *w, const nn_moe *moe, const moe_room *room, const nn_norm *norm, const float *x,
                  size_t ldx, size_t tokens, size_t width, float *y, size_t ldy, float *a, float *b, size_t lda)
{
    const nn_worker even = nn_evenly(w); /* experts' results are added up by who made them */
    w = &even;
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        nn_norm_row(w->k, norm, x + t * ldx, width, room->normed + t * room->ldn);
    }
    nn_lap_work(w, NN_OP_NORM, share.end - share.begin, 2 * width * sizeof *x, 2 * width);
    nn_barrier(w);
    score_and_route(w, moe, room, tokens, width);
    run_experts(w, moe, room, tokens, width);
    add_up(w, moe->config, room, matrix_share(moe->experts[0].down, w->part, w->parts), tokens, y, ldy);
    if (moe->shared != NULL) {
        add_shared(w, moe, room, tokens, width, y, ldy, a, b, lda);
    }
}
