/* A page of pictures out of a run's logs. */
#include "train/report.h"

#include "base/buffer.h"
#include "base/markup.h"
#include "base/memory.h"
#include "platform/file.h"

#include <math.h>
#include <string.h>

#define WIDTH 760.0
#define HEIGHT 220.0
#define LEFT 70.0
#define MOST_POINTS 1000u

typedef struct series {
    double *x, *y;
    size_t count;
} series;

static void series_free(series *s)
{
    mem_free(s->x);
    mem_free(s->y);
}

/* One value of every record of a kind. */
static hearth_status collect(const chain_log *log, const char *kind, const char *key, series *ret, hearth_error *error)
{
    *ret = (series){.x = mem_calloc(log->count + 1, sizeof(double)), .y = mem_calloc(log->count + 1, sizeof(double))};
    if (ret->x == NULL || ret->y == NULL) {
        series_free(ret);
        return error_memory(error, log->count * sizeof(double));
    }
    for (size_t i = 0; i < log->count; i++) {
        const chain_record *r = &log->records[i];
        const double value = chain_number(r, key);
        if (strcmp(chain_kind(r), kind) == 0 && isfinite(value)) {
            ret->x[ret->count] = (double)chain_step(r);
            ret->y[ret->count++] = value;
        }
    }
    return HEARTH_OK;
}

typedef struct span {
    double low, high;
} span;

static span span_of(const double *values, size_t count)
{
    span s = {INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        s.low = values[i] < s.low ? values[i] : s.low;
        s.high = values[i] > s.high ? values[i] : s.high;
    }
    s.high = s.high > s.low ? s.high : s.low + 1.0;
    return s;
}

/* At most MOST_POINTS points: the mean of each stretch. */
static hearth_status draw_line(buffer *out, const series *s, span x, span y, hearth_error *error)
{
    const size_t stretch = (s->count + MOST_POINTS - 1) / MOST_POINTS;
    TRY(buffer_append_text(out, "<polyline fill='none' stroke='#2060a0' stroke-width='1.5' points='", error));
    for (size_t i = 0; i < s->count; i += stretch) {
        double sum_x = 0.0;
        double sum_y = 0.0;
        size_t n = 0;
        for (; n < stretch && i + n < s->count; n++) {
            sum_x += s->x[i + n];
            sum_y += s->y[i + n];
        }
        const double at_x = LEFT + (sum_x / (double)n - x.low) / (x.high - x.low) * (WIDTH - LEFT - 10.0);
        const double at_y = HEIGHT - 25.0 - (sum_y / (double)n - y.low) / (y.high - y.low) * (HEIGHT - 40.0);
        TRY(buffer_printf(out, error, "%.1f,%.1f ", at_x, at_y));
    }
    return buffer_append_text(out, "'/>\n", error);
}

static hearth_status draw(buffer *out, const char *title, const series *s, hearth_error *error)
{
    if (s->count == 0) {
        return HEARTH_OK;
    }
    const span x = span_of(s->x, s->count);
    const span y = span_of(s->y, s->count);
    TRY(buffer_printf(out, error, "<h2>%s</h2>\n<svg viewBox='0 0 %.0f %.0f' role='img' aria-label='%s'>\n", title,
                      WIDTH, HEIGHT, title));
    TRY(buffer_printf(out, error, "<path d='M%.0f 10V%.0fH%.0f' fill='none' stroke='#888'/>\n", LEFT, HEIGHT - 20.0,
                      WIDTH - 5.0));
    for (int i = 0; i <= 4; i++) {
        const double share = (double)i / 4.0;
        TRY(buffer_printf(out, error, "<text x='%.0f' y='%.1f' text-anchor='end'>%.4g</text>\n", LEFT - 6.0,
                          HEIGHT - 21.0 - share * (HEIGHT - 40.0), y.low + share * (y.high - y.low)));
        TRY(buffer_printf(out, error, "<text x='%.1f' y='%.0f' text-anchor='middle'>%.0f</text>\n",
                          LEFT + share * (WIDTH - LEFT - 30.0), HEIGHT - 6.0, x.low + share * (x.high - x.low)));
    }
    TRY(draw_line(out, s, x, y, error));
    return buffer_append_text(out, "</svg>\n", error);
}

static hearth_status draw_records(buffer *out, const chain_log *log, hearth_error *error)
{
    static const struct {
        const char *kind, *key, *title;
    } rows[] = {{"step", "loss", "Loss of each step (nats a token)"},
                {"evaluation", "bits_per_byte", "Bits per byte on held-out text"},
                {"step", "gradient_norm", "Norm of the gradient, before clipping"},
                {"step", "learning_rate", "Learning rate"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        series s = {0};
        TRY(collect(log, rows[i].kind, rows[i].key, &s, error));
        const hearth_status status = draw(out, rows[i].title, &s, error);
        series_free(&s);
        TRY(status);
    }
    return HEARTH_OK;
}

/* Each line of a file of JSON lines; odd ones are passed over. */
typedef hearth_status (*line_fn)(void *context, json_t *value, hearth_error *error);
static hearth_status each_line(const char *folder, const char *name, line_fn fn, void *context, hearth_error *error)
{
    file_map map = {0};
    char *path = file_join(folder, name);
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        status = file_map_open(path, &map, error);
    }
    mem_free(path);
    for (size_t at = 0; status == HEARTH_OK && at < map.size;) {
        const uint8_t *end = memchr(map.data + at, '\n', map.size - at);
        const size_t length = (end != NULL ? (size_t)(end - map.data) : map.size) - at;
        json_t *value = NULL;
        if (json_door_parse((const char *)map.data + at, length, name, &value, NULL) == HEARTH_OK) {
            status = fn(context, value, error);
            json_decref(value);
        }
        at += length + 1;
    }
    file_map_close(&map);
    return status;
}

