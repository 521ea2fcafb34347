/* Prompt lookup: what followed the last time the text ended as it ends now is likely to follow again (Saxena, "Prompt
 * Lookup Decoding", 2023). */
#include "generate/draft_state.h"

#include <string.h>

#define LONGEST_END 4u /* tokens that are looked for, the longest first */
#define SHORTEST_END 2u
#define FIRST_DRAFT 4u

/* Where what followed begins: behind the latest place where the last `end` tokens stand, before they do. 0: nowhere. */
static size_t look_up(const draft_wish *w, size_t end)
{
    const int32_t *last = w->tokens + w->count - end;
    for (size_t at = w->count - end; at-- > 0;) {
        if (w->tokens[at] == last[0] && memcmp(w->tokens + at, last, end * sizeof *last) == 0) {
            return at + end;
        }
    }
    return 0;
}

/* The step so far: its tokens, and how many tokens of answers it is expected to give. */
typedef struct step {
    size_t tokens;
    double expected;
} step;

/* Expected tokens of k guesses, each of which counts if those before it were right. */
static double gain(double chance, size_t k)
{
    double right = 1, sum = 0;
    for (size_t i = 0; i < k; i++) {
        right *= chance;
        sum += right;
    }
    return sum;
}

/* The number of guesses with which the step gives the most tokens a second. 0: without any; the next steps do not ask.
 */
static size_t best_count(const drafter *d, draft_pace *pace, size_t most, const step *s)
{
    if (d->times.weight == 0 || d->o.tokens != 0) {
        return most;
    }
    const double chance = draft_chance(&pace->luck);
    double rate = s->expected / draft_times_of(&d->times, (double)s->tokens);
    size_t best = 0;
    for (size_t k = 1; k <= most; k++) {
        const double with = (s->expected + gain(chance, k)) / draft_times_of(&d->times, (double)(s->tokens + k));
        if (with > rate) {
            rate = with;
            best = k;
        }
    }
    if (best == 0 && most != 0) {
        pace->rest = DRAFT_PAUSE_STEPS - 1;
        draft_luck_fade(&pace->luck);
    }
    return best;
}

/* Where a model could guess instead, only the longest ends are trusted. */
static void guess(const drafter *d, draft_wish *w, draft_pace *pace, const step *s)
{
    if (pace->rest > 0) {
        pace->rest--;
        return;
    }
    const size_t shortest = d->guesser != NULL ? LONGEST_END : SHORTEST_END;
    pace->now = pace->now == 0 ? FIRST_DRAFT : pace->now;
    const size_t most = best_count(d, pace, w->most < pace->now ? w->most : pace->now, s);
    for (size_t end = LONGEST_END; end >= shortest && most != 0; end--) {
        const size_t from = w->count > end ? look_up(w, end) : 0;
        if (from != 0) {
            w->guessed = w->count - from < most ? w->count - from : most;
            memcpy(w->tokens + w->count, w->tokens + from, w->guessed * sizeof *w->tokens);
            return;
        }
    }
}

void draft_lookup_guess(drafter *d, draft_wish *wishes, size_t count)
{
    step s = {.tokens = count, .expected = (double)count};
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].guessed == 0) {
            guess(d, &wishes[i], &wishes[i].of->lookup, &s);
            s.tokens += wishes[i].guessed;
            s.expected += gain(draft_chance(&wishes[i].of->lookup.luck), wishes[i].guessed);
        }
    }
}
