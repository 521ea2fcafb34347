/* Training's gradients: against PyTorch's autograd in binary64 (make_gradients.py), the loss against `hearth score` bit
 * for bit, one result over threads, ways to share out a step, and instruction sets. */
#include "train_support.h"

#include "generate/score.h"
#include "train/train_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH 150u
#define Z_LOSS 0.01

static const uint32_t documents[] = {150, 70, 1, 79};
static const char *const families[] = {"llama", "qwen2", "qwen3", "olmo2", "qwen3-moe"};
#define FAMILIES (sizeof families / sizeof families[0])

static const char *train_golden(const char *family, const char *end)
{
    static char path[1024];
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/train/golden/%s%s", source == NULL ? "." : source, family, end);
    return path;
}

/* ---- PyTorch ---- */

/* Of a tensor's largest value. Binary32 itself is not always that exact: where PyTorch's is off by as much, the bound
 * is three times that, and a norm's weight, whose gradient is a chain over all tokens (and heads: 1,200 terms; PyTorch
 * sums pairwise), may be off by twice as much. */
#define TOLERANCE 1e-6

static const train_parameter *find(const train_model *m, const char *name)
{
    const train_parameter *table = NULL;
    const size_t count = train_model_parameters(m, &table);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

/* Returns the largest difference over the tensor's bound (`wide`: over that). */
static double compare(const char *family, const train_model *m, const float *gradient, double wide)
{
    buffer golden;
    json_t *index = read_json(train_golden(family, ".json"));
    const json_t *names = json_object_get(index, "names");
    double worst = 0;
    size_t at = 0;
    buffer_init(&golden, 0);
    OK(file_read(train_golden(family, ".f32"), (size_t)1 << 20, &golden, error));
    assert_int_equal(golden.length, train_model_count(m) * sizeof(float));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *row = json_array_get(names, i);
        const char *name = json_string_value(json_array_get(row, 0));
        const double theirs = 3 * json_number_value(json_array_get(row, 2));
        const double least = strstr(name, "norm") != NULL ? 2 * TOLERANCE : TOLERANCE;
        const double bound = wide != 0 ? wide : theirs > least ? theirs : least;
        const train_parameter *p = find(m, name);
        const size_t count = p->rows * p->cols;
        double largest = 0;
        double off = 0;
        assert_int_equal(count, json_integer_value(json_array_get(row, 1)));
        for (size_t j = 0; j < count; j++, at++) {
            float expected;
            memcpy(&expected, (const char *)golden.data + at * sizeof expected, sizeof expected);
            const double d = fabs((double)expected - (double)gradient[p->offset + j]);
            off = d > off || isnan(d) ? d : off;
            largest = fabs((double)expected) > largest ? fabs((double)expected) : largest;
        }
        if (getenv("HEARTH_VERBOSE") != NULL) {
            print_message("# %s %s: %.2e of %.2e, bound %.1e\n", family, name, off / largest, largest, bound);
        }
        off = off / largest / bound;
        worst = off > worst || isnan(off) ? off : worst;
    }
    buffer_free(&golden);
    json_decref(index);
    return worst;
}

static void check_pytorch(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, documents);
    for (size_t i = 0; i < FAMILIES; i++) {
        const recipe r = tiny_recipe(families[i]);
        train_model *m = make_model(e, &r, TINY_VOCAB);
        float *gradient = malloc(train_model_count(m) * sizeof *gradient);
        json_t *index = read_json(train_golden(families[i], ".json"));
        train_loss loss = {0};
        assert_non_null(gradient);
        OK(train_model_micro(m, &b.batch, Z_LOSS, 2 * LENGTH, gradient, &loss, error));
        assert_int_equal(loss.targets, 2 * LENGTH);
        const double expected = json_number_value(json_object_get(index, "loss"));
        const double found = (loss.sum + Z_LOSS * loss.z_sum) / (double)loss.targets;
        const double worst = compare(families[i], m, gradient, 0);
        print_message("# %s: loss off by %.1e, gradient by %.2f of the bound\n", families[i],
                      fabs(found / expected - 1), worst);
        assert_true(fabs(found / expected - 1) < 1e-6);
        if (!(worst <= 1)) {
            fail_msg("%s: gradients differ by %g of the bound", families[i], worst);
        }
        json_decref(index);
        free(gradient);
        train_model_free(m);
    }
    free_batch(&b);
    engine_free(e);
}

/* ---- score ---- */

