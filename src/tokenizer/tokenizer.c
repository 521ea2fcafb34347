/* Building a tokenizer from its spec, and reading it. */
#include "tokenizer/internal.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/find.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Names of tokens that end a turn in published models. */
static const char *const end_names[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<|return|>",
    "<|call|>",
    "<|endofturn|>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
};

/* ---- lists ---- */

void token_list_free(token_list *list)
{
    mem_free(list->ids);
    *list = (token_list){0};
}

hearth_status token_list_append(token_list *list, int32_t id, hearth_error *error)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity < 64 ? 64 : list->capacity * 2;
        int32_t *grown = mem_realloc(list->ids, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        list->ids = grown;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return HEARTH_OK;
}

/* ---- GPT-2's alphabet of bytes ---- */

static bool byte_stands_for_itself(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/* The bytes that do not stand for themselves take U+0100 and up, in order. */
uint32_t byte_alphabet_character(uint8_t byte)
{
    if (byte_stands_for_itself(byte)) {
        return byte;
    }
    return byte <= 0x20 ? 0x100u + byte : byte == 0xAD ? 0x143u : 0x121u + (byte - 0x7Fu);
}

int byte_alphabet_byte(uint32_t code)
{
    if (code < 0x100) {
        return byte_stands_for_itself(code) ? (int)code : -1;
    }
    if (code <= 0x120) {
        return (int)(code - 0x100);
    }
    return code <= 0x142 ? (int)(code - 0x121 + 0x7F) : code == 0x143 ? 0xAD : -1;
}

/* ---- building ---- */

static hearth_status copy_text(arena *a, token_text from, token_text *ret, hearth_error *error)
{
    char *copy = arena_strndup(a, from.length == 0 ? "" : from.text, from.length);
    if (copy == NULL) {
        return error_memory(error, from.length + 1);
    }
    *ret = (token_text){copy, from.length};
    return HEARTH_OK;
}

static hearth_status out_of_arena(const void *block, size_t size, hearth_error *error)
{
    return block == NULL && size > 0 ? error_memory(error, size) : HEARTH_OK;
}

static hearth_status check_spec(const tokenizer_spec *spec, hearth_error *error)
{
    if (spec->token_count == 0 || spec->token_count > LIMIT_VOCABULARY) {
        return error_set(error, HEARTH_E_LIMIT, "vocabulary", "1 to 4194304 tokens", "%zu", spec->token_count);
    }
    if (spec->merge_count > LIMIT_VOCABULARY * 4u) {
        return error_set(error, HEARTH_E_LIMIT, "merges", "at most 16777216", "%zu", spec->merge_count);
    }
    const int32_t named[] = {spec->unknown, spec->bos, spec->eos};
    static const char *const names[] = {"unknown token", "BOS token", "EOS token"};
    for (size_t i = 0; i < 3; i++) {
        if (named[i] < -1 || (named[i] >= 0 && (size_t)named[i] >= spec->token_count)) {
            return error_set(error, HEARTH_E_FORMAT, names[i], "an id of the vocabulary", "%d", named[i]);
        }
    }
    return HEARTH_OK;
}

static hearth_status copy_tokens(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    t->count = spec->token_count;
    t->entries = arena_array(t->arena, t->count, sizeof *t->entries);
    t->pieces = arena_array(t->arena, t->count, sizeof *t->pieces);
    t->flags = arena_array(t->arena, t->count, sizeof *t->flags);
    t->end = arena_array(t->arena, t->count, 1);
    if (t->entries == NULL || t->pieces == NULL || t->flags == NULL || t->end == NULL) {
        return error_memory(error, t->count * sizeof *t->entries);
    }
    for (size_t i = 0; i < t->count; i++) {
        TRY(copy_text(t->arena, spec->tokens[i].text, &t->entries[i], error));
        t->flags[i] = spec->tokens[i].flags;
    }
    int32_t duplicate = -1;
    TRY(vocab_build(&t->by_entry, t->entries, t->count, NULL, &duplicate, error));
    if (duplicate >= 0) {
        return error_set(error, HEARTH_E_FORMAT, "vocabulary", "every token once", "token %d equals token %d",
                         duplicate, vocab_find(&t->by_entry, t->entries[duplicate].text, t->entries[duplicate].length));
    }
    return HEARTH_OK;
}

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
    TRY(out_of_arena(t->bpe.score_keys, t->count, error));
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

static hearth_status make_model(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    bpe *b = &t->bpe;
    b->model = spec->model;
    b->byte_level = spec->byte_level;
    b->byte_fallback = spec->byte_fallback;
    b->fuse_unknown = spec->fuse_unknown;
    b->ignore_merges = spec->ignore_merges;
    b->unknown = spec->unknown;
    t->caches = arena_array(t->arena, 1, sizeof *t->caches);
    TRY(out_of_arena(t->caches, 1, error));
    b->whole = arena_array(t->arena, t->count, sizeof *b->whole);
    TRY(out_of_arena((const void *)b->whole, t->count, error));
    make_byte_ids(t, spec);
    TRY(make_words(t, spec, error));
    for (unsigned i = 0; i < 0x80; i++) {
        const char c = (char)i;
        b->ascii_ids[i] = vocab_find(&b->words, &c, 1);
    }
    b->marker_id = vocab_find(&b->words, TOKENIZER_MARKER, 3);
    t->model = &model_kinds[spec->model];
    return t->model->make(t, spec, error);
}

static hearth_status make_normalizer(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    normalizer *n = &t->normalizer;
    if (spec->normalizer_count == 0) {
        return HEARTH_OK;
    }
    n->steps = arena_array(t->arena, spec->normalizer_count, sizeof *n->steps);
    n->regexes = arena_array(t->arena, spec->normalizer_count, sizeof(regex *));
    n->maps = arena_array(t->arena, spec->normalizer_count, sizeof *n->maps);
    if (n->steps == NULL || n->regexes == NULL || n->maps == NULL) {
        return error_memory(error, spec->normalizer_count * sizeof *n->steps);
    }
    for (size_t i = 0; i < spec->normalizer_count; i++, n->count++) {
        n->steps[i] = spec->normalizers[i];
        TRY(copy_text(t->arena, spec->normalizers[i].pattern, &n->steps[i].pattern, error));
        TRY(copy_text(t->arena, spec->normalizers[i].with, &n->steps[i].with, error));
        if (n->steps[i].kind == NORMALIZER_REPLACE_REGEX) {
            TRY(regex_create(n->steps[i].pattern.text, n->steps[i].pattern.length, &n->regexes[i], error));
        } else if (n->steps[i].kind == NORMALIZER_SENTENCEPIECE || n->steps[i].kind == NORMALIZER_PRECOMPILED) {
            n->count++; /* so that a map half made is freed */
            TRY(charsmap_create(&n->maps[i], n->steps[i].pattern, error));
            n->count--;
        }
    }
    return HEARTH_OK;
}

static hearth_status make_pretokenizer(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    pretokenizer *p = &t->pretokenizer;
    if (spec->pretokenizer_count == 0) {
        return HEARTH_OK;
    }
    p->steps = arena_array(t->arena, spec->pretokenizer_count, sizeof *p->steps);
    p->regexes = arena_array(t->arena, spec->pretokenizer_count, sizeof(regex *));
    p->matchers = arena_array(t->arena, spec->pretokenizer_count, sizeof *p->matchers);
    if (p->steps == NULL || p->regexes == NULL || p->matchers == NULL) {
        return error_memory(error, spec->pretokenizer_count * sizeof *p->steps);
    }
    for (size_t i = 0; i < spec->pretokenizer_count; i++, p->count++) {
        pretokenizer_step *step = &p->steps[i];
        *step = spec->pretokenizers[i];
        TRY(copy_text(t->arena, spec->pretokenizers[i].pattern, &step->pattern, error));
        if (step->kind == PRETOKENIZER_REGEX) {
            bool gaps = false;
            const pattern_fn match = pattern_find(step->pattern.text, step->pattern.length, &gaps);
            const bool every_piece =
                step->behavior == SPLIT_ISOLATED || (step->behavior == SPLIT_REMOVED && step->invert && !gaps);
            p->matchers[i] = every_piece ? match : NULL;
            if (p->matchers[i] == NULL) {
                TRY(regex_create(step->pattern.text, step->pattern.length, &p->regexes[i], error));
            }
        } else if ((step->kind == PRETOKENIZER_STRING || step->kind == PRETOKENIZER_METASPACE) &&
                   step->pattern.length == 0) {
            return error_set(error, HEARTH_E_FORMAT, "pre-tokeniser", "a pattern", "an empty string");
        }
    }
    return HEARTH_OK;
}

static hearth_status enter_added(tokenizer *t, hearth_error *error)
{
    normalizer_scratch scratch;
    normalizer_scratch_init(&scratch);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < t->count && status == HEARTH_OK; i++) {
        if ((t->flags[i] & (TOKEN_SPECIAL | TOKEN_ADDED | TOKEN_USER_DEFINED)) == 0) {
            continue;
        }
        token_text text = t->entries[i];
        if ((t->flags[i] & TOKEN_USER_DEFINED) != 0) {
            status = added_insert(&t->normalizer.user_defined, text, (int32_t)i, error);
            if (status == HEARTH_OK && t->bpe.model != TOKENIZER_UNIGRAM) {
                status = added_insert(&t->added_normalized, text, (int32_t)i, error);
            }
            continue;
        }
        if ((t->flags[i] & TOKEN_NORMALIZED) == 0) {
            status = added_insert(&t->added_raw, text, (int32_t)i, error);
            continue;
        }
        if (!utf8_valid(text.text, text.length)) {
            status = error_set(error, HEARTH_E_FORMAT, "added token", "UTF-8", "token %zu", i);
            break;
        }
        status = normalizer_apply(&t->normalizer, &scratch, text.text, text.length, &text, error);
        status = status != HEARTH_OK ? status : added_insert(&t->added_normalized, text, (int32_t)i, error);
    }
    normalizer_scratch_free(&scratch);
    return status;
}

