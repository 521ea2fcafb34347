/* JSON by jansson: limits before it reads, short reals behind what it writes, building with one check. */
#include "base/json.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ----
 *
 * jansson's lexer does not look whether its buffer could grow: after a failed allocation it goes on with a token that
 * was cut, and asserts or reads too far. So while it parses, each block is noted, and an allocation that fails leaves
 * json_loadb by longjmp; then all its blocks are freed. */

typedef struct parse_guard {
    jmp_buf out;
    void **slots; /* what jansson holds, where its hash says or in the next free slot after it */
    size_t count, capacity;
} parse_guard;

static _Thread_local parse_guard *guard; /* NULL: no parse is under way in this thread */

/* `capacity` is a power of two. */
static size_t home_slot(const parse_guard *g, const void *block)
{
    return (size_t)(((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 20) & (g->capacity - 1);
}

static void guard_put(parse_guard *g, void *block)
{
    size_t at = home_slot(g, block);
    while (g->slots[at] != NULL) {
        at = (at + 1) & (g->capacity - 1);
    }
    g->slots[at] = block;
    g->count++;
}

static bool guard_note(parse_guard *g, void *block)
{
    if (2 * (g->count + 1) > g->capacity) {
        parse_guard grown = {.capacity = g->capacity == 0 ? 128 : 2 * g->capacity};
        grown.slots = mem_calloc(grown.capacity, sizeof *grown.slots);
        if (grown.slots == NULL) {
            return false;
        }
        for (size_t i = 0; i < g->capacity; i++) {
            if (g->slots[i] != NULL) {
                guard_put(&grown, g->slots[i]);
            }
        }
        mem_free(g->slots);
        g->slots = grown.slots;
        g->capacity = grown.capacity;
    }
    guard_put(g, block);
    return true;
}

/* A broken text's values are freed one by one, in the order in which they came: each must be found at once. */
static void guard_forget(parse_guard *g, const void *block)
{
    const size_t mask = g->capacity - 1;
    size_t at = g->capacity > 0 ? home_slot(g, block) : 0;
    while (g->capacity > 0 && g->slots[at] != NULL && g->slots[at] != block) {
        at = (at + 1) & mask;
    }
    if (g->capacity == 0 || g->slots[at] == NULL) {
        return;
    }
    /* Those behind move up into the gap, unless that lies before their own place. */
    for (size_t next = (at + 1) & mask; g->slots[next] != NULL; next = (next + 1) & mask) {
        if (((next - home_slot(g, g->slots[next])) & mask) >= ((next - at) & mask)) {
            g->slots[at] = g->slots[next];
            at = next;
        }
    }
    g->slots[at] = NULL;
    g->count--;
}

static void *jansson_alloc(size_t size)
{
    void *block = mem_alloc(size);
    if (guard != NULL && (block == NULL || !guard_note(guard, block))) {
        mem_free(block);
        longjmp(guard->out, 1);
    }
    return block;
}

static void jansson_free(void *block)
{
    if (guard != NULL && block != NULL) {
        guard_forget(guard, block);
    }
    mem_free(block);
}

__attribute__((constructor)) static void use_our_allocator(void)
{
    json_set_alloc_funcs(jansson_alloc, jansson_free);
}

/* json_loadb; HEARTH_E_MEMORY when memory is out. `g` lies with the caller, since longjmp leaves locals undefined. */
static hearth_status load_guarded(parse_guard *g, const char *text, size_t length, json_t **ret, json_error_t *detail,
                                  hearth_error *error)
{
    static const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    if (setjmp(g->out) != 0) {
        guard = NULL;
        for (size_t i = 0; i < g->capacity; i++) {
            mem_free(g->slots[i]);
        }
        (void)error_memory(error, length);
        return HEARTH_E_MEMORY;
    }
    guard = g;
    *ret = json_loadb(text, length, flags, detail);
    guard = NULL;
    return HEARTH_OK;
}

/* *ret is NULL, and *detail set, when the text is not JSON. */
static hearth_status load_once(const char *text, size_t length, json_t **ret, json_error_t *detail, hearth_error *error)
{
    parse_guard g = {0};
    const hearth_status status = load_guarded(&g, text, length, ret, detail, error);
    mem_free(g.slots);
    return status;
}

/* ---- reading ---- */

/* Whether `c` ends a number or a word: nothing else of JSON stands beside it. */
static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':' || c == ']' || c == '}';
}

/* jansson stops at 2,048 levels; ours is lower, and checked before jansson sees the text. Also finds an unescaped NUL
 * early, and counts values and keys. Strings are skipped over; anything malformed is left for jansson to name. */
static hearth_status check_shape(const char *text, size_t length, const char *name, size_t *ret_values,
                                 hearth_error *error)
{
    size_t depth = 0;
    size_t values = 0;
    bool in_string = false, in_word = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
            continue;
        }
        if (c == '\0') {
            /* jansson takes a NUL after a number for the end of the text. */
            error_set(error, HEARTH_E_FORMAT, "JSON", "text", "a NUL byte");
            error_in_file(error, name);
            error_at_offset(error, i);
            return HEARTH_E_FORMAT;
        }
        const bool opens = c == '[' || c == '{';
        const bool between = is_between(c);
        in_string = c == '"';
        values += opens || in_string || (!between && !in_word) ? 1 : 0;
        in_word = !opens && !in_string && !between;
        if (opens && ++depth > JSON_DOOR_DEPTH) {
            error_set(error, HEARTH_E_LIMIT, "JSON", "at most 128 levels of nesting", "more");
            error_in_file(error, name);
            error_at_offset(error, i);
            return HEARTH_E_LIMIT;
        }
        depth -= (c == ']' || c == '}') && depth > 0 ? 1 : 0;
    }
    *ret_values = values;
    return HEARTH_OK;
}

