/* Who does what among ranks: every micro-batch and every value is somebody's, once, whatever their number; the shares
 * are even. */
#include "train/shares.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        hearth_error error_ = {0};                                                                                     \
        hearth_error *error = &error_;                                                                                 \
        if ((call) != HEARTH_OK) {                                                                                     \
            char line_[1200];                                                                                          \
            fail_msg("%s", hearth_error_line(error, line_, sizeof line_));                                             \
        }                                                                                                              \
    } while (0)

#define LAYERS 12

typedef struct shape {
    train_parameter table[2 + 4 * LAYERS];
    size_t count;
    uint64_t values;
} shape;

static void add(shape *s, uint64_t rows, uint64_t cols, bool matrix)
{
    s->table[s->count++] = (train_parameter){.rows = rows, .cols = cols, .offset = s->values, .matrix = matrix};
    s->values += rows * cols;
}

static void make_shape(shape *s)
{
    *s = (shape){0};
    add(s, 1000, 48, false);
    for (int i = 0; i < LAYERS; i++) {
        add(s, 1, 48, false);
        add(s, 144, 48, true);
        add(s, 48, 128, true);
        add(s, 37, 48, true);
    }
    add(s, 1, 48, false);
}

static void check_subtrees(const shares_plan *p, uint32_t micro_batches)
{
    uint32_t next = 0;
    assert_int_equal(p->owned[0], 0);
    for (uint64_t i = 0; i < p->owned[p->ranks]; i++) {
        const shares_subtree *t = &p->subtrees[i];
        assert_int_equal(t->first, next);
        assert_true(t->count > 0 && (t->count & (t->count - 1)) == 0 && t->first % t->count == 0);
        next += t->count;
    }
    assert_int_equal(next, micro_batches);
}

/* The largest share is at most an eighth more than an even one, where there are that many micro-batches to deal. */
static void check_even(const shares_plan *p, uint32_t micro_batches)
{
    uint32_t most = 0;
    for (int r = 0; r < p->ranks; r++) {
        uint32_t own = 0;
        assert_true(p->owned[r] <= p->owned[r + 1]);
        for (uint64_t i = p->owned[r]; i < p->owned[r + 1]; i++) {
            own += p->subtrees[i].count;
        }
        most = own > most ? own : most;
    }
    const uint32_t ranks = (uint32_t)p->ranks;
    const uint32_t even = (micro_batches + ranks - 1) / ranks;
    assert_in_range(most, even, even + even / 4);
    if ((ranks & (ranks - 1)) == 0 && ranks <= micro_batches) {
        assert_int_equal(p->owned[p->ranks], ranks); /* one subtree each */
    }
}

static void micro_batches_are_dealt_out(void **state)
{
    shape s;
    (void)state;
    make_shape(&s);
    for (uint32_t micro_batches = 1; micro_batches <= 1024; micro_batches *= 2) {
        const recipe_train how = {.micro_batches = micro_batches};
        for (int ranks = 1; ranks <= 70; ranks++) {
            shares_plan p = {0};
            OK(shares_plan_make(&how, s.table, s.count, ranks, &p, error));
            check_subtrees(&p, micro_batches);
            check_even(&p, micro_batches);
            shares_plan_free(&p);
        }
    }
}

static bool is_inside(const shape *s, uint64_t place)
{
    for (size_t i = 0; i < s->count; i++) {
        const train_parameter *t = &s->table[i];
        if (t->matrix && place > t->offset && place < t->offset + t->rows * t->cols) {
            return true;
        }
    }
    return false;
}

static void values_are_dealt_out(void **state)
{
    shape s;
    (void)state;
    make_shape(&s);
    for (int ranks = 1; ranks <= 70; ranks++) {
        for (int muon = 0; muon < 2; muon++) {
            const recipe_train how = {.micro_batches = 8, .optimizer = muon ? OPTIMIZER_MUON : OPTIMIZER_ADAMW};
            shares_plan p = {0};
            OK(shares_plan_make(&how, s.table, s.count, ranks, &p, error));
            assert_int_equal(p.bounds[0], 0);
            assert_int_equal(p.bounds[ranks], s.values);
            for (int r = 0; r < ranks; r++) {
                assert_true(p.bounds[r] <= p.bounds[r + 1]);
                assert_false(muon && is_inside(&s, p.bounds[r]));
                if (!muon) { /* in lines of 16 values */
                    assert_in_range(p.bounds[r + 1] - p.bounds[r], s.values / (uint64_t)ranks - 16,
                                    s.values / (uint64_t)ranks + 16);
                }
            }
            shares_plan_free(&p);
        }
    }
}

/* Three matrices a layer, as many as ranks: each has some to do. */
static void matrices_are_dealt_out(void **state)
{
    shape s;
    const recipe_train how = {.micro_batches = 8, .optimizer = OPTIMIZER_MUON};
    (void)state;
    make_shape(&s);
    for (int ranks = 2; ranks <= LAYERS; ranks++) {
        shares_plan p = {0};
        OK(shares_plan_make(&how, s.table, s.count, ranks, &p, error));
        for (int r = 0; r < ranks; r++) {
            size_t own = 0;
            for (size_t i = 0; i < s.count; i++) {
                own += s.table[i].matrix && s.table[i].offset >= p.bounds[r] && s.table[i].offset < p.bounds[r + 1];
            }
            assert_in_range(own, 1, 3 * LAYERS / (size_t)ranks + 3);
        }
        shares_plan_free(&p);
    }
}

/* One rank has all of it. */
static void bounds_of_one(void **state)
{
    shape s;
    const recipe_train how = {.micro_batches = 16};
    shares_plan p = {0};
    (void)state;
    make_shape(&s);
    OK(shares_plan_make(&how, s.table, s.count, 1, &p, error));
    assert_int_equal(p.owned[1], 1);
    assert_int_equal(p.subtrees[0].count, 16);
    assert_int_equal(p.bounds[1], s.values);
    shares_plan_free(&p);
    shares_plan_free(&p); /* a freed one is a zeroed one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(micro_batches_are_dealt_out),
        cmocka_unit_test(values_are_dealt_out),
        cmocka_unit_test(matrices_are_dealt_out),
        cmocka_unit_test(bounds_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
