/* Sources that are files: folders, archives, datasets; and the hashes that they are pinned by. */
#include "corpus/archive.h"
#include "corpus/source_part.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- a walk over a folder ---- */

typedef struct walk_entry {
    const char *name;
    bool folder;
} walk_entry;

/* Byte order of whole paths: a folder's name counts as if "/" stood behind it. */
static int by_path(const void *a, const void *b)
{
    const walk_entry *x = a, *y = b;
    const size_t m = strlen(x->name), n = strlen(y->name), least = m < n ? m : n;
    const int order = memcmp(x->name, y->name, least);
    if (order != 0 || m == n) {
        return order;
    }
    const unsigned char next_x = least < m ? (unsigned char)x->name[least] : x->folder ? '/' : 0;
    const unsigned char next_y = least < n ? (unsigned char)y->name[least] : y->folder ? '/' : 0;
    return (int)next_x - (int)next_y;
}

static hearth_status walk(const char *folder, const char *place, unsigned depth, source_file_fn fn, void *context,
                          hearth_error *error);

static hearth_status visit(const char *folder, const char *place, const walk_entry *entry, unsigned depth,
                           source_file_fn fn, void *context, hearth_error *error)
{
    char *path = file_join(folder, entry->name);
    char *here = *place == '\0' ? mem_strdup(entry->name) : file_join(place, entry->name);
    hearth_status status = HEARTH_OK;
    if (path == NULL || here == NULL) {
        status = error_memory(error, strlen(entry->name));
    } else if (entry->folder) {
        status = walk(path, here, depth + 1, fn, context, error);
    } else {
        status = fn(context, path, here, error);
    }
    mem_free(path);
    mem_free(here);
    return status;
}

/* Which of a folder's names are files and folders; the rest is left out. */
static hearth_status sort_out(const char *folder, const file_list *list, walk_entry *entries, size_t *ret_count,
                              hearth_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct stat info;
        char *path = file_join(folder, list->names[i]);
        if (path == NULL) {
            return error_memory(error, strlen(list->names[i]));
        }
        const bool there = lstat(path, &info) == 0;
        const int reason = errno;
        if (!there) {
            const hearth_status status = error_errno(error, path, "read", reason);
            mem_free(path);
            return status;
        }
        mem_free(path);
        if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) {
            entries[count++] = (walk_entry){list->names[i], S_ISDIR(info.st_mode)};
        }
    }
    qsort(entries, count, sizeof *entries, by_path);
    *ret_count = count;
    return HEARTH_OK;
}

static hearth_status walk(const char *folder, const char *place, unsigned depth, source_file_fn fn, void *context,
                          hearth_error *error)
{
    file_list list = {0};
    size_t count = 0;
    if (depth > LIMIT_FOLDER_DEPTH) {
        return error_set(error, HEARTH_E_LIMIT, place, NULL, "folders nested more than %u deep", LIMIT_FOLDER_DEPTH);
    }
    TRY(file_list_folder(folder, &list, error));
    walk_entry *entries = mem_calloc(list.count + 1, sizeof *entries);
    hearth_status status = entries == NULL ? error_memory(error, list.count * sizeof *entries)
                                           : sort_out(folder, &list, entries, &count, error);
    for (size_t i = 0; status == HEARTH_OK && i < count; i++) {
        status = visit(folder, place, &entries[i], depth, fn, context, error);
    }
    mem_free(entries);
    file_list_free(&list);
    return status;
}

hearth_status source_walk(const char *folder, source_file_fn fn, void *context, hearth_error *error)
{
    return walk(folder, "", 0, fn, context, error);
}

/* ---- hashes ---- */

static hearth_status hash_descriptor(int descriptor, const char *path, const document_sink *sink,
                                     char ret[HASH_HEX_SIZE], hearth_error *error)
{
    enum { PIECE = 256 << 10 };
    uint8_t digest[32];
    hash_state *h = hash_create();
    char *piece = mem_alloc(PIECE);
    ssize_t got = h == NULL || piece == NULL ? 0 : 1;
    hearth_status status = HEARTH_OK;
    while (got > 0) {
        status = source_go_on(sink, error);
        if (status != HEARTH_OK) {
            break;
        }
        got = read(descriptor, piece, PIECE);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        hash_update(h, piece, got > 0 ? (size_t)got : 0);
    }
    const int reason = errno;
    if (h == NULL || piece == NULL) {
        status = error_memory(error, PIECE);
    } else if (got < 0) {
        status = error_errno(error, path, "read", reason);
    }
    if (h != NULL) {
        hash_finish(h, digest);
        hash_hex(digest, ret);
    }
    mem_free(piece);
    return status;
}

