/* Lines by the table of keys. */
#include "recipe/flat.h"

#include "base/json.h"
#include "recipe/keys.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    arena *a;
    flat_recipe *out;
    size_t room;
    hearth_error *error;
} writer;

static hearth_status put(writer *w, const char *key, const char *value)
{
    if (w->out->count == w->room) {
        const size_t room = w->room == 0 ? 128 : 2 * w->room;
        flat_line *lines = arena_array(w->a, room, sizeof *lines);
        if (lines == NULL) {
            return error_memory(w->error, room * sizeof *lines);
        }
        if (w->out->count > 0) {
            memcpy(lines, w->out->lines, w->out->count * sizeof *lines);
        }
        w->out->lines = lines;
        w->room = room;
    }
    const flat_line line = {.key = arena_strndup(w->a, key, strlen(key)),
                            .value = arena_strndup(w->a, value, strlen(value))};
    if (line.key == NULL || line.value == NULL) {
        return error_memory(w->error, strlen(key) + strlen(value));
    }
    w->out->lines[w->out->count++] = line;
    return HEARTH_OK;
}

/* "a, b, c" of the names of items. */
static hearth_status put_order(writer *w, const char *key, const char *const *names, size_t count)
{
    size_t length = 1, at = 0;
    for (size_t i = 0; i < count; i++) {
        length += strlen(names[i]) + 2;
    }
    char *text = arena_alloc(w->a, length);
    if (text == NULL) {
        return error_memory(w->error, length);
    }
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, length - at, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    return put(w, key, text);
}

static hearth_status write_table(writer *w, const recipe_key *keys, const char *base, const char *path);

static hearth_status write_list(writer *w, const recipe_key *k, const char *base, const char *path)
{
    const char *items = NULL;
    const size_t count = *(const size_t *)(const void *)(base + k->count_offset);
    memcpy(&items, base + k->offset, sizeof items);
    if (count == 0) {
        return HEARTH_OK;
    }
    /* The first key of an item is what it is called by: a source's name, a pin's path. */
    const char **names = arena_array(w->a, count, sizeof *names);
    if (names == NULL) {
        return error_memory(w->error, count * sizeof *names);
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(&names[i], items + i * k->item_bytes + k->keys[0].offset, sizeof *names);
    }
    TRY(put_order(w, path, names, count));
    for (size_t i = 0; i < count; i++) {
        const char *below = arena_format(w->a, "%s.%s", path, names[i]);
        if (below == NULL) {
            return error_memory(w->error, strlen(path) + strlen(names[i]));
        }
        TRY(write_table(w, k->keys + 1, items + i * k->item_bytes, below));
    }
    return HEARTH_OK;
}

static hearth_status write_rules(writer *w, const recipe_rule *rules, size_t count, const char *path)
{
    const char **names = count > 0 ? arena_array(w->a, count, sizeof *names) : NULL;
    if (count > 0 && names == NULL) {
        return error_memory(w->error, count * sizeof *names);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = rules[i].name;
    }
    TRY(put_order(w, path, names, count));
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        for (size_t j = 0; j < i; j++) {
            before += strcmp(rules[j].name, rules[i].name) == 0;
        }
        for (size_t p = 0; p < rules[i].parameter_count; p++) {
            char again[32] = "";
            if (before > 0) {
                snprintf(again, sizeof again, "[%zu]", before);
            }
            const char *below =
                arena_format(w->a, "%s.%s%s.%s", path, rules[i].name, again, rules[i].parameters[p].name);
            if (below == NULL) {
                return error_memory(w->error, strlen(path));
            }
            TRY(put(w, below, rules[i].parameters[p].value));
        }
    }
    return HEARTH_OK;
}

