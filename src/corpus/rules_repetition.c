/* Repetition within a text (Rae et al. 2021, table A1): lines, paragraphs, and n-grams of words. */
#include "corpus/rule_functions.h"

#include "base/memory.h"
#include "corpus/words.h"

#include <stdio.h>
#include <string.h>

enum { LINES, PARAGRAPHS, LINE_CHARACTERS, PARAGRAPH_CHARACTERS, TOP_2, TOP_3, TOP_4, DUPLICATE_5 };

/* A table of hashes with open addressing: how often each was seen. A pair of texts with the same 64 bits counts as
 * equal. */
typedef struct hash_counts {
    uint64_t *keys; /* 0: free */
    uint32_t *counts;
    size_t mask;
} hash_counts;

static hearth_status counts_make(hash_counts *t, size_t items, hearth_error *error)
{
    size_t slots = 16;
    while (slots < 2 * items) {
        slots *= 2;
    }
    t->keys = mem_calloc(slots, sizeof *t->keys);
    t->counts = mem_calloc(slots, sizeof *t->counts);
    t->mask = slots - 1;
    return t->keys == NULL || t->counts == NULL ? error_memory(error, slots * 12) : HEARTH_OK;
}

static void counts_free(hash_counts *t)
{
    mem_free(t->keys);
    mem_free(t->counts);
    *t = (hash_counts){0};
}

static void counts_clear(hash_counts *t)
{
    memset(t->keys, 0, (t->mask + 1) * sizeof *t->keys);
    memset(t->counts, 0, (t->mask + 1) * sizeof *t->counts);
}

/* How often the hash is there now, this one included. */
static uint32_t count_one(hash_counts *t, uint64_t hash)
{
    hash += hash == 0;
    size_t at = (size_t)(hash ^ hash >> 29) & t->mask;
    while (t->keys[at] != 0 && t->keys[at] != hash) {
        at = (at + 1) & t->mask;
    }
    t->keys[at] = hash;
    return ++t->counts[at];
}

typedef struct repetition {
    rule *r;
    document *d;
    const char *text;
    size_t characters; /* of the whole text */
    span_list spans;
    size_t *lengths; /* characters of each word */
    hash_counts table;
} repetition;

static hearth_status judge(const repetition *p, size_t parameter, size_t part, size_t whole, const char *what,
                           hearth_error *error)
{
    const double most = p->r->values[parameter].number;
    if ((double)part <= most * (double)whole) {
        return HEARTH_OK;
    }
    return RULE_DROP(p->r, p->d, error, "%zu of %zu %s, more than %g", part, whole, what, most);
}

/* Lines or paragraphs that were there before. */
static hearth_status pieces(repetition *p, bool paragraphs, hearth_error *error)
{
    size_t again = 0, characters = 0;
    TRY(lines_split(p->text, p->d->text.length, paragraphs, &p->spans, error));
    TRY(counts_make(&p->table, p->spans.count, error));
    for (size_t i = 0; i < p->spans.count; i++) {
        const text_span s = p->spans.items[i];
        if (count_one(&p->table, words_hash(p->text + s.begin, s.end - s.begin)) > 1) {
            again++;
            characters += characters_of(p->text + s.begin, s.end - s.begin);
        }
    }
    counts_free(&p->table);
    TRY(judge(p, paragraphs ? PARAGRAPHS : LINES, again, p->spans.count,
              paragraphs ? "paragraphs are repeated" : "lines are repeated", error));
    return judge(p, paragraphs ? PARAGRAPH_CHARACTERS : LINE_CHARACTERS, characters, p->characters,
                 paragraphs ? "characters in repeated paragraphs" : "characters in repeated lines", error);
}

/* The words of an n-gram by their hashes. */
static uint64_t gram_hash(const repetition *p, const uint64_t *hashes, size_t at, size_t n)
{
    (void)p;
    uint64_t h = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ hashes[at + i]) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
    }
    return h;
}

static size_t gram_length(const repetition *p, size_t at, size_t n, size_t blanks)
{
    size_t length = blanks;
    for (size_t i = 0; i < n; i++) {
        length += p->lengths[at + i];
    }
    return length;
}

/* The most frequent n-gram (the first of several), if it is there twice: its characters, blanks too, in all places. */
static hearth_status top_gram(repetition *p, const uint64_t *hashes, size_t n, hearth_error *error)
{
    size_t best_at = 0;
    uint32_t best = 1;
    char what[48];
    const size_t grams = p->spans.count >= n ? p->spans.count - n + 1 : 0;
    counts_clear(&p->table);
    for (size_t at = 0; at < grams; at++) {
        const uint32_t count = count_one(&p->table, gram_hash(p, hashes, at, n));
        if (count > best) {
            best = count;
            best_at = at;
        }
    }
    if (best < 2) {
        return HEARTH_OK;
    }
    (void)snprintf(what, sizeof what, "characters in the most frequent %zu words", n);
    return judge(p, TOP_2 + n - 2, best * gram_length(p, best_at, n, n - 1), p->characters, what, error);
}

/* Characters of n-grams that were there before, none counted twice. */
static hearth_status repeated_grams(repetition *p, const uint64_t *hashes, size_t n, hearth_error *error)
{
    size_t characters = 0;
    char what[48];
    const size_t grams = p->spans.count >= n ? p->spans.count - n + 1 : 0;
    counts_clear(&p->table);
    for (size_t at = 0; at < grams;) {
        const bool again = count_one(&p->table, gram_hash(p, hashes, at, n)) > 1;
        characters += again ? gram_length(p, at, n, 0) : 0;
        at += again ? n : 1;
    }
    (void)snprintf(what, sizeof what, "characters in repeated groups of %zu words", n);
    return judge(p, DUPLICATE_5 + n - 5, characters, p->characters, what, error);
}

static hearth_status grams(repetition *p, hearth_error *error)
{
    TRY(words_split(p->text, p->d->text.length, &p->spans, error));
    TRY(counts_make(&p->table, p->spans.count, error));
    uint64_t *hashes = mem_calloc(p->spans.count + 1, sizeof *hashes);
    p->lengths = mem_calloc(p->spans.count + 1, sizeof *p->lengths);
    hearth_status status =
        hashes == NULL || p->lengths == NULL ? error_memory(error, p->spans.count * sizeof *hashes) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < p->spans.count; i++) {
        const text_span s = p->spans.items[i];
        hashes[i] = words_hash(p->text + s.begin, s.end - s.begin);
        p->lengths[i] = characters_of(p->text + s.begin, s.end - s.begin);
    }
    for (size_t n = 2; status == HEARTH_OK && n <= 10 && p->d->fate == NULL; n++) {
        status = n < 5 ? top_gram(p, hashes, n, error) : repeated_grams(p, hashes, n, error);
    }
    mem_free(hashes);
    return status;
}

hearth_status rule_repetition(rule *r, document *d, int part, hearth_error *error)
{
    repetition p = {.r = r, .d = d, .text = buffer_text(&d->text)};
    (void)part;
    p.characters = characters_of(p.text, d->text.length);
    hearth_status status = pieces(&p, false, error);
    if (status == HEARTH_OK && d->fate == NULL) {
        status = pieces(&p, true, error);
    }
    if (status == HEARTH_OK && d->fate == NULL) {
        status = grams(&p, error);
    }
    counts_free(&p.table);
    span_list_free(&p.spans);
    mem_free(p.lengths);
    return status;
}
