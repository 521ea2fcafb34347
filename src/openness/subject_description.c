/* A description of a release in YAML, as the Model Openness Tool has it (mof_schema.json), with a part of our own,
 * `openness`. docs/openness.md, "Descriptions". */
#include "openness/card_front.h"
#include "openness/subject.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "platform/file.h"
#include "recipe/read.h"

#include <stdio.h>
#include <string.h>

static const yaml_node *map_at(const yaml_node *map, const char *key)
{
    const yaml_node *n = map != NULL ? yaml_find(map, key) : NULL;
    return n != NULL && n->kind == YAML_NODE_MAP ? n : NULL;
}

/* The text of a key; NULL: absent, or YAML's null. */
static const yaml_node *text_at(const yaml_node *map, const char *key)
{
    const yaml_node *n = map != NULL ? yaml_find(map, key) : NULL;
    const bool text = n != NULL && n->kind == YAML_NODE_TEXT;
    return text && (n->quoted || (n->text[0] != '\0' && strcmp(n->text, "null") != 0 && strcmp(n->text, "~") != 0))
               ? n
               : NULL;
}

static hearth_status refuse(const yaml_node *n, const char *what, const char *expected, const char *found,
                            hearth_error *error)
{
    char place[128];
    yaml_place(n->line, n->column, what, place, sizeof place);
    return error_set(error, HEARTH_E_FORMAT, place, expected, "%.200s", found);
}

/* ---- licences ---- */

/* A component's own licence, else that of its kind of content, else the release's: the Tool's order. */
static hearth_status component_licence(subject *s, component_kind kind, const yaml_node *row, const yaml_node *licences,
                                       hearth_error *error)
{
    component *c = &s->components[kind];
    const yaml_node *own = text_at(row, "license");
    const char *where = "its own";
    const yaml_node *n = own;
    if (n == NULL) {
        where = component_content_name(component_rows[kind].content);
        n = text_at(map_at(licences, where), "name");
    }
    if (n == NULL) {
        where = "distribution";
        n = text_at(map_at(licences, where), "name");
    }
    if (n == NULL) {
        return HEARTH_OK;
    }
    const char *place = subject_format(s, error, "line %u, license (%s)", n->line, where);
    TRY(place == NULL ? HEARTH_E_MEMORY : subject_add_licence(s, c, n->text, place, error));
    return HEARTH_OK;
}

/* license_path names a file beside the description: its text counts, too. */
static hearth_status licence_file(subject *s, component *c, const yaml_node *row, hearth_error *error)
{
    const yaml_node *n = text_at(row, "license_path");
    const char *slash = strrchr(s->path, '/');
    if (n == NULL || !model_name_is_safe_path(n->text)) {
        return HEARTH_OK;
    }
    char *path = text_format("%.*s%s", slash != NULL ? (int)(slash - s->path + 1) : 0, s->path, n->text);
    buffer text = {0};
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path) && !file_is_folder(path)) {
        status = file_read(path, LIMIT_CARD_BYTES, &text, error);
        status = status == HEARTH_OK ? subject_add_text(s, c, buffer_text(&text), text.length, n->text, error) : status;
    }
    buffer_free(&text);
    mem_free(path);
    return status;
}

/* ---- components ---- */

static hearth_status read_component(subject *s, const yaml_node *row, const yaml_node *licences, hearth_error *error)
{
    const yaml_node *name = row->kind == YAML_NODE_MAP ? text_at(row, "name") : NULL;
    if (name == NULL) {
        return refuse(row, "components", "a mapping with a name", "none", error);
    }
    const component_kind kind = component_find(name->text);
    if (kind == COMPONENT_KINDS) {
        return refuse(name, "components, name", "a component of the Model Openness Framework", name->text, error);
    }
    component *c = &s->components[kind];
    if (c->there == ANSWER_YES) {
        return refuse(name, "components, name", "each component once", name->text, error);
    }
    const yaml_node *where = text_at(row, "component_path");
    const yaml_node *what = text_at(row, "description");
    const char *place = subject_format(s, error, "line %u%s%s", name->line, where != NULL ? ", " : "",
                                       where != NULL ? where->text : "");
    if (place == NULL) {
        return HEARTH_E_MEMORY;
    }
    subject_found(s, kind, place, what != NULL ? what->text : NULL);
    TRY(component_licence(s, kind, row, licences, error));
    return licence_file(s, c, row, error);
}

static hearth_status read_components(subject *s, const yaml_node *release, hearth_error *error)
{
    const yaml_node *list = yaml_find(release, "components");
    if (list == NULL || list->kind != YAML_NODE_LIST) {
        return refuse(list != NULL ? list : release, "release, components", "a list",
                      list != NULL ? "something else" : "none", error);
    }
    for (const yaml_node *n = list->first; n != NULL; n = n->next) {
        TRY(read_component(s, n, map_at(release, "license"), error));
    }
    return HEARTH_OK;
}

/* ---- what the Tool's format has no place for ---- */

static hearth_status read_answer(const yaml_node *map, const char *key, answer *ret, hearth_error *error)
{
    const yaml_node *n = map != NULL ? yaml_find(map, key) : NULL;
    if (n == NULL) {
        return HEARTH_OK;
    }
    const char *text = n->kind == YAML_NODE_TEXT ? n->text : "";
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0 && strcmp(text, "unknown") != 0) {
        return refuse(n, key, "yes, no or unknown", text, error);
    }
    *ret = text[0] == 'y' ? ANSWER_YES : text[0] == 'n' ? ANSWER_NO : ANSWER_UNKNOWN;
    return HEARTH_OK;
}

