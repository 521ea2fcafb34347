/* Rules: what each keeps, changes and drops, and how it says so. */
#include "corpus_support.h"

#include "base/json.h"
#include "corpus/near.h"
#include "recipe/spdx.h"
#include "corpus/word_grams.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Runs one rule over texts, a file each; the manifest stays in place("out"). */
typedef struct run {
    json_t *manifest;
    const char *kept;
} run;

static run run_rule(const char *const *texts, size_t count, const recipe_rule *rule)
{
    char command[600], name[32];
    snprintf(command, sizeof command, "rm -rf '%s'", place("in"));
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "in/%03zu", i);
        place_write(name, texts[i]);
    }
    const recipe_source s = {.name = "s", .kind = SOURCE_FOLDER, .path = "in", .licence = "MIT"};
    const recipe r = make_recipe(&s, 1, rule, 1);
    (void)must_build(&r, "out", 2);
    return (run){read_manifest("out"), kept_texts("out")};
}

/* The same with one text; the fate and reason of it: "kept", "length: 3 characters, fewer than 4". */
static const char *fate_of(const char *text, const recipe_rule *rule)
{
    static char answer[700];
    const run r = run_rule(&text, 1, rule);
    const json_t *row = row_of(r.manifest, 1);
    snprintf(answer, sizeof answer, "%s%s%s", text_of(row, "fate"), *text_of(row, "reason") != '\0' ? ": " : "",
             text_of(row, "reason"));
    json_decref(r.manifest);
    return answer;
}

#define PARAMETER(n, v)                                                                                                \
    {                                                                                                                  \
        .name = (n), .value = (v), .line = 7, .column = 9                                                              \
    }

static recipe_rule named(const char *name)
{
    return (recipe_rule){.name = name, .line = 3, .column = 5};
}

static void broken_characters_are_repaired(void **state)
{
    (void)state;
    static const char *const texts[] = {"a\xFFz", "\xC3\xA9", "\xF0\x9F\x98"};
    const recipe_rule rule = named("utf8_repair");
    const run r = run_rule(texts, 3, &rule);
    assert_string_equal(r.kept, "a\xEF\xBF\xBDz\n--\n\xC3\xA9\n--\n\xEF\xBF\xBD\n--\n");
    json_decref(r.manifest);
}

static void composed_characters(void **state)
{
    (void)state;
    static const char *const texts[] = {"e\xCC\x81", "plain", "\xE2\x84\xAB"};
    const recipe_rule rule = named("nfc");
    const run r = run_rule(texts, 3, &rule);
    assert_string_equal(r.kept, "\xC3\xA9\n--\nplain\n--\n\xC3\x85\n--\n");
    json_decref(r.manifest);
    assert_string_equal(fate_of("\xFF", &rule), "invalid_utf8: bytes that are no UTF-8");
}

static void lengths(void **state)
{
    (void)state;
    const recipe_parameter p[] = {PARAMETER("min_characters", "3"), PARAMETER("max_characters", "5")};
    recipe_rule rule = named("length");
    rule.parameters = p;
    rule.parameter_count = 2;
    assert_string_equal(fate_of("\xC3\xA9\xC3\xA9", &rule), "length: 2 characters, fewer than 3");
    assert_string_equal(fate_of("\xC3\xA9\xC3\xA9\xC3\xA9", &rule), "kept");
    assert_string_equal(fate_of("123456", &rule), "length: 6 characters, more than 5");
}

