/* A picture of 640 x 400: the number of sequences doubles from one mark to the next, tokens per second grow evenly. */
#include "cli/bench_curve.h"

#include "base/markup.h"

#include "platform/file.h"

#include <string.h>

enum { WIDTH = 640, HEIGHT = 400, LEFT = 70, RIGHT = 610, TOP = 50, BOTTOM = 340, MARKS = 5, PICTURE_BYTES = 1 << 20 };

typedef struct picture {
    buffer *out;
    hearth_error *error;
    double top;    /* tokens per second at TOP */
    size_t widest; /* sequences at RIGHT, a power of two */
} picture;

/* log2 between powers of two by a straight line: what a reader needs, without libm. */
static double doublings(size_t n)
{
    size_t whole = 0;
    while (n >> (whole + 1) != 0) {
        whole++;
    }
    const double below = (double)((size_t)1 << whole);
    return (double)whole + ((double)n - below) / below;
}

static double x_of(const picture *p, size_t sequences)
{
    return p->widest > 1 ? LEFT + (RIGHT - LEFT) * doublings(sequences) / doublings(p->widest) : LEFT;
}

static double y_of(const picture *p, double rate)
{
    return BOTTOM - (BOTTOM - TOP) * rate / p->top;
}

/* What the limit allows, in tokens per second; 0 where it is not known. */
static double limit_of(const bench_row *row)
{
    return row->per_token > 0 ? row->limit * 1e9 / row->per_token : 0;
}

static bool is_curve(const bench_row *row)
{
    return row->kind == BENCH_DECODE && row->sequences != 0;
}

/* 1, 2 or 5 times a power of ten, not below a fifth of the largest rate; and the largest number of sequences. */
static void scale_axes(picture *p, const bench_row *rows, size_t count)
{
    double most = 0;
    p->widest = 1;
    for (size_t i = 0; i < count; i++) {
        if (is_curve(&rows[i])) {
            const double rate = bench_median(&rows[i]);
            most = rate > most ? rate : most;
            while (p->widest < rows[i].sequences) {
                p->widest *= 2;
            }
        }
    }
    double mark = 1e-3;
    for (int i = 0; mark * MARKS < most; i++) {
        mark *= i % 3 == 1 ? 2.5 : 2;
    }
    p->top = mark * MARKS;
}

static hearth_status draw_text(const picture *p, double x, double y, const char *anchor, const char *text)
{
    TRY(buffer_printf(p->out, p->error, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor));
    TRY(markup_text(p->out, text, false, p->error));
    return buffer_append_text(p->out, "</text>\n", p->error);
}

static hearth_status draw_axes(const picture *p)
{
    char number[32];
    for (int i = 0; i <= MARKS; i++) {
        const double rate = p->top * i / MARKS;
        TRY(buffer_printf(p->out, p->error, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, y_of(p, rate), RIGHT));
        snprintf(number, sizeof number, "%.4g", rate);
        TRY(draw_text(p, LEFT - 8, y_of(p, rate) + 4, "end", number));
    }
    for (size_t n = 1; n <= p->widest; n *= 2) {
        snprintf(number, sizeof number, "%zu", n);
        TRY(draw_text(p, x_of(p, n), BOTTOM + 18, "middle", number));
    }
    TRY(draw_text(p, (LEFT + RIGHT) / 2.0, BOTTOM + 40, "middle", "sequences that decode together"));
    return draw_text(p, LEFT - 50, TOP - 12, "start", "tokens per second, all sequences");
}

/* The rows with answers of `tokens` tokens: what was measured, or the limit as far as it lies in the picture. */
static hearth_status draw_line(const picture *p, const bench_row *rows, size_t count, size_t tokens, bool limit)
{
    TRY(buffer_printf(p->out, p->error, "<polyline class=\"%s\" points=\"", limit ? "limit" : "curve"));
    for (size_t i = 0; i < count; i++) {
        const double rate = limit ? limit_of(&rows[i]) : bench_median(&rows[i]);
        if (is_curve(&rows[i]) && rows[i].tokens == tokens && rate <= p->top) {
            TRY(buffer_printf(p->out, p->error, "%.1f,%.1f ", x_of(p, rows[i].sequences), y_of(p, rate)));
        }
    }
    return buffer_append_text(p->out, "\"/>\n", p->error);
}

static hearth_status draw_points(const picture *p, const bench_row *rows, size_t count, size_t tokens)
{
    char number[32];
    for (size_t i = 0; i < count; i++) {
        if (is_curve(&rows[i]) && rows[i].tokens == tokens) {
            const double x = x_of(p, rows[i].sequences);
            const double y = y_of(p, bench_median(&rows[i]));
            TRY(buffer_printf(p->out, p->error, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", x, y));
            snprintf(number, sizeof number, "%.4g", bench_median(&rows[i]));
            TRY(draw_text(p, x, y - 9, "middle", number));
        }
    }
    return HEARTH_OK;
}

static hearth_status draw(const picture *p, const char *model_path, const bench_row *rows, size_t count)
{
    TRY(buffer_printf(p->out, p->error,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
                      "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.curve{fill:none;stroke:#1565c0;"
                      "stroke-width:2}.limit{fill:none;stroke:#999;stroke-dasharray:5 4}circle{fill:#1565c0}</style>\n"
                      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                      WIDTH, HEIGHT, WIDTH, HEIGHT));
    const char *name = strrchr(model_path, '/');
    TRY(draw_text(p, LEFT - 50, TOP - 30, "start", name != NULL ? name + 1 : model_path));
    TRY(draw_text(p, RIGHT, TOP - 30, "end", "dashed: the limit of this machine"));
    TRY(draw_axes(p));
    for (size_t i = 0; i < count; i++) {
        bool first = is_curve(&rows[i]);
        for (size_t before = 0; before < i; before++) {
            first = first && !(is_curve(&rows[before]) && rows[before].tokens == rows[i].tokens);
        }
        if (first) {
            TRY(draw_line(p, rows, count, rows[i].tokens, true));
            TRY(draw_line(p, rows, count, rows[i].tokens, false));
            TRY(draw_points(p, rows, count, rows[i].tokens));
        }
    }
    return buffer_append_text(p->out, "</svg>\n", p->error);
}

hearth_status bench_curve_write(const char *path, const char *model_path, const bench_row *rows, size_t count,
                                hearth_error *error)
{
    buffer out;
    buffer_init(&out, PICTURE_BYTES);
    picture p = {.out = &out, .error = error};
    scale_axes(&p, rows, count);
    hearth_status status = draw(&p, model_path, rows, count);
    if (status == HEARTH_OK) {
        status = file_replace(path, out.data, out.length, error);
    }
    buffer_free(&out);
    return status;
}
