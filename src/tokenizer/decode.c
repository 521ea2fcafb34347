/* Ids to text. What each token decodes to is worked out once, when the tokenizer is made. */
#include "tokenizer/internal.h"

#include "base/text.h"
#include "tokenizer/find.h"

#include <string.h>

static hearth_status keep_piece(tokenizer *t, size_t id, const buffer *text, hearth_error *error)
{
    char *copy = arena_strndup(t->arena, buffer_text(text), text->length);
    if (copy == NULL) {
        return error_memory(error, text->length + 1);
    }
    t->pieces[id] = (token_text){copy, text->length};
    return HEARTH_OK;
}

static hearth_status replace_in_token(token_text in, token_text pattern, token_text with, buffer *out,
                                      bool *ret_changed, hearth_error *error)
{
    *ret_changed = false;
    buffer_clear(out);
    size_t done = 0;
    while (pattern.length > 0 && in.length - done >= pattern.length) {
        const char *hit = find_text(in.text + done, in.length - done, pattern);
        if (hit == NULL) {
            break;
        }
        *ret_changed = true;
        TRY(buffer_append(out, in.text + done, (size_t)(hit - in.text) - done, error));
        TRY(buffer_append(out, with.text, with.length, error));
        done = (size_t)(hit - in.text) + pattern.length;
    }
    return *ret_changed ? buffer_append(out, in.text + done, in.length - done, error) : HEARTH_OK;
}

static hearth_status byte_of_token(token_text in, buffer *out, bool *ret_changed, hearth_error *error)
{
    buffer_clear(out);
    *ret_changed = in.length == 6 && memcmp(in.text, "<0x", 3) == 0 && in.text[5] == '>' &&
                   text_hex_digit(in.text[3]) >= 0 && text_hex_digit(in.text[4]) >= 0;
    return *ret_changed
               ? buffer_append_char(out, (char)(text_hex_digit(in.text[3]) * 16 + text_hex_digit(in.text[4])), error)
               : HEARTH_OK;
}

/* Hugging Face's clean_up_tokenization, one token at a time. */
static hearth_status clean_up(buffer *text, hearth_error *error)
{
    static const struct {
        token_text from, to;
    } rules[] = {{{" .", 2}, {".", 1}},     {{" ?", 2}, {"?", 1}},           {{" !", 2}, {"!", 1}},
                 {{" ,", 2}, {",", 1}},     {{" ' ", 3}, {"'", 1}},          {{" n't", 4}, {"n't", 3}},
                 {{" 'm", 3}, {"'m", 2}},   {{" do not", 7}, {" don't", 6}}, {{" 's", 3}, {"'s", 2}},
                 {{" 've", 4}, {"'ve", 3}}, {{" 're", 4}, {"'re", 3}}};
    buffer out;
    buffer_init(&out, 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && status == HEARTH_OK; i++) {
        bool changed = false;
        const token_text now = {buffer_text(text), text->length};
        status = replace_in_token(now, rules[i].from, rules[i].to, &out, &changed, error);
        if (status == HEARTH_OK && changed) {
            buffer_clear(text);
            status = buffer_append(text, buffer_text(&out), out.length, error);
        }
    }
    buffer_free(&out);
    return status;
}

static hearth_status wordpiece_token(token_text in, const decoder_step *step, buffer *out, hearth_error *error)
{
    const token_text prefix = step->pattern;
    const bool follows = in.length >= prefix.length && memcmp(in.text, prefix.text, prefix.length) == 0;
    buffer_clear(out);
    if (follows) {
        TRY(buffer_append(out, in.text + prefix.length, in.length - prefix.length, error));
    } else {
        TRY(buffer_append_char(out, ' ', error));
        TRY(buffer_append(out, in.text, in.length, error));
    }
    return step->count > 0 ? clean_up(out, error) : HEARTH_OK;
}

static hearth_status apply_decoder(tokenizer *t, const decoder_step *step, size_t id, buffer *out, hearth_error *error)
{
    bool changed = false;
    switch (step->kind) {
    case DECODER_BYTE_LEVEL:
        if ((t->flags[id] & (TOKEN_SPECIAL | TOKEN_ADDED)) == 0) {
            /* A token with a character outside the alphabet is not written in it: it stays as it is. */
            TRY(byte_alphabet_read(t->pieces[id], out, &changed, error));
        }
        break;
    case DECODER_REPLACE:
        TRY(replace_in_token(t->pieces[id], step->pattern, step->with, out, &changed, error));
        break;
    case DECODER_METASPACE:
        TRY(replace_in_token(t->pieces[id], step->pattern, (token_text){" ", 1}, out, &changed, error));
        break;
    case DECODER_BYTE_FALLBACK:
        TRY(byte_of_token(t->pieces[id], out, &changed, error));
        break;
    case DECODER_WORDPIECE:
        TRY(wordpiece_token(t->pieces[id], step, out, error));
        changed = true;
        break;
    case DECODER_STRIP:
        break;
    }
    return changed ? keep_piece(t, id, out, error) : HEARTH_OK;
}

