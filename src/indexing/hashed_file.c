#include "indexing/hashed_file.h"

#define WAITING_BYTES ((size_t)1 << 20)

hearth_status hashed_file_open(const char *path, bool hashed, hashed_file *ret, hearth_error *error)
{
    hashed_file f = {.hash = hashed ? hash_create() : NULL};
    if (hashed && f.hash == NULL) {
        return error_memory(error, 64);
    }
    buffer_init(&f.waiting, 0);
    hearth_status status = buffer_reserve(&f.waiting, WAITING_BYTES, error);
    if (status == HEARTH_OK) {
        status = file_stream_open(path, &f.stream, error);
    }
    if (status != HEARTH_OK) {
        hashed_file_drop(&f);
        return status;
    }
    *ret = f;
    return HEARTH_OK;
}

static hearth_status flush(hashed_file *f, hearth_error *error)
{
    if (f->hash != NULL) {
        hash_update(f->hash, f->waiting.data, f->waiting.length);
    }
    const hearth_status status = file_stream_write(&f->stream, f->waiting.data, f->waiting.length, error);
    buffer_clear(&f->waiting);
    return status;
}

hearth_status hashed_file_write(hashed_file *f, const void *bytes, size_t length, hearth_error *error)
{
    const char *at = bytes;
    f->bytes += length;
    while (length > 0) {
        const size_t room = WAITING_BYTES - f->waiting.length, now = length < room ? length : room;
        TRY(buffer_append(&f->waiting, at, now, error));
        at += now;
        length -= now;
        if (f->waiting.length == WAITING_BYTES) {
            TRY(flush(f, error));
        }
    }
    return HEARTH_OK;
}

hearth_status hashed_file_finish(hashed_file *f, char ret_sha256[HASH_HEX_SIZE], hearth_error *error)
{
    uint8_t digest[32];
    hearth_status status = f->waiting.length > 0 ? flush(f, error) : HEARTH_OK;
    if (f->hash != NULL) {
        hash_finish(f->hash, digest);
        f->hash = NULL;
        hash_hex(digest, ret_sha256);
    }
    if (status == HEARTH_OK) {
        status = file_stream_finish(&f->stream, error);
    }
    hashed_file_drop(f);
    return status;
}

void hashed_file_drop(hashed_file *f)
{
    uint8_t digest[32];
    if (f->hash != NULL) {
        hash_finish(f->hash, digest);
    }
    file_stream_drop(&f->stream);
    buffer_free(&f->waiting);
    *f = (hashed_file){0};
}
