/* Schedules of the learning rate. */
#include "train/schedule.h"

#include "kernels/kernels.h"

#define SCHEDULE_PI 0x1.921fb54442d18p+1

/* (step - begin) / (end - begin), within 0 … 1. */
static double share(uint64_t step, uint64_t begin, uint64_t end)
{
    if (step <= begin) {
        return 0.0;
    }
    return step >= end ? 1.0 : (double)(step - begin) / (double)(end - begin);
}

double schedule_factor(const recipe_train *t, uint64_t step)
{
    if (step < t->warmup_steps) {
        return (double)step / (double)t->warmup_steps;
    }
    const double final = t->final_ratio;
    const double p = share(step, t->warmup_steps, t->steps);
    switch (t->schedule) {
    case SCHEDULE_COSINE:
        return final + (1.0 - final) * ((1.0 + math64_cos(SCHEDULE_PI * p)) * 0.5);
    case SCHEDULE_LINEAR:
        return 1.0 - (1.0 - final) * p;
    case SCHEDULE_WSD: {
        const uint64_t begin = t->steps > t->decay_steps ? t->steps - t->decay_steps : 0;
        return 1.0 - (1.0 - final) * share(step, begin, t->steps);
    }
    case SCHEDULE_CONSTANT:
    default:
        return 1.0;
    }
}
