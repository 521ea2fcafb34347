/* What all kinds of subjects share: findings of licences, and which of them counts. */
#include "openness/subject.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/model_files.h"
#include "platform/file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SUBJECT_BYTES ((size_t)256 << 20)

char *subject_format(subject *s, hearth_error *error, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = arena_strndup(s->a, text, strlen(text));
    if (copy == NULL) {
        (void)error_memory(error, strlen(text));
    }
    return copy;
}

void subject_found(subject *s, component_kind kind, const char *place, const char *detail)
{
    component *c = &s->components[kind];
    if (c->there != ANSWER_YES) {
        c->there = ANSWER_YES;
        c->place = place;
        c->detail = detail;
    }
}

static licence_finding *add(subject *s, component *c, const char *place, hearth_error *error)
{
    licence_finding *f = arena_alloc(s->a, sizeof *f);
    if (f == NULL) {
        (void)error_memory(error, sizeof *f);
        return NULL;
    }
    f->place = place;
    licence_finding **end = &c->findings;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = f;
    return f;
}

hearth_status subject_add_licence(subject *s, component *c, const char *licence, const char *place, hearth_error *error)
{
    licence_finding *f = add(s, c, place, error);
    if (f == NULL) {
        return HEARTH_E_MEMORY;
    }
    f->licence = licence_canonical(licence);
    f->vague = text_ends(f->licence, "-only") && !text_ends(licence, "-only");
    return licence_judge(licence, s->a, &f->verdict, error);
}

hearth_status subject_add_clause(subject *s, component *c, char code, const char *note, const char *place,
                                 hearth_error *error)
{
    licence_finding *f = add(s, c, place, error);
    char *codes = f != NULL ? arena_strndup(s->a, &code, 1) : NULL;
    if (codes == NULL) {
        return error_memory(error, 2);
    }
    f->note = note;
    f->narrows = true;
    f->verdict = (licence_verdict){.verdict = LICENCE_CLOSED, .codes = codes, .why = licence_reason(code)};
    return HEARTH_OK;
}

/* The clause that fails, with its line, of a text that is known or not. */
static hearth_status tell_clause(subject *s, const licence_text *t, const char *file, licence_finding *f,
                                 hearth_error *error)
{
    if (t->code_count == 0) {
        return HEARTH_OK;
    }
    f->place = subject_format(s, error, "%s, line %u (\"%s\")", file, t->lines[0], t->phrase[0]);
    if (f->verdict.verdict == LICENCE_UNKNOWN) {
        f->verdict.verdict = LICENCE_CLOSED;
        f->verdict.codes = arena_strndup(s->a, t->codes, t->code_count);
        f->verdict.why = licence_reason(t->codes[0]);
    }
    return f->place == NULL || f->verdict.codes == NULL ? HEARTH_E_MEMORY : HEARTH_OK;
}

/* A text as the finding that it is. */
static hearth_status add_recognised(subject *s, component *c, const licence_text *t, bool narrows, const char *file,
                                    hearth_error *error)
{
    licence_finding *f = add(s, c, file, error);
    if (f == NULL) {
        return HEARTH_E_MEMORY;
    }
    f->narrows = narrows;
    if (t->id != NULL) {
        f->licence = t->id;
        f->note = "its text";
        f->vague = text_ends(t->id, "-only"); /* the text is the same */
        TRY(licence_judge(t->id, s->a, &f->verdict, error));
    } else {
        f->verdict = (licence_verdict){.verdict = LICENCE_UNKNOWN, .codes = "", .why = "a text that is not known here"};
        if (t->near != NULL) {
            f->note = subject_format(s, error, "like %s, but changed: %.0f%% of its text, and %.0f%% more", t->near,
                                     t->share * 100.0, t->more * 100.0);
            f->verdict.why = f->note;
        }
    }
    return tell_clause(s, t, file, f, error);
}

hearth_status subject_add_text(subject *s, component *c, const char *text, size_t length, const char *file,
                               hearth_error *error)
{
    licence_text t;
    TRY(licence_recognise(text, length, &t, error));
    return add_recognised(s, c, &t, false, file, error);
}

hearth_status subject_add_terms(subject *s, component *c, const char *text, size_t length, const char *file,
                                hearth_error *error)
{
    licence_text t;
    TRY(licence_recognise(text, length, &t, error));
    const licence_row *row = t.id != NULL ? licence_find(t.id) : NULL;
    return t.code_count > 0 || (row != NULL && row->flags == 0) ? add_recognised(s, c, &t, true, file, error)
                                                                : HEARTH_OK;
}

hearth_status subject_share_licences(subject *s, const component *from, component *to, hearth_error *error)
{
    for (const licence_finding *f = from->findings; f != NULL; f = f->next) {
        licence_finding *copy = add(s, to, f->place, error);
        if (copy == NULL) {
            return HEARTH_E_MEMORY;
        }
        licence_finding *next = copy->next;
        *copy = *f;
        copy->next = next;
    }
    return HEARTH_OK;
}

