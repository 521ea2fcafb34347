/* Sources that are Debian packages: manual pages, guides and descriptions, each with the licence that the package's
 * debian/copyright says. docs/formats/corpus.md, "Debian packages". */
#include "corpus/archive.h"
#include "corpus/debian_list.h"
#include "corpus/debian_package.h"
#include "corpus/html_text.h"
#include "corpus/man_text.h"
#include "corpus/source_part.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct package_reader {
    source_reader *reader;
    const debian_package *package;
    char *file; /* where it lies */
    debian_facts facts;
    buffer bytes, text; /* of the file that is read */
} package_reader;

/* ---- pins ---- */

static hearth_status missing(const debian_package *p, const char *path, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_NOT_FOUND, NULL, "a package of the list (hearth corpus fetch gets it)",
                    "nothing; it is %s %s", p->name, p->version);
    error_in_file(error, path);
    return HEARTH_E_NOT_FOUND;
}

static hearth_status check_package(const source_reader *reader, const debian_package *p, hearth_error *error)
{
    struct stat info;
    char sha256[HASH_HEX_SIZE], expected[96];
    char *path = file_join(reader->path, p->file);
    if (path == NULL) {
        return error_memory(error, strlen(p->file));
    }
    hearth_status status = HEARTH_OK;
    if (stat(path, &info) != 0) {
        status = reader->sink->gone != NULL ? HEARTH_OK : missing(p, path, error);
    } else if ((uint64_t)info.st_size != p->size) {
        (void)snprintf(expected, sizeof expected, "%llu bytes", (unsigned long long)p->size);
        status = source_differs(path, expected, "another size", error);
    } else {
        status = source_hash_file(path, reader->sink, sha256, error);
        if (status == HEARTH_OK && strcmp(sha256, p->sha256) != 0) {
            (void)snprintf(expected, sizeof expected, "SHA-256 %s", p->sha256);
            status = source_differs(path, expected, sha256, error);
        }
    }
    mem_free(path);
    return status;
}

static hearth_status open_list(const recipe *r, const recipe_source *s, debian_list *ret, hearth_error *error)
{
    char *path = recipe_place(r, s->packages);
    if (path == NULL) {
        return error_memory(error, strlen(s->packages));
    }
    const hearth_status status = debian_list_read(path, ret, error);
    mem_free(path);
    return status;
}

hearth_status source_check_debian(source_reader *reader, hearth_error *error)
{
    debian_list list = {0};
    char expected[96];
    const char *pinned = reader->s->sha256;
    TRY(open_list(reader->r, reader->s, &list, error));
    memcpy(reader->report->sha256, list.sha256, HASH_HEX_SIZE);
    hearth_status status = HEARTH_OK;
    if (pinned != NULL && strcmp(pinned, list.sha256) != 0) {
        (void)snprintf(expected, sizeof expected, "SHA-256 %s", pinned);
        status = source_differs(reader->s->packages, expected, list.sha256, error);
    }
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        status = check_package(reader, &list.items[i], error);
    }
    debian_list_free(&list);
    return status;
}

static hearth_status count_gone(const recipe *r, const recipe_source *s, uint64_t *count, hearth_error *error)
{
    debian_list list = {0};
    TRY(open_list(r, s, &list, error));
    char *folder = recipe_place(r, s->path);
    hearth_status status = folder != NULL ? HEARTH_OK : error_memory(error, strlen(s->path));
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        char *file = file_join(folder, list.items[i].file);
        status = file != NULL ? HEARTH_OK : error_memory(error, strlen(list.items[i].file));
        *count += file != NULL && !file_exists(file);
        mem_free(file);
    }
    mem_free(folder);
    debian_list_free(&list);
    return status;
}

hearth_status source_count_gone(const recipe *r, uint64_t *ret, hearth_error *error)
{
    *ret = 0;
    for (uint32_t i = 0; i < r->source_count; i++) {
        if (r->sources[i].kind == SOURCE_DEBIAN) {
            TRY(count_gone(r, &r->sources[i], ret, error));
        }
    }
    return HEARTH_OK;
}

