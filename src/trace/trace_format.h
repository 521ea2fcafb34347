/* The files of an index, as src/indexing/ writes and this room reads them. docs/formats/trace-index.md. */
#ifndef TRACE_TRACE_FORMAT_H
#define TRACE_TRACE_FORMAT_H

#include "trace/trace_index.h"

#include <string.h>

#define TRACE_FORMAT "hearth-trace-index"
#define TRACE_VERSION 1
#define TRACE_INDEX_FILE "index.json"
#define TRACE_TOKENIZER_FILE "tokenizer.json"

/* A shard's files: its number in five digits and one of these. */
typedef enum trace_file {
    TRACE_FILE_DOCUMENTS, /* [documents + 1][3] u64: where each begins in text, tokens (units) and facts */
    TRACE_FILE_FACTS,     /* a line of JSON a document */
    TRACE_FILE_TEXT,      /* each document's bytes, 0xFF, its number in the shard (in 4 digits of base 128) */
    TRACE_FILE_TEXT_ORDER,
    TRACE_FILE_TEXT_KEYS,
    TRACE_FILE_TOKENS, /* the same of tokens, `width` bytes each, big endian: bytes compare as numbers do */
    TRACE_FILE_TOKENS_ORDER,
    TRACE_FILE_TOKENS_KEYS,
    TRACE_FILES
} trace_file;
extern const char *const trace_file_names[TRACE_FILES]; /* ".documents", … */

#define TRACE_RECORD_BYTES 24u /* of .documents */
#define TRACE_TEXT_END 5u      /* what follows a document's bytes, in bytes, and */
#define TRACE_TOKENS_END 3u    /* its tokens, in tokens: all ones, and the number in digits that are never that */
#define TRACE_KEY_STEP 256u    /* a key for each so many suffixes: */
#define TRACE_KEY_BYTES 16u    /* its first bytes, zeros behind the document's end */
#define TRACE_ORDER_PADDING 8u /* zeros behind the packed positions */

/* Units are numbered by `bits` in .order, the least that hold the last unit's number. */
static inline unsigned trace_bits(uint64_t units)
{
    return units <= 2 ? 1u : 64u - (unsigned)__builtin_clzll(units - 1);
}
/* Bytes of .order for `count` positions. */
static inline uint64_t trace_order_bytes(uint64_t count, unsigned bits)
{
    return (count * bits + 7) / 8 + TRACE_ORDER_PADDING;
}
static inline uint64_t trace_keys_bytes(uint64_t count)
{
    return (count + TRACE_KEY_STEP - 1) / TRACE_KEY_STEP * TRACE_KEY_BYTES;
}
/* Bytes of a token: all ones is none of the vocabulary's. */
static inline unsigned trace_token_width(size_t vocabulary)
{
    return vocabulary <= 0xFFFFu ? 2u : 3u;
}
static inline void trace_put_unit(uint8_t *at, unsigned width, uint32_t unit)
{
    for (unsigned i = 0; i < width; i++) {
        at[i] = (uint8_t)(unit >> (8 * (width - 1 - i)));
    }
}
static inline uint32_t trace_get_unit(const uint8_t *at, unsigned width)
{
    uint32_t unit = 0;
    for (unsigned i = 0; i < width; i++) {
        unit = unit << 8 | at[i];
    }
    return unit;
}
/* What separates documents. */
static inline uint32_t trace_separator(unsigned width)
{
    return (uint32_t)((1ull << (8 * width)) - 1);
}

static inline unsigned trace_end_units(trace_unit unit)
{
    return unit == TRACE_TOKENS ? TRACE_TOKENS_END : TRACE_TEXT_END;
}
/* What stands behind document `number` of a shard: a suffix that reaches it is told from every other, and of two that
 * are equal so far the one that comes first is the smaller. Numbers are below 2^28. */
static inline void trace_put_end(uint8_t *at, unsigned width, unsigned units, uint32_t number)
{
    trace_put_unit(at, width, trace_separator(width));
    for (unsigned i = units - 1; i > 0; i--) {
        trace_put_unit(at + i * width, width, number & ((1u << (8 * width - 1)) - 1));
        number >>= 8 * width - 1;
    }
}
#define TRACE_SHARD_DOCUMENTS ((uint64_t)1 << 28)

/* A shard's file; mem_free; NULL when memory is out. */
char *trace_shard_path(const char *folder, size_t number, trace_file file);

/* The packed positions' entry i. */
static inline uint64_t trace_order_get(const uint8_t *order, unsigned bits, uint64_t i)
{
    const uint64_t bit = i * bits;
    uint64_t word = 0;
    memcpy(&word, order + bit / 8, sizeof word); /* little endian, as every machine that hearth runs on */
    return word >> (bit % 8) & ((1ull << bits) - 1);
}

#endif
