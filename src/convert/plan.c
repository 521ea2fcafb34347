/* The plan of a conversion: what stands once, norms, attention, MLP. */
#include "convert/plan.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *convert_name(const char *pattern, unsigned layer, unsigned expert, const char *tail,
                         char ret[CONVERT_NAME_BYTES])
{
    char stem[LIMIT_TENSOR_NAME_BYTES];
    name_with(pattern, layer, expert, stem, sizeof stem);
    snprintf(ret, CONVERT_NAME_BYTES, "%s%s", stem, tail);
    return ret;
}

hearth_status convert_no_name(const convert_plan *p, const char *name, hearth_error *error)
{
    char place[LIMIT_TENSOR_NAME_BYTES + 64];
    snprintf(place, sizeof place, "tensor %s", name);
    return error_set(error, HEARTH_E_UNSUPPORTED, place,
                     p->to.gguf ? "a tensor that GGUF files of this family have a name for"
                                : "a tensor that Hugging Face folders of this family have a name for",
                     "none for it in a %s model", p->c->family->name);
}

hearth_status convert_missing(const char *name, hearth_error *error)
{
    char place[PLACE_SIZE];
    return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", name, strlen(name)), "this tensor",
                     "no such tensor");
}

const tensor_entry *convert_plan_take(convert_plan *p, const char *name)
{
    const tensor_entry *entry = tensor_find_spelled(p->table, name);
    if (entry != NULL) {
        p->used[entry - p->table->entries] = true;
    }
    return entry;
}

/* ---- number formats of the output ---- */

static bool is_float(dtype type)
{
    return type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16;
}

bool convert_stays_wide(const char *name, uint32_t dims)
{
    return dims <= 1 || text_ends(name, "_norm.weight") || text_ends(name, ".ffn_gate_inp.weight") ||
           text_ends(name, ".ffn_gate_inp_shexp.weight") || text_ends(name, ".bias") ||
           text_ends(name, ".ssm_conv1d.weight") || strcmp(name, "position_embd.weight") == 0 ||
           strcmp(name, "token_types.weight") == 0;
}

static float narrowed(float value, dtype type)
{
    return type == DTYPE_BF16  ? bf16_to_f32(bf16_from_f32(value))
           : type == DTYPE_F16 ? f16_to_f32(f16_from_f32(value))
                               : value;
}

/* Whether a binary32 tensor loses nothing in `type`, with `plus` added on the way and taken back by who reads it. */
static bool narrows(const convert_tensor *t, dtype type)
{
    bool exact = true;
    for (size_t i = 0; t->literal != NULL && i < t->out.shape[0]; i++) { /* a scalar's shape[0] is 1 here */
        exact = exact && narrowed(t->literal[i], type) == t->literal[i];
    }
    for (size_t s = 0; s < t->source_count; s++) {
        const tensor_entry *e = t->sources[s];
        exact = exact && e->type == DTYPE_F32 && e->data != NULL;
        for (uint64_t i = 0; exact && i < e->size_bytes / 4; i++) {
            float value = 0;
            memcpy(&value, e->data + 4 * i, 4);
            const float back = narrowed(value + t->plus, type) - t->plus;
            uint32_t bits[2];
            memcpy(&bits[0], &back, 4);
            memcpy(&bits[1], &value, 4);
            exact = bits[0] == bits[1]; /* also the sign of a zero */
        }
    }
    return exact;
}

static dtype choose_type(const convert_plan *p, const convert_tensor *t, const char *name)
{
    const dtype source = t->source_count > 0 ? t->sources[0]->type : DTYPE_F32;
    if (p->to.gguf) {
        if (convert_stays_wide(name, t->out.dims)) {
            return DTYPE_F32;
        }
        return p->wanted != DTYPE_LIMIT ? p->wanted : source;
    }
    if (t->kind == CONVERT_LITERAL) {
        return narrows(t, p->main) ? p->main : DTYPE_F32;
    }
    if (source == DTYPE_F32 && p->main != DTYPE_F32) {
        /* GGUF had to widen it; what loses nothing goes back to the type of the matrices */
        if (p->wanted != DTYPE_LIMIT && !convert_stays_wide(t->sources[0]->name, t->sources[0]->dims)) {
            return p->wanted;
        }
        return narrows(t, p->main) ? p->main : DTYPE_F32;
    }
    if (p->wanted != DTYPE_LIMIT && !(source == DTYPE_F32 && p->wanted == DTYPE_F32)) {
        return p->wanted;
    }
    return is_float(source) ? source : p->main;
}

