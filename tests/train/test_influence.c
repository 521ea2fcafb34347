/* Influence: against JAX in binary64 (make_influence.py), against what a step along a document's gradient does to the
 * answer's loss, one result over threads and instruction sets; and targets that are left out. */
#include "train_support.h"

#include "train/influence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH 24u
#define SEQUENCES 4u
#define PROMPT 9u
#define ANSWER 5u
#define DOCUMENTS 4u
static const size_t document_tokens[DOCUMENTS] = {12, 30, 2, 60};
static const float scales[] = {1.0f, 1.25f}; /* of each checkpoint's values */
static const uint64_t steps[] = {2, 1};      /* whose rates are all and half */
#define CHECKPOINTS 2u

typedef struct influence_case {
    recipe r;
    char folders[CHECKPOINTS][64];
    influence_checkpoint checkpoints[CHECKPOINTS];
    uint32_t asked[PROMPT + ANSWER];
    uint32_t texts[DOCUMENTS][64];
    influence_tokens documents[DOCUMENTS];
    influence_options o;
} influence_case;

static void fill(uint32_t *tokens, const char *name, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tokens[i] = (uint32_t)((double)hashed_value(name_seed(name), i) * TINY_VOCAB);
    }
}

static void write_checkpoint(const recipe *r, float scale, const char *folder)
{
    engine *e = make_engine(1, NULL);
    train_model *m = make_model(e, r, TINY_VOCAB);
    for (uint64_t i = 0; i < train_model_count(m); i++) {
        train_model_values(m)[i] *= scale;
    }
    write_folder(m, folder, false);
    train_model_free(m);
    engine_free(e);
}

static influence_case *make_case(const char *family, bool muon)
{
    influence_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->r = tiny_recipe(family);
    c->r.train.length = LENGTH;
    c->r.train.sequences = SEQUENCES;
    c->r.train.optimizer = muon ? OPTIMIZER_MUON : OPTIMIZER_ADAMW;
    c->r.train.learning_rate = 0.003;
    c->r.train.muon_learning_rate = 0.02;
    c->r.train.schedule = SCHEDULE_CONSTANT;
    c->r.train.steps = 4;
    c->r.train.warmup_steps = 2;
    for (size_t i = 0; i < CHECKPOINTS; i++) {
        snprintf(c->folders[i], sizeof c->folders[i], "/tmp/hearth-influence-XXXXXX");
        assert_non_null(mkdtemp(c->folders[i]));
        write_checkpoint(&c->r, scales[i], c->folders[i]);
        c->checkpoints[i] = (influence_checkpoint){c->folders[i], steps[i]};
    }
    fill(c->asked, "asked", PROMPT + ANSWER);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "document %zu", i);
        fill(c->texts[i], name, document_tokens[i]);
        c->documents[i] = (influence_tokens){c->texts[i], document_tokens[i]};
    }
    c->o = (influence_options){.recipe = &c->r,
                               .vocabulary = TINY_VOCAB,
                               .checkpoints = c->checkpoints,
                               .checkpoint_count = CHECKPOINTS,
                               .prompt = {c->asked, PROMPT},
                               .answer = {c->asked + PROMPT, ANSWER},
                               .documents = c->documents,
                               .document_count = DOCUMENTS,
                               .tokens = 50};
    return c;
}

static void free_case(influence_case *c)
{
    for (size_t i = 0; i < CHECKPOINTS; i++) {
        remove_folder(c->folders[i]);
    }
    free(c);
}

static void run(const influence_case *c, int threads, const char *isa, double *influences, double *losses)
{
    engine *e = make_engine(threads, isa);
    OK(influence_run(e, &c->o, influences, losses, error));
    engine_free(e);
}

/* ---- JAX ---- */

