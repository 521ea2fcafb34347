/* What the kernel tests share: random and boundary inputs, exact comparison, the checks and the bench. */
#ifndef TESTS_KERNELS_KERNEL_TEST_H
#define TESTS_KERNELS_KERNEL_TEST_H

#include "kernels/variants.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- inputs ---- */

typedef enum input_kind {
    VALUES_USUAL,   /* uniform in [-4, 4) */
    VALUES_WIDE,    /* random bits: every exponent, subnormals, infinities, NaN */
    VALUES_CORNERS, /* usual ones with zeros of both signs, subnormals, the largest, infinities and NaN among them */
    VALUES_COUNT,
} input_kind;

void test_seed(uint64_t seed);
uint32_t test_bits(void);
float test_uniform(float low, float high);
void test_fill(float *x, size_t n, input_kind kind);

/* ---- comparison ---- */

/* The same bits, or both NaN. */
bool same_floats(const float *a, const float *b, size_t n);
/* Fails with the place and both values. `label` and `variant` say what was compared. */
void assert_same(const float *expected, const float *found, size_t n, const char *label, const char *variant);

/* ---- the checks: each compares all variants with scalar, and scalar with plain code written here ---- */

void check_vocabulary(void **state);
void check_halves(void **state);
void check_elementwise(void **state);
void check_reductions(void **state);
void check_activations(void **state);
void check_cache_store(void **state);
void check_cache_positions(void **state);
void check_attention_definition(void **state);
void check_attention_forms(void **state);
void check_attention_chunks(void **state);
void check_attention_meaning(void **state);
void check_delta_net(void **state);
void check_gradient_products(void **state);
void check_gradient_rows(void **state);
void check_gradient_attention(void **state);
void check_attention_statistics(void **state);
void check_function_errors(void **state);
void check_function_corners(void **state);
void check_math64(void **state);
void check_optimize(void **state);
void check_selection(void **state);

/* Prints throughput per operation and variant; `only` is a part of the name, or NULL. */
void kernel_bench(const char *only);

#endif
