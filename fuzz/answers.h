/* Where a fuzzer's answers of servers come from: under net/http.c, in the place of the network. Each request reads the
 * next answer, up to a zero byte. */
#ifndef FUZZ_ANSWERS_H
#define FUZZ_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWERS_HUB "127.0.0.1:1"
#define ANSWERS_TOKEN "hf_secret"

/* Says what the fuzzer found, and ends it. */
void answers_must(bool good, const char *what);

/* With `direct` a stand-in for libcurl reads them (answers_direct.c), else libcurl itself from pairs of sockets. */
void answers_begin(bool direct, const uint8_t *data, size_t size);
/* Looks at what was asked: the token went nowhere but to the hub. */
void answers_end(void);

/* ---- between the two files ---- */
extern bool answers_are_direct;
/* The next answer; an empty one where there is none left. */
const uint8_t *answers_next(size_t *ret_size);

#endif
