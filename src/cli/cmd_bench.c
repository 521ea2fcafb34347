/* hearth bench: how fast a model runs here, beside what this machine could do at best. */
#include "cli/bench.h"
#include "cli/bench_batch.h"
#include "cli/bench_profile.h"
#include "cli/bench_curve.h"
#include "cli/commands.h"
#include "cli/pieces.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/kv_cache.h"

#include <stdio.h>
#include <string.h>

typedef struct bench_settings {
    const char *prefill, *decode, *batch, *svg;
    size_t depth, rounds;
    int compute, cache, lossless;
    const char *memory;
    size_t context;
    int profile; /* a bench_profile_kind */
} bench_settings;

static const option options[] = {
    {.name = "prefill",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_settings, prefill),
     .argument = "N,N,...",
     .help = "Read prompts of so many tokens; 0 for none. Default: 128,512."},
    {.name = "decode",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_settings, decode),
     .argument = "N,N,...",
     .help = "Make answers of so many tokens; 0 for none. Default: 64."},
    {.name = "batch",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_settings, batch),
     .argument = "N,N,...",
     .help = "Make the answers in N sequences at once, each after a prompt of its own; tokens per second count all of "
             "them."},
    {.name = "svg",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_settings, svg),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Draw --batch's curve, or --profile's roofline, into this file."},
    {.name = "depth",
     .type = OPTION_COUNT,
     .offset = offsetof(bench_settings, depth),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "Begin each answer after a prompt of N tokens. Default: 1."},
    {.name = "rounds",
     .type = OPTION_COUNT,
     .offset = offsetof(bench_settings, rounds),
     .argument = "N",
     .least = 1,
     .most = BENCH_ROUNDS_MOST,
     .help = "Measure each N times, taking turns, and print the median. Default: 3."},
    {.name = "compute",
     .type = OPTION_CHOICE,
     .offset = offsetof(bench_settings, compute),
     .argument = "HOW",
     .choices = open_compute_names,
     .help = "native (the number format's fast rule) or f32 (exactly dequantised weights). Default: native."},
    {.name = "cache",
     .type = OPTION_CHOICE,
     .offset = offsetof(bench_settings, cache),
     .argument = "FORMAT",
     .choices = cache_type_names,
     .help = OPEN_CACHE_HELP},
    {.name = "lossless",
     .type = OPTION_CHOICE,
     .offset = offsetof(bench_settings, lossless),
     .argument = "WHEN",
     .choices = open_lossless_names,
     .help = OPEN_LOSSLESS_HELP},
    {.name = "memory",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_settings, memory),
     .argument = "SIZE",
     .help = OPEN_MEMORY_HELP},
    {.name = "context",
     .type = OPTION_COUNT,
     .offset = offsetof(bench_settings, context),
     .argument = "N",
     .least = 2,
     .most = LIMIT_CONTEXT,
     .help = "Begin each answer after N positions of synthetic keys and values, in place of a prompt of --depth tokens "
             "that would have to be computed."},
    {.name = "profile",
     .type = OPTION_CHOICE,
     .offset = offsetof(bench_settings, profile),
     .argument = "WHAT",
     .choices = bench_profile_names,
     .bare = "operations",
     .help =
         "Run each once more and print where its time went: time, bytes, multiply-adds and share of the limit of each "
         "operation (layers: of each layer, too)."},
    {.name = NULL},
};

static const bench_settings defaults = {.prefill = "128,512", .decode = "64", .depth = 1, .rounds = 3, .cache = -1};

/* The numbers of "128,512", each up to `most`. */
static bool read_numbers(const char *list, uint64_t most, size_t ret[BENCH_ROWS_MOST], size_t *ret_count)
{
    *ret_count = 0;
    for (;;) {
        const char *end = NULL;
        uint64_t number = 0;
        if (!option_read_whole(list, &end, &number) || number > most || *ret_count == BENCH_ROWS_MOST ||
            (*end != '\0' && *end != ',')) {
            return false;
        }
        ret[(*ret_count)++] = (size_t)number;
        if (*end == '\0') {
            return true;
        }
        list = end + 1;
    }
}

