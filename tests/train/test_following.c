/* Training beside PyTorch in binary64 (make_following.py): 50 steps of each family, loss by loss; and each tensor's
 * gradient against finite differences of PyTorch's loss. */
#include "train_support.h"

#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const families[] = {"llama", "qwen2", "qwen3", "olmo2", "qwen3-moe"};
#define FAMILIES (sizeof families / sizeof families[0])
#define SMOOTH (FAMILIES - 1) /* without the mixture: make_following.py, JUMPY; test_gradients.c differentiates it */

static json_t *read_golden(const char *name)
{
    static char path[1024];
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/train/golden/%s.json", source == NULL ? "." : source, name);
    return read_json(path);
}

/* ---- 50 steps ---- */

static const json_t *of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_non_null(value);
    return value;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(of(object, key));
}

static size_t whole(const json_t *object, const char *key)
{
    return (size_t)json_integer_value(of(object, key));
}

static recipe recipe_of(const json_t *golden, const char *family)
{
    recipe r = tiny_recipe(family);
    r.train = (recipe_train){.aux_loss = r.train.aux_loss,
                             .steps = whole(golden, "steps"),
                             .optimizer = OPTIMIZER_ADAMW,
                             .learning_rate = number(golden, "rate"),
                             .beta1 = 0.9,
                             .beta2 = 0.95,
                             .eps = 1e-8,
                             .weight_decay = number(golden, "decay"),
                             .grad_clip = number(golden, "clip"),
                             .schedule = SCHEDULE_COSINE,
                             .warmup_steps = whole(golden, "warmup"),
                             .final_ratio = number(golden, "final")};
    return r;
}

static test_batch first_batch(const json_t *golden)
{
    uint32_t counts[16];
    const json_t *documents = of(golden, "documents");
    assert_true(json_array_size(documents) <= 16);
    for (size_t i = 0; i < json_array_size(documents); i++) {
        counts[i] = (uint32_t)json_integer_value(json_array_get(documents, i));
    }
    return make_batch(whole(golden, "sequences"), whole(golden, "length"), TINY_VOCAB, counts);
}

static void fill_batch(test_batch *b, uint64_t step, size_t batches)
{
    const size_t count = b->batch.sequences * (b->batch.length + 1);
    for (size_t i = 0; i < count; i++) {
        const uint64_t at = (step - 1) % batches * count + i;
        b->tokens[i] = (uint32_t)((double)hashed_value(name_seed("tokens"), at) * TINY_VOCAB);
    }
}

/* The largest difference between their losses and ours. */
static double follow(const json_t *golden, const char *family, engine *e, double *ret_norms)
{
    const recipe r = recipe_of(golden, family);
    const json_t *theirs = of(of(golden, "families"), family);
    const train_parameter *table = NULL;
    train_model *m = make_model(e, &r, TINY_VOCAB);
    const size_t parameters = train_model_parameters(m, &table);
    const uint64_t count = train_model_count(m);
    float *gradient = malloc(count * sizeof *gradient);
    test_batch b = first_batch(golden);
    optimizer *o = NULL;
    double worst = 0;
    *ret_norms = 0;
    assert_non_null(gradient);
    assert_int_equal(json_array_size(of(theirs, "losses")), 50);
    OK(optimizer_create(e, &r.train, table, parameters, count, &o, error));
    for (uint64_t step = 1; step <= r.train.steps; step++) {
        train_loss loss = {0};
        optimizer_step applied = {0};
        fill_batch(&b, step, whole(golden, "batches"));
        OK(train_model_step(m, &b.batch, 4, number(golden, "z_loss"), gradient, &loss, error));
        OK(optimizer_apply(o, step, gradient, train_model_values(m), &applied, error));
        OK(train_model_changed(m, error));
        const double expected = json_number_value(json_array_get(of(theirs, "losses"), step - 1));
        const double norm = json_number_value(json_array_get(of(theirs, "norms"), step - 1));
        const double off = fabs(loss.sum / (double)loss.targets - expected);
        worst = off > worst || isnan(off) ? off : worst;
        *ret_norms = fmax(*ret_norms, fabs(applied.norm / norm - 1));
    }
    optimizer_free(o);
    free_batch(&b);
    free(gradient);
    train_model_free(m);
    return worst;
}

static void check_following(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    json_t *golden = read_golden("following");
    for (size_t i = 0; i < FAMILIES; i++) {
        double norms = 0;
        const double worst = follow(golden, families[i], e, &norms);
        const json_t *losses = of(of(of(golden, "families"), families[i]), "losses");
        print_message("# %s: loss from %.3f to %.3f, off by at most %.1e, norms by %.1e\n", families[i],
                      json_number_value(json_array_get(losses, 0)), json_number_value(json_array_get(losses, 49)),
                      worst, norms);
        assert_true(worst < 1e-4);
        assert_true(norms < 1e-3);
    }
    json_decref(golden);
    engine_free(e);
}

/* ---- finite differences ---- */

#define LENGTH 150u
#define Z_LOSS 0.01
#define TOLERANCE 3e-6 /* of a tensor's largest value: what binary32 takes away from it (test_gradients.c) */

static double slopes_off(const json_t *rows, const train_model *m, const float *gradient)
{
    const train_parameter *table = NULL;
    const size_t count = train_model_parameters(m, &table);
    double worst = 0;
    assert_int_equal(json_array_size(rows), count);
    for (size_t r = 0; r < count; r++) {
        const json_t *row = json_array_get(rows, r);
        const char *name = json_string_value(json_array_get(row, 0));
        const double largest = json_number_value(json_array_get(row, 1));
        const json_t *places = json_array_get(row, 2);
        size_t p = 0;
        while (p < count && strcmp(table[p].name, name) != 0) {
            p++;
        }
        assert_true(p < count && json_array_size(places) > 0);
        for (size_t i = 0; i < json_array_size(places); i++) {
            const double slope = json_number_value(json_array_get(json_array_get(row, 3), i));
            const size_t at = (size_t)json_integer_value(json_array_get(places, i));
            assert_true(at < table[p].rows * table[p].cols);
            const double off = fabs(slope - (double)gradient[table[p].offset + at]) / largest;
            worst = off > worst || isnan(off) ? off : worst;
        }
    }
    return worst;
}

static void check_differences(void **state)
{
    static const uint32_t documents[] = {150, 70, 1, 79};
    (void)state;
    engine *e = make_engine(2, NULL);
    json_t *golden = read_golden("differences");
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, documents);
    for (size_t i = 0; i < SMOOTH; i++) {
        const recipe r = tiny_recipe(families[i]);
        train_model *m = make_model(e, &r, TINY_VOCAB);
        float *gradient = malloc(train_model_count(m) * sizeof *gradient);
        train_loss loss = {0};
        assert_non_null(gradient);
        OK(train_model_micro(m, &b.batch, Z_LOSS, 2 * LENGTH, gradient, &loss, error));
        const double worst = slopes_off(of(golden, families[i]), m, gradient);
        print_message("# %s: off by at most %.1e of a tensor's largest\n", families[i], worst);
        assert_true(worst < TOLERANCE);
        free(gradient);
        train_model_free(m);
    }
    free_batch(&b);
    json_decref(golden);
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_following),
        cmocka_unit_test(check_differences),
    };
    return cmocka_run_group_tests_name("following", tests, NULL, NULL);
}
