/* tokenizer.json as Hugging Face's library writes it: the same keys, order, indentation and escapes. */
#ifndef TOKENIZER_LEARN_JSON_H
#define TOKENIZER_LEARN_JSON_H

#include "tokenizer/learn_bpe.h"
#include "tokenizer/spec.h"

hearth_status learn_json_bpe(const learned_bpe *b, const pretokenizer_row *row, buffer *out, hearth_error *error);

#endif
