/* Learning a tokenizer: options, texts in, tokenizer.json out. */
#include "tokenizer/learn.h"

#include "base/arena.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"
#include "tokenizer/learn_bpe.h"
#include "tokenizer/learn_count.h"
#include "tokenizer/learn_json.h"
#include "tokenizer/learn_unigram.h"
#include "tokenizer/vocab.h"

#include <string.h>

struct learner {
    learn_options options; /* special tokens each once */
    const char *repeated;  /* the first special token that was there before, or NULL */
    size_t before_repeated;
    const pretokenizer_row *row;
    arena *arena; /* copies of the options' texts, the steps */
    pretokenizer pretokenizer;
    normalizer normalizer;
    normalizer_step nfc;
    word_counter counter;
    learn_facts facts;
    bool finished;
};

static hearth_status check_options(const learn_options *o, hearth_error *error)
{
    if (o->special_count > LIMIT_VOCABULARY || o->vocab_size > LIMIT_VOCABULARY) {
        return error_set(error, HEARTH_E_LIMIT, "vocabulary", "at most 4194304 tokens", "%u", o->vocab_size);
    }
    if (o->vocab_size < o->special_count + 256) {
        return error_set(error, HEARTH_E_ARGUMENT, "vocabulary", NULL,
                         "expected at least %zu tokens (256 bytes and %zu special ones), found %u",
                         o->special_count + 256, o->special_count, o->vocab_size);
    }
    if (o->threads < 1 || o->threads > LIMIT_THREADS) {
        return error_set(error, HEARTH_E_ARGUMENT, "threads", "1 to 256", "%d", o->threads);
    }
    for (size_t i = 0; i < o->special_count; i++) {
        const size_t length = strlen(o->special[i]);
        if (length == 0 || length > LIMIT_GGUF_STRING_BYTES || !utf8_valid(o->special[i], length)) {
            return error_set(error, HEARTH_E_ARGUMENT, "special token", "a text in UTF-8", "number %zu: %s", i + 1,
                             length == 0 ? "an empty one" : "other bytes");
        }
    }
    return HEARTH_OK;
}

static hearth_status count_piece(void *context, const char *piece, size_t length, hearth_error *error)
{
    (void)piece;
    (void)length;
    (void)error;
    ++*(size_t *)context;
    return HEARTH_OK;
}

/* Into how many words the bytes fall that a special token's text would stand for if it were a piece; 0: it could not be
 * one. */
static hearth_status count_words(const learner *l, const char *text, buffer *bytes, size_t *ret, hearth_error *error)
{
    *ret = 0;
    bool known = false;
    TRY(byte_alphabet_read((token_text){text, strlen(text)}, bytes, &known, error));
    if (!known) {
        return HEARTH_OK;
    }
    if (!utf8_valid(bytes->data, bytes->length)) {
        *ret = 1; /* a part of a character */
        return HEARTH_OK;
    }
    pretokenizer_run run = {0};
    hearth_status status = pretokenizer_run_init(&run, &l->pretokenizer, count_piece, ret, error);
    status = status != HEARTH_OK ? status : pretokenize(&run, bytes->data, bytes->length, error);
    pretokenizer_run_free(&run);
    return status;
}

/* A unigram model finds every token of its list in words, special ones too: they must be such as no word holds, and
 * each but once. */
static hearth_status check_special(const learner *l, hearth_error *error)
{
    buffer bytes;
    buffer_init(&bytes, 0);
    hearth_status status = HEARTH_OK;
    const size_t count = l->repeated != NULL ? l->before_repeated : l->options.special_count;
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        const char *text = l->options.special[i];
        size_t words = 0;
        status = count_words(l, text, &bytes, &words, error);
        if (status == HEARTH_OK && words == 1) {
            status =
                error_set(error, HEARTH_E_ARGUMENT, "special token", "one that the pre-tokenizer cuts", "%.80s", text);
        }
    }
    if (status == HEARTH_OK && l->repeated != NULL) {
        status = error_set(error, HEARTH_E_ARGUMENT, "special token", "each once", "%.80s twice", l->repeated);
    }
    buffer_free(&bytes);
    return status;
}

static hearth_status copy_distinct(learner *l, const learn_options *o, word_table *seen, const char **ret,
                                   hearth_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < o->special_count; i++) {
        const size_t length = strlen(o->special[i]);
        word_slot *slot = word_table_enter(seen, o->special[i], length, vocab_hash(o->special[i], length));
        if (slot == NULL) {
            return error_memory(error, length);
        }
        if (slot->count == 0) {
            ret[count] = arena_strndup(l->arena, o->special[i], length);
            TRY(tokenizer_room(ret[count], length + 1, error));
            slot->count = ++count;
        } else if (l->repeated == NULL) {
            l->repeated = ret[slot->count - 1];
            l->before_repeated = count;
        }
    }
    l->options.special = ret;
    l->options.special_count = count;
    return HEARTH_OK;
}

