/* Sources that are absent, unpinned or different; licences without evidence; a tokenizer's file. */
#include "corpus/explain.h"
#include "corpus/debian_list.h"
#include "corpus/generator.h"
#include "corpus/rules.h"
#include "corpus/source_part.h"

#include "base/hash.h"
#include "base/memory.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct list {
    const recipe *r;
    arena *a;
    recipe_lacks *out;
    size_t room;
    hearth_error *error;
} list;

/* Takes texts that are made in the arena; NULL for one of the first two means that memory is out. */
static hearth_status add(list *l, const char *key, const char *what, const char *remedy)
{
    if (l->out->count == l->room) {
        const size_t room = l->room == 0 ? 16 : 2 * l->room;
        recipe_lack *items = arena_array(l->a, room, sizeof *items);
        if (items == NULL) {
            return error_memory(l->error, room * sizeof *items);
        }
        if (l->out->count > 0) {
            memcpy(items, l->out->items, l->out->count * sizeof *items);
        }
        l->out->items = items;
        l->room = room;
    }
    if (key == NULL || what == NULL) {
        return error_memory(l->error, 0);
    }
    l->out->items[l->out->count++] = (recipe_lack){key, what, remedy};
    return HEARTH_OK;
}

/* recipe_place, in the arena. */
static const char *place(const list *l, const char *path)
{
    char *whole = recipe_place(l->r, path);
    const char *kept = whole != NULL ? arena_strndup(l->a, whole, strlen(whole)) : NULL;
    mem_free(whole);
    return kept;
}

static char *source_key(const list *l, const recipe_source *s, const char *key)
{
    return arena_format(l->a, "sources.%s.%s", s->name, key);
}

/* The file's hash against `wanted`; NULL: it is not pinned. A file that cannot be read is a lack, too. */
static hearth_status check_file(list *l, const char *path, const char *key, const char *key_path, const char *wanted)
{
    char sha256[HASH_HEX_SIZE];
    hearth_error why = {0};
    if (!file_exists(path)) {
        return add(l, key_path, arena_format(l->a, "nothing is there: %s", path), NULL);
    }
    const hearth_status status = source_hash(path, sha256, &why);
    if (status == HEARTH_E_MEMORY) {
        return error_memory(l->error, 0);
    }
    if (status != HEARTH_OK) {
        char line[512];
        return add(l, key_path, arena_format(l->a, "%s", hearth_error_line(&why, line, sizeof line)), NULL);
    }
    if (wanted == NULL) {
        return add(l, key, "not pinned: who runs this cannot know that it has the same bytes",
                   arena_format(l->a, "sha256: %s", sha256));
    }
    return strcmp(wanted, sha256) == 0
               ? HEARTH_OK
               : add(l, key, arena_format(l->a, "%s has another SHA-256 than the recipe says: %s", path, sha256), NULL);
}

typedef struct unpinned {
    const recipe_source *s;
    list *l;
    size_t count;
    const char *first;
} unpinned;

static int by_path(const void *path, const void *pin)
{
    return strcmp(path, ((const recipe_pin *)pin)->path);
}

static hearth_status find_unpinned(void *context, const char *path, const char *place, hearth_error *error)
{
    (void)path;
    unpinned *u = context;
    if (bsearch(place, u->s->pins, u->s->pin_count, sizeof *u->s->pins, by_path) == NULL && u->count++ == 0) {
        u->first = arena_format(u->l->a, "%s", place);
        return u->first != NULL ? HEARTH_OK : error_memory(error, strlen(place));
    }
    return HEARTH_OK;
}

/* Files below a folder with pins that have none. */
static hearth_status check_unpinned(list *l, const recipe_source *s, const char *folder)
{
    unpinned u = {.s = s, .l = l};
    if (!file_is_folder(folder)) {
        return HEARTH_OK;
    }
    TRY(source_walk(folder, find_unpinned, &u, l->error));
    return u.count == 0 ? HEARTH_OK
                        : add(l, source_key(l, s, "pins"),
                              arena_format(l->a, "not pinned: %zu file%s of the folder, the first is %s", u.count,
                                           u.count == 1 ? "" : "s", u.first),
                              NULL);
}

static hearth_status check_pins(list *l, const recipe_source *s, const char *folder)
{
    for (size_t i = 0; i < s->pin_count; i++) {
        const char *path = arena_format(l->a, "%s/%s", folder, s->pins[i].path);
        const char *key = arena_format(l->a, "sources.%s.pins.%s", s->name, s->pins[i].path);
        if (path == NULL || key == NULL) {
            return error_memory(l->error, strlen(folder));
        }
        TRY(check_file(l, path, key, key, s->pins[i].sha256));
    }
    return HEARTH_OK;
}

