/* hearth run: chat in the terminal, or one answer. */
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/line_reader.h"
#include "cli/pull.h"
#include "cli/run.h"
#include "cli/signals.h"

#include "base/json.h"
#include "base/limits.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const option options[] = {
    {.name = "prompt",
     .letter = 'p',
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, prompt),
     .argument = "TEXT",
     .help = "Answer this, once, and end. What is piped to standard input is appended, after an empty line."},
    {.name = "system",
     .letter = 's',
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, system),
     .argument = "TEXT",
     .help = "The system message: what the model should be and do."},
    {.name = "max-tokens",
     .letter = 'n',
     .type = OPTION_COUNT,
     .offset = offsetof(run_settings, most_tokens),
     .argument = "N",
     .least = 1,
     .most = 1e9,
     .help = "End each answer after N tokens. Default: when the model ends it, or the context is full."},
    {.name = "context",
     .letter = 'c',
     .type = OPTION_COUNT,
     .offset = offsetof(run_settings, context),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help =
         "Tokens that the model sees at once. Default: what the model was made for, or less where memory is short."},
    {.name = "compute",
     .type = OPTION_CHOICE,
     .offset = offsetof(run_settings, compute),
     .argument = "HOW",
     .choices = open_compute_names,
     .help = "How products are computed: native (the number format's fast rule) or f32 (exactly dequantised weights, "
             "binary32 activations). Default: native."},
    {.name = "temperature",
     .letter = 't',
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, temperature),
     .argument = "X",
     .least = 0,
     .most = 100,
     .help = "How freely tokens are drawn; 0 takes the most probable one each time. Default: 0.8."},
    {.name = "top-k",
     .type = OPTION_COUNT,
     .offset = offsetof(run_settings, top_k),
     .argument = "N",
     .least = 0,
     .most = LIMIT_VOCABULARY,
     .help = "Draw among the N most probable tokens; 0: among all. Default: 40."},
    {.name = "top-p",
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, top_p),
     .argument = "P",
     .least = 0,
     .most = 1,
     .help = "Draw among the most probable tokens that together have the probability P; 1: off. Default: 0.95."},
    {.name = "min-p",
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, min_p),
     .argument = "P",
     .least = 0,
     .most = 1,
     .help =
         "Draw among tokens with at least P times the probability of the most probable one; 0: off. Default: 0.05."},
    {.name = "typical",
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, typical),
     .argument = "P",
     .least = 0,
     .most = 1,
     .help =
         "Locally typical sampling: draw among the tokens whose information is nearest to the expected one and that "
         "together have the probability P; 1: off. Default: 1."},
    {.name = "repetition-penalty",
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, repetition_penalty),
     .argument = "X",
     .least = 0.01,
     .most = 100,
     .help = "Divide (or multiply, where negative) the logits of tokens that were there by X; 1: off. Default: 1."},
    {.name = "presence-penalty",
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, presence_penalty),
     .argument = "X",
     .least = -100,
     .most = 100,
     .help = "Take X off the logits of tokens that were there. Default: 0."},
    {.name = "frequency-penalty",
     .type = OPTION_NUMBER,
     .offset = offsetof(run_settings, frequency_penalty),
     .argument = "X",
     .least = -100,
     .most = 100,
     .help = "Take X off the logits of a token for each time it was there. Default: 0."},
    {.name = "penalty-window",
     .type = OPTION_COUNT,
     .offset = offsetof(run_settings, penalty_window),
     .argument = "N",
     .least = 0,
     .most = LIMIT_CONTEXT,
     .help = "Penalties look at the last N tokens, the prompt among them; 0: at all. Default: 0."},
    {.name = "logit-bias",
     .type = OPTION_LIST,
     .offset = offsetof(run_settings, logit_biases),
     .argument = "ID=VALUE",
     .help = "Add VALUE to the logit of token ID; -inf forbids it. May be given many times."},
    {.name = "stop",
     .type = OPTION_LIST,
     .offset = offsetof(run_settings, stops),
     .argument = "TEXT",
     .help = "End the answer where this text would come; it is not printed. May be given many times."},
    {.name = "seed",
     .type = OPTION_SEED,
     .offset = offsetof(run_settings, seed),
     .argument = "N",
     .help = "Draw with this seed: the same model, prompt, settings and seed give the same answer on every machine. "
             "Default: 0."},
    {.name = "think",
     .type = OPTION_CHOICE,
     .offset = offsetof(run_settings, think),
     .argument = "HOW",
     .choices = run_think_names,
     .help = "What becomes of a model's thinking: show it before the answer, hide it behind a count of its tokens, or "
             "off: ask the model not to think. Default: shown at a terminal, hidden elsewhere, and the template's own "
             "default for whether it thinks."},
    {.name = "tools",
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, tools),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Offer the model these tools, a JSON list as OpenAI's interface takes it. Calls are printed, one JSON "
             "object a line."},
    {.name = "messages",
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, messages),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Begin with this conversation: a JSON array of messages, as /save writes it and OpenAI's interface takes "
             "it. A "
             "prompt follows it; without one it is answered as it is."},
    {.name = "schema",
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, schema),
     .argument = "FILE|JSON",
     .hint = HINT_FILE,
     .help =
         "Hold each answer to this JSON Schema, a file or JSON that begins with {: what comes is JSON that is valid "
         "under it. {\"type\": \"object\"}: any object."},
    {.name = "grammar",
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, grammar),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Hold each answer to this grammar, a file of llama.cpp's GBNF."},
    {.name = "draft",
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, draft),
     .argument = "MODEL",
     .help = "Let this smaller model of the same vocabulary guess what comes next: the answer is the same, sooner. "
             "none: nor does the model's own head for further tokens, where it has one."},
    {.name = "draft-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(run_settings, draft_tokens),
     .argument = "N",
     .least = 1,
     .most = DRAFT_MOST - 1,
     .help = "Let it guess N tokens each time. Default: as many as pay, as far as earlier ones tell."},
    {.name = "raw",
     .type = OPTION_FLAG,
     .offset = offsetof(run_settings, raw),
     .help = "No chat template: the model continues the text as it is. At the prompt each text stands alone."},
    {.name = "cache",
     .type = OPTION_CHOICE,
     .offset = offsetof(run_settings, cache),
     .argument = "FORMAT",
     .choices = cache_type_names,
     .help = OPEN_CACHE_HELP},
    {.name = "lossless",
     .type = OPTION_CHOICE,
     .offset = offsetof(run_settings, lossless),
     .argument = "WHEN",
     .choices = open_lossless_names,
     .help = OPEN_LOSSLESS_HELP},
    {.name = "memory",
     .type = OPTION_TEXT,
     .offset = offsetof(run_settings, memory),
     .argument = "SIZE",
     .help = OPEN_MEMORY_HELP},
    ADVISORY_ROWS(run_settings, advisories),
    {.name = NULL},
};

