/* libarchive behind our errors. */
#include "corpus/archive.h"

#include "base/text.h"
#include "base/memory.h"
#include "platform/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_BYTES ((size_t)128 << 10)

static hearth_status failed(struct archive *a, const char *name, hearth_error *error)
{
    const char *what = archive_error_string(a);
    const bool memory = archive_errno(a) == ENOMEM;
    (void)error_set(error, memory ? HEARTH_E_MEMORY : HEARTH_E_FORMAT, NULL, NULL, "%s",
                    what != NULL ? what : "cannot be read");
    error_in_file(error, name);
    return memory ? HEARTH_E_MEMORY : HEARTH_E_FORMAT;
}

/* Formats and filters that libarchive reads by itself: those with helper programs stay off. */
static bool allow(struct archive *a, archive_door_kind kind)
{
    int worst = ARCHIVE_OK;
    int (*const filters[])(struct archive *) = {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                                                archive_read_support_filter_xz,   archive_read_support_filter_lzma,
                                                archive_read_support_filter_zstd, archive_read_support_filter_lz4};
    int (*const raw[])(struct archive *) = {archive_read_support_format_raw, archive_read_support_format_empty};
    int (*const entries[])(struct archive *) = {archive_read_support_format_tar, archive_read_support_format_zip,
                                                archive_read_support_format_7zip, archive_read_support_format_cpio};
    int (*const ar[])(struct archive *) = {archive_read_support_format_ar};
    int (*const *formats)(struct archive *) = kind == ARCHIVE_DOOR_RAW ? raw : kind == ARCHIVE_DOOR_AR ? ar : entries;
    const size_t count = kind == ARCHIVE_DOOR_RAW  ? sizeof raw / sizeof *raw
                         : kind == ARCHIVE_DOOR_AR ? sizeof ar / sizeof *ar
                                                   : sizeof entries / sizeof *entries;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const int how = filters[i](a);
        worst = how < worst ? how : worst;
    }
    for (size_t i = 0; i < count; i++) {
        const int how = formats[i](a);
        worst = how < worst ? how : worst;
    }
    return worst >= ARCHIVE_WARN;
}

/* RAW stands at its only entry. *ret_empty: no byte is in it; libarchive must not be asked for data then. */
static hearth_status begin(struct archive *a, const char *name, archive_door_kind kind, bool *ret_empty,
                           hearth_error *error)
{
    struct archive_entry *entry = NULL;
    if (kind != ARCHIVE_DOOR_RAW) {
        return HEARTH_OK;
    }
    const int how = archive_read_next_header(a, &entry);
    *ret_empty = how == ARCHIVE_EOF;
    return how == ARCHIVE_OK || how == ARCHIVE_EOF ? HEARTH_OK : failed(a, name, error);
}

static hearth_status open_file(struct archive *a, const char *path, archive_door_kind kind, bool *ret_empty,
                               hearth_error *error)
{
    *ret_empty = false;
    if (file_is_folder(path)) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a file", "a folder");
        error_in_file(error, path);
        return HEARTH_E_ARGUMENT;
    }
    if (!file_exists(path)) {
        return error_errno(error, path, "open", ENOENT);
    }
    if (!allow(a, kind) || archive_read_open_filename(a, path, BLOCK_BYTES) != ARCHIVE_OK) {
        return failed(a, path, error);
    }
    return begin(a, path, kind, ret_empty, error);
}

static hearth_status opened(struct archive *a, hearth_status status, bool empty, struct archive **ret)
{
    if (status != HEARTH_OK || empty) {
        (void)archive_read_free(a);
        a = NULL;
    }
    if (status == HEARTH_OK) {
        *ret = a;
    }
    return status;
}

hearth_status archive_door_open(const char *path, archive_door_kind kind, struct archive **ret, hearth_error *error)
{
    struct archive *a = archive_read_new();
    if (a == NULL) {
        return error_memory(error, BLOCK_BYTES);
    }
    bool empty = false;
    const hearth_status status = open_file(a, path, kind, &empty, error);
    return opened(a, status, empty, ret);
}

/* What the entry of the outer archive holds, piece by piece. */
static la_ssize_t read_outer(struct archive *a, void *outer, const void **ret)
{
    const char *bytes = NULL;
    size_t length = 0;
    hearth_error error = {0};
    if (archive_door_read(outer, "", &bytes, &length, &error) != HEARTH_OK) {
        archive_set_error(a, error.status == HEARTH_E_MEMORY ? ENOMEM : EILSEQ, "%s",
                          archive_error_string(outer) != NULL ? archive_error_string(outer) : "cannot be read");
        return -1;
    }
    *ret = bytes;
    return (la_ssize_t)length;
}

hearth_status archive_door_open_within(struct archive *outer, const char *name, archive_door_kind kind,
                                       struct archive **ret, hearth_error *error)
{
    bool empty = false;
    struct archive *a = archive_read_new();
    if (a == NULL) {
        return error_memory(error, BLOCK_BYTES);
    }
    const bool good = allow(a, kind) && archive_read_open(a, outer, NULL, read_outer, NULL) == ARCHIVE_OK;
    const hearth_status status = good ? begin(a, name, kind, &empty, error) : failed(a, name, error);
    return opened(a, status, empty, ret);
}

hearth_status archive_door_open_bytes(const void *bytes, size_t length, const char *name, archive_door_kind kind,
                                      struct archive **ret, hearth_error *error)
{
    bool empty = false;
    struct archive *a = archive_read_new();
    if (a == NULL) {
        return error_memory(error, BLOCK_BYTES);
    }
    const bool good = allow(a, kind) && archive_read_open_memory(a, bytes, length) == ARCHIVE_OK;
    const hearth_status status = good ? begin(a, name, kind, &empty, error) : failed(a, name, error);
    return opened(a, status, empty, ret);
}

hearth_status archive_door_next_any(struct archive *a, const char *name, struct archive_entry **ret,
                                    hearth_error *error)
{
    *ret = NULL;
    const int how = archive_read_next_header(a, ret);
    if (how == ARCHIVE_EOF) {
        *ret = NULL;
        return HEARTH_OK;
    }
    return how < ARCHIVE_WARN ? failed(a, name, error) : HEARTH_OK;
}

hearth_status archive_door_next(struct archive *a, const char *name, struct archive_entry **ret, hearth_error *error)
{
    do {
        TRY(archive_door_next_any(a, name, ret, error));
    } while (*ret != NULL && (archive_entry_filetype(*ret) != AE_IFREG || archive_entry_hardlink(*ret) != NULL));
    return HEARTH_OK;
}

hearth_status archive_door_read(struct archive *a, const char *name, const char **ret, size_t *ret_length,
                                hearth_error *error)
{
    *ret = NULL;
    *ret_length = 0;
    while (a != NULL) {
        const void *bytes = NULL;
        size_t length = 0;
        la_int64_t offset = 0; /* holes of sparse files are left out */
        const int how = archive_read_data_block(a, &bytes, &length, &offset);
        if (how == ARCHIVE_EOF) {
            break;
        }
        if (how < ARCHIVE_WARN) {
            return failed(a, name, error);
        }
        if (length > 0) {
            *ret = bytes;
            *ret_length = length;
            break;
        }
    }
    return HEARTH_OK;
}

void archive_door_close(struct archive *a)
{
    if (a != NULL) {
        (void)archive_read_free(a);
    }
}
