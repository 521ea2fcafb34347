/* Segments of a file, fetched side by side.
 *
 * A segment is a range of the file; its bytes come in order, `done` of them are written. States of a segment:
 *
 *     idle ──begin──► running ──all bytes──► whole
 *      ▲                 │
 *      └──broken, later──┘        `tries` counts failures since the last byte
 *
 * A server that answers a range with the whole file (200) makes the plan one segment, that begins anew each time. */
#define _GNU_SOURCE
#include "hub/download.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MOST 64u
#define SEGMENT_LEAST ((uint64_t)1 << 20)
#define STEP_MS 100

typedef struct segment {
    uint64_t first, size, done;
    uint64_t not_before_ns;
    unsigned tries;
    uint64_t furthest; /* the most that it ever had: a server that always cuts at the same place ends it */
    bool looked_at;    /* the running exchange's answer */
    http_exchange *running;
    struct download *owner;
} segment;

/* PARTIAL.parts, as it lies there; done[] behind it. */
typedef struct parts_head {
    char magic[8];
    uint64_t size, count;
    char identity[64]; /* SHA-256 of the identity, hexadecimal */
} parts_head;

static const char parts_magic[8] = {'h', 'e', 'a', 'r', 't', 'h', 'P', '1'};

typedef struct download {
    const download_source *source;
    const download_options *how;
    const char *partial;
    int file, parts;
    segment segments[SEGMENTS_MOST];
    size_t count;
    bool whole_only; /* the server knows no ranges */
    bool told;       /* of the first failure that is tried again */
    uint64_t fresh;  /* bytes that came now */
} download;

/* ---- the state beside the file ---- */

static char *parts_path(const char *partial)
{
    return text_format("%s.parts", partial);
}

void download_forget_parts(const char *partial)
{
    char *parts = parts_path(partial);
    if (parts != NULL) {
        (void)unlink(parts);
    }
    mem_free(parts);
}

void download_forget(const char *partial)
{
    (void)unlink(partial);
    download_forget_parts(partial);
}

static hearth_status out_of_space(const char *path, int reason, uint64_t bytes, hearth_error *error)
{
    if (reason == ENOSPC || reason == EDQUOT) {
        const hearth_status status =
            error_set(error, HEARTH_E_IO, NULL, NULL, "no space left for %llu bytes; what has come is kept",
                      (unsigned long long)bytes);
        error_in_file(error, path);
        return status;
    }
    return error_errno(error, path, "write", reason);
}

static hearth_status write_at(int file, const char *path, const void *bytes, size_t length, uint64_t offset,
                              hearth_error *error)
{
    const char *at = bytes;
    while (length > 0) {
        const ssize_t wrote = pwrite(file, at, length, (off_t)offset);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return out_of_space(path, errno, length, error);
        }
        at += wrote;
        length -= (size_t)wrote;
        offset += (uint64_t)wrote;
    }
    return HEARTH_OK;
}

static hearth_status write_done(const download *d, const segment *s, hearth_error *error)
{
    const uint64_t offset = sizeof(parts_head) + (uint64_t)(s - d->segments) * sizeof s->done;
    return write_at(d->parts, d->partial, &s->done, sizeof s->done, offset, error);
}

/* Segments of equal size, none of them done. */
static void plan(download *d, size_t count)
{
    const uint64_t size = d->source->size_known ? d->source->size : LIMIT_DOWNLOAD_BYTES;
    const uint64_t each = (size + count - 1) / count;
    d->count = 0;
    for (uint64_t first = 0; d->count == 0 || first < size; first += each) {
        const uint64_t left = size - first;
        d->segments[d->count++] = (segment){.first = first, .size = left < each ? left : each, .owner = d};
    }
}

