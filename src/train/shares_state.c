/* The optimiser's state, seen whole by rank 0 a piece at a time. */
#include "train/shares_part.h"

#include <string.h>

/* What rank 0 asks for: `count` values of array `which`, from value `at`; count 0: no more. */
typedef struct request {
    uint64_t at, count, which;
} request;

static int owner_of(const shares *s, uint64_t at)
{
    int r = 0;
    while (at >= s->plan->bounds[r + 1]) {
        r++;
    }
    return r;
}

static hearth_status ask(shares *s, int owner, request r, float *to, hearth_error *error)
{
    const group_part question = {owner, &r, sizeof r};
    const group_part answer = {owner, to, (size_t)r.count * sizeof(float)};
    return group_exchange(s->group, &question, 1, &answer, r.count > 0 ? 1 : 0, error);
}

hearth_status shares_read(shares *s, const float *own, unsigned which, uint64_t at, size_t count, float *to,
                          hearth_error *error)
{
    for (size_t done = 0; done < count;) {
        const int owner = owner_of(s, at + done);
        const uint64_t there = s->plan->bounds[owner + 1] - (at + done);
        const size_t n = there < count - done ? (size_t)there : count - done;
        if (owner == 0) {
            memcpy(to + done, own + at + done, n * sizeof(float));
        } else {
            TRY(ask(s, owner, (request){at + done, n, which}, to + done, error));
        }
        done += n;
    }
    return HEARTH_OK;
}

hearth_status shares_end_serving(shares *s, hearth_error *error)
{
    for (int r = 1; r < s->ranks; r++) {
        TRY(ask(s, r, (request){0}, NULL, error));
    }
    return HEARTH_OK;
}

hearth_status shares_serve(shares *s, const float *const own[2], hearth_error *error)
{
    for (;;) {
        request r = {0};
        const group_part question = {0, &r, sizeof r};
        TRY(group_exchange(s->group, NULL, 0, &question, 1, error));
        if (r.count == 0) {
            return HEARTH_OK;
        }
        const float *from = own[r.which] + (r.at - s->plan->bounds[s->rank]);
        const group_part answer = {0, (void *)(uintptr_t)from, (size_t)r.count * sizeof(float)};
        TRY(group_exchange(s->group, &answer, 1, NULL, 0, error));
    }
}
