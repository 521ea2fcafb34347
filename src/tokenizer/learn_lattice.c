/* The lattice of a word. Probabilities of beginnings are kept within binary64's range by powers of two; what is
 * expected is found from the end by ratios of neighbours alone, so that no word is too long or too improbable. Sums go
 * over a word's places in their order, and whole numbers add up over words: the result depends on no order of words. */
#include "tokenizer/learn_lattice.h"

#include "base/memory.h"

#include <math.h>

#define SCALE_UP 0x1p512
#define SCALE_DOWN 0x1p-512
#define SCALE_LEAST 0x1p-400

void lattice_free(lattice *l)
{
    mem_free(l->edges);
    mem_free(l->first);
    mem_free(l->forward);
    mem_free(l->inner);
    mem_free(l->scale);
    mem_free(l->back);
    *l = (lattice){0};
}

hearth_status lattice_init(lattice *l, hearth_error *error)
{
    *l = (lattice){.edges = mem_alloc(LATTICE_BYTES * PIECE_BYTES * sizeof *l->edges),
                   .first = mem_calloc(LATTICE_BYTES + 2, sizeof *l->first),
                   .forward = mem_calloc(LATTICE_BYTES + 1, sizeof *l->forward),
                   .inner = mem_calloc(LATTICE_BYTES + 1, sizeof *l->inner),
                   .scale = mem_calloc(LATTICE_BYTES + 1, sizeof *l->scale),
                   .back = mem_calloc(LATTICE_BYTES + 1, sizeof *l->back)};
    if (l->edges == NULL || l->first == NULL || l->forward == NULL || l->inner == NULL || l->scale == NULL ||
        l->back == NULL) {
        lattice_free(l);
        return error_memory(error, LATTICE_BYTES * PIECE_BYTES * sizeof *l->edges);
    }
    return HEARTH_OK;
}

static void find_edges(lattice *l, const char *word, size_t length)
{
    uint32_t count = 0;
    for (size_t at = 0; at < length; at++) {
        l->first[at] = count;
        uint32_t node = 0;
        for (size_t end = at; end < length && double_array_step(l->trie, &node, (unsigned char)word[end]); end++) {
            const int32_t piece = l->trie->units[node].id;
            if (piece >= 0) {
                l->edges[count++] = (lattice_edge){piece, (uint32_t)(end + 1 - at)};
            }
        }
    }
    l->first[length] = count;
}

static double scaled(double value, int32_t steps)
{
    for (; steps > 0; steps--) {
        value *= SCALE_UP;
    }
    for (; steps < 0; steps++) {
        value *= SCALE_DOWN;
    }
    return value;
}

/* forward[at] 2^(-512 scale[at]): the probability of all ways to cut the first `at` bytes. */
static void go_forward(lattice *l, size_t length)
{
    for (size_t at = 0; at <= length; at++) {
        l->forward[at] = 0;
    }
    l->forward[0] = 1;
    l->scale[0] = 0;
    for (size_t at = 0; at < length; at++) {
        while (l->forward[at] < SCALE_LEAST && l->forward[at] > 0) {
            l->forward[at] *= SCALE_UP;
            l->scale[at]++;
        }
        for (uint32_t e = l->first[at]; e < l->first[at + 1]; e++) {
            const size_t end = at + l->edges[e].length;
            const double way = l->forward[at] * l->probabilities[l->edges[e].piece];
            if (l->forward[end] == 0) { /* the first one that comes here is the largest, or near it */
                l->scale[end] = l->scale[at];
            }
            l->forward[end] += scaled(way, l->scale[end] - l->scale[at]);
        }
    }
}

void lattice_expect(lattice *l, const char *word, size_t length, double count, double unit, int64_t *expected)
{
    find_edges(l, word, length);
    go_forward(l, length);
    l->inner[length] = 1;
    for (size_t at = length; at-- > 0;) {
        double sum = 0;
        for (uint32_t e = l->first[at]; e < l->first[at + 1]; e++) {
            const size_t end = at + l->edges[e].length;
            const double way = l->forward[at] * l->probabilities[l->edges[e].piece];
            const double share = scaled(way, l->scale[end] - l->scale[at]) / l->forward[end] * l->inner[end];
            expected[l->edges[e].piece] += (int64_t)(share * count * unit + 0.5);
            sum += share;
        }
        l->inner[at] = sum;
    }
}

double lattice_best(lattice *l, const char *word, size_t length, size_t longest, int32_t *ret, size_t *ret_count)
{
    find_edges(l, word, length);
    for (size_t at = 1; at <= length; at++) {
        l->forward[at] = -INFINITY;
    }
    l->forward[0] = 0;
    for (size_t at = 0; at < length; at++) {
        for (uint32_t e = l->first[at]; e < l->first[at + 1]; e++) {
            const size_t end = at + l->edges[e].length;
            const double score = l->forward[at] + l->scores[l->edges[e].piece];
            if (l->edges[e].length < longest && score > l->forward[end]) {
                l->forward[end] = score;
                l->back[end] = (int32_t)e;
            }
        }
    }
    *ret_count = 0;
    for (size_t at = length; at > 0;) {
        const lattice_edge *edge = &l->edges[l->back[at]];
        ret[(*ret_count)++] = edge->piece;
        at -= edge->length;
    }
    return l->forward[length];
}
