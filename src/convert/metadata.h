/* Hyper-parameters, descriptions and the tokenizer in the other container's spelling. Private to convert/. */
#ifndef CONVERT_METADATA_H
#define CONVERT_METADATA_H

#include "base/progress.h"
#include "convert/family.h"
#include "convert/plan.h"
#include "formats/gguf_write.h"
#include "tokenizer/tokenizer.h"

/* ---- to GGUF ---- */

/* general.* and ARCHITECTURE.*; adds the tensors that hold RoPE's factors to the plan. */
hearth_status convert_metadata_to_gguf(gguf_writer *w, const hf_folder *folder, const model_config *c,
                                       const char *architecture, convert_plan *p, hearth_error *error);
/* tokenizer.*; nothing for a folder without a tokenizer. `progress`, which may be NULL, counts tokens where merges must
 * be found; HEARTH_E_CANCELLED where it says so. */
hearth_status convert_tokenizer_to_gguf(gguf_writer *w, const hf_folder *folder, const model_config *c,
                                        progress_fn progress, void *progress_context, hearth_error *error);

/* ---- to a folder ---- */

/* config.json and generation_config.json; takes RoPE's factors out of the plan, and gives it the activation's
 * parameters. */
hearth_status convert_config_to_folder(const char *path, const gguf_file *file, const model_config *c,
                                       const model_family *hf, convert_plan *p, hearth_error *error);
/* tokenizer.json, tokenizer_config.json; nothing for a file without a vocabulary. */
hearth_status convert_tokenizer_to_folder(const char *path, const gguf_file *file, hearth_error *error);

/* The two tokenizers give the same ids for texts of many kinds, and begin and end alike; either may be NULL, when both
 * must be. HEARTH_E_UNSUPPORTED shows where they part. */
hearth_status convert_compare_tokenizers(const tokenizer *from, const tokenizer *to, hearth_error *error);

/* ---- shared ---- */

/* Writes PATH/NAME and frees the value; NULL is HEARTH_E_MEMORY. */
hearth_status convert_write_json(const char *path, const char *name, json_t *value, hearth_error *error);

#endif
