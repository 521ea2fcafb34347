/* Hearthside: the same documents everywhere, nothing held out in any of them, questions that are answered by their
 * facts. */
#include "corpus/generator.h"
#include "hearthside_baseline.h"

#include "base/hash.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20260601u
#define DOCUMENTS 10000u
#define QUESTIONS (HEARTHSIDE_QUESTIONS * 100u)

static buffer corpus; /* the first documents, each ended by '\n' */

static int make_corpus(void **state)
{
    (void)state;
    buffer_init(&corpus, 0);
    const corpus_generator *g = corpus_generator_find("hearthside");
    if (g == NULL || strcmp(g->licence, "CC0-1.0") != 0) {
        return -1;
    }
    for (uint64_t i = 0; i < DOCUMENTS; i++) {
        if (g->make(SEED, i, &corpus, NULL) != HEARTH_OK || buffer_append_char(&corpus, '\n', NULL) != HEARTH_OK) {
            return -1;
        }
    }
    return 0;
}

static int free_corpus(void **state)
{
    (void)state;
    buffer_free(&corpus);
    return 0;
}

static void documents_are_a_function_of_seed_and_index(void **state)
{
    (void)state;
    char hash[HASH_HEX_SIZE];
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(hash_bytes_hex(corpus.data, corpus.length, hash, NULL), HEARTH_OK);
    assert_string_equal(hash, "714d39648911e9e09baa75fad78f387688f4a2862e60161aaca745c0380639dd");
    /* In any order, and another seed makes others. */
    const char *last = corpus.data + corpus.length;
    for (uint64_t i = DOCUMENTS; i > DOCUMENTS - 100; i--) {
        buffer_clear(&text);
        assert_int_equal(hearthside_document(SEED, i - 1, &text, NULL), HEARTH_OK);
        last -= text.length + 1;
        assert_memory_equal(last, buffer_text(&text), text.length);
    }
    buffer_clear(&text);
    assert_int_equal(hearthside_document(SEED + 1, 0, &text, NULL), HEARTH_OK);
    assert_true(strncmp(corpus.data, buffer_text(&text), text.length) != 0);
    buffer_free(&text);
}

static void documents_are_ascii_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < corpus.length; i++) {
        assert_true(corpus.data[i] == '\n' || (corpus.data[i] >= ' ' && corpus.data[i] <= '~'));
    }
    assert_null(strstr(corpus.data, "{"));
    assert_non_null(strstr(corpus.data, "\nQ: "));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The share of documents that are there once or for the first time. */
static void documents_vary(void **state)
{
    (void)state;
    char **texts = mem_calloc(DOCUMENTS, sizeof *texts);
    size_t distinct = 0;
    for (uint64_t i = 0; i < DOCUMENTS; i++) {
        buffer text;
        buffer_init(&text, 0);
        assert_int_equal(hearthside_document(SEED, i, &text, NULL), HEARTH_OK);
        texts[i] = mem_strdup(buffer_text(&text));
        buffer_free(&text);
    }
    qsort(texts, DOCUMENTS, sizeof *texts, by_text);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        distinct += i == 0 || strcmp(texts[i - 1], texts[i]) != 0;
    }
    for (size_t i = 0; i < DOCUMENTS; i++) {
        mem_free(texts[i]);
    }
    mem_free(texts);
    print_message("# %zu of %u documents are distinct\n", distinct, DOCUMENTS);
    assert_true(distinct > DOCUMENTS * 8 / 10);
}

/* About one pair in eight, and not the same ones by another seed. */
static void the_split_is_by_the_seed(void **state)
{
    (void)state;
    unsigned held = 0, other = 0, same = 0, all = 0;
    for (unsigned kind = 0; kind < PAIR_KINDS; kind++) {
        for (unsigned a = 0; a < 16; a++) {
            for (unsigned b = 0; b < 16; b++, all++) {
                const bool here = hearthside_held_out(SEED, (hearthside_pair)kind, a, b);
                const bool there = hearthside_held_out(SEED + 1, (hearthside_pair)kind, a, b);
                held += here;
                other += there;
                same += here && there;
            }
        }
    }
    assert_in_range(held, all / 10, all / 6);
    assert_in_range(other, all / 10, all / 6);
    assert_true(same < held / 3);
    assert_true(hearthside_held_out(SEED, PAIR_NUMBERS, 3, 9) == hearthside_held_out(SEED, PAIR_NUMBERS, 9, 3));
}

/* The line that begins at `text`, terminated, in ret. */
static void copy_line(const char *text, char *ret, size_t size)
{
    const size_t length = strcspn(text, "\n");
    assert_true(length < size);
    memcpy(ret, text, length);
    ret[length] = '\0';
}

/* No document asks what a held-out question asks of the same facts: neither its answer nor, where it says both words,
 * the question itself stands anywhere in training. */
static void held_out_questions_never_occur(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < QUESTIONS; i++) {
        buffer prompt, answer;
        char line[160], wanted[320];
        buffer_init(&prompt, 0);
        buffer_init(&answer, 0);
        assert_int_equal(hearthside_question(SEED, i, &prompt, &answer, NULL), HEARTH_OK);
        const char *asked = strstr(buffer_text(&prompt), "Q: ");
        const bool says_all = strstr(asked, "How many") == NULL; /* it does not say the numbers, its facts do */
        assert_non_null(asked);
        assert_true(strcmp(asked + strlen(asked) - 3, " A:") == 0);
        copy_line(asked, line, sizeof line);
        snprintf(wanted, sizeof wanted, "%s %s\n", line, buffer_text(&answer));
        assert_true(!says_all || strstr(corpus.data, wanted) == NULL);
        buffer_free(&prompt);
        buffer_free(&answer);
    }
}

