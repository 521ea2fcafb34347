/* Learning: golden/learn.json (make_learn_golden.py: what Hugging Face's trainer learns), the fixture's merges,
 * threads, places to cut, counts, ties, what is refused. */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "tokenizer/internal.h"
#include "tokenizer/learn.h"
#include "tokenizer/learn_bpe.h"
#include "tokenizer/learn_count.h"
#include "tokenizer/vocab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"gpt-2",       "llama-bpe", "dbrx",   "qwen2",        "qwen35",
                                    "smollm",      "command-r", "falcon", "deepseek-llm", "deepseek-coder",
                                    "deepseek-v3", "tekken",    "gpt-4o"};
#define NAMES (sizeof names / sizeof names[0])

static void good(hearth_status status, const hearth_error *error)
{
    char line[512];
    if (status != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(error, line, sizeof line));
    }
}

static json_t *read_json(const char *folder, const char *name)
{
    char path[512];
    hearth_error error = {0};
    buffer text;
    json_t *value = NULL;
    buffer_init(&text, 0);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    good(file_read(path, 1 << 26, &text, &error), &error);
    good(json_door_parse(text.data, text.length, path, &value, &error), &error);
    buffer_free(&text);
    return value;
}

static const char *source_folder(void)
{
    static char path[512];
    const char *source = getenv("HEARTH_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/tokenizer/golden", source != NULL ? source : ".");
    return path;
}

/* NULL where the fixture is absent. */
static const char *fixture_folder(void)
{
    static char path[512];
    const char *fixtures = getenv("HEARTH_FIXTURES");
    const char *source = getenv("HEARTH_SOURCE");
    if (fixtures != NULL) {
        (void)snprintf(path, sizeof path, "%s/tokenizers/bpe-training", fixtures);
    } else {
        (void)snprintf(path, sizeof path, "%s/../shared/fixtures/tokenizers/bpe-training",
                       source != NULL ? source : ".");
    }
    return file_is_folder(path) ? path : NULL;
}

/* Learns from documents; the caller frees. */
static char *learn(const learn_options *o, const json_t *documents, size_t *ret_length)
{
    hearth_error error = {0};
    learner *l = NULL;
    char *json = NULL;
    good(learner_create(o, &l, &error), &error);
    for (size_t i = 0; i < json_array_size(documents); i++) {
        const json_t *text = json_array_get(documents, i);
        good(learner_add(l, json_string_value(text), json_string_length(text), &error), &error);
    }
    good(learner_finish(l, &json, ret_length, &error), &error);
    learner_free(l);
    return json;
}

static void expect_refused(const learn_options *o, const char *expected)
{
    hearth_error error = {0};
    learner *l = NULL;
    char line[512];
    assert_int_not_equal(learner_create(o, &l, &error), HEARTH_OK);
    assert_null(l);
    (void)hearth_error_line(&error, line, sizeof line);
    assert_null(strchr(line, '\n'));
    if (strstr(line, expected) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", expected, line);
    }
}

/* ---- as Hugging Face's trainer ---- */

static learn_options options_of(const json_t *row, const char **special)
{
    const json_t *list = json_object_get(row, "special");
    for (size_t i = 0; i < json_array_size(list); i++) {
        special[i] = json_string_value(json_array_get(list, i));
    }
    return (learn_options){
        .vocab_size = (uint32_t)json_integer_value(json_object_get(row, "vocabulary")),
        .min_frequency = (uint32_t)json_integer_value(json_object_get(row, "min_frequency")),
        .pretokenizer = json_string_value(json_object_get(row, "pretokenizer")),
        .special = special,
        .special_count = json_array_size(list),
        .threads = 2,
    };
}

static void check_merges(const json_t *expected, const char *text, size_t length)
{
    hearth_error error = {0};
    json_t *made = NULL;
    good(json_door_parse(text, length, "made", &made, &error), &error);
    const json_t *merges = json_object_get(json_object_get(made, "model"), "merges");
    assert_int_equal(json_array_size(merges), json_array_size(expected));
    for (size_t i = 0; i < json_array_size(expected); i++) {
        char line[512];
        const json_t *pair = json_array_get(merges, i);
        (void)snprintf(line, sizeof line, "%s %s", json_string_value(json_array_get(pair, 0)),
                       json_string_value(json_array_get(pair, 1)));
        assert_string_equal(line, json_string_value(json_array_get(expected, i)));
    }
    json_decref(made);
}