/* A document by itself has the log-probabilities that it had in training, to the bit. */
static void compare_score(model *opened, const train_model *m, const test_batch *b, size_t sequence,
                          const packed_segment *segment)
{
    const uint32_t *from = b->tokens + sequence * (LENGTH + 1) + segment->begin;
    const float *ours = m->works[0]->log_probabilities + sequence * LENGTH + segment->begin;
    const score_options options = {.cache = CACHE_F32};
    int32_t ids[LENGTH + 1];
    score_result score = {0};
    for (size_t t = 0; t <= segment->count; t++) {
        ids[t] = (int32_t)from[t];
    }
    OK(score_tokens(opened, ids, segment->count + 1, 0, &options, &score, error));
    assert_memory_equal(score.log_probabilities + 1, ours, segment->count * sizeof *ours);
    score_result_free(&score);
}

static void check_score_of(const char *family, bool bf16)
{
    char folder[] = "/tmp/hearth-train-XXXXXX";
    engine *e = make_engine(2, NULL);
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, documents);
    recipe r = tiny_recipe(family);
    r.train.format = bf16 ? TRAIN_BF16 : TRAIN_F32;
    train_model *m = make_model(e, &r, TINY_VOCAB);
    train_loss loss = {0};
    assert_non_null(mkdtemp(folder));
    write_folder(m, folder, bf16);
    OK(train_model_micro(m, &b.batch, 0, 2 * LENGTH, NULL, &loss, error));
    model *opened = open_model(e, folder, bf16 ? COMPUTE_NATIVE : COMPUTE_F32);
    for (size_t s = 0; s < 2; s++) {
        for (size_t j = b.first_segment[s]; j < b.first_segment[s + 1]; j++) {
            compare_score(opened, m, &b, s, &b.segments[j]);
        }
    }
    model_close(opened);
    remove_folder(folder);
    train_model_free(m);
    free_batch(&b);
    engine_free(e);
}

static void check_score(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAMILIES; i++) {
        check_score_of(families[i], false);
        check_score_of(families[i], true);
    }
}

/* ---- BF16 ---- */

/* The gradient with BF16 operands is the same but for their 8 bits: within some hundredths of a tensor's largest value.
 */
static void check_bf16(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, documents);
    for (size_t i = 0; i < FAMILIES; i++) {
        recipe r = tiny_recipe(families[i]);
        r.train.format = TRAIN_BF16;
        train_model *m = make_model(e, &r, TINY_VOCAB);
        float *gradient = malloc(train_model_count(m) * sizeof *gradient);
        train_loss loss = {0};
        assert_non_null(gradient);
        OK(train_model_micro(m, &b.batch, Z_LOSS, 2 * LENGTH, gradient, &loss, error));
        const double worst = compare(families[i], m, gradient, 0.1);
        print_message("# %s: gradient by %.4f\n", families[i], 0.1 * worst);
        assert_true(worst <= 1 && worst > 1e-3); /* and it is rounded */
        free(gradient);
        train_model_free(m);
    }
    free_batch(&b);
    engine_free(e);
}

/* ---- finite differences ---- */

/* The loss at `at` + by * direction. */
static double loss_at(train_model *m, const float *at, const float *direction, double by, const test_batch *b)
{
    float *values = train_model_values(m);
    for (size_t i = 0; i < train_model_count(m); i++) {
        values[i] = (float)((double)at[i] + by * (double)direction[i]);
    }
    train_loss loss = {0};
    OK(train_model_changed(m, error));
    OK(train_model_micro(m, &b->batch, Z_LOSS, 2 * LENGTH, NULL, &loss, error));
    return (loss.sum + Z_LOSS * loss.z_sum) / (double)loss.targets;
}

/* Of each parameter by itself: the loss's slope along its gradient is the gradient's square. The loss is a sum in
 * binary64 of binary32 values, good to about 1e-8, and the difference over it to some thousandths. */
