/* Optimisers over the flat arrays of parameters. */
#include "train/optimizer.h"

#include "base/memory.h"
#include "kernels/gradient.h"
#include "kernels/optimize.h"
#include "train/muon.h"
#include "train/schedule.h"
#include "train/train_profile.h"

#include <math.h>
#include <stdio.h>

#define GRAIN 1024u /* values that a thread takes at least: whole lines of memory */

struct optimizer {
    engine *engine;
    const recipe_train *how;
    const train_parameter *table;
    size_t count;
    uint64_t values;
    group *group;           /* NULL: alone */
    uint64_t begin, end;    /* of the values that are changed here, all of them where there is one rank */
    float *mean, *square;   /* [end - begin] */
    float *sums;            /* of all blocks; of which this rank makes [block_bounds[rank], block_bounds[rank + 1]) */
    uint64_t *block_bounds; /* [ranks + 1] */
    muon *muon;             /* NULL: AdamW alone */
    train_profile *profile;
    uint64_t power_step;
    double power1, power2; /* beta^power_step, by one product a step */
};

/* Blocks that begin before a value: whose value that is, makes the block's sum. */
static uint64_t blocks_before(uint64_t value)
{
    return (value + OPTIMIZE_BLOCK - 1) / OPTIMIZE_BLOCK;
}

static hearth_status make_state(optimizer *o, hearth_error *error)
{
    const size_t own = (size_t)(o->end - o->begin);
    size_t bytes = 0;
    if (!size_mul(own + 1, sizeof(float), &bytes)) {
        return error_memory(error, SIZE_MAX);
    }
    o->mean = mem_calloc(own + 1, sizeof(float));
    o->square = mem_calloc(own + 1, sizeof(float));
    o->sums = mem_calloc((size_t)blocks_before(o->values), sizeof(float));
    if (o->mean == NULL || o->square == NULL || o->sums == NULL) {
        return error_memory(error, bytes);
    }
    return o->how->optimizer == OPTIMIZER_MUON
               ? muon_create(o->engine, o->how, o->table, o->count, o->begin, o->end, &o->muon, error)
               : HEARTH_OK;
}

static hearth_status make_bounds(optimizer *o, const optimizer_share *share, hearth_error *error)
{
    const size_t ranks = (size_t)group_count(share->group);
    o->block_bounds = mem_calloc(ranks + 1, sizeof *o->block_bounds);
    if (o->block_bounds == NULL) {
        return error_memory(error, ranks * sizeof *o->block_bounds);
    }
    for (size_t i = 0; i <= ranks; i++) {
        o->block_bounds[i] = blocks_before(share->bounds[i]);
    }
    const int rank = group_rank(share->group);
    o->group = share->group;
    o->begin = share->bounds[rank];
    o->end = share->bounds[rank + 1];
    return HEARTH_OK;
}

hearth_status optimizer_create_share(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                                     uint64_t values, const optimizer_share *share, optimizer **ret,
                                     hearth_error *error)
{
    optimizer *o = mem_calloc(1, sizeof *o);
    if (o == NULL) {
        return error_memory(error, sizeof *o);
    }
    *o = (optimizer){
        .engine = e, .how = how, .table = table, .count = count, .values = values, .power1 = 1.0, .power2 = 1.0};
    hearth_status status = make_bounds(o, share, error);
    status = status == HEARTH_OK ? make_state(o, error) : status;
    if (status != HEARTH_OK) {
        optimizer_free(o);
        return status;
    }
    *ret = o;
    return HEARTH_OK;
}

hearth_status optimizer_create(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                               uint64_t values, optimizer **ret, hearth_error *error)
{
    const uint64_t all[] = {0, values};
    const optimizer_share share = {NULL, all};
    return optimizer_create_share(e, how, table, count, values, &share, ret, error);
}

