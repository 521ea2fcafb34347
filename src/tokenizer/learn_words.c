/* The table of words. */
#include "tokenizer/learn_words.h"

#include "base/memory.h"
#include "tokenizer/vocab.h"

#include <string.h>

#define WORD_SLOTS_FIRST 1024u

void word_table_free(word_table *t)
{
    mem_free(t->slots);
    mem_free(t->text);
    *t = (word_table){0};
}

const char *word_slot_text(const word_table *t, const word_slot *slot)
{
    if (slot->length <= WORD_INLINE_BYTES) {
        return slot->text;
    }
    uint64_t offset = 0;
    memcpy(&offset, slot->text, sizeof offset);
    return t->text + offset;
}

/* The slot that holds the word, or the empty one where it belongs. */
static word_slot *find_slot(const word_table *t, const char *word, size_t length, uint64_t hash)
{
    for (size_t at = hash & t->mask;; at = (at + 1) & t->mask) {
        word_slot *slot = &t->slots[at];
        if (slot->count == 0 ||
            (slot->hash == hash && slot->length == length && memcmp(word_slot_text(t, slot), word, length) == 0)) {
            return slot;
        }
    }
}

static bool grow(word_table *t)
{
    const size_t slots = t->mask == 0 ? WORD_SLOTS_FIRST : (t->mask + 1) * 2;
    word_slot *fresh = mem_calloc(slots, sizeof *fresh);
    if (fresh == NULL) {
        return false;
    }
    for (size_t i = 0; t->slots != NULL && i <= t->mask; i++) {
        if (t->slots[i].count > 0) {
            size_t at = t->slots[i].hash & (slots - 1);
            while (fresh[at].count > 0) {
                at = (at + 1) & (slots - 1);
            }
            fresh[at] = t->slots[i];
        }
    }
    mem_free(t->slots);
    t->slots = fresh;
    t->mask = slots - 1;
    return true;
}

static bool keep_text(word_table *t, word_slot *slot, const char *word, size_t length)
{
    if (length <= WORD_INLINE_BYTES) {
        memcpy(slot->text, word, length);
        return true;
    }
    size_t needed = 0;
    if (!size_add(t->text_length, length, &needed)) {
        return false;
    }
    if (needed > t->text_capacity) {
        const size_t capacity = needed < 65536 ? 65536 : needed + needed / 2;
        char *grown = mem_realloc(t->text, capacity);
        if (grown == NULL) {
            return false;
        }
        t->text = grown;
        t->text_capacity = capacity;
    }
    const uint64_t offset = t->text_length;
    memcpy(slot->text, &offset, sizeof offset);
    memcpy(t->text + t->text_length, word, length);
    t->text_length = needed;
    return true;
}

word_slot *word_table_enter(word_table *t, const char *word, size_t length, uint64_t hash)
{
    if (t->mask == 0 || t->count > t->mask / 2) {
        if (!grow(t)) {
            return NULL;
        }
    }
    word_slot *slot = find_slot(t, word, length, hash);
    if (slot->count == 0) {
        if (!keep_text(t, slot, word, length)) {
            return NULL;
        }
        slot->hash = hash;
        slot->length = (uint32_t)length;
        t->count++;
        t->bytes += length;
    }
    return slot;
}

const word_slot *word_table_find(const word_table *t, const char *word, size_t length)
{
    if (t->mask == 0) {
        return NULL;
    }
    const word_slot *slot = find_slot(t, word, length, vocab_hash(word, length));
    return slot->count == 0 ? NULL : slot;
}

hearth_status word_table_add(word_table *t, const char *word, size_t length, uint64_t hash, uint64_t count,
                             hearth_error *error)
{
    word_slot *slot = word_table_enter(t, word, length, hash);
    if (slot == NULL) {
        return error_memory(error, (t->mask + 1) * 2 * sizeof *slot + length);
    }
    if (!u64_add(slot->count, count, &slot->count)) {
        return error_set(error, HEARTH_E_LIMIT, "count of a word", "at most 2^64 - 1", "more");
    }
    return HEARTH_OK;
}
