/* GGUF and safetensors files that other people's packages wrote (make_golden.py), compared with what those packages
 * read back: every metadata type, every number format, a split set, a sharded folder. */
#include "base/hash.h"
#include "base/json.h"
#include "formats/gguf.h"
#include "formats/hf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *golden;

static const char *golden_path(const char *name)
{
    static char path[1024];
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/formats/golden/%s", source != NULL ? source : ".", name);
    return path;
}

static int read_golden(void **state)
{
    (void)state;
    buffer text;
    buffer_init(&text, 0);
    const char *path = golden_path("golden.json");
    const bool read = file_read(path, 1 << 20, &text, NULL) == HEARTH_OK &&
                      json_door_parse(buffer_text(&text), text.length, path, &golden, NULL) == HEARTH_OK;
    buffer_free(&text);
    return read ? 0 : -1;
}

static int free_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static double number_of(const json_t *value)
{
    return json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value);
}

static void compare_scalar(const gguf_file *file, const char *key, const char *type, const json_t *value)
{
    uint64_t u = 0;
    int64_t i = 0;
    double f = 0;
    bool b = false;
    gguf_string text;
    if (strcmp(type, "STRING") == 0) {
        assert_int_equal(gguf_get_string(file, key, &text, NULL), HEARTH_OK);
        assert_int_equal(text.length, json_string_length(value));
        assert_memory_equal(text.text, json_string_value(value), text.length);
    } else if (strcmp(type, "BOOL") == 0) {
        assert_int_equal(gguf_get_bool(file, key, &b, NULL), HEARTH_OK);
        assert_int_equal(b, json_is_true(value));
    } else if (strncmp(type, "FLOAT", 5) == 0) {
        assert_int_equal(gguf_get_f64(file, key, &f, NULL), HEARTH_OK);
        assert_true(f == json_number_value(value));
    } else if (json_is_real(value)) { /* 2^64 - 1 */
        assert_int_equal(gguf_get_u64(file, key, &u, NULL), HEARTH_OK);
        assert_true((double)u == json_real_value(value));
        assert_int_equal(gguf_get_i64(file, key, &i, NULL), HEARTH_E_FORMAT);
    } else {
        assert_int_equal(gguf_get_i64(file, key, &i, NULL), HEARTH_OK);
        assert_true(i == json_integer_value(value));
        assert_int_equal(gguf_get_u64(file, key, &u, NULL), i < 0 ? HEARTH_E_FORMAT : HEARTH_OK);
    }
}

static void compare_array(const gguf_file *file, const char *key, const char *type, const json_t *value)
{
    gguf_type element = GGUF_U8;
    uint64_t count = 0;
    int64_t index = -1;
    assert_int_equal(gguf_get_array(file, key, &element, &count, &index, NULL), HEARTH_OK);
    assert_true(index == gguf_find(file, key));
    if (strcmp(type, "ARRAY") == 0) {
        char text[256];
        gguf_describe(file, (size_t)index, 10, text, sizeof text);
        assert_string_equal(text, "[[1, 2], [3], [4, 5, 6]]");
        gguf_describe(file, (size_t)index, 2, text, sizeof text);
        assert_string_equal(text, "[[1, 2], [3], … 3 in all]");
        return;
    }
    assert_int_equal(count, json_array_size(value));
    for (uint64_t i = 0; i < count; i++) {
        const json_t *expected = json_array_get(value, i);
        if (element == GGUF_STRING) {
            const gguf_string text = gguf_array_string(file, index, i);
            assert_int_equal(text.length, json_string_length(expected));
            assert_memory_equal(text.text, json_string_value(expected), text.length);
        } else {
            assert_true(gguf_array_f64(file, index, i) == number_of(expected));
            assert_true(gguf_array_i64(file, index, i) == (int64_t)number_of(expected));
        }
    }
}

static void compare_metadata(const gguf_file *file, const json_t *expected)
{
    const char *key = NULL;
    json_t *entry = NULL;
    assert_int_equal(gguf_metadata_count(file), json_object_size(expected));
    json_object_foreach((json_t *)(uintptr_t)expected, key, entry)
    {
        const json_t *types = json_object_get(entry, "types");
        const char *type = json_string_value(json_array_get(types, 0));
        const json_t *value = json_object_get(entry, "value");
        if (strcmp(type, "ARRAY") == 0) {
            compare_array(file, key, json_string_value(json_array_get(types, 1)), value);
        } else {
            compare_scalar(file, key, type, value);
        }
    }
}

static void compare_tensors(const tensor_table *table, const json_t *expected)
{
    const char *name = NULL;
    json_t *entry = NULL;
    assert_int_equal(table->count, json_object_size(expected));
    json_object_foreach((json_t *)(uintptr_t)expected, name, entry)
    {
        const tensor_entry *tensor = tensor_table_find(table, name);
        const json_t *shape = json_object_get(entry, "shape");
        const json_t *offset = json_object_get(entry, "offset");
        char hex[HASH_HEX_SIZE];
        assert_non_null(tensor);
        assert_string_equal(dtype_get_info(tensor->type)->name, json_string_value(json_object_get(entry, "type")));
        assert_int_equal(tensor->dims, json_array_size(shape));
        for (uint32_t i = 0; i < tensor->dims; i++) {
            assert_int_equal(tensor->shape[i], json_integer_value(json_array_get(shape, i)));
        }
        assert_int_equal(tensor->size_bytes, json_integer_value(json_object_get(entry, "size")));
        if (offset != NULL) {
            assert_int_equal(tensor->data - table->maps[tensor->map_index].data, json_integer_value(offset));
            assert_int_equal(tensor->map_index, json_integer_value(json_object_get(entry, "part")));
        }
        assert_int_equal(hash_bytes_hex(tensor->data, tensor->size_bytes, hex, NULL), HEARTH_OK);
        assert_string_equal(hex, json_string_value(json_object_get(entry, "sha256")));
    }
}

