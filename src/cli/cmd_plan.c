/* hearth plan: what a model needs, and what is to be expected of it here. */
#include "cli/commands.h"
#include "cli/plan.h"
#include "cli/plan_recipe.h"
#include "cli/signals.h"
#include "cli/size.h"

#include "base/text.h"
#include "model/describe.h"
#include "platform/cpu.h"
#include "platform/topology.h"
#include "platform/direct.h"

#include <stdio.h>
#include <string.h>

#define PLAN_CONTEXT ((size_t)4096)
#define PLAN_DISK_BYTES ((uint64_t)2 << 30) /* of a file, to measure with */

typedef struct plan_settings {
    size_t context, machines;
    const char *type;
    const char *memory;
    int cache;
    double disk, bandwidth;
    plan_recipe_options recipe; /* but machines */
} plan_settings;

static const option options[] = {
    {.name = "context",
     .type = OPTION_COUNT,
     .offset = offsetof(plan_settings, context),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "Plan for so many tokens of context. Default: 4096, or the model's own length if that is less."},
    {.name = "type",
     .type = OPTION_TEXT,
     .offset = offsetof(plan_settings, type),
     .argument = "NAME",
     .choices = plan_format_names,
     .help = "Plan as if the matrices were in this number format. Default: as the files are; BF16 for a configuration "
             "alone."},
    {.name = "cache",
     .type = OPTION_CHOICE,
     .offset = offsetof(plan_settings, cache),
     .argument = "FORMAT",
     .choices = cache_type_names,
     .help = "Plan for keys and values in this number format. Default: f16."},
    {.name = "memory",
     .type = OPTION_TEXT,
     .offset = offsetof(plan_settings, memory),
     .argument = "SIZE",
     .help = "Plan for so much memory for weights, keys and values: " SIZE_HELP ". Default: what is available here, "
             "less 256 MiB for the rest of the program."},
    {.name = "bandwidth",
     .type = OPTION_NUMBER,
     .offset = offsetof(plan_settings, bandwidth),
     .argument = "GB/S",
     .least = 0,
     .most = 100000,
     .help =
         "Plan for memory that is read at so many GB a second; nothing is measured then, and prefill, which hangs on "
         "the peak rates, is left out. Default: measured."},
    {.name = "disk",
     .type = OPTION_NUMBER,
     .offset = offsetof(plan_settings, disk),
     .argument = "GB/S",
     .least = 0,
     .most = 1000,
     .help =
         "Plan for a disk that reads so many GB a second. Default: measured by reading the model's largest file for "
         "a second."},
    {.name = "machines",
     .type = OPTION_COUNT,
     .offset = offsetof(plan_settings, machines),
     .argument = "N",
     .least = 1,
     .most = PLAN_MACHINES_MOST,
     .help = "Show how to split the layers over N machines. Of a recipe: how long N like this one take."},
    {.name = "share",
     .type = OPTION_NUMBER,
     .offset = offsetof(plan_settings, recipe.share),
     .argument = "PERCENT",
     .least = 0.1,
     .most = 100,
     .help = "Of a recipe: training reaches so much of the peak that is measured. Default: 50."},
    {.name = "watts",
     .type = OPTION_NUMBER,
     .offset = offsetof(plan_settings, recipe.watts),
     .argument = "N",
     .least = 0,
     .most = 1e6,
     .help = "Of a recipe: a machine takes so many watts while it trains; then the energy is told."},
    {.name = "price",
     .type = OPTION_NUMBER,
     .offset = offsetof(plan_settings, recipe.price),
     .argument = "P",
     .least = 0,
     .most = 1e6,
     .help = "Of a recipe: a core hour costs P; then the money is told."},
    {.name = "network",
     .type = OPTION_NUMBER,
     .offset = offsetof(plan_settings, recipe.network),
     .argument = "GB/S",
     .least = 0.001,
     .most = 100000,
     .help = "Of a recipe with --machines: each sends so many GB a second. Default: 1.25 (10 Gbit/s)."},
    {.name = NULL},
};

static const plan_settings defaults = {.cache = CACHE_F16, .recipe = {.share = 50, .price = -1, .network = 1.25}};

static void row(const char *name)
{
    printf("%s%-14s%s", terminal_style(stdout, "bold"), name, terminal_style(stdout, "reset"));
}

