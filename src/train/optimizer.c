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
    float *mean, *square;
    float *sums; /* of blocks */
    size_t blocks;
    muon *muon; /* NULL: AdamW alone */
    train_profile *profile;
    uint64_t power_step;
    double power1, power2; /* beta^power_step, by one product a step */
};

hearth_status optimizer_create(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                               uint64_t values, optimizer **ret, hearth_error *error)
{
    size_t bytes = 0;
    if (!size_mul((size_t)values, sizeof(float), &bytes)) {
        return error_memory(error, SIZE_MAX);
    }
    optimizer *o = mem_calloc(1, sizeof *o);
    if (o == NULL) {
        return error_memory(error, sizeof *o);
    }
    *o = (optimizer){.engine = e,
                     .how = how,
                     .table = table,
                     .count = count,
                     .values = values,
                     .mean = mem_calloc((size_t)values, sizeof(float)),
                     .square = mem_calloc((size_t)values, sizeof(float)),
                     .blocks = (size_t)((values + OPTIMIZE_BLOCK - 1) / OPTIMIZE_BLOCK),
                     .power1 = 1.0,
                     .power2 = 1.0};
    o->sums = mem_calloc(o->blocks, sizeof(float));
    hearth_status status = HEARTH_OK;
    if (o->mean == NULL || o->square == NULL || o->sums == NULL) {
        status = error_memory(error, bytes);
    } else if (how->optimizer == OPTIMIZER_MUON) {
        status = muon_create(e, how, table, count, &o->muon, error);
    }
    if (status != HEARTH_OK) {
        optimizer_free(o);
        return status;
    }
    *ret = o;
    return HEARTH_OK;
}

void optimizer_free(optimizer *o)
{
    if (o != NULL) {
        mem_free(o->mean);
        mem_free(o->square);
        mem_free(o->sums);
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
    const thread_range range = thread_split(w->o->blocks, 1, part, parts);
    for (size_t b = range.begin; b < range.end; b++) {
        const size_t begin = b * OPTIMIZE_BLOCK;
        const size_t left = (size_t)w->o->values - begin;
        const float *block = w->gradient + begin;
        w->o->sums[b] =
            w->o->engine->kernels->gradient->dot(block, block, left < OPTIMIZE_BLOCK ? left : OPTIMIZE_BLOCK);
    }
}

double optimizer_norm(optimizer *o, const float *gradient)
{
    norm_work work = {o, gradient};
    double sum = 0.0;
    train_run(o->profile, o->engine, TRAIN_OPTIMISER, TRAIN_OP_GRADIENT_NORM, norm_part, &work);
    for (size_t b = 0; b < o->blocks; b++) {
        sum += (double)o->sums[b];
    }
    return sqrt(sum);
}

const train_parameter *optimizer_find_odd(const optimizer *o, const float *gradient, uint64_t *ret_index)
{
    for (size_t p = 0; p < o->count; p++) {
        const train_parameter *t = &o->table[p];
        for (uint64_t i = 0; i < t->rows * t->cols; i++) {
            if (!isfinite(gradient[t->offset + i])) {
                *ret_index = i;
                return t;
            }
        }
    }
    return NULL;
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
    const thread_range range = thread_split((size_t)o->values, GRAIN, part, parts);
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
        o->engine->kernels->optimize->adamw(&scalars, w->gradient + begin, o->mean + begin, o->square + begin,
                                            w->values + begin, end - begin);
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

static hearth_status odd_gradient(const optimizer *o, uint64_t step, const float *gradient, double norm,
                                  hearth_error *error)
{
    uint64_t index = 0;
    const train_parameter *t = optimizer_find_odd(o, gradient, &index);
    char place[64];
    (void)snprintf(place, sizeof place, "step %llu", (unsigned long long)step);
    if (t == NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, "a finite gradient norm", "%g", norm);
    }
    return error_set(error, HEARTH_E_FORMAT, place, "a finite gradient", "%g in %s, value %llu",
                     (double)gradient[t->offset + index], t->name, (unsigned long long)index);
}

hearth_status optimizer_apply(optimizer *o, uint64_t step, const float *gradient, float *values, optimizer_step *ret,
                              hearth_error *error)
{
    const recipe_train *t = o->how;
    const double factor = schedule_factor(t, step);
    *ret = (optimizer_step){.rate = t->learning_rate * factor, .norm = optimizer_norm(o, gradient)};
    if (!isfinite(ret->norm)) {
        return odd_gradient(o, step, gradient, ret->norm, error);
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