/* The same file is read back here: its ids and its decoding. */
static void check_encoding(const json_t *row, const char *text, size_t length)
{
    hearth_error error = {0};
    tokenizer *t = NULL;
    good(load_tokenizer_json_text(text, length, &t, &error), &error);
    const json_t *encoded = json_object_get(row, "encoded");
    for (size_t i = 0; i < json_array_size(encoded); i++) {
        const json_t *one = json_array_get(encoded, i);
        const json_t *in = json_object_get(one, "text"), *expected = json_object_get(one, "ids");
        token_list ids = {0};
        good(tokenizer_encode(t, json_string_value(in), json_string_length(in), ENCODE_PLAIN, &ids, &error), &error);
        assert_int_equal(ids.count, json_array_size(expected));
        for (size_t k = 0; k < ids.count; k++) {
            assert_int_equal(ids.ids[k], json_integer_value(json_array_get(expected, k)));
        }
        buffer back;
        buffer_init(&back, 0);
        good(tokenizer_decode(t, ids.ids, ids.count, DECODE_SPECIAL, &back, &error), &error);
        if (strcmp(json_string_value(json_object_get(row, "pretokenizer")), "qwen2") != 0) { /* normal form C */
            assert_string_equal(buffer_text(&back), json_string_value(in));
        }
        buffer_free(&back);
        token_list_free(&ids);
    }
    tokenizer_free(t);
}

static void files_are_those_of_the_reference(void **state)
{
    (void)state;
    json_t *golden = read_json(source_folder(), "learn.json");
    assert_int_equal(json_array_size(golden), 8);
    size_t learned = 0;
    for (size_t i = 0; i < json_array_size(golden); i++) {
        const json_t *row = json_array_get(golden, i);
        const char *special[16];
        const learn_options o = options_of(row, special);
        if (json_array_size(json_object_get(row, "merges")) == 0) {
            continue; /* empty_texts_are_refused */
        }
        size_t length = 0;
        char sha256[HASH_HEX_SIZE];
        char *text = learn(&o, json_object_get(row, "documents"), &length);
        check_merges(json_object_get(row, "merges"), text, length);
        if (json_object_get(row, "file") != NULL) {
            assert_string_equal(text, json_string_value(json_object_get(row, "file")));
            learned++;
        }
        assert_int_equal(length, json_integer_value(json_object_get(row, "bytes")));
        good(hash_bytes_hex(text, length, sha256, NULL), NULL);
        assert_string_equal(sha256, json_string_value(json_object_get(row, "sha256")));
        check_encoding(row, text, length);
        mem_free(text);
        learned++;
    }
    assert_int_equal(learned, 8);
    json_decref(golden);
}

/* The fixture breaks ties by the greater bytes. */
static void fixture_has_these_merges(void **state)
{
    (void)state;
    const char *folder = fixture_folder();
    if (folder == NULL) {
        print_message("# no fixture bpe-training: skipped\n");
        skip();
    }
    char path[600];
    hearth_error error = {0};
    buffer corpus, merges;
    buffer_init(&corpus, 0);
    buffer_init(&merges, 0);
    (void)snprintf(path, sizeof path, "%s/corpus.en", folder);
    good(file_read(path, 1 << 26, &corpus, &error), &error);
    (void)snprintf(path, sizeof path, "%s/train-bpe-reference-merges.txt", folder);
    good(file_read(path, 1 << 26, &merges, &error), &error);
    json_t *documents = json_pack("[s%]", corpus.data, corpus.length);
    const char *special[] = {"<|endoftext|>"};
    const learn_options o = {.vocab_size = 500,
                             .pretokenizer = "gpt-2",
                             .special = special,
                             .special_count = 1,
                             .threads = 2,
                             .ties = LEARN_TIES_TEXT};
    size_t length = 0;
    char *text = learn(&o, documents, &length);
    json_t *expected = json_array();
    for (char *rest = merges.data, *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        assert_int_equal(json_array_append_new(expected, json_string(line)), 0);
    }
    assert_int_equal(json_array_size(expected), 243);
    check_merges(expected, text, length);
    json_t *vocabulary = read_json(folder, "train-bpe-reference-vocab.json"), *made = NULL;
    good(json_door_parse(text, length, "made", &made, &error), &error);
    assert_true(json_equal(vocabulary, json_object_get(json_object_get(made, "model"), "vocab")));
    json_decref(made);
    json_decref(vocabulary);
    json_decref(expected);
    json_decref(documents);
    mem_free(text);
    buffer_free(&corpus);
    buffer_free(&merges);
}

