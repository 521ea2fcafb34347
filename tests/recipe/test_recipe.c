/* Recipes: every value where it belongs, and malformed ones by the line they are refused with. */
#include "malformed.h"
#include "recipe_texts.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/hash.h"
#include "recipe/flat.h"
#include "recipe/spdx.h"
#include "recipe/recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static hearth_status open_text(const char *text, size_t length, recipe **ret, char line[1024])
{
    hearth_error error = {0};
    FILE *out = fopen(path, "wbe");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
    const hearth_status status = recipe_open(path, ret, &error);
    hearth_error_line(&error, line, 1024);
    return status;
}

/* `good_recipe` with one piece replaced, which is there once. */
static void edit(const char *from, const char *to, buffer *ret)
{
    const char *at = strstr(good_recipe, from);
    assert_non_null(at);
    assert_null(strstr(at + 1, from));
    buffer_clear(ret);
    assert_int_equal(buffer_append(ret, good_recipe, (size_t)(at - good_recipe), NULL), HEARTH_OK);
    assert_int_equal(buffer_append_text(ret, to, NULL), HEARTH_OK);
    assert_int_equal(buffer_append_text(ret, at + strlen(from), NULL), HEARTH_OK);
}

static void check_values(const recipe *r)
{
    assert_string_equal(r->name, "small");
    assert_string_equal(r->description, "");
    assert_int_equal(r->seed, 7);
    assert_true(r->held_out == 0.01);
    assert_int_equal(r->source_count, 2);
    assert_int_equal(r->sources[0].kind, SOURCE_FOLDER);
    assert_string_equal(r->sources[0].licence, "MIT OR Apache-2.0");
    assert_int_equal(r->sources[0].pin_count, 2);
    assert_string_equal(r->sources[0].pins[1].path, "b.txt");
    assert_null(r->sources[0].sha256);
    assert_int_equal(r->sources[1].kind, SOURCE_JSONL);
    assert_string_equal(r->sources[1].field, "text");
    assert_int_equal(r->sources[1].documents, 0);
    assert_int_equal(r->rule_count, 2);
    assert_string_equal(r->rules[0].name, "nfc");
    assert_int_equal(r->rules[0].parameter_count, 0);
    assert_string_equal(r->rules[1].name, "length");
    assert_int_equal(r->rules[1].line, 25);
    assert_string_equal(r->rules[1].parameters[0].value, "20");
    assert_string_equal(r->rules[1].parameters[1].value, "a\nb");
    assert_int_equal(r->rules[1].parameters[1].line, 27);
}

static void check_shape(const recipe *r)
{
    assert_int_equal(r->tokenizer.kind, TOKENIZER_LEARN_BPE);
    assert_int_equal(r->tokenizer.special_count, 1);
    assert_string_equal(r->tokenizer.special[0], "<|end|>");
    assert_string_equal(r->tokenizer.pretokenizer, "gpt-2");
    assert_string_equal(r->model.family, "llama");
    assert_int_equal(r->model.kv_heads, 4);
    assert_int_equal(r->model.head_size, 32);
    assert_true(r->model.rope_theta == 10000 && r->model.norm_eps == 1e-5 && r->model.init_std == 0.02);
    assert_true(r->model.tied);
    assert_int_equal(r->train.format, TRAIN_F32);
    assert_int_equal(r->train.steps, 100);
    assert_int_equal(r->train.micro_batches, 8);
    assert_int_equal(r->train.schedule, SCHEDULE_COSINE);
    assert_true(r->train.learning_rate == 0.003 && r->train.beta2 == 0.95 && r->train.grad_clip == 1);
    assert_false(r->train.recompute);
    assert_int_equal(r->train.evaluate_sequences, 256);
}

static void a_good_recipe(void **state)
{
    (void)state;
    recipe *r = NULL;
    char line[1024], hash[HASH_HEX_SIZE];
    assert_int_equal(open_text(good_recipe, strlen(good_recipe), &r, line), HEARTH_OK);
    check_values(r);
    check_shape(r);
    assert_string_equal(r->path, path);
    assert_string_equal(r->folder, "/tmp");
    assert_int_equal(hash_bytes_hex(good_recipe, strlen(good_recipe), hash, NULL), HEARTH_OK);
    assert_string_equal(r->sha256, hash);
    recipe_close(r);
    recipe_close(NULL);
}

static void malformed_ones(void **state)
{
    (void)state;
    const size_t count = sizeof malformed_recipes / sizeof malformed_recipes[0];
    assert_true(count >= 40);
    buffer text;
    buffer_init(&text, 0);
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const malformed *m = &malformed_recipes[i];
        recipe *r = NULL;
        char line[1024], expected[1024];
        if (m->from != NULL) {
            edit(m->from, m->to, &text);
        } else {
            buffer_clear(&text);
            assert_int_equal(buffer_append_text(&text, m->to, NULL), HEARTH_OK);
        }
        const hearth_status status = open_text(buffer_text(&text), text.length, &r, line);
        snprintf(expected, sizeof expected, "%s: %s", path, m->line);
        if (status == HEARTH_OK || r != NULL || strcmp(line, expected) != 0) {
            printf("# %zu: expected %s\n#    found %s\n", i, expected, status == HEARTH_OK ? "a recipe" : line);
            wrong++;
        }
        recipe_close(r);
    }
    buffer_free(&text);
    assert_int_equal(wrong, 0);
}

