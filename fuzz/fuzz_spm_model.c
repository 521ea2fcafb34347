/* The input is a SentencePiece model; what is accepted encodes and decodes a text of everything. */
#include "fuzz_input.h"

#include "model/load_tokenizer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "the hearth  12 <s> \xEF\xAC\x81\xEF\xAC\x81\xCC\x81 zz\n\t\xE3\x80\x80\xE2\x98\x83\xFF";
    tokenizer *t = NULL;
    hearth_error error;
    char line[600];
    if (load_tokenizer_spm_bytes(data, size, &t, &error) != HEARTH_OK) {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
        return 0;
    }
    token_list ids = {0};
    buffer back;
    buffer_init(&back, 0);
    if (tokenizer_encode(t, text, sizeof text - 1, ENCODE_PARSE_SPECIAL, &ids, &error) == HEARTH_OK &&
        tokenizer_decode(t, ids.ids, ids.count, DECODE_SPECIAL, &back, &error) == HEARTH_OK) {
        fuzz_sink += back.length + ids.count;
    }
    buffer_free(&back);
    token_list_free(&ids);
    tokenizer_free(t);
    return 0;
}
