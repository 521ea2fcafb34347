/* The hash chain: written line by line, read whole, a record compared with what it would be. */
#include "train/chain.h"

#include "base/memory.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHAIN_LINE_BYTES ((size_t)1 << 20)

static const char chain_zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

hearth_status chain_open(const char *path, chain_writer *ret, hearth_error *error)
{
    (void)snprintf(ret->last, sizeof ret->last, "%s", chain_zeros);
    return file_append_open(path, FILE_APPEND_ALL, &ret->file, error);
}

hearth_status chain_go_on(chain_writer *w, uint64_t keep, const char *last, hearth_error *error)
{
    (void)snprintf(w->last, sizeof w->last, "%s", last != NULL ? last : chain_zeros);
    return file_append_cut(&w->file, keep, error);
}

hearth_status chain_append(chain_writer *w, json_t *record, hearth_error *error)
{
    record = json_door_put(record, "previous", json_string(w->last));
    if (record == NULL) {
        return error_memory(error, CHAIN_LINE_BYTES);
    }
    buffer line;
    buffer_init(&line, CHAIN_LINE_BYTES);
    hearth_status status = json_door_write(record, 0, &line, error);
    char hash[HASH_HEX_SIZE];
    status = status == HEARTH_OK ? hash_bytes_hex(line.data, line.length, hash, error) : status;
    status = status == HEARTH_OK ? buffer_append_char(&line, '\n', error) : status;
    status = status == HEARTH_OK ? file_append_write(&w->file, line.data, line.length, error) : status;
    if (status == HEARTH_OK) {
        memcpy(w->last, hash, sizeof hash);
    }
    buffer_free(&line);
    json_decref(record);
    return status;
}

void chain_close(chain_writer *w)
{
    file_append_close(&w->file);
}

/* ---- reading ---- */

typedef struct reading {
    const char *path;
    chain_log log;
    size_t capacity;
} reading;

static hearth_status wrong_line(const reading *r, const char *expected, const char *found, hearth_error *error)
{
    char place[64];
    (void)snprintf(place, sizeof place, "line %zu", r->log.count + 1);
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%s", found);
    error_in_file(error, r->path);
    return HEARTH_E_FORMAT;
}

static hearth_status make_room(reading *r, hearth_error *error)
{
    if (r->log.count < r->capacity) {
        return HEARTH_OK;
    }
    const size_t wanted = r->capacity == 0 ? 256 : r->capacity * 2;
    chain_record *more = mem_realloc(r->log.records, wanted * sizeof *more);
    if (more == NULL) {
        return error_memory(error, wanted * sizeof *more);
    }
    r->log.records = more;
    r->capacity = wanted;
    return HEARTH_OK;
}

static hearth_status read_line(reading *r, const char *line, size_t length, uint64_t end, hearth_error *error)
{
    chain_record record = {.end = end};
    char name[32];
    (void)snprintf(name, sizeof name, "line %zu", r->log.count + 1);
    TRY(make_room(r, error));
    const char *before = r->log.count > 0 ? r->log.records[r->log.count - 1].hash : chain_zeros;
    TRY(hash_bytes_hex(line, length, record.hash, error));
    const hearth_status status = json_door_parse(line, length, r->path, &record.value, error);
    if (status != HEARTH_OK) {
        if (error != NULL && status == HEARTH_E_FORMAT) {
            (void)snprintf(error->place, sizeof error->place, "%s", name);
        }
        return status;
    }
    const char *previous = chain_text(&record, "previous");
    if (strcmp(previous, before) != 0) {
        char expected[128];
        (void)snprintf(expected, sizeof expected, "previous %s", before);
        const hearth_status wrong = wrong_line(r, expected, previous[0] != '\0' ? previous : "none", error);
        json_decref(record.value);
        return wrong;
    }
    r->log.records[r->log.count++] = record;
    return HEARTH_OK;
}

