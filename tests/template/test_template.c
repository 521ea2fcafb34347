/* Chat templates against jinja2: the language (language.json) and the 25 published templates of the fixtures
 * (templates.json over conversations.json), both made by make_golden.py; and hostile templates, which end in an error.
 */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "generate/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static char *read_file(const char *folder, const char *name, size_t *ret_length)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(1 << 20);
    *ret_length = fread(text, 1, (1 << 20) - 1, file);
    text[*ret_length] = '\0';
    fclose(file);
    return text;
}

static json_t *golden(const char *name)
{
    char folder[4096];
    size_t length = 0;
    json_t *json = NULL;
    snprintf(folder, sizeof folder, "%s/tests/template", getenv("HEARTH_SOURCE"));
    char *text = read_file(folder, name, &length);
    assert_non_null(text);
    assert_int_equal(json_door_parse(text, length, name, &json, NULL), HEARTH_OK);
    free(text);
    return json;
}

static hearth_status render(const char *source, size_t length, const json_t *variables, int64_t now, buffer *out,
                            hearth_error *error)
{
    chat_template *t = NULL;
    memset(error, 0, sizeof *error);
    hearth_status status = chat_template_parse(source, length, "template", &t, error);
    if (status == HEARTH_OK) {
        status = chat_template_render(t, variables, now, out, error);
    }
    chat_template_free(t);
    return status;
}

/* Does the outcome agree with what jinja2 did? `expected` has "out" or "text", or "raise" with the exception's own
 * words (an error value holds the first 191 bytes), or "error". */
static bool agrees(const json_t *expected, hearth_status status, const buffer *out, const hearth_error *error)
{
    const json_t *text = json_object_get(expected, "out");
    text = text != NULL ? text : json_object_get(expected, "text");
    const json_t *words = json_object_get(expected, "raise");
    if (text != NULL) {
        return status == HEARTH_OK && out->length == json_string_length(text) &&
               memcmp(buffer_text(out), json_string_value(text), out->length) == 0;
    }
    if (words != NULL) {
        const size_t length = strlen(error->found);
        return status == HEARTH_E_ARGUMENT && strncmp(json_string_value(words), error->found, length) == 0 &&
               (length == json_string_length(words) || length > sizeof error->found - 5);
    }
    return status == HEARTH_E_FORMAT || status == HEARTH_E_LIMIT;
}

static void the_language_is_jinja2s(void **state)
{
    (void)state;
    json_t *all = golden("language.json");
    const json_t *cases = json_object_get(all, "cases");
    int wrong = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const json_t *source = json_object_get(one, "source");
        hearth_error error;
        buffer out;
        buffer_init(&out, 0);
        const hearth_status status =
            render(json_string_value(source), json_string_length(source), json_object_get(all, "variables"),
                   json_integer_value(json_object_get(all, "now")), &out, &error);
        if (!agrees(one, status, &out, &error)) {
            char *wanted = json_dumps(one, 0);
            print_message("# %s\n#   gives %s%s\n", wanted, buffer_text(&out), error.found);
            free(wanted);
            wrong++;
        }
        buffer_free(&out);
    }
    assert_true(json_array_size(cases) > 400);
    assert_int_equal(wrong, 0);
    json_decref(all);
}

static bool conversation_agrees(const json_t *expected, hearth_status status, const buffer *out,
                                const hearth_error *error)
{
    char hex[HASH_HEX_SIZE];
    if (!json_is_string(expected)) {
        return agrees(expected, status, out, error);
    }
    assert_int_equal(hash_bytes_hex(buffer_text(out), out->length, hex, NULL), HEARTH_OK);
    return status == HEARTH_OK && strcmp(hex, json_string_value(expected)) == 0;
}

static int check_template(const char *name, const char *source, size_t length, const json_t *expected,
                          const json_t *conversations)
{
    const int64_t now = json_integer_value(json_object_get(conversations, "now"));
    int wrong = 0;
    const char *which = NULL;
    json_t *result = NULL;
    json_object_foreach((json_t *)expected, which, result)
    {
        hearth_error error;
        buffer out;
        buffer_init(&out, 0);
        const json_t *variables = json_object_get(json_object_get(conversations, "conversations"), which);
        const hearth_status status = render(source, length, variables, now, &out, &error);
        if (!conversation_agrees(result, status, &out, &error)) {
            print_message("# %s over \"%s\": %s\n", name, which, status == HEARTH_OK ? "other text" : error.found);
            wrong++;
        }
        buffer_free(&out);
    }
    assert_true(json_object_size(expected) >= 12);
    return wrong;
}

