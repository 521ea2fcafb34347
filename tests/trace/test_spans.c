/* Spans against a definition written without them: every part of the answer is looked for in every document. And the
 * ranking of documents against another implementation (make_rank_golden.py). */
#include "support.h"

#include "base/random.h"
#include "trace/rank.h"
#include "trace/answer_spans.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER 24u
#define DOCUMENTS 4u
#define DOCUMENT 40u

/* ---- a corpus that is looked through ---- */

typedef struct scanned {
    char answer[ANSWER + 1];
    char documents[DOCUMENTS][DOCUMENT + 1];
    size_t asked; /* searches */
} scanned;

static uint64_t times(const scanned *s, size_t begin, size_t end)
{
    uint64_t count = 0;
    for (size_t d = 0; d < DOCUMENTS; d++) {
        const size_t length = strlen(s->documents[d]);
        for (size_t at = 0; at + (end - begin) <= length; at++) {
            count += memcmp(s->documents[d] + at, s->answer + begin, end - begin) == 0;
        }
    }
    return count;
}

static hearth_status longest(void *context, size_t begin, size_t *ret, hearth_error *error)
{
    scanned *s = context;
    (void)error;
    s->asked++;
    for (*ret = 0; begin + *ret < strlen(s->answer) && times(s, begin, begin + *ret + 1) > 0; (*ret)++) {
    }
    return HEARTH_OK;
}

static hearth_status count_of(void *context, size_t begin, size_t end, uint64_t *ret, hearth_error *error)
{
    (void)error;
    *ret = times(context, begin, end);
    return HEARTH_OK;
}

static unsigned drawn(uint64_t seed, uint64_t index, unsigned below)
{
    uint32_t words[4];
    random_philox(seed, RANDOM_TEST, 0, index, words);
    return words[0] % below;
}

/* Few letters, so that much of it is found. */
static scanned make(uint64_t seed, const char *letters)
{
    scanned s = {0};
    const unsigned kinds = (unsigned)strlen(letters);
    uint64_t at = 0;
    const unsigned length = 1 + drawn(seed, at++, ANSWER);
    for (size_t i = 0; i < length; i++) {
        s.answer[i] = letters[drawn(seed, at++, kinds)];
    }
    for (size_t d = 0; d < DOCUMENTS; d++) {
        const unsigned own = drawn(seed, at++, DOCUMENT);
        for (size_t i = 0; i < own; i++) {
            s.documents[d][i] = letters[drawn(seed, at++, kinds)];
        }
    }
    return s;
}

/* ---- the definition ---- */

typedef struct part {
    size_t begin, end;
    double sum;
} part;

static bool is_word(char c)
{
    return c == 'a' || c == 'b';
}

/* A letter behind a letter goes on with a word. */
static bool begins_word(const char *answer, size_t i)
{
    return i == 0 || !(is_word(answer[i - 1]) && is_word(answer[i]));
}

static double logarithm(char c)
{
    return c == 'a' ? -1.0 : c == 'b' ? -2.5 : c == ' ' ? -0.5 : -4.0;
}

/* Is [begin, end) one that may be a span: between words, within a sentence, somewhere in the corpus? */
static bool allowed(const scanned *s, size_t begin, size_t end, const answer_spans_options *o)
{
    const size_t length = strlen(s->answer);
    if (!begins_word(s->answer, begin) || (end < length && !begins_word(s->answer, end)) ||
        end - begin < o->least_units || times(s, begin, end) == 0 || times(s, begin, end) > o->most_count) {
        return false;
    }
    for (size_t i = begin; i + 1 < end; i++) {
        if (s->answer[i] == '.' || s->answer[i] == '\n') {
            return false;
        }
    }
    return true;
}

