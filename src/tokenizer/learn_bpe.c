/* Byte-level BPE out of counted words.
 *
 * All distinct words lie in one array of places, a byte each, with an end between them. A token takes as many places as
 * it has bytes: its first one holds its id, its last one how far back the first is, those between a mark, so that both
 * neighbours are found at once. A pair keeps the places where it came to be; which of them still hold it is seen when
 * its turn comes. A merge adds up what it changes by neighbour first, then by pair: few look-ups for many places. */
#include "tokenizer/learn_bpe.h"

#include "base/arena.h"
#include "base/memory.h"
#include "tokenizer/internal.h"
#include "tokenizer/learn_pairs.h"
#include "tokenizer/vocab.h"

#include <string.h>

#define PLACE_END UINT32_MAX     /* between words */
#define PLACE_INSIDE 0x80000000u /* with the distance to the token's first place, in its last one */
#define BYTES 256u

typedef struct place {
    uint32_t symbol, word;
} place;

/* What a merge changes beside one neighbour. */
typedef struct neighbour {
    int64_t count;   /* occurrences that were the old token's and are the new one's */
    uint32_t places; /* where the new pair came to be; then, while lists are filled, the next free one */
    uint32_t *list;
} neighbour;

typedef struct formed {
    uint32_t neighbour, place;
} formed;

/* One side of all places of a merge. */
typedef struct merge_side {
    neighbour *neighbours; /* by token */
    uint32_t *touched;
    size_t touched_count;
    formed *formed;
    size_t formed_count, formed_capacity;
} merge_side;

typedef struct bpe_job {
    const learn_options *options;
    learned_bpe *out;
    size_t capacity;    /* of tokens */
    word_table by_text; /* bytes of tokens to id + 1 */
    place *places;
    size_t place_count;
    int64_t *counts; /* by word */
    size_t word_count;
    pair_table pairs;
    pair_queue queue;
    arena *arena; /* lists of places */
    merge_side left, right;
} bpe_job;

/* ---- tokens ---- */

static uint32_t token_length(const bpe_job *j, uint32_t id)
{
    return j->out->tokens[id].length;
}

static hearth_status add_token(bpe_job *j, const char *bytes, size_t length, bool as_written, hearth_error *error)
{
    learned_bpe *b = j->out;
    if (b->token_count == j->capacity || length > PLACE_INSIDE - 1) {
        return error_set(error, HEARTH_E_LIMIT, "tokens", "room for one more", "%zu", b->token_count);
    }
    b->tokens[b->token_count++] = (learned_token){b->bytes.length, (uint32_t)length, as_written};
    return buffer_append(&b->bytes, bytes, length, error);
}

static hearth_status name_token(bpe_job *j, const char *bytes, size_t length, uint32_t id, hearth_error *error)
{
    word_slot *slot = word_table_enter(&j->by_text, bytes, length, vocab_hash(bytes, length));
    if (slot == NULL) {
        return error_memory(error, length);
    }
    slot->count = (uint64_t)id + 1;
    return HEARTH_OK;
}

/* Special tokens in the order given. One that is spelled like bytes of the alphabet is the token of these
 * bytes, too. */
static hearth_status add_specials(bpe_job *j, hearth_error *error)
{
    buffer bytes;
    buffer_init(&bytes, 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < j->options->special_count && status == HEARTH_OK; i++) {
        const char *text = j->options->special[i];
        const uint32_t id = (uint32_t)j->out->token_count;
        bool spelled = false;
        status = byte_alphabet_read((token_text){text, strlen(text)}, &bytes, &spelled, error);
        if (status == HEARTH_OK && !spelled) {
            status = add_token(j, text, strlen(text), true, error);
        } else if (status == HEARTH_OK) {
            status = add_token(j, bytes.data, bytes.length, false, error);
            status = status != HEARTH_OK ? status : name_token(j, bytes.data, bytes.length, id, error);
        }
    }
    j->out->special_count = j->out->token_count;
    buffer_free(&bytes);
    return status;
}

