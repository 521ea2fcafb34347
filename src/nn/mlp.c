/* The gated MLP in two stages: gate, up and SiLU on the rows a thread owns; then down, added to the residual. */
#include "nn/mlp.h"

void nn_mlp_apply(const nn_worker *w, const nn_mlp *mlp, float *x, size_t ldx, size_t tokens, float *a, size_t lda,
                  float *b, size_t ldb)
{
    const matrix *first[2] = {mlp->gate, mlp->up};
    const nn_input *input =
        nn_prepare(w, nn_input_kinds(first, 2, w->how), x, ldx, tokens, mlp->gate->cols, mlp->norm, mlp->eps);
    nn_linear(w, mlp->gate, mlp->gate_bias, input, tokens, a, lda);
    nn_linear(w, mlp->up, mlp->up_bias, input, tokens, b, ldb);
    const thread_range rows = matrix_share(mlp->gate, w->part, w->parts);
    for (size_t t = 0; t < tokens && rows.begin < rows.end; t++) {
        float *own = a + t * lda + rows.begin;
        w->k->silu_mul(own, b + t * ldb + rows.begin, rows.end - rows.begin, own);
    }
    thread_barrier(w->pool);
    input = nn_prepare(w, nn_input_kinds(&mlp->down, 1, w->how), a, lda, tokens, mlp->down->cols, NULL, 0);
    nn_linear_add(w, mlp->down, mlp->down_bias, input, tokens, b, ldb, x, ldx);
}