/* The words as hearthside.c has them. */
static const char *const persons[] = {"Tom", "Ann", "Ben", "Eva", "Max", "Mia", "Leo", "Ida", "Sam", "Zoe"};
static const char *const objects[] = {"ball", "hat", "cup", "book", "key", "box", "bag", "coat", "lamp", "kite"};
static const char *const colours[] = {"red", "blue", "green", "white", "black", "pink"};
static const char *const places[] = {"kitchen", "garden", "hall", "barn", "yard", "school", "shop", "park"};
static const char *const pets[] = {"cat", "dog", "hen", "goat", "duck", "frog"};
static const char *const words[] = {"hot",  "cold", "big",  "small", "old",  "new",   "wet",  "dry",
                                    "fast", "slow", "high", "low",   "full", "empty", "good", "bad"};
#define COUNT(array) (unsigned)(sizeof(array) / sizeof(array)[0])

static bool occurs(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool occurs(const char *format, ...)
{
    char wanted[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    return strstr(corpus.data, wanted) != NULL;
}

/* Whether anything in training puts the two words together. */
static bool taught(hearthside_pair kind, unsigned a, unsigned b)
{
    bool any = false;
    switch (kind) {
    case PAIR_PERSON_OBJECT:
        for (unsigned c = 0; c < COUNT(colours); c++) {
            any = any || occurs("%s has a %s %s.", persons[a], colours[c], objects[b]);
        }
        return any || occurs("%s has the %s.", persons[a], objects[b]) ||
               occurs("%s took the %s", persons[a], objects[b]);
    case PAIR_OBJECT_COLOUR:
        return occurs(" %s %s.", colours[b], objects[a]) || occurs("The %s is %s.", objects[a], colours[b]);
    case PAIR_PERSON_PLACE:
        return occurs("%s is in the %s.", persons[a], places[b]) || occurs("%s went to the %s.", persons[a], places[b]);
    case PAIR_PERSON_AGE:
        return occurs("%s is %u years", persons[a], b);
    case PAIR_PERSON_PET:
        return occurs("%s keeps a %s.", persons[a], pets[b]);
    case PAIR_OBJECT_PLACE:
        return occurs("took the %s to the %s.", objects[a], places[b]) ||
               occurs("The %s is in the %s.", objects[a], places[b]);
    case PAIR_PERSON_WORD:
        return occurs(" says %s. %s says the opposite", words[b], persons[a]) ||
               occurs("%s says %s.\n", persons[a], words[b ^ 1u]);
    case PAIR_NUMBERS:
        for (unsigned c = 0; c < COUNT(persons); c++) {
            any = any || occurs("has %u apples. %s gets %u more", a, persons[c], b);
        }
        return any || occurs("What is %u plus %u?", a, b) || occurs("What is %u minus %u?", a + b, b);
    case PAIR_KINDS:
        break;
    }
    return false;
}

/* By enumerating: what is held out stands nowhere in training, and (nearly) everything else does. A pair of a person
 * and a word is told with the word's opposite in answers, so it is looked for where a word is told of another. */
static void every_pair_is_taught_or_held_out(void **state)
{
    (void)state;
    static const unsigned sizes[PAIR_KINDS][2] = {{COUNT(persons), COUNT(objects)}, {COUNT(objects), COUNT(colours)},
                                                  {COUNT(persons), COUNT(places)},  {COUNT(persons), 15},
                                                  {COUNT(persons), COUNT(pets)},    {COUNT(objects), COUNT(places)},
                                                  {COUNT(persons), COUNT(words)},   {21, 21}};
    unsigned held = 0, pairs = 0;
    for (unsigned kind = 0; kind < PAIR_KINDS; kind++) {
        for (unsigned a = 0; a < sizes[kind][0]; a++) {
            for (unsigned b = kind == PAIR_PERSON_AGE ? 5 : 0; b < sizes[kind][1]; b++) {
                if (kind == PAIR_NUMBERS && a + b > 20) {
                    continue;
                }
                const bool out = hearthside_held_out(SEED, (hearthside_pair)kind, a, b);
                if (taught((hearthside_pair)kind, a, b) == out) {
                    fail_msg("pair (%u, %u) of kind %u is %s", a, b, kind, out ? "taught and held out" : "neither");
                }
                held += out;
                pairs++;
            }
        }
    }
    assert_in_range(held, pairs / 11, pairs / 6);
}

static void what_can_be_told_without_reading(void **state)
{
    (void)state;
    double share[HEARTHSIDE_QUESTIONS], sum = 0;
    hearthside_baseline(corpus.data, SEED, QUESTIONS / HEARTHSIDE_QUESTIONS, share);
    for (unsigned kind = 0; kind < HEARTHSIDE_QUESTIONS; kind++) {
        print_message("# baseline, %s: %.2f\n", hearthside_question_name(kind), share[kind]);
        assert_true(share[kind] >= 0 && share[kind] < 0.35);
        sum += share[kind];
    }
    print_message("# baseline: %.3f\n", sum / HEARTHSIDE_QUESTIONS);
    assert_true(sum > 0 && sum / HEARTHSIDE_QUESTIONS < 0.15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_a_function_of_seed_and_index),
        cmocka_unit_test(documents_are_ascii_lines),
        cmocka_unit_test(documents_vary),
        cmocka_unit_test(the_split_is_by_the_seed),
        cmocka_unit_test(held_out_questions_never_occur),
        cmocka_unit_test(every_pair_is_taught_or_held_out),
        cmocka_unit_test(what_can_be_told_without_reading),
    };
    return cmocka_run_group_tests(tests, make_corpus, free_corpus);
}
