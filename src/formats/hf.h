/* A Hugging Face model folder: config.json, safetensors (one file, or shards with an index), tokenizer.json,
 * tokenizer_config.json, generation_config.json, chat_template.jinja. docs/formats/hf.md. */
#ifndef FORMATS_HF_H
#define FORMATS_HF_H

#include "base/json.h"
#include "formats/safetensors.h"

typedef struct hf_folder {
    char *path;
    json_t *config;             /* object, never NULL */
    json_t *tokenizer_config;   /* NULL when absent */
    json_t *generation_config;  /* NULL when absent */
    json_t *special_tokens_map; /* NULL when absent */
    char *chat_template;        /* from chat_template.jinja or tokenizer_config.json; NULL when absent */
    char *tokenizer_path;       /* of the vocabulary (docs/formats/hf.md tells which names); NULL when absent */
    tensor_table tensors;
} hf_folder;

/* `with_weights` false: configuration and tokenizer only. */
hearth_status hf_open(const char *path, bool with_weights, hf_folder **ret, hearth_error *error);
/* A configuration alone: a file that is config.json, whatever its name. */
hearth_status hf_open_config(const char *path, hf_folder **ret, hearth_error *error);
void hf_close(hf_folder *folder);

#endif
