/* WordPiece by itself: what is cut how (by hand, after the rules of BERT's paper and Hugging Face's library), files
 * that cannot be, and that time is linear in a hostile word. Ids of real texts: compare_hf.py,
 * tests/model/test_encoders.c. */
#include "model/load_tokenizer.h"
#include "tokenizer/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NORMALIZER(rest) "\"normalizer\":{\"type\":\"BertNormalizer\"" rest "},"
#define AROUND                                                                                                         \
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\"},"
#define VOCAB                                                                                                          \
    "\"vocab\":{\"[UNK]\":0,\"un\":1,\"##aff\":2,\"##able\":3,\"a\":4,\"##a\":5,\"##aaaa\":6,\"\xC3\xA9\":7,\"e\":8,"  \
    "\"A\":9,"                                                                                                         \
    "\"\xE7\x8C\xAB\":10,\".\":11,\"do\":12,\"n\":13,\"'\":14,\"##\xCC\x81\":15,\"##'t\":16}"
#define MODEL(rest) "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\"," rest VOCAB "}"

static tokenizer *make(const char *text)
{
    tokenizer *t = NULL;
    hearth_error error = {0};
    char line[400];
    if (load_tokenizer_json_text(text, strlen(text), &t, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    return t;
}

static void expect_ids(const tokenizer *t, const char *text, size_t length, const char *expected)
{
    token_list ids = {0};
    char got[256] = "";
    assert_int_equal(tokenizer_encode(t, text, length, ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    for (size_t i = 0, at = 0; i < ids.count && at < sizeof got - 12; i++) {
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%d", i > 0 ? " " : "", ids.ids[i]);
    }
    token_list_free(&ids);
    assert_string_equal(got, expected);
}

#define EXPECT(t, text, expected) expect_ids(t, text, sizeof(text) - 1, expected)

static void the_longest_token_comes_first(void **state)
{
    (void)state;
    tokenizer *t = make("{" NORMALIZER("") AROUND MODEL("\"max_input_chars_per_word\":12,") "}");
    assert_string_equal(tokenizer_kind(t), "WordPiece (tokenizer.json)");
    EXPECT(t, "unaffable", "1 2 3");
    EXPECT(t,
           "Un\xC3\xA1"
           "ffable",
           "1 2 3");             /* lower case, without its accent */
    EXPECT(t, "unaffably", "0"); /* what cannot be cut to its end is unknown as a whole */
    EXPECT(t, "unaffable unaffably a", "1 2 3 0 4");
    EXPECT(t, "aaaaa", "4 6");
    EXPECT(t, "aaaaaa", "4 6 5");
    EXPECT(t, "aaaaaaaaaaaaa", "0"); /* thirteen characters */
    EXPECT(t, "\xC3\xA9", "8");
    EXPECT(t,
           "a\xE7\x8C\xAB"
           "a.a",
           "4 10 4 11 4"); /* Chinese characters and punctuation stand alone */
    EXPECT(t,
           "a\x01\x7F\xC2\xAD"
           "a\0a",
           "4 5 5"); /* control characters are not there */
    EXPECT(t,
           "a\tb a\xE2\x80\x83"
           "a",
           "4 0 4 4");
    EXPECT(t,
           "\xFF"
           "a",
           "4"); /* no UTF-8: U+FFFD, which is dropped, too */
    EXPECT(t, "", "");
    tokenizer_free(t);
    t = make("{" NORMALIZER(",\"lowercase\":false,\"handle_chinese_chars\":false") AROUND MODEL("") "}");
    EXPECT(t, "A", "9");
    EXPECT(t, "\xC3\xA9", "7"); /* accents stay where case does */
    EXPECT(t, "e\xCC\x81", "8 15");
    EXPECT(t, "a\xE7\x8C\xAB", "0");
    tokenizer_free(t);
}

static void texts_come_back(void **state)
{
    (void)state;
    tokenizer *t = make("{" NORMALIZER("") AROUND MODEL("") "}");
    static const int32_t ids[] = {2, 1, 2, 11, 4, 16};
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(tokenizer_decode(t, ids, 6, DECODE_PLAIN, &text, NULL), HEARTH_OK);
    assert_string_equal(buffer_text(&text), "##aff unaff. a't"); /* the first token as it is written */
    buffer_free(&text);
    tokenizer_free(t);
}

static void expect_refused(const char *json, hearth_status status, const char *word)
{
    tokenizer *t = NULL;
    hearth_error error = {0};
    char line[512];
    assert_int_equal(load_tokenizer_json_text(json, strlen(json), &t, &error), status);
    assert_null(t);
    if (strstr(hearth_error_line(&error, line, sizeof line), word) == NULL) {
        fail_msg("no '%s' in: %s", word, line);
    }
}

static void files_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_refused("{" AROUND "\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", HEARTH_E_FORMAT,
                   "unknown token");
    expect_refused("{" AROUND "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"x\",\"vocab\":{\"a\":0}}}",
                   HEARTH_E_FORMAT, "unk_token");
    expect_refused("{" AROUND MODEL("\"max_input_chars_per_word\":-1,") "}", HEARTH_E_FORMAT,
                   "max_input_chars_per_word");
    expect_refused("{" AROUND MODEL("\"continuing_subword_prefix\":7,") "}", HEARTH_E_FORMAT,
                   "continuing_subword_prefix");
    expect_refused("{" NORMALIZER(",\"lowercase\":3") AROUND MODEL("") "}", HEARTH_E_FORMAT, "normalizer.lowercase");
    expect_refused("{" AROUND "\"model\":{\"type\":\"Other\",\"vocab\":{}}}", HEARTH_E_UNSUPPORTED, "WordPiece");
    expect_refused("{\"decoder\":{\"type\":\"WordPiece\"}," MODEL("") "}", HEARTH_E_FORMAT, "decoder.prefix");
}

/* Steps grow with the length and no faster: without a limit on a word's characters, a megabyte of one letter is cut, or
 * is found unknown at its last character. A quadratic way would take hours. */
static void a_hostile_word_takes_linear_time(void **state)
{
    (void)state;
    tokenizer *t = make("{" NORMALIZER("") AROUND MODEL("\"max_input_chars_per_word\":1000000000,") "}");
    const size_t length = (size_t)4 << 20;
    char *word = malloc(length);
    token_list ids = {0};
    assert_non_null(word);
    memset(word, 'a', length);
    assert_int_equal(tokenizer_encode(t, word, length, ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    assert_int_equal(ids.count, 1 + (length - 1) / 4 + (length - 1) % 4);
    word[length - 1] = 'z';
    ids.count = 0;
    assert_int_equal(tokenizer_encode(t, word, length, ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    assert_true(ids.count == 1 && ids.ids[0] == 0);
    token_list_free(&ids);
    free(word);
    tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_token_comes_first),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(files_that_cannot_be_are_refused),
        cmocka_unit_test(a_hostile_word_takes_linear_time),
    };
    return cmocka_run_group_tests_name("WordPiece", tests, NULL, NULL);
}
