/* generate/chat.h: the variables a template sees, errors. */
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
    const chat_source plain = {.text = "{{ messages | length }}", .length = 23};
    assert_int_equal(render(&plain, "{}", &options, &out, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(render(&plain, "[{\"role\": \"user\"}, 5]", &options, &out, &error), HEARTH_E_ARGUMENT);
    assert_string_equal(error.place, "message 2");
    assert_int_equal(out.length, 0);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_sees_what_transformers_gives),
        cmocka_unit_test(wrong_messages_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
