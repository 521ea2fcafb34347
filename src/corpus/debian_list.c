/* Lists of packages. */
#include "corpus/debian_list.h"

#include "base/arena.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, FIELD_BYTES = 512 };

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static hearth_status malformed(const char *path, unsigned line, const char *expected, const char *found,
                               hearth_error *error)
{
    char place[32];
    (void)snprintf(place, sizeof place, "line %u", line);
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "\"%.80s\"", found);
    error_in_file(error, path);
    return HEARTH_E_FORMAT;
}

static bool of(const char *text, const char *set)
{
    const size_t length = strspn(text, set);
    return length > 0 && length < FIELD_BYTES && text[length] == '\0' && *text != '.' && *text != '-';
}

static bool read_size(const char *text, uint64_t *ret)
{
    const size_t digits = strspn(text, "0123456789");
    *ret = 0;
    for (size_t i = 0; i < digits && digits <= 15; i++) {
        *ret = *ret * 10 + (uint64_t)(text[i] - '0');
    }
    return digits > 0 && digits <= 15 && text[digits] == '\0' && *ret > 0;
}

/* Relative, without empty parts and such that begin with a dot. */
static bool good_path(const char *path)
{
    if (!of(path, LOWER UPPER "+.~_/-") || !text_ends(path, ".deb")) {
        return false;
    }
    return path[0] != '/' && strstr(path, "//") == NULL && strstr(path, "/.") == NULL;
}

/* What is wrong with a line; NULL: nothing. */
static const char *check(const char *const f[COLUMNS], uint64_t *ret_size, const char **ret_found)
{
    static const char *const expected[COLUMNS] = {"a package's name",
                                                  "its version",
                                                  "its architecture",
                                                  "its size in bytes",
                                                  "its SHA-256 of 64 hexadecimal digits (0-9, a-f)",
                                                  "its path below a mirror"};
    const bool good[COLUMNS] = {of(f[0], LOWER "+.-"),     of(f[1], LOWER UPPER "+.~:-"), of(f[2], LOWER "-"),
                                read_size(f[3], ret_size), text_is_hex(f[4], 64),         good_path(f[5])};
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!good[i]) {
            *ret_found = f[i];
            return expected[i];
        }
    }
    return NULL;
}

static hearth_status name_file(debian_list *list, debian_package *p, hearth_error *error)
{
    const char *colon = strchr(p->version, ':');
    const int before = colon != NULL ? (int)(colon - p->version) : (int)strlen(p->version);
    p->file = arena_format(list->a, "%s_%.*s%s%s_%s.deb", p->name, before, p->version, colon != NULL ? "%3a" : "",
                           colon != NULL ? colon + 1 : "", p->architecture);
    return p->file != NULL ? HEARTH_OK : error_memory(error, strlen(p->name));
}

static int order(const debian_package *a, const debian_package *b)
{
    const int names = strcmp(a->name, b->name);
    return names != 0 ? names : strcmp(a->architecture, b->architecture);
}

static hearth_status read_line(debian_list *list, const char *path, unsigned number, char *line, hearth_error *error)
{
    const char *f[COLUMNS] = {"", "", "", "", "", ""}, *found = NULL;
    size_t count = 0;
    for (char *at = line; at != NULL && count < COLUMNS; count++) {
        char *blank = strchr(at, ' ');
        f[count] = at;
        if (blank != NULL && count + 1 < COLUMNS) {
            *blank++ = '\0';
        }
        at = blank;
    }
    debian_package *p = &list->items[list->count];
    const char *expected = check(f, &p->size, &found);
    if (expected != NULL) {
        return malformed(path, number, expected, found, error);
    }
    *p = (debian_package){f[0], f[1], f[2], f[4], f[5], NULL, p->size};
    if (list->count > 0 && order(p - 1, p) >= 0) {
        return malformed(path, number, "packages in the order of their names, each once", p->name, error);
    }
    list->count++;
    return name_file(list, p, error);
}

static hearth_status read_lines(debian_list *list, const char *path, char *text, hearth_error *error)
{
    size_t lines = 1;
    unsigned number = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    if (lines > LIMIT_PACKAGES) {
        return malformed(path, LIMIT_PACKAGES, "at most that many lines", "more", error);
    }
    list->items = mem_calloc(lines, sizeof *list->items);
    if (list->items == NULL) {
        return error_memory(error, lines * sizeof *list->items);
    }
    for (char *at = text; at != NULL && *at != '\0';) {
        char *end = strchr(at, '\n');
        number++;
        if (end != NULL) {
            *end++ = '\0';
        }
        if (*at != '#' && *at != '\0') {
            TRY(read_line(list, path, number, at, error));
        }
        at = end;
    }
    return HEARTH_OK;
}

hearth_status debian_list_read(const char *path, debian_list *ret, hearth_error *error)
{
    buffer bytes;
    *ret = (debian_list){0};
    buffer_init(&bytes, LIMIT_PACKAGE_LIST_BYTES);
    ret->a = arena_create(0);
    hearth_status status =
        ret->a == NULL ? error_memory(error, 0) : file_read(path, LIMIT_PACKAGE_LIST_BYTES, &bytes, error);
    if (status == HEARTH_OK) {
        status = hash_bytes_hex(buffer_text(&bytes), bytes.length, ret->sha256, error);
    }
    if (status == HEARTH_OK) {
        char *text = arena_strndup(ret->a, buffer_text(&bytes), bytes.length);
        status = text != NULL ? read_lines(ret, path, text, error) : error_memory(error, bytes.length);
    }
    buffer_free(&bytes);
    if (status != HEARTH_OK) {
        debian_list_free(ret);
    }
    return status;
}

void debian_list_free(debian_list *list)
{
    arena_destroy(list->a);
    mem_free(list->items);
    *list = (debian_list){0};
}
