/* SentencePiece's precompiled character map: a double-array trie (Darts-clone) from strings to their replacements. It
 * comes in tokenizer.model, in tokenizer.json ("Precompiled") and in GGUF (tokenizer.ggml.precompiled_charsmap). */
#ifndef TOKENIZER_CHARSMAP_H
#define TOKENIZER_CHARSMAP_H

#include "tokenizer/spec.h"

typedef struct charsmap {
    uint32_t *units; /* [count] NULL: no map */
    size_t count;
    const char *texts; /* the replacements, each ends with a NUL; [texts_length], the last byte is one */
    size_t texts_length;
    /* What an ASCII character becomes where another ASCII character follows: -1: ask the trie, -2: itself, else an
     * offset in texts. */
    int32_t ascii[128];
} charsmap;

/* `blob`: u32 size of the trie, the trie, the replacements. It must outlive the map. HEARTH_E_FORMAT for sizes, values
 * or texts that do not fit. */
hearth_status charsmap_create(charsmap *map, token_text blob, hearth_error *error);
void charsmap_free(charsmap *map);

/* The longest rule that text[0..length) begins with: its length, and where its replacement starts. 0: none. */
size_t charsmap_longest(const charsmap *map, const char *text, size_t length, const char **ret);
/* The shortest one: what Hugging Face's Precompiled takes. false: none. */
bool charsmap_shortest(const charsmap *map, const char *text, size_t length, const char **ret);

#endif
