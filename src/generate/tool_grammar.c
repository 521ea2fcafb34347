/* The forms of calls as rules. */
#include "generate/tool_grammar.h"

#include "base/memory.h"
#include "base/text.h"
#include "generate/grammar_thinking.h"
#include "generate/schema.h"

#include <string.h>

typedef struct tool_writer {
    const answer_format *f;
    const tool_grammar_options *o;
    grammar_rules *rules;
    json_rules *json;
    uint32_t *arguments; /* [tools]: rules; 0: this one is not to be called */
    hearth_error *error;
} tool_writer;

static const json_t *function_of(const json_t *tool)
{
    const json_t *inner = json_object_get(tool, "function");
    return json_is_object(inner) ? inner : tool;
}

static const char *name_of(const tool_writer *w, size_t tool)
{
    return json_string_value(json_object_get(function_of(json_array_get(w->o->tools, tool)), "name"));
}

/* ---- arguments ---- */

static hearth_status add_arguments(tool_writer *w, size_t tool)
{
    const json_t *given = json_object_get(function_of(json_array_get(w->o->tools, tool)), "parameters");
    json_t *schema = given == NULL || json_is_null(given) ? json_object() : json_copy((json_t *)given);
    if (schema != NULL && json_is_object(schema) && json_object_get(schema, "type") == NULL &&
        json_object_set_new(schema, "type", json_string("object")) != 0) {
        json_decref(schema);
        schema = NULL;
    }
    if (schema == NULL) {
        return error_memory(w->error, sizeof *schema);
    }
    const hearth_status status = schema_add_to(w->rules, schema, &w->arguments[tool], w->error);
    json_decref(schema);
    if (status != HEARTH_OK && status != HEARTH_E_MEMORY && w->error != NULL) {
        const hearth_error kept = *w->error;
        char *place = text_format("%s%s", name_of(w, tool), kept.place);
        if (place != NULL) {
            error_set(w->error, status, place, kept.expected, "%s", kept.found);
        }
        mem_free(place);
    }
    return status;
}

static hearth_status add_all_arguments(tool_writer *w)
{
    bool any = false;
    for (size_t i = 0; i < json_array_size(w->o->tools); i++) {
        if (name_of(w, i) == NULL) {
            return error_set(w->error, HEARTH_E_ARGUMENT, "tools", "functions with a name", "one without, number %zu",
                             i);
        }
        if (w->o->name == NULL || strcmp(w->o->name, name_of(w, i)) == 0) {
            TRY(add_arguments(w, i));
            any = true;
        }
    }
    return any ? HEARTH_OK
               : error_set(w->error, HEARTH_E_ARGUMENT, "tool_choice", "a tool that is offered", "%s",
                           w->o->name == NULL ? "no tools" : w->o->name);
}

/* ---- pieces ---- */

static uint32_t then_mark(tool_writer *w, uint32_t rule, uint32_t from, answer_mark mark)
{
    return grammar_then_mark(w->json, rule, from, &w->f->marks[mark]);
}

static void add_nothing(tool_writer *w, uint32_t rule, uint32_t from, uint32_t to)
{
    grammar_add_nothing(w->rules, rule, from, to);
}

static uint32_t then_name(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    return json_then_text(w->json, rule, from, name_of(w, tool));
}

static uint32_t then_arguments(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    return json_then_call(w->json, rule, from, w->arguments[tool]);
}

static uint32_t then_line(tool_writer *w, uint32_t rule, uint32_t from)
{
    return grammar_then_line(w->json, rule, from);
}

/* {"name": NAME, "arguments": {…}} under the form's own keys. */
static uint32_t then_object(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    const bool command = strncmp(w->f->calls, "command", 7) == 0;
    const bool llama = w->f->form == CALL_LLAMA;
    json_t *name = json_string(name_of(w, tool));
    uint32_t at = json_then_space(w->json, rule, json_then_text(w->json, rule, from, "{"));
    if (strcmp(w->f->calls, "command") == 0) {
        at = json_then_space(w->json, rule, json_then_text(w->json, rule, at, "\"tool_call_id\":"));
        at = json_then_call(w->json, rule, at, json_rule_string(w->json));
        at = json_then_space(w->json, rule, json_then_text(w->json, rule, at, ","));
    }
    at = json_then_text(w->json, rule, at, command ? "\"tool_name\":" : "\"name\":");
    at = json_then_value(w->json, rule, json_then_space(w->json, rule, at), name);
    at = json_then_space(w->json, rule, json_then_text(w->json, rule, at, ","));
    at = json_then_text(w->json, rule, at, command || llama ? "\"parameters\":" : "\"arguments\":");
    at = then_arguments(w, rule, json_then_space(w->json, rule, at), tool);
    json_decref(name);
    return json_then_text(w->json, rule, json_then_space(w->json, rule, at), "}");
}

