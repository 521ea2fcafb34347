/* Learning unigram vocabularies: the likelihood of Hugging Face's and SentencePiece's (golden/learn_unigram.json, made
 * by make_learn_golden.py), the lattice against all cuttings one by one, threads, long and odd words, what is refused.
 */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "tokenizer/learn.h"
#include "tokenizer/learn_lattice.h"
#include "tokenizer/vocab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void good(hearth_status status, const hearth_error *error)
{
    char line[512];
    if (status != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(error, line, sizeof line));
    }
}

static bool read_file(const char *path, buffer *text)
{
    hearth_error error = {0};
    buffer_init(text, 0);
    return file_read(path, 1 << 26, text, &error) == HEARTH_OK;
}

static json_t *read_golden(void)
{
    char path[512];
    const char *source = getenv("HEARTH_SOURCE");
    hearth_error error = {0};
    json_t *golden = NULL;
    buffer text;
    (void)snprintf(path, sizeof path, "%s/tests/tokenizer/golden/learn_unigram.json", source != NULL ? source : ".");
    assert_true(read_file(path, &text));
    good(json_door_parse(text.data, text.length, path, &golden, &error), &error);
    buffer_free(&text);
    return golden;
}

/* The row's documents, or the fixture's in their stead; NULL where it is absent. */
static json_t *documents_of(const json_t *row)
{
    json_t *documents = json_object_get(row, "documents");
    if (!json_is_null(documents)) {
        return json_incref(documents);
    }
    char path[512];
    buffer text;
    const char *fixtures = getenv("HEARTH_FIXTURES"), *source = getenv("HEARTH_SOURCE");
    if (fixtures != NULL) {
        (void)snprintf(path, sizeof path, "%s/tokenizers/bpe-training/corpus.en", fixtures);
    } else {
        (void)snprintf(path, sizeof path, "%s/../shared/fixtures/tokenizers/bpe-training/corpus.en",
                       source != NULL ? source : ".");
    }
    json_t *made = read_file(path, &text) ? json_pack("[s%]", text.data, text.length) : NULL;
    if (made == NULL) {
        print_message("# no fixture bpe-training: skipped\n");
    }
    buffer_free(&text);
    return made;
}

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

static learn_options options_of(const json_t *row, const char **special, int threads)
{
    const json_t *list = json_object_get(row, "special");
    for (size_t i = 0; i < json_array_size(list); i++) {
        special[i] = json_string_value(json_array_get(list, i));
    }
    return (learn_options){.unigram = 1,
                           .vocab_size = (uint32_t)json_integer_value(json_object_get(row, "vocabulary")),
                           .pretokenizer = "gpt-2",
                           .special = special,
                           .special_count = json_array_size(list),
                           .threads = threads};
}

static void check_ids(const json_t *row, const char *json, size_t length)
{
    hearth_error error = {0};
    tokenizer *t = NULL;
    good(load_tokenizer_json_text(json, length, &t, &error), &error);
    assert_true(tokenizer_vocabulary_size(t) <= (size_t)json_integer_value(json_object_get(row, "vocabulary")));
    const json_t *encoded = json_object_get(row, "encoded");
    assert_true(json_array_size(encoded) > 0);
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
        assert_string_equal(buffer_text(&back), json_string_value(in));
        buffer_free(&back);
        token_list_free(&ids);
    }
    tokenizer_free(t);
}

