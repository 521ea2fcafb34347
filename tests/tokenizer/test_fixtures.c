/* The .inp/.out pairs of the fixtures (texts, and the ids that each model's own tokenizer gives) and what comes back
 * from the ids. */
#include "base/memory.h"
#include "base/utf8.h"
#include "formats/gguf.h"
#include "model/load_tokenizer.h"
#include "tokenizer/stream.h"
#include "tokenizer/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char separator[] = "\n__ggml_vocab_test__\n";

static void fixture_path(char *ret, size_t size, const char *name)
{
    const char *folder = getenv("HEARTH_FIXTURES");
    const char *source = getenv("HEARTH_SOURCE");
    (void)snprintf(ret, size, "%s%s/tokenizers/llama.cpp/ggml-vocab-%s",
                   folder != NULL ? folder : (source != NULL ? source : "."),
                   folder != NULL ? "" : "/../shared/fixtures", name);
}

static char *read_text(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    char *data = calloc(1, 1 << 20);
    *ret_size = fread(data, 1, (1 << 20) - 1, f);
    (void)fclose(f);
    return data;
}

static tokenizer *open_gguf(const char *path)
{
    gguf_file *file = NULL;
    tokenizer *t = NULL;
    hearth_error error = {0};
    if (gguf_open(path, &file, &error) != HEARTH_OK) {
        return NULL;
    }
    if (load_tokenizer_gguf(file, &t, &error) != HEARTH_OK) {
        char line[512];
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    gguf_close(file);
    return t;
}

/* One case: ids as expected, decoded text as it went in (`lossless`: byte-level vocabularies and SentencePiece give
 * every byte back), and streaming gives the same text. */
static void check_case(const tokenizer *t, const char *text, size_t length, const char *expected, int number)
{
    token_list ids = {0};
    assert_int_equal(tokenizer_encode(t, text, length, ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    size_t i = 0;
    for (char *end = NULL; *expected != '\n' && *expected != '\0'; expected = end, i++) {
        const long id = strtol(expected, &end, 10);
        if (end == expected) {
            break;
        }
        if (i >= ids.count || ids.ids[i] != id) {
            fail_msg("case %d: id %zu is %d, expected %ld", number, i, i < ids.count ? ids.ids[i] : -1, id);
        }
    }
    assert_int_equal(i, ids.count);
    buffer back;
    buffer streamed;
    buffer_init(&back, 0);
    buffer_init(&streamed, 0);
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, DECODE_PLAIN, &back, NULL), HEARTH_OK);
    assert_int_equal(back.length, length);
    assert_memory_equal(buffer_text(&back), text, length);
    token_stream stream;
    token_stream_init(&stream, t, DECODE_PLAIN, true);
    for (size_t k = 0; k < ids.count; k++) {
        assert_int_equal(token_stream_push(&stream, ids.ids[k], &streamed, NULL), HEARTH_OK);
        assert_true(utf8_valid(buffer_text(&streamed), streamed.length));
    }
    assert_int_equal(token_stream_finish(&stream, &streamed, NULL), HEARTH_OK);
    token_stream_free(&stream);
    assert_int_equal(streamed.length, length);
    assert_memory_equal(buffer_text(&streamed), text, length);
    buffer_free(&back);
    buffer_free(&streamed);
    token_list_free(&ids);
}

static void check_pair(const tokenizer *t, const char *path)
{
    char name[600];
    size_t in_size = 0;
    size_t out_size = 0;
    (void)snprintf(name, sizeof name, "%s.inp", path);
    char *in = read_text(name, &in_size);
    (void)snprintf(name, sizeof name, "%s.out", path);
    char *out = read_text(name, &out_size);
    assert_non_null(in);
    assert_non_null(out);
    const char *text = in;
    const char *line = out;
    int cases = 0;
    for (bool more = true; more; cases++) {
        const char *end = strstr(text, separator);
        more = end != NULL;
        check_case(t, text, more ? (size_t)(end - text) : strlen(text), line, cases);
        text = more ? end + strlen(separator) : text;
        line = strchr(line, '\n');
        assert_true(!more || line != NULL);
        line = line == NULL ? "" : line + 1;
    }
    assert_true(cases >= 40);
    free(in);
    free(out);
}

static void pairs_agree(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt-2",          "llama-spm", "phi-3",    "deepseek-llm",
                                        "deepseek-coder", "falcon",    "starcoder"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        char path[512];
        (void)snprintf(name, sizeof name, "%s.gguf", names[i]);
        fixture_path(path, sizeof path, name);
        tokenizer *t = open_gguf(path);
        if (t == NULL) {
            print_message("# no %s: skipped\n", path);
            skip();
        }
        check_pair(t, path);
        tokenizer_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pairs_agree)};
    return cmocka_run_group_tests_name("tokenizer fixtures", tests, NULL, NULL);
}
