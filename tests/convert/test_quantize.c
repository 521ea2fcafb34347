/* The quantisers: squared errors beside ggml's own on the same values (make_quantize_golden.py), values that are blocks
 * already, odd values; whole files with one to four threads. */
#include "../model/support.h"

#include "base/hash.h"
#include "convert/quantize.h"
#include "convert/quantize_blocks.h"
#include "convert/quantize_choice.h"
#include "kernels/search.h"
#include "tensor/matrix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 16u
#define COLS 512u

static const dtype formats[] = {DTYPE_Q8_0,   DTYPE_Q4_0,   DTYPE_Q4_1,  DTYPE_Q5_0,  DTYPE_Q5_1,
                                DTYPE_Q2_K,   DTYPE_Q3_K,   DTYPE_Q4_K,  DTYPE_Q5_K,  DTYPE_Q6_K,
                                DTYPE_IQ4_NL, DTYPE_IQ4_XS, DTYPE_MXFP4, DTYPE_TQ1_0, DTYPE_TQ2_0};
#define FORMATS (sizeof formats / sizeof formats[0])

/* As the script makes them. */
static void make_values(float *x)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < ROWS * COLS; i++) {
        uint64_t total = 0;
        for (int k = 0; k < 4; k++) {
            state = state * 1664525u + 1013904223u;
            total += state >> 16;
        }
        double value = ((double)total - 131070.0) / 65536.0 * pow(2.0, (double)(i / COLS % 5) - 4);
        value *= i % 97 == 0 ? 4 : 1;
        x[i] = (float)value;
    }
}

static void decode(dtype type, const uint8_t *bytes, size_t cols, float *out)
{
    static uint8_t scratch[MATMUL_SCRATCH_BYTES + COLS * 64] __attribute__((aligned(64)));
    const matrix row = matrix_over(type, 1, cols, bytes, NULL);
    matrix_row(engine_best_kernels(), &row, 0, out, scratch);
}

/* One row alone. */
static void quantize_row_by(const kernel_table *k, dtype type, const float *x, const float *weights, size_t cols,
                            uint8_t *bytes)
{
    static float tile[QUANTIZE_VALUES * SEARCH_LANES], w[QUANTIZE_VALUES * SEARCH_LANES];
    const search_table *s = search_select(k);
    const dtype_info *info = dtype_get_info((uint32_t)type);
    double error_sum[SEARCH_LANES] = {0};
    for (size_t at = 0; at < cols; at += QUANTIZE_VALUES) {
        float square[SEARCH_LANES];
        const uint8_t *row = (const uint8_t *)(x + at);
        const quantize_tile t = {tile,
                                 weights == NULL ? NULL : w,
                                 QUANTIZE_VALUES,
                                 1,
                                 {bytes + at / info->block_values * info->block_bytes}};
        s->gather(DTYPE_F32, &row, 1, QUANTIZE_VALUES, tile);
        s->weigh(tile, weights == NULL ? NULL : weights + at, QUANTIZE_VALUES, w, square);
        quantize_blocks(s, type, &t, error_sum);
    }
}

static void quantize_row(dtype type, const float *x, const float *weights, size_t cols, uint8_t *bytes)
{
    quantize_row_by(engine_best_kernels(), type, x, weights, cols, bytes);
}

/* Squared error of a row, after the way through the format. */
static double through(dtype type, const float *x, const float *weights, size_t cols, uint8_t *bytes, float *back)
{
    double error = 0;
    quantize_row(type, x, weights, cols, bytes);
    decode(type, bytes, cols, back);
    for (size_t i = 0; i < cols; i++) {
        const double w = weights == NULL ? 1.0 : (double)weights[i];
        error += w * ((double)back[i] - (double)x[i]) * ((double)back[i] - (double)x[i]);
    }
    return error;
}

