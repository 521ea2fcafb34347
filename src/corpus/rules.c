/* A recipe's rules against the table. */
#define _GNU_SOURCE /* strtod_l */
#include "corpus/rules.h"

#include "base/memory.h"
#include "platform/file.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading a recipe's rules ---- */

static hearth_status wrong(const recipe *r, unsigned line, unsigned column, const char *expected, const char *found,
                           hearth_error *error)
{
    char place[64];
    (void)snprintf(place, sizeof place, "line %u column %u", line, column);
    (void)error_set(error, HEARTH_E_ARGUMENT, place, expected, "\"%s\"", found);
    error_in_file(error, r->path);
    return HEARTH_E_ARGUMENT;
}

static const rule_row *find_row(const char *name)
{
    for (const rule_row *row = rule_table; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

/* "a, b or c" of a table's names, for the error. */
static void name_rules(char *text, size_t size)
{
    size_t used = 0;
    for (const rule_row *row = rule_table; row->name != NULL && used < size; row++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "a rule: ", row->name);
    }
}

static void name_parameters(const rule_row *row, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", row->parameters != NULL ? "a parameter: " : "no parameters");
    for (const rule_parameter *p = row->parameters; p != NULL && p->name != NULL && used < size; p++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", p == row->parameters ? "" : ", ", p->name);
    }
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    for (const char *at = choices; length > 0 && *at != '\0';) {
        const size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, text, length) == 0) {
            return true;
        }
        at += word + (at[word] != '\0');
    }
    return false;
}

/* A decimal number as C writes it, whatever the locale says. */
static bool read_number(const char *text, bool whole, double *ret)
{
    const size_t length = strlen(text);
    if (length == 0 || strspn(text, whole ? "0123456789" : "0123456789.eE+-") != length) {
        return false;
    }
    char *end = NULL;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        return false;
    }
    *ret = strtod_l(text, &end, c);
    freelocale(c);
    return *end == '\0' && isfinite(*ret);
}

static bool read_value(const rule_parameter *p, const char *text, rule_value *ret)
{
    ret->text = text;
    if (p->type == RULE_NUMBER || p->type == RULE_COUNT) {
        return read_number(text, p->type == RULE_COUNT, &ret->number) && ret->number >= p->least &&
               ret->number <= p->most;
    }
    return p->choices == NULL || is_choice(p->choices, text);
}

static void name_value(const rule_parameter *p, char *text, size_t size)
{
    if (p->type == RULE_NUMBER || p->type == RULE_COUNT) {
        (void)snprintf(text, size, "%s from %.10g to %.10g", p->type == RULE_COUNT ? "a whole number" : "a number",
                       p->least, p->most);
    } else {
        (void)snprintf(text, size, "one of: %s", p->choices != NULL ? p->choices : "any text");
    }
}

static hearth_status read_parameter(const recipe *r, const recipe_parameter *given, rule *ret, bool *there,
                                    hearth_error *error)
{
    char expected[192];
    const rule_row *row = ret->row;
    size_t at = 0;
    while (row->parameters != NULL && row->parameters[at].name != NULL &&
           strcmp(row->parameters[at].name, given->name) != 0) {
        at++;
    }
    if (row->parameters == NULL || row->parameters[at].name == NULL) {
        name_parameters(row, expected, sizeof expected);
        return wrong(r, given->line, given->column, expected, given->name, error);
    }
    if (there[at]) {
        return wrong(r, given->line, given->column, "each parameter once", given->name, error);
    }
    there[at] = true;
    if (!read_value(&row->parameters[at], given->value, &ret->values[at])) {
        name_value(&row->parameters[at], expected, sizeof expected);
        return wrong(r, given->line, given->column, expected, given->value, error);
    }
    return HEARTH_OK;
}