/* An integer (its digits, without the sign) that 64 bits with a sign do not hold. */
static bool integer_too_big(const char *digits, size_t count, bool negative)
{
    const char *most = negative ? "9223372036854775808" : "9223372036854775807";
    const size_t fits = 19;
    return count > fits || (count == fits && memcmp(digits, most, fits) > 0);
}

/* Copies the text with ".0" behind integers that jansson would refuse as too big, so that they read as reals, as other
 * readers do. Published files hold such a number ("model_max_length": 1000000000000000019884624838656). */
static hearth_status widen_integers(const char *text, size_t length, buffer *out, hearth_error *error)
{
    size_t copied = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && c >= '0' && c <= '9') {
            const size_t start = i;
            while (i + 1 < length && text[i + 1] >= '0' && text[i + 1] <= '9') {
                i++;
            }
            const char after = i + 1 < length ? text[i + 1] : '\0';
            const char before = start > 0 ? text[start - 1] : '\0';
            /* In front of an integer stands its sign, white space or punctuation; "." or "e" make it part of a real. */
            const bool exponent = start > 1 && (text[start - 2] == 'e' || text[start - 2] == 'E');
            const bool real = after == '.' || after == 'e' || after == 'E' || before == '.' || before == 'e' ||
                              before == 'E' || exponent;
            if (!real && integer_too_big(text + start, i + 1 - start, before == '-')) {
                TRY(buffer_append(out, text + copied, i + 1 - copied, error));
                TRY(buffer_append_text(out, ".0", error));
                copied = i + 1;
            }
        }
    }
    return buffer_append(out, text + copied, length - copied, error);
}

/* Once more with wide integers where one was too big. */
static hearth_status load(const char *text, size_t length, json_t **ret, json_error_t *detail, hearth_error *error)
{
    TRY(load_once(text, length, ret, detail, error));
    if (*ret != NULL || json_error_code(detail) != json_error_numeric_overflow) {
        return HEARTH_OK;
    }
    buffer wide;
    buffer_init(&wide, 0);
    hearth_status status = widen_integers(text, length, &wide, error);
    if (status == HEARTH_OK) {
        status = load_once(buffer_text(&wide), wide.length, ret, detail, error);
    }
    buffer_free(&wide);
    return status;
}

/* What was looked at and is within its bounds. */
static hearth_status parse_checked(const char *text, size_t length, const char *name, json_t **ret, hearth_error *error)
{
    json_error_t detail;
    json_t *value = NULL;
    TRY(load(text, length, &value, &detail, error));
    if (value == NULL) {
        if (json_error_code(&detail) == json_error_out_of_memory) {
            return error_memory(error, length);
        }
        char place[64];
        (void)snprintf(place, sizeof place, "line %d column %d", detail.line, detail.column);
        error_set(error, HEARTH_E_FORMAT, place, NULL, "no JSON: %s", detail.text);
        error_in_file(error, name);
        return HEARTH_E_FORMAT;
    }
    *ret = value;
    return HEARTH_OK;
}

hearth_status json_door_parse(const char *text, size_t length, const char *name, json_t **ret, hearth_error *error)
{
    size_t values = 0;
    if (length > LIMIT_JSON_FILE_BYTES) {
        error_set(error, HEARTH_E_LIMIT, "JSON", "at most 1 GiB", "%zu bytes", length);
        error_in_file(error, name);
        return HEARTH_E_LIMIT;
    }
    TRY(check_shape(text, length, name, &values, error));
    return parse_checked(text, length, name, ret, error);
}