static void check_errors(void **state)
{
    static float x[ROWS * COLS], back[COLS];
    static uint8_t bytes[COLS * 4];
    char path[512];
    double sum = 0;
    (void)state;
    snprintf(path, sizeof path, "%s", golden_path("../../convert/golden/quantize.json"));
    json_t *golden = read_json(path);
    make_values(x);
    for (size_t i = 0; i < ROWS * COLS; i++) {
        sum += fabs((double)x[i]);
    }
    assert_true(fabs(sum - json_number_value(json_object_get(golden, "sum"))) < 1e-6); /* the same values */
    for (size_t f = 0; f < FORMATS; f++) {
        const char *name = dtype_get_info((uint32_t)formats[f])->name;
        const double theirs = json_number_value(json_object_get(golden, name));
        double ours = 0;
        for (size_t row = 0; row < ROWS; row++) {
            ours += through(formats[f], x + row * COLS, NULL, COLS, bytes, back);
        }
        print_message("# %s: squared error %.5g, ggml's %.5g\n", name, ours, theirs);
        assert_true(theirs > 0);
        if (!(ours <= theirs)) {
            fail_msg("%s: squared error %g, ggml's %g", name, ours, theirs);
        }
    }
    json_decref(golden);
}

/* What is a block already comes out as its values: nothing is lost by going through twice. */
static void check_again(void **state)
{
    static float x[ROWS * COLS], once[COLS], twice[COLS];
    static uint8_t bytes[COLS * 4];
    (void)state;
    make_values(x);
    for (size_t f = 0; f < FORMATS; f++) {
        const char *name = dtype_get_info((uint32_t)formats[f])->name;
        double square = 0;
        double off = 0;
        for (size_t row = 0; row < ROWS; row++) {
            (void)through(formats[f], x + row * COLS, NULL, COLS, bytes, once);
            off += through(formats[f], once, NULL, COLS, bytes, twice);
            for (size_t i = 0; i < COLS; i++) {
                square += (double)once[i] * (double)once[i];
            }
        }
        print_message("# %s again: relative error %.2e\n", name, sqrt(off / square));
        const bool super = dtype_get_info((uint32_t)formats[f])->block_values == 256;
        const bool coarse = formats[f] == DTYPE_Q2_K || formats[f] == DTYPE_Q3_K;
        if (!(off <= square * (coarse ? 1e-3 : super ? 1e-4 : 1e-12))) {
            fail_msg("%s: the second time loses %g of %g", name, off, square);
        }
    }
}

static void check_odd(void **state)
{
    static float x[COLS], weights[COLS], back[COLS];
    static uint8_t bytes[COLS * 4];
    (void)state;
    for (size_t f = 0; f < FORMATS; f++) {
        memset(x, 0, sizeof x);
        assert_true(through(formats[f], x, NULL, COLS, bytes, back) == 0);
        for (size_t i = 0; i < COLS; i++) { /* one value alone in each block, and beyond binary16 */
            x[i] = i % 32 == 5 ? 1e6f : 0.0f;
        }
        (void)through(formats[f], x, NULL, COLS, bytes, back);
        x[7] = NAN;
        x[40] = INFINITY;
        x[300] = -INFINITY;
        quantize_row(formats[f], x, NULL, COLS, bytes); /* any bytes, no trap */
        /* where weight is, the error is smaller than without */
        for (size_t i = 0; i < COLS; i++) {
            x[i] = sinf((float)i * 1.7f);
            weights[i] = i % 4 == 0 ? 50.0f : 0.01f;
        }
        const double weighted = through(formats[f], x, weights, COLS, bytes, back);
        quantize_row(formats[f], x, NULL, COLS, bytes);
        decode(formats[f], bytes, COLS, back);
        double plain = 0;
        for (size_t i = 0; i < COLS; i++) {
            plain += (double)weights[i] * ((double)back[i] - (double)x[i]) * ((double)back[i] - (double)x[i]);
        }
        const bool few = formats[f] == DTYPE_MXFP4; /* few scales: the best may be the same one */
        if (!(few ? weighted <= plain : weighted < plain)) {
            fail_msg("%s: weighted error %g, without weights %g", dtype_get_info((uint32_t)formats[f])->name, weighted,
                     plain);
        }
    }
}