static void gopher_quality(void **state)
{
    (void)state;
    char text[4000] = "";
    recipe_parameter p[] = {PARAMETER("min_words", "5"), PARAMETER("stop_words", "of\nand")};
    recipe_rule rule = named("gopher_quality");
    assert_string_equal(fate_of("The cat and the dog.", &rule), "gopher_quality: 5 words, not from 50 to 100000");
    rule.parameters = p;
    rule.parameter_count = 2;
    assert_string_equal(fate_of("cats and dogs of old times", &rule), "kept");
    assert_string_equal(fate_of("cats and dogs in old times", &rule), "gopher_quality: 1 stop words, fewer than 2");
    assert_string_equal(fate_of("a b c d e f of and", &rule),
                        "gopher_quality: words of 1.38 characters on average, not from 3 to 10");
    assert_string_equal(fate_of("cats # and dogs of old times are", &rule),
                        "gopher_quality: 1 # on 8 words, more than 0.1");
    assert_string_equal(fate_of("cats and dogs of... old times... gone", &rule),
                        "gopher_quality: 2 ellipses on 7 words, more than 0.1");
    assert_string_equal(fate_of("cats and dogs of 1999 2000 2001", &rule),
                        "gopher_quality: 4 of 7 words with a letter, fewer than 0.8");
    for (int i = 0; i < 10; i++) {
        strcat(text, "- cats and dogs of old times\n");
    }
    assert_string_equal(fate_of(text, &rule), "gopher_quality: 10 of 10 lines begin with a bullet, more than 0.9");
    assert_string_equal(
        fate_of("cats and dogs of old times with many other things...\nanother line of the cats and dogs "
                "that went home for dinner\nand then some more of it that nobody has to read",
                &rule),
        "gopher_quality: 1 of 3 lines end with an ellipsis, more than 0.3");
}

static void c4_quality(void **state)
{
    (void)state;
    const recipe_parameter p[] = {PARAMETER("min_sentences", "2"), PARAMETER("braces", "no")};
    recipe_rule rule = named("c4_quality");
    rule.parameters = p;
    rule.parameter_count = 2;
    const char *text = "Menu\nThe first sentence stays. So does \"this one!\"\nNo end of this line\nToo short.\n"
                       "Please enable Javascript to go on.\nOur Privacy Policy is long.\nAnd this goes on...\n"
                       "f(x) { is a line of code.\n";
    const run r = run_rule(&text, 1, &rule);
    assert_string_equal(r.kept, "The first sentence stays. So does \"this one!\"\nf(x) { is a line of code.\n--\n");
    json_decref(r.manifest);
    assert_string_equal(fate_of("One sentence is here.", &rule),
                        "c4_quality: 1 sentences in the lines that are left, fewer than 2");
    assert_string_equal(fate_of("Lorem Ipsum dolor sit amet. And so on.", &rule), "c4_quality: lorem ipsum");
    rule.parameter_count = 1;
    assert_string_equal(fate_of("This is a sentence. This is code {}.", &rule), "c4_quality: a brace {: code");
}

static void repetition(void **state)
{
    (void)state;
    const recipe_parameter any[] = {PARAMETER("top_4", "1")};
    recipe_rule rule = named("repetition");
    assert_string_equal(fate_of("one line\none line\nanother here", &rule),
                        "repetition: 1 of 3 lines are repeated, more than 0.3");
    assert_string_equal(fate_of("a\nb\nc\nthis one is very long indeed\nthis one is very long indeed\nd\ne", &rule),
                        "repetition: 28 of 67 characters in repeated lines, more than 0.2");
    assert_string_equal(fate_of("p1 x\np1 y\n\np2 x\np2 z\n\np1 x\np1 y", &rule),
                        "repetition: 2 of 6 lines are repeated, more than 0.3");
    assert_string_equal(fate_of("the cat saw the cat and the cat ran to the cat there", &rule),
                        "repetition: 28 of 52 characters in the most frequent 2 words, more than 0.2");
    const char *ten = "k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 l1 l2 l3 l4 l5 l6 l7 l8 l9 l10 m1 m2 m3 m4 m5 m6 m7 m8 m9 m10";
    assert_string_equal(fate_of(ten, &rule), "kept");
    char text[600];
    snprintf(text, sizeof text, "%s k1 k2 k3 k4 k5 k6 k7 k8 k9 k10", ten);
    assert_string_equal(fate_of(text, &rule),
                        "repetition: 22 of 123 characters in the most frequent 4 words, more than 0.16");
    rule.parameters = any;
    rule.parameter_count = 1;
    assert_string_equal(fate_of(text, &rule),
                        "repetition: 21 of 123 characters in repeated groups of 5 words, more than 0.15");
}