void optimizer_free(optimizer *o)
{
    if (o != NULL) {
        mem_free(o->mean);
        mem_free(o->square);
        mem_free(o->sums);
        mem_free(o->block_bounds);
        muon_free(o->muon);
        mem_free(o);
    }
}

void optimizer_profile(optimizer *o, train_profile *profile)
{
    o->profile = profile;
}

float *optimizer_mean(optimizer *o)
{
    return o->mean;
}

float *optimizer_square(optimizer *o)
{
    return o->square;
}

/* ---- the norm ---- */

typedef struct norm_work {
    optimizer *o;
    const float *gradient;
} norm_work;

static void norm_part(void *context, int part, int parts)
{
    const norm_work *w = context;
    const optimizer *o = w->o;
    const int rank = group_rank(o->group);
    const size_t first = (size_t)o->block_bounds[rank];
    const thread_range range = thread_split((size_t)o->block_bounds[rank + 1] - first, 1, part, parts);
    for (size_t b = first + range.begin; b < first + range.end; b++) {
        const size_t begin = b * OPTIMIZE_BLOCK;
        const size_t left = (size_t)o->values - begin;
        const float *block = w->gradient + (begin - (size_t)o->begin);
        o->sums[b] = o->engine->kernels->gradient->dot(block, block, left < OPTIMIZE_BLOCK ? left : OPTIMIZE_BLOCK);
    }
}

hearth_status optimizer_norm(optimizer *o, const float *gradient, double *ret, hearth_error *error)
{
    norm_work work = {o, gradient};
    double sum = 0.0;
    train_run(o->profile, o->engine, TRAIN_OPTIMISER, TRAIN_OP_GRADIENT_NORM, norm_part, &work);
    TRY(group_collect(o->group, o->sums, sizeof *o->sums, o->block_bounds, error));
    for (size_t b = 0; group_rank(o->group) == 0 && b < blocks_before(o->values); b++) {
        sum += (double)o->sums[b];
    }
    *ret = sqrt(sum);
    return group_broadcast(o->group, ret, sizeof *ret, error);
}

/* ---- what is not finite ---- */

typedef struct odd_value {
    uint64_t at; /* UINT64_MAX: none */
    float value;
    uint32_t zero; /* so that all of it is set: it is sent */
} odd_value;

static odd_value first_odd(const float *values, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++) {
        if (!isfinite(values[i - begin])) {
            return (odd_value){i, values[i - begin], 0};
        }
    }
    return (odd_value){UINT64_MAX, 0.0f, 0};
}

static optimizer_odd odd_of(const optimizer *o, odd_value found)
{
    for (size_t p = 0; p < o->count; p++) {
        const train_parameter *t = &o->table[p];
        if (found.at >= t->offset && found.at - t->offset < t->rows * t->cols) {
            return (optimizer_odd){t, found.at - t->offset, found.value};
        }
    }
    return (optimizer_odd){0};
}

optimizer_odd optimizer_odd_weight(const optimizer *o, const float *values)
{
    return odd_of(o, first_odd(values, 0, o->values));
}

hearth_status optimizer_odd_gradient(const optimizer *o, const float *gradient, optimizer_odd *ret, hearth_error *error)
{
    odd_value first = first_odd(gradient, o->begin, o->end);
    const size_t ranks = (size_t)group_count(o->group);
    odd_value *all = mem_calloc(ranks, sizeof *all);
    hearth_status status = all == NULL ? error_memory(error, ranks * sizeof *all)
                                       : group_gather(o->group, &first, sizeof first, all, error);
    for (size_t i = 0; status == HEARTH_OK && group_rank(o->group) == 0 && i < ranks; i++) {
        first = all[i].at < first.at ? all[i] : first;
    }
    mem_free(all);
    status = status == HEARTH_OK ? group_broadcast(o->group, &first, sizeof first, error) : status;
    *ret = odd_of(o, first);
    return status;
}

/* ---- a step ---- */

