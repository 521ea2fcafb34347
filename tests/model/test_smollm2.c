/* SmolLM2-135M-Instruct, Q4_1: transformers loaded the same file in float32 (make_golden.py smollm2); --compute f32
 * gives the same 48 greedy tokens after each of 20 prompts, and the same ids of the prompts. Skips without the file. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define DRAWN 48u

static void greedy_text(void **state)
{
    (void)state;
    const char *path = smollm2_path();
    if (!file_exists(path)) {
        SKIP("SmolLM2 is not here (HEARTH_SMOLLM2)\n");
    }
    json_t *golden = read_json(golden_path("smollm2.json"));
    const json_t *rows = json_object_get(golden, "rows");
    assert_true(json_array_size(rows) >= 20);
    engine *e = make_engine(0, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    size_t wrong = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *text = json_string_value(json_object_get(row, "prompt"));
        size_t count = 0, drawn = 0;
        int32_t *ids = json_ids(json_object_get(row, "ids"), &count);
        int32_t *expected = json_ids(json_object_get(row, "greedy"), &drawn);
        int32_t ours[DRAWN];
        token_list list = {0};
        OK(tokenizer_encode(m->tokenizer, text, strlen(text), ENCODE_PARSE_SPECIAL, &list, error));
        assert_int_equal(list.count, count);
        assert_memory_equal(list.ids, ids, count * sizeof *ids);
        assert_int_equal(drawn, DRAWN);
        greedy_tokens(m, ids, count, DRAWN, ours);
        if (memcmp(ours, expected, sizeof ours) != 0) {
            print_message("# differs after: %s\n", text);
            wrong++;
        }
        token_list_free(&list);
        free(ids);
        free(expected);
    }
    model_close(m);
    engine_free(e);
    json_decref(golden);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(greedy_text)};
    return cmocka_run_group_tests_name("SmolLM2", tests, NULL, NULL);
}