/* The 256 bytes in the order of the characters that stand for them. */
static hearth_status add_bytes(bpe_job *j, uint32_t ids[BYTES], hearth_error *error)
{
    for (uint32_t code = 0; code < 2 * BYTES; code++) {
        const int byte = byte_alphabet_byte(code);
        if (byte < 0) {
            continue;
        }
        const char text = (char)byte;
        const word_slot *known = word_table_find(&j->by_text, &text, 1);
        ids[byte] = known != NULL ? (uint32_t)(known->count - 1) : (uint32_t)j->out->token_count;
        if (known == NULL) {
            TRY(add_token(j, &text, 1, false, error));
            TRY(name_token(j, &text, 1, ids[byte], error));
        }
    }
    return HEARTH_OK;
}

/* ---- places ---- */

static hearth_status make_room(bpe_job *j, const word_table *parts, size_t part_count, hearth_error *error)
{
    const size_t most = UINT32_MAX - 1;
    for (size_t p = 0; p < part_count; p++) {
        j->place_count += parts[p].bytes + parts[p].count;
        j->word_count += parts[p].count;
    }
    if (j->place_count > most) {
        return error_set(error, HEARTH_E_LIMIT, "distinct words", "at most 4 GiB of text", "%zu bytes", j->place_count);
    }
    j->place_count++;
    j->places = mem_alloc(j->place_count * sizeof *j->places);
    j->counts = mem_calloc(j->word_count, sizeof *j->counts);
    j->arena = arena_create(0);
    if (j->places == NULL || (j->counts == NULL && j->word_count > 0) || j->arena == NULL) {
        return error_memory(error, j->place_count * sizeof *j->places);
    }
    const size_t tokens = j->capacity;
    for (int side = 0; side < 2; side++) {
        merge_side *s = side == 0 ? &j->left : &j->right;
        s->neighbours = mem_calloc(tokens, sizeof *s->neighbours);
        s->touched = mem_calloc(tokens, sizeof *s->touched);
        if (s->neighbours == NULL || s->touched == NULL) {
            return error_memory(error, tokens * sizeof *s->neighbours);
        }
    }
    return HEARTH_OK;
}

static hearth_status lay_out(bpe_job *j, const word_table *parts, size_t part_count, const uint32_t ids[BYTES],
                             hearth_error *error)
{
    size_t at = 0;
    uint32_t word = 0;
    uint64_t total = 0; /* of all bytes, each as often as it comes: no count of a pair is larger */
    j->places[at++] = (place){PLACE_END, 0};
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; parts[p].slots != NULL && i <= parts[p].mask; i++) {
            const word_slot *slot = &parts[p].slots[i];
            if (slot->count == 0) {
                continue;
            }
            uint64_t bytes = 0;
            if (!u64_mul(slot->count, slot->length, &bytes) || !u64_add(total, bytes, &total) ||
                total > (uint64_t)INT64_MAX) {
                return error_set(error, HEARTH_E_LIMIT, "text", "at most 2^63 - 1 bytes", "more");
            }
            const char *text = word_slot_text(&parts[p], slot);
            for (uint32_t k = 0; k < slot->length; k++) {
                j->places[at++] = (place){ids[(unsigned char)text[k]], word};
            }
            j->places[at++] = (place){PLACE_END, word};
            j->counts[word++] = (int64_t)slot->count;
        }
    }
    return HEARTH_OK;
}

typedef struct first_pair {
    int64_t count;
    uint32_t places;
    uint32_t *list;
} first_pair;

static hearth_status queue_first(bpe_job *j, first_pair *pair, uint64_t key, hearth_error *error)
{
    const size_t bytes = pair->places * sizeof *pair->list;
    pair->list = arena_alloc(j->arena, bytes);
    TRY(tokenizer_room(pair->list, bytes, error));
    pair_slot *slot = pair_table_at(&j->pairs, key);
    slot->count = pair->count;
    TRY(pair_queue_put(
        &j->queue, (queued_pair){.count = pair->count, .key = key, .places = pair->list, .place_count = pair->places},
        error));
    pair->places = 0;
    return HEARTH_OK;
}

