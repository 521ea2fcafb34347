/* The plan of a conversion: delta nets. A folder has q, k, v and z in one matrix by key heads, GGUF z by itself and the
 * others one after the other (files of 2025 as the folder); a folder has A_log, GGUF -exp(A_log). */
#include "convert/plan.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- q, k, v, z ---- */

static hearth_status take_matrix(convert_plan *p, const char *pattern, unsigned layer, size_t rows,
                                 const tensor_entry **ret, hearth_error *error)
{
    const uint64_t shape[2] = {rows, p->c->width};
    char name[CONVERT_NAME_BYTES];
    *ret = convert_plan_take(p, convert_name(pattern, layer, 0, ".weight", name));
    return *ret == NULL ? convert_missing(name, error) : convert_check_shape(*ret, 2, shape, error);
}

static convert_part qkvz_part(size_t first, size_t rows)
{
    return (convert_part){.part = PART_DELTA_QKVZ, .first = first, .rows = rows};
}

static hearth_status split_qkvz(convert_plan *p, const tensor_entry *whole, unsigned layer, hearth_error *error)
{
    const size_t channels = delta_channels(&p->c->delta);
    const char *const to[2] = {p->to.names->delta_qkv, p->to.names->delta_z};
    const size_t firsts[2] = {0, channels};
    const size_t rows[2] = {channels, delta_values(&p->c->delta)};
    for (int i = 0; i < 2; i++) {
        char name[CONVERT_NAME_BYTES];
        convert_tensor t = {.kind = CONVERT_PARTS,
                            .source_count = 1,
                            .part_count = 1,
                            .out = {.dims = 2, .shape = {rows[i], p->c->width}}};
        t.parts[0] = qkvz_part(firsts[i], rows[i]);
        t.parts[0].from_fused = true;
        TRY(convert_plan_add(p, t, convert_name(to[i], layer, 0, ".weight", name), &whole, error));
    }
    return HEARTH_OK;
}

static hearth_status join_qkvz(convert_plan *p, unsigned layer, hearth_error *error)
{
    const size_t channels = delta_channels(&p->c->delta);
    const size_t values = delta_values(&p->c->delta);
    const tensor_entry *sources[2] = {0};
    char name[CONVERT_NAME_BYTES];
    TRY(take_matrix(p, p->from.names->delta_qkv, layer, channels, &sources[0], error));
    TRY(take_matrix(p, p->from.names->delta_z, layer, values, &sources[1], error));
    convert_tensor t = {.kind = CONVERT_PARTS,
                        .source_count = 2,
                        .part_count = 2,
                        .fixed = sources[0]->type != sources[1]->type,
                        .out = {.dims = 2, .shape = {channels + values, p->c->width}}};
    t.out.type = p->wanted != DTYPE_LIMIT ? p->wanted : DTYPE_F32; /* of two formats: holds both exactly */
    t.parts[0] = qkvz_part(0, channels);
    t.parts[1] = qkvz_part(channels, values);
    t.parts[1].source = 1;
    t.parts[0].to_fused = t.parts[1].to_fused = true;
    return convert_plan_add(p, t, convert_name(p->to.names->delta_qkvz, layer, 0, ".weight", name), sources, error);
}

static hearth_status plan_qkvz(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    char name[CONVERT_NAME_BYTES];
    const size_t rows = delta_channels(&p->c->delta) + delta_values(&p->c->delta);
    if (!p->to.gguf && tensor_find_spelled(p->table, convert_name(f->delta_qkvz, layer, 0, ".weight", name)) == NULL) {
        return join_qkvz(p, layer, error);
    }
    const tensor_entry *whole = NULL;
    TRY(take_matrix(p, f->delta_qkvz, layer, rows, &whole, error));
    if (p->to.gguf) {
        return split_qkvz(p, whole, layer, error);
    }
    const convert_tensor t = {
        .kind = CONVERT_COPY, .source_count = 1, .out = {.dims = 2, .shape = {whole->shape[0], whole->shape[1]}}};
    return convert_plan_add(p, t, convert_name(p->to.names->delta_qkvz, layer, 0, ".weight", name), &whole, error);
}

/* ---- vectors and the convolution ---- */

/* A tensor under a whole name on both sides; `from` and `to` are its shapes, of as many values. */
typedef struct whole_role {
    const char *from, *to;
    uint32_t from_dims, to_dims;
    uint64_t from_shape[3], to_shape[3];
} whole_role;

static hearth_status plan_whole(convert_plan *p, unsigned layer, const whole_role *role, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const tensor_entry *e = convert_plan_take(p, convert_name(role->from, layer, 0, "", name));
    if (e == NULL) {
        return convert_missing(name, error);
    }
    TRY(convert_check_shape(e, role->from_dims, role->from_shape, error));
    convert_tensor t = {.kind = CONVERT_COPY, .source_count = 1, .out = {.dims = role->to_dims}};
    memcpy(t.out.shape, role->to_shape, sizeof role->to_shape);
    return convert_plan_add(p, t, convert_name(role->to, layer, 0, "", name), &e, error);
}

