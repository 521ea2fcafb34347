/* Words to tokens. */
#include "tokenizer/bpe.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

#define BPE_SCAN_SYMBOLS 40

void bpe_scratch_free(bpe_scratch *s)
{
    mem_free(s->symbols);
    mem_free(s->heap);
    *s = (bpe_scratch){0};
}

/* ---- pairs ---- */

static inline uint64_t pair_hash(int32_t left, int32_t right)
{
    const uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    return (pair * 0x9E3779B97F4A7C15u) >> 20;
}

/* Sets the symbol's key and result for the pair with its right neighbour. */
static void look_up_pair(const bpe *b, const char *word, bpe_symbol *left, const bpe_symbol *right)
{
    left->key = UINT32_MAX;
    if (b->model != TOKENIZER_BPE) {
        const size_t length = (size_t)left->length + right->length;
        const int32_t id = length > b->words.longest ? -1 : vocab_find(&b->words, word + left->start, length);
        if (id >= 0) {
            left->key = b->score_keys != NULL ? b->score_keys[id] : (uint32_t)id;
            left->result = id;
        }
        return;
    }
    for (size_t at = pair_hash(left->id, right->id) & b->merge_mask; b->merges[at].left >= 0;
         at = (at + 1) & b->merge_mask) {
        if (b->merges[at].left == left->id && b->merges[at].right == right->id) {
            left->key = b->merges[at].rank;
            left->result = b->merges[at].result;
            return;
        }
    }
}

/* The same by heart where it can be. The unknown token has no text of its own, so that its id does not tell. */
static inline void look_at_pair(const bpe *b, cached_pair *pairs, const char *word, bpe_symbol *left,
                                const bpe_symbol *right)
{
    if (pairs == NULL || left->id < 0 || right->id < 0 || left->id == b->unknown || right->id == b->unknown) {
        look_up_pair(b, word, left, right);
        return;
    }
    cached_pair *known = &pairs[pair_hash(left->id, right->id) & (CACHED_PAIRS - 1)];
    if (known->left_and_one == (uint32_t)left->id + 1 && known->right == right->id) {
        left->key = known->key;
        left->result = known->result;
        return;
    }
    look_up_pair(b, word, left, right);
    *known = (cached_pair){(uint32_t)left->id + 1, right->id, left->key, left->result};
}

/* ---- symbols ---- */

static hearth_status reserve_symbols(bpe_scratch *s, size_t count, hearth_error *error)
{
    if (count <= s->symbol_capacity) {
        return HEARTH_OK;
    }
    const size_t capacity = count < 256 ? 256 : count + count / 2;
    bpe_symbol *grown = mem_realloc(s->symbols, capacity * sizeof *grown);
    if (grown == NULL) {
        return error_memory(error, capacity * sizeof *grown);
    }
    s->symbols = grown;
    s->symbol_capacity = capacity;
    return HEARTH_OK;
}

/* One character of a vocabulary of characters: its token, its bytes' tokens, or the unknown token. Returns how many
 * symbols there are afterwards. */
static size_t character_symbols(const bpe *b, bpe_symbol *symbols, size_t count, const char *word, size_t start,
                                size_t length)
{
    const int32_t id = length == 1 ? b->ascii_ids[(unsigned char)word[start] & 0x7F]
                       : length == 3 && memcmp(word + start, "\xE2\x96\x81", 3) == 0
                           ? b->marker_id
                           : vocab_find(&b->words, word + start, length);
    if (id >= 0 || b->model == TOKENIZER_SENTENCEPIECE) {
        symbols[count] = (bpe_symbol){.id = id, .start = (uint32_t)start, .length = (uint32_t)length};
        return count + 1;
    }
    bool bytes = b->byte_fallback;
    for (size_t i = 0; i < length; i++) {
        bytes = bytes && b->byte_ids[(unsigned char)word[start + i]] >= 0;
    }
    if (bytes) {
        for (size_t i = 0; i < length; i++) {
            symbols[count + i] = (bpe_symbol){
                .id = b->byte_ids[(unsigned char)word[start + i]], .start = (uint32_t)(start + i), .length = 1};
        }
        return count + length;
    }
    if (b->unknown < 0) {
        return count; /* no token and no unknown token: left out, as Hugging Face does */
    }
    if (b->fuse_unknown && count > 0 && symbols[count - 1].id == b->unknown &&
        symbols[count - 1].start + symbols[count - 1].length == start) {
        symbols[count - 1].length += (uint32_t)length;
        return count;
    }
    symbols[count] = (bpe_symbol){.id = b->unknown, .start = (uint32_t)start, .length = (uint32_t)length};
    return count + 1;
}

