/* What is seen while a recipe is trained. */
#include "cli/train.h"

#include "cli/signals.h"

#include "platform/cpu.h"
#include "tensor/measure.h"

#include <math.h>
#include <stdio.h>

#define REDRAW_SECONDS 0.1
#define LINE_EVERY_SECONDS 10.0

void train_screen_begin(train_screen *s, cli *c, engine *e, const recipe *r)
{
    *s = (train_screen){.c = c, .engine = e, .began = time_seconds(), .shown = time_seconds()};
    const measure_kind kind = r->train.format == TRAIN_BF16 ? MEASURE_BF16 : MEASURE_FP32;
    s->peak = c->quiet ? 0.0 : measure_peak(e->kernels, e->pool, kind);
}

static void draw(train_screen *s, const run_step *now)
{
    char left[48];
    char share[32] = "";
    char rate[32];
    const double per_step = s->seconds / (double)(now->step - s->first + 1);
    terminal_time_left(per_step * (double)(now->steps - now->step), left, sizeof left);
    if (s->peak > 0.0) {
        (void)snprintf(share, sizeof share, ", %.0f%% of the peak", 100.0 * now->step_flops / per_step / 1e9 / s->peak);
    }
    const bool bar = terminal_is(stderr);
    fprintf(stderr, "%sstep %llu of %llu, loss %.4f, %s tokens/s%s, %s%s", bar ? "\r\033[K" : "",
            (unsigned long long)now->step, (unsigned long long)now->steps, now->record.loss,
            terminal_number((uint64_t)((double)now->tokens / per_step), rate), share, left, bar ? "" : "\n");
    fflush(stderr);
    s->drawn = bar;
}

bool train_screen_step(void *context, const run_step *now)
{
    train_screen *s = context;
    s->first = s->first == 0 ? now->step : s->first;
    s->tokens += now->tokens;
    s->seconds += now->seconds;
    s->step_flops = now->step_flops;
    const double time = time_seconds();
    if (!s->c->quiet && time - s->shown >= (terminal_is(stderr) ? REDRAW_SECONDS : LINE_EVERY_SECONDS)) {
        s->shown = time;
        draw(s, now);
    }
    return !signals_stop_asked();
}

static void clear(train_screen *s)
{
    if (s->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        s->drawn = false;
    }
}

void train_screen_evaluated(void *context, uint64_t step, const trainer_evaluation *e)
{
    train_screen *s = context;
    clear(s);
    if (isfinite(e->bits_per_byte)) {
        cli_note(s->c, "step %llu: %.4f bits per byte on held-out text (loss %.4f)", (unsigned long long)step,
                 e->bits_per_byte, e->loss);
    } else {
        cli_note(s->c, "step %llu: loss %.4f on held-out text", (unsigned long long)step, e->loss);
    }
}

void train_screen_saved(void *context, uint64_t step, const char *folder)
{
    train_screen *s = context;
    if (s->samples && !signals_stop_asked()) {
        train_write_sample(s->c, s->engine, s->run, step, folder);
    }
}

void train_screen_note(void *context, const char *line)
{
    train_screen *s = context;
    clear(s);
    cli_note(s->c, "%s", line);
}

void train_screen_end(train_screen *s)
{
    clear(s);
}
