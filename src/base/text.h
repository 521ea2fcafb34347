/* Terminated texts: made by formatting, looked at, compared. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As printf writes it, freed with mem_free; NULL when memory is out. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool text_starts(const char *text, const char *beginning);
bool text_ends(const char *text, const char *end);
/* Exactly `count` lower-case hexadecimal digits, and nothing else. */
bool text_is_hex(const char *text, size_t count);
/* Of either case: 0 to 15; -1 for any other character. */
int text_hex_digit(char c);

/* The last part of a path, slashes behind it left out: its begin, and its length. */
const char *text_last_part(const char *path, size_t *ret_length);

/* How far two words are apart: insertions, deletions, replacements and swaps of neighbours. */
unsigned text_distance(const char *a, const char *b);
/* Whether a distance is small enough, for a word of this length, to be worth naming. */
bool text_is_near(const char *word, unsigned distance);

/* For people: "1.5 kB" of 1,500 bytes; "3,000,000". */
const char *text_bytes(uint64_t bytes, char ret[32]);
const char *text_number(uint64_t number, char ret[32]);

/* "2026-03-01T12:00:00Z" of seconds since 1970, in UTC; "" where no calendar has the year. */
const char *text_time(int64_t seconds, char ret[32]);

#endif
