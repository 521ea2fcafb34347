/* Micro-batches, and steps of several: their gradients are summed along a binary tree that the number of micro-batches
 * alone decides. Threads compute one micro-batch after the other together, or each its own parts of the tree. */
#include "base/memory.h"
#include "platform/pages.h"
#include "train/train_state.h"
#include "train/train_sum.h"

#define SIDE_BY_SIDE_BYTES ((size_t)1 << 30) /* of room for it, at most */

/* ---- what a micro-batch is made of ---- */

/* Each sequence's documents lie one behind the other and fill it; ids are the vocabulary's. */
static hearth_status check_batch(const train_model *m, const train_batch *batch, uint32_t *ret_longest,
                                 hearth_error *error)
{
    const size_t row = batch->length + 1;
    if (batch->sequences == 0 || batch->length == 0 || batch->length > m->shape.context) {
        return error_set(error, HEARTH_E_ARGUMENT, "batch", "sequences of 1 token to the model's context", "%zu of %zu",
                         batch->sequences, batch->length);
    }
    for (size_t i = 0; i < batch->sequences * row; i++) {
        if (batch->tokens[i] >= m->shape.vocab) {
            return error_set(error, HEARTH_E_ARGUMENT, "token", "an id of the vocabulary", "%u of %u", batch->tokens[i],
                             m->shape.vocab);
        }
    }
    *ret_longest = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t at = 0;
        for (size_t i = batch->first_segment[s]; i < batch->first_segment[s + 1]; i++) {
            const packed_segment *segment = &batch->segments[i];
            if (segment->begin != at || segment->count == 0 || segment->count > batch->length - at) {
                return error_set(error, HEARTH_E_ARGUMENT, "segment", "one that begins where the last ended",
                                 "%u at %u", segment->count, segment->begin);
            }
            at += segment->count;
            *ret_longest = segment->count > *ret_longest ? segment->count : *ret_longest;
        }
        if (at != batch->length) {
            return error_set(error, HEARTH_E_ARGUMENT, "segments", "those of a whole sequence", "%zu of %zu tokens", at,
                             batch->length);
        }
    }
    return HEARTH_OK;
}

/* Sequences [first, first + count) of a batch that was checked. */
static void load(train_work *work, const train_batch *batch, size_t first, size_t count)
{
    work->tokens = count * batch->length;
    work->segment_count = 0;
    for (size_t s = 0; s < count; s++) {
        const uint32_t *row = batch->tokens + (first + s) * (batch->length + 1);
        const size_t at = s * batch->length;
        for (size_t t = 0; t < batch->length; t++) {
            work->ids[at + t] = row[t];
            work->targets[at + t] = row[t + 1];
            work->left_out[at + t] = batch->left_out != NULL ? batch->left_out[(first + s) * batch->length + t] : 0;
        }
        for (size_t i = batch->first_segment[first + s]; i < batch->first_segment[first + s + 1]; i++) {
            work->segments[work->segment_count++] =
                (train_segment){at + batch->segments[i].begin, batch->segments[i].count};
        }
    }
    for (size_t i = 0; i < TRAIN_COUNTERS * (size_t)work->m->shape.layers; i++) {
        atomic_store_explicit(&work->next[i], 0, memory_order_relaxed);
    }
}

static void compute_part(train_work *work, const train_thread *w)
{
    train_enter(w, work->gradient != NULL ? TRAIN_FORWARD : TRAIN_EVALUATION);
    train_forward(work, w);
    train_head(work, w);
    if (work->gradient != NULL) {
        train_enter(w, TRAIN_BACKWARD);
        train_backward(work, w);
    }
}

/* Work for `tokens` tokens in place `index`. */
static hearth_status work_for(train_model *m, size_t index, size_t tokens, hearth_error *error)
{
    if (m->works[index] != NULL && m->works[index]->capacity >= tokens) {
        return HEARTH_OK;
    }
    train_work_free(m->works[index]);
    m->works[index] = NULL;
    return train_work_create(m, tokens, &m->works[index], error);
}

static hearth_status get_ready(train_model *m, const train_batch *batch, hearth_error *error)
{
    uint32_t longest = 0;
    TRY(check_batch(m, batch, &longest, error));
    TRY(rope_table_extend(&m->rope, longest, error));
    return train_rooms_for(m, longest, error);
}

/* ---- one micro-batch, all threads ---- */

static void micro_part(void *context, int part, int parts)
{
    train_work *work = context;
    (void)parts;
    compute_part(work, &work->m->threads[part]);
}