static const run_settings defaults = RUN_SETTINGS_UNSET;

/* The prompt, then what is piped in. */
static hearth_status gather_prompt(const cli *c, const run_settings *s, buffer *out, hearth_error *error)
{
    if (s->prompt != NULL) {
        TRY(buffer_append_text(out, s->prompt, error));
    }
    /* One that was closed was opened for writing (terminal_start); with a prompt none is needed. */
    const bool closed = (fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY;
    if (isatty(STDIN_FILENO) || (closed && s->prompt != NULL)) {
        return HEARTH_OK;
    }
    buffer piped;
    buffer_init(&piped, 0);
    hearth_status status = open_text(c, NULL, &piped, error);
    size_t length = piped.length;
    while (length > 0 && (piped.data[length - 1] == '\n' || piped.data[length - 1] == '\r')) {
        length--;
    }
    if (status == HEARTH_OK && length > 0 && out->length > 0) {
        status = buffer_append_text(out, "\n\n", error);
    }
    if (status == HEARTH_OK && length > 0) {
        status = buffer_append(out, piped.data, length, error);
    }
    buffer_free(&piped);
    return status;
}

/* JSON has no infinity: a token that is forbidden has the bias "-inf". */
static json_t *biases_json(const sampling *s)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->bias_count; i++) {
        json_t *bias = isinf(s->biases[i].bias) ? json_string("-inf") : json_door_float(s->biases[i].bias);
        json_array_append_new(rows, json_pack("{s:i, s:o}", "token", (int)s->biases[i].token, "bias", bias));
    }
    return rows;
}

static json_t *sampling_json(const sampling *s)
{
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "temperature",
                     json_door_float(s->temperature), "top_k", (json_int_t)s->top_k, "top_p", json_door_float(s->top_p),
                     "min_p", json_door_float(s->min_p), "typical", json_door_float(s->typical_p), "repetition_penalty",
                     json_door_float(s->repetition_penalty), "presence_penalty", json_door_float(s->presence_penalty),
                     "frequency_penalty", json_door_float(s->frequency_penalty), "penalty_window",
                     (json_int_t)s->penalty_window, "seed", (json_int_t)s->seed, "logit_bias", biases_json(s));
}

