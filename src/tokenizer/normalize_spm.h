/* SentencePiece's own normaliser, and what Hugging Face tokenizers has of it (Precompiled, Nmt). */
#ifndef TOKENIZER_NORMALIZE_SPM_H
#define TOKENIZER_NORMALIZE_SPM_H

#include "tokenizer/added.h"
#include "tokenizer/charsmap.h"

/* NORMALIZER_SENTENCEPIECE: the map's longest rule at each place, the user-defined symbols as they are, white space as
 * the step says. */
hearth_status normalize_sentencepiece(const normalizer_step *step, const charsmap *map, const added_trie *user_defined,
                                      token_text in, buffer *out, hearth_error *error);
/* NORMALIZER_PRECOMPILED: a cluster of characters below six bytes by the first rule that it begins with, else each
 * character. */
hearth_status normalize_precompiled(const charsmap *map, token_text in, buffer *out, hearth_error *error);
/* NORMALIZER_NMT: drops control characters, makes plain spaces of others. */
hearth_status normalize_nmt(token_text in, buffer *out, hearth_error *error);

#endif
