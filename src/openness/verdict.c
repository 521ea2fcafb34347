/* The verdicts together, as one JSON value. */
#include "openness/verdict.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *points_word(answer a)
{
    return a == ANSWER_YES ? "meets" : a == ANSWER_NO ? "does not" : "cannot tell";
}

static json_t *text(const char *t)
{
    return t == NULL ? json_null() : json_door_string(t);
}

static json_t *points_json(const verdict_points *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->count; i++) {
        const verdict_point *k = &p->items[i];
        json_t *row = json_pack("{s:s, s:s, s:s}", "id", k->id, "what", k->what, "result", points_word(k->result));
        row = json_door_put(row, "why", text(k->why));
        list = json_door_append(list, json_door_put(row, "place", text(k->place)));
    }
    return list;
}

/* ---- components ---- */

static const char *class_word(licence_class c)
{
    static const char *const words[] = {"open", "unknown", "none", "not open"};
    return words[c];
}

static json_t *findings_json(const component *c)
{
    json_t *list = json_array();
    for (const licence_finding *f = c->findings; f != NULL; f = f->next) {
        json_t *row = json_pack("{s:s}", "terms", class_word(f->verdict.verdict));
        row = json_door_put(row, "licence", text(f->licence));
        row = json_door_put(row, "place", text(f->place));
        list = json_door_append(list, json_door_put(row, "note", text(f->note)));
    }
    return list;
}

static json_t *components_json(const subject *s, const mof_result *mof)
{
    static const char *const words[] = {"no", "elsewhere", "yes"};
    json_t *list = json_array();
    for (size_t i = 0; i < COMPONENT_KINDS; i++) {
        const component *c = &s->components[i];
        const component_row *r = &component_rows[i];
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:b}", "key", r->key, "name", r->name, "content",
                                component_content_name(r->content), "there", words[c->there], "class", r->mof_class,
                                "required", r->required, "counted", (int)mof->included[i]);
        row = json_door_put(row, "warned", json_boolean(mof->warned[i]));
        row = json_door_put(row, "place", text(c->place));
        row = json_door_put(row, "detail", text(c->detail));
        row = json_door_put(row, "licence", text(c->licence));
        row = json_door_put(row, "terms", text(c->there == ANSWER_YES ? class_word(c->terms.verdict) : NULL));
        row = json_door_put(row, "why", text(c->there == ANSWER_YES ? c->terms.why : NULL));
        row = json_door_put(row, "conflict", text(c->conflict));
        list = json_door_append(list, json_door_put(row, "findings", findings_json(c)));
    }
    return list;
}

static json_t *bases_json(const subject *s)
{
    json_t *list = json_array();
    for (const base_model *b = s->bases; b != NULL; b = b->next) {
        json_t *row =
            json_pack("{s:s, s:b}", "terms", class_word(b->terms.verdict), "looked_at", (int)(b->path != NULL));
        row = json_door_put(row, "name", text(b->name));
        row = json_door_put(row, "place", text(b->place));
        row = json_door_put(row, "licence", text(b->licence));
        list = json_door_append(list, json_door_put(row, "why", text(b->terms.why)));
    }
    return list;
}

static json_t *checks_json(const subject *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->check_count; i++) {
        json_t *row = json_pack("{s:s, s:b}", "what", s->checks[i].what, "ok", (int)s->checks[i].ok);
        list = json_door_append(list, json_door_put(row, "detail", text(s->checks[i].detail)));
    }
    return list;
}

static json_t *mof_json(const mof_result *m)
{
    json_t *counts = json_array();
    for (int k = 3; k >= 1; k--) {
        counts =
            json_door_append(counts, json_pack("{s:i, s:s, s:i, s:i}", "class", k, "name", verdict_mof_name(k),
                                               "included", (int)m->counts[k].included, "of", (int)m->counts[k].of));
    }
    json_t *value = json_pack("{s:i, s:s}", "class", m->class_number, "name", verdict_mof_name(m->class_number));
    return json_door_put(value, "counts", counts);
}

static json_t *osaid_json(answer result, const verdict_points *p)
{
    json_t *value = json_pack("{s:s, s:s}", "version", "1.0", "result", points_word(result));
    return json_door_put(value, "points", points_json(p));
}

static json_t *eu_json(const subject *s, answer result, const verdict_points *p)
{
    const char *word = result == ANSWER_YES ? "exempt" : result == ANSWER_NO ? "not exempt" : "cannot tell";
    json_t *value = json_pack("{s:s}", "result", word);
    value = json_door_put(value, "training_flop", json_door_number(s->flop));
    value = json_door_put(value, "above_1e23", isnan(s->flop) ? json_null() : json_boolean(s->flop > FLOP_GENERAL));
    value = json_door_put(value, "above_1e25", isnan(s->flop) ? json_null() : json_boolean(s->flop > FLOP_SYSTEMIC));
    return json_door_put(value, "points", points_json(p));
}

