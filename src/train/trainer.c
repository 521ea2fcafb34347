/* Steps and evaluations. */
#include "train/trainer.h"

#include "base/memory.h"
#include "train/checkpoint_tensors.h"
#include "train/digest.h"
#include "train/shares.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define STATE_PIECE 65536u /* values that are hashed at once */

struct trainer {
    engine *engine;
    train_data data;
    train_model *model;
    optimizer *optimizer;
    train_profile *profile;
    const train_parameter *table;
    size_t parameters;
    shares_plan plan;
    shares *shares;     /* NULL: alone */
    float *gradient;    /* alone */
    train_loss *losses; /* of this rank's subtrees */
    checkpoint_share share;
    uint32_t *tokens;
    packed_segment *segments;
    size_t *first_segment;
    /* where documents are left out: what of a batch is; and a sequence behind one */
    uint8_t *left_out;
    uint32_t *next_tokens;
    packed_segment *next_segments;
};

static hearth_status allocate(trainer *t, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    size_t tokens = 0;
    size_t segments = 0;
    if (!size_mul(r->sequences, (size_t)r->length + 1, &tokens) || !size_mul(r->sequences, r->length, &segments)) {
        return error_memory(error, SIZE_MAX);
    }
    if (t->shares == NULL) {
        t->gradient = mem_alloc_aligned((size_t)train_model_count(t->model) * sizeof(float), 64);
    }
    t->tokens = mem_calloc(tokens, sizeof *t->tokens);
    t->segments = mem_calloc(segments, sizeof *t->segments);
    t->first_segment = mem_calloc((size_t)r->sequences + 1, sizeof *t->first_segment);
    if (t->data.without_count > 0) {
        t->left_out = mem_calloc(segments, sizeof *t->left_out);
        t->next_tokens = mem_calloc((size_t)r->length + 1, sizeof *t->next_tokens);
        t->next_segments = mem_calloc(r->length, sizeof *t->next_segments);
        if (t->left_out == NULL || t->next_tokens == NULL || t->next_segments == NULL) {
            return error_memory(error, segments);
        }
    }
    return (t->gradient == NULL && t->shares == NULL) || t->tokens == NULL || t->segments == NULL ||
                   t->first_segment == NULL
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

static hearth_status read_share(void *context, bool square, uint64_t at, size_t count, float *to, hearth_error *error)
{
    trainer *t = context;
    const float *own = square ? optimizer_square(t->optimizer) : optimizer_mean(t->optimizer);
    return shares_read(t->shares, own, square ? 1 : 0, at, count, to, error);
}

static hearth_status share_out(trainer *t, hearth_error *error)
{
    const recipe_train *how = &t->data.recipe->train;
    group *g = t->data.group;
    const uint64_t count = train_model_count(t->model);
    TRY(shares_plan_make(how, t->table, t->parameters, group_count(g), &t->plan, error));
    TRY(shares_create(g, t->engine, &t->plan, train_model_values(t->model), count, &t->shares, error));
    const optimizer_share share = {g, t->plan.bounds};
    TRY(optimizer_create_share(t->engine, how, t->table, t->parameters, count, &share, &t->optimizer, error));
    const int rank = group_rank(g);
    const uint64_t own = t->plan.owned[rank + 1] - t->plan.owned[rank];
    t->share = (checkpoint_share){t->plan.bounds[rank], t->plan.bounds[rank + 1], read_share, t};
    t->losses = mem_calloc((size_t)own + 1, sizeof *t->losses);
    return t->losses == NULL ? error_memory(error, (size_t)own * sizeof *t->losses) : HEARTH_OK;
}

static hearth_status make(trainer *t, hearth_error *error)
{
    TRY(train_model_create(t->engine, t->data.recipe, packed_vocabulary(t->data.packed), &t->model, error));
    t->parameters = train_model_parameters(t->model, &t->table);
    if (group_count(t->data.group) > 1) {
        TRY(share_out(t, error));
    } else {
        TRY(optimizer_create(t->engine, &t->data.recipe->train, t->table, t->parameters, train_model_count(t->model),
                             &t->optimizer, error));
    }
    return allocate(t, error);
}

hearth_status trainer_create(engine *e, const train_data *data, trainer **ret, hearth_error *error)
{
    TRY(check_data(data, error));
    trainer *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return error_memory(error, sizeof *t);
    }
    *t = (trainer){.engine = e, .data = *data};
    const hearth_status status = make(t, error);
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
        shares_free(t->shares);
        optimizer_free(t->optimizer);
        shares_plan_free(&t->plan);
        train_model_free(t->model);
        mem_free(t->losses);
        mem_free(t->gradient);
        mem_free(t->tokens);
        mem_free(t->segments);
        mem_free(t->first_segment);
        mem_free(t->left_out);
        mem_free(t->next_tokens);
        mem_free(t->next_segments);
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
                               .square = optimizer_square(t->optimizer),
                               .share = t->shares != NULL ? &t->share : NULL};
}