static void check_jax(void **state)
{
    (void)state;
    char path[1024];
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/train/golden/influence.json", source == NULL ? "." : source);
    json_t *golden = read_json(path);
    for (size_t i = 0; i < json_array_size(golden); i++) {
        const json_t *row = json_array_get(golden, i);
        const char *family = json_string_value(json_object_get(row, "family"));
        influence_case *c = make_case(family, json_is_true(json_object_get(row, "muon")));
        double found[DOCUMENTS], losses[CHECKPOINTS], largest = 0;
        run(c, 2, NULL, found, losses);
        assert_int_equal(influence_cost(&c->o), CHECKPOINTS * (1 + 1 + 2 + 1 + 3));
        for (size_t d = 0; d < DOCUMENTS; d++) {
            const double expected = json_number_value(json_array_get(json_object_get(row, "influences"), d));
            largest = fabs(expected) > largest ? fabs(expected) : largest;
        }
        for (size_t d = 0; d < DOCUMENTS; d++) {
            const double expected = json_number_value(json_array_get(json_object_get(row, "influences"), d));
            print_message("# %s document %zu: %.9g, off by %.1e of the largest\n", family, d, found[d],
                          fabs(found[d] - expected) / largest);
            assert_true(fabs(found[d] - expected) < 2e-5 * largest);
        }
        for (size_t k = 0; k < CHECKPOINTS; k++) {
            const double expected = json_number_value(json_array_get(json_object_get(row, "losses"), k));
            assert_true(fabs(losses[k] / expected - 1) < 1e-6);
        }
        free_case(c);
    }
    json_decref(golden);
}

/* ---- what it means ---- */

static double loss_of(train_model *m, const uint32_t *tokens, size_t inputs, size_t skipped, float *gradient)
{
    const packed_segment segment = {.begin = 0, .count = (uint32_t)inputs};
    const size_t first[] = {0, 1};
    uint8_t left_out[64] = {0};
    memset(left_out, 1, skipped);
    const train_batch batch = {tokens, &segment, first, 1, inputs, left_out};
    train_loss loss = {0};
    OK(train_model_micro(m, &batch, 0.0, SEQUENCES * LENGTH, gradient, &loss, error));
    assert_int_equal(loss.targets, inputs - skipped);
    return loss.sum / (double)loss.targets;
}

/* A small step of gradient descent on a document changes the answer's loss by its influence, with the sign turned. */
static void check_slope(void **state)
{
    (void)state;
    influence_case *c = make_case("llama", false);
    double influence[DOCUMENTS];
    c->o.checkpoint_count = 1;
    run(c, 1, NULL, influence, NULL);
    engine *e = make_engine(1, NULL);
    train_model *m = make_model(e, &c->r, TINY_VOCAB);
    const size_t count = train_model_count(m);
    float *gradient = malloc(count * sizeof *gradient);
    float *at = malloc(count * sizeof *at);
    assert_true(gradient != NULL && at != NULL);
    memcpy(at, train_model_values(m), count * sizeof *at);
    (void)loss_of(m, c->texts[0], document_tokens[0] - 1, 0, gradient); /* one sequence */
    const double step = 30;
    double losses[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++) {
            train_model_values(m)[i] = at[i] - (float)((side == 0 ? step : -step) * 0.003) * gradient[i];
        }
        OK(train_model_changed(m, error));
        losses[side] = loss_of(m, c->asked, PROMPT + ANSWER - 1, PROMPT - 1, NULL);
    }
    const double slope = (losses[1] - losses[0]) / (2 * step);
    print_message("# influence %.6g, slope %.6g\n", influence[0], slope);
    assert_true(fabs(slope / influence[0] - 1) < 0.02);
    free(gradient);
    free(at);
    train_model_free(m);
    engine_free(e);
    free_case(c);
}

