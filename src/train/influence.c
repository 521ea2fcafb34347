/* Gradients of an answer and of documents, at each checkpoint. */
#include "train/influence.h"

#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/schedule.h"
#include "train/train_model.h"

#include <string.h>

typedef struct influencing {
    engine *engine;
    const influence_options *o;
    train_model *model;
    const train_parameter *table;
    size_t parameters;
    float *of_answer, *of_document;
    uint32_t *tokens;  /* [length + 1] */
    uint8_t *left_out; /* [length] */
    size_t length;     /* of the longest sequence */
    uint64_t done, total;
} influencing;

/* ---- sequences ---- */

static size_t used_tokens(const influence_options *o, const influence_tokens *d)
{
    return o->tokens > 0 && o->tokens < d->count ? o->tokens : d->count;
}

static size_t pieces_of(const influence_options *o, const influence_tokens *d)
{
    const size_t inputs = used_tokens(o, d) - 1;
    const size_t length = o->recipe->train.length;
    return (inputs + length - 1) / length;
}

uint64_t influence_cost(const influence_options *o)
{
    uint64_t pieces = 1;
    for (size_t i = 0; i < o->document_count; i++) {
        pieces += pieces_of(o, &o->documents[i]);
    }
    return pieces * o->checkpoint_count;
}

/* One sequence of `inputs` tokens and the one behind them, `tokens`; those of the first `skipped` inputs' targets do
 * not count. */
static hearth_status one_sequence(influencing *n, const uint32_t *tokens, size_t inputs, size_t skipped,
                                  uint64_t targets, float *gradient, train_loss *ret, hearth_error *error)
{
    const packed_segment segment = {.begin = 0, .count = (uint32_t)inputs};
    const size_t first[] = {0, 1};
    memset(n->left_out, 0, inputs);
    memset(n->left_out, 1, skipped);
    const train_batch batch = {.tokens = tokens,
                               .segments = &segment,
                               .first_segment = first,
                               .sequences = 1,
                               .length = inputs,
                               .left_out = skipped > 0 ? n->left_out : NULL};
    TRY(train_model_micro(n->model, &batch, 0.0, targets, gradient, ret, error));
    n->done++;
    const influence_options *o = n->o;
    if (o->progress != NULL && !o->progress(o->progress_context, "gradients", n->done, n->total, "sequences")) {
        return error_set(error, HEARTH_E_CANCELLED, "gradients", NULL, "a wish to stop");
    }
    return HEARTH_OK;
}

static hearth_status answer_gradient(influencing *n, double *ret_loss, hearth_error *error)
{
    const influence_tokens *p = &n->o->prompt, *a = &n->o->answer;
    train_loss loss = {0};
    memcpy(n->tokens, p->ids, p->count * sizeof *n->tokens);
    memcpy(n->tokens + p->count, a->ids, a->count * sizeof *n->tokens);
    TRY(one_sequence(n, n->tokens, p->count + a->count - 1, p->count - 1, a->count, n->of_answer, &loss, error));
    *ret_loss = loss.sum / (double)loss.targets;
    return HEARTH_OK;
}

/* ---- products ---- */

