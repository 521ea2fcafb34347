/* The bytes of a vocabulary's tokens, ordered so that common beginnings are followed once. */
#ifndef GENERATE_GRAMMAR_VOCABULARY_H
#define GENERATE_GRAMMAR_VOCABULARY_H

#include "generate/constraint.h"

/* Longer ones, in characters, are not among the plain tokens. */
#define PLAIN_MOST 16

/* A tree of bytes, in the order of a walk that visits a node before its children. Node 0 is the empty text. */
typedef struct token_tree {
    uint8_t *bytes;  /* [nodes] */
    uint8_t *plain;  /* [nodes]: characters so far, where these are whole and plain; else UINT8_MAX */
    uint16_t *depth; /* [nodes] */
    uint32_t *end;   /* [nodes]: the first node that is not below */
    uint32_t *first; /* [nodes + 1]: of `ids`; node n's own tokens are before node n + 1's */
    uint32_t nodes;
    int32_t *ids; /* [first[nodes]], in order of their bytes */
    uint16_t most_depth;
} token_tree;

struct grammar_vocabulary {
    uint64_t serial; /* no other one of this program has it */
    const tokenizer *t;
    size_t size;
    size_t words;     /* of a mask */
    buffer text;      /* of all tokens */
    uint32_t *begins; /* [size + 1], into it */
    token_tree plain; /* tokens of at most PLAIN_MOST characters, each plain (grammar.h) */
    token_tree rest;
    uint8_t *plain_length; /* [size]: of plain tokens; 0: of the rest */
    uint64_t *plain_masks; /* [PLAIN_MOST + 1][words]: plain tokens of at most so many characters */
    int32_t *ends;         /* tokens that end an answer */
    size_t end_count;
};

static inline const char *vocabulary_text(const grammar_vocabulary *v, int32_t id, size_t *ret_length)
{
    *ret_length = v->begins[id + 1] - v->begins[id];
    return buffer_text(&v->text) + v->begins[id];
}

#endif
