/* Tensors to weights: layers, what stands once, that none is left over; packing. */
#include "model/weights.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/weights_layer.h"
#include "model/weights_stream.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES (LIMIT_TENSOR_NAME_BYTES + 16)

/* ---- what stands once ---- */

/* Out of the configuration's list, or out of the tensor. */
static hearth_status load_factors(loader *l, const float *list, const char *tensor, const float **ret,
                                  hearth_error *error)
{
    const rope_config *rope = &l->c->rope;
    if (rope->listed != 0) {
        float *copy = arena_alloc_aligned(l->w->vectors, rope->listed * sizeof *copy, 64);
        if (copy == NULL) {
            return error_memory(error, rope->listed * sizeof *copy);
        }
        memcpy(copy, list, rope->listed * sizeof *copy);
        *ret = copy;
        return HEARTH_OK;
    }
    TRY(find_vector(l, tensor, PART_ALL, false, rope->dims / 2, 0.0f, ret, error));
    for (size_t i = 0; i < rope->dims / 2; i++) {
        if (!((*ret)[i] > 0) || !((*ret)[i] < 1e9f)) {
            char place[NAME_BYTES];
            snprintf(place, sizeof place, "tensor %s", tensor);
            return error_set(error, HEARTH_E_FORMAT, place, "positive factors", "%g", (double)(*ret)[i]);
        }
    }
    return HEARTH_OK;
}

static hearth_status load_rope_factors(loader *l, hearth_error *error)
{
    const rope_config *rope = &l->c->rope;
    if (rope->kind != ROPE_FACTORS) {
        return HEARTH_OK;
    }
    if (rope->switch_context != 0) {
        TRY(load_factors(l, rope->long_list, rope->long_tensor, &l->w->rope_long_factors, error));
    }
    return load_factors(l, rope->list, rope->tensor, &l->w->rope_factors, error);
}

/* ALiBi (Press et al., 2021): powers of 2^(-8/n) for n heads, n a power of two; for other counts those of the next
 * lower power of two, and then every other one of the next higher. */
static hearth_status make_slopes(loader *l, hearth_error *error)
{
    const uint32_t heads = l->c->heads;
    uint32_t whole = 1;
    if (!l->c->form.alibi) {
        return HEARTH_OK;
    }
    float *slopes = arena_alloc_aligned(l->w->vectors, heads * sizeof *slopes, 64);
    if (slopes == NULL) {
        return error_memory(error, heads * sizeof *slopes);
    }
    while (whole * 2 <= heads) {
        whole *= 2;
    }
    for (uint32_t i = 0; i < heads; i++) {
        const double exponent = i < whole ? 8.0 / whole * (i + 1) : 4.0 / whole * (2 * (i - whole) + 1);
        slopes[i] = (float)math64_exp(-exponent * 0.69314718055994530942);
        slopes[i] = l->c->form.alibi_scaled ? slopes[i] * l->c->attention_scale : slopes[i];
    }
    l->w->slopes = slopes;
    return HEARTH_OK;
}

static hearth_status load_ends(loader *l, hearth_error *error)
{
    const model_config *c = l->c;
    const tensor_names *n = l->names;
    model_weights *w = l->w;
    char name[NAME_BYTES];
    w->tied = c->tied;
    if (!c->form.headless) {
        TRY(load_whole(l, c->tied ? n->embedding : n->output, 0, c->vocabulary, c->width, &w->output, error));
    }
    if (!c->tied) {
        TRY(load_whole(l, n->embedding, 0, c->vocabulary, c->width, &w->embedding, error));
    }
    if (c->positions != 0) {
        TRY(load_whole(l, n->positions, 0, c->positions, c->width, &w->positions, error));
    }
    if (c->token_types != 0) {
        TRY(load_whole(l, n->types, 0, c->token_types, c->width, &w->types, error));
    }
    if (c->form.embedding_norm) {
        TRY(load_norm(l, n->embedding_norm, PART_ALL, c->width, &w->embedding_norm, error));
    }
    TRY(load_norm(l, n->output_norm, PART_ALL, c->width, &w->output_norm, error));
    if (c->form.output_bias) {
        snprintf(name, sizeof name, "%s.bias", n->output);
        TRY(find_vector(l, name, PART_ALL, false, c->vocabulary, 0.0f, &w->output_bias, error));
    }
    TRY(load_rope_factors(l, error));
    return make_slopes(l, error);
}

