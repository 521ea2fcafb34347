/* Bytes a token reads over bytes a second; layers over machines. */
#include "cli/plan.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

const char *const plan_format_names[PLAN_FORMATS + 1] = {"F32",  "BF16", "F16",  "Q8_0", "Q6_K", "Q5_K",
                                                         "Q4_K", "Q4_0", "Q3_K", "Q2_K", NULL};
const dtype plan_formats[PLAN_FORMATS] = {DTYPE_F32,  DTYPE_BF16, DTYPE_F16,  DTYPE_Q8_0, DTYPE_Q6_K,
                                          DTYPE_Q5_K, DTYPE_Q4_K, DTYPE_Q4_0, DTYPE_Q3_K, DTYPE_Q2_K};

bool plan_format_row(const plan_source *source, size_t index, plan_row *ret)
{
    model_sizes sizes = {0};
    if (model_sizes_from_config(&source->config, plan_formats[index], &sizes, NULL) != HEARTH_OK) {
        return false;
    }
    *ret = (plan_row){.name = plan_format_names[index],
                      .file_bytes = sizes.all.file_bytes,
                      .bytes = sizes.all.bytes,
                      .token_bytes = model_sizes_active_bytes(&sizes, &source->config, false)};
    model_sizes_free(&sizes);
    return true;
}

uint64_t plan_cache_bytes(const model_config *c, size_t positions, cache_type type)
{
    const uint64_t bytes = model_config_cache_bytes(c, positions, type);
    return bytes < INT64_MAX ? bytes : INT64_MAX;
}

/* ---- how fast ---- */

/* Bytes that a token reads from the file where `room` bytes of memory are left for weights. What every token reads is
 * kept first, as much as there is room for; then experts. */
static double from_disk(const model_sizes *s, const model_config *c, double room)
{
    const double share = c->moe.experts != 0 ? (double)c->moe.used / c->moe.experts : 0;
    double fixed = (double)s->output.file_bytes;
    double experts = 0;
    for (uint32_t i = 0; i < s->layer_count; i++) {
        fixed += (double)s->layers[i].fixed.file_bytes;
        experts += (double)s->layers[i].experts.file_bytes;
    }
    room = room > 0 ? room : 0;
    if (room < fixed) {
        return fixed - room + share * experts;
    }
    const double kept = experts > 0 ? fmin((room - fixed) / experts, 1) : 1;
    return share * experts * (1 - kept);
}

static measure_kind kind_of(dtype type)
{
    static const measure_kind kinds[ACTIVATION_KINDS] = {
        [ACTIVATION_F32] = MEASURE_FP32, [ACTIVATION_BF16] = MEASURE_BF16, [ACTIVATION_Q8] = MEASURE_INT8};
    return kinds[activation_for(type, COMPUTE_NATIVE)];
}

/* The format that most bytes of a file are in. */
static dtype main_type(const plan_source *source)
{
    uint64_t bytes[DTYPE_LIMIT] = {0};
    dtype most = DTYPE_F32;
    for (size_t i = 0; i < source->tensors->count; i++) {
        const tensor_entry *e = &source->tensors->entries[i];
        bytes[e->type] += e->size_bytes;
        most = bytes[e->type] > bytes[most] ? e->type : most;
    }
    return most;
}

static double prefill_rate(const plan_source *source, const model_sizes *s, dtype type, const bench_limits *limits)
{
    const dtype kind = type == DTYPE_LIMIT ? main_type(source) : type;
    const double once = (double)(s->embedding.values + s->output.values); /* not for each token of a prompt */
    const double operations = 2.0 * ((double)model_sizes_active_values(s, &source->config) - once);
    return operations > 0 ? limits->peak[kind_of(kind)] * 1e9 / operations : 0;
}

static void find_rates(const plan_source *source, const model_sizes *s, const plan_machine *m, size_t context,
                       plan_result *r)
{
    const double cache = model_sizes_cache_read(&source->config, context, m->cache);
    const double embedding = (double)s->embedding.bytes;
    r->token_bytes = model_sizes_active_bytes(s, &source->config, false) + cache;
    r->fits = (double)r->weights + (double)r->cache <= (double)m->memory;
    r->decode = m->limits.bandwidth > 0 ? m->limits.bandwidth * 1e9 / r->token_bytes : 0;
    r->prefill = prefill_rate(source, s, r->type, &m->limits);
    if (r->fits || (double)r->weights - embedding + (double)r->cache <= (double)m->memory) {
        r->fits = true; /* the table of the embedding stays in the file */
        return;
    }
    r->token_disk_bytes = from_disk(s, &source->config, (double)m->memory - (double)r->cache);
    if (m->disk > 0) {
        const double disk = m->disk * 1e9 / r->token_disk_bytes;
        r->decode_from_disk = r->decode > 0 && r->decode < disk ? r->decode : disk;
    }
}

