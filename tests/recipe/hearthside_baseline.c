/* The baseline, read out of the texts: the answer that is most frequent for a kind of question. */
#include "hearthside_baseline.h"
#include "hearthside_forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ANSWERS_MOST = 256 };

typedef struct answer_counts {
    char answer[ANSWERS_MOST][2 * FORM_WORD_BYTES];
    unsigned count[ANSWERS_MOST];
    unsigned answers;
} answer_counts;

static void count_answer(void *context, unsigned kind, const form_words *words, const char *answer)
{
    (void)words;
    answer_counts *c = (answer_counts *)context + kind;
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

static const char *most_frequent(const answer_counts *c)
{
    unsigned best = 0;
    for (unsigned i = 1; i < c->answers; i++) {
        best = c->count[i] > c->count[best] ? i : best;
    }
    return c->answer[best];
}

typedef struct guess {
    const answer_counts *counts;
    unsigned kind;
    bool right, asked;
} guess;

static void guess_answer(void *context, unsigned kind, const form_words *words, const char *answer)
{
    (void)words;
    guess *g = context;
    assert_false(g->asked);
    assert_int_equal(kind, g->kind);
    g->asked = true;
    g->right = strcmp(answer, most_frequent(&g->counts[kind])) == 0;
}

static bool is_answered(const answer_counts *counts, uint64_t seed, uint64_t index)
{
    buffer text;
    buffer_init(&text, 0);
    guess g = {.counts = counts, .kind = (unsigned)(index % HEARTHSIDE_QUESTIONS)};
    buffer answer;
    buffer_init(&answer, 0);
    assert_int_equal(hearthside_question(seed, index, &text, &answer, NULL), HEARTH_OK);
    assert_int_equal(buffer_printf(&text, NULL, " %s\n", buffer_text(&answer)), HEARTH_OK);
    forms_read(buffer_text(&text), &(forms_reader){.context = &g, .question = guess_answer});
    assert_true(g.asked);
    buffer_free(&answer);
    buffer_free(&text);
    return g.right;
}

void hearthside_baseline(const char *corpus, uint64_t seed, uint64_t questions, double ret_share[HEARTHSIDE_QUESTIONS])
{
    static answer_counts counts[HEARTHSIDE_QUESTIONS + 1];
    memset(counts, 0, sizeof counts);
    forms_read(corpus, &(forms_reader){.context = counts, .question = count_answer});
    for (unsigned kind = 0; kind < HEARTHSIDE_QUESTIONS; kind++) {
        uint64_t right = 0;
        for (uint64_t i = 0; i < questions; i++) {
            right += is_answered(counts, seed, i * HEARTHSIDE_QUESTIONS + kind);
        }
        ret_share[kind] = (double)right / (double)questions;
    }
}
