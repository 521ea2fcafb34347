/* golden.json (make_golden.py): what Hugging Face tokenizers gives for every kind of step, against ours. */
#include "base/json.h"
#include "base/memory.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "tokenizer/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *source_path(char *ret, size_t size, const char *name)
{
    const char *source = getenv("HEARTH_SOURCE");
    (void)snprintf(ret, size, "%s/%s", source != NULL ? source : ".", name);
    return ret;
}

static json_t *read_golden(void)
{
    char path[512];
    hearth_error error = {0};
    buffer text;
    json_t *golden = NULL;
    buffer_init(&text, 0);
    assert_int_equal(file_read(source_path(path, sizeof path, "tests/tokenizer/golden.json"), 1 << 26, &text, &error),
                     HEARTH_OK);
    assert_int_equal(json_door_parse(text.data, text.length, path, &golden, &error), HEARTH_OK);
    buffer_free(&text);
    return golden;
}

/* The row's tokenizer, or NULL when its fixture is absent. */
static tokenizer *load_row(const json_t *row)
{
    hearth_error error = {0};
    tokenizer *t = NULL;
    hearth_status status;
    const char *file = json_string_value(json_object_get(row, "file"));
    if (file != NULL) {
        char path[512];
        const char *folder = getenv("HEARTH_FIXTURES");
        (void)snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "", file);
        if (folder == NULL) {
            char name[400];
            (void)snprintf(name, sizeof name, "../shared/fixtures/%s", file);
            (void)source_path(path, sizeof path, name);
        }
        status = load_tokenizer_json(path, &t, &error);
        if (status == HEARTH_E_NOT_FOUND) {
            print_message("# no %s: skipped\n", path);
            return NULL;
        }
    } else {
        char *text = json_dumps(json_object_get(row, "tokenizer"), 0);
        status = load_tokenizer_json_text(text, strlen(text), &t, &error);
        free(text);
    }
    if (status != HEARTH_OK) {
        char line[512];
        fail_msg("%s: %s", json_string_value(json_object_get(row, "name")),
                 hearth_error_line(&error, line, sizeof line));
    }
    return t;
}

/* With a bound: whether there are more is known exactly, and what was made is the same. */
static void check_bounds(const tokenizer *t, const char *text, size_t length, unsigned flags, const token_list *whole)
{
    const size_t bounds[] = {1, whole->count / 2, whole->count - 1, whole->count, whole->count + 1};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        token_list ids = {.most = bounds[i]};
        if (whole->count == 0 || ids.most == 0) {
            continue;
        }
        assert_int_equal(tokenizer_encode(t, text, length, flags, &ids, NULL), HEARTH_OK);
        assert_int_equal(token_list_is_past(&ids), whole->count > ids.most);
        assert_true(ids.cut || ids.count == whole->count);
        assert_true(ids.count <= whole->count);
        assert_memory_equal(ids.ids == NULL ? whole->ids : ids.ids, whole->ids, ids.count * sizeof *ids.ids);
        token_list_free(&ids);
    }
}

static size_t check_ids(const tokenizer *t, const char *name, const json_t *one, const char *key, unsigned flags)
{
    const json_t *text = json_object_get(one, "text");
    const json_t *expected = json_object_get(one, key);
    token_list ids = {0};
    assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text), flags, &ids, NULL),
                     HEARTH_OK);
    check_bounds(t, json_string_value(text), json_string_length(text), flags, &ids);
    bool equal = ids.count == json_array_size(expected);
    for (size_t i = 0; equal && i < ids.count; i++) {
        equal = ids.ids[i] == json_integer_value(json_array_get(expected, i));
    }
    if (!equal) {
        char *want = json_dumps(expected, JSON_COMPACT);
        char *in = json_dumps(text, JSON_ENCODE_ANY);
        print_message("# %s, %s of %s: expected %s, got", name, key, in, want);
        for (size_t i = 0; i < ids.count; i++) {
            print_message(" %d", ids.ids[i]);
        }
        print_message("\n");
        free(want);
        free(in);
    }
    token_list_free(&ids);
    return equal ? 0 : 1;
}

static size_t check_text(const tokenizer *t, const char *name, const json_t *one, const char *key, unsigned flags)
{
    const json_t *expected = json_object_get(one, key);
    const json_t *whole = json_object_get(one, "whole");
    if (expected == NULL) {
        return 0;
    }
    int32_t ids[4096];
    const size_t count = json_array_size(whole);
    assert_true(count <= 4096);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(whole, i));
    }
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(tokenizer_decode(t, ids, count, flags, &text, NULL), HEARTH_OK);
    const bool equal = text.length == json_string_length(expected) &&
                       memcmp(buffer_text(&text), json_string_value(expected), text.length) == 0;
    if (!equal) {
        print_message("# %s, %s: expected '%s', got '%s'\n", name, key, json_string_value(expected),
                      buffer_text(&text));
    }
    buffer_free(&text);
    return equal ? 0 : 1;
}

static void golden_agrees(void **state)
{
    (void)state;
    json_t *golden = read_golden();
    size_t wrong = 0;
    size_t seen = 0;
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(golden, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        tokenizer *t = load_row(row);
        size_t k = 0;
        const json_t *one = NULL;
        json_array_foreach(t == NULL ? NULL : json_object_get(row, "cases"), k, one)
        {
            wrong += check_ids(t, name, one, "plain", ENCODE_PLAIN);
            wrong += check_ids(t, name, one, "special", ENCODE_PARSE_SPECIAL);
            wrong += check_ids(t, name, one, "whole", ENCODE_PARSE_SPECIAL | ENCODE_ADD_BOS);
            wrong += check_text(t, name, one, "decoded", DECODE_PLAIN);
            wrong += check_text(t, name, one, "decoded_special", DECODE_SPECIAL);
            seen++;
        }
        tokenizer_free(t);
    }
    json_decref(golden);
    assert_true(seen > 500);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_agrees)};
    return cmocka_run_group_tests_name("tokenizer golden", tests, NULL, NULL);
}