/* The type of most matrix values that come out; quantised ones count as binary32, which holds them exactly, or as
 * themselves where they stay. MXFP4 that stays says nothing: models have it beside another one. */
static dtype main_type(const convert_plan *p)
{
    uint64_t values[DTYPE_LIMIT] = {0};
    dtype best = DTYPE_BF16;
    for (size_t i = 0; i < p->table->count; i++) {
        const tensor_entry *e = &p->table->entries[i];
        uint64_t count = 1;
        for (uint32_t d = 0; d < e->dims; d++) {
            count *= e->shape[d];
        }
        const bool stays = is_float(e->type) || p->to.gguf || (p->blocks && e->type == DTYPE_MXFP4);
        values[stays ? e->type : DTYPE_F32] += e->dims > 1 ? count : 0;
    }
    values[DTYPE_MXFP4] = 0;
    for (unsigned type = 0; type < DTYPE_GGUF; type++) {
        best = values[type] > values[best] ? (dtype)type : best;
    }
    return best;
}

/* ---- adding ---- */

static hearth_status make_room(convert_plan *p, hearth_error *error)
{
    if (p->count < p->room) {
        return HEARTH_OK;
    }
    const size_t room = p->room == 0 ? 256 : 2 * p->room;
    convert_tensor *grown = mem_realloc(p->tensors, room * sizeof *grown);
    if (grown == NULL) {
        return error_memory(error, room * sizeof *grown);
    }
    p->tensors = grown;
    p->room = room;
    return HEARTH_OK;
}

/* A folder of an encoder alone, which BertModel and its like are, has names without the first part. */
static const char *bare_name(const convert_plan *p, const char *name)
{
    static const char *const parts[] = {"bert.", "roberta."};
    for (size_t i = 0; !p->to.gguf && p->c->form.residual_norm && i < sizeof parts / sizeof parts[0]; i++) {
        const size_t length = strlen(parts[i]);
        if (strncmp(name, parts[i], length) == 0) {
            return name + length;
        }
    }
    return name;
}

hearth_status convert_plan_add(convert_plan *p, convert_tensor t, const char *name, const tensor_entry *const *sources,
                               hearth_error *error)
{
    char place[PLACE_SIZE];
    TRY(make_room(p, error));
    name = bare_name(p, name);
    t.out.name = arena_strndup(p->memory, name, strlen(name));
    t.sources = NULL;
    if (t.source_count > 0) {
        t.sources = arena_array(p->memory, t.source_count, sizeof(tensor_entry *));
    }
    if (t.out.name == NULL || (t.source_count > 0 && t.sources == NULL)) {
        return error_memory(error, t.source_count * sizeof(tensor_entry *));
    }
    for (size_t i = 0; i < t.source_count; i++) {
        t.sources[i] = sources[i];
    }
    t.out.type = t.fixed ? t.out.type : choose_type(p, &t, name);
    p->dequantized += t.source_count > 0 && !is_float(t.sources[0]->type) && is_float(t.out.type);
    t.cols = t.out.dims == 0 ? 1 : (size_t)t.out.shape[t.out.dims - 1];
    t.rows = 1;
    for (uint32_t i = 0; i + 1 < t.out.dims; i++) {
        t.rows *= (size_t)t.out.shape[i];
    }
    t.flat = t.flat || (t.kind == CONVERT_PARTS && t.out.dims == 1); /* a vector's rows are its values */
    if (t.flat) {
        t.rows *= t.cols;
        t.cols = 1;
    }
    if (t.kind == CONVERT_BLOCKS || t.kind == CONVERT_SCALES) { /* a row of the matrix, whatever its shape here */
        t.rows = (size_t)(t.out.shape[0] * t.out.shape[1]);
        t.cols = (size_t)(t.out.shape[2] * (t.out.dims == 4 ? t.out.shape[3] : 1));
    }
    TRY(tensor_size_bytes(t.out.type, t.out.dims, t.out.shape, place_name(place, "tensor", name, strlen(name)),
                          &t.out.size_bytes, error));
    if (!u64_add(p->bytes, t.out.size_bytes, &p->bytes)) {
        return error_set(error, HEARTH_E_LIMIT, "tensors", "less than 2^64 bytes together", "more");
    }
    p->tensors[p->count++] = t;
    return HEARTH_OK;
}