static hearth_status fill_first(bpe_job *j, first_pair *table, const uint8_t *byte_of, const uint32_t ids[BYTES],
                                hearth_error *error)
{
    for (size_t i = 1; i + 1 < j->place_count; i++) {
        const uint32_t a = j->places[i].symbol, b = j->places[i + 1].symbol;
        if (a != PLACE_END && b != PLACE_END) {
            first_pair *pair = &table[byte_of[a] * BYTES + byte_of[b]];
            pair->count += j->counts[j->places[i].word];
            pair->places++;
        }
    }
    TRY(pair_table_reserve(&j->pairs, (size_t)BYTES * BYTES, error));
    for (size_t k = 0; k < (size_t)BYTES * BYTES; k++) {
        if (table[k].places > 0) {
            TRY(queue_first(j, &table[k], pair_key(ids[k / BYTES], ids[k % BYTES]), error));
        }
    }
    for (size_t i = 1; i + 1 < j->place_count; i++) {
        const uint32_t a = j->places[i].symbol, b = j->places[i + 1].symbol;
        if (a != PLACE_END && b != PLACE_END) {
            first_pair *pair = &table[byte_of[a] * BYTES + byte_of[b]];
            pair->list[pair->places++] = (uint32_t)i;
        }
    }
    return HEARTH_OK;
}

/* The pairs of bytes: their counts and places. */
static hearth_status first_pairs(bpe_job *j, const uint32_t ids[BYTES], hearth_error *error)
{
    first_pair *table = mem_calloc((size_t)BYTES * BYTES, sizeof *table);
    uint8_t *byte_of = mem_calloc(j->capacity, 1);
    hearth_status status = HEARTH_OK;
    if (table == NULL || byte_of == NULL) {
        status = error_memory(error, (size_t)BYTES * BYTES * sizeof *table);
    }
    for (size_t i = 0; i < BYTES && status == HEARTH_OK; i++) {
        byte_of[ids[i]] = (uint8_t)i;
    }
    status = status != HEARTH_OK ? status : fill_first(j, table, byte_of, ids, error);
    mem_free(table);
    mem_free(byte_of);
    return status;
}

/* ---- one merge ---- */

