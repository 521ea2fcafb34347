/* Sizes of every family: from its configuration as many parameters as transformers counts (tests/plan/golden.json),
 * from its tensors as many as these have; layer by layer the same both ways. */
#include "../model/support.h"

#include "base/memory.h"
#include "model/sizes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *golden_of(const json_t *golden, const char *name, const char *key)
{
    const json_t *number = json_object_get(json_object_get(golden, name), key);
    assert_true(json_is_integer(number));
    return number;
}

static json_t *read_golden(void)
{
    char path[512];
    const char *source = getenv("HEARTH_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/tests/plan/golden.json", source);
    return read_json(path);
}

static void test_configurations(void **state)
{
    (void)state;
    json_t *golden = read_golden();
    const char *name = NULL;
    json_t *row = NULL;
    int seen = 0;
    json_object_foreach(golden, name, row)
    {
        char path[256];
        hf_folder *folder = NULL;
        model_config c = {0};
        model_sizes sizes = {0};
        if (strncmp(name, "families/", 9) != 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/config.json", name);
        OK(hf_open_config(golden_path(path), &folder, error));
        OK(model_config_from_hf(folder, &c, error));
        OK(model_sizes_from_config(&c, DTYPE_F32, &sizes, error));
        print_message("# %s: %llu\n", name, (unsigned long long)sizes.all.values);
        assert_int_equal(sizes.all.values, json_integer_value(golden_of(golden, name, "parameters")));
        assert_int_equal(model_sizes_active_values(&sizes, &c), json_integer_value(golden_of(golden, name, "active")));
        assert_int_equal(sizes.all.file_bytes, 4 * sizes.all.values);
        model_sizes_free(&sizes);
        hf_close(folder);
        seen++;
    }
    assert_true(seen > 30);
    json_decref(golden);
}

/* Layer by layer: what the tensors hold beside what the configuration says. */
static void compare(const model_config *c, const tensor_table *tensors, bool gguf)
{
    model_sizes counted = {0};
    model_sizes stated = {0};
    uint64_t values = 0;
    OK(model_sizes_from_tensors(c, tensors, gguf, &counted, error));
    OK(model_sizes_from_config(c, DTYPE_F32, &stated, error));
    for (size_t i = 0; i < tensors->count; i++) {
        uint64_t product = 1;
        for (uint32_t d = 0; d < tensors->entries[i].dims; d++) {
            product *= tensors->entries[i].shape[d];
        }
        const bool ours = !c->wrapped || strncmp(tensors->entries[i].name, "language_model.", 15) == 0;
        values += ours ? product : 0;
    }
    assert_int_equal(counted.all.values, values);
    assert_int_equal(counted.embedding.values, stated.embedding.values);
    for (uint32_t i = 0; i < c->layers; i++) {
        const uint64_t off = counted.layers[i].fixed.values + 2 - stated.layers[i].fixed.values;
        assert_int_equal(counted.layers[i].experts.values, stated.layers[i].experts.values);
        assert_true(off == 2 || (c->form.activation == ACTIVATE_XIELU && off <= 4)); /* GGUF has them as metadata */
    }
    model_sizes_free(&counted);
    model_sizes_free(&stated);
}

static void test_files(void **state)
{
    (void)state;
    json_t *golden = read_golden();
    const char *name = NULL;
    json_t *row = NULL;
    int files = 0;
    int folders = 0;
    json_object_foreach(golden, name, row)
    {
        char path[256];
        model_config c = {0};
        if (strncmp(name, "families/", 9) != 0) {
            continue;
        }
        hf_folder *folder = NULL;
        if (hf_open(golden_path(name), true, &folder, NULL) == HEARTH_OK) {
            print_message("# %s\n", name);
            OK(model_config_from_hf(folder, &c, error));
            compare(&c, &folder->tensors, false);
            hf_close(folder);
            folders++;
        }
        snprintf(path, sizeof path, "%s.gguf", name);
        gguf_file *file = NULL;
        if (gguf_open(golden_path(path), &file, NULL) == HEARTH_OK) {
            print_message("# %s\n", path);
            OK(model_config_from_gguf(file, &c, error));
            compare(&c, gguf_tensors(file), true);
            gguf_close(file);
            files++;
        }
    }
    assert_true(files > 20 && folders > 30);
    json_decref(golden);
}

/* Rows that are no whole blocks are Q8_0, else F16, as plan's page says; a sum beyond 64 bits is an error. */
static void test_formats(void **state)
{
    (void)state;
    assert_int_equal(sizes_type_for(DTYPE_Q4_K, 512), DTYPE_Q4_K);
    assert_int_equal(sizes_type_for(DTYPE_Q4_K, 96), DTYPE_Q8_0);
    assert_int_equal(sizes_type_for(DTYPE_Q4_0, 40), DTYPE_F16);
    hf_folder *folder = NULL;
    model_config c = {0};
    model_sizes sizes = {0};
    OK(hf_open_config(golden_path("families/mixtral/config.json"), &folder, error));
    OK(model_config_from_hf(folder, &c, error));
    c.layers = LIMIT_LAYERS;
    c.width = LIMIT_WIDTH;
    c.moe.experts = MOE_EXPERTS_MAX;
    c.moe.ffn = LIMIT_WIDTH * 8u;
    assert_int_equal(model_sizes_from_config(&c, DTYPE_F32, &sizes, NULL), HEARTH_E_LIMIT);
    hf_close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
