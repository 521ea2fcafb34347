/* Each key is read as the command line would read it. */
#include "cli/serve_config.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "recipe/yaml.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_BYTES ((size_t)1 << 20)
#define PLACE_SIZE 160

typedef struct reading {
    const option *table;
    void *settings;
    serve_config *config;
    hearth_error *error;
} reading;

static const option *find_option(const option *table, const char *name)
{
    for (const option *o = table; o->name != NULL; o++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

static hearth_status unknown_key(const reading *r, const yaml_node *n)
{
    char place[PLACE_SIZE];
    const char *nearest = "models";
    unsigned best = text_distance(n->key, nearest);
    for (const option *o = r->table; o->name != NULL; o++) {
        const unsigned distance = text_distance(n->key, o->name);
        if (distance < best) {
            nearest = o->name;
            best = distance;
        }
    }
    yaml_place(n->key_line, n->key_column, n->key, place, sizeof place);
    return text_is_near(n->key, best)
               ? error_set(r->error, HEARTH_E_FORMAT, place, "an option of hearth serve", "did you mean %s?", nearest)
               : error_set(r->error, HEARTH_E_FORMAT, place, "an option of hearth serve, or models", "no such one");
}

static hearth_status wrong_value(const reading *r, const yaml_node *n, const char *expected, const char *found)
{
    char place[PLACE_SIZE];
    yaml_place(n->line, n->column, n->key, place, sizeof place);
    return error_set(r->error, HEARTH_E_FORMAT, place, expected, "%.80s", found);
}

/* "--name=value", or the flag alone. */
static hearth_status parse(const reading *r, const yaml_node *n, const char *name, const char *value)
{
    char *words[1] = {value != NULL ? arena_format(r->config->texts, "--%s=%s", name, value)
                                    : arena_format(r->config->texts, "--%s", name)};
    const option_set set = {r->table, r->settings};
    const char *operand = NULL;
    size_t count = 0;
    hearth_error wrong = {0};
    if (words[0] == NULL) {
        return error_memory(r->error, strlen(name));
    }
    if (option_parse(&set, 1, 1, words, false, &operand, &count, &wrong) != HEARTH_OK) {
        return wrong.status == HEARTH_E_ARGUMENT ? wrong_value(r, n, NULL, wrong.found)
                                                 : error_memory(r->error, strlen(words[0]));
    }
    return HEARTH_OK;
}

static hearth_status read_flag(const reading *r, const yaml_node *n, const option *o)
{
    const bool yes = n->kind == YAML_NODE_TEXT && strcmp(n->text, "true") == 0;
    if (!yes && (n->kind != YAML_NODE_TEXT || strcmp(n->text, "false") != 0)) {
        return wrong_value(r, n, "true or false", n->kind == YAML_NODE_TEXT ? n->text : "a list or a map");
    }
    return yes ? parse(r, n, o->name, NULL) : HEARTH_OK;
}

static hearth_status read_texts(const reading *r, const yaml_node *n, const option *o)
{
    if (n->kind != YAML_NODE_LIST) {
        return wrong_value(r, n, "a list", n->kind == YAML_NODE_TEXT ? n->text : "a map");
    }
    for (const yaml_node *item = n->first; item != NULL; item = item->next) {
        if (item->kind != YAML_NODE_TEXT) {
            return wrong_value(r, item, "a text", "a list or a map");
        }
        TRY(parse(r, item, o->name, item->text));
    }
    return HEARTH_OK;
}

static hearth_status read_models(const reading *r, const yaml_node *n)
{
    serve_config *c = r->config;
    if (n->kind != YAML_NODE_LIST) {
        return wrong_value(r, n, "a list", n->kind == YAML_NODE_TEXT ? n->text : "a map");
    }
    c->models = arena_array(c->texts, n->count + 1, sizeof *c->models);
    if (c->models == NULL) {
        return error_memory(r->error, n->count * sizeof *c->models);
    }
    for (const yaml_node *item = n->first; item != NULL; item = item->next) {
        if (item->kind != YAML_NODE_TEXT || item->text[0] == '\0') {
            return wrong_value(r, item, "a model", "something else");
        }
        c->models[c->model_count++] = item->text;
    }
    return HEARTH_OK;
}

static hearth_status read_key(const reading *r, const yaml_node *n)
{
    if (strcmp(n->key, "models") == 0) {
        return read_models(r, n);
    }
    const option *o = find_option(r->table, n->key);
    if (o == NULL || strcmp(o->name, "config") == 0) {
        return unknown_key(r, n);
    }
    if (o->type == OPTION_FLAG) {
        return read_flag(r, n, o);
    }
    if (o->type == OPTION_LIST) {
        return read_texts(r, n, o);
    }
    return n->kind == YAML_NODE_TEXT ? parse(r, n, o->name, n->text)
                                     : wrong_value(r, n, "one value", "a list or a map");
}

static hearth_status read_map(const reading *r, const buffer *text)
{
    yaml_node *root = NULL;
    TRY(yaml_read(buffer_text(text), text->length, r->config->texts, &root, r->error));
    if (root->kind != YAML_NODE_MAP) {
        return wrong_value(r, root, "options, as KEY: VALUE", "something else");
    }
    for (const yaml_node *n = root->first; n != NULL; n = n->next) {
        TRY(read_key(r, n));
    }
    return HEARTH_OK;
}

hearth_status serve_config_read(const char *path, const option *table, void *settings, serve_config *ret,
                                hearth_error *error)
{
    const reading r = {table, settings, ret, error};
    buffer text;
    buffer_init(&text, 0);
    ret->texts = arena_create(0);
    hearth_status status = ret->texts != NULL ? file_read(path, CONFIG_BYTES, &text, error) : error_memory(error, 0);
    if (status == HEARTH_OK) {
        status = read_map(&r, &text);
        if (status != HEARTH_OK) {
            error_in_file(error, path);
        }
    }
    buffer_free(&text);
    return status;
}

void serve_config_free(serve_config *c)
{
    arena_destroy(c->texts);
    *c = (serve_config){0};
}

/* ---- what changed ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(const option_list *a, const option_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->items[i], b->items[i]) == 0;
    }
    return same;
}

static bool same_value(const option *o, const void *a, const void *b)
{
    const void *x = (const char *)a + o->offset, *y = (const char *)b + o->offset;
    switch (o->type) {
    case OPTION_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case OPTION_TEXT:
        return same_text(*(const char *const *)x, *(const char *const *)y);
    case OPTION_LIST:
        return same_list(x, y);
    case OPTION_CHOICE:
        return *(const int *)x == *(const int *)y;
    case OPTION_NUMBER:
        return *(const double *)x == *(const double *)y;
    case OPTION_COUNT:
        return *(const size_t *)x == *(const size_t *)y;
    case OPTION_SEED:
        return *(const uint64_t *)x == *(const uint64_t *)y;
    }
    return true;
}

const option *serve_config_next_change(const option *table, const void *a, const void *b, const char *const *among,
                                       const option *from)
{
    for (const option *o = from != NULL ? from + 1 : table; o->name != NULL; o++) {
        bool listed = false;
        for (size_t i = 0; among[i] != NULL; i++) {
            listed = listed || strcmp(among[i], o->name) == 0;
        }
        if (!listed && !same_value(o, a, b)) {
            return o;
        }
    }
    return NULL;
}
