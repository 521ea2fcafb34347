/* golden/files.json (make_files_golden.py): what sentencepiece, tiktoken, mistral-common and Hugging Face tokenizers
 * make of texts with small files of each kind, against ours; long texts of one thing; the fixtures' models. */
#include "base/json.h"
#include "formats/gguf.h"
#include "formats/hf.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "tokenizer/stream.h"

#include "../formats/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONG_TEXT 40000u

static const char *golden_path(const char *name)
{
    static char path[600];
    const char *source = getenv("HEARTH_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/tokenizer/golden/%s", source != NULL ? source : ".", name);
    return path;
}

static void expect_ok(hearth_status status, const hearth_error *error)
{
    char line[700];
    if (status != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(error, line, sizeof line));
    }
}

static json_t *read_golden(void)
{
    hearth_error error = {0};
    buffer text;
    json_t *golden = NULL;
    buffer_init(&text, 0);
    expect_ok(file_read(golden_path("files.json"), 1 << 26, &text, &error), &error);
    expect_ok(json_door_parse(text.data, text.length, "files.json", &golden, &error), &error);
    buffer_free(&text);
    return golden;
}

/* NULL where a fixture is absent. */
static tokenizer *load_row(const json_t *row)
{
    hearth_error error = {0};
    tokenizer *t = NULL;
    const char *name = json_string_value(json_object_get(row, "file"));
    const size_t length = name == NULL ? 0 : strlen(name);
    const char *fixture = json_string_value(json_object_get(row, "fixture"));
    if (fixture != NULL) {
        const char *path = scratch_fixture(fixture);
        if (path == NULL) {
            print_message("# no %s: skipped\n", fixture);
            return NULL;
        }
        expect_ok(load_tokenizer_file(path, NULL, NULL, &t, &error), &error);
    } else if (name == NULL) {
        char *text = json_dumps(json_object_get(row, "tokenizer"), 0);
        expect_ok(load_tokenizer_json_text(text, strlen(text), &t, &error), &error);
        free(text);
    } else if (length > 5 && strcmp(name + length - 5, ".gguf") == 0) {
        gguf_file *file = NULL;
        expect_ok(gguf_open(golden_path(name), &file, &error), &error);
        expect_ok(load_tokenizer_gguf(file, &t, &error), &error);
        gguf_close(file);
    } else {
        const char *encoding = json_string_value(json_object_get(row, "encoding"));
        assert_true(load_tokenizer_knows(golden_path(name)));
        expect_ok(load_tokenizer_file(golden_path(name), NULL, encoding, &t, &error), &error);
    }
    return t;
}

static bool ids_equal(const token_list *ids, const json_t *expected)
{
    bool equal = ids->count == json_array_size(expected);
    for (size_t i = 0; equal && i < ids->count; i++) {
        equal = ids->ids[i] == json_integer_value(json_array_get(expected, i));
    }
    return equal;
}

static size_t check_ids(const tokenizer *t, const char *name, const json_t *one, const char *key, unsigned flags)
{
    const json_t *text = json_object_get(one, "text");
    const json_t *expected = json_object_get(one, key);
    token_list ids = {0};
    if (expected == NULL) {
        return 0;
    }
    assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text), flags, &ids, NULL),
                     HEARTH_OK);
    const bool equal = ids_equal(&ids, expected);
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

/* Decoded at once and as a stream. */
static size_t check_text(const tokenizer *t, const char *name, const json_t *one)
{
    const json_t *expected = json_object_get(one, "decoded");
    const json_t *plain = json_object_get(one, "plain");
    int32_t ids[2048];
    const size_t count = json_array_size(plain);
    if (expected == NULL) {
        return 0;
    }
    assert_true(count <= 2048);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(plain, i));
    }
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(tokenizer_decode(t, ids, count, DECODE_SPECIAL, &text, NULL), HEARTH_OK);
    const bool equal = text.length == json_string_length(expected) &&
                       memcmp(buffer_text(&text), json_string_value(expected), text.length) == 0;
    if (!equal) {
        print_message("# %s: expected '%s', got '%s'\n", name, json_string_value(expected), buffer_text(&text));
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
    size_t decoded = 0;
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
            wrong += check_text(t, name, one);
            decoded += json_object_get(one, "decoded") != NULL;
            seen++;
        }
        tokenizer_free(t);
    }
    json_decref(golden);
    assert_true(seen > 600 && decoded > 300);
    assert_int_equal(wrong, 0);
}

/* ---- long texts: what takes the square of their length does not end here ---- */

static char *repeat(const char *part, size_t *ret_length)
{
    const size_t length = strlen(part);
    const size_t times = LONG_TEXT / length;
    char *text = malloc(times * length + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * length, part, length);
    }
    *ret_length = times * length;
    return text;
}

static void check_long(const tokenizer *t, const char *part, bool lossless)
{
    size_t length = 0;
    char *text = repeat(part, &length);
    token_list ids = {0};
    buffer back;
    buffer_init(&back, 0);
    assert_int_equal(tokenizer_encode(t, text, length, ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, DECODE_SPECIAL, &back, NULL), HEARTH_OK);
    if (lossless) {
        assert_int_equal(back.length, length);
        assert_memory_equal(back.data, text, length);
    }
    buffer_free(&back);
    token_list_free(&ids);
    free(text);
}

