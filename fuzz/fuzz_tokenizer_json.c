/* The input is a tokenizer.json, then, after a zero byte, a text to encode and decode with it. */
#include "fuzz_input.h"

#include "model/load_tokenizer.h"

#include <string.h>

static void use(const tokenizer *t, const char *text, size_t length, unsigned flags)
{
    token_list ids = {0};
    buffer back;
    hearth_error error;
    buffer_init(&back, 0);
    if (tokenizer_encode(t, text, length, flags, &ids, &error) == HEARTH_OK &&
        tokenizer_decode(t, ids.ids, ids.count, DECODE_SPECIAL, &back, &error) == HEARTH_OK) {
        fuzz_sink += back.length + ids.count;
    }
    buffer_free(&back);
    token_list_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - data) : size;
    const char *text = end != NULL ? (const char *)end + 1 : "a b  12 <s>\xFF\xC3";
    const size_t text_length = end != NULL ? size - length - 1 : strlen(text);
    tokenizer *t = NULL;
    hearth_error error;
    char line[600];
    if (load_tokenizer_json_text((const char *)data, length, &t, &error) != HEARTH_OK) {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
        return 0;
    }
    use(t, text, text_length, ENCODE_PLAIN);
    use(t, text, text_length, ENCODE_PARSE_SPECIAL | ENCODE_ADD_BOS);
    tokenizer_free(t);
    return 0;
}