/* Every instruction set gives the scalar one's bytes, of odd values too; on every machine (tests/model/aarch64.py). */
static void check_variants(void **state)
{
    static float x[ROWS * COLS], weights[COLS];
    const kernel_table *variants[8];
    const size_t count = kernels_variants(engine_cpu(), variants);
    (void)state;
    make_values(x);
    x[3] = NAN;
    x[COLS + 70] = INFINITY;
    x[2 * COLS + 300] = -INFINITY;
    for (size_t i = 0; i < COLS; i++) {
        x[3 * COLS + i] = 0.25f;
        x[4 * COLS + i] *= i % 2 == 0 ? 1e-38f : 1e-7f;
        x[5 * COLS + i] *= 1e9f;
        weights[i] = i / 32 == 3 ? 0.0f : (float)(i % 7);
    }
    for (size_t f = 0; f < FORMATS; f++) {
        static uint8_t all[ROWS][COLS * 4];
        char hash[HASH_HEX_SIZE];
        memset(all, 0, sizeof all);
        for (size_t row = 0; row < ROWS; row++) {
            uint8_t *first = all[row], other[COLS * 4];
            const size_t bytes = COLS / dtype_get_info((uint32_t)formats[f])->block_values *
                                 dtype_get_info((uint32_t)formats[f])->block_bytes;
            const float *w = row % 2 == 0 ? NULL : weights;
            assert_string_equal(variants[0]->name, "scalar");
            quantize_row_by(variants[0], formats[f], x + row * COLS, w, COLS, first);
            for (size_t v = 1; v < count; v++) {
                quantize_row_by(variants[v], formats[f], x + row * COLS, w, COLS, other);
                assert_memory_equal(first, other, bytes);
            }
        }
        OK(hash_bytes_hex(all, sizeof all, hash, error));
        print_message("# hash quantize/%s %s\n", dtype_get_info((uint32_t)formats[f])->name, hash);
    }
}

/* ---- files ---- */

static char scratch[] = "/tmp/hearth-quantize-XXXXXX";

static int begin(void **state)
{
    (void)state;
    return mkdtemp(scratch) != NULL ? 0 : -1;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    return system(command);
}

static int kind_of(const char *name)
{
    int i = 0;
    while (quantize_names[i] != NULL && strcmp(quantize_names[i], name) != 0) {
        i++;
    }
    assert_non_null(quantize_names[i]);
    return i;
}

static void quantize_with(const char *kind, int threads, const char *isa, const quantize_override *over, buffer *ret)
{
    char path[256];
    engine *e = make_engine(threads, isa);
    quantize_result result = {0};
    const quantize_options o = {
        .kernels = e->kernels, .pool = e->pool, .overrides = over, .override_count = over == NULL ? 0 : 1};
    snprintf(path, sizeof path, "%s/%s-%d.gguf", scratch, kind, threads);
    (void)remove(path);
    OK(quantize_model(golden_path("llama-mha.gguf"), kind_of(kind), path, &o, &result, error));
    assert_true(result.to_bytes < result.from_bytes);
    quantize_result_free(&result);
    buffer_init(ret, 0);
    OK(file_read(path, 1 << 26, ret, error));
    engine_free(e);
}

static void check_threads(void **state)
{
    static const char *const names[] = {"q8_0", "q4_0", "q5_1", "q4_k_m", "iq4_xs", "mxfp4", "q2_k"};
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        buffer first;
        quantize_with(names[n], 1, "scalar", NULL, &first);
        for (int threads = 2; threads <= 4; threads++) {
            buffer other;
            quantize_with(names[n], threads, NULL, NULL, &other);
            assert_int_equal(first.length, other.length);
            assert_memory_equal(first.data, other.data, first.length);
            buffer_free(&other);
        }
        buffer_free(&first);
    }
}

