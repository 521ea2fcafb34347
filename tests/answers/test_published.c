/* The 25 published templates of the fixtures: which forms are found, what switches they have; and a round trip: a call
 * that a template writes into a conversation is what its model writes, so reading that text must give the call back. */
#include "base/memory.h"
#include "generate/answer_reader.h"
#include "generate/chat_abilities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../formats/scratch.h"
#include "streams.h"

typedef struct published {
    const char *file;
    const char *thinking, *calls;
    chat_switch off;
    bool takes_tools;
    int shape; /* text_arguments * 2 + null_content; -1: it writes no calls into a conversation */
} published;

static const published rows[] = {
    {"ByteDance-Seed-OSS", "seed", "seed", CHAT_SWITCH_FULL, true, 0},
    {"CohereForAI-c4ai-command-r7b-12-2024-tool_use", "command", "command", CHAT_SWITCH_FULL, true, 0},
    {"GLM-4.6", "think", "glm", CHAT_SWITCH_FULL, true, 0},
    {"HuggingFaceTB-SmolLM3-3B", "think", NULL, CHAT_SWITCH_FULL, false, -1},
    {"Kimi-K2-Instruct", NULL, "kimi", CHAT_SWITCH_NONE, true, -1}, /* the sandbox refuses its list.append */
    {"LFM2-8B-A1B", NULL, "lfm2", CHAT_SWITCH_NONE, true, -1},
    {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", NULL, "hermes", CHAT_SWITCH_NONE, true, 0},
    {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", NULL, "hermes", CHAT_SWITCH_NONE, true, 0},
    {"Qwen-QwQ-32B", "think", "hermes", CHAT_SWITCH_FULL, true, 0},
    {"Qwen-Qwen2.5-7B-Instruct", NULL, "hermes", CHAT_SWITCH_NONE, true, 0},
    {"Qwen-Qwen3-0.6B", "think", "hermes", CHAT_SWITCH_FULL, true, 0},
    {"Qwen3-Coder", NULL, "qwen3-coder", CHAT_SWITCH_NONE, true, 0},
    {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "think", "deepseek", CHAT_SWITCH_NONE, false, -1},
    {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "think", "deepseek", CHAT_SWITCH_FULL, false, -1},
    {"deepseek-ai-DeepSeek-V3.1", "think", "deepseek", CHAT_SWITCH_FULL, false, -1},
    {"fireworks-ai-llama-3-firefunction-v2", NULL, "functools", CHAT_SWITCH_NONE, false, -1},
    {"google-gemma-2-2b-it", NULL, NULL, CHAT_SWITCH_NONE, false, -1},
    {"ibm-granite-granite-3.3-2B-Instruct", "granite", "granite", CHAT_SWITCH_FULL, true, -1},
    {"meetkai-functionary-medium-v3.1", NULL, "functionary", CHAT_SWITCH_NONE, true, 0},
    {"meta-llama-Llama-3.1-8B-Instruct", NULL, "llama", CHAT_SWITCH_NONE, true, 0},
    {"meta-llama-Llama-3.2-3B-Instruct", NULL, "llama", CHAT_SWITCH_NONE, true, 0},
    {"meta-llama-Llama-3.3-70B-Instruct", NULL, "llama", CHAT_SWITCH_NONE, true, 0},
    {"microsoft-Phi-3.5-mini-instruct", NULL, NULL, CHAT_SWITCH_NONE, false, -1},
    {"mistralai-Mistral-Nemo-Instruct-2407", NULL, "mistral", CHAT_SWITCH_NONE, true, 0},
    {"openai-gpt-oss-120b", "harmony", "harmony", CHAT_SWITCH_LESS, true, 0},
};

static bool read_template(const char *name, buffer *out)
{
    char part[160];
    snprintf(part, sizeof part, "templates/%s.jinja", name);
    const char *path = scratch_fixture(part);
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    if (file == NULL) {
        return false;
    }
    char bytes[4096];
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        assert_int_equal(buffer_append(out, bytes, got, NULL), HEARTH_OK);
    }
    fclose(file);
    return true;
}

static void same_text(const char *file, const char *found, const char *wanted)
{
    if ((found == NULL) != (wanted == NULL) || (found != NULL && strcmp(found, wanted) != 0)) {
        fail_msg("%s: %s, expected %s", file, found != NULL ? found : "none", wanted != NULL ? wanted : "none");
    }
}

/* `simple`: the templates of Hermes never come back from some types of parameters, in jinja2 as here. */
static json_t *offered(bool simple)
{
    json_t *tools = json_loads(TOOLS, 0, NULL);
    assert_non_null(tools);
    json_object_set_new(json_object_get(json_array_get(tools, 0), "function"), "description", json_string("Weather."));
    json_object_set_new(json_object_get(json_object_get(json_array_get(tools, 0), "function"), "parameters"),
                        "required", json_array());
    if (simple) {
        const json_t *function = json_object_get(json_array_get(tools, 0), "function");
        json_t *properties = json_object_get(json_object_get(function, "parameters"), "properties");
        json_object_del(properties, "tags");
        json_object_del(properties, "on");
    }
    return tools;
}

static chat *open_chat(const char *file, const buffer *source)
{
    chat *c = NULL;
    hearth_error error = {0};
    char line[400];
    const chat_source from = {
        .text = buffer_text(source), .length = source->length, .name = file, .bos = "<s>", .eos = "</s>"};
    if (chat_open(&from, &c, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    return c;
}

static void forms_and_switches_of_published_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const published *row = &rows[i];
        buffer source;
        buffer_init(&source, 0);
        if (!read_template(row->file, &source)) {
            buffer_free(&source);
            skip();
        }
        const answer_format f = answer_format_detect(buffer_text(&source), source.length, NULL);
        same_text(row->file, f.thinking, row->thinking);
        same_text(row->file, f.calls, row->calls);
        chat *c = open_chat(row->file, &source);
        json_t *variables = json_object();
        chat_switch off = CHAT_SWITCH_NONE, on = CHAT_SWITCH_NONE;
        chat_call_shape shape = {0};
        assert_int_equal(chat_thinking(c, false, variables, &off, NULL), HEARTH_OK);
        assert_int_equal(chat_thinking(c, true, variables, &on, NULL), HEARTH_OK);
        assert_int_equal(chat_probe_calls(c, &shape, NULL), HEARTH_OK);
        if (off != row->off || shape.takes_tools != row->takes_tools ||
            (row->shape >= 0 && row->shape != (shape.text_arguments ? 2 : 0) + (shape.null_content ? 1 : 0))) {
            fail_msg("%s: switch %d, tools %d, shape %d%d", row->file, (int)off, shape.takes_tools,
                     shape.text_arguments, shape.null_content);
        }
        assert_int_equal(on, off == CHAT_SWITCH_FULL ? CHAT_SWITCH_FULL : CHAT_SWITCH_NONE);
        json_decref(variables);
        chat_close(c);
        buffer_free(&source);
    }
}

/* ---- the round trip ---- */

typedef struct heard {
    json_t *calls;
    buffer reasoning, content;
    unsigned bad;
} heard;

static hearth_status listen(void *context, const answer_event *event, hearth_error *error)
{
    heard *h = context;
    switch (event->part) {
    case ANSWER_CONTENT:
        return buffer_append(&h->content, event->text, event->length, error);
    case ANSWER_REASONING:
        return buffer_append(&h->reasoning, event->text, event->length, error);
    case ANSWER_CALL:
        json_array_append(h->calls, (json_t *)event->call);
        return HEARTH_OK;
    default:
        h->bad++;
        return HEARTH_OK;
    }
}

static void render(const chat *c, const json_t *messages, const json_t *tools, bool prompt, buffer *out)
{
    hearth_error error = {0};
    char line[400];
    const chat_options how = {.add_generation_prompt = prompt, .tools = tools};
    if (chat_render(c, messages, &how, out, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
}

/* What the model would have written: the text behind what prompt and conversation share, without the turn's end. */
static size_t answer_length(const char *text, size_t length)
{
    static const char *const ends[] = {
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "</s>", "<|call|>", "<|END_OF_TURN_TOKEN|>", "<seed:eos>"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const char *end = strstr(text, ends[i]);
        length = end != NULL && (size_t)(end - text) < length ? (size_t)(end - text) : length;
    }
    return length;
}

static void round_trip(const published *row, const buffer *source)
{
    static const char arguments[] = "{\"city\":\"S\\u00e3o \\\"P\\\"\",\"days\":3,\"tags\":[\"a\",{\"b\":1}]}";
    chat *c = open_chat(row->file, source);
    json_t *tools = offered(strncmp(row->file, "Nous", 4) == 0), *call = json_object(), *content = json_string("");
    json_t *question = json_pack("[{s:s, s:s}]", "role", "user", "content", "How is it?");
    json_object_set_new(call, "id", json_string("abcde1234"));
    json_object_set_new(call, "name", json_string("get_weather"));
    json_object_set_new(call, "arguments", json_loads(arguments, 0, NULL));
    json_t *calls = json_pack("[O]", call);
    const chat_call_shape shape = {.text_arguments = row->shape >= 2, .null_content = row->shape % 2 == 1};
    json_t *whole = json_pack("[O, o]", json_array_get(question, 0), chat_answer_message(&shape, content, NULL, calls));
    buffer before, after;
    buffer_init(&before, 0);
    buffer_init(&after, 0);
    render(c, question, tools, true, &before);
    render(c, whole, tools, false, &after);
    size_t same = 0;
    while (same < before.length && same < after.length && before.data[same] == after.data[same]) {
        same++;
    }
    for (size_t i = same; i > 0 && after.data[i - 1] != '>'; i--) { /* not in the middle of a marker */
        same = after.data[i - 1] == '<' ? i - 1 : same;
    }
    const char *answer = buffer_text(&after) + same;
    heard h = {.calls = json_array()};
    buffer_init(&h.reasoning, 0);
    buffer_init(&h.content, 0);
    answer_reader *r = NULL;
    const answer_reader_options o = {.format = answer_format_detect(buffer_text(source), source->length, NULL),
                                     .tools = tools,
                                     .event = listen,
                                     .context = &h};
    assert_int_equal(answer_reader_create(&o, &r, NULL), HEARTH_OK);
    const size_t length = answer_length(answer, after.length - same);
    for (size_t i = 0; i < length; i++) {
        assert_int_equal(answer_reader_push(r, -1, answer + i, 1, NULL), HEARTH_OK);
    }
    assert_int_equal(answer_reader_finish(r, NULL), HEARTH_OK);
    const json_t *made = json_array_get(h.calls, 0);
    if (h.bad != 0 || json_array_size(h.calls) != 1 ||
        !json_equal(json_object_get(made, "arguments"), json_object_get(call, "arguments")) ||
        !json_equal(json_object_get(made, "name"), json_object_get(call, "name"))) {
        fail_msg("%s: %zu calls, %u bad, from: %.*s", row->file, json_array_size(h.calls), h.bad, (int)length, answer);
    }
    answer_reader_free(r);
    buffer_free(&h.reasoning);
    buffer_free(&h.content);
    buffer_free(&before);
    buffer_free(&after);
    json_decref(h.calls);
    json_decref(whole);
    json_decref(calls);
    json_decref(call);
    json_decref(content);
    json_decref(question);
    json_decref(tools);
    chat_close(c);
}

static void a_call_that_a_template_writes_is_read_back(void **state)
{
    (void)state;
    unsigned count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buffer source;
        buffer_init(&source, 0);
        if (!read_template(rows[i].file, &source)) {
            buffer_free(&source);
            skip();
        }
        if (rows[i].shape >= 0) {
            round_trip(&rows[i], &source);
            count++;
        }
        buffer_free(&source);
    }
    assert_int_equal(count, 15);
}

/* An answer with all three parts goes back into a conversation; gpt-oss's template takes two of them. */
static void text_thinking_and_a_call_go_into_one_message(void **state)
{
    (void)state;
    buffer source, out;
    buffer_init(&source, 0);
    buffer_init(&out, 0);
    json_t *content = json_string("Let me look."), *reasoning = json_string("I need it.");
    json_t *calls = json_pack("[{s:s, s:s, s:{}}]", "id", "call00000", "name", "f", "arguments");
    for (int either = 0; either < 2; either++) {
        const char *file = either ? "openai-gpt-oss-120b" : "Qwen-Qwen3-0.6B";
        const chat_call_shape shape = {.either = either == 1};
        buffer_clear(&source);
        buffer_clear(&out);
        if (!read_template(file, &source)) {
            skip();
        }
        chat *c = open_chat(file, &source);
        json_t *messages = json_pack("[{s:s, s:s}, o]", "role", "user", "content", "How is it?",
                                     chat_answer_message(&shape, content, reasoning, calls));
        render(c, messages, NULL, false, &out);
        assert_non_null(strstr(buffer_text(&out), "Let me look."));
        assert_true((strstr(buffer_text(&out), "I need it.") != NULL) == (either == 0));
        json_decref(messages);
        chat_close(c);
    }
    json_decref(calls);
    json_decref(content);
    json_decref(reasoning);
    buffer_free(&source);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_and_switches_of_published_templates),
        cmocka_unit_test(a_call_that_a_template_writes_is_read_back),
        cmocka_unit_test(text_thinking_and_a_call_go_into_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
