/* Steps and evaluations. */
#include "train/trainer.h"

#include "base/memory.h"
#include "train/checkpoint_tensors.h"
#include "train/digest.h"

#include <math.h>
#include <stdio.h>

struct trainer {
    engine *engine;
    train_data data;
    train_model *model;
    optimizer *optimizer;
    train_profile *profile;
    const train_parameter *table;
    size_t parameters;
    float *gradient;
    uint32_t *tokens;
    packed_segment *segments;
    size_t *first_segment;
};

static hearth_status allocate(trainer *t, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    size_t tokens = 0;
    size_t segments = 0;
    if (!size_mul(r->sequences, (size_t)r->length + 1, &tokens) || !size_mul(r->sequences, r->length, &segments)) {
        return error_memory(error, SIZE_MAX);
    }
    t->gradient = mem_alloc_aligned((size_t)train_model_count(t->model) * sizeof(float), 64);
    t->tokens = mem_calloc(tokens, sizeof *t->tokens);
    t->segments = mem_calloc(segments, sizeof *t->segments);
    t->first_segment = mem_calloc((size_t)r->sequences + 1, sizeof *t->first_segment);
    return t->gradient == NULL || t->tokens == NULL || t->segments == NULL || t->first_segment == NULL
               ? error_memory(error, tokens * sizeof *t->tokens)
               : HEARTH_OK;
}

static hearth_status check_data(const train_data *d, hearth_error *error)
{
    const recipe_train *r = &d->recipe->train;
    if (packed_length(d->packed) != r->length) {
        return error_set(error, HEARTH_E_FORMAT, "packed corpus", "sequences of the recipe's length", "%u tokens",
                         packed_length(d->packed));
    }
    if (packed_sequences(d->packed) == 0) {
        return error_set(error, HEARTH_E_FORMAT, "packed corpus", "at least one sequence",
                         "fewer tokens than one has (%u)", r->length);
    }
    return HEARTH_OK;
}

hearth_status trainer_create(engine *e, const train_data *data, trainer **ret, hearth_error *error)
{
    TRY(check_data(data, error));
    trainer *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return error_memory(error, sizeof *t);
    }
    *t = (trainer){.engine = e, .data = *data};
    hearth_status status = train_model_create(e, data->recipe, packed_vocabulary(data->packed), &t->model, error);
    if (status == HEARTH_OK) {
        t->parameters = train_model_parameters(t->model, &t->table);
        status = optimizer_create(e, &data->recipe->train, t->table, t->parameters, train_model_count(t->model),
                                  &t->optimizer, error);
    }
    status = status == HEARTH_OK ? allocate(t, error) : status;
    if (status != HEARTH_OK) {
        trainer_free(t);
        return status;
    }
    *ret = t;
    return HEARTH_OK;
}

void trainer_free(trainer *t)
{
    if (t != NULL) {
        train_model_free(t->model);
        optimizer_free(t->optimizer);
        mem_free(t->gradient);
        mem_free(t->tokens);
        mem_free(t->segments);
        mem_free(t->first_segment);
        mem_free(t);
    }
}

void trainer_profile(trainer *t, train_profile *profile)
{
    t->profile = profile;
    train_model_profile(t->model, profile);
    optimizer_profile(t->optimizer, profile);
}

train_model *trainer_model(trainer *t)
{
    return t->model;
}

checkpoint_values trainer_values(trainer *t)
{
    return (checkpoint_values){.table = t->table,
                               .parameters = t->parameters,
                               .count = train_model_count(t->model),
                               .values = train_model_values(t->model),
                               .mean = optimizer_mean(t->optimizer),
                               .square = optimizer_square(t->optimizer)};
}

hearth_status trainer_changed(trainer *t, hearth_error *error)
{
    return train_model_changed(t->model, error);
}

/* ---- a step ---- */

/* Sequences [begin, begin + count) of `from`, by `order` (NULL: as they lie), and the hash of all of it. */
typedef struct gathering {
    const packed_corpus *from;
    uint64_t begin;
    uint32_t count;
    bool shuffled;
} gathering;