/* ---- the plain word ---- */

static const char *plain_word(const subject *s, answer osaid)
{
    const component *c = &s->components[COMPONENT_PARAMETERS];
    bool open = c->there == ANSWER_YES && c->terms.verdict == LICENCE_OPEN;
    for (const base_model *b = s->bases; b != NULL; b = b->next) {
        open = open && b->terms.verdict != LICENCE_CLOSED;
    }
    return osaid == ANSWER_YES ? "open source" : open ? "open weights" : "closed terms";
}

/* The point that the word rests on: closed terms are those of the parameters, or of what they were made from; else the
 * first point that fails. NULL: none fails. */
static const verdict_point *word_point(const subject *s, const char *word, const verdict_points *p,
                                       const verdict_point *first)
{
    if (strcmp(word, "closed terms") != 0) {
        return first;
    }
    const component *c = &s->components[COMPONENT_PARAMETERS];
    const char *id = c->there == ANSWER_YES && c->terms.verdict == LICENCE_OPEN ? "base" : "parameters";
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->items[i].id, id) == 0) {
            return &p->items[i];
        }
    }
    return first;
}

static void plain_reason(const char *word, const verdict_point *point, char *ret, size_t size)
{
    if (strcmp(word, "open source") == 0 || point == NULL) {
        (void)snprintf(ret, size, "every point of the Open Source AI Definition 1.0 is met");
    } else if (strcmp(word, "open weights") == 0) {
        (void)snprintf(ret, size, "the parameters are under open terms; %s: %s", point->what, point->why);
    } else {
        (void)snprintf(ret, size, "%s: %s", point->what, point->why);
    }
}

static json_t *claim_json(const subject *s, const char *word, answer osaid, const verdict_point *first)
{
    if (s->claim == NULL) {
        return json_null();
    }
    char told[1024];
    const char *which = first != NULL ? first->what : "";
    if (osaid == ANSWER_YES) {
        (void)snprintf(told, sizeof told, "It calls itself open source, and it is.");
    } else if (osaid == ANSWER_NO) {
        (void)snprintf(
            told, sizeof told,
            "It calls itself open source (%s). By the Open Source AI Definition 1.0 it is not yet: %s: %s%s%s%s. The "
            "words \"%s\" would be true of it.",
            s->claim_place, which, first->why, first->place[0] != '\0' ? " (" : "", first->place,
            first->place[0] != '\0' ? ")" : "", word);
    } else {
        (void)snprintf(told, sizeof told,
                       "It calls itself open source (%s). What is here does not show it: %s: %s. Until then the words "
                       "\"%s\" are true of it.",
                       s->claim_place, which, first->why, word);
    }
    json_t *value = json_pack("{s:b}", "holds", (int)(osaid == ANSWER_YES));
    value = json_door_put(value, "place", text(s->claim_place));
    return json_door_put(value, "told", text(told));
}

hearth_status verdict_make(const subject *s, json_t **ret, hearth_error *error)
{
    static const char *const kinds[] = {"folder", "GGUF", "description"};
    verdict_points osaid;
    verdict_points eu;
    mof_result mof;
    const verdict_point *first = NULL;
    const verdict_point *first_eu = NULL;
    verdict_osaid(s, &osaid);
    verdict_eu(s, &eu);
    verdict_mof(s, &mof);
    const answer result = verdict_together(&osaid, &first);
    const answer exempt = verdict_together(&eu, &first_eu);
    const char *word = plain_word(s, result);
    char reason[1024];
    const verdict_point *point = word_point(s, word, &osaid, first);
    plain_reason(word, point, reason, sizeof reason);
    json_t *value = json_pack("{s:s, s:s}", "kind", kinds[s->kind], "verdict", word);
    value = json_door_put(value, "name", text(s->name));
    value = json_door_put(value, "reason", text(reason));
    value = json_door_put(value, "place", text(point != NULL ? point->place : ""));
    value = json_door_put(value, "claim", claim_json(s, word, result, first));
    value = json_door_put(value, "osaid", osaid_json(result, &osaid));
    value = json_door_put(value, "mof", mof_json(&mof));
    value = json_door_put(value, "eu", eu_json(s, exempt, &eu));
    value = json_door_put(value, "components", components_json(s, &mof));
    value = json_door_put(value, "base_models", bases_json(s));
    value = json_door_put(value, "checks", checks_json(s));
    value = json_door_put(value, "reproduced", json_boolean(s->reproduced));
    value = json_door_put(value, "by_description", json_boolean(s->kind == SUBJECT_DESCRIPTION));
    *ret = value;
    return value == NULL ? error_memory(error, 0) : HEARTH_OK;
}
