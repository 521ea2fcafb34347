/* See fake_packed.c. */
#ifndef TESTS_TRAIN_FAKE_PACKED_H
#define TESTS_TRAIN_FAKE_PACKED_H

#include "corpus/packed.h"

packed_corpus *fake_packed(uint32_t length, uint32_t vocabulary, uint64_t sequences);

#endif
