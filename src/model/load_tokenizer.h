/* Tokenizers out of model files: GGUF metadata, a Hugging Face folder, or a tokenizer.json alone. docs/tokenizers.md.
 */
#ifndef MODEL_LOAD_TOKENIZER_H
#define MODEL_LOAD_TOKENIZER_H

#include "formats/gguf.h"
#include "formats/hf.h"
#include "tokenizer/tokenizer.h"

/* HEARTH_E_NOT_FOUND when the file carries no vocabulary, HEARTH_E_UNSUPPORTED for a kind that hearth does not know
 * (the message names the key or the JSON path), HEARTH_E_FORMAT for contradictions. tokenizer_free frees *ret. */
hearth_status load_tokenizer_gguf(const gguf_file *file, tokenizer **ret, hearth_error *error);
#endif
