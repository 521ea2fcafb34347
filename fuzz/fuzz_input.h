/* What the fuzzers share: the input as a file that a reader can open. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls this with each input; 0 always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Replaces the content of one anonymous file and returns its path; the next call with the same `slot` (0..3) replaces
 * it. */
const char *fuzz_file(unsigned slot, const uint8_t *data, size_t size);
/* The same with so many zeros behind: tensors' data that nobody has to write. */
const char *fuzz_file_with_zeros(unsigned slot, const uint8_t *data, size_t size, size_t zeros);
/* A folder of this process in /dev/shm (else /tmp), empty at the start; removed when the process ends by itself. */
const char *fuzz_folder(void);
/* Writes (or, for NULL, removes) a file in that folder; at most 16 names. */
void fuzz_folder_put(const char *name, const uint8_t *data, size_t size);

/* Keeps reads from being optimised away. */
extern volatile uint64_t fuzz_sink;

#endif
