/* YAML events of libyaml, as a tree. */
#include "recipe/yaml.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    yaml_parser_t parser;
    arena *a;
    hearth_error *error;
    yaml_node *open[LIMIT_RECIPE_DEPTH]; /* maps and lists that have not ended */
    yaml_node *last[LIMIT_RECIPE_DEPTH]; /* their last child */
    const char *key[LIMIT_RECIPE_DEPTH]; /* of a map, where its value comes next */
    yaml_mark_t key_mark[LIMIT_RECIPE_DEPTH];
    size_t depth, nodes;
    yaml_node *root;
} reader;

void yaml_place(unsigned line, unsigned column, const char *name, char *ret, size_t size)
{
    const bool named = name != NULL && name[0] != '\0';
    snprintf(ret, size, "line %u column %u%s%s", line, column, named ? ": " : "", named ? name : "");
}

const yaml_node *yaml_find(const yaml_node *map, const char *key)
{
    for (const yaml_node *n = map->first; n != NULL; n = n->next) {
        if (n->key != NULL && strcmp(n->key, key) == 0) {
            return n;
        }
    }
    return NULL;
}

static hearth_status fail_at(const reader *r, hearth_status status, yaml_mark_t mark, const char *name,
                             const char *expected, const char *found)
{
    char place[128];
    yaml_place((unsigned)mark.line + 1, (unsigned)mark.column + 1, name, place, sizeof place);
    return error_set(r->error, status, place, expected, "%s", found);
}

/* Text that is not UTF-8 and control characters, by line and column. */
static hearth_status check_bytes(const char *text, size_t length, hearth_error *error)
{
    unsigned line = 1, column = 1;
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        const size_t step = utf8_decode(text + at, length - at, &code);
        const bool control = (code < 0x20 && code != '\n' && code != '\r') || (code >= 0x7F && code < 0xA0);
        if (step == 0 || control) {
            char place[64];
            yaml_place(line, column, NULL, place, sizeof place);
            if (step == 0) {
                return error_set(error, HEARTH_E_FORMAT, place, "UTF-8", "the byte 0x%02X",
                                 (unsigned)(unsigned char)text[at]);
            }
            return error_set(error, HEARTH_E_FORMAT, place, "spaces and printable characters",
                             "the control character U+%04X%s", (unsigned)code, code == '\t' ? " (a tab)" : "");
        }
        column = code == '\n' ? 1 : column + 1;
        line += code == '\n';
        at += step;
    }
    return HEARTH_OK;
}

static hearth_status syntax(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        return error_memory(r->error, 0);
    }
    char found[256];
    snprintf(found, sizeof found, "no YAML: %s%s%s", p->problem != NULL ? p->problem : "something else",
             p->context != NULL ? ", " : "", p->context != NULL ? p->context : "");
    return fail_at(r, HEARTH_E_FORMAT, p->problem_mark, NULL, NULL, found);
}

/* A new node in the map or list that is open, or the root. */
static hearth_status add(reader *r, yaml_kind kind, yaml_mark_t mark, yaml_node **ret)
{
    if (++r->nodes > LIMIT_RECIPE_NODES) {
        char expected[64];
        snprintf(expected, sizeof expected, "at most %u values", LIMIT_RECIPE_NODES);
        return fail_at(r, HEARTH_E_LIMIT, mark, NULL, expected, "more");
    }
    yaml_node *n = arena_alloc(r->a, sizeof *n);
    if (n == NULL) {
        return error_memory(r->error, sizeof *n);
    }
    n->kind = kind;
    n->line = (unsigned)mark.line + 1;
    n->column = (unsigned)mark.column + 1;
    if (r->depth == 0) {
        r->root = n;
    } else {
        const size_t d = r->depth - 1;
        n->key = r->key[d];
        n->key_line = (unsigned)r->key_mark[d].line + 1;
        n->key_column = (unsigned)r->key_mark[d].column + 1;
        r->key[d] = NULL;
        *(r->last[d] != NULL ? &r->last[d]->next : &r->open[d]->first) = n;
        r->last[d] = n;
        r->open[d]->count++;
    }
    *ret = n;
    return HEARTH_OK;
}

static bool wants_key(const reader *r)
{
    return r->depth > 0 && r->open[r->depth - 1]->kind == YAML_NODE_MAP && r->key[r->depth - 1] == NULL;
}

