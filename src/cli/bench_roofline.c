/* A roofline (Williams, Waterman and Patterson, 2009) of 900 x 600, both axes logarithmic: across, operations for each
 * byte; up, operations per second. Shapes and texts say everything, colours nothing. */
#include "cli/bench_profile.h"

#include "base/markup.h"

#include "platform/file.h"

#include <string.h>

enum {
    WIDTH = 900,
    HEIGHT = 600,
    LEFT = 70,
    RIGHT = 870,
    TOP = 60,
    BOTTOM = 530,
    LABELS_MOST = 256,
    LABEL_HEIGHT = 12,
    LETTER_WIDTH = 6,
    PICTURE_BYTES = 1 << 20
};

#define LEAST_SHARE 0.003 /* of a row's time, to be drawn, where it is no product */

typedef struct box {
    double x, y, width;
} box;

typedef struct picture {
    buffer *out;
    hearth_error *error;
    double left, decades_across; /* log10 at LEFT; how many decades */
    double bottom, decades_up;
    box labels[LABELS_MOST];
    size_t label_count;
} picture;

/* ---- numbers ---- */

static double log10_of(double value)
{
    return math64_log(value) / 2.302585092994046;
}

static double floor_of(double value)
{
    const double whole = (double)(int64_t)value;
    return whole > value ? whole - 1 : whole;
}

static double power_of_ten(double exponent)
{
    return math64_exp(exponent * 2.302585092994046);
}

static double x_of(const picture *p, double intensity)
{
    return LEFT + (RIGHT - LEFT) * (log10_of(intensity) - p->left) / p->decades_across;
}

static double y_of(const picture *p, double rate)
{
    return BOTTOM - (BOTTOM - TOP) * (log10_of(rate) - p->bottom) / p->decades_up;
}

/* ---- what is drawn ---- */

typedef struct point {
    const bench_profile *of;
    unsigned line;
    double intensity, rate, share;
} point;

static bool make_point(const bench_profile *b, const profile_line *line, const bench_limits *l, point *ret)
{
    const profile_rate rate = profile_rate_of(line, l);
    const bool is_little = !profile_is_product(line->line) && line->seconds < LEAST_SHARE * profile_seconds(b->p);
    if (!(rate.gb_s > 0) || !(rate.gop_s > 0) || is_little) {
        return false;
    }
    *ret = (point){b, line->line, rate.gop_s / rate.gb_s, rate.gop_s, rate.share};
    return true;
}

static size_t find_points(const bench_profile *profiles, size_t count, const bench_limits *l, point *ret)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        profile_line lines[PROFILE_LINES];
        const size_t line_count = profile_lines(profiles[i].p, lines);
        for (size_t n = 0; n < line_count && found < LABELS_MOST; n++) {
            found += make_point(&profiles[i], &lines[n], l, &ret[found]);
        }
    }
    return found;
}

/* Whole decades around everything. */
static void scale_axes(picture *p, const point *points, size_t count, const bench_limits *l)
{
    double least_x = 1;
    double most_x = 100;
    double least_y = 10;
    double most_y = 100;
    for (size_t i = 0; i < count; i++) {
        least_x = points[i].intensity < least_x ? points[i].intensity : least_x;
        most_x = points[i].intensity > most_x ? points[i].intensity : most_x;
        least_y = points[i].rate < least_y ? points[i].rate : least_y;
        most_y = points[i].rate > most_y ? points[i].rate : most_y;
    }
    for (int kind = 0; kind < MEASURE_KINDS; kind++) {
        most_y = l->peak[kind] > most_y ? l->peak[kind] : most_y;
    }
    p->left = floor_of(log10_of(least_x));
    p->decades_across = floor_of(log10_of(most_x)) + 1 - p->left;
    p->bottom = floor_of(log10_of(least_y));
    p->decades_up = floor_of(log10_of(most_y)) + 1 - p->bottom;
}

static hearth_status draw_text(const picture *p, double x, double y, const char *anchor, const char *text)
{
    TRY(buffer_printf(p->out, p->error,
                      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" stroke=\"#fff\" stroke-width=\"3\" "
                      "paint-order=\"stroke\">",
                      x, y, anchor));
    TRY(markup_text(p->out, text, false, p->error));
    return buffer_append_text(p->out, "</text>\n", p->error);
}

