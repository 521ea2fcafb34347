/* A folder's vocabulary on its way to tokenizer.ggml.*: what the kinds of files share. Private to convert/. */
#ifndef CONVERT_TOKENIZER_GGUF_H
#define CONVERT_TOKENIZER_GGUF_H

#include "convert/metadata.h"
#include "model/tokenizer_pipeline.h"

/* token_type values of the format */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER_DEFINED = 4, TYPE_UNUSED = 5, TYPE_BYTE = 6 };

#define VOCABULARY_SPACE "\xE2\x96\x81" /* SentencePiece's space */

typedef struct vocabulary {
    gguf_writer *w;
    const hf_folder *folder;
    tokenizer_json *file;        /* NULL: another kind of file */
    tokenizer_pipeline pipeline; /* of `file` */
    tokenizer *tokenizer;        /* what hearth makes of the folder */
    arena *memory;               /* texts that are made here */
    gguf_string *tokens;         /* [count], as the other two */
    int32_t *types;
    float *scores;
    size_t count;
    bool ends_by_default; /* a file that is silent on EOS means that it is added */
    int32_t unknown;      /* -1: tokenizer_config.json says it, or nobody */
    progress_fn progress; /* NULL: none */
    void *progress_context;
} vocabulary;

/* Room for `least` tokens and as many as the embedding has rows. */
hearth_status vocabulary_tables(vocabulary *v, size_t least, const model_config *c, hearth_error *error);
/* "[PAD7]", unused. */
hearth_status vocabulary_pad(vocabulary *v, size_t id, hearth_error *error);
/* Added tokens that are control tokens though their file does not call them special; the list is llama.cpp's. */
bool vocabulary_looks_special(gguf_string s);
/* A user-defined token is matched in plain text: its spaces are spaces. */
hearth_status vocabulary_plain_spaces(vocabulary *v, gguf_string *text, hearth_error *error);
/* Model, pre-tokeniser, tokens, types and, where asked for, scores. */
hearth_status vocabulary_write(vocabulary *v, const char *model, const char *pre, bool scored, hearth_error *error);

/* ---- the kinds beside BPE: tokenizer_gguf_kinds.c ---- */

/* BERT's words, of tokenizer.json or vocab.txt. */
hearth_status vocabulary_wordpiece(vocabulary *v, const model_config *c, hearth_error *error);
/* tokenizer.json's Unigram; tokens and types are there. */
hearth_status vocabulary_unigram(vocabulary *v, hearth_error *error);
/* SentencePiece's tokenizer.model, of either kind. */
hearth_status vocabulary_spm(vocabulary *v, const model_config *c, hearth_error *error);
/* tiktoken's ranks and tekken.json, as merges. */
hearth_status vocabulary_ranks(vocabulary *v, const model_config *c, hearth_error *error);

#endif
