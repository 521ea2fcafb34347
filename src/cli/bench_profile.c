/* Profiles of rows: measuring, a table, JSON. */
#include "cli/bench_profile.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

const char *const bench_profile_names[] = {"none", "operations", "layers", NULL};

/* ---- measuring ---- */

static bool go_on(void *context, const char *text, size_t length)
{
    (void)text;
    (void)length;
    return terminal_progress_step(context, "profiling", 0, 0, "");
}

static bool go_on_feeding(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    (void)what;
    return terminal_progress_step(context, "profiling", done, total, unit);
}

static hearth_status run_row(session *s, const bench_row *row, const int32_t *ids, size_t depth, profile *p,
                             terminal_progress *bar, hearth_error *error)
{
    TRY(session_rewind(s, 0, error));
    if (row->kind == BENCH_PREFILL) {
        session_profile(s, profile_hook(p));
        profile_start(p);
        TRY(session_feed(s, ids, row->tokens, NULL, NULL, error));
        profile_stop(p);
        return HEARTH_OK;
    }
    TRY(bench_begin_answer(s, row, ids, depth, go_on_feeding, bar, error));
    const session_answer_options how = {.most_tokens = row->tokens, .ignore_end = true};
    session_answer_result result = {0};
    session_profile(s, profile_hook(p));
    profile_start(p);
    TRY(session_answer(s, &how, go_on, bar, &result, error));
    profile_stop(p);
    return result.end == SESSION_END_CALLER ? error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "interrupted")
                                            : HEARTH_OK;
}

static hearth_status profile_rows(const cli *c, session *s, const int32_t *ids, size_t count, bench_profile *ret,
                                  hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    hearth_status status = session_feed(s, ids, 1, NULL, NULL, error); /* threads are awake, pages touched */
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        status = run_row(s, &ret[i].row, ids, ret[i].depth, ret[i].p, &bar, error);
        session_profile(s, NULL);
    }
    terminal_progress_end(&bar);
    return status;
}

hearth_status bench_profile_rows(const cli *c, const opened *o, size_t depth, int cache, const bench_row *rows,
                                 size_t count, bench_profile *ret, hearth_error *error)
{
    size_t longest = depth;
    for (size_t i = 0; i < count; i++) {
        ret[i] = (bench_profile){.row = rows[i], .depth = depth};
        TRY(profile_create(o->model, &ret[i].p, error));
        const size_t needed = rows[i].tokens + (rows[i].kind == BENCH_DECODE ? depth : 0);
        longest = needed > longest ? needed : longest;
    }
    session_options how = session_options_default();
    how.context_length = longest;
    how.cache = cache;
    session *s = NULL;
    TRY(session_create(o->model, &how, &s, error));
    int32_t *ids = bench_make_ids(longest, o->model->config.vocabulary);
    const hearth_status status =
        ids != NULL ? profile_rows(c, s, ids, count, ret, error) : error_memory(error, longest * sizeof *ids);
    mem_free(ids);
    session_free(s);
    return status;
}

void bench_profile_free(bench_profile *profiles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        profile_free(profiles[i].p);
    }
}

/* ---- the table ---- */

/* Times and amounts are a token's for an answer, the whole prompt's otherwise. */
static double units_of(const bench_profile *b)
{
    return b->row.kind == BENCH_DECODE ? (double)b->row.tokens : 1;
}

/* The three lines that took longest. */
static void print_dearest(const profile_line *lines, size_t count, double whole)
{
    bool told[PROFILE_LINES] = {false};
    for (int n = 0; n < 3; n++) {
        size_t most = count;
        for (size_t i = 0; i < count; i++) {
            if (!told[i] && (most == count || lines[i].seconds > lines[most].seconds)) {
                most = i;
            }
        }
        if (most < count && whole > 0) {
            printf("%s%s %.0f%%", n == 0 ? "  " : ", ", profile_line_name(lines[most].line),
                   100 * lines[most].seconds / whole);
            told[most] = true;
        }
    }
    printf("\n");
}