hearth_status convert_plan_literal(convert_plan *p, const char *name, uint32_t dims, const uint64_t *shape,
                                   const float *values, size_t count, hearth_error *error)
{
    convert_tensor t = {.kind = CONVERT_LITERAL, .out = {.dims = dims}};
    float *copy = arena_array(p->memory, count, sizeof *copy);
    if (copy == NULL) {
        return error_memory(error, count * sizeof *copy);
    }
    memcpy(copy, values, count * sizeof *copy);
    t.out.shape[0] = 1;
    memcpy(t.out.shape, shape, dims * sizeof *shape);
    t.literal = copy;
    return convert_plan_add(p, t, name, NULL, error);
}

/* ---- roles with a tensor of their own on both sides ---- */

static bool row_orders_differ(const convert_plan *p, const convert_part *part)
{
    for (size_t i = 0; i < part->rows; i++) {
        if (row_place(&p->from.order, part->part, part->from_fused, part->rows, i) !=
            row_place(&p->to.order, part->part, part->to_fused, part->rows, i)) {
            return true;
        }
    }
    return false;
}

static size_t rows_of(const tensor_entry *entry, bool vector)
{
    size_t rows = 1;
    for (uint32_t i = 0; i + (vector ? 0 : 1) < entry->dims; i++) {
        rows *= (size_t)entry->shape[i];
    }
    return rows;
}

/* Rows of a part fit the shape that the configuration speaks of; else the maps would point outside. */
static hearth_status check_rows(const tensor_entry *entry, size_t found, size_t expected, hearth_error *error)
{
    char place[PLACE_SIZE];
    char wanted[64];
    if (found == expected) {
        return HEARTH_OK;
    }
    snprintf(wanted, sizeof wanted, "%zu rows", expected);
    return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", entry->name, strlen(entry->name)), wanted,
                     "%zu", found);
}

static size_t part_rows(const convert_plan *p, row_part part, size_t found, bool norm)
{
    const model_config *c = p->c;
    const mla_config *m = &c->mla;
    const bool whole_head = norm && c->form.qk_norm == QK_NORM_HEAD;
    switch (part) {
    case PART_Q:
        return (whole_head ? 1 : (size_t)c->heads) * c->head_dim;
    case PART_K:
    case PART_V:
        return (whole_head ? 1 : (size_t)c->kv_heads) * c->head_dim;
    case PART_LATENT_Q:
        return (size_t)c->heads * (m->nope + m->rope);
    case PART_LATENT_KV:
        return (size_t)m->kv_rank + m->rope;
    case PART_FIRST_HALF:
    case PART_SECOND_HALF:
    case PART_EVEN:
    case PART_ODD:
        return c->ffn;
    case PART_GATED_Q: /* in the same order everywhere */
        return 2 * (size_t)c->heads * c->head_dim;
    case PART_ALL:
    case PART_DELTA_QKVZ:
    case PART_DELTA_BA:
        break;
    }
    return found;
}