static hearth_status copy_ids(tokenizer *t, const int32_t *ids, size_t count, int32_t **ret, hearth_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= t->count) {
            return error_set(error, HEARTH_E_FORMAT, "token added around a text", "an id of the vocabulary", "%d",
                             ids[i]);
        }
    }
    if (count > 0) {
        *ret = arena_array(t->arena, count, sizeof **ret);
        TRY(out_of_arena(*ret, count * sizeof **ret, error));
        memcpy(*ret, ids, count * sizeof **ret);
    }
    return HEARTH_OK;
}

static hearth_status make_ends(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    t->bos = spec->bos;
    t->eos = spec->eos;
    t->before_count = spec->before_count;
    t->after_count = spec->after_count;
    TRY(copy_ids(t, spec->before, spec->before_count, &t->before, error));
    TRY(copy_ids(t, spec->after, spec->after_count, &t->after, error));
    if (spec->eos >= 0) {
        t->end[spec->eos] = 1;
    }
    for (size_t i = 0; i < spec->end_count; i++) {
        if (spec->ends[i] >= 0 && (size_t)spec->ends[i] < t->count) {
            t->end[spec->ends[i]] = 1;
        }
    }
    for (size_t i = 0; i < sizeof end_names / sizeof end_names[0]; i++) {
        const int32_t id = tokenizer_find(t, end_names[i], strlen(end_names[i]));
        if (id >= 0 && (t->flags[id] & (TOKEN_SPECIAL | TOKEN_ADDED | TOKEN_USER_DEFINED)) != 0) {
            t->end[id] = 1;
        }
    }
    /* gpt-oss and its like close a message with <|end|> and a turn with <|return|> or <|call|>. */
    const int32_t message_end = tokenizer_find(t, "<|end|>", 7);
    if (message_end >= 0 && tokenizer_find(t, "<|return|>", 10) >= 0 && tokenizer_find(t, "<|call|>", 8) >= 0) {
        t->end[message_end] = 0;
    }
    return HEARTH_OK;
}