/* Of one layer: everything but waiting counts for its rates. */
static void print_layer(const bench_profile *b, uint32_t layer, const bench_limits *l)
{
    profile_line lines[PROFILE_LINES];
    profile_line sum = {0};
    char name[24] = "outside";
    const size_t count = profile_layer_lines(b->p, layer, lines);
    for (size_t i = 0; i < count; i++) {
        profile_add_line(&lines[i], &sum);
    }
    if (layer != NN_NO_LAYER) {
        snprintf(name, sizeof name, "layer %u", layer);
    }
    const profile_rate rate = profile_rate_of(&sum, l);
    printf("%-10s %9.3f %6.1f%%", name, sum.seconds / units_of(b) * 1e3, 100 * sum.seconds / profile_seconds(b->p));
    profile_print_number(sum.bytes / units_of(b) * 1e-6, 9, 2);
    profile_print_number(rate.gb_s, 7, 1);
    profile_print_number(rate.gop_s, 7, 1);
    printf(" %8.0f%%", 100 * rate.share);
    print_dearest(lines, count, sum.seconds);
}

static void print_one(const bench_profile *b, const bench_limits *l, bench_profile_kind kind)
{
    profile_line lines[PROFILE_LINES];
    profile_line products = {0};
    profile_line sum = {0};
    const double whole = profile_seconds(b->p);
    const double units = units_of(b);
    const size_t count = profile_lines(b->p, lines);
    printf("\nprofile of %s, %zu tokens", b->row.kind == BENCH_DECODE ? "decoding" : "prefill", b->row.tokens);
    if (b->row.kind == BENCH_DECODE) {
        printf(" after %zu: %.3f ms a token\n", b->depth, whole / units * 1e3);
    } else {
        printf(": %.1f ms\n", whole * 1e3);
    }
    profile_print_header();
    for (size_t i = 0; i < count; i++) {
        profile_print_line(profile_line_name(lines[i].line), &lines[i], l, whole, units);
        profile_add_line(&lines[i], &sum);
        if (profile_is_product(lines[i].line)) {
            profile_add_line(&lines[i], &products);
        }
    }
    profile_print_line("all products", &products, l, whole, units);
    profile_print_line("all", &sum, l, whole, units);
    if (b->row.kind == BENCH_DECODE) {
        printf("besides the forward pass (sampling, detokenising, showing, step preparation): %.2f%% of a step\n",
               100 * profile_outside_seconds(b->p) / whole);
    }
    if (kind == BENCH_PROFILE_LAYERS) {
        printf("\n%-10s %9s %7s %9s %7s %7s %9s  %s\n", "", "ms", "share", "MB", "GB/s", "Gop/s", "of limit",
               "most of it");
        for (uint32_t layer = 0; layer < profile_layers(b->p); layer++) {
            print_layer(b, layer, l);
        }
        print_layer(b, NN_NO_LAYER, l);
    }
}

void bench_profile_print(const bench_profile *profiles, size_t count, const bench_limits *l, bench_profile_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        print_one(&profiles[i], l, kind);
    }
}

/* ---- JSON ---- */

static json_t *lines_json(const profile_line *lines, size_t count, const bench_limits *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        all = json_door_append(
            all, profile_line_json(profile_line_name(lines[i].line), profile_is_product(lines[i].line), &lines[i], l));
    }
    return all;
}

static json_t *layers_json(const profile *p, const bench_limits *l)
{
    json_t *all = json_array();
    for (uint32_t layer = 0; layer < profile_layers(p); layer++) {
        profile_line lines[PROFILE_LINES];
        const size_t count = profile_layer_lines(p, layer, lines);
        all = json_door_append(
            all, json_pack("{s:I, s:o}", "layer", (json_int_t)layer, "operations", lines_json(lines, count, l)));
    }
    return all;
}

json_t *bench_profile_json(const bench_profile *profiles, size_t count, const bench_limits *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        const bench_profile *b = &profiles[i];
        profile_line lines[PROFILE_LINES];
        const size_t line_count = profile_lines(b->p, lines);
        all = json_door_append(all, json_pack("{s:s, s:I, s:I, s:f, s:f, s:o, s:o}", "what",
                                              bench_kind_name(b->row.kind), "tokens", (json_int_t)b->row.tokens,
                                              "depth", (json_int_t)b->depth, "seconds", profile_seconds(b->p),
                                              "outside_seconds", profile_outside_seconds(b->p), "operations",
                                              lines_json(lines, line_count, l), "layers", layers_json(b->p, l)));
    }
    return all;
}
