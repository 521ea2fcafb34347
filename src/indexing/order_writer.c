#include "indexing/order_writer.h"

#include "base/memory.h"

static hearth_status open_file(const order_job *job, trace_file file, hashed_file *ret, hearth_error *error)
{
    char *path = trace_shard_path(job->folder, job->shard, file);
    if (path == NULL) {
        return error_memory(error, strlen(job->folder));
    }
    const hearth_status status = hashed_file_open(path, true, ret, error);
    mem_free(path);
    return status;
}

hearth_status order_writer_open(const order_job *job, const file_map *units, uint64_t length, order_writer *ret,
                                hearth_error *error)
{
    const bool tokens = job->unit == TRACE_TOKENS;
    *ret = (order_writer){.units = units, .width = job->width, .bits = trace_bits(length)};
    TRY(open_file(job, tokens ? TRACE_FILE_TOKENS_ORDER : TRACE_FILE_TEXT_ORDER, &ret->order, error));
    return open_file(job, tokens ? TRACE_FILE_TOKENS_KEYS : TRACE_FILE_TEXT_KEYS, &ret->keys, error);
}

/* The suffix's first bytes, zeros behind what separates documents. */
static hearth_status add_key(order_writer *w, uint64_t position, hearth_error *error)
{
    uint8_t key[TRACE_KEY_BYTES] = {0};
    const uint8_t *suffix = w->units->data + position * w->width;
    const uint32_t separator = trace_separator(w->width);
    for (unsigned i = 0; i < TRACE_KEY_BYTES;) {
        const unsigned left = TRACE_KEY_BYTES - i;
        memcpy(key + i, suffix + i, left < w->width ? left : w->width);
        if (trace_get_unit(suffix + i, w->width) == separator) {
            break;
        }
        i += w->width;
    }
    return hashed_file_write(&w->keys, key, sizeof key, error);
}

hearth_status order_writer_add(order_writer *w, uint64_t position, hearth_error *error)
{
    if (w->count++ % TRACE_KEY_STEP == 0) {
        TRY(add_key(w, position, error));
    }
    w->word |= position << w->waiting;
    w->waiting += w->bits;
    if (w->waiting < 64) {
        return HEARTH_OK;
    }
    TRY(hashed_file_write(&w->order, &w->word, sizeof w->word, error));
    w->waiting -= 64;
    w->word = w->waiting > 0 ? position >> (w->bits - w->waiting) : 0;
    return HEARTH_OK;
}

hearth_status order_writer_finish(order_writer *w, order_job *job, hearth_error *error)
{
    static const uint8_t zeros[TRACE_ORDER_PADDING] = {0};
    TRY(hashed_file_write(&w->order, &w->word, (w->waiting + 7) / 8, error));
    TRY(hashed_file_write(&w->order, zeros, sizeof zeros, error));
    job->order_bytes = w->order.bytes;
    job->keys_bytes = w->keys.bytes;
    TRY(hashed_file_finish(&w->order, job->order_sha256, error));
    return hashed_file_finish(&w->keys, job->keys_sha256, error);
}

void order_writer_drop(order_writer *w)
{
    hashed_file_drop(&w->order);
    hashed_file_drop(&w->keys);
}
