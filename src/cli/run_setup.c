/* From settings to a model, a template and a session. */
#include "cli/conversation.h"
#include "cli/pull.h"
#include "cli/run.h"

#include "base/memory.h"
#include "base/text.h"
#include "generate/draft.h"

#include <math.h>
#include <string.h>

#define BIAS_MOST 1e6

/* "ID=VALUE"; the value is a number, "-inf" forbids the token. */
static bool parse_bias(const char *text, size_t vocabulary, logit_bias *ret)
{
    const char *end = NULL;
    uint64_t id = 0;
    double bias = -INFINITY;
    if (!option_read_whole(text, &end, &id) || *end != '=' || id >= vocabulary) {
        return false;
    }
    if (strcmp(end + 1, "-inf") != 0 && (!option_read_number(end + 1, &bias) || fabs(bias) > BIAS_MOST)) {
        return false;
    }
    *ret = (logit_bias){.token = (int32_t)id, .bias = (float)bias};
    return true;
}

static hearth_status read_biases(run_state *r, hearth_error *error)
{
    const option_list *list = &r->s->logit_biases;
    if (list->count == 0) {
        return HEARTH_OK;
    }
    r->biases = mem_calloc(list->count, sizeof *r->biases);
    if (r->biases == NULL) {
        return error_memory(error, list->count * sizeof *r->biases);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!parse_bias(list->items[i], r->o.model->config.vocabulary, &r->biases[i])) {
            char expected[160];
            snprintf(expected, sizeof expected, "ID=VALUE with an id below %u and a value from %.0f to %.0f, or -inf",
                     r->o.model->config.vocabulary, -BIAS_MOST, BIAS_MOST);
            return error_set(error, HEARTH_E_ARGUMENT, "--logit-bias", expected, "\"%.60s\"", list->items[i]);
        }
    }
    r->sampling.biases = r->biases;
    r->sampling.bias_count = list->count;
    return HEARTH_OK;
}

/* Where an option was not given its setting is NAN and the library's default stays. */
static void set(float *field, double value)
{
    *field = isnan(value) ? *field : (float)value;
}

static hearth_status read_sampling(run_state *r, hearth_error *error)
{
    const run_settings *s = r->s;
    r->sampling = sampling_default();
    set(&r->sampling.temperature, s->temperature);
    set(&r->sampling.top_p, s->top_p);
    set(&r->sampling.min_p, s->min_p);
    set(&r->sampling.typical_p, s->typical);
    set(&r->sampling.repetition_penalty, s->repetition_penalty);
    set(&r->sampling.presence_penalty, s->presence_penalty);
    set(&r->sampling.frequency_penalty, s->frequency_penalty);
    if (s->top_k != RUN_TOP_K_UNSET) {
        r->sampling.top_k = (uint32_t)s->top_k;
    }
    r->sampling.penalty_window = (uint32_t)s->penalty_window;
    r->sampling.seed = s->seed;
    return read_biases(r, error);
}

/* A draft that was read from its file for each token would be slower than none. */
static hearth_status has_room_for_draft(run_state *r, bool *ret, hearth_error *error)
{
    uint64_t memory = 0, bytes = 0;
    *ret = r->o.model->weights.streamed_bytes == 0;
    if (r->s->memory == NULL) {
        return HEARTH_OK;
    }
    TRY(size_read("--memory", r->s->memory, &memory, error));
    TRY(model_tensor_bytes(r->o.engine, r->s->draft, &bytes, error));
    *ret = *ret && r->o.model->weights.matrix_bytes + bytes <= memory;
    return HEARTH_OK;
}

static hearth_status open_draft(run_state *r, hearth_error *error)
{
    bool room = false;
    if (r->s->draft == NULL || strcmp(r->s->draft, DRAFT_OFF) == 0) {
        return HEARTH_OK;
    }
    terminal_progress bar = {.quiet = r->c->quiet};
    const model_options how = {.compute = (compute)r->s->compute,
                               .lossless = (lossless_choice)r->s->lossless,
                               .progress = terminal_progress_step,
                               .progress_context = &bar};
    hearth_status status = has_room_for_draft(r, &room, error);
    if (status == HEARTH_OK && !room) {
        cli_note(r->c, "there is no room for the draft beside the model: nothing is guessed");
        return HEARTH_OK;
    }
    status = status == HEARTH_OK ? model_open(r->o.engine, r->s->draft, &how, &r->draft, error) : status;
    terminal_progress_end(&bar);
    if (status == HEARTH_E_NOT_FOUND) {
        pull_explain_missing(r->s->draft, error);
    }
    return status == HEARTH_OK ? draft_check(r->o.model, r->draft, error) : status;
}

