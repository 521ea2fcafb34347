/* Texts of a request to vectors, for whichever API asked. */
#ifndef SERVE_EMBEDDING_H
#define SERVE_EMBEDDING_H

#include "serve/models.h"
#include "serve/request.h"

#define EMBEDDING_TEXTS 2048u /* of one request */

typedef struct embedding {
    served_model *model;
    embed_text *texts; /* borrowed from the body or from `decoded` */
    buffer *decoded;   /* texts that came as tokens; owned */
    size_t count;
    uint64_t dimensions; /* 0: all */
    float *vectors;      /* [count, width] */
    size_t width;
    embed_counts counts;
} embedding;

/* For zeroed ones. Each returns false with *f filled in. */
bool embedding_open(request *r, const char *name, embedding *e, failure *f);
bool embedding_room(embedding *e, size_t count, failure *f); /* for so many texts, which the caller fills in */
bool embedding_run(const request *r, embedding *e, const char *param, failure *f);
void embedding_free(request *r, embedding *e);

#endif