static hearth_status add_role(convert_plan *p, const tensor_entry *entry, const char *name, row_part part, bool norm,
                              bool turned, bool weight, hearth_error *error)
{
    convert_tensor t = {.kind = CONVERT_COPY, .source_count = 1, .out = {.dims = entry->dims}};
    memcpy(t.out.shape, entry->shape, sizeof t.out.shape);
    const bool vector = entry->dims <= 1 || norm;
    if (part != PART_ALL) {
        const size_t rows = rows_of(entry, vector);
        t.parts[0] = (convert_part){.part = part, .rows = part_rows(p, part, rows, norm)};
        TRY(check_rows(entry, rows, t.parts[0].rows, error));
        if (row_orders_differ(p, &t.parts[0])) {
            if (entry->dims > 1 && norm) {
                return convert_no_name(p, entry->name, error);
            }
            t.kind = CONVERT_PARTS;
            t.part_count = 1;
        }
    }
    if (turned && entry->dims == 2) {
        t.kind = CONVERT_TURN;
        t.out.shape[0] = entry->shape[1];
        t.out.shape[1] = entry->shape[0];
    }
    if (norm && weight && p->c->form.norm_plus_one) {
        t.plus = p->to.gguf ? 1.0f : -1.0f;
    }
    if (!p->to.gguf && entry->dims == 1 && text_ends(entry->name, ".ffn_gate_inp_shexp.weight")) {
        t.out.dims = 2; /* [1, width] */
        t.out.shape[1] = entry->shape[0];
        t.out.shape[0] = 1;
    }
    return convert_plan_add(p, t, name, &entry, error);
}

/* Has the pattern a second number? */
static bool of_single_heads(const char *pattern)
{
    const char *first = strstr(pattern, "%u");
    return first != NULL && strstr(first + 2, "%u") != NULL;
}

/* StableLM 2's norms: a folder has a vector for each head, GGUF a row of one tensor. */
static hearth_status plan_head_norms(convert_plan *p, const char *from, const char *to, unsigned layer, uint32_t heads,
                                     hearth_error *error)
{
    const uint64_t shape[2] = {heads, p->c->head_dim};
    char name[CONVERT_NAME_BYTES];
    const tensor_entry **sources = arena_array(p->memory, heads, sizeof(tensor_entry *));
    if (sources == NULL) {
        return error_memory(error, heads * sizeof(tensor_entry *));
    }
    for (uint32_t i = 0; i < heads; i++) {
        sources[i] = convert_plan_take(p, convert_name(from, layer, i, ".weight", name));
        if (sources[i] == NULL) {
            return convert_missing(name, error);
        }
        TRY(convert_check_shape(sources[i], p->to.gguf ? 1 : 2, p->to.gguf ? shape + 1 : shape, error));
        if (!p->to.gguf) {
            const convert_tensor one = {
                .kind = CONVERT_UNSTACK, .source_count = 1, .first = i, .out = {.dims = 1, .shape = {shape[1]}}};
            TRY(convert_plan_add(p, one, convert_name(to, layer, i, ".weight", name), &sources[i], error));
        } else if (sources[i]->type != sources[0]->type) {
            return convert_no_name(p, sources[i]->name, error);
        }
    }
    const convert_tensor all = {
        .kind = CONVERT_STACK, .source_count = heads, .out = {.dims = 2, .shape = {shape[0], shape[1]}}};
    return p->to.gguf ? convert_plan_add(p, all, convert_name(to, layer, 0, ".weight", name), sources, error)
                      : HEARTH_OK;
}

static hearth_status plan_qk_norms(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const tensor_names *folder = p->to.gguf ? f : t;
    if (folder->q_norm != NULL && of_single_heads(folder->q_norm)) {
        if (p->c->form.qk_norm != QK_NORM_HEADS) {
            return HEARTH_OK;
        }
        TRY(plan_head_norms(p, f->q_norm, t->q_norm, layer, p->c->heads, error));
        return plan_head_norms(p, f->k_norm, t->k_norm, layer, p->c->kv_heads, error);
    }
    TRY(convert_plan_role(p, f->q_norm, t->q_norm, layer, PART_Q, true, false, error));
    return convert_plan_role(p, f->k_norm, t->k_norm, layer, PART_K, true, false, error);
}