static hearth_status make_kind(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    const char *what = spec->byte_level ? t->model->byte_level_name : t->model->name;
    hearth_status status = spec->name == NULL ? buffer_append_text(&text, what, error)
                                              : buffer_printf(&text, error, "%s (%s)", what, spec->name);
    if (status == HEARTH_OK) {
        t->kind = arena_strndup(t->arena, text.data, text.length);
        status = out_of_arena(t->kind, text.length, error);
    }
    buffer_free(&text);
    return status;
}

static hearth_status build(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    TRY(check_spec(spec, error));
    TRY(copy_tokens(t, spec, error));
    TRY(tokenizer_make_pieces(t, spec, error));
    TRY(make_model(t, spec, error));
    TRY(make_normalizer(t, spec, error));
    TRY(make_pretokenizer(t, spec, error));
    TRY(enter_added(t, error));
    TRY(make_ends(t, spec, error));
    return make_kind(t, spec, error);
}

hearth_status tokenizer_create(const tokenizer_spec *spec, tokenizer **ret, hearth_error *error)
{
    tokenizer *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return error_memory(error, sizeof *t);
    }
    added_init(&t->added_raw);
    added_init(&t->added_normalized);
    added_init(&t->normalizer.user_defined);
    t->arena = arena_create(0);
    const hearth_status status = t->arena == NULL ? error_memory(error, 1) : build(t, spec, error);
    if (status != HEARTH_OK) {
        tokenizer_free(t);
        return status;
    }
    *ret = t;
    return HEARTH_OK;
}