/* ---- which files are read ---- */

typedef enum file_kind { FILE_OTHER, FILE_MANUAL, FILE_TEXT, FILE_PAGE } file_kind;

typedef struct file_form {
    file_kind kind;
    bool packed;
    char path[1024]; /* without the ending of what packed it */
    char language[24];
} file_form;

static bool ends_in(const char *name, const char *const *endings)
{
    for (; *endings != NULL; endings++) {
        if (text_ends(name, *endings)) {
            return true;
        }
    }
    return false;
}

static bool begins_with(const char *name, const char *const *beginnings)
{
    for (; *beginnings != NULL; beginnings++) {
        if (text_starts(name, *beginnings)) {
            return true;
        }
    }
    return false;
}

/* usr/share/man/man1/ls.1 and usr/share/man/pt_BR/man1/ls.1: the language is the folder's, without character set. */
static file_kind manual_kind(const char *below, char *language, size_t size)
{
    if (!text_starts(below, "man")) {
        const size_t length = strcspn(below, "/.@");
        (void)snprintf(language, size, "%.*s", (int)(length < size - 1 ? length : size - 1), below);
        for (char *at = language; *at != '\0'; at++) {
            *at = *at == '_' ? '-' : *at;
        }
        below += strcspn(below, "/");
        below += *below == '/';
    }
    return text_starts(below, "man") && strchr(below, '/') != NULL ? FILE_MANUAL : FILE_OTHER;
}

/* Guides: by their ending, or by what such files are called. Sources of pages, indices, licences and lists of changes
 * are none. */
static file_kind guide_kind(const char *below)
{
    static const char *const pages[] = {".html", ".htm", ".xhtml", NULL};
    static const char *const texts[] = {".txt", ".text", ".md", ".rst", ".markdown", ".adoc", ".asciidoc", NULL};
    static const char *const called[] = {"README", "FAQ",     "NEWS", "TODO",         "INSTALL",      "HOWTO",
                                         "USAGE",  "HACKING", "BUGS", "INTRODUCTION", "CONTRIBUTING", NULL};
    static const char *const left_out[] = {
        "copyright", "changelog", "CHANGELOG",   "ChangeLog",   "Changelog",  "Changes",     "LICENSE",     "COPYING",
        "AUTHORS",   "genindex",  "search.html", "py-modindex", "robots.txt", "objects.txt", "NEWS.Debian", NULL};
    const char *slash = strrchr(below, '/');
    const char *name = slash != NULL ? slash + 1 : below;
    if (slash == NULL || begins_with(name, left_out) || strstr(below, "/_sources/") != NULL ||
        strstr(below, "/_static/") != NULL) {
        return FILE_OTHER;
    }
    if (ends_in(name, pages)) {
        return FILE_PAGE;
    }
    return ends_in(name, texts) || (begins_with(name, called) && strchr(name, '.') == NULL) ||
                   text_ends(name, "README.Debian")
               ? FILE_TEXT
               : FILE_OTHER;
}

static bool sort_out(const char *path, file_form *ret)
{
    static const char *const packers[] = {".gz", ".xz", ".bz2", ".zst", NULL};
    const size_t length = strlen(path);
    *ret = (file_form){.kind = FILE_OTHER};
    if (length >= sizeof ret->path) {
        return false;
    }
    memcpy(ret->path, path, length + 1);
    ret->packed = ends_in(path, packers);
    if (ret->packed) {
        *strrchr(ret->path, '.') = '\0';
    }
    if (text_starts(ret->path, "usr/share/man/")) {
        ret->kind = manual_kind(ret->path + strlen("usr/share/man/"), ret->language, sizeof ret->language);
    } else if (text_starts(ret->path, "usr/share/doc/")) {
        ret->kind = guide_kind(ret->path + strlen("usr/share/doc/"));
    }
    return ret->kind != FILE_OTHER;
}

