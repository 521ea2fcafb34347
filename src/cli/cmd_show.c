/* hearth show: what a model is. */
#include "cli/commands.h"
#include "cli/show.h"

#include "cli/signals.h"

#include "base/text.h"
#include "model/describe.h"

#include <stdio.h>
#include <string.h>

typedef struct show_settings {
    bool tensors;
    bool metadata;
    bool template;
} show_settings;

static const option options[] = {
    {.name = "tensors",
     .type = OPTION_FLAG,
     .offset = offsetof(show_settings, tensors),
     .help = "List every tensor with its number format, shape and size."},
    {.name = "metadata",
     .type = OPTION_FLAG,
     .offset = offsetof(show_settings, metadata),
     .help = "List the metadata of the file: GGUF's keys, or the folder's config.json, generation_config.json and "
             "tokenizer_config.json."},
    {.name = "template",
     .type = OPTION_FLAG,
     .offset = offsetof(show_settings, template),
     .help = "Print the chat template, and nothing else."},
    {.name = NULL},
};

static const show_settings defaults = {0};

static void row(const char *name)
{
    printf("%s%-14s%s", terminal_style(stdout, "bold"), name, terminal_style(stdout, "reset"));
}

/* Text from the file: control characters never reach a terminal. */
static void print_outside(const char *text)
{
    (void)terminal_write_text(text, strlen(text), NULL);
}

static void print_identity(const model *m)
{
    char number[32];
    const model_config *k = &m->config;
    row("model");
    print_outside(k->name[0] != '\0' ? k->name : "(no name)");
    putchar('\n');
    row("path");
    print_outside(m->path);
    putchar('\n');
    row("container");
    if (m->gguf != NULL) {
        printf("GGUF %u", gguf_version(m->gguf));
    } else {
        printf("Hugging Face folder");
    }
    if (m->tensors->count > 0) {
        printf(", %zu tensors in %zu file%s\n", m->tensors->count, m->tensors->map_count,
               m->tensors->map_count == 1 ? "" : "s");
    } else {
        printf(", no weights in it\n");
    }
    row("family");
    printf("%s\n", k->family->name);
    if (m->tensors->count > 0) {
        row("parameters");
        printf("%s\n", terminal_number(model_parameters(m), number));
    }
}

static void print_shape(const model_config *k)
{
    row("shape");
    printf("%u layers, width %u, MLP %u, %u heads of %u, %u key/value head%s\n", k->layers, k->width, k->ffn, k->heads,
           k->head_dim, k->kv_heads, k->kv_heads == 1 ? "" : "s");
    row("");
    printf("%s%s%s%s\n",
           k->form.bidirectional ? "an encoder, no output matrix"
           : k->form.headless    ? "no output matrix"
           : k->tied             ? "tied embeddings"
                                 : "untied embeddings",
           k->form.qkv_bias ? ", biases on Q, K and V" : "", k->form.o_bias ? ", bias on the attention's output" : "",
           k->form.mlp_bias ? ", biases in the MLP" : "");
    if (k->moe.experts != 0) {
        row("experts");
        printf("%u of width %u, %u for each token", k->moe.experts, k->moe.ffn, k->moe.used);
        printf(k->moe.shared_ffn != 0 ? ", a shared one of width %u\n" : "\n", k->moe.shared_ffn);
    }
    if (k->mla.kv_rank != 0) {
        row("latent");
        printf("keys and values in %u + %u values, queries through %u; heads of %u + %u, values of %u\n",
               k->mla.kv_rank, k->mla.rope, k->mla.q_rank, k->mla.nope, k->mla.rope, k->mla.value);
    }
    if (k->delta.taps != 0) {
        row("delta nets");
        printf("in %u layers: %u key heads of %u, %u value heads of %u, a convolution of %u tokens\n",
               model_config_recurrent_layers(k), k->delta.key_heads, k->delta.key_dim, k->delta.value_heads,
               k->delta.value_dim, k->delta.taps);
    }
    row("positions");
    if (k->positions != 0 || k->form.alibi) {
        printf("%u tokens of context; %s\n", k->context, k->form.alibi ? "ALiBi" : "a learned table");
        return;
    }
    printf("%u tokens of context; RoPE: %s, theta %g, %u of %u values", k->context, rope_kind_name(k->rope.kind),
           k->rope.theta, k->rope.dims, k->mla.kv_rank != 0 ? k->mla.rope : k->head_dim);
    if (k->window != 0) {
        printf(", windows of %u", k->window);
    }
    if (k->chunk != 0) {
        printf(", chunks of %u", k->chunk);
    }
    if (k->rope.switch_context != 0) {
        printf(", another for contexts beyond %u", k->rope.switch_context);
    }
    if (k->rope.kind == ROPE_LINEAR || k->rope.kind == ROPE_LLAMA3) {
        printf(", factor %g", k->rope.factor);
    }
    putchar('\n');
}

