/* The bar of long work: silent for a second, then a line that redraws itself on a terminal, or a plain line every
 * ten seconds elsewhere. */
#include "cli/signals.h"
#include "cli/terminal.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>

#define SILENT_NS 1000000000u
#define REDRAW_NS 100000000u
#define LINE_EVERY_NS 10000000000u

static void amount(char *ret, size_t size, double value, const char *unit)
{
    char text[32];
    if (strcmp(unit, "B") == 0) {
        snprintf(ret, size, "%s", terminal_bytes((uint64_t)value, text));
    } else {
        snprintf(ret, size, "%s %s", terminal_number((uint64_t)value, text), unit);
    }
}

static void time_left(char *ret, size_t size, double seconds)
{
    const uint64_t s = (uint64_t)(seconds + 0.5);
    if (s < 60) {
        snprintf(ret, size, "%llu s left", (unsigned long long)s);
    } else {
        snprintf(ret, size, "%llu min %llu s left", (unsigned long long)(s / 60), (unsigned long long)(s % 60));
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

static void draw(terminal_progress *p, uint64_t done, uint64_t total, const char *unit, double elapsed)
{
    char part[48], whole[48], rate[56] = "", left[48], bar[128] = "", line[512];
    const double share = total > 0 ? (double)done / (double)total : 0;
    const double speed = elapsed > 0 ? (double)done / elapsed : 0;
    amount(part, sizeof part, (double)done, unit);
    amount(whole, sizeof whole, (double)total, unit);
    if (speed >= 1) {
        char text[48];
        amount(text, sizeof text, speed, unit);
        snprintf(rate, sizeof rate, "%s/s, ", text);
    }
    time_left(left, sizeof left, speed > 0 && total > done ? (double)(total - done) / speed : 0);
    const int width = terminal_width();
    if (!terminal_is(stderr)) {
        fprintf(stderr, "%s: %.0f%%, %s of %s, %s%s\n", p->what, share * 100, part, whole, rate, left);
        return;
    }
    snprintf(line, sizeof line, "%3.0f%%  %s of %s, %s%s", share * 100, part, whole, rate, left);
    const int room = width - (int)strlen(line) - (int)strlen(p->what) - 4;
    if (room >= 8) {
        draw_bar(bar, sizeof bar, share, room < 30 ? room : 30);
        fprintf(stderr, "\r\033[K%s %s %s", p->what, bar, line);
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
        snprintf(p->what, sizeof p->what, "%s", what);
    }
    const uint64_t since = now - p->shown_ns;
    const uint64_t every = terminal_is(stderr) ? (p->drawn ? REDRAW_NS : SILENT_NS) : LINE_EVERY_NS;
    if (!p->quiet && since >= every) {
        p->shown_ns = now;
        draw(p, done, total, unit, (double)(now - p->began_ns) / 1e9);
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