static uint32_t then_single_key(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    json_t *name = json_string(name_of(w, tool));
    uint32_t at = json_then_space(w->json, rule, json_then_text(w->json, rule, from, "{"));
    at = json_then_text(w->json, rule, json_then_value(w->json, rule, at, name), ":");
    at = then_arguments(w, rule, json_then_space(w->json, rule, at), tool);
    json_decref(name);
    return json_then_text(w->json, rule, json_then_space(w->json, rule, at), "}");
}

/* ---- one call, between its marks ---- */

static uint32_t then_header(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    uint32_t at = then_mark(w, rule, from, MARK_CHANNEL);
    at = then_name(w, rule, json_then_text(w->json, rule, at, "commentary to=functions."), tool);
    at = then_mark(w, rule, json_then_text(w->json, rule, at, " "), MARK_CONSTRAIN);
    return then_mark(w, rule, json_then_text(w->json, rule, at, "json"), MARK_MESSAGE);
}

static uint32_t then_deepseek(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    const uint32_t end = json_add_state(w->json, rule);
    uint32_t at = then_mark(w, rule, then_name(w, rule, from, tool), MARK_INNER_1);
    add_nothing(w, rule, then_arguments(w, rule, at, tool), end);
    at = then_mark(w, rule, json_then_text(w->json, rule, from, "function"), MARK_INNER_1);
    at = json_then_text(w->json, rule, then_name(w, rule, at, tool), "\n```json\n");
    at = json_then_text(w->json, rule, then_arguments(w, rule, at, tool), "\n```");
    add_nothing(w, rule, at, end);
    return end;
}

static uint32_t then_kimi(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    const uint32_t digit =
        json_then_text(w->json, rule, then_name(w, rule, json_then_text(w->json, rule, from, "functions."), tool), ":");
    const uint32_t digits = json_add_state(w->json, rule);
    if (w->rules->failed == HEARTH_OK) {
        automaton_add_edge(&w->rules->rules[rule], digit, '0', '9', digits);
    }
    return then_arguments(w, rule, then_mark(w, rule, digits, MARK_INNER_1), tool);
}

static uint32_t then_call(tool_writer *w, uint32_t rule, uint32_t from, size_t tool)
{
    switch (w->f->form) {
    case CALL_HARMONY:
        return then_arguments(w, rule, then_header(w, rule, from, tool), tool);
    case CALL_DEEPSEEK:
        return then_deepseek(w, rule, from, tool);
    case CALL_KIMI:
        return then_kimi(w, rule, from, tool);
    case CALL_FUNCTION:
        return then_arguments(w, rule, json_then_text(w->json, rule, then_name(w, rule, from, tool), ">"), tool);
    case CALL_SINGLE_KEY:
        return then_single_key(w, rule, from, tool);
    case CALL_MISTRAL:
        if (w->f->marks[MARK_INNER_1].id >= 0) {
            return then_arguments(w, rule, then_mark(w, rule, then_name(w, rule, from, tool), MARK_INNER_1), tool);
        }
        return then_object(w, rule, from, tool);
    default:
        return then_object(w, rule, from, tool);
    }
}

/* The rule of a call of any tool that may be called. */
static uint32_t call_rule(tool_writer *w)
{
    const uint32_t rule = grammar_add_rule(w->rules);
    for (size_t i = 0; i < json_array_size(w->o->tools) && grammar_rules_check(w->rules, NULL) == HEARTH_OK; i++) {
        if (w->arguments[i] != 0) {
            json_finish(w->json, rule, then_call(w, rule, RULE_BEGIN, i));
        }
    }
    return rule;
}

/* ---- all calls ---- */

/* OPEN call CLOSE, and again. */
static uint32_t then_marked(tool_writer *w, uint32_t rule, uint32_t from, uint32_t call, bool lines)
{
    uint32_t at = then_mark(w, rule, from, MARK_CALL_OPEN);
    at = json_then_call(w->json, rule, lines ? then_line(w, rule, at) : at, call);
    at = then_mark(w, rule, lines ? then_line(w, rule, at) : at, MARK_CALL_CLOSE);
    if (w->o->parallel) {
        add_nothing(w, rule, lines ? then_line(w, rule, at) : at, from);
    }
    return at;
}