/* The longest from its begin: of OLMoTrace's method, which drops a longest one that is too frequent, or too short. */
static bool longest_allowed(const scanned *s, size_t begin, size_t end, const answer_spans_options *o)
{
    answer_spans_options any = *o;
    any.most_count = UINT64_MAX;
    any.least_units = 1;
    for (size_t other = end + 1; other <= strlen(s->answer); other++) {
        if (allowed(s, begin, other, &any)) {
            return false;
        }
    }
    return allowed(s, begin, end, o);
}

static bool within_another(const scanned *s, size_t begin, size_t end, const answer_spans_options *o)
{
    for (size_t b = 0; b <= begin; b++) {
        for (size_t e = end; e <= strlen(s->answer); e++) {
            if ((b != begin || e != end) && longest_allowed(s, b, e, o)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_blank(const scanned *s, size_t begin, size_t end)
{
    return strspn(s->answer + begin, " \n") >= end - begin;
}

static size_t define(const scanned *s, const answer_spans_options *o, part *parts)
{
    const size_t length = strlen(s->answer);
    size_t count = 0;
    for (size_t b = 0; b < length; b++) {
        for (size_t e = b + 1; e <= length; e++) {
            if (longest_allowed(s, b, e, o) && !within_another(s, b, e, o) && !is_blank(s, b, e)) {
                parts[count] = (part){b, e, 0};
                for (size_t i = b; i < e; i++) {
                    parts[count].sum += logarithm(s->answer[i]);
                }
                count++;
            }
        }
    }
    /* drop the most frequent, the last of equals first */
    for (const size_t wanted = (size_t)ceil(o->share * (double)length); count > wanted; count--) {
        size_t worst = 0;
        for (size_t i = 1; i < count; i++) {
            worst = parts[i].sum >= parts[worst].sum ? i : worst;
        }
        memmove(parts + worst, parts + worst + 1, (count - worst - 1) * sizeof *parts);
    }
    return count;
}

/* ---- the tests ---- */

static void compare(uint64_t seed, const char *letters, const answer_spans_options *o)
{
    scanned s = make(seed, letters);
    span_unit units[ANSWER] = {0};
    part parts[ANSWER * ANSWER];
    answer_span *found = NULL;
    size_t count = 0;
    const size_t length = strlen(s.answer);
    const answer_spans_corpus corpus = {longest, count_of, &s};
    for (size_t i = 0; i < length; i++) {
        units[i] = (span_unit){.end = i + 1, .log_probability = logarithm(s.answer[i])};
    }
    span_units_mark(s.answer, units, length);
    OK(answer_spans_find(units, length, o, &corpus, &found, &count, error));
    const size_t expected = define(&s, o, parts);
    if (count != expected) {
        fail_msg("seed %llu \"%s\": %zu spans, not %zu", (unsigned long long)seed, s.answer, count, expected);
    }
    for (size_t i = 0; i < count; i++) {
        if (found[i].begin != parts[i].begin || found[i].end != parts[i].end) {
            fail_msg("seed %llu \"%s\": span %zu is %zu to %zu, not %zu to %zu", (unsigned long long)seed, s.answer, i,
                     found[i].begin, found[i].end, parts[i].begin, parts[i].end);
        }
        assert_int_equal(found[i].count, times(&s, found[i].begin, found[i].end));
        assert_true(found[i].log_probability == parts[i].sum);
    }
    assert_true(s.asked <= length);
    free(found);
}

static void check_definition(void **state)
{
    (void)state;
    static const char *const alphabets[] = {"aab ", "a .", "ab .\n", "a", "ab"};
    static const answer_spans_options ways[] = {
        {1, 1000000, 1.0, 0}, {1, 1000000, 0.05, 0}, {3, 1000000, 0.2, 0}, {1, 2, 1.0, 0}, {2, 3, 0.1, 0}};
    for (uint64_t seed = 0; seed < 1500; seed++) {
        compare(seed, alphabets[seed % 5], &ways[seed / 5 % 5]);
    }
}

static void check_marks(void **state)
{
    (void)state;
    static const char text[] = "Tom's h\xC3\xA9n: 3 eggs. \n";
    /* T om 's_h é(2) n : _3 _eggs . _ \n */
    span_unit units[] = {{.end = 1},  {.end = 3},  {.end = 7},  {.end = 8},  {.end = 9}, {.end = 10},
                         {.end = 11}, {.end = 13}, {.end = 18}, {.end = 20}, {.end = 21}};
    static const bool words[] = {true, false, true, false, false, false, true, true, true, true, true};
    static const bool ends[] = {false, false, false, false, false, false, false, false, false, true, true};
    static const bool blank[] = {false, false, false, false, false, false, false, false, false, false, true};
    span_units_mark(text, units, sizeof units / sizeof *units);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].begins_word != words[i] || units[i].delimits != ends[i] || units[i].blank != blank[i]) {
            fail_msg("unit %zu: %d %d %d", i, units[i].begins_word, units[i].delimits, units[i].blank);
        }
    }
}

static hearth_status fails(void *context, size_t begin, size_t *ret, hearth_error *error)
{
    (void)context;
    (void)ret;
    return error_set(error, HEARTH_E_FORMAT, "index", NULL, "damage at %zu", begin);
}

static void check_failure(void **state)
{
    (void)state;
    const answer_spans_options o = ANSWER_SPANS_DEFAULTS;
    const answer_spans_corpus corpus = {fails, count_of, NULL};
    span_unit units[] = {{.end = 1, .begins_word = true}};
    answer_span *found = NULL;
    size_t count = 0;
    assert_int_equal(answer_spans_find(units, 1, &o, &corpus, &found, &count, NULL), HEARTH_E_FORMAT);
    assert_null(found);
    OK(answer_spans_find(units, 0, &o, &corpus, &found, &count, error));
    assert_int_equal(count, 0);
    free(found);
}

/* ---- ranking ---- */

#define TEXTS 7u

static void check_rank(void **state)
{
    (void)state;
    static const char query[] = "Where is the mill? The old mill stands in the west.";
    char path[1024], line[512];
    char texts[TEXTS][512];
    double expected[TEXTS], scores[TEXTS];
    rank_text documents[TEXTS];
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/trace/rank.golden", source == NULL ? "." : source);
    FILE *golden = fopen(path, "r");
    assert_non_null(golden);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_non_null(fgets(line, sizeof line, golden));
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        expected[i] = strtod(tab + 1, NULL);
        *tab = '\0';
        snprintf(texts[i], sizeof texts[i], "%s", line);
        documents[i] = (rank_text){texts[i], strlen(texts[i])};
    }
    fclose(golden);
    OK(rank_bm25(documents, TEXTS, &(rank_text){query, strlen(query)}, scores, error));
    for (size_t i = 0; i < TEXTS; i++) {
        if (fabs(scores[i] - expected[i]) > 1e-5 * (1 + fabs(expected[i]))) {
            fail_msg("document %zu: %g, not %g", i, scores[i], expected[i]);
        }
    }
    OK(rank_bm25(documents, 0, &(rank_text){query, strlen(query)}, scores, error));
    OK(rank_bm25(documents, TEXTS, &(rank_text){"", 0}, scores, error));
    assert_true(scores[0] == 0);
}

static void check_levels(void **state)
{
    (void)state;
    const rank_levels l = RANK_LEVELS_DEFAULTS;
    assert_int_equal(rank_level_of(&l, 0.18 * 100 * 0.71, 100), RANK_HIGH);
    assert_int_equal(rank_level_of(&l, 0.18 * 100 * 0.69, 100), RANK_MEDIUM);
    assert_int_equal(rank_level_of(&l, 0.18 * 100 * 0.49, 100), RANK_LOW);
    assert_int_equal(rank_level_of(&l, 1, 0), RANK_LOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_definition), cmocka_unit_test(check_marks),  cmocka_unit_test(check_failure),
        cmocka_unit_test(check_rank),       cmocka_unit_test(check_levels),
    };
    return cmocka_run_group_tests_name("trace_spans", tests, NULL, NULL);
}
