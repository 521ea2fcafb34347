/* Hashes of files and of weights. */
#include "train/digest.h"

#include "platform/file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weights are hashed as they lie in memory");

static hearth_status finish(hash_state *h, char ret[HASH_HEX_SIZE])
{
    uint8_t digest[32];
    hash_finish(h, digest);
    hash_hex(digest, ret);
    return HEARTH_OK;
}

hearth_status digest_file(const char *path, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    file_map map = {0};
    TRY(file_map_open(path, &map, error));
    const hearth_status status = hash_bytes_hex(map.data, map.size, ret, error);
    file_map_close(&map);
    return status;
}

hearth_status digest_values(const float *a, const float *b, uint64_t count, char ret[HASH_HEX_SIZE],
                            hearth_error *error)
{
    hash_state *h = hash_create();
    if (h == NULL) {
        return error_memory(error, HASH_HEX_SIZE);
    }
    hash_update(h, a, (size_t)count * sizeof *a);
    if (b != NULL) {
        hash_update(h, b, (size_t)count * sizeof *b);
    }
    return finish(h, ret);
}