/* "GPL-3.0-only" and "GPL-3.0-or-later" are one text. */
static size_t stem(const char *licence)
{
    const size_t length = strlen(licence);
    if (text_ends(licence, "-only")) {
        return length - 5;
    }
    return text_ends(licence, "-or-later") ? length - 9 : length;
}

static bool differ(const licence_finding *a, const licence_finding *b)
{
    if (a->licence == NULL || b->licence == NULL) {
        return a->licence != b->licence || licence_narrowness(&a->verdict) != licence_narrowness(&b->verdict);
    }
    const size_t length = stem(a->licence);
    return length != stem(b->licence) || strncasecmp(a->licence, b->licence, length) != 0;
}

static const char *name_of(const licence_finding *f)
{
    return f->licence != NULL ? f->licence : f->note != NULL ? f->note : "a text that is not known";
}

hearth_status subject_conclude(subject *s, component *c, hearth_error *error)
{
    const licence_finding *best = NULL;
    const licence_finding *other = NULL;
    for (const licence_finding *f = c->findings; f != NULL; f = f->next) {
        if (f->verdict.verdict == LICENCE_NONE) {
            continue;
        }
        if (best == NULL || (!differ(best, f) && best->vague && !f->vague)) {
            best = f;
        } else if (differ(best, f)) {
            const bool narrower = licence_narrowness(&f->verdict) > licence_narrowness(&best->verdict);
            other = narrower ? best : f;
            best = narrower ? f : best;
        }
    }
    if (best == NULL) {
        return licence_judge(NULL, s->a, &c->terms, error);
    }
    c->licence = best->licence;
    c->terms = best->verdict;
    c->terms_place = best->place;
    if (other != NULL) {
        c->conflict = subject_format(s, error, "%s says %s, %s says %s; the narrower one counts", other->place,
                                     name_of(other), best->place, name_of(best));
        return c->conflict == NULL ? HEARTH_E_MEMORY : HEARTH_OK;
    }
    return HEARTH_OK;
}

hearth_status subject_add_base(subject *s, const char *name, const char *place, hearth_error *error)
{
    base_model *b = arena_alloc(s->a, sizeof *b);
    if (b == NULL) {
        return error_memory(error, sizeof *b);
    }
    b->name = arena_strndup(s->a, name, strlen(name));
    b->place = place;
    b->terms = (licence_verdict){.verdict = LICENCE_UNKNOWN, .codes = "", .why = "it is not here to be looked at"};
    base_model **end = &s->bases;
    unsigned count = 0;
    while (*end != NULL) {
        end = &(*end)->next;
        count++;
    }
    if (count == SUBJECT_BASES) {
        return error_set(error, HEARTH_E_LIMIT, place, "at most 64 base models", "one more");
    }
    *end = b;
    return b->name == NULL ? error_memory(error, strlen(name)) : HEARTH_OK;
}

static hearth_status read_kind(subject *s, const subject_options *o, hearth_error *error)
{
    if (file_is_folder(s->path)) {
        s->kind = SUBJECT_FOLDER;
        return subject_read_folder(s, o, error);
    }
    if (model_files_is_gguf(s->path)) {
        s->kind = SUBJECT_GGUF;
        return subject_read_gguf(s, o, error);
    }
    if (text_ends(s->path, ".yml") || text_ends(s->path, ".yaml")) {
        s->kind = SUBJECT_DESCRIPTION;
        return subject_read_description(s, error);
    }
    (void)error_set(error, file_exists(s->path) ? HEARTH_E_ARGUMENT : HEARTH_E_NOT_FOUND, NULL,
                    "a model's folder, a GGUF file, or a description (.yml)",
                    file_exists(s->path) ? "another file" : "nothing");
    error_in_file(error, s->path);
    return file_exists(s->path) ? HEARTH_E_ARGUMENT : HEARTH_E_NOT_FOUND;
}

static void name_after_path(subject *s)
{
    size_t length = strlen(s->path);
    while (length > 1 && s->path[length - 1] == '/') {
        length--;
    }
    size_t begin = length;
    while (begin > 0 && s->path[begin - 1] != '/') {
        begin--;
    }
    s->name = arena_strndup(s->a, s->path + begin, length - begin);
}

hearth_status subject_create(const char *path, const subject_options *o, subject **ret, hearth_error *error)
{
    arena *a = arena_create(SUBJECT_BYTES);
    subject *s = a != NULL ? arena_alloc(a, sizeof *s) : NULL;
    if (s == NULL) {
        arena_destroy(a);
        return error_memory(error, sizeof *s);
    }
    *s = (subject){
        .a = a, .checks = o->checks, .check_count = o->check_count, .flop = o->flop, .reproduced = o->reproduced};
    s->monetised = ANSWER_UNKNOWN;
    s->usage = ANSWER_UNKNOWN;
    for (size_t i = 0; i < 3; i++) {
        s->data[i] = (data_answer){ANSWER_UNKNOWN, "", "nothing here tells of the training data"};
    }
    s->path = arena_strndup(a, path, strlen(path));
    if (s->path != NULL) {
        name_after_path(s);
    }
    if (s->name == NULL) {
        arena_destroy(a);
        return error_memory(error, strlen(path));
    }
    *ret = s;
    return HEARTH_OK;
}

