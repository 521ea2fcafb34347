/* SentencePiece's model file (tokenizer.model): its pieces and the settings that ids hang on.
 * docs/formats/tokenizers.md.
 */
#ifndef FORMATS_SPM_MODEL_H
#define FORMATS_SPM_MODEL_H

#include "platform/file.h"

typedef enum spm_type {
    SPM_NORMAL = 1,
    SPM_UNKNOWN = 2,
    SPM_CONTROL = 3,
    SPM_USER_DEFINED = 4,
    SPM_UNUSED = 5,
    SPM_BYTE = 6,
} spm_type;

typedef struct spm_text {
    const char *text; /* not terminated */
    size_t length;
} spm_text;

typedef struct spm_piece {
    spm_text text;
    float score;
    spm_type type;
} spm_piece;

typedef struct spm_model {
    buffer bytes; /* the file; owns all texts */
    spm_piece *pieces;
    size_t count;
    bool is_bpe; /* else Unigram */
    bool byte_fallback, whitespace_suffix;
    bool dummy_prefix, remove_extra, escape;
    spm_text charsmap;
    int32_t unknown, bos, eos; /* ids; -1: none */
} spm_model;

/* HEARTH_E_FORMAT for what is no such file, a piece twice, no or two unknown pieces; HEARTH_E_UNSUPPORTED for models of
 * words and characters. */
hearth_status spm_model_open(const char *path, spm_model **ret, hearth_error *error);
/* The same from memory, which is copied; `name` is the file for errors. */
hearth_status spm_model_parse(const void *bytes, size_t length, const char *name, spm_model **ret, hearth_error *error);
void spm_model_close(spm_model *model);

#endif
