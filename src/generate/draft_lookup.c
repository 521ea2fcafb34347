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

/* Where a model could guess instead, only the longest ends are trusted. */
static void guess(draft_wish *w, draft_pace *pace, size_t shortest)
{
    if (pace->rest > 0) {
        pace->rest--;
        return;
    }
    pace->now = pace->now == 0 ? FIRST_DRAFT : pace->now;
    const size_t most = w->most < pace->now ? w->most : pace->now;
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
    const size_t shortest = d->guesser != NULL ? LONGEST_END : SHORTEST_END;
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].guessed == 0) {
            guess(&wishes[i], &wishes[i].of->lookup, shortest);
        }
    }
}
