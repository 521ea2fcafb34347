/* How a model makes one vector of a text: pooling, normalisation, prompts and the longest text, from the files of
 * sentence-transformers (modules.json and what it names) or from GGUF. docs/commands/embed.md. */
#ifndef MODEL_EMBEDDING_CONFIG_H
#define MODEL_EMBEDDING_CONFIG_H

#include "model/model.h"

typedef enum pooling_kind { POOLING_MEAN, POOLING_CLS, POOLING_LAST, POOLING_KINDS } pooling_kind;

typedef struct embedding_config {
    pooling_kind pooling;
    bool normalize;       /* to length 1 */
    size_t most_tokens;   /* of a text, with what is put around it; longer ones are cut */
    json_t *prompts;      /* name: text that goes before a text, or NULL */
    const char *prompt;   /* the one that is there where nobody names one, or NULL */
    bool prompt_left_out; /* the prompt's tokens do not count in the mean */
} embedding_config;

/* HEARTH_E_UNSUPPORTED for modules and poolings that hearth does not have. */
hearth_status embedding_config_read(const model *m, embedding_config *ret, hearth_error *error);
/* What a folder's modules.json says of pooling and normalisation; leaves *c alone where there is none. */
hearth_status embedding_config_modules(const hf_folder *folder, embedding_config *c, hearth_error *error);
void embedding_config_free(embedding_config *c);

#endif
