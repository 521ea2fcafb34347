/* A small Llama of random blocks in any number format. */
#include "format_models.h"

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

/* Where a block of the format keeps scales, and how large they are for weights of the usual size. */
typedef enum scale_kind { SCALE_HALF, SCALE_E8M0, SCALE_UE4M3, SCALE_SPREAD, SCALE_FLOAT, SCALE_NONE } scale_kind;
typedef struct format_row {
    dtype type;
    scale_kind kind;
    int places; /* of scales */
    size_t place[2];
    float size[2];
} format_row;

static const format_row format_rows[] = {
    {DTYPE_F16, SCALE_NONE, 0, {0}, {0}},
    {DTYPE_BF16, SCALE_NONE, 0, {0}, {0}},
    {DTYPE_Q8_0, SCALE_HALF, 1, {0}, {1 / 74.0f}},
    {DTYPE_Q4_0, SCALE_HALF, 1, {0}, {1 / 4.6f}},
    {DTYPE_Q4_1, SCALE_HALF, 2, {0, 2}, {1 / 4.6f, -7.5f / 4.6f}},
    {DTYPE_Q5_0, SCALE_HALF, 1, {0}, {1 / 9.2f}},
    {DTYPE_Q5_1, SCALE_HALF, 2, {0, 2}, {1 / 9.2f, -15.5f / 9.2f}},
    {DTYPE_Q2_K, SCALE_HALF, 2, {80, 82}, {1 / 14.0f, 1.5f / 14.0f}},
    {DTYPE_Q3_K, SCALE_HALF, 1, {108}, {1 / 42.0f}},
    {DTYPE_Q4_K, SCALE_HALF, 2, {0, 2}, {1 / 258.0f, 7.5f / 258.0f}},
    {DTYPE_Q5_K, SCALE_HALF, 2, {0, 2}, {1 / 520.0f, 15.5f / 520.0f}},
    {DTYPE_Q6_K, SCALE_HALF, 1, {208}, {1 / 1370.0f}},
    {DTYPE_Q8_K, SCALE_FLOAT, 1, {0}, {1 / 74.0f}},
    {DTYPE_IQ1_S, SCALE_HALF, 1, {0}, {1 / 7.0f}},
    {DTYPE_IQ1_M, SCALE_SPREAD, 1, {48}, {1 / 7.0f}},
    {DTYPE_IQ2_XXS, SCALE_HALF, 1, {0}, {1 / 63.0f}},
    {DTYPE_IQ2_XS, SCALE_HALF, 1, {0}, {1 / 63.0f}},
    {DTYPE_IQ2_S, SCALE_HALF, 1, {0}, {1 / 63.0f}},
    {DTYPE_IQ3_XXS, SCALE_HALF, 1, {0}, {1 / 150.0f}},
    {DTYPE_IQ3_S, SCALE_HALF, 1, {0}, {1 / 170.0f}},
    {DTYPE_IQ4_NL, SCALE_HALF, 1, {0}, {1 / 69.0f}},
    {DTYPE_IQ4_XS, SCALE_HALF, 1, {0}, {1 / 1270.0f}},
    {DTYPE_TQ1_0, SCALE_HALF, 1, {52}, {1}},
    {DTYPE_TQ2_0, SCALE_HALF, 1, {64}, {0.7f}},
    {DTYPE_MXFP4, SCALE_E8M0, 1, {0}, {1 / 6.0f}},
    {DTYPE_NVFP4, SCALE_UE4M3, 1, {0}, {1 / 3.0f}},
    {DTYPE_Q1_0, SCALE_HALF, 1, {0}, {1}},
    {DTYPE_Q2_0, SCALE_HALF, 1, {0}, {0.8f}},
};
#define ROWS (sizeof format_rows / sizeof format_rows[0])

size_t format_models(void)
{
    return ROWS;
}

dtype format_model_type(size_t which)
{
    return format_rows[which].type;
}

/* ---- random blocks ---- */

static uint64_t drawn;

static uint32_t draw(void)
{
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(drawn >> 32);
}

/* Between 0.5 and 1.5. */
static float about_one(void)
{
    return 0.5f + (float)(draw() >> 8) * 0x1p-24f;
}

static void put_scale(const format_row *r, int i, float usual, uint8_t *block)
{
    const float size = r->size[i] * usual;
    uint8_t *at = block + r->place[i];
    const uint16_t half = f16_from_f32(size);
    int exponent = 0;
    switch (r->kind) {
    case SCALE_HALF:
        memcpy(at, &half, 2);
        break;
    case SCALE_FLOAT:
        memcpy(at, &size, 4);
        break;
    case SCALE_E8M0:
        (void)frexpf(size, &exponent);
        at[0] = (uint8_t)(128 + exponent - 1);
        break;
    case SCALE_UE4M3:
        (void)frexpf(2 * size, &exponent);
        for (int j = 0; j < 4; j++) {
            at[j] = (uint8_t)((exponent - 1 + 7) << 3 | (int)(draw() & 7u));
        }
        break;
    case SCALE_SPREAD: /* a nibble on top of each of four words */
        for (int j = 0; j < 4; j++) {
            at[2 * j + 1] = (uint8_t)((at[2 * j + 1] & 15u) | (half >> (4 * j) & 15u) << 4);
        }
        break;
    case SCALE_NONE:
        break;
    }
}

/* [count, cols] in the format, `usual` the size of a weight. */
static void fill_rows(const format_row *r, size_t count, size_t cols, uint8_t *out)
{
    const dtype_info *info = dtype_get_info(r->type);
    const float usual = 1.0f / sqrtf((float)cols);
    for (size_t b = 0; b < count * cols / info->block_values; b++, out += info->block_bytes) {
        if (r->kind == SCALE_NONE) {
            const float value = usual * about_one() * (draw() & 1u ? 1.0f : -1.0f);
            const uint16_t bits = r->type == DTYPE_F16 ? f16_from_f32(value) : bf16_from_f32(value);
            memcpy(out, &bits, 2);
            continue;
        }
        for (uint32_t i = 0; i < info->block_bytes; i++) {
            out[i] = (uint8_t)draw();
        }
        const float size = usual * about_one();
        for (int i = 0; i < r->places; i++) {
            put_scale(r, i, size, out);
        }
    }
}

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
static void write_matrix(gguf_writer *w, const format_row *r, bool values, size_t count, size_t cols)
{
    const dtype_info *info = dtype_get_info(r->type);
    const size_t bytes = count * cols / info->block_values * info->block_bytes;
    uint8_t *blocks = malloc(bytes);
    float *floats = malloc(count * cols * sizeof *floats);
    assert_true(blocks != NULL && floats != NULL);
    fill_rows(r, count, cols, blocks);
    if (values) {
        read_rows(r->type, count, cols, blocks, floats);
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
    const format_row *r = &format_rows[which];
    const dtype type = values ? DTYPE_F32 : r->type;
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
    drawn = 20261126u + (uint64_t)r->type;
    write_matrix(w, r, values, FORMAT_MODEL_WORDS, WIDTH);
    write_vector(w, WIDTH);
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        for (size_t i = 0; i < LAYER_TENSORS; i++) {
            const tensor_row *t = &layer_tensors[i];
            if (t->rows == 0) {
                write_vector(w, t->cols);
            } else {
                write_matrix(w, r, values, t->rows, t->cols);
            }
        }
    }
    OK(gguf_writer_finish(w, error));
    gguf_writer_free(w);
}