static hearth_status write_value(writer *w, const recipe_key *k, const char *base, const char *path)
{
    char number[40];
    const void *at = base + k->offset;
    const char *text = NULL;
    switch (k->type) {
    case KEY_TEXT:
        memcpy(&text, at, sizeof text);
        return text != NULL ? put(w, path, text) : HEARTH_OK;
    case KEY_U32:
        snprintf(number, sizeof number, "%u", *(const uint32_t *)at);
        return put(w, path, number);
    case KEY_U64:
        snprintf(number, sizeof number, "%llu", (unsigned long long)*(const uint64_t *)at);
        return put(w, path, number);
    case KEY_REAL:
        (void)json_real_digits(*(const double *)at, DBL_DIG, number);
        return put(w, path, number);
    case KEY_BOOL:
        return put(w, path, *(const bool *)at ? "true" : "false");
    case KEY_CHOICE:
        return put(w, path, k->choices[*(const unsigned *)at]);
    case KEY_TEXTS:
        memcpy(&text, at, sizeof text);
        return put_order(w, path, (const char *const *)(const void *)text,
                         *(const size_t *)(const void *)(base + k->count_offset));
    case KEY_MAP:
        return write_table(w, k->keys, at, path);
    case KEY_LIST:
        return write_list(w, k, base, path);
    case KEY_RULES:
        memcpy(&text, at, sizeof text);
        return write_rules(w, (const recipe_rule *)(const void *)text,
                           *(const size_t *)(const void *)(base + k->count_offset), path);
    }
    return HEARTH_OK;
}

static hearth_status write_table(writer *w, const recipe_key *keys, const char *base, const char *path)
{
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        const char *below = arena_format(w->a, "%s%s%s", path, path[0] != '\0' ? "." : "", k->name);
        if (below == NULL) {
            return error_memory(w->error, strlen(path) + strlen(k->name));
        }
        TRY(write_value(w, k, base, below));
    }
    return HEARTH_OK;
}

hearth_status recipe_flatten(const recipe *r, arena *a, flat_recipe *ret, hearth_error *error)
{
    *ret = (flat_recipe){0};
    writer w = {.a = a, .out = ret, .error = error};
    return write_table(&w, recipe_keys, (const char *)r, "");
}

typedef struct place {
    const flat_line *line;
} place;

static int by_key(const void *a, const void *b)
{
    return strcmp(((const place *)a)->line->key, ((const place *)b)->line->key);
}

static place *sorted(const flat_recipe *f, arena *a)
{
    place *places = arena_array(a, f->count, sizeof *places);
    for (size_t i = 0; places != NULL && i < f->count; i++) {
        places[i].line = &f->lines[i];
    }
    if (places != NULL) {
        qsort(places, f->count, sizeof *places, by_key);
    }
    return places;
}

static const flat_line *find(const place *places, size_t count, const flat_line *wanted)
{
    const place key = {wanted};
    const place *found = bsearch(&key, places, count, sizeof *places, by_key);
    return found != NULL ? found->line : NULL;
}

hearth_status recipe_compare(const flat_recipe *x, const flat_recipe *y, arena *a, flat_change **ret, size_t *ret_count,
                             hearth_error *error)
{
    place *in_x = sorted(x, a), *in_y = sorted(y, a);
    flat_change *changes = arena_array(a, x->count + y->count, sizeof *changes);
    if (in_x == NULL || in_y == NULL || changes == NULL) {
        return error_memory(error, (x->count + y->count) * sizeof *changes);
    }
    size_t count = 0;
    for (size_t i = 0; i < x->count; i++) {
        const flat_line *there = find(in_y, y->count, &x->lines[i]);
        if (there == NULL || strcmp(there->value, x->lines[i].value) != 0) {
            changes[count++] = (flat_change){x->lines[i].key, x->lines[i].value, there != NULL ? there->value : NULL};
        }
    }
    for (size_t i = 0; i < y->count; i++) {
        if (find(in_x, x->count, &y->lines[i]) == NULL) {
            changes[count++] = (flat_change){y->lines[i].key, NULL, y->lines[i].value};
        }
    }
    *ret = changes;
    *ret_count = count;
    return HEARTH_OK;
}