/* Appends a row for each number of the list; 0 stands for no row. */
static bool add_rows(const char *list, bench_kind kind, bench_row *rows, size_t *count)
{
    size_t numbers[BENCH_ROWS_MOST];
    size_t number_count = 0;
    if (!read_numbers(list, LIMIT_CONTEXT, numbers, &number_count)) {
        return false;
    }
    for (size_t i = 0; i < number_count; i++) {
        if (numbers[i] > 0 && *count == BENCH_ROWS_MOST) {
            return false;
        }
        if (numbers[i] > 0) {
            rows[(*count)++] = (bench_row){.kind = kind, .tokens = numbers[i]};
        }
    }
    return true;
}

/* In place of each answer's row, one for each number of sequences in "1,2,4". */
static bool spread_rows(const char *list, bench_row *rows, size_t *count)
{
    bench_row spread[BENCH_ROWS_MOST];
    size_t numbers[BENCH_ROWS_MOST];
    size_t number_count = 0;
    size_t spread_count = 0;
    if (!read_numbers(list, BENCH_SEQUENCES_MOST, numbers, &number_count)) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        const bool answer = rows[i].kind == BENCH_DECODE;
        for (size_t n = 0; n < (answer ? number_count : 1); n++) {
            if (spread_count == BENCH_ROWS_MOST || numbers[n] == 0) {
                return false;
            }
            spread[spread_count] = rows[i];
            spread[spread_count++].sequences = answer ? numbers[n] : 0;
        }
    }
    memcpy(rows, spread, spread_count * sizeof *rows);
    *count = spread_count;
    return true;
}

static int wrong_list(const cli *c, const char *name, const char *list)
{
    return cli_usage(c, "--%s takes numbers of tokens from 0 to %u apart by commas (%d in all at most), not \"%.48s\"",
                     name, LIMIT_CONTEXT, BENCH_ROWS_MOST, list);
}

static json_t *rows_json(const bench_row *rows, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        const bench_row *r = &rows[i];
        json_t *rounds = json_array();
        for (size_t n = 0; n < r->rounds; n++) {
            rounds = json_door_append(rounds, json_real(r->rate[n]));
        }
        all = json_door_append(all, json_pack("{s:s, s:I, s:I, s:f, s:s, s:f, s:f, s:s, s:o}", "what",
                                              bench_kind_name(r->kind), "tokens", (json_int_t)r->tokens, "sequences",
                                              (json_int_t)(r->sequences > 0 ? r->sequences : 1), "tokens_per_second",
                                              bench_median(r), "limited_by", r->limit_name, "limit", r->limit, "share",
                                              r->limit > 0 ? bench_used(r) / r->limit : 0, "limit_unit", r->limit_unit,
                                              "rounds", rounds));
    }
    return all;
}

static double lossless_bits(const lossless_report *l)
{
    return l->values == 0 ? 0 : 8.0 * (double)l->bytes / (double)l->values;
}

static double lossless_share(const lossless_report *l)
{
    return l->met.blocks == 0 ? 0 : (double)l->met.fitting / (double)l->met.blocks;
}

/* Of the weights that are in the lossless form and were used: those of other experts are not packed. */
static void print_lossless(const lossless_report *l)
{
    if (l->panels == 0) {
        return;
    }
    printf("lossless BF16: %.2f bits a weight, %.2f%% of %llu blocks fit", lossless_bits(l), 100 * lossless_share(l),
           (unsigned long long)l->met.blocks);
    if (l->packed < l->panels) {
        printf(" (of what was used, %.1f%%)", 100.0 * (double)l->packed / (double)l->panels);
    }
    printf("\n");
}

