/* What a tokenizer is built from. model/load_tokenizer fills it from GGUF metadata or from tokenizer.json; everything
 * is copied by tokenizer_create, nothing here is owned. docs/tokenizers.md tells what each part does. */
#ifndef TOKENIZER_SPEC_H
#define TOKENIZER_SPEC_H

#include "tokenizer/tokenizer.h"

typedef struct token_text {
    const char *text; /* not terminated */
    size_t length;
} token_text;

typedef struct token_spec {
    token_text text; /* as the file writes it; empty: a hole in the vocabulary */
    double score;    /* SentencePiece */
    unsigned flags;  /* token_flags */
} token_spec;

typedef struct merge_spec {
    token_text left, right;
} merge_spec;

typedef enum tokenizer_model {
    TOKENIZER_BPE,           /* merges, first one first */
    TOKENIZER_SENTENCEPIECE, /* any two neighbours whose joined text is a token, highest score first */
    TOKENIZER_RANKS,         /* the same, lowest id first, over bytes: tiktoken */
    TOKENIZER_UNIGRAM,       /* the tokens whose scores add up highest */
    TOKENIZER_WORDPIECE,     /* the longest token, from left to right */
} tokenizer_model;

/* ---- normalisers: text to text ---- */
typedef enum normalizer_kind {
    NORMALIZER_NFC,
    NORMALIZER_NFD,
    NORMALIZER_NFKC,
    NORMALIZER_NFKD,
    NORMALIZER_LOWERCASE,
    NORMALIZER_PREPEND,       /* `with`, unless the text is empty */
    NORMALIZER_REPLACE,       /* every `pattern` by `with` */
    NORMALIZER_REPLACE_REGEX, /* the same, `pattern` is a regular expression */
    NORMALIZER_STRIP,         /* white space at the ends asked for */
    NORMALIZER_STRIP_ACCENTS, /* drops combining marks (Mn) */
    NORMALIZER_BERT_CLEAN,    /* drops control characters, makes every white space a space */
    NORMALIZER_BERT_CHINESE,  /* spaces around Chinese characters */
    NORMALIZER_BERT_ACCENTS,  /* drops the marks that BERT's normaliser knows */
    NORMALIZER_SENTENCEPIECE, /* all that SentencePiece does; `pattern` is its character map or empty */
    NORMALIZER_PRECOMPILED,   /* the character map `pattern` as Hugging Face applies it */
    NORMALIZER_NMT,           /* control characters and odd spaces */
} normalizer_kind;

typedef struct normalizer_step {
    normalizer_kind kind;
    token_text pattern, with;
    bool left, right;
    bool dummy_prefix, dummy_suffix, remove_extra, escape; /* NORMALIZER_SENTENCEPIECE */
} normalizer_step;

/* ---- pre-tokenisers: a piece of text to pieces ---- */
typedef enum split_behavior {
    SPLIT_ISOLATED,
    SPLIT_REMOVED,
    SPLIT_MERGED_WITH_PREVIOUS,
    SPLIT_MERGED_WITH_NEXT,
    SPLIT_CONTIGUOUS,
} split_behavior;

typedef enum pretokenizer_kind {
    PRETOKENIZER_REGEX,            /* `pattern`, `behavior`, `invert` */
    PRETOKENIZER_STRING,           /* the same with a plain string */
    PRETOKENIZER_DIGITS,           /* isolated; each alone where `individual`, else runs of them */
    PRETOKENIZER_PUNCTUATION,      /* `behavior` */
    PRETOKENIZER_WHITESPACE,       /* \w+|[^\w\s]+ */
    PRETOKENIZER_WHITESPACE_SPLIT, /* drops white space */
    PRETOKENIZER_METASPACE,        /* spaces become `pattern` (one character), `prepend`, `split` before each */
    PRETOKENIZER_BYTE_ALPHABET,    /* bytes become GPT-2's characters; the model's tokens are then taken as written */
    PRETOKENIZER_PREFIX_SPACE,     /* ByteLevel's add_prefix_space: a piece that does not begin with a space gets one */
} pretokenizer_kind;

