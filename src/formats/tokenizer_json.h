/* tokenizer.json of Hugging Face tokenizers: the vocabulary, merges and added tokens as checked tables, and the
 * pipeline's objects (normalizer, pre_tokenizer, decoder, post_processor) as they are, for model/ to interpret.
 * docs/tokenizers.md. */
#ifndef FORMATS_TOKENIZER_JSON_H
#define FORMATS_TOKENIZER_JSON_H

#include "base/json.h"

typedef struct tokenizer_json_text {
    const char *text; /* not terminated; NULL: there is no such token */
    size_t length;
} tokenizer_json_text;

typedef struct tokenizer_json_merge {
    tokenizer_json_text left, right;
} tokenizer_json_merge;

typedef struct tokenizer_json_added {
    int32_t id;
    bool special, single_word, lstrip, rstrip, normalized;
} tokenizer_json_added;

typedef enum tokenizer_json_model {
    TOKENIZER_JSON_BPE,
    TOKENIZER_JSON_UNIGRAM,
    TOKENIZER_JSON_WORDPIECE
} tokenizer_json_model;

typedef struct tokenizer_json {
    tokenizer_json_model model;
    json_t *root;                /* owns all texts */
    tokenizer_json_text *tokens; /* [token_count] by id, the added ones too; holes have no text */
    size_t token_count;
    json_t *vocabulary; /* {token: id} of the model: Unigram's is made of its list */
    double *scores;     /* [score_count] Unigram; else NULL */
    size_t score_count;
    tokenizer_json_merge *merges;
    size_t merge_count;
    tokenizer_json_added *added;
    size_t added_count;
    bool byte_fallback, fuse_unknown, ignore_merges;
    int32_t unknown;                       /* -1: none */
    tokenizer_json_text continuing_prefix; /* WordPiece */
    size_t word_characters;                /* WordPiece: of the longest word that is cut up */
    /* Borrowed from root; NULL where null or absent. */
    const json_t *normalizer, *pre_tokenizer, *decoder, *post_processor;
} tokenizer_json;

/* HEARTH_E_FORMAT for wrong types, ids given twice, merges that are no pair; HEARTH_E_UNSUPPORTED for a model that is
 * not BPE, Unigram or WordPiece or a setting that changes ids and is not known. The error's place is the JSON path. */
hearth_status tokenizer_json_open(const char *path, tokenizer_json **ret, hearth_error *error);
/* The same from memory; `name` is the file for errors. */
hearth_status tokenizer_json_parse(const char *text, size_t length, const char *name, tokenizer_json **ret,
                                   hearth_error *error);
void tokenizer_json_close(tokenizer_json *file);

#endif