static hearth_status open_session(run_state *r, hearth_error *error)
{
    const uint32_t most = r->o.model->config.context;
    if (r->s->context > most) {
        return error_set(error, HEARTH_E_ARGUMENT, "--context", "at most what the model was made for", "%zu of %u",
                         r->s->context, most);
    }
    session_options how = session_options_default();
    how.context_length = r->s->context;
    how.cache = r->s->cache;
    how.sampling = r->sampling;
    how.draft = r->draft;
    how.draft_tokens = (unsigned)r->s->draft_tokens;
    TRY(session_create(r->o.model, &how, &r->session, error));
    const uint32_t plain = model_config_plain_context(&r->o.model->config);
    if (r->s->context == 0 && session_context_length(r->session) < plain) {
        cli_note(r->c, "memory is short: the context is %zu of the model's %u tokens",
                 session_context_length(r->session), plain);
    }
    return HEARTH_OK;
}

static hearth_status open_template(run_state *r, hearth_error *error)
{
    if (r->s->raw) {
        return HEARTH_OK;
    }
    if (r->o.model->chat_template == NULL) {
        if (r->s->system != NULL) {
            return error_set(error, HEARTH_E_ARGUMENT, "--system", "a model with a chat template", "one that has none");
        }
        cli_note(r->c, "this model has no chat template: it continues text as it is (--raw)");
        return HEARTH_OK;
    }
    return prompt_open(r->o.model, NULL, 0, NULL, &r->template, error);
}

hearth_status run_open(run_state *r, const char *name, hearth_error *error)
{
    buffer_init(&r->last.text, 0);
    buffer_init(&r->last.reasoning, 0);
    r->messages = json_array();
    if (r->messages == NULL) {
        return error_memory(error, 0);
    }
    r->o.memory = r->s->memory;
    r->o.lossless = r->s->lossless;
    r->o.head = r->s->draft == NULL;
    TRY(open_model(r->c, name, r->s->compute, &r->o, error));
    TRY(model_needs_head(r->o.model, error));
    TRY(open_needs_tokenizer(&r->o, error));
    TRY(read_sampling(r, error));
    TRY(open_draft(r, error));
    TRY(open_template(r, error));
    const char *system = r->s->system != NULL ? r->s->system : buffer_text(&r->brought.system);
    TRY(run_open_parts(r, error));
    TRY(run_open_grammar(r, error));
    TRY(run_read_messages(r, error));
    const char *first = json_string_value(json_object_get(json_array_get(r->messages, 0), "role"));
    const bool told = r->s->system == NULL && first != NULL && strcmp(first, "system") == 0;
    if (*system != '\0' && !told) {
        TRY(conversation_set_system(r->messages, system, error));
    }
    TRY(run_add_rules(r, error));
    return open_session(r, error);
}

hearth_status run_add_rules(run_state *r, hearth_error *error)
{
    const json_t *first = json_array_get(r->messages, 0);
    const char *role = json_string_value(json_object_get(first, "role"));
    const char *content = json_string_value(json_object_get(first, "content"));
    const char *said = role != NULL && strcmp(role, "system") == 0 && content != NULL ? content : "";
    const char *rules = buffer_text(&r->rules.text);
    const size_t length = r->rules.text.length;
    if (length == 0) {
        return HEARTH_OK;
    }
    if (r->template == NULL) {
        return advisories_need_chat(r->o.model->path, error);
    }
    if (strncmp(said, rules, *said != '\0' ? length - 1 : length) == 0) {
        advisories_tell_applied(&r->rules); /* a saved conversation had them */
        return HEARTH_OK;
    }
    char *whole = text_format("%.*s%s", (int)(length - (*said == '\0')), rules, said);
    const hearth_status status =
        whole != NULL ? conversation_set_system(r->messages, whole, error) : error_memory(error, length);
    mem_free(whole);
    if (status == HEARTH_OK) {
        advisories_tell_applied(&r->rules);
    }
    return status;
}

void run_close(run_state *r)
{
    run_answer_clear(&r->last);
    json_decref(r->tools);
    json_decref(r->variables);
    run_close_grammar(r);
    session_free(r->session);
    model_close(r->draft);
    chat_close(r->template);
    mem_free(r->biases);
    json_decref(r->messages);
    ollama_brought_free(&r->brought);
    advisory_rules_free(&r->rules);
    open_close(&r->o);
}
