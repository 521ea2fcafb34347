/* Rounds of prefill and decode, and what bounds each. */
#include "cli/bench.h"
#include "cli/bench_batch.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "generate/session.h"
#include "platform/cpu.h"

#include <stdlib.h>
#include <string.h>

#define BANDWIDTH_BYTES ((size_t)512 << 20)
#define BANDWIDTH_LEAST_BYTES ((size_t)64 << 20) /* less is what caches hold */

const char *bench_kind_name(bench_kind kind)
{
    return kind == BENCH_PREFILL ? "prefill" : "decode";
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(const bench_row *row)
{
    double sorted[BENCH_ROUNDS_MOST];
    if (row->rounds == 0) {
        return 0;
    }
    memcpy(sorted, row->rate, row->rounds * sizeof *sorted);
    qsort(sorted, row->rounds, sizeof *sorted, ascending);
    const size_t half = row->rounds / 2;
    return row->rounds % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double bench_used(const bench_row *row)
{
    return row->per_token * bench_median(row) / 1e9;
}

/* How much of a matrix `tokens` tokens read: of a mixture's experts those that one of them is sent to, which are taken
 * to be chosen evenly and one by one. */
static double share_of(const model *m, const matrix *w, size_t tokens)
{
    if (!weights_is_expert(&m->weights, w)) {
        return 1.0;
    }
    double spared = 1.0;
    for (size_t i = 0; i < tokens; i++) {
        spared *= 1.0 - (double)m->config.moe.used / m->config.moe.experts;
    }
    return 1.0 - spared;
}

/* Operations per token in the layers, by what they are computed with. The output matrix is used once a prompt, and by
 * every token of an answer. */
static void count_operations(const model *m, bool with_output, double ret[MEASURE_KINDS])
{
    static const measure_kind kinds[ACTIVATION_KINDS] = {
        [ACTIVATION_F32] = MEASURE_FP32, [ACTIVATION_BF16] = MEASURE_BF16, [ACTIVATION_Q8] = MEASURE_INT8};
    memset(ret, 0, MEASURE_KINDS * sizeof *ret);
    for (size_t i = 0; i < m->weights.matrix_count; i++) {
        const matrix *w = m->weights.matrices[i];
        ret[kinds[activation_for(w->type, m->compute)]] += 2.0 * (double)w->rows * (double)w->cols * share_of(m, w, 1);
    }
    if (with_output) {
        const matrix *w = &m->weights.output;
        ret[kinds[activation_for(w->type, m->compute)]] += 2.0 * (double)w->rows * (double)w->cols;
    }
}

/* Keys and values that one token at `position` reads; states, read and written. */
static double cache_bytes(const model *m, cache_type type, double position)
{
    const model_config *c = &m->config;
    return model_config_attention_layers(c) * cache_position_bytes(type, c->kv_heads, c->head_dim) * position +
           (double)model_config_state_bytes(c);
}

/* Weights that a step of so many tokens reads: all layers and the output matrix. */
static double weight_bytes(const model *m, size_t tokens)
{
    double bytes = (double)matrix_panels_bytes(&m->weights.output);
    for (size_t i = 0; i < m->weights.matrix_count; i++) {
        bytes += (double)matrix_panels_bytes(m->weights.matrices[i]) * share_of(m, m->weights.matrices[i], tokens);
    }
    return bytes;
}

static void limit_by_operations(const model *m, const bench_limits *l, bench_row *row)
{
    static const char *const names[MEASURE_KINDS] = {"the binary32 peak", "the bf16 peak", "the int8 peak"};
    double operations[MEASURE_KINDS];
    count_operations(m, row->kind == BENCH_DECODE, operations);
    /* Formats are mixed in some files: time adds up, so the limit is the mean weighted by operations. */
    double seconds = 0;
    measure_kind most = MEASURE_FP32;
    for (int kind = 0; kind < MEASURE_KINDS; kind++) {
        row->per_token += operations[kind];
        seconds += l->peak[kind] > 0 ? operations[kind] / l->peak[kind] : 0;
        most = operations[kind] > operations[most] ? (measure_kind)kind : most;
    }
    row->limit = seconds > 0 ? row->per_token / seconds : 0;
    row->limit_name = names[most];
    row->limit_unit = most == MEASURE_INT8 ? "GOPS" : "GFLOPS";
}

/* What bounds a row: of an answer's bytes and operations those that take longer. The more sequences answer together,
 * the fewer bytes of weights there are for each of their tokens. */
static void set_limit(const model *m, const bench_limits *l, size_t depth, cache_type type, bench_row *row)
{
    if (row->kind == BENCH_PREFILL || row->sequences > 1) {
        limit_by_operations(m, l, row);
    }
    if (row->kind == BENCH_PREFILL) {
        return;
    }
    const size_t sequences = row->sequences > 1 ? row->sequences : 1;
    const double bytes =
        weight_bytes(m, sequences) / (double)sequences + cache_bytes(m, type, (double)depth + (double)row->tokens / 2);
    if (row->limit_name == NULL || row->limit <= 0 ||
        (l->bandwidth > 0 && bytes / l->bandwidth >= row->per_token / row->limit)) {
        row->per_token = bytes;
        row->limit = l->bandwidth;
        row->limit_name = "the read bandwidth";
        row->limit_unit = "GB/s";
    }
}

/* The bar of all runs: each is a thousand parts of the whole. */
typedef struct run_progress {
    terminal_progress bar;
    size_t done, runs;
    size_t drawn, tokens; /* of an answer */
} run_progress;

enum { RUN_PARTS = 1000 };

static bool show_run(run_progress *p, uint64_t done, uint64_t total)
{
    const uint64_t within = total > 0 ? RUN_PARTS * done / total : 0;
    return terminal_progress_step(&p->bar, "measuring", p->done * RUN_PARTS + within, p->runs * RUN_PARTS, "");
}

static bool go_on(void *context, const char *text, size_t length)
{
    run_progress *p = context;
    (void)text;
    (void)length;
    return show_run(p, ++p->drawn, p->tokens);
}

static bool go_on_feeding(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    run_progress *p = context;
    (void)what;
    (void)unit;
    return show_run(p, p->tokens > 0 ? 0 : done, total); /* an answer's prompt is not what takes long */
}

hearth_status bench_begin_answer(session *s, const bench_row *row, const int32_t *ids, size_t depth,
                                 progress_fn progress, void *context, hearth_error *error)
{
    if (!row->filled) {
        return session_feed(s, ids, depth, progress, context, error);
    }
    TRY(session_fill(s, depth - 1, error));
    return session_feed(s, ids, 1, NULL, NULL, error);
}

static bool go_on_together(void *context, uint64_t done, uint64_t total)
{
    return show_run(context, done, total);
}

/* What rows are measured with. */
typedef struct bench_runs {
    session *s;
    bench_batch *b;     /* NULL: no row has several sequences */
    const int32_t *ids; /* at least as many as any row and the depth */
    size_t depth, rounds;
} bench_runs;

/* One measurement of one row. */
static hearth_status measure_row(const bench_runs *runs, bench_row *row, size_t round, run_progress *p,
                                 hearth_error *error)
{
    session *s = runs->s;
    const int32_t *ids = runs->ids;
    const size_t depth = runs->depth;
    p->drawn = 0;
    p->tokens = row->kind == BENCH_DECODE ? row->tokens : 0;
    if (row->sequences != 0) {
        double seconds = 0;
        TRY(bench_batch_measure(runs->b, row->sequences, ids, depth, row->tokens, go_on_together, p, &seconds, error));
        row->rate[round] = seconds > 0 ? (double)(row->tokens * row->sequences) / seconds : 0;
        row->rounds = round + 1;
        return HEARTH_OK;
    }
    TRY(session_rewind(s, 0, error));
    const double began = time_seconds();
    double seconds = 0;
    if (row->kind == BENCH_PREFILL) {
        TRY(session_feed(s, ids, row->tokens, go_on_feeding, p, error));
        seconds = time_seconds() - began;
    } else {
        TRY(bench_begin_answer(s, row, ids, depth, go_on_feeding, p, error));
        const session_answer_options how = {.most_tokens = row->tokens, .ignore_end = true};
        session_answer_result result = {0};
        TRY(session_answer(s, &how, go_on, p, &result, error));
        if (result.end == SESSION_END_CALLER) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "interrupted");
        }
        seconds = result.seconds;
    }
    row->rate[round] = seconds > 0 ? (double)row->tokens / seconds : 0;
    row->rounds = round + 1;
    return HEARTH_OK;
}

