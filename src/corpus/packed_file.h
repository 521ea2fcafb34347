/* How a packed corpus lies on disk; packed.c reads it, pack.c writes it. docs/formats/corpus.md, "Packed". */
#ifndef CORPUS_PACKED_FILE_H
#define CORPUS_PACKED_FILE_H

#include <stdint.h>

#define PACKED_MAGIC "hearthPK"
#define PACKED_FORMAT 1u
#define PACKED_TOKENS "tokens.bin"       /* the header, then the tokens, 2 or 4 bytes each */
#define PACKED_DOCUMENTS "documents.bin" /* for each document where it begins and its row in the manifest, u64 each */

/* Little endian, as everything in these files; 256 bytes. */
typedef struct packed_header {
    char magic[8];
    uint32_t format, width; /* bytes of a token: 2 where the vocabulary has at most 65,536 */
    uint32_t vocabulary, length, end, held_out;
    uint64_t tokens, documents, seed;
    uint8_t tokens_sha256[32], documents_sha256[32]; /* of what follows the header; of documents.bin */
    uint8_t corpus_sha256[32], tokenizer_sha256[32];
    uint8_t zeros[72];
} packed_header;

_Static_assert(sizeof(packed_header) == 256, "the header is 256 bytes");
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "packed corpora are mapped as they are: little endian"
#endif

#endif
