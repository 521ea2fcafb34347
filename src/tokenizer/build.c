/* A tokenizer out of its spec: tokens, added tokens, ends, and what comes before and after the model. */
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

static hearth_status copy_text(arena *a, token_text from, token_text *ret, hearth_error *error)
{
    char *copy = arena_strndup(a, from.length == 0 ? "" : from.text, from.length);
    if (copy == NULL) {
        return error_memory(error, from.length + 1);
    }
    *ret = (token_text){copy, from.length};
    return HEARTH_OK;
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

hearth_status tokenizer_make_steps(arena *a, const pretokenizer_step *steps, size_t count, pretokenizer *p,
                                   hearth_error *error)
{
    if (count == 0) {
        return HEARTH_OK;
    }
    p->steps = arena_array(a, count, sizeof *p->steps);
    p->regexes = arena_array(a, count, sizeof(regex *));
    p->matchers = arena_array(a, count, sizeof *p->matchers);
    if (p->steps == NULL || p->regexes == NULL || p->matchers == NULL) {
        return error_memory(error, count * sizeof *p->steps);
    }
    for (size_t i = 0; i < count; i++, p->count++) {
        pretokenizer_step *step = &p->steps[i];
        *step = steps[i];
        TRY(copy_text(a, steps[i].pattern, &step->pattern, error));
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
        TRY(tokenizer_room(*ret, count * sizeof **ret, error));
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
        status = tokenizer_room(t->kind, text.length, error);
    }
    buffer_free(&text);
    return status;
}

hearth_status tokenizer_build(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    TRY(check_spec(spec, error));
    TRY(copy_tokens(t, spec, error));
    TRY(tokenizer_make_pieces(t, spec, error));
    TRY(tokenizer_make_model(t, spec, error));
    TRY(make_normalizer(t, spec, error));
    TRY(tokenizer_make_steps(t->arena, spec->pretokenizers, spec->pretokenizer_count, &t->pretokenizer, error));
    TRY(enter_added(t, error));
    TRY(make_ends(t, spec, error));
    return make_kind(t, spec, error);
}