bool tensor_is_superfluous(const tensor_entry *entry, const model_config *c, const tensor_names *names)
{
    static const char *const others[] = {"vision_model.",       "vision_tower.",       "multi_modal_projector.",
                                         "model.vision_model.", "model.vision_tower.", "model.multi_modal_projector."};
    const char *name = entry->name;
    const char *bare = strncmp(name, "bert.", 5) == 0 ? name + 5 : strncmp(name, "roberta.", 8) == 0 ? name + 8 : name;
    for (const char *const *unread = names->unread; unread != NULL && *unread != NULL; unread++) {
        if (strncmp(bare, *unread, strlen(*unread)) == 0) {
            return true;
        }
    }
    unsigned layer = 0; /* layers behind the last one: weights_load_head reads what is wanted of them */
    if (c->beyond != 0 && (sscanf(name, "blk.%6u.", &layer) == 1 || sscanf(name, "model.layers.%6u.", &layer) == 1) &&
        layer >= c->layers && layer < c->layers + c->beyond) {
        return true;
    }
    for (size_t i = 0; c->wrapped && i < sizeof others / sizeof others[0]; i++) {
        if (strncmp(name, others[i], strlen(others[i])) == 0) {
            return true;
        }
    }
    if (c->tied && (strcmp(name, "lm_head.weight") == 0 || strcmp(name, "embed_out.weight") == 0)) {
        return true;
    }
    /* masks that old checkpoints store, [1, 1, positions, positions] and a scalar: a bias is a vector */
    if (text_ends(name, ".attention.bias") || text_ends(name, ".attn.bias")) {
        return entry->dims == 4;
    }
    if (text_ends(name, ".masked_bias")) {
        return entry->dims == 0;
    }
    /* a table; the list for what is beyond the original context */
    return text_ends(name, ".rotary_emb.inv_freq") || strcmp(name, "rope_factors_long.weight") == 0;
}

static hearth_status check_all_used(const loader *l, hearth_error *error)
{
    for (size_t i = 0; i < l->tensors->count; i++) {
        const char *name = l->tensors->entries[i].name;
        if (!l->used[i] && !tensor_is_superfluous(&l->tensors->entries[i], l->c, l->names)) {
            char place[NAME_BYTES];
            snprintf(place, sizeof place, "tensor %s", name);
            return error_set(error, HEARTH_E_UNSUPPORTED, place, "no such tensor in this family", "%s model with it",
                             l->c->family->name);
        }
    }
    return HEARTH_OK;
}

/* ---- packing ---- */

#define LAYER_MATRICES 17

static void layer_matrices(layer_weights *layer, matrix *ret[LAYER_MATRICES])
{
    matrix *const all[LAYER_MATRICES] = {&layer->q,
                                         &layer->k,
                                         &layer->v,
                                         &layer->q_a,
                                         &layer->kv_a,
                                         &layer->delta_qkv,
                                         &layer->delta_z,
                                         &layer->delta_ba,
                                         &layer->o,
                                         &layer->gate,
                                         &layer->up,
                                         &layer->down,
                                         &layer->router,
                                         &layer->shared_gate,
                                         &layer->shared_up,
                                         &layer->shared_down,
                                         &layer->shared_router};
    memcpy(ret, all, sizeof all);
}

