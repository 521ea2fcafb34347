/* Shared by the tests of training. */
#include "train_support.h"

#include "formats/safetensors_write.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

float hashed_value(uint32_t seed, uint64_t index)
{
    uint32_t h = (uint32_t)(index * 2654435761u + seed);
    h = (h ^ (h >> 15)) * 2246822519u;
    h = (h ^ (h >> 13)) * 3266489917u;
    h ^= h >> 16;
    return (float)(h >> 8) * 0x1p-24f;
}

uint32_t name_seed(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name != '\0'; name++) {
        h = (h ^ (uint8_t)*name) * 16777619u;
    }
    return h;
}

recipe tiny_recipe(const char *family)
{
    const bool mixture = strcmp(family, "qwen3-moe") == 0;
    const bool narrow = strcmp(family, "llama") == 0 || strcmp(family, "qwen3") == 0 || mixture;
    return (recipe){
        .seed = 7,
        .model = {.family = family,
                  .layers = 2,
                  .width = narrow ? 20 : 24,
                  .heads = 4,
                  .kv_heads = 2,
                  .head_size = 6,
                  .mlp = mixture ? 12 : 28,
                  .experts = mixture ? 6 : 0,
                  .experts_used = mixture ? 2 : 0,
                  .context = 256,
                  .rope_theta = 10000,
                  .norm_eps = 1e-5,
                  .init_std = 0.02,
                  .tied = strncmp(family, "qwen", 4) == 0},
        .train = {.aux_loss = mixture ? 0.02 : 0},
    };
}

train_model *make_model(engine *e, const recipe *r, uint32_t vocab)
{
    train_model *m = NULL;
    const train_parameter *table = NULL;
    OK(train_model_create(e, r, vocab, &m, error));
    const size_t count = train_model_parameters(m, &table);
    for (size_t i = 0; i < count; i++) {
        const uint32_t seed = name_seed(table[i].name);
        const size_t length = strlen(table[i].name);
        const bool bias = strcmp(table[i].name + length - 5, ".bias") == 0;
        const float middle = table[i].rows == 1 && !bias ? 0.5f : -0.5f;
        const float scale = table[i].rows == 1 || strncmp(table[i].name, "model.embed", 11) == 0 ? 1.0f : 0.5f;
        for (uint64_t j = 0; j < table[i].rows * table[i].cols; j++) {
            train_model_values(m)[table[i].offset + j] = (hashed_value(seed, j) + middle) * scale;
        }
    }
    OK(train_model_changed(m, error));
    return m;
}

test_batch make_batch(size_t sequences, size_t length, uint32_t vocab, const uint32_t *counts)
{
    test_batch b = {.tokens = malloc(sequences * (length + 1) * sizeof *b.tokens),
                    .segments = calloc(sequences * length, sizeof *b.segments),
                    .first_segment = malloc((sequences + 1) * sizeof *b.first_segment)};
    size_t segment = 0;
    assert_true(b.tokens != NULL && b.segments != NULL && b.first_segment != NULL);
    for (size_t i = 0; i < sequences * (length + 1); i++) {
        b.tokens[i] = (uint32_t)((double)hashed_value(name_seed("tokens"), i) * vocab);
    }
    for (size_t s = 0; s < sequences; s++) {
        b.first_segment[s] = segment;
        for (size_t at = 0; at < length; counts++) {
            b.segments[segment++] = (packed_segment){.begin = (uint32_t)at, .count = *counts};
            at += *counts;
        }
    }
    b.first_segment[sequences] = segment;
    b.batch = (train_batch){b.tokens, b.segments, b.first_segment, sequences, length, NULL};
    return b;
}

void free_batch(test_batch *b)
{
    free(b->tokens);
    free(b->segments);
    free(b->first_segment);
}

static const char *file_in(const char *folder, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static tensor_entry describe(const train_parameter *p, bool bf16)
{
    const bool vector = p->rows == 1;
    const bool narrow = bf16 && !vector;
    tensor_entry e = {.name = p->name, .type = narrow ? DTYPE_BF16 : DTYPE_F32, .dims = vector ? 1 : 2};
    e.shape[0] = vector ? p->cols : p->rows;
    e.shape[1] = vector ? 0 : p->cols;
    e.size_bytes = p->rows * p->cols * (narrow ? 2 : 4);
    return e;
}

static void write_values(safetensors_writer *w, const tensor_entry *e, const float *values, size_t count)
{
    uint16_t *narrow = malloc(count * sizeof *narrow);
    assert_non_null(narrow);
    for (size_t i = 0; i < count; i++) {
        narrow[i] = bf16_from_f32(values[i]);
    }
    OK(safetensors_writer_data(w, e->type == DTYPE_BF16 ? (const void *)narrow : values, (size_t)e->size_bytes, error));
    free(narrow);
}

void write_folder(train_model *m, const char *folder, bool bf16)
{
    const train_parameter *table = NULL;
    const size_t count = train_model_parameters(m, &table);
    tensor_entry *entries = malloc(count * sizeof *entries);
    safetensors_writer *w = NULL;
    assert_non_null(entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = describe(&table[i], bf16);
    }
    OK(file_make_folders(folder, error));
    OK(safetensors_writer_begin(file_in(folder, "model.safetensors"), entries, count, &w, error));
    for (size_t i = 0; i < count; i++) {
        write_values(w, &entries[i], train_model_values(m) + table[i].offset, (size_t)(table[i].rows * table[i].cols));
    }
    OK(safetensors_writer_finish(w, error));
    safetensors_writer_free(w);
    free(entries);
    json_t *config = train_model_config(m);
    assert_int_equal(json_dump_file(config, file_in(folder, "config.json"), 0), 0);
    json_decref(config);
}

void remove_folder(const char *folder)
{
    unlink(file_in(folder, "model.safetensors"));
    unlink(file_in(folder, "config.json"));
    rmdir(folder);
}