static hearth_status read_lines(reading *r, const uint8_t *bytes, size_t size, bool cut, hearth_error *error)
{
    size_t at = 0;
    while (at < size) {
        const uint8_t *end = memchr(bytes + at, '\n', size - at);
        if (end == NULL) {
            return cut ? wrong_line(r, "an end of line", "a cut line", error) : HEARTH_OK;
        }
        const size_t length = (size_t)(end - (bytes + at));
        TRY(read_line(r, (const char *)bytes + at, length, at + length + 1, error));
        at += length + 1;
    }
    return HEARTH_OK;
}

hearth_status chain_read(const char *path, uint64_t limit, chain_log *ret, hearth_error *error)
{
    file_map map = {0};
    reading r = {.path = path};
    TRY(file_map_open(path, &map, error));
    hearth_status status = HEARTH_OK;
    if (limit > map.size) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "at least the bytes that a checkpoint tells of", "%zu bytes",
                        map.size);
        error_in_file(error, path);
        status = HEARTH_E_FORMAT;
    } else {
        status = read_lines(&r, map.data, limit > 0 ? (size_t)limit : map.size, limit > 0, error);
    }
    file_map_close(&map);
    if (status != HEARTH_OK) {
        chain_free(&r.log);
        return status;
    }
    *ret = r.log;
    return HEARTH_OK;
}

void chain_free(chain_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        json_decref(log->records[i].value);
    }
    mem_free(log->records);
    *log = (chain_log){0};
}

const char *chain_text(const chain_record *r, const char *key)
{
    const char *text = json_string_value(json_object_get(r->value, key));
    return text != NULL ? text : "";
}

double chain_number(const chain_record *r, const char *key)
{
    const json_t *value = json_object_get(r->value, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *chain_kind(const chain_record *r)
{
    return chain_text(r, "kind");
}

uint64_t chain_step(const chain_record *r)
{
    const json_int_t step = json_integer_value(json_object_get(r->value, "step"));
    return step > 0 ? (uint64_t)step : 0;
}

const chain_record *chain_find(const chain_log *log, const char *kind, uint64_t step)
{
    size_t low = 0;
    size_t high = log->count;
    while (low < high) { /* the first record of that step or a later one */
        const size_t middle = low + (high - low) / 2;
        if (chain_step(&log->records[middle]) < step) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < log->count && chain_step(&log->records[low]) == step; low++) {
        if (strcmp(chain_kind(&log->records[low]), kind) == 0) {
            return &log->records[low];
        }
    }
    return NULL;
}

/* ---- comparing ---- */

static void print_value(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value)) {
        (void)snprintf(text, size, "%.100s", json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(text, size, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)snprintf(text, size, "%.17g", json_real_value(value));
    } else {
        (void)snprintf(text, size, "%s", value == NULL ? "nothing" : json_is_null(value) ? "null" : "something else");
    }
}

/* A real that is whole may stand in the log as an integer; a count may not stand there as a real. */
static bool same_value(const json_t *ours, const json_t *theirs)
{
    return json_is_real(ours) && json_is_number(theirs) ? json_number_value(ours) == json_number_value(theirs)
                                                        : json_equal(ours, theirs) != 0;
}

void chain_difference(const chain_record *theirs, const json_t *ours, char *text, size_t size)
{
    const char *key = NULL;
    json_t *value = NULL;
    char there[128];
    char found[128];
    text[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)ours, key, value)
    {
        if (!same_value(value, json_object_get(theirs->value, key))) {
            print_value(json_object_get(theirs->value, key), there, sizeof there);
            print_value(value, found, sizeof found);
            (void)snprintf(text, size, "%s: the log says %s, found %s", key, there, found);
            return;
        }
    }
    json_object_foreach(theirs->value, key, value)
    {
        if (strcmp(key, "previous") != 0 && json_object_get(ours, key) == NULL) {
            (void)snprintf(text, size, "a record with keys of its own: %.60s", key);
            return;
        }
    }
}