typedef struct throughput {
    series s;
    size_t room;
    double tokens;
} throughput;

static hearth_status add_time(void *context, json_t *value, hearth_error *error)
{
    throughput *t = context;
    const double seconds = json_number_value(json_object_get(value, "seconds"));
    if (t->s.count == t->room) {
        const size_t room = t->room == 0 ? 1024 : 2 * t->room;
        double *x = mem_realloc(t->s.x, room * sizeof *x);
        t->s.x = x != NULL ? x : t->s.x;
        double *y = mem_realloc(t->s.y, room * sizeof *y);
        t->s.y = y != NULL ? y : t->s.y;
        if (x == NULL || y == NULL) {
            return error_memory(error, room * sizeof *x);
        }
        t->room = room;
    }
    if (seconds > 0.0) {
        t->s.x[t->s.count] = json_number_value(json_object_get(value, "step"));
        t->s.y[t->s.count++] = t->tokens / seconds;
    }
    return HEARTH_OK;
}

static hearth_status draw_times(buffer *out, const recipe *r, const char *folder, hearth_error *error)
{
    throughput t = {.tokens = (double)r->train.sequences * (double)r->train.length};
    hearth_status status = each_line(folder, "times.jsonl", add_time, &t, error);
    status = status == HEARTH_OK ? draw(out, "Tokens per second", &t.s, error) : status;
    series_free(&t.s);
    return status;
}

static hearth_status add_sample(void *context, json_t *value, hearth_error *error)
{
    buffer *out = context;
    const char *text = json_string_value(json_object_get(value, "text"));
    TRY(buffer_printf(out, error, "<h3>Step %lld</h3>\n<pre>",
                      (long long)json_integer_value(json_object_get(value, "step"))));
    TRY(markup_text(out, text != NULL ? text : "", true, error));
    return buffer_append_text(out, "</pre>\n", error);
}

static hearth_status write_cost(buffer *out, const report_cost *c, hearth_error *error)
{
    TRY(buffer_append_text(out, "<h2>Cost</h2>\n<table>\n", error));
    TRY(buffer_printf(out, error, "<tr><td>steps, each time that one was done</td><td>%llu</td></tr>\n",
                      (unsigned long long)c->totals.steps));
    TRY(buffer_printf(out, error, "<tr><td>time in steps</td><td>%.1f s</td></tr>\n", c->totals.seconds));
    TRY(buffer_printf(out, error, "<tr><td>core hours</td><td>%.4f</td></tr>\n", c->totals.core_seconds / 3600.0));
    TRY(buffer_printf(out, error, "<tr><td>operations (6 a weight and token, and attention)</td><td>%.3e</td></tr>\n",
                      c->step_flops * (double)c->totals.steps));
    TRY(buffer_printf(out, error, "<tr><td>at the last step</td><td>%llu ranks, %llu threads</td></tr>\n",
                      (unsigned long long)c->totals.ranks, (unsigned long long)c->totals.threads));
    if (c->totals.exchanged > 0) {
        TRY(buffer_printf(out, error, "<tr><td>bytes that the ranks sent each other, a step</td><td>%.0f</td></tr>\n",
                          c->totals.bytes / (double)c->totals.exchanged));
    }
    if (isfinite(c->joules)) {
        TRY(buffer_printf(out, error, "<tr><td>energy, %s</td><td>%.5f kWh</td></tr>\n",
                          c->declared ? "by the declared power" : "measured by RAPL", c->joules / 3.6e6));
    } else {
        TRY(buffer_append_text(out, "<tr><td>energy</td><td>not measured</td></tr>\n", error));
    }
    if (isfinite(c->money)) {
        TRY(buffer_printf(out, error, "<tr><td>money, %s</td><td>%.4f</td></tr>\n", c->money_note, c->money));
    }
    return buffer_append_text(out, "</table>\n", error);
}

static hearth_status write_page(buffer *out, const recipe *r, const char *folder, const chain_log *log,
                                const report_cost *cost, hearth_error *error)
{
    TRY(buffer_append_text(out,
                           "<!doctype html>\n<meta charset='utf-8'>\n<style>body{font:16px sans-serif;max-width:50em;"
                           "margin:2em auto;padding:0 1em}svg{width:100%}svg text{font-size:11px;fill:#555}td{padding:"
                           "0 1em 0 0}pre{white-space:pre-wrap;background:#f4f4f4;padding:.5em}</style>\n<title>",
                           error));
    TRY(markup_text(out, r->name, true, error));
    TRY(buffer_append_text(out, "</title>\n<h1>", error));
    TRY(markup_text(out, r->name, true, error));
    TRY(buffer_append_text(out, "</h1>\n<p>", error));
    TRY(markup_text(out, r->description, true, error));
    TRY(buffer_printf(out, error, "</p>\n<p>Recipe %s<br>chain %s</p>\n", r->sha256,
                      log->count > 0 ? log->records[log->count - 1].hash : ""));
    TRY(draw_records(out, log, error));
    TRY(draw_times(out, r, folder, error));
    TRY(write_cost(out, cost, error));
    TRY(buffer_append_text(out, "<h2>Samples</h2>\n", error));
    return each_line(folder, "samples.jsonl", add_sample, out, error);
}

hearth_status report_write(const recipe *r, const char *folder, const chain_log *log, const report_cost *cost,
                           hearth_error *error)
{
    buffer page;
    buffer_init(&page, 0);
    char *path = file_join(folder, "report.html");
    hearth_status status = path == NULL ? error_memory(error, 0) : write_page(&page, r, folder, log, cost, error);
    status = status == HEARTH_OK ? file_replace(path, page.data, page.length, error) : status;
    buffer_free(&page);
    mem_free(path);
    return status;
}