hearth_status source_hash_file(const char *path, const document_sink *sink, char ret[HASH_HEX_SIZE],
                               hearth_error *error)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return error_errno(error, path, "open", errno);
    }
    const hearth_status status = hash_descriptor(descriptor, path, sink, ret, error);
    close(descriptor);
    return status;
}

typedef struct listing {
    hash_state *hash;
    const document_sink *sink;
} listing;

/* "<sha256>  <path>\n" for each file, as sha256sum prints it. */
static hearth_status hash_listed(void *context, const char *path, const char *place, hearth_error *error)
{
    const listing *l = context;
    char sha256[HASH_HEX_SIZE];
    TRY(source_hash_file(path, l->sink, sha256, error));
    hash_update(l->hash, sha256, strlen(sha256));
    hash_update(l->hash, "  ", 2);
    hash_update(l->hash, place, strlen(place));
    hash_update(l->hash, "\n", 1);
    return HEARTH_OK;
}

static hearth_status hash_folder(const char *path, const document_sink *sink, char ret[HASH_HEX_SIZE],
                                 hearth_error *error)
{
    uint8_t digest[32];
    listing l = {hash_create(), sink};
    if (l.hash == NULL) {
        return error_memory(error, sizeof digest);
    }
    const hearth_status status = source_walk(path, hash_listed, &l, error);
    hash_finish(l.hash, digest);
    hash_hex(digest, ret);
    return status;
}

static hearth_status hash_path(const char *path, const document_sink *sink, char ret[HASH_HEX_SIZE],
                               hearth_error *error)
{
    return file_is_folder(path) ? hash_folder(path, sink, ret, error) : source_hash_file(path, sink, ret, error);
}

hearth_status source_hash(const char *path, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    return hash_path(path, NULL, ret, error);
}

hearth_status source_differs(const char *file, const char *expected, const char *found, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, NULL, expected, "%s", found);
    error_in_file(error, file);
    return HEARTH_E_FORMAT;
}

static hearth_status different(const char *file, const char *sha256, const char *found, hearth_error *error)
{
    char expected[96];
    (void)snprintf(expected, sizeof expected, "SHA-256 %s", sha256);
    return source_differs(file, expected, found, error);
}

hearth_status source_compare(const recipe_source *s, const char *sha256, hearth_error *error)
{
    return s->sha256 == NULL || strcmp(s->sha256, sha256) == 0
               ? HEARTH_OK
               : different(s->path != NULL ? s->path : s->name, s->sha256, sha256, error);
}

static hearth_status check_pin(const char *folder, const recipe_pin *pin, const document_sink *sink,
                               hearth_error *error)
{
    char sha256[HASH_HEX_SIZE];
    char *path = file_join(folder, pin->path);
    if (path == NULL) {
        return error_memory(error, strlen(pin->path));
    }
    hearth_status status = source_hash_file(path, sink, sha256, error);
    if (status == HEARTH_OK && strcmp(sha256, pin->sha256) != 0) {
        status = different(path, pin->sha256, sha256, error);
    }
    mem_free(path);
    return status;
}

hearth_status source_check(source_reader *reader, hearth_error *error)
{
    const recipe_source *s = reader->s;
    char *sha256 = reader->report->sha256;
    if (s->kind == SOURCE_COMMAND || s->kind == SOURCE_GENERATOR) {
        return HEARTH_OK;
    }
    if (s->kind == SOURCE_DEBIAN) {
        return source_check_debian(reader, error);
    }
    TRY(hash_path(reader->path, reader->sink, sha256, error));
    for (size_t i = 0; i < s->pin_count; i++) {
        TRY(check_pin(reader->path, &s->pins[i], reader->sink, error));
    }
    return source_compare(s, sha256, error);
}

/* ---- folders ---- */

