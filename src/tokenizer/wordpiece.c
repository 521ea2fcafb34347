/* Words to tokens by the longest match. */
#include "tokenizer/wordpiece.h"

#include <string.h>

static bool is_inside(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

hearth_status wordpiece_make(wordpiece *w, arena *a, const vocab *words, const token_text *entries, const uint8_t *skip,
                             const tokenizer_spec *spec, hearth_error *error)
{
    const token_text prefix = spec->continuing_prefix;
    int32_t duplicate = -1;
    if (spec->unknown < 0) {
        return error_set(error, HEARTH_E_FORMAT, "unknown token", "one (WordPiece)", "none");
    }
    token_text *tails = arena_array(a, spec->token_count, sizeof *tails);
    if (tails == NULL) {
        return error_memory(error, spec->token_count * sizeof *tails);
    }
    for (size_t i = 0; i < spec->token_count; i++) {
        const token_text text = entries[i];
        const bool follows = text.length > prefix.length && memcmp(text.text, prefix.text, prefix.length) == 0;
        tails[i] = follows ? (token_text){text.text + prefix.length, text.length - prefix.length} : (token_text){0};
    }
    w->words = words;
    w->unknown = spec->unknown;
    w->longest_characters = spec->word_characters;
    return vocab_build(&w->tails, tails, spec->token_count, skip, &duplicate, error);
}

void wordpiece_free(wordpiece *w)
{
    vocab_free(&w->tails);
}

/* More characters than a word may have. */
static bool too_long(const wordpiece *w, const char *word, size_t length)
{
    size_t characters = 0;
    for (size_t i = 0; i < length && characters <= w->longest_characters; i++) {
        characters += is_inside(word[i]) ? 0 : 1;
    }
    return characters > w->longest_characters;
}

/* The longest token at the beginning of `text`, its length in *ret_length; -1 for none. */
static int32_t longest_token(const vocab *v, const char *text, size_t length, size_t *ret_length)
{
    size_t end = length < v->longest ? length : v->longest;
    while (end > 0 && end < length && is_inside(text[end])) {
        end--;
    }
    while (end > 0) {
        const int32_t id = vocab_find(v, text, end);
        if (id >= 0) {
            *ret_length = end;
            return id;
        }
        do {
            end--;
        } while (end > 0 && is_inside(text[end]));
    }
    return -1;
}

hearth_status wordpiece_encode(const wordpiece *w, const char *word, size_t length, token_list *out,
                               hearth_error *error)
{
    const size_t before = out->count;
    if (too_long(w, word, length)) {
        return token_list_append(out, w->unknown, error);
    }
    for (size_t at = 0; at < length;) {
        size_t taken = 0;
        const int32_t id = longest_token(at == 0 ? w->words : &w->tails, word + at, length - at, &taken);
        if (id < 0) { /* then the whole word is unknown */
            out->count = before;
            return token_list_append(out, w->unknown, error);
        }
        TRY(token_list_append(out, id, error));
        at += taken;
    }
    return HEARTH_OK;
}
