/* hearth convert: a Hugging Face folder to a GGUF file, and back. */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "base/text.h"
#include "convert/convert.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>

typedef struct convert_settings {
    int type;
    size_t shard_mb;
} convert_settings;

static const char *const type_choices[] = {"keep", "f32", "f16", "bf16", NULL};
static const dtype types[] = {DTYPE_LIMIT, DTYPE_F32, DTYPE_F16, DTYPE_BF16};

static const option options[] = {
    {.name = "type",
     .type = OPTION_CHOICE,
     .offset = offsetof(convert_settings, type),
     .argument = "TYPE",
     .choices = type_choices,
     .help = "The number format of the matrices: f32, f16, bf16, or keep. Vectors and norms stay binary32 in GGUF, and "
             "what loses nothing becomes narrow again in a folder. With keep, the default, every value stays as it is: "
             "quantised tensors become what the other container has for them (MXFP4 stays, GPTQ and AWQ become Q5_0), "
             "else f32, which holds them exactly."},
    {.name = "shard-size",
     .type = OPTION_COUNT,
     .offset = offsetof(convert_settings, shard_mb),
     .argument = "MB",
     .least = 1,
     .most = 1000000,
     .help = "Cut safetensors into files of at most MB million bytes (a larger tensor has a file of its own). "
             "Default: 5000."},
    {.name = NULL},
};

static const convert_settings defaults = {.shard_mb = 5000};

static int print_result(const cli *c, const char *out, const convert_result *r, double seconds)
{
    const char *type = dtype_get_info((uint32_t)r->type)->name;
    char size[32];
    if (c->json) {
        return cli_print_json(c, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "out", out,
                                           "container", r->to_gguf ? "GGUF" : "Hugging Face folder", "family",
                                           r->family, "type", type, "tensors", (json_int_t)r->tensors, "dequantized",
                                           (json_int_t)r->dequantized, "left_out", (json_int_t)r->left_out, "files",
                                           (json_int_t)r->files, "bytes", (json_int_t)r->bytes, "seconds", seconds));
    }
    printf("wrote     %s\nmodel     %s, %zu tensors, %s\nformat    %s (%s)\n", out, r->family, r->tensors,
           text_bytes(r->bytes, size), r->to_gguf ? "GGUF" : "Hugging Face folder", type);
    if (r->dequantized > 0) {
        printf("were quantised  %zu tensors; %s now%s\n", r->dequantized, type,
               r->type == DTYPE_F32 ? ", which holds their values exactly" : ": rounded");
    }
    if (r->left_out > 0) {
        printf("left out  %zu tensors that a model of text does not read\n", r->left_out);
    }
    return EXIT_DONE;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const convert_settings *s = settings;
    (void)count;
    if (strcmp(operands[1], "-") == 0) {
        return cli_usage(c, "OUT: expected a file or a folder (./- for one of that name), found -");
    }
    hearth_error error = {0};
    convert_result result = {0};
    terminal_progress bar = {.quiet = c->quiet};
    char *path = NULL;
    int code = EXIT_DONE;
    const double began = time_seconds();
    opened o = {0};
    hearth_status status = confine_to_model(operands[0], NULL, operands[1], &path, &error);
    status = status != HEARTH_OK ? status : open_engine(c, &o, &error);
    if (status == HEARTH_OK) {
        const convert_options how = {.type = types[s->type],
                                     .shard_bytes = (uint64_t)s->shard_mb * 1000000u,
                                     .kernels = o.engine->kernels,
                                     .progress = terminal_progress_step,
                                     .progress_context = &bar};
        (void)signals_leave_at_once(false);
        status = convert_model(path, operands[1], &how, &result, &error);
        terminal_progress_end(&bar);
    }
    code = status != HEARTH_OK ? cli_fail(c, &error) : print_result(c, operands[1], &result, time_seconds() - began);
    mem_free(path);
    open_close(&o);
    return code;
}

const cli_command command_convert = {
    .name = "convert",
    .operands = "MODEL OUT",
    .least = 2,
    .most = 2,
    .summary = "turn a Hugging Face folder into a GGUF file, or back",
    .text =
        "A folder (config.json, safetensors, a tokenizer's files) becomes a GGUF file, a GGUF file becomes a folder. "
        "Tensors "
        "are renamed and their rows brought into the order that the other container keeps; number formats stay, so "
        "that the way there and back gives every tensor's bits again. OUT must not be there yet, and it appears when "
        "it is whole: what is interrupted leaves nothing behind.\n\n"
        "What the other container cannot say is refused in one line that names it: before the data is written, the "
        "written configuration is read back and compared with the model's.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth convert ./SmolLM3-3B smollm3.gguf", "A folder to GGUF, formats kept."},
                                      {"hearth convert model.Q4_0.gguf ./model --type bf16",
                                       "A quantised file to a folder that transformers loads."},
                                      {NULL, NULL}},
    .run = run,
};
