/* Paragraphs of fields, and patterns of files. */
#include "corpus/debian_copyright.h"

#include "base/arena.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct paragraph {
    const char *files;   /* patterns, apart by white space */
    const char *licence; /* its synopsis */
    unsigned line;
} paragraph;

struct debian_copyright {
    arena *a;
    paragraph *paragraphs;
    size_t count, capacity;
    uint64_t steps; /* of patterns, past LIMIT_COPYRIGHT_STEPS nothing fits any more */
};

/* ---- fields ---- */

typedef struct reader {
    const char *at, *end;
    unsigned line;
} reader;

typedef struct field {
    const char *name, *value;
    size_t name_length, value_length; /* the value with the lines that go on */
    unsigned line;
} field;

static size_t line_length(const reader *r)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
    return end != NULL ? (size_t)(end - r->at) : (size_t)(r->end - r->at);
}

static bool blank_line(const reader *r)
{
    for (size_t i = 0, n = line_length(r); i < n; i++) {
        if (strchr(" \t\r", r->at[i]) == NULL || r->at[i] == '\0') {
            return false;
        }
    }
    return true;
}

static void pass_line(reader *r)
{
    const size_t length = line_length(r);
    r->at += length + (r->at + length < r->end);
    r->line++;
}

/* The next field of the paragraph; false at its end. Lines that are none are passed over. */
static bool next_field(reader *r, field *ret)
{
    while (r->at < r->end && !blank_line(r)) {
        const size_t length = line_length(r);
        const char *colon = memchr(r->at, ':', length);
        *ret = (field){.name = r->at, .line = r->line};
        const bool good = colon != NULL && strchr(" \t#", *r->at) == NULL;
        pass_line(r);
        if (!good) {
            continue;
        }
        ret->name_length = (size_t)(colon - ret->name);
        ret->value = colon + 1;
        ret->value_length = length - ret->name_length - 1;
        while (r->at < r->end && strchr(" \t#", *r->at) != NULL && *r->at != '\0' && !blank_line(r)) {
            ret->value_length = (size_t)(r->at + line_length(r) - ret->value);
            pass_line(r);
        }
        return true;
    }
    return false;
}

/* To the next paragraph; false: there is none. */
static bool next_paragraph(reader *r)
{
    while (r->at < r->end && blank_line(r)) {
        pass_line(r);
    }
    return r->at < r->end;
}

static bool is_named(const field *f, const char *name)
{
    return strlen(name) == f->name_length && strncasecmp(f->name, name, f->name_length) == 0;
}

const char *debian_field(const char *text, size_t length, const char *name, size_t *ret_length)
{
    reader r = {text, text + length, 1};
    field f;
    *ret_length = 0;
    if (length == 0 || !next_paragraph(&r)) {
        return NULL;
    }
    while (next_field(&r, &f)) {
        if (is_named(&f, name)) {
            while (f.value_length > 0 && strchr(" \t", *f.value) != NULL) {
                f.value++;
                f.value_length--;
            }
            *ret_length = f.value_length;
            return f.value;
        }
    }
    return NULL;
}

/* ---- the file ---- */

static bool contains(const char *text, size_t length, const char *part)
{
    const size_t n = strlen(part);
    for (size_t i = 0; i + n <= length; i++) {
        if (memcmp(text + i, part, n) == 0) {
            return true;
        }
    }
    return false;
}

/* The first paragraph says that the file is of this form; older spellings are in use. */
static bool machine_readable(reader *r)
{
    bool said = false;
    field f;
    if (!next_paragraph(r)) {
        return false;
    }
    while (next_field(r, &f)) {
        said = said ||
               ((is_named(&f, "Format") || is_named(&f, "Format-Specification")) &&
                (contains(f.value, f.value_length, "copyright-format") || contains(f.value, f.value_length, "dep5") ||
                 contains(f.value, f.value_length, "DEP5") || contains(f.value, f.value_length, "dep.debian.net")));
    }
    return said;
}

