/* The option parser: `--name=value`, `--name value`, `-x value`, `-xvalue`, bundled flags, `--`. */
#include "cli/option.h"

#include "base/text.h"
#include "base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MOST = 64 }; /* longer words are compared by their beginning only */

typedef struct parse_state {
    const option_set *sets;
    size_t set_count;
    int count;
    char *const *argv;
    int at;
    hearth_error *error;
} parse_state;

size_t option_table_count(const option *table)
{
    size_t n = 0;
    while (table != NULL && table[n].name != NULL) {
        n++;
    }
    return n;
}

static const option *find_name(const parse_state *p, const char *name, size_t length, void **ret_settings)
{
    for (size_t s = 0; s < p->set_count; s++) {
        for (const option *o = p->sets[s].table; o != NULL && o->name != NULL; o++) {
            if (strlen(o->name) == length && memcmp(o->name, name, length) == 0) {
                *ret_settings = p->sets[s].settings;
                return o;
            }
        }
    }
    return NULL;
}

static const option *find_letter(const parse_state *p, char letter, void **ret_settings)
{
    for (size_t s = 0; s < p->set_count; s++) {
        for (const option *o = p->sets[s].table; o != NULL && o->name != NULL; o++) {
            if (o->letter != 0 && o->letter == letter) {
                *ret_settings = p->sets[s].settings;
                return o;
            }
        }
    }
    return NULL;
}

static hearth_status unknown_name(const parse_state *p, const char *word, size_t length)
{
    char name[WORD_MOST + 1];
    const size_t kept = length < WORD_MOST ? length : WORD_MOST;
    memcpy(name, word, kept);
    name[kept] = '\0';
    const option *nearest = NULL;
    unsigned best = 0;
    for (size_t s = 0; s < p->set_count; s++) {
        for (const option *o = p->sets[s].table; o != NULL && o->name != NULL; o++) {
            const unsigned distance = text_distance(name, o->name);
            if (nearest == NULL || distance < best) {
                nearest = o;
                best = distance;
            }
        }
    }
    if (nearest != NULL && text_is_near(name, best)) {
        return error_set(p->error, HEARTH_E_ARGUMENT, NULL, NULL, "unknown option --%s; did you mean --%s?", name,
                         nearest->name);
    }
    return error_set(p->error, HEARTH_E_ARGUMENT, NULL, NULL, "unknown option --%s", name);
}

static hearth_status bad_value(const option *o, const char *value, hearth_error *error)
{
    if (o->choices != NULL) {
        char list[96] = "";
        for (size_t i = 0; o->choices[i] != NULL; i++) {
            const size_t used = strlen(list);
            const char *join = i == 0 ? "" : (o->choices[i + 1] == NULL ? " or " : ", ");
            snprintf(list + used, sizeof list - used, "%s%s", join, o->choices[i]);
        }
        return error_set(error, HEARTH_E_ARGUMENT, NULL, NULL, "--%s takes %s, not \"%.48s\"", o->name, list, value);
    }
    if (o->type == OPTION_NUMBER) {
        return error_set(error, HEARTH_E_ARGUMENT, NULL, NULL, "--%s takes a number from %g to %g, not \"%.48s\"",
                         o->name, o->least, o->most, value);
    }
    if (o->type == OPTION_SEED) {
        return error_set(error, HEARTH_E_ARGUMENT, NULL, NULL,
                         "--%s takes a whole number from 0 to %" PRId64 ", not \"%.48s\"", o->name, INT64_MAX, value);
    }
    return error_set(error, HEARTH_E_ARGUMENT, NULL, NULL, "--%s takes a whole number from %.0f to %.0f, not \"%.48s\"",
                     o->name, o->least, o->most, value);
}

bool option_read_whole(const char *value, const char **ret_end, uint64_t *ret)
{
    char *end = NULL;
    if (*value < '0' || *value > '9') {
        return false;
    }
    errno = 0;
    *ret = strtoull(value, &end, 10);
    *ret_end = end;
    return errno == 0;
}

bool option_read_number(const char *value, double *ret)
{
    char *end = NULL;
    if (*value == '\0' || value[strspn(value, "0123456789.eE+-")] != '\0') {
        return false; /* strtod would also take white space, hexadecimal digits, "inf" and "nan" */
    }
    *ret = strtod(value, &end);
    return *end == '\0' && isfinite(*ret);
}

static bool parse_whole(const char *value, uint64_t *ret)
{
    const char *end = NULL;
    return option_read_whole(value, &end, ret) && *end == '\0';
}

static hearth_status append_item(option_list *list, const char *value, hearth_error *error)
{
    const size_t size = (list->count + 1) * sizeof *list->items; /* count is bounded by argc */
    const char **items = mem_realloc(list->items, size);
    if (items == NULL) {
        return error_memory(error, size);
    }
    items[list->count++] = value;
    list->items = items;
    return HEARTH_OK;
}

