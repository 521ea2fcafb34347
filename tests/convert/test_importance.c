/* Statistics of importance and divergences beside transformers' (make_importance_golden.py): sums of squares of each
 * matrix's inputs, experts by themselves, any number of threads, files, weights. */
#include "../model/support.h"

#include "convert/importance.h"
#include "convert/quantize.h"
#include "generate/divergence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char scratch[] = "/tmp/hearth-importance-XXXXXX";

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

static json_t *read_golden(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s", golden_path("../../convert/golden/importance.json"));
    return read_json(path);
}

static importance *collect(const char *name, int threads, const char *isa)
{
    json_t *golden = read_golden();
    size_t count = 0;
    int32_t *ids = json_ids(json_object_get(golden, "ids"), &count);
    engine *e = make_engine(threads, isa);
    model *m = open_model(e, golden_path(name), COMPUTE_F32);
    const importance_options o = {.first = -1, .window = (size_t)json_integer_value(json_object_get(golden, "window"))};
    importance *ret = NULL;
    OK(importance_collect(m, ids, count, &o, &ret, error));
    model_close(m);
    engine_free(e);
    free(ids);
    json_decref(golden);
    return ret;
}

static bool is_near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fabs(b);
}

static void check_golden(void **state)
{
    json_t *golden = read_golden();
    importance *i = collect("llama-mha.gguf", 2, NULL);
    const char *name;
    json_t *row;
    size_t seen = 0;
    (void)state;
    json_object_foreach(json_object_get(golden, "sums"), name, row)
    {
        const importance_entry *e = importance_find(i, name);
        double sum = 0;
        assert_non_null(e);
        assert_true(e->tokens[0] == (double)json_integer_value(json_object_get(golden, "tokens")));
        for (size_t c = 0; c < e->cols; c++) {
            sum += e->sums[c];
        }
        for (size_t c = 0; c < 4; c++) {
            assert_true(is_near(e->sums[c], json_number_value(json_array_get(row, c)), 1e-4));
        }
        assert_true(is_near(sum, json_number_value(json_array_get(row, 4)), 1e-4));
        seen++;
    }
    assert_int_equal(seen, 4 * 7 + 1);
    importance_free(i);
    json_decref(golden);
}

/* What a token sends into the router it sends into each of its experts: their sums are the router's, `used` times. */
static void check_experts(void **state)
{
    importance *i = collect("families/mixtral.gguf", 3, NULL);
    const importance_entry *router = importance_find(i, "blk.1.ffn_gate_inp.weight");
    const importance_entry *up = importance_find(i, "blk.1.ffn_up_exps.weight");
    const importance_entry *down = importance_find(i, "blk.1.ffn_down_exps.weight");
    double tokens = 0;
    (void)state;
    assert_non_null(router);
    assert_non_null(up);
    assert_non_null(down);
    assert_int_equal(up->count, 5);
    assert_int_equal(down->cols, 48);
    for (size_t c = 0; c < up->cols; c++) {
        double sum = 0;
        for (size_t expert = 0; expert < up->count; expert++) {
            sum += up->sums[expert * up->cols + c];
        }
        assert_true(is_near(sum, 2 * router->sums[c], 1e-12));
    }
    for (size_t expert = 0; expert < up->count; expert++) {
        tokens += up->tokens[expert];
        assert_true(down->tokens[expert] == up->tokens[expert]);
    }
    assert_true(tokens == 2 * router->tokens[0]);
    importance_free(i);
}

static void expect_same(const importance *a, const importance *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t n = 0; n < a->count; n++) {
        const importance_entry *x = &a->entries[n];
        const importance_entry *y = &b->entries[n];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->cols * x->count, y->cols * y->count);
        assert_memory_equal(x->sums, y->sums, x->cols * x->count * sizeof *x->sums);
        assert_memory_equal(x->tokens, y->tokens, x->count * sizeof *x->tokens);
    }
}

static void check_threads(void **state)
{
    static const char *const names[] = {"llama-mha.gguf", "families/mixtral.gguf", "families/deepseek-v2.gguf"};
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        importance *one = collect(names[n], 1, "scalar");
        importance *other = collect(names[n], 3, NULL);
        expect_same(one, other);
        importance_free(one);
        importance_free(other);
    }
}

