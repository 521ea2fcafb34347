/* The end of the forward pass and the begin of the backward one: logits, the loss, and their gradient, a few rows of
 * logits at a time. */
#include "train/train_state.h"

#include <string.h>

/* log softmax(logits)[target], as `hearth score` has it, of row `t`; the row becomes the loss's gradient. */
static void loss_row(train_work *work, const train_thread *w, size_t t, float *row)
{
    const size_t n = work->m->shape.vocab;
    const uint32_t target = work->targets[t];
    if (work->left_out[t] != 0) {
        memset(row, 0, n * sizeof *row);
        work->log_probabilities[t] = 0;
        work->log_sums[t] = 0;
        return;
    }
    const float logit = row[target];
    const float largest = w->k->max(row, n);
    const float sum = w->k->exp_sum(row, largest, n, row);
    float log_sum = 0;
    w->k->log(&sum, 1, &log_sum);
    work->log_probabilities[t] = logit - largest - log_sum;
    work->log_sums[t] = (double)largest + (double)log_sum;
    if (work->gradient != NULL) {
        const double count = (double)work->step_targets;
        const double slope = 1 + 2 * work->z_loss * work->log_sums[t];
        w->k->scale(row, (float)(slope / ((double)sum * count)), n, row);
        row[target] -= (float)(1 / count);
    }
}

/* Rows [first, first + count) of normed. dy gets the gradient of the last norm's output. */
static void some_rows(train_work *work, const train_thread *w, size_t first, size_t count)
{
    const train_model *m = work->m;
    const size_t ldw = train_stride(m->shape.width);
    const size_t ldv = train_stride(m->shape.vocab);
    const float *x = work->normed + first * ldw;
    const thread_range own = train_share(w, count, 1);
    train_multiply(work, w, &m->head, x, count, work->logits, ldv);
    train_barrier(w);
    for (size_t i = own.begin; i < own.end; i++) {
        loss_row(work, w, first + i, work->logits + i * ldv);
    }
    train_lap_rows(w, TRAIN_OP_LOSS, own.end - own.begin, m->shape.vocab, 2);
    train_barrier(w);
    if (work->gradient != NULL) {
        train_enter(w, TRAIN_BACKWARD);
        train_input_back(work, w, &m->head, work->logits, ldv, count, work->dy + first * ldw, ldw);
        train_weight_back(work, w, &m->head, work->logits, ldv, x, count, first > 0);
        train_barrier(w);
        train_enter(w, TRAIN_FORWARD);
    }
}

void train_head(train_work *work, const train_thread *w)
{
    const train_model *m = work->m;
    const float *x = work->x[m->shape.layers];
    train_norm_rows(work, w, m->final_norm, x, work->normed);
    for (size_t first = 0; first < work->tokens; first += work->logit_rows) {
        const size_t left = work->tokens - first;
        some_rows(work, w, first, left < work->logit_rows ? left : work->logit_rows);
    }
    if (work->gradient != NULL) {
        train_enter(w, TRAIN_BACKWARD);
        train_norm_back(work, w, m->final_norm, x, work->dy, NULL, work->dx);
    }
}

train_loss train_loss_of(const train_work *work)
{
    train_loss loss = {0};
    for (size_t t = 0; t < work->tokens; t++) {
        loss.targets += work->left_out[t] == 0;
        loss.sum -= (double)work->log_probabilities[t];
        loss.z_sum += work->log_sums[t] * work->log_sums[t];
    }
    return loss;
}