/* Lists the matrices that have rows. With `into` NULL counts them. */
static size_t list_matrices(model_weights *w, matrix **into)
{
    size_t count = 0;
    for (size_t i = 0; i < w->layer_count; i++) {
        layer_weights *layer = &w->layers[i];
        matrix *all[LAYER_MATRICES];
        layer_matrices(layer, all);
        for (size_t j = 0; j < LAYER_MATRICES; j++) {
            if (all[j]->rows != 0) {
                if (into != NULL) {
                    into[count] = all[j];
                }
                count++;
            }
        }
        for (size_t h = 0; layer->v_b != NULL && h < w->head_count; h++, count += 2) {
            if (into != NULL) {
                into[count] = &layer->k_b[h];
                into[count + 1] = &layer->v_b[h];
            }
        }
        for (size_t e = 0; layer->experts != NULL && e < 3 * w->expert_count; e++, count++) {
            if (into != NULL) {
                into[count] = &layer->experts[e];
            }
        }
    }
    if (w->join != NULL) {
        if (into != NULL) {
            into[count] = w->join;
        }
        count++;
    }
    return count;
}

static hearth_status make_list(loader *l, hearth_error *error)
{
    model_weights *w = l->w;
    const size_t count = list_matrices(w, NULL);
    w->matrices = arena_array(w->vectors, count, sizeof(matrix *));
    if (w->matrices == NULL) {
        return error_memory(error, count * sizeof(matrix *));
    }
    w->matrix_count = list_matrices(w, w->matrices);
    return HEARTH_OK;
}

uint64_t weights_expected_bytes(const matrix *m)
{
    return m->lossless_wanted ? lossless_expected_bytes(m) : matrix_packed_bytes(m->type, m->rows, m->cols);
}

/* If no block fits the form: its tables and places come on top. */
uint64_t weights_most_bytes(const matrix *m)
{
    const uint64_t packed = matrix_packed_bytes(m->type, m->rows, m->cols);
    return m->lossless_wanted && m->stored == NULL ? packed + packed / 64 : weights_expected_bytes(m);
}

static const matrix *matrix_at(const model_weights *w, size_t i)
{
    return i < w->matrix_count ? w->matrices[i] : &w->output;
}

uint64_t weights_unpacked_bytes(const model_weights *w)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i <= w->matrix_count; i++) {
        const matrix *m = matrix_at(w, i);
        if (m->pending != NULL) {
            const size_t panels = (m->rows + PANEL_ROWS - 1) / PANEL_ROWS;
            bytes += (panels - matrix_packed_panels(m)) * (weights_most_bytes(m) / panels);
        }
    }
    return bytes;
}

lossless_report weights_lossless_report(const model_weights *w)
{
    lossless_report all = {0};
    for (size_t i = 0; i <= w->matrix_count; i++) {
        lossless_add_report(matrix_at(w, i), &all);
    }
    return all;
}

/* The map that the bytes lie in; NULL: none. */
static const file_map *map_of(const loader *l, const uint8_t *source)
{
    for (size_t i = 0; source != NULL && i < l->tensors->map_count; i++) {
        const file_map *map = &l->tensors->maps[i];
        if (source >= map->data && source < map->data + map->size) {
            return map;
        }
    }
    return NULL;
}

hearth_status weights_pack_one(loader *l, matrix *m, uint64_t beyond, hearth_error *error)
{
    if (m->lossless_wanted) {
        TRY(lossless_reserve(m, beyond, error));
    }
    TRY(matrix_pack_later(m, map_of(l, m->stored != NULL ? m->stored : m->source), error));
    l->done_bytes += matrix_panels_bytes(m);
    if (l->options->progress != NULL && !l->options->progress(l->options->progress_context, "loading weights",
                                                              l->done_bytes, l->w->matrix_bytes, "B")) {
        return error_set(error, HEARTH_E_CANCELLED, "loading weights", NULL, "the caller's stop");
    }
    return HEARTH_OK;
}

#define PACKING_MARGIN_BYTES ((uint64_t)256 << 20) /* for the rest of the program */
#define PACKING_CONTEXT 2048u                      /* a cache of so many positions is allowed for */

/* What weights may take where nobody says. */
static uint64_t memory_for_weights(const model_config *c)
{
    const uint64_t cache =
        model_config_cache_bytes(c, c->context < PACKING_CONTEXT ? c->context : PACKING_CONTEXT, CACHE_F16);
    const uint64_t available = memory_available_bytes();
    const uint64_t margin = cache > UINT64_MAX - PACKING_MARGIN_BYTES ? UINT64_MAX : cache + PACKING_MARGIN_BYTES;
    return available > margin ? available - margin : 0;
}

