/* What shares.c and shares_state.c share. */
#ifndef TRAIN_SHARES_PART_H
#define TRAIN_SHARES_PART_H

#include "train/shares.h"

struct shares {
    group *group;
    engine *engine;
    const shares_plan *plan;
    float *values;
    uint64_t count;
    int rank, ranks;
    size_t longest;     /* values whose sums a rank makes, at most */
    size_t piece;       /* of them at once */
    float **gradients;  /* [this rank's subtrees][count] */
    train_loss *losses; /* [all subtrees] */
    float **at;         /* [all subtrees]: their sums, of a piece */
    float *room;        /* [others' subtrees][piece] */
    float *reduced;     /* [longest] */
    group_part *send, *receive;
};

#endif
