/* Viterbi over the tokens that a text can be cut into. */
#include "tokenizer/unigram.h"

#include "base/memory.h"

#include <string.h>

#define NONE UINT32_MAX
#define TOTAL_MOST 100000.0 /* beyond it SentencePiece counts from 0 again, for binary32's sake */

hearth_status unigram_create(unigram *u, const token_text *texts, const uint8_t *skip, size_t count,
                             hearth_error *error)
{
    return double_array_build(&u->trie, texts, count, skip, error);
}

void unigram_free(unigram *u)
{
    double_array_free(&u->trie);
}

void unigram_scratch_free(unigram_scratch *s)
{
    mem_free(s->nodes);
    mem_free(s->ends);
    *s = (unigram_scratch){0};
}

static hearth_status reserve_nodes(unigram_scratch *s, size_t count, hearth_error *error)
{
    if (count <= s->capacity) {
        return HEARTH_OK;
    }
    const size_t capacity = count < 1024 ? 1024 : count + count / 2;
    unigram_node *grown = mem_realloc(s->nodes, capacity * sizeof *grown);
    if (grown == NULL) {
        return error_memory(error, capacity * sizeof *grown);
    }
    s->nodes = grown;
    s->capacity = capacity;
    return HEARTH_OK;
}

static size_t character_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* ---- the way back ---- */

static hearth_status put_bytes(const unigram *u, const char *text, size_t length, token_list *out, bool *ret_done,
                               hearth_error *error)
{
    *ret_done = u->byte_fallback;
    for (size_t i = 0; i < length; i++) {
        *ret_done = *ret_done && u->byte_ids[(unsigned char)text[i]] >= 0;
    }
    for (size_t i = 0; *ret_done && i < length; i++) {
        TRY(token_list_append(out, u->byte_ids[(unsigned char)text[i]], error));
    }
    return HEARTH_OK;
}

/* Neighbours without a token: one unknown token, or all their bytes. Hugging Face looks their joined text up first. */
static hearth_status put_unknown(const unigram *u, const char *text, size_t length, token_list *out,
                                 hearth_error *error)
{
    const int32_t whole = u->binary32 ? -1 : vocab_find(u->words, text, length);
    if (whole >= 0) {
        return token_list_append(out, whole, error);
    }
    bool done = false;
    TRY(put_bytes(u, text, length, out, &done, error));
    return done || u->unknown < 0 ? HEARTH_OK : token_list_append(out, u->unknown, error);
}

/* Appends the best way to nodes[end]. */
static hearth_status put_best(const unigram *u, unigram_scratch *s, const char *text, uint32_t end, token_list *out,
                              hearth_error *error)
{
    size_t count = 0;
    for (uint32_t at = end; at > 0; at = s->nodes[at].start) {
        if (count == s->end_capacity) {
            const size_t capacity = count == 0 ? 256 : count * 2;
            uint32_t *grown = mem_realloc(s->ends, capacity * sizeof *grown);
            if (grown == NULL) {
                return error_memory(error, capacity * sizeof *grown);
            }
            s->ends = grown;
            s->end_capacity = capacity;
        }
        s->ends[count++] = at;
    }
    while (count > 0) {
        const unigram_node *node = &s->nodes[s->ends[--count]];
        if (node->id != u->unknown) {
            TRY(token_list_append(out, node->id, error));
            continue;
        }
        const uint32_t start = node->start;
        while (count > 0 && s->nodes[s->ends[count - 1]].id == u->unknown) {
            count--;
        }
        TRY(put_unknown(u, text + start, s->ends[count] - start, out, error));
    }
    return HEARTH_OK;
}

/* ---- the way there ---- */

/* A token from `start` to `end`. */
static inline void offer(unigram_node *node, double score, uint32_t start, int32_t id, bool binary32)
{
    score = binary32 ? (double)(float)score : score;
    if (node->start == NONE || score > node->score) {
        *node = (unigram_node){.score = score, .start = start, .id = id};
    }
}

/* Makes the nodes up to `end` ready. */
static inline void reach_to(unigram_node *nodes, uint32_t *reach, uint32_t end)
{
    while (*reach < end) {
        nodes[++*reach].start = NONE;
    }
}

static void count_from_zero(unigram_scratch *s, uint32_t start, uint32_t reach)
{
    const double offset = s->nodes[start].score;
    for (uint32_t i = start; i <= reach; i++) {
        if (i == start || s->nodes[i].start != NONE) {
            s->nodes[i].score = (double)((float)s->nodes[i].score - (float)offset);
        }
    }
}

/* All tokens that begin at text[start]; *reach: the furthest place where one ends. Returns the character's length. */
static hearth_status step(const unigram *u, unigram_scratch *s, const char *text, size_t length, uint32_t start,
                          uint32_t *reach, hearth_error *error)
{
    if (u->binary32 && (s->nodes[start].score < -TOTAL_MOST || s->nodes[start].score > TOTAL_MOST)) {
        count_from_zero(s, start, *reach);
    }
    const double score = s->nodes[start].score;
    size_t character = character_length((unsigned char)text[start]);
    character = character < length - start ? character : length - start;
    bool single = false;
    uint32_t node = 0;
    for (size_t at = start; at < length && double_array_step(&u->trie, &node, (unsigned char)text[at]); at++) {
        const int32_t id = u->trie.units[node].id;
        if (id < 0) {
            continue;
        }
        const uint32_t end = (uint32_t)at + 1;
        if (end > *reach) {
            TRY(reserve_nodes(s, (size_t)end + 1, error));
            reach_to(s->nodes, reach, end);
        }
        offer(&s->nodes[end], u->scores[id] + score, start, id, u->binary32);
        single = single || end - start == character;
    }
    if (!single) {
        const uint32_t end = start + (uint32_t)character;
        TRY(reserve_nodes(s, (size_t)end + 1, error));
        reach_to(s->nodes, reach, end);
        const double total = u->binary32 ? (double)((float)u->unknown_score + (float)score) : u->unknown_score + score;
        offer(&s->nodes[end], total, start, u->unknown, u->binary32);
    }
    return HEARTH_OK;
}

/* Where no token reaches over a place, all before it is settled: only the total goes on. */
hearth_status unigram_encode(const unigram *u, unigram_scratch *s, const char *text, size_t length, token_list *out,
                             hearth_error *error)
{
    TRY(reserve_nodes(s, 1024, error));
    uint32_t at = 0;
    uint32_t reach = 0;
    s->nodes[0] = (unigram_node){0};
    while (at < length) {
        TRY(step(u, s, text, length, at, &reach, error));
        const size_t character = character_length((unsigned char)text[at]);
        at += (uint32_t)(character < length - at ? character : length - at);
        if (at == reach && (s->nodes[at].id != u->unknown || at == length)) {
            TRY(put_best(u, s, text, at, out, error));
            s->nodes[0].score = s->nodes[at].score;
            text += at;
            length -= at;
            at = 0;
            reach = 0;
        }
    }
    return at == 0 ? HEARTH_OK : put_best(u, s, text, at, out, error);
}
