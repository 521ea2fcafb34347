/* generate/chat.h: the defaults (ChatML against the fixture's renderings), the variables a template sees, errors. */
#include "generate/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static hearth_status render(const chat_source *source, const char *messages, const chat_options *options, buffer *out,
                            hearth_error *error)
{
    chat *c = NULL;
    json_t *json = json_loads(messages, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    memset(error, 0, sizeof *error);
    hearth_status status = chat_open(source, &c, error);
    if (status == HEARTH_OK) {
        status = chat_render(c, json, options, out, error);
    }
    chat_close(c);
    json_decref(json);
    return status;
}

static void expect(const chat_source *source, const char *messages, const chat_options *options, const char *wanted)
{
    hearth_error error;
    buffer out;
    buffer_init(&out, 0);
    assert_int_equal(render(source, messages, options, &out, &error), HEARTH_OK);
    assert_string_equal(buffer_text(&out), wanted);
    buffer_free(&out);
}

static const char three_turns[] =
    "[{\"role\": \"system\", \"content\": \"You are a helpful assistant.\"},"
    "{\"role\": \"user\", \"content\": \"Hello, how are you?\"},"
    "{\"role\": \"assistant\", \"content\": \"I'm doing great. How can I help you today?\"},"
    "{\"role\": \"user\", \"content\": \"I'd like to show off how chat templating works!\"}]";

static void a_model_without_a_template_gets_a_default(void **state)
{
    (void)state;
    const chat_options asked = {.add_generation_prompt = true};
    const chat_options closed = {0};
    const chat_source chatml = {.otherwise = CHAT_DEFAULT_CHATML, .bos = "<s>"};
    const chat_source plain = {.otherwise = CHAT_DEFAULT_PLAIN, .bos = "<s>"};
    const char *one = "[{\"role\": \"user\", \"content\": \"Hi ≤\"}, {\"role\": \"assistant\", \"content\": null}]";
    expect(&chatml, one, &asked,
           "<|im_start|>user\nHi ≤<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n<|im_start|>assistant\n");
    expect(&plain, one, &closed, "<s>user: Hi ≤\n\nassistant: \n\n");
    expect(&plain, "[]", &asked, "<s>assistant:");
}

static void the_default_chatml_is_what_others_render(void **state)
{
    (void)state;
    char path[8192];
    char wanted[4096];
    const char *fixtures = getenv("HEARTH_FIXTURES");
    const char *rest = "templates/ollama-renderings/chatml/system-user-assistant-user";
    if (fixtures != NULL) {
        snprintf(path, sizeof path, "%s/%s", fixtures, rest);
    } else {
        snprintf(path, sizeof path, "%s/../shared/fixtures/%s", getenv("HEARTH_SOURCE"), rest);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("# no %s\n", path);
        skip();
    }
    wanted[fread(wanted, 1, sizeof wanted - 1, file)] = '\0';
    fclose(file);
    const chat_options asked = {.add_generation_prompt = true};
    const chat_source chatml = {.otherwise = CHAT_DEFAULT_CHATML};
    expect(&chatml, three_turns, &asked, wanted);
}

static void a_template_sees_what_transformers_gives(void **state)
{
    (void)state;
    json_t *extra = json_pack("{s:b, s:s}", "enable_thinking", 0, "eos_token", "other");
    json_t *tools = json_pack("[{s:s}]", "name", "f");
    const char *text =
        "{{ bos_token }}|{{ eos_token }}|{{ tools | tojson }}|{{ documents is none }}|{{ enable_thinking "
        "}}|{{ add_generation_prompt }}|{{ strftime_now('%Y') }}|{{ messages }}";
    const chat_source source = {.text = text, .length = strlen(text), .bos = "<s>", .eos = "</s>"};
    const chat_options options = {.tools = tools, .extra = extra, .now_unix = 1767323045};
    expect(&source, "[{\"role\": \"assistant\", \"reasoning\": \"so\", \"thinking\": null}]", &options,
           "<s>|other|[{\"name\": \"f\"}]|True|False|False|2026|[{'thinking': None, 'role': 'assistant', 'reasoning': "
           "'so', 'reasoning_content': 'so'}]");
    expect(&source, "[]", &(chat_options){.add_generation_prompt = true}, "<s>|</s>|null|True||True|1970|[]");
    json_decref(extra);
    json_decref(tools);
}

static void wrong_messages_are_named(void **state)
{
    (void)state;
    hearth_error error;
    char line[300];
    buffer out;
    buffer_init(&out, 0);
    const chat_options options = {0};
    const chat_source source = {.text = "{{ 1 +", .length = 6, .name = "m.gguf"};
    assert_int_equal(render(&source, "[]", &options, &out, &error), HEARTH_E_FORMAT);
    assert_string_equal(hearth_error_line(&error, line, sizeof line), "m.gguf: line 1: unexpected 'end of template'");
    const chat_source plain = {.otherwise = CHAT_DEFAULT_PLAIN};
    assert_int_equal(render(&plain, "{}", &options, &out, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(render(&plain, "[{\"role\": \"user\"}, 5]", &options, &out, &error), HEARTH_E_ARGUMENT);
    assert_string_equal(error.place, "message 2");
    assert_int_equal(out.length, 0);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_without_a_template_gets_a_default),
        cmocka_unit_test(the_default_chatml_is_what_others_render),
        cmocka_unit_test(a_template_sees_what_transformers_gives),
        cmocka_unit_test(wrong_messages_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