static void check_one_result(void **state)
{
    (void)state;
    const kernel_table *variants[8];
    const size_t variant_count = kernels_variants(engine_cpu(), variants);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        influence_case *c = make_case("qwen3", true);
        double first[DOCUMENTS], found[DOCUMENTS], losses[CHECKPOINTS], again[CHECKPOINTS];
        c->r.train.format = bf16 != 0 ? TRAIN_BF16 : TRAIN_F32;
        run(c, 1, NULL, first, losses);
        for (size_t i = 0; i < 4 + variant_count; i++) {
            run(c, i < 4 ? (int)i + 2 : 2, i < 4 ? NULL : variants[i - 4]->name, found, again);
            assert_memory_equal(found, first, sizeof first);
            assert_memory_equal(again, losses, sizeof losses);
        }
        free_case(c);
    }
}

/* ---- what is left out ---- */

/* The gradient of all targets is that of some and that of the others; of none it is nothing. */
static void check_left_out(void **state)
{
    (void)state;
    static const uint32_t counts[] = {24, 7, 1, 16};
    engine *e = make_engine(2, NULL);
    const recipe r = tiny_recipe("qwen3");
    train_model *m = make_model(e, &r, TINY_VOCAB);
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, counts);
    const size_t count = train_model_count(m);
    uint8_t some[2 * LENGTH], others[2 * LENGTH];
    float *gradients[4];
    train_loss losses[4] = {0};
    for (size_t i = 0; i < 2 * LENGTH; i++) {
        some[i] = i % 3 == 0 || i > 30;
        others[i] = !some[i];
    }
    uint8_t all[2 * LENGTH];
    memset(all, 1, sizeof all);
    const uint8_t *const masks[] = {NULL, some, others, all};
    for (size_t i = 0; i < 4; i++) {
        gradients[i] = malloc(count * sizeof *gradients[i]);
        assert_non_null(gradients[i]);
        b.batch.left_out = masks[i];
        OK(train_model_micro(m, &b.batch, 0.01, 2 * LENGTH, gradients[i], &losses[i], error));
    }
    double off = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = fabs((double)gradients[0][i] - (double)gradients[1][i] - (double)gradients[2][i]);
        off = d > off ? d : off;
        largest = fabs((double)gradients[0][i]) > largest ? fabs((double)gradients[0][i]) : largest;
        assert_true(gradients[3][i] == 0.0f);
    }
    assert_true(off < 1e-5 * largest);
    assert_int_equal(losses[0].targets, 2 * LENGTH);
    assert_int_equal(losses[1].targets + losses[2].targets, 2 * LENGTH);
    assert_int_equal(losses[3].targets, 0);
    assert_true(fabs(losses[0].sum - losses[1].sum - losses[2].sum) < 1e-9);
    for (size_t i = 0; i < 4; i++) {
        free(gradients[i]);
    }
    free_batch(&b);
    train_model_free(m);
    engine_free(e);
}

static void check_refused(void **state)
{
    (void)state;
    influence_case *c = make_case("llama", false);
    engine *e = make_engine(1, NULL);
    double found[DOCUMENTS];
    hearth_error error = {0};
    c->o.answer.count = 0;
    assert_int_equal(influence_run(e, &c->o, found, NULL, &error), HEARTH_E_ARGUMENT);
    c->o.answer.count = 256; /* the context, and a prompt before it */
    assert_int_equal(influence_run(e, &c->o, found, NULL, &error), HEARTH_E_ARGUMENT);
    c->o.answer.count = ANSWER;
    c->documents[1].count = 1;
    assert_int_equal(influence_run(e, &c->o, found, NULL, &error), HEARTH_E_ARGUMENT);
    c->documents[1].count = 2;
    c->checkpoints[1].folder = "/nowhere";
    assert_int_equal(influence_run(e, &c->o, found, NULL, &error), HEARTH_E_NOT_FOUND);
    engine_free(e);
    free_case(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_jax),      cmocka_unit_test(check_slope),   cmocka_unit_test(check_one_result),
        cmocka_unit_test(check_left_out), cmocka_unit_test(check_refused),
    };
    return cmocka_run_group_tests_name("train_influence", tests, NULL, NULL);
}