static hearth_status open_container(reader *r, yaml_kind kind, yaml_mark_t mark)
{
    if (wants_key(r)) {
        return fail_at(r, HEARTH_E_FORMAT, mark, NULL, "a name as key",
                       kind == YAML_NODE_MAP ? "a mapping" : "a sequence");
    }
    if (r->depth == LIMIT_RECIPE_DEPTH) {
        char expected[64];
        snprintf(expected, sizeof expected, "at most %u levels", LIMIT_RECIPE_DEPTH);
        return fail_at(r, HEARTH_E_LIMIT, mark, NULL, expected, "one more");
    }
    yaml_node *n = NULL;
    TRY(add(r, kind, mark, &n));
    r->open[r->depth] = n;
    r->last[r->depth] = NULL;
    r->key[r->depth] = NULL;
    r->depth++;
    return HEARTH_OK;
}

static hearth_status take_key(reader *r, const char *text, yaml_mark_t mark)
{
    const yaml_node *before = yaml_find(r->open[r->depth - 1], text);
    if (before != NULL) {
        char found[64];
        snprintf(found, sizeof found, "it again (first on line %u)", before->key_line);
        return fail_at(r, HEARTH_E_FORMAT, mark, text, "each key once", found);
    }
    if (r->open[r->depth - 1]->count == LIMIT_RECIPE_KEYS) {
        char expected[64];
        snprintf(expected, sizeof expected, "at most %u keys", LIMIT_RECIPE_KEYS);
        return fail_at(r, HEARTH_E_LIMIT, mark, text, expected, "one more");
    }
    r->key[r->depth - 1] = text;
    r->key_mark[r->depth - 1] = mark;
    return HEARTH_OK;
}

static hearth_status take_scalar(reader *r, const yaml_event_t *e)
{
    const char *bytes = (const char *)e->data.scalar.value;
    const size_t length = e->data.scalar.length;
    if (memchr(bytes, '\0', length) != NULL) {
        return fail_at(r, HEARTH_E_FORMAT, e->start_mark, NULL, "a text", "one with a NUL in it");
    }
    char *text = arena_strndup(r->a, bytes, length);
    if (text == NULL) {
        return error_memory(r->error, length + 1);
    }
    if (wants_key(r)) {
        return take_key(r, text, e->start_mark);
    }
    yaml_node *n = NULL;
    TRY(add(r, YAML_NODE_TEXT, e->start_mark, &n));
    n->text = text;
    n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return HEARTH_OK;
}

/* What names another value or another type: a recipe has none of it. */
static const char *unwelcome(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return "an alias (*)";
    case YAML_SCALAR_EVENT:
        return e->data.scalar.anchor != NULL ? "an anchor (&)" : e->data.scalar.tag != NULL ? "a tag (!)" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor != NULL ? "an anchor (&)"
               : e->data.sequence_start.tag != NULL  ? "a tag (!)"
                                                     : NULL;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.anchor != NULL ? "an anchor (&)"
               : e->data.mapping_start.tag != NULL  ? "a tag (!)"
                                                    : NULL;
    default:
        return NULL;
    }
}

static hearth_status take(reader *r, const yaml_event_t *e)
{
    const char *other = unwelcome(e);
    if (other != NULL) {
        return fail_at(r, HEARTH_E_FORMAT, e->start_mark, NULL, "the value itself", other);
    }
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return r->root == NULL ? HEARTH_OK
                               : fail_at(r, HEARTH_E_FORMAT, e->start_mark, NULL, "one document", "a second one");
    case YAML_SCALAR_EVENT:
        return take_scalar(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(r, YAML_NODE_LIST, e->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_container(r, YAML_NODE_MAP, e->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return HEARTH_OK;
    default:
        return HEARTH_OK;
    }
}

static hearth_status read_events(reader *r)
{
    for (bool more = true; more;) {
        yaml_event_t e;
        if (yaml_parser_parse(&r->parser, &e) == 0) {
            return syntax(r);
        }
        more = e.type != YAML_STREAM_END_EVENT;
        const hearth_status status = take(r, &e);
        yaml_event_delete(&e);
        TRY(status);
    }
    return r->root != NULL ? HEARTH_OK
                           : error_set(r->error, HEARTH_E_FORMAT, "line 1 column 1", "a document", "nothing");
}

hearth_status yaml_read(const char *text, size_t length, arena *a, yaml_node **ret, hearth_error *error)
{
    reader r = {.a = a, .error = error};
    *ret = NULL;
    TRY(check_bytes(text, length, error));
    if (yaml_parser_initialize(&r.parser) == 0) {
        return error_memory(error, 0);
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    const hearth_status status = read_events(&r);
    yaml_parser_delete(&r.parser);
    if (status == HEARTH_OK) {
        *ret = r.root;
    }
    return status;
}
