/* Hand-written matchers for the patterns that most models use. Each gives what the regular expression gives (tested
 * against PCRE2 and Hugging Face tokenizers), several times as fast. Every one of them covers all of a text: piece
 * follows piece without a gap. */
#ifndef TOKENIZER_PATTERNS_H
#define TOKENIZER_PATTERNS_H

#include <stddef.h>

/* The length in bytes of the piece that begins at `text`; at least 1. `text` < `end`, valid UTF-8. */
typedef size_t (*pattern_fn)(const char *text, const char *end);

/* NULL when the pattern has no matcher of its own. */
pattern_fn pattern_find(const char *pattern, size_t length);

/* The patterns themselves, for the table of pre-tokenisers. */
#define PATTERN_GPT2 "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define PATTERN_LLAMA3                                                                                                 \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"           \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define PATTERN_QWEN2                                                                                                  \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"                \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define PATTERN_CL100K                                                                                                 \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|"      \
    "\\s*[\\r\\n]|\\s+(?!\\S)|\\s"

#endif