/* Saved and loaded: what was never used is left out, the rest is the same in binary32. */
static void check_file(void **state)
{
    char path[256];
    importance *i = collect("families/mixtral.gguf", 2, NULL);
    importance *back = NULL;
    float *ours = NULL;
    float *theirs = NULL;
    hearth_error failure;
    (void)state;
    snprintf(path, sizeof path, "%s/imatrix.gguf", scratch);
    OK(importance_save(i, "text.txt", path, error));
    OK(importance_load(path, &back, error));
    assert_true(back->count < i->count && back->count > 4 * 8);
    assert_null(importance_find(back, "token_embd.weight"));
    OK(importance_weights(i, "blk.2.ffn_down_exps.weight", 5, 48, &ours, error));
    OK(importance_weights(back, "blk.2.ffn_down_exps.weight", 5, 48, &theirs, error));
    for (size_t expert = 0; expert < 5; expert++) {
        double mean = 0;
        for (size_t c = 0; c < 48; c++) {
            assert_true(is_near((double)ours[expert * 48 + c], (double)theirs[expert * 48 + c], 1e-5));
            mean += (double)ours[expert * 48 + c] / 48;
        }
        assert_true(is_near(mean, 1, 1e-2));
    }
    free(ours);
    free(theirs);
    assert_int_equal(importance_weights(back, "blk.2.ffn_down_exps.weight", 5, 40, &ours, &failure), HEARTH_E_FORMAT);
    assert_int_equal(importance_weights(back, "blk.2.ffn_down_exps.weight", 4, 48, &ours, &failure), HEARTH_E_FORMAT);
    OK(importance_weights(back, "no.such.weight", 1, 48, &ours, error));
    assert_null(ours);
    importance_free(back);
    importance_free(i);
    /* a model is no statistics */
    assert_int_equal(importance_load(golden_path("llama-mha.gguf"), &back, &failure), HEARTH_E_FORMAT);
}

/* `first` takes the place of each window's first token: as if the text had it there. */
static void check_first(void **state)
{
    enum { WINDOW = 16, COUNT = 48 };
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path("llama-mha.gguf"), COMPUTE_F32);
    model *other = open_model(e, golden_path("llama-gqa.gguf"), COMPUTE_F32);
    importance *made[2] = {NULL, NULL};
    divergence_result results[2] = {{0}, {0}};
    int32_t ids[COUNT];
    (void)state;
    for (int32_t i = 0; i < COUNT; i++) {
        ids[i] = (i * i * 7 + 5) % 60;
    }
    for (int spelled = 0; spelled < 2; spelled++) {
        for (size_t at = 0; spelled != 0 && at < COUNT; at += WINDOW) {
            ids[at] = 61;
        }
        const importance_options o = {.first = spelled != 0 ? -1 : 61, .window = WINDOW};
        const divergence_options d = {.first = o.first, .window = WINDOW};
        OK(importance_collect(m, ids, COUNT, &o, &made[spelled], error));
        OK(divergence_measure(m, other, ids, COUNT, &d, &results[spelled], error));
    }
    expect_same(made[0], made[1]);
    assert_true(results[0].mean == results[1].mean && results[0].perplexity == results[1].perplexity);
    importance_free(made[0]);
    importance_free(made[1]);
    model_close(m);
    model_close(other);
    engine_free(e);
}

/* Sums of squares are no negative numbers, infinities or NaN. */
static void check_hostile_sums(void **state)
{
    static const double values[] = {-1, INFINITY, NAN};
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/hostile.gguf", scratch);
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        importance *i = collect("llama-mha.gguf", 1, NULL);
        importance *back = NULL;
        hearth_error failure;
        importance_entry *e = importance_find(i, "blk.1.ffn_up.weight");
        assert_non_null(e);
        e->sums[3] = values[v];
        OK(importance_save(i, "text.txt", path, error));
        assert_int_equal(importance_load(path, &back, &failure), HEARTH_E_FORMAT);
        assert_non_null(strstr(failure.place, "blk.1.ffn_up.weight"));
        assert_int_equal(remove(path), 0);
        importance_free(i);
    }
}

static void check_refusals(void **state)
{
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path("llama-mha.gguf"), COMPUTE_NATIVE);
    const importance_options o = {.first = -1};
    const int32_t ids[2] = {1, 2};
    importance *ret = NULL;
    hearth_error failure;
    (void)state;
    assert_int_equal(importance_collect(m, ids, 2, &o, &ret, &failure), HEARTH_E_ARGUMENT);
    model_close(m);
    m = open_model(e, golden_path("llama-mha.gguf"), COMPUTE_F32);
    assert_int_equal(importance_collect(m, ids, 1, &o, &ret, &failure), HEARTH_E_ARGUMENT);
    model_close(m);
    engine_free(e);
}

/* ---- divergence ---- */

static void measure(const char *reference, const char *other, divergence_result *ret)
{
    json_t *golden = read_golden();
    size_t count = 0;
    int32_t *ids = json_ids(json_object_get(golden, "ids"), &count);
    engine *e = make_engine(2, NULL);
    model *first = open_model(e, golden_path(reference), COMPUTE_F32);
    model *second = open_model(e, golden_path(other), COMPUTE_F32);
    const divergence_options o = {.first = -1, .window = (size_t)json_integer_value(json_object_get(golden, "window"))};
    OK(divergence_measure(first, second, ids, count, &o, ret, error));
    model_close(first);
    model_close(second);
    engine_free(e);
    free(ids);
    json_decref(golden);
}

