/* The steps of BERT's normaliser (Devlin et al., 2018) that no other has; bert_table.h says which code points. */
#ifndef TOKENIZER_NORMALIZE_BERT_H
#define TOKENIZER_NORMALIZE_BERT_H

#include "base/buffer.h"
#include "tokenizer/spec.h"

/* `kind`: NORMALIZER_BERT_CLEAN, NORMALIZER_BERT_CHINESE or NORMALIZER_BERT_ACCENTS. Appends to `out`. */
hearth_status normalize_bert(normalizer_kind kind, token_text in, buffer *out, hearth_error *error);

#endif