static train_loss run_micro(train_work *work, const train_batch *batch, size_t first, size_t count, float *gradient)
{
    load(work, batch, first, count);
    work->gradient = gradient;
    train_run(work->m->profile, work->m->engine, TRAIN_FORWARD, TRAIN_OP_OTHER, micro_part, work);
    return train_loss_of(work);
}

hearth_status train_model_micro(train_model *m, const train_batch *batch, double z_loss, uint64_t step_targets,
                                float *gradient, train_loss *ret, hearth_error *error)
{
    TRY(get_ready(m, batch, error));
    TRY(work_for(m, 0, batch->sequences * batch->length, error));
    m->works[0]->z_loss = z_loss;
    m->works[0]->step_targets = step_targets;
    *ret = run_micro(m->works[0], batch, 0, batch->sequences, gradient);
    return HEARTH_OK;
}

/* ---- the tree ---- */

typedef struct tree {
    train_model *m;
    const train_batch *batch;
    size_t each; /* sequences of a micro-batch */
    size_t micro_batches;
    double z_loss;
    uint64_t step_targets;
    train_loss *losses; /* [micro_batches] */
    float *gradient;
    /* side by side: `roots` parts of the tree, each of 2^height micro-batches */
    size_t roots, height;
    atomic_size_t next;
    size_t width; /* of add_part: the roots that are added stand so far apart */
} tree;

static void prepare_work(train_work *work, const tree *t)
{
    work->z_loss = t->z_loss;
    work->step_targets = t->step_targets;
}

void train_sums_free(train_model *m)
{
    for (size_t i = 0; i < m->sum_count; i++) {
        pages_free(m->sums[i], m->count * sizeof(float));
    }
    mem_free(m->sums);
    m->sums = NULL;
    m->sum_count = 0;
}

static hearth_status sums_for(train_model *m, size_t count, hearth_error *error)
{
    if (count <= m->sum_count) {
        return HEARTH_OK;
    }
    float **sums = mem_realloc(m->sums, count * sizeof *sums);
    if (sums == NULL) {
        return error_memory(error, count * sizeof *sums);
    }
    m->sums = sums;
    while (m->sum_count < count) {
        sums[m->sum_count] = pages_alloc(m->count * sizeof(float));
        if (sums[m->sum_count] == NULL) {
            return error_memory(error, m->count * sizeof(float));
        }
        m->sum_count++;
    }
    return HEARTH_OK;
}

/* ---- one micro-batch after the other ---- */

/* Micro-batches [first, first + 2^height) into `gradient`: the left half's sum plus the right half's. */
static void sum_together(const tree *t, size_t first, size_t height, float *gradient)
{
    train_model *m = t->m;
    if (height == 0) {
        t->losses[first] = run_micro(m->works[0], t->batch, first * t->each, t->each, gradient);
        return;
    }
    const size_t half = (size_t)1 << (height - 1);
    sum_together(t, first, height - 1, gradient);
    sum_together(t, first + half, height - 1, m->sums[height - 1]);
    train_sum(m->profile, m->engine, gradient, m->sums[height - 1], m->count);
}

static size_t height_of(size_t count)
{
    size_t height = 0;
    while (((size_t)1 << height) < count) {
        height++;
    }
    return height;
}

static hearth_status step_together(tree *t, hearth_error *error)
{
    const size_t height = height_of(t->micro_batches);
    TRY(sums_for(t->m, height, error));
    TRY(work_for(t->m, 0, t->each * t->batch->length, error));
    prepare_work(t->m->works[0], t);
    sum_together(t, 0, height, t->gradient);
    return HEARTH_OK;
}

/* ---- side by side ---- */

static float *root_sum(const tree *t, size_t root)
{
    return root == 0 ? t->gradient : t->m->sums[root - 1];
}

/* As sum_together, by one thread; `sums`: [height] of its own. */
static void sum_alone(const tree *t, const train_thread *w, train_work *work, size_t first, size_t height,
                      float *gradient, float **sums)
{
    if (height == 0) {
        load(work, t->batch, first * t->each, t->each);
        train_lap_work(w, TRAIN_OP_OTHER, 0, 0, 0);
        work->gradient = gradient;
        compute_part(work, w);
        t->losses[first] = train_loss_of(work);
        return;
    }
    const size_t half = (size_t)1 << (height - 1);
    sum_alone(t, w, work, first, height - 1, gradient, sums);
    sum_alone(t, w, work, first + half, height - 1, sums[height - 1], sums);
    train_enter(w, TRAIN_AROUND);
    w->k->add(gradient, sums[height - 1], t->m->count, gradient);
    train_lap_rows(w, TRAIN_OP_SUM, 1, t->m->count, 3);
}