/* A neighbour of the pair: the new token's pair with it came to be at `at`. */
static hearth_status note(merge_side *s, uint32_t token, uint32_t at, int64_t count, hearth_error *error)
{
    if (s->formed_count == s->formed_capacity) {
        const size_t capacity = s->formed_capacity == 0 ? 4096 : s->formed_capacity * 2;
        formed *grown = mem_realloc(s->formed, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        s->formed = grown;
        s->formed_capacity = capacity;
    }
    neighbour *n = &s->neighbours[token];
    if (n->places == 0) {
        s->touched[s->touched_count++] = token;
    }
    n->places++;
    n->count += count;
    s->formed[s->formed_count++] = (formed){token, at};
    return HEARTH_OK;
}

/* Merges the pair at `at`, where it still is there, and notes what that changes. */
static hearth_status merge_at(bpe_job *j, uint32_t at, learned_merge pair, uint32_t token, hearth_error *error)
{
    place *places = j->places;
    if (places[at].symbol != pair.left) {
        return HEARTH_OK;
    }
    const uint32_t second = at + token_length(j, pair.left);
    if (places[second].symbol != pair.right) {
        return HEARTH_OK;
    }
    const uint32_t next = second + token_length(j, pair.right);
    const int64_t count = j->counts[places[at].word];
    places[at].symbol = token;
    places[second].symbol = PLACE_INSIDE;
    places[next - 1].symbol = PLACE_INSIDE | (next - 1 - at);
    const uint32_t before = places[at - 1].symbol;
    if (before != PLACE_END) {
        const uint32_t first = (before & PLACE_INSIDE) != 0 ? at - 1 - (before & ~PLACE_INSIDE) : at - 1;
        TRY(note(&j->left, places[first].symbol, first, count, error));
    }
    const uint32_t after = places[next].symbol;
    return after != PLACE_END ? note(&j->right, after, at, count, error) : HEARTH_OK;
}

/* Lists of the new pairs' places, in ascending order within each word. */
static hearth_status make_lists(bpe_job *j, merge_side *s, hearth_error *error)
{
    for (size_t i = 0; i < s->touched_count; i++) {
        neighbour *n = &s->neighbours[s->touched[i]];
        const size_t bytes = n->places * sizeof *n->list;
        n->list = arena_alloc(j->arena, bytes);
        TRY(tokenizer_room(n->list, bytes, error));
        n->places = 0;
    }
    for (size_t i = 0; i < s->formed_count; i++) {
        neighbour *n = &s->neighbours[s->formed[i].neighbour];
        n->list[n->places++] = s->formed[i].place;
    }
    s->formed_count = 0;
    return HEARTH_OK;
}

static uint64_t side_key(bool left, uint32_t other, uint32_t token)
{
    return left ? pair_key(other, token) : pair_key(token, other);
}

static void change_counts(bpe_job *j, const merge_side *s, bool left, uint32_t old, uint32_t token)
{
    for (size_t i = 0; i < s->touched_count; i++) {
        const int64_t count = s->neighbours[s->touched[i]].count;
        pair_table_at(&j->pairs, side_key(left, s->touched[i], old))->count -= count;
        pair_table_at(&j->pairs, side_key(left, s->touched[i], token))->count += count;
    }
}

/* The new token came of this pair alone: the pairs with it are new, too. */
static hearth_status queue_new(bpe_job *j, merge_side *s, bool left, uint32_t token, hearth_error *error)
{
    for (size_t i = 0; i < s->touched_count; i++) {
        neighbour *n = &s->neighbours[s->touched[i]];
        const uint64_t key = side_key(left, s->touched[i], token);
        const int64_t count = pair_table_at(&j->pairs, key)->count;
        if (count > 0) {
            TRY(pair_queue_put(&j->queue,
                               (queued_pair){.count = count, .key = key, .places = n->list, .place_count = n->places},
                               error));
        }
        *n = (neighbour){0};
    }
    s->touched_count = 0;
    return HEARTH_OK;
}

static hearth_status merge(bpe_job *j, queued_pair entry, learned_merge pair, uint32_t token, hearth_error *error)
{
    for (uint32_t i = 0; i < entry.place_count; i++) {
        if (i + 12 < entry.place_count) {
            __builtin_prefetch(&j->places[entry.places[i + 12]]);
        }
        TRY(merge_at(j, entry.places[i], pair, token, error));
    }
    TRY(make_lists(j, &j->left, error));
    TRY(make_lists(j, &j->right, error));
    TRY(pair_table_reserve(&j->pairs, 2 * (j->left.touched_count + j->right.touched_count), error));
    change_counts(j, &j->left, true, pair.left, token);
    change_counts(j, &j->right, false, pair.right, token);
    TRY(queue_new(j, &j->left, true, token, error));
    return queue_new(j, &j->right, false, token, error);
}

/* The token of a pair: a new one, or one that another pair made before. */
static hearth_status token_of_pair(bpe_job *j, learned_merge pair, buffer *text, uint32_t *ret, hearth_error *error)
{
    const learned_bpe *b = j->out;
    const learned_token left = b->tokens[pair.left], right = b->tokens[pair.right];
    buffer_clear(text);
    TRY(buffer_append(text, b->bytes.data + left.start, left.length, error));
    TRY(buffer_append(text, b->bytes.data + right.start, right.length, error));
    const word_slot *known = word_table_find(&j->by_text, text->data, text->length);
    if (known != NULL) {
        *ret = (uint32_t)(known->count - 1);
        return HEARTH_OK;
    }
    *ret = (uint32_t)b->token_count;
    TRY(add_token(j, text->data, text->length, false, error));
    return name_token(j, text->data, text->length, *ret, error);
}

static hearth_status note_merge(bpe_job *j, learned_merge pair, size_t *capacity, hearth_error *error)
{
    learned_bpe *b = j->out;
    if (b->merge_count == *capacity) {
        const size_t more = *capacity == 0 ? 1024 : *capacity * 2;
        learned_merge *grown = mem_realloc(b->merges, more * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, more * sizeof *grown);
        }
        b->merges = grown;
        *capacity = more;
    }
    b->merges[b->merge_count++] = pair;
    return HEARTH_OK;
}