static void check_finite_differences(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, documents);
    for (size_t i = 0; i < FAMILIES; i++) {
        recipe r = tiny_recipe(families[i]);
        r.train.aux_loss = 0;                   /* it is no part of a train_loss */
        r.model.experts_used = r.model.experts; /* a token that goes elsewhere at a step would make the loss jump */
        train_model *m = make_model(e, &r, TINY_VOCAB);
        const size_t count = train_model_count(m);
        const train_parameter *table = NULL;
        const size_t parameters = train_model_parameters(m, &table);
        float *at = malloc(count * sizeof *at);
        float *gradient = malloc(count * sizeof *gradient);
        float *direction = malloc(count * sizeof *direction);
        train_loss loss = {0};
        assert_true(at != NULL && gradient != NULL && direction != NULL);
        memcpy(at, train_model_values(m), count * sizeof *at);
        OK(train_model_micro(m, &b.batch, Z_LOSS, 2 * LENGTH, gradient, &loss, error));
        for (size_t p = 0; p < parameters; p++) {
            double square = 0;
            memset(direction, 0, count * sizeof *direction);
            for (size_t j = table[p].offset; j < table[p].offset + table[p].rows * table[p].cols; j++) {
                direction[j] = gradient[j];
                square += (double)gradient[j] * (double)gradient[j];
            }
            const double step = 2e-3 / sqrt(square); /* the values move by 0.002 in all */
            const double more = loss_at(m, at, direction, step, &b) - loss_at(m, at, direction, -step, &b);
            const double off = fabs(more / (2 * step * square) - 1);
            if (!(off < 0.01)) {
                fail_msg("%s %s: the slope is off by %g", families[i], table[p].name, off);
            }
        }
        free(at);
        free(gradient);
        free(direction);
        train_model_free(m);
    }
    free_batch(&b);
    engine_free(e);
}

/* ---- one result ---- */

#define SEQUENCES 8u
#define SHORT 75u

typedef struct way {
    int threads;
    int side_by_side;
    bool recompute, bf16;
    const char *isa;
} way;

static float *step(const char *family, way how, const test_batch *b, train_loss *loss, size_t *ret_count)
{
    engine *e = make_engine(how.threads, how.isa);
    recipe r = tiny_recipe(family);
    r.train.recompute = how.recompute;
    r.train.format = how.bf16 ? TRAIN_BF16 : TRAIN_F32;
    train_model *m = make_model(e, &r, TINY_VOCAB);
    float *gradient = malloc(train_model_count(m) * sizeof *gradient);
    assert_non_null(gradient);
    m->side_by_side = how.side_by_side;
    OK(train_model_step(m, &b->batch, 4, Z_LOSS, gradient, loss, error));
    *ret_count = train_model_count(m);
    train_model_free(m);
    engine_free(e);
    return gradient;
}

static void check_one_result(void **state)
{
    (void)state;
    uint32_t counts[SEQUENCES * SHORT];
    for (size_t s = 0; s < SEQUENCES; s++) {
        memcpy(counts + 3 * s, (uint32_t[]){3, 65, 7}, 3 * sizeof *counts);
    }
    test_batch b = make_batch(SEQUENCES, SHORT, TINY_VOCAB, counts);
    const kernel_table *variants[8];
    const size_t variant_count = kernels_variants(engine_cpu(), variants);
    for (size_t i = 0; i < 2 * FAMILIES; i++) {
        size_t count = 0;
        train_loss first = {0};
        const char *family = families[i / 2];
        const bool bf16 = i % 2 != 0;
        float *expected = step(family, (way){1, -1, false, bf16, NULL}, &b, &first, &count);
        for (int number = 0; number < 10 + (int)variant_count; number++) {
            const way how = number < 10 ? (way){1 + number / 2, number % 2, number % 3 == 0, bf16, NULL}
                                        : (way){2, 0, false, bf16, variants[number - 10]->name};
            train_loss loss = {0};
            float *found = step(family, how, &b, &loss, &count);
            assert_memory_equal(&loss, &first, sizeof loss);
            assert_memory_equal(found, expected, count * sizeof *found);
            free(found);
        }
        free(expected);
    }
    free_batch(&b);
}

/* ---- steps ---- */