hearth_status json_door_parse_within(const char *text, size_t length, size_t *left, json_t **ret, hearth_error *error)
{
    size_t values = 0;
    TRY(check_shape(text, length, NULL, &values, error));
    if (values > *left) {
        char most[64];
        (void)snprintf(most, sizeof most, "at most %zu values and keys", *left);
        return error_set(error, HEARTH_E_LIMIT, "JSON", most, "%zu", values);
    }
    *left -= values;
    return parse_checked(text, length, NULL, ret, error);
}

typedef struct write_context {
    buffer *out;
    hearth_error *error;
    hearth_status status;
} write_context;

static int write_piece(const char *bytes, size_t length, void *context)
{
    write_context *w = context;
    if (w->status == HEARTH_OK) { /* jansson goes on behind a key that could not be written */
        w->status = buffer_append(w->out, bytes, length, w->error);
    }
    return w->status == HEARTH_OK ? 0 : -1;
}

size_t json_real_digits(double value, int least, char ret[JSON_REAL_SIZE])
{
    int made = 0;
    for (int digits = least; digits <= DBL_DECIMAL_DIG; digits++) {
        made = snprintf(ret, JSON_REAL_SIZE, "%.*g", digits, value);
        if (strtod(ret, NULL) == value) {
            break;
        }
    }
    return (size_t)made;
}

/* What "%.17g" made of a real, with fewer digits where they say the same; its length in `ret`. */
static size_t shorten_real(const char *digits, size_t length, char ret[JSON_REAL_SIZE])
{
    char whole[JSON_REAL_SIZE];
    char *end = NULL;
    if (length >= sizeof whole) {
        return 0;
    }
    memcpy(whole, digits, length);
    whole[length] = '\0';
    const double value = strtod(whole, &end);
    if (end != whole + length) {
        return 0; /* another locale's decimal point: the digits stay */
    }
    /* A normal number that fewer digits than DBL_DIG say is printed with no more by %.15g. */
    size_t made = json_real_digits(value, fabs(value) < DBL_MIN ? 1 : DBL_DIG, ret);
    if (strpbrk(ret, ".e") == NULL) {
        made += (size_t)snprintf(ret + made, JSON_REAL_SIZE - made, ".0");
    }
    return made;
}

/* Appends JSON text with its reals shortened. */
static hearth_status append_shortened(const buffer *text, buffer *out, hearth_error *error)
{
    size_t copied = 0;
    bool in_string = false;
    for (size_t i = 0; i < text->length; i++) {
        const char c = text->data[i];
        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
            const size_t length = strspn(text->data + i, "+-.0123456789e");
            char shorter[JSON_REAL_SIZE];
            const bool real =
                memchr(text->data + i, '.', length) != NULL || memchr(text->data + i, 'e', length) != NULL;
            const size_t made = real ? shorten_real(text->data + i, length, shorter) : 0;
            if (made > 0) {
                TRY(buffer_append(out, text->data + copied, i - copied, error));
                TRY(buffer_append(out, shorter, made, error));
                copied = i + length;
            }
            i += length - 1;
        }
    }
    return buffer_append(out, text->data + copied, text->length - copied, error);
}

hearth_status json_door_write(const json_t *value, int indent, buffer *out, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    write_context w = {.out = &text, .error = error, .status = HEARTH_OK};
    const size_t flags = JSON_ENCODE_ANY | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
    const bool written = json_dump_callback(value, write_piece, &w, flags) == 0;
    hearth_status status = written                 ? append_shortened(&text, out, error)
                           : w.status != HEARTH_OK ? w.status
                                                   : error_memory(error, 1);
    buffer_free(&text);
    return status;
}

json_t *json_door_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_door_float(float value)
{
    char text[32];
    for (int precision = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; precision <= FLT_DECIMAL_DIG; precision++) {
        (void)snprintf(text, sizeof text, "%.*g", precision, (double)value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    return json_door_number(strtod(text, NULL));
}

json_t *json_door_text(const char *text, size_t length)
{
    if (utf8_valid(text, length)) {
        return json_stringn(text, length);
    }
    buffer whole;
    buffer_init(&whole, 0);
    json_t *value = NULL;
    if (utf8_repair(text, length, &whole, NULL) == HEARTH_OK) {
        value = json_stringn(buffer_text(&whole), whole.length);
    }
    buffer_free(&whole);
    return value;
}

json_t *json_door_string(const char *text)
{
    return json_door_text(text, strlen(text));
}

json_t *json_door_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        json_decref(array);
        return NULL;
    }
    return array;
}

json_t *json_door_put(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