/* ---- threads and cuts ---- */

static uint32_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Letters, digits, signs, spaces of all kinds, scripts, marks, bytes that are no UTF-8. */
static void random_text(uint64_t seed, size_t pieces, buffer *out)
{
    static const char *const parts[] = {
        "a",     "bc",    "The",    " ",        "  ",     "\n",       "\r\n",  "\n\n",
        "\t",    "'s",    "'LL",    "12",       "3",      "1234",     "!",     "...",
        "(",     "\"",    "é",      "e\u0301",  "\u0301", "Ж",        "你",    "好。",
        "の",    "한",    "\u00a0", "\u3000",   "\u2028", "\xc2\x85", "👍",     "👨‍👩‍👧",
        "_",     "/",     "\xff",   "\xe4\xbd", "\xc3",   "x y",      "a b c", "d\ne",
        "f\n g", "h \ni", ".\nJ",   "\ufffd\n", "k\nl"};
    buffer_clear(out);
    for (size_t i = 0; i < pieces; i++) {
        const char *part = parts[next(&seed) % (sizeof parts / sizeof parts[0])];
        good(buffer_append_text(out, part, NULL), NULL);
    }
}

typedef struct counted {
    arena *arena;
    pretokenizer pretokenizer;
    normalizer normalizer;
    normalizer_step nfc;
    word_counter counter;
} counted;

static regex *no_regex[1];

static void count(const char *name, int threads, size_t block_bytes, const buffer *text, counted *ret)
{
    hearth_error error = {0};
    const pretokenizer_row *row = pretokenizer_find(name, strlen(name));
    assert_non_null(row);
    *ret = (counted){.arena = arena_create(0), .nfc = {.kind = NORMALIZER_NFC}};
    good(tokenizer_make_steps(ret->arena, row->steps, row->step_count, &ret->pretokenizer, &error), &error);
    ret->normalizer = (normalizer){.steps = &ret->nfc, .regexes = no_regex, .count = row->nfc ? 1 : 0};
    good(word_counter_init(&ret->counter, threads, &ret->pretokenizer, &ret->normalizer, &error), &error);
    ret->counter.block_bytes = block_bytes;
    good(word_counter_add(&ret->counter, text->data, text->length, &error), &error);
    good(word_counter_finish(&ret->counter, &error), &error);
}

static void count_free(counted *c)
{
    word_counter_free(&c->counter);
    for (size_t i = 0; i < c->pretokenizer.count; i++) {
        regex_free(c->pretokenizer.regexes[i]);
    }
    arena_destroy(c->arena);
}

static uint64_t count_of(const counted *c, const char *word, size_t length)
{
    uint64_t sum = 0;
    for (int i = 0; i < c->counter.part_count; i++) {
        const word_slot *slot = word_table_find(&c->counter.parts[i].words, word, length);
        sum += slot != NULL ? slot->count : 0;
    }
    return sum;
}

static void cutting_a_text_changes_no_word(void **state)
{
    (void)state;
    buffer text;
    buffer_init(&text, 0);
    size_t blocks = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        random_text(seed, 400, &text);
        for (size_t n = 0; n < NAMES; n++) {
            counted whole, cut;
            count(names[n], 1, SIZE_MAX, &text, &whole);
            count(names[n], 3, 1, &text, &cut);
            const word_table *words = &whole.counter.parts[0].words;
            size_t distinct = 0;
            for (size_t i = 0; i <= words->mask; i++) {
                const word_slot *slot = &words->slots[i];
                if (slot->count > 0) {
                    const char *word = word_slot_text(words, slot);
                    const uint64_t found = count_of(&cut, word, slot->length);
                    if (found != slot->count) {
                        fail_msg("%s, seed %d: \"%.*s\" %d times, expected %d", names[n], (int)seed, (int)slot->length,
                                 word, (int)found, (int)slot->count);
                    }
                }
            }
            for (int i = 0; i < cut.counter.part_count; i++) {
                distinct += cut.counter.parts[i].words.count;
            }
            assert_int_equal(distinct, words->count);
            blocks += cut.counter.block_count;
            count_free(&whole);
            count_free(&cut);
        }
    }
    assert_true(blocks > 40 * NAMES * 5); /* there were places to cut */
    buffer_free(&text);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    buffer text;
    buffer_init(&text, 0);
    random_text(99, 60000, &text);
    char *first = NULL;
    for (int threads = 1; threads <= 5; threads++) {
        const learn_options o = {.vocab_size = 700, .pretokenizer = "llama-bpe", .threads = threads};
        hearth_error error = {0};
        learner *l = NULL;
        char *json = NULL;
        size_t length = 0;
        good(learner_create(&o, &l, &error), &error);
        for (size_t at = 0, size = 1; at < text.length; at += size, size = size * 7 % 50021) { /* ragged documents */
            good(learner_add(l, text.data + at, size < text.length - at ? size : text.length - at, &error), &error);
        }
        good(learner_finish(l, &json, &length, &error), &error);
        learner_free(l);
        if (first == NULL) {
            first = json;
        } else {
            assert_string_equal(json, first);
            mem_free(json);
        }
    }
    mem_free(first);
    buffer_free(&text);
}

