/* How much documents have to do with a question and its answer: BM25 (Robertson and Zaragoza, 2009) over those alone
 * that are ranked. docs/tracing.md, "How documents are ranked". */
#ifndef TRACE_RANK_H
#define TRACE_RANK_H

#include "base/error.h"

typedef struct rank_text {
    const char *text;
    size_t length;
} rank_text;

#define RANK_K1 1.5
#define RANK_B 0.75

/* scores[i] of documents[i]: the sum over the query's words, each as often as it stands there, of
 *   ln(1 + (N - n + 0.5) / (n + 0.5)) * f * (k1 + 1) / (f + k1 * (1 - b + b * words / mean words))
 * with n of the N documents having the word and f its number in this one. Words are runs of letters, digits and bytes
 * of longer characters; ASCII's capitals count as small. The same bits on every machine. */
hearth_status rank_bm25(const rank_text *documents, size_t count, const rank_text *query, double *scores,
                        hearth_error *error);

typedef enum rank_level { RANK_LOW, RANK_MEDIUM, RANK_HIGH } rank_level;
/* A score over 0.18 times the answer's characters: from 0.5 medium, from 0.7 high (OLMoTrace's). */
typedef struct rank_levels {
    double per_character, medium, high;
} rank_levels;
#define RANK_LEVELS_DEFAULTS ((rank_levels){.per_character = 0.18, .medium = 0.5, .high = 0.7})
rank_level rank_level_of(const rank_levels *l, double score, size_t answer_characters);
const char *rank_level_name(rank_level level); /* "low", "medium", "high" */

#endif