static hearth_status make_head(const download *d, parts_head *ret, hearth_error *error)
{
    char hex[HASH_HEX_SIZE];
    TRY(hash_bytes_hex(d->source->identity, strlen(d->source->identity), hex, error));
    *ret = (parts_head){.size = d->source->size, .count = d->count};
    memcpy(ret->magic, parts_magic, sizeof ret->magic);
    memcpy(ret->identity, hex, sizeof ret->identity);
    return HEARTH_OK;
}

/* Takes over what is there of this content; false where there is nothing of use. */
static bool read_parts(download *d, const parts_head *wanted)
{
    parts_head head;
    uint64_t done[SEGMENTS_MOST];
    struct stat info;
    const size_t bytes = d->count * sizeof *done;
    if (pread(d->parts, &head, sizeof head, 0) != (ssize_t)sizeof head || memcmp(&head, wanted, sizeof head) != 0 ||
        pread(d->parts, done, bytes, sizeof head) != (ssize_t)bytes || fstat(d->file, &info) != 0) {
        return false;
    }
    for (size_t i = 0; i < d->count; i++) {
        const segment *s = &d->segments[i];
        if (done[i] > s->size || (done[i] > 0 && s->first + done[i] > (uint64_t)info.st_size)) {
            return false;
        }
    }
    for (size_t i = 0; i < d->count; i++) {
        d->segments[i].done = done[i];
    }
    return true;
}

/* Begins anew: an empty file, its space taken where the system can, and a state of zeros. */
static hearth_status write_parts(download *d, const parts_head *head, hearth_error *error)
{
    if (ftruncate(d->parts, 0) != 0 || ftruncate(d->file, 0) != 0) {
        return error_errno(error, d->partial, "write", errno);
    }
    for (size_t i = 0; i < d->count; i++) {
        d->segments[i].done = 0;
        TRY(write_done(d, &d->segments[i], error));
    }
    return write_at(d->parts, d->partial, head, sizeof *head, 0, error);
}

static hearth_status take_space(const download *d, hearth_error *error)
{
    if (!d->source->size_known || d->source->size == 0 || fallocate(d->file, 0, 0, (off_t)d->source->size) == 0 ||
        (errno != ENOSPC && errno != EDQUOT)) { /* a file system that cannot: the writes will tell */
        return HEARTH_OK;
    }
    return out_of_space(d->partial, errno, d->source->size, error);
}