static hearth_status read_rule(const recipe *r, size_t index, rule *ret, hearth_error *error)
{
    char expected[192];
    const recipe_rule *given = &r->rules[index];
    bool there[RULE_PARAMETERS_MOST] = {false};
    ret->row = find_row(given->name);
    ret->index = (int)index;
    ret->recipe = r;
    if (ret->row == NULL) {
        name_rules(expected, sizeof expected);
        return wrong(r, given->line, given->column, expected, given->name, error);
    }
    for (size_t i = 0; i < given->parameter_count; i++) {
        TRY(read_parameter(r, &given->parameters[i], ret, there, error));
    }
    const rule_parameter *p = ret->row->parameters;
    for (size_t i = 0; p != NULL && p[i].name != NULL; i++) {
        if (!there[i] && (p[i].fallback == NULL || !read_value(&p[i], p[i].fallback, &ret->values[i]))) {
            (void)snprintf(expected, sizeof expected, "the parameter %s of %s", p[i].name, given->name);
            return wrong(r, given->line, given->column, expected, given->name, error);
        }
    }
    return HEARTH_OK;
}

hearth_status rule_wrong(const rule *r, const char *parameter, const char *expected, const char *found,
                         hearth_error *error)
{
    const recipe_rule *given = &r->recipe->rules[r->index];
    for (size_t i = 0; i < given->parameter_count; i++) {
        if (strcmp(given->parameters[i].name, parameter) == 0) {
            return wrong(r->recipe, given->parameters[i].line, given->parameters[i].column, expected, found, error);
        }
    }
    return wrong(r->recipe, given->line, given->column, expected, found, error);
}

static const char *given(const recipe_rule *asked, const rule_parameter *p)
{
    for (size_t i = 0; i < asked->parameter_count; i++) {
        if (strcmp(asked->parameters[i].name, p->name) == 0) {
            return asked->parameters[i].value;
        }
    }
    return p->fallback;
}

const char *rule_file(const recipe_rule *asked, const char **ret_sha256)
{
    const rule_row *row = rule_table;
    const char *file = NULL;
    while (row->name != NULL && strcmp(row->name, asked->name) != 0) {
        row++;
    }
    *ret_sha256 = "";
    for (const rule_parameter *p = row->parameters; p != NULL && p->name != NULL; p++) {
        file = p->type == RULE_FILE ? given(asked, p) : file;
        *ret_sha256 = strcmp(p->name, "sha256") == 0 ? given(asked, p) : *ret_sha256;
    }
    return file;
}

hearth_status rules_check(const recipe *r, hearth_error *error)
{
    for (size_t i = 0; i < r->rule_count; i++) {
        rule unused = {0};
        TRY(read_rule(r, i, &unused, error));
    }
    return HEARTH_OK;
}

hearth_status rules_open(const recipe *r, const char *folder, int threads, rule_list *ret, hearth_error *error)
{
    TRY(rules_check(r, error));
    ret->items = mem_calloc(r->rule_count + 1, sizeof *ret->items);
    if (ret->items == NULL) {
        return error_memory(error, r->rule_count * sizeof *ret->items);
    }
    for (size_t i = 0; i < r->rule_count; i++) {
        rule *one = &ret->items[i];
        TRY(read_rule(r, i, one, error));
        one->folder = folder;
        one->threads = threads;
        ret->count = i + 1; /* what it opened is closed, too, where it fails */
        if (one->row->open != NULL) {
            TRY(one->row->open(one, error));
        }
    }
    return HEARTH_OK;
}

void rules_close(rule_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].row->close != NULL) {
            list->items[i].row->close(&list->items[i]);
        }
    }
    mem_free(list->items);
    *list = (rule_list){0};
}

hearth_status rule_apply(rule *r, document *d, int part, hearth_error *error)
{
    if (d->fate != NULL) {
        return HEARTH_OK;
    }
    if (!r->row->any_bytes) {
        TRY(document_want_utf8(d, error));
        if (d->fate != NULL) {
            return HEARTH_OK;
        }
    }
    return r->row->apply(r, d, part, error);
}

hearth_status rule_decide(rule *r, document *d, hearth_error *error)
{
    return d->fate != NULL || r->row->decide == NULL ? HEARTH_OK : r->row->decide(r, d, error);
}