static void print_model(const plan_source *source, const plan_result *r)
{
    char all[32], active[32];
    const char *name = source->config.name[0] != '\0' ? source->config.name : "(no name)";
    row("model");
    (void)terminal_write_text(name, strlen(name), NULL);
    printf(", %s\n", source->config.family->name);
    row("parameters");
    printf("%s", terminal_number(r->parameters, all));
    if (r->active_parameters != r->parameters) {
        printf(", %s for each token", terminal_number(r->active_parameters, active));
    }
    putchar('\n');
}

static void print_formats(const plan_source *source, const plan_result *r)
{
    char file[32], memory[32], token[32];
    printf("\n%-20s %12s %12s %12s\n", "weights", "in a file", "in memory", "read a token");
    if (r->type == DTYPE_LIMIT) {
        printf("%-20s %12s %12s\n", "as they are", text_bytes(r->file_bytes, file), text_bytes(r->weights, memory));
    }
    for (size_t i = 0; i < PLAN_FORMATS; i++) {
        plan_row line = {0};
        if (plan_format_row(source, i, &line)) {
            printf("%-20s %12s %12s %12s\n", line.name, text_bytes(line.file_bytes, file),
                   text_bytes(line.bytes, memory), text_bytes((uint64_t)line.token_bytes, token));
        }
    }
}

static void print_cache(const plan_source *source)
{
    size_t lengths[DESCRIBE_LENGTHS_MOST];
    const size_t count = describe_lengths(&source->config, lengths);
    char native[32], exact[32], eight[32], four[32], number[32], label[48];
    printf("\n%-20s %12s %12s %12s %12s\n", "keys and values of", "native (F16)", "f32", "q8_0", "q4_0");
    for (size_t i = 0; i < count; i++) {
        snprintf(label, sizeof label, "  %s tokens", terminal_number(lengths[i], number));
        printf("%-20s %12s %12s %12s %12s\n", label,
               text_bytes(plan_cache_bytes(&source->config, lengths[i], CACHE_F16), native),
               text_bytes(plan_cache_bytes(&source->config, lengths[i], CACHE_F32), exact),
               text_bytes(plan_cache_bytes(&source->config, lengths[i], CACHE_Q8_0), eight),
               text_bytes(plan_cache_bytes(&source->config, lengths[i], CACHE_Q4_0), four));
    }
    putchar('\n');
}

static void print_machine(const plan_machine *m)
{
    char memory[32];
    row("machine");
    printf("%s of memory, %d thread%s, ", text_bytes(m->memory, memory), m->threads, m->threads == 1 ? "" : "s");
    if (m->limits.bandwidth > 0) {
        printf("%.1f GB/s read from memory", m->limits.bandwidth);
    } else {
        printf("read bandwidth not measured: too little memory is free");
    }
    if (m->disk > 0) {
        printf(", %.2f GB/s from disk%s", m->disk, m->disk_given ? " (--disk)" : "");
    }
    putchar('\n');
}

static void print_rate(const char *what, double rate)
{
    if (rate > 0) {
        printf(rate < 10 ? "%s at most %.2f tokens/s" : "%s at most %.0f tokens/s", what, rate);
    }
}

static void print_estimate(const plan_source *source, const plan_result *r, const plan_machine *m, size_t context)
{
    char need[32], token[32], disk[32], number[32];
    row("needs");
    printf("%s for weights%s%s and %s tokens of context%s%s: %s\n", text_bytes(r->weights + r->cache, need),
           r->type == DTYPE_LIMIT ? " as they are" : " in ",
           r->type == DTYPE_LIMIT ? "" : dtype_get_info(r->type)->name, terminal_number(context, number),
           m->cache == CACHE_F16 ? "" : " in ", m->cache == CACHE_F16 ? "" : cache_type_names[m->cache],
           r->fits ? "fits" : "more than there is");
    row("decoding");
    printf("reads %s a token", text_bytes((uint64_t)r->token_bytes, token));
    print_rate(r->fits ? ":" : "; with memory for all of it", r->decode);
    putchar('\n');
    if (!r->fits) {
        row("from disk");
        printf("%s of them from the file", text_bytes((uint64_t)r->token_disk_bytes, disk));
        if (m->disk > 0) {
            print_rate(":", r->decode_from_disk);
        } else {
            printf("; --disk GB/S tells how fast that is");
        }
        putchar('\n');
    }
    if (r->prefill > 0) {
        row("prefill");
        print_rate("by the peak rates", r->prefill);
        putchar('\n');
    }
    row("machines");
    if (r->machines_needed == 0) {
        printf("a layer alone is more than the memory of one like this\n");
    } else {
        printf("%u like this one hold%s it in memory", r->machines_needed, r->machines_needed == 1 ? "s" : "");
        printf(r->machines == 0 && r->machines_needed > 1 ? " (--machines shows the split)\n" : "\n");
    }
    (void)source;
}