static hearth_status choose(const option *o, const char *value, void *field, hearth_error *error)
{
    for (int i = 0; o->choices[i] != NULL; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            if (o->type == OPTION_CHOICE) {
                *(int *)field = i;
            } else {
                *(const char **)field = value;
            }
            return HEARTH_OK;
        }
    }
    return bad_value(o, value, error);
}

static hearth_status store(const option *o, void *settings, const char *value, hearth_error *error)
{
    void *field = (char *)settings + o->offset;
    uint64_t whole = 0;
    double number = 0;
    switch (o->type) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return HEARTH_OK;
    case OPTION_TEXT:
        if (o->choices == NULL) {
            *(const char **)field = value;
            return HEARTH_OK;
        }
        return choose(o, value, field, error);
    case OPTION_CHOICE:
        return choose(o, value, field, error);
    case OPTION_LIST:
        return append_item(field, value, error);
    case OPTION_NUMBER:
        if (!option_read_number(value, &number) || number < o->least || number > o->most) {
            return bad_value(o, value, error);
        }
        *(double *)field = number;
        return HEARTH_OK;
    case OPTION_COUNT:
        if (!parse_whole(value, &whole) || (double)whole < o->least || (double)whole > o->most) {
            return bad_value(o, value, error);
        }
        *(size_t *)field = (size_t)whole;
        return HEARTH_OK;
    case OPTION_SEED:
        if (!parse_whole(value, &whole) || whole > INT64_MAX) {
            return bad_value(o, value, error);
        }
        *(uint64_t *)field = whole;
        return HEARTH_OK;
    }
    return HEARTH_OK;
}

/* The next word as the option's value; NULL, with the error set, when there is none. */
static const char *take_next(parse_state *p, const option *o)
{
    if (p->at + 1 >= p->count) {
        (void)error_set(p->error, HEARTH_E_ARGUMENT, NULL, NULL, "--%s needs a value: --%s %s", o->name, o->name,
                        o->argument);
        return NULL;
    }
    return p->argv[++p->at];
}

/* argv[at] is "--name" or "--name=value". */
static hearth_status parse_long(parse_state *p)
{
    const char *word = p->argv[p->at] + 2;
    const size_t length = strcspn(word, "=");
    void *settings = NULL;
    const option *o = find_name(p, word, length, &settings);
    if (o == NULL) {
        return unknown_name(p, word, length);
    }
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    if (o->type == OPTION_FLAG && value != NULL) {
        return error_set(p->error, HEARTH_E_ARGUMENT, NULL, NULL, "--%s takes no value", o->name);
    }
    if (o->type == OPTION_FLAG) {
        return store(o, settings, "", p->error);
    }
    if (value == NULL) {
        value = o->bare != NULL ? o->bare : take_next(p, o);
    }
    return value != NULL ? store(o, settings, value, p->error) : HEARTH_E_ARGUMENT;
}

/* argv[at] is "-abc": flags, the last of which may take a value, joined or next. */
static hearth_status parse_letters(parse_state *p)
{
    for (const char *letter = p->argv[p->at] + 1; *letter != '\0'; letter++) {
        void *settings = NULL;
        const option *o = find_letter(p, *letter, &settings);
        if (o == NULL) {
            return error_set(p->error, HEARTH_E_ARGUMENT, NULL, NULL, "unknown option -%c", *letter);
        }
        if (o->type == OPTION_FLAG) {
            TRY(store(o, settings, "", p->error));
            continue;
        }
        const char *value = letter[1] != '\0' ? letter + 1 : take_next(p, o);
        return value != NULL ? store(o, settings, value, p->error) : HEARTH_E_ARGUMENT;
    }
    return HEARTH_OK;
}

hearth_status option_parse(const option_set *sets, size_t set_count, int count, char *const *argv, bool stop_early,
                           const char **operands, size_t *ret_count, hearth_error *error)
{
    parse_state p = {.sets = sets, .set_count = set_count, .count = count, .argv = argv, .error = error};
    bool options = true;
    size_t found = 0;
    for (p.at = 0; p.at < count; p.at++) {
        const char *word = argv[p.at];
        if (!options || word[0] != '-' || word[1] == '\0') {
            operands[found++] = word;
            options = options && !stop_early;
        } else if (strcmp(word, "--") == 0) {
            options = false;
        } else if (word[1] == '-') {
            TRY(parse_long(&p));
        } else {
            TRY(parse_letters(&p));
        }
    }
    *ret_count = found;
    return HEARTH_OK;
}

void option_free(option_set set)
{
    for (const option *o = set.table; o != NULL && o->name != NULL; o++) {
        if (o->type == OPTION_LIST) {
            option_list *list = (option_list *)((char *)set.settings + o->offset);
            mem_free(list->items);
            *list = (option_list){0};
        }
    }
}
