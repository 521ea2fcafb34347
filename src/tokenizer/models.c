/* The models, a row each: what is made of a spec, and how a word becomes ids. */
#include "tokenizer/internal.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* [count], 1 for what is no symbol of the model's. */
static hearth_status outside_tokens(const tokenizer *t, uint8_t **ret, hearth_error *error)
{
    *ret = mem_calloc(t->count, 1);
    if (*ret == NULL) {
        return error_memory(error, t->count);
    }
    for (size_t i = 0; i < t->count; i++) {
        (*ret)[i] = (t->flags[i] & TOKEN_OUTSIDE) != 0;
    }
    return HEARTH_OK;
}

/* What the model's own symbols are. Byte level: as plain bytes. */
static hearth_status make_words(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    uint8_t *skip = NULL;
    TRY(outside_tokens(t, &skip, error));
    int32_t duplicate = -1;
    const token_text *texts = spec->byte_level ? t->pieces : t->entries;
    const hearth_status status = vocab_build(&t->bpe.words, texts, t->count, skip, &duplicate, error);
    mem_free(skip);
    return status;
}

static void make_byte_ids(tokenizer *t, const tokenizer_spec *spec)
{
    static const char digits[] = "0123456789ABCDEF";
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[6] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
        size_t length = sizeof text;
        if (spec->byte_level) {
            length = utf8_encode(byte_alphabet_character((uint8_t)byte), text);
        }
        t->bpe.byte_ids[byte] = vocab_find(&t->by_entry, text, length);
    }
}

static hearth_status find_part(const tokenizer *t, size_t merge, token_text text, int32_t *ret, hearth_error *error)
{
    *ret = vocab_find(&t->by_entry, text.text, text.length);
    if (*ret >= 0) {
        return HEARTH_OK;
    }
    char place[48];
    (void)snprintf(place, sizeof place, "merge %zu", merge);
    return error_set(error, HEARTH_E_FORMAT, place, "tokens of the vocabulary", "'%.*s'",
                     (int)(text.length < 60 ? text.length : 60), text.text);
}

static void enter_merge(bpe *b, bpe_merge merge)
{
    const uint64_t pair = (uint64_t)(uint32_t)merge.left << 32 | (uint32_t)merge.right;
    size_t at = ((pair * 0x9E3779B97F4A7C15u) >> 20) & b->merge_mask;
    while (b->merges[at].left >= 0) {
        if (b->merges[at].left == merge.left && b->merges[at].right == merge.right) {
            b->merges[at] = merge; /* said twice: the later rank counts, as in Hugging Face's map */
            return;
        }
        at = (at + 1) & b->merge_mask;
    }
    b->merges[at] = merge;
}

static hearth_status make_merges(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    size_t slots = 16;
    while (slots < spec->merge_count * 2) {
        slots *= 2;
    }
    t->bpe.merge_mask = slots - 1;
    t->bpe.merges = mem_alloc(slots * sizeof *t->bpe.merges);
    if (t->bpe.merges == NULL) {
        return error_memory(error, slots * sizeof *t->bpe.merges);
    }
    memset(t->bpe.merges, 0xFF, slots * sizeof *t->bpe.merges);
    buffer joined;
    buffer_init(&joined, 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < spec->merge_count && status == HEARTH_OK; i++) {
        const merge_spec *m = &spec->merges[i];
        bpe_merge merge = {.rank = (uint32_t)i};
        buffer_clear(&joined);
        status = find_part(t, i, m->left, &merge.left, error);
        status = status != HEARTH_OK ? status : find_part(t, i, m->right, &merge.right, error);
        status = status != HEARTH_OK ? status : buffer_append(&joined, m->left.text, m->left.length, error);
        status = status != HEARTH_OK ? status : buffer_append(&joined, m->right.text, m->right.length, error);
        status = status != HEARTH_OK ? status
                                     : find_part(t, i, (token_text){joined.data, joined.length}, &merge.result, error);
        if (status == HEARTH_OK) {
            enter_merge(&t->bpe, merge);
        }
    }
    buffer_free(&joined);
    return status;
}

/* A float's order as an unsigned number, the highest score smallest; below UINT32_MAX, which means no merge. */
static uint32_t score_key(float score)
{
    uint32_t bits = 0;
    score += 0.0f; /* -0 and 0 are equal */
    memcpy(&bits, &score, sizeof bits);
    return ~(bits >> 31 != 0 ? ~bits : bits | 0x80000000u);
}

