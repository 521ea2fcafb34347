/* The parts of an answer: thinking dimmed or counted, text as it is, calls one a line. */
#include "cli/conversation.h"
#include "cli/run.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

const char *const run_think_names[] = {"show", "hide", "off", NULL};

/* ---- r->last ---- */

void run_answer_clear(run_answer *a)
{
    buffer_free(&a->text);
    buffer_free(&a->reasoning);
    json_decref(a->calls);
    json_decref(a->problems);
    *a = (run_answer){0};
    buffer_init(&a->text, 0);
    buffer_init(&a->reasoning, 0);
}

hearth_status run_answer_begin(run_answer *a, hearth_error *error)
{
    run_answer_clear(a);
    a->calls = json_array();
    a->problems = json_array();
    return a->calls != NULL && a->problems != NULL ? HEARTH_OK : error_memory(error, sizeof(json_t));
}

hearth_status run_end_line(run_state *r, hearth_error *error)
{
    const run_answer *a = &r->last;
    if (!a->line_open && (a->text.length > 0 || json_array_size(a->calls) > 0)) {
        return HEARTH_OK;
    }
    r->last.line_open = false;
    return terminal_write_text("\n", 1, error);
}

/* ---- thinking ---- */

static bool is_shown(const run_state *r)
{
    return !r->c->json && (r->s->think == RUN_THINK_SHOW || (r->s->think < 0 && terminal_is(stdout)));
}

static hearth_status show_thinking(run_parts *p, const answer_event *event, hearth_error *error)
{
    if (!is_shown(p->r)) {
        return HEARTH_OK;
    }
    const char *dim = terminal_style(stdout, "dim");
    if (!p->open && *dim == '\0') {
        TRY(terminal_write_text("[thinking]\n", 11, error));
    } else if (!p->open) {
        fputs(dim, stdout);
    }
    p->open = true;
    return terminal_write_text(event->text, event->length, error);
}

/* The count of hidden thinking: on a terminal it runs, elsewhere one line tells it at the end. */
static void count_thinking(const run_parts *p, bool done)
{
    const run_state *r = p->r;
    const bool runs = terminal_is(stderr);
    if (r->c->json || r->c->quiet || is_shown(r) || (!runs && !done)) {
        return;
    }
    fflush(stdout);
    fprintf(stderr, "%s%s[thought: %zu token%s]%s%s", runs ? "\r" : "", terminal_style(stderr, "dim"),
            r->last.thinking_tokens, r->last.thinking_tokens == 1 ? "" : "s", terminal_style(stderr, "reset"),
            done ? "\n" : "");
}

/* Whatever comes next is not thinking. */
static hearth_status end_thinking(run_parts *p, hearth_error *error)
{
    if (!p->open) {
        return HEARTH_OK;
    }
    p->open = false;
    const char *reset = terminal_style(stdout, "reset");
    fputs(reset, stdout);
    return *reset == '\0' ? terminal_write_text("\n[/thinking]\n\n", 14, error) : terminal_write_text("\n\n", 2, error);
}

static hearth_status leave_thinking(run_parts *p, hearth_error *error)
{
    if (p->counting) {
        p->counting = false;
        count_thinking(p, true);
    }
    return end_thinking(p, error);
}

/* ---- events ---- */

static hearth_status show_text(run_parts *p, const answer_event *event, hearth_error *error)
{
    run_answer *a = &p->r->last;
    TRY(buffer_append(&a->text, event->text, event->length, error));
    if (!p->r->c->json) {
        TRY(terminal_write_text(event->text, event->length, error));
    }
    a->line_open = event->text[event->length - 1] != '\n';
    return HEARTH_OK;
}

static hearth_status show_call(run_parts *p, const answer_event *event, hearth_error *error)
{
    run_answer *a = &p->r->last;
    buffer line;
    if (json_array_append(a->calls, (json_t *)event->call) != 0) {
        return error_memory(error, sizeof(json_t));
    }
    if (p->r->c->json) {
        return HEARTH_OK;
    }
    buffer_init(&line, 0);
    hearth_status status = a->line_open ? buffer_append_char(&line, '\n', error) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = json_door_write(event->call, 0, &line, error);
    }
    if (status == HEARTH_OK) {
        status = buffer_append_char(&line, '\n', error);
    }
    if (status == HEARTH_OK) {
        status = terminal_write_text(buffer_text(&line), line.length, error);
    }
    a->line_open = false;
    buffer_free(&line);
    return status;
}

static hearth_status on_event(void *context, const answer_event *event, hearth_error *error)
{
    run_parts *p = context;
    run_answer *a = &p->r->last;
    if (event->part == ANSWER_REASONING) {
        p->counting = true;
        TRY(buffer_append(&a->reasoning, event->text, event->length, error));
        return show_thinking(p, event, error);
    }
    TRY(leave_thinking(p, error));
    if (event->part == ANSWER_CONTENT) {
        return show_text(p, event, error);
    }
    if (event->part == ANSWER_CALL) {
        return show_call(p, event, error);
    }
    if (json_array_append_new(a->problems, json_door_text(event->text, event->length)) != 0) {
        return error_memory(error, event->length);
    }
    if (a->line_open && terminal_is(stderr) && !p->r->c->json) {
        TRY(terminal_write_text("\n", 1, error));
        a->line_open = false;
    }
    cli_note(p->r->c, "a tool call that cannot be read stays text: %s", event->text);
    return HEARTH_OK;
}

/* ---- the answer's course ---- */

static size_t calls_in(const json_t *messages)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        count += json_array_size(json_object_get(json_array_get(messages, i), "tool_calls"));
    }
    return count;
}

hearth_status run_parts_open(run_parts *p, run_state *r, const token_list *prompt, hearth_error *error)
{
    *p = (run_parts){.r = r};
    if (r->template == NULL || (r->format.thinking == NULL && r->tools == NULL)) {
        return HEARTH_OK;
    }
    bool thinks = false;
    TRY(answer_format_prompt_thinks(&r->format, r->o.model->tokenizer, prompt->ids, prompt->count, &thinks, error));
    const answer_reader_options how = {.format = r->format,
                                       .tools = r->tools,
                                       .thinks = thinks,
                                       .calls_before = calls_in(r->messages),
                                       .stops = r->s->stops.items,
                                       .stop_count = r->s->stops.count,
                                       .event = on_event,
                                       .context = p};
    return answer_reader_create(&how, &p->reader, error);
}

void run_parts_token(run_parts *p)
{
    if (p->reader != NULL && answer_reader_thinks(p->reader)) {
        p->r->last.thinking_tokens++;
        p->counting = true;
        count_thinking(p, false);
    }
}

hearth_status run_parts_finish(run_parts *p, hearth_error *error)
{
    if (p->reader == NULL) {
        return HEARTH_OK;
    }
    TRY(answer_reader_finish(p->reader, error));
    const run_end end = p->r->last.end;
    p->r->last.cut_thinking = answer_reader_thinks(p->reader) && (end == RUN_END_LENGTH || end == RUN_END_CONTEXT);
    return leave_thinking(p, error);
}

void run_parts_close(run_parts *p)
{
    if (p->open) { /* it failed: the terminal's colours are the person's again */
        fputs(terminal_style(stdout, "reset"), stdout);
    }
    answer_reader_free(p->reader);
    p->reader = NULL;
}