static int print(const cli *c, const bench_settings *s, const opened *o, const bench_limits *l, const bench_row *rows,
                 size_t count, const bench_profile *profiles)
{
    const model_weights *w = &o->model->weights;
    const lossless_report lossless = weights_lossless_report(w);
    const uint64_t weights_bytes = w->matrix_bytes + (w->packed ? lossless.beyond : 0);
    if (c->json) {
        json_t *all =
            json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:{s:I, s:f, s:I, s:f, s:I, s:I}, s:I, s:I, s:I, s:f, s:{s:f, "
                      "s:f, s:f, s:f}, s:o}",
                      "model", o->model->path, "compute", open_compute_names[s->compute], "cache",
                      cache_type_names[kv_cache_choose((compute)s->compute, s->cache)], "isa", o->engine->kernels->name,
                      "threads", o->engine->threads, "weights_bytes", (json_int_t)weights_bytes, "lossless", "bytes",
                      (json_int_t)lossless.bytes, "bits_per_weight", lossless_bits(&lossless), "blocks",
                      (json_int_t)lossless.met.blocks, "share_fitting", lossless_share(&lossless), "panels",
                      (json_int_t)lossless.panels, "packed_panels", (json_int_t)lossless.packed, "resident_bytes",
                      (json_int_t)(w->packed ? weights_bytes : w->resident_bytes), "streamed_bytes",
                      (json_int_t)w->streamed_bytes, "depth", (json_int_t)(s->context != 0 ? s->context : s->depth),
                      "load_seconds", o->seconds, "limits", "read_gb_s", l->bandwidth, "fp32_gflops",
                      l->peak[MEASURE_FP32], "bf16_gflops", l->peak[MEASURE_BF16], "int8_gops", l->peak[MEASURE_INT8],
                      "results", rows_json(rows, count));
        if (s->profile != BENCH_PROFILE_NONE) {
            all = json_door_put(all, "profile", bench_profile_json(profiles, count, l));
        }
        return cli_print_json(c, all);
    }
    char bytes[32];
    printf("%s, %s, %d thread%s, weights %s, loaded in %.2f s\n", open_compute_names[s->compute],
           o->engine->kernels->name, o->engine->threads, o->engine->threads == 1 ? "" : "s",
           text_bytes(weights_bytes, bytes), o->seconds);
    print_lossless(&lossless);
    char rates[MEASURE_KINDS][32];
    printf("this machine: %.1f GB/s read, %s GFLOPS binary32, %s GFLOPS bf16, %s GOPS int8\n\n", l->bandwidth,
           terminal_rate(l->peak[MEASURE_FP32], rates[0]), terminal_rate(l->peak[MEASURE_BF16], rates[1]),
           terminal_rate(l->peak[MEASURE_INT8], rates[2]));
    if (count == 0) {
        return EXIT_DONE;
    }
    const char *sequences = s->batch != NULL ? " sequences" : "";
    printf("%-8s %7s%s %11s   %-10s %s\n", "", "tokens", sequences, "tokens/s", "uses", "of the limit");
    for (size_t i = 0; i < count; i++) {
        const bench_row *r = &rows[i];
        char together[24] = "";
        if (s->batch != NULL) {
            snprintf(together, sizeof together, " %9zu", r->sequences > 0 ? r->sequences : 1);
        }
        printf("%-8s %7zu%s %11.1f   %5.1f %-6s %3.0f%% of %s\n", bench_kind_name(r->kind), r->tokens, together,
               bench_median(r), bench_used(r), r->limit_unit, r->limit > 0 ? 100 * bench_used(r) / r->limit : 0,
               r->limit_name);
    }
    if (s->profile != BENCH_PROFILE_NONE) {
        bench_profile_print(profiles, count, l, (bench_profile_kind)s->profile);
    }
    return EXIT_DONE;
}