static hearth_status measure_rounds(const cli *c, const bench_runs *runs, bench_row *rows, size_t count,
                                    hearth_error *error)
{
    run_progress p = {.bar = {.quiet = c->quiet}, .runs = runs->rounds * count};
    /* One untimed prompt first: pages are touched, threads are awake. */
    const size_t warm = runs->depth < 16 ? runs->depth : 16;
    hearth_status status = session_feed(runs->s, runs->ids, warm, go_on_feeding, &p, error);
    for (size_t round = 0; round < runs->rounds && status == HEARTH_OK; round++) {
        for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
            status = measure_row(runs, &rows[i], round, &p, error);
            p.done++;
        }
    }
    terminal_progress_end(&p.bar);
    return status;
}

/* Tokens spread over the vocabulary, the same every time. */
int32_t *bench_make_ids(size_t count, size_t vocabulary)
{
    int32_t *ids = mem_calloc(count, sizeof *ids);
    for (size_t i = 0; ids != NULL && i < count; i++) {
        ids[i] = (int32_t)((i * 2654435761u + 12345u) % vocabulary);
    }
    return ids;
}

/* Under a tight limit of memory through less of it, or not at all: to be ended for it would be worse. */
static hearth_status find_bandwidth(const opened *o, double *ret, hearth_error *error)
{
    const uint64_t most = memory_available_bytes() / 4;
    if (most < BANDWIDTH_LEAST_BYTES) {
        return HEARTH_OK;
    }
    const size_t bytes = most < BANDWIDTH_BYTES ? (size_t)most : BANDWIDTH_BYTES;
    return measure_read_bandwidth(o->engine->kernels, o->engine->pool, bytes, ret, error);
}

