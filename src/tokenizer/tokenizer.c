/* A tokenizer: made, freed, asked; lists of ids; GPT-2's alphabet. */
#include "tokenizer/internal.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

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

bool token_list_is_past(const token_list *list)
{
    return list->cut || (list->most > 0 && list->count > list->most);
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

hearth_status byte_alphabet_spell(const char *bytes, size_t length, buffer *out, hearth_error *error)
{
    buffer_clear(out);
    for (size_t i = 0; i < length; i++) {
        char text[4];
        TRY(buffer_append(out, text, utf8_encode(byte_alphabet_character((uint8_t)bytes[i]), text), error));
    }
    return HEARTH_OK;
}

hearth_status byte_alphabet_read(token_text text, buffer *out, bool *ret_known, hearth_error *error)
{
    *ret_known = false;
    buffer_clear(out);
    for (size_t i = 0; i < text.length;) {
        uint32_t code = 0;
        const size_t taken = utf8_decode(text.text + i, text.length - i, &code);
        const int byte = taken == 0 ? -1 : byte_alphabet_byte(code);
        if (byte < 0) {
            return HEARTH_OK;
        }
        TRY(buffer_append_char(out, (char)byte, error));
        i += taken;
    }
    *ret_known = true;
    return HEARTH_OK;
}
/* ---- a tokenizer ---- */

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
    const hearth_status status = t->arena == NULL ? error_memory(error, 1) : tokenizer_build(t, spec, error);
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