static hearth_status make_scores(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    t->bpe.score_keys = arena_array(t->arena, t->count, sizeof *t->bpe.score_keys);
    TRY(tokenizer_room(t->bpe.score_keys, t->count, error));
    for (size_t i = 0; i < t->count; i++) {
        if (isnan(spec->tokens[i].score)) {
            return error_set(error, HEARTH_E_FORMAT, "scores", "numbers", "NaN for token %zu", i);
        }
        t->bpe.score_keys[i] = score_key((float)spec->tokens[i].score);
    }
    bool bytes = true;
    for (size_t i = 0; i < 256; i++) {
        bytes = bytes && t->bpe.byte_ids[i] >= 0;
    }
    t->bpe.byte_fallback = true;
    if (!bytes && spec->unknown < 0) {
        return error_set(error, HEARTH_E_FORMAT, "vocabulary", "tokens for all 256 bytes, or an unknown token",
                         "neither");
    }
    return HEARTH_OK;
}

static hearth_status make_joins(tokenizer *t, hearth_error *error)
{
    uint8_t *skip = NULL;
    TRY(outside_tokens(t, &skip, error));
    const bool drops = t->bpe.model == TOKENIZER_BPE && t->bpe.unknown < 0;
    const hearth_status status =
        joins_make(&t->joins, t->arena, &t->bpe.words, t->entries, skip, t->count, drops, error);
    mem_free(skip);
    return status;
}

/* ---- kinds of models ---- */

/* Tokens <0xNN> stand for a character's bytes, so that what they merge into tells nothing about characters. */
static bool is_byte(const bpe *b, int32_t id, int32_t lowest, int32_t highest)
{
    bool found = false;
    for (size_t byte = 0; id >= lowest && id <= highest && byte < 256 && !found; byte++) {
        found = b->byte_ids[byte] == id;
    }
    return found;
}

static bool merges_bytes(const bpe *b)
{
    int32_t lowest = INT32_MAX;
    int32_t highest = -1;
    for (size_t byte = 0; byte < 256; byte++) {
        const int32_t id = b->byte_ids[byte];
        lowest = id >= 0 && id < lowest ? id : lowest;
        highest = id > highest ? id : highest;
    }
    for (size_t i = 0; i <= b->merge_mask; i++) {
        const bpe_merge *m = &b->merges[i];
        if (m->left >= 0 && (is_byte(b, m->left, lowest, highest) || is_byte(b, m->right, lowest, highest))) {
            return true;
        }
    }
    return false;
}

static hearth_status make_bpe(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    TRY(make_merges(t, spec, error));
    return spec->byte_level || merges_bytes(&t->bpe) ? HEARTH_OK : make_joins(t, error);
}

static hearth_status make_sentencepiece(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    if (!spec->byte_level) {
        TRY(make_joins(t, error));
    }
    return make_scores(t, spec, error);
}

static hearth_status make_wordpiece(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    uint8_t *skip = NULL;
    TRY(outside_tokens(t, &skip, error));
    const hearth_status status = wordpiece_make(&t->wordpiece, t->arena, &t->bpe.words, t->entries, skip, spec, error);
    mem_free(skip);
    return status;
}

#define UNIGRAM_UNKNOWN_PENALTY 10

/* SentencePiece's score of a user-defined symbol, which is to win over other tokens. */
static double unigram_score(const tokenizer_spec *spec, size_t i)
{
    const token_spec *token = &spec->tokens[i];
    return !spec->binary32                            ? token->score
           : (token->flags & TOKEN_USER_DEFINED) != 0 ? (double)(float)(0.1 * ((double)token->text.length - 1))
                                                      : (double)(float)token->score;
}

