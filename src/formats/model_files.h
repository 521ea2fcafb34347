/* Which files of a repository make the model: by names alone. docs/hub.md, "Which files". */
#ifndef FORMATS_MODEL_FILES_H
#define FORMATS_MODEL_FILES_H

#include "base/error.h"

#define MODEL_FILES_INDEX "model.safetensors.index.json"

/* Sets take[i] for each of names[0..count) that is wanted. `select`:
 *   ""             safetensors with configuration and tokenizer (of an index: the index; its shards are the caller's to
 *                  add), else one GGUF file or split set: the only one, or by order of preference among quantisations;
 *   FILE           that file; of a split GGUF set, all parts;
 *   a pattern      all that match (*, ?, [ ]; * crosses "/");
 *   a quantisation the GGUF file or split set whose name has it, in any case: "Q4_K_M".
 * HEARTH_E_NOT_FOUND: nothing fits; HEARTH_E_ARGUMENT: several do where one is meant; HEARTH_E_UNSUPPORTED: weights in
 * other formats alone. */
hearth_status model_files_choose(const char *const *names, size_t count, const char *select, bool *take,
                                 hearth_error *error);

bool model_files_is_gguf(const char *name);
/* A later part of a split set (NAME-00002-of-00003.gguf): opening its first part opens it. */
bool model_files_is_later_part(const char *name);
/* Length of a name without "-00001-of-00003.gguf" or ".gguf": equal for the parts of one set. */
size_t model_files_set_length(const char *name);

#endif