static bool has_answers(const bench_row *rows, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || rows[i].kind == BENCH_DECODE;
    }
    return any;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)count;
    const bench_settings *s = settings;
    bench_row rows[BENCH_ROWS_MOST];
    size_t row_count = 0;
    if (!add_rows(s->prefill, BENCH_PREFILL, rows, &row_count)) {
        return wrong_list(c, "prefill", s->prefill);
    }
    if (!add_rows(s->decode, BENCH_DECODE, rows, &row_count)) {
        return wrong_list(c, "decode", s->decode);
    }
    if (s->batch != NULL && !spread_rows(s->batch, rows, &row_count)) {
        return cli_usage(
            c,
            "--batch takes numbers of sequences from 1 to %u apart by commas (%d rows in all at most), not "
            "\"%.48s\"",
            BENCH_SEQUENCES_MOST, BENCH_ROWS_MOST, s->batch);
    }
    if (row_count == 0) {
        return cli_usage(c, "nothing to measure: --prefill and --decode are both 0");
    }
    if (s->batch != NULL && !has_answers(rows, row_count)) {
        return cli_usage(c, "--batch is of answers, and --decode is 0");
    }
    if (s->context != 0 && s->depth != 1) {
        return cli_usage(c, "--context and --depth both say where answers begin: give one");
    }
    if (s->svg != NULL && s->batch == NULL && s->profile == BENCH_PROFILE_NONE) {
        return cli_usage(c, "--svg draws --batch's curve or --profile's roofline, and there is none");
    }
    if (s->batch != NULL && (s->profile != BENCH_PROFILE_NONE || s->context != 0)) {
        return cli_usage(c, "--profile and --context are for one sequence: leave out --batch");
    }
    const size_t depth = s->context != 0 ? s->context : s->depth;
    for (size_t i = 0; i < row_count; i++) {
        rows[i].filled = s->context != 0 && rows[i].kind == BENCH_DECODE;
    }
    hearth_error error = {0};
    opened o = {.memory = s->memory, .lossless = s->lossless};
    bench_limits limits = {0};
    hearth_status status = open_model(c, operands[0], s->compute, &o, &error);
    if (status == HEARTH_OK) {
        status = model_needs_head(o.model, &error);
    }
    if (status == HEARTH_OK) {
        status = bench_measure(c, &o, depth, s->cache, s->rounds, rows, row_count, &limits, &error);
    }
    bench_profile profiles[BENCH_ROWS_MOST] = {0};
    if (status == HEARTH_OK && s->profile != BENCH_PROFILE_NONE) {
        status = bench_profile_rows(c, &o, depth, s->cache, rows, row_count, profiles, &error);
    }
    if (status == HEARTH_OK && s->svg != NULL) {
        status = s->batch != NULL ? bench_curve_write(s->svg, o.model->path, rows, row_count, &error)
                                  : bench_roofline_write(s->svg, &o, profiles, row_count, &limits, &error);
    }
    const int code = status == HEARTH_OK ? print(c, s, &o, &limits, rows, row_count, profiles) : cli_fail(c, &error);
    bench_profile_free(profiles, row_count);
    open_close(&o);
    return code;
}

const cli_command command_bench = {
    .name = "bench",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .summary = "measure how fast a model runs here, beside the limits of this machine",
    .text =
        "Measures prefill (reading a prompt) and decode (making an answer, greedily, token after token) at the given "
        "lengths, several times in turns, and prints medians. In the same run it measures what this machine can do "
        "at best, and prints which share of that was reached.\n\n"
        "Decoding reads every weight, and the keys and values so far, once per token: its limit is the read "
        "bandwidth. Prefill multiplies each weight of the layers once per token: its limit is the peak rate of the "
        "operation that the number format computes with (8-bit integers, pairs of bf16, binary32). A small model "
        "that fits in the CPU's caches can decode beyond the read bandwidth of memory.\n\n"
        "With --batch, several sequences go on together, as a server's requests do: each has a prompt of --depth "
        "tokens and a cache of its own, and every step reads the weights once for all of them. The numbers are those "
        "of llama-batched-bench -npp DEPTH -ntg DECODE -npl BATCH, but that here the next token is chosen from the "
        "logits. Each sequence's answer is what it would be alone. Its limit is the read bandwidth or the peak rate, "
        "whichever takes longer.\n\n"
        "With --profile, each row is run once more with a clock at every operation. The laps of a thread add up to its "
        "time, so the table does, too: times are a thread's mean, waiting for other threads has a line of its own, and "
        "what one thread does alone stands with its whole time. Bytes of products are those of the packed matrices; "
        "bytes of other operations mostly come out of caches, and may pass the bandwidth of memory. An answer is drawn "
        "as hearth run draws by default.\n\n"
        "With --context, answers begin at a cache that is filled with synthetic keys and values, the same in every 64 "
        "positions: attention reads and computes as much as after a real text, and nothing has to be paid for it.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth bench model.gguf", "The usual lengths."},
                                      {"hearth bench model.gguf --prefill 0 --decode 128 --depth 1024 --threads 2",
                                       "Decoding after a long prompt, with two threads."},
                                      {"hearth bench model.gguf --rounds 1 --profile --svg roofline.svg",
                                       "Where the time goes, and a picture of it."},
                                      {"hearth bench model.gguf --prefill 0 --decode 16 --context 65536 --cache q8_0",
                                       "Decoding at position 65,536."},
                                      {"hearth bench model.gguf --prefill 0 --decode 32 --depth 128 --batch "
                                       "1,2,4,8,16,32 --svg curve.svg",
                                       "Up to 32 sequences at once, and the curve as a picture."},
                                      {NULL, NULL}},
    .run = run,
};
