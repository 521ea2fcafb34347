/* Numbers of recipe/cost.h beside this machine's peak. */
#include "cli/plan_recipe.h"
#include "cli/open.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "recipe/cost.h"
#include "tensor/measure.h"

#include <stdio.h>
#include <string.h>

typedef struct planned {
    const recipe *r;
    const plan_recipe_options *o;
    int threads;
    double peak; /* GFLOPS of the format's products, all threads */
    recipe_cost cost;
    recipe_time here, there; /* there: on o->machines */
} planned;

bool plan_is_recipe(const char *path)
{
    return text_ends(path, ".yaml") || text_ends(path, ".yml");
}

/* ---- amounts ---- */

static double core_hours(const planned *p, const recipe_time *t)
{
    return t->seconds / 3600 * t->machines_used * p->threads;
}

static double kilowatt_hours(const planned *p, const recipe_time *t)
{
    return t->seconds / 3600 * t->machines_used * p->o->watts / 1000;
}

/* "3 min 20 s", "5 h 2 min", "12 days 3 h". */
static const char *duration(double seconds, char ret[48])
{
    if (seconds < 100) {
        snprintf(ret, 48, "%.1f s", seconds);
    } else if (seconds < 6000) {
        snprintf(ret, 48, "%ld min %ld s", (long)seconds / 60, (long)seconds % 60);
    } else if (seconds < 100 * 3600.0) {
        snprintf(ret, 48, "%.1f h", seconds / 3600);
    } else {
        snprintf(ret, 48, "%.1f days", seconds / 86400);
    }
    return ret;
}

/* A large number in three digits: "1.25 billion", "3.40e+21". */
static const char *amount(double value, char ret[48])
{
    static const struct {
        double from;
        const char *name;
    } words[] = {{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (value >= words[i].from && value < 1e15) {
            snprintf(ret, 48, "%.3g%s", value / words[i].from, words[i].name);
            return ret;
        }
    }
    snprintf(ret, 48, value < 1e6 ? "%.0f" : "%.3g", value);
    return ret;
}

/* ---- text ---- */

static void row(const char *name)
{
    printf("%s%-14s%s", terminal_style(stdout, "bold"), name, terminal_style(stdout, "reset"));
}

static const char *bytes(double value, char ret[32])
{
    return text_bytes(value < 1.8e19 ? (uint64_t)value : UINT64_MAX, ret);
}

static void print_model(const planned *p)
{
    char all[48], active[48], number[48], flops[48], rule[48];
    const recipe_cost *k = &p->cost;
    row("recipe");
    printf("%s, %s of %u layers, width %u, %u tokens of vocabulary\n", p->r->name, p->r->model.family,
           p->r->model.layers, p->r->model.width, k->vocabulary);
    row("parameters");
    printf("%s", amount(k->parameters, all));
    if (k->active_parameters < k->parameters) {
        printf(", %s for each token", amount(k->active_parameters, active));
    }
    putchar('\n');
    row("tokens");
    printf("%s: %llu steps of %.0f\n", amount(k->tokens, number), (unsigned long long)p->r->train.steps,
           k->step_tokens);
    row("operations");
    printf("%s, of them %.1f%% in attention; 6 x parameters x tokens: %s\n", amount(k->flops, flops),
           100 * k->flops_attention / k->flops, amount(k->flops_6nd, rule));
}

static void print_memory(const planned *p)
{
    char sum[32], weights[32], gradient[32], optimizer[32], activations[32], checkpoint[32], all[32];
    const recipe_cost *k = &p->cost;
    row("memory");
    printf("about %s: weights %s, gradient %s, optimiser %s, activations %s\n", bytes(k->bytes_memory, sum),
           bytes(k->bytes_weights, weights), bytes(k->bytes_gradient, gradient), bytes(k->bytes_optimizer, optimizer),
           bytes(k->bytes_activations, activations));
    row("checkpoints");
    printf("%llu of %s, %s together\n", (unsigned long long)k->checkpoints, bytes(k->bytes_checkpoint, checkpoint),
           bytes((double)k->checkpoints * k->bytes_checkpoint, all));
}

static void print_time(const planned *p, const recipe_time *t, const char *where)
{
    char time[48], sent[32];
    row(where);
    printf("%s", duration(t->seconds, time));
    if (t->machines_used > 1) {
        printf(", %.0f%% of it exchanging %s a step", 100 * t->seconds_exchanging / t->seconds,
               bytes(t->bytes_step, sent));
    }
    printf(", %.3g core hours", core_hours(p, t));
    if (p->o->watts > 0) {
        printf(", %.3g kWh", kilowatt_hours(p, t));
    }
    if (p->o->price >= 0) {
        printf(", %.2f of money", core_hours(p, t) * p->o->price);
    }
    putchar('\n');
}

static void print_text(const cli *c, const planned *p)
{
    char where[32], speed[32];
    print_model(p);
    print_memory(p);
    row("machine");
    printf("%s GFLOPS of %s at most with %d thread%s; %.0f%% of that is planned with\n", terminal_rate(p->peak, speed),
           p->r->train.format == TRAIN_BF16 ? "BF16" : "F32", p->threads, p->threads == 1 ? "" : "s", p->o->share);
    print_time(p, &p->here, "here");
    if (p->o->machines > 1) {
        snprintf(where, sizeof where, "on %u", p->there.machines_used);
        print_time(p, &p->there, where);
        if (p->there.machines_used < p->o->machines) {
            cli_note(c, "%u of %zu machines have work: whole subtrees of %u micro-batches", p->there.machines_used,
                     p->o->machines, p->r->train.micro_batches);
        }
    }
    if (p->o->watts <= 0) {
        cli_note(c, "--watts N tells the energy, --price P the money of a core hour");
    }
}

/* ---- JSON ---- */

/* A count; what binary64 does not hold exactly stays a real. */
static json_t *whole(double value)
{
    return value < 0x1p53 ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *time_json(const planned *p, const recipe_time *t)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:o, s:f, s:o, s:o}", "machines", (json_int_t)t->machines_used, "seconds",
                     t->seconds, "seconds_computing", t->seconds_computing, "seconds_exchanging", t->seconds_exchanging,
                     "bytes_sent_a_step", whole(t->bytes_step), "core_hours", core_hours(p, t), "kwh",
                     p->o->watts > 0 ? json_real(kilowatt_hours(p, t)) : json_null(), "money",
                     p->o->price >= 0 ? json_real(core_hours(p, t) * p->o->price) : json_null());
}