hearth_status trainer_serve(trainer *t, hearth_error *error)
{
    const float *const own[] = {optimizer_mean(t->optimizer), optimizer_square(t->optimizer)};
    return t->shares == NULL ? HEARTH_OK : shares_serve(t->shares, own, error);
}

hearth_status trainer_release(trainer *t, hearth_error *error)
{
    return t->shares == NULL ? HEARTH_OK : shares_end_serving(t->shares, error);
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

/* Whether it is one of data.without. */
static bool is_left_out(const trainer *t, uint64_t document)
{
    size_t low = 0, high = t->data.without_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (t->data.without[middle] < document) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < t->data.without_count && t->data.without[low] == document;
}

/* Nothing is learned from a document that is left out: neither its targets count nor its first token as one. `marks`:
 * [length], of sequence `index` with these segments. */
static void leave_out(trainer *t, const packed_corpus *from, uint64_t index, const packed_segment *segments,
                      size_t count, uint8_t *marks)
{
    const uint32_t length = packed_length(from);
    memset(marks, 0, length);
    for (size_t i = 0; i < count; i++) {
        if (is_left_out(t, segments[i].document)) {
            const uint32_t begin = segments[i].begin > 0 ? segments[i].begin - 1 : 0;
            memset(marks + begin, 1, segments[i].begin + segments[i].count - begin);
        }
    }
    if (index + 1 < packed_sequences(from)) {
        (void)packed_sequence(from, index + 1, t->next_tokens, t->next_segments);
        marks[length - 1] |= is_left_out(t, t->next_segments[0].document);
    }
}

static void gather(trainer *t, const gathering *g, hash_state *h, train_batch *ret)
{
    const bool leaves_out = t->left_out != NULL && g->from == t->data.packed;
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
        if (leaves_out) {
            leave_out(t, g->from, index, t->segments + t->first_segment[s], segments - t->first_segment[s],
                      t->left_out + s * length);
        }
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
                         .length = length,
                         .left_out = leaves_out ? t->left_out : NULL};
}

/* The loss is not finite: which weight is not, or which gradient. */
static hearth_status odd_loss(trainer *t, uint64_t step, double loss, const float *gradient, hearth_error *error)
{
    char place[64];
    const char *what = "weights";
    optimizer_odd odd = optimizer_odd_weight(t->optimizer, train_model_values(t->model));
    if (odd.parameter == NULL) {
        TRY(optimizer_odd_gradient(t->optimizer, gradient, &odd, error));
        what = "gradient";
    }
    (void)snprintf(place, sizeof place, "step %llu", (unsigned long long)step);
    if (odd.parameter == NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, "a finite loss", "%g", loss);
    }
    return error_set(error, HEARTH_E_FORMAT, place, "a finite loss",
                     "%g; the first odd value of the %s: %s, value %llu", loss, what, odd.parameter->name,
                     (unsigned long long)odd.index);
}

/* Micro-batches that this rank computes. */
static shares_subtree own_micro_batches(const trainer *t)
{
    if (t->shares == NULL) {
        return (shares_subtree){0, t->data.recipe->train.micro_batches};
    }
    const int rank = group_rank(t->data.group);
    shares_subtree own = {0, 0};
    for (uint64_t i = t->plan.owned[rank]; i < t->plan.owned[rank + 1]; i++) {
        own.first = own.count == 0 ? t->plan.subtrees[i].first : own.first;
        own.count += t->plan.subtrees[i].count;
    }
    return own;
}

