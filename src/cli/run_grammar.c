/* --schema and --grammar: what an answer is held to (docs/structured-output.md). */
#include "cli/run.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "platform/file.h"

#include <string.h>

/* JSON on the command line, or a file of it. */
static bool is_json(const char *value)
{
    return value[strspn(value, " \t\r\n")] == '{';
}

static hearth_status read_schema(run_state *r, hearth_error *error)
{
    const char *value = r->s->schema;
    if (is_json(value)) {
        return json_door_parse(value, strlen(value), "--schema", &r->bound, error);
    }
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = file_read_stream(value, LIMIT_GRAMMAR_TEXT_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = json_door_parse(buffer_text(&text), text.length, value, &r->bound, error);
    }
    buffer_free(&text);
    return status;
}

static hearth_status read_gbnf(run_state *r, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = file_read_stream(r->s->grammar, LIMIT_GRAMMAR_TEXT_BYTES, &text, error);
    if (status == HEARTH_OK) {
        r->bound = json_door_text(buffer_text(&text), text.length);
        status = r->bound != NULL ? HEARTH_OK : error_memory(error, text.length);
    }
    buffer_free(&text);
    return status;
}

hearth_status run_open_grammar(run_state *r, hearth_error *error)
{
    const bool schema = r->s->schema != NULL;
    if (!schema && r->s->grammar == NULL) {
        return HEARTH_OK;
    }
    r->bound_kind = schema ? GRAMMAR_SCHEMA : GRAMMAR_GBNF;
    TRY(schema ? read_schema(r, error) : read_gbnf(r, error));
    const hearth_status status = grammar_make(r->bound_kind, r->bound, NULL, &r->grammars[0], error);
    if (status != HEARTH_OK) {
        error_in_file(error, !schema ? r->s->grammar : is_json(r->s->schema) ? "--schema" : r->s->schema);
        return status;
    }
    if (r->template != NULL && r->s->think != RUN_THINK_OFF) { /* what may be thought is part of it */
        grammar_release(r->grammars[0]);
        r->grammars[0] = NULL;
    }
    return grammar_vocabulary_create(r->o.model->tokenizer, r->o.model->config.vocabulary, &r->vocabulary, error);
}

void run_close_grammar(run_state *r)
{
    json_decref(r->bound);
    grammar_release(r->grammars[0]);
    grammar_release(r->grammars[1]);
    grammar_vocabulary_free(r->vocabulary);
}

static hearth_status prompt_thinks(const run_state *r, const token_list *prompt, bool *ret, hearth_error *error)
{
    *ret = false;
    return r->template == NULL
               ? HEARTH_OK
               : answer_format_prompt_thinks(&r->format, r->o.model->tokenizer, prompt->ids, prompt->count, ret, error);
}

hearth_status run_close_thinking(const run_state *r, token_list *prompt, hearth_error *error)
{
    bool thinks = false;
    if (r->bound == NULL || r->s->think != RUN_THINK_OFF) {
        return HEARTH_OK;
    }
    TRY(prompt_thinks(r, prompt, &thinks, error));
    return thinks ? answer_format_close_thinking(&r->format, r->o.model->tokenizer, prompt, error) : HEARTH_OK;
}

hearth_status run_begin_grammar(run_state *r, const token_list *prompt, constraint **ret, hearth_error *error)
{
    grammar_before before = {.may_think = r->s->think != RUN_THINK_OFF};
    if (r->bound == NULL) {
        return HEARTH_OK;
    }
    TRY(prompt_thinks(r, prompt, &before.thinks, error));
    before.format = r->template != NULL ? &r->format : NULL;
    grammar **made = &r->grammars[before.thinks ? 1 : 0];
    if (*made == NULL) {
        TRY(grammar_make(r->bound_kind, r->bound, &before, made, error));
    }
    return constraint_create(*made, r->vocabulary, ret, error);
}