static hearth_status open_partial(download *d, hearth_error *error)
{
    char *parts = parts_path(d->partial);
    if (parts == NULL) {
        return error_memory(error, strlen(d->partial));
    }
    d->file = open(d->partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    d->parts = d->file >= 0 ? open(parts, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
    const int reason = errno;
    mem_free(parts);
    if (d->parts < 0) {
        return out_of_space(d->partial, reason, d->source->size, error);
    }
    parts_head head;
    TRY(make_head(d, &head, error));
    if (!d->source->size_known || !read_parts(d, &head)) {
        TRY(write_parts(d, &head, error));
    }
    return take_space(d, error);
}

/* ---- what comes ---- */

static hearth_status wrong_length(uint64_t expected, uint64_t found, hearth_error *error)
{
    char text[48];
    (void)snprintf(text, sizeof text, "%llu bytes", (unsigned long long)expected);
    return error_set(error, HEARTH_E_FORMAT, "length", text, "%llu bytes", (unsigned long long)found);
}

/* The first piece of an answer: is it what was asked for? */
static hearth_status check_answer(segment *s, const http_exchange *x, hearth_error *error)
{
    download *d = s->owner;
    uint64_t first = 0, last = 0, total = 0, length = 0;
    if (http_code(x) == 206) {
        if (!http_content_range(x, &first, &last, &total) || first != s->first + s->done) {
            return error_set(error, HEARTH_E_FORMAT, "Content-Range", "the range that was asked for", "another");
        }
        return total == d->source->size ? HEARTH_OK : wrong_length(d->source->size, total, error);
    }
    if (http_code(x) != 200) {
        return error_set(error, HEARTH_E_FORMAT, NULL, "HTTP 200 or 206", "HTTP %ld", http_code(x));
    }
    if (d->source->size_known && http_header_number(x, "Content-Length", &length) && length != d->source->size) {
        return wrong_length(d->source->size, length, error);
    }
    if (d->count > 1) { /* no ranges: not an error, but another plan (finish) */
        d->whole_only = true;
        return error_set(error, HEARTH_E_UNSUPPORTED, NULL, NULL, "no ranges");
    }
    s->done = 0;
    return write_done(d, s, error);
}

static hearth_status on_bytes(void *context, const http_exchange *x, const void *bytes, size_t length,
                              hearth_error *error)
{
    segment *s = context;
    download *d = s->owner;
    if (!s->looked_at) {
        TRY(check_answer(s, x, error));
        s->looked_at = true;
    }
    if (length > s->size - s->done) {
        return d->source->size_known
                   ? wrong_length(d->source->size, s->first + s->done + length, error)
                   : error_set(error, HEARTH_E_LIMIT, NULL, NULL, "more than %llu bytes", LIMIT_DOWNLOAD_BYTES);
    }
    TRY(write_at(d->file, d->partial, bytes, length, s->first + s->done, error));
    s->done += length;
    d->fresh += length;
    return write_done(d, s, error);
}

/* ---- the course of things ---- */

static bool is_whole(const segment *s)
{
    return s->done == s->size;
}

static hearth_status begin(download *d, segment *s, hearth_error *error)
{
    const bool ranged = d->source->size_known && !d->whole_only && (d->count > 1 || s->done > 0);
    if (d->whole_only || !d->source->size_known) {
        s->done = 0;
    }
    const http_request request = {
        .url = d->source->url,
        .token = d->source->token,
        .if_range = d->source->if_range,
        .ranged = ranged,
        .first = s->first + s->done,
        .last = s->first + s->size - 1,
        .sink = on_bytes,
        .sink_context = s,
    };
    s->looked_at = false;
    return http_begin(d->how->client, &request, &s->running, error);
}

static void stop_all(download *d)
{
    for (size_t i = 0; i < d->count; i++) {
        http_end(d->how->client, d->segments[i].running);
        d->segments[i].running = NULL;
    }
}

/* The server knows no ranges: everything in one piece, from the beginning. */
static hearth_status replan(download *d, hearth_error *error)
{
    parts_head head;
    stop_all(d);
    plan(d, 1);
    TRY(make_head(d, &head, error));
    return write_parts(d, &head, error);
}

static hearth_status why_not(const http_exchange *x, const segment *s, hearth_error *error)
{
    if (http_outcome(x, error) != HEARTH_OK) {
        return http_outcome(x, error);
    }
    return http_code(x) >= 300 ? http_refused(x, error) : wrong_length(s->size, s->done, error);
}

static hearth_status give_up(const download *d, const http_exchange *x, const segment *s, hearth_error *error)
{
    if (http_outcome(x, NULL) == HEARTH_OK && http_code(x) >= 300 && d->how->refused != NULL) {
        *d->how->refused = http_code(x);
    }
    return why_not(x, s, error);
}

static void tell_trouble(download *d, const http_exchange *x, const segment *s, uint64_t delay_ms)
{
    hearth_error problem = {0};
    if (d->how->trouble != NULL && !d->told) {
        d->told = true;
        (void)why_not(x, s, &problem);
        d->how->trouble(d->how->trouble_context, &problem, delay_ms);
    }
}

/* An exchange ended: the segment is whole, goes on later, or the download fails. */
static hearth_status finish(download *d, segment *s, hearth_error *error)
{
    http_exchange *x = s->running;
    const bool came = s->done > s->furthest;
    const bool answered = http_outcome(x, NULL) == HEARTH_OK && http_code(x) < 300;
    s->running = NULL;
    s->tries = came ? 0 : s->tries;
    s->furthest = came ? s->done : s->furthest;
    hearth_status status = HEARTH_OK;
    if (answered && !d->source->size_known) {
        s->size = s->done;
    } else if (!is_whole(s)) {
        const bool short_answer = answered && !d->whole_only; /* fewer bytes than said: the rest is asked for */
        s->tries++;
        if ((!http_may_retry(x) && !short_answer) || s->tries > d->how->retries) {
            status = give_up(d, x, s, error);
        }
        const uint64_t delay_ms = http_retry_delay_ms(x, s->tries);
        if (status == HEARTH_OK) {
            tell_trouble(d, x, s, delay_ms);
        }
        s->not_before_ns = time_now_ns() + delay_ms * 1000000;
    } else if (!answered && http_outcome(x, NULL) != HEARTH_OK && !http_may_retry(x)) {
        status = http_outcome(x, error); /* all bytes, and more of them */
    }
    http_end(d->how->client, x);
    return status;
}

static hearth_status begin_some(download *d, hearth_error *error)
{
    const uint64_t now = time_now_ns();
    size_t running = 0;
    for (size_t i = 0; i < d->count; i++) {
        running += d->segments[i].running != NULL;
    }
    for (size_t i = 0; i < d->count && running < d->how->connections; i++) {
        segment *s = &d->segments[i];
        if (s->running == NULL && !is_whole(s) && s->not_before_ns <= now) {
            TRY(begin(d, s, error));
            running++;
        }
    }
    return HEARTH_OK;
}

static bool all_whole(const download *d, uint64_t *ret_done)
{
    bool whole = true;
    *ret_done = 0;
    for (size_t i = 0; i < d->count; i++) {
        whole = whole && is_whole(&d->segments[i]) && d->segments[i].running == NULL;
        *ret_done += d->segments[i].done;
    }
    return whole;
}

static hearth_status step(download *d, hearth_error *error)
{
    http_exchange *done = NULL;
    TRY(begin_some(d, error));
    TRY(http_step(d->how->client, STEP_MS, &done, error));
    if (done != NULL && d->whole_only && d->count > 1) {
        return replan(d, error);
    }
    for (size_t i = 0; i < d->count && done != NULL; i++) {
        if (d->segments[i].running == done) {
            return finish(d, &d->segments[i], error);
        }
    }
    return HEARTH_OK;
}

static hearth_status run(download *d, hearth_error *error)
{
    const download_options *how = d->how;
    uint64_t done = 0;
    while (!all_whole(d, &done)) {
        if (how->progress != NULL && !how->progress(how->context, how->what, how->before + done, how->total, "B")) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
        TRY(step(d, error));
    }
    if (ftruncate(d->file, (off_t)done) != 0 || fsync(d->file) != 0) {
        return out_of_space(d->partial, errno, done, error);
    }
    return HEARTH_OK;
}

hearth_status download_file(const download_source *source, const download_options *how, const char *partial,
                            uint64_t *ret_size, uint64_t *ret_new, hearth_error *error)
{
    download *d = mem_calloc(1, sizeof *d);
    if (d == NULL) {
        return error_memory(error, sizeof *d);
    }
    *d = (download){.source = source, .how = how, .partial = partial, .file = -1, .parts = -1};
    const uint64_t wanted = source->size_known ? source->size / SEGMENT_LEAST : 1;
    plan(d, wanted < 1 ? 1 : (wanted > SEGMENTS_MOST ? SEGMENTS_MOST : (size_t)wanted));
    hearth_status status = open_partial(d, error);
    status = status == HEARTH_OK ? run(d, error) : status;
    stop_all(d);
    if (status == HEARTH_OK) {
        (void)all_whole(d, ret_size);
        *ret_new = d->fresh;
    }
    if (d->file >= 0) {
        close(d->file);
    }
    if (d->parts >= 0) {
        close(d->parts);
    }
    mem_free(d);
    return status;
}