/* The word's first symbols. Room for `length` of them is there. */
static size_t first_symbols(const bpe *b, bpe_symbol *symbols, const char *word, size_t length)
{
    size_t count = 0;
    if (b->byte_level) {
        for (size_t i = 0; i < length; i++) {
            int32_t id = b->byte_ids[(unsigned char)word[i]];
            id = id >= 0 ? id : b->unknown;
            if (id >= 0) {
                symbols[count++] = (bpe_symbol){.id = id, .start = (uint32_t)i, .length = 1};
            }
        }
        return count;
    }
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        const size_t taken = utf8_decode_lossy(word + i, length - i, &code);
        count = character_symbols(b, symbols, count, word, i, taken);
        i += taken;
    }
    return count;
}

/* ---- short words: scan for the best pair, close the gap ---- */

static size_t merge_by_scanning(const bpe *b, cached_pair *pairs, bpe_symbol *symbols, size_t count, const char *word)
{
    for (size_t i = 0; i + 1 < count; i++) {
        look_at_pair(b, pairs, word, &symbols[i], &symbols[i + 1]);
    }
    while (count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; i++) {
            best = symbols[i].key < symbols[best].key ? i : best;
        }
        if (symbols[best].key == UINT32_MAX) {
            break;
        }
        symbols[best].id = symbols[best].result;
        symbols[best].length += symbols[best + 1].length;
        count--;
        memmove(&symbols[best + 1], &symbols[best + 2], (count - best - 1) * sizeof *symbols);
        if (best + 1 < count) {
            look_at_pair(b, pairs, word, &symbols[best], &symbols[best + 1]);
        }
        if (best > 0) {
            look_at_pair(b, pairs, word, &symbols[best - 1], &symbols[best]);
        }
    }
    return count;
}

/* ---- long words: a heap of pairs over a linked list ---- */

static void heap_sift_up(uint64_t *heap, size_t at)
{
    const uint64_t value = heap[at];
    while (at > 0 && heap[(at - 1) / 2] > value) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = value;
}