static void gather(trainer *t, const gathering *g, hash_state *h, train_batch *ret)
{
    const recipe *r = t->data.recipe;
    const size_t length = r->train.length;
    const uint64_t all = packed_sequences(g->from);
    size_t segments = 0;
    for (uint32_t s = 0; s < g->count; s++) {
        const uint64_t place = g->begin + s;
        const uint64_t index = g->shuffled ? packed_order(g->from, r->seed, place / all, place % all) : place;
        uint32_t *tokens = t->tokens + s * (length + 1);
        t->first_segment[s] = segments;
        segments += packed_sequence(g->from, index, tokens, t->segments + segments);
        if (h != NULL) {
            hash_update(h, &index, sizeof index);
            hash_update(h, tokens, (length + 1) * sizeof *tokens);
        }
    }
    t->first_segment[g->count] = segments;
    *ret = (train_batch){.tokens = t->tokens,
                         .segments = t->segments,
                         .first_segment = t->first_segment,
                         .sequences = g->count,
                         .length = length};
}

/* The loss is not finite: which weight is not, or which gradient. */
static hearth_status odd_loss(trainer *t, uint64_t step, double loss, hearth_error *error)
{
    char place[64];
    uint64_t index = 0;
    const train_parameter *p = optimizer_find_odd(t->optimizer, train_model_values(t->model), &index);
    const char *what = "weights";
    if (p == NULL) {
        p = optimizer_find_odd(t->optimizer, t->gradient, &index);
        what = "gradient";
    }
    (void)snprintf(place, sizeof place, "step %llu", (unsigned long long)step);
    if (p == NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, "a finite loss", "%g", loss);
    }
    return error_set(error, HEARTH_E_FORMAT, place, "a finite loss",
                     "%g; the first odd value of the %s: %s, value %llu", loss, what, p->name,
                     (unsigned long long)index);
}

hearth_status trainer_step(trainer *t, uint64_t step, trainer_step_record *ret, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    const gathering g = {t->data.packed, (step - 1) * r->sequences, r->sequences, true};
    train_batch batch;
    train_loss loss = {0};
    optimizer_step applied = {0};
    uint8_t digest[32];
    hash_state *h = hash_create();
    if (h == NULL) {
        return error_memory(error, HASH_HEX_SIZE);
    }
    gather(t, &g, h, &batch);
    hash_finish(h, digest);
    train_lap_alone(t->profile, TRAIN_OP_BATCH);
    TRY(train_model_step(t->model, &batch, r->micro_batches, r->z_loss, t->gradient, &loss, error));
    const double mean = loss.sum / (double)loss.targets;
    if (!isfinite(mean)) {
        return odd_loss(t, step, mean, error);
    }
    TRY(optimizer_apply(t->optimizer, step, t->gradient, train_model_values(t->model), &applied, error));
    TRY(train_model_changed(t->model, error));
    *ret = (trainer_step_record){.tokens = loss.targets, .loss = mean, .norm = applied.norm, .rate = applied.rate};
    hash_hex(digest, ret->batch);
    return HEARTH_OK;
}

/* ---- evaluation ---- */

static uint64_t batch_bytes(const trainer *t, const train_batch *b)
{
    uint64_t bytes = 0;
    for (size_t s = 0; s < b->sequences; s++) {
        for (size_t i = 1; i <= b->length; i++) {
            bytes += t->data.token_bytes[b->tokens[s * (b->length + 1) + i]];
        }
    }
    return bytes;
}

hearth_status trainer_evaluate(trainer *t, trainer_evaluation *ret, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    const uint32_t at_once = r->sequences / r->micro_batches;
    const uint64_t there = t->data.held_out != NULL ? packed_sequences(t->data.held_out) : 0;
    const uint64_t count = there < r->evaluate_sequences ? there : r->evaluate_sequences;
    double sum = 0.0;
    *ret = (trainer_evaluation){.sequences = count, .bits_per_byte = NAN};
    for (uint64_t begin = 0; begin < count; begin += at_once) {
        const uint64_t left = count - begin;
        const gathering g = {t->data.held_out, begin, left < at_once ? (uint32_t)left : at_once, false};
        train_batch batch;
        train_loss loss = {0};
        gather(t, &g, NULL, &batch);
        train_lap_alone(t->profile, TRAIN_OP_BATCH);
        TRY(train_model_micro(t->model, &batch, 0.0, 1, NULL, &loss, error));
        sum += loss.sum;
        ret->tokens += loss.targets;
        ret->bytes += t->data.token_bytes != NULL ? batch_bytes(t, &batch) : 0;
    }
    ret->loss = ret->tokens > 0 ? sum / (double)ret->tokens : NAN;
    if (ret->bytes > 0) {
        ret->bits_per_byte = sum / (double)ret->bytes / 0x1.62e42fefa39efp-1; /* ln 2 */
    }
    return HEARTH_OK;
}