static void check_override(void **state)
{
    const quantize_override over = {"blk.*.attn_v.weight", DTYPE_F16};
    gguf_file *file = NULL;
    buffer bytes;
    char path[256];
    (void)state;
    quantize_with("q8_0", 2, NULL, &over, &bytes);
    buffer_free(&bytes);
    snprintf(path, sizeof path, "%s/q8_0-2.gguf", scratch);
    OK(gguf_open(path, &file, error));
    size_t seen = 0;
    for (size_t i = 0; i < gguf_tensors(file)->count; i++) {
        const tensor_entry *t = &gguf_tensors(file)->entries[i];
        if (strstr(t->name, "attn_v.weight") != NULL) {
            seen++;
            assert_int_equal(t->type, DTYPE_F16);
        } else if (t->dims == 1) {
            assert_int_equal(t->type, DTYPE_F32);
        }
    }
    assert_true(seen > 0);
    gguf_close(file);
}

/* ---- which format ---- */

static dtype choice(const char *kind, const char *name, const choice_model *m, const quantize_override *over,
                    size_t overs, uint64_t cols)
{
    bool fell_back = false;
    const quantize_options o = {.kernels = engine_best_kernels(), .overrides = over, .override_count = overs};
    const tensor_entry e = {.name = name, .type = DTYPE_F16, .dims = 2, .shape = {1024, cols}};
    const dtype ret = choice_of(kind_of(kind), &e, m, &o, &fell_back);
    assert_int_equal(fell_back, cols % 256 != 0 && dtype_get_info((uint32_t)ret)->block_values != 256);
    return ret;
}

/* What llama.cpp's Q4_K_M files of models with 32 layers have: Q6_K in these layers. */
static void check_layers(void **state)
{
    static const bool wide[32] = {1, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1,
                                  0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1};
    const choice_model m = {.layers = 32, .shared_by = 4};
    (void)state;
    for (unsigned layer = 0; layer < 32; layer++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.ffn_down.weight", layer);
        assert_int_equal(choice("q4_k_m", name, &m, NULL, 0, 4096), wide[layer] ? DTYPE_Q6_K : DTYPE_Q4_K);
        assert_int_equal(choice("q4_k_s", name, &m, NULL, 0, 4096), layer < 4 ? DTYPE_Q5_K : DTYPE_Q4_K);
        snprintf(name, sizeof name, "blk.%u.attn_v.weight", layer);
        assert_int_equal(choice("q5_k_m", name, &m, NULL, 0, 4096), wide[layer] ? DTYPE_Q6_K : DTYPE_Q5_K);
        snprintf(name, sizeof name, "blk.%u.attn_q.weight", layer);
        assert_int_equal(choice("q4_k_m", name, &m, NULL, 0, 4096), DTYPE_Q4_K);
    }
}

