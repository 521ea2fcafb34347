/* Watches what the library makes, moves and removes on the disk: all of it lies in one folder. The linker's --wrap
 * leads its calls here. */
#ifndef FUZZ_WATCH_H
#define FUZZ_WATCH_H

#include <stdbool.h>

/* From now on nothing may be made, moved or removed outside of `folder`, and no link in it may lead out of it: else the
 * fuzzer ends with a word. */
void watch_begin(const char *folder);
/* Removes what was made. With `was_empty`, what else lies in the folder ends the fuzzer, too. */
void watch_end(bool was_empty);

#endif
