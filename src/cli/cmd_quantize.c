/* hearth quantize: a GGUF file's matrices in fewer bits. */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/signals.h"

#include "base/json.h"
#include "base/memory.h"
#include "convert/quantize.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OVERRIDES 64u

typedef struct quantize_settings {
    option_list tensors;
} quantize_settings;

static const option options[] = {
    {.name = "tensor",
     .type = OPTION_LIST,
     .offset = offsetof(quantize_settings, tensors),
     .argument = "PATTERN=TYPE",
     .help = "Give tensors whose names match the shell pattern this format (f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, "
             "q5_1, q4_k, q5_k, q6_k). May be given many times; the first that matches counts."},
    {.name = NULL},
};

static const quantize_settings defaults = {0};

/* The overrides, in copies whose patterns end where their texts had the sign. */
typedef struct overrides {
    quantize_override list[OVERRIDES];
    char patterns[OVERRIDES][LIMIT_TENSOR_NAME_BYTES + 1];
    size_t count;
} overrides;

/* NULL, or what is wrong. */
static const char *read_overrides(const quantize_settings *s, overrides *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < s->tensors.count; i++) {
        const char *text = s->tensors.items[i];
        const char *sign = strrchr(text, '=');
        if (sign == NULL || (size_t)(sign - text) > LIMIT_TENSOR_NAME_BYTES || ret->count == OVERRIDES) {
            return text;
        }
        snprintf(ret->patterns[ret->count], sizeof ret->patterns[0], "%.*s", (int)(sign - text), text);
        ret->list[ret->count].pattern = ret->patterns[ret->count];
        if (!quantize_format(sign + 1, &ret->list[ret->count].type)) {
            return text;
        }
        ret->count++;
    }
    return NULL;
}

static int find_kind(const char *name)
{
    for (int i = 0; quantize_names[i] != NULL; i++) {
        if (strcasecmp(quantize_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *format_name(dtype type)
{
    return dtype_get_info((uint32_t)type)->name;
}

static double bits_of(const quantize_result *r)
{
    return r->values == 0 ? 0 : 8.0 * (double)r->to_bytes / (double)r->values;
}

static int print_json(const cli *c, const char *out, const char *kind, const quantize_result *r, double seconds)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const quantize_tensor *t = &r->tensors[i];
        rows = json_door_append(rows,
                                json_pack("{s:s, s:s, s:s, s:I, s:o, s:b}", "name", t->name, "from",
                                          format_name(t->from), "to", format_name(t->to), "bytes", (json_int_t)t->bytes,
                                          "error", json_door_number(t->error), "fell_back", (int)t->fell_back));
    }
    json_t *value =
        json_pack("{s:s, s:s, s:I, s:I, s:f, s:f}", "out", out, "type", kind, "from_bytes", (json_int_t)r->from_bytes,
                  "bytes", (json_int_t)r->to_bytes, "bits_per_weight", bits_of(r), "seconds", seconds);
    return cli_print_json(c, json_door_put(value, "tensors", rows));
}

static void print_text(const char *out, const quantize_result *r)
{
    char from[32], to[32];
    size_t fell_back = 0;
    printf("%-40s %-6s %-6s %10s  %s\n", "tensor", "from", "to", "bytes", "error");
    for (size_t i = 0; i < r->count; i++) {
        const quantize_tensor *t = &r->tensors[i];
        fell_back += t->fell_back;
        if (t->from != t->to) {
            printf("%-40s %-6s %-6s %10s  %.5f%s\n", t->name, format_name(t->from), format_name(t->to),
                   terminal_bytes(t->bytes, to), t->error, t->fell_back ? "  (rows fit no larger block)" : "");
        }
    }
    printf("\nwrote            %s\nsize             %s, from %s\nbits per weight  %.3f\n", out,
           terminal_bytes(r->to_bytes, to), terminal_bytes(r->from_bytes, from), bits_of(r));
    if (fell_back > 0) {
        printf("fell back        %zu tensors\n", fell_back);
    }
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static overrides over;
    (void)count;
    hearth_error error = {0};
    quantize_result result = {0};
    terminal_progress bar = {.quiet = c->quiet};
    char *path = NULL;
    opened o = {0};
    const int kind = find_kind(operands[1]);
    const char *wrong = read_overrides(settings, &over);
    if (kind < 0) {
        return cli_usage(c, "unknown type \"%.40s\"; see hearth help quantize", operands[1]);
    }
    if (wrong != NULL) {
        return cli_usage(c, "--tensor: expected PATTERN=TYPE, found \"%.80s\"", wrong);
    }
    const double began = time_seconds();
    hearth_status status = confine_to_model(operands[0], NULL, operands[2], &path, &error);
    status = status != HEARTH_OK ? status : open_engine(c, &o, &error);
    if (status == HEARTH_OK) {
        const quantize_options how = {.kernels = o.engine->kernels,
                                      .pool = o.engine->pool,
                                      .overrides = over.list,
                                      .override_count = over.count,
                                      .progress = terminal_progress_step,
                                      .progress_context = &bar};
        (void)signals_leave_at_once(false);
        status = quantize_model(path, kind, operands[2], &how, &result, &error);
        terminal_progress_end(&bar);
    }
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = print_json(c, operands[2], quantize_names[kind], &result, time_seconds() - began);
    } else {
        print_text(operands[2], &result);
    }
    quantize_result_free(&result);
    mem_free(path);
    open_close(&o);
    return code;
}

const cli_command command_quantize = {
    .name = "quantize",
    .operands = "MODEL TYPE OUT",
    .least = 3,
    .most = 3,
    .summary = "write a GGUF file's matrices in fewer bits",
    .text =
        "TYPE is f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q6_k, or a mixture: q4_k_s, q4_k_m, q5_k_s, q5_k_m. "
        "Each block's scale is searched for the least squared error, and the same bytes come out with any number of "
        "threads. Vectors, norms and routers stay as they are; the output matrix gets Q6_K. Rows that a format's "
        "blocks of 256 do not divide get blocks of 32 (Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for Q6_K).\n\n"
        "Prints what each tensor became and its relative error: the root of the mean squared error over the root of "
        "the mean square. OUT must not be there yet, and it appears when it is whole.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth quantize model-bf16.gguf q4_k_m model-q4_k_m.gguf",
                                       "Four bits for most weights, six where it matters."},
                                      {"hearth quantize model.gguf q4_0 small.gguf --tensor 'blk.*.attn_v.weight=q8_0'",
                                       "Eight bits for the values of attention."},
                                      {NULL, NULL}},
    .run = run,
};