hearth_status convert_plan_role(convert_plan *p, const char *from, const char *to, unsigned layer, row_part part,
                                bool norm, bool turned, hearth_error *error)
{
    static const char *const tails[] = {".weight", ".bias"};
    for (int i = 0; from != NULL && i < 2; i++) {
        char name[CONVERT_NAME_BYTES];
        const tensor_entry *entry = convert_plan_take(p, convert_name(from, layer, 0, tails[i], name));
        if (entry == NULL) {
            continue;
        }
        if (to == NULL) {
            return convert_no_name(p, name, error);
        }
        TRY(add_role(p, entry, convert_name(to, layer, 0, tails[i], name), part, norm, turned, i == 0, error));
    }
    return HEARTH_OK;
}

/* ---- fused tensors: q, k, v; gate and up ---- */

typedef struct fused_role {
    const char *from_own[3], *from_fused; /* names in the source */
    const char *to_own[3], *to_fused;
    row_part parts[3];
    size_t count;
} fused_role;

/* A matrix or a vector, and heads that the containers' orders of rows are made for: else the maps would point outside.
 */
static hearth_status check_fused(const convert_plan *p, const tensor_entry *entry, hearth_error *error)
{
    char place[PLACE_SIZE];
    if (entry->dims != 1 && entry->dims != 2) {
        return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", entry->name, strlen(entry->name)),
                         "1 or 2 dimensions", "%u", entry->dims);
    }
    if ((p->from.order.order == FUSED_BY_HEAD || p->to.order.order == FUSED_BY_HEAD) && p->c->kv_heads != p->c->heads) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "key heads", "one for each query head in this family", "%u of %u",
                         p->c->kv_heads, p->c->heads);
    }
    return HEARTH_OK;
}

/* One tensor that holds all parts, in the other order of rows. */
static hearth_status add_fused(convert_plan *p, const tensor_entry *entry, const char *name, const fused_role *role,
                               bool turned, hearth_error *error)
{
    convert_tensor t = {.kind = CONVERT_COPY, .source_count = 1, .out = {.dims = entry->dims}};
    size_t rows = 0;
    bool differ = false;
    TRY(check_fused(p, entry, error));
    memcpy(t.out.shape, entry->shape, sizeof t.out.shape);
    t.part_count = role->count;
    for (size_t i = 0; i < role->count; i++) {
        t.parts[i] = (convert_part){.part = role->parts[i],
                                    .rows = part_rows(p, role->parts[i], 0, false),
                                    .from_fused = true,
                                    .to_fused = true};
        rows += t.parts[i].rows;
        differ = differ || row_orders_differ(p, &t.parts[i]);
    }
    const bool turns = turned && entry->dims == 2;
    const bool by_columns = turns && p->from.names->transposed != 0;
    TRY(check_rows(entry, (size_t)entry->shape[by_columns ? 1 : 0], rows, error));
    t.kind = turns ? CONVERT_TURN : differ ? CONVERT_PARTS : CONVERT_COPY;
    if (turns) {
        t.out.shape[0] = entry->shape[1];
        t.out.shape[1] = entry->shape[0];
    }
    return convert_plan_add(p, t, name, &entry, error);
}

/* One part out of a tensor that holds all. */
static hearth_status add_unfused(convert_plan *p, const tensor_entry *entry, const char *name, row_part part,
                                 size_t all, hearth_error *error)
{
    convert_tensor t = {.kind = CONVERT_PARTS, .source_count = 1, .part_count = 1, .out = {.dims = entry->dims}};
    TRY(check_fused(p, entry, error));
    TRY(check_rows(entry, (size_t)entry->shape[0], all, error));
    memcpy(t.out.shape, entry->shape, sizeof t.out.shape);
    t.parts[0] = (convert_part){.part = part, .rows = part_rows(p, part, 0, false), .from_fused = true};
    t.out.shape[0] = t.parts[0].rows;
    return convert_plan_add(p, t, name, &entry, error);
}

