/* The plan of a conversion: mixtures of experts and latent attention, whose tensors the containers cut differently. */
#include "convert/plan.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static bool one_tensor_each(const char *pattern)
{
    const char *first = strstr(pattern, "%u");
    return first != NULL && strstr(first + 2, "%u") != NULL;
}

static hearth_status wrong_shape(const tensor_entry *entry, const char *expected, hearth_error *error)
{
    char place[PLACE_SIZE];
    return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", entry->name, strlen(entry->name)), expected,
                     "another shape (%u dimensions)", entry->dims);
}

/* A tensor an expert into [experts, rows, cols]. */
static hearth_status stack(convert_plan *p, const char *from, const char *to, unsigned layer, hearth_error *error)
{
    const uint32_t experts = p->c->moe.experts;
    char name[CONVERT_NAME_BYTES];
    const tensor_entry **sources = arena_array(p->memory, experts, sizeof(tensor_entry *));
    if (sources == NULL) {
        return error_memory(error, experts * sizeof(tensor_entry *));
    }
    for (uint32_t e = 0; e < experts; e++) {
        sources[e] = convert_plan_take(p, convert_name(from, layer, e, ".weight", name));
        if (sources[e] == NULL) {
            return convert_missing(name, error);
        }
        if (sources[e]->dims != 2 || sources[e]->type != sources[0]->type ||
            memcmp(sources[e]->shape, sources[0]->shape, 2 * sizeof sources[e]->shape[0]) != 0) {
            return wrong_shape(sources[e], "the shape and format of the first expert's", error);
        }
    }
    const convert_tensor t = {.kind = CONVERT_STACK,
                              .source_count = experts,
                              .out = {.dims = 3, .shape = {experts, sources[0]->shape[0], sources[0]->shape[1]}}};
    return convert_plan_add(p, t, convert_name(to, layer, 0, ".weight", name), sources, error);
}

static hearth_status unstack(convert_plan *p, const tensor_entry *entry, const char *to, unsigned layer,
                             hearth_error *error)
{
    for (uint32_t e = 0; e < p->c->moe.experts; e++) {
        char name[CONVERT_NAME_BYTES];
        const convert_tensor t = {.kind = CONVERT_UNSTACK,
                                  .source_count = 1,
                                  .first = e * (size_t)entry->shape[1],
                                  .out = {.dims = 2, .shape = {entry->shape[1], entry->shape[2]}}};
        TRY(convert_plan_add(p, t, convert_name(to, layer, e, ".weight", name), &entry, error));
    }
    return HEARTH_OK;
}

/* Gates and ups of all experts in one tensor [experts, 2 * rows, cols], there two. */
static hearth_status split_halves(convert_plan *p, const tensor_entry *entry, unsigned layer, hearth_error *error)
{
    const char *const to[2] = {p->to.names->expert_gate, p->to.names->expert_up};
    for (size_t half = 0; half < 2; half++) {
        char name[CONVERT_NAME_BYTES];
        const convert_tensor t = {.kind = CONVERT_SPLIT_HALF,
                                  .source_count = 1,
                                  .first = half,
                                  .out = {.dims = 3, .shape = {entry->shape[0], entry->shape[1] / 2, entry->shape[2]}}};
        TRY(convert_plan_add(p, t, convert_name(to[half], layer, 0, ".weight", name), &entry, error));
    }
    return HEARTH_OK;
}

static hearth_status join_halves(convert_plan *p, const tensor_entry *const *entries, unsigned layer,
                                 hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const tensor_entry *gate = entries[0];
    const convert_tensor t = {.kind = CONVERT_JOIN_HALVES,
                              .source_count = 2,
                              .out = {.dims = 3, .shape = {gate->shape[0], 2 * gate->shape[1], gate->shape[2]}}};
    if (gate->type != entries[1]->type) {
        return wrong_shape(entries[1], "the format of the gates", error);
    }
    return convert_plan_add(p, t, convert_name(p->to.names->expert_gate, layer, 0, ".weight", name), entries, error);
}

/* [experts, rows, cols] of the source, checked. */
static hearth_status take_stack(convert_plan *p, const char *pattern, unsigned layer, size_t rows, size_t cols,
                                const tensor_entry **ret, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    *ret = convert_plan_take(p, convert_name(pattern, layer, 0, ".weight", name));
    if (*ret == NULL) {
        return convert_missing(name, error);
    }
    if ((*ret)->dims != 3 || (*ret)->shape[0] != p->c->moe.experts || (*ret)->shape[1] != rows ||
        (*ret)->shape[2] != cols) {
        char expected[96];
        snprintf(expected, sizeof expected, "[%u, %zu, %zu]", p->c->moe.experts, rows, cols);
        return wrong_shape(*ret, expected, error);
    }
    return HEARTH_OK;
}

static hearth_status plan_expert_tensors(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const char *const from[3] = {f->expert_gate, f->expert_up, f->expert_down};
    const char *const to[3] = {t->expert_gate, t->expert_up, t->expert_down};
    const size_t ffn = p->c->moe.ffn;
    const size_t width = p->c->width;
    const tensor_entry *both[3] = {0};
    if (from[0] == NULL || to[0] == NULL) {
        return convert_no_name(p, "of an expert", error);
    }
    if (f->experts_turned || t->experts_turned) {
        return convert_plan_paired(p, layer, error);
    }
    if (one_tensor_each(from[0])) {
        for (int i = 0; i < 3; i++) {
            TRY(stack(p, from[i], to[i], layer, error));
        }
        return HEARTH_OK;
    }
    if (strcmp(from[0], from[1]) == 0) {
        TRY(take_stack(p, from[0], layer, 2 * ffn, width, &both[0], error));
        TRY(split_halves(p, both[0], layer, error));
        return convert_plan_role(p, from[2], to[2], layer, PART_ALL, false, false, error);
    }
    for (int i = 0; i < 3; i++) {
        TRY(take_stack(p, from[i], layer, i < 2 ? ffn : width, i < 2 ? width : ffn, &both[i], error));
    }
    if (one_tensor_each(to[0])) {
        for (int i = 0; i < 3; i++) {
            TRY(unstack(p, both[i], to[i], layer, error));
        }
        return HEARTH_OK;
    }
    TRY(join_halves(p, both, layer, error));
    return convert_plan_role(p, from[2], to[2], layer, PART_ALL, false, false, error);
}