static void spdx_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        spdx_verdict verdict;
    } wanted[] = {
        {"MIT", SPDX_ALLOWED},
        {"mit", SPDX_ALLOWED},
        {"GPL-2.0-only", SPDX_NOT_ALLOWED},
        {"MIT OR GPL-2.0-only", SPDX_ALLOWED},
        {"GPL-2.0-only or MIT", SPDX_ALLOWED},
        {"MIT AND GPL-2.0-only", SPDX_NOT_ALLOWED},
        {"MIT AND Apache-2.0", SPDX_ALLOWED},
        {"GPL-2.0-only OR MIT AND GPL-2.0-only", SPDX_NOT_ALLOWED},
        {"(GPL-2.0-only OR MIT) AND Apache-2.0", SPDX_ALLOWED},
        {"GPL-2.0-or-later WITH Classpath-exception-2.0", SPDX_ALLOWED},
        {"GPL-2.0-or-later", SPDX_NOT_ALLOWED},
        {"MIT WITH Classpath-exception-2.0", SPDX_NOT_ALLOWED},
        {"NOASSERTION", SPDX_NOT_ALLOWED},
        {"LicenseRef-x OR DocumentRef-y:LicenseRef-z", SPDX_NOT_ALLOWED},
        {"", SPDX_MALFORMED},
        {"MIT OR", SPDX_MALFORMED},
        {"OR MIT", SPDX_MALFORMED},
        {"(MIT", SPDX_MALFORMED},
        {"MIT)", SPDX_MALFORMED},
        {"MIT Apache-2.0", SPDX_MALFORMED},
        {"MIT / Apache-2.0", SPDX_MALFORMED},
        {"MIT WITH", SPDX_MALFORMED},
        {"((((((((((((((((((((((((((((((((((MIT", SPDX_MALFORMED},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (spdx_allows(wanted[i].expression, "MIT\nApache-2.0\nGPL-2.0-or-later WITH Classpath-exception-2.0") !=
            wanted[i].verdict) {
            fail_msg("%s", wanted[i].expression);
        }
    }
    recipe_parameter p[] = {PARAMETER("licences", "CC0-1.0\nISC")};
    recipe_rule rule = named("licence_allow");
    rule.parameters = p;
    rule.parameter_count = 1;
    assert_string_equal(fate_of("x", &rule), "licence_allow: MIT is not allowed");
    p[0].value = "ISC\nMIT";
    assert_string_equal(fate_of("x", &rule), "kept");
}

static void personal_data_becomes_marks(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"Write to jane.doe+x@mail.example.org.", "Write to [email]."},
        {"<a@b.co>, (c_d@e-f.de)", "<[email]>, ([email])"},
        {"not@host, @handle, a@b.c, x@1.2.3", "not@host, @handle, a@b.c, x@1.2.3"},
        {"from 8.8.4.4 and 203.0.113.77:80", "from [ip] and [ip]:80"},
        {"127.0.0.1 10.1.2.3 192.168.0.1 172.20.1.1 0.0.0.0 300.1.1.1 1.2.3.4.5 v1.2.3",
         "127.0.0.1 10.1.2.3 192.168.0.1 172.20.1.1 0.0.0.0 300.1.1.1 1.2.3.4.5 v1.2.3"},
        {"at 2001:db8:85a3:0:0:8a2e:370:7334, fe80::1:2:3:4 and std::a::b 12:34:56",
         "at [ip], fe80::1:2:3:4 and std::a::b 12:34:56"},
        {"card 4111 1111 1111 1111, 4111-1111-1111-1111", "card [card], [card]"},
        {"4111111111111112 5500000000000004 x4111111111111111", "4111111111111112 [card] x4111111111111111"},
        {"+49 (30) 123456-78 or +1 415 555 0100", "[phone] or [phone]"},
        {"(415) 555-0100, 415-555-0100, 415.555.0100", "[phone], [phone], [phone]"},
        {"+1 2 3, 1999-12-31, 415-555-01000, ISBN 978-3-16-148410-0, 2+2",
         "+1 2 3, 1999-12-31, 415-555-01000, ISBN 978-3-16-148410-0, 2+2"},
        {"nothing here", "nothing here"},
    };
    enum { COUNT = sizeof pairs / sizeof *pairs };
    const char *texts[COUNT];
    recipe_rule rule = named("personal_data");
    for (size_t i = 0; i < COUNT; i++) {
        texts[i] = pairs[i][0];
    }
    const run r = run_rule(texts, COUNT, &rule);
    const char *at = r.kept;
    for (size_t i = 0; i < COUNT; i++) {
        const char *end = strstr(at, "\n--\n");
        assert_non_null(end);
        if (strlen(pairs[i][1]) != (size_t)(end - at) || memcmp(at, pairs[i][1], (size_t)(end - at)) != 0) {
            fail_msg("%s: %.*s", pairs[i][0], (int)(end - at), at);
        }
        at = end + 4;
    }
    json_decref(r.manifest);
    recipe_parameter p[] = {PARAMETER("kinds", "ip")};
    rule.parameters = p;
    rule.parameter_count = 1;
    const run only = run_rule(texts + 3, 1, &rule);
    assert_string_equal(only.kept, "from [ip] and [ip]:80\n--\n");
    json_decref(only.manifest);
}

