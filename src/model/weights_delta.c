/* q, k, v and z come in one matrix, by key heads (folders, and GGUF files of 2025), or z by itself. */
#include "model/weights_delta.h"

#include "base/limits.h"
#include "base/memory.h"
#include "kernels/kernels.h"

#define NAME_BYTES (LIMIT_TENSOR_NAME_BYTES + 16)

static hearth_status load_products(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const model_config *c = l->c;
    const delta_config *d = &c->delta;
    const tensor_names *n = l->names;
    const size_t channels = delta_channels(d);
    char stem[NAME_BYTES];
    matrix_place place = {.stem = stem, .part = PART_DELTA_BA};
    name_with(n->delta_ba, index, 0, stem, sizeof stem);
    TRY(find_matrix(l, &place, 2 * (size_t)d->value_heads, c->width, &layer->delta_ba, error));
    name_with(n->delta_qkvz, index, 0, stem, sizeof stem);
    if (n->delta_qkv == NULL || tensor_is_there(l, stem, ".weight")) {
        place.part = PART_DELTA_QKVZ;
        TRY(find_matrix(l, &place, channels + delta_values(d), c->width, &layer->delta_qkv, error));
    } else {
        TRY(load_whole(l, n->delta_qkv, index, channels, c->width, &layer->delta_qkv, error));
        TRY(load_whole(l, n->delta_z, index, delta_values(d), c->width, &layer->delta_z, error));
    }
    return load_whole(l, n->delta_o, index, c->width, delta_values(d), &layer->o, error);
}

/* Stored [channels, 1, taps], in GGUF [channels, taps]; here by taps. */
static hearth_status load_taps(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const delta_config *d = &l->c->delta;
    const size_t stride = delta_stride(d);
    const uint64_t shape[3] = {delta_channels(d), 1, d->taps};
    const uint64_t flat[2] = {shape[0], d->taps};
    const bool two = l->options->gguf != NULL;
    const tensor_entry *entry = NULL;
    char name[NAME_BYTES];
    name_with(l->names->delta_conv, index, 0, name, sizeof name);
    TRY(find_tensor(l, name, two ? 2 : 3, two ? flat : shape, &entry, error));
    TRY(check_value_type(name, entry, error));
    float *taps = arena_alloc_aligned(l->w->vectors, d->taps * stride * sizeof *taps, 64);
    if (taps == NULL) {
        return error_memory(error, d->taps * stride * sizeof *taps);
    }
    for (size_t i = 0; i < d->taps * stride; i++) {
        const size_t channel = i % stride;
        taps[i] = channel < shape[0] ? value_at(entry->type, entry->data, channel * d->taps + i / stride) : 0.0f;
    }
    layer->delta_taps = taps;
    return HEARTH_OK;
}

/* -exp(A_log), which GGUF has. */
static hearth_status load_rate(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const size_t heads = l->c->delta.value_heads;
    const float *stored = NULL;
    char name[NAME_BYTES];
    TRY(find_vector(l, name_with(l->names->delta_rate, index, 0, name, sizeof name), PART_ALL, false, heads, 0.0f,
                    &stored, error));
    if (l->options->gguf != NULL) {
        layer->delta_rate = stored;
        return HEARTH_OK;
    }
    float *rate = arena_alloc_aligned(l->w->vectors, size_round_up(heads, 16) * sizeof *rate, 64);
    if (rate == NULL) {
        return error_memory(error, heads * sizeof *rate);
    }
    for (size_t i = 0; i < heads; i++) {
        rate[i] = (float)-math64_exp((double)stored[i]);
    }
    layer->delta_rate = rate;
    return HEARTH_OK;
}

hearth_status load_delta(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const delta_config *d = &l->c->delta;
    const tensor_names *n = l->names;
    char name[NAME_BYTES];
    TRY(load_products(l, index, layer, error));
    TRY(load_taps(l, index, layer, error));
    TRY(load_rate(l, index, layer, error));
    TRY(find_vector(l, name_with(n->delta_step, index, 0, name, sizeof name), PART_ALL, false, d->value_heads, 0.0f,
                    &layer->delta_step, error));
    layer->delta_norm = (nn_norm){.kind = NORM_RMS, .eps = l->c->eps};
    return find_vector(l, name_with(n->delta_norm, index, 0, name, sizeof name), PART_ALL, false, d->value_dim, 0.0f,
                       &layer->delta_norm.weight, error);
}
