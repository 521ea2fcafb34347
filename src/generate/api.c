/* The public library (hearth/hearth.h) over the rooms. */
#include "hearth/hearth.h"

#include "base/memory.h"
#include "generate/chat.h"
#include "generate/embed.h"
#include "generate/score.h"
#include "generate/session.h"

#include <string.h>
#include <time.h>

#define NUMERIC_CONTRACT 1u

struct hearth_engine {
    engine *inner;
};

struct hearth_model {
    model *inner;
};

struct hearth_session {
    session *inner;
    char **stops;
    size_t stop_count;
};

/* ---- engine ---- */

const char *hearth_version(void)
{
    return HEARTH_VERSION;
}

unsigned hearth_numeric_contract(void)
{
    return NUMERIC_CONTRACT;
}

hearth_status hearth_engine_create(const hearth_engine_options *options, hearth_engine **ret, hearth_error *error)
{
    hearth_engine *e = mem_calloc(1, sizeof *e);
    if (e == NULL) {
        return error_memory(error, sizeof *e);
    }
    const hearth_status status =
        engine_create(options == NULL ? 0 : options->threads, options == NULL ? NULL : options->isa, &e->inner, error);
    if (status != HEARTH_OK) {
        hearth_engine_destroy(e);
        return status;
    }
    *ret = e;
    return HEARTH_OK;
}

void hearth_engine_destroy(hearth_engine *handle)
{
    if (handle != NULL) {
        engine_free(handle->inner);
        mem_free(handle);
    }
}

const char *hearth_engine_isa(const hearth_engine *handle)
{
    return handle->inner->kernels->name;
}

int hearth_engine_threads(const hearth_engine *handle)
{
    return handle->inner->threads;
}

/* ---- model ---- */

static hearth_status open_parts(hearth_model *m, hearth_engine *handle, const char *path,
                                const hearth_model_options *options, hearth_error *error)
{
    model_options how = {0};
    if (options != NULL) {
        how.compute = options->compute == HEARTH_COMPUTE_F32 ? COMPUTE_F32 : COMPUTE_NATIVE;
        how.packing = (model_packing)options->packing;
        how.progress = options->progress;
        how.progress_context = options->progress_context;
    }
    return model_open(handle->inner, path, &how, &m->inner, error);
}

