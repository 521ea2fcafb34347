/* From a tokenizer to trees of bytes. */
#include "generate/grammar_vocabulary.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "generate/grammar.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *bytes;
    uint32_t length;
    int32_t id;
} entry;

static int by_bytes(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    const uint32_t common = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->bytes, y->bytes, common);
    if (order != 0) {
        return order;
    }
    return x->length != y->length ? (x->length > y->length) - (x->length < y->length)
                                  : (x->id > y->id) - (x->id < y->id);
}

/* Characters, if all are plain; else 0. */
static size_t plain_characters(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; count++) {
        uint32_t code = 0;
        const size_t size = utf8_decode(bytes + i, length - i, &code);
        if (size == 0 || (size == 1 && !is_plain_byte((uint8_t)bytes[i]))) {
            return 0;
        }
        i += size;
    }
    return count;
}

/* ---- trees ---- */

static size_t common_beginning(const entry *a, const entry *b)
{
    size_t n = 0;
    while (n < a->length && n < b->length && a->bytes[n] == b->bytes[n]) {
        n++;
    }
    return n;
}

static void tree_free(token_tree *t)
{
    mem_free(t->bytes);
    mem_free(t->plain);
    mem_free(t->depth);
    mem_free(t->end);
    mem_free(t->first);
    mem_free(t->ids);
}

static void add_node(token_tree *t, const entry *e, size_t depth, uint32_t first, bool plain)
{
    const uint32_t n = t->nodes++;
    const size_t characters = plain && depth > 0 ? plain_characters(e->bytes, depth) : 0;
    t->bytes[n] = depth == 0 ? 0 : (uint8_t)e->bytes[depth - 1];
    t->depth[n] = (uint16_t)depth;
    t->first[n] = first;
    t->plain[n] = depth == 0 || characters != 0 ? (uint8_t)characters : UINT8_MAX;
    t->most_depth = depth > t->most_depth ? (uint16_t)depth : t->most_depth;
}

/* Where each node's descendants end: nodes that are open, by depth. */
static bool close_nodes(token_tree *t)
{
    uint32_t *open = mem_calloc((size_t)t->most_depth + 1, sizeof *open);
    if (open == NULL) {
        return false;
    }
    size_t depth = 0;
    for (uint32_t n = 1; n <= t->nodes; n++) {
        const size_t here = n == t->nodes ? 0 : t->depth[n];
        while (depth >= here && depth > 0) {
            t->end[open[depth--]] = n;
        }
        depth = here;
        open[depth] = n;
    }
    t->end[0] = t->nodes;
    mem_free(open);
    return true;
}

static bool make_tree(const entry *entries, size_t count, bool plain, token_tree *t)
{
    size_t nodes = 1;
    for (size_t i = 0; i < count; i++) {
        nodes += entries[i].length - (i == 0 ? 0 : common_beginning(&entries[i - 1], &entries[i]));
    }
    t->bytes = mem_calloc(nodes, sizeof *t->bytes);
    t->plain = mem_calloc(nodes, sizeof *t->plain);
    t->depth = mem_calloc(nodes, sizeof *t->depth);
    t->end = mem_calloc(nodes, sizeof *t->end);
    t->first = mem_calloc(nodes + 1, sizeof *t->first);
    t->ids = mem_calloc(count + 1, sizeof *t->ids);
    if (!t->bytes || !t->plain || !t->depth || !t->end || !t->first || !t->ids) {
        return false;
    }
    add_node(t, NULL, 0, 0, plain);
    for (size_t i = 0; i < count; i++) {
        const size_t common = i == 0 ? 0 : common_beginning(&entries[i - 1], &entries[i]);
        for (size_t depth = common + 1; depth <= entries[i].length; depth++) {
            add_node(t, &entries[i], depth, (uint32_t)i, plain);
        }
        t->ids[i] = entries[i].id;
    }
    t->first[t->nodes] = (uint32_t)count;
    return close_nodes(t);
}

/* ---- the vocabulary ---- */

