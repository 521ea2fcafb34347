/* Hearthside's sentences, read back. */
#include "hearthside_forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Separated by spaces; "#N-M": the numbers from N to M. */
#define PERSONS "Tom Ann Ben Eva Max Mia Leo Ida Sam Zoe"
#define OBJECTS "ball hat cup book key box bag coat lamp kite"
#define PLACES "kitchen garden hall barn yard school shop park"
#define WORDS "hot cold big small old new wet dry fast slow high low full empty good bad"
#define NUMBERS "#0-20"

typedef struct fact_form {
    const char *told; /* {a}, {b}, {c}: the same word wherever the letter is the same */
    const char *lists[3];
} fact_form;
static const fact_form fact_forms[FACT_KINDS] = {
    [FACT_HAS] = {"{a} has a {b} {c}.", {PERSONS, "red blue green white black pink", OBJECTS}},
    [FACT_DOES] = {"{a} {b} in the {c}.", {PERSONS, "sleeps works sings plays reads waits", PLACES}},
    [FACT_KEEPS] = {"{a} keeps a {b}. The {b} is {c} years old.", {PERSONS, "cat dog hen goat duck frog", "#2-12"}},
    [FACT_STANDS] = {"The {a} {b} stands in the {c}.",
                     {WORDS, "mill pond church inn bridge tower farm well", "north south east west"}},
    [FACT_TOOK] = {"{a} took the {b} to the {c}.", {PERSONS, OBJECTS, PLACES}},
    [FACT_WENT] = {"{a} was in the {b}. Now {a} is in the {c}.", {PERSONS, PLACES, PLACES}},
    [FACT_SAYS] = {"{a} says the {b} is not {c}.", {PERSONS, OBJECTS, WORDS}},
    [FACT_GETS] = {"{c} has {a} apples. {c} gets {b} more.", {NUMBERS, "#1-5", PERSONS}},
    [FACT_SUM] = {"What is {a} plus {b}?", {NUMBERS, NUMBERS, ""}},
    [FACT_DIFFERENCE] = {"What is {s} minus {b}?", {NUMBERS, NUMBERS, ""}},
    [FACT_OPPOSITE] = {"", {WORDS, "", ""}},
};

/* In the order of hearthside_question_name, and an opposite. */
typedef struct question_form {
    const char *line;
    const char *unknown; /* the answer's words that the question does not say */
} question_form;
static const question_form forms[HEARTHSIDE_QUESTIONS + 1] = {
    {"What does {a} have? {a} has a {b} {c}.", "bc"},
    {"Who has the {c}? {a} has the {c}.", "a"},
    {"What colour is the {c}? It is a {b} {c}.", "b"},
    {"Where is {a}? {a} is in the {c}.", "c"},
    {"Who {b} in the {c}? {a} {b} in the {c}.", "a"},
    {"What does {a} do? {a} {b} in the {c}.", "bc"},
    {"What does {a} keep? {a} keeps a {b}.", "b"},
    {"Who keeps the {b}? {a} keeps the {b}.", "a"},
    {"How old is the {b}? The {b} is {c} years old.", "c"},
    {"Where is the {b}? The {b} stands in the {c}.", "c"},
    {"What stands in the {c}? The {b} stands in the {c}.", "b"},
    {"Which {b} is it? It is the {a} {b}.", "a"},
    {"Where is the {b}? The {b} is in the {c}.", "c"},
    {"Who took the {b}? {a} took the {b}.", "a"},
    {"Where is {a} now? Now {a} is in the {c}.", "c"},
    {"Where was {a} before? {a} was in the {b}.", "b"},
    {"How is the {b}? The {b} is {c}.", "c"},
    {"Who speaks of the {b}? {a} speaks of the {b}.", "a"},
    {"How many apples has {c} now? {c} has {a} apples and {b} more: {a} plus {b} is {s}.", "ab"},
    {"What is {a} plus {b}? {a} plus {b} is {s}.", "s"},
    {"What is {s} minus {b}? {s} minus {b} is {a}.", "a"},
    {"What is the opposite of {a}? The opposite of {a} is {b}.", "b"},
};

static size_t word_length(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}

