/* Counting words. Short documents wait until there is work for all threads, long ones are cut where that changes no
 * word (learn_cut.h). Each thread counts into a table of its own; at the end each takes a share of the words, by their
 * hash, out of all tables. Sums do not depend on who counted what. */
#include "tokenizer/learn_count.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"
#include "tokenizer/learn_cut.h"
#include "tokenizer/vocab.h"

#include <string.h>

#define BLOCK_BYTES ((size_t)256 << 10)
#define WAITING_BYTES ((size_t)4 << 20) /* for each thread */

static hearth_status count_piece(void *context, const char *piece, size_t length, hearth_error *error)
{
    count_part *part = context;
    part->pieces++;
    return word_table_add(&part->words, piece, length, vocab_hash(piece, length), 1, error);
}

static hearth_status count_spelled(void *context, const char *piece, size_t length, hearth_error *error)
{
    count_part *part = context;
    buffer_clear(&part->bytes);
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        i += utf8_decode_lossy(piece + i, length - i, &code);
        TRY(buffer_append_char(&part->bytes, (char)byte_alphabet_byte(code), error));
    }
    return count_piece(part, part->bytes.data, part->bytes.length, error);
}

hearth_status word_counter_init(word_counter *c, int threads, const pretokenizer *p, const normalizer *n,
                                hearth_error *error)
{
    *c = (word_counter){.pretokenizer = p, .normalizer = n, .block_bytes = BLOCK_BYTES};
    buffer_init(&c->waiting, LIMIT_TEXT_BYTES);
    for (size_t i = 0; i < p->count; i++) {
        c->from_alphabet = c->from_alphabet || p->steps[i].kind == PRETOKENIZER_BYTE_ALPHABET;
    }
    c->parts = mem_calloc((size_t)threads, sizeof *c->parts);
    if (c->parts == NULL) {
        return error_memory(error, (size_t)threads * sizeof *c->parts);
    }
    c->part_count = threads;
    for (int i = 0; i < threads; i++) {
        count_part *part = &c->parts[i];
        normalizer_scratch_init(&part->normal);
        buffer_init(&part->valid, 0);
        buffer_init(&part->bytes, 0);
        TRY(pretokenizer_run_init(&part->run, p, c->from_alphabet ? count_spelled : count_piece, part, error));
    }
    return thread_pool_create(threads, &c->pool, error);
}

void word_counter_free(word_counter *c)
{
    for (int i = 0; i < c->part_count; i++) {
        count_part *part = &c->parts[i];
        word_table_free(&part->words);
        if (part->run.pretokenizer != NULL) {
            pretokenizer_run_free(&part->run);
        }
        normalizer_scratch_free(&part->normal);
        buffer_free(&part->valid);
        buffer_free(&part->bytes);
    }
    mem_free(c->parts);
    buffer_free(&c->waiting);
    mem_free(c->ends);
    mem_free(c->blocks);
    thread_pool_destroy(c->pool);
    *c = (word_counter){0};
}

/* ---- blocks ---- */

static hearth_status count_block(const word_counter *c, count_part *part, token_text text, hearth_error *error)
{
    if (!utf8_valid(text.text, text.length)) {
        buffer_clear(&part->valid);
        TRY(utf8_repair(text.text, text.length, &part->valid, error));
        text = (token_text){buffer_text(&part->valid), part->valid.length};
    }
    TRY(normalizer_apply(c->normalizer, &part->normal, text.text, text.length, &text, error));
    part->run.first = true;
    return pretokenize(&part->run, text.text, text.length, error);
}

static void count_blocks(void *context, int index, int parts)
{
    const word_counter *c = context;
    count_part *part = &c->parts[index];
    for (size_t i = (size_t)index; i < c->block_count && part->status == HEARTH_OK; i += (size_t)parts) {
        part->status = count_block(c, part, c->blocks[i], &part->error);
    }
}

static hearth_status run_parts(word_counter *c, thread_fn fn, void *context, hearth_error *error)
{
    thread_pool_run(c->pool, fn, context);
    for (int i = 0; i < c->part_count; i++) {
        if (c->parts[i].status != HEARTH_OK) {
            if (error != NULL) {
                *error = c->parts[i].error;
            }
            return c->parts[i].status;
        }
    }
    return HEARTH_OK;
}

