/* How much is guessed from the text: as much as pays, by what steps took. */
#include "support.h"

#include "generate/draft.h"

#include <stdlib.h>

enum { SEQUENCES = 8, TOKENS = 40 };

typedef struct text {
    draft_sequence *q;
    int32_t tokens[TOKENS + DRAFT_MOST];
} text;

/* Guesses for `count` sequences that repeat themselves, where a step of n tokens took seconds[0] + n * seconds[1]. */
static size_t guessed(unsigned tokens, size_t count, const double seconds[2])
{
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path("llama-gqa.gguf"), COMPUTE_NATIVE);
    const drafter_options options = {.m = m, .context_length = 200, .most_sequences = SEQUENCES, .tokens = tokens};
    const sampling how = sampling_default();
    drafter *d = NULL;
    text texts[SEQUENCES];
    draft_wish wishes[SEQUENCES];
    size_t sum = 0;
    OK(drafter_create(&options, &d, error));
    for (size_t n = 1; n <= 32; n++) {
        drafter_timed(d, n, seconds[0] + (double)n * seconds[1]);
    }
    for (size_t i = 0; i < count; i++) {
        OK(draft_sequence_create(d, &how, &texts[i].q, error));
        for (int32_t t = 0; t < TOKENS; t++) {
            texts[i].tokens[t] = t % 10;
        }
        wishes[i] = (draft_wish){.of = texts[i].q, .tokens = texts[i].tokens, .count = TOKENS, .most = 8};
    }
    drafter_guess(d, wishes, count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < wishes[i].guessed; k++) {
            assert_int_equal(texts[i].tokens[TOKENS + k], (TOKENS + k) % 10);
        }
        sum += wishes[i].guessed;
        draft_sequence_free(texts[i].q, texts[i].tokens, TOKENS);
    }
    drafter_free(d);
    model_close(m);
    engine_free(e);
    return sum;
}

static void guesses_pay(void **state)
{
    (void)state;
    static const double flat[] = {0.010, 0}, steep[] = {0, 0.001}, between[] = {0.010, 0.001};
    assert_int_equal(guessed(0, SEQUENCES, flat), 4 * SEQUENCES); /* what costs nothing is tried */
    assert_int_equal(guessed(0, SEQUENCES, steep), 0);            /* each token its time: a guess can only lose */
    assert_int_equal(guessed(0, 1, steep), 0);
    assert_int_equal(guessed(8, SEQUENCES, steep), 4 * SEQUENCES); /* told to */
    assert_int_equal(guessed(0, 1, between), 4);                   /* one more token is a tenth of a step */
    const size_t some = guessed(0, SEQUENCES, between); /* 8 sequences: a token is an 18th, half of what it brings */
    assert_true(some > 0 && some < 4 * SEQUENCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(guesses_pay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
