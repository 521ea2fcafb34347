/* The tables of published forms, and which rows a model has. */
#define _GNU_SOURCE /* memmem */
#include "generate/answer_format.h"

#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

typedef struct mark_row {
    answer_mark mark;
    const char *text;
} mark_row;

typedef struct form_row {
    const char *name;
    const char *needles[2]; /* the template has all of these */
    call_form form;
    mark_row marks[8]; /* ended by a NULL text */
} form_row;

/* Of each table the first row that fits is the model's. */
static const form_row thinking_rows[] = {
    {.name = "harmony",
     .needles = {"<|channel|>", "<|message|>"},
     .marks = {{MARK_START, "<|start|>"},
               {MARK_CHANNEL, "<|channel|>"},
               {MARK_CONSTRAIN, "<|constrain|>"},
               {MARK_MESSAGE, "<|message|>"},
               {MARK_END, "<|end|>"}}},
    {.name = "command",
     .needles = {"<|START_THINKING|>"},
     .marks = {{MARK_THINK_OPEN, "<|START_THINKING|>"},
               {MARK_THINK_CLOSE, "<|END_THINKING|>"},
               {MARK_REPLY_OPEN, "<|START_RESPONSE|>"},
               {MARK_REPLY_CLOSE, "<|END_RESPONSE|>"}}},
    {.name = "granite",
     .needles = {"<think>", "<response>"},
     .marks = {{MARK_THINK_OPEN, "<think>"},
               {MARK_THINK_CLOSE, "</think>"},
               {MARK_REPLY_OPEN, "<response>"},
               {MARK_REPLY_CLOSE, "</response>"}}},
    {.name = "granite-3.2",
     .needles = {"Here is my thought process:", "Here is my response:"},
     .marks = {{MARK_THINK_OPEN, "Here is my thought process:"}, {MARK_THINK_CLOSE, "Here is my response:"}}},
    {.name = "mistral",
     .needles = {"[THINK]"},
     .marks = {{MARK_THINK_OPEN, "[THINK]"}, {MARK_THINK_CLOSE, "[/THINK]"}}},
    {.name = "seed",
     .needles = {"<seed:think>"},
     .marks = {{MARK_THINK_OPEN, "<seed:think>"}, {MARK_THINK_CLOSE, "</seed:think>"}}},
    {.name = "thought",
     .needles = {"<thought>"},
     .marks = {{MARK_THINK_OPEN, "<thought>"}, {MARK_THINK_CLOSE, "</thought>"}}},
    {.name = "apertus",
     .needles = {"<|inner_prefix|>"},
     .marks = {{MARK_THINK_OPEN, "<|inner_prefix|>"}, {MARK_THINK_CLOSE, "<|inner_suffix|>"}}},
    {.name = "think", .needles = {"</think>"}, .marks = {{MARK_THINK_OPEN, "<think>"}, {MARK_THINK_CLOSE, "</think>"}}},
    {.name = "think", .needles = {"<think>"}, .marks = {{MARK_THINK_OPEN, "<think>"}, {MARK_THINK_CLOSE, "</think>"}}},
};