static void print_split(const plan_result *r, const plan_machine *m)
{
    char weights[32], cache[32], sum[32], layers[32];
    printf("\n%-10s %12s %12s %12s %12s\n", "machine", "layers", "weights", "cache", "memory");
    for (uint32_t i = 0; i < r->machines; i++) {
        const plan_share *s = &r->shares[i];
        snprintf(layers, sizeof layers, "%u-%u", s->first, s->first + s->count - 1);
        printf("%-10u %12s %12s %12s %12s%s\n", i + 1, layers, text_bytes(s->weights, weights),
               text_bytes(s->cache, cache), text_bytes(s->weights + s->cache, sum),
               s->weights + s->cache > m->memory ? "  more than this one has" : "");
    }
    printf("\nThe machines take turns: one answer is as fast as one machine with all that memory.\n");
}

static hearth_status find_machine(cli *c, const plan_settings *s, const plan_source *source, plan_machine *ret,
                                  hearth_error *error)
{
    const uint64_t available = memory_available_bytes();
    const uint64_t margin = (uint64_t)256 << 20;
    const char *file = plan_largest_file(source);
    opened o = {0};
    ret->cache = (cache_type)s->cache;
    ret->memory = available > margin ? available - margin : 0;
    if (s->memory != NULL) {
        TRY(size_read("--memory", s->memory, &ret->memory, error));
    }
    ret->disk = s->disk;
    ret->disk_given = s->disk > 0;
    if (!ret->disk_given && file != NULL) {
        TRY(direct_measure(file, PLAN_DISK_BYTES, &ret->disk, error));
    }
    if (s->bandwidth > 0) {
        ret->threads = c->threads != 0 ? (int)c->threads : topology_own_threads();
        ret->limits.bandwidth = s->bandwidth;
        return HEARTH_OK;
    }
    TRY(open_engine(c, &o, error));
    ret->threads = o.engine->threads;
    const hearth_status status = bench_find_limits(c, &o, &ret->limits, error);
    open_close(&o);
    return status == HEARTH_E_MEMORY ? HEARTH_OK : status; /* without memory to spare the bandwidth stays unknown */
}

static dtype chosen_type(const plan_settings *s, const plan_source *source)
{
    for (size_t i = 0; s->type != NULL && i < PLAN_FORMATS; i++) {
        if (strcmp(s->type, plan_format_names[i]) == 0) {
            return plan_formats[i];
        }
    }
    return source->tensors != NULL ? DTYPE_LIMIT : DTYPE_BF16;
}

static int print(const cli *c, const plan_source *source, const plan_machine *m, const plan_result *r, size_t context)
{
    if (c->json) {
        return cli_print_json(c, plan_json(source, m, r, context));
    }
    print_model(source, r);
    print_formats(source, r);
    print_cache(source);
    print_machine(m);
    print_estimate(source, r, m, context);
    if (r->machines > 0) {
        print_split(r, m);
    }
    return EXIT_DONE;
}

static hearth_status plan(cli *c, const plan_settings *s, plan_source *source, model_sizes *sizes, plan_machine *m,
                          plan_result *r, size_t *ret_context, hearth_error *error)
{
    const model_config *k = &source->config;
    const dtype type = chosen_type(s, source);
    if (type == DTYPE_LIMIT) {
        TRY(model_sizes_from_tensors(k, source->tensors, source->gguf != NULL, sizes, error));
    } else {
        TRY(model_sizes_from_config(k, type, sizes, error));
    }
    TRY(find_machine(c, s, source, m, error));
    *ret_context = s->context != 0                                ? s->context
                   : model_config_plain_context(k) < PLAN_CONTEXT ? model_config_plain_context(k)
                                                                  : PLAN_CONTEXT;
    return plan_make(source, sizes, type, m, *ret_context, s->machines, r, error);
}