static hearth_status draw_line(const picture *p, double x1, double y1, double x2, double y2, const char *more)
{
    return buffer_printf(p->out, p->error, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2,
                         y2, more);
}

static hearth_status draw_axes(const picture *p)
{
    char text[32];
    for (int d = 0; d <= (int)p->decades_across; d++) {
        const double x = LEFT + (RIGHT - LEFT) * d / p->decades_across;
        snprintf(text, sizeof text, "%g", power_of_ten(p->left + d));
        TRY(draw_line(p, x, TOP, x, BOTTOM, "stroke=\"#ddd\""));
        TRY(draw_text(p, x, BOTTOM + 16, "middle", text));
    }
    for (int d = 0; d <= (int)p->decades_up; d++) {
        const double y = BOTTOM - (BOTTOM - TOP) * d / p->decades_up;
        snprintf(text, sizeof text, "%g", power_of_ten(p->bottom + d));
        TRY(draw_line(p, LEFT, y, RIGHT, y, "stroke=\"#ddd\""));
        TRY(draw_text(p, LEFT - 6, y + 4, "end", text));
    }
    TRY(draw_text(p, (LEFT + RIGHT) / 2.0, BOTTOM + 34, "middle", "operations for each byte (a multiply-add is two)"));
    return draw_text(p, LEFT, TOP - 8, "start", "Gop/s");
}

static void take_place(picture *p, box taken)
{
    if (p->label_count < LABELS_MOST) {
        p->labels[p->label_count++] = taken;
    }
}

/* The nearest free place beside the point, below or above; to its left where there is no room on its right. */
static box place_label(picture *p, double x, double y, double width)
{
    box best = {x + 9 + width < RIGHT ? x + 9 : x - 9 - width, y + 4, width};
    for (int step = 0; step < 60; step++) {
        const int away = (step + 1) / 2;
        best.y = y + 4 + (double)(step % 2 == 0 ? away : -away) * LABEL_HEIGHT;
        bool is_free = best.y > TOP && best.y < BOTTOM;
        for (size_t i = 0; i < p->label_count && is_free; i++) {
            const box *b = &p->labels[i];
            is_free = best.x > b->x + b->width || best.x + width < b->x || best.y > b->y + LABEL_HEIGHT - 1 ||
                      best.y < b->y - LABEL_HEIGHT + 1;
        }
        if (is_free) {
            break;
        }
    }
    take_place(p, best);
    return best;
}

/* A peak from where the bandwidth reaches it; its name stands beside those of the others, and is no label's place. */
static hearth_status draw_peak(picture *p, const bench_limits *l, int kind)
{
    static const char *const names[MEASURE_KINDS] = {"binary32", "bf16", "int8"};
    static const char *const dashes[MEASURE_KINDS] = {"", "6 3", "2 3"};
    char text[64];
    const double y = y_of(p, l->peak[kind]);
    const double from = l->bandwidth > 0 ? x_of(p, l->peak[kind] / l->bandwidth) : LEFT;
    snprintf(text, sizeof text, "stroke=\"#000\" stroke-dasharray=\"%s\"", dashes[kind]);
    TRY(draw_line(p, from > LEFT ? from : LEFT, y, RIGHT, y, text));
    const int length = snprintf(text, sizeof text, "%s, %.0f Gop/s", names[kind], l->peak[kind]);
    const box label = place_label(p, from > LEFT ? from + 10 : LEFT + 10, y - 8, (double)length * LETTER_WIDTH);
    return draw_text(p, label.x, label.y, "start", text);
}