static void equal_texts_are_dropped(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "two", "one", "two", "One"};
    const recipe_rule rule = named("exact_duplicates");
    const run r = run_rule(texts, 5, &rule);
    assert_string_equal(r.kept, "one\n--\ntwo\n--\nOne\n--\n");
    assert_string_equal(text_of(row_of(r.manifest, 4), "reason"), "the same text as document 2");
    json_decref(r.manifest);
}

/* ---- near duplicates, as datasketch finds them (make_near_golden.py) ---- */

static json_t *read_golden(void)
{
    char path[512];
    buffer text;
    json_t *root = NULL;
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/corpus/near.golden", source != NULL ? source : ".");
    buffer_init(&text, 0);
    assert_int_equal(file_read(path, 1u << 20, &text, NULL), HEARTH_OK);
    assert_int_equal(json_door_parse(text.data, text.length, path, &root, NULL), HEARTH_OK);
    buffer_free(&text);
    return root;
}

static void signatures_are_those_of_datasketch(void **state)
{
    (void)state;
    json_t *golden = read_golden();
    const json_t *texts = json_object_get(golden, "texts");
    near_family family = {0};
    assert_int_equal(near_family_make(128, &family, NULL), HEARTH_OK);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *row = json_array_get(texts, i);
        const char *text = text_of(row, "text");
        uint32_t signature[128];
        char hex[HASH_HEX_SIZE];
        hash_list grams = {0};
        gram_reader reader;
        gram_reader_init(&reader);
        assert_int_equal(gram_reader_add(&reader, text, strlen(text), 5, true, &grams, NULL), HEARTH_OK);
        near_signature(&family, grams.items, grams.count, signature);
        assert_int_equal(hash_bytes_hex(signature, sizeof signature, hex, NULL), HEARTH_OK);
        assert_string_equal(hex, text_of(row, "signature"));
        hash_list_free(&grams);
        gram_reader_free(&reader);
    }
    near_family_free(&family);
    json_decref(golden);
}

static void near_duplicates_are_those_of_datasketch(void **state)
{
    (void)state;
    json_t *golden = read_golden();
    const json_t *rows = json_object_get(golden, "texts");
    const char *texts[100];
    size_t dropped = 0;
    const size_t count = json_array_size(rows);
    assert_true(count > 50 && count <= 100);
    for (size_t i = 0; i < count; i++) {
        texts[i] = text_of(json_array_get(rows, i), "text");
    }
    const recipe_rule rule = named("near_duplicates");
    const run r = run_rule(texts, count, &rule);
    for (size_t i = 0; i < count; i++) {
        const json_t *metadata = json_object_get(row_of(r.manifest, i + 1), "metadata");
        const json_int_t like = json_integer_value(json_object_get(metadata, "duplicate_of"));
        assert_int_equal(like, json_integer_value(json_object_get(json_array_get(rows, i), "duplicate_of")));
        dropped += like != 0;
    }
    assert_true(dropped > 10 && dropped < count - 30);
    json_decref(r.manifest);
    json_decref(golden);
}

/* ---- lists ---- */