/* Four micro-batches, each by itself, added as docs/numerics.md says. */
static void check_tree(void **state)
{
    (void)state;
    uint32_t counts[SEQUENCES];
    for (size_t s = 0; s < SEQUENCES; s++) {
        counts[s] = SHORT;
    }
    engine *e = make_engine(2, NULL);
    const recipe r = tiny_recipe("llama");
    train_model *m = make_model(e, &r, TINY_VOCAB);
    test_batch b = make_batch(SEQUENCES, SHORT, TINY_VOCAB, counts);
    const size_t count = train_model_count(m);
    float *sum = malloc(count * sizeof *sum);
    float *parts[4];
    train_loss losses[4];
    train_loss loss = {0};
    assert_non_null(sum);
    for (size_t i = 0; i < 4; i++) {
        train_batch part = b.batch;
        part.sequences = SEQUENCES / 4;
        part.tokens += i * part.sequences * (SHORT + 1);
        part.first_segment += i * part.sequences;
        parts[i] = malloc(count * sizeof *parts[i]);
        assert_non_null(parts[i]);
        OK(train_model_micro(m, &part, Z_LOSS, SEQUENCES * SHORT, parts[i], &losses[i], error));
    }
    OK(train_model_step(m, &b.batch, 4, Z_LOSS, sum, &loss, error));
    for (size_t i = 0; i < count; i++) {
        const float left = parts[0][i] + parts[1][i];
        const float right = parts[2][i] + parts[3][i];
        const float both = left + right;
        assert_memory_equal(&both, &sum[i], sizeof both);
    }
    assert_true((losses[0].sum + losses[1].sum) + (losses[2].sum + losses[3].sum) == loss.sum);
    assert_int_equal(loss.targets, SEQUENCES * SHORT);
    for (size_t i = 0; i < 4; i++) {
        free(parts[i]);
    }
    free(sum);
    free_batch(&b);
    train_model_free(m);
    engine_free(e);
}

/* ---- what is refused ---- */

static void expect_error(hearth_status status, const hearth_error *error, const char *part)
{
    char line[1024];
    assert_int_equal(status, HEARTH_E_ARGUMENT);
    if (strstr(hearth_error_line(error, line, sizeof line), part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", line, part);
    }
}

static void check_bad_shapes(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    train_model *m = NULL;
    hearth_error failure = {0};
    recipe r = tiny_recipe("mamba");
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "mamba");
    r = tiny_recipe("llama");
    r.model.kv_heads = 3;
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "kv_heads");
    r = tiny_recipe("llama");
    r.model.head_size = 5;
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "head_size");
    r = tiny_recipe("llama");
    r.model.layers = 0;
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "layers");
    r = tiny_recipe("llama");
    r.model.experts = 4;
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "experts");
    r = tiny_recipe("qwen3-moe");
    r.model.experts = 1025;
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "2 to 1024");
    r = tiny_recipe("qwen3-moe");
    r.model.experts_used = 7;
    expect_error(train_model_create(e, &r, TINY_VOCAB, &m, &failure), &failure, "1 to 6");
    engine_free(e);
}

static void check_bad_batches(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    const recipe r = tiny_recipe("llama");
    train_model *m = make_model(e, &r, TINY_VOCAB);
    test_batch b = make_batch(2, LENGTH, TINY_VOCAB, documents);
    float *gradient = malloc(train_model_count(m) * sizeof *gradient);
    train_loss loss = {0};
    hearth_error failure = {0};
    expect_error(train_model_step(m, &b.batch, 3, 0, gradient, &loss, &failure), &failure, "micro_batches");
    expect_error(train_model_step(m, &b.batch, 4, 0, gradient, &loss, &failure), &failure, "micro_batches");
    const uint32_t token = b.tokens[2 * LENGTH + 1];
    b.tokens[2 * LENGTH + 1] = TINY_VOCAB; /* a target alone */
    expect_error(train_model_step(m, &b.batch, 2, 0, gradient, &loss, &failure), &failure, "37 of 37");
    b.tokens[2 * LENGTH + 1] = token;
    b.segments[2].count = 2; /* overlaps what follows */
    expect_error(train_model_step(m, &b.batch, 2, 0, gradient, &loss, &failure), &failure, "segment");
    b.segments[2].count = 1;
    b.segments[3].count = 80; /* beyond the end */
    expect_error(train_model_step(m, &b.batch, 2, 0, gradient, &loss, &failure), &failure, "segment");
    b.segments[3].count = 78; /* one is left over */
    expect_error(train_model_step(m, &b.batch, 2, 0, gradient, &loss, &failure), &failure, "149 of 150");
    b.segments[3].count = 79;
    b.batch.length = 257;
    expect_error(train_model_step(m, &b.batch, 2, 0, gradient, &loss, &failure), &failure, "context");
    b.batch.length = LENGTH;
    OK(train_model_step(m, &b.batch, 2, 0, gradient, &loss, error));
    free(gradient);
    free_batch(&b);
    train_model_free(m);
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_pytorch),    cmocka_unit_test(check_score),
        cmocka_unit_test(check_bf16),       cmocka_unit_test(check_finite_differences),
        cmocka_unit_test(check_one_result), cmocka_unit_test(check_tree),
        cmocka_unit_test(check_bad_shapes), cmocka_unit_test(check_bad_batches),
    };
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
