/* Texts to vectors: an encoder's (or a decoder's) hidden states, pooled to one vector a text.
 *
 * One result: a text's vector does not depend on the texts beside it, nor on threads or on how much is computed at a
 * time. docs/commands/embed.md. */
#ifndef GENERATE_EMBED_H
#define GENERATE_EMBED_H

#include "model/embedding_config.h"

typedef struct embed_options {
    int pooling;        /* pooling_kind; -1: as the model says */
    int normalize;      /* 0 or 1; -1: as the model says */
    size_t dimensions;  /* the first so many values (Kusupati et al., "Matryoshka", 2022), before norming; 0: all */
    size_t most_tokens; /* texts are cut to so many; 0: as the model says, which is also the most */
    size_t batch;       /* tokens computed together; 0: chosen. An encoder's longest text may pass it */
} embed_options;
embed_options embed_options_default(void);

typedef struct embed_text {
    const char *text;
    size_t length;
} embed_text;

typedef struct embedder embedder;

/* options may be NULL. The model must have weights and a tokenizer. */
hearth_status embedder_create(model *m, const embed_options *options, embedder **ret, hearth_error *error);
void embedder_free(embedder *e);
size_t embedder_dimensions(const embedder *e);
const embedding_config *embedder_config(const embedder *e); /* as it is used */

typedef struct embed_counts {
    size_t tokens;
    size_t cut; /* texts that were too long */
} embed_counts;

/* `prompt` (NULL: none) goes before each text. out: [count, dimensions]. ret_counts may be NULL. HEARTH_E_ARGUMENT
 * names a text without a token. */
hearth_status embedder_run(embedder *e, const char *prompt, const embed_text *texts, size_t count, float *out,
                           embed_counts *ret_counts, progress_fn progress, void *context, hearth_error *error);

/* ret[i][j] = the cosine of the angle between vectors i and j, each [n]: [count, count]. 0 where one is zero. */
hearth_status embed_similarity(const kernel_table *k, const float *vectors, size_t count, size_t n, float *ret,
                               hearth_error *error);

#endif