typedef enum metaspace_prepend { METASPACE_NEVER, METASPACE_FIRST, METASPACE_ALWAYS } metaspace_prepend;

typedef struct pretokenizer_step {
    pretokenizer_kind kind;
    token_text pattern;
    split_behavior behavior;
    bool invert;
    bool individual;
    bool split;
    metaspace_prepend prepend;
} pretokenizer_step;

/* ---- decoding ---- */
typedef enum decoder_kind {
    DECODER_BYTE_LEVEL,    /* GPT-2's alphabet back to bytes */
    DECODER_REPLACE,       /* `pattern` by `with`, in each token */
    DECODER_BYTE_FALLBACK, /* <0xNN> back to a byte */
    DECODER_METASPACE,     /* `pattern` by a space in each token; where `count`, left out of the first token */
    DECODER_WORDPIECE,     /* tokens with the prefix `pattern` lose it, others get a space before, but the first; where
                              `count`, spaces before punctuation go */
    DECODER_STRIP,         /* up to `count` times `pattern` (one character) off the left end of the whole text */
} decoder_kind;

typedef struct decoder_step {
    decoder_kind kind;
    token_text pattern, with;
    unsigned count;
} decoder_step;

typedef struct tokenizer_spec {
    const char *name; /* of the pre-tokeniser, for tokenizer_kind; NULL: none */
    tokenizer_model model;
    bool byte_level;    /* tokens are written in GPT-2's alphabet of bytes, pieces arrive as plain bytes */
    bool byte_fallback; /* characters without a token become <0xNN> */
    bool fuse_unknown;  /* neighbours without a token become one unknown token */
    bool binary32;      /* Unigram: scores are added in binary32, as SentencePiece does, else in binary64 */
    bool ignore_merges; /* a piece that is a token is that token, whatever the merges say */

    token_text continuing_prefix; /* WordPiece: of tokens that do not begin a word */
    size_t word_characters;       /* WordPiece: longer words are unknown */

    const token_spec *tokens;
    size_t token_count;
    const merge_spec *merges;
    size_t merge_count;
    const normalizer_step *normalizers;
    size_t normalizer_count;
    const pretokenizer_step *pretokenizers;
    size_t pretokenizer_count;
    const decoder_step *decoders;
    size_t decoder_count;

    int32_t unknown, bos, eos; /* -1: none */
    const int32_t *ends;       /* more tokens that end a turn, beside EOS and the table of known names */
    size_t end_count;
    const int32_t *before, *after; /* what ENCODE_ADD_BOS adds */
    size_t before_count, after_count;
} tokenizer_spec;

/* HEARTH_E_FORMAT for what contradicts itself, HEARTH_E_UNSUPPORTED for a pattern that does not compile,
 * HEARTH_E_LIMIT, HEARTH_E_MEMORY. tokenizer_free frees the result. */
hearth_status tokenizer_create(const tokenizer_spec *spec, tokenizer **ret, hearth_error *error);

/* GPT-2's alphabet of printable characters, which tokens of bytes are written in: the character that stands for a byte.
 */
uint32_t byte_alphabet_character(uint8_t byte);

/* ---- pre-tokenisers by name (GGUF's tokenizer.ggml.pre): data, one row each ---- */
typedef struct pretokenizer_row {
    const char *name;
    const pretokenizer_step *steps;
    size_t step_count;
    bool ignore_merges;
    bool add_bos; /* where the file does not say */
    bool nfc;     /* normal form C comes first: GGUF has no key for it, the model's tokenizer.json says so */
} pretokenizer_row;

/* NULL for an unknown name. */
const pretokenizer_row *pretokenizer_find(const char *name, size_t length);
/* The first row of these steps and settings (the model's bytes are cut alike, whatever else the name says), or NULL. */
const pretokenizer_row *pretokenizer_of(const pretokenizer_step *steps, size_t count, bool ignore_merges, bool nfc);

#endif
