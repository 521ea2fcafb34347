/* The input is a GBNF grammar, a zero byte, and a text that is followed through it as far as it goes: what the mask
 * says of each byte must be what accepting it says. */
#include "follow.h"
#include "fuzz_input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - data) : size;
    grammar *g = NULL;
    hearth_error error;
    char line[600];
    if (length > 4096 || grammar_from_gbnf((const char *)data, length, &g, &error) != HEARTH_OK) {
        fuzz_sink += length > 4096 ? 0 : (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
        return 0;
    }
    fuzz_follow(g, data + length, size - length);
    grammar_release(g);
    return 0;
}
