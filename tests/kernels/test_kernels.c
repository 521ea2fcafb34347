/* The kernels: every variant against the scalar one bit for bit, the scalar one against plain code, the elementary
 * functions against better ones.   test_kernels [--bench [PART OF A NAME]] */
#include "kernels/kernel_test.h"

#include <string.h>

void check_selection(void **state)
{
    (void)state;
    const kernel_cpu none = {0};
    assert_string_equal(kernels_select(NULL, none)->name, "scalar");
    assert_string_equal(kernels_select("scalar", (kernel_cpu){.avx2 = true})->name, "scalar");
    assert_null(kernels_select("avx2", none));
    assert_null(kernels_select("avx512", (kernel_cpu){.avx2 = true}));
    assert_null(kernels_select("", none));
    assert_null(kernels_select("sse9", none));
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    assert_true(count >= 1);
    for (size_t v = 0; v < count; v++) {
        print_message("# variant: %s\n", variants[v]->name);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
        kernel_bench(argc > 2 ? argv[2] : NULL);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_selection),
        cmocka_unit_test(check_vocabulary),
        cmocka_unit_test(check_halves),
        cmocka_unit_test(check_elementwise),
        cmocka_unit_test(check_reductions),
        cmocka_unit_test(check_activations),
        cmocka_unit_test(check_cache_store),
        cmocka_unit_test(check_cache_positions),
        cmocka_unit_test(check_attention_definition),
        cmocka_unit_test(check_attention_forms),
        cmocka_unit_test(check_attention_chunks),
        cmocka_unit_test(check_attention_meaning),
        cmocka_unit_test(check_delta_net),
        cmocka_unit_test(check_gradient_products),
        cmocka_unit_test(check_gradient_rows),
        cmocka_unit_test(check_gradient_attention),
        cmocka_unit_test(check_attention_statistics),
        cmocka_unit_test(check_function_errors),
        cmocka_unit_test(check_function_corners),
        cmocka_unit_test(check_math64),
        cmocka_unit_test(check_optimize),
        cmocka_unit_test(check_every_element_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
