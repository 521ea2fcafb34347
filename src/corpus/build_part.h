/* What build.c and build_ranks.c share. */
#ifndef CORPUS_BUILD_PART_H
#define CORPUS_BUILD_PART_H

#include "corpus/corpus.h"
#include "corpus/rules.h"
#include "threads/pool.h"

typedef struct build {
    const recipe *r;
    const corpus_options *options;
    manifest_writer *manifest; /* rank 0's */
    rule_list rules;
    thread_pool *pool;
    document *batch; /* [room] */
    size_t room, count;
    thread_range own; /* of the batch: what this process runs rules over */
    uint64_t batch_bytes, documents, bytes;
    size_t stage; /* the rule that runs over the batch; rules.count: the last */
} build;

/* A rule over this process's documents, without its decisions. */
hearth_status build_run_stage(build *b, size_t stage, hearth_error *error);
/* The rule's decisions, in the order of the batch. */
hearth_status build_decide(build *b, size_t stage, hearth_error *error);

/* All rules over a batch, dealt out to the ranks; rank 0 decides. */
hearth_status build_ranks_batch(build *b, hearth_error *error);
/* The other ranks, until rank 0 ends it. */
hearth_status build_ranks_serve(build *b, hearth_error *error);
hearth_status build_ranks_end(build *b, hearth_error *error);

#endif