static hearth_status read_texts(grammar_vocabulary *v, hearth_error *error)
{
    buffer_init(&v->text, 0);
    for (size_t id = 0; id < v->size; id++) {
        v->begins[id] = (uint32_t)v->text.length;
        const size_t before = v->text.length;
        const bool known = id < tokenizer_vocabulary_size(v->t);
        const unsigned flags = known ? tokenizer_token_flags(v->t, (int32_t)id) : (unsigned)TOKEN_UNUSED;
        const bool end = known && tokenizer_is_end(v->t, (int32_t)id);
        if (!end && (flags & (TOKEN_SPECIAL | TOKEN_UNKNOWN | TOKEN_UNUSED)) == 0) {
            TRY(tokenizer_piece(v->t, (int32_t)id, DECODE_PLAIN, &v->text, error));
        }
        if (v->text.length > UINT32_MAX / 2 || v->text.length - before >= UINT16_MAX) {
            return error_set(error, HEARTH_E_LIMIT, "vocabulary", "tokens of less than 65535 bytes", "%zu",
                             v->text.length - before);
        }
        if (end) {
            v->ends[v->end_count++] = (int32_t)id;
        }
    }
    v->begins[v->size] = (uint32_t)v->text.length;
    return HEARTH_OK;
}

static void set_plain_masks(grammar_vocabulary *v)
{
    for (size_t id = 0; id < v->size; id++) {
        for (size_t n = v->plain_length[id]; n != 0 && n <= PLAIN_MOST; n++) {
            v->plain_masks[n * v->words + id / 64] |= (uint64_t)1 << id % 64;
        }
    }
}

static bool make_trees(grammar_vocabulary *v)
{
    entry *entries = mem_calloc(2 * v->size, sizeof *entries);
    size_t plain = 0;
    size_t rest = 0;
    for (size_t id = 0; entries != NULL && id < v->size; id++) {
        size_t length = 0;
        const char *bytes = vocabulary_text(v, (int32_t)id, &length);
        const size_t characters = plain_characters(bytes, length);
        const bool is_plain = characters != 0 && characters <= PLAIN_MOST;
        v->plain_length[id] = is_plain ? (uint8_t)characters : 0;
        if (length != 0) {
            entries[is_plain ? plain++ : v->size + rest++] = (entry){bytes, (uint32_t)length, (int32_t)id};
        }
    }
    if (entries != NULL) {
        qsort(entries, plain, sizeof *entries, by_bytes);
        qsort(entries + v->size, rest, sizeof *entries, by_bytes);
        set_plain_masks(v);
    }
    const bool made = entries != NULL && make_tree(entries, plain, true, &v->plain) &&
                      make_tree(entries + v->size, rest, false, &v->rest);
    mem_free(entries);
    return made;
}

hearth_status grammar_vocabulary_create(const tokenizer *t, size_t vocabulary, grammar_vocabulary **ret,
                                        hearth_error *error)
{
    static atomic_uint_fast64_t serials = 1;
    if (vocabulary == 0 || vocabulary > LIMIT_VOCABULARY) {
        return error_set(error, HEARTH_E_ARGUMENT, "vocabulary", "1 to 4194304", "%zu", vocabulary);
    }
    grammar_vocabulary *v = mem_calloc(1, sizeof *v);
    if (v == NULL) {
        return error_memory(error, sizeof *v);
    }
    v->t = t;
    v->size = vocabulary;
    v->words = (vocabulary + 63) / 64;
    v->serial = atomic_fetch_add(&serials, 1);
    v->begins = mem_calloc(vocabulary + 1, sizeof *v->begins);
    v->ends = mem_calloc(vocabulary, sizeof *v->ends);
    v->plain_length = mem_calloc(vocabulary, sizeof *v->plain_length);
    v->plain_masks = mem_calloc((PLAIN_MOST + 1) * v->words, sizeof *v->plain_masks);
    hearth_status status = v->begins && v->ends && v->plain_length && v->plain_masks
                               ? read_texts(v, error)
                               : error_memory(error, vocabulary * sizeof(uint64_t));
    if (status == HEARTH_OK && !make_trees(v)) {
        status = error_memory(error, vocabulary * sizeof(entry));
    }
    if (status != HEARTH_OK) {
        grammar_vocabulary_free(v);
        return status;
    }
    *ret = v;
    return HEARTH_OK;
}

void grammar_vocabulary_free(grammar_vocabulary *v)
{
    if (v == NULL) {
        return;
    }
    buffer_free(&v->text);
    mem_free(v->begins);
    mem_free(v->ends);
    mem_free(v->plain_length);
    mem_free(v->plain_masks);
    tree_free(&v->plain);
    tree_free(&v->rest);
    mem_free(v);
}
