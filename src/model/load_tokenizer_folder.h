/* What a Hugging Face folder says of its tokenizer beside the vocabulary. For the files model/load_tokenizer_*.c. */
#ifndef MODEL_LOAD_TOKENIZER_FOLDER_H
#define MODEL_LOAD_TOKENIZER_FOLDER_H

#include "formats/hf.h"
#include "tokenizer/spec.h"

#define FOLDER_ENDS_MOST 32u

/* Storage that a spec points into. */
typedef struct folder_ids {
    int32_t ends[FOLDER_ENDS_MOST];
    int32_t before, after;
} folder_ids;

/* BOS, EOS and whether they are added; further tokens that end a turn. `has_template`: the spec's own additions come
 * from a template, which the configuration's flags do not change for every class. spec->tokens must be there. */
void folder_apply(tokenizer_spec *spec, folder_ids *ids, const hf_folder *folder, bool has_template);

/* tokenizer_config.json's added_tokens_decoder: tokens with the ids that it gives, *tokens (mem_alloc'ed) grows as it
 * must. Texts belong to the folder. */
hearth_status folder_added_tokens(const hf_folder *folder, token_spec **tokens, size_t *count, hearth_error *error);

#endif