static void roots_part(void *context, int part, int parts)
{
    tree *t = context;
    train_thread w = t->m->threads[part];
    (void)parts;
    w.part = 0;
    w.parts = 1;
    for (;;) {
        const size_t root = atomic_fetch_add(&t->next, 1);
        if (root >= t->roots) {
            return;
        }
        sum_alone(t, &w, t->m->works[part], root << t->height, t->height, root_sum(t, root),
                  t->m->sums + t->roots - 1 + (size_t)part * t->height);
    }
}

static hearth_status step_apart(tree *t, hearth_error *error)
{
    train_model *m = t->m;
    const size_t parts = (size_t)m->engine->threads;
    TRY(sums_for(m, t->roots - 1 + parts * t->height, error));
    for (size_t i = 0; i < parts; i++) {
        TRY(work_for(m, i, t->each * t->batch->length, error));
        prepare_work(m->works[i], t);
    }
    atomic_store(&t->next, 0);
    train_run(m->profile, m->engine, TRAIN_FORWARD, TRAIN_OP_OTHER, roots_part, t);
    for (size_t width = 1; width < t->roots; width *= 2) {
        for (size_t root = 0; root < t->roots; root += 2 * width) {
            train_sum(m->profile, m->engine, root_sum(t, root), root_sum(t, root + width), m->count);
        }
    }
    return HEARTH_OK;
}

/* Parts of the tree for so many threads: as many, or where that is no power of two enough that few wait for the last.
 */
static size_t roots_for(size_t threads, size_t micro_batches)
{
    size_t roots = (size_t)1 << height_of(threads);
    roots = roots == threads ? roots : 2 * roots;
    return roots < micro_batches ? roots : micro_batches;
}

static bool apart_is_better(const tree *t, size_t roots)
{
    const train_model *m = t->m;
    const size_t parts = (size_t)m->engine->threads;
    if (m->side_by_side >= 0) {
        return m->side_by_side != 0;
    }
    if (parts == 1 || roots < parts) {
        return false;
    }
    const train_shape *s = &m->shape;
    const double sums = (double)(roots - 1 + parts * height_of(t->micro_batches / roots)) * (double)m->count;
    const double layer =
        3 * (double)s->width + (double)s->qkv + 3 * (double)s->q + 3 * (double)train_mlp_rows(s, 1) * s->mlp;
    const double tokens = (double)(parts * t->each * t->batch->length);
    return (sums + layer * s->layers * tokens) * sizeof(float) < (double)SIDE_BY_SIDE_BYTES;
}

/* ---- a step ---- */

/* The micro-batches' losses, along the same tree. */
static train_loss sum_losses(train_loss *losses, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t i = 0; i + width < count; i += 2 * width) {
            losses[i].sum += losses[i + width].sum;
            losses[i].z_sum += losses[i + width].z_sum;
            losses[i].targets += losses[i + width].targets;
        }
    }
    return losses[0];
}

hearth_status train_model_part(train_model *m, const train_batch *batch, uint32_t micro_batches, double z_loss,
                               uint64_t step_targets, float *gradient, train_loss *ret, hearth_error *error)
{
    if (micro_batches == 0 || (micro_batches & (micro_batches - 1)) != 0 || batch->sequences % micro_batches != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "micro_batches", "a power of two that divides the sequences",
                         "%u of %zu", micro_batches, batch->sequences);
    }
    TRY(get_ready(m, batch, error));
    tree t = {.m = m,
              .batch = batch,
              .each = batch->sequences / micro_batches,
              .micro_batches = micro_batches,
              .z_loss = z_loss,
              .step_targets = step_targets,
              .gradient = gradient,
              .roots = roots_for((size_t)m->engine->threads, micro_batches)};
    t.height = height_of(micro_batches / t.roots);
    t.losses = mem_calloc(micro_batches, sizeof *t.losses);
    if (t.losses == NULL) {
        return error_memory(error, micro_batches * sizeof *t.losses);
    }
    const hearth_status status = apart_is_better(&t, t.roots) ? step_apart(&t, error) : step_together(&t, error);
    if (status == HEARTH_OK) {
        *ret = sum_losses(t.losses, micro_batches);
    }
    mem_free(t.losses);
    return status;
}

hearth_status train_model_step(train_model *m, const train_batch *batch, uint32_t micro_batches, double z_loss,
                               float *gradient, train_loss *ret, hearth_error *error)
{
    return train_model_part(m, batch, micro_batches, z_loss, (uint64_t)batch->sequences * batch->length, gradient, ret,
                            error);
}
