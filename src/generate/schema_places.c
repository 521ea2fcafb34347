/* Places of a schema: their pointers, for errors, and what $ref names. */
#include "generate/schema.h"

#include "base/limits.h"
#include "generate/grammar_characters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- places ---- */

static bool find_place(const json_t *at, const json_t *wanted, char *path, size_t length, size_t size, unsigned depth)
{
    const char *key = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    path[length] = 0;
    if (at == wanted) {
        return true;
    }
    if (depth > JSON_DOOR_DEPTH || length + 2 >= size) {
        return false;
    }
    if (json_is_array(at)) {
        json_array_foreach(at, i, inner)
        {
            const int n = snprintf(path + length, size - length, "/%zu", i);
            if (n > 0 && (size_t)n < size - length &&
                find_place(inner, wanted, path, length + (size_t)n, size, depth + 1)) {
                return true;
            }
        }
    }
    json_object_foreach((json_t *)at, key, inner)
    {
        size_t end = length;
        path[end++] = '/';
        for (const char *k = key; *k != 0 && end + 3 < size; k++) {
            if (*k == '~' || *k == '/') {
                path[end++] = '~';
                path[end++] = *k == '~' ? '0' : '1';
            } else {
                path[end++] = *k;
            }
        }
        if (find_place(inner, wanted, path, end, size, depth + 1)) {
            return true;
        }
    }
    return false;
}

/* The pointer alone; "#…". It walks the schema: for errors. */
static void place_of(const compiler *c, const json_t *schema, const char *key, char *ret, size_t size)
{
    char path[120];
    path[0] = '#';
    if (!find_place(c->root, schema, path, 1, sizeof path, 0)) {
        path[1] = 0;
    }
    snprintf(ret, size, "%s%s%s", path, key == NULL ? "" : "/", key == NULL ? "" : key);
}

hearth_status schema_error(compiler *c, hearth_status status, const json_t *schema, const char *key,
                           const char *expected, const char *found)
{
    char place[128];
    place_of(c, schema, key, place, sizeof place);
    return error_set(c->error, status, place, expected, "%s", found);
}

hearth_status schema_error_at(compiler *c, hearth_status status, const json_t *schema, const char *key)
{
    if (status != HEARTH_OK && status != HEARTH_E_MEMORY && c->error != NULL) {
        const hearth_error kept = *c->error;
        return schema_error(c, status, schema, key, kept.expected, kept.found);
    }
    return status;
}

hearth_status schema_memory(compiler *c)
{
    return error_memory(c->error, sizeof(element));
}

hearth_status schema_spend(compiler *c, size_t steps)
{
    c->rules->steps += steps < LIMIT_GRAMMAR_STEPS ? steps : LIMIT_GRAMMAR_STEPS;
    return c->rules->steps <= LIMIT_GRAMMAR_STEPS
               ? HEARTH_OK
               : schema_error(c, HEARTH_E_LIMIT, c->root, NULL, "a schema whose grammar is made in 8 million steps",
                              "more");
}

/* Counts a value's size down, about as it is written. */
static bool takes_at_most(const json_t *at, size_t *left, unsigned depth)
{
    const char *key = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    const size_t size = 2 + json_string_length(at);
    bool good = size <= *left && depth <= JSON_DOOR_DEPTH;
    *left -= good ? size : 0;
    for (; good && i < json_array_size(at); i++) {
        good = takes_at_most(json_array_get(at, i), left, depth + 1);
    }
    json_object_foreach((json_t *)at, key, inner)
    {
        good = good && strlen(key) + 2 <= *left;
        *left -= good ? strlen(key) + 2 : 0;
        good = good && takes_at_most(inner, left, depth + 1);
    }
    return good;
}

hearth_status schema_check_size(const json_t *schema, hearth_error *error)
{
    size_t left = LIMIT_GRAMMAR_TEXT_BYTES;
    return takes_at_most(schema, &left, 0)
               ? HEARTH_OK
               : error_set(error, HEARTH_E_LIMIT, "#", "a schema of at most 4 MiB", "a larger one");
}

