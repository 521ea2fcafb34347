/* The hashes of results that are committed (golden/results.hashes): what every instruction set, every machine and every
 * later version must give. write_hashes.py makes the file out of what the tests print, after a change that is meant. */
#ifndef TESTS_KNOWN_HASHES_H
#define TESTS_KNOWN_HASHES_H

#include "kernels/kernels.h"

/* Fails unless the file has this hash, by its first digits, for `what` of `subject`. With HEARTH_HASHES=ignore: does
 * nothing. */
void known_hash_check(const char *subject, compute how, const char *what, const char *hash);

#endif
