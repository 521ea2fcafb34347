/* Logits and greedy tokens against transformers (tests/model/make_golden.py) and against stories260K's golden file:
 * 2e-4 absolute in --compute f32, the same tokens. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 2e-4

/* Compares rows of logits with golden["logits"]; `positions` and `columns` may be NULL for all. */
static void compare_logits(const char *name, const float *logits, size_t vocabulary, const json_t *golden)
{
    const json_t *positions = json_object_get(golden, "positions");
    const json_t *columns = json_object_get(golden, "columns");
    const json_t *rows = json_object_get(golden, "logits");
    double worst = 0;
    assert_true(json_array_size(rows) > 0);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const size_t position = positions == NULL ? i : (size_t)json_integer_value(json_array_get(positions, i));
        for (size_t j = 0; j < json_array_size(row); j++) {
            const size_t column = columns == NULL ? j : (size_t)json_integer_value(json_array_get(columns, j));
            const double ours = (double)logits[position * vocabulary + column];
            const double off = fabs(ours - json_number_value(json_array_get(row, j)));
            worst = off > worst || isnan(off) ? off : worst;
        }
    }
    print_message("# %s: largest difference of logits %.3g\n", name, worst);
    if (!(worst <= TOLERANCE)) {
        fail_msg("%s: logits differ by %g", name, worst);
    }
}

static void compare_greedy(model *m, const json_t *golden)
{
    size_t count = 0;
    int32_t *ids = json_ids(json_object_get(golden, "greedy"), &count);
    const size_t prompt = (size_t)json_integer_value(json_object_get(golden, "prompt"));
    int32_t *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    assert_true(prompt > 0 && count >= prompt + 48);
    greedy_tokens(m, ids, prompt, count - prompt, ours);
    assert_memory_equal(ours, ids + prompt, (count - prompt) * sizeof *ours);
    free(ours);
    free(ids);
}

static void check_tiny(const char *name, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/golden.json", name);
    json_t *golden = read_json(golden_path(path));
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path(file), COMPUTE_F32);
    size_t count = 0;
    int32_t *text = json_ids(json_object_get(golden, "text"), &count);
    float *logits = all_logits(m, text, count, 512, -1);
    compare_logits(file, logits, m->config.vocabulary, golden);
    compare_greedy(m, golden);
    free(logits);
    free(text);
    model_close(m);
    engine_free(e);
    json_decref(golden);
}

static void tiny_folder(void **state)
{
    check_tiny(*state, *state);
}

static void tiny_gguf(void **state)
{
    char file[128];
    snprintf(file, sizeof file, "%s.gguf", (const char *)*state);
    check_tiny(*state, file);
}

/* Both containers hold the same weights, rows of Q and K in different orders: the same bits come out. */
static void same_bits_both_containers(void **state)
{
    const char *name = *state;
    char file[128];
    snprintf(file, sizeof file, "%s.gguf", name);
    int32_t ids[200];
    for (int i = 0; i < 200; i++) {
        ids[i] = i * i * 7 % 64;
    }
    engine *e = make_engine(2, NULL);
    model *folder = open_model(e, golden_path(name), COMPUTE_F32);
    model *one = open_model(e, golden_path(file), COMPUTE_F32);
    float *a = all_logits(folder, ids, 200, 64, -1);
    float *b = all_logits(one, ids, 200, 64, -1);
    assert_memory_equal(a, b, 200 * folder->config.vocabulary * sizeof *a);
    free(a);
    free(b);
    model_close(folder);
    model_close(one);
    engine_free(e);
}

/* stories260K: golden.json has ids from BOS on, greedy throughout, and logits of the first 48 positions. */
static void stories(void **state)
{
    json_error_t problem;
    json_t *golden = json_load_file(fixture_path("stories260K/golden.json"), 0, &problem);
    if (golden == NULL) {
        SKIP("no fixture stories260K\n");
    }
    engine *e = make_engine(2, NULL);
    char path[1024];
    snprintf(path, sizeof path, "stories260K/%s", (const char *)*state);
    model *m = open_model(e, fixture_path(path), COMPUTE_F32);
    size_t count = 0;
    int32_t *ids = json_ids(json_object_get(golden, "ids"), &count);
    const size_t positions = (size_t)json_integer_value(json_object_get(golden, "logits_positions"));
    float *logits = all_logits(m, ids, positions, 512, -1);
    compare_logits(*state, logits, m->config.vocabulary, golden);
    int32_t *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    greedy_tokens(m, ids, 1, count - 1, ours);
    assert_memory_equal(ours, ids + 1, (count - 1) * sizeof *ours);
    free(ours);
    free(logits);
    free(ids);
    model_close(m);
    engine_free(e);
    json_decref(golden);
}

static void tinystories(void **state)
{
    (void)state;
    const char *path = fixture_path("tinystories-656k");
    if (!file_exists(path)) {
        SKIP("no fixture tinystories-656k\n");
    }
    json_t *golden = read_json(golden_path("tinystories.json"));
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    size_t count = 0;
    int32_t *ids = json_ids(json_object_get(golden, "greedy"), &count);
    float *logits = all_logits(m, ids, count, 512, -1);
    compare_logits("tinystories-656k", logits, m->config.vocabulary, golden);
    for (size_t i = 0; i < count; i++) {
        const size_t best = e->kernels->argmax(logits + i * m->config.vocabulary, m->config.vocabulary);
        assert_int_equal(best, json_integer_value(json_array_get(json_object_get(golden, "best"), i)));
    }
    compare_greedy(m, golden);
    free(logits);
    free(ids);
    model_close(m);
    engine_free(e);
    json_decref(golden);
}

#define TINY(name)                                                                                                     \
    {"tiny " name, tiny_folder, NULL, NULL, (void *)(uintptr_t)name},                                                  \
        {"tiny GGUF " name, tiny_gguf, NULL, NULL, (void *)(uintptr_t)name},                                           \
    {                                                                                                                  \
        "same bits " name, same_bits_both_containers, NULL, NULL, (void *)(uintptr_t)name                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TINY("llama-mha"),
        TINY("llama-gqa"),
        TINY("llama-mqa"),
        TINY("llama-odd"),
        TINY("llama3-scaled"),
        TINY("llama-linear"),
        TINY("qwen2-untied"),
        TINY("qwen2-tied"),
        TINY("qwen2-linear"),
        TINY("mistral"),
        TINY("mistral-scaled"),
        {"stories260K, safetensors", stories, NULL, NULL, (void *)(uintptr_t) ""},
        {"stories260K, GGUF", stories, NULL, NULL, (void *)(uintptr_t) "stories260K-f32.gguf"},
        cmocka_unit_test(tinystories),
    };
    return cmocka_run_group_tests_name("model golden", tests, NULL, NULL);
}
