/* The packed form of a corpus: what training reads. docs/formats/corpus.md.
 *
 * `hearth corpus pack` (and `train`) tokenizes the kept documents in the order of a Feistel permutation keyed by the
 * recipe's seed and lays them one behind the other, each followed by the end-of-document token; sequence i is tokens [i
 * * length, (i + 1) * length] of that stream: `length` inputs and, shifted by one, `length` targets. A document is a
 * sequence of its own: positions begin at 0 at its first token (or where the sequence cuts it), and attention does not
 * cross. */
#ifndef CORPUS_PACKED_H
#define CORPUS_PACKED_H

#include "base/error.h"

typedef struct packed_corpus packed_corpus;

typedef struct packed_segment {
    uint32_t begin, count; /* inputs [begin, begin + count) of the sequence: one document or a part of one */
    uint64_t document;     /* its row in the manifest */
} packed_segment;

/* `folder`: of `hearth corpus pack`. Checks sizes, that documents lie one behind the other and that every token is one
 * of the vocabulary: reads all of it once. The hashes are checked by packed_verify. */
hearth_status packed_open(const char *folder, packed_corpus **ret, hearth_error *error);
void packed_close(packed_corpus *p);
uint32_t packed_length(const packed_corpus *p);    /* inputs of a sequence */
uint64_t packed_sequences(const packed_corpus *p); /* whole ones; training's, or the held-out documents' */
uint32_t packed_vocabulary(const packed_corpus *p);
const char *packed_hash(const packed_corpus *p); /* SHA-256, hexadecimal, of all that it holds */
/* tokens: [length + 1]; segments: room for `length`; returns how many there are. A pure read of mapped memory. */
size_t packed_sequence(const packed_corpus *p, uint64_t index, uint32_t *tokens, packed_segment *segments);
/* All that the folder holds against the hashes of its header. */
hearth_status packed_verify(const packed_corpus *p, hearth_error *error);
/* SHA-256 of the corpus (corpus.json) and of the tokenizer that it was made from. */
void packed_made_from(const packed_corpus *p, char ret_corpus[65], char ret_tokenizer[65]);
uint64_t packed_tokens(const packed_corpus *p);
uint64_t packed_documents(const packed_corpus *p);
/* Which sequence stands at `place` (0 … sequences - 1) of epoch `epoch`: a Feistel permutation, O(1). */
uint64_t packed_order(const packed_corpus *p, uint64_t seed, uint64_t epoch, uint64_t place);

#endif