static void other_bytes_are_read_as_replacement_characters(void **state)
{
    (void)state;
    json_t *bad = json_array(), *repaired = json_pack("[s]", "a\ufffdb \ufffd\ufffd c\ufffd\n\ufffd");
    const learn_options o = {.vocab_size = 270, .pretokenizer = "gpt-2", .threads = 2};
    hearth_error error = {0};
    learner *l = NULL;
    char *json = NULL;
    size_t length = 0, expected_length = 0;
    static const char text[] = "a\xff"
                               "b \xc0\x80 c\xe4\xbd\n\xf0\x9f";
    good(learner_create(&o, &l, &error), &error);
    good(learner_add(l, text, sizeof text - 1, &error), &error);
    good(learner_finish(l, &json, &length, &error), &error);
    assert_int_equal(learner_facts(l).bytes, sizeof text - 1);
    learner_free(l);
    char *expected = learn(&o, repaired, &expected_length);
    assert_string_equal(json, expected);
    mem_free(json);
    mem_free(expected);
    json_decref(bad);
    json_decref(repaired);
}

/* ---- counts and ties ---- */

static void add_word(word_table *t, const char *word, uint64_t times)
{
    good(word_table_add(t, word, strlen(word), vocab_hash(word, strlen(word)), times, NULL), NULL);
}

static void expect_merges(const word_table *words, const learn_options *o, const char *expected)
{
    hearth_error error = {0};
    learned_bpe b = {0};
    buffer made;
    buffer_init(&made, 0);
    good(learn_bpe(o, words, 1, &b, &error), &error);
    for (size_t i = 0; i < b.merge_count; i++) {
        const learned_token left = b.tokens[b.merges[i].left], right = b.tokens[b.merges[i].right];
        good(buffer_printf(&made, NULL, "%s%.*s+%.*s", i > 0 ? " " : "", (int)left.length, b.bytes.data + left.start,
                           (int)right.length, b.bytes.data + right.start),
             NULL);
    }
    assert_string_equal(buffer_text(&made), expected);
    buffer_free(&made);
    learned_bpe_free(&b);
}

static void counts_pass_32_bits(void **state)
{
    (void)state;
    word_table words = {0};
    /* The sums are those of 64 bits: modulo 2^32 the order would be another one. */
    add_word(&words, "ab", ((uint64_t)1 << 33) + 1);
    add_word(&words, "cd", ((uint64_t)1 << 33) + 2);
    add_word(&words, "ef", UINT32_MAX);
    add_word(&words, "xef", ((uint64_t)1 << 33) + 9);
    add_word(&words, "gh", 5);
    learn_options o = {.vocab_size = 400};
    expect_merges(&words, &o, "e+f x+ef c+d a+b g+h");
    o.min_frequency = UINT32_MAX;
    expect_merges(&words, &o, "e+f x+ef c+d a+b");
    add_word(&words, "too many of these", (uint64_t)1 << 60);
    hearth_error error = {0};
    learned_bpe b = {0};
    assert_int_equal(learn_bpe(&o, &words, 1, &b, &error), HEARTH_E_LIMIT);
    learned_bpe_free(&b);
    assert_int_equal(word_table_add(&words, "gh", 2, vocab_hash("gh", 2), UINT64_MAX, &error), HEARTH_E_LIMIT);
    word_table_free(&words);
}

