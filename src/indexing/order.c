#include "indexing/order.h"

#include "base/memory.h"
#include "base/text.h"
#include "indexing/order_merge.h"
#include "indexing/order_writer.h"
#include "trace/trace_shard.h"

#include <divsufsort.h>
#include <unistd.h>

#define ASK_EVERY 4194304u
#define AHEAD 32u /* suffixes whose units are fetched before they are looked at */

typedef struct sorting {
    order_job *job;
    file_map units, documents;
    uint64_t length; /* units of the file */
    order_writer writer;
} sorting;

/* Units before document `i`. */
static uint64_t begin_of(const sorting *s, uint64_t i)
{
    uint64_t value = 0;
    memcpy(&value, s->documents.data + i * TRACE_RECORD_BYTES + (s->job->unit == TRACE_TOKENS ? 8 : 0), sizeof value);
    return value;
}

static hearth_status go_on(const sorting *s, hearth_error *error)
{
    return s->job->go_on == NULL || s->job->go_on(s->job->context)
               ? HEARTH_OK
               : error_set(error, HEARTH_E_CANCELLED, "sorting", NULL, "a wish to stop");
}

/* ---- one part ---- */

/* Whether a unit is a text's, and not what separates two documents. */
static bool is_text(const sorting *s, uint64_t position, unsigned end_units)
{
    const unsigned width = s->job->width;
    const uint8_t *at = s->units.data + position * width;
    const uint32_t separator = trace_separator(width);
    for (unsigned back = 0; back < end_units && back <= position; back++) {
        if (trace_get_unit(at - back * width, width) == separator) {
            return false;
        }
    }
    return true;
}

