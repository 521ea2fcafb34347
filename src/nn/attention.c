/* Attention's split over threads.
 *
 * Decoding with a short past, or where the heads share out evenly: a thread owns key heads, with the query heads that
 * read them, from the rotation to the end: no barrier. Otherwise rotation and storing are shared out by tokens, and
 * after a barrier the threads draw pieces (a key head's query heads, or a query head; some tokens) until none is left,
 * the dear ones first. */
#include "nn/attention.h"

#include "nn/profile.h"

#include <string.h>

#define ATTENTION_TILE 32u /* tokens of a piece */
_Static_assert(NN_GATHERED == 2 * ATTENTION_TILE, "queries and results of a piece");
#define PIECES_ENOUGH 4u /* for each thread */
#define ATTENTION_CHEAP                                                                                                \
    ((size_t)1 << 16) /* positions * heads * head_dim below which a barrier costs more than idling */

static cache_view cache_of(const nn_attention *a, const nn_sequence *s, uint32_t layer)
{
    const size_t keys = a->layers[layer].slot * s->layer_bytes;
    return (cache_view){s->pages, keys, keys + s->values_bytes};
}

/* Norms and turns heads [begin, end) of one row of q or k. */
static void norm_and_turn(const nn_worker *w, const nn_attention *a, const nn_attention_layer *l,
                          const rope_table *rope, const nn_norm *norm, float *row, size_t begin, size_t end,
                          uint32_t position)
{
    for (size_t head = begin; head < end; head++) {
        float *x = row + head * a->head_dim;
        if (l->qk_norm == QK_NORM_HEAD) {
            nn_norm_row(w->k, norm, x, a->head_dim, x);
        } else if (l->qk_norm == QK_NORM_HEADS) {
            nn_norm own = *norm;
            own.weight = norm->weight == NULL ? NULL : norm->weight + head * a->head_dim;
            own.bias = norm->bias == NULL ? NULL : norm->bias + head * a->head_dim;
            nn_norm_row(w->k, &own, x, a->head_dim, x);
        }
        if (rope != NULL) {
            w->k->rope(x, rope_cos(rope, position), rope_sin(rope, position), (size_t)rope->half * 2);
            if (l->qk_norm == QK_NORM_TURNED) {
                nn_norm_row(w->k, norm, x, a->head_dim, x);
            }
        }
    }
}

/* Heads [begin, end) of one row of q. */
static void warm(const nn_worker *w, const nn_attention *a, const query_temperature *temperature, float *row,
                 size_t begin, size_t end, uint32_t position)
{
    const uint64_t lengths = ((uint64_t)position + temperature->offset) / temperature->length;
    if (lengths != 0) { /* else the factor is 1 */
        const float logarithm = (float)math64_log(1.0 + (double)lengths);
        float *x = row + begin * a->head_dim;
        w->k->scale(x, logarithm * temperature->scale + 1.0f, (end - begin) * a->head_dim, x);
    }
}

/* Token t of a sequence: turns and stores key heads [begin, end), turns the query heads that read them. */
static void rotate_and_store(const nn_worker *w, const nn_attention *a, const nn_sequence *s, uint32_t layer,
                             uint32_t t, uint32_t begin, uint32_t end)
{
    const nn_attention_layer *l = &a->layers[layer];
    const uint32_t group = a->heads / a->kv_heads;
    const uint32_t position = s->position + t;
    float *query = a->q + (s->first + t) * a->ldq;
    float *key = a->k + (s->first + t) * a->ldkv;
    const float *value = a->v + (s->first + t) * a->ldkv;
    const bool other = l->rope != NULL && l->common_rope && s->rope != NULL;
    const rope_table *rope = other ? s->rope : l->rope;
    const size_t values = (size_t)(end - begin) * a->head_dim;
    norm_and_turn(w, a, l, rope, &l->k_norm, key, begin, end, position);
    nn_lap_work(w, NN_OP_ROPE, 1, 2 * values * sizeof *key, 2 * values);
    w->k->attention->store(s->shape, cache_of(a, s, layer), position, key, value, begin, end);
    nn_lap_work(w, NN_OP_STORE, 1, 2 * values * sizeof *key, 0);
    norm_and_turn(w, a, l, rope, &l->q_norm, query, (size_t)begin * group, (size_t)end * group, position);
    if (l->temperature.scale != 0.0f) {
        warm(w, a, &l->temperature, query, (size_t)begin * group, (size_t)end * group, position);
    }
    nn_lap_work(w, NN_OP_ROPE, 1, 2 * values * group * sizeof *query, 2 * values * group);
}