static json_t *stops_json(const option_list *stops)
{
    json_t *all = json_array();
    for (size_t i = 0; i < stops->count; i++) {
        json_array_append_new(all, json_door_string(stops->items[i]));
    }
    return all;
}

static double rate(size_t tokens, double seconds)
{
    return seconds > 0 ? (double)tokens / seconds : 0;
}

/* How guessing went: null without a draft; a model's own head has no name. */
static json_t *draft_json(const run_state *r)
{
    const session_guesses *g = &r->last.guesses;
    if (r->draft == NULL && r->o.model->head == NULL) {
        return json_null();
    }
    json_t *name = r->draft != NULL ? json_door_string(r->s->draft) : json_null();
    return json_pack("{s:o, s:I, s:I, s:I}", "model", name, "drafted", (json_int_t)g->drafted, "accepted",
                     (json_int_t)g->accepted, "steps", (json_int_t)g->steps);
}

/* What was told apart from the text. */
static json_t *add_parts(json_t *answer, const run_answer *a)
{
    const bool thought = a->reasoning.length > 0 || a->thinking_tokens > 0;
    answer = json_door_put(answer, "reasoning",
                           thought ? json_door_text(buffer_text(&a->reasoning), a->reasoning.length) : json_null());
    answer = json_door_put(answer, "thinking_tokens", json_integer((json_int_t)a->thinking_tokens));
    answer = json_door_put(answer, "cut_thinking", json_boolean(a->cut_thinking));
    answer = json_door_put(answer, "tool_calls", json_incref(a->calls));
    return json_door_put(answer, "tool_call_problems", json_incref(a->problems));
}

static int print_json(const run_state *r)
{
    const run_answer *a = &r->last;
    json_t *stop = a->stop != NULL ? json_door_string(a->stop) : json_null();
    return cli_print_json(
        r->c,
        add_parts(
            json_pack("{s:o, s:s, s:o, s:{s:I, s:I}, s:{s:f, s:f, s:f}, s:{s:f, s:f}, s:s, s:s, s:s, s:i, s:I, s:b, "
                      "s:o, s:o, s:o, s:o, s:o}",
                      "text", json_door_text(buffer_text(&a->text), a->text.length), "finish", run_end_name(a->end),
                      "stop", stop, "tokens", "prompt", (json_int_t)a->prompt_tokens, "answer", (json_int_t)a->tokens,
                      "seconds", "load", r->o.seconds, "prompt", a->prompt_seconds, "answer", a->seconds,
                      "tokens_per_second", "prompt", rate(a->prompt_tokens, a->prompt_seconds), "answer",
                      rate(a->tokens, a->seconds), "compute", open_compute_names[r->s->compute], "cache",
                      cache_type_names[session_cache_type(r->session)], "isa", r->o.engine->kernels->name, "threads",
                      r->o.engine->threads, "context", (json_int_t)session_context_length(r->session), "raw",
                      r->template == NULL, "max_tokens",
                      r->s->most_tokens > 0 ? json_integer((json_int_t)r->s->most_tokens) : json_null(), "stops",
                      stops_json(&r->s->stops), "sampling", sampling_json(&r->sampling), "form",
                      r->bound != NULL ? json_string(grammar_kind_names[r->bound_kind]) : json_null(), "draft",
                      draft_json(r)),
            a));
}

/* The end of one answer's text: a newline where it has none, then what is said about it. */
static hearth_status finish_text(run_state *r, hearth_error *error)
{
    TRY(run_end_line(r, error));
    if (r->last.cut_thinking && r->last.end == RUN_END_LENGTH && !terminal_is(stderr)) {
        cli_note(r->c, "--max-tokens ended it in the middle of the thinking");
    }
    if (r->last.end == RUN_END_CONTEXT && !terminal_is(stderr)) {
        cli_note(r->c, "the context of %zu tokens is full, the answer ends here", session_context_length(r->session));
    }
    run_print_closing(r);
    return HEARTH_OK;
}