static hearth_status add(debian_copyright *c, const paragraph *p, hearth_error *error)
{
    if (c->count == c->capacity) {
        const size_t capacity = c->capacity > 0 ? 2 * c->capacity : 64;
        paragraph *grown = mem_realloc(c->paragraphs, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        c->paragraphs = grown;
        c->capacity = capacity;
    }
    c->paragraphs[c->count++] = *p;
    return HEARTH_OK;
}

static hearth_status read_paragraph(debian_copyright *c, reader *r, hearth_error *error)
{
    field f;
    paragraph p = {NULL, NULL, 0};
    while (next_field(r, &f)) {
        if (is_named(&f, "Files")) {
            p.files = arena_strndup(c->a, f.value, f.value_length);
            p.line = f.line;
            if (p.files == NULL) {
                return error_memory(error, f.value_length);
            }
        } else if (is_named(&f, "License")) {
            const char *end = memchr(f.value, '\n', f.value_length);
            const size_t length = end != NULL ? (size_t)(end - f.value) : f.value_length;
            p.licence = arena_strndup(c->a, f.value, length);
            if (p.licence == NULL) {
                return error_memory(error, length);
            }
        }
    }
    return p.files != NULL && p.licence != NULL ? add(c, &p, error) : HEARTH_OK;
}

hearth_status debian_copyright_read(const char *text, size_t length, debian_copyright **ret, hearth_error *error)
{
    reader r = {text, text + length, 1};
    *ret = NULL;
    if (length == 0 || !machine_readable(&r)) {
        return HEARTH_OK;
    }
    debian_copyright *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return error_memory(error, sizeof *c);
    }
    c->a = arena_create(0);
    hearth_status status = c->a != NULL ? HEARTH_OK : error_memory(error, 0);
    while (status == HEARTH_OK && c->count < LIMIT_COPYRIGHT_PARAGRAPHS && next_paragraph(&r)) {
        status = read_paragraph(c, &r, error);
    }
    if (status != HEARTH_OK || c->count == 0) {
        debian_copyright_free(c);
        return status;
    }
    *ret = c;
    return HEARTH_OK;
}

void debian_copyright_free(debian_copyright *c)
{
    if (c != NULL) {
        arena_destroy(c->a);
        mem_free(c->paragraphs);
        mem_free(c);
    }
}

/* ---- patterns ---- */

/* *steps grows by the characters looked at, and ends it past LIMIT_COPYRIGHT_STEPS. */
static bool fits(const char *pattern, size_t pattern_length, const char *text, uint64_t *steps)
{
    size_t p = 0, star = pattern_length;
    const char *again = NULL;
    while (++*steps <= LIMIT_COPYRIGHT_STEPS) {
        const char *t = text;
        const bool escaped = p + 1 < pattern_length && pattern[p] == '\\';
        if (p < pattern_length && pattern[p] == '*') {
            star = p++;
            again = text;
            continue;
        }
        if (*t != '\0' && p < pattern_length && (pattern[p + escaped] == *t || (!escaped && pattern[p] == '?'))) {
            p += 1 + (size_t)escaped;
            text++;
            continue;
        }
        if (*t == '\0' && p == pattern_length) {
            return true;
        }
        if (again == NULL || *again == '\0') {
            return false;
        }
        text = ++again; /* the last star takes one character more */
        p = star + 1;
    }
    return false;
}

bool debian_glob(const char *pattern, size_t pattern_length, const char *text)
{
    uint64_t steps = 0;
    return fits(pattern, pattern_length, text, &steps);
}

static bool matches(const char *pattern, size_t length, const char *path, uint64_t *steps)
{
    if (length >= 2 && pattern[0] == '.' && pattern[1] == '/') {
        pattern += 2;
        length -= 2;
    }
    for (const char *end = path, *next = NULL; end != NULL; end = next != NULL ? next + 1 : NULL) {
        if (fits(pattern, length, end, steps)) {
            return true;
        }
        next = length > 0 && pattern[0] == '*' ? NULL : strchr(end, '/'); /* a star takes what is before an end */
    }
    size_t last = length;
    while (last > 0 && pattern[last - 1] != '/') {
        last--;
    }
    size_t signs = last;
    while (signs < length && strchr("*?.", pattern[signs]) != NULL) {
        signs++;
    }
    const char *slash = strrchr(path, '/');
    return last > 0 && signs < length && fits(pattern + last, length - last, slash != NULL ? slash + 1 : path, steps);
}

static const char *matching(const paragraph *p, const char *path, uint64_t *steps, size_t *ret_length)
{
    const char *const white = " \t\r\n";
    for (const char *at = p->files + strspn(p->files, white); *at != '\0';) {
        const size_t length = strcspn(at, white);
        if (matches(at, length, path, steps)) {
            *ret_length = length;
            return at;
        }
        at += length;
        at += strspn(at, white);
    }
    return NULL;
}

hearth_status debian_copyright_find(debian_copyright *c, const char *path, buffer *licence, buffer *evidence,
                                    bool *ret_found, hearth_error *error)
{
    *ret_found = false;
    for (size_t i = c->count; i > 0; i--) {
        const paragraph *p = &c->paragraphs[i - 1];
        size_t length = 0;
        const char *pattern = matching(p, path, &c->steps, &length);
        if (pattern != NULL) {
            *ret_found = true;
            TRY(debian_licence(p->licence, licence, error));
            return buffer_printf(evidence, error, "Files: %.*s, line %u", (int)(length < 200 ? length : 200), pattern,
                                 p->line);
        }
    }
    return HEARTH_OK;
}