/* The sequences that this rank needs: its own, or at rank 0, which hashes them, all. */
static void gather_step(trainer *t, uint64_t step, hash_state *h, uint32_t *ret_first, train_batch *ret)
{
    const recipe_train *r = &t->data.recipe->train;
    const uint32_t each = r->sequences / r->micro_batches;
    const shares_subtree own = own_micro_batches(t);
    gathering g = {t->data.packed, (step - 1) * r->sequences, r->sequences, true};
    *ret_first = 0;
    if (h == NULL) {
        *ret_first = own.first;
        g.begin += (uint64_t)own.first * each;
        g.count = own.count * each;
    }
    gather(t, &g, h, ret);
}

/* This rank's subtrees of a batch that begins with micro-batch `first`. */
static hearth_status run_subtrees(trainer *t, const train_batch *batch, uint32_t first, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    const size_t each = r->sequences / r->micro_batches;
    const int rank = group_rank(t->data.group);
    const uint64_t targets = (uint64_t)r->sequences * r->length;
    for (uint64_t i = t->plan.owned[rank]; i < t->plan.owned[rank + 1]; i++) {
        const shares_subtree *tree = &t->plan.subtrees[i];
        const size_t at = (tree->first - first) * each;
        const size_t own = (size_t)(i - t->plan.owned[rank]);
        const train_batch part = {.tokens = batch->tokens + at * (batch->length + 1),
                                  .segments = batch->segments,
                                  .first_segment = batch->first_segment + at,
                                  .sequences = tree->count * each,
                                  .length = batch->length,
                                  .left_out = batch->left_out != NULL ? batch->left_out + at * batch->length : NULL};
        TRY(train_model_part(t->model, &part, tree->count, r->z_loss, targets, shares_gradient(t->shares, own),
                             &t->losses[own], error));
    }
    return HEARTH_OK;
}

static hearth_status sum_gradient(trainer *t, const train_batch *batch, uint32_t first, train_loss *loss,
                                  const float **ret_gradient, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    if (t->shares == NULL) {
        *ret_gradient = t->gradient;
        return train_model_step(t->model, batch, r->micro_batches, r->z_loss, t->gradient, loss, error);
    }
    TRY(run_subtrees(t, batch, first, error));
    return shares_reduce(t->shares, t->losses, ret_gradient, loss, error);
}

