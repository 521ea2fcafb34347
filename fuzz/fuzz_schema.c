/* The input is a JSON Schema, a zero byte, and a text that is followed through its grammar as far as it goes: what the
 * mask says of each byte must be what accepting it says. */
#include "follow.h"
#include "fuzz_input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - data) : size;
    grammar *g = NULL;
    json_t *schema = NULL;
    hearth_error error;
    char line[600];
    if (length > 4096 || json_door_parse((const char *)data, length, "schema", &schema, NULL) != HEARTH_OK) {
        return 0;
    }
    if (grammar_from_schema(schema, &g, &error) == HEARTH_OK) {
        fuzz_follow(g, data + length, size - length);
        grammar_release(g);
    } else {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
    }
    json_decref(schema);
    return 0;
}
