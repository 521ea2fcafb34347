/* Gradients in, weights out: what ranks tell each other in a step. */
#include "train/shares.h"

#include "base/memory.h"
#include "kernels/optimize.h"
#include "platform/pages.h"
#include "train/shares_part.h"
#include "train/train_sum.h"

#include <string.h>

#define ROOM_VALUES ((size_t)16 << 20) /* of pieces that others' sums are received in, about */
#define PEERS 32                       /* that a rank talks to at once */
#define DEPTH 64                       /* of a tree of 2^32 micro-batches, with room */

/* ---- making ---- */

/* Values whose sums rank r makes: its slice, and the rest of the last block that begins in it. */
static uint64_t sums_end(const shares *s, int r)
{
    const uint64_t begin = s->plan->bounds[r];
    const uint64_t end = s->plan->bounds[r + 1];
    const uint64_t whole = (end + OPTIMIZE_BLOCK - 1) / OPTIMIZE_BLOCK * OPTIMIZE_BLOCK;
    return end == begin ? end : whole < s->count ? whole : s->count;
}

static size_t own_subtrees(const shares *s)
{
    return (size_t)(s->plan->owned[s->rank + 1] - s->plan->owned[s->rank]);
}

static hearth_status allocate(shares *s, hearth_error *error)
{
    const size_t all = (size_t)s->plan->owned[s->ranks];
    const size_t own = own_subtrees(s);
    for (int r = 0; r < s->ranks; r++) {
        const size_t sums = (size_t)(sums_end(s, r) - s->plan->bounds[r]);
        s->longest = sums > s->longest ? sums : s->longest;
    }
    const size_t fits = ROOM_VALUES / all / OPTIMIZE_BLOCK * OPTIMIZE_BLOCK;
    s->piece = fits > OPTIMIZE_BLOCK ? fits : OPTIMIZE_BLOCK;
    s->piece = s->piece < s->longest ? s->piece : s->longest;
    size_t room = 0;
    if (!size_mul(all - own, s->piece, &room) || !size_mul(room + 1, sizeof(float), &room)) {
        return error_memory(error, SIZE_MAX);
    }
    s->gradients = mem_calloc(own + 1, sizeof *s->gradients);
    s->losses = mem_calloc(all, sizeof *s->losses);
    s->at = mem_calloc(all, sizeof *s->at);
    s->send = mem_calloc(PEERS * own + 1, sizeof *s->send);
    s->receive = mem_calloc(all, sizeof *s->receive);
    s->room = mem_alloc_aligned(room, 64);
    s->reduced = mem_alloc_aligned((s->longest + 1) * sizeof(float), 64);
    if (s->gradients == NULL || s->losses == NULL || s->at == NULL || s->send == NULL || s->receive == NULL ||
        s->room == NULL || s->reduced == NULL) {
        return error_memory(error, room);
    }
    for (size_t i = 0; i < own; i++) {
        s->gradients[i] = pages_alloc((size_t)s->count * sizeof(float));
        if (s->gradients[i] == NULL) {
            return error_memory(error, (size_t)s->count * sizeof(float));
        }
    }
    return HEARTH_OK;
}