static void long_texts_end(void **state)
{
    (void)state;
    static const char *const parts[] = {"a", " ", "\xF0\x9F\x91\xA9\xE2\x80\x8D", "\xCC\x81",
                                        "c2hvcnQgYmFzZTY0IHRleHQgb2Ygb25lIGxpbmU"};
    json_t *golden = read_golden();
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(golden, i, row)
    {
        if (json_object_get(row, "fixture") != NULL) {
            continue;
        }
        tokenizer *t = load_row(row);
        const char *name = json_string_value(json_object_get(row, "name"));
        const bool lossless = strcmp(name, "bpe-bytes") == 0 || strncmp(name, "tekken", 6) == 0 ||
                              (strncmp(name, "tiktoken", 8) == 0 && strcmp(name, "tiktoken qwen") != 0);
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
            check_long(t, parts[k], lossless);
        }
        tokenizer_free(t);
    }
    json_decref(golden);
}

/* ---- a folder ---- */

static void write_copy(const char *name, const char *to)
{
    buffer bytes;
    buffer_init(&bytes, 0);
    assert_int_equal(file_read(golden_path(name), 1 << 24, &bytes, NULL), HEARTH_OK);
    scratch_write(to, buffer_text(&bytes), bytes.length);
    buffer_free(&bytes);
}

static void write_text(const char *name, const char *text)
{
    scratch_write(name, text, strlen(text));
}

static tokenizer *load_folder(const char *name)
{
    hearth_error error = {0};
    hf_folder *folder = NULL;
    tokenizer *t = NULL;
    expect_ok(hf_open(scratch_path(name), false, &folder, &error), &error);
    expect_ok(load_tokenizer_hf(folder, &t, &error), &error);
    hf_close(folder);
    return t;
}

/* What stands around a text in a folder with tokenizer.model alone. */
static void folders_say_what_goes_around(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        size_t before, after;
    } rows[] = {{"{}", 1, 0},
                {"{\"add_bos_token\": false}", 0, 0},
                {"{\"add_bos_token\": true, \"add_eos_token\": true}", 1, 1},
                {"{\"tokenizer_class\": \"T5Tokenizer\"}", 0, 1}};
    (void)file_make_folders(scratch_path("spm"), NULL);
    write_text("spm/config.json", "{\"model_type\": \"llama\"}");
    write_copy("bpe-bytes.model", "spm/tokenizer.model");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_text("spm/tokenizer_config.json", rows[i].config);
        tokenizer *t = load_folder("spm");
        token_list plain = {0};
        token_list whole = {0};
        assert_int_equal(tokenizer_encode(t, "warm", 4, ENCODE_PLAIN, &plain, NULL), HEARTH_OK);
        assert_int_equal(tokenizer_encode(t, "warm", 4, ENCODE_ADD_BOS, &whole, NULL), HEARTH_OK);
        assert_int_equal(whole.count, plain.count + rows[i].before + rows[i].after);
        assert_true(rows[i].before == 0 || whole.ids[0] == 1);
        assert_true(rows[i].after == 0 || whole.ids[whole.count - 1] == 2);
        token_list_free(&plain);
        token_list_free(&whole);
        tokenizer_free(t);
    }
}

static void folders_add_tokens(void **state)
{
    (void)state;
    (void)file_make_folders(scratch_path("added"), NULL);
    write_text("added/config.json", "{\"eos_token_id\": [2, 500]}");
    write_copy("bpe-bytes.model", "added/tokenizer.model");
    write_text("added/tokenizer_config.json",
               "{\"added_tokens_decoder\": {\"1\": {\"content\": \"<s>\", \"special\": true}, "
               "\"500\": {\"content\": \"<|turn|>\", \"special\": true}}}");
    tokenizer *t = load_folder("added");
    token_list ids = {0};
    assert_int_equal(tokenizer_vocabulary_size(t), 501);
    assert_int_equal(tokenizer_encode(t, "<|turn|>", 8, ENCODE_PARSE_SPECIAL, &ids, NULL), HEARTH_OK);
    assert_int_equal(ids.count, 1);
    assert_int_equal(ids.ids[0], 500);
    assert_true(tokenizer_is_end(t, 500) && tokenizer_is_end(t, 2) && !tokenizer_is_end(t, 499));
    token_list_free(&ids);
    tokenizer_free(t);
}

static void a_rank_file_needs_a_name(void **state)
{
    (void)state;
    hearth_error error = {0};
    tokenizer *t = NULL;
    assert_int_equal(load_tokenizer_file(golden_path("small.tiktoken"), NULL, NULL, &t, &error), HEARTH_E_UNSUPPORTED);
    assert_string_equal(error.place, "encoding");
    assert_int_equal(load_tokenizer_file(golden_path("small.tiktoken"), NULL, "none", &t, &error),
                     HEARTH_E_UNSUPPORTED);
    write_copy("small.tiktoken", "my-cl100k.tiktoken");
    expect_ok(load_tokenizer_file(scratch_path("my-cl100k.tiktoken"), NULL, NULL, &t, &error), &error);
    assert_int_equal(tokenizer_find(t, "<|endoftext|>", 13), 100257);
    tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_agrees),
        cmocka_unit_test(long_texts_end),
        cmocka_unit_test(folders_say_what_goes_around),
        cmocka_unit_test(folders_add_tokens),
        cmocka_unit_test(a_rank_file_needs_a_name),
    };
    return cmocka_run_group_tests_name("tokenizer files", tests, scratch_make, scratch_remove);
}