/* What needs whole rows of q, k and v: a norm over all heads, clipping. Barriers before and after. */
static void whole_rows(const nn_worker *w, const nn_attention *a, const nn_attention_layer *l)
{
    const size_t query = (size_t)a->heads * a->head_dim;
    const size_t key = (size_t)a->kv_heads * a->head_dim;
    const thread_range share = thread_split(a->tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        float *q = a->q + t * a->ldq;
        float *k = a->k + t * a->ldkv;
        float *v = a->v + t * a->ldkv;
        if (l->qk_norm == QK_NORM_ROW) {
            nn_norm_row(w->k, &l->q_norm, q, query, q);
            nn_norm_row(w->k, &l->k_norm, k, key, k);
        }
        if (l->clip != 0.0f) {
            w->k->clamp(q, l->clip, query, q);
            w->k->clamp(k, l->clip, key, k);
            w->k->clamp(v, l->clip, key, v);
        }
    }
    nn_lap_work(w, NN_OP_ROPE, share.end - share.begin, 2 * (query + 2 * key) * sizeof(float), query + key);
    nn_barrier(w);
}

/* Tokens [begin, end) of a sequence whose queries all see everything, one query head: the kernel is given them as if
 * they were heads of one token, the sequence's last, that share one key head. At most ATTENTION_TILE. */
static void attend_whole(const nn_worker *w, const nn_attention *a, const nn_sequence *s, uint32_t layer,
                         uint32_t begin, uint32_t end, uint32_t head)
{
    const uint32_t count = end - begin;
    const uint32_t kv_head = head / (a->heads / a->kv_heads);
    const size_t bytes = a->head_dim * sizeof(float);
    cache_shape one = s->shape;
    one.kv_heads = 1;
    float *q = a->gathered + (size_t)w->part * NN_GATHERED * a->head_dim;
    float *out = q + (size_t)ATTENTION_TILE * a->head_dim;
    for (uint32_t t = 0; t < count; t++) {
        memcpy(q + (size_t)t * a->head_dim, a->q + (s->first + begin + t) * a->ldq + (size_t)head * a->head_dim, bytes);
    }
    cache_view cache = cache_of(a, s, layer);
    cache.keys += kv_head * cache_keys_bytes(one);
    cache.values += kv_head * cache_values_bytes(one);
    w->k->attention->attend(one, cache, s->position + s->count - 1, 1, q, (size_t)count * a->head_dim, count, 0, count,
                            a->scale, &a->layers[layer].form, out, (size_t)count * a->head_dim, w->scratch);
    for (uint32_t t = 0; t < count; t++) {
        memcpy(a->out + (s->first + begin + t) * a->ldo + (size_t)head * a->head_dim, out + (size_t)t * a->head_dim,
               bytes);
    }
}

static void attend_wholes(const nn_worker *w, const nn_attention *a, const nn_sequence *s, uint32_t layer,
                          uint32_t begin, uint32_t end, uint32_t head_begin, uint32_t head_end)
{
    for (uint32_t head = head_begin; head < head_end; head++) {
        for (uint32_t t = begin; t < end; t += ATTENTION_TILE) {
            attend_whole(w, a, s, layer, t, end - t < ATTENTION_TILE ? end : t + ATTENTION_TILE, head);
        }
    }
}

/* Of what a query at `position` sees, the first position. */
static uint32_t first_seen(const attention_form *form, uint32_t position)
{
    if (form->window != 0 && position >= form->window) {
        return position - form->window + 1;
    }
    return form->chunk != 0 ? position / form->chunk * form->chunk : 0;
}

/* The keys and values that these tokens see are read once for each of the key heads; a query multiplies with each
 * twice. */
static void lap_attention(const nn_worker *w, const nn_attention *a, const nn_sequence *s, uint32_t layer,
                          uint32_t begin, uint32_t end, uint32_t head_begin, uint32_t head_end)
{
    if (w->profiler == NULL || begin == end || head_begin == head_end) {
        return;
    }
    const nn_attention_layer *l = &a->layers[layer];
    const uint32_t group = a->heads / a->kv_heads;
    const uint32_t kv_heads = (head_end - 1) / group - head_begin / group + 1;
    double seen = 0;
    for (uint32_t t = begin; t < end; t++) {
        const uint32_t position = s->position + t;
        seen += l->bidirectional ? s->position + s->count : position + 1 - first_seen(&l->form, position);
    }
    const uint32_t last = l->bidirectional ? s->position + s->count : s->position + end;
    const uint32_t first = l->bidirectional ? 0 : first_seen(&l->form, s->position + begin);
    const nn_work work = {.bytes = cache_position_bytes(s->shape.type, kv_heads, a->head_dim) * (last - first),
                          .multiplies = seen * 2 * (head_end - head_begin) * a->head_dim};
    w->profiler->lap(w->profiler->context, w->part, NN_OP_ATTEND, NULL, work);
}

/* Tokens [begin, end) of a sequence, query heads [head_begin, head_end). */
static void attend(const nn_worker *w, const nn_attention *a, const nn_sequence *s, uint32_t layer, uint32_t begin,
                   uint32_t end, uint32_t head_begin, uint32_t head_end)
{
    const size_t row = s->first + begin;
    if (a->layers[layer].bidirectional) {
        attend_wholes(w, a, s, layer, begin, end, head_begin, head_end);
        lap_attention(w, a, s, layer, begin, end, head_begin, head_end);
        return;
    }
    w->k->attention->attend(s->shape, cache_of(a, s, layer), s->position + begin, end - begin, a->q + row * a->ldq,
                            a->ldq, a->heads, head_begin, head_end, a->scale, &a->layers[layer].form,
                            a->out + row * a->ldo, a->ldo, w->scratch);
    lap_attention(w, a, s, layer, begin, end, head_begin, head_end);
}