hearth_status convert_plan_experts(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const char *const whole[][2] = {{f->router, t->router},
                                    {f->shared_gate, t->shared_gate},
                                    {f->shared_up, t->shared_up},
                                    {f->shared_down, t->shared_down},
                                    {f->shared_router, t->shared_router}};
    TRY(plan_expert_tensors(p, layer, error));
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        TRY(convert_plan_role(p, whole[i][0], whole[i][1], layer, PART_ALL, false, false, error));
    }
    if (p->c->moe.select_bias && f->selection_bias != NULL && t->selection_bias != NULL) {
        char name[CONVERT_NAME_BYTES];
        const tensor_entry *entry = convert_plan_take(p, convert_name(f->selection_bias, layer, 0, "", name));
        if (entry == NULL) {
            return convert_missing(name, error);
        }
        convert_tensor bias = {.kind = CONVERT_COPY, .source_count = 1, .out = {.dims = entry->dims}};
        memcpy(bias.out.shape, entry->shape, sizeof bias.out.shape);
        return convert_plan_add(p, bias, convert_name(t->selection_bias, layer, 0, "", name), &entry, error);
    }
    return HEARTH_OK;
}

/* ---- latent attention ---- */

static hearth_status plan_heads_to_gguf(convert_plan *p, unsigned layer, hearth_error *error)
{
    const mla_config *m = &p->c->mla;
    const uint32_t heads = p->c->heads;
    char name[CONVERT_NAME_BYTES];
    const tensor_entry *entry = convert_plan_take(p, convert_name(p->from.names->kv_b, layer, 0, ".weight", name));
    if (entry == NULL) {
        return convert_missing(name, error);
    }
    if (entry->dims != 2 || entry->shape[0] != (uint64_t)heads * (m->nope + m->value) ||
        entry->shape[1] != m->kv_rank) {
        return wrong_shape(entry, "[heads * (nope + value), rank]", error);
    }
    const convert_tensor keys = {
        .kind = CONVERT_LATENT_K, .source_count = 1, .out = {.dims = 3, .shape = {heads, m->kv_rank, m->nope}}};
    const convert_tensor values = {
        .kind = CONVERT_LATENT_V, .source_count = 1, .out = {.dims = 3, .shape = {heads, m->value, m->kv_rank}}};
    TRY(convert_plan_add(p, keys, convert_name(p->to.names->k_b, layer, 0, ".weight", name), &entry, error));
    return convert_plan_add(p, values, convert_name(p->to.names->v_b, layer, 0, ".weight", name), &entry, error);
}

static hearth_status plan_heads_to_folder(convert_plan *p, unsigned layer, hearth_error *error)
{
    const mla_config *m = &p->c->mla;
    const uint32_t heads = p->c->heads;
    const char *const from[2] = {p->from.names->k_b, p->from.names->v_b};
    const uint64_t shapes[2][3] = {{heads, m->kv_rank, m->nope}, {heads, m->value, m->kv_rank}};
    const tensor_entry *entries[2] = {0};
    char name[CONVERT_NAME_BYTES];
    for (int i = 0; i < 2; i++) {
        entries[i] = convert_plan_take(p, convert_name(from[i], layer, 0, ".weight", name));
        if (entries[i] == NULL) {
            return convert_missing(name, error);
        }
        if (entries[i]->dims != 3 || memcmp(entries[i]->shape, shapes[i], sizeof shapes[i]) != 0 ||
            (i == 1 && entries[1]->type != entries[0]->type &&
             (dtype_get_info(entries[1]->type)->block_values == 1) !=
                 (dtype_get_info(entries[0]->type)->block_values == 1))) {
            return wrong_shape(entries[i], "[heads, rank, nope] and [heads, value, rank]", error);
        }
    }
    const convert_tensor t = {.kind = CONVERT_LATENT_KV,
                              .source_count = 2,
                              .out = {.dims = 2, .shape = {(uint64_t)heads * (m->nope + m->value), m->kv_rank}}};
    return convert_plan_add(p, t, convert_name(p->to.names->kv_b, layer, 0, ".weight", name), entries, error);
}

hearth_status convert_plan_latent(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const bool ranked = p->c->mla.q_rank != 0;
    TRY(convert_plan_role(p, f->q_a, t->q_a, layer, PART_ALL, false, false, error));
    TRY(convert_plan_role(p, f->q_a_norm, t->q_a_norm, layer, PART_ALL, true, false, error));
    TRY(convert_plan_role(p, ranked ? f->q_b : f->q, ranked ? t->q_b : t->q, layer, PART_LATENT_Q, false, false,
                          error));
    TRY(convert_plan_role(p, f->kv_a, t->kv_a, layer, PART_LATENT_KV, false, false, error));
    TRY(convert_plan_role(p, f->kv_a_norm, t->kv_a_norm, layer, PART_ALL, true, false, error));
    return p->to.gguf ? plan_heads_to_gguf(p, layer, error) : plan_heads_to_folder(p, layer, error);
}
