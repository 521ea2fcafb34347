/* Adding up times.jsonl. */
#include "train/cost.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "platform/file.h"

#include <string.h>

static void add_line(const char *line, size_t length, cost_totals *ret)
{
    json_t *value = NULL;
    if (json_door_parse(line, length, "times.jsonl", &value, NULL) != HEARTH_OK) {
        return;
    }
    const double seconds = json_number_value(json_object_get(value, "seconds"));
    const double threads = json_number_value(json_object_get(value, "threads"));
    const json_int_t ranks = json_integer_value(json_object_get(value, "ranks"));
    const json_t *joules = json_object_get(value, "joules");
    ret->steps++;
    ret->seconds += seconds;
    ret->core_seconds += seconds * threads;
    ret->ranks = ranks > 1 ? (uint64_t)ranks : 1;
    ret->threads = threads > 0.0 ? (uint64_t)threads : 0;
    if (ranks > 1) {
        ret->bytes += json_number_value(json_object_get(value, "bytes"));
        ret->exchanged++;
    }
    if (json_is_number(joules)) {
        ret->joules += json_number_value(joules);
        ret->measured++;
    }
    json_decref(value);
}

hearth_status cost_read(const char *folder, cost_totals *ret, hearth_error *error)
{
    *ret = (cost_totals){0};
    char *path = file_join(folder, "times.jsonl");
    file_map map = {0};
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        status = file_map_open(path, &map, error);
    }
    mem_free(path);
    const char *at = (const char *)map.data;
    const char *end = map.size > 0 ? at + map.size : at; /* nothing was mapped of an empty file */
    while (status == HEARTH_OK && at != NULL && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) {
            break;
        }
        add_line(at, (size_t)(stop - at), ret);
        at = stop + 1;
    }
    file_map_close(&map);
    return status;
}
