/* The pipeline objects of tokenizer.json as steps of a tokenizer_spec. */
#ifndef MODEL_TOKENIZER_PIPELINE_H
#define MODEL_TOKENIZER_PIPELINE_H

#include "formats/tokenizer_json.h"
#include "tokenizer/spec.h"

#include "base/buffer.h"

#define PIPELINE_STEPS 64u
#define PIPELINE_IDS 16u
#define PIPELINE_MAPS 4u

typedef struct tokenizer_pipeline {
    const tokenizer_json *file;
    normalizer_step normalizers[PIPELINE_STEPS];
    size_t normalizer_count;
    buffer maps[PIPELINE_MAPS]; /* character maps, decoded; tokenizer_pipeline_free */
    size_t map_count;
    pretokenizer_step pretokenizers[PIPELINE_STEPS];
    size_t pretokenizer_count;
    bool byte_level; /* the last pre-tokeniser is ByteLevel: pieces stay bytes */
    decoder_step decoders[PIPELINE_STEPS];
    size_t decoder_count;
    bool has_template; /* the post-processor says what goes around a text */
    int32_t before[PIPELINE_IDS], after[PIPELINE_IDS];
    size_t before_count, after_count;
} tokenizer_pipeline;

/* Texts in the steps belong to `file`. HEARTH_E_UNSUPPORTED names the JSON path and the type that hearth does not know.
 */
hearth_status tokenizer_pipeline_read(const tokenizer_json *file, tokenizer_pipeline *ret, hearth_error *error);
void tokenizer_pipeline_free(tokenizer_pipeline *pipeline);

#endif