static void who_opted_out_is_left_out(void **state)
{
    (void)state;
    static const char *const texts[] = {"first", "second", "third", "fourth"};
    char list[300], hex[HASH_HEX_SIZE];
    assert_int_equal(hash_bytes_hex("second", 6, hex, NULL), HEARTH_OK);
    snprintf(list, sizeof list, "# a comment\n%s\r\n000\n00/*\n003*\n", hex);
    place_write("out.txt", list);
    recipe_parameter p[] = {PARAMETER("path", "out.txt"), PARAMETER("sha256", "0")};
    recipe_rule rule = named("opt_out");
    rule.parameters = p;
    rule.parameter_count = 1;
    const run r = run_rule(texts, 4, &rule);
    assert_string_equal(r.kept, "third\n--\n");
    assert_string_equal(text_of(row_of(r.manifest, 2), "reason"), "its SHA-256 is in out.txt");
    assert_string_equal(text_of(row_of(r.manifest, 4), "reason"), "its place is in out.txt");
    json_decref(r.manifest);
    rule.parameter_count = 2;
    const recipe_source s = {.name = "s", .kind = SOURCE_FOLDER, .path = "in"};
    const recipe broken = make_recipe(&s, 1, &rule, 1);
    assert_non_null(strstr(must_fail(&broken), "recipe.yaml: line 7 column 9: expected out.txt of SHA-256"));
}

static void evaluation_sets_are_found(void **state)
{
    (void)state;
    static const char question[] = "A farmer has seventeen sheep; and all but nine run away, so how many are left?";
    char records[300];
    snprintf(records, sizeof records, "{\"question\": \"%s\", \"answer\": [\"nine\"]}\n", question);
    place_write("eval/test.jsonl", records);
    place_write("eval/more.txt", "one two three four five six seven eight nine ten eleven twelve thirteen\n");
    place_write("eval/ignored.md", "# not a set\n");
    static const char *const texts[] = {
        "Riddle: A FARMER has seventeen sheep and, all but nine run away. So how many",
        "A farmer has seventeen cows and all but nine run away so how many are left",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"};
    recipe_parameter p[] = {PARAMETER("path", "eval"), PARAMETER("words", "13")};
    recipe_rule rule = named("contamination");
    rule.parameters = p;
    rule.parameter_count = 2;
    const run r = run_rule(texts, 3, &rule);
    assert_string_equal(
        text_of(row_of(r.manifest, 1), "reason"),
        "2 groups of 13 words are in eval, first: a farmer has seventeen sheep and all but nine run away "
        "so how");
    assert_string_equal(text_of(row_of(r.manifest, 2), "fate"), "kept");
    assert_string_equal(text_of(row_of(r.manifest, 3), "fate"), "contamination");
    json_decref(r.manifest);
    p[0].value = "eval/ignored.md";
    const recipe_source s = {.name = "s", .kind = SOURCE_FOLDER, .path = "in"};
    const recipe broken = make_recipe(&s, 1, &rule, 1);
    assert_non_null(strstr(must_fail(&broken), "line 7 column 9: expected evaluation texts"));
}

/* The fixtures' questions, one planted in a text, against ordinary texts. */
static void questions_of_the_fixtures(void **state)
{
    (void)state;
    const char *fixtures = getenv("HEARTH_FIXTURES");
    char sets[600], texts_place[600];
    snprintf(sets, sizeof sets, "%s/eval", fixtures != NULL ? fixtures : "../shared/fixtures");
    snprintf(texts_place, sizeof texts_place, "%s/texts/tinyshakespeare",
             fixtures != NULL ? fixtures : "../shared/fixtures");
    if (!file_is_folder(sets) || !file_is_folder(texts_place)) {
        skip();
    }
    static const char planted[] = "He then asked us this. Janet\xE2\x80\x99s ducks lay 16 eggs per day. She eats three "
                                  "for breakfast every morning and "
                                  "bakes muffins for her friends every day with four. That was all.\n";
    place_write("planted.txt", planted);
    const recipe_parameter p[] = {PARAMETER("path", sets)};
    recipe_rule rule = named("contamination");
    rule.parameters = p;
    rule.parameter_count = 1;
    const recipe_source s[] = {{.name = "a", .kind = SOURCE_TEXT, .path = "planted.txt", .split = "line"},
                               {.name = "b", .kind = SOURCE_FOLDER, .path = texts_place}};
    const recipe r = make_recipe(s, 2, &rule, 1);
    const manifest_totals t = must_build(&r, "out", 2);
    json_t *m = read_manifest("out");
    assert_string_equal(text_of(row_of(m, 1), "fate"), "contamination");
    assert_true(t.kept > 0);
    json_decref(m);
}

static void languages(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "The house stands on a hill, and from its windows one can see the whole of the valley with its river and "
        "woods.",
        "Das Haus steht auf einem H\xC3\xBCgel, und aus seinen Fenstern kann man das ganze Tal mit seinem Fluss sehen.",
        "La maison se trouve sur une colline, et de ses fen\xC3\xAAtres on peut voir toute la vall\xC3\xA9"
        "e et ses bois.",
        "x"};
    recipe_parameter p[] = {PARAMETER("allow", "de\nen")};
    recipe_rule rule = named("language");
    rule.parameters = p;
    rule.parameter_count = 1;
    const run r = run_rule(texts, 4, &rule);
    assert_string_equal(text_of(row_of(r.manifest, 1), "language"), "en");
    assert_string_equal(text_of(row_of(r.manifest, 2), "language"), "de");
    assert_string_equal(text_of(row_of(r.manifest, 3), "reason"), "its language is fr");
    assert_string_equal(text_of(row_of(r.manifest, 4), "reason"), "no language is recognised");
    json_decref(r.manifest);
}