/* Hands each suffix of the part that is a text's to `put`, in order; `sorted` are bytes from unit `begin` on. */
typedef hearth_status (*put_fn)(void *context, uint64_t position, hearth_error *error);
static hearth_status put_sorted(const sorting *s, uint64_t begin, const int32_t *sorted, size_t count, put_fn put,
                                void *context, hearth_error *error)
{
    const unsigned width = s->job->width, end_units = trace_end_units(s->job->unit);
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(s->units.data + begin * width + (uint32_t)sorted[i + AHEAD]);
        }
        const uint32_t byte = (uint32_t)sorted[i];
        if (byte % width == 0 && is_text(s, begin + byte / width, end_units)) {
            TRY(put(context, begin + byte / width, error));
        }
        if (i % ASK_EVERY == ASK_EVERY - 1) {
            TRY(go_on(s, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status sort_part(const sorting *s, uint64_t begin, uint64_t end, put_fn put, void *context,
                               hearth_error *error)
{
    const size_t bytes = (size_t)(end - begin) * s->job->width;
    int32_t *sorted = bytes > 0 ? mem_alloc(bytes * sizeof *sorted) : NULL;
    if (bytes > 0 && sorted == NULL) {
        return error_memory(error, bytes * sizeof *sorted);
    }
    hearth_status status = HEARTH_OK;
    if (bytes > 0 && divsufsort(s->units.data + begin * s->job->width, sorted, (int32_t)bytes) != 0) {
        status = error_memory(error, bytes);
    }
    if (status == HEARTH_OK) {
        status = put_sorted(s, begin, sorted, bytes, put, context, error);
    }
    mem_free(sorted);
    return status;
}

/* ---- parts: whole documents, as many as fit ---- */

/* Bytes of units that may be sorted at once: 4 more for each, and the bytes themselves. */
static uint64_t part_bytes(const order_job *job)
{
    const uint64_t most = ((uint64_t)1 << 31) - 1, fits = job->memory_bytes / 5;
    return fits < most ? fits : most;
}

/* The first document behind the part that begins at `first`; at least one belongs to it. */
static uint64_t part_end(const sorting *s, uint64_t first)
{
    const uint64_t most = part_bytes(s->job) / s->job->width, begin = begin_of(s, first);
    uint64_t low = first + 1, high = s->job->documents; /* the last that fits */
    while (low < high) {
        const uint64_t middle = low + (high - low + 1) / 2;
        if (begin_of(s, middle) - begin <= most) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

static hearth_status put_final(void *context, uint64_t position, hearth_error *error)
{
    return order_writer_add(context, position, error);
}

static hearth_status put_plain(void *context, uint64_t position, hearth_error *error)
{
    return hashed_file_write(context, &position, ORDER_MERGE_BYTES, error);
}

/* A part's positions as they are, beside the shard's files, until they are merged. */
static hearth_status write_part(const sorting *s, uint64_t first, uint64_t last, const char *path, hearth_error *error)
{
    hashed_file file = {0};
    TRY(hashed_file_open(path, false, &file, error));
    hearth_status status = sort_part(s, begin_of(s, first), begin_of(s, last), put_plain, &file, error);
    if (status == HEARTH_OK) {
        return hashed_file_finish(&file, NULL, error);
    }
    hashed_file_drop(&file);
    return status;
}

static hearth_status sort_parts(sorting *s, char *const *paths, hearth_error *error)
{
    uint64_t first = 0;
    for (size_t i = 0; i < s->job->parts; i++) {
        const uint64_t last = part_end(s, first);
        TRY(write_part(s, first, last, paths[i], error));
        TRY(go_on(s, error));
        first = last;
    }
    const order_merge merge = {.units = &s->units,
                               .width = s->job->width,
                               .length = s->length,
                               .paths = paths,
                               .parts = s->job->parts,
                               .put = put_final,
                               .context = &s->writer,
                               .go_on = s->job->go_on,
                               .go_on_context = s->job->context};
    return order_merge_run(&merge, error);
}

static hearth_status sort_and_merge(sorting *s, hearth_error *error)
{
    char **paths = mem_calloc(s->job->parts, sizeof *paths);
    hearth_status status = paths != NULL ? HEARTH_OK : error_memory(error, s->job->parts * sizeof *paths);
    for (size_t i = 0; i < s->job->parts && status == HEARTH_OK; i++) {
        paths[i] =
            text_format("%s/%05zu.%s.part-%zu", s->job->folder, s->job->shard, trace_unit_names[s->job->unit], i);
        status = paths[i] != NULL ? HEARTH_OK : error_memory(error, strlen(s->job->folder));
    }
    if (status == HEARTH_OK) {
        status = sort_parts(s, paths, error);
    }
    for (size_t i = 0; paths != NULL && i < s->job->parts; i++) {
        if (paths[i] != NULL) {
            (void)unlink(paths[i]);
        }
        mem_free(paths[i]);
    }
    mem_free(paths);
    return status;
}

static size_t count_parts(const sorting *s)
{
    size_t parts = 0;
    for (uint64_t first = 0; first < s->job->documents; first = part_end(s, first)) {
        parts++;
    }
    return parts;
}

static hearth_status build(sorting *s, hearth_error *error)
{
    s->length = begin_of(s, s->job->documents);
    s->job->parts = count_parts(s);
    TRY(order_writer_open(s->job, &s->units, s->length, &s->writer, error));
    if (s->job->parts > 1) {
        TRY(sort_and_merge(s, error));
    } else {
        TRY(sort_part(s, 0, s->length, put_final, &s->writer, error));
    }
    return order_writer_finish(&s->writer, s->job, error);
}

hearth_status order_build(order_job *job, hearth_error *error)
{
    sorting s = {.job = job};
    hearth_status status = trace_shard_map(
        job->folder, job->shard, job->unit == TRACE_TOKENS ? TRACE_FILE_TOKENS : TRACE_FILE_TEXT, &s.units, error);
    if (status == HEARTH_OK) {
        status = trace_shard_map(job->folder, job->shard, TRACE_FILE_DOCUMENTS, &s.documents, error);
    }
    if (status == HEARTH_OK) {
        status = build(&s, error);
    }
    order_writer_drop(&s.writer);
    file_map_close(&s.units);
    file_map_close(&s.documents);
    return status;
}