/* A recipe or a model: options of the other are refused, not passed over. */
static int refuse_others(const cli *c, const plan_settings *s, bool recipe)
{
    const plan_settings *d = &defaults;
    if (recipe && (s->context != 0 || s->type != NULL || s->memory != NULL || s->cache != d->cache || s->disk > 0 ||
                   s->bandwidth > 0)) {
        return cli_usage(c, "--context, --type, --cache, --memory, --bandwidth and --disk are for models, not recipes");
    }
    if (!recipe && (s->recipe.share != d->recipe.share || s->recipe.watts > 0 || s->recipe.price >= 0 ||
                    s->recipe.network != d->recipe.network)) {
        return cli_usage(c, "--share, --watts, --price and --network are for recipes, not models");
    }
    return EXIT_DONE;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)count;
    plan_settings *s = settings;
    const bool recipe = plan_is_recipe(operands[0]);
    const int refused = refuse_others(c, s, recipe);
    if (refused != EXIT_DONE) {
        return refused;
    }
    if (recipe) {
        s->recipe.machines = s->machines;
        return plan_recipe(c, operands[0], &s->recipe);
    }
    hearth_error error = {0};
    plan_source source = {0};
    model_sizes sizes = {0};
    plan_machine machine = {0};
    plan_result r = {0};
    size_t context = 0;
    hearth_status status = plan_open(c, operands[0], &source, &error);
    if (status == HEARTH_OK) {
        status = plan(c, settings, &source, &sizes, &machine, &r, &context, &error);
    }
    if (status != HEARTH_OK && status != HEARTH_E_ARGUMENT) {
        error_in_file(&error, operands[0]);
    }
    const int code = status == HEARTH_OK ? print(c, &source, &machine, &r, context) : cli_fail(c, &error);
    plan_result_free(&r);
    model_sizes_free(&sizes);
    plan_close(&source);
    return code;
}

const cli_command command_plan = {
    .name = "plan",
    .operands = "MODEL|RECIPE",
    .least = 1,
    .most = 1,
    .summary = "tell what a model needs and how fast it can be here, or what training takes",
    .text =
        "Prints a model's number of parameters (of a mixture of experts also how many a token uses), the memory that "
        "its weights take in each number format and its keys and values at several lengths of the context, and what "
        "this machine makes of it: whether it fits, how many tokens a second it can decode at most from memory, or "
        "from the disk where it is larger than the memory, and how many machines like this one would hold it.\n\n"
        "MODEL may also be a file NAME.json, the config.json of a model whose weights are somewhere else.\n\n"
        "The rates are bounds, computed from what is measured now (about three seconds): decoding reads every weight "
        "that a token uses once, so it is no faster than those bytes divided by the read bandwidth; reading a prompt "
        "is no faster than its multiplications at the peak rate. Of a model that is larger than memory the first "
        "layers stay there and the others are read from the file for each token.\n\n"
        "In the table every matrix is in the named format, the norms, biases and routers in F32; files of a mixed "
        "format such as Q4_K_M are a little larger. Rows that are not whole blocks of a format are Q8_0, or F16. What "
        "a token reads is without the table of embeddings, of which it reads a row.\n\n"
        "RECIPE, a file NAME.yaml (`hearth recipe`), is planned before anything is done: parameters, tokens, "
        "operations "
        "(multiplications and additions of all products and of attention, for sequences that are one document each), "
        "memory by kinds, checkpoints, and from the peak rate that is measured now and the share of it that training "
        "is said to reach (--share) the time, core hours, energy (--watts) and money (--price), here and on N machines "
        "like this one (--machines). These divide a step's micro-batches into whole subtrees, so a power of two of "
        "them has work; gradients and weights go around a ring once a step (--network), and nothing of that is "
        "hidden behind computing. Memory is an estimate; the operations are exact.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth plan model.gguf", "A file as it is, on this machine."},
                                      {"hearth plan config.json --type Q4_K --machines 12 --context 8192",
                                       "A model that is not here yet, over twelve machines."},
                                      {"hearth plan model.gguf --memory 8GB --bandwidth 60 --disk 3.5",
                                       "On another machine: its memory and its disk."},
                                      {"hearth plan recipe.yaml --machines 8 --watts 200 --price 0.04",
                                       "What training takes, here and on eight machines."},
                                      {NULL, NULL}},
    .run = run,
};