static const form_row call_rows[] = {
    {.name = "harmony", .needles = {"<|channel|>", "<|message|>"}, .form = CALL_HARMONY},
    {.name = "deepseek",
     .needles = {"<｜tool▁call▁begin｜>"},
     .form = CALL_DEEPSEEK,
     .marks = {{MARK_CALL_OPEN, "<｜tool▁call▁begin｜>"},
               {MARK_CALL_CLOSE, "<｜tool▁call▁end｜>"},
               {MARK_LIST_OPEN, "<｜tool▁calls▁begin｜>"},
               {MARK_LIST_CLOSE, "<｜tool▁calls▁end｜>"},
               {MARK_INNER_1, "<｜tool▁sep｜>"}}},
    {.name = "kimi",
     .needles = {"<|tool_call_argument_begin|>"},
     .form = CALL_KIMI,
     .marks = {{MARK_CALL_OPEN, "<|tool_call_begin|>"},
               {MARK_CALL_CLOSE, "<|tool_call_end|>"},
               {MARK_LIST_OPEN, "<|tool_calls_section_begin|>"},
               {MARK_LIST_CLOSE, "<|tool_calls_section_end|>"},
               {MARK_INNER_1, "<|tool_call_argument_begin|>"}}},
    {.name = "command",
     .needles = {"<|START_ACTION|>"},
     .form = CALL_JSON,
     .marks = {{MARK_CALL_OPEN, "<|START_ACTION|>"}, {MARK_CALL_CLOSE, "<|END_ACTION|>"}}},
    {.name = "command-r",
     .needles = {"Action:", "\"tool_name\": title of the tool"},
     .form = CALL_JSON,
     .marks = {{MARK_CALL_OPEN, "Action: ```json"}, {MARK_CALL_CLOSE, "```"}}},
    {.name = "functools", .needles = {"functools["}, .form = CALL_LIST, .marks = {{MARK_CALL_OPEN, "functools["}}},
    {.name = "mistral",
     .needles = {"[TOOL_CALLS]"},
     .form = CALL_MISTRAL,
     .marks = {{MARK_CALL_OPEN, "[TOOL_CALLS]"}, {MARK_INNER_1, "[ARGS]"}, {MARK_INNER_2, "[CALL_ID]"}}},
    {.name = "qwen3-coder",
     .needles = {"<tool_call>", "<function="},
     .form = CALL_XML,
     .marks = {{MARK_CALL_OPEN, "<tool_call>"}, {MARK_CALL_CLOSE, "</tool_call>"}}},
    {.name = "seed",
     .needles = {"<seed:tool_call>", "<function="},
     .form = CALL_XML,
     .marks = {{MARK_CALL_OPEN, "<seed:tool_call>"}, {MARK_CALL_CLOSE, "</seed:tool_call>"}}},
    {.name = "glm",
     .needles = {"<tool_call>", "<arg_key>"},
     .form = CALL_KEYS,
     .marks = {{MARK_CALL_OPEN, "<tool_call>"},
               {MARK_CALL_CLOSE, "</tool_call>"},
               {MARK_INNER_1, "<arg_key>"},
               {MARK_INNER_2, "</arg_key>"},
               {MARK_INNER_3, "<arg_value>"},
               {MARK_INNER_4, "</arg_value>"}}},
    {.name = "hermes",
     .needles = {"<tool_call>"},
     .form = CALL_JSON,
     .marks = {{MARK_CALL_OPEN, "<tool_call>"}, {MARK_CALL_CLOSE, "</tool_call>"}}},
    {.name = "granite",
     .needles = {"<|tool_call|>"},
     .form = CALL_JSON,
     .marks = {{MARK_CALL_OPEN, "<|tool_call|>"}, {MARK_CALL_CLOSE, "<|/tool_call|>"}}},
    {.name = "lfm2",
     .needles = {"<|tool_list_start|>"},
     .form = CALL_PYTHON,
     .marks = {{MARK_CALL_OPEN, "<|tool_call_start|>"}, {MARK_CALL_CLOSE, "<|tool_call_end|>"}}},
    {.name = "olmo3",
     .needles = {"<function_calls>"},
     .form = CALL_PYTHON,
     .marks = {{MARK_CALL_OPEN, "<function_calls>"}, {MARK_CALL_CLOSE, "</function_calls>"}}},
    {.name = "apertus",
     .needles = {"<|tools_prefix|>"},
     .form = CALL_SINGLE_KEY,
     .marks = {{MARK_CALL_OPEN, "<|tools_prefix|>"}, {MARK_CALL_CLOSE, "<|tools_suffix|>"}}},
    {.name = "nemotron",
     .needles = {"<TOOLCALL>"},
     .form = CALL_JSON,
     .marks = {{MARK_CALL_OPEN, "<TOOLCALL>"}, {MARK_CALL_CLOSE, "</TOOLCALL>"}}},
    {.name = "functionary",
     .needles = {"<function="},
     .form = CALL_FUNCTION,
     .marks = {{MARK_CALL_OPEN, "<function="}, {MARK_CALL_CLOSE, "</function>"}}},
    {.name = "llama",
     .needles = {"\"parameters\": dictionary of argument name"},
     .form = CALL_LLAMA,
     .marks = {{MARK_CALL_OPEN, "<|python_tag|>"}, {MARK_CALL_BRACE, "{"}}},
};

static bool has_text(const char *source, size_t length, const char *needle)
{
    return source != NULL && memmem(source, length, needle, strlen(needle)) != NULL;
}

static answer_mark_text resolve(const char *text, const tokenizer *t)
{
    answer_mark_text m = {.text = text, .length = strlen(text), .id = -1};
    const int32_t id = t != NULL ? tokenizer_find(t, text, m.length) : -1;
    if (id >= 0 && (tokenizer_token_flags(t, id) & (TOKEN_SPECIAL | TOKEN_ADDED)) != 0) {
        m.id = id;
    }
    return m;
}

static bool fits(const form_row *row, const char *source, size_t length)
{
    for (size_t i = 0; i < 2 && row->needles[i] != NULL; i++) {
        if (!has_text(source, length, row->needles[i])) {
            return false;
        }
    }
    return true;
}

/* The first two marks are tokens of the vocabulary's own: a template need not speak of them. */
static bool vocabulary_has(const form_row *row, const tokenizer *t)
{
    return t != NULL && row->marks[0].text != NULL && row->marks[1].text != NULL &&
           resolve(row->marks[0].text, t).id >= 0 && resolve(row->marks[1].text, t).id >= 0;
}

static void take_marks(answer_format *f, const form_row *row, const tokenizer *t)
{
    for (size_t i = 0; i < sizeof row->marks / sizeof row->marks[0] && row->marks[i].text != NULL; i++) {
        f->marks[row->marks[i].mark] = resolve(row->marks[i].text, t);
    }
}

