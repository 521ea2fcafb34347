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
/* The folder's vocabulary by load_tokenizer_file, with BOS, EOS and their settings from tokenizer_config.json,
 * generation_config.json and config.json.
 */
hearth_status load_tokenizer_hf(const hf_folder *folder, tokenizer **ret, hearth_error *error);
/* A tokenizer file by itself or in its folder (NULL: none): tokenizer.json, tekken.json, SentencePiece's
 * tokenizer.model, a file of tiktoken's ranks, told apart by name and by what they hold; BERT's vocab.txt, in its
 * folder only. `encoding`: which of tiktoken's known ones, where the name of the file does not say it; else NULL. */
hearth_status load_tokenizer_file(const char *path, const hf_folder *folder, const char *encoding, tokenizer **ret,
                                  hearth_error *error);
/* Whether a file is one of those: its name ends in .json, .model, .tiktoken or vocab.txt, or its first bytes say it. */
bool load_tokenizer_knows(const char *path);

/* One kind of file each. */
hearth_status load_tokenizer_json_in(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error);
hearth_status load_tokenizer_spm(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error);
hearth_status load_tokenizer_tekken(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error);
hearth_status load_tokenizer_tiktoken(const char *path, const hf_folder *folder, const char *encoding, tokenizer **ret,
                                      hearth_error *error);
/* `folder` must be there: its tokenizer_config.json says how the words are to be written. */
hearth_status load_tokenizer_vocab(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error);
/* From memory, without a folder. */
hearth_status load_tokenizer_spm_bytes(const void *bytes, size_t length, tokenizer **ret, hearth_error *error);

/* A tokenizer.json without its folder: BOS and EOS are what its post-processor adds. */
hearth_status load_tokenizer_json(const char *path, tokenizer **ret, hearth_error *error);
/* The same from memory. */
hearth_status load_tokenizer_json_text(const char *text, size_t length, tokenizer **ret, hearth_error *error);

#endif