/* A prefix of a good recipe is refused as long as a required key is missing, and never read beyond its end. */
static void cut_short(void **state)
{
    (void)state;
    char line[1024];
    const size_t whole =
        (size_t)(strstr(good_recipe, "checkpoint_steps: ") - good_recipe) + strlen("checkpoint_steps: ");
    for (size_t length = 0; length < strlen(good_recipe); length += length + 200 < whole ? 7 : 1) {
        recipe *r = NULL;
        const hearth_status status = open_text(good_recipe, length, &r, line);
        assert_true(length > whole || status != HEARTH_OK);
        recipe_close(r);
    }
}

/* What grows without bound outside ends at a limit here. */
static void large_ones(void **state)
{
    (void)state;
    char line[1024];
    recipe *r = NULL;
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(buffer_append_text(&text, "a: [", NULL), HEARTH_OK);
    for (int i = 0; i < 300000; i++) {
        assert_int_equal(buffer_append_text(&text, "1,", NULL), HEARTH_OK);
    }
    assert_int_equal(open_text(buffer_text(&text), text.length, &r, line), HEARTH_E_LIMIT);
    assert_non_null(strstr(line, "at most 200000 values"));
    buffer_clear(&text);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(buffer_printf(&text, NULL, "k%d: 1\n", i), HEARTH_OK);
    }
    assert_int_equal(open_text(buffer_text(&text), text.length, &r, line), HEARTH_E_LIMIT);
    assert_non_null(strstr(line, "line 257 column 1: k256: expected at most 256 keys"));
    buffer_clear(&text);
    for (int i = 0; i < 5 << 20; i++) {
        assert_int_equal(buffer_append_char(&text, ' ', NULL), HEARTH_OK);
    }
    assert_int_equal(open_text(buffer_text(&text), text.length, &r, line), HEARTH_E_LIMIT);
    buffer_free(&text);
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    hearth_error error = {0};
    recipe *r = NULL;
    assert_int_equal(recipe_open("/tmp/no-such-recipe.yaml", &r, &error), HEARTH_E_NOT_FOUND);
    assert_null(r);
    assert_string_equal(error.file, "/tmp/no-such-recipe.yaml");
}

static void licences(void **state)
{
    (void)state;
    static const char *const good[] = {"MIT",
                                       "CC0-1.0",
                                       "GPL-2.0+",
                                       "MIT OR Apache-2.0",
                                       "(MIT AND BSD-3-Clause) OR GPL-3.0-or-later WITH GCC-exception-3.1",
                                       "LicenseRef-mine",
                                       "DocumentRef-x:LicenseRef-y"};
    static const char *const bad[] = {"",         " MIT",   "MIT ",     "MIT Apache-2.0",
                                      "OR MIT",   "MIT OR", "(MIT",     "MIT)",
                                      "MIT, GPL", "()",     "MIT WITH", "MIT AND OR GPL-2.0",
                                      "WITH x",   "MIT++",  "MIT/X",    "((((((((((((((((((MIT))))))))))))))))))"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(spdx_fits(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (spdx_fits(bad[i])) {
            fail_msg("taken: \"%s\"", bad[i]);
        }
    }
}

/* The lines that two recipes differ in; `expected`: "key: before > after|…". */
static void expect_changes(const char *other, const char *expected)
{
    recipe *r[2] = {NULL, NULL};
    char line[1024], found[1024] = "";
    flat_recipe flat[2];
    flat_change *changes = NULL;
    size_t count = 0, at = 0;
    arena *a = arena_create(0);
    assert_int_equal(open_text(good_recipe, strlen(good_recipe), &r[0], line), HEARTH_OK);
    assert_int_equal(open_text(other, strlen(other), &r[1], line), HEARTH_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recipe_flatten(r[i], a, &flat[i], NULL), HEARTH_OK);
    }
    assert_int_equal(recipe_compare(&flat[0], &flat[1], a, &changes, &count, NULL), HEARTH_OK);
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(found + at, sizeof found - at, "%s: %s > %s|", changes[i].key,
                               changes[i].before != NULL ? changes[i].before : "",
                               changes[i].after != NULL ? changes[i].after : "");
    }
    assert_string_equal(found, expected);
    recipe_close(r[0]);
    recipe_close(r[1]);
    arena_destroy(a);
}

static void differences(void **state)
{
    (void)state;
    buffer text;
    buffer_init(&text, 0);
    expect_changes(good_recipe, "");
    edit("  heads: 4\n", "  heads: 4   # four\n  head_size: 32\n  kv_heads: 4\n", &text);
    expect_changes(buffer_text(&text), ""); /* what was the default is said */
    edit("  heads: 4\n", "  heads: 8\n", &text);
    expect_changes(buffer_text(&text), "model.heads: 4 > 8|model.kv_heads: 4 > 8|model.head_size: 32 > 16|");
    edit("  learning_rate: 0.003\n", "  learning_rate: 3.0e-3\n  eps: 1e-9\n", &text);
    expect_changes(buffer_text(&text), "train.eps: 1e-08 > 1e-09|");
    edit("  - nfc\n", "", &text);
    expect_changes(buffer_text(&text), "rules: nfc, length > length|");
    edit("    min_characters: 20\n", "", &text);
    expect_changes(buffer_text(&text), "rules.length.min_characters: 20 > |");
    edit("    - path: b.txt\n", "    - path: c.txt\n", &text);
    expect_changes(buffer_text(&text),
                   "sources.texts.pins: a.txt, b.txt > a.txt, c.txt|sources.texts.pins.b.txt.sha256: "
                   "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef > |"
                   "sources.texts.pins.c.txt.sha256:  > "
                   "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef|");
    buffer_free(&text);
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/recipe-test-%d.yaml", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_recipe), cmocka_unit_test(malformed_ones),           cmocka_unit_test(cut_short),
        cmocka_unit_test(large_ones),    cmocka_unit_test(a_file_that_is_not_there), cmocka_unit_test(licences),
        cmocka_unit_test(differences),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
