/* A head that guesses the token behind the next one (DeepSeek-AI, "DeepSeek-V3", 2024, section 2.2): its input is a
 * token and the model's hidden state of the token before. What it guesses it can be fed, with its own hidden state in
 * place of the model's; where the guess was right, the token goes in again with the model's. */
#include "generate/draft_state.h"

#include "base/memory.h"

#include <string.h>

#define HIDDEN_MOST (2 * (size_t)DRAFT_MOST) /* rows that wait until a guess is wanted */

static size_t width_of(const draft_sequence *q)
{
    return q->d->guesser->config.width;
}

bool draft_heads_start(draft_sequence *q)
{
    q->hidden_room = HIDDEN_MOST;
    q->hidden = mem_alloc(HIDDEN_MOST * width_of(q) * sizeof *q->hidden);
    q->next = mem_alloc(width_of(q) * sizeof *q->next);
    return q->hidden != NULL && q->next != NULL;
}

void draft_heads_free(draft_sequence *q)
{
    mem_free(q->hidden);
    mem_free(q->next);
    q->hidden = q->next = NULL;
}

void draft_saw(draft_sequence *q, const forward *f, size_t row, size_t count, size_t first)
{
    if (q == NULL || !q->d->is_head || count > q->hidden_room) {
        return;
    }
    const bool follows = first >= q->hidden_first && first <= q->hidden_first + q->hidden_count;
    q->hidden_count = follows ? first - q->hidden_first : 0;
    q->hidden_first = follows ? q->hidden_first : first;
    if (q->hidden_count + count > q->hidden_room) { /* the older ones are not wanted, or it begins anew */
        const size_t kept = q->hidden_room / 2 < q->hidden_count ? q->hidden_room / 2 : q->hidden_count;
        const size_t most = q->hidden_room - count < kept ? q->hidden_room - count : kept;
        memmove(q->hidden, q->hidden + (q->hidden_count - most) * width_of(q), most * width_of(q) * sizeof *q->hidden);
        q->hidden_first += q->hidden_count - most;
        q->hidden_count = most;
    }
    for (size_t i = 0; i < count; i++) {
        forward_hidden(f, row + i, q->hidden + (q->hidden_count + i) * width_of(q));
    }
    q->hidden_count += count;
}

/* Is there a hidden state of each token [from, until)? */
static bool has_hidden(const draft_sequence *q, size_t from, size_t until)
{
    return from >= q->hidden_first && until <= q->hidden_first + q->hidden_count && from < until;
}

bool draft_heads_begin(drafter *d, draft_wish *w)
{
    draft_sequence *q = w->of;
    if (q->held.computed != 0 && has_hidden(q, q->base + q->held.computed - 1, w->count - 1)) {
        return true;
    }
    q->held.computed = q->fed = 0; /* its pages stay */
    q->base = q->hidden_first + 1;
    return q->base < w->count && w->count - q->base <= d->o.context_length && has_hidden(q, q->base - 1, w->count - 1);
}

const float *draft_heads_input(const drafter *d, const draft_sequence *q)
{
    const size_t before = q->base + q->held.computed - 1; /* the number of the token before */
    const bool own = before < q->hidden_first + q->hidden_count;
    return own ? q->hidden + (before - q->hidden_first) * d->guesser->config.width : q->next;
}

void draft_heads_keep(const drafter *d, draft_sequence *q, size_t row)
{
    forward_hidden(d->forward, row, q->next);
}

void draft_heads_cut(draft_sequence *q, size_t count)
{
    const size_t most = count > q->base ? count - q->base : 0;
    q->held.computed = q->held.computed < q->fed ? q->held.computed : q->fed;
    q->held.computed = q->fed = q->held.computed < most ? q->held.computed : most;
    if (q->hidden_first + q->hidden_count > count) {
        q->hidden_count = count > q->hidden_first ? count - q->hidden_first : 0;
    }
}
