/* Giving a model away: its files are found, its licence is asked, a folder is made. */
#include "openness/publish.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/model_name.h"
#include "openness/verdict.h"
#include "platform/file.h"
#include "platform/file_below.h"
#include "platform/file_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)
#define HEAD_BYTES 4096 /* of a file, in which a key is looked for */

void publish_free(publish_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        mem_free(plan->files[i].name);
        mem_free(plan->files[i].path);
    }
    mem_free(plan->files);
    mem_free(plan->source);
    file_list_free(&plan->left_out);
    subject_close(plan->judged);
    *plan = (publish_plan){.count = 0};
}

/* ---- which files ---- */

static hearth_status refuse(const char *path, const char *expected, const char *found, hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_ARGUMENT, NULL, expected, "%s", found);
    error_in_file(error, path);
    return status;
}

/* "-----BEGIN EC PRIVATE KEY-----" at its beginning, or behind other parts of PEM. */
static hearth_status look_for_key(const char *path, hearth_error *error)
{
    char head[HEAD_BYTES + 1];
    FILE *in = fopen(path, "rbe");
    if (in == NULL) {
        return error_errno(error, path, "open", errno);
    }
    const size_t length = fread(head, 1, HEAD_BYTES, in);
    const bool failed = ferror(in) != 0;
    const int problem = errno;
    (void)fclose(in);
    if (failed) {
        return error_errno(error, path, "read", problem);
    }
    head[length] = '\0';
    const char *text = head + strspn(head, " \t\r\n");
    return text_starts(text, "-----BEGIN ") && strstr(text, "PRIVATE KEY-----") != NULL
               ? refuse(path, "files that others may have", "a private key", error)
               : HEARTH_OK;
}

static hearth_status add(publish_plan *plan, const char *name, char *path, hearth_error *error)
{
    struct stat info;
    publish_file *grown = mem_realloc(plan->files, (plan->count + 1) * sizeof *grown);
    plan->files = grown != NULL ? grown : plan->files;
    char *copy = grown != NULL && path != NULL ? mem_strdup(name) : NULL;
    if (copy == NULL) {
        mem_free(path);
        return error_memory(error, strlen(name));
    }
    plan->files[plan->count++] = (publish_file){.name = copy, .path = path};
    if (stat(path, &info) != 0) {
        return error_errno(error, path, "read", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return refuse(path, "files", "a link to something else", error);
    }
    TRY(look_for_key(path, error));
    plan->files[plan->count - 1].size = (uint64_t)info.st_size;
    plan->bytes += (uint64_t)info.st_size;
    return HEARTH_OK;
}

/* A part of the name begins with a dot. */
static bool is_hidden(const char *name)
{
    bool hidden = name[0] == '.';
    for (const char *slash = name; !hidden && (slash = strchr(slash, '/')) != NULL; slash++) {
        hidden = slash[1] == '.';
    }
    return hidden;
}

static bool is_left_behind(const char *name)
{
    return strstr(name, ".tmp-") != NULL || text_ends(name, ".lock") || text_ends(name, ".hearth-partial");
}

static hearth_status add_folder(publish_plan *plan, const char *folder, hearth_error *error)
{
    file_list files = {0};
    TRY(hub_cache_list_files(folder, &files, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < files.count; i++) {
        if (is_hidden(files.names[i])) {
            continue;
        }
        if (is_left_behind(files.names[i])) {
            status = file_list_add(&plan->left_out, files.names[i], error);
            continue;
        }
        status =
            model_name_is_safe_path(files.names[i])
                ? add(plan, files.names[i], file_join(folder, files.names[i]), error)
                : error_set(error, HEARTH_E_ARGUMENT, folder, "names that hubs take", "\"%.200s\"", files.names[i]);
    }
    file_list_free(&files);
    return status;
}

static bool has(const publish_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->files[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Beside the model, where they are. */
static hearth_status add_beside(publish_plan *plan, const char *folder, const char *const *names, hearth_error *error)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        char *path = file_join(folder, names[i]);
        const bool there = path != NULL && file_exists(path) && !file_is_folder(path) && !has(plan, names[i]);
        if (path != NULL && !there) {
            mem_free(path);
            continue;
        }
        TRY(add(plan, names[i], path, error));
    }
    return HEARTH_OK;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const publish_file *)a)->name, ((const publish_file *)b)->name);
}

