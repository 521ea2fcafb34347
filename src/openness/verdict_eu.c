/* The exemption of models under a free and open-source licence: Regulation (EU) 2024/1689, Article 53(2), by the
 * Commission's guidelines C(2025) 5045, paragraphs 76 to 92. */
#include "openness/verdict.h"

#include <math.h>
#include <string.h>

static bool has(const char *codes, const char *letters)
{
    return codes != NULL && strpbrk(codes, letters) != NULL;
}

/* A kind of clause that ends the exemption, or that a person has to weigh. */
static void add_clause(const subject *s, const char *letters, answer if_there, const char *id, const char *what,
                       verdict_points *ret)
{
    const component *c = &s->components[COMPONENT_PARAMETERS];
    const licence_verdict *t = &c->terms;
    const char *place = c->terms_place;
    for (const base_model *b = s->bases; b != NULL; b = b->next) {
        if (b->terms.verdict == LICENCE_CLOSED && has(b->terms.codes, letters)) {
            t = &b->terms;
            place = b->place;
        }
    }
    if (t->verdict == LICENCE_NONE) {
        verdict_add(ret, id, what, ANSWER_NO, "no licence is named: nothing is allowed", place);
    } else if (t->verdict == LICENCE_UNKNOWN) {
        verdict_add(ret, id, what, ANSWER_UNKNOWN, t->why, place);
    } else if (has(t->codes, letters)) {
        verdict_add(ret, id, what, if_there, t->why, place);
    } else {
        verdict_add(ret, id, what, ANSWER_YES, "no such clause", place);
    }
}

static void add_public(const subject *s, verdict_points *ret)
{
    const component *p = &s->components[COMPONENT_PARAMETERS];
    const component *a = &s->components[COMPONENT_ARCHITECTURE];
    verdict_add(ret, "parameters", "parameters are public", p->there, p->there == ANSWER_YES ? "here" : "not released",
                p->place);
    verdict_add(ret, "architecture", "information on the architecture is public",
                a->there != ANSWER_NO ? ANSWER_YES : ANSWER_NO,
                a->there != ANSWER_NO ? "told" : "nothing is told of it", a->place);
    verdict_add(ret, "usage", "usage is told: inputs, outputs, abilities, limits, how to build it in", s->usage,
                s->usage == ANSWER_YES  ? "the card has a part on each"
                : s->usage == ANSWER_NO ? "nothing is told"
                                        : "the card lacks a part on one of them, or there is none",
                s->usage_place);
}

void verdict_eu(const subject *s, verdict_points *ret)
{
    *ret = (verdict_points){0};
    add_clause(s, "NS", ANSWER_NO, "commercial", "commercial use is allowed", ret);
    add_clause(s, "MC", ANSWER_NO, "share", "changing and sharing are allowed", ret);
    add_clause(s, "U", ANSWER_NO, "users", "no limit by number of users or revenue", ret);
    add_clause(s, "HGO", ANSWER_NO, "scope", "no use, place or output that needs another licence", ret);
    add_clause(s, "FDT", ANSWER_UNKNOWN, "safety",
               "what else is restricted is proportionate, for safety (a person must weigh that)", ret);
    add_public(s, ret);
    verdict_add(ret, "money", "access is not sold, directly or by the back door",
                s->monetised == ANSWER_UNKNOWN ? ANSWER_UNKNOWN
                : s->monetised == ANSWER_YES   ? ANSWER_NO
                                               : ANSWER_YES,
                s->monetised == ANSWER_UNKNOWN ? "only a person can tell" : "its describer says so",
                s->monetised == ANSWER_UNKNOWN ? "" : "openness, monetised");
    const bool known = !isnan(s->flop);
    verdict_add(ret, "systemic", "no systemic risk: at most 10^25 FLOP of training",
                !known                    ? ANSWER_UNKNOWN
                : s->flop > FLOP_SYSTEMIC ? ANSWER_NO
                                          : ANSWER_YES,
                !known ? "the compute of its training is not told" : "computed or told", known ? s->flop_place : "");
}
