/* Products with their inputs prepared, biases and the residual added on the rows that a thread just made. */
#include "nn/linear.h"

#include "kernels/activation.h"
#include "nn/profile.h"

unsigned nn_input_kinds(const matrix *const *matrices, size_t count, compute how)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < count; i++) {
        kinds |= 1u << activation_for(matrices[i]->type, how);
    }
    return kinds;
}

static void prepare_tokens(const nn_worker *w, unsigned kinds, const nn_input *into, const float *x, size_t ldx,
                           size_t tokens, size_t n, const nn_norm *norm, thread_range share)
{
    for (size_t t = share.begin; t < share.end; t++) {
        const float *row = x + t * ldx;
        if (norm != NULL && norm->kind != NORM_NONE) {
            nn_norm_row(w->k, norm, row, n, w->row);
            row = w->row;
            nn_lap_work(w, NN_OP_NORM, 1, 2 * n * sizeof *x, 2 * n);
        }
        for (unsigned kind = 0; kind < ACTIVATION_KINDS; kind++) {
            if ((kinds & (1u << kind)) != 0) { /* stride 0: whichever token, it is this row */
                w->k->activation_prepare[kind](row, 0, tokens, n, t, t + 1, into->of[kind]);
            }
        }
        nn_lap_work(w, NN_OP_PREPARE, 1, n * sizeof *x, n);
    }
}

const nn_input *nn_prepare(const nn_worker *w, unsigned kinds, const float *x, size_t ldx, size_t tokens, size_t n,
                           const nn_norm *norm)
{
    if (tokens <= NN_OWN_TOKENS) {
        prepare_tokens(w, kinds, &w->own, x, ldx, tokens, n, norm, (thread_range){0, tokens});
        return &w->own;
    }
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    prepare_tokens(w, kinds, w->shared, x, ldx, tokens, n, norm, share);
    nn_barrier(w);
    return w->shared;
}

/* ---- rows shared out as threads get on ---- */

#define SHARED_OUT_TOKENS 32u /* more keep every thread busy so long that waiting counts little */

bool nn_shares_out(const nn_worker *w, const matrix *m, size_t tokens)
{
    return w->taken != NULL && w->parts > 1 && w->parts <= NN_TAKEN_PARTS && w->observer == NULL && m->stream == NULL &&
           tokens <= SHARED_OUT_TOKENS && matrix_packed_bytes(m->type, m->rows, m->cols) >= w->taken->worth_bytes;
}

void nn_take_begin(const nn_worker *w, const matrix *m)
{
    w->taken->stage++;
    w->taken->of = m;
    w->taken->count = 0;
}

bool nn_take(const nn_worker *w, thread_range *ret_rows)
{
    nn_taken *taken = w->taken;
    const matrix *m = taken->of;
    const size_t panels = (m->rows + PANEL_ROWS - 1) / PANEL_ROWS;
    const size_t few = taken->worth_bytes / 16 / panel_bytes(m->type, m->cols);
    /* Enough pieces: the rest of each share at once, so that there is room to note them. */
    const size_t least = taken->count >= NN_TAKEN - NN_TAKEN_PARTS ? panels : few > 0 ? few : 1;
    const thread_range got = thread_claim(taken->claims, taken->stage, panels, least, w->part);
    if (got.begin >= got.end) {
        return false;
    }
    const size_t end = got.end * PANEL_ROWS;
    *ret_rows = (thread_range){got.begin * PANEL_ROWS, end < m->rows ? end : m->rows};
    taken->rows[taken->count++] = *ret_rows;
    return true;
}

nn_rows nn_own_rows(const nn_worker *w, const matrix *m)
{
    nn_rows own = {.one = matrix_share(m, w->part, w->parts), .count = 1};
    if (w->taken != NULL && w->taken->of == m) {
        own.count = w->taken->count;
        own.many = w->taken->rows;
    }
    return own;
}

/* ---- products ---- */

static void add_bias(const nn_worker *w, const float *bias, size_t tokens, float *y, size_t ldy, thread_range rows)
{
    const size_t count = rows.end - rows.begin;
    if (bias == NULL) {
        return;
    }
    for (size_t t = 0; t < tokens && count != 0; t++) {
        float *own = y + t * ldy + rows.begin;
        w->k->add(own, bias + rows.begin, count, own);
    }
    nn_lap_work(w, NN_OP_ADD, tokens, 2 * count * sizeof *y, count);
}

void nn_linear_rows(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens,
                    float *y, size_t ldy, thread_range rows)
{
    matrix_multiply_rows(w->k, m, w->how, input->of[activation_for(m->type, w->how)], tokens, y, ldy, rows, w->scratch);
    nn_lap_product(w, m, tokens, rows);
    add_bias(w, bias, tokens, y, ldy, rows);
}

void nn_linear(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens, float *y,
               size_t ldy)
{
    if (nn_shares_out(w, m, tokens)) {
        thread_range rows;
        for (nn_take_begin(w, m); nn_take(w, &rows);) {
            nn_linear_rows(w, m, bias, input, tokens, y, ldy, rows);
        }
        return;
    }
    if (w->observer != NULL && activation_for(m->type, w->how) == ACTIVATION_F32) {
        w->observer->see(w->observer->context, m, input->of[ACTIVATION_F32], activation_row_floats(m->cols), tokens,
                         w->part, w->parts);
    }
    matrix_multiply(w->k, m, w->how, input->of[activation_for(m->type, w->how)], tokens, y, ldy, w->part, w->parts,
                    w->scratch);
    const thread_range rows = matrix_share(m, w->part, w->parts);
    nn_lap_product(w, m, tokens, rows);
    add_bias(w, bias, tokens, y, ldy, rows);
    if (w->taken != NULL) {
        w->taken->of = NULL; /* these rows are the even share again */
    }
}

void nn_add_rows(const nn_worker *w, const matrix *m, size_t tokens, float factor, float *y, size_t ldy, float *x,
                 size_t ldx)
{
    const nn_rows own = nn_own_rows(w, m);
    for (size_t i = 0; i < own.count; i++) {
        const thread_range rows = nn_rows_at(&own, i);
        const size_t count = rows.end - rows.begin;
        for (size_t t = 0; t < tokens && count != 0; t++) {
            float *into = x + t * ldx + rows.begin;
            float *more = y + t * ldy + rows.begin;
            if (factor != 1.0f) {
                w->k->scale(more, factor, count, more);
            }
            w->k->add(into, more, count, into);
        }
        nn_lap_work(w, NN_OP_ADD, tokens, 3 * count * sizeof *x, count);
    }
}

void nn_linear_add(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens,
                   float factor, float *y, size_t ldy, float *x, size_t ldx)
{
    nn_linear(w, m, bias, input, tokens, y, ldy);
    nn_add_rows(w, m, tokens, factor, y, ldy, x, ldx);
}