static hearth_status check_keys(const yaml_node *map, const char *const *keys, const char *what, hearth_error *error)
{
    for (const yaml_node *n = map != NULL ? map->first : NULL; n != NULL; n = n->next) {
        size_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], n->key) != 0) {
            i++;
        }
        if (keys[i] == NULL) {
            return refuse(n, what, "a key of this part (docs/openness.md)", n->key, error);
        }
    }
    return HEARTH_OK;
}

/* Where nothing is said of the data, what is released of them tells. */
static void guess_data(subject *s)
{
    const component *d = &s->components[COMPONENT_DATASETS];
    const bool paper = s->components[COMPONENT_DATA_CARD].there == ANSWER_YES ||
                       s->components[COMPONENT_TECHNICAL_REPORT].there == ANSWER_YES ||
                       s->components[COMPONENT_RESEARCH_PAPER].there == ANSWER_YES;
    const data_answer found =
        d->there == ANSWER_YES && paper
            ? (data_answer){ANSWER_YES, d->place, "the data themselves are released, with papers on them"}
        : d->there == ANSWER_YES || paper
            ? (data_answer){ANSWER_UNKNOWN, d->place != NULL ? d->place : "components",
                            "data or a paper on them are released; whether that is all, nobody says"}
            : (data_answer){ANSWER_NO, "components", "neither data nor a paper on them are released"};
    for (size_t i = 0; i < 3; i++) {
        s->data[i] = found;
    }
}

static hearth_status read_data(subject *s, const yaml_node *own, hearth_error *error)
{
    static const char *const names[] = {"all", "public", "obtainable"};
    static const char *const keys[] = {"all", "public", "obtainable", "why", NULL};
    const yaml_node *data = map_at(own, "data");
    const yaml_node *why = text_at(data, "why");
    guess_data(s);
    TRY(check_keys(data, keys, "openness, data", error));
    for (size_t i = 0; i < 3 && data != NULL; i++) {
        if (yaml_find(data, names[i]) != NULL) {
            TRY(read_answer(data, names[i], &s->data[i].value, error));
            s->data[i].place =
                subject_format(s, error, "line %u, openness, data, %s", yaml_find(data, names[i])->line, names[i]);
            s->data[i].why = why != NULL ? why->text : "its describer says so";
            TRY(s->data[i].place == NULL ? HEARTH_E_MEMORY : HEARTH_OK);
        }
    }
    return HEARTH_OK;
}

static hearth_status read_own(subject *s, const yaml_node *own, hearth_error *error)
{
    static const char *const keys[] = {"calls_itself", "data",          "base_model", "monetised",
                                       "usage",        "training_flop", NULL};
    TRY(check_keys(own, keys, "openness", error));
    const yaml_node *claim = text_at(own, "calls_itself");
    if (claim != NULL && strcasestr(claim->text, "open") != NULL) {
        s->claim = claim->text;
        s->claim_place = subject_format(s, error, "line %u, calls_itself", claim->line);
        TRY(s->claim_place == NULL ? HEARTH_E_MEMORY : HEARTH_OK);
    }
    const yaml_node *base = card_value(own, "base_model", 0);
    for (size_t i = 0; base != NULL; base = card_value(own, "base_model", ++i)) {
        const char *place = subject_format(s, error, "line %u, base_model", base->line);
        TRY(place == NULL ? HEARTH_E_MEMORY : subject_add_base(s, base->text, place, error));
    }
    TRY(read_answer(own, "monetised", &s->monetised, error));
    TRY(read_answer(own, "usage", &s->usage, error));
    s->usage_place = "openness, usage";
    const yaml_node *flop = text_at(own, "training_flop");
    if (flop != NULL) {
        if (!read_real(flop->text, &s->flop) || !(s->flop > 0)) {
            return refuse(flop, "training_flop", "a number above 0", flop->text, error);
        }
        s->flop_place = "openness, training_flop";
    }
    return HEARTH_OK;
}

hearth_status subject_parse_description(subject *s, const char *text, size_t length, hearth_error *error)
{
    yaml_node *root = NULL;
    if (length > LIMIT_CARD_METADATA_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, NULL, "at most 1 MiB", "%zu bytes", length);
    }
    TRY(yaml_read(text, length, s->a, &root, error));
    const yaml_node *release = root->kind == YAML_NODE_MAP ? map_at(root, "release") : NULL;
    if (release == NULL) {
        return refuse(root, "release", "a mapping", "none", error);
    }
    const yaml_node *name = text_at(release, "name");
    s->name = name != NULL ? name->text : s->name;
    TRY(read_components(s, release, error));
    const yaml_node *own = yaml_find(root, "openness");
    if (own != NULL && own->kind != YAML_NODE_MAP) {
        return refuse(own, "openness", "a mapping", "something else", error);
    }
    TRY(read_data(s, own, error));
    return own != NULL ? read_own(s, own, error) : HEARTH_OK;
}

hearth_status subject_read_description(subject *s, hearth_error *error)
{
    buffer text = {0};
    TRY(file_read(s->path, LIMIT_CARD_BYTES, &text, error));
    const hearth_status status = subject_parse_description(s, buffer_text(&text), text.length, error);
    buffer_free(&text);
    if (status != HEARTH_OK) {
        error_in_file(error, s->path);
    }
    return status;
}