static int answer_once(run_state *r, const buffer *prompt)
{
    hearth_error error = {0};
    const bool raw = r->template == NULL;
    (void)signals_leave_at_once(true); /* until the prompt is tokens: that does not look whether to stop */
    hearth_status status = raw || (prompt->length == 0 && r->s->messages != NULL)
                               ? HEARTH_OK
                               : conversation_add(r->messages, "user", buffer_text(prompt), prompt->length, &error);
    if (status == HEARTH_OK && !raw && !run_asks(r->messages)) {
        status = error_set(&error, HEARTH_E_ARGUMENT, "--messages",
                           "a question or a tool's result at its end, or a prompt", "an answer");
    }
    if (status == HEARTH_OK) {
        status = run_make_answer(r, raw ? buffer_text(prompt) : NULL, prompt->length, &error);
    }
    int code = EXIT_DONE;
    if (status == HEARTH_OK && r->c->json) {
        code = print_json(r);
    } else if (status == HEARTH_OK) {
        status = finish_text(r, &error);
    }
    if (status != HEARTH_OK) {
        return cli_fail(r->c, &error);
    }
    if (code == EXIT_DONE && r->last.end == RUN_END_INTERRUPTED) {
        return signals_exit_status();
    }
    return code;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    run_settings *s = settings;
    const char *name = count > 0 ? operands[0] : RUN_OWN_MODEL;
    const bool talk = s->prompt == NULL && isatty(STDIN_FILENO);
    if (talk && c->json) {
        return cli_usage(c, "--json is for one answer: give --prompt, or pipe a prompt in");
    }
    for (size_t i = 0; i < s->stops.count; i++) {
        if (s->stops.items[i][0] == '\0') {
            return cli_usage(c, "--stop takes a text, not \"\"");
        }
    }
    if ((s->schema != NULL) + (s->grammar != NULL) + (s->tools != NULL) > 1) {
        return cli_usage(c, "--schema, --grammar and --tools exclude each other");
    }
    hearth_error error = {0};
    buffer prompt;
    buffer_init(&prompt, LIMIT_TEXT_BYTES);
    run_state r = {.c = c, .s = s};
    if (pull_when_missing(c, name, &error) != HEARTH_OK ||
        (s->draft != NULL && strcmp(s->draft, DRAFT_OFF) != 0 && pull_when_missing(c, s->draft, &error) != HEARTH_OK) ||
        (count == 0 && run_take_own(s, &error) != HEARTH_OK) ||
        run_take_brought(name, s, &r.brought, &error) != HEARTH_OK ||
        advisories_of(c, &s->advisories, name, &r.rules, &error) != HEARTH_OK) {
        ollama_brought_free(&r.brought);
        advisory_rules_free(&r.rules);
        return cli_fail(c, &error);
    }
    /* First of all, so that what is typed while the model loads waits for the prompt. */
    line_reader *lines = talk ? line_reader_create() : NULL;
    hearth_status status = !talk           ? gather_prompt(c, s, &prompt, &error)
                           : lines == NULL ? error_memory(&error, 0)
                                           : HEARTH_OK;
    if (status == HEARTH_OK && !talk && s->prompt == NULL && s->messages == NULL && prompt.length == 0) {
        buffer_free(&prompt);
        ollama_brought_free(&r.brought);
        advisory_rules_free(&r.rules);
        return cli_usage(c, "no prompt: standard input is empty; give one with --prompt TEXT");
    }
    if (status == HEARTH_OK) {
        status = run_open(&r, name, &error);
    }
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else {
        code = talk ? run_chat(&r, lines) : answer_once(&r, &prompt);
    }
    line_reader_free(lines);
    run_close(&r);
    buffer_free(&prompt);
    return code;
}