static hearth_status add_block(word_counter *c, const char *text, size_t length, hearth_error *error)
{
    if (c->block_count == c->block_capacity) {
        const size_t capacity = c->block_capacity == 0 ? 64 : c->block_capacity * 2;
        token_text *grown = mem_realloc(c->blocks, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        c->blocks = grown;
        c->block_capacity = capacity;
    }
    c->blocks[c->block_count++] = (token_text){text, length};
    return HEARTH_OK;
}

static hearth_status add_blocks(word_counter *c, const char *text, size_t length, hearth_error *error)
{
    while (length > 0) {
        const size_t taken = length > c->block_bytes ? learn_cut(text, length, c->block_bytes) : length;
        TRY(add_block(c, text, taken, error));
        text += taken;
        length -= taken;
    }
    return HEARTH_OK;
}

static hearth_status count_waiting(word_counter *c, hearth_error *error)
{
    c->block_count = 0;
    size_t start = 0;
    for (size_t i = 0; i < c->end_count; i++) {
        TRY(add_blocks(c, c->waiting.data + start, c->ends[i] - start, error));
        start = c->ends[i];
    }
    TRY(run_parts(c, count_blocks, c, error));
    buffer_clear(&c->waiting);
    c->end_count = 0;
    return HEARTH_OK;
}

static hearth_status wait_for_more(word_counter *c, const char *text, size_t length, hearth_error *error)
{
    if (c->end_count == c->end_capacity) {
        const size_t capacity = c->end_capacity == 0 ? 256 : c->end_capacity * 2;
        size_t *grown = mem_realloc(c->ends, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        c->ends = grown;
        c->end_capacity = capacity;
    }
    TRY(buffer_append(&c->waiting, text, length, error));
    c->ends[c->end_count++] = c->waiting.length;
    return HEARTH_OK;
}

hearth_status word_counter_add(word_counter *c, const char *text, size_t length, hearth_error *error)
{
    if (length > LIMIT_TEXT_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, "text", "at most 1 GiB", "%zu bytes", length);
    }
    const size_t most = WAITING_BYTES * (size_t)c->part_count;
    if (length < most / 4) {
        if (c->waiting.length + length > most) {
            TRY(count_waiting(c, error));
        }
        return length == 0 ? HEARTH_OK : wait_for_more(c, text, length, error);
    }
    c->block_count = 0;
    TRY(add_blocks(c, text, length, error));
    return run_parts(c, count_blocks, c, error);
}

/* ---- all tables into one for each thread ---- */

typedef struct merge_work {
    word_counter *counter;
    word_table *merged; /* [parts] */
} merge_work;

static void merge_share(void *context, int index, int parts)
{
    const merge_work *work = context;
    count_part *part = &work->counter->parts[index];
    for (int k = 0; k < parts && part->status == HEARTH_OK; k++) {
        const word_table *from = &work->counter->parts[k].words;
        for (size_t i = 0; from->slots != NULL && i <= from->mask && part->status == HEARTH_OK; i++) {
            const word_slot *slot = &from->slots[i];
            if (slot->count > 0 && (int)((slot->hash >> 40) % (uint64_t)parts) == index) {
                part->status = word_table_add(&work->merged[index], word_slot_text(from, slot), slot->length,
                                              slot->hash, slot->count, &part->error);
            }
        }
    }
}

hearth_status word_counter_finish(word_counter *c, hearth_error *error)
{
    TRY(count_waiting(c, error));
    if (c->part_count == 1) {
        return HEARTH_OK;
    }
    merge_work work = {.counter = c, .merged = mem_calloc((size_t)c->part_count, sizeof *work.merged)};
    if (work.merged == NULL) {
        return error_memory(error, (size_t)c->part_count * sizeof *work.merged);
    }
    const hearth_status status = run_parts(c, merge_share, &work, error);
    for (int i = 0; i < c->part_count; i++) {
        word_table_free(status == HEARTH_OK ? &c->parts[i].words : &work.merged[i]);
        if (status == HEARTH_OK) {
            c->parts[i].words = work.merged[i];
        }
    }
    mem_free(work.merged);
    return status;
}
