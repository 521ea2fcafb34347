/* Hearthside's sentences as a test reads them: forms and word lists of its own, matched against the texts. */
#ifndef TESTS_RECIPE_HEARTHSIDE_FORMS_H
#define TESTS_RECIPE_HEARTHSIDE_FORMS_H

#include "corpus/hearthside.h"

enum { FORM_WORD_BYTES = 16, FORM_WORDS_MOST = 21 };

/* A word that a form's letter stands for. */
typedef struct form_words {
    char word[128][FORM_WORD_BYTES]; /* by its letter */
} form_words;

/* Told facts: what a, b, c are, as indices of their lists. */
typedef struct told_fact {
    hearthside_fact kind;
    unsigned word[3];
} told_fact;

/* The fact that is told at `text`, and how many bytes that takes; 0: none. */
size_t forms_read_fact(const char *text, told_fact *ret);

/* A question and its answer, one line. Its kind (HEARTHSIDE_QUESTIONS: an opposite), and the words of the answer that
 * the question does not say. Fails the test where none or several forms fit. */
unsigned forms_read_question(const char *line, form_words *ret_words, char ret_answer[2 * FORM_WORD_BYTES]);

/* How many words the n-th list of this kind of fact has; 1 where it has none. */
unsigned forms_count(hearthside_fact kind, unsigned n);
unsigned forms_first(hearthside_fact kind, unsigned n); /* of numbers */

/* Calls with each question line and each told fact of `corpus`, documents that an empty line ends. NULL: not called. */
typedef struct forms_reader {
    void *context;
    void (*fact)(void *context, const told_fact *f);
    void (*question)(void *context, unsigned kind, const form_words *words, const char *answer);
} forms_reader;
void forms_read(const char *corpus, const forms_reader *reader);

#endif
