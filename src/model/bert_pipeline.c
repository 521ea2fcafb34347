/* BERT's normaliser, pre-tokeniser and decoder as steps. */
#include "model/bert_pipeline.h"

size_t bert_normalizer_steps(bert_normalizer n, normalizer_step ret[BERT_NORMALIZERS])
{
    const struct {
        bool on;
        normalizer_kind kind;
    } steps[BERT_NORMALIZERS] = {{n.clean, NORMALIZER_BERT_CLEAN},
                                 {n.chinese, NORMALIZER_BERT_CHINESE},
                                 {n.accents, NORMALIZER_NFD},
                                 {n.accents, NORMALIZER_BERT_ACCENTS},
                                 {n.lowercase, NORMALIZER_LOWERCASE}};
    size_t count = 0;
    for (size_t i = 0; i < BERT_NORMALIZERS; i++) {
        if (steps[i].on) {
            ret[count++] = (normalizer_step){.kind = steps[i].kind};
        }
    }
    return count;
}

const pretokenizer_step bert_pretokenizers[BERT_PRETOKENIZERS] = {
    {.kind = PRETOKENIZER_WHITESPACE_SPLIT}, {.kind = PRETOKENIZER_PUNCTUATION, .behavior = SPLIT_ISOLATED}};

const decoder_step bert_decoders[BERT_DECODERS] = {{.kind = DECODER_WORDPIECE, .pattern = {"##", 2}, .count = 1}};

void bert_pipeline_fill(tokenizer_spec *spec, bert_normalizer n, normalizer_step steps[BERT_NORMALIZERS])
{
    spec->model = TOKENIZER_WORDPIECE;
    spec->continuing_prefix = (token_text){"##", 2};
    spec->word_characters = 100;
    spec->normalizers = steps;
    spec->normalizer_count = bert_normalizer_steps(n, steps);
    spec->pretokenizers = bert_pretokenizers;
    spec->pretokenizer_count = BERT_PRETOKENIZERS;
    spec->decoders = bert_decoders;
    spec->decoder_count = BERT_DECODERS;
}