static void take_thinking(answer_format *f, const form_row *row, const tokenizer *t)
{
    f->thinking = row->name;
    f->harmony = strcmp(row->name, "harmony") == 0;
    take_marks(f, row, t);
}

static void take_calls(answer_format *f, const form_row *row, const tokenizer *t)
{
    f->calls = row->name;
    f->form = row->form;
    take_marks(f, row, t);
}

enum {
    THINKING_ROWS = sizeof thinking_rows / sizeof thinking_rows[0],
    CALL_ROWS = sizeof call_rows / sizeof call_rows[0],
};

answer_format answer_format_detect(const char *source, size_t length, const tokenizer *t)
{
    answer_format f = {0};
    for (size_t i = 0; i < THINKING_ROWS && f.thinking == NULL; i++) {
        if (fits(&thinking_rows[i], source, length)) {
            take_thinking(&f, &thinking_rows[i], t);
        }
    }
    for (size_t i = 0; i < THINKING_ROWS && f.thinking == NULL; i++) {
        if (thinking_rows[i].needles[1] == NULL && vocabulary_has(&thinking_rows[i], t)) {
            take_thinking(&f, &thinking_rows[i], t);
        }
    }
    for (size_t i = 0; i < CALL_ROWS && f.calls == NULL; i++) {
        if (fits(&call_rows[i], source, length)) {
            take_calls(&f, &call_rows[i], t);
        }
    }
    return f;
}

bool answer_format_named(const char *thinking, const char *calls, const tokenizer *t, answer_format *ret)
{
    answer_format f = {0};
    for (size_t i = 0; i < THINKING_ROWS && thinking != NULL && f.thinking == NULL; i++) {
        if (strcmp(thinking_rows[i].name, thinking) == 0) {
            take_thinking(&f, &thinking_rows[i], t);
        }
    }
    for (size_t i = 0; i < CALL_ROWS && calls != NULL && f.calls == NULL; i++) {
        if (strcmp(call_rows[i].name, calls) == 0) {
            take_calls(&f, &call_rows[i], t);
        }
    }
    *ret = f;
    return (thinking == NULL) == (f.thinking == NULL) && (calls == NULL) == (f.calls == NULL);
}

static size_t without_blanks(const char *text, size_t length)
{
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
        length--;
    }
    return length;
}

/* The mark is a token: from the end back over blanks to it. */
static hearth_status ends_in_token(int32_t mark, const tokenizer *t, const int32_t *ids, size_t count, buffer *piece,
                                   bool *ret, hearth_error *error)
{
    for (size_t at = count; at > 0 && without_blanks(buffer_text(piece), piece->length) == 0; at--) {
        if (ids[at - 1] == mark) {
            *ret = true;
            return HEARTH_OK;
        }
        buffer_clear(piece);
        TRY(tokenizer_piece(t, ids[at - 1], DECODE_SPECIAL, piece, error));
    }
    return HEARTH_OK;
}

/* The mark is text. */
static hearth_status ends_in_text(const answer_mark_text *mark, const tokenizer *t, const int32_t *ids, size_t count,
                                  buffer *tail, bool *ret, hearth_error *error)
{
    enum { TAIL = 64 }; /* tokens that the mark and the blanks behind it may take */
    for (size_t at = count > TAIL ? count - TAIL : 0; at < count; at++) {
        TRY(tokenizer_piece(t, ids[at], DECODE_SPECIAL, tail, error));
    }
    const size_t length = without_blanks(buffer_text(tail), tail->length);
    *ret = length >= mark->length && memcmp(buffer_text(tail) + length - mark->length, mark->text, mark->length) == 0;
    return HEARTH_OK;
}

hearth_status answer_format_prompt_thinks(const answer_format *f, const tokenizer *t, const int32_t *ids, size_t count,
                                          bool *ret, hearth_error *error)
{
    const answer_mark_text *open = &f->marks[MARK_THINK_OPEN];
    *ret = false;
    if (open->text == NULL || t == NULL) {
        return HEARTH_OK;
    }
    buffer tail;
    buffer_init(&tail, 0);
    const hearth_status status = open->id >= 0 ? ends_in_token(open->id, t, ids, count, &tail, ret, error)
                                               : ends_in_text(open, t, ids, count, &tail, ret, error);
    buffer_free(&tail);
    return status;
}

hearth_status answer_format_close_thinking(const answer_format *f, const tokenizer *t, token_list *prompt,
                                           hearth_error *error)
{
    const answer_mark_text *mark = &f->marks[MARK_THINK_CLOSE];
    char text[128];
    if (mark->text == NULL) {
        return HEARTH_OK;
    }
    const int length = snprintf(text, sizeof text, "\n%s\n\n", mark->text);
    return tokenizer_encode(t, text, (size_t)length, ENCODE_PARSE_SPECIAL, prompt, error);
}
