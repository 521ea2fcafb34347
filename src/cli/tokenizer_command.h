/* The two parts of hearth tokenizer. */
#ifndef CLI_TOKENIZER_COMMAND_H
#define CLI_TOKENIZER_COMMAND_H

#include "cli/cli.h"
#include "tokenizer/learn.h"

typedef struct tokenizer_settings {
    const char *out;
    size_t vocab, min_frequency;
    int kind, ties;
    const char *pretokenizer, *split, *language, *encoding;
    option_list special;
} tokenizer_settings;

/* Exit statuses; cli_verb.run. `settings`: tokenizer_settings. */
int tokenizer_learn(cli *c, const void *settings, const char **texts, size_t count);
/* operands: the tokenizer, then texts. */
int tokenizer_fertility(cli *c, const void *settings, const char **operands, size_t count);

#endif