/* ---- records ---- */

hearth_status trainer_begin_json(const trainer *t, json_t **ret, hearth_error *error)
{
    const train_data *d = &t->data;
    char tokenizer[HASH_HEX_SIZE];
    char manifest[HASH_HEX_SIZE];
    char weights[HASH_HEX_SIZE];
    TRY(digest_file(d->tokenizer, tokenizer, error));
    if (d->manifest != NULL) {
        TRY(digest_file(d->manifest, manifest, error));
    }
    TRY(digest_values(train_model_values(t->model), NULL, train_model_count(t->model), weights, error));
    json_t *r =
        json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:I, s:s}", "kind", "begin", "version", 1, "contract",
                  (json_int_t)d->recipe->contract, "recipe", d->recipe->sha256, "tokenizer", tokenizer, "packed",
                  packed_hash(d->packed), "parameters", (json_int_t)train_model_count(t->model), "weights", weights);
    if (d->held_out != NULL) {
        r = json_door_put(r, "held_out", json_string(packed_hash(d->held_out)));
    }
    if (d->manifest != NULL) {
        r = json_door_put(r, "corpus", json_string(manifest));
    }
    *ret = r;
    return r == NULL ? error_memory(error, 0) : HEARTH_OK;
}

json_t *trainer_step_json(uint64_t step, const trainer_step_record *r)
{
    json_t *value = json_pack("{s:s, s:I, s:s, s:I}", "kind", "step", "step", (json_int_t)step, "batch", r->batch,
                              "tokens", (json_int_t)r->tokens);
    value = json_door_put(value, "loss", json_door_number(r->loss));
    value = json_door_put(value, "gradient_norm", json_door_number(r->norm));
    return json_door_put(value, "learning_rate", json_door_number(r->rate));
}

json_t *trainer_evaluation_json(uint64_t step, const trainer_evaluation *e)
{
    json_t *value = json_pack("{s:s, s:I, s:I, s:I, s:I}", "kind", "evaluation", "step", (json_int_t)step, "sequences",
                              (json_int_t)e->sequences, "tokens", (json_int_t)e->tokens, "bytes", (json_int_t)e->bytes);
    value = json_door_put(value, "loss", json_door_number(e->loss));
    return json_door_put(value, "bits_per_byte", json_door_number(e->bits_per_byte));
}

json_t *trainer_checkpoint_json(const checkpoint_state *s)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s}", "kind", "checkpoint", "step", (json_int_t)s->step, "weights",
                     s->weights, "optimizer", s->optimizer, "model", s->model);
}

hearth_status trainer_digest(trainer *t, checkpoint_state *ret, hearth_error *error)
{
    const checkpoint_values v = trainer_values(t);
    TRY(digest_values(v.values, NULL, v.count, ret->weights, error));
    TRY(digest_values(v.mean, v.square, v.count, ret->optimizer, error));
    return checkpoint_hash_model(t->data.recipe->train.format, &v, ret->model, error);
}

double trainer_step_flops(const trainer *t)
{
    const recipe *r = t->data.recipe;
    const double tokens = (double)r->train.sequences * (double)r->train.length;
    double weights = 0.0;
    for (size_t p = 0; p < t->parameters; p++) {
        weights += t->table[p].rows > 1 ? (double)(t->table[p].rows * t->table[p].cols) : 0.0;
    }
    if (!r->model.tied) { /* the embedding is looked up, not multiplied */
        weights -= (double)packed_vocabulary(t->data.packed) * (double)r->model.width;
    }
    /* two products over half of the square of positions, forward once and backward twice */
    const double attention =
        6.0 * (double)r->model.layers * (double)r->model.heads * (double)r->model.head_size * (double)r->train.length;
    return tokens * (6.0 * weights + attention);
}