static hearth_status choose_forms(loader *l, hearth_error *error)
{
    model_weights *w = l->w;
    const lossless_choice choice = l->options->lossless;
    for (size_t i = 0; i < w->matrix_count; i++) {
        TRY(lossless_is_for(w->matrices[i], choice, &w->matrices[i]->lossless_wanted, error));
    }
    return lossless_is_for(&w->output, choice, &w->output.lossless_wanted, error);
}

static hearth_status pack_all(loader *l, hearth_error *error)
{
    model_weights *w = l->w;
    const model_packing packing = l->options->packing;
    if (packing != PACKING_MAPPED) {
        TRY(choose_forms(l, error));
    }
    uint64_t most = w->output.rows == 0 ? 0 : weights_most_bytes(&w->output);
    w->matrix_bytes = w->output.rows == 0 ? 0 : weights_expected_bytes(&w->output);
    for (size_t i = 0; i < w->matrix_count; i++) {
        w->matrix_bytes += weights_expected_bytes(w->matrices[i]);
        most += weights_most_bytes(w->matrices[i]);
    }
    if (packing == PACKING_MAPPED) {
        return HEARTH_OK;
    }
    const uint64_t memory = l->options->memory_bytes != 0 ? l->options->memory_bytes : memory_for_weights(l->c);
    if (packing == PACKING_AUTO && most > memory) {
        return weights_stream(l, memory, error);
    }
    for (size_t i = 0; i < w->matrix_count; i++) {
        TRY(weights_pack_one(l, w->matrices[i], UINT64_MAX, error));
    }
    if (w->output.rows != 0) {
        TRY(weights_pack_one(l, &w->output, UINT64_MAX, error));
    }
    w->packed = true;
    return HEARTH_OK;
}

/* ---- all of it ---- */

/* Falcon's two norms have names of their own. */
static const tensor_names *names_of(const loader *l)
{
    static const char two[] = "transformer.h.0.ln_attn.weight";
    if (l->options->gguf != NULL && l->c->form.residual_norm) {
        return &names_gguf_encoder;
    }
    if (l->options->gguf != NULL) {
        if (l->c->family->gguf_names != NULL) {
            return l->c->family->gguf_names;
        }
        return tensor_table_find(l->tensors, "blk.0.attn_norm_2.weight") != NULL ? &names_gguf_two_norms : &names_gguf;
    }
    if (l->c->family->names == &names_falcon && tensor_table_find(l->tensors, two) != NULL) {
        return &names_falcon_new;
    }
    return l->c->family->names;
}

static hearth_status make_layers(loader *l, size_t count, hearth_error *error)
{
    model_weights *w = l->w;
    w->vectors = arena_create(0);
    if (w->vectors == NULL) {
        return error_memory(error, 0);
    }
    w->layers = arena_array(w->vectors, count, sizeof *w->layers);
    if (w->layers == NULL) {
        return error_memory(error, count * sizeof *w->layers);
    }
    w->layer_count = count;
    w->expert_count = l->c->moe.experts;
    w->head_count = l->c->heads;
    return HEARTH_OK;
}

static hearth_status load_all(loader *l, hearth_error *error)
{
    model_weights *w = l->w;
    TRY(make_layers(l, l->c->layers, error));
    for (unsigned i = 0; i < l->c->layers; i++) {
        TRY(load_layer(l, i, &w->layers[i], error));
    }
    TRY(load_ends(l, error));
    TRY(check_all_used(l, error));
    TRY(make_list(l, error));
    return pack_all(l, error);
}

