/* The baseline, read out of the texts: each line with a question is matched with the forms that the grammar has. */
#include "hearthside_baseline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORD_BYTES = 16, LINE_BYTES = 160, ANSWERS_MOST = 128 };

/* In the order of hearthside_question_name. {x} stands for a word, the same wherever the letter is the same. */
typedef struct question_form {
    const char *line;
    const char *unknown; /* the answer's words that the question does not say */
} question_form;
static const question_form forms[] = {
    {"Q: What does {a} have? A: {a} has a {c} {b}.", "bc"},
    {"Q: Who has the {b}? A: {a} has the {b}.", "a"},
    {"Q: What colour is the {b}? A: The {b} is {c}.", "c"},
    {"Q: Where is {a}? A: {a} is in the {b}.", "b"},
    {"Q: Who is in the {b}? A: {a} is in the {b}.", "a"},
    {"Q: How old is {a}? A: {a} is {b} years old.", "b"},
    {"Q: What does {a} keep? A: {a} keeps a {b}.", "b"},
    {"Q: Where is the {b}? A: The {b} is in the {c}.", "c"},
    {"Q: Who took the {b}? A: {a} took the {b}.", "a"},
    {"Q: Where is {a} now? A: {a} is in the {c}.", "c"},
    {"Q: What does {c} say? A: {c} says {b}.", "b"},
    {"Q: How many apples has {c} now? A: {c} has {s} apples.", "s"},
    {"Q: What is {a} plus {b}? A: {a} plus {b} is {s}.", "s"},
    {"Q: What is {s} minus {b}? A: {s} minus {b} is {a}.", "a"},
};
_Static_assert(sizeof forms / sizeof forms[0] == HEARTHSIDE_QUESTIONS, "a form for each kind");

typedef struct answer_counts {
    char answer[ANSWERS_MOST][2 * WORD_BYTES];
    unsigned count[ANSWERS_MOST];
    unsigned answers;
} answer_counts;

static size_t word_length(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}

/* Whether the line has the form; what its letters stand for. */
static bool has_form(const char *form, const char *line, char words[128][WORD_BYTES])
{
    memset(words, 0, (size_t)128 * WORD_BYTES);
    for (; *form != '\0'; form++) {
        if (*form != '{') {
            if (*line++ != *form) {
                return false;
            }
            continue;
        }
        char *word = words[(unsigned char)form[1]];
        const size_t length = word_length(line);
        const bool known = word[0] != '\0';
        if (length == 0 || length >= WORD_BYTES ||
            (known && (strlen(word) != length || memcmp(word, line, length) != 0))) {
            return false;
        }
        memcpy(word, line, length);
        line += length;
        form += 2;
    }
    return *line == '\0';
}

/* The line's kind, and the unknown words of its answer. */
static unsigned read_question(const char *line, char ret_answer[2 * WORD_BYTES])
{
    char words[128][WORD_BYTES];
    unsigned kind = HEARTHSIDE_QUESTIONS;
    for (unsigned k = 0; k < HEARTHSIDE_QUESTIONS; k++) {
        if (has_form(forms[k].line, line, words)) {
            assert_int_equal(kind, HEARTHSIDE_QUESTIONS); /* one form alone */
            kind = k;
            const char *unknown = forms[k].unknown;
            snprintf(ret_answer, (size_t)2 * WORD_BYTES, "%s %s", words[(unsigned char)unknown[0]],
                     unknown[1] == '\0' ? "" : words[(unsigned char)unknown[1]]);
        }
    }
    if (kind == HEARTHSIDE_QUESTIONS) {
        fail_msg("no form of a question: %s", line);
    }
    return kind;
}

static void count_answer(answer_counts *c, const char *answer)
{
    unsigned i = 0;
    while (i < c->answers && strcmp(c->answer[i], answer) != 0) {
        i++;
    }
    if (i == c->answers) {
        assert_true(i < ANSWERS_MOST);
        snprintf(c->answer[c->answers++], sizeof c->answer[0], "%s", answer);
    }
    c->count[i]++;
}

static void count_answers(const char *corpus, answer_counts counts[HEARTHSIDE_QUESTIONS])
{
    for (const char *at = corpus; *at != '\0';) {
        const size_t length = strcspn(at, "\n");
        char line[LINE_BYTES];
        char answer[2 * WORD_BYTES];
        if (strncmp(at, "Q: ", 3) == 0) {
            snprintf(line, sizeof line, "%.*s", (int)length, at);
            const unsigned kind = read_question(line, answer);
            count_answer(&counts[kind], answer);
        }
        at += length + (at[length] == '\n');
    }
}

static const char *most_frequent(const answer_counts *c)
{
    unsigned best = 0;
    for (unsigned i = 1; i < c->answers; i++) {
        best = c->count[i] > c->count[best] ? i : best;
    }
    return c->answer[best];
}

static bool is_answered_by(uint64_t seed, uint64_t index, const char *best)
{
    char line[LINE_BYTES];
    char right[2 * WORD_BYTES];
    buffer prompt, answer;
    buffer_init(&prompt, 0);
    buffer_init(&answer, 0);
    assert_int_equal(hearthside_question(seed, index, &prompt, &answer, NULL), HEARTH_OK);
    const char *asked = strstr(buffer_text(&prompt), "Q: ");
    assert_non_null(asked);
    snprintf(line, sizeof line, "%s %s", asked, buffer_text(&answer));
    assert_int_equal(read_question(line, right), index % HEARTHSIDE_QUESTIONS);
    buffer_free(&prompt);
    buffer_free(&answer);
    return strcmp(right, best) == 0;
}

void hearthside_baseline(const char *corpus, uint64_t seed, uint64_t questions, double ret_share[HEARTHSIDE_QUESTIONS])
{
    static answer_counts counts[HEARTHSIDE_QUESTIONS];
    memset(counts, 0, sizeof counts);
    count_answers(corpus, counts);
    for (unsigned kind = 0; kind < HEARTHSIDE_QUESTIONS; kind++) {
        uint64_t right = 0;
        for (uint64_t i = 0; i < questions; i++) {
            right += is_answered_by(seed, i * HEARTHSIDE_QUESTIONS + kind, most_frequent(&counts[kind]));
        }
        ret_share[kind] = (double)right / (double)questions;
    }
}
