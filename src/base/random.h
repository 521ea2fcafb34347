/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC 2011). A number is a pure function of seed, purpose, step and index: no state, so
 * nothing depends on who draws first. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

typedef enum random_purpose {
    RANDOM_SAMPLING = 1, /* step: token index of the sequence; index: draw within the token */
    RANDOM_INIT = 2,
    RANDOM_TEST = 3,
    RANDOM_DOCUMENTS = 4,  /* the order of documents, corpus/feistel.h */
    RANDOM_SEQUENCES = 5,  /* the order of sequences; step: the epoch */
    RANDOM_CORPUS = 6,     /* generators; step: the document, index: the draw within it */
    RANDOM_HEARTHSIDE = 7, /* corpus/hearthside.h; the same */
    RANDOM_VERIFY = 8,     /* which segments hearth verify trains again */
    RANDOM_TRACE = 9,      /* which documents hearth trace shows; step: the span, index: the draw */
    RANDOM_INFLUENCE = 10, /* which documents are looked at besides those that it shows */
} random_purpose;

/* Four 32-bit words. Counter words: index low, index high, step low, step high; key: seed low,
 * seed high XOR purpose * 0x9E3779B9. */
void random_philox(uint64_t seed, random_purpose purpose, uint64_t step, uint64_t index, uint32_t ret[4]);
/* Uniform in [0, 1): the high 24 bits of the first word times 2^-24; exact in binary32. */
float random_uniform(uint64_t seed, random_purpose purpose, uint64_t step, uint64_t index);

#endif