static const cli_section sections[] = {
    {"At the prompt",
     "A line ends a text, unless it ends in a backslash: then the next line belongs to it. A text between `\"\"\"` and "
     "`\"\"\"` keeps its lines, and so does what is pasted. The arrow keys edit and walk through the history, Ctrl-R "
     "searches it, Ctrl-C stops the "
     "answer (or empties the line), Ctrl-D leaves. What is typed while an answer is made is read when it is done.\n\n"
     "    /help          tell these\n"
     "    /clear         begin a new conversation; the system message stays\n"
     "    /system TEXT   set the system message; without TEXT, take it away\n"
     "    /save FILE     write the conversation to a new JSON file\n"
     "    /save! FILE    the same, over a file that is there\n"
     "    /load FILE     go on with a conversation from such a file\n"
     "    /tool RESULT   the result of the first call that waits; after the last one the model goes on\n"
     "    /go            answer the conversation as it is, where it ends in a question or a result\n"
     "    /stats         tell how long the conversation is and how fast it went\n"
     "    /exit          leave"},
    {"When the context is full",
     "Before an answer begins, the oldest exchanges (a question and what was answered) are forgotten until a quarter "
     "of "
     "the context, or `--max-tokens` where that is less, is free; the system message stays. In the middle of an answer "
     "the same is done and the answer goes on. Where nothing older is left, the answer ends there; but with "
     "`--max-tokens` the older half of the answer is forgotten, the prompt stays, and it goes on until the number is "
     "reached. A line on standard error says so, for an answer's halves the first time. What is kept is computed anew "
     "at its new place: the model "
     "answers as if it had been given just that."},
    {"Thinking and tools",
     "What a reasoning model thinks is told apart from its answer by the markers of its chat template, and is no part "
     "of "
     "the text that `--stop` looks at. `--think off` passes the template's own switch (`enable_thinking` and its "
     "like); "
     "where it has none, a line says so. Earlier thinking is given back to the template, which drops it as the model "
     "was "
     "trained. `--tools` passes the list to the template; what the model calls comes out as `{\"id\", \"name\", "
     "\"arguments\"}`. A call that is malformed stays text, and a line on standard error says what is wrong. With "
     "`--json`: \"reasoning\", \"thinking_tokens\", \"cut_thinking\", \"tool_calls\", \"tool_call_problems\"."},
    {"Answers of a given form",
     "With `--schema` or `--grammar` no other token can be drawn than those that keep the answer within it, at any "
     "temperature; docs/structured-output.md tells which keywords are supported, and one that is not is an error "
     "before "
     "the model answers. What a reasoning model thinks comes before the form, unless `--think off`. An answer that "
     "`--max-tokens` cuts off is not whole: `finish` with `--json` says so."},
    {"A draft",
     "A draft is any model with the same vocabulary, of a tenth of the size or less, say. It draws ahead with the same "
     "settings and random numbers; the model computes its guesses in one step and keeps those that it would have drawn "
     "itself, so the answer is the same to the byte. How many are guessed follows how many were right and how long "
     "both take. Where `--memory` leaves no room for it, a line says so and there is none. `--json` tells "
     "\"draft\": guesses, those that were right, and the model's steps."},
    {"What is printed",
     "The answer goes to standard output as it is made. On a terminal, control characters in it are shown as pictures "
     "and do nothing, and a closing line on standard error says how many tokens the prompt and the answer had, how "
     "fast "
     "they went and how it was computed. `--json` prints one object after the answer (a bar on standard error shows it "
     "coming, at a terminal): its text, why it ended (end, "
     "stop, length, context, interrupted), tokens, seconds and all settings; a bias of -inf is the text \"-inf\"."},
    {NULL, NULL},
};

const cli_command command_run = {
    .name = "run",
    .operands = "[MODEL]",
    .least = 0,
    .most = 1,
    .summary = "chat with a model, or get one answer",
    .text =
        "At a terminal, `hearth run MODEL` is a conversation. With `--prompt`, or when text is piped in, it gives one "
        "answer and ends. The same seed gives the same text, on every machine.\n\n"
        "Without MODEL the program's own answers: hearthside, a million parameters that know a small world "
        "(docs/hearthside.md). Tell it a few facts and ask; each line stands alone, at temperature 0 where none is "
        "given.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections = sections,
    .examples =
        (const cli_example[]){
            {"hearth run model.gguf", "A conversation."},
            {"hearth run -p \"Tom has a red ball. What colour is the ball?\"", "The model that is in the program."},
            {"hearth run model.gguf -p \"Why is the sky blue?\"", "One answer."},
            {"git diff | hearth run model.gguf -p \"What does this change do?\" --temperature 0",
             "About what is piped in."},
            {"hearth run model.gguf --tools tools.json -p \"What is the weather in Paris?\"", "A call, or an answer."},
            {"hearth run model.gguf --tools tools.json --messages conversation.json < /dev/null",
             "A conversation answered as it is."},
            {"hearth run model.gguf --schema person.json -p \"Ada Lovelace, born in 1815\" | jq .name",
             "JSON of a given shape."},
            {"hearth run model.gguf --raw -p \"Once upon a time\" -n 100 --seed 7", "A text continued."},
            {NULL, NULL}},
    .run = run,
};