hearth_status hearth_model_open(hearth_engine *handle, const char *path, const hearth_model_options *options,
                                hearth_model **ret, hearth_error *error)
{
    if (handle == NULL || path == NULL ||
        (options != NULL && ((unsigned)options->compute > 1 || (unsigned)options->packing > 2))) {
        return error_set(error, HEARTH_E_ARGUMENT, "hearth_model_open", "an engine, a path and known options",
                         "something else");
    }
    hearth_model *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    const hearth_status status = open_parts(m, handle, path, options, error);
    if (status != HEARTH_OK) {
        hearth_model_close(m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

void hearth_model_close(hearth_model *handle)
{
    if (handle != NULL) {
        model_close(handle->inner);
        mem_free(handle);
    }
}

size_t hearth_model_vocabulary(const hearth_model *handle)
{
    return handle->inner->config.vocabulary;
}

size_t hearth_model_context_length(const hearth_model *handle)
{
    return handle->inner->config.context;
}

const char *hearth_model_family(const hearth_model *handle)
{
    return handle->inner->config.family->name;
}

bool hearth_model_is_end(const hearth_model *handle, int32_t token)
{
    return handle->inner->tokenizer != NULL && tokenizer_is_end(handle->inner->tokenizer, token);
}

/* ---- text ---- */

static hearth_status need_tokenizer(const hearth_model *handle, const tokenizer **ret, hearth_error *error)
{
    *ret = handle->inner->tokenizer;
    if (*ret == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "tokenizer", "a model with a vocabulary", "none in its files");
    }
    return HEARTH_OK;
}

static unsigned encoding(unsigned flags)
{
    return ((flags & HEARTH_ADD_BOS) != 0 ? (unsigned)ENCODE_ADD_BOS : 0u) |
           ((flags & HEARTH_PARSE_SPECIAL) != 0 ? (unsigned)ENCODE_PARSE_SPECIAL : 0u);
}

hearth_status hearth_tokenize(const hearth_model *handle, const char *text, size_t length, unsigned flags, int32_t *ids,
                              size_t capacity, size_t *ret_count, hearth_error *error)
{
    const tokenizer *t = NULL;
    token_list list = {0};
    TRY(need_tokenizer(handle, &t, error));
    const hearth_status status = tokenizer_encode(t, text, length, encoding(flags), &list, error);
    if (status == HEARTH_OK) {
        const size_t written = list.count < capacity ? list.count : capacity;
        if (written != 0) {
            memcpy(ids, list.ids, written * sizeof *ids);
        }
        *ret_count = list.count;
    }
    token_list_free(&list);
    return status;
}

/* Copies what fits, terminated. */
static void hand_out(const buffer *from, char *text, size_t capacity, size_t *ret_length)
{
    if (capacity != 0) {
        const size_t written = from->length < capacity ? from->length : capacity - 1;
        memcpy(text, buffer_text(from), written);
        text[written] = '\0';
    }
    *ret_length = from->length;
}

hearth_status hearth_detokenize(const hearth_model *handle, const int32_t *ids, size_t count, char *text,
                                size_t capacity, size_t *ret_length, hearth_error *error)
{
    const tokenizer *t = NULL;
    buffer out;
    TRY(need_tokenizer(handle, &t, error));
    buffer_init(&out, 0);
    const hearth_status status = tokenizer_decode(t, ids, count, DECODE_SPECIAL, &out, error);
    if (status == HEARTH_OK) {
        hand_out(&out, text, capacity, ret_length);
    }
    buffer_free(&out);
    return status;
}

static const char *token_name(const tokenizer *t, int32_t id)
{
    return t != NULL && id >= 0 ? tokenizer_entry(t, id) : NULL;
}

static hearth_status render(const hearth_model *handle, const json_t *messages, bool add_generation_prompt, buffer *out,
                            hearth_error *error)
{
    const model *m = handle->inner;
    const tokenizer *t = m->tokenizer;
    const chat_source source = {.text = m->chat_template,
                                .length = m->chat_template_length,
                                .name = m->path,
                                .bos = token_name(t, t != NULL ? tokenizer_bos(t) : -1),
                                .eos = token_name(t, t != NULL ? tokenizer_eos(t) : -1)};
    const chat_options options = {.add_generation_prompt = add_generation_prompt, .now_unix = (int64_t)time(NULL)};
    chat *template = NULL;
    TRY(chat_open(&source, &template, error));
    const hearth_status status = chat_render(template, messages, &options, out, error);
    chat_close(template);
    return status;
}

hearth_status hearth_render_chat(const hearth_model *handle, const char *messages_json, bool add_generation_prompt,
                                 char *text, size_t capacity, size_t *ret_length, hearth_error *error)
{
    json_t *messages = NULL;
    buffer out;
    if (handle->inner->chat_template == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "chat template", "a model with a chat template", "none");
    }
    TRY(json_door_parse(messages_json, strlen(messages_json), "messages", &messages, error));
    buffer_init(&out, 0);
    const hearth_status status = render(handle, messages, add_generation_prompt, &out, error);
    if (status == HEARTH_OK) {
        hand_out(&out, text, capacity, ret_length);
    }
    buffer_free(&out);
    json_decref(messages);
    return status;
}

/* ---- session ---- */

hearth_sampling hearth_sampling_default(void)
{
    const sampling s = sampling_default();
    return (hearth_sampling){.temperature = s.temperature,
                             .top_k = s.top_k,
                             .top_p = s.top_p,
                             .min_p = s.min_p,
                             .typical_p = s.typical_p,
                             .repetition_penalty = s.repetition_penalty,
                             .presence_penalty = s.presence_penalty,
                             .frequency_penalty = s.frequency_penalty,
                             .seed = s.seed};
}

hearth_session_options hearth_session_options_default(void)
{
    return (hearth_session_options){.sampling = hearth_sampling_default()};
}

static session_options inner_options(const hearth_session_options *o)
{
    session_options inner = session_options_default();
    inner.context_length = o->context_length;
    inner.sampling = (sampling){.temperature = o->sampling.temperature,
                                .top_k = o->sampling.top_k,
                                .top_p = o->sampling.top_p,
                                .min_p = o->sampling.min_p,
                                .typical_p = o->sampling.typical_p,
                                .repetition_penalty = o->sampling.repetition_penalty,
                                .presence_penalty = o->sampling.presence_penalty,
                                .frequency_penalty = o->sampling.frequency_penalty,
                                .seed = o->sampling.seed};
    return inner;
}

static hearth_status session_parts(hearth_session *s, hearth_model *handle, const hearth_session_options *o,
                                   hearth_error *error)
{
    const session_options inner = inner_options(o);
    s->stops = mem_calloc(o->stop_count + 1, sizeof *s->stops);
    if (s->stops == NULL) {
        return error_memory(error, o->stop_count);
    }
    for (; s->stop_count < o->stop_count; s->stop_count++) {
        s->stops[s->stop_count] = mem_strdup(o->stop_strings[s->stop_count]);
        if (s->stops[s->stop_count] == NULL) {
            return error_memory(error, 1);
        }
    }
    return session_create(handle->inner, &inner, &s->inner, error);
}

hearth_status hearth_session_create(hearth_model *handle, const hearth_session_options *options, hearth_session **ret,
                                    hearth_error *error)
{
    const hearth_session_options plain = hearth_session_options_default();
    hearth_session *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    const hearth_status status = session_parts(s, handle, options == NULL ? &plain : options, error);
    if (status != HEARTH_OK) {
        hearth_session_destroy(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

void hearth_session_destroy(hearth_session *handle)
{
    if (handle == NULL) {
        return;
    }
    session_free(handle->inner);
    for (size_t i = 0; i < handle->stop_count; i++) {
        mem_free(handle->stops[i]);
    }
    mem_free(handle->stops);
    mem_free(handle);
}

hearth_status hearth_session_feed(hearth_session *handle, const int32_t *ids, size_t count, hearth_error *error)
{
    return session_feed(handle->inner, ids, count, NULL, NULL, error);
}

const float *hearth_session_logits(const hearth_session *handle)
{
    return session_logits(handle->inner);
}

hearth_status hearth_session_sample(hearth_session *handle, int32_t *ret_token, hearth_error *error)
{
    return session_sample(handle->inner, ret_token, error);
}

hearth_status hearth_session_rewind(hearth_session *handle, size_t length, hearth_error *error)
{
    return session_rewind(handle->inner, length, error);
}

size_t hearth_session_length(const hearth_session *handle)
{
    return session_length(handle->inner);
}

hearth_status hearth_session_generate(hearth_session *handle, const char *text, size_t length, size_t most_tokens,
                                      hearth_text_callback callback, void *context, hearth_error *error)
{
    const tokenizer *t = session_model(handle->inner)->tokenizer;
    token_list list = {0};
    const session_answer_options options = {
        .most_tokens = most_tokens, .stops = (const char *const *)handle->stops, .stop_count = handle->stop_count};
    if (t == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "tokenizer", "a model with a vocabulary", "none in its files");
    }
    const unsigned bos = session_length(handle->inner) == 0 ? (unsigned)ENCODE_ADD_BOS : 0u;
    hearth_status status = tokenizer_encode(t, text, length, bos | ENCODE_PARSE_SPECIAL, &list, error);
    if (status == HEARTH_OK) {
        status = session_feed(handle->inner, list.ids, list.count, NULL, NULL, error);
    }
    token_list_free(&list);
    TRY(status);
    return session_answer(handle->inner, &options, callback, context, NULL, error);
}

hearth_status hearth_score(hearth_model *handle, const int32_t *ids, size_t count, size_t window,
                           float *log_probabilities, hearth_error *error)
{
    score_result result = {0};
    const score_options options = {.window = window, .cache = -1};
    TRY(score_tokens(handle->inner, ids, count, 0, &options, &result, error));
    memcpy(log_probabilities, result.log_probabilities, count * sizeof *log_probabilities);
    score_result_free(&result);
    return HEARTH_OK;
}

/* ---- embeddings ---- */

static hearth_status embed_texts(embedder *e, const char *const *texts, size_t count, const char *prompt,
                                 float *vectors, hearth_error *error)
{
    embed_text *list = mem_calloc(count, sizeof *list);
    if (list == NULL) {
        return error_memory(error, count * sizeof *list);
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = (embed_text){texts[i], strlen(texts[i])};
    }
    prompt = prompt == NULL ? embedder_config(e)->prompt : prompt;
    const hearth_status status = embedder_run(e, prompt, list, count, vectors, NULL, NULL, NULL, error);
    mem_free(list);
    return status;
}

hearth_status hearth_embed(hearth_model *handle, const char *const *texts, size_t count,
                           const hearth_embed_options *options, float *vectors, size_t capacity, size_t *ret_dimensions,
                           hearth_error *error)
{
    static const hearth_embed_options plain = {0};
    const hearth_embed_options *o = options == NULL ? &plain : options;
    if ((unsigned)o->pooling > 3 || (unsigned)o->normalize > 2) {
        return error_set(error, HEARTH_E_ARGUMENT, "hearth_embed", "known options", "something else");
    }
    const embed_options how = {.pooling = (int)o->pooling - 1,
                               .normalize =
                                   o->normalize == HEARTH_NORMALIZE_MODEL ? -1 : o->normalize == HEARTH_NORMALIZE_YES,
                               .dimensions = o->dimensions};
    embedder *e = NULL;
    size_t needed = 0;
    TRY(embedder_create(handle->inner, &how, &e, error));
    *ret_dimensions = embedder_dimensions(e);
    hearth_status status = HEARTH_OK;
    if (count != 0 && size_mul(count, *ret_dimensions, &needed) && needed <= capacity) {
        status = embed_texts(e, texts, count, o->prompt, vectors, error);
    }
    embedder_free(e);
    return status;
}
