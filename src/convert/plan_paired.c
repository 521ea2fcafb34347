/* The plan of a conversion: experts of gpt-oss and Llama 4. A folder keeps gates and ups of all experts in one tensor,
 * where they take turns (gpt-oss) or follow each other (Llama 4), [experts, in, out] as numbers or, gpt-oss's,
 * [experts, out, in] as blocks of MXFP4 with their scales apart; GGUF a tensor of each, [experts, out, in]. */
#include "convert/plan.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

hearth_status convert_check_shape(const tensor_entry *e, uint32_t dims, const uint64_t *shape, hearth_error *error)
{
    char place[PLACE_SIZE];
    char expected[96];
    size_t used = 0;
    if (e->dims == dims && memcmp(e->shape, shape, dims * sizeof *shape) == 0) {
        return HEARTH_OK;
    }
    for (uint32_t i = 0; i < dims; i++) {
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%llu", i == 0 ? "shape [" : ", ",
                                 (unsigned long long)shape[i]);
    }
    snprintf(expected + used, sizeof expected - used, "]");
    return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", e->name, strlen(e->name)), expected,
                     "another shape (%u dimensions)", e->dims);
}

/* ---- to GGUF ---- */

/* `parts` tensors out of one: gates and ups (2), or down (1). */
static hearth_status split_matrices(convert_plan *p, const char *from, const char *const *to, size_t parts,
                                    unsigned layer, size_t rows, size_t cols, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const uint64_t experts = p->c->moe.experts;
    const uint64_t blocks[3] = {experts, parts * rows, cols};
    const uint64_t turned[3] = {experts, cols, parts * rows};
    const tensor_entry *e = convert_plan_take(p, convert_name(from, layer, 0, "_blocks", name));
    const bool packed = e != NULL;
    const bool turns = p->from.names->experts_paired != 0;
    if (!packed) {
        e = convert_plan_take(p, convert_name(from, layer, 0, p->from.names->expert_tail, name));
    }
    if (e == NULL) {
        return convert_missing(name, error);
    }
    TRY(convert_check_shape(e, 3, packed ? blocks : turned, error));
    for (size_t i = 0; i < parts; i++) {
        convert_tensor t = {.kind = !packed      ? CONVERT_EXPERT_TURN
                                    : parts == 1 ? CONVERT_COPY
                                                 : CONVERT_SPLIT_PAIRS,
                            .source_count = 1,
                            .first = turns || packed ? i : i * rows,
                            .step = turns ? parts : 1,
                            .out = {.dims = 3, .shape = {experts, rows, cols}}};
        TRY(convert_plan_add(p, t, convert_name(to[i], layer, 0, ".weight", name), &e, error));
    }
    return HEARTH_OK;
}

static hearth_status split_biases(convert_plan *p, const char *from, const char *const *to, size_t parts,
                                  unsigned layer, size_t rows, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const uint64_t shape[2] = {p->c->moe.experts, parts * rows};
    const tensor_entry *e = convert_plan_take(p, convert_name(from, layer, 0, p->from.names->expert_bias_tail, name));
    if (e == NULL) {
        return convert_missing(name, error);
    }
    TRY(convert_check_shape(e, 2, shape, error));
    for (size_t i = 0; i < parts; i++) {
        const convert_tensor t = {.kind = parts == 1 ? CONVERT_COPY : CONVERT_SPLIT_PAIRS,
                                  .source_count = 1,
                                  .first = i,
                                  .flat = parts != 1,
                                  .out = {.dims = 2, .shape = {shape[0], rows}}};
        TRY(convert_plan_add(p, t, convert_name(to[i], layer, 0, ".bias", name), &e, error));
    }
    return HEARTH_OK;
}

/* ---- to a folder ---- */

