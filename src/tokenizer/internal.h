/* What a tokenizer is made of: for the files of this folder only. */
#ifndef TOKENIZER_INTERNAL_H
#define TOKENIZER_INTERNAL_H

#include "base/arena.h"
#include "tokenizer/added.h"
#include "tokenizer/bpe.h"
#include "tokenizer/joins.h"
#include "tokenizer/normalize.h"
#include "tokenizer/patterns.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/unigram.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/wordpiece.h"

/* Working memory of one encoding, whichever the model is. */
typedef struct model_scratch {
    bpe_scratch words;
    unigram_scratch unigram;
} model_scratch;

/* A kind of model, a row of the table in models.c. */
typedef struct model_kind {
    const char *name, *byte_level_name; /* for people */
    hearth_status (*make)(tokenizer *t, const tokenizer_spec *spec, hearth_error *error);
    hearth_status (*encode)(const tokenizer *t, model_scratch *scratch, const char *word, size_t length,
                            token_list *out, hearth_error *error);
} model_kind;

struct tokenizer {
    arena *arena; /* all texts and tables below but the hash tables */
    const model_kind *model;
    char *kind;
    size_t count;
    token_text *entries; /* [count] as the file writes them, each terminated by a NUL that does not count */
    token_text *pieces;  /* [count] as they are decoded, but for DECODER_STRIP */
    unsigned *flags;     /* [count] token_flags */
    uint8_t *end;        /* [count] 1: ends a turn */
    vocab by_entry;
    word_caches *caches;         /* what pieces were encoded into */
    bpe bpe;                     /* its words and byte_ids serve every model */
    unigram unigram;             /* TOKENIZER_UNIGRAM */
    wordpiece wordpiece;         /* TOKENIZER_WORDPIECE */
    added_trie added_raw;        /* matched in the text as it came */
    added_trie added_normalized; /* matched after normalisation */
    normalizer normalizer;
    pretokenizer pretokenizer;
    size_t most_bytes;      /* of a normalised text that one id stands for; 0: no bound */
    joins joins;            /* BPE of characters: where pieces are cut into words */
    token_text first_drops; /* DECODER_METASPACE's character, where the first token loses it; else empty */
    bool first_whole;       /* DECODER_WORDPIECE: the first token is written as it is */
    token_text strip;       /* DECODER_STRIP's character, or empty */
    unsigned strip_count;
    int32_t bos, eos;
    int32_t *before, *after;
    size_t before_count, after_count;
};

#define TOKENIZER_MARKER "\xE2\x96\x81" /* U+2581, SentencePiece's space */

/* GPT-2's alphabet, back (-1: none); spec.h has the way there. */
int byte_alphabet_byte(uint32_t code);
/* Texts, there and back; `out` is emptied first. Back, *ret_known is false, and `out` of no use, where a character is
 * none of the alphabet's. */
hearth_status byte_alphabet_spell(const char *bytes, size_t length, buffer *out, hearth_error *error);
hearth_status byte_alphabet_read(token_text text, buffer *out, bool *ret_known, hearth_error *error);

/* What came out of an arena: HEARTH_E_MEMORY for NULL, unless nothing was asked for. */
static inline hearth_status tokenizer_room(const void *block, size_t size, hearth_error *error)
{
    return block == NULL && size > 0 ? error_memory(error, size) : HEARTH_OK;
}

/* build.c: all of `t`, whose arena and empty tables are there. What was made is freed by tokenizer_free. */
hearth_status tokenizer_build(tokenizer *t, const tokenizer_spec *spec, hearth_error *error);

/* build.c: a pre-tokeniser out of steps, in the arena; its regexes are the caller's to free, also after a failure. */
hearth_status tokenizer_make_steps(arena *a, const pretokenizer_step *steps, size_t count, pretokenizer *p,
                                   hearth_error *error);

/* models.c: the model of the spec, its tables and its words. */
hearth_status tokenizer_make_model(tokenizer *t, const tokenizer_spec *spec, hearth_error *error);

/* decode.c: fills t->pieces and the strip rule from the decoders. */
hearth_status tokenizer_make_pieces(tokenizer *t, const tokenizer_spec *spec, hearth_error *error);

/* decode.c: the first piece of a text, without what the decoders strip off its left end. */
hearth_status tokenizer_first_piece(const tokenizer *t, int32_t id, unsigned flags, buffer *out, hearth_error *error);

#endif
