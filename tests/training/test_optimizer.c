/* Optimisers and schedules against PyTorch in binary64 (make_optimizer_golden.py), threads and instruction sets against
 * one another. */
#include "../model/support.h"

#include "base/memory.h"
#include "train/digest.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *golden;

static int open_golden(void **state)
{
    (void)state;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/tests/training/golden/optimizer.json", getenv("HEARTH_SOURCE"));
    golden = read_json(path);
    return golden == NULL;
}

static int close_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static double number(const char *object, const char *key)
{
    return json_number_value(json_object_get(json_object_get(golden, object), key));
}

static recipe_train settings(void)
{
    return (recipe_train){.steps = (uint64_t)number("schedule", "steps"),
                          .warmup_steps = (uint64_t)number("schedule", "warmup"),
                          .decay_steps = (uint64_t)number("schedule", "decay"),
                          .final_ratio = number("schedule", "final"),
                          .schedule = SCHEDULE_COSINE,
                          .learning_rate = 0.01,
                          .beta1 = 0.9,
                          .beta2 = 0.95,
                          .eps = 1e-8,
                          .weight_decay = 0.1,
                          .muon_momentum = 0.95,
                          .muon_learning_rate = 0.02,
                          .grad_clip = json_number_value(json_object_get(golden, "clip"))};
}

static void check_schedules(void **state)
{
    static const char *const names[] = {"constant", "cosine", "linear", "wsd"};
    (void)state;
    for (int kind = SCHEDULE_CONSTANT; kind <= SCHEDULE_WSD; kind++) {
        recipe_train t = settings();
        const json_t *expected = json_object_get(json_object_get(golden, "factors"), names[kind]);
        t.schedule = (recipe_schedule_kind)kind;
        assert_int_equal(json_array_size(expected), t.steps);
        for (uint64_t step = 1; step <= t.steps; step++) {
            const double want = json_number_value(json_array_get(expected, step - 1));
            if (fabs(schedule_factor(&t, step) - want) > 1e-12) {
                fail_msg("%s, step %d: %.17g, expected %.17g", names[kind], (int)step, schedule_factor(&t, step), want);
            }
        }
    }
}

/* What both sides can make: whole numbers over 256. */
static void pattern(float *to, uint64_t count, uint64_t step, uint64_t salt, float factor)
{
    for (uint64_t i = 0; i < count; i++) {
        const double whole = (double)((i * 7919 + step * 104729 + salt * 1299709) % 1021) - 510.0;
        to[i] = (float)(whole / 256.0 * (double)factor);
    }
}

typedef struct subject {
    train_parameter table[4];
    size_t count;
    uint64_t values;
} subject;

static subject shapes_of(const json_t *from, bool is_muon)
{
    subject s = {.count = json_array_size(json_object_get(from, "shapes"))};
    for (size_t p = 0; p < s.count; p++) {
        const json_t *shape = json_array_get(json_object_get(from, "shapes"), p);
        train_parameter *t = &s.table[p];
        t->rows = (uint64_t)json_integer_value(json_array_get(shape, 0));
        t->cols = (uint64_t)json_integer_value(json_array_get(shape, 1));
        t->offset = s.values;
        t->decays = is_muon || p == 0;
        t->matrix = is_muon;
        (void)snprintf(t->name, sizeof t->name, "tensor %zu", p);
        s.values += t->rows * t->cols;
    }
    return s;
}

static void follow(const char *name, bool is_muon, int threads, const char *isa, double tolerance, char hash[65])
{
    const json_t *from = json_object_get(golden, name);
    const subject s = shapes_of(from, is_muon);
    recipe_train t = settings();
    t.optimizer = is_muon ? OPTIMIZER_MUON : OPTIMIZER_ADAMW;
    engine *e = make_engine(threads, isa);
    optimizer *o = NULL;
    float *values = mem_calloc(s.values, sizeof(float));
    float *gradient = mem_calloc(s.values, sizeof(float));
    OK(optimizer_create(e, &t, s.table, s.count, s.values, &o, error));
    for (size_t p = 0; p < s.count; p++) {
        pattern(values + s.table[p].offset, s.table[p].rows * s.table[p].cols, 0, p, 1.0f);
    }
    for (uint64_t step = 1; step <= t.steps; step++) {
        optimizer_step done = {0};
        for (size_t p = 0; p < s.count; p++) {
            pattern(gradient + s.table[p].offset, s.table[p].rows * s.table[p].cols, step, p + 10,
                    step % 2 == 1 ? 0.05f : 1.0f);
        }
        OK(optimizer_apply(o, step, gradient, values, &done, error));
        const double norm = json_number_value(json_array_get(json_object_get(from, "norms"), step - 1));
        assert_true(fabs(done.norm - norm) <= 1e-6 * norm);
    }
    for (size_t p = 0; p < s.count; p++) {
        const json_t *expected = json_array_get(json_object_get(from, "values"), p);
        for (uint64_t i = 0; i < s.table[p].rows * s.table[p].cols; i++) {
            const double want = json_number_value(json_array_get(expected, i));
            const double found = (double)values[s.table[p].offset + i];
            if (!(fabs(found - want) <= tolerance)) {
                fail_msg("%s, tensor %zu, value %d: %.9g, expected %.9g", name, p, (int)i, found, want);
            }
        }
    }
    OK(digest_values(values, NULL, s.values, hash, error));
    mem_free(values);
    mem_free(gradient);
    optimizer_free(o);
    engine_free(e);
}

static void check_follow(const char *name, bool is_muon, double tolerance)
{
    char first[65];
    follow(name, is_muon, 1, "scalar", tolerance, first);
    for (int threads = 1; threads <= 5; threads++) {
        char hash[65];
        follow(name, is_muon, threads, NULL, tolerance, hash);
        assert_string_equal(first, hash);
    }
}

static void check_adamw(void **state)
{
    (void)state;
    check_follow("adamw", false, 1e-6);
}

static void check_muon(void **state)
{
    (void)state;
    if (json_object_get(golden, "muon") == NULL) {
        SKIP("# no golden\n");
    }
    check_follow("muon", true, 2e-6);
}

/* Nothing changes, and the tensor is named. */
static void check_odd(void **state)
{
    (void)state;
    train_parameter table[2] = {{.name = "first", .rows = 1, .cols = 5000},
                                {.name = "second", .rows = 10, .cols = 10, .offset = 5000}};
    const recipe_train t = settings();
    engine *e = make_engine(2, NULL);
    optimizer *o = NULL;
    float *values = mem_calloc(5100, sizeof(float));
    float *gradient = mem_calloc(5100, sizeof(float));
    OK(optimizer_create(e, &t, table, 2, 5100, &o, error));
    for (int round = 0; round < 2; round++) {
        hearth_error problem = {0};
        optimizer_step done = {0};
        gradient[5042] = round == 0 ? NAN : INFINITY;
        assert_int_equal(optimizer_apply(o, 3, gradient, values, &done, &problem), HEARTH_E_FORMAT);
        assert_string_equal(problem.place, "step 3");
        assert_non_null(strstr(problem.found, "second, value 42"));
        for (size_t i = 0; i < 5100; i++) {
            assert_true(values[i] == 0.0f && optimizer_mean(o)[i] == 0.0f);
        }
    }
    mem_free(values);
    mem_free(gradient);
    optimizer_free(o);
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_schedules),
        cmocka_unit_test(check_adamw),
        cmocka_unit_test(check_muon),
        cmocka_unit_test(check_odd),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
