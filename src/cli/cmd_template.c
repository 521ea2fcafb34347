/* hearth template: a conversation as the model reads it. */
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/open.h"
#include "generate/prompt.h"
#include "cli/signals.h"

#include "base/limits.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct template_settings {
    const char *file;
    const char *now;
    bool no_generation_prompt;
} template_settings;

static const option options[] = {
    {.name = "template",
     .type = OPTION_TEXT,
     .offset = offsetof(template_settings, file),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Use this Jinja template instead of the model's."},
    {.name = "no-generation-prompt",
     .type = OPTION_FLAG,
     .offset = offsetof(template_settings, no_generation_prompt),
     .help = "Leave out the words that begin the model's answer."},
    {.name = "now",
     .type = OPTION_TEXT,
     .offset = offsetof(template_settings, now),
     .argument = "DATE",
     .help = "The date that templates see, YYYY-MM-DD. Default: today (UTC)."},
    {.name = NULL},
};

static const template_settings defaults = {0};

/* Midday of YYYY-MM-DD, UTC. */
static bool parse_date(const char *text, int64_t *ret)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof form; i++) { /* strptime also takes blanks, signs and single digits */
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i]) {
            return false;
        }
    }
    struct tm date = {.tm_hour = 12};
    if (strptime(text, "%Y-%m-%d", &date) == NULL) {
        return false;
    }
    const struct tm asked = date;
    *ret = (int64_t)timegm(&date);
    return date.tm_mday == asked.tm_mday && date.tm_mon == asked.tm_mon; /* no February 30 */
}

static hearth_status open_template(const template_settings *s, const model *m, chat **ret, hearth_error *error)
{
    if (s->file == NULL) {
        return prompt_open(m, NULL, 0, NULL, ret, error);
    }
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = file_read_stream(s->file, LIMIT_TEMPLATE_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = prompt_open(m, buffer_text(&text), text.length, s->file, ret, error);
    }
    buffer_free(&text);
    return status;
}

/* What was read: an array of messages, or an object with them and further variables. */
typedef struct conversation_input {
    json_t *read;
    const char *name; /* of the file */
} conversation_input;

static hearth_status render(const template_settings *s, const model *m, const conversation_input *in, int64_t now,
                            buffer *out, hearth_error *error)
{
    const bool object = json_is_object(in->read);
    const json_t *messages = object ? json_object_get(in->read, "messages") : in->read;
    const hearth_status checked = conversation_check(messages, error);
    if (checked != HEARTH_OK) {
        error_in_file(error, in->name);
        return checked;
    }
    json_t *extra = object ? json_copy(in->read) : json_object();
    if (extra == NULL) {
        return error_memory(error, 0);
    }
    json_object_del(extra, "messages");
    chat *template = NULL;
    hearth_status status = open_template(s, m, &template, error);
    if (status == HEARTH_OK) {
        const chat_options how = {.add_generation_prompt = !s->no_generation_prompt, .extra = extra, .now_unix = now};
        status = chat_render(template, messages, &how, out, error);
        if (status != HEARTH_OK && status != HEARTH_E_MEMORY) {
            (void)conversation_blame(messages, in->name, error);
        }
    }
    chat_close(template);
    json_decref(extra);
    return status;
}

static hearth_status read_conversation(const cli *c, const char *path, conversation_input *ret, hearth_error *error)
{
    ret->name = path != NULL && strcmp(path, "-") != 0 ? path : "standard input";
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = open_text(c, path, &text, error);
    if (status == HEARTH_OK) {
        status = json_door_parse(buffer_text(&text), text.length, ret->name, &ret->read, error);
    }
    buffer_free(&text);
    return status;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const template_settings *s = settings;
    int64_t now = (int64_t)time(NULL);
    if (s->now != NULL && !parse_date(s->now, &now)) {
        return cli_usage(c, "--now takes a date, YYYY-MM-DD, not \"%.48s\"", s->now);
    }
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    hearth_error error = {0};
    opened o = {.confined = true, .also = {s->file}};
    conversation_input in = {0};
    buffer text;
    buffer_init(&text, 0);
    int code = EXIT_DONE;
    hearth_status status = read_conversation(c, count > 1 ? operands[1] : NULL, &in, &error);
    if (status == HEARTH_OK) {
        status = open_model(c, operands[0], -1, &o, &error);
    }
    if (status == HEARTH_OK) {
        status = render(s, o.model, &in, now, &text, &error);
    }
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, json_pack("{s:o}", "text", json_door_text(buffer_text(&text), text.length)));
    } else if (status == HEARTH_OK) {
        status = terminal_write_text(buffer_text(&text), text.length, &error);
    }
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    }
    buffer_free(&text);
    json_decref(in.read);
    open_close(&o);
    return code;
}

static const cli_section sections[] = {
    {"The conversation",
     "A JSON array of messages, or an object with \"messages\" and whatever else the template takes (\"tools\", "
     "\"documents\", \"enable_thinking\", ...). What `/save` of `hearth run` writes is such an object.\n\n"
     "    [{\"role\": \"system\", \"content\": \"Answer in French.\"},\n"
     "     {\"role\": \"user\", \"content\": \"Good morning!\"}]"},
    {NULL, NULL},
};

const cli_command command_template = {
    .name = "template",
    .operands = "MODEL [FILE]",
    .least = 1,
    .most = 2,
    .summary = "render a conversation with a model's chat template",
    .text = "Reads a conversation as JSON from FILE, or from standard input, and prints the text that the model's chat "
            "template makes of it, with nothing added.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections = sections,
    .examples = (const cli_example[]){{"hearth template model.gguf conversation.json", "What the model reads."},
                                      {"echo '[{\"role\": \"user\", \"content\": \"Hi\"}]' | hearth template ./folder",
                                       "The same from a pipe."},
                                      {NULL, NULL}},
    .run = run,
};