static uint32_t first_wanted(const nn_sequence *s, bool only_wanted)
{
    return only_wanted ? s->count - s->wanted : 0;
}

/* Everything is one thread's: the key heads that it owns. */
static void apply_by_head(const nn_worker *w, const nn_attention *a, uint32_t layer, bool only_wanted)
{
    const uint32_t group = a->heads / a->kv_heads;
    const thread_range heads = thread_split(a->kv_heads, 1, w->part, w->parts);
    const uint32_t begin = (uint32_t)heads.begin;
    const uint32_t end = (uint32_t)heads.end;
    for (size_t i = 0; i < a->sequence_count && begin < end; i++) {
        const nn_sequence *s = &a->sequences[i];
        for (uint32_t t = 0; t < s->count; t++) {
            rotate_and_store(w, a, s, layer, t, begin, end);
        }
        const uint32_t from = first_wanted(s, only_wanted);
        if (from < s->count) {
            attend(w, a, s, layer, from, s->count, begin * group, end * group);
        }
    }
}

static void store_share(const nn_worker *w, const nn_attention *a, uint32_t layer)
{
    /* whole tiles of keys are one thread's, where there are enough of them */
    const size_t grain = a->tokens < (size_t)ATTENTION_TILE_POSITIONS * (size_t)w->parts ? 1 : ATTENTION_TILE_POSITIONS;
    const thread_range share = thread_split(a->tokens, grain, w->part, w->parts);
    for (size_t i = 0; i < a->sequence_count; i++) {
        const nn_sequence *s = &a->sequences[i];
        for (uint32_t t = 0; t < s->count; t++) {
            if (s->first + t >= share.begin && s->first + t < share.end) {
                rotate_and_store(w, a, s, layer, t, 0, a->kv_heads);
            }
        }
    }
}

static uint32_t piece_tiles(const nn_sequence *s, bool only_wanted)
{
    return (s->count - first_wanted(s, only_wanted) + ATTENTION_TILE - 1) / ATTENTION_TILE;
}

/* Piece number `piece`, if it belongs to this sequence (else takes the sequence's pieces off it). Pieces with many
 * positions come first. */
static bool attend_piece(const nn_worker *w, const nn_attention *a, const nn_sequence *s, uint32_t layer,
                         bool only_wanted, uint32_t heads_each, uint32_t *piece)
{
    const uint32_t from = first_wanted(s, only_wanted);
    const uint32_t columns = a->heads / heads_each;
    const uint32_t tiles = piece_tiles(s, only_wanted);
    if (*piece >= tiles * columns) {
        *piece -= tiles * columns;
        return false;
    }
    const uint32_t begin = from + (tiles - 1 - *piece / columns) * ATTENTION_TILE;
    const uint32_t end = s->count - begin < ATTENTION_TILE ? s->count : begin + ATTENTION_TILE;
    const uint32_t head = *piece % columns * heads_each;
    attend(w, a, s, layer, begin, end, head, head + heads_each);
    return true;
}

static void apply_by_piece(const nn_worker *w, const nn_attention *a, uint32_t layer, bool only_wanted,
                           atomic_uint *next)
{
    store_share(w, a, layer);
    nn_barrier(w);
    /* whole groups read each key once; single heads share out better when there is little else to share */
    const uint32_t group = a->heads / a->kv_heads;
    size_t pieces = 0;
    for (size_t i = 0; i < a->sequence_count; i++) {
        pieces += (size_t)piece_tiles(&a->sequences[i], only_wanted) * a->kv_heads;
    }
    const bool few = pieces < PIECES_ENOUGH * (size_t)w->parts;
    for (;;) {
        uint32_t piece = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
        bool found = false;
        for (size_t i = 0; i < a->sequence_count && !found; i++) {
            found = attend_piece(w, a, &a->sequences[i], layer, only_wanted, few ? 1 : group, &piece);
        }
        if (!found) {
            return;
        }
    }
}

void nn_attention_apply(const nn_worker *w, const nn_attention *a, uint32_t layer, bool only_wanted, atomic_uint *next)
{
    const nn_attention_layer *l = &a->layers[layer];
    size_t work = 0;
    uint32_t longest = 0;
    if (l->clip != 0.0f || l->qk_norm == QK_NORM_ROW) {
        whole_rows(w, a, l);
    }
    for (size_t i = 0; i < a->sequence_count; i++) {
        const nn_sequence *s = &a->sequences[i];
        work += (size_t)(s->position + s->count) * s->count * a->heads * a->head_dim;
        longest = s->count > longest ? s->count : longest;
    }
    /* decoding, be it of many sequences: every thread has as many heads of each */
    const bool even = longest <= NN_OWN_TOKENS && a->kv_heads % (uint32_t)w->parts == 0;
    if (w->parts == 1 || even || work < ATTENTION_CHEAP) {
        apply_by_head(w, a, layer, only_wanted);
    } else {
        apply_by_piece(w, a, layer, only_wanted, next);
    }
}