static void published_templates_render_as_jinja2_renders_them(void **state)
{
    (void)state;
    char folder[4096];
    char hex[HASH_HEX_SIZE];
    const char *fixtures = getenv("HEARTH_FIXTURES");
    if (fixtures != NULL) {
        snprintf(folder, sizeof folder, "%s/templates", fixtures);
    } else {
        snprintf(folder, sizeof folder, "%s/../shared/fixtures/templates", getenv("HEARTH_SOURCE"));
    }
    json_t *templates = golden("templates.json");
    json_t *conversations = golden("conversations.json");
    int wrong = 0;
    size_t seen = 0;
    const char *name = NULL;
    json_t *one = NULL;
    json_object_foreach(templates, name, one)
    {
        size_t length = 0;
        char *source = read_file(folder, name, &length);
        if (source != NULL) {
            assert_int_equal(hash_bytes_hex(source, length, hex, NULL), HEARTH_OK);
            assert_string_equal(hex, json_string_value(json_object_get(one, "sha256")));
            wrong += check_template(name, source, length, json_object_get(one, "expected"), conversations);
            seen++;
        }
        free(source);
    }
    json_decref(templates);
    json_decref(conversations);
    if (seen == 0) {
        print_message("# no templates in %s\n", folder);
        skip();
    }
    assert_int_equal(seen, 25);
    assert_int_equal(wrong, 0);
}

typedef struct hostile {
    const char *what;
    const char *source; /* NULL: `part` repeated, with `open` before and `close` behind */
    const char *part;
    int times;
    const char *open, *close;
} hostile;

