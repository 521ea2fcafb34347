#include "base/json.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

#ifdef HEARTH_FAULTS
/* In the fault test's build jansson's allocations can be made to fail, too. */
__attribute__((constructor)) static void use_our_allocator(void)
{
    json_set_alloc_funcs(mem_alloc, mem_free);
}
#endif

/* jansson stops at 2,048 levels; ours is lower, and checked before jansson sees the text. Also finds
 * an unescaped NUL early. Strings are skipped over; anything malformed is left for jansson to name. */
static hearth_status check_depth(const char *text, size_t length, const char *name, hearth_error *error)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '\0') {
            /* jansson takes a NUL after a number for the end of the text. */
            error_set(error, HEARTH_E_FORMAT, "JSON", "text", "a NUL byte");
            (void)error_in_file(error, name);
            (void)error_at_offset(error, i);
            return HEARTH_E_FORMAT;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DOOR_DEPTH) {
                error_set(error, HEARTH_E_LIMIT, "JSON", "at most 128 levels of nesting", "more");
                (void)error_in_file(error, name);
                (void)error_at_offset(error, i);
                return HEARTH_E_LIMIT;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return HEARTH_OK;
}

hearth_status json_door_parse(const char *text, size_t length, const char *name, json_t **ret, hearth_error *error)
{
    json_error_t detail;
    if (length > LIMIT_JSON_FILE_BYTES) {
        error_set(error, HEARTH_E_LIMIT, "JSON", "at most 1 GiB", "%zu bytes", length);
        (void)error_in_file(error, name);
        return HEARTH_E_LIMIT;
    }
    TRY(check_depth(text, length, name, error));
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &detail);
    if (value == NULL) {
        if (json_error_code(&detail) == json_error_out_of_memory) {
            return error_memory(error, length);
        }
        char place[64];
        (void)snprintf(place, sizeof place, "line %d column %d", detail.line, detail.column);
        error_set(error, HEARTH_E_FORMAT, place, "JSON", "%s", detail.text);
        (void)error_in_file(error, name);
        return HEARTH_E_FORMAT;
    }
    *ret = value;
    return HEARTH_OK;
}

typedef struct write_context {
    buffer *out;
    hearth_error *error;
    hearth_status status;
} write_context;

static int write_piece(const char *bytes, size_t length, void *context)
{
    write_context *w = context;
    w->status = buffer_append(w->out, bytes, length, w->error);
    return w->status == HEARTH_OK ? 0 : -1;
}

hearth_status json_door_write(const json_t *value, int indent, buffer *out, hearth_error *error)
{
    write_context w = {.out = out, .error = error, .status = HEARTH_OK};
    const size_t flags = JSON_ENCODE_ANY | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
    if (json_dump_callback(value, write_piece, &w, flags) == 0) {
        return HEARTH_OK;
    }
    return w.status != HEARTH_OK ? w.status : error_memory(error, 1);
}
