/* Values by their keys' rows. */
#include "recipe/read.h"

#include "base/text.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define PATH_SIZE 96
#define WORDS_SIZE 160 /* what was expected, as a text */

typedef struct place {
    arena *a;
    hearth_error *error;
    const char *path; /* of the map */
} place;

bool read_whole(const char *text, uint64_t *ret)
{
    const size_t length = strspn(text, DIGITS);
    if (length == 0 || length > 20 || text[length] != '\0' || (length > 1 && text[0] == '0')) {
        return false;
    }
    errno = 0;
    *ret = strtoull(text, NULL, 10);
    return errno == 0;
}

/* -?digits[.digits][e[+-]digits] */
static bool number_shape(const char *text)
{
    text += *text == '-';
    size_t length = strspn(text, DIGITS);
    if (length == 0 || (length > 1 && text[0] == '0')) {
        return false;
    }
    text += length;
    if (*text == '.') {
        length = strspn(++text, DIGITS);
        text += length;
        if (length == 0) {
            return false;
        }
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        length = strspn(text, DIGITS);
        text += length;
        if (length == 0) {
            return false;
        }
    }
    return *text == '\0';
}

bool read_real(const char *text, double *ret)
{
    if (strlen(text) > 64 || !number_shape(text)) {
        return false;
    }
    *ret = strtod(text, NULL);
    return isfinite(*ret);
}

/* What YAML 1.2's core schema takes a plain word for, where that is no text. */
static const char *plain_type(const char *text)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    static const char *const truth[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        if (strcmp(text, nothing[i]) == 0) {
            return "nothing";
        }
    }
    for (size_t i = 0; i < sizeof truth / sizeof truth[0]; i++) {
        if (strcmp(text, truth[i]) == 0) {
            return "the truth value";
        }
    }
    const char *digits = text + (*text == '-' || *text == '+');
    char *end = NULL;
    (void)strtod(digits, &end);
    const bool special = strcasecmp(digits, ".inf") == 0 || strcasecmp(digits, ".nan") == 0;
    const bool number = end != digits && *end == '\0' && (strchr(DIGITS, digits[0]) != NULL || digits[0] == '.');
    return special || number ? "the number" : NULL;
}

/* "the text "abc"", "the number 3", "a sequence", …; in the error. */
static hearth_status fail(const place *p, const yaml_node *n, const char *name, const char *expected)
{
    char where[128], full[PATH_SIZE], found[128];
    snprintf(full, sizeof full, "%s%s%s", p->path, p->path[0] != '\0' ? "." : "", name);
    yaml_place(n->line, n->column, full, where, sizeof where);
    if (n->kind != YAML_NODE_TEXT) {
        const char *size = n->count == 0 ? "an empty" : "a";
        snprintf(found, sizeof found, "%s %s", size, n->kind == YAML_NODE_MAP ? "mapping" : "sequence");
    } else {
        const char *type = n->quoted ? NULL : plain_type(n->text);
        const char *dots = strlen(n->text) > 64 ? "..." : "";
        if (type == NULL) {
            snprintf(found, sizeof found, "the text \"%.64s%s\"", n->text, dots);
        } else if (strcmp(type, "nothing") == 0) {
            snprintf(found, sizeof found, "nothing");
        } else {
            snprintf(found, sizeof found, "%s %.64s%s", type, n->text, dots);
        }
    }
    return error_set(p->error, HEARTH_E_FORMAT, where, expected, "%s", found);
}