/* The golden file's likelihood of ours belongs to exactly this file: its hash is checked. */
static void texts_are_at_least_as_likely_as_in_the_references(void **state)
{
    (void)state;
    json_t *golden = read_golden();
    assert_int_equal(json_array_size(golden), 3);
    for (size_t i = 0; i < json_array_size(golden); i++) {
        const json_t *row = json_array_get(golden, i);
        const char *special[16];
        json_t *documents = documents_of(row);
        if (documents == NULL) {
            continue;
        }
        const double ours = json_real_value(json_object_get(row, "likelihood"));
        const char *const others[] = {"huggingface", "sentencepiece"};
        for (size_t k = 0; k < 2; k++) {
            const double other = json_real_value(json_object_get(json_object_get(row, others[k]), "likelihood"));
            assert_true(ours < 0 && other < 0 && ours > 1.01 * other);
        }
        for (int threads = 1; threads <= 4; threads++) {
            const learn_options o = options_of(row, special, threads);
            size_t length = 0;
            char sha256[HASH_HEX_SIZE];
            char *json = learn(&o, documents, &length);
            good(hash_bytes_hex(json, length, sha256, NULL), NULL);
            assert_string_equal(sha256, json_string_value(json_object_get(row, "sha256")));
            if (threads == 1) {
                check_ids(row, json, length);
            }
            mem_free(json);
        }
        json_decref(documents);
    }
    json_decref(golden);
}

/* ---- the lattice ---- */

static const char *const pieces[] = {"a", "b", "c", "ab", "bc", "abc", "aa", "aaa", "ca", "cab"};
static const double weights[] = {0.2, 0.1, 0.05, 0.15, 0.1, 0.08, 0.12, 0.05, 0.1, 0.05};
#define PIECES (sizeof pieces / sizeof pieces[0])

/* All cuttings one by one: their probabilities, how often each piece is in them, the best one. */
static double cut_all(const char *word, double way, double *expected, int *used, double *best)
{
    if (*word == '\0') {
        for (size_t i = 0; i < PIECES; i++) {
            expected[i] += way * used[i];
        }
        *best = way > *best ? way : *best;
        return way;
    }
    double sum = 0;
    for (size_t i = 0; i < PIECES; i++) {
        if (strncmp(word, pieces[i], strlen(pieces[i])) == 0) {
            used[i]++;
            sum += cut_all(word + strlen(pieces[i]), way * weights[i], expected, used, best);
            used[i]--;
        }
    }
    return sum;
}

typedef struct small_lattice {
    token_text texts[PIECES];
    uint8_t skip[PIECES];
    double scores[PIECES];
    double_array trie;
    lattice lattice;
} small_lattice;

static void make_lattice(small_lattice *s, double factor)
{
    static double probabilities[PIECES];
    *s = (small_lattice){0};
    for (size_t i = 0; i < PIECES; i++) {
        s->texts[i] = (token_text){pieces[i], strlen(pieces[i])};
        probabilities[i] = weights[i] * pow(factor, (double)strlen(pieces[i]));
        s->scores[i] = log(probabilities[i]);
    }
    good(double_array_build(&s->trie, s->texts, PIECES, s->skip, NULL), NULL);
    good(lattice_init(&s->lattice, NULL), NULL);
    s->lattice.trie = &s->trie;
    s->lattice.scores = s->scores;
    s->lattice.probabilities = probabilities;
}

static void free_lattice(small_lattice *s)
{
    lattice_free(&s->lattice);
    double_array_free(&s->trie);
}

static void lattice_counts_all_cuttings(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "abc", "aaaaaaa", "cabcabaac", "abcabcabcabcab", "caaabbbcc"};
    small_lattice s;
    make_lattice(&s, 1);
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        double expected[PIECES] = {0}, best = 0, sum_of_lengths = 0;
        int used[PIECES] = {0};
        int64_t counts[PIECES] = {0};
        int32_t way[LATTICE_BYTES];
        size_t way_count = 0;
        const size_t length = strlen(words[w]);
        const double all = cut_all(words[w], 1, expected, used, &best);
        lattice_expect(&s.lattice, words[w], length, 3, 0x1p40, counts);
        for (size_t i = 0; i < PIECES; i++) {
            assert_true(fabs((double)counts[i] * 0x1p-40 - 3 * expected[i] / all) < 1e-9);
            sum_of_lengths += (double)counts[i] * 0x1p-40 * (double)strlen(pieces[i]);
        }
        assert_true(fabs(sum_of_lengths - 3 * (double)length) < 1e-8);
        const double score = lattice_best(&s.lattice, words[w], length, SIZE_MAX, way, &way_count);
        assert_true(fabs(score - log(best)) < 1e-9);
        buffer joined;
        buffer_init(&joined, 0);
        while (way_count-- > 0) {
            good(buffer_append_text(&joined, pieces[way[way_count]], NULL), NULL);
        }
        assert_string_equal(buffer_text(&joined), words[w]);
        buffer_free(&joined);
    }
    free_lattice(&s);
}

