/* hearth tokenize: text to token ids. */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/pieces.h"
#include "cli/signals.h"

#include <stdio.h>
#include <string.h>

typedef struct tokenize_settings {
    const char *text;
    bool ids;
    bool special;
    const char *encoding;
    bool no_bos;
} tokenize_settings;

static const option options[] = {
    {.name = "text",
     .letter = 't',
     .type = OPTION_TEXT,
     .offset = offsetof(tokenize_settings, text),
     .argument = "TEXT",
     .help = "Tokenize this text instead of a file."},
    {.name = "ids",
     .type = OPTION_FLAG,
     .offset = offsetof(tokenize_settings, ids),
     .help = "Print the ids alone, on one line."},
    {.name = "special",
     .type = OPTION_FLAG,
     .offset = offsetof(tokenize_settings, special),
     .help =
         "Read control tokens that are spelled out in the text, like `<|im_end|>`, as such. Otherwise they are text "
         "like any other."},
    {.name = "no-bos",
     .type = OPTION_FLAG,
     .offset = offsetof(tokenize_settings, no_bos),
     .help = "Leave out what the model puts around a text: the token that begins it and, where it has one, the token "
             "that ends it."},
    {.name = "encoding",
     .type = OPTION_TEXT,
     .offset = offsetof(tokenize_settings, encoding),
     .argument = "NAME",
     .help = "Which encoding a file of tiktoken's ranks is, where its name does not say it: `cl100k_base`, "
             "`o200k_base`, `o200k_harmony`, `p50k_base`, `p50k_edit`, `r50k_base`, `gpt2`, `llama3` or `qwen`."},
    {.name = NULL},
};

static const tokenize_settings defaults = {0};

static int print(const cli *c, const tokenize_settings *s, const tokenizer *t, const token_list *list)
{
    if (c->json) {
        return cli_print_json(c, pieces_json(t, list->ids, list->count));
    }
    if (s->ids) {
        for (size_t i = 0; i < list->count; i++) {
            printf("%s%d", i > 0 ? " " : "", list->ids[i]);
        }
        putchar('\n');
        return EXIT_DONE;
    }
    hearth_error error = {0};
    for (size_t i = 0; i < list->count; i++) {
        printf("%7d  ", list->ids[i]);
        if (pieces_print(t, list->ids[i], stdout, &error) != HEARTH_OK) {
            return cli_fail(c, &error);
        }
        putchar('\n');
    }
    return EXIT_DONE;
}

static hearth_status encode(const cli *c, const tokenize_settings *s, const char *file, const tokenizer *t,
                            token_list *ret, hearth_error *error)
{
    const unsigned flags = (s->no_bos ? 0u : ENCODE_ADD_BOS) | (s->special ? ENCODE_PARSE_SPECIAL : 0u);
    if (s->text != NULL) {
        return tokenizer_encode(t, s->text, strlen(s->text), flags, ret, error);
    }
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = open_text(c, file, &text, error);
    if (status == HEARTH_OK) {
        status = tokenizer_encode(t, buffer_text(&text), text.length, flags, ret, error);
    }
    buffer_free(&text);
    return status;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const tokenize_settings *s = settings;
    if (s->text != NULL && count > 1) {
        return cli_usage(c, "give --text or a file, not both");
    }
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    hearth_error error = {0};
    opened o = {.confined = true, .also = {s->text == NULL && count > 1 ? operands[1] : NULL}};
    token_list list = {0};
    hearth_status status = open_tokenizer(c, operands[0], s->encoding, &o, &error);
    if (status == HEARTH_OK) {
        status = encode(c, s, count > 1 ? operands[1] : NULL, o.model->tokenizer, &list, &error);
    }
    const int code = status == HEARTH_OK ? print(c, s, o.model->tokenizer, &list) : cli_fail(c, &error);
    token_list_free(&list);
    open_close(&o);
    return code;
}

const cli_command command_tokenize = {
    .name = "tokenize",
    .operands = "MODEL [FILE]",
    .least = 1,
    .most = 2,
    .summary = "turn a text into the model's tokens",
    .text =
        "Reads FILE, or standard input, as it is (a newline at its end belongs to it; bytes that are no UTF-8 are read "
        "as U+FFFD) and prints a line for each "
        "token: its id and the bytes that it stands for. Bytes that are no whole characters are printed as `\\xNN`, "
        "control tokens by their name.\n\n"
        "Only the tokenizer is loaded: this works with files that have no weights, and with a tokenizer's file alone: "
        "`tokenizer.json`, `tokenizer.model`, `tekken.json`, `*.tiktoken`.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){
            {"hearth tokenize model.gguf README.md", "Each token of the file."},
            {"echo 'Hello world' | hearth tokenize model.gguf --ids", "The ids of what is piped in."},
            {"hearth tokenize model.gguf --text '<|im_start|>user' --special", "With control tokens read as such."},
            {NULL, NULL}},
    .run = run,
};