hearth_status read_refuse(const yaml_node *map, const char *path, const char *key, hearth_error *error,
                          const char *expected, const char *found_format, ...)
{
    char where[128], full[PATH_SIZE], found[160];
    const yaml_node *n = yaml_find(map, key);
    n = n != NULL ? n : map;
    snprintf(full, sizeof full, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
    yaml_place(n->line, n->column, full, where, sizeof where);
    va_list arguments;
    va_start(arguments, found_format);
    vsnprintf(found, sizeof found, found_format, arguments);
    va_end(arguments);
    return error_set(error, HEARTH_E_FORMAT, where, expected, "%s", found);
}

static bool is_text(const yaml_node *n)
{
    return n->kind == YAML_NODE_TEXT && (n->quoted || plain_type(n->text) == NULL);
}

static bool is_plain(const yaml_node *n)
{
    return n->kind == YAML_NODE_TEXT && !n->quoted;
}

static void list_choices(const char *const *choices, char *ret, size_t size)
{
    size_t length = (size_t)snprintf(ret, size, "one of");
    for (size_t i = 0; choices[i] != NULL && length < size; i++) {
        length += (size_t)snprintf(ret + length, size - length, "%s %s", i > 0 ? "," : "", choices[i]);
    }
}

static hearth_status read_choice(const place *p, const yaml_node *n, const recipe_key *k, unsigned *ret)
{
    for (unsigned i = 0; is_text(n) && k->choices[i] != NULL; i++) {
        if (strcmp(k->choices[i], n->text) == 0) {
            *ret = i;
            return HEARTH_OK;
        }
    }
    char expected[WORDS_SIZE];
    list_choices(k->choices, expected, sizeof expected);
    return fail(p, n, k->name, expected);
}

static hearth_status read_text(const place *p, const yaml_node *n, const recipe_key *k, const char **ret)
{
    if (k->choices != NULL) {
        unsigned index = 0;
        TRY(read_choice(p, n, k, &index));
        *ret = k->choices[index];
        return HEARTH_OK;
    }
    if (!is_text(n)) {
        return fail(p, n, k->name, n->kind == YAML_NODE_TEXT ? "a text (a number in quotes)" : "a text");
    }
    if (k->form != NULL && !k->form->fits(n->text)) {
        return fail(p, n, k->name, k->form->expected);
    }
    *ret = n->text;
    return HEARTH_OK;
}

static void range_words(const recipe_key *k, const char *what, char *ret, size_t size)
{
    if (k->least == k->most) {
        snprintf(ret, size, "%.15g", k->least);
    } else if (k->most > 0x1p62) {
        snprintf(ret, size, "%s below 2^63", what);
    } else if (k->above) {
        snprintf(ret, size, "%s above %.15g, up to %.15g", what, k->least, k->most);
    } else {
        snprintf(ret, size, "%s from %.15g to %.15g", what, k->least, k->most);
    }
}

static hearth_status read_number(const place *p, const yaml_node *n, const recipe_key *k, void *ret)
{
    uint64_t whole = 0;
    double real = 0;
    char expected[WORDS_SIZE];
    range_words(k, k->type == KEY_REAL ? "a number" : "a whole number", expected, sizeof expected);
    bool good = is_plain(n) && (k->type == KEY_REAL ? read_real(n->text, &real) : read_whole(n->text, &whole));
    if (k->type != KEY_REAL) {
        /* The bounds are whole and small, but for the largest seed, which binary64 rounds up. */
        good = good && whole <= INT64_MAX && (double)whole >= k->least && (double)whole <= k->most;
    } else {
        good = good && (k->above ? real > k->least : real >= k->least) && real <= k->most;
    }
    if (!good) {
        return fail(p, n, k->name, expected);
    }
    if (k->type == KEY_U32) {
        *(uint32_t *)ret = (uint32_t)whole;
    } else if (k->type == KEY_U64) {
        *(uint64_t *)ret = whole;
    } else {
        *(double *)ret = real;
    }
    return HEARTH_OK;
}

static hearth_status read_bool(const place *p, const yaml_node *n, const recipe_key *k, bool *ret)
{
    if (!is_plain(n) || (strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0)) {
        return fail(p, n, k->name, "true or false");
    }
    *ret = n->text[0] == 't';
    return HEARTH_OK;
}

/* An array for a list's items; the list must have `least`. */
static hearth_status open_list(const place *p, const yaml_node *n, const recipe_key *k, size_t item_bytes, void **ret)
{
    *ret = NULL;
    if (n->kind != YAML_NODE_LIST || (double)n->count < k->least) {
        return fail(p, n, k->name, k->least > 0 ? "a sequence of at least one" : "a sequence");
    }
    if (k->most > 0 && (double)n->count > k->most) {
        char expected[WORDS_SIZE];
        snprintf(expected, sizeof expected, "a sequence of at most %.15g", k->most);
        return fail(p, n, k->name, expected);
    }
    if (n->count > 0) {
        *ret = arena_array(p->a, n->count, item_bytes);
        if (*ret == NULL) {
            return error_memory(p->error, n->count * item_bytes);
        }
    }
    return HEARTH_OK;
}

static void child_path(const place *p, const char *name, size_t index, bool item, char ret[PATH_SIZE])
{
    const char *dot = p->path[0] != '\0' ? "." : "";
    if (item) {
        snprintf(ret, PATH_SIZE, "%s%s%s[%zu]", p->path, dot, name, index);
    } else {
        snprintf(ret, PATH_SIZE, "%s%s%s", p->path, dot, name);
    }
}

static hearth_status read_texts(const place *p, const yaml_node *n, const recipe_key *k, char *base)
{
    void *items = NULL;
    TRY(open_list(p, n, k, sizeof(char *), &items));
    const char **texts = items;
    size_t i = 0;
    for (const yaml_node *child = n->first; child != NULL; child = child->next, i++) {
        TRY(read_text(p, child, k, &texts[i]));
    }
    memcpy(base + k->offset, &items, sizeof items);
    *(size_t *)(void *)(base + k->count_offset) = n->count;
    return HEARTH_OK;
}

static hearth_status read_list(const place *p, const yaml_node *n, const recipe_key *k, char *base)
{
    void *items = NULL;
    TRY(open_list(p, n, k, k->item_bytes, &items));
    size_t i = 0;
    for (const yaml_node *child = n->first; child != NULL; child = child->next, i++) {
        char path[PATH_SIZE];
        child_path(p, k->name, i, true, path);
        TRY(read_map(p->a, child, k->keys, (char *)items + i * k->item_bytes, path, p->error));
    }
    memcpy(base + k->offset, &items, sizeof items);
    *(size_t *)(void *)(base + k->count_offset) = n->count;
    return HEARTH_OK;
}

/* A parameter's value as written: a scalar, or scalars joined by newlines. */
static hearth_status read_parameter(const place *p, const yaml_node *n, recipe_parameter *ret)
{
    *ret = (recipe_parameter){.name = n->key, .value = n->text, .line = n->line, .column = n->column};
    if (n->kind == YAML_NODE_TEXT) {
        return HEARTH_OK;
    }
    size_t length = 1;
    for (const yaml_node *item = n->first; item != NULL; item = item->next) {
        if (item->kind != YAML_NODE_TEXT || strchr(item->text, '\n') != NULL) {
            return fail(p, item, n->key, "a word or a number");
        }
        length += strlen(item->text) + 1;
    }
    if (n->kind == YAML_NODE_MAP) {
        return fail(p, n, n->key, "a value or a sequence of values");
    }
    char *text = arena_alloc(p->a, length);
    if (text == NULL) {
        return error_memory(p->error, length);
    }
    size_t at = 0;
    for (const yaml_node *item = n->first; item != NULL; item = item->next) {
        at += (size_t)snprintf(text + at, length - at, "%s%s", item == n->first ? "" : "\n", item->text);
    }
    ret->value = text;
    return HEARTH_OK;
}

static hearth_status read_rule(const place *p, const yaml_node *n, recipe_rule *ret)
{
    const yaml_node *name = n->kind == YAML_NODE_MAP ? yaml_find(n, "rule") : n;
    if (n->kind == YAML_NODE_LIST || name == NULL) {
        return fail(p, n, "rule", "the name of a rule, or a mapping with the key rule");
    }
    if (!is_text(name) || !form_rule.fits(name->text)) {
        return fail(p, name, "rule", form_rule.expected);
    }
    *ret = (recipe_rule){.name = name->text, .line = name->line, .column = name->column};
    if (n->kind != YAML_NODE_MAP || n->count == 1) {
        return HEARTH_OK;
    }
    recipe_parameter *parameters = arena_array(p->a, n->count - 1, sizeof *parameters);
    if (parameters == NULL) {
        return error_memory(p->error, n->count * sizeof *parameters);
    }
    for (const yaml_node *child = n->first; child != NULL; child = child->next) {
        if (child != name) {
            TRY(read_parameter(p, child, &parameters[ret->parameter_count++]));
        }
    }
    ret->parameters = parameters;
    return HEARTH_OK;
}

static hearth_status read_rules(const place *p, const yaml_node *n, const recipe_key *k, char *base)
{
    void *items = NULL;
    TRY(open_list(p, n, k, sizeof(recipe_rule), &items));
    size_t i = 0;
    for (const yaml_node *child = n->first; child != NULL; child = child->next, i++) {
        char path[PATH_SIZE];
        child_path(p, k->name, i, true, path);
        const place item = {.a = p->a, .error = p->error, .path = path};
        TRY(read_rule(&item, child, (recipe_rule *)items + i));
    }
    memcpy(base + k->offset, &items, sizeof items);
    *(size_t *)(void *)(base + k->count_offset) = n->count;
    return HEARTH_OK;
}

static hearth_status read_value(const place *p, const yaml_node *n, const recipe_key *k, char *base)
{
    char path[PATH_SIZE];
    void *at = base + k->offset;
    switch (k->type) {
    case KEY_TEXT:
        return read_text(p, n, k, at);
    case KEY_U32:
    case KEY_U64:
    case KEY_REAL:
        return read_number(p, n, k, at);
    case KEY_BOOL:
        return read_bool(p, n, k, at);
    case KEY_CHOICE:
        return read_choice(p, n, k, at);
    case KEY_TEXTS:
        return read_texts(p, n, k, base);
    case KEY_LIST:
        return read_list(p, n, k, base);
    case KEY_RULES:
        return read_rules(p, n, k, base);
    case KEY_MAP:
        child_path(p, k->name, 0, false, path);
        return read_map(p->a, n, k->keys, at, path, p->error);
    }
    return HEARTH_OK;
}

static void take_default(const recipe_key *k, char *base)
{
    void *at = base + k->offset;
    switch (k->type) {
    case KEY_TEXT:
        *(const char **)at = k->text;
        break;
    case KEY_U32:
        *(uint32_t *)at = (uint32_t)k->fallback;
        break;
    case KEY_U64:
        *(uint64_t *)at = (uint64_t)k->fallback;
        break;
    case KEY_REAL:
        *(double *)at = k->fallback;
        break;
    default:
        break; /* zeroed */
    }
}

static hearth_status unknown_key(const place *p, const yaml_node *n, const recipe_key *keys)
{
    const recipe_key *nearest = NULL;
    unsigned best = 0;
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        const unsigned far = text_distance(n->key, k->name);
        if (nearest == NULL || far < best) {
            nearest = k;
            best = far;
        }
    }
    char where[128], path[PATH_SIZE], expected[WORDS_SIZE];
    child_path(p, n->key, 0, false, path);
    yaml_place(n->key_line, n->key_column, path, where, sizeof where);
    size_t length =
        (size_t)snprintf(expected, sizeof expected, "a key of %s", p->path[0] != '\0' ? p->path : "a recipe");
    if (nearest != NULL && text_is_near(n->key, best)) {
        snprintf(expected + length, sizeof expected - length, " (%s?)", nearest->name);
    }
    return error_set(p->error, HEARTH_E_FORMAT, where, expected, "the unknown key \"%.64s\"", n->key);
}

