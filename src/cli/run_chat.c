/* The conversation at the terminal. */
#include "cli/conversation.h"
#include "cli/run.h"
#include "cli/signals.h"

#include <stdio.h>
#include <string.h>

static void greet(const run_state *r)
{
    if (r->c->quiet) {
        return;
    }
    const model_config *k = &r->o.model->config;
    buffer name;
    buffer_init(&name, 0);
    const char *known = k->name[0] != '\0' ? k->name : k->family->name;
    const bool harmless = terminal_harmless(known, strlen(known), &name, NULL) == HEARTH_OK;
    fprintf(stderr, "%s%s%s%s (%s)\n", terminal_style(stderr, "bold"), harmless ? buffer_text(&name) : "",
            terminal_style(stderr, "reset"), terminal_style(stderr, "dim"), k->family->name);
    buffer_free(&name);
    char line[160];
    snprintf(line, sizeof line, "compute %s, %s, %d thread%s, context %zu", open_compute_names[r->s->compute],
             r->o.engine->kernels->name, r->o.engine->threads, r->o.engine->threads == 1 ? "" : "s",
             session_context_length(r->session));
    terminal_wrap(stderr, line, 0, terminal_width());
    terminal_wrap(stderr, "Ctrl-C stops an answer, Ctrl-D leaves, /help tells more.", 0, terminal_width());
    fprintf(stderr, "%s\n", terminal_style(stderr, "reset"));
}

static hearth_status keep_answer(run_state *r, hearth_error *error)
{
    const run_answer *a = &r->last;
    json_t *content = json_door_text(buffer_text(&a->text), a->text.length);
    json_t *reasoning = json_door_text(buffer_text(&a->reasoning), a->reasoning.length);
    json_t *message =
        content != NULL && reasoning != NULL ? chat_answer_message(&r->shape, content, reasoning, a->calls) : NULL;
    json_decref(content);
    json_decref(reasoning);
    if (json_array_append_new(r->messages, message) != 0) {
        return error_memory(error, a->text.length);
    }
    if (json_array_size(a->calls) > 0) {
        cli_note(r->c, "%zu of the model's calls wait: /tool RESULT gives the first one's result",
                 json_array_size(a->calls));
    }
    return HEARTH_OK;
}

/* An answer that failed or was never begun leaves no question behind. */
static hearth_status take_answer(run_state *r, hearth_status status, bool asked, hearth_error *error)
{
    const bool raw = r->template == NULL;
    if (status != HEARTH_OK) {
        if (!raw && asked) {
            conversation_drop_last(r->messages);
        }
        return status;
    }
    TRY(run_end_line(r, error));
    run_print_closing(r);
    if (!r->c->quiet) {
        fputc('\n', stderr);
    }
    return raw ? HEARTH_OK : keep_answer(r, error);
}

/* One question; NULL: the conversation has it already. False: the program ends (output lost, memory out, SIGTERM). */
static bool answer(run_state *r, const buffer *line, int *ret_code)
{
    hearth_error error = {0};
    const bool raw = r->template == NULL;
    signals_forget();
    hearth_status status = raw || line == NULL
                               ? HEARTH_OK
                               : conversation_add(r->messages, "user", buffer_text(line), line->length, &error);
    if (status == HEARTH_OK) {
        status = run_make_answer(r, raw ? buffer_text(line) : NULL, line != NULL ? line->length : 0, &error);
        status = take_answer(r, status, line != NULL, &error);
    }
    if (status == HEARTH_E_CANCELLED && !signals_terminated()) {
        fputs("\n", stderr);
        status = HEARTH_OK;
    } else if (status != HEARTH_OK) {
        *ret_code = cli_fail(r->c, &error);
        status = status == HEARTH_E_LIMIT || status == HEARTH_E_ARGUMENT ? HEARTH_OK : status;
    }
    const bool go_on = status == HEARTH_OK && !signals_terminated();
    *ret_code = go_on ? EXIT_DONE : *ret_code;
    signals_forget();
    return go_on;
}

int run_chat(run_state *r, line_reader *lines)
{
    hearth_error error = {0};
    greet(r);
    buffer line;
    buffer_init(&line, LIMIT_TEXT_BYTES);
    int code = EXIT_DONE;
    for (bool leave = false; !leave;) {
        signals_forget();
        const line_result result = line_reader_read(lines, &line, &error);
        if (result == LINE_FAILED) {
            code = cli_fail(r->c, &error);
            leave = true;
        } else if (result == LINE_END) {
            leave = true;
        } else if (result == LINE_TEXT && run_is_slash(buffer_text(&line))) {
            r->answer_now = false;
            run_slash(r, buffer_text(&line), &leave);
            if (r->answer_now) {
                leave = !answer(r, NULL, &code);
            }
        } else if (result == LINE_TEXT && line.length > strspn(buffer_text(&line), " \t\n")) {
            leave = !answer(r, &line, &code);
        }
    }
    buffer_free(&line);
    return signals_terminated() ? signals_exit_status() : code;
}
