#include "byte_vocabulary.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"

#include <string.h>

/* As byte-level vocabularies write bytes. */
static size_t write_bytes(const char *bytes, size_t length, char *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        n += utf8_encode(byte_alphabet_character((uint8_t)bytes[i]), ret + n);
    }
    return n;
}

tokenizer *byte_vocabulary(const char *const *texts, const size_t *lengths, size_t count)
{
    static const decoder_step decoders[] = {{.kind = DECODER_BYTE_LEVEL}};
    size_t bytes = 1024;
    for (size_t i = 0; i < count; i++) {
        bytes += 4 * lengths[i];
    }
    token_spec *tokens = mem_calloc(258 + count, sizeof *tokens);
    char *text = mem_alloc(bytes);
    size_t used = 0;
    for (size_t i = 0; i < 256 + count; i++) {
        const char byte = (char)i;
        const size_t n =
            i < 256 ? write_bytes(&byte, 1, text + used) : write_bytes(texts[i - 256], lengths[i - 256], text + used);
        tokens[i].text = (token_text){text + used, n};
        used += n;
    }
    tokens[256 + count] = (token_spec){.text = {"<|call|>", 8}, .flags = TOKEN_SPECIAL};
    tokens[257 + count] = (token_spec){.text = {"<|end|>", 7}, .flags = TOKEN_SPECIAL};
    const tokenizer_spec spec = {.model = TOKENIZER_BPE,
                                 .byte_level = true,
                                 .tokens = tokens,
                                 .token_count = 258 + count,
                                 .decoders = decoders,
                                 .decoder_count = 1,
                                 .unknown = -1,
                                 .bos = -1,
                                 .eos = (int32_t)(257 + count)};
    tokenizer *t = NULL;
    if (tokenizer_create(&spec, &t, NULL) != HEARTH_OK) {
        t = NULL;
    }
    mem_free(tokens);
    mem_free(text);
    return t;
}