/* How many bytes of `text` have the form, and what its letters stand for; 0: it has not. */
static size_t match(const char *form, const char *text, form_words *words)
{
    const char *at = text;
    memset(words, 0, sizeof *words);
    for (; *form != '\0'; form++) {
        if (*form != '{') {
            if (*at++ != *form) {
                return 0;
            }
            continue;
        }
        char *word = words->word[(unsigned char)form[1]];
        const size_t length = word_length(at);
        const bool known = word[0] != '\0';
        if (length == 0 || length >= FORM_WORD_BYTES ||
            (known && (strlen(word) != length || memcmp(word, at, length) != 0))) {
            return 0;
        }
        memcpy(word, at, length);
        at += length;
        form += 2;
    }
    return (size_t)(at - text);
}

unsigned forms_first(hearthside_fact kind, unsigned n)
{
    const char *list = fact_forms[kind].lists[n];
    return list[0] == '#' ? (unsigned)strtoul(list + 1, NULL, 10) : 0;
}

unsigned forms_count(hearthside_fact kind, unsigned n)
{
    const char *list = fact_forms[kind].lists[n];
    if (list[0] == '#') {
        return (unsigned)strtoul(strchr(list, '-') + 1, NULL, 10) - forms_first(kind, n) + 1;
    }
    unsigned count = 1;
    for (; *list != '\0'; list++) {
        count += *list == ' ';
    }
    return count;
}

/* The word's place in its list; false: it is none of it. */
static bool place_of(hearthside_fact kind, unsigned n, const char *word, unsigned *ret)
{
    const char *list = fact_forms[kind].lists[n];
    *ret = 0;
    if (list[0] == '#' || list[0] == '\0') {
        *ret = (unsigned)strtoul(word, NULL, 10);
        return list[0] == '\0' ||
               (*ret - forms_first(kind, n) < forms_count(kind, n) && word[0] >= '0' && word[0] <= '9');
    }
    for (const char *at = list; *at != '\0'; (*ret)++) {
        const size_t length = word_length(at);
        if (strlen(word) == length && memcmp(at, word, length) == 0) {
            return true;
        }
        at += length + (at[length] == ' ');
    }
    return false;
}

size_t forms_read_fact(const char *text, told_fact *ret)
{
    form_words words;
    for (unsigned kind = 0; kind < FACT_SUM; kind++) {
        const size_t length = match(fact_forms[kind].told, text, &words);
        bool good = length > 0;
        *ret = (told_fact){.kind = (hearthside_fact)kind};
        for (unsigned n = 0; good && n < 3; n++) {
            good = place_of(ret->kind, n, words.word['a' + n], &ret->word[n]);
        }
        if (good) {
            return length;
        }
    }
    return 0;
}

unsigned forms_read_question(const char *line, form_words *ret_words, char ret_answer[2 * FORM_WORD_BYTES])
{
    unsigned kind = HEARTHSIDE_QUESTIONS + 1;
    for (unsigned k = 0; k <= HEARTHSIDE_QUESTIONS; k++) {
        form_words words;
        if (match(forms[k].line, line, &words) == strlen(line)) {
            assert_int_equal(kind, HEARTHSIDE_QUESTIONS + 1); /* one form alone */
            kind = k;
            *ret_words = words;
            const char *unknown = forms[k].unknown;
            snprintf(ret_answer, (size_t)2 * FORM_WORD_BYTES, "%s %s", words.word[(unsigned char)unknown[0]],
                     unknown[1] == '\0' ? "" : words.word[(unsigned char)unknown[1]]);
        }
    }
    if (kind > HEARTHSIDE_QUESTIONS) {
        fail_msg("no form of a question: %s", line);
    }
    return kind;
}

void forms_read(const char *corpus, const forms_reader *reader)
{
    while (*corpus != '\0') {
        told_fact f;
        size_t length = forms_read_fact(corpus, &f);
        if (length > 0) {
            assert_int_equal(corpus[length], ' ');
            if (reader->fact != NULL) {
                reader->fact(reader->context, &f);
            }
            corpus += length + 1;
            continue;
        }
        char line[160], answer[2 * FORM_WORD_BYTES];
        form_words words;
        length = strcspn(corpus, "\n");
        assert_true(length < sizeof line);
        snprintf(line, sizeof line, "%.*s", (int)length, corpus);
        if (length > 0) {
            const unsigned kind = forms_read_question(line, &words, answer);
            if (reader->question != NULL) {
                reader->question(reader->context, kind, &words, answer);
            }
        }
        corpus += length + (corpus[length] == '\n');
    }
}