void schema_address(const json_t *schema, char ret[32])
{
    snprintf(ret, 32, "%p", (const void *)schema);
}

/* ---- references ---- */

/* One part of a JSON pointer, %XX, ~0 and ~1 undone; returns what follows it. */
static const char *pointer_part(const char *text, char *ret, size_t size)
{
    size_t n = 0;
    while (*text != 0 && *text != '/') {
        char c = *text++;
        size_t at = 0;
        uint32_t code = 0;
        if (c == '%' && scan_hex(text, strnlen(text, 2), &at, 2, &code)) {
            c = (char)code;
            text += 2;
        }
        if (c == '~' && (*text == '0' || *text == '1')) {
            c = *text++ == '0' ? '~' : '/';
        }
        if (n + 1 < size) {
            ret[n++] = c;
        }
    }
    ret[n] = 0;
    return text;
}

/* The first schema that has each anchor. */
static bool note_anchors(const json_t *at, json_t *ret, unsigned depth)
{
    const char *key = NULL;
    json_t *inner = NULL;
    const char *anchor = json_string_value(json_object_get(at, "$anchor"));
    bool good =
        anchor == NULL || json_object_get(ret, anchor) != NULL || json_object_set(ret, anchor, (json_t *)at) == 0;
    for (size_t i = 0; good && depth <= JSON_DOOR_DEPTH && i < json_array_size(at); i++) {
        good = note_anchors(json_array_get(at, i), ret, depth + 1);
    }
    json_object_foreach((json_t *)at, key, inner)
    {
        if (strcmp(key, "const") != 0 && strcmp(key, "enum") != 0) {
            good = good && depth <= JSON_DOOR_DEPTH && note_anchors(inner, ret, depth + 1);
        }
    }
    return good;
}

static hearth_status find_anchor(compiler *c, const char *name, const json_t **ret)
{
    if (c->anchors == NULL) {
        c->anchors = json_object();
        if (c->anchors == NULL || !note_anchors(c->root, c->anchors, 0)) {
            return schema_memory(c);
        }
    }
    *ret = json_object_get(c->anchors, name);
    return HEARTH_OK;
}

static const json_t *follow_pointer(const json_t *at, const char *pointer)
{
    char part[512];
    while (*pointer == '/' && at != NULL) {
        pointer = pointer_part(pointer + 1, part, sizeof part);
        char *end = NULL;
        const unsigned long index = strtoul(part, &end, 10);
        at = json_is_array(at) ? (end != part && *end == 0 ? json_array_get(at, index) : NULL)
                               : json_object_get(at, part);
    }
    return *pointer == 0 ? at : NULL;
}

hearth_status schema_resolve(compiler *c, const json_t *schema, const json_t **ret)
{
    const char *text = json_string_value(json_object_get(schema, "$ref"));
    const char *id = json_string_value(json_object_get(c->root, "$id"));
    if (text == NULL) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, "$ref", "a string", "another type");
    }
    const size_t id_length = id == NULL ? 0 : strcspn(id, "#");
    if (id_length != 0 && strncmp(text, id, id_length) == 0 && (text[id_length] == 0 || text[id_length] == '#')) {
        text += id_length;
    } else if (text[0] != '#') {
        return schema_error(c, HEARTH_E_UNSUPPORTED, schema, "$ref", "a reference within the schema (#…)", text);
    }
    text += text[0] == '#';
    TRY(schema_spend(c, strlen(text) / 16));
    *ret = text[0] == 0 ? c->root : text[0] == '/' ? follow_pointer(c->root, text) : NULL;
    if (text[0] != 0 && text[0] != '/') {
        TRY(find_anchor(c, text, ret));
    }
    if (*ret == NULL) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, "$ref", "a place of the schema", text);
    }
    return HEARTH_OK;
}
