/* The bar of long work: silent for a second, then a line that redraws itself on a terminal, or a plain line every
 * ten seconds elsewhere. */
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/text.h"
#include "platform/cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SILENT_NS 1000000000u
#define REDRAW_NS 100000000u
#define LINE_EVERY_NS 10000000000u

typedef struct progress_state {
    uint64_t done, total;
    uint64_t fresh; /* of `done`, since the work began */
    const char *unit;
    double elapsed;
} progress_state;

/* With its unit, or the bare number. Bytes have theirs always. */
static void amount(char *ret, size_t size, double value, const char *unit, bool bare)
{
    char text[32];
    if (strcmp(unit, "B") == 0) {
        snprintf(ret, size, "%s", text_bytes((uint64_t)value, text));
    } else {
        snprintf(ret, size, "%s%s%s", terminal_number((uint64_t)value, text), bare ? "" : " ", bare ? "" : unit);
    }
}

void terminal_time_left(double seconds, char *ret, size_t size)
{
    const uint64_t s = (uint64_t)(seconds + 0.5);
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t at = 0;
    while (units[at].seconds > 1 && s < units[at].seconds) {
        at++;
    }
    if (units[at].seconds == 1) {
        snprintf(ret, size, "%" PRIu64 " s left", s);
    } else {
        snprintf(ret, size, "%" PRIu64 " %s %" PRIu64 " %s left", s / units[at].seconds, units[at].name,
                 s % units[at].seconds / units[at + 1].seconds, units[at + 1].name);
    }
}

/* "[█████░░░░░] " in `cells` cells. */
static void draw_bar(char *ret, size_t size, double share, int cells)
{
    const char *full = terminal_unicode() ? "█" : "#";
    const char *empty = terminal_unicode() ? "░" : ".";
    size_t at = 0;
    for (int i = 0; i < cells; i++) {
        at += (size_t)snprintf(ret + at, size - at, "%s", (i + 0.5) / cells <= share ? full : empty);
    }
}

/* " 43%  12 of 28 tokens, 4 tokens/s, 4 s left"; without a unit " 43%  4 s left"; the shorter one also where the longer
 * does not fit in `width`. */
static void describe(char *ret, size_t size, int width, const progress_state *state)
{
    char part[48], whole[48], rate[56] = "", left[48];
    const double speed = state->elapsed > 0 ? (double)state->fresh / state->elapsed : 0;
    const double percent = state->total > 0 ? 100 * (double)state->done / (double)state->total : 0;
    const uint64_t rest = state->total > state->done ? state->total - state->done : 0;
    if (state->total == 0 && *state->unit == '\0') { /* waiting for something that cannot be counted */
        (void)snprintf(ret, size, "%.0f s", state->elapsed);
        return;
    }
    if (state->total == 0) { /* nobody knows how much there is */
        amount(part, sizeof part, (double)state->done, state->unit, false);
        amount(rate, sizeof rate, speed, state->unit, false);
        (void)snprintf(ret, size, "%s, %s/s", part, rate);
        return;
    }
    terminal_time_left(speed > 0 ? (double)rest / speed : 0, left, sizeof left);
    int used = width;
    if (*state->unit != '\0') {
        amount(part, sizeof part, (double)state->done, state->unit, true);
        amount(whole, sizeof whole, (double)state->total, state->unit, false);
        if (speed >= 1) {
            char text[48];
            amount(text, sizeof text, speed, state->unit, false);
            snprintf(rate, sizeof rate, "%s/s, ", text);
        }
        used = snprintf(ret, size, "%3.0f%%  %s of %s, %s%s", percent, part, whole, rate, speed > 0 ? left : "");
    }
    if (used >= width) {
        snprintf(ret, size, "%3.0f%%  %s", percent, speed > 0 ? left : "");
    }
}

static void draw(terminal_progress *p, const progress_state *state)
{
    char bar[128] = "", line[256];
    if (!terminal_is(stderr)) {
        describe(line, sizeof line, (int)sizeof line, state);
        fprintf(stderr, "%s: %s\n", p->what, line + strspn(line, " "));
        return;
    }
    const int width = terminal_width();
    describe(line, sizeof line, width, state);
    const int room = width - (int)strlen(line) - (int)strlen(p->what) - 4;
    if (room >= 8 && (state->total > 0 || *state->unit == '\0')) {
        const double share = state->total > 0 ? (double)state->done / (double)state->total : 0;
        draw_bar(bar, sizeof bar, share, room < 30 ? room : 30);
        fprintf(stderr, "\r\033[K%s %s %s", p->what, bar, line);
    } else if (room >= -2) {
        fprintf(stderr, "\r\033[K%s %s", p->what, line);
    } else {
        fprintf(stderr, "\r\033[K%.*s", width > 1 ? width - 1 : 1, line);
    }
    fflush(stderr);
    p->drawn = true;
}

bool terminal_progress_step(void *progress, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    terminal_progress *p = progress;
    if (signals_stop_asked()) {
        return false;
    }
    const uint64_t now = time_now_ns();
    if (p->began_ns == 0 || strncmp(p->what, what, sizeof p->what - 1) != 0) {
        terminal_progress_end(p);
        p->began_ns = now;
        p->shown_ns = now;
        p->first = done;
        p->told = done;
        snprintf(p->what, sizeof p->what, "%s", what);
    }
    const uint64_t since = now - p->shown_ns;
    const uint64_t every = terminal_is(stderr) ? (p->drawn ? REDRAW_NS : SILENT_NS) : LINE_EVERY_NS;
    const bool stands = !terminal_is(stderr) && total > 0 && done == p->told; /* the same line says nothing new */
    if (!p->quiet && since >= every && !stands) {
        p->told = done;
        p->shown_ns = now;
        draw(p, &(progress_state){done, total, done > p->first ? done - p->first : 0, unit,
                                  (double)(now - p->began_ns) / 1e9});
    }
    return true;
}

void terminal_progress_end(terminal_progress *p)
{
    if (p->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        p->drawn = false;
    }
}