/* Beyond binary64's range: each byte 2^-38 less probable, which changes nothing of what is expected. */
static void improbable_words_lose_nothing(void **state)
{
    (void)state;
    static char word[LATTICE_BYTES];
    int64_t plain[PIECES] = {0}, tiny[PIECES] = {0};
    for (size_t i = 0; i < sizeof word; i++) {
        word[i] = "abcaab"[i * i % 6];
    }
    small_lattice s;
    make_lattice(&s, 1);
    lattice_expect(&s.lattice, word, sizeof word, 1, 0x1p40, plain);
    free_lattice(&s);
    make_lattice(&s, 0x1p-38);
    lattice_expect(&s.lattice, word, sizeof word, 1, 0x1p40, tiny);
    free_lattice(&s);
    double bytes = 0;
    for (size_t i = 0; i < PIECES; i++) {
        assert_true(fabs((double)(plain[i] - tiny[i])) <= 1e-9 * (double)plain[i] + 0x1p12);
        bytes += (double)tiny[i] * 0x1p-40 * (double)strlen(pieces[i]);
    }
    assert_true(fabs(bytes - (double)sizeof word) < 1e-3);
}

/* ---- seeds ---- */

static void seeds_are_the_frequent_substrings(void **state)
{
    (void)state;
    char text[] = "abcabdxyzxyz\xc3\xa9\xc3\xa9";
    size_t starts[] = {0, 3, 6, 9, 12, 16};
    uint64_t counts[] = {1, 2, 1, 1, 5};
    const flat_words words = {.text = text, .starts = starts, .counts = counts, .count = 5, .bytes = 35};
    unigram_piece *made = NULL;
    size_t count = 0;
    buffer list;
    buffer_init(&list, 0);
    good(learn_seeds(&words, 100, &made, &count, NULL), NULL);
    for (size_t i = 256; i < count; i++) {
        good(buffer_printf(&list, NULL, "%.*s:%.0f ", made[i].length, made[i].bytes, made[i].score), NULL);
    }
    /* é 10 times, two bytes each; éé 5 times; ab 3 times; abd twice, by its word; xyz in two words. Not \xa9\xc3. */
    assert_string_equal(buffer_text(&list), "\xc3\xa9:20 \xc3\xa9\xc3\xa9:20 ab:6 abd:6 xyz:6 bd:4 yz:4 ");
    assert_true(made['a'].score == 3 && made[0xc3].score == 10 && made['q'].score == 0);
    mem_free(made);
    good(learn_seeds(&words, 2, &made, &count, NULL), NULL);
    assert_int_equal(count, 258);
    mem_free(made);
    buffer_free(&list);
}

/* ---- odd texts ---- */

static void odd_texts_are_learned(void **state)
{
    (void)state;
    buffer text;
    buffer_init(&text, 0);
    for (int i = 0; i < 20000; i++) { /* one word, longer than a lattice */
        good(buffer_append_char(&text, (char)('a' + i * i % 7), NULL), NULL);
    }
    json_t *documents = json_pack("[s, s%, s]", "a", text.data, text.length, "\xef\xbf\xbd");
    for (uint32_t vocabulary = 256; vocabulary < 1000; vocabulary += 61) {
        const learn_options o = {.unigram = 1, .vocab_size = vocabulary, .pretokenizer = "llama-bpe", .threads = 2};
        size_t length = 0;
        hearth_error error = {0};
        tokenizer *t = NULL;
        token_list ids = {0};
        buffer back;
        buffer_init(&back, 0);
        char *json = learn(&o, documents, &length);
        good(load_tokenizer_json_text(json, length, &t, &error), &error);
        assert_true(tokenizer_vocabulary_size(t) <= vocabulary && tokenizer_vocabulary_size(t) >= 256);
        assert_true(vocabulary > 256 || tokenizer_vocabulary_size(t) == 256);
        good(tokenizer_encode(t, text.data, text.length, ENCODE_PLAIN, &ids, &error), &error);
        good(tokenizer_decode(t, ids.ids, ids.count, DECODE_PLAIN, &back, &error), &error);
        assert_string_equal(buffer_text(&back), text.data);
        buffer_free(&back);
        token_list_free(&ids);
        tokenizer_free(t);
        mem_free(json);
    }
    json_decref(documents);
    buffer_free(&text);
}

