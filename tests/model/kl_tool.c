/* kl_tool MODEL BASE native|f32 [THREADS]: mean Kullback-Leibler divergence of hearth's predictions from those in BASE.
 *
 * BASE is the file that llama-perplexity --kl-divergence-base reads: "_logits_", context, vocabulary, chunks (32 bits
 * each), the tokens of all chunks, then per chunk a row for positions context / 2 to context - 2: a scale and the least
 * log-probability (binary32), then the log-probabilities in steps of the scale (16 bits). Prints one line. */
#include "model/forward.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct base {
    const uint8_t *data;
    uint32_t context, vocabulary, chunks;
    const int32_t *tokens;
    const uint16_t *rows;
    size_t row_words;
} base;

static bool base_over(const file_map *map, base *ret)
{
    if (map->size < 20 || memcmp(map->data, "_logits_", 8) != 0) {
        return false;
    }
    memcpy(&ret->context, map->data + 8, 4);
    memcpy(&ret->vocabulary, map->data + 12, 4);
    memcpy(&ret->chunks, map->data + 16, 4);
    ret->tokens = (const int32_t *)(const void *)(map->data + 20);
    const size_t token_bytes = (size_t)ret->context * ret->chunks * 4;
    ret->rows = (const uint16_t *)(const void *)(map->data + 20 + token_bytes);
    ret->row_words = 2 * (((size_t)ret->vocabulary + 1) / 2) + 4;
    const size_t rows = (size_t)ret->chunks * (ret->context - 1 - ret->context / 2);
    return map->size == 20 + token_bytes + rows * ret->row_words * 2;
}

/* Sum over tokens of p (log p - log q), p the base's. */
static double divergence(const base *b, const uint16_t *row, const float *logits)
{
    float scale, least;
    double total = 0, sum = 0;
    float largest = logits[0];
    memcpy(&scale, row, 4);
    memcpy(&least, row + 2, 4);
    for (uint32_t i = 0; i < b->vocabulary; i++) {
        largest = logits[i] > largest ? logits[i] : largest;
    }
    for (uint32_t i = 0; i < b->vocabulary; i++) {
        total += exp((double)logits[i] - (double)largest);
    }
    const double log_total = log(total) + (double)largest;
    for (uint32_t i = 0; i < b->vocabulary; i++) {
        const double log_p = (double)(scale * (float)row[4 + i] + least);
        if (log_p > -16.0) {
            sum += exp(log_p) * (log_p - ((double)logits[i] - log_total));
        }
    }
    return sum;
}

static hearth_status run(const char *path, const base *b, compute how, int threads, hearth_error *error)
{
    engine *e = NULL;
    model *m = NULL;
    forward *f = NULL;
    kv_cache cache = {0};
    const model_options options = {.compute = how};
    TRY(engine_create(threads, NULL, &e, error));
    TRY(model_open(e, path, &options, &m, error));
    TRY(forward_create(m, b->context, &f, error));
    TRY(kv_cache_create(&m->config, how == COMPUTE_F32 ? CACHE_F32 : CACHE_F16, b->context, &cache, error));
    double sum = 0, squares = 0;
    size_t count = 0;
    const uint16_t *row = b->rows;
    for (uint32_t chunk = 0; chunk < b->chunks; chunk++) {
        const forward_segment segment = {
            .cache = &cache, .count = b->context, .ids = b->tokens + (size_t)chunk * b->context, .want = WANT_ALL};
        TRY(forward_step(f, &segment, 1, error));
        for (uint32_t t = b->context / 2; t + 1 < b->context; t++, row += b->row_words, count++) {
            const float *logits = NULL;
            TRY(forward_logits(f, t, 1, &logits, error));
            const double kl = divergence(b, row, logits);
            sum += kl;
            squares += kl * kl;
        }
    }
    const double mean = sum / (double)count;
    printf("mean KL divergence %.6f +- %.6f over %zu tokens\n", mean,
           sqrt((squares / (double)count - mean * mean) / (double)(count - 1)), count);
    forward_free(f);
    kv_cache_free(&cache);
    model_close(m);
    engine_free(e);
    return HEARTH_OK;
}

int main(int argc, char **argv)
{
    hearth_error error = {0};
    file_map map = {0};
    base b = {0};
    char line[1024];
    if (argc < 4) {
        fprintf(stderr, "usage: kl_tool MODEL BASE native|f32 [THREADS]\n");
        return 2;
    }
    hearth_status status = file_map_open(argv[2], &map, &error);
    if (status == HEARTH_OK && !base_over(&map, &b)) {
        fprintf(stderr, "kl_tool: %s is no such file\n", argv[2]);
        return 1;
    }
    if (status == HEARTH_OK) {
        status = run(argv[1], &b, strcmp(argv[3], "f32") == 0 ? COMPUTE_F32 : COMPUTE_NATIVE,
                     argc > 4 ? atoi(argv[4]) : 0, &error);
    }
    if (status != HEARTH_OK) {
        fprintf(stderr, "kl_tool: %s\n", hearth_error_line(&error, line, sizeof line));
    }
    file_map_close(&map);
    return status == HEARTH_OK ? 0 : 1;
}