/* The list, and whether each package of it is there; what is in them is compared when a corpus is built. */
static hearth_status check_packages(list *l, const recipe_source *s, const char *folder)
{
    debian_list packages = {0};
    const char *path = place(l, s->packages), *first = NULL;
    size_t count = 0;
    if (path == NULL) {
        return error_memory(l->error, strlen(s->packages));
    }
    TRY(check_file(l, path, source_key(l, s, "sha256"), source_key(l, s, "packages"), s->sha256));
    if (!file_exists(path)) {
        return HEARTH_OK;
    }
    TRY(debian_list_read(path, &packages, l->error));
    for (size_t i = 0; i < packages.count; i++) {
        const char *file = arena_format(l->a, "%s/%s", folder, packages.items[i].file);
        if (file != NULL && !file_exists(file) && count++ == 0) {
            first = file;
        }
    }
    debian_list_free(&packages);
    return count == 0
               ? HEARTH_OK
               : add(l, source_key(l, s, "path"),
                     arena_format(
                         l->a, "not here: %zu package%s of the list, the first is %s (hearth corpus fetch gets them)",
                         count, count == 1 ? "" : "s", first),
                     NULL);
}

static hearth_status check_place(list *l, const recipe_source *s)
{
    if (s->kind == SOURCE_COMMAND) {
        return s->sha256 != NULL
                   ? HEARTH_OK
                   : add(l, source_key(l, s, "sha256"),
                         "not pinned: the program may print something else (a build's corpus.json has the hash)", NULL);
    }
    if (s->path == NULL) {
        return HEARTH_OK;
    }
    if (s->path[0] == '/') {
        TRY(add(l, source_key(l, s, "path"), "an absolute path: on another machine something else is there", NULL));
    }
    const char *path = place(l, s->path);
    if (path == NULL) {
        return error_memory(l->error, strlen(s->path));
    }
    if (s->kind == SOURCE_DEBIAN) {
        return check_packages(l, s, path);
    }
    if (s->pin_count > 0) {
        TRY(check_pins(l, s, path));
        return check_unpinned(l, s, path);
    }
    return check_file(l, path, source_key(l, s, "sha256"), source_key(l, s, "path"), s->sha256);
}

static bool unknown_licence(const char *licence)
{
    return strcmp(licence, "NOASSERTION") == 0 || strcmp(licence, "NONE") == 0;
}

static hearth_status check_licence(list *l, const recipe_source *s)
{
    if (s->kind == SOURCE_DEBIAN) {
        return HEARTH_OK; /* each package has its debian/copyright */
    }
    if (s->licence == NULL && s->licence_field == NULL) {
        return add(l, source_key(l, s, "licence"), "no licence: nobody can tell whether this may be used", NULL);
    }
    if (s->licence != NULL && unknown_licence(s->licence)) {
        return add(l, source_key(l, s, "licence"), arena_format(l->a, "%s is no licence", s->licence), NULL);
    }
    return s->evidence != NULL
               ? HEARTH_OK
               : add(l, source_key(l, s, "evidence"), "a licence without evidence: where is it declared?", NULL);
}

static hearth_status check_source(list *l, const recipe_source *s)
{
    if (s->kind == SOURCE_GENERATOR && corpus_generator_find(s->generator) == NULL) {
        (void)error_set(l->error, HEARTH_E_ARGUMENT, source_key(l, s, "generator"), "a generator of the table",
                        "\"%s\"", s->generator);
        error_in_file(l->error, l->r->path);
        return HEARTH_E_ARGUMENT;
    }
    TRY(check_place(l, s));
    return check_licence(l, s);
}

static hearth_status check_rule(list *l, const recipe_rule *asked)
{
    const char *sha256 = NULL;
    const char *file = rule_file(asked, &sha256);
    if (file == NULL) {
        return HEARTH_OK;
    }
    const char *path = place(l, file);
    const char *key = arena_format(l->a, "rules.%s.sha256", asked->name);
    const char *key_path = arena_format(l->a, "rules.%s.path", asked->name);
    return path == NULL || key == NULL || key_path == NULL
               ? error_memory(l->error, strlen(file))
               : check_file(l, path, key, key_path, *sha256 != '\0' ? sha256 : NULL);
}

static hearth_status check_rest(list *l)
{
    const recipe *r = l->r;
    for (size_t i = 0; i < r->rule_count; i++) {
        TRY(check_rule(l, &r->rules[i]));
    }
    if (r->tokenizer.kind == TOKENIZER_FILE) {
        const char *file = r->tokenizer.path;
        const char *path = place(l, file);
        if (path == NULL) {
            return error_memory(l->error, strlen(file));
        }
        TRY(check_file(l, path, "tokenizer.sha256", "tokenizer.path", r->tokenizer.sha256));
    }
    if (r->held_out <= 0) {
        TRY(add(l, "held_out", "nothing is held out: the loss on unseen text will not be known", NULL));
    }
    return unknown_licence(r->licence) ? add(l, "licence", arena_format(l->a, "%s is no licence", r->licence), NULL)
                                       : HEARTH_OK;
}

hearth_status recipe_explain(const recipe *r, arena *a, recipe_lacks *ret, hearth_error *error)
{
    *ret = (recipe_lacks){0};
    list l = {.r = r, .a = a, .out = ret, .error = error};
    TRY(rules_check(r, error));
    for (size_t i = 0; i < r->source_count; i++) {
        TRY(check_source(&l, &r->sources[i]));
    }
    return check_rest(&l);
}
