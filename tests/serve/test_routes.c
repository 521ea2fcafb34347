/* The table of routes and the OpenAPI file say the same. */
#include "base/json.h"
#include "serve/routes.h"

#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *load(void)
{
    char path[1024];
    buffer text;
    json_t *file = NULL;
    const char *source = getenv("HEARTH_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/src/serve/openapi.json", source);
    buffer_init(&text, 0);
    assert_int_equal(file_read(path, (size_t)1 << 24, &text, NULL), HEARTH_OK);
    assert_int_equal(json_door_parse(buffer_text(&text), text.length, path, &file, NULL), HEARTH_OK);
    buffer_free(&text);
    return file;
}

static void lower(const char *method, char *ret, size_t size)
{
    size_t i = 0;
    for (; method[i] != '\0' && i + 1 < size; i++) {
        ret[i] = (char)(method[i] >= 'A' && method[i] <= 'Z' ? method[i] + 32 : method[i]);
    }
    ret[i] = '\0';
}

static const route *find(const char *method, const char *path)
{
    for (size_t i = 0; routes_tables[i] != NULL; i++) {
        for (const route *t = routes_tables[i]; t->method != NULL; t++) {
            char own[16];
            lower(t->method, own, sizeof own);
            if (strcmp(own, method) == 0 && strcmp(t->path, path) == 0) {
                return t;
            }
        }
    }
    return NULL;
}

/* The schema of errors that belongs to a route's shape. */
static const char *error_of(api_shape shape)
{
    return shape == API_OLLAMA      ? "#/components/schemas/OllamaError"
           : shape == API_ANTHROPIC ? "#/components/schemas/AnthropicError"
                                    : "#/components/schemas/OpenAIError";
}

static void every_route_is_described(void **state)
{
    (void)state;
    json_t *file = load();
    size_t count = 0;
    for (size_t i = 0; routes_tables[i] != NULL; i++) {
        for (const route *t = routes_tables[i]; t->method != NULL; t++) {
            char method[16];
            lower(t->method, method, sizeof method);
            const json_t *described = json_object_get(json_object_get(json_object_get(file, "paths"), t->path), method);
            if (described == NULL) {
                fail_msg("%s %s is not in openapi.json", t->method, t->path);
            }
            assert_int_equal(t->takes_json, json_object_get(described, "requestBody") != NULL);
            count++;
        }
    }
    assert_true(count > 20);
    json_decref(file);
}

static void every_description_has_its_route(void **state)
{
    (void)state;
    json_t *file = load();
    const char *path = NULL, *method = NULL;
    json_t *methods = NULL, *described = NULL;
    json_object_foreach(json_object_get(file, "paths"), path, methods)
    {
        json_object_foreach(methods, method, described)
        {
            const route *t = find(method, path);
            if (t == NULL) {
                fail_msg("no route is %s %s", method, path);
                return;
            }
            const json_t *content =
                json_object_get(json_object_get(json_object_get(described, "responses"), "4XX"), "content");
            const json_t *schema = json_object_get(json_object_get(content, "application/json"), "schema");
            assert_string_equal(json_string_value(json_object_get(schema, "$ref")), error_of(t->shape));
            assert_int_equal(t->right == RIGHT_OPEN, json_is_array(json_object_get(described, "security")));
        }
    }
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_route_is_described),
                                       cmocka_unit_test(every_description_has_its_route)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
