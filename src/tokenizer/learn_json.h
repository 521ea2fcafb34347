/* tokenizer.json as Hugging Face's library writes it: the same keys, order, indentation and escapes. */
#ifndef TOKENIZER_LEARN_JSON_H
#define TOKENIZER_LEARN_JSON_H

#include "tokenizer/learn_bpe.h"
#include "tokenizer/learn_unigram.h"
#include "tokenizer/spec.h"

hearth_status learn_json_bpe(const learned_bpe *b, const pretokenizer_row *row, buffer *out, hearth_error *error);
hearth_status learn_json_unigram(const learned_unigram *u, const char *const *special, size_t special_count,
                                 const pretokenizer_row *row, buffer *out, hearth_error *error);

#endif
