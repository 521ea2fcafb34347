/* A packed corpus without files, for tests of what reads one: its interface (corpus/packed.h) over random tokens. */
#include "fake_packed.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdio.h>

struct packed_corpus {
    uint32_t length, vocabulary;
    uint64_t sequences;
    char hash[65];
};

packed_corpus *fake_packed(uint32_t length, uint32_t vocabulary, uint64_t sequences)
{
    packed_corpus *p = mem_calloc(1, sizeof *p);
    *p = (packed_corpus){.length = length, .vocabulary = vocabulary, .sequences = sequences};
    (void)snprintf(p->hash, sizeof p->hash, "%064x", length + vocabulary);
    return p;
}

void packed_close(packed_corpus *p)
{
    mem_free(p);
}

uint32_t packed_length(const packed_corpus *p)
{
    return p->length;
}

uint64_t packed_sequences(const packed_corpus *p)
{
    return p->sequences;
}

uint32_t packed_vocabulary(const packed_corpus *p)
{
    return p->vocabulary;
}

const char *packed_hash(const packed_corpus *p)
{
    return p->hash;
}

/* Counting upwards from a random place: easy to learn. */
size_t packed_sequence(const packed_corpus *p, uint64_t index, uint32_t *tokens, packed_segment *segments)
{
    uint32_t words[4];
    random_philox(5, RANDOM_TEST, 0, index, words);
    for (uint32_t i = 0; i <= p->length; i++) {
        tokens[i] = (words[0] + i * (1 + words[1] % 3)) % p->vocabulary;
    }
    const uint32_t cut = 1 + words[2] % (p->length - 1);
    segments[0] = (packed_segment){0, cut, index};
    segments[1] = (packed_segment){cut, p->length - cut, index + 1};
    return 2;
}

uint64_t packed_order(const packed_corpus *p, uint64_t seed, uint64_t epoch, uint64_t place)
{
    return (place + epoch * 7 + seed) % p->sequences;
}