hearth_status bench_find_limits(const cli *c, const opened *o, bench_limits *ret, hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    hearth_status status = HEARTH_OK;
    ret->bandwidth = 0;
    for (int step = 0; step <= MEASURE_KINDS && status == HEARTH_OK; step++) {
        if (!terminal_progress_step(&bar, "measuring this machine", (uint64_t)step, MEASURE_KINDS + 1, "")) {
            status = error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "interrupted");
        } else if (step < MEASURE_KINDS) {
            ret->peak[step] = measure_peak(o->engine->kernels, o->engine->pool, (measure_kind)step);
        } else {
            status = find_bandwidth(o, &ret->bandwidth, error);
        }
    }
    terminal_progress_end(&bar);
    return status;
}

static hearth_status prepare_runs(const opened *o, size_t longest, int cache, const bench_row *rows, size_t count,
                                  bench_runs *ret, hearth_error *error)
{
    session_options how = session_options_default();
    how.context_length = longest;
    how.cache = cache;
    how.sampling.temperature = 0;
    TRY(session_create(o->model, &how, &ret->s, error));
    size_t sequences = 0;
    for (size_t i = 0; i < count; i++) {
        sequences = rows[i].sequences > sequences ? rows[i].sequences : sequences;
    }
    return sequences == 0 ? HEARTH_OK
                          : bench_batch_create(o->model, kv_cache_choose(o->model->compute, cache), sequences, longest,
                                               &ret->b, error);
}

hearth_status bench_measure(const cli *c, const opened *o, size_t depth, int cache, size_t rounds, bench_row *rows,
                            size_t count, bench_limits *ret, hearth_error *error)
{
    size_t longest = depth;
    for (size_t i = 0; i < count; i++) {
        const size_t needed = rows[i].tokens + (rows[i].kind == BENCH_DECODE ? depth : 0);
        longest = needed > longest ? needed : longest;
    }
    if (longest > o->model->config.context) {
        return error_set(error, HEARTH_E_LIMIT, "the longest run", NULL, "%zu tokens, the model's context has %u",
                         longest, o->model->config.context);
    }
    TRY(bench_find_limits(c, o, ret, error));
    for (size_t i = 0; i < count; i++) {
        set_limit(o->model, ret, depth, kv_cache_choose(o->model->compute, cache), &rows[i]);
    }
    int32_t *ids = bench_make_ids(longest, o->model->config.vocabulary);
    if (ids == NULL) {
        return error_memory(error, longest * sizeof *ids);
    }
    bench_runs runs = {.ids = ids, .depth = depth, .rounds = rounds};
    hearth_status status = prepare_runs(o, longest, cache, rows, count, &runs, error);
    if (status == HEARTH_OK) {
        status = measure_rounds(c, &runs, rows, count, error);
    }
    mem_free(ids);
    bench_batch_free(runs.b);
    session_free(runs.s);
    return status;
}
