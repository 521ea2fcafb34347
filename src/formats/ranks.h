/* Vocabularies of bytes with ranks: tiktoken's files (base64, a space, the rank, a line each) and Mistral's
 * tekken.json. docs/formats/tokenizers.md. */
#ifndef FORMATS_RANKS_H
#define FORMATS_RANKS_H

#include "base/json.h"

typedef struct ranks_token {
    size_t start;  /* in `bytes` */
    size_t length; /* 0: no token has this rank */
} ranks_token;

typedef struct ranks_special {
    int64_t id;
    const char *text;
    size_t length;
    bool control;
} ranks_special;

typedef struct ranks_file {
    buffer bytes;        /* of all tokens */
    ranks_token *tokens; /* [count] by rank */
    size_t count, capacity;
    size_t present; /* tokens that are there */
    /* tekken.json only */
    json_t *root;
    const char *pattern; /* borrowed from root */
    size_t pattern_length;
    size_t special_count;    /* ids before the first rank */
    ranks_special *specials; /* [named_count] */
    size_t named_count;
} ranks_file;

/* Whether the first line is a token and its rank. */
bool ranks_looks_like(const char *path);
/* HEARTH_E_FORMAT names the line. */
hearth_status ranks_open(const char *path, ranks_file *ret, hearth_error *error);
hearth_status ranks_parse(const char *text, size_t length, const char *name, ranks_file *ret, hearth_error *error);
/* HEARTH_E_FORMAT names the JSON path. */
hearth_status ranks_open_tekken(const char *path, ranks_file *ret, hearth_error *error);
/* Zeroed ones are allowed. */
void ranks_close(ranks_file *file);

#endif
