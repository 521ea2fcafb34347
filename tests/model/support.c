/* Shared by the model tests. */
#include "support.h"

#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *env_or(const char *name, const char *other)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : other;
}

const char *golden_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/tests/model/golden/%s", env_or("HEARTH_SOURCE", "."), name);
    return path;
}

const char *fixture_path(const char *name)
{
    static char path[1024];
    const char *folder = getenv("HEARTH_FIXTURES");
    if (folder != NULL && folder[0] != '\0') {
        snprintf(path, sizeof path, "%s/%s", folder, name);
    } else {
        snprintf(path, sizeof path, "%s/../shared/fixtures/%s", env_or("HEARTH_SOURCE", "."), name);
    }
    return path;
}

const char *smollm2_path(void)
{
    static char path[1024];
    const char *given = getenv("HEARTH_SMOLLM2");
    if (given != NULL && given[0] != '\0') {
        return given;
    }
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache != NULL && cache[0] != '\0') {
        snprintf(path, sizeof path, "%s/openhearth/SmolLM2-135M-Instruct.Q4_1.gguf", cache);
    } else {
        snprintf(path, sizeof path, "%s/.cache/openhearth/SmolLM2-135M-Instruct.Q4_1.gguf", env_or("HOME", "/"));
    }
    return path;
}

const char *minilm_path(void)
{
    static char path[1024];
    const char *given = getenv("HEARTH_MINILM");
    const char *cache = getenv("XDG_CACHE_HOME");
    if (given != NULL && given[0] != '\0') {
        return given;
    }
    if (cache != NULL && cache[0] != '\0') {
        snprintf(path, sizeof path, "%s/openhearth/all-MiniLM-L6-v2", cache);
    } else {
        snprintf(path, sizeof path, "%s/.cache/openhearth/all-MiniLM-L6-v2", env_or("HOME", "/"));
    }
    return path;
}

void expect_ok(hearth_status status, const hearth_error *error)
{
    if (status != HEARTH_OK) {
        char line[1024];
        fail_msg("%s: %s", hearth_status_name(status), hearth_error_line(error, line, sizeof line));
    }
}

json_t *read_json(const char *path)
{
    buffer text;
    json_t *value = NULL;
    buffer_init(&text, 0);
    OK(file_read(path, (size_t)64 << 20, &text, error));
    OK(json_door_parse(buffer_text(&text), text.length, path, &value, error));
    buffer_free(&text);
    return value;
}

int32_t *json_ids(const json_t *array, size_t *ret_count)
{
    const size_t count = json_array_size(array);
    int32_t *ids = malloc((count + 1) * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(array, i));
    }
    *ret_count = count;
    return ids;
}

engine *make_engine(int threads, const char *isa)
{
    engine *e = NULL;
    OK(engine_create(threads, isa, &e, error));
    if (threads % 2 != 0) { /* the models of tests are small: with odd numbers of threads everything is shared out */
        e->shared_out_bytes = 0;
    }
    return e;
}

model *open_model(engine *e, const char *path, compute how)
{
    model *m = NULL;
    const model_options options = {.compute = how};
    OK(model_open(e, path, &options, &m, error));
    return m;
}

float *all_logits(model *m, const int32_t *ids, size_t count, size_t chunk, int cache)
{
    const size_t vocabulary = m->config.vocabulary;
    const cache_type type = cache >= 0 ? (cache_type)cache : m->compute == COMPUTE_F32 ? CACHE_F32 : CACHE_F16;
    kv_cache kv = {0};
    forward *f = NULL;
    float *all = malloc(count * vocabulary * sizeof *all);
    assert_non_null(all);
    OK(kv_cache_create(&m->config, type, count, &kv, error));
    OK(forward_create(m, chunk, &f, error));
    for (size_t at = 0; at < count; at += chunk) {
        const size_t step = count - at < chunk ? count - at : chunk;
        const forward_segment segment = {
            .cache = &kv, .position = (uint32_t)at, .count = (uint32_t)step, .ids = ids + at, .want = WANT_ALL};
        OK(forward_step(f, &segment, 1, error));
        for (size_t row = 0; row < step; row++) {
            const float *logits = NULL;
            OK(forward_logits(f, row, 1, &logits, error));
            memcpy(all + (at + row) * vocabulary, logits, vocabulary * sizeof *all);
        }
    }
    forward_free(f);
    kv_cache_free(&kv);
    return all;
}

void greedy_tokens(model *m, const int32_t *prompt, size_t length, size_t count, int32_t *ret)
{
    session *s = NULL;
    session_options options = session_options_default();
    options.context_length = length + count;
    options.sampling.temperature = 0;
    OK(session_create(m, &options, &s, error));
    OK(session_feed(s, prompt, length, NULL, NULL, error));
    for (size_t i = 0; i < count; i++) {
        OK(session_sample(s, &ret[i], error));
        OK(session_feed(s, &ret[i], 1, NULL, NULL, error));
    }
    session_free(s);
}