static void check_divergence(void **state)
{
    json_t *golden = read_golden();
    divergence_result r;
    (void)state;
    measure("llama-mha.gguf", "llama-gqa.gguf", &r);
    const json_t *nats = json_object_get(golden, "nats");
    print_message("# divergence %.6f, transformers' %.6f\n", r.mean,
                  json_number_value(json_object_get(golden, "divergence")));
    assert_int_equal(r.compared, json_integer_value(json_object_get(golden, "compared")));
    assert_int_equal(r.windows, 3);
    assert_true(is_near(r.mean, json_number_value(json_object_get(golden, "divergence")), 1e-4));
    assert_true(is_near(r.same_top, json_number_value(json_object_get(golden, "same_top")), 1e-9));
    assert_true(is_near(log(r.reference_perplexity), json_number_value(json_array_get(nats, 0)), 1e-5));
    assert_true(is_near(log(r.perplexity), json_number_value(json_array_get(nats, 1)), 1e-5));
    measure("llama-mha.gguf", "llama-mha.gguf", &r);
    assert_true(r.mean == 0 && r.same_top == 1 && r.perplexity == r.reference_perplexity);
    json_decref(golden);
}

/* Of one prediction the largest divergence is the mean; a text that comes twice has the same mean and largest one, and
 * a standard error that is smaller by the root of two. */
static void check_spread(void **state)
{
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path("llama-mha.gguf"), COMPUTE_F32);
    model *other = open_model(e, golden_path("llama-gqa.gguf"), COMPUTE_F32);
    int32_t ids[32];
    divergence_result one, once, twice;
    (void)state;
    for (int32_t i = 0; i < 32; i++) {
        ids[i] = (i % 16) * (i % 16) * 7 % 60;
    }
    OK(divergence_measure(m, other, ids, 4, &(divergence_options){.first = -1, .window = 4}, &one, error));
    OK(divergence_measure(m, other, ids, 16, &(divergence_options){.first = -1, .window = 16}, &once, error));
    OK(divergence_measure(m, other, ids, 32, &(divergence_options){.first = -1, .window = 16}, &twice, error));
    assert_int_equal(one.compared, 1);
    assert_true(one.largest == one.mean && one.mean > 0);
    assert_int_equal(twice.compared, 2 * once.compared);
    assert_true(twice.largest == once.largest && once.largest > once.mean);
    assert_true(is_near(twice.mean, once.mean, 1e-12));
    assert_true(once.error > 0 && is_near(twice.error * sqrt(2), once.error, 1e-9));
    model_close(m);
    model_close(other);
    engine_free(e);
}

/* A whole file (where 32 divides four matrices' rows) with statistics differs from one without, and is told to be
 * weighted. */
static void check_weighted_file(void **state)
{
    importance *i = collect("llama-mha.gguf", 2, NULL);
    engine *e = make_engine(2, NULL);
    buffer files[2];
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        char path[256];
        quantize_result result = {0};
        const quantize_options o = {.kernels = e->kernels, .pool = e->pool, .importance = weighted != 0 ? i : NULL};
        int kind = 0;
        while (strcmp(quantize_names[kind], "q5_1") != 0) {
            kind++;
        }
        snprintf(path, sizeof path, "%s/weighted-%d.gguf", scratch, weighted);
        OK(quantize_model(golden_path("llama-mha.gguf"), kind, path, &o, &result, error));
        size_t count = 0;
        for (size_t t = 0; t < result.count; t++) {
            count += result.tensors[t].weighted;
        }
        assert_true(weighted != 0 ? count == 4 : count == 0);
        quantize_result_free(&result);
        buffer_init(&files[weighted], 0);
        OK(file_read(path, 1 << 26, &files[weighted], error));
    }
    assert_int_equal(files[0].length, files[1].length);
    assert_true(memcmp(files[0].data, files[1].data, files[0].length) != 0);
    buffer_free(&files[0]);
    buffer_free(&files[1]);
    engine_free(e);
    importance_free(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"sums beside transformers'", check_golden, NULL, NULL, NULL},
        {"experts", check_experts, NULL, NULL, NULL},
        {"the same by any number of threads", check_threads, NULL, NULL, NULL},
        {"files and weights", check_file, NULL, NULL, NULL},
        {"the first token of a window", check_first, NULL, NULL, NULL},
        {"sums that are none", check_hostile_sums, NULL, NULL, NULL},
        {"refusals", check_refusals, NULL, NULL, NULL},
        {"divergence beside transformers'", check_divergence, NULL, NULL, NULL},
        {"the spread of divergences", check_spread, NULL, NULL, NULL},
        {"a weighted file", check_weighted_file, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("importance", tests, begin, end);
}