/* The folder of a file; "." where it has none. mem_free. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? mem_strdup(".") : text_format("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static hearth_status add_one_file(publish_plan *plan, const char *path, hearth_error *error)
{
    static const char *const names[] = {"README.md", "LICENSE", NULL};
    const char *slash = strrchr(path, '/');
    char *folder = folder_of(path);
    hearth_status status = folder != NULL ? add(plan, slash != NULL ? slash + 1 : path, mem_strdup(path), error)
                                          : error_memory(error, strlen(path));
    status = status == HEARTH_OK ? add_beside(plan, folder, names, error) : status;
    mem_free(folder);
    return status;
}

static hearth_status add_files(publish_plan *plan, const char *path, const char *model, hearth_error *error)
{
    static const char *const of_run[] = {"recipe.yaml", "report.html", NULL};
    if (!file_is_folder(path)) {
        TRY(add_one_file(plan, path, error));
    } else {
        TRY(add_folder(plan, model, error));
        if (strcmp(model, path) != 0) {
            TRY(add_beside(plan, path, of_run, error));
        }
    }
    if (plan->count == 0) {
        return error_set(error, HEARTH_E_ARGUMENT, path, "files", "none");
    }
    qsort(plan->files, plan->count, sizeof *plan->files, compare_files);
    return HEARTH_OK;
}

/* ---- may it be shared? ---- */

#define NO_LICENCE "none: then nobody may share it, and nobody may use it"
#define UNKNOWN_LICENCE "one that is not known"

/* Why others may not have the weights by what is found besides sentences and files that only narrow; NULL: they may.
 * `where`: its place. */
static const char *not_granted(const component *weights, const char **where)
{
    const char *found = NO_LICENCE;
    *where = NULL;
    for (const licence_finding *f = weights->findings; f != NULL; f = f->next) {
        if (f->narrows || f->verdict.verdict == LICENCE_NONE) {
            continue;
        }
        *where = f->place;
        if (f->licence == NULL || f->verdict.verdict == LICENCE_UNKNOWN) {
            return UNKNOWN_LICENCE;
        }
        if (f->verdict.codes != NULL && strchr(f->verdict.codes, 'C') != NULL) {
            return f->verdict.why;
        }
        found = NULL;
    }
    return found;
}

static hearth_status may_be_shared(const publish_plan *plan, const char *path, hearth_error *error)
{
    const component *weights = &plan->judged->components[COMPONENT_PARAMETERS];
    const licence_verdict *terms = &weights->terms;
    const char *where = weights->terms_place; /* the narrowest of them may stand in another file than README.md */
    const char *found = NULL;
    if (terms->verdict == LICENCE_NONE) {
        found = NO_LICENCE;
    } else if (terms->verdict == LICENCE_UNKNOWN) {
        found = UNKNOWN_LICENCE;
    } else if (weights->licence == NULL) {
        found = not_granted(weights, &where);
    } else if (terms->codes != NULL && strchr(terms->codes, 'C') != NULL) {
        found = terms->why;
    }
    if (found == NULL) {
        return HEARTH_OK;
    }
    const hearth_status status =
        error_set(error, HEARTH_E_ARGUMENT, "licence",
                  "one in README.md or LICENSE that lets others have the weights (--may-share says that you may)",
                  "%.60s%s%.300s%s%.100s%s", weights->licence != NULL ? weights->licence : "",
                  weights->licence != NULL ? ", " : "", found, where != NULL ? " (" : "", where != NULL ? where : "",
                  where != NULL ? ")" : "");
    error_in_file(error, path);
    return status;
}

hearth_status publish_look(const char *path, const subject_options *how, bool may_share, publish_plan *ret,
                           hearth_error *error)
{
    *ret = (publish_plan){.count = 0};
    char *model = subject_root(path);
    if (model == NULL) {
        return error_memory(error, strlen(path));
    }
    hearth_status status = HEARTH_OK;
    if (file_is_folder(path) && (ret->source = mem_strdup(path)) == NULL) {
        status = error_memory(error, strlen(path));
    }
    status = status != HEARTH_OK ? status : subject_open(model, how, &ret->judged, error);
    status = status == HEARTH_OK && !may_share ? may_be_shared(ret, path, error) : status;
    status = status == HEARTH_OK ? add_files(ret, path, model, error) : status;
    mem_free(model);
    return status;
}

/* ---- a folder ---- */