/* `open` call, call … ] */
static uint32_t then_list(tool_writer *w, uint32_t rule, uint32_t from, uint32_t call, const char *open)
{
    uint32_t at = json_then_space(w->json, rule, json_then_text(w->json, rule, from, open));
    const uint32_t again = at;
    at = json_then_call(w->json, rule, at, call);
    if (w->o->parallel) {
        add_nothing(w, rule, json_then_space(w->json, rule, json_then_text(w->json, rule, at, ",")), again);
    }
    return json_then_text(w->json, rule, json_then_space(w->json, rule, at), "]");
}

static uint32_t then_calls(tool_writer *w, uint32_t rule, uint32_t from, uint32_t call)
{
    const bool command_r = strcmp(w->f->calls, "command-r") == 0;
    const bool alone = w->f->form == CALL_MISTRAL && w->f->marks[MARK_INNER_1].id >= 0;
    switch (w->f->form) {
    case CALL_HARMONY:
    case CALL_LLAMA:
        return json_then_call(w->json, rule, from, call);
    case CALL_FUNCTION:
        return then_marked(w, rule, from, call, false);
    case CALL_DEEPSEEK:
    case CALL_KIMI: {
        const uint32_t inside = json_add_state(w->json, rule);
        add_nothing(w, rule, then_mark(w, rule, from, MARK_LIST_OPEN), inside);
        return then_mark(w, rule, then_marked(w, rule, inside, call, false), MARK_LIST_CLOSE);
    }
    case CALL_JSON:
        if (strcmp(w->f->calls, "hermes") == 0) {
            return then_marked(w, rule, from, call, true);
        }
        from = then_mark(w, rule, from, MARK_CALL_OPEN);
        from = then_list(w, rule, command_r ? json_then_text(w->json, rule, from, "\n") : from, call, "[");
        if (strcmp(w->f->calls, "granite") == 0) {
            return from; /* the list is the whole answer */
        }
        return then_mark(w, rule, command_r ? json_then_text(w->json, rule, from, "\n") : from, MARK_CALL_CLOSE);
    case CALL_LIST: /* the mark has the first bracket */
        return then_list(w, rule, then_mark(w, rule, from, MARK_CALL_OPEN), call, "");
    case CALL_MISTRAL:
        return alone ? then_marked(w, rule, from, call, false)
                     : then_list(w, rule, then_mark(w, rule, from, MARK_CALL_OPEN), call, "[");
    default: /* CALL_SINGLE_KEY */
        return then_mark(w, rule, then_list(w, rule, then_mark(w, rule, from, MARK_CALL_OPEN), call, "["),
                         MARK_CALL_CLOSE);
    }
}

/* ---- the grammar ---- */

static hearth_status check_form(const tool_writer *w)
{
    const bool no_json = w->f->form == CALL_XML || w->f->form == CALL_KEYS || w->f->form == CALL_PYTHON;
    if (w->f->calls == NULL || no_json) {
        return error_set(w->error, HEARTH_E_UNSUPPORTED, "tool_choice",
                         "\"auto\" or \"none\", or a model whose calls have their arguments as JSON", "%s",
                         w->f->calls == NULL ? "a model without a form of calls" : w->f->calls);
    }
    return HEARTH_OK;
}

static hearth_status write_grammar(tool_writer *w, grammar **ret)
{
    const uint32_t text = grammar_add_rule(w->rules);
    uint32_t recursive = NO_STATE;
    uint32_t begin = RULE_BEGIN;
    TRY(check_form(w));
    TRY(grammar_rules_check(w->rules, w->error));
    TRY(add_all_arguments(w));
    const uint32_t call = call_rule(w);
    if (w->o->thinks) {
        const grammar_before before = {.format = w->f, .thinks = !w->f->harmony, .may_think = true};
        TRY(grammar_then_thinking(w->json, text, RULE_BEGIN, &before, &begin, w->error));
    }
    const uint32_t calls = json_add_state(w->json, text);
    add_nothing(w, text, begin, calls);
    json_finish(w->json, text, then_calls(w, text, calls, call));
    const hearth_status status = grammar_compile(w->rules, ret, &recursive, w->error);
    return status == HEARTH_E_ARGUMENT ? error_set(w->error, status, "tools",
                                                   "parameters under which some value is valid", "none that allow any")
                                       : status;
}

hearth_status grammar_from_tools(const answer_format *f, const tool_grammar_options *o, grammar **ret,
                                 hearth_error *error)
{
    grammar_rules rules = {0};
    json_rules json = {.rules = &rules};
    tool_writer w = {.f = f, .o = o, .rules = &rules, .json = &json, .error = error};
    w.arguments = mem_calloc(json_array_size(o->tools) + 1, sizeof *w.arguments);
    const hearth_status status =
        w.arguments == NULL ? error_memory(error, sizeof *w.arguments) : write_grammar(&w, ret);
    mem_free(w.arguments);
    grammar_rules_free(&rules);
    return status;
}
