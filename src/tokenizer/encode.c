/* Text to ids: added tokens are found first, what lies between is normalised, split into words, and merged. */
#include "tokenizer/internal.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <string.h>

typedef struct encode_job {
    const tokenizer *t;
    unsigned flags;
    token_list *out;
    model_scratch scratch;
    word_cache *cache; /* NULL: without */
    normalizer_scratch normal;
    pretokenizer_run run;
} encode_job;

/* HEARTH_E_LIMIT, of which nobody hears: the list says it. `length`: of bytes that nothing but ids will stand for. */
static hearth_status stop_if_past(const encode_job *job, size_t length)
{
    token_list *out = job->out;
    const size_t least = job->t->most_bytes > 0 ? length / job->t->most_bytes : 0;
    if (out->most == 0 || (out->count <= out->most && least <= out->most - out->count)) {
        return HEARTH_OK;
    }
    out->cut = true;
    return HEARTH_E_LIMIT;
}

/* One piece, by heart or by the model. */
static hearth_status encode_word(encode_job *job, const char *word, size_t length, hearth_error *error)
{
    TRY(stop_if_past(job, length));
    if (job->cache == NULL || length > WORD_CACHE_BYTES) {
        return job->t->model->encode(job->t, &job->scratch, word, length, job->out, error);
    }
    const uint64_t hash = vocab_hash(word, length);
    const cached_word *known = word_cache_find(job->cache, hash, word, length);
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        TRY(token_list_append(job->out, known->ids[i], error));
    }
    if (known != NULL) {
        return HEARTH_OK;
    }
    const size_t before = job->out->count;
    TRY(job->t->model->encode(job->t, &job->scratch, word, length, job->out, error));
    if (job->out->count > before) {
        word_cache_put(job->cache, hash, word, length, job->out->ids + before, job->out->count - before);
    }
    return HEARTH_OK;
}

static hearth_status encode_piece(void *context, const char *piece, size_t length, hearth_error *error)
{
    encode_job *job = context;
    const joins *cuts = &job->t->joins;
    if (cuts->together == NULL) {
        return encode_word(job, piece, length, error);
    }
    for (const char *end = piece + length; piece < end;) {
        const size_t taken = joins_part(cuts, piece, end);
        TRY(encode_word(job, piece, taken, error));
        piece += taken;
    }
    return HEARTH_OK;
}

static hearth_status encode_split(encode_job *job, const char *text, size_t length, bool first, hearth_error *error)
{
    job->run.first = first;
    return pretokenize(&job->run, text, length, error);
}

typedef hearth_status (*between_fn)(encode_job *job, const char *text, size_t length, bool first, hearth_error *error);

/* Emits the added tokens of `trie` and gives what lies between them to `between`. A control token that the caller did
 * not ask for is passed over as text, all of it, as Hugging Face does. */
static hearth_status around_added(encode_job *job, const added_trie *trie, const char *text, size_t length, bool first,
                                  between_fn between, hearth_error *error)
{
    size_t done = 0;
    size_t from = 0;
    size_t start = 0;
    size_t end = 0;
    int32_t id = -1;
    while (from < length && added_find(trie, text, length, from, &start, &end, &id)) {
        const unsigned flags = job->t->flags[id];
        from = end;
        if (((flags & TOKEN_SPECIAL) != 0 && (job->flags & ENCODE_PARSE_SPECIAL) == 0) ||
            !added_adjust(flags, text, length, done, &start, &end)) {
            continue;
        }
        if (done < start) {
            TRY(between(job, text + done, start - done, first && done == 0, error));
        }
        TRY(stop_if_past(job, 0));
        TRY(token_list_append(job->out, id, error));
        done = end;
        from = end;
    }
    return done < length ? between(job, text + done, length - done, first && done == 0, error) : HEARTH_OK;
}

static hearth_status encode_raw(encode_job *job, const char *text, size_t length, bool first, hearth_error *error)
{
    token_text normal = {text, length};
    TRY(normalizer_apply(&job->t->normalizer, &job->normal, text, length, &normal, error));
    if (job->t->added_normalized.count == 0) {
        return encode_split(job, normal.text, normal.length, first, error);
    }
    return around_added(job, &job->t->added_normalized, normal.text, normal.length, first, encode_split, error);
}

static hearth_status encode_all(encode_job *job, const char *text, size_t length, hearth_error *error)
{
    const tokenizer *t = job->t;
    for (size_t i = 0; i < t->before_count && (job->flags & ENCODE_ADD_BOS) != 0; i++) {
        TRY(token_list_append(job->out, t->before[i], error));
    }
    if (length > 0) {
        TRY(around_added(job, &t->added_raw, text, length, true, encode_raw, error));
    }
    for (size_t i = 0; i < t->after_count && (job->flags & ENCODE_ADD_BOS) != 0; i++) {
        TRY(token_list_append(job->out, t->after[i], error));
    }
    return HEARTH_OK;
}

hearth_status tokenizer_encode(const tokenizer *t, const char *text, size_t length, unsigned flags, token_list *out,
                               hearth_error *error)
{
    if (length > LIMIT_TEXT_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, "text", "at most 1 GiB", "%zu bytes", length);
    }
    if (out->cut) {
        return HEARTH_OK;
    }
    encode_job job = {.t = t, .flags = flags, .out = out};
    buffer valid;
    buffer_init(&valid, 0);
    hearth_status status = HEARTH_OK;
    if (!utf8_valid(text, length)) {
        status = utf8_repair(text, length, &valid, error);
        text = buffer_text(&valid);
        length = valid.length;
    }
    normalizer_scratch_init(&job.normal);
    if (status == HEARTH_OK) {
        job.cache = word_cache_take(t->caches, length);
        job.scratch.words.pairs = job.cache == NULL ? NULL : job.cache->pairs;
        status = pretokenizer_run_init(&job.run, &t->pretokenizer, encode_piece, &job, error);
        status = status != HEARTH_OK ? status : encode_all(&job, text, length, error);
        pretokenizer_run_free(&job.run);
        word_cache_give(t->caches, job.cache);
        bpe_scratch_free(&job.scratch.words);
        unigram_scratch_free(&job.scratch.unigram);
    }
    normalizer_scratch_free(&job.normal);
    buffer_free(&valid);
    return out->cut ? HEARTH_OK : status;
}