static hearth_status keep_rule(tokenizer *t, token_text from, token_text *to, hearth_error *error)
{
    const char *copy = arena_strndup(t->arena, from.length == 0 ? "" : from.text, from.length);
    *to = (token_text){copy, from.length};
    return copy == NULL ? error_memory(error, from.length + 1) : HEARTH_OK;
}

hearth_status tokenizer_make_pieces(tokenizer *t, const tokenizer_spec *spec, hearth_error *error)
{
    memcpy(t->pieces, t->entries, t->count * sizeof *t->pieces);
    buffer out;
    buffer_init(&out, 0);
    hearth_status status = HEARTH_OK;
    for (size_t s = 0; s < spec->decoder_count && status == HEARTH_OK; s++) {
        const decoder_step *step = &spec->decoders[s];
        if (step->kind == DECODER_STRIP) {
            t->strip_count = step->count;
            status = keep_rule(t, step->pattern, &t->strip, error);
        } else if (step->kind == DECODER_METASPACE && step->count > 0) {
            status = keep_rule(t, step->pattern, &t->first_drops, error);
        }
        t->first_whole = t->first_whole || step->kind == DECODER_WORDPIECE;
        for (size_t id = 0; id < t->count && status == HEARTH_OK; id++) {
            status = apply_decoder(t, step, id, &out, error);
        }
    }
    buffer_free(&out);
    return status;
}

static hearth_status check_id(const tokenizer *t, int32_t id, hearth_error *error)
{
    return id >= 0 && (size_t)id < t->count
               ? HEARTH_OK
               : error_set(error, HEARTH_E_ARGUMENT, "token id", "an id of the vocabulary", "%d", id);
}

static bool is_hidden(const tokenizer *t, int32_t id, unsigned flags)
{
    return (t->flags[id] & TOKEN_SPECIAL) != 0 && (flags & DECODE_SPECIAL) == 0;
}

hearth_status tokenizer_piece(const tokenizer *t, int32_t id, unsigned flags, buffer *out, hearth_error *error)
{
    TRY(check_id(t, id, error));
    return is_hidden(t, id, flags) ? HEARTH_OK : buffer_append(out, t->pieces[id].text, t->pieces[id].length, error);
}

/* Removes what DECODER_STRIP says from the text that begins at `start`. */
static void strip_left(const tokenizer *t, buffer *out, size_t start)
{
    size_t cut = 0;
    for (unsigned i = 0; i < t->strip_count && t->strip.length > 0; i++) {
        if (out->length - start - cut < t->strip.length ||
            memcmp(out->data + start + cut, t->strip.text, t->strip.length) != 0) {
            break;
        }
        cut += t->strip.length;
    }
    if (cut > 0) {
        memmove(out->data + start, out->data + start + cut, out->length - start - cut + 1);
        out->length -= cut;
    }
}

hearth_status tokenizer_first_piece(const tokenizer *t, int32_t id, unsigned flags, buffer *out, hearth_error *error)
{
    TRY(check_id(t, id, error));
    const size_t start = out->length;
    if (is_hidden(t, id, flags)) {
        return HEARTH_OK;
    }
    if (t->first_whole) {
        return buffer_append(out, t->entries[id].text, t->entries[id].length, error);
    }
    if (t->first_drops.length > 0) {
        buffer without;
        buffer_init(&without, 0);
        bool changed = false;
        hearth_status status =
            replace_in_token(t->entries[id], t->first_drops, (token_text){"", 0}, &without, &changed, error);
        if (status == HEARTH_OK && changed) {
            status = buffer_append(out, buffer_text(&without), without.length, error);
        }
        buffer_free(&without);
        if (status != HEARTH_OK || changed) {
            return status;
        }
    }
    TRY(tokenizer_piece(t, id, flags, out, error));
    if (out->length > start) {
        strip_left(t, out, start);
    }
    return HEARTH_OK;
}

hearth_status tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, buffer *out,
                               hearth_error *error)
{
    const size_t start = out->length;
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        TRY(check_id(t, ids[i], error));
        if (is_hidden(t, ids[i], flags)) {
            continue;
        }
        if (first && (t->first_whole || t->first_drops.length > 0)) {
            TRY(tokenizer_first_piece(t, ids[i], flags, out, error));
        } else {
            TRY(tokenizer_piece(t, ids[i], flags, out, error));
        }
        first = false;
    }
    if (out->length > start) {
        strip_left(t, out, start);
    }
    return HEARTH_OK;
}