static hearth_status make_unigram(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    const unsigned no_word = TOKEN_OUTSIDE | (spec->binary32 ? TOKEN_UNUSED : 0u);
    const unsigned no_score = no_word | (spec->binary32 ? TOKEN_USER_DEFINED : 0u);
    double *scores = arena_array(t->arena, t->count, sizeof *scores);
    uint8_t *skip = arena_array(t->arena, t->count, 1);
    if (scores == NULL || skip == NULL) {
        return error_memory(error, t->count * sizeof *scores);
    }
    double lowest = INFINITY;
    for (size_t i = 0; i < t->count; i++) {
        const double score = spec->binary32 ? (double)(float)spec->tokens[i].score : spec->tokens[i].score;
        if (!isfinite(score)) {
            return error_set(error, HEARTH_E_FORMAT, "scores", "finite numbers", "%g for token %zu", score, i);
        }
        if ((t->flags[i] & no_score) == 0) {
            lowest = score < lowest ? score : lowest;
        }
        skip[i] = (t->flags[i] & no_word) != 0;
    }
    for (size_t i = 0; i < t->count; i++) {
        scores[i] = unigram_score(spec, i);
    }
    lowest = isfinite(lowest) ? lowest : 0.0;
    t->unigram = (unigram){.scores = scores,
                           .binary32 = spec->binary32,
                           .byte_fallback = spec->byte_fallback,
                           .unknown = spec->unknown,
                           .byte_ids = t->bpe.byte_ids,
                           .words = &t->bpe.words};
    t->unigram.unknown_score =
        spec->binary32 ? (double)((float)lowest - (float)UNIGRAM_UNKNOWN_PENALTY) : lowest - UNIGRAM_UNKNOWN_PENALTY;
    return unigram_create(&t->unigram, t->entries, skip, t->count, error);
}

static hearth_status make_ranks(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    (void)t;
    (void)spec;
    (void)error;
    return HEARTH_OK; /* the ids are the ranks */
}

static hearth_status encode_bpe(const tokenizer *t, model_scratch *scratch, const char *word, size_t length,
                                token_list *out, hearth_error *error)
{
    return bpe_encode(&t->bpe, &scratch->words, word, length, out, error);
}

static hearth_status encode_unigram(const tokenizer *t, model_scratch *scratch, const char *word, size_t length,
                                    token_list *out, hearth_error *error)
{
    return unigram_encode(&t->unigram, &scratch->unigram, word, length, out, error);
}

static hearth_status encode_wordpiece(const tokenizer *t, model_scratch *scratch, const char *word, size_t length,
                                      token_list *out, hearth_error *error)
{
    (void)scratch;
    return wordpiece_encode(&t->wordpiece, word, length, out, error);
}

/* One row a model. */
static const model_kind model_kinds[] = {
    [TOKENIZER_BPE] = {"BPE", "byte-level BPE", make_bpe, encode_bpe},
    [TOKENIZER_SENTENCEPIECE] = {"SentencePiece BPE", "SentencePiece BPE", make_sentencepiece, encode_bpe},
    [TOKENIZER_RANKS] = {"BPE by ranks", "byte-level BPE by ranks", make_ranks, encode_bpe},
    [TOKENIZER_UNIGRAM] = {"Unigram", "Unigram", make_unigram, encode_unigram},
    [TOKENIZER_WORDPIECE] = {"WordPiece", "WordPiece", make_wordpiece, encode_wordpiece},
};

/* No id stands for more bytes than the longest word has, where each byte has an id, so that nothing of a text is left
 * out or unknown together with what follows. WordPiece's unknown token stands for a word of any length. */
static size_t most_bytes(const tokenizer *t, const tokenizer_spec *spec)
{
    const token_text *texts = spec->byte_level ? t->pieces : t->entries;
    size_t longest = 1;
    for (size_t i = 0; i < t->count; i++) {
        longest = texts[i].length > longest ? texts[i].length : longest;
    }
    bool bounded = spec->model != TOKENIZER_WORDPIECE && (spec->byte_level || spec->byte_fallback);
    for (size_t i = 0; i < 256; i++) {
        bounded = bounded && t->bpe.byte_ids[i] >= 0;
    }
    return bounded ? longest : 0;
}

hearth_status tokenizer_make_model(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    bpe *b = &t->bpe;
    b->model = spec->model;
    b->byte_level = spec->byte_level;
    b->byte_fallback = spec->byte_fallback;
    b->fuse_unknown = spec->fuse_unknown;
    b->ignore_merges = spec->ignore_merges;
    b->unknown = spec->unknown;
    t->caches = arena_array(t->arena, 1, sizeof *t->caches);
    TRY(tokenizer_room(t->caches, 1, error));
    b->whole = arena_array(t->arena, t->count, sizeof *b->whole);
    TRY(tokenizer_room((const void *)b->whole, t->count, error));
    make_byte_ids(t, spec);
    t->most_bytes = most_bytes(t, spec);
    TRY(make_words(t, spec, error));
    for (unsigned i = 0; i < 0x80; i++) {
        const char c = (char)i;
        b->ascii_ids[i] = vocab_find(&b->words, &c, 1);
    }
    b->marker_id = vocab_find(&b->words, TOKENIZER_MARKER, 3);
    t->model = &model_kinds[spec->model];
    return t->model->make(t, spec, error);
}
