/* hearth detokenize: token ids to text. */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/signals.h"

#include <stdio.h>
#include <string.h>

typedef struct detokenize_settings {
    bool special;
    const char *encoding;
} detokenize_settings;

static const option options[] = {
    {.name = "special",
     .type = OPTION_FLAG,
     .offset = offsetof(detokenize_settings, special),
     .help = "Write control tokens by their names; otherwise they are left out."},
    {.name = "encoding",
     .type = OPTION_TEXT,
     .offset = offsetof(detokenize_settings, encoding),
     .argument = "NAME",
     .help = "Which encoding a file of tiktoken's ranks is, where its name does not say it: `cl100k_base`, "
             "`o200k_base`, `o200k_harmony`, `p50k_base`, `p50k_edit`, `r50k_base`, `gpt2`, `llama3` or `qwen`."},
    {.name = NULL},
};

static const detokenize_settings defaults = {0};

/* Appends the ids of a text: whole numbers apart by white space or commas. */
static hearth_status read_ids(const char *text, const char *where, size_t vocabulary, token_list *ret,
                              hearth_error *error)
{
    const char *gap = " \t\r\n,[]";
    for (text += strspn(text, gap); *text != '\0'; text += strspn(text, gap)) {
        const size_t length = strcspn(text, gap);
        const char *end = NULL;
        uint64_t id = 0;
        if (!option_read_whole(text, &end, &id) || end != text + length || id >= vocabulary) {
            char expected[80];
            snprintf(expected, sizeof expected, "token ids from 0 to %zu", vocabulary - 1);
            return error_set(error, HEARTH_E_FORMAT, where, expected, "\"%.*s\"", length < 40 ? (int)length : 40, text);
        }
        TRY(token_list_append(ret, (int32_t)id, error));
        text += length;
    }
    return HEARTH_OK;
}

static hearth_status gather(const cli *c, const tokenizer *t, const char **words, size_t count, token_list *ret,
                            hearth_error *error)
{
    const size_t vocabulary = tokenizer_vocabulary_size(t);
    for (size_t i = 0; i < count; i++) {
        TRY(read_ids(words[i], NULL, vocabulary, ret, error));
    }
    if (count > 0) {
        return HEARTH_OK;
    }
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = open_text(c, NULL, &text, error);
    if (status == HEARTH_OK) {
        status = strlen(buffer_text(&text)) == text.length
                     ? read_ids(buffer_text(&text), "standard input", vocabulary, ret, error)
                     : error_set(error, HEARTH_E_FORMAT, "standard input", "token ids", "a NUL byte");
    }
    buffer_free(&text);
    return status;
}

static hearth_status print(const cli *c, const buffer *text, int *ret_code, hearth_error *error)
{
    if (c->json) {
        *ret_code = cli_print_json(c, json_pack("{s:o}", "text", json_door_text(buffer_text(text), text->length)));
        return HEARTH_OK;
    }
    *ret_code = EXIT_DONE;
    TRY(terminal_write_text(buffer_text(text), text->length, error));
    const bool open_line = text->length > 0 && text->data[text->length - 1] != '\n';
    return terminal_is(stdout) && open_line ? terminal_write_text("\n", 1, error) : HEARTH_OK;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const detokenize_settings *s = settings;
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    hearth_error error = {0};
    opened o = {.confined = true};
    token_list list = {0};
    buffer text;
    buffer_init(&text, 0);
    int code = EXIT_DONE;
    hearth_status status = open_tokenizer(c, operands[0], s->encoding, &o, &error);
    if (status == HEARTH_OK) {
        status = gather(c, o.model->tokenizer, operands + 1, count - 1, &list, &error);
    }
    if (status == HEARTH_OK) {
        status = tokenizer_decode(o.model->tokenizer, list.ids, list.count, s->special ? DECODE_SPECIAL : DECODE_PLAIN,
                                  &text, &error);
    }
    if (status == HEARTH_OK) {
        status = print(c, &text, &code, &error);
    }
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    }
    buffer_free(&text);
    token_list_free(&list);
    open_close(&o);
    return code;
}

const cli_command command_detokenize = {
    .name = "detokenize",
    .operands = "MODEL [ID...]",
    .least = 1,
    .most = (size_t)-1,
    .summary = "turn the model's tokens back into text",
    .text = "Takes token ids as operands, or from standard input, apart by white space or commas, and prints the bytes "
            "that they stand for, with no newline added (but on a terminal).",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth detokenize model.gguf 19556 905", "The text of two tokens."},
                                      {"hearth tokenize model.gguf --ids FILE | hearth detokenize model.gguf",
                                       "FILE again, byte for byte."},
                                      {NULL, NULL}},
    .run = run,
};
