/* hash_tool FILE.gguf: FNV-1a hashes of the logits of 48 positions, native and f32, in chunks of 48 and of 1. For
 * aarch64.py, which runs it for another machine, too. */
#include "base/memory.h"
#include "model/forward.h"

#include <stdio.h>
#include <string.h>

#define POSITIONS 48u

static uint64_t add_to_hash(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ at[i]) * 1099511628211u;
    }
    return hash;
}

static hearth_status hash_logits(model *m, size_t chunk, uint64_t *ret, hearth_error *error)
{
    forward *f = NULL;
    kv_cache cache = {0};
    int32_t ids[POSITIONS];
    const size_t row = m->config.vocabulary * sizeof(float);
    for (uint32_t i = 0; i < POSITIONS; i++) {
        ids[i] = (int32_t)(i * i * 7 % m->config.vocabulary);
    }
    TRY(forward_create(m, chunk, &f, error));
    TRY(kv_cache_create(&m->config, m->compute == COMPUTE_F32 ? CACHE_F32 : CACHE_F16, POSITIONS, &cache, error));
    *ret = 14695981039346656037u;
    for (size_t at = 0; at < POSITIONS; at += chunk) {
        const forward_segment segment = {
            .cache = &cache, .position = (uint32_t)at, .count = (uint32_t)chunk, .ids = ids + at, .want = WANT_ALL};
        const float *logits = NULL;
        TRY(forward_step(f, &segment, 1, error));
        TRY(forward_logits(f, 0, chunk, &logits, error));
        *ret = add_to_hash(*ret, logits, chunk * row);
    }
    kv_cache_free(&cache);
    forward_free(f);
    return HEARTH_OK;
}

static hearth_status run(const char *path, hearth_error *error)
{
    gguf_file *file = NULL;
    model m = {0};
    TRY(engine_create(2, NULL, &m.engine, error));
    TRY(gguf_open(path, &file, error));
    TRY(model_config_from_gguf(file, &m.config, error));
    fprintf(stderr, "hash_tool: %s\n", m.engine->kernels->name);
    for (int how = 0; how < 2; how++) {
        const weights_options options = {.gguf = file, .compute = (compute)how};
        m.compute = (compute)how;
        TRY(weights_load(gguf_tensors(file), &m.config, m.engine, &options, &m.weights, error));
        uint64_t all = 0, single = 0;
        TRY(hash_logits(&m, POSITIONS, &all, error));
        TRY(hash_logits(&m, 1, &single, error));
        printf("%s %016llx %016llx\n", how == 0 ? "native" : "f32", (unsigned long long)all,
               (unsigned long long)single);
        weights_free(&m.weights);
    }
    gguf_close(file);
    engine_free(m.engine);
    return HEARTH_OK;
}

int main(int argc, char **argv)
{
    hearth_error error = {0};
    char line[1024];
    if (argc != 2 || run(argv[1], &error) != HEARTH_OK) {
        fprintf(stderr, "hash_tool: %s\n", hearth_error_line(&error, line, sizeof line));
        return 1;
    }
    return 0;
}
