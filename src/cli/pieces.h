/* Tokens for people and for JSON: ids and the bytes that they stand for. */
#ifndef CLI_PIECES_H
#define CLI_PIECES_H

#include "cli/cli.h"
#include "tokenizer/tokenizer.h"

#include <stdio.h>

/* Quoted: "Once", " upon", "\n", "\xF0\x9F", or a control token's name, <|im_end|>, without quotes. */
hearth_status pieces_print(const tokenizer *t, int32_t id, FILE *out, hearth_error *error);
/* {"count": N, "tokens": [{"id": N, "text": "…", "special": true}, {"id": N, "bytes": "f09f"}, …]}; NULL when memory
 * is out. */
json_t *pieces_json(const tokenizer *t, const int32_t *ids, size_t count);
/* One of those token objects. */
json_t *pieces_json_one(const tokenizer *t, int32_t id);

#endif