hearth_status shares_create(group *g, engine *e, const shares_plan *plan, float *values, uint64_t count, shares **ret,
                            hearth_error *error)
{
    shares *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    *s = (shares){.group = g,
                  .engine = e,
                  .plan = plan,
                  .values = values,
                  .count = count,
                  .rank = group_rank(g),
                  .ranks = group_count(g)};
    const hearth_status status = allocate(s, error);
    if (status != HEARTH_OK) {
        shares_free(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

void shares_free(shares *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; s->gradients != NULL && i < own_subtrees(s); i++) {
        pages_free(s->gradients[i], (size_t)s->count * sizeof(float));
    }
    mem_free(s->gradients);
    mem_free(s->losses);
    mem_free(s->at);
    mem_free(s->send);
    mem_free(s->receive);
    mem_free(s->room);
    mem_free(s->reduced);
    mem_free(s);
}

float *shares_gradient(shares *s, size_t i)
{
    return s->gradients[i];
}

/* ---- along the tree ---- */

/* Two siblings, the left one first, as soon as both are there: `count` halves what is left of the tree. */
static bool are_siblings(const shares_subtree *left, const shares_subtree *right)
{
    return left->count == right->count && left->first % (2 * left->count) == 0;
}

/* s->at[i]: `count` values of subtree i's sum; the whole tree's are where it returns. */
static float *add_subtrees(shares *s, size_t count)
{
    shares_subtree stack[DEPTH];
    float *at[DEPTH];
    size_t depth = 0;
    for (size_t i = 0; i < s->plan->owned[s->ranks]; i++) {
        stack[depth] = s->plan->subtrees[i];
        at[depth++] = s->at[i];
        while (depth > 1 && are_siblings(&stack[depth - 2], &stack[depth - 1])) {
            train_sum(NULL, s->engine, at[depth - 2], at[depth - 1], count);
            stack[--depth - 1].count *= 2;
        }
    }
    return at[0];
}

static train_loss add_losses(const shares *s)
{
    shares_subtree stack[DEPTH];
    train_loss at[DEPTH];
    size_t depth = 0;
    for (size_t i = 0; i < s->plan->owned[s->ranks]; i++) {
        stack[depth] = s->plan->subtrees[i];
        at[depth++] = s->losses[i];
        while (depth > 1 && are_siblings(&stack[depth - 2], &stack[depth - 1])) {
            at[depth - 2].sum += at[depth - 1].sum;
            at[depth - 2].z_sum += at[depth - 1].z_sum;
            at[depth - 2].targets += at[depth - 1].targets;
            stack[--depth - 1].count *= 2;
        }
    }
    return at[0];
}

/* ---- gradients ---- */

/* The part of rank r's slice that is piece `piece`. */
static thread_range piece_of(const shares *s, int r, size_t piece)
{
    const uint64_t all = sums_end(s, r) - s->plan->bounds[r];
    const uint64_t begin = (uint64_t)piece * s->piece < all ? (uint64_t)piece * s->piece : all;
    const uint64_t left = all - begin;
    const uint64_t end = begin + (left < s->piece ? left : s->piece);
    return (thread_range){(size_t)(s->plan->bounds[r] + begin), (size_t)(s->plan->bounds[r] + end)};
}

/* Rank r's subtrees, of this rank's piece; they lie behind each other in the room. */
static size_t want_from(shares *s, int r, size_t count, size_t *room, group_part *to)
{
    size_t parts = 0;
    for (size_t i = (size_t)s->plan->owned[r]; i < s->plan->owned[r + 1]; i++) {
        s->at[i] = s->room + *room;
        *room += count;
        to[parts++] = (group_part){r, s->at[i], count * sizeof(float)};
    }
    return parts;
}

static size_t give_to(shares *s, int r, size_t piece, group_part *to)
{
    const thread_range theirs = piece_of(s, r, piece);
    for (size_t i = 0; i < own_subtrees(s); i++) {
        to[i] = (group_part){r, s->gradients[i] + theirs.begin, (theirs.end - theirs.begin) * sizeof(float)};
    }
    return own_subtrees(s);
}

/* To the ranks behind this one, from those before it: nobody is everybody's first. */
static hearth_status exchange_piece(shares *s, size_t piece, hearth_error *error)
{
    const thread_range own = piece_of(s, s->rank, piece);
    size_t room = 0;
    for (int from = 1; from < s->ranks; from += PEERS) {
        size_t sends = 0;
        size_t receives = 0;
        for (int k = from; k < s->ranks && k < from + PEERS; k++) {
            sends += give_to(s, (s->rank + k) % s->ranks, piece, s->send + sends);
            receives +=
                want_from(s, (s->rank + s->ranks - k) % s->ranks, own.end - own.begin, &room, s->receive + receives);
        }
        TRY(group_exchange(s->group, s->send, sends, s->receive, receives, error));
    }
    return HEARTH_OK;
}

static hearth_status reduce_piece(shares *s, size_t piece, hearth_error *error)
{
    const thread_range own = piece_of(s, s->rank, piece);
    const size_t count = own.end - own.begin;
    TRY(exchange_piece(s, piece, error));
    if (count > 0) {
        for (size_t i = 0; i < own_subtrees(s); i++) {
            s->at[s->plan->owned[s->rank] + i] = s->gradients[i] + own.begin;
        }
        memcpy(s->reduced + (own.begin - (size_t)s->plan->bounds[s->rank]), add_subtrees(s, count),
               count * sizeof(float));
    }
    return HEARTH_OK;
}

hearth_status shares_reduce(shares *s, const train_loss *own, const float **ret_gradient, train_loss *ret_loss,
                            hearth_error *error)
{
    memcpy(s->losses + s->plan->owned[s->rank], own, own_subtrees(s) * sizeof *own);
    TRY(group_collect(s->group, s->losses, sizeof *s->losses, s->plan->owned, error));
    *ret_loss = s->rank == 0 ? add_losses(s) : (train_loss){0};
    TRY(group_broadcast(s->group, ret_loss, sizeof *ret_loss, error));
    for (size_t piece = 0; piece * s->piece < s->longest; piece++) {
        TRY(reduce_piece(s, piece, error));
    }
    *ret_gradient = s->reduced;
    return HEARTH_OK;
}

/* ---- weights ---- */

static group_part slice_of(const shares *s, int owner, int peer)
{
    const uint64_t begin = s->plan->bounds[owner];
    return (group_part){peer, s->values + begin, (size_t)(s->plan->bounds[owner + 1] - begin) * sizeof(float)};
}

hearth_status shares_spread(shares *s, hearth_error *error)
{
    for (int from = 1; from < s->ranks; from += PEERS) {
        group_part send[PEERS];
        group_part receive[PEERS];
        size_t count = 0;
        for (int k = from; k < s->ranks && k < from + PEERS; k++) {
            const int before = (s->rank + s->ranks - k) % s->ranks;
            send[count] = slice_of(s, s->rank, (s->rank + k) % s->ranks);
            receive[count++] = slice_of(s, before, before);
        }
        TRY(group_exchange(s->group, send, count, receive, count, error));
    }
    return HEARTH_OK;
}