/* ---- base models ---- */

static hearth_status open_at(const char *path, const subject_options *o, unsigned depth, subject **ret,
                             hearth_error *error);

/* Where a base model lies: another description beside this one, or a repository in the hub's cache; mem_free. NULL: it
 * is not here. */
static char *find_base(const subject *s, const char *name)
{
    char *found = NULL;
    if (s->kind == SUBJECT_DESCRIPTION && (text_ends(name, ".yml") || text_ends(name, ".yaml"))) {
        const char *slash = strrchr(s->path, '/');
        found = model_name_is_safe_path(name)
                    ? text_format("%.*s%s", slash != NULL ? (int)(slash - s->path + 1) : 0, s->path, name)
                    : NULL;
        if (found != NULL && !file_exists(found)) {
            mem_free(found);
            found = NULL;
        }
        return found;
    }
    model_name parts;
    char *hub = hub_cache_folder();
    if (hub != NULL && model_name_parse(name, &parts, NULL) == HEARTH_OK && parts.source == MODEL_SOURCE_HF) {
        char *repository = hub_cache_repository(hub, &parts);
        if (repository != NULL && hub_cache_snapshot(repository, parts.revision, &found, NULL) != HEARTH_OK) {
            found = NULL;
        }
        mem_free(repository);
    }
    mem_free(hub);
    return found;
}

/* What is told of the base, and of its own bases: the narrowest. */
static hearth_status take_terms(subject *s, base_model *b, const subject *base, hearth_error *error)
{
    const component *c = &base->components[COMPONENT_PARAMETERS];
    const char *licence = c->licence;
    licence_verdict terms = c->terms;
    for (const base_model *other = base->bases; other != NULL; other = other->next) {
        if (licence_narrowness(&other->terms) > licence_narrowness(&terms)) {
            terms = other->terms;
            licence = other->licence;
        }
    }
    b->terms = terms;
    b->terms.codes = arena_strndup(s->a, terms.codes, strlen(terms.codes));
    b->terms.why = arena_strndup(s->a, terms.why, strlen(terms.why));
    b->terms.id = licence_find(terms.id != NULL ? terms.id : "") != NULL ? licence_find(terms.id)->id : NULL;
    b->licence = licence != NULL ? arena_strndup(s->a, licence, strlen(licence)) : NULL;
    return b->terms.codes == NULL || b->terms.why == NULL ? error_memory(error, 0) : HEARTH_OK;
}

static hearth_status walk_base(subject *s, base_model *b, const subject_options *o, unsigned depth, hearth_error *error)
{
    char *path = find_base(s, b->name);
    if (path == NULL) {
        return HEARTH_OK;
    }
    subject *base = NULL;
    const subject_options plain = {.flop = NAN, .knows = o->knows};
    hearth_status status = HEARTH_OK;
    if (depth >= SUBJECT_DEPTH) {
        status = error_set(error, HEARTH_E_LIMIT, "base_model", "base models that end after eight at most",
                           "%.80s again or one more: do they name each other in a circle?", b->name);
        error_in_file(error, s->path);
    } else {
        status = open_at(path, &plain, depth + 1, &base, error);
    }
    if (status == HEARTH_OK) {
        b->path = arena_strndup(s->a, path, strlen(path));
        status = b->path == NULL ? error_memory(error, strlen(path)) : take_terms(s, b, base, error);
    }
    subject_close(base);
    mem_free(path);
    return status;
}

static hearth_status open_at(const char *path, const subject_options *o, unsigned depth, subject **ret,
                             hearth_error *error)
{
    subject *s = NULL;
    TRY(subject_create(path, o, &s, error));
    hearth_status status = read_kind(s, o, error);
    for (size_t i = 0; i < COMPONENT_KINDS && status == HEARTH_OK; i++) {
        status = subject_conclude(s, &s->components[i], error);
    }
    for (base_model *b = s->bases; b != NULL && status == HEARTH_OK; b = b->next) {
        status = walk_base(s, b, o, depth, error);
    }
    if (status == HEARTH_OK) {
        *ret = s;
    } else {
        subject_close(s);
    }
    return status;
}

hearth_status subject_open(const char *path, const subject_options *o, subject **ret, hearth_error *error)
{
    return open_at(path, o, 0, ret, error);
}

void subject_close(subject *s)
{
    if (s != NULL) {
        arena_destroy(s->a);
    }
}