/* All parts, a tensor each, into one. */
static hearth_status add_joined(convert_plan *p, const tensor_entry *const *entries, const char *name,
                                const fused_role *role, hearth_error *error)
{
    convert_tensor t = {.kind = CONVERT_PARTS,
                        .source_count = role->count,
                        .part_count = role->count,
                        .out = {.dims = entries[0]->dims}};
    uint64_t rows = 0;
    memcpy(t.out.shape, entries[0]->shape, sizeof t.out.shape);
    for (size_t i = 0; i < role->count; i++) {
        t.parts[i] = (convert_part){.part = role->parts[i],
                                    .rows = part_rows(p, role->parts[i], 0, false),
                                    .source = (uint32_t)i,
                                    .to_fused = true};
        TRY(check_fused(p, entries[i], error));
        TRY(check_rows(entries[i], (size_t)entries[i]->shape[0], t.parts[i].rows, error));
        const bool alike = entries[i]->dims == entries[0]->dims && entries[i]->type == entries[0]->type;
        if (!alike || (entries[0]->dims == 2 && entries[i]->shape[1] != entries[0]->shape[1])) {
            return convert_no_name(p, entries[i]->name, error);
        }
        rows += t.parts[i].rows;
    }
    t.out.shape[0] = rows;
    return convert_plan_add(p, t, name, entries, error);
}

