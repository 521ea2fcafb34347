/* Converting into a folder that is removed at the end, and comparing what comes out. */
#include "convert_support.h"

#include "model/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LENGTH 40u

char scratch[] = "/tmp/hearth-convert-XXXXXX";

const char *scratch_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

int scratch_begin(void **state)
{
    (void)state;
    return mkdtemp(scratch) != NULL ? 0 : -1;
}

int scratch_end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    return system(command);
}

void forget(const char *name)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_path(name));
    assert_int_equal(system(command), 0);
}

hearth_status convert_with(const char *from, const char *to, convert_options o, convert_result *result,
                           hearth_error *error)
{
    o.kernels = engine_best_kernels();
    return convert_model(from, scratch_path(to), &o, result, error);
}

hearth_status convert(const char *from, const char *to, dtype type, hearth_error *error)
{
    convert_result result = {0};
    return convert_with(from, to, (convert_options){.type = type}, &result, error);
}

/* ---- comparing ---- */

/* RoBERTa's table has rows before position 0, which GGUF does not keep: they come back as zeros. */
static bool only_first_rows_differ(const tensor_entry *a, const tensor_entry *b)
{
    const uint64_t row = a->size_bytes / a->shape[0];
    return strcmp(a->name, "embeddings.position_embeddings.weight") == 0 && a->size_bytes == b->size_bytes &&
           a->shape[0] == 130 && memcmp(a->data + 2 * row, b->data + 2 * row, a->size_bytes - 2 * row) == 0;
}

/* -exp(A_log) by PyTorch's exp there, which may miss the nearest number by a last place. */
static bool only_last_places_differ(const tensor_entry *a, const tensor_entry *b)
{
    const size_t length = strlen(a->name);
    const char *tail = a->name + (length < 6 ? 0 : length - 6);
    bool close = strcmp(tail, ".ssm_a") == 0 && a->type == DTYPE_F32;
    for (uint64_t i = 0; close && i < a->size_bytes / 4; i++) {
        int32_t bits[2];
        memcpy(&bits[0], a->data + 4 * i, 4);
        memcpy(&bits[1], b->data + 4 * i, 4);
        close = abs(bits[0] - bits[1]) <= 1;
    }
    return close;
}

static bool begins(const char *name, const char *first)
{
    return strncmp(name, first, strlen(first)) == 0;
}

void same_tensors(const tensor_table *expected, const tensor_table *found, const char *what)
{
    static const char outside[] = "language_model."; /* the text part of a model of several; alone, it is without */
    size_t left_out = 0;
    for (size_t i = 0; i < expected->count; i++) {
        const tensor_entry *a = &expected->entries[i];
        const bool part = begins(a->name, outside);
        const tensor_entry *b = tensor_table_find(found, a->name + (part ? sizeof outside - 1 : 0));
        /* of BERT's first training task, and parts that are not text: GGUF has no place for them */
        if (begins(a->name, "pooler.") || begins(a->name, "multi_modal_projector.")) {
            left_out++;
            continue;
        }
        if (b == NULL || a->type != b->type || a->dims != b->dims || a->size_bytes != b->size_bytes ||
            memcmp(a->shape, b->shape, a->dims * sizeof a->shape[0]) != 0 ||
            (memcmp(a->data, b->data, a->size_bytes) != 0 && !only_first_rows_differ(a, b) &&
             !only_last_places_differ(a, b))) {
            fail_msg("%s: tensor %s %s", what, a->name, b == NULL ? "is missing" : "differs");
        }
    }
    if (expected->count - left_out != found->count) {
        fail_msg("%s: %zu tensors in place of %zu", what, found->count, expected->count - left_out);
    }
}

/* Keys that say something else, or that ours leaves out, and why: docs/convert.md. */
bool may_differ(const char *key)
{
    static const char *const keys[] = {
        "general.name",
        "general.size_label",
        "general.basename",
        "general.version",
        "general.finetune",
        "falcon.context_length",        /* llama.cpp writes 2048 for every Falcon */
        "nomic-bert.context_length",    /* what it was trained for there */
        "tokenizer.ggml.add_bos_token", /* for Phi without a vocabulary, too */
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

void same_keys(const gguf_file *expected, const gguf_file *found, const char *what)
{
    for (size_t i = 0; i < gguf_metadata_count(expected); i++) {
        const gguf_string name = gguf_metadata_key(expected, i);
        char key[256];
        char values[2][512] = {"", "missing"};
        snprintf(key, sizeof key, "%.*s", (int)name.length, name.text);
        const int64_t other = gguf_find(found, key);
        gguf_describe(expected, i, 64, values[0], sizeof values[0]);
        if (other >= 0) {
            gguf_describe(found, (size_t)other, 64, values[1], sizeof values[1]);
        }
        if (!may_differ(key) && strcmp(values[0], values[1]) != 0) {
            fail_msg("%s: key %s: %s in place of %s", what, key, values[1], values[0]);
        }
    }
}

/* What an encoder gives: [tokens, width]. */
static float *hidden_states(model *m, const int32_t *ids)
{
    kv_cache cache = {0};
    forward *f = NULL;
    float *out = calloc(TEXT_LENGTH, m->config.width * sizeof *out);
    assert_non_null(out);
    OK(kv_cache_create(&m->config, CACHE_F32, TEXT_LENGTH, &cache, error));
    OK(forward_create(m, TEXT_LENGTH, &f, error));
    const forward_segment segment = {.cache = &cache, .count = TEXT_LENGTH, .ids = ids, .want = WANT_ALL};
    OK(forward_step(f, &segment, 1, error));
    for (size_t t = 0; t < TEXT_LENGTH; t++) {
        forward_hidden(f, t, out + t * m->config.width);
    }
    forward_free(f);
    kv_cache_free(&cache);
    return out;
}

void logits_hash(const char *path, char ret[HASH_HEX_SIZE])
{
    int32_t ids[TEXT_LENGTH];
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    const bool headless = m->config.form.headless;
    for (uint32_t i = 0; i < TEXT_LENGTH; i++) {
        ids[i] = (int32_t)(i * i * 7 % m->config.vocabulary);
    }
    float *logits = headless ? hidden_states(m, ids) : all_logits(m, ids, TEXT_LENGTH, 512, -1);
    const size_t width = headless ? m->config.width : m->config.vocabulary;
    OK(hash_bytes_hex(logits, TEXT_LENGTH * width * sizeof *logits, ret, error));
    free(logits);
    model_close(m);
    engine_free(e);
}

void same_logits(const char expected[HASH_HEX_SIZE], const char *path, const char *what)
{
    char hash[HASH_HEX_SIZE];
    logits_hash(path, hash);
    if (strcmp(hash, expected) != 0) {
        fail_msg("%s: %s has other logits", what, path);
    }
}