/* Each product is exact; they are added in this order. */
static double dot(const float *a, const float *b, uint64_t count)
{
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* Muon's matrices have a rate of their own. */
static double similarity(const influencing *n, double factor)
{
    const recipe_train *t = &n->o->recipe->train;
    double sum = 0;
    for (size_t i = 0; i < n->parameters; i++) {
        const train_parameter *p = &n->table[i];
        const bool muon = t->optimizer == OPTIMIZER_MUON && p->matrix;
        const double rate = factor * (muon ? t->muon_learning_rate : t->learning_rate);
        sum += rate * dot(n->of_answer + p->offset, n->of_document + p->offset, p->rows * p->cols);
    }
    return sum;
}

static hearth_status one_document(influencing *n, const influence_tokens *d, double factor, double *ret,
                                  hearth_error *error)
{
    const recipe_train *t = &n->o->recipe->train;
    const uint64_t step_targets = (uint64_t)t->sequences * t->length;
    const size_t inputs = used_tokens(n->o, d) - 1;
    for (size_t at = 0; at < inputs; at += t->length) {
        const size_t count = inputs - at < t->length ? inputs - at : t->length;
        train_loss loss = {0};
        TRY(one_sequence(n, d->ids + at, count, 0, step_targets, n->of_document, &loss, error));
        *ret += similarity(n, factor);
    }
    return HEARTH_OK;
}

/* ---- checkpoints ---- */

static hearth_status one_checkpoint(influencing *n, const influence_checkpoint *c, double *influences, double *ret_loss,
                                    hearth_error *error)
{
    const checkpoint_values values = {.table = n->table,
                                      .parameters = n->parameters,
                                      .count = train_model_count(n->model),
                                      .values = train_model_values(n->model)};
    TRY(checkpoint_load(c->folder, &values, error));
    TRY(train_model_changed(n->model, error));
    TRY(answer_gradient(n, ret_loss, error));
    const double factor = schedule_factor(&n->o->recipe->train, c->step);
    for (size_t i = 0; i < n->o->document_count; i++) {
        TRY(one_document(n, &n->o->documents[i], factor, &influences[i], error));
    }
    return HEARTH_OK;
}

static hearth_status check(const influence_options *o, hearth_error *error)
{
    const size_t most = (size_t)o->recipe->model.context + 1;
    if (o->recipe->model.experts > 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "model", "a dense model", "a mixture of experts");
    }
    if (o->prompt.count == 0 || o->answer.count == 0 || o->answer.count > most ||
        o->prompt.count > most - o->answer.count) {
        return error_set(error, HEARTH_E_ARGUMENT, "question and answer",
                         "each a token or more, and room in the context", "%zu and %zu of %zu tokens", o->prompt.count,
                         o->answer.count, most);
    }
    for (size_t i = 0; i < o->document_count; i++) {
        if (o->documents[i].count < 2 || o->tokens == 1) {
            return error_set(error, HEARTH_E_ARGUMENT, "document", "two tokens or more", "%zu", o->documents[i].count);
        }
    }
    return HEARTH_OK;
}

static hearth_status begin(influencing *n, hearth_error *error)
{
    const influence_options *o = n->o;
    const size_t asked = o->prompt.count + o->answer.count;
    TRY(check(o, error));
    TRY(train_model_create(n->engine, o->recipe, o->vocabulary, &n->model, error));
    n->parameters = train_model_parameters(n->model, &n->table);
    n->total = influence_cost(o);
    n->length = asked > o->recipe->train.length ? asked : o->recipe->train.length;
    const size_t bytes = (size_t)train_model_count(n->model) * sizeof(float);
    n->of_answer = mem_alloc_aligned(bytes, 64);
    n->of_document = mem_alloc_aligned(bytes, 64);
    n->tokens = mem_calloc(n->length + 1, sizeof *n->tokens);
    n->left_out = mem_calloc(n->length + 1, sizeof *n->left_out);
    return n->of_answer == NULL || n->of_document == NULL || n->tokens == NULL || n->left_out == NULL
               ? error_memory(error, bytes)
               : HEARTH_OK;
}

hearth_status influence_run(engine *e, const influence_options *o, double *influences, double *losses,
                            hearth_error *error)
{
    influencing n = {.engine = e, .o = o};
    hearth_status status = begin(&n, error);
    memset(influences, 0, o->document_count * sizeof *influences);
    for (size_t i = 0; status == HEARTH_OK && i < o->checkpoint_count; i++) {
        double loss = 0;
        status = one_checkpoint(&n, &o->checkpoints[i], influences, &loss, error);
        if (losses != NULL) {
            losses[i] = loss;
        }
    }
    train_model_free(n.model);
    mem_free(n.of_answer);
    mem_free(n.of_document);
    mem_free(n.tokens);
    mem_free(n.left_out);
    return status;
}