static hearth_status copy_bytes(int from, const publish_file *file, file_stream *to, uint64_t before, uint64_t total,
                                progress_fn progress, void *context, hearth_error *error)
{
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    hearth_status status = piece != NULL ? HEARTH_OK : error_memory(error, PIECE_BYTES);
    while (status == HEARTH_OK) {
        const ssize_t got = read(from, piece, PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = error_errno(error, file->path, "read", errno);
        }
        if (got <= 0) {
            break;
        }
        status = file_stream_write(to, piece, (size_t)got, error);
        if (status == HEARTH_OK && progress != NULL &&
            !progress(context, "copying", before + to->written, total, "B")) {
            status = error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
    }
    mem_free(piece);
    return status;
}

static hearth_status copy_file(const publish_file *file, const char *folder, uint64_t before, uint64_t total,
                               progress_fn progress, void *context, hearth_error *error)
{
    file_stream out = {.descriptor = -1};
    char *target = file_join(folder, file->name);
    const int from = target != NULL ? open(file->path, O_RDONLY | O_CLOEXEC) : -1;
    hearth_status status = target == NULL ? error_memory(error, strlen(folder))
                           : from < 0     ? error_errno(error, file->path, "open", errno)
                                          : file_make_place(target, error);
    status = status == HEARTH_OK ? file_stream_open(target, &out, error) : status;
    if (status == HEARTH_OK) {
        status = copy_bytes(from, file, &out, before, total, progress, context, error);
        status = status == HEARTH_OK ? file_stream_finish(&out, error) : status;
        file_stream_drop(&out);
    }
    if (from >= 0) {
        close(from);
    }
    mem_free(target);
    return status;
}

/* What was made of it: the files, then the folders, the deepest first. */
static void remove_half(const publish_plan *plan, const char *folder)
{
    for (size_t i = plan->count; i > 0; i--) {
        char *path = file_join(folder, plan->files[i - 1].name);
        if (path == NULL) {
            continue;
        }
        (void)unlink(path);
        for (char *slash = strrchr(path, '/'); slash != NULL && strlen(folder) < (size_t)(slash - path);
             slash = strrchr(path, '/')) {
            *slash = '\0';
            (void)rmdir(path); /* fails while something is in it */
        }
        mem_free(path);
    }
    (void)rmdir(folder);
}

/* `half` becomes `folder` once it is whole; else nothing of it stays. */
static hearth_status copy_all(const publish_plan *plan, const char *half, const char *folder, progress_fn progress,
                              void *context, hearth_error *error)
{
    uint64_t before = 0;
    TRY(file_make_new_folder(half, error)); /* what lay in one that is there would be given away, too */
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < plan->count; i++) {
        status = copy_file(&plan->files[i], half, before, plan->bytes, progress, context, error);
        before += plan->files[i].size;
    }
    status = status == HEARTH_OK ? file_move_folder(half, folder, error) : status;
    if (status != HEARTH_OK) {
        remove_half(plan, half);
    }
    return status;
}

/* Does `path` lie in `folder`? Neither it nor the folders that it is in need be there. It is cut to what is. */
static bool lies_in(const char *folder, char *path)
{
    char place[PATH_MAX];
    bool below = file_below(folder, path, place) != NULL;
    for (char *slash = strrchr(path, '/'); !below && slash != NULL && slash > path; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (file_exists(path)) {
            break; /* then it was looked at, and behind it is "..", perhaps */
        }
        below = file_below(folder, path, place) != NULL;
    }
    return below;
}

hearth_status publish_copy(const publish_plan *plan, const char *folder, progress_fn progress, void *context,
                           hearth_error *error)
{
    struct stat info;
    char *target = file_trimmed(folder);
    char *asked = file_trimmed(folder);
    char *half = target != NULL && asked != NULL ? text_format("%s.tmp-%ld", target, (long)getpid()) : NULL;
    hearth_status status = HEARTH_OK;
    if (half == NULL) {
        status = error_memory(error, strlen(folder));
    } else if (lstat(target, &info) == 0) {
        status = refuse(folder, "a new folder", "one that is there", error);
    } else if (plan->source != NULL && lies_in(plan->source, asked)) {
        status = refuse(folder, "a folder outside of what is published", "one in it", error);
    } else {
        status = copy_all(plan, half, target, progress, context, error);
    }
    mem_free(half);
    mem_free(asked);
    mem_free(target);
    return status;
}
