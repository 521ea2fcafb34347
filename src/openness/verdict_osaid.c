/* The Open Source AI Definition 1.0 (Open Source Initiative, 28 October 2024), as the checklist of its makers has it.
 */
#include "openness/verdict.h"

#include <string.h>

void verdict_add(verdict_points *p, const char *id, const char *what, answer result, const char *why, const char *place)
{
    if (p->count < VERDICT_POINTS) {
        p->items[p->count++] = (verdict_point){id, what, result, why != NULL ? why : "", place != NULL ? place : ""};
    }
}

answer verdict_together(const verdict_points *p, const verdict_point **ret_first)
{
    answer all = ANSWER_YES;
    *ret_first = NULL;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].result < all) {
            all = p->items[i].result;
            *ret_first = &p->items[i];
        }
    }
    return all;
}

answer verdict_component(const subject *s, component_kind kind, const char **ret_why, const char **ret_place)
{
    const component *c = &s->components[kind];
    *ret_place = c->there == ANSWER_NO ? "" : c->place;
    if (c->there == ANSWER_NO) {
        *ret_why =
            s->kind == SUBJECT_DESCRIPTION ? "not released" : "not found here, and nothing here tells where it is";
        return ANSWER_NO;
    }
    if (c->there == ANSWER_UNKNOWN) {
        *ret_why = c->detail != NULL ? c->detail : "named, and not here to be looked at";
        return ANSWER_UNKNOWN;
    }
    *ret_place = c->terms_place != NULL ? c->terms_place : c->place;
    switch (c->terms.verdict) {
    case LICENCE_NONE:
        *ret_why = "there, but under no licence that is named: nobody may use it";
        return ANSWER_NO;
    case LICENCE_UNKNOWN:
        *ret_why = c->terms.why;
        return ANSWER_UNKNOWN;
    case LICENCE_CLOSED:
        *ret_why = c->terms.why;
        return ANSWER_NO;
    default:
        break;
    }
    if (component_rows[kind].content == CONTENT_CODE && !c->terms.allowed_code) {
        *ret_why = "its licence is not one for code that the Open Source Initiative has approved";
        return ANSWER_NO;
    }
    *ret_why = c->detail != NULL ? c->detail : "there, under open terms";
    return ANSWER_YES;
}

static void add_component(const subject *s, component_kind kind, const char *id, const char *what, verdict_points *ret)
{
    const char *why = NULL;
    const char *place = NULL;
    const answer a = verdict_component(s, kind, &why, &place);
    verdict_add(ret, id, what, a, why, place);
}

/* The terms of what describes the data: one paper, or the data, under open terms is enough. */
static void add_data_terms(const subject *s, verdict_points *ret)
{
    static const component_kind papers[] = {COMPONENT_DATA_CARD, COMPONENT_TECHNICAL_REPORT, COMPONENT_RESEARCH_PAPER,
                                            COMPONENT_DATASETS};
    answer best = ANSWER_NO;
    bool any = false;
    const char *why = "no description of the data is released";
    const char *place = "";
    for (size_t i = 0; i < sizeof papers / sizeof *papers; i++) {
        const component *c = &s->components[papers[i]];
        if (c->there != ANSWER_YES) {
            continue;
        }
        const answer a = c->terms.verdict == LICENCE_OPEN     ? ANSWER_YES
                         : c->terms.verdict == LICENCE_CLOSED ? ANSWER_NO
                                                              : ANSWER_UNKNOWN;
        if (!any || a > best) {
            best = a;
            why = a == ANSWER_YES ? component_rows[papers[i]].name : c->terms.why;
            place = c->terms_place != NULL ? c->terms_place : c->place;
        }
        any = true;
    }
    if (!any && s->data[0].value != ANSWER_NO) {
        best = ANSWER_UNKNOWN;
        why = "no data card, report or paper is here";
    }
    verdict_add(ret, "data-terms", "the data information is under open terms", best, why, place);
}

static void add_libraries(const subject *s, verdict_points *ret)
{
    const char *why = NULL;
    const char *place = NULL;
    answer a = verdict_component(s, COMPONENT_LIBRARIES, &why, &place);
    if (s->components[COMPONENT_LIBRARIES].there == ANSWER_NO) {
        a = verdict_component(s, COMPONENT_TRAINING_CODE, &why, &place);
        why = a == ANSWER_YES ? "those that the training code names" : "the code that would name them is missing, too";
    }
    verdict_add(ret, "code-libraries", "code: supporting libraries and tools", a, why, place);
}

static void add_bases(const subject *s, verdict_points *ret)
{
    if (s->bases == NULL) {
        return;
    }
    const base_model *worst = s->bases;
    for (const base_model *b = s->bases; b != NULL; b = b->next) {
        worst = licence_narrowness(&b->terms) > licence_narrowness(&worst->terms) ? b : worst;
    }
    const answer a = worst->terms.verdict == LICENCE_OPEN     ? ANSWER_YES
                     : worst->terms.verdict == LICENCE_CLOSED ? ANSWER_NO
                                                              : ANSWER_UNKNOWN;
    verdict_add(ret, "base", "the models that it was made from are under open terms", a,
                a == ANSWER_YES ? worst->name : worst->terms.why, worst->place);
}

void verdict_osaid(const subject *s, verdict_points *ret)
{
    static const char *const names[] = {"data: all training data is described",
                                        "data: what is public is listed, with where it is",
                                        "data: what can be had from others is listed, with where"};
    static const char *const ids[] = {"data-description", "data-public", "data-obtainable"};
    *ret = (verdict_points){0};
    add_component(s, COMPONENT_PARAMETERS, "parameters", "parameters", ret);
    add_bases(s, ret);
    for (size_t i = 0; i < 3; i++) {
        verdict_add(ret, ids[i], names[i], s->data[i].value, s->data[i].why, s->data[i].place);
    }
    add_data_terms(s, ret);
    add_component(s, COMPONENT_PREPROCESSING, "code-data", "code: data processing and filtering", ret);
    add_component(s, COMPONENT_TRAINING_CODE, "code-training", "code: training, validation and testing", ret);
    add_component(s, COMPONENT_INFERENCE_CODE, "code-inference", "code: inference", ret);
    add_libraries(s, ret);
    add_component(s, COMPONENT_ARCHITECTURE, "architecture", "code: architecture", ret);
}
