/* Pages of one sequence's keys and values; states and their checkpoint. */
#include "model/kv_cache.h"

#include "base/memory.h"
#include "platform/pages.h"

#include <string.h>

cache_type kv_cache_choose(compute how, int wanted)
{
    if (wanted >= 0) {
        return (cache_type)wanted;
    }
    return how == COMPUTE_F32 ? CACHE_F32 : CACHE_F16;
}

static hearth_status create_states(const model_config *c, kv_cache *cache, hearth_error *error)
{
    if (model_config_state_bytes(c) == 0) {
        return HEARTH_OK;
    }
    cache->state_floats = delta_state_floats(&c->delta);
    cache->states_bytes = (size_t)(model_config_state_bytes(c) / 2);
    cache->states = mem_alloc_aligned(size_round_up(cache->states_bytes, 64), 64);
    cache->checkpoint = mem_alloc_aligned(size_round_up(cache->states_bytes, 64), 64);
    if (cache->states == NULL || cache->checkpoint == NULL) {
        return error_memory(error, cache->states_bytes);
    }
    cache->state_position = KV_CACHE_NOWHERE;
    cache->checkpoint_position = KV_CACHE_NOWHERE;
    return HEARTH_OK;
}

/* Everything but the pages. */
static kv_cache describe(const model_config *c, cache_type type, size_t positions)
{
    kv_cache cache = {
        .shape = {.type = type, .kv_heads = c->kv_heads, .head_dim = c->head_dim},
        .positions = (uint32_t)positions,
        .capacity = (uint32_t)size_round_up(positions, ATTENTION_BLOCK),
        .layers = c->form.bidirectional ? 1 : model_config_attention_layers(c), /* an encoder's layers use it in turn */
    };
    cache.keys_bytes = size_round_up(cache_keys_bytes(cache.shape), 64);
    cache.values_bytes = size_round_up(cache_values_bytes(cache.shape), 64);
    cache.page_bytes = cache.layers * (cache.keys_bytes + cache.values_bytes);
    return cache;
}

size_t kv_cache_page_bytes(const model_config *c, cache_type type)
{
    return describe(c, type, 1).page_bytes;
}

hearth_status kv_cache_create_paged(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                                    hearth_error *error)
{
    if (positions == 0 || positions > LIMIT_CONTEXT) {
        return error_set(error, HEARTH_E_LIMIT, "context length", "1 to 67108864", "%zu", positions);
    }
    kv_cache cache = describe(c, type, positions);
    cache.pages = mem_calloc(cache.capacity / ATTENTION_BLOCK, sizeof *cache.pages);
    if (cache.pages == NULL) {
        return error_memory(error, cache.capacity / ATTENTION_BLOCK * sizeof *cache.pages);
    }
    const hearth_status status = create_states(c, &cache, error);
    if (status != HEARTH_OK) {
        kv_cache_free(&cache);
        return status;
    }
    *ret = cache;
    return HEARTH_OK;
}

static hearth_status create_storage(kv_cache *cache, hearth_error *error)
{
    const size_t pages = cache->capacity / ATTENTION_BLOCK;
    size_t total = 0;
    if (!size_mul(cache->page_bytes, pages, &total)) {
        return error_set(error, HEARTH_E_LIMIT, "KV cache", "a size that fits in memory", "%u positions",
                         cache->positions);
    }
    cache->storage_bytes = total == 0 ? 64 : total;
    cache->storage = pages_alloc(cache->storage_bytes);
    if (cache->storage == NULL) {
        return error_memory(error, total);
    }
    for (size_t i = 0; i < pages; i++) {
        cache->pages[i] = cache->storage + i * cache->page_bytes;
    }
    return HEARTH_OK;
}

hearth_status kv_cache_create(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                              hearth_error *error)
{
    kv_cache cache = {0};
    TRY(kv_cache_create_paged(c, type, positions, &cache, error));
    const hearth_status status = create_storage(&cache, error);
    if (status != HEARTH_OK) {
        kv_cache_free(&cache);
        return status;
    }
    *ret = cache;
    return HEARTH_OK;
}

void kv_cache_free(kv_cache *cache)
{
    rope_table_free(&cache->rope);
    mem_free((void *)(uintptr_t)cache->rope.frequencies);
    mem_free(cache->pages);
    pages_free(cache->storage, cache->storage_bytes);
    mem_free(cache->states);
    mem_free(cache->checkpoint);
    *cache = (kv_cache){0};
}

uint32_t kv_cache_reach(const kv_cache *cache, uint32_t length)
{
    if (cache->states == NULL || cache->state_position == length) {
        return length;
    }
    uint32_t reach = 0;
    if (cache->checkpoint_position <= length) { /* nowhere is beyond every length */
        reach = cache->checkpoint_position;
    }
    return cache->state_position <= length && cache->state_position > reach ? cache->state_position : reach;
}

void kv_cache_keep(kv_cache *cache, uint32_t position)
{
    if (cache->states != NULL && cache->state_position == position) {
        memcpy(cache->checkpoint, cache->states, cache->states_bytes);
        cache->checkpoint_position = cache->state_position;
    }
}

void kv_cache_seek(kv_cache *cache, uint32_t position)
{
    if (cache->states == NULL) {
        return;
    }
    if (position != cache->state_position && position == 0) {
        memset(cache->states, 0, cache->states_bytes);
    } else if (position != cache->state_position) {
        memcpy(cache->states, cache->checkpoint, cache->states_bytes);
    }
    cache->state_position = position;
    if (cache->checkpoint_position > position) { /* of tokens that others take the place of */
        cache->checkpoint_position = KV_CACHE_NOWHERE;
    }
}

/* Values between -1 and 1, the same every time. */
static void draw_row(float *row, size_t count, uint32_t *state)
{
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525u + 1013904223u;
        row[i] = (float)(int32_t)*state * 0x1p-31f;
    }
}

/* A layer's part of the first page is stored position by position. */
static void synthesize_layer(kv_cache *cache, const kernel_table *k, uint32_t layer, float *row)
{
    const size_t keys = layer * (cache->keys_bytes + cache->values_bytes);
    const cache_view view = {cache->pages, keys, keys + cache->keys_bytes};
    const size_t width = (size_t)cache->shape.kv_heads * cache->shape.head_dim;
    uint32_t state = layer + 1;
    for (uint32_t position = 0; position < ATTENTION_BLOCK; position++) {
        draw_row(row, 2 * width, &state);
        k->attention->store(cache->shape, view, position, row, row + width, 0, cache->shape.kv_heads);
    }
}

hearth_status kv_cache_synthesize(kv_cache *cache, const kernel_table *k, uint32_t positions, hearth_error *error)
{
    const size_t bytes = sizeof(float) * 2 * cache->shape.kv_heads * cache->shape.head_dim;
    float *row = mem_alloc(bytes);
    if (row == NULL) {
        return error_memory(error, bytes);
    }
    for (uint32_t layer = 0; layer < cache->layers; layer++) {
        synthesize_layer(cache, k, layer, row);
    }
    for (size_t i = 1; i * ATTENTION_BLOCK < positions; i++) {
        memcpy(cache->pages[i], cache->pages[0], cache->page_bytes);
    }
    mem_free(row);
    if (cache->states != NULL) {
        memset(cache->states, 0, cache->states_bytes);
        cache->state_position = positions;
        cache->checkpoint_position = KV_CACHE_NOWHERE;
    }
    return HEARTH_OK;
}