/* ---- how to split ---- */

/* What layer i needs where it stands first or last of all, too. */
static uint64_t layer_weights_bytes(const model_sizes *s, uint32_t i, bool split)
{
    uint64_t bytes = s->layers[i].fixed.bytes + s->layers[i].experts.bytes;
    if (i == 0) {
        bytes += s->embedding.bytes + (split && s->tied ? s->output.bytes : 0);
    }
    return bytes + (i + 1 == s->layer_count ? s->output.bytes : 0);
}

/* What a layer's keys and values take, or its state. */
typedef struct layer_caches {
    const model_config *c;
    uint64_t attention, recurrent;
} layer_caches;

static layer_caches split_cache(const model_config *c, uint64_t bytes)
{
    const uint32_t recurrent = model_config_recurrent_layers(c);
    const uint64_t states = model_config_state_bytes(c);
    return (layer_caches){.c = c,
                          .attention = recurrent == c->layers ? 0 : (bytes - states) / (c->layers - recurrent),
                          .recurrent = recurrent == 0 ? 0 : states / recurrent};
}

/* Fills machine after machine up to `most` bytes, but leaves a layer for each of the `machines`. False where they do
 * not suffice. `shares` may be NULL. */
static bool fill(const model_sizes *s, const layer_caches *caches, uint64_t most, uint32_t machines, plan_share *shares)
{
    uint32_t layer = 0;
    for (uint32_t i = 0; i < machines; i++) {
        plan_share share = {.first = layer};
        while (layer < s->layer_count && s->layer_count - layer > machines - i - 1) {
            const uint64_t weights = layer_weights_bytes(s, layer, machines > 1);
            const uint64_t layer_cache = layer_bit(caches->c->recurrent, layer) ? caches->recurrent : caches->attention;
            if (share.weights + share.cache + weights + layer_cache > most) {
                break;
            }
            share.weights += weights;
            share.cache += layer_cache;
            share.count++;
            layer++;
        }
        if (share.count == 0) {
            return false;
        }
        if (shares != NULL) {
            shares[i] = share;
        }
    }
    return layer == s->layer_count;
}

/* The least memory with which so many machines suffice. */
static uint64_t least_memory(const model_sizes *s, const layer_caches *caches, uint32_t machines)
{
    uint64_t low = 0;
    uint64_t high = 2 * s->all.bytes + (caches->attention + caches->recurrent) * s->layer_count;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (fill(s, caches, middle, machines, NULL)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return high;
}

static uint32_t machines_needed(const model_sizes *s, const layer_caches *caches, uint64_t memory)
{
    for (uint32_t n = 1; n <= s->layer_count; n++) {
        if (fill(s, caches, memory, n, NULL)) {
            return n;
        }
    }
    return 0;
}

hearth_status plan_make(const plan_source *source, const model_sizes *sizes, dtype type, const plan_machine *machine,
                        size_t context, size_t machines, plan_result *ret, hearth_error *error)
{
    const model_config *c = &source->config;
    plan_result r = {.parameters = sizes->all.values,
                     .active_parameters = model_sizes_active_values(sizes, c),
                     .type = type,
                     .weights = sizes->all.bytes,
                     .file_bytes = sizes->all.file_bytes,
                     .cache = plan_cache_bytes(c, context, machine->cache)};
    if (machines > c->layers) {
        return error_set(error, HEARTH_E_ARGUMENT, "--machines", "no more machines than layers", "%zu of %u layers",
                         machines, c->layers);
    }
    if (sizes->all.bytes > INT64_MAX / 4 || r.cache > INT64_MAX / 4) {
        return error_set(error, HEARTH_E_LIMIT, "model", "fewer than 2^61 bytes", "more");
    }
    const layer_caches caches = split_cache(c, r.cache);
    find_rates(source, sizes, machine, context, &r);
    r.machines_needed = machines_needed(sizes, &caches, machine->memory);
    if (machines > 0) {
        r.shares = mem_calloc(machines, sizeof *r.shares);
        if (r.shares == NULL) {
            return error_memory(error, machines * sizeof *r.shares);
        }
        r.machines = (uint32_t)machines;
        (void)fill(sizes, &caches, least_memory(sizes, &caches, r.machines), r.machines, r.shares);
    }
    *ret = r;
    return HEARTH_OK;
}

void plan_result_free(plan_result *r)
{
    mem_free(r->shares);
    *r = (plan_result){0};
}