static json_t *memory_json(const recipe_cost *k)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "weights_bytes", whole(k->bytes_weights), "gradient_bytes",
                     whole(k->bytes_gradient), "optimizer_bytes", whole(k->bytes_optimizer), "activations_bytes",
                     whole(k->bytes_activations), "all_bytes", whole(k->bytes_memory));
}

static json_t *machine_json(const planned *p)
{
    return json_pack("{s:i, s:s, s:f, s:f, s:o, s:o, s:f}", "threads", p->threads, "format",
                     p->r->train.format == TRAIN_BF16 ? "bf16" : "f32", "peak_gflops", p->peak, "share_percent",
                     p->o->share, "watts", p->o->watts > 0 ? json_real(p->o->watts) : json_null(), "core_hour_price",
                     p->o->price >= 0 ? json_real(p->o->price) : json_null(), "network_gb_s", p->o->network);
}

static json_t *plan_json(const planned *p)
{
    const recipe_cost *k = &p->cost;
    return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "recipe",
                     p->r->name, "sha256", p->r->sha256, "family", p->r->model.family, "vocabulary",
                     (json_int_t)k->vocabulary, "parameters", whole(k->parameters), "active_parameters",
                     whole(k->active_parameters), "tokens", whole(k->tokens), "flops", whole(k->flops),
                     "attention_flops", whole(k->flops_attention), "flops_6nd", whole(k->flops_6nd), "memory",
                     memory_json(k), "checkpoints", (json_int_t)k->checkpoints, "checkpoint_bytes",
                     whole(k->bytes_checkpoint), "machine", machine_json(p), "here", time_json(p, &p->here), "there",
                     p->o->machines > 1 ? time_json(p, &p->there) : json_null());
}

/* ---- the plan ---- */

/* Of a tokenizer that is a file; a learnt one has the recipe's size. */
static hearth_status find_vocabulary(cli *c, const recipe *r, uint32_t *ret, hearth_error *error)
{
    *ret = r->tokenizer.vocab_size;
    if (r->tokenizer.kind != TOKENIZER_FILE) {
        return HEARTH_OK;
    }
    opened o = {0};
    const char *file = r->tokenizer.path;
    char *path = recipe_place(r, file);
    if (path == NULL) {
        return error_memory(error, strlen(file));
    }
    const hearth_status status = open_tokenizer(c, path, NULL, &o, error);
    if (status == HEARTH_OK) {
        *ret = (uint32_t)tokenizer_vocabulary_size(o.model->tokenizer);
    }
    open_close(&o);
    mem_free(path);
    return status;
}

static hearth_status find_peak(cli *c, planned *p, hearth_error *error)
{
    opened o = {0};
    TRY(open_engine(c, &o, error));
    p->threads = o.engine->threads;
    p->peak =
        measure_peak(o.engine->kernels, o.engine->pool, p->r->train.format == TRAIN_BF16 ? MEASURE_BF16 : MEASURE_FP32);
    open_close(&o);
    return HEARTH_OK;
}

static hearth_status find_plan(cli *c, planned *p, hearth_error *error)
{
    uint32_t vocabulary = 0;
    TRY(find_vocabulary(c, p->r, &vocabulary, error));
    TRY(find_peak(c, p, error));
    const double speed = p->peak * 1e9 * p->o->share / 100;
    recipe_find_cost(p->r, vocabulary, &p->cost);
    recipe_find_time(p->r, &p->cost, speed, 1, p->o->network * 1e9, &p->here);
    recipe_find_time(p->r, &p->cost, speed, p->o->machines > 1 ? (uint32_t)p->o->machines : 1, p->o->network * 1e9,
                     &p->there);
    return HEARTH_OK;
}

int plan_recipe(cli *c, const char *path, const plan_recipe_options *options)
{
    hearth_error error = {0};
    recipe *r = NULL;
    planned p = {.o = options};
    hearth_status status = recipe_open(path, &r, &error);
    if (status == HEARTH_OK) {
        p.r = r;
        status = find_plan(c, &p, &error);
    }
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, plan_json(&p));
    } else {
        print_text(c, &p);
    }
    recipe_close(r);
    return code;
}