/* ---- a document ---- */

/* The rule that every document of a package gets: what it is called, its licence, its group. */
static hearth_status begin(package_reader *p, const char *path, const char *source_path, hearth_error *error)
{
    source_reader *reader = p->reader;
    document *d = &reader->d;
    bool found = false;
    size_t length = 0;
    TRY(source_begin(reader, error));
    TRY(buffer_printf(&d->place, error, "%s:%s", p->package->file, path));
    const char *source = debian_field(buffer_text(&p->facts.control), p->facts.control.length, "Source", &length);
    length = source != NULL ? strcspn(source, " (\n\r") : 0;
    TRY(length > 0 ? buffer_append(&d->group, source, length, error)
                   : document_set(&d->group, p->package->name, error));
    buffer_clear(&d->licence);
    if (p->facts.copyright == NULL) {
        TRY(document_set(&d->licence, "NOASSERTION", error));
        return document_set(&d->evidence, p->facts.why, error);
    }
    TRY(buffer_printf(&d->evidence, error, "usr/share/doc/%s/copyright: ", p->package->name));
    TRY(debian_copyright_find(p->facts.copyright, source_path, &d->licence, &d->evidence, &found, error));
    if (!found) {
        TRY(document_set(&d->licence, "NOASSERTION", error));
        return buffer_append_text(&d->evidence, "no paragraph for this file", error);
    }
    return HEARTH_OK;
}

/* The entry's bytes, unpacked, at most LIMIT_DOCUMENT_BYTES and one; *ret_broken: what packed it cannot be read. */
static hearth_status take_bytes(package_reader *p, struct archive *data, bool packed, bool *ret_broken,
                                hearth_error *error)
{
    struct archive *inner = NULL;
    *ret_broken = false;
    buffer_clear(&p->bytes);
    TRY(debian_read_entry(data, p->file, LIMIT_DOCUMENT_BYTES, &p->bytes, error));
    if (!packed || p->bytes.length == 0 || p->bytes.length > LIMIT_DOCUMENT_BYTES) {
        return HEARTH_OK;
    }
    buffer_clear(&p->text);
    hearth_status status =
        archive_door_open_bytes(p->bytes.data, p->bytes.length, p->file, ARCHIVE_DOOR_RAW, &inner, error);
    if (status == HEARTH_OK && inner != NULL) {
        status = debian_read_entry(inner, p->file, LIMIT_DOCUMENT_BYTES, &p->text, error);
    }
    archive_door_close(inner);
    *ret_broken = status == HEARTH_E_FORMAT;
    TRY(*ret_broken ? HEARTH_OK : status);
    const buffer swapped = p->bytes;
    p->bytes = p->text;
    p->text = swapped;
    return HEARTH_OK;
}

static hearth_status put_text(package_reader *p, file_kind kind, hearth_error *error)
{
    document *d = &p->reader->d;
    const buffer *from = &p->bytes;
    buffer_clear(&p->text);
    if (kind == FILE_MANUAL && from->length <= LIMIT_DOCUMENT_BYTES) {
        TRY(man_text(buffer_text(from), from->length, &p->text, error));
        from = &p->text;
    } else if (kind == FILE_PAGE && from->length <= LIMIT_DOCUMENT_BYTES) {
        TRY(html_text(buffer_text(from), from->length, &p->text, error));
        from = &p->text;
    }
    return document_add(d, buffer_text(from), from->length, error);
}