static hearth_status read_file(void *context, const char *path, const char *place, hearth_error *error)
{
    enum { PIECE = 64 << 10 };
    source_reader *reader = context;
    if (reader->full) {
        return HEARTH_OK;
    }
    TRY(source_begin(reader, error));
    TRY(document_set(&reader->d.place, place, error));
    FILE *in = fopen(path, "rbe");
    if (in == NULL) {
        return error_errno(error, path, "open", errno);
    }
    char piece[PIECE];
    hearth_status status = HEARTH_OK;
    for (size_t got = 1; status == HEARTH_OK && got > 0;) {
        status = source_go_on(reader->sink, error);
        if (status == HEARTH_OK) {
            got = fread(piece, 1, sizeof piece, in);
            status = document_add(&reader->d, piece, got, error);
        }
    }
    if (status == HEARTH_OK && ferror(in)) {
        status = error_errno(error, path, "read", errno);
    }
    (void)fclose(in);
    TRY(status);
    return source_put(reader, error);
}

hearth_status source_read_folder(source_reader *reader, hearth_error *error)
{
    return source_walk(reader->path, read_file, reader, error);
}

/* ---- datasets: a folder as the Hugging Face hub keeps them ---- */

bool source_has_ending(const char *name, const char *const *endings)
{
    static const char *const packed[] = {"", ".gz", ".zst", ".xz", ".bz2"};
    for (size_t i = 0; endings[i] != NULL; i++) {
        for (size_t k = 0; k < sizeof packed / sizeof *packed; k++) {
            char end[32];
            (void)snprintf(end, sizeof end, "%s%s", endings[i], packed[k]);
            if (text_ends(name, end)) {
                return true;
            }
        }
    }
    return false;
}

static hearth_status read_shard(void *context, const char *path, const char *place, hearth_error *error)
{
    source_reader *reader = context;
    if (reader->full) {
        return HEARTH_OK;
    }
    if (source_has_ending(place, (const char *const[]){".jsonl", NULL})) {
        return source_read_jsonl(reader, path, place, error);
    }
    if (source_has_ending(place, (const char *const[]){".txt", NULL})) {
        return source_read_text(reader, path, place, reader->s->split != NULL ? reader->s->split : "line", error);
    }
    if (text_ends(place, ".parquet") || text_ends(place, ".arrow")) {
        (void)error_set(error, HEARTH_E_UNSUPPORTED, NULL, "jsonl or txt",
                        "Parquet or Arrow; a source of kind command reads it: docs/formats/corpus.md, \"Parquet\"");
        error_in_file(error, path);
        return HEARTH_E_UNSUPPORTED;
    }
    return HEARTH_OK; /* a card, a script, a picture */
}

hearth_status source_read_dataset(source_reader *reader, hearth_error *error)
{
    return source_walk(reader->path, read_shard, reader, error);
}

/* ---- archives ---- */

hearth_status source_entry_time(document *d, struct archive_entry *entry, hearth_error *error)
{
    const time_t changed = archive_entry_mtime(entry);
    char text[32];
    if (archive_entry_mtime_is_set(entry) && changed > 0 && *text_time(changed, text) != '\0') {
        return document_set(&d->created, text, error);
    }
    return HEARTH_OK;
}

static hearth_status read_entry(source_reader *reader, struct archive *a, struct archive_entry *entry,
                                hearth_error *error)
{
    const char *name = archive_entry_pathname(entry);
    document *d = &reader->d;
    TRY(source_begin(reader, error));
    TRY(document_set(&d->place, name != NULL ? name : "", error));
    /* zip keeps the time of a zone that it does not name */
    const bool local = (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
    TRY(local ? HEARTH_OK : source_entry_time(d, entry, error));
    const char *bytes = NULL;
    size_t length = 0;
    do {
        TRY(source_go_on(reader->sink, error));
        TRY(archive_door_read(a, reader->path, &bytes, &length, error));
        TRY(document_add(d, bytes, length, error));
    } while (length > 0);
    return source_put(reader, error);
}

hearth_status source_read_archive(source_reader *reader, hearth_error *error)
{
    struct archive *a = NULL;
    struct archive_entry *entry = NULL;
    TRY(archive_door_open(reader->path, ARCHIVE_DOOR_ENTRIES, &a, error));
    hearth_status status = archive_door_next(a, reader->path, &entry, error);
    while (status == HEARTH_OK && entry != NULL && !reader->full) {
        status = read_entry(reader, a, entry, error);
        if (status == HEARTH_OK) {
            status = archive_door_next(a, reader->path, &entry, error);
        }
    }
    archive_door_close(a);
    return status;
}