static hearth_status merge_all(bpe_job *j, buffer *text, hearth_error *error)
{
    const learn_options *o = j->options;
    const int64_t least = o->min_frequency > 1 ? (int64_t)o->min_frequency : 1;
    const uint64_t first = j->out->token_count;
    size_t capacity = 0;
    while (j->out->token_count < o->vocab_size && j->queue.count > 0) {
        const uint64_t key = j->queue.heap[0].key;
        const int64_t count = pair_table_at(&j->pairs, key)->count;
        if (j->queue.heap[0].count != count) {
            pair_queue_recount(&j->queue, count);
            continue;
        }
        if (count < least) {
            break;
        }
        const queued_pair entry = pair_queue_take(&j->queue);
        const learned_merge pair = {(uint32_t)(key >> 32), (uint32_t)key};
        uint32_t token = 0;
        TRY(token_of_pair(j, pair, text, &token, error));
        TRY(note_merge(j, pair, &capacity, error));
        TRY(merge(j, entry, pair, token, error));
        if ((j->out->merge_count & 63) == 0 && o->progress != NULL &&
            !o->progress(o->progress_context, "merges", j->out->token_count - first, o->vocab_size - first, "merges")) {
            return error_set(error, HEARTH_E_CANCELLED, "merges", NULL, "cancelled");
        }
    }
    return HEARTH_OK;
}

static int compare_bytes(const learned_bpe *b, uint32_t x, uint32_t y)
{
    const learned_token s = b->tokens[x], t = b->tokens[y];
    const int order =
        memcmp(b->bytes.data + s.start, b->bytes.data + t.start, s.length < t.length ? s.length : t.length);
    return order != 0 ? order : (s.length > t.length) - (s.length < t.length);
}

static int greater_text(const void *context, const queued_pair *x, const queued_pair *y)
{
    const learned_bpe *b = context;
    const int order = compare_bytes(b, (uint32_t)(x->key >> 32), (uint32_t)(y->key >> 32));
    return order != 0 ? order > 0 : compare_bytes(b, (uint32_t)x->key, (uint32_t)y->key) > 0;
}

static void free_job(bpe_job *j)
{
    word_table_free(&j->by_text);
    mem_free(j->places);
    mem_free(j->counts);
    pair_table_free(&j->pairs);
    pair_queue_free(&j->queue);
    arena_destroy(j->arena);
    for (int side = 0; side < 2; side++) {
        merge_side *s = side == 0 ? &j->left : &j->right;
        mem_free(s->neighbours);
        mem_free(s->touched);
        mem_free(s->formed);
    }
}

static hearth_status learn(bpe_job *j, const word_table *parts, size_t part_count, hearth_error *error)
{
    uint32_t ids[BYTES];
    buffer_init(&j->out->bytes, 0);
    j->out->tokens = mem_calloc(j->capacity, sizeof *j->out->tokens);
    if (j->out->tokens == NULL) {
        return error_memory(error, j->capacity * sizeof *j->out->tokens);
    }
    TRY(add_specials(j, error));
    TRY(add_bytes(j, ids, error));
    TRY(make_room(j, parts, part_count, error));
    TRY(lay_out(j, parts, part_count, ids, error));
    TRY(first_pairs(j, ids, error));
    buffer text;
    buffer_init(&text, 0);
    const hearth_status status = merge_all(j, &text, error);
    buffer_free(&text);
    return status;
}

hearth_status learn_bpe(const learn_options *options, const word_table *parts, size_t part_count, learned_bpe *ret,
                        hearth_error *error)
{
    *ret = (learned_bpe){0};
    bpe_job job = {.options = options, .out = ret, .capacity = (size_t)options->vocab_size + 1};
    const size_t least = options->special_count + BYTES + 1;
    job.capacity = job.capacity < least ? least : job.capacity;
    if (options->ties == LEARN_TIES_TEXT) {
        job.queue.before = greater_text;
        job.queue.context = ret;
    }
    const hearth_status status = learn(&job, parts, part_count, error);
    free_job(&job);
    return status;
}

void learned_bpe_free(learned_bpe *b)
{
    buffer_free(&b->bytes);
    mem_free(b->tokens);
    mem_free(b->merges);
    *b = (learned_bpe){0};
}