/* docs/convert.md, "Which format", a row each. */
static void check_choices(void **state)
{
    const choice_model plain = {.layers = 32, .shared_by = 3};
    const choice_model shared = {.layers = 32, .shared_by = 4};
    const choice_model weighted = {.layers = 32, .shared_by = 4, .importance = true};
    const choice_model eight = {.layers = 32, .shared_by = 4, .experts = 8};
    const choice_model tied = {.layers = 32, .shared_by = 3, .tied = true};
    const struct {
        const char *kind, *name;
        const choice_model *m;
        uint64_t cols;
        dtype expected;
    } rows[] = {{"q4_k_m", "output.weight", &plain, 4096, DTYPE_Q6_K},
                {"q2_k", "token_embd.weight", &tied, 4096, DTYPE_Q6_K},
                {"q2_k", "token_embd.weight", &plain, 4096, DTYPE_Q2_K},
                {"q8_0", "output.weight", &plain, 4096, DTYPE_Q8_0},
                {"mxfp4", "output.weight", &plain, 4096, DTYPE_Q8_0},
                {"q2_k", "blk.9.attn_v.weight", &plain, 4096, DTYPE_Q3_K},
                {"q2_k", "blk.9.attn_v.weight", &shared, 4096, DTYPE_Q4_K},
                {"iq4_xs", "blk.9.attn_v.weight", &plain, 4096, DTYPE_IQ4_XS},
                {"iq4_xs", "blk.9.attn_v.weight", &shared, 4096, DTYPE_Q5_K},
                {"iq4_xs", "blk.3.ffn_down.weight", &shared, 4096, DTYPE_Q5_K},
                {"iq4_xs", "blk.3.ffn_down.weight", &weighted, 4096, DTYPE_IQ4_XS},
                {"q4_0", "blk.3.ffn_down.weight", &weighted, 4096, DTYPE_Q4_1},
                {"q4_0", "blk.4.ffn_down.weight", &weighted, 4096, DTYPE_Q4_0},
                {"q4_0", "blk.3.ffn_down.weight", &shared, 4096, DTYPE_Q4_0},
                {"q3_k_m", "blk.1.attn_v.weight", &plain, 4096, DTYPE_Q5_K},
                {"q3_k_m", "blk.2.attn_v.weight", &plain, 4096, DTYPE_Q4_K},
                {"q3_k_m", "blk.1.ffn_down.weight", &plain, 4096, DTYPE_Q5_K},
                {"q3_k_m", "blk.2.ffn_down.weight", &plain, 4096, DTYPE_Q4_K},
                {"q4_k_m", "blk.9.attn_k.weight", &eight, 4096, DTYPE_Q8_0},
                {"q4_k_m", "blk.9.attn_q.weight", &plain, 96, DTYPE_Q5_0},
                {"q5_k_m", "blk.9.attn_q.weight", &plain, 96, DTYPE_Q5_1},
                {"q6_k", "blk.9.attn_q.weight", &plain, 96, DTYPE_Q8_0},
                {"q2_k", "blk.9.attn_q.weight", &plain, 96, DTYPE_IQ4_NL},
                {"q4_k_m", "blk.9.attn_q.weight", &plain, 40, DTYPE_F16},
                {"q4_k_m", "blk.9.ffn_gate_inp.weight", &plain, 4096, DTYPE_F16}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(choice(rows[i].kind, rows[i].name, rows[i].m, NULL, 0, rows[i].cols), rows[i].expected);
    }
}

static void check_first_override(void **state)
{
    const quantize_override over[] = {{"blk.0.*", DTYPE_Q8_0}, {"blk.*.attn_v.weight", DTYPE_BF16}};
    const choice_model m = {.layers = 32, .shared_by = 4};
    (void)state;
    assert_int_equal(choice("q4_k_m", "blk.0.attn_v.weight", &m, over, 2, 4096), DTYPE_Q8_0);
    assert_int_equal(choice("q4_k_m", "blk.1.attn_v.weight", &m, over, 2, 4096), DTYPE_BF16);
    assert_int_equal(choice("q4_k_m", "blk.4.attn_k.weight", &m, over, 2, 4096), DTYPE_Q4_K);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"errors beside ggml's", check_errors, NULL, NULL, NULL},
        {"quantised values again", check_again, NULL, NULL, NULL},
        {"odd values, weights", check_odd, NULL, NULL, NULL},
        {"the same bytes by every instruction set", check_variants, NULL, NULL, NULL},
        {"the same bytes by any number of threads", check_threads, NULL, NULL, NULL},
        {"--tensor", check_override, NULL, NULL, NULL},
        {"the layers that get more", check_layers, NULL, NULL, NULL},
        {"which format", check_choices, NULL, NULL, NULL},
        {"the first of two --tensor counts", check_first_override, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("quantize", tests, begin, end);
}
