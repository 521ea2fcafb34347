/* Speculation by prompt lookup: what followed the last time the text ended as it ends now is likely to follow again
 * (Saxena, "Prompt Lookup Decoding", 2023). How much is guessed follows how well it went; what is drawn does not depend
 * on it. */
#include "generate/scheduler_state.h"

#include <string.h>

#define LONGEST_END 4u /* tokens that are looked for, the longest first */
#define SHORTEST_END 2u
#define FIRST_DRAFT 4u
#define MOST_FAILURES 5u /* after so many, one step in 32 guesses */

/* Where what followed begins: behind the latest place where the last `end` tokens stand, before they do. 0: nowhere. */
static size_t look_up(const generation *g, size_t end)
{
    const int32_t *last = g->tokens + g->count - end;
    for (size_t at = g->count - end; at-- > 0;) {
        if (g->tokens[at] == last[0] && memcmp(g->tokens + at, last, end * sizeof *last) == 0) {
            return at + end;
        }
    }
    return 0;
}

/* No more than there are positions and tokens left for, and in the step. */
static size_t most_drafted(const scheduler *s, const generation *g, size_t room)
{
    size_t most = g->draft_now < room ? g->draft_now : room;
    const size_t positions = s->context_length - g->count;
    most = most < positions ? most : positions;
    if (g->most_tokens != 0) {
        const size_t left = g->most_tokens - g->outcome.tokens - 1;
        most = most < left ? most : left;
    }
    return most;
}

size_t scheduler_draft(const scheduler *s, generation *g, size_t room)
{
    if (g->draft_most == 0 || g->cache.states != NULL || g->count > s->context_length) {
        return 0;
    }
    if (g->draft_rest > 0) {
        g->draft_rest--;
        return 0;
    }
    g->draft_now = g->draft_now == 0 ? FIRST_DRAFT : g->draft_now;
    g->draft_now = g->draft_now < g->draft_most ? g->draft_now : g->draft_most;
    const size_t most = most_drafted(s, g, room);
    for (size_t end = LONGEST_END; end >= SHORTEST_END && most != 0; end--) {
        const size_t from = g->count > end ? look_up(g, end) : 0;
        if (from != 0) {
            const size_t count = g->count - from < most ? g->count - from : most;
            memcpy(g->tokens + g->count, g->tokens + from, count * sizeof *g->tokens);
            return count;
        }
    }
    return 0;
}

void scheduler_draft_judge(scheduler *s, generation *g)
{
    const size_t accepted = g->drawn - 1;
    g->outcome.drafted += g->drafted;
    g->outcome.accepted += accepted;
    s->own.drafted += g->drafted;
    s->own.accepted += accepted;
    g->draft_now = (unsigned)(accepted == g->drafted ? 2 * g->drafted : accepted + 1);
    if (accepted != 0) {
        g->draft_failures = 0;
        return;
    }
    g->draft_failures += g->draft_failures < MOST_FAILURES ? 1 : 0;
    g->draft_rest = (1u << g->draft_failures) - 1;
}
