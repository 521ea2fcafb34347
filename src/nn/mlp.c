/* The MLP in two stages: gate, up and activation on the rows a thread owns; then down. */
#include "nn/mlp.h"

#include "nn/profile.h"

/* gate is in a, up in b (without a gate, up is in a); the result goes to a. */
static void activate_rows(const nn_worker *w, const nn_mlp *mlp, size_t n, float *a, const float *b)
{
    if (mlp->limit != 0.0f) {
        w->k->swiglu_clamped(a, b, mlp->limit, n, a);
    } else if (mlp->gate == NULL) {
        w->k->activate[mlp->activation](a, mlp->parameters, n, a);
    } else if (mlp->activation == ACTIVATE_SILU) {
        w->k->silu_mul(a, b, n, a);
    } else {
        w->k->activate[mlp->activation](a, mlp->parameters, n, a);
        w->k->mul(a, b, n, a);
    }
}

static void activate_range(const nn_worker *w, const nn_mlp *mlp, size_t tokens, float *a, size_t lda, float *b,
                           size_t ldb, thread_range rows)
{
    for (size_t t = 0; t < tokens && rows.begin < rows.end; t++) {
        activate_rows(w, mlp, rows.end - rows.begin, a + t * lda + rows.begin, b + t * ldb + rows.begin);
    }
    nn_lap_work(w, NN_OP_ACTIVATE, tokens, 3 * (rows.end - rows.begin) * sizeof *a, 0);
}

void nn_mlp_inner(const nn_worker *w, const nn_mlp *mlp, const nn_input *input, size_t tokens, float *a, size_t lda,
                  float *b, size_t ldb)
{
    const bool gated = mlp->gate != NULL;
    float *up = gated ? b : a;
    const size_t ldu = gated ? ldb : lda;
    if (nn_shares_out(w, mlp->up, tokens) && (!gated || nn_shares_out(w, mlp->gate, tokens))) {
        thread_range rows;
        for (nn_take_begin(w, mlp->up); nn_take(w, &rows);) {
            if (gated) {
                nn_linear_rows(w, mlp->gate, mlp->gate_bias, input, tokens, a, lda, rows);
            }
            nn_linear_rows(w, mlp->up, mlp->up_bias, input, tokens, up, ldu, rows);
            activate_range(w, mlp, tokens, a, lda, b, ldb, rows);
        }
        return;
    }
    const nn_worker even = nn_evenly(w); /* gate and up may differ in size, and in who would take which rows */
    if (gated) {
        nn_linear(&even, mlp->gate, mlp->gate_bias, input, tokens, a, lda);
    }
    nn_linear(&even, mlp->up, mlp->up_bias, input, tokens, up, ldu);
    activate_range(w, mlp, tokens, a, lda, b, ldb, matrix_share(mlp->up, w->part, w->parts));
}

void nn_mlp_apply(const nn_worker *w, const nn_mlp *mlp, const nn_input *input, size_t tokens, float *a, size_t lda,
                  float *b, size_t ldb)
{
    nn_mlp_inner(w, mlp, input, tokens, a, lda, b, ldb);
    nn_barrier(w);
    input = nn_prepare(w, nn_input_kinds(&mlp->down, 1, w->how), a, lda, tokens, mlp->down->cols, NULL);
    nn_linear(w, mlp->down, mlp->down_bias, input, tokens, b, ldb);
}

void nn_residual(const nn_worker *w, const matrix *m, const nn_norm *norm, size_t tokens, float factor, float *y,
                 size_t ldy, float *x, size_t ldx)
{
    if (norm == NULL || norm->kind == NORM_NONE) {
        nn_add_rows(w, m, tokens, factor, y, ldy, x, ldx);
        return;
    }
    nn_barrier(w);
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        float *row = y + t * ldy;
        nn_norm_row(w->k, norm, row, m->rows, row);
        nn_lap_work(w, NN_OP_NORM, 1, 2 * m->rows * sizeof *x, 2 * m->rows);
        if (factor != 1.0f) {
            w->k->scale(row, factor, m->rows, row);
        }
        w->k->add(x + t * ldx, row, m->rows, x + t * ldx);
        nn_lap_work(w, NN_OP_ADD, 1, 3 * m->rows * sizeof *x, m->rows);
    }
}

void nn_norm_tokens(const nn_worker *w, const nn_norm *norm, size_t tokens, size_t width, float *x, size_t ldx)
{
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        nn_norm_row(w->k, norm, x + t * ldx, width, x + t * ldx);
    }
    nn_lap_work(w, NN_OP_NORM, share.end - share.begin, 2 * width * sizeof *x, 2 * width);
}
