/* Text to token ids and back: byte-level BPE, SentencePiece BPE, WordPiece.
 *
 * A tokenizer is built from a tokenizer_spec, which model/ fills from GGUF metadata or from tokenizer.json
 * (formats/tokenizer_json.h): this folder knows no file format. Immutable once made; encoding is
 * thread-safe. docs/tokenizers.md. */
#ifndef TOKENIZER_TOKENIZER_H
#define TOKENIZER_TOKENIZER_H

#include "base/buffer.h"
#include "base/error.h"

typedef struct tokenizer tokenizer;

typedef enum token_flags {
    TOKEN_NORMAL = 0,
    TOKEN_SPECIAL = 1 << 0, /* control: written only when asked to, parsed only when asked to */
    TOKEN_ADDED = 1 << 1,   /* user-defined: matched in text before the model, written as it is */
    TOKEN_BYTE = 1 << 2,    /* SentencePiece <0xNN> */
    TOKEN_UNKNOWN = 1 << 3,
    TOKEN_UNUSED = 1 << 4,
    TOKEN_LSTRIP = 1 << 5, /* an added token that swallows white space on its left / right */
    TOKEN_RSTRIP = 1 << 6,
    TOKEN_SINGLE_WORD = 1 << 7,
    TOKEN_USER_DEFINED =
        1 << 10,               /* SentencePiece's user-defined symbol: the normaliser leaves it, the model takes it */
    TOKEN_OUTSIDE = 1 << 9,    /* no symbol of the model's: only matched, added or decoded */
    TOKEN_NORMALIZED = 1 << 8, /* an added token that is matched after normalisation (tokenizer.json "normalized") */
} token_flags;

typedef enum encode_flags {
    ENCODE_PLAIN = 0,
    ENCODE_ADD_BOS = 1 << 0,      /* add what the model's own settings add: BOS and, where so, EOS */
    ENCODE_PARSE_SPECIAL = 1 << 1 /* "<|im_end|>" in the text is the control token; otherwise it is text */
} encode_flags;

typedef enum decode_flags {
    DECODE_PLAIN = 0,
    DECODE_SPECIAL = 1 << 0 /* write control tokens too */
} decode_flags;

void tokenizer_free(tokenizer *t);

/* Appends ids to a growing array: *ids (mem_alloc'ed, may start NULL), *count, *capacity. */
typedef struct token_list {
    int32_t *ids;
    size_t count;
    size_t capacity;
    size_t most; /* more than these are of no use: encoding ends soon after, or as soon as there must be; 0: no bound */
    bool cut;    /* it ended so, with ids missing */
} token_list;
void token_list_free(token_list *list); /* the bound goes, too */
hearth_status token_list_append(token_list *list, int32_t id, hearth_error *error);
/* Whether a text has more than `most` ids; exact, also where not all of them were made. */
bool token_list_is_past(const token_list *list);

hearth_status tokenizer_encode(const tokenizer *t, const char *text, size_t length, unsigned flags, token_list *out,
                               hearth_error *error);
/* The bytes of a whole sequence (SentencePiece: without the leading space that encoding put in). */
hearth_status tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, buffer *out,
                               hearth_error *error);
/* The bytes of one token in the middle of a text; "" for control tokens unless DECODE_SPECIAL. */
hearth_status tokenizer_piece(const tokenizer *t, int32_t id, unsigned flags, buffer *out, hearth_error *error);

/* How many ids ENCODE_ADD_BOS puts behind a text. */
size_t tokenizer_after_count(const tokenizer *t);
size_t tokenizer_vocabulary_size(const tokenizer *t);
const char *tokenizer_kind(const tokenizer *t); /* "byte-level BPE (llama-bpe)", "SentencePiece BPE" */
/* The vocabulary entry as it is written in the file, or NULL for an id outside. */
const char *tokenizer_entry(const tokenizer *t, int32_t id);
unsigned tokenizer_token_flags(const tokenizer *t, int32_t id);
/* The id of an exact vocabulary entry, or -1. */
int32_t tokenizer_find(const tokenizer *t, const char *entry, size_t length);
/* -1 where the model has none. */
int32_t tokenizer_bos(const tokenizer *t);
int32_t tokenizer_eos(const tokenizer *t);
/* Tokens that end a turn: EOS, EOT and their like. */
bool tokenizer_is_end(const tokenizer *t, int32_t id);

#endif