static void large_counts_stay_within_64_bits(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    good(thread_pool_create(2, &pool, NULL), NULL);
    word_table words = {0};
    static const char *const some[] = {"there", "the", "then", "her"};
    for (size_t i = 0; i < 4; i++) {
        good(word_table_add(&words, some[i], strlen(some[i]), vocab_hash(some[i], strlen(some[i])),
                            ((uint64_t)1 << 57) + i, NULL),
             NULL);
    }
    const learn_options o = {.unigram = 1, .vocab_size = 259, .threads = 2};
    learned_unigram u = {0};
    hearth_error error = {0};
    good(learn_unigram(&o, &words, 1, pool, &u, &error), &error);
    assert_int_equal(u.piece_count, 259);
    double mass = 0;
    size_t longer = 0;
    for (size_t i = 0; i < u.piece_count; i++) {
        assert_true(u.pieces[i].score < 0 && (i == 0 || u.pieces[i].score <= u.pieces[i - 1].score));
        mass += exp(u.pieces[i].score);
        longer += u.pieces[i].length > 1 ? 1 : 0;
    }
    assert_true(fabs(mass - 1) < 1e-6);
    assert_int_equal(longer, 3); /* beside the bytes */
    learned_unigram_free(&u);
    good(word_table_add(&words, "there", 5, vocab_hash("there", 5), (uint64_t)1 << 60, NULL), NULL);
    assert_int_equal(learn_unigram(&o, &words, 1, pool, &u, &error), HEARTH_E_LIMIT);
    learned_unigram_free(&u);
    word_table_free(&words);
    thread_pool_destroy(pool);
}

static void expect_refused(const char *const *special, size_t count, const char *expected)
{
    const learn_options o = {.unigram = 1, .vocab_size = 300, .special = special, .special_count = count, .threads = 1};
    hearth_error error = {0};
    learner *l = NULL;
    char line[512];
    assert_int_equal(learner_create(&o, &l, &error), HEARTH_E_ARGUMENT);
    (void)hearth_error_line(&error, line, sizeof line);
    if (strstr(line, expected) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", expected, line);
    }
}

static void special_tokens_differ_from_all_others(void **state)
{
    (void)state;
    expect_refused((const char *[]){"Ġ"}, 1, "one that the pre-tokenizer cuts");
    expect_refused((const char *[]){"<s>", "a"}, 2, "one that the pre-tokenizer cuts");
    expect_refused((const char *[]){"<s>", "Ġthe"}, 2, "one that the pre-tokenizer cuts");
    expect_refused((const char *[]){"Ã"}, 1, "one that the pre-tokenizer cuts"); /* half of a character */
    expect_refused((const char *[]){"<s>", "</s>", "<s>"}, 3, "<s> twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_at_least_as_likely_as_in_the_references),
        cmocka_unit_test(lattice_counts_all_cuttings),
        cmocka_unit_test(improbable_words_lose_nothing),
        cmocka_unit_test(seeds_are_the_frequent_substrings),
        cmocka_unit_test(odd_texts_are_learned),
        cmocka_unit_test(large_counts_stay_within_64_bits),
        cmocka_unit_test(special_tokens_differ_from_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
