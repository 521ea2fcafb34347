/* The shares of each rank. */
#include "train/shares.h"

#include "base/memory.h"

#define UNITS 4u  /* parts of the tree for each rank, at least, where its number is no power of two */
#define ALIGN 16u /* values: a line of memory */

static uint32_t power_from(uint32_t n)
{
    uint32_t power = 1;
    while (power < n) {
        power *= 2;
    }
    return power;
}

/* Equal parts of the tree that are dealt out: one a rank, or where the ranks are no power of two enough that few wait
 * for the last. */
static uint32_t units_for(uint32_t ranks, uint32_t micro_batches)
{
    const uint32_t power = power_from(ranks);
    const uint64_t units = power == ranks ? power : (uint64_t)UNITS * power;
    return units < micro_batches ? (uint32_t)units : micro_batches;
}

/* The largest subtrees that make up micro-batches [begin, end). */
static size_t cut(uint32_t begin, uint32_t end, shares_subtree *to)
{
    size_t count = 0;
    while (begin < end) {
        uint32_t size = 1;
        while (begin % (2 * size) == 0 && 2 * size <= end - begin) {
            size *= 2;
        }
        to[count++] = (shares_subtree){begin, size};
        begin += size;
    }
    return count;
}

static hearth_status deal_subtrees(uint32_t micro_batches, shares_plan *p, hearth_error *error)
{
    const uint32_t units = units_for((uint32_t)p->ranks, micro_batches);
    const uint32_t each = micro_batches / units;
    p->subtrees = mem_calloc(units, sizeof *p->subtrees);
    if (p->subtrees == NULL) {
        return error_memory(error, units * sizeof *p->subtrees);
    }
    for (int r = 0; r < p->ranks; r++) {
        const thread_range own = thread_split(units, 1, r, p->ranks);
        p->owned[r + 1] =
            p->owned[r] + cut((uint32_t)own.begin * each, (uint32_t)own.end * each, p->subtrees + p->owned[r]);
    }
    return HEARTH_OK;
}

/* What a value costs whom it belongs to: Muon's products go with the shorter side. */
static uint64_t cost_of(const recipe_train *how, const train_parameter *t, bool *ret_whole)
{
    *ret_whole = how->optimizer == OPTIMIZER_MUON && t->matrix;
    return *ret_whole ? (t->rows < t->cols ? t->rows : t->cols) : 1;
}

/* The first place, from `*at` on, where a slice may end with about `target` of cost before it; `*before`: the cost of
 * what is before parameter *p. */
static uint64_t place_of(const recipe_train *how, const train_parameter *table, size_t count, uint64_t target,
                         size_t *p, uint64_t *before)
{
    for (; *p < count; (*p)++) {
        bool whole = false;
        const train_parameter *t = &table[*p];
        const uint64_t n = t->rows * t->cols;
        const uint64_t cost = cost_of(how, t, &whole);
        if (*before + n * cost > target) {
            const uint64_t into = (target - *before) / cost;
            if (!whole) {
                return t->offset + into / ALIGN * ALIGN;
            }
            return t->offset + (2 * into < n ? 0 : n);
        }
        *before += n * cost;
    }
    return table[count - 1].offset + table[count - 1].rows * table[count - 1].cols;
}

static void deal_values(const recipe_train *how, const train_parameter *table, size_t count, shares_plan *p)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        bool whole = false;
        total += table[i].rows * table[i].cols * cost_of(how, &table[i], &whole);
    }
    const train_parameter *last = &table[count - 1];
    const uint64_t ranks = (uint64_t)p->ranks;
    size_t at = 0;
    uint64_t before = 0;
    for (uint64_t r = 1; r < ranks; r++) {
        const uint64_t target = total / ranks * r + total % ranks * r / ranks;
        const uint64_t place = place_of(how, table, count, target, &at, &before);
        p->bounds[r] = place > p->bounds[r - 1] ? place : p->bounds[r - 1];
    }
    p->bounds[ranks] = last->offset + last->rows * last->cols;
}

hearth_status shares_plan_make(const recipe_train *how, const train_parameter *table, size_t count, int ranks,
                               shares_plan *ret, hearth_error *error)
{
    const size_t places = (size_t)ranks + 1;
    *ret = (shares_plan){.ranks = ranks,
                         .bounds = mem_calloc(places, sizeof *ret->bounds),
                         .owned = mem_calloc(places, sizeof *ret->owned)};
    if (ret->bounds == NULL || ret->owned == NULL) {
        return error_memory(error, places * sizeof *ret->bounds);
    }
    deal_values(how, table, count, ret);
    return deal_subtrees(how->micro_batches, ret, error);
}

void shares_plan_free(shares_plan *p)
{
    mem_free(p->bounds);
    mem_free(p->subtrees);
    mem_free(p->owned);
    *p = (shares_plan){0};
}
