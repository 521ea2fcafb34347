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

void nn_linear(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens, float *y,
               size_t ldy)
{
    if (w->observer != NULL && activation_for(m->type, w->how) == ACTIVATION_F32) {
        w->observer->see(w->observer->context, m, input->of[ACTIVATION_F32], activation_row_floats(m->cols), tokens,
                         w->part, w->parts);
    }
    matrix_multiply(w->k, m, w->how, input->of[activation_for(m->type, w->how)], tokens, y, ldy, w->part, w->parts,
                    w->scratch);
    nn_lap_product(w, m, tokens, w->part, w->parts);
    if (bias == NULL) {
        return;
    }
    const thread_range rows = matrix_share(m, w->part, w->parts);
    for (size_t t = 0; t < tokens && rows.begin < rows.end; t++) {
        float *own = y + t * ldy + rows.begin;
        w->k->add(own, bias + rows.begin, rows.end - rows.begin, own);
    }
    nn_lap_work(w, NN_OP_ADD, tokens, 2 * (rows.end - rows.begin) * sizeof *y, rows.end - rows.begin);
}

void nn_add_rows(const nn_worker *w, const matrix *m, size_t tokens, float factor, float *y, size_t ldy, float *x,
                 size_t ldx)
{
    const thread_range rows = matrix_share(m, w->part, w->parts);
    const size_t count = rows.end - rows.begin;
    for (size_t t = 0; t < tokens && count != 0; t++) {
        float *own = x + t * ldx + rows.begin;
        float *more = y + t * ldy + rows.begin;
        if (factor != 1.0f) {
            w->k->scale(more, factor, count, more);
        }
        w->k->add(own, more, count, own);
    }
    nn_lap_work(w, NN_OP_ADD, tokens, 3 * count * sizeof *x, count);
}

void nn_linear_add(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens,
                   float factor, float *y, size_t ldy, float *x, size_t ldx)
{
    nn_linear(w, m, bias, input, tokens, y, ldy);
    nn_add_rows(w, m, tokens, factor, y, ldy, x, ldx);
}