hearth_status trainer_step(trainer *t, uint64_t step, trainer_step_record *ret, hearth_error *error)
{
    const bool hashes = group_rank(t->data.group) == 0;
    train_batch batch;
    train_loss loss = {0};
    const float *gradient = NULL;
    optimizer_step applied = {0};
    uint32_t first = 0;
    uint8_t digest[32] = {0};
    hash_state *h = hashes ? hash_create() : NULL;
    if (hashes && h == NULL) {
        return error_memory(error, HASH_HEX_SIZE);
    }
    gather_step(t, step, h, &first, &batch);
    if (hashes) {
        hash_finish(h, digest);
    }
    train_lap_alone(t->profile, TRAIN_OP_BATCH);
    TRY(sum_gradient(t, &batch, first, &loss, &gradient, error));
    const double mean = loss.targets > 0 ? loss.sum / (double)loss.targets : 0;
    if (!isfinite(mean)) {
        return odd_loss(t, step, mean, gradient, error);
    }
    TRY(optimizer_apply(t->optimizer, step, gradient, train_model_values(t->model), &applied, error));
    TRY(t->shares != NULL ? shares_spread(t->shares, error) : HEARTH_OK);
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

/* What one micro-batch of an evaluation gave. */
typedef struct evaluated {
    double sum;
    uint64_t tokens, bytes;
} evaluated;

/* This rank's micro-batches, of `count` sequences. */
static hearth_status evaluate_own(trainer *t, uint64_t count, thread_range own, evaluated *ret, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    const uint32_t at_once = r->sequences / r->micro_batches;
    for (size_t i = own.begin; i < own.end; i++) {
        const uint64_t left = count - (uint64_t)i * at_once;
        const gathering g = {t->data.held_out, (uint64_t)i * at_once, left < at_once ? (uint32_t)left : at_once, false};
        train_batch batch;
        train_loss loss = {0};
        gather(t, &g, NULL, &batch);
        train_lap_alone(t->profile, TRAIN_OP_BATCH);
        TRY(train_model_micro(t->model, &batch, 0.0, 1, NULL, &loss, error));
        ret[i] = (evaluated){loss.sum, loss.targets, t->data.token_bytes != NULL ? batch_bytes(t, &batch) : 0};
    }
    return HEARTH_OK;
}

/* All micro-batches at rank 0. */
static hearth_status evaluate_all(trainer *t, uint64_t count, evaluated *parts, size_t micro_batches,
                                  hearth_error *error)
{
    group *g = t->data.group;
    const int ranks = group_count(g);
    uint64_t *bounds = mem_calloc((size_t)ranks + 1, sizeof *bounds);
    if (bounds == NULL) {
        return error_memory(error, (size_t)ranks * sizeof *bounds);
    }
    for (int r = 0; r < ranks; r++) {
        bounds[r + 1] = thread_split(micro_batches, 1, r, ranks).end;
    }
    const int rank = group_rank(g);
    const thread_range own = {(size_t)bounds[rank], (size_t)bounds[rank + 1]};
    hearth_status status = evaluate_own(t, count, own, parts, error);
    status = status == HEARTH_OK ? group_collect(g, parts, sizeof *parts, bounds, error) : status;
    mem_free(bounds);
    return status;
}

hearth_status trainer_evaluate(trainer *t, trainer_evaluation *ret, hearth_error *error)
{
    const recipe_train *r = &t->data.recipe->train;
    const uint32_t at_once = r->sequences / r->micro_batches;
    const uint64_t there = t->data.held_out != NULL ? packed_sequences(t->data.held_out) : 0;
    const uint64_t count = there < r->evaluate_sequences ? there : r->evaluate_sequences;
    const size_t micro_batches = (size_t)((count + at_once - 1) / at_once);
    double sum = 0.0;
    *ret = (trainer_evaluation){.sequences = count, .loss = NAN, .bits_per_byte = NAN};
    evaluated *parts = mem_calloc(micro_batches + 1, sizeof *parts);
    if (parts == NULL) {
        return error_memory(error, micro_batches * sizeof *parts);
    }
    const hearth_status status = evaluate_all(t, count, parts, micro_batches, error);
    for (size_t i = 0; i < micro_batches; i++) {
        sum += parts[i].sum;
        ret->tokens += parts[i].tokens;
        ret->bytes += parts[i].bytes;
    }
    mem_free(parts);
    ret->loss = ret->tokens > 0 ? sum / (double)ret->tokens : NAN;
    if (ret->bytes > 0) {
        ret->bits_per_byte = sum / (double)ret->bytes / 0x1.62e42fefa39efp-1; /* ln 2 */
    }
    return status;
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

static hearth_status hash_share(const checkpoint_values *v, bool square, hash_state *h, float *piece,
                                hearth_error *error)
{
    for (uint64_t at = 0; at < v->count; at += STATE_PIECE) {
        const uint64_t left = v->count - at;
        const size_t n = left < STATE_PIECE ? (size_t)left : STATE_PIECE;
        TRY(v->share->read(v->share->context, square, at, n, piece, error));
        hash_update(h, piece, n * sizeof *piece);
    }
    return HEARTH_OK;
}

/* As digest_values of means and squares, piece by piece. */
static hearth_status digest_shares(const checkpoint_values *v, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    hash_state *h = hash_create();
    float *piece = mem_calloc(STATE_PIECE, sizeof *piece);
    hearth_status status = h == NULL || piece == NULL ? error_memory(error, STATE_PIECE * sizeof *piece) : HEARTH_OK;
    status = status == HEARTH_OK ? hash_share(v, false, h, piece, error) : status;
    status = status == HEARTH_OK ? hash_share(v, true, h, piece, error) : status;
    mem_free(piece);
    if (h != NULL) {
        uint8_t digest[32];
        hash_finish(h, digest);
        hash_hex(digest, ret);
    }
    return status;
}

hearth_status trainer_digest(trainer *t, checkpoint_state *ret, hearth_error *error)
{
    const checkpoint_values v = trainer_values(t);
    if (group_rank(t->data.group) != 0) {
        return trainer_serve(t, error);
    }
    TRY(digest_values(v.values, NULL, v.count, ret->weights, error));
    if (v.share == NULL) {
        TRY(digest_values(v.mean, v.square, v.count, ret->optimizer, error));
    } else {
        TRY(digest_shares(&v, ret->optimizer, error));
        TRY(trainer_release(t, error));
    }
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