static const hostile hostiles[] = {
    {.what = "loops in loops",
     .source = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"},
    {.what = "a string of 10^9", .source = "{{ 'a' * 10**9 }}"},
    {.what = "a string of 10^18", .source = "{{ 'a' * 10**9 * 10**9 }}"},
    {.what = "doubling",
     .source = "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(100) %}{% set ns.s = ns.s ~ "
               "ns.s %}{% endfor %}"},
    {.what = "doubling a list",
     .source = "{% set ns = namespace(s=[0]) %}{% for i in range(100) %}{% set ns.s = ns.s + "
               "ns.s %}{% endfor %}"},
    {.what = "a list of 10^9", .source = "{{ [0] * 10**9 }}"},
    {.what = "output without end",
     .source = "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{{ s }}{% endfor %}"},
    {.what = "a macro that calls itself", .source = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
    {.what = "macros that call each other",
     .source =
         "{% macro a() %}{{ b() }}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{{ a() }}{% endmacro %}{{ a() }}"},
    {.what = "a tree of calls",
     .source = "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}"},
    {.what = "a loop that recurses", .source = "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"},
    {.what = "a namespace in itself", .source = "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}"},
    {.what = "deep data, printed",
     .source = "{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] "
               "%}{% endfor %}{{ ns.x }}"},
    {.what = "deep data, as JSON",
     .source = "{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] "
               "%}{% endfor %}{{ ns.x | tojson }}"},
    {.what = "deep data, compared",
     .source =
         "{% set ns = namespace(x=[], y=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] "
         "%}{% endfor %}{{ ns.x == ns.y }}"},
    {.what = "deep data, hashed",
     .source = "{% set ns = namespace(x=()) %}{% for i in range(5000) %}{% set ns.x = (ns.x,) "
               "%}{% endfor %}{{ {ns.x: 1} }}"},
    {.what = "wide data, printed",
     .source = "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, "
               "ns.x] %}{% endfor %}{{ ns.x | string | length }}"},
    {.what = "a power", .source = "{{ 10 ** 100 }}"},
    {.what = "a power of a power", .source = "{{ 9 ** 9 ** 9 }}"},
    {.what = "a width", .source = "{{ '%999999999999d' % 1 }}"},
    {.what = "a width in braces", .source = "{{ '{:99999999999}'.format(1) }}"},
    {.what = "a precision", .source = "{{ '%.99999999f' % 1 }}"},
    {.what = "indent", .source = "{{ {'a': 1} | tojson(indent=10**12) }}"},
    {.what = "indent of lines", .source = "{{ ('a\n' * 10000) | indent(100000) }}"},
    {.what = "center", .source = "{{ 'x' | center(10**12) }}"},
    {.what = "replace nothing", .source = "{{ ('a' * 1000000) | replace('', 'b' * 1000000) }}"},
    {.what = "join", .source = "{{ range(100000) | join('x' * 100000) }}"},
    {.what = "batch", .source = "{{ [1] | batch(10**12, 0) | list }}"},
    {.what = "slice", .source = "{{ [1] | slice(10**12) | list }}"},
    {.what = "search again and again",
     .source = "{% set s = 'a' * 10000000 %}{% for i in range(100000) %}{{ 'b' in s }}{% endfor %}"},
    {.what = "count again and again",
     .source = "{% set s = 'ab' * 5000000 %}{% for i in range(100000) %}{% set x = s.rfind('c') %}{% endfor %}"},
    {.what = "split again and again",
     .source = "{% set s = 'a ' * 1000000 %}{% for i in range(1000) %}{% set x = s.split() %}{% endfor %}"},
    {.what = "sorting again and again",
     .source = "{% for i in range(10000) %}{% set x = range(10000) | sort %}{% endfor %}"},
    {.what = "brackets", .part = "[", .times = 100000, .open = "{{ ", .close = " }}"},
    {.what = "parentheses", .part = "(", .times = 100000, .open = "{{ ", .close = " }}"},
    {.what = "signs", .part = "-", .times = 100000, .open = "{{ ", .close = "1 }}"},
    {.what = "ifs", .part = "{% if 1 %}", .times = 10000, .open = "", .close = ""},
    {.what = "fors", .part = "{% for x in y %}", .times = 10000, .open = "", .close = ""},
    {.what = "inline ifs", .part = "1 if 0 else ", .times = 10000, .open = "{{ ", .close = "1 }}"},
    {.what = "sums", .part = "1+", .times = 100000, .open = "{{ ", .close = "1 }}"},
    {.what = "attributes", .part = ".a", .times = 100000, .open = "{{ x", .close = " }}"},
    {.what = "filters", .part = "|trim", .times = 100000, .open = "{{ 'x'", .close = " }}"},
    {.what = "subscripts", .part = "[0:", .times = 5000, .open = "{{ x", .close = " }}"},
    {.what = "a source of 2 MiB", .part = "xxxxxxxxxxxxxxxx", .times = 1 << 17, .open = "", .close = ""},
};

static char *hostile_source(const hostile *h)
{
    if (h->source != NULL) {
        return strdup(h->source);
    }
    const size_t size = strlen(h->part) * (size_t)h->times + strlen(h->open) + strlen(h->close) + 1;
    char *text = malloc(size);
    char *at = stpcpy(text, h->open);
    for (int i = 0; i < h->times; i++) {
        at = stpcpy(at, h->part);
    }
    strcpy(at, h->close);
    return text;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void hostile_templates_end_in_an_error_soon(void **state)
{
    (void)state;
    json_t *variables = json_object();
    for (size_t i = 0; i < sizeof hostiles / sizeof hostiles[0]; i++) {
        char *source = hostile_source(&hostiles[i]);
        char line[512];
        hearth_error error;
        buffer out;
        buffer_init(&out, 0);
        const double start = seconds();
        const hearth_status status = render(source, strlen(source), variables, 0, &out, &error);
        const double took = seconds() - start;
        if (took > 0.5) {
            print_message("# %s: %.2f s\n", hostiles[i].what, took);
        }
        if (status != HEARTH_E_LIMIT && status != HEARTH_E_FORMAT) {
            print_message("# %s: status %d\n", hostiles[i].what, (int)status);
        }
        assert_true(status == HEARTH_E_LIMIT || status == HEARTH_E_FORMAT);
        assert_null(strchr(hearth_error_line(&error, line, sizeof line), '\n'));
        assert_true(took < 20.0); /* a second or so; sanitizers and busy machines are slower */
        buffer_free(&out);
        free(source);
    }
    json_decref(variables);
}

static void errors_name_the_line(void **state)
{
    (void)state;
    hearth_error error;
    char line[512];
    buffer out;
    buffer_init(&out, 0);
    json_t *variables = json_object();
    const char *wrong = "a\n{% if x %}\n{{ x y }}\n{% endif %}";
    assert_int_equal(render(wrong, strlen(wrong), variables, 0, &out, &error), HEARTH_E_FORMAT);
    assert_string_equal(hearth_error_line(&error, line, sizeof line),
                        "template: line 3: expected token 'end of print statement', got 'y'");
    const char *missing = "a\n\n{{ messages[0].content }}";
    assert_int_equal(render(missing, strlen(missing), variables, 0, &out, &error), HEARTH_E_FORMAT);
    assert_string_equal(hearth_error_line(&error, line, sizeof line), "template: line 3: 'messages' is undefined");
    const char *raised = "{#\n#}{{ raise_exception('Roles must alternate') }}";
    assert_int_equal(render(raised, strlen(raised), variables, 0, &out, &error), HEARTH_E_ARGUMENT);
    assert_string_equal(hearth_error_line(&error, line, sizeof line), "template: line 2: Roles must alternate");
    const char *include = "{% include 'x' %}";
    assert_int_equal(render(include, strlen(include), variables, 0, &out, &error), HEARTH_E_UNSUPPORTED);
    assert_int_equal(render("\xFF", 1, variables, 0, &out, &error), HEARTH_E_FORMAT);
    assert_int_equal(out.length, 0);
    json_decref(variables);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_is_jinja2s),
        cmocka_unit_test(published_templates_render_as_jinja2_renders_them),
        cmocka_unit_test(hostile_templates_end_in_an_error_soon),
        cmocka_unit_test(errors_name_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