static uint64_t heap_pop(bpe_scratch *s)
{
    const uint64_t top = s->heap[0];
    const uint64_t value = s->heap[--s->heap_count];
    size_t at = 0;
    for (size_t child = 1; child < s->heap_count; child = 2 * at + 1) {
        if (child + 1 < s->heap_count && s->heap[child + 1] < s->heap[child]) {
            child++;
        }
        if (s->heap[child] >= value) {
            break;
        }
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = value;
    return top;
}

static hearth_status heap_push(bpe_scratch *s, const bpe_symbol *symbol, size_t at, hearth_error *error)
{
    if (symbol->key == UINT32_MAX) {
        return HEARTH_OK;
    }
    if (s->heap_count == s->heap_capacity) {
        const size_t capacity = s->heap_capacity == 0 ? 256 : s->heap_capacity * 2;
        uint64_t *grown = mem_realloc(s->heap, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        s->heap = grown;
        s->heap_capacity = capacity;
    }
    s->heap[s->heap_count] = (uint64_t)symbol->key << 32 | at;
    heap_sift_up(s->heap, s->heap_count++);
    return HEARTH_OK;
}

static hearth_status look_and_push(const bpe *b, bpe_scratch *s, int32_t at, const char *word, hearth_error *error)
{
    bpe_symbol *symbol = &s->symbols[at];
    symbol->key = UINT32_MAX;
    if (symbol->next < 0) {
        return HEARTH_OK;
    }
    look_at_pair(b, s->pairs, word, symbol, &s->symbols[symbol->next]);
    return heap_push(s, symbol, (size_t)at, error);
}

static hearth_status merge_by_heap(const bpe *b, bpe_scratch *s, size_t *count, const char *word, hearth_error *error)
{
    bpe_symbol *symbols = s->symbols;
    s->heap_count = 0;
    for (size_t i = 0; i < *count; i++) {
        symbols[i].previous = (int32_t)i - 1;
        symbols[i].next = i + 1 < *count ? (int32_t)i + 1 : -1;
    }
    for (size_t i = 0; i < *count; i++) {
        TRY(look_and_push(b, s, (int32_t)i, word, error));
    }
    while (s->heap_count > 0) {
        const uint64_t top = heap_pop(s);
        const int32_t at = (int32_t)(top & UINT32_MAX);
        bpe_symbol *left = &symbols[at];
        if (left->length == 0 || left->key != (uint32_t)(top >> 32)) {
            continue; /* the pair is gone, or was pushed twice */
        }
        bpe_symbol *right = &symbols[left->next];
        left->id = left->result;
        left->length += right->length;
        left->next = right->next;
        right->length = 0;
        if (left->next >= 0) {
            symbols[left->next].previous = at;
        }
        TRY(look_and_push(b, s, at, word, error));
        if (left->previous >= 0) {
            TRY(look_and_push(b, s, left->previous, word, error));
        }
    }
    /* Close the gaps: symbols only move to the left. */
    size_t kept = 0;
    for (int32_t i = 0; i >= 0;) {
        const int32_t next = symbols[i].next;
        symbols[kept++] = symbols[i];
        i = next;
    }
    *count = kept;
    return HEARTH_OK;
}

/* ---- output ---- */

static hearth_status emit_symbol(const bpe *b, const bpe_symbol *symbol, const char *word, token_list *out,
                                 hearth_error *error)
{
    if (symbol->id >= 0) {
        return token_list_append(out, symbol->id, error);
    }
    bool bytes = b->byte_fallback;
    for (size_t i = 0; i < symbol->length; i++) {
        bytes = bytes && b->byte_ids[(unsigned char)word[symbol->start + i]] >= 0;
    }
    if (bytes) {
        for (size_t i = 0; i < symbol->length; i++) {
            TRY(token_list_append(out, b->byte_ids[(unsigned char)word[symbol->start + i]], error));
        }
        return HEARTH_OK;
    }
    return b->unknown < 0 ? HEARTH_OK : token_list_append(out, b->unknown, error);
}

static hearth_status merge_word(const bpe *b, bpe_scratch *s, const char *word, size_t length, token_list *out,
                                hearth_error *error)
{
    TRY(reserve_symbols(s, length, error));
    size_t count = first_symbols(b, s->symbols, word, length);
    if (count > BPE_SCAN_SYMBOLS) {
        TRY(merge_by_heap(b, s, &count, word, error));
    } else {
        count = merge_by_scanning(b, s->pairs, s->symbols, count, word);
    }
    bool unknown = false; /* SentencePiece makes one unknown token of neighbours */
    for (size_t i = 0; i < count; i++) {
        const bool joins = unknown && b->fuse_unknown && b->model == TOKENIZER_SENTENCEPIECE && s->symbols[i].id < 0;
        const size_t before = out->count;
        if (!joins) {
            TRY(emit_symbol(b, &s->symbols[i], word, out, error));
        }
        unknown = joins || (out->count == before + 1 && out->ids[before] == b->unknown);
    }
    return HEARTH_OK;
}

/* A word that is a token and that the merges do make into that token: known once someone has merged it. Other threads
 * may find out at the same time; they find the same. */
hearth_status bpe_encode(const bpe *b, bpe_scratch *s, const char *word, size_t length, token_list *out,
                         hearth_error *error)
{
    const int32_t token = length > b->words.longest ? -1 : vocab_find(&b->words, word, length);
    if (token >= 0) {
        const uint8_t whole = b->ignore_merges ? 1 : atomic_load_explicit(&b->whole[token], memory_order_relaxed);
        if (whole == 1) {
            return token_list_append(out, token, error);
        }
    }
    const size_t before = out->count;
    TRY(merge_word(b, s, word, length, out, error));
    const size_t count = out->count - before;
    if (token >= 0) {
        const uint8_t whole = count == 1 && out->ids[before] == token ? 1 : 2;
        atomic_store_explicit(&b->whole[token], whole, memory_order_relaxed);
    }
    return HEARTH_OK;
}
