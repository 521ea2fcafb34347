/* The Feistel network of the corpus's orders. */
#include "corpus/feistel.h"

#include <assert.h>

#define ROUNDS 8u

typedef struct network {
    uint64_t seed, step;
    random_purpose purpose;
    unsigned low_bits, high_bits; /* the halves; low_bits is the larger one, or equal */
} network;

static uint64_t mask(unsigned bits)
{
    return bits == 0 ? 0 : UINT64_MAX >> (64 - bits);
}

/* The round function: a half (at most 32 bits) and the round's number make the counter. */
static uint64_t round_value(const network *f, unsigned round, uint64_t half)
{
    uint32_t words[4];
    random_philox(f->seed, f->purpose, f->step, (uint64_t)round << 32 | half, words);
    return words[0];
}

static uint64_t pass(const network *f, uint64_t place)
{
    uint64_t low = place & mask(f->low_bits), high = place >> f->low_bits;
    for (unsigned round = 0; round < ROUNDS; round += 2) {
        high ^= round_value(f, round, low) & mask(f->high_bits);
        low ^= round_value(f, round + 1, high) & mask(f->low_bits);
    }
    return high << f->low_bits | low;
}

uint64_t feistel_permute(uint64_t count, uint64_t seed, random_purpose purpose, uint64_t step, uint64_t place)
{
    assert(place < count);
    if (count < 2) {
        return 0;
    }
    const unsigned bits = 64u - (unsigned)__builtin_clzll(count - 1);
    const network f = {
        .seed = seed, .step = step, .purpose = purpose, .low_bits = (bits + 1) / 2, .high_bits = bits / 2};
    do {
        place = pass(&f, place);
    } while (place >= count);
    return place;
}