static hearth_status read_file(void *context, struct archive *data, struct archive_entry *entry, const char *path,
                               hearth_error *error)
{
    package_reader *p = context;
    source_reader *reader = p->reader;
    file_form form;
    bool broken = false;
    TRY(source_go_on(reader->sink, error));
    if (reader->full || !sort_out(path, &form)) {
        return HEARTH_OK;
    }
    const char *slash = strrchr(form.path, '/');
    char debian[128]; /* README.Debian comes from the packaging */
    (void)snprintf(debian, sizeof debian, "debian/%.100s", slash != NULL ? slash + 1 : form.path);
    TRY(begin(p, path, text_ends(form.path, ".Debian") ? debian : form.path, error));
    TRY(source_entry_time(&reader->d, entry, error));
    if (form.language[0] != '\0') {
        TRY(document_set(&reader->d.language, form.language, error));
    }
    TRY(take_bytes(p, data, form.packed, &broken, error));
    if (broken) {
        TRY(document_add(&reader->d, buffer_text(&p->bytes), p->bytes.length, error));
        TRY(document_drop(&reader->d, FATE_UNREADABLE, -1, error, "it cannot be unpacked"));
    } else {
        TRY(put_text(p, form.kind, error));
    }
    return source_put(reader, error);
}

/* "name - synopsis", then the long description; its paragraphs are lines. */
static hearth_status describe(const char *text, size_t length, const char *name, document *d, hearth_error *error)
{
    const char *end = text + length;
    bool joins = false;
    TRY(buffer_printf(&d->text, error, "%s - ", name));
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop != NULL ? stop : end;
        const bool first = line == text;
        const char *from = !first && line < stop ? line + 1 : line;
        const bool empty = !first && stop - from == 1 && *from == '.';
        const bool own = from < stop && strchr(" *-", *from) != NULL;
        if (!first) {
            TRY(buffer_append_text(&d->text, empty || own || !joins ? "\n" : " ", error));
        }
        if (!empty) {
            TRY(buffer_append(&d->text, from, (size_t)(stop - from), error));
        }
        joins = !first && !empty && !(own && *from == ' ');
        line = stop + 1;
    }
    d->bytes = d->text.length;
    return HEARTH_OK;
}

static hearth_status put_description(package_reader *p, hearth_error *error)
{
    source_reader *reader = p->reader;
    size_t length = 0;
    const char *text = debian_field(buffer_text(&p->facts.control), p->facts.control.length, "Description", &length);
    if (text == NULL || reader->full) {
        return HEARTH_OK;
    }
    TRY(begin(p, "control", "debian/control", error));
    TRY(describe(text, length, p->package->name, &reader->d, error));
    return source_put(reader, error);
}

static hearth_status read_package(package_reader *p, hearth_error *error)
{
    TRY(source_go_on(p->reader->sink, error));
    TRY(debian_package_facts(p->file, p->package->name, &p->facts, error));
    TRY(put_description(p, error));
    return debian_package_each(p->file, read_file, p, error);
}

static hearth_status read_packages(source_reader *reader, const debian_list *list, hearth_error *error)
{
    package_reader p = {.reader = reader};
    hearth_status status = HEARTH_OK;
    buffer_init(&p.bytes, 0);
    buffer_init(&p.text, 0);
    for (size_t i = 0; i < list->count && status == HEARTH_OK && !reader->full; i++) {
        p.package = &list->items[i];
        p.file = file_join(reader->path, p.package->file);
        if (p.file == NULL) {
            status = error_memory(error, strlen(p.package->file));
        } else if (reader->sink->gone != NULL && !file_exists(p.file)) {
            uint64_t documents = 0;
            status = reader->sink->gone(reader->sink->context, p.package->name, p.package->version, p.package->file,
                                        &documents, error);
            source_count(reader, documents);
        } else {
            status = read_package(&p, error);
        }
        debian_facts_free(&p.facts);
        mem_free(p.file);
    }
    buffer_free(&p.bytes);
    buffer_free(&p.text);
    return status;
}

hearth_status source_read_debian(source_reader *reader, hearth_error *error)
{
    debian_list list = {0};
    TRY(open_list(reader->r, reader->s, &list, error));
    const hearth_status status = read_packages(reader, &list, error);
    debian_list_free(&list);
    return status;
}
