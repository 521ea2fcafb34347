/* Where an answer's words stand in a corpus: spans (trace/answer_spans.h), the documents that have them, and which of
 * these have most to do with question and answer (trace/rank.h). docs/tracing.md. */
#ifndef TRACE_ATTRIBUTE_H
#define TRACE_ATTRIBUTE_H

#include "base/json.h"
#include "trace/rank.h"
#include "trace/answer_spans.h"
#include "trace/trace_index.h"

typedef struct attribution_options {
    answer_spans_options spans; /* its length is set here: tokens, or of an index by bytes alone the words */
    size_t documents;           /* of a span, at most: drawn where there are more */
    uint64_t seed;              /* what draws them */
    size_t context;             /* units of a document that are shown on each side of the match, and ranked */
    rank_levels levels;
} attribution_options;
#define ATTRIBUTION_DEFAULTS                                                                                           \
    ((attribution_options){                                                                                            \
        .spans = ANSWER_SPANS_DEFAULTS, .documents = 10, .seed = 42, .context = 250, .levels = RANK_LEVELS_DEFAULTS})
#define ATTRIBUTION_MOST_DOCUMENTS 1000u
#define ATTRIBUTION_MOST_CONTEXT 10000u
#define ATTRIBUTION_MOST_TEXTS ((size_t)64 << 20) /* bytes of all documents' texts together */
#define ATTRIBUTION_MOST_ANSWER ((size_t)1 << 20) /* bytes */
/* Of hearth serve's clients: of a text without full stops and ends of lines the time grows with the square. */
#define ATTRIBUTION_MOST_ASKED ((size_t)64 << 10)

typedef struct attributed_document {
    trace_document document;
    uint64_t begin;      /* of the match in it, in units */
    buffer text;         /* before, match, after */
    size_t match, after; /* bytes of `text`: where the match begins and ends */
    double score;
    rank_level level;
} attributed_document;

typedef struct attributed_span {
    size_t begin, end; /* bytes of the answer */
    size_t units;
    uint64_t count; /* times that it stands in the corpus */
    double log_probability;
    attributed_document *documents; /* the best first; of each document one place */
    size_t document_count;
    rank_level level; /* its best document's */
} attributed_span;

typedef struct attribution {
    trace_unit unit;
    size_t units;           /* of the answer */
    attributed_span *spans; /* in the order of the text */
    size_t span_count;
} attribution;

/* `prompt` is used for ranking alone. HEARTH_E_LIMIT for a longer answer, or more text. */
hearth_status attribute_answer(const trace_index *x, const rank_text *prompt, const rank_text *answer,
                               const attribution_options *o, attribution *ret, hearth_error *error);
void attribution_free(attribution *a); /* zeroed and half-made ones are allowed */

/* What hearth trace answer --json and /v1/trace say; NULL when memory is out. */
json_t *attribution_json(const attribution *a, const trace_index *x, const rank_text *answer);

#endif
