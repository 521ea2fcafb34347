/* Writing zstd. */
#include "corpus/zst.h"

#include "base/memory.h"
#include "platform/file_stream.h"

#include <zstd.h>

#define LEVEL 6

struct zst_writer {
    ZSTD_CCtx *context;
    hash_state *hash;
    file_stream out;
    char *piece;
    size_t piece_bytes;
    uint64_t bytes;
};

static hearth_status fill(zst_writer *z, const char *path, hearth_error *error)
{
    z->piece_bytes = ZSTD_CStreamOutSize();
    z->context = ZSTD_createCCtx();
    z->hash = hash_create();
    z->piece = mem_alloc(z->piece_bytes);
    if (z->context == NULL || z->hash == NULL || z->piece == NULL) {
        return error_memory(error, z->piece_bytes);
    }
    if (ZSTD_isError(ZSTD_CCtx_setParameter(z->context, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(z->context, ZSTD_c_checksumFlag, 1))) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "zstd", NULL, "level %d is not known to this library", LEVEL);
    }
    return file_stream_open(path, &z->out, error);
}

hearth_status zst_create(const char *path, zst_writer **ret, hearth_error *error)
{
    zst_writer *z = mem_calloc(1, sizeof *z);
    if (z == NULL) {
        return error_memory(error, sizeof *z);
    }
    const hearth_status status = fill(z, path, error);
    if (status != HEARTH_OK) {
        zst_drop(z);
        return status;
    }
    *ret = z;
    return HEARTH_OK;
}

static hearth_status compress(zst_writer *z, ZSTD_inBuffer *in, ZSTD_EndDirective how, hearth_error *error)
{
    for (size_t left = 1; left > 0;) {
        ZSTD_outBuffer out = {.dst = z->piece, .size = z->piece_bytes};
        left = ZSTD_compressStream2(z->context, &out, in, how);
        if (ZSTD_isError(left)) {
            return error_set(error, HEARTH_E_MEMORY, "zstd", NULL, "%s", ZSTD_getErrorName(left));
        }
        TRY(file_stream_write(&z->out, z->piece, out.pos, error));
        if (how == ZSTD_e_continue) {
            left = in->size - in->pos;
        }
    }
    return HEARTH_OK;
}

hearth_status zst_write(zst_writer *z, const void *bytes, size_t length, hearth_error *error)
{
    ZSTD_inBuffer in = {.src = bytes, .size = length};
    hash_update(z->hash, bytes, length);
    z->bytes += length;
    return compress(z, &in, ZSTD_e_continue, error);
}

hearth_status zst_finish(zst_writer *z, char ret_sha256[HASH_HEX_SIZE], uint64_t *ret_bytes, hearth_error *error)
{
    ZSTD_inBuffer in = {0};
    uint8_t digest[32];
    hearth_status status = compress(z, &in, ZSTD_e_end, error);
    if (status == HEARTH_OK) {
        status = file_stream_finish(&z->out, error);
    }
    hash_finish(z->hash, digest);
    z->hash = NULL;
    hash_hex(digest, ret_sha256);
    *ret_bytes = z->bytes;
    zst_drop(z);
    return status;
}

void zst_drop(zst_writer *z)
{
    if (z == NULL) {
        return;
    }
    if (z->hash != NULL) {
        uint8_t unused[32];
        hash_finish(z->hash, unused);
    }
    (void)ZSTD_freeCCtx(z->context);
    file_stream_drop(&z->out);
    mem_free(z->piece);
    mem_free(z);
}