static hearth_status add_fused_tail(convert_plan *p, const fused_role *role, unsigned layer, const char *tail,
                                    bool turned, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    const tensor_entry *own[3] = {0};
    const tensor_entry *fused =
        role->from_fused == NULL ? NULL : convert_plan_take(p, convert_name(role->from_fused, layer, 0, tail, name));
    size_t all = 0;
    size_t there = 0;
    for (size_t i = 0; i < role->count; i++) {
        all += part_rows(p, role->parts[i], 0, false);
        if (fused == NULL && role->from_own[i] != NULL) {
            own[i] = convert_plan_take(p, convert_name(role->from_own[i], layer, 0, tail, name));
            there += own[i] != NULL;
        }
    }
    if (fused != NULL && role->to_fused != NULL) {
        return add_fused(p, fused, convert_name(role->to_fused, layer, 0, tail, name), role, turned, error);
    }
    if (there == role->count && role->to_own[0] == NULL) {
        return add_joined(p, own, convert_name(role->to_fused, layer, 0, tail, name), role, error);
    }
    for (size_t i = 0; i < role->count; i++) {
        if ((fused != NULL || own[i] != NULL) && role->to_own[i] == NULL) {
            return convert_no_name(p, fused != NULL ? fused->name : own[i]->name, error);
        }
        if (fused != NULL) {
            TRY(add_unfused(p, fused, convert_name(role->to_own[i], layer, 0, tail, name), role->parts[i], all, error));
        } else if (own[i] != NULL) {
            convert_name(role->to_own[i], layer, 0, tail, name);
            TRY(add_role(p, own[i], name, role->parts[i], false, turned, strcmp(tail, ".weight") == 0, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status add_fused_role(convert_plan *p, const fused_role *role, unsigned layer, bool turned,
                                    hearth_error *error)
{
    TRY(add_fused_tail(p, role, layer, ".weight", turned, error));
    return add_fused_tail(p, role, layer, ".bias", false, error);
}

/* ---- a layer ---- */

/* Logits of attending to nothing: the containers have whole names for them. */
static hearth_status plan_sinks(convert_plan *p, unsigned layer, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    if (!p->c->form.sinks || p->from.names->sinks == NULL || p->to.names->sinks == NULL) {
        return HEARTH_OK;
    }
    const tensor_entry *entry = convert_plan_take(p, convert_name(p->from.names->sinks, layer, 0, "", name));
    if (entry == NULL) {
        return convert_missing(name, error);
    }
    convert_tensor t = {.kind = CONVERT_COPY, .source_count = 1, .out = {.dims = entry->dims}};
    memcpy(t.out.shape, entry->shape, sizeof t.out.shape);
    return convert_plan_add(p, t, convert_name(p->to.names->sinks, layer, 0, "", name), &entry, error);
}

static hearth_status plan_attention(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const bool turned = f->transposed != 0 || t->transposed != 0;
    const fused_role qkv = {.from_own = {f->q, f->k, f->v},
                            .from_fused = f->qkv,
                            .to_own = {t->q, t->k, t->v},
                            .to_fused = t->qkv,
                            .parts = {p->c->form.output_gate ? PART_GATED_Q : PART_Q, PART_K, PART_V},
                            .count = 3};
    TRY(add_fused_role(p, &qkv, layer, turned, error));
    TRY(convert_plan_role(p, f->o, t->o, layer, PART_ALL, false, turned, error));
    TRY(plan_sinks(p, layer, error));
    return plan_qk_norms(p, layer, error);
}

/* GGUF calls gate and up in one "ffn_up"; which it is, the gate's absence tells. */
static hearth_status plan_mlp(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const bool turned = f->transposed != 0 || t->transposed != 0;
    char name[CONVERT_NAME_BYTES];
    if (p->c->form.ungated) {
        TRY(convert_plan_role(p, f->up, t->up, layer, PART_ALL, false, turned, error));
        return convert_plan_role(p, f->down, t->down, layer, PART_ALL, false, turned, error);
    }
    const bool own =
        f->gate != NULL && tensor_find_spelled(p->table, convert_name(f->gate, layer, 0, ".weight", name)) != NULL;
    const bool to_own = p->to.gguf ? own || p->c->family->shared_alone : t->gate != NULL; /* Granite 4's are two */
    const fused_role both = {.from_own = {own ? f->gate : NULL, own ? f->up : NULL},
                             .from_fused = own ? NULL : f->gate_up,
                             .to_own = {to_own ? t->gate : NULL, to_own ? t->up : NULL},
                             .to_fused = to_own ? NULL : t->gate_up,
                             .parts = {PART_FIRST_HALF, PART_SECOND_HALF},
                             .count = 2};
    TRY(add_fused_role(p, &both, layer, false, error));
    return convert_plan_role(p, f->down, t->down, layer, PART_ALL, false, turned, error);
}

static hearth_status plan_layer(convert_plan *p, unsigned layer, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    const char *const norms[][2] = {{f->attention_norm, t->attention_norm},
                                    {f->ffn_norm, t->ffn_norm},
                                    {f->attention_post, t->attention_post},
                                    {f->ffn_post, t->ffn_post}};
    /* GGUF has one name for a norm behind attention and, in some families, for one before the MLP */
    const size_t count = p->c->form.post_norm || p->c->form.residual_norm ? 4 : 2;
    for (size_t i = 0; i < count; i++) {
        TRY(convert_plan_role(p, norms[i][0], norms[i][1], layer, PART_ALL, true, false, error));
    }
    if (p->c->mla.kv_rank != 0) {
        TRY(convert_plan_latent(p, layer, error));
        TRY(convert_plan_role(p, f->o, t->o, layer, PART_ALL, false, false, error));
    } else if (layer_bit(p->c->recurrent, layer)) {
        TRY(convert_plan_delta(p, layer, error));
    } else {
        TRY(plan_attention(p, layer, error));
    }
    if (p->c->moe.experts != 0 && !layer_bit(p->c->dense, layer)) {
        return convert_plan_experts(p, layer, error);
    }
    return plan_mlp(p, layer, error);
}

/* Learned positions: a folder's table may have rows before position 0, which GGUF leaves out and which no text reaches.
 */
static hearth_status plan_positions(convert_plan *p, uint32_t offset, hearth_error *error)
{
    char name[CONVERT_NAME_BYTES];
    if (offset == 0 || p->from.names->positions == NULL || p->to.names->positions == NULL) {
        return convert_plan_role(p, p->from.names->positions, p->to.names->positions, 0, PART_ALL, false, false, error);
    }
    const tensor_entry *entry = convert_plan_take(p, convert_name(p->from.names->positions, 0, 0, ".weight", name));
    if (entry == NULL) {
        return convert_missing(name, error);
    }
    if (entry->dims != 2 || (p->to.gguf && entry->shape[0] <= offset)) {
        char place[PLACE_SIZE];
        return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", name, strlen(name)),
                         "a matrix with more rows than go before position 0", "another shape");
    }
    const convert_tensor t = {
        .kind = p->to.gguf ? CONVERT_UNSTACK : CONVERT_AFTER,
        .source_count = 1,
        .first = offset,
        .out = {.dims = 2,
                .shape = {p->to.gguf ? entry->shape[0] - offset : entry->shape[0] + offset, entry->shape[1]}}};
    return convert_plan_add(p, t, convert_name(p->to.names->positions, 0, 0, ".weight", name), &entry, error);
}

static hearth_status plan_all(convert_plan *p, uint32_t position_offset, hearth_error *error)
{
    const tensor_names *f = p->from.names;
    const tensor_names *t = p->to.names;
    TRY(convert_plan_role(p, f->embedding, t->embedding, 0, PART_ALL, false, false, error));
    TRY(plan_positions(p, position_offset, error));
    TRY(convert_plan_role(p, f->types, t->types, 0, PART_ALL, false, false, error));
    TRY(convert_plan_role(p, f->embedding_norm, t->embedding_norm, 0, PART_ALL, true, false, error));
    for (unsigned i = 0; i < p->c->layers; i++) {
        TRY(plan_layer(p, i, error));
    }
    TRY(convert_plan_role(p, f->output_norm, t->output_norm, 0, PART_ALL, true, false, error));
    return p->c->tied ? HEARTH_OK : convert_plan_role(p, f->output, t->output, 0, PART_ALL, false, false, error);
}

/* The names that GGUF files of the family have: weights.c chooses alike. */
static tensor_names gguf_names(const model_family *gguf, bool two_norms)
{
    tensor_names names = gguf->form.residual_norm   ? names_gguf_encoder
                         : gguf->gguf_names != NULL ? *gguf->gguf_names
                         : two_norms                ? names_gguf_two_norms
                                                    : names_gguf;
    if (strcmp(gguf->gguf_architecture, "internlm2") == 0) { /* a folder's matrix of q, k and v is three here */
        names.qkv = NULL;
    }
    return names;
}

hearth_status convert_plan_make(convert_plan *p, convert_source source, const model_config *c, const model_family *hf,
                                const model_family *gguf, bool to_gguf, dtype wanted, hearth_error *error)
{
    const tensor_table *table = source.table;
    *p = (convert_plan){.table = table, .readers = source.readers, .c = c, .wanted = wanted};
    const bool two = hf->names == &names_falcon &&
                     tensor_table_find(table, to_gguf ? "transformer.h.0.ln_attn.weight" : "blk.0.attn_norm_2.weight");
    const tensor_names *hf_names = two ? &names_falcon_new : hf->names;
    const convert_side folder = {.names = hf_names, .order = {c, hf_names->order, hf->hf_interleaved}};
    p->gguf_names = gguf_names(gguf, two);
    const convert_side file = {
        .names = &p->gguf_names, .order = {c, FUSED_CONCATENATED, gguf->gguf_interleaved}, .gguf = true};
    p->from = to_gguf ? folder : file;
    p->to = to_gguf ? file : folder;
    p->blocks = !to_gguf && hf_names->experts_paired && wanted == DTYPE_LIMIT;
    p->main = wanted != DTYPE_LIMIT ? wanted : main_type(p);
    p->memory = arena_create(0);
    p->used = mem_calloc(table->count + 1, sizeof *p->used);
    if (p->memory == NULL || p->used == NULL) {
        return error_memory(error, table->count);
    }
    return plan_all(p, hf->position_offset, error);
}

void convert_plan_free(convert_plan *p)
{
    arena_destroy(p->memory);
    mem_free(p->tensors);
    mem_free(p->used);
    *p = (convert_plan){0};
}

hearth_status convert_plan_check_used(const convert_plan *p, size_t *ret_left_out, hearth_error *error)
{
    *ret_left_out = 0;
    for (size_t i = 0; i < p->table->count; i++) {
        if (!p->used[i] && !tensor_is_superfluous(&p->table->entries[i], p->c, p->from.names)) {
            return convert_no_name(p, p->table->entries[i].name, error);
        }
        *ret_left_out += !p->used[i];
    }
    return HEARTH_OK;
}
