/* Guesses (draft.h) for those that decode in a step. */
#include "generate/scheduler_state.h"

/* No more than there are positions and tokens left for. */
static size_t most_drafted(const scheduler *s, const generation *g, size_t room)
{
    size_t most = g->draft_most < room ? g->draft_most : room;
    const size_t positions = g->count <= s->context_length ? s->context_length - g->count : 0;
    most = most < positions ? most : positions;
    if (g->most_tokens != 0) {
        const size_t left = g->most_tokens - g->outcome.tokens - 1;
        most = most < left ? most : left;
    }
    return most;
}

/* Of those that have a part in this step. */
static size_t gather(const scheduler *s)
{
    size_t count = 0;
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        g->drafted = 0;
        if (g->piece != 0 && g->draft != NULL) {
            s->wishes[count++] =
                (draft_wish){.of = g->draft, .tokens = g->tokens, .count = g->count, .constraint = g->constraint};
        }
    }
    return count;
}

void scheduler_draft(scheduler *s, size_t room)
{
    const size_t count = room != 0 ? gather(s) : 0;
    size_t left = room;
    for (unsigned i = 0, k = 0; k < count; i++) { /* an even share of the room, rounded up */
        const generation *g = s->running[i];
        if (g->piece != 0 && g->draft != NULL) {
            s->wishes[k].most = most_drafted(s, g, (left + count - k - 1) / (count - k));
            left -= s->wishes[k++].most;
        }
    }
    if (count == 0) {
        return;
    }
    drafter_guess(s->drafter, s->wishes, count);
    for (unsigned i = 0, k = 0; k < count; i++) {
        generation *g = s->running[i];
        if (g->piece != 0 && g->draft != NULL) {
            g->drafted = s->wishes[k++].guessed;
        }
    }
}

void scheduler_draft_judge(scheduler *s, generation *g)
{
    const size_t accepted = g->drawn - 1;
    const draft_kind kind = draft_last_kind(g->draft);
    g->outcome.drafted += g->drafted;
    g->outcome.accepted += accepted;
    s->own.drafted[kind] += g->drafted;
    s->own.accepted[kind] += accepted;
    draft_judge(g->draft, g->drafted, accepted);
}