static void ties_go_by_the_rule(void **state)
{
    (void)state;
    word_table words = {0};
    add_word(&words, "zy", 3);
    add_word(&words, "ab", 3);
    add_word(&words, "ac", 3);
    add_word(&words, "\xff!", 3); /* the byte 255 is the last but some of the alphabet, and the greatest byte */
    add_word(&words, " a", 3);    /* the space is behind all printable bytes there, and a small byte */
    learn_options o = {.vocab_size = 261};
    expect_merges(&words, &o, "a+b a+c z+y \xff+!  +a");
    o.ties = LEARN_TIES_TEXT;
    expect_merges(&words, &o, "\xff+! z+y a+c a+b  +a");
    word_table_free(&words);
}

/* Runs of one letter fall into pairs from the left; what is left over stays. */
static void runs_merge_from_the_left(void **state)
{
    (void)state;
    word_table words = {0};
    add_word(&words, "aaaaaaa", 1);
    learn_options o = {.vocab_size = 300};
    /* aa aa aa a: twice (aa, aa). Then aaaa aa a: of two pairs that come once, the one of lower ids is (aa, a). */
    expect_merges(&words, &o, "a+a aa+aa aa+a aaaa+aaa");
    word_table_free(&words);
}

/* ---- what is refused ---- */

static void wrong_options_are_refused(void **state)
{
    (void)state;
    const char *empty[] = {""}, *bad[] = {"\xff"}, *two[] = {"<s>", "</s>"};
    expect_refused(&(learn_options){.vocab_size = 255, .threads = 1},
                   "at least 256 tokens (256 bytes and 0 special ones), found 255");
    expect_refused(&(learn_options){.vocab_size = 257, .special = two, .special_count = 2, .threads = 1},
                   "at least 258 tokens");
    expect_refused(&(learn_options){.vocab_size = 1u << 23, .threads = 1}, "at most 4194304 tokens");
    expect_refused(&(learn_options){.vocab_size = 300, .threads = 1, .pretokenizer = "gpt-7"}, "gpt-7");
    expect_refused(&(learn_options){.vocab_size = 300, .threads = 0}, "threads");
    expect_refused(&(learn_options){.vocab_size = 300, .threads = 1, .special = empty, .special_count = 1},
                   "an empty one");
    expect_refused(&(learn_options){.vocab_size = 300, .threads = 1, .special = bad, .special_count = 1},
                   "a text in UTF-8");
}

static void empty_texts_are_refused(void **state)
{
    (void)state;
    const learn_options o = {.vocab_size = 300, .pretokenizer = "gpt-2", .threads = 3};
    for (int documents = 0; documents < 3; documents++) {
        hearth_error error = {0};
        learner *l = NULL;
        char *json = NULL;
        size_t length = 0;
        good(learner_create(&o, &l, &error), &error);
        for (int i = 0; i < documents; i++) {
            good(learner_add(l, "", 0, &error), &error);
        }
        assert_int_equal(learner_finish(l, &json, &length, &error), HEARTH_E_ARGUMENT);
        assert_null(json);
        assert_int_equal(learner_finish(l, &json, &length, &error), HEARTH_E_ARGUMENT); /* once */
        learner_free(l);
    }
    learner_free(NULL);
}

static bool stop(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    (void)what;
    (void)done;
    (void)total;
    (void)unit;
    return ++*(int *)context < 2;
}

static void learning_can_be_stopped(void **state)
{
    (void)state;
    int calls = 0;
    buffer text;
    buffer_init(&text, 0);
    random_text(5, 20000, &text);
    const learn_options o = {
        .vocab_size = 1000, .pretokenizer = "gpt-2", .threads = 1, .progress = stop, .progress_context = &calls};
    hearth_error error = {0};
    learner *l = NULL;
    char *json = NULL;
    size_t length = 0;
    good(learner_create(&o, &l, &error), &error);
    good(learner_add(l, text.data, text.length, &error), &error);
    assert_int_equal(learner_finish(l, &json, &length, &error), HEARTH_E_CANCELLED);
    assert_int_equal(calls, 2);
    learner_free(l);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_of_the_reference),
        cmocka_unit_test(fixture_has_these_merges),
        cmocka_unit_test(cutting_a_text_changes_no_word),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(other_bytes_are_read_as_replacement_characters),
        cmocka_unit_test(counts_pass_32_bits),
        cmocka_unit_test(ties_go_by_the_rule),
        cmocka_unit_test(runs_merge_from_the_left),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(empty_texts_are_refused),
        cmocka_unit_test(learning_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