void tokenizer_free(tokenizer *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->normalizer.count; i++) {
        regex_free(t->normalizer.regexes[i]);
        charsmap_free(&t->normalizer.maps[i]);
    }
    added_free(&t->normalizer.user_defined);
    unigram_free(&t->unigram);
    for (size_t i = 0; i < t->pretokenizer.count; i++) {
        regex_free(t->pretokenizer.regexes[i]);
    }
    if (t->caches != NULL) {
        word_caches_free(t->caches);
    }
    added_free(&t->added_raw);
    added_free(&t->added_normalized);
    vocab_free(&t->by_entry);
    vocab_free(&t->bpe.words);
    wordpiece_free(&t->wordpiece);
    mem_free(t->bpe.merges);
    arena_destroy(t->arena);
    mem_free(t);
}

/* ---- reading ---- */

size_t tokenizer_after_count(const tokenizer *t)
{
    return t->after_count;
}

size_t tokenizer_vocabulary_size(const tokenizer *t)
{
    return t->count;
}

const char *tokenizer_kind(const tokenizer *t)
{
    return t->kind;
}

static bool is_id(const tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->count;
}

const char *tokenizer_entry(const tokenizer *t, int32_t id)
{
    return is_id(t, id) ? t->entries[id].text : NULL;
}

unsigned tokenizer_token_flags(const tokenizer *t, int32_t id)
{
    return is_id(t, id) ? t->flags[id] : 0;
}

int32_t tokenizer_find(const tokenizer *t, const char *entry, size_t length)
{
    return vocab_find(&t->by_entry, entry, length);
}

int32_t tokenizer_bos(const tokenizer *t)
{
    return t->bos;
}

int32_t tokenizer_eos(const tokenizer *t)
{
    return t->eos;
}

bool tokenizer_is_end(const tokenizer *t, int32_t id)
{
    return is_id(t, id) && t->end[id] != 0;
}