static hearth_status copy_options(learner *l, const learn_options *o, hearth_error *error)
{
    l->options = *o;
    l->options.pretokenizer = l->row->name;
    const char **special = arena_array(l->arena, o->special_count, sizeof *special);
    TRY(tokenizer_room(special, o->special_count * sizeof *special, error));
    word_table seen = {0};
    const hearth_status status = copy_distinct(l, o, &seen, special, error);
    word_table_free(&seen);
    return status;
}

static hearth_status make(learner *l, const learn_options *o, hearth_error *error)
{
    static regex *none[1];
    const char *name = o->pretokenizer != NULL ? o->pretokenizer : "default";
    TRY(check_options(o, error));
    l->row = pretokenizer_find(name, strlen(name));
    if (l->row == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "pre-tokenizer", "a name of docs/tokenizers.md, such as gpt-2",
                         "%.80s", name);
    }
    l->arena = arena_create(0);
    if (l->arena == NULL) {
        return error_memory(error, 1);
    }
    TRY(copy_options(l, o, error));
    TRY(tokenizer_make_steps(l->arena, l->row->steps, l->row->step_count, &l->pretokenizer, error));
    if (o->unigram != 0) {
        TRY(check_special(l, error));
    }
    l->nfc = (normalizer_step){.kind = NORMALIZER_NFC};
    l->normalizer = (normalizer){.steps = &l->nfc, .regexes = none, .count = l->row->nfc ? 1 : 0};
    return word_counter_init(&l->counter, o->threads, &l->pretokenizer, &l->normalizer, error);
}

hearth_status learner_create(const learn_options *options, learner **ret, hearth_error *error)
{
    learner *l = mem_calloc(1, sizeof *l);
    if (l == NULL) {
        return error_memory(error, sizeof *l);
    }
    const hearth_status status = make(l, options, error);
    if (status != HEARTH_OK) {
        learner_free(l);
        return status;
    }
    *ret = l;
    return HEARTH_OK;
}

void learner_free(learner *l)
{
    if (l == NULL) {
        return;
    }
    word_counter_free(&l->counter);
    for (size_t i = 0; i < l->pretokenizer.count; i++) {
        regex_free(l->pretokenizer.regexes[i]);
    }
    arena_destroy(l->arena);
    mem_free(l);
}

hearth_status learner_add(learner *l, const char *text, size_t length, hearth_error *error)
{
    l->facts.bytes += length;
    return word_counter_add(&l->counter, text, length, error);
}

static hearth_status make_bpe(learner *l, const word_table *tables, size_t parts, buffer *out, hearth_error *error)
{
    learned_bpe learned = {0};
    hearth_status status = learn_bpe(&l->options, tables, parts, &learned, error);
    status = status != HEARTH_OK ? status : learn_json_bpe(&learned, l->row, out, error);
    l->facts.vocabulary = (uint32_t)learned.token_count;
    l->facts.merges = (uint32_t)learned.merge_count;
    learned_bpe_free(&learned);
    return status;
}

static hearth_status make_unigram(learner *l, const word_table *tables, size_t parts, buffer *out, hearth_error *error)
{
    const learn_options *o = &l->options;
    learned_unigram learned = {0};
    hearth_status status = learn_unigram(o, tables, parts, l->counter.pool, &learned, error);
    status =
        status != HEARTH_OK ? status : learn_json_unigram(&learned, o->special, o->special_count, l->row, out, error);
    l->facts.vocabulary = (uint32_t)(o->special_count + learned.piece_count);
    learned_unigram_free(&learned);
    return status;
}

static hearth_status learn_and_write(learner *l, buffer *out, hearth_error *error)
{
    const size_t parts = (size_t)l->counter.part_count;
    word_table *tables = mem_calloc(parts, sizeof *tables);
    if (tables == NULL) {
        return error_memory(error, parts * sizeof *tables);
    }
    for (size_t i = 0; i < parts; i++) {
        tables[i] = l->counter.parts[i].words; /* seen, not owned */
        l->facts.distinct += tables[i].count;
        l->facts.words += l->counter.parts[i].pieces;
    }
    hearth_status status = HEARTH_OK;
    if (l->facts.distinct == 0) {
        status = error_set(error, HEARTH_E_ARGUMENT, "text", "at least one word", "none");
    } else {
        status = l->options.unigram != 0 ? make_unigram(l, tables, parts, out, error)
                                         : make_bpe(l, tables, parts, out, error);
    }
    mem_free(tables);
    return status;
}

hearth_status learner_finish(learner *l, char **ret_json, size_t *ret_length, hearth_error *error)
{
    if (l->finished) {
        return error_set(error, HEARTH_E_ARGUMENT, "learner", "one that has not finished", "a finished one");
    }
    l->finished = true;
    buffer out;
    buffer_init(&out, 0);
    hearth_status status = word_counter_finish(&l->counter, error);
    status = status != HEARTH_OK ? status : learn_and_write(l, &out, error);
    word_counter_free(&l->counter);
    if (status != HEARTH_OK) {
        buffer_free(&out);
        return status;
    }
    *ret_json = out.data;
    *ret_length = out.length;
    return HEARTH_OK;
}

learn_facts learner_facts(const learner *l)
{
    return l->facts;
}