static void compare_gguf(const char *file_name, const char *golden_name)
{
    gguf_file *file = NULL;
    hearth_error error;
    const json_t *expected = json_object_get(golden, golden_name);
    if (gguf_open(golden_path(file_name), &file, &error) != HEARTH_OK) {
        char line[600];
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    assert_int_equal(gguf_version(file), 3);
    compare_metadata(file, json_object_get(expected, "metadata"));
    compare_tensors(gguf_tensors(file), json_object_get(expected, "tensors"));
    gguf_close(file);
}

static void every_type_reads(void **state)
{
    (void)state;
    compare_gguf("types.gguf", "types");
}

static void alignment_is_obeyed(void **state)
{
    (void)state;
    compare_gguf("aligned.gguf", "aligned");
}

static void split_set_reads_from_any_part(void **state)
{
    (void)state;
    compare_gguf("split-00001-of-00003.gguf", "split");
    compare_gguf("split-00002-of-00003.gguf", "split");
    compare_gguf("split-00003-of-00003.gguf", "split");
}

static void sharded_folder_reads(void **state)
{
    (void)state;
    hf_folder *folder = NULL;
    assert_int_equal(hf_open(golden_path("sharded"), true, &folder, NULL), HEARTH_OK);
    compare_tensors(&folder->tensors, json_object_get(golden, "sharded"));
    assert_string_equal(folder->chat_template, "{{ messages }}");
    assert_true(json_real_value(json_object_get(folder->tokenizer_config, "model_max_length")) == 1e30);
    assert_null(folder->tokenizer_path);
    assert_null(folder->generation_config);
    hf_close(folder);
}

/* Text for people: whole values, cuts and escapes. */
static void values_are_described(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
    } cases[] = {
        {"test.u8", "200"},
        {"test.i16", "-30000"},
        {"test.u64", "18446744073709551615"},
        {"test.i64", "-9223372036854775808"},
        {"test.f32", "0.1"},
        {"test.f64", "3.141592653589793"},
        {"test.true", "true"},
        {"test.string", "héllo\\nwörld 🔥"},
        {"test.array.i32", "[1, -2, 2147483647]"},
        {"test.array.f32", "[0.5, -1.25, 1e-05]"},
        {"test.array.bool", "[true, false, true]"},
        {"test.array.string", "[\"a\", \"Ġ the\", \"\", … 54 in all]"},
    };
    gguf_file *file = NULL;
    char text[64];
    assert_int_equal(gguf_open(golden_path("types.gguf"), &file, NULL), HEARTH_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gguf_describe(file, (size_t)gguf_find(file, cases[i].key), 3, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
    const size_t index = (size_t)gguf_find(file, "test.string");
    for (size_t size = 0; size <= 30; size++) {
        memset(text, 'x', sizeof text);
        gguf_describe(file, index, 3, text, size);
        assert_true(size == 0 || strlen(text) < size);
        assert_int_equal(text[size], 'x');
    }
    gguf_describe(file, index, 3, text, 12);
    assert_string_equal(text, "héllo\\n…");
    gguf_close(file);
}

/* Reads of a key that is missing, or of another type, say so. */
static void wrong_reads_are_errors(void **state)
{
    (void)state;
    gguf_file *file = NULL;
    hearth_error error;
    uint64_t u = 0;
    double f = 0;
    bool b = false;
    gguf_string text;
    assert_int_equal(gguf_open(golden_path("types.gguf"), &file, NULL), HEARTH_OK);
    assert_int_equal(gguf_get_u64(file, "test.none", &u, &error), HEARTH_E_NOT_FOUND);
    assert_string_equal(error.place, "key test.none");
    assert_non_null(strstr(error.file, "types.gguf"));
    assert_int_equal(gguf_find(file, "test.none"), -1);
    assert_int_equal(gguf_find(file, "test.u"), -1);
    assert_int_equal(gguf_get_u64(file, "test.f32", &u, &error), HEARTH_E_FORMAT);
    assert_string_equal(error.found, "f32");
    assert_int_equal(gguf_get_f64(file, "test.u8", &f, NULL), HEARTH_E_FORMAT);
    assert_int_equal(gguf_get_bool(file, "test.u8", &b, NULL), HEARTH_E_FORMAT);
    assert_int_equal(gguf_get_string(file, "test.array.string", &text, NULL), HEARTH_E_FORMAT);
    assert_int_equal(gguf_get_u64(file, "test.array.i32", &u, NULL), HEARTH_E_FORMAT);
    gguf_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_reads),     cmocka_unit_test(alignment_is_obeyed),
        cmocka_unit_test(values_are_described), cmocka_unit_test(split_set_reads_from_any_part),
        cmocka_unit_test(sharded_folder_reads), cmocka_unit_test(wrong_reads_are_errors),
    };
    return cmocka_run_group_tests(tests, read_golden, free_golden);
}
