/* hearth corpus fetch: the packages that a recipe's lists name, from a mirror of Debian's archive. */
#include "cli/confine.h"
#include "cli/corpus_command.h"
#include "cli/pull.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/debian_list.h"
#include "hub/fetch.h"
#include "net/url.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fetched {
    debian_list list;
    hub_file *files; /* [list.count] */
    char *folder, *lock;
    uint64_t bytes; /* that came now */
} fetched;

static void release(fetched *f)
{
    for (size_t i = 0; f->files != NULL && i < f->list.count; i++) {
        mem_free(f->files[i].url);
        mem_free(f->files[i].target);
    }
    mem_free(f->files);
    mem_free(f->folder);
    mem_free(f->lock);
    debian_list_free(&f->list);
    *f = (fetched){0};
}

/* --mirror, then HEARTH_DEBIAN_MIRROR, then the recipe's. */
static hearth_status mirror_of(const recipe_source *source, const corpus_settings *s, const char **ret,
                               hearth_error *error)
{
    const char *named = getenv("HEARTH_DEBIAN_MIRROR");
    *ret = s->mirror != NULL ? s->mirror : named != NULL && *named != '\0' ? named : source->mirror;
    return url_is_web(*ret)
               ? HEARTH_OK
               : error_set(error, HEARTH_E_ARGUMENT, "mirror", "an http or https address", "\"%.100s\"", *ret);
}

/* Addresses and places of a source's packages. */
static hearth_status prepare(const recipe *r, const recipe_source *source, const corpus_settings *s, fetched *f,
                             hearth_error *error)
{
    const char *mirror = NULL;
    char *list = recipe_place(r, source->packages);
    f->folder = s->output != NULL ? mem_strdup(s->output) : recipe_place(r, source->path);
    f->lock = f->folder != NULL ? file_join(f->folder, ".hearth-lock") : NULL;
    hearth_status status = list == NULL || f->lock == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? mirror_of(source, s, &mirror, error) : status;
    status = status == HEARTH_OK ? debian_list_read(list, &f->list, error) : status;
    if (status == HEARTH_OK && source->sha256 != NULL && strcmp(source->sha256, f->list.sha256) != 0) {
        status = error_set(error, HEARTH_E_FORMAT, "SHA-256", source->sha256, "%s", f->list.sha256);
        error_in_file(error, list);
    }
    mem_free(list);
    TRY(status);
    f->files = mem_calloc(f->list.count + 1, sizeof *f->files);
    for (size_t i = 0; f->files != NULL && i < f->list.count; i++) {
        const debian_package *p = &f->list.items[i];
        const size_t length = strlen(mirror);
        f->files[i] = (hub_file){
            .url = text_format("%s%s%s", mirror, length > 0 && mirror[length - 1] == '/' ? "" : "/", p->path),
            .name = p->file,
            .target = file_join(f->folder, p->file),
            .sha256 = p->sha256,
            .size = p->size};
        if (f->files[i].url == NULL || f->files[i].target == NULL) {
            return error_memory(error, length);
        }
    }
    return f->files != NULL ? HEARTH_OK : error_memory(error, f->list.count * sizeof *f->files);
}

static size_t count_of(const fetched *f, hub_file_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < f->list.count; i++) {
        count += f->files[i].state == state;
    }
    return count;
}

static json_t *fetched_json(const fetched *f, const recipe_source *source)
{
    json_t *gone = json_array();
    for (size_t i = 0; i < f->list.count; i++) {
        if (f->files[i].state == HUB_FILE_GONE) {
            gone = json_door_append(gone, json_pack("{s:s, s:s, s:s}", "package", f->list.items[i].name, "version",
                                                    f->list.items[i].version, "url", f->files[i].url));
        }
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "source", source->name, "folder", f->folder, "packages",
                     (json_int_t)f->list.count, "fetched", (json_int_t)count_of(f, HUB_FILE_FETCHED), "fetched_bytes",
                     (json_int_t)f->bytes, "gone", gone);
}

static void print(const fetched *f)
{
    char bytes[32];
    printf("%s: %zu packages, %zu fetched (%s), all checked\n", f->folder, f->list.count - count_of(f, HUB_FILE_GONE),
           count_of(f, HUB_FILE_FETCHED), text_bytes(f->bytes, bytes));
    for (size_t i = 0; i < f->list.count; i++) {
        if (f->files[i].state == HUB_FILE_GONE) {
            printf("gone      %s %s: not at %s\n", f->list.items[i].name, f->list.items[i].version, f->files[i].url);
        }
    }
}

/* Packages that are gone make *ret_code EXIT_FAILED. */
static hearth_status fetch_source(const cli *c, const recipe *r, const recipe_source *source, const corpus_settings *s,
                                  int *ret_code, hearth_error *error)
{
    fetched f = {0};
    terminal_progress bar = {.quiet = c->quiet};
    const pull_options how = {.connections = PULL_CONNECTIONS,
                              .retries = PULL_RETRIES,
                              .check = true,
                              .progress = terminal_progress_step,
                              .context = &bar,
                              .trouble = pull_tell_trouble,
                              .trouble_context = &(pull_told){c, &bar}};
    hearth_status status = prepare(r, source, s, &f, error);
    status = status == HEARTH_OK ? file_make_folders(f.folder, error) : status;
    status = status == HEARTH_OK ? confine_to_fetch(f.folder, error) : status;
    status = status == HEARTH_OK ? hub_fetch(f.files, f.list.count, f.lock, &how, &f.bytes, error) : status;
    terminal_progress_end(&bar);
    if (status == HEARTH_OK) {
        if (c->json) {
            *ret_code = cli_print_json(c, fetched_json(&f, source));
        } else {
            print(&f);
        }
        *ret_code = count_of(&f, HUB_FILE_GONE) > 0 ? EXIT_FAILED : *ret_code;
    }
    release(&f);
    return status;
}

static const recipe_source *debian_source(const recipe *r, hearth_error *error)
{
    const recipe_source *found = NULL;
    for (size_t i = 0; i < r->source_count; i++) {
        if (r->sources[i].kind == SOURCE_DEBIAN && found != NULL) {
            (void)error_set(error, HEARTH_E_UNSUPPORTED, r->sources[i].name, "one source of kind debian", "another");
            error_in_file(error, r->path);
            return NULL;
        }
        found = r->sources[i].kind == SOURCE_DEBIAN ? &r->sources[i] : found;
    }
    if (found == NULL) {
        (void)error_set(error, HEARTH_E_ARGUMENT, "sources", "one of kind debian", "none");
        error_in_file(error, r->path);
    }
    return found;
}

hearth_status corpus_verb_fetch(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                hearth_error *error)
{
    recipe *r = NULL;
    TRY(recipe_open(operands[0], &r, error));
    const recipe_source *source = debian_source(r, error);
    const hearth_status status = source != NULL ? fetch_source(c, r, source, s, ret_code, error) : HEARTH_E_ARGUMENT;
    recipe_close(r);
    return status;
}
