/* Verdicts on a subject: the Open Source AI Definition 1.0 point by point, the Model Openness Framework's class, the
 * open-source exemption of the European Union's AI Act, and one plain word. Each point with a reason and a place.
 * docs/openness.md tells the rules; nothing here is legal advice. */
#ifndef OPENNESS_VERDICT_H
#define OPENNESS_VERDICT_H

#include "base/json.h"
#include "openness/subject.h"

/* An object (docs/openness.md, "As JSON"); the caller owns it. */
hearth_status verdict_make(const subject *s, json_t **ret, hearth_error *error);

/* What stands below the checks of a model that was not made again here. */
#define VERDICT_NOT_REPRODUCED                                                                                         \
    "not reproduced here (--reproduce): hashes that hold show that the files agree with each other, not that this "    \
    "recipe made the weights"

/* One page that needs no other, to be read on a screen and on paper. */
hearth_status verdict_html(const json_t *verdict, buffer *out, hearth_error *error);

/* ---- the parts ---- */

#define VERDICT_POINTS 24
typedef struct verdict_point {
    const char *id, *what;
    answer result;
    const char *why, *place; /* place: "" where there is none */
} verdict_point;
typedef struct verdict_points {
    verdict_point items[VERDICT_POINTS];
    size_t count;
} verdict_points;

void verdict_add(verdict_points *p, const char *id, const char *what, answer result, const char *why,
                 const char *place);
/* NO where one is, else UNKNOWN where one is, else YES. *ret_first: the first that is not YES; NULL: none. */
answer verdict_together(const verdict_points *p, const verdict_point **ret_first);

/* Whether a component is there under terms that the definition asks for: an OSI-approved licence for code, open terms
 * for the rest. */
answer verdict_component(const subject *s, component_kind kind, const char **ret_why, const char **ret_place);

void verdict_osaid(const subject *s, verdict_points *ret);
void verdict_eu(const subject *s, verdict_points *ret);

typedef struct mof_count {
    unsigned included, of;
} mof_count;
typedef struct mof_result {
    int class_number;    /* 3, 2, 1; 0: none */
    mof_count counts[4]; /* [1], [2], [3]: of all classes up to that one */
    bool included[COMPONENT_KINDS];
    bool warned[COMPONENT_KINDS]; /* under a licence for another kind of content */
} mof_result;
void verdict_mof(const subject *s, mof_result *ret);
const char *verdict_mof_name(int class_number);

#define FLOP_GENERAL 1e23  /* C(2025) 5045: above it a model that writes language is taken to be of general purpose */
#define FLOP_SYSTEMIC 1e25 /* Article 51(2): above it systemic risk is presumed */

#endif
