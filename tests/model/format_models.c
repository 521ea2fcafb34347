/* A small Llama of random blocks in any number format. */
#include "format_models.h"

#include "random_blocks.h"
#include "support.h"

#include "base/memory.h"
#include "formats/gguf_write.h"
#include "kernels/kernels.h"
#include "kernels/panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 256, HEADS = 4, KEYS = 64, FFN = 512, LAYERS = 2 };

size_t format_models(void)
{
    return random_block_types();
}

dtype format_model_type(size_t which)
{
    return random_block_type(which);
}

/* ---- what blocks stand for ---- */

/* The values of the rows, in binary32. */
static void read_rows(dtype type, size_t count, size_t cols, const uint8_t *rows_bytes, float *out)
{
    const kernel_table *k = kernels_select("scalar", (kernel_cpu){0});
    const dtype_info *info = dtype_get_info(type);
    const size_t row_bytes = cols / info->block_values * info->block_bytes;
    uint8_t *panel = mem_alloc_aligned(panel_bytes(type, cols), 64);
    assert_non_null(panel);
    for (size_t row = 0; row < count; row++) {
        const uint8_t *one = rows_bytes + row * row_bytes;
        panel_pack(type, cols, &one, 1, panel);
        k->panel_row[type](panel, cols, 0, out + row * cols);
    }
    mem_free(panel);
}

/* ---- files ---- */

typedef struct tensor_row {
    const char *name;
    size_t rows, cols; /* rows 0: a vector of ones */
} tensor_row;

static const tensor_row layer_tensors[] = {
    {"attn_norm", 0, WIDTH},     {"attn_q", WIDTH, WIDTH},      {"attn_k", KEYS * 2, WIDTH},
    {"attn_v", KEYS * 2, WIDTH}, {"attn_output", WIDTH, WIDTH}, {"ffn_norm", 0, WIDTH},
    {"ffn_gate", FFN, WIDTH},    {"ffn_up", FFN, WIDTH},        {"ffn_down", WIDTH, FFN},
};
#define LAYER_TENSORS (sizeof layer_tensors / sizeof layer_tensors[0])

static void declare(gguf_writer *w, const char *name, dtype type, size_t tensor_rows, size_t cols)
{
    const uint64_t shape[2] = {tensor_rows, cols};
    OK(gguf_write_tensor(w, name, tensor_rows == 0 ? DTYPE_F32 : type, tensor_rows == 0 ? 1 : 2,
                         tensor_rows == 0 ? shape + 1 : shape, error));
}

static void write_vector(gguf_writer *w, size_t count)
{
    float ones[FFN];
    for (size_t i = 0; i < count; i++) {
        ones[i] = 1.0f;
    }
    OK(gguf_writer_data(w, ones, count * sizeof *ones, error));
}

/* As blocks, or as the values that they stand for. */
static void write_matrix(gguf_writer *w, dtype type, bool values, size_t count, size_t cols)
{
    const dtype_info *info = dtype_get_info(type);
    const size_t bytes = count * cols / info->block_values * info->block_bytes;
    uint8_t *blocks = malloc(bytes);
    float *floats = malloc(count * cols * sizeof *floats);
    assert_true(blocks != NULL && floats != NULL);
    random_blocks(type, count * cols / info->block_values, 1.0f / sqrtf((float)cols), blocks);
    if (values) {
        read_rows(type, count, cols, blocks, floats);
        OK(gguf_writer_data(w, floats, count * cols * sizeof *floats, error));
    } else {
        OK(gguf_writer_data(w, blocks, bytes, error));
    }
    free(blocks);
    free(floats);
}

static void write_settings(gguf_writer *w)
{
    static const struct {
        const char *key;
        uint32_t value;
    } numbers[] = {{"llama.block_count", LAYERS},           {"llama.context_length", 512},
                   {"llama.embedding_length", WIDTH},       {"llama.feed_forward_length", FFN},
                   {"llama.attention.head_count", HEADS},   {"llama.attention.head_count_kv", 2},
                   {"llama.vocab_size", FORMAT_MODEL_WORDS}};
    OK(gguf_write_string(w, "general.architecture", "llama", 5, error));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        OK(gguf_write_u32(w, numbers[i].key, numbers[i].value, error));
    }
    OK(gguf_write_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-5f, error));
}

void format_model_write(const char *path, size_t which, bool values)
{
    const dtype blocks = random_block_type(which);
    const dtype type = values ? DTYPE_F32 : blocks;
    gguf_writer *w = gguf_writer_create();
    assert_non_null(w);
    write_settings(w);
    declare(w, "token_embd.weight", type, FORMAT_MODEL_WORDS, WIDTH);
    declare(w, "output_norm.weight", type, 0, WIDTH);
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        for (size_t i = 0; i < LAYER_TENSORS; i++) {
            char name[64];
            snprintf(name, sizeof name, "blk.%u.%s.weight", layer, layer_tensors[i].name);
            declare(w, name, type, layer_tensors[i].rows, layer_tensors[i].cols);
        }
    }
    OK(gguf_writer_begin(w, path, error));
    random_blocks_seed(20261126u + (uint64_t)blocks);
    write_matrix(w, blocks, values, FORMAT_MODEL_WORDS, WIDTH);
    write_vector(w, WIDTH);
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        for (size_t i = 0; i < LAYER_TENSORS; i++) {
            const tensor_row *t = &layer_tensors[i];
            if (t->rows == 0) {
                write_vector(w, t->cols);
            } else {
                write_matrix(w, blocks, values, t->rows, t->cols);
            }
        }
    }
    OK(gguf_writer_finish(w, error));
    gguf_writer_free(w);
}
