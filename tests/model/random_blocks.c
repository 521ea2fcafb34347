/* Where the scales of each format's blocks lie, and blocks of random bits around scales of the usual size. */
#include "random_blocks.h"

#include "support.h"

#include <math.h>
#include <string.h>

/* Where a block of the format keeps scales, and how large they are for weights of the usual size. */
typedef enum scale_kind { SCALE_HALF, SCALE_E8M0, SCALE_UE4M3, SCALE_SPREAD, SCALE_FLOAT, SCALE_NONE } scale_kind;
typedef struct format_row {
    dtype type;
    scale_kind kind;
    int places; /* of scales */
    size_t place[2];
    float size[2];
} format_row;

static const format_row rows[] = {
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
#define ROWS (sizeof rows / sizeof rows[0])

size_t random_block_types(void)
{
    return ROWS;
}

dtype random_block_type(size_t which)
{
    return rows[which].type;
}

static const format_row *row_of(dtype type)
{
    size_t i = 0;
    while (rows[i].type != type) {
        i++;
        assert_true(i < ROWS);
    }
    return &rows[i];
}

static uint64_t drawn;

void random_blocks_seed(uint64_t seed)
{
    drawn = seed;
}

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

void random_blocks(dtype type, size_t count, float usual, uint8_t *out)
{
    const dtype_info *info = dtype_get_info(type);
    const format_row *r = row_of(type);
    for (size_t b = 0; b < count; b++, out += info->block_bytes) {
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
