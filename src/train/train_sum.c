/* Two halves' gradients become their sum. */
#include "train/train_sum.h"

typedef struct sum_work {
    const kernel_table *k;
    float *to;
    const float *more;
    size_t count;
} sum_work;

static void sum_part(void *context, int part, int parts)
{
    const sum_work *a = context;
    const thread_range own = thread_split(a->count, 1024, part, parts);
    a->k->add(a->to + own.begin, a->more + own.begin, own.end - own.begin, a->to + own.begin);
}

void train_sum(train_profile *profile, engine *e, float *to, const float *more, size_t count)
{
    sum_work work = {e->kernels, to, more, count};
    train_run(profile, e, TRAIN_AROUND, TRAIN_OP_SUM, sum_part, &work);
}
