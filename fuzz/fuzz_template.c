/* The input is a chat template, a zero byte, and the JSON object of its variables; without valid JSON it sees a small
 * conversation. */
#include "base/json.h"
#include "fuzz_input.h"
#include "generate/template.h"

#include <string.h>

static const char conversation[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be "
    "brief.\"},{\"role\":\"user\",\"content\":\"Gr\xC3\xBC\xC3\x9F "
    "dich\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\","
    "\"arguments\":{\"x\":1.5,\"y\":[1,true]}}}]}],\"tools\":[],\"n\":7,\"s\":\"Hello "
    "World\",\"xs\":[3,1,2],\"d\":{\"b\":1,"
    "\"a\":{\"c\":[]}},\"add_generation_prompt\":true,\"bos_token\":\"<s>\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *source = (const char *)data;
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - data) : size;
    json_t *variables = NULL;
    chat_template *t = NULL;
    hearth_error error;
    char line[600];
    buffer out;
    buffer_init(&out, 0);
    if (end == NULL ||
        json_door_parse(source + length + 1, size - length - 1, "variables", &variables, NULL) != HEARTH_OK) {
        variables = json_loads(conversation, 0, NULL);
    }
    if (chat_template_parse(source, length, "template", &t, &error) != HEARTH_OK ||
        chat_template_render(t, variables, 1767323045, &out, &error) != HEARTH_OK) {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
    }
    fuzz_sink += out.length;
    chat_template_free(t);
    json_decref(variables);
    buffer_free(&out);
    return 0;
}