static void print_text_side(const model *m, const char *licence)
{
    row("vocabulary");
    if (m->tokenizer != NULL) {
        char number[32];
        printf("%s tokens, %s\n", terminal_number(m->config.vocabulary, number), tokenizer_kind(m->tokenizer));
    } else {
        printf("%u tokens, no tokenizer in the files\n", m->config.vocabulary);
    }
    row("template");
    if (m->chat_template != NULL) {
        printf("%zu bytes (--template prints it)\n", m->chat_template_length);
    } else {
        printf("none\n");
    }
    row("licence");
    print_outside(licence[0] != '\0' ? licence : "not stated in the files");
    putchar('\n');
}

static void print_formats(const model *m)
{
    describe_format formats[DESCRIBE_FORMATS_MOST];
    const size_t count = describe_formats(m->tensors, formats);
    char number[32], bytes[32];
    printf("\n%-10s %8s %18s %10s\n", "format", "tensors", "values", "bytes");
    for (size_t i = 0; i < count; i++) {
        printf("%-10s %8zu %18s %10s\n", formats[i].name, formats[i].tensors,
               terminal_number(formats[i].values, number), text_bytes(formats[i].bytes, bytes));
    }
}

static void print_memory(const model *m)
{
    size_t lengths[DESCRIBE_LENGTHS_MOST];
    const size_t count = describe_lengths(&m->config, lengths);
    char packed[32], native[32], exact[32], eight[32], four[32], number[32];
    if (m->tensors->count > 0) {
        printf("\n%-28s %12s\n", "memory for the weights", text_bytes(describe_weight_bytes(m), packed));
    } else {
        putchar('\n');
    }
    printf("%-28s %12s %12s %12s %12s\n",
           m->tensors->count > 0 ? "and for keys and values of" : "memory for keys and values of", "native", "f32",
           "q8_0", "q4_0");
    for (size_t i = 0; i < count; i++) {
        char label[48];
        snprintf(label, sizeof label, "  %s tokens", terminal_number(lengths[i], number));
        printf("%-28s %12s %12s %12s %12s\n", label,
               text_bytes(model_config_cache_bytes(&m->config, lengths[i], CACHE_F16), native),
               text_bytes(model_config_cache_bytes(&m->config, lengths[i], CACHE_F32), exact),
               text_bytes(model_config_cache_bytes(&m->config, lengths[i], CACHE_Q8_0), eight),
               text_bytes(model_config_cache_bytes(&m->config, lengths[i], CACHE_Q4_0), four));
    }
}

static void print_tensors(const tensor_table *table)
{
    char shape[64], bytes[32];
    putchar('\n');
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        printf("%-6s %-18s %10s  ", dtype_get_info(e->type)->name, show_shape(e, shape),
               text_bytes(e->size_bytes, bytes));
        print_outside(e->name);
        putchar('\n');
    }
}

static int print_template(const cli *c, const model *m)
{
    hearth_error error = {0};
    if (m->chat_template == NULL) {
        (void)error_set(&error, HEARTH_E_NOT_FOUND, "chat template", NULL, "this model has none");
        error_in_file(&error, m->path);
        return cli_fail(c, &error);
    }
    if (c->json) {
        return cli_print_json(
            c, json_pack("{s:o}", "template", json_door_text(m->chat_template, m->chat_template_length)));
    }
    if (terminal_write_text(m->chat_template, m->chat_template_length, &error) != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    putchar('\n');
    return EXIT_DONE;
}

static int print(const cli *c, const show_settings *s, const model *m)
{
    if (s->template) {
        return print_template(c, m);
    }
    hearth_error error = {0};
    char licence[DESCRIBE_LICENCE_SIZE];
    if (describe_licence(m, licence, &error) != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    if (c->json) {
        return cli_print_json(c, describe_json(m, licence, s->tensors, s->metadata));
    }
    print_identity(m);
    print_shape(&m->config);
    print_text_side(m, licence);
    if (m->tensors->count > 0) {
        print_formats(m);
    }
    print_memory(m);
    if (s->tensors) {
        print_tensors(m->tensors);
    }
    if (s->metadata && show_metadata(m, stdout, &error) != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    return EXIT_DONE;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)count;
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    hearth_error error = {0};
    opened o = {.confined = true};
    const int code =
        open_model(c, operands[0], -1, &o, &error) == HEARTH_OK ? print(c, settings, o.model) : cli_fail(c, &error);
    open_close(&o);
    return code;
}

const cli_command command_show = {
    .name = "show",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .summary = "tell what a model is",
    .text =
        "Prints a model's family, shape and number of parameters, the number formats of its tensors, its vocabulary, "
        "whether it has a chat template, the licence that its files state, and how much memory it takes: for the "
        "weights, and for keys and values at several lengths of the context (half as much for the native "
        "computation, which keeps them in 16 bits, as for f32).\n\n"
        "Only the descriptions are read, not the weights.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth show model.gguf", "The summary."},
                                      {"hearth show model.gguf --tensors --metadata", "Everything in the file."},
                                      {"hearth show ./folder --template > chat.jinja", "The chat template, to a file."},
                                      {NULL, NULL}},
    .run = run,
};