static hearth_status take_parts(convert_plan *p, const char *const *from, size_t parts, unsigned layer,
                                const char *tail, uint32_t dims, const uint64_t *shape, const tensor_entry **ret,
                                hearth_error *error)
{
    for (size_t i = 0; i < parts; i++) {
        char name[CONVERT_NAME_BYTES];
        ret[i] = convert_plan_take(p, convert_name(from[i], layer, 0, tail, name));
        if (ret[i] == NULL) {
            return convert_missing(name, error);
        }
        TRY(convert_check_shape(ret[i], dims, shape, error));
        if (ret[i]->type != ret[0]->type) {
            char place[PLACE_SIZE];
            return error_set(error, HEARTH_E_UNSUPPORTED, place_name(place, "tensor", name, strlen(name)),
                             "the format of the gates", "another one");
        }
    }
    return HEARTH_OK;
}

static hearth_status join_matrices(convert_plan *p, const char *const *from, const char *to, size_t parts,
                                   unsigned layer, size_t rows, size_t cols, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const uint64_t experts = p->c->moe.experts;
    const uint64_t shape[3] = {experts, rows, cols};
    const tensor_entry *sources[2];
    TRY(take_parts(p, from, parts, layer, ".weight", 3, shape, sources, error));
    convert_tensor t = {.source_count = parts, .step = parts, .halves = p->to.names->experts_paired == 0};
    if (sources[0]->type != DTYPE_MXFP4 || !p->blocks) {
        t.kind = CONVERT_EXPERT_BACK;
        t.out = (tensor_entry){.dims = 3, .shape = {experts, cols, parts * rows}};
        return convert_plan_add(p, t, convert_name(to, layer, 0, p->to.names->expert_tail, name), sources, error);
    }
    t.fixed = true;
    t.kind = CONVERT_BLOCKS;
    t.out = (tensor_entry){.type = DTYPE_U8, .dims = 4, .shape = {experts, parts * rows, cols / 32, 16}};
    TRY(convert_plan_add(p, t, convert_name(to, layer, 0, "_blocks", name), sources, error));
    t.kind = CONVERT_SCALES;
    t.out.dims = 3;
    return convert_plan_add(p, t, convert_name(to, layer, 0, "_scales", name), sources, error);
}

static hearth_status join_biases(convert_plan *p, const char *const *from, const char *to, size_t parts, unsigned layer,
                                 size_t rows, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const uint64_t shape[2] = {p->c->moe.experts, rows};
    const tensor_entry *sources[2];
    TRY(take_parts(p, from, parts, layer, ".bias", 2, shape, sources, error));
    const convert_tensor t = {.kind = parts == 1 ? CONVERT_COPY : CONVERT_JOIN_PAIRS,
                              .source_count = parts,
                              .flat = parts != 1,
                              .out = {.dims = 2, .shape = {shape[0], parts * rows}}};
    return convert_plan_add(p, t, convert_name(to, layer, 0, p->to.names->expert_bias_tail, name), sources, error);
}

hearth_status convert_plan_paired(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *n = p->to.gguf ? p->to.names : p->from.names;
    const tensor_names *folder = p->to.gguf ? p->from.names : p->to.names;
    const char *const both[2] = {n->expert_gate, n->expert_up};
    const size_t ffn = p->c->moe.ffn;
    const size_t width = p->c->width;
    if (p->to.gguf) {
        TRY(split_matrices(p, folder->expert_gate, both, 2, layer, ffn, width, error));
        TRY(split_matrices(p, folder->expert_down, &n->expert_down, 1, layer, width, ffn, error));
        if (!p->c->moe.biased) {
            return HEARTH_OK;
        }
        TRY(split_biases(p, folder->expert_gate, both, 2, layer, ffn, error));
        return split_biases(p, folder->expert_down, &n->expert_down, 1, layer, width, error);
    }
    TRY(join_matrices(p, both, folder->expert_gate, 2, layer, ffn, width, error));
    TRY(join_matrices(p, &n->expert_down, folder->expert_down, 1, layer, width, ffn, error));
    if (!p->c->moe.biased) {
        return HEARTH_OK;
    }
    TRY(join_biases(p, both, folder->expert_gate, 2, layer, ffn, error));
    return join_biases(p, &n->expert_down, folder->expert_down, 1, layer, width, error);
}