/* Which choice the key's selector has in this map; -1 where it is absent or unknown, which is told elsewhere. */
static int selected(const yaml_node *map, const recipe_key *keys, const recipe_key *k, const char **ret_word)
{
    const yaml_node *n = yaml_find(map, k->selector);
    const recipe_key *selector = keys;
    while (selector->name != NULL && strcmp(selector->name, k->selector) != 0) {
        selector++;
    }
    for (int i = 0; n != NULL && n->text != NULL && selector->name != NULL && selector->choices[i] != NULL; i++) {
        if (strcmp(selector->choices[i], n->text) == 0) {
            *ret_word = n->text;
            return i;
        }
    }
    return -1;
}

/* A key that the value of another key wants, or does not allow. */
static hearth_status check_selected(const place *p, const yaml_node *map, const recipe_key *keys, const recipe_key *k)
{
    const char *word = NULL;
    const int choice = k->selector != NULL ? selected(map, keys, k, &word) : -1;
    const yaml_node *n = yaml_find(map, k->name);
    char where[128], path[PATH_SIZE], expected[WORDS_SIZE];
    child_path(p, n != NULL ? k->name : "", 0, false, path);
    const bool needed = k->required || (choice >= 0 && (k->needed >> choice & 1) != 0);
    if (n == NULL && needed) {
        yaml_place(map->line, map->column, p->path, where, sizeof where);
        if (k->required) {
            snprintf(expected, sizeof expected, "the key %s", k->name);
        } else {
            snprintf(expected, sizeof expected, "the key %s, which %s %s needs", k->name, k->selector, word);
        }
        return error_set(p->error, HEARTH_E_FORMAT, where, expected, "no such key");
    }
    if (n != NULL && choice >= 0 && (k->allowed >> choice & 1) == 0) {
        yaml_place(n->key_line, n->key_column, path, where, sizeof where);
        snprintf(expected, sizeof expected, "no such key with %s %s", k->selector, word);
        return error_set(p->error, HEARTH_E_FORMAT, where, expected, "it");
    }
    return HEARTH_OK;
}

hearth_status read_map(arena *a, const yaml_node *map, const recipe_key *keys, void *base, const char *path,
                       hearth_error *error)
{
    const place p = {.a = a, .error = error, .path = path};
    if (map->kind != YAML_NODE_MAP) {
        const place above = {.a = a, .error = error, .path = ""};
        return fail(&above, map, path, "a mapping (key: value)");
    }
    for (const yaml_node *n = map->first; n != NULL; n = n->next) {
        const recipe_key *k = keys;
        while (k->name != NULL && strcmp(k->name, n->key) != 0) {
            k++;
        }
        if (k->name == NULL) {
            return unknown_key(&p, n, keys);
        }
        TRY(read_value(&p, n, k, base));
    }
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        TRY(check_selected(&p, map, keys, k));
        if (yaml_find(map, k->name) == NULL) {
            take_default(k, base);
        }
    }
    return HEARTH_OK;
}