/* The layer behind the last one. What it shares with the model, the file may have once more: that is not read. */
static hearth_status load_head(loader *l, hearth_error *error)
{
    const uint32_t index = l->c->layers, width = l->c->width;
    const tensor_names *n = l->names;
    model_weights *w = l->w;
    char stem[NAME_BYTES];
    TRY(make_layers(l, 1, error));
    w->join = arena_array(w->vectors, 1, sizeof *w->join);
    if (w->join == NULL) {
        return error_memory(error, sizeof *w->join);
    }
    TRY(load_layer(l, index, &w->layers[0], error));
    TRY(load_whole(l, n->join, index, width, 2 * (size_t)width, w->join, error));
    TRY(load_norm(l, name_with(n->join_embedding, index, 0, stem, sizeof stem), PART_ALL, width, &w->join_embedding,
                  error));
    TRY(load_norm(l, name_with(n->join_hidden, index, 0, stem, sizeof stem), PART_ALL, width, &w->join_hidden, error));
    TRY(load_norm(l, name_with(n->join_output, index, 0, stem, sizeof stem), PART_ALL, width, &w->output_norm, error));
    TRY(load_rope_factors(l, error));
    TRY(make_list(l, error));
    return pack_all(l, error);
}

static hearth_status load(hearth_status (*what)(loader *l, hearth_error *error), const tensor_table *tensors,
                          const model_config *c, engine *e, const weights_options *options, model_weights *ret,
                          hearth_error *error)
{
    model_weights w = {0};
    loader l = {.tensors = tensors, .c = c, .e = e, .options = options, .w = &w};
    l.used = mem_calloc(tensors->count + 1, sizeof *l.used);
    if (l.used == NULL) {
        return error_memory(error, tensors->count);
    }
    l.names = names_of(&l);
    const hearth_status status = what(&l, error);
    mem_free(l.used);
    if (status != HEARTH_OK) {
        weights_free(&w);
        return status;
    }
    *ret = w;
    return HEARTH_OK;
}

hearth_status weights_load(const tensor_table *tensors, const model_config *c, engine *e,
                           const weights_options *options, model_weights *ret, hearth_error *error)
{
    return load(load_all, tensors, c, e, options, ret, error);
}

bool weights_has_head(const tensor_table *tensors, const model_config *c, const weights_options *options)
{
    char stem[NAME_BYTES];
    const loader l = {.tensors = tensors, .c = c, .options = options};
    const tensor_names *n = names_of(&l);
    return c->beyond != 0 && n->join != NULL &&
           tensor_is_there(&l, name_with(n->join, c->layers, 0, stem, sizeof stem), ".weight");
}

hearth_status weights_load_head(const tensor_table *tensors, const model_config *c, engine *e,
                                const weights_options *options, const model_weights *of, model_weights *ret,
                                hearth_error *error)
{
    TRY(load(load_head, tensors, c, e, options, ret, error));
    ret->ends = of;
    ret->tied = of->tied;
    ret->output_bias = of->output_bias;
    ret->slopes = of->slopes;
    return HEARTH_OK;
}

bool weights_is_expert(const model_weights *w, const matrix *m)
{
    for (size_t i = 0; i < w->layer_count; i++) {
        const matrix *experts = w->layers[i].experts;
        if (experts != NULL && m >= experts && m < experts + 3 * w->expert_count) {
            return true;
        }
    }
    return false;
}

void weights_free(model_weights *w)
{
    weight_stream_free(w->stream);
    for (size_t i = 0; i < w->layer_count; i++) {
        matrix *all[LAYER_MATRICES];
        layer_matrices(&w->layers[i], all);
        for (size_t j = 0; j < LAYER_MATRICES; j++) {
            matrix_free(all[j]);
        }
        for (size_t h = 0; w->layers[i].v_b != NULL && h < w->head_count; h++) {
            matrix_free(&w->layers[i].k_b[h]);
            matrix_free(&w->layers[i].v_b[h]);
        }
        for (size_t e = 0; w->layers[i].experts != NULL && e < 3 * w->expert_count; e++) {
            matrix_free(&w->layers[i].experts[e]);
        }
    }
    if (w->join != NULL) {
        matrix_free(w->join);
    }
    matrix_free(&w->output);
    matrix_free(&w->embedding);
    matrix_free(&w->positions);
    matrix_free(&w->types);
    arena_destroy(w->vectors);
    *w = (model_weights){0};
}