/* The slope as far as the highest peak, then the peaks. */
static hearth_status draw_limits(picture *p, const bench_limits *l)
{
    double highest = 0;
    char text[64];
    for (int kind = 0; kind < MEASURE_KINDS; kind++) {
        if (l->peak[kind] > 0) {
            TRY(draw_peak(p, l, kind));
        }
        highest = l->peak[kind] > highest ? l->peak[kind] : highest;
    }
    if (!(l->bandwidth > 0) || !(highest > 0)) {
        return HEARTH_OK;
    }
    const double least = power_of_ten(p->left);
    const double lowest = power_of_ten(p->bottom) / l->bandwidth;
    const double first = lowest > least ? lowest : least;
    TRY(draw_line(p, x_of(p, first), y_of(p, first * l->bandwidth), x_of(p, highest / l->bandwidth), y_of(p, highest),
                  "stroke=\"#000\""));
    const int length = snprintf(text, sizeof text, "read bandwidth, %.1f GB/s", l->bandwidth);
    const double middle = power_of_ten(log10_of(first) * 0.7 + log10_of(highest / l->bandwidth) * 0.3);
    const box label =
        place_label(p, x_of(p, middle), y_of(p, middle * l->bandwidth) + 10, (double)length * LETTER_WIDTH);
    return draw_text(p, label.x, label.y, "start", text);
}

/* A prompt's operations are filled circles, an answer's are open squares. */
static hearth_status draw_point(picture *p, const point *one, bool with_tokens)
{
    char text[64];
    const double x = x_of(p, one->intensity);
    const double y = y_of(p, one->rate);
    if (one->of->row.kind == BENCH_PREFILL) {
        TRY(buffer_printf(p->out, p->error, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y));
    } else {
        TRY(buffer_printf(p->out, p->error,
                          "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" fill=\"#fff\" stroke=\"#000\"/>\n",
                          x - 4, y - 4));
    }
    int length = snprintf(text, sizeof text, "%s %.0f%%", profile_line_name(one->line), 100 * one->share);
    if (with_tokens) {
        length = snprintf(text, sizeof text, "%s (%zu) %.0f%%", profile_line_name(one->line), one->of->row.tokens,
                          100 * one->share);
    }
    const box label = place_label(p, x, y, (double)length * LETTER_WIDTH);
    if (label.y - y > LABEL_HEIGHT || y - label.y > LABEL_HEIGHT) {
        TRY(draw_line(p, x, y, label.x > x ? label.x - 2 : label.x + label.width + 2, label.y - 4,
                      "stroke=\"#999\" stroke-width=\"0.7\""));
    }
    return label.x > x ? draw_text(p, label.x, label.y, "start", text)
                       : draw_text(p, label.x + label.width, label.y, "end", text);
}

static size_t rows_of(const bench_profile *profiles, size_t count, bench_kind kind)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += profiles[i].row.kind == kind;
    }
    return found;
}

static hearth_status draw(picture *p, const opened *o, const bench_profile *profiles, size_t count, const point *points,
                          size_t point_count, const bench_limits *l)
{
    const char *name = strrchr(o->model->path, '/');
    char title[400]; /* a name has 255 bytes at most */
    TRY(buffer_printf(p->out, p->error,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                      "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%%\" height=\"100%%\" "
                      "fill=\"#fff\"/>\n",
                      WIDTH, HEIGHT, WIDTH, HEIGHT));
    snprintf(title, sizeof title, "%.255s: %s, %d thread%s", name != NULL ? name + 1 : o->model->path,
             o->engine->kernels->name, o->engine->threads, o->engine->threads == 1 ? "" : "s");
    TRY(draw_text(p, LEFT, 22, "start", title));
    TRY(draw_text(p, LEFT, HEIGHT - 14, "start",
                  "filled circles: prefill; open squares: decoding; behind a name, its share of the limit above it"));
    TRY(draw_axes(p));
    TRY(draw_limits(p, l));
    for (size_t i = 0; i < point_count; i++) {
        TRY(draw_point(p, &points[i], rows_of(profiles, count, points[i].of->row.kind) > 1));
    }
    return buffer_append_text(p->out, "</svg>\n", p->error);
}

hearth_status bench_roofline_write(const char *path, const opened *o, const bench_profile *profiles, size_t count,
                                   const bench_limits *l, hearth_error *error)
{
    point points[LABELS_MOST];
    buffer out;
    buffer_init(&out, PICTURE_BYTES);
    picture p = {.out = &out, .error = error};
    const size_t point_count = find_points(profiles, count, l, points);
    scale_axes(&p, points, point_count, l);
    hearth_status status = draw(&p, o, profiles, count, points, point_count, l);
    if (status == HEARTH_OK) {
        status = file_replace(path, out.data, out.length, error);
    }
    buffer_free(&out);
    return status;
}
