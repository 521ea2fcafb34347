/* The largest logits, and their place in the distribution. */
#include "generate/logprobs.h"

/* Is `a` likelier than `b`, or as likely and of a lower id? */
static bool goes_before(const generation_choice *a, const generation_choice *b)
{
    return a->logprob > b->logprob || (a->logprob == b->logprob && a->id < b->id);
}

/* The `count` largest logits, in order. */
static void find_top(const float *logits, size_t vocabulary, generation_choice *ret, size_t count)
{
    size_t found = 0;
    for (size_t id = 0; id < vocabulary && count > 0; id++) {
        const generation_choice one = {(int32_t)id, logits[id]};
        if (found == count && !goes_before(&one, &ret[count - 1])) {
            continue;
        }
        size_t at = found < count ? found++ : count - 1;
        for (; at > 0 && goes_before(&one, &ret[at - 1]); at--) {
            ret[at] = ret[at - 1];
        }
        ret[at] = one;
    }
}

void logprobs_find(const kernel_table *k, const float *logits, size_t vocabulary, float *row,
                   generation_choice *choices, size_t top)
{
    const float largest = k->max(logits, vocabulary);
    float sum = k->exp_sum(logits, largest, vocabulary, row);
    k->log(&sum, 1, &sum);
    find_top(logits, vocabulary, choices + 1, top);
    choices[0].logprob = logits[choices[0].id];
    for (size_t i = 0; i < 1 + top; i++) {
        choices[i].logprob = choices[i].logprob - largest - sum;
    }
}