typedef struct step_work {
    const optimizer *o;
    const float *gradient;
    float *values;
    optimize_adamw adamw;
    float keep; /* of tensors that decay */
} step_work;

/* This thread's share of the flat arrays, tensor by tensor. */
static void step_part(void *context, int part, int parts)
{
    const step_work *w = context;
    const optimizer *o = w->o;
    const size_t first = (size_t)o->begin;
    const thread_range own = thread_split((size_t)o->end - first, GRAIN, part, parts);
    const thread_range range = {first + own.begin, first + own.end};
    for (size_t p = 0; p < o->count; p++) {
        const train_parameter *t = &o->table[p];
        const size_t t_begin = (size_t)t->offset;
        const size_t t_end = t_begin + (size_t)(t->rows * t->cols);
        const size_t begin = t_begin > range.begin ? t_begin : range.begin;
        const size_t end = t_end < range.end ? t_end : range.end;
        if (begin >= end || (o->muon != NULL && t->matrix)) {
            continue;
        }
        optimize_adamw scalars = w->adamw;
        scalars.keep = t->decays ? w->keep : 1.0f;
        o->engine->kernels->optimize->adamw(&scalars, w->gradient + (begin - first), o->mean + (begin - first),
                                            o->square + (begin - first), w->values + begin, end - begin);
    }
}

/* beta^step as a running product, also after a resumption. */
static void advance_powers(optimizer *o, uint64_t step)
{
    if (step < o->power_step) {
        o->power_step = 0;
        o->power1 = o->power2 = 1.0;
    }
    for (; o->power_step < step; o->power_step++) {
        o->power1 *= o->how->beta1;
        o->power2 *= o->how->beta2;
    }
}

static hearth_status norm_not_finite(const optimizer *o, uint64_t step, const float *gradient, double norm,
                                     hearth_error *error)
{
    optimizer_odd odd;
    char place[64];
    TRY(optimizer_odd_gradient(o, gradient, &odd, error));
    (void)snprintf(place, sizeof place, "step %llu", (unsigned long long)step);
    if (odd.parameter == NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, "a finite gradient norm", "%g", norm);
    }
    return error_set(error, HEARTH_E_FORMAT, place, "a finite gradient", "%g in %s, value %llu", (double)odd.value,
                     odd.parameter->name, (unsigned long long)odd.index);
}

hearth_status optimizer_apply(optimizer *o, uint64_t step, const float *gradient, float *values, optimizer_step *ret,
                              hearth_error *error)
{
    const recipe_train *t = o->how;
    const double factor = schedule_factor(t, step);
    *ret = (optimizer_step){.rate = t->learning_rate * factor};
    TRY(optimizer_norm(o, gradient, &ret->norm, error));
    if (!isfinite(ret->norm)) {
        return norm_not_finite(o, step, gradient, ret->norm, error);
    }
    advance_powers(o, step);
    const float clip = t->grad_clip > 0.0 && ret->norm > t->grad_clip ? (float)(t->grad_clip / ret->norm) : 1.0f;
    step_work work = {.o = o,
                      .gradient = gradient,
                      .values = values,
                      .keep = (float)(1.0 - ret->rate * t->weight_decay),
                      .adamw = {.clip = clip,
                                .beta1 = (float)t->beta1,
                                .rest1 = (float)(1.0 - t->beta1),
                                .beta2 = (float)t->beta2,
                                .rest2 = (float)(1.0 - t->beta2),
                                .root = (float)(1.0 / sqrt(1.0 - o->power2)),
                                .eps = (float)t->eps,
                                .rate = (float)(ret->rate / (1.0 - o->power1))}};
    train_run(o->profile, o->engine, TRAIN_OPTIMISER, TRAIN_OP_ADAMW, step_part, &work);
    if (o->muon != NULL) {
        muon_apply(o->muon, t->muon_learning_rate * factor, clip, gradient, o->mean, values, o->profile);
    }
    return HEARTH_OK;
}
