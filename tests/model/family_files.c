/* The files of test_family_formats.c. */
#include "family_files.h"

#include "random_blocks.h"

#include "base/text.h"
#include "formats/gguf_write.h"
#include "formats/safetensors.h"
#include "formats/safetensors_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAME(format)                                                                                                   \
    {                                                                                                                  \
#format, DTYPE_##format, DTYPE_##format                                                                        \
    }
const family_format family_formats[] = {
    SAME(Q8_0),
    SAME(Q4_0),
    {"Q4_K_M", DTYPE_Q4_K, DTYPE_Q6_K},
    {"Q5_K_M", DTYPE_Q5_K, DTYPE_Q6_K},
    SAME(Q6_K),
    SAME(IQ4_XS),
    SAME(MXFP4),
    SAME(Q4_1),
    SAME(Q5_0),
    SAME(Q5_1),
    SAME(Q2_K),
    SAME(Q3_K),
    SAME(Q4_K),
    SAME(Q5_K),
    SAME(IQ4_NL),
    SAME(IQ3_S),
    SAME(IQ3_XXS),
    SAME(IQ2_S),
    SAME(IQ2_XS),
    SAME(IQ2_XXS),
    SAME(IQ1_S),
    SAME(IQ1_M),
    SAME(TQ1_0),
    SAME(TQ2_0),
    SAME(NVFP4),
};
const size_t family_format_count = sizeof family_formats / sizeof family_formats[0];

/* FNV-1a: where a tensor's random numbers begin. */
static uint64_t seed_of(const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    }
    return hash;
}

/* ---- folders ---- */

/* splitmix64; 24 bits of it, from -1 to 1. */
static double draw_number(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (double)(int32_t)(x >> 40) * 0x1p-23 - 1.0;
}

static size_t values_of(const tensor_entry *e)
{
    size_t count = 1;
    for (uint32_t d = 0; d < e->dims; d++) {
        count *= (size_t)e->shape[d];
    }
    return count;
}

/* `row`: name, shape, mean, the largest distance from it. */
static void write_values(safetensors_writer *w, const json_t *row, const tensor_entry *e)
{
    const size_t count = values_of(e);
    const double mean = json_number_value(json_array_get(row, 2));
    const double size = json_number_value(json_array_get(row, 3));
    uint64_t state = seed_of(e->name);
    uint8_t *bytes = malloc((size_t)e->size_bytes + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        const float value = (float)(mean + size * draw_number(&state));
        const uint16_t half = e->type == DTYPE_F16 ? f16_from_f32(value) : bf16_from_f32(value);
        if (e->type == DTYPE_F32) {
            memcpy(bytes + 4 * i, &value, 4);
        } else {
            memcpy(bytes + 2 * i, &half, 2);
        }
    }
    OK(safetensors_writer_data(w, bytes, (size_t)e->size_bytes, error));
    free(bytes);
}

static void write_config(const json_t *spec, const char *folder)
{
    char path[512];
    char *text = json_dumps(json_object_get(spec, "config"), JSON_INDENT(2));
    assert_non_null(text);
    snprintf(path, sizeof path, "%s/config.json", folder);
    OK(file_replace(path, text, strlen(text), error));
    free(text);
}

void family_write_folder(const json_t *spec, dtype type, const char *folder)
{
    char path[512];
    const json_t *rows = json_object_get(spec, "tensors");
    const size_t count = json_array_size(rows);
    tensor_entry *entries = calloc(count + 1, sizeof *entries);
    safetensors_writer *w = NULL;
    assert_true(entries != NULL && count > 0);
    OK(file_make_folders(folder, error));
    write_config(spec, folder);
    for (size_t i = 0; i < count; i++) {
        const json_t *shape = json_array_get(json_array_get(rows, i), 1);
        tensor_entry *e = &entries[i];
        *e = (tensor_entry){.name = json_string_value(json_array_get(json_array_get(rows, i), 0)),
                            .type = type,
                            .dims = (uint32_t)json_array_size(shape)};
        assert_true(e->name != NULL && e->dims <= LIMIT_TENSOR_DIMS);
        for (uint32_t d = 0; d < e->dims; d++) {
            e->shape[d] = (uint64_t)json_integer_value(json_array_get(shape, d));
        }
        OK(tensor_size_bytes(type, e->dims, e->shape, e->name, &e->size_bytes, error));
    }
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    OK(safetensors_writer_begin(path, entries, count, &w, error));
    for (size_t i = 0; i < count; i++) {
        write_values(w, json_array_get(rows, i), &entries[i]);
    }
    OK(safetensors_writer_finish(w, error));
    safetensors_writer_free(w);
    free(entries);
}