/* What the table does not have or allow is an error that says where in the recipe. */
static void wrong_rules_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *parameter, *value, *says;
    } wrong[] = {
        {"gopher", NULL, NULL, "recipe.yaml: line 3 column 5: expected a rule: utf8_repair, nfc, length"},
        {"nfc", "form", "nfd", "recipe.yaml: line 7 column 9: expected no parameters, found \"form\""},
        {"length", "minimum", "1", "line 7 column 9: expected a parameter: min_characters, max_characters, found"},
        {"length", "max_characters", "0", "line 7 column 9: expected a whole number from 1 to 1000000000, found \"0\""},
        {"length", "max_characters", "1.5", "a whole number"},
        {"length", "max_characters", "", "a whole number"},
        {"repetition", "lines", "1.01", "expected a number from 0 to 1, found \"1.01\""},
        {"repetition", "lines", "nan", "expected a number from 0 to 1"},
        {"repetition", "lines", "0x1", "expected a number from 0 to 1"},
        {"c4_quality", "braces", "maybe", "expected one of: yes no, found \"maybe\""},
        {"c4_quality", "braces", "", "expected one of: yes no"},
        {"licence_allow", NULL, NULL, "line 3 column 5: expected the parameter licences of licence_allow"},
        {"personal_data", "kinds", "email\nname", "line 7 column 9: expected email, ip, card, phone"},
        {"near_duplicates", "threshold", "0", "expected a number from 0.01 to 1"},
        {"contamination", "path", "nowhere", "nowhere"},
        {"opt_out", "path", "nowhere", "nowhere"},
        {"language", "profiles", "nowhere", "nowhere"},
    };
    const recipe_source s = {.name = "g", .kind = SOURCE_GENERATOR, .generator = "sums", .documents = 1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const recipe_parameter p[] = {PARAMETER(wrong[i].parameter, wrong[i].value)};
        recipe_rule rule = named(wrong[i].rule);
        rule.parameters = p;
        rule.parameter_count = wrong[i].parameter != NULL;
        const recipe r = make_recipe(&s, 1, &rule, 1);
        const char *line = must_fail(&r);
        if (strstr(line, wrong[i].says) == NULL) {
            fail_msg("%s: %s", wrong[i].says, line);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_characters_are_repaired),
        cmocka_unit_test(composed_characters),
        cmocka_unit_test(lengths),
        cmocka_unit_test(gopher_quality),
        cmocka_unit_test(c4_quality),
        cmocka_unit_test(repetition),
        cmocka_unit_test(spdx_expressions),
        cmocka_unit_test(personal_data_becomes_marks),
        cmocka_unit_test(equal_texts_are_dropped),
        cmocka_unit_test(signatures_are_those_of_datasketch),
        cmocka_unit_test(near_duplicates_are_those_of_datasketch),
        cmocka_unit_test(who_opted_out_is_left_out),
        cmocka_unit_test(evaluation_sets_are_found),
        cmocka_unit_test(questions_of_the_fixtures),
        cmocka_unit_test(languages),
        cmocka_unit_test(wrong_rules_name_line_and_column),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
