/* A package is an ar archive of two tar archives: control.tar.* and data.tar.*. */
#include "corpus/debian_package.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>

/* What is done with one of the two archives. */
typedef hearth_status (*part_fn)(void *context, struct archive *a, hearth_error *error);

static const char *plain_name(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    name = name != NULL ? name : "";
    return text_starts(name, "./") ? name + 2 : name;
}

hearth_status debian_read_entry(struct archive *a, const char *name, size_t most, buffer *out, hearth_error *error)
{
    const char *bytes = NULL;
    size_t length = 0;
    do {
        TRY(archive_door_read(a, name, &bytes, &length, error));
        const size_t room = most + 1 - out->length;
        TRY(buffer_append(out, bytes, length < room ? length : room, error));
    } while (length > 0 && out->length <= most);
    return HEARTH_OK;
}

static hearth_status lacks(const char *file, const char *what, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, NULL, "a Debian package", "none: %s is missing", what);
    error_in_file(error, file);
    return HEARTH_E_FORMAT;
}

/* The next entry, NULL at the end; `any`: also what is no file. Past LIMIT_PACKAGE_BYTES of the archive it is refused.
 */
static hearth_status next_entry(struct archive *a, const char *file, bool any, struct archive_entry **ret,
                                hearth_error *error)
{
    TRY(any ? archive_door_next_any(a, file, ret, error) : archive_door_next(a, file, ret, error));
    if (*ret != NULL && archive_filter_bytes(a, 0) > (la_int64_t)LIMIT_PACKAGE_BYTES) {
        (void)error_set(error, HEARTH_E_LIMIT, NULL, NULL, "more than %llu bytes in a package",
                        (unsigned long long)LIMIT_PACKAGE_BYTES);
        error_in_file(error, file);
        return HEARTH_E_LIMIT;
    }
    return HEARTH_OK;
}

/* Calls with the part whose name begins so, "control.tar" or "data.tar". */
static hearth_status with_part(const char *file, const char *part, part_fn fn, void *context, hearth_error *error)
{
    struct archive *outer = NULL, *inner = NULL;
    struct archive_entry *entry = NULL;
    TRY(archive_door_open(file, ARCHIVE_DOOR_AR, &outer, error));
    hearth_status status = HEARTH_OK;
    do {
        status = archive_door_next(outer, file, &entry, error);
    } while (status == HEARTH_OK && entry != NULL && !text_starts(plain_name(entry), part));
    if (status == HEARTH_OK) {
        status = entry == NULL ? lacks(file, part, error)
                               : archive_door_open_within(outer, file, ARCHIVE_DOOR_ENTRIES, &inner, error);
    }
    if (status == HEARTH_OK && inner != NULL) {
        status = fn(context, inner, error);
    }
    archive_door_close(inner);
    archive_door_close(outer);
    return status;
}

/* ---- facts ---- */

typedef struct looking {
    const char *file, *name;
    debian_facts *facts;
    char *path; /* "usr/share/doc/NAME/copyright" */
} looking;

static hearth_status find_control(void *context, struct archive *a, hearth_error *error)
{
    const looking *l = context;
    struct archive_entry *entry = NULL;
    do {
        TRY(next_entry(a, l->file, false, &entry, error));
    } while (entry != NULL && strcmp(plain_name(entry), "control") != 0);
    return entry == NULL ? lacks(l->file, "control", error)
                         : debian_read_entry(a, l->file, LIMIT_COPYRIGHT_BYTES, &l->facts->control, error);
}

static hearth_status read_copyright(const looking *l, struct archive *a, hearth_error *error)
{
    buffer text;
    debian_facts *facts = l->facts;
    buffer_init(&text, 0);
    hearth_status status = debian_read_entry(a, l->file, LIMIT_COPYRIGHT_BYTES, &text, error);
    if (status == HEARTH_OK && text.length <= LIMIT_COPYRIGHT_BYTES) {
        status = debian_copyright_read(buffer_text(&text), text.length, &facts->copyright, error);
    }
    (void)snprintf(facts->why, sizeof facts->why, "%.100s is not machine-readable", l->path);
    buffer_free(&text);
    return status;
}

/* Up to the copyright, or a link where it or its folder should be. */
static hearth_status find_copyright(void *context, struct archive *a, hearth_error *error)
{
    const looking *l = context;
    const size_t folder = strlen(l->path) - strlen("/copyright");
    (void)snprintf(l->facts->why, sizeof l->facts->why, "%.100s is not in the package", l->path);
    for (;;) {
        struct archive_entry *entry = NULL;
        TRY(next_entry(a, l->file, true, &entry, error));
        if (entry == NULL) {
            return HEARTH_OK;
        }
        const char *name = plain_name(entry);
        const bool whole = strcmp(name, l->path) == 0;
        const bool above = strlen(name) == folder && strncmp(name, l->path, folder) == 0;
        const char *to = archive_entry_filetype(entry) == AE_IFLNK ? archive_entry_symlink(entry) : NULL;
        if ((whole || above) && to != NULL) {
            (void)snprintf(l->facts->why, sizeof l->facts->why, "%.80s is a link to another package's: %.40s", l->path,
                           to);
            return HEARTH_OK;
        }
        if (whole && archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == NULL) {
            return read_copyright(l, a, error);
        }
    }
}

hearth_status debian_package_facts(const char *file, const char *name, debian_facts *ret, hearth_error *error)
{
    *ret = (debian_facts){0};
    buffer_init(&ret->control, 0);
    looking l = {file, name, ret, text_format("usr/share/doc/%s/copyright", name)};
    hearth_status status =
        l.path != NULL ? with_part(file, "control.tar", find_control, &l, error) : error_memory(error, strlen(name));
    if (status == HEARTH_OK) {
        status = with_part(file, "data.tar", find_copyright, &l, error);
    }
    mem_free(l.path);
    if (status != HEARTH_OK) {
        debian_facts_free(ret);
    }
    return status;
}

void debian_facts_free(debian_facts *facts)
{
    buffer_free(&facts->control);
    debian_copyright_free(facts->copyright);
    *facts = (debian_facts){0};
}

/* ---- files ---- */

typedef struct walking {
    const char *file;
    debian_file_fn fn;
    void *context;
} walking;

static hearth_status each_file(void *context, struct archive *a, hearth_error *error)
{
    const walking *w = context;
    for (;;) {
        struct archive_entry *entry = NULL;
        TRY(next_entry(a, w->file, false, &entry, error));
        if (entry == NULL) {
            return HEARTH_OK;
        }
        TRY(w->fn(w->context, a, entry, plain_name(entry), error));
    }
}

hearth_status debian_package_each(const char *file, debian_file_fn fn, void *context, hearth_error *error)
{
    walking w = {file, fn, context};
    return with_part(file, "data.tar", each_file, &w, error);
}