/* ---- GGUF ---- */

/* Vectors, norms, routers, convolutions, positions have no blocks in anybody's files. */
static bool has_blocks(const tensor_entry *e)
{
    static const char *const not [] = {"norm.weight", ".ffn_gate_inp.weight", ".ffn_gate_inp_shexp.weight",
                                       ".ssm_conv1d.weight", "position_embd.weight"};
    for (size_t i = 0; i < sizeof not / sizeof not [0]; i++) {
        if (text_ends(e->name, not [i])) {
            return false;
        }
    }
    return e->dims >= 2 && text_ends(e->name, ".weight");
}

/* As in the mixtures that are called _M. */
static bool is_better(const char *name)
{
    static const char *const tails[] = {"attn_v.weight", "attn_v_b.weight", "ffn_down.weight", "ffn_down_exps.weight",
                                        "output.weight"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (text_ends(name, tails[i])) {
            return true;
        }
    }
    return false;
}

static dtype type_in(const family_format *f, const tensor_entry *e)
{
    const dtype type = !has_blocks(e) ? e->type : is_better(e->name) ? f->better : f->type;
    if (e->shape[e->dims - 1] % dtype_get_info(type)->block_values != 0) {
        fail_msg("%s: rows of %llu values are no whole blocks of %s", e->name,
                 (unsigned long long)e->shape[e->dims - 1], dtype_get_info(type)->name);
    }
    return type;
}

/* Of a tensor's values: the root of their mean square. */
static float size_of(const tensor_entry *e)
{
    const size_t count = values_of(e);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        float value = 0;
        memcpy(&value, e->data + 4 * i, 4);
        sum += (double)value * (double)value;
    }
    return (float)sqrt(sum / (double)count);
}

static void write_tensor(gguf_writer *w, const family_format *f, const tensor_entry *e)
{
    const dtype type = type_in(f, e);
    if (!has_blocks(e)) {
        OK(gguf_writer_data(w, e->data, (size_t)e->size_bytes, error));
        return;
    }
    assert_int_equal(e->type, DTYPE_F32);
    const size_t blocks = values_of(e) / dtype_get_info(type)->block_values;
    const size_t bytes = blocks * dtype_get_info(type)->block_bytes;
    uint8_t *data = malloc(bytes + 1);
    assert_non_null(data);
    random_blocks_seed(seed_of(e->name) + (uint64_t)type);
    random_blocks(type, blocks, size_of(e), data);
    OK(gguf_writer_data(w, data, bytes, error));
    free(data);
}

void family_write_blocks(const char *values, const family_format *f, const char *out)
{
    gguf_file *file = NULL;
    gguf_writer *w = gguf_writer_create();
    assert_non_null(w);
    OK(gguf_open(values, &file, error));
    const tensor_table *table = gguf_tensors(file);
    for (size_t i = 0; i < gguf_metadata_count(file); i++) {
        OK(gguf_write_copy(w, file, i, error));
    }
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        OK(gguf_write_tensor(w, e->name, type_in(f, e), e->dims, e->shape, error));
    }
    OK(gguf_writer_begin(w, out, error));
    for (size_t i = 0; i < table->count; i++) {
        write_tensor(w, f, &table->entries[i]);
    }
    OK(gguf_writer_finish(w, error));
    gguf_writer_free(w);
    gguf_close(file);
}

/* ---- hashes ---- */

static void hash_table(const tensor_table *table, char ret[HASH_HEX_SIZE])
{
    uint8_t digest[32];
    hash_state *h = hash_create();
    assert_non_null(h);
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        hash_update(h, e->name, strlen(e->name) + 1);
        hash_update(h, e->data, (size_t)e->size_bytes);
    }
    hash_finish(h, digest);
    hash_hex(digest, ret);
}

void family_data_hash(const char *path, char ret[HASH_HEX_SIZE])
{
    if (file_is_folder(path)) {
        char weights[512];
        tensor_table table = {0};
        snprintf(weights, sizeof weights, "%s/model.safetensors", path);
        OK(safetensors_open(weights, &table, error));
        hash_table(&table, ret);
        tensor_table_free(&table);
        return;
    }
    gguf_file *file = NULL;
    OK(gguf_open(path, &file, error));
    hash_table(gguf_tensors(file), ret);
    gguf_close(file);
}
