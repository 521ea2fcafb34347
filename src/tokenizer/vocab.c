/* Byte strings to ids. */
#include "tokenizer/vocab.h"

#include "base/memory.h"

#include <string.h>

static inline uint64_t load_8(const char *text)
{
    uint64_t word = 0;
    memcpy(&word, text, sizeof word);
    return word;
}

static inline uint64_t load_4(const char *text)
{
    uint32_t word = 0;
    memcpy(&word, text, sizeof word);
    return word;
}

/* length <= 8: all its bytes, some twice. */
static inline uint64_t load_up_to_8(const char *text, size_t length)
{
    if (length >= 4) {
        return load_4(text) | load_4(text + length - 4) << 32;
    }
    if (length == 0) {
        return 0;
    }
    const unsigned char *bytes = (const unsigned char *)text;
    return (uint64_t)bytes[0] | (uint64_t)bytes[length / 2] << 8 | (uint64_t)bytes[length - 1] << 16;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    const __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t vocab_hash(const char *text, size_t length)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ length;
    for (; length > 8; text += 8, length -= 8) {
        hash = mix(hash ^ load_8(text), 0xD6E8FEB86659FD93u);
    }
    return mix(hash ^ load_up_to_8(text, length), 0xA0761D6478BD642Fu);
}

hearth_status vocab_build(vocab *v, const token_text *texts, size_t count, const uint8_t *skip, int32_t *ret_duplicate,
                          hearth_error *error)
{
    size_t slots = 16;
    while (slots < count * 2) {
        slots *= 2;
    }
    *ret_duplicate = -1;
    *v = (vocab){.mask = slots - 1, .texts = texts, .count = count};
    v->slots = mem_alloc(slots * sizeof *v->slots);
    if (v->slots == NULL) {
        return error_memory(error, slots * sizeof *v->slots);
    }
    memset(v->slots, 0xFF, slots * sizeof *v->slots);
    for (size_t id = 0; id < count; id++) {
        if (texts[id].length == 0 || (skip != NULL && skip[id] != 0)) {
            continue;
        }
        const uint64_t hash = vocab_hash(texts[id].text, texts[id].length);
        if (vocab_find_hashed(v, texts[id].text, texts[id].length, hash) >= 0) {
            *ret_duplicate = *ret_duplicate < 0 ? (int32_t)id : *ret_duplicate;
            continue;
        }
        size_t at = hash & v->mask;
        while (v->slots[at].id >= 0) {
            at = (at + 1) & v->mask;
        }
        v->slots[at] = (vocab_slot){.hash = (uint32_t)(hash >> 32), .id = (int32_t)id};
        v->longest = texts[id].length > v->longest ? texts[id].length : v->longest;
    }
    return HEARTH_OK;
}

void vocab_free(vocab *v)
{
    mem_free(v->slots);
    *v = (vocab){0};
}

int32_t vocab_find_hashed(const vocab *v, const char *text, size_t length, uint64_t hash)
{
    for (size_t at = hash & v->mask; v->slots[at].id >= 0; at = (at + 1) & v->mask) {
        if (v->slots[at].hash == (uint32_t)(hash >> 32)) {
            const token_text *t = &v->texts[v->slots[at].id];
            if (t->length == length && memcmp(t->text, text, length) == 0) {
                return v->slots[at].id;
            }
        }
    }
    return -1;
}

int32_t vocab_find(const vocab *v, const char *text, size_t length)
{
    return vocab_find_hashed(v, text, length, vocab_hash(text, length));
}
