/* The steps around WordPiece that BERT's tokenizers share, whichever file they come from. Private to model/. */
#ifndef MODEL_BERT_PIPELINE_H
#define MODEL_BERT_PIPELINE_H

#include "tokenizer/spec.h"

typedef struct bert_normalizer {
    bool clean, chinese, accents, lowercase;
} bert_normalizer;

#define BERT_NORMALIZERS 5u
/* Returns how many steps there are. */
size_t bert_normalizer_steps(bert_normalizer n, normalizer_step ret[BERT_NORMALIZERS]);
#define BERT_PRETOKENIZERS 2u
extern const pretokenizer_step bert_pretokenizers[BERT_PRETOKENIZERS];
#define BERT_DECODERS 1u
extern const decoder_step bert_decoders[BERT_DECODERS]; /* prefix "##" */

/* What `spec` has of these where a file says no more: WordPiece, prefix "##", words of at most 100 characters. `steps`
 * must outlive the spec. */
void bert_pipeline_fill(tokenizer_spec *spec, bert_normalizer n, normalizer_step steps[BERT_NORMALIZERS]);

#endif