static hearth_status plan_vectors(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const delta_config *d = &p->c->delta;
    const uint64_t channels = delta_channels(d);
    const whole_role step = {f->delta_step, t->delta_step, 1, 1, {d->value_heads}, {d->value_heads}};
    const whole_role norm = {f->delta_norm, t->delta_norm, 1, 1, {d->value_dim}, {d->value_dim}};
    const whole_role there = {f->delta_conv, t->delta_conv, 3, 2, {channels, 1, d->taps}, {channels, d->taps}};
    const whole_role back = {f->delta_conv, t->delta_conv, 2, 3, {channels, d->taps}, {channels, 1, d->taps}};
    TRY(plan_whole(p, layer, &step, error));
    TRY(plan_whole(p, layer, &norm, error)); /* its weights are what they are: nothing is added */
    return plan_whole(p, layer, p->to.gguf ? &there : &back, error);
}

/* ---- A_log ---- */

static float rate_of(float log_rate)
{
    return (float)-math64_exp((double)log_rate); /* as model/weights_delta.c has it */
}

static float rounded(float value, dtype type)
{
    return type == DTYPE_BF16  ? bf16_to_f32(bf16_from_f32(value))
           : type == DTYPE_F16 ? f16_to_f32(f16_from_f32(value))
                               : value;
}

/* Distance in last places of two numbers of one sign. */
static uint32_t places_apart(float a, float b)
{
    uint32_t bits[2];
    memcpy(&bits[0], &a, 4);
    memcpy(&bits[1], &b, 4);
    return bits[0] > bits[1] ? bits[0] - bits[1] : bits[1] - bits[0];
}

/* The value of `type` nearest to A_log whose rate is `rate`, to `places` last places; false where there is none. */
static bool find_log(float rate, dtype type, uint32_t places, float *ret)
{
    const float centre = (float)math64_log(-(double)rate);
    const uint32_t step = type == DTYPE_BF16 ? 0x10000u : type == DTYPE_F16 ? 0x2000u : 1;
    const int reach = type == DTYPE_F32 ? 4 : 1;
    for (int i = 0; i <= 2 * reach; i++) { /* 0, -1, 1, -2, 2, … */
        const int away = i % 2 == 0 ? i / 2 : -(i + 1) / 2;
        uint32_t bits = 0;
        memcpy(&bits, &centre, 4);
        bits += (uint32_t)away * step;
        float candidate = 0;
        memcpy(&candidate, &bits, 4);
        candidate = rounded(candidate, type);
        if (isfinite(candidate) && places_apart(rate_of(candidate), rate) <= places) {
            *ret = candidate;
            return true;
        }
    }
    return false;
}

static bool find_logs(const float *rates, size_t count, dtype type, uint32_t places, float *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (!(rates[i] < 0) || !isfinite(rates[i]) || !find_log(rates[i], type, places, &ret[i])) {
            return false;
        }
    }
    return true;
}

/* Exact in the matrices' format, exact in binary32, and then to the last place: PyTorch's exp is not always the nearest
 * one, and files of llama.cpp's converter are made with it. */
static bool invert_rates(dtype main, const float *rates, size_t count, float *ret)
{
    for (uint32_t places = 0; places < 2; places++) {
        if (find_logs(rates, count, main, places, ret) || find_logs(rates, count, DTYPE_F32, places, ret)) {
            return true;
        }
    }
    return false;
}

static hearth_status plan_rate(convert_plan *p, unsigned layer, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    char place[PLACE_SIZE];
    float values[2][LIMIT_HEADS];
    const uint64_t shape = p->c->delta.value_heads;
    const tensor_entry *e = convert_plan_take(p, convert_name(p->from.names->delta_rate, layer, 0, "", name));
    if (e == NULL) {
        return convert_missing(name, error);
    }
    TRY(convert_check_shape(e, 1, &shape, error));
    place_name(place, "tensor", e->name, strlen(e->name));
    if ((e->type != DTYPE_F32 && e->type != DTYPE_F16 && e->type != DTYPE_BF16) || e->data == NULL ||
        shape > LIMIT_HEADS) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "F32, F16 or BF16", "another format");
    }
    for (size_t i = 0; i < shape; i++) {
        values[0][i] = value_at(e->type, e->data, i);
        values[1][i] = rate_of(values[0][i]);
    }
    if (!p->to.gguf && !invert_rates(p->main, values[0], shape, values[1])) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "-exp of a number for each head", "another number");
    }
    return convert_plan_literal(p, convert_name(p->to.names->delta_rate, layer, 0, "", name), 1, &shape, values[1],
                                shape, error);
}

hearth_status convert_plan_delta(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    TRY(plan_qkvz(p, layer, error));
    TRY(convert_plan_role(p, f->delta_ba, t->delta_ba, layer, PART_ALL, false, false, error));
    TRY(convert_plan_role(p, f->delta_o, t->delta_o, layer, PART_ALL, false, false, error));
    TRY(plan_vectors(p, layer, error));
    return plan_rate(p, layer, error);
}
