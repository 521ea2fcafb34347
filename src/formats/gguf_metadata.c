/* GGUF metadata: reads and checks every value, indexes arrays of strings, sorts the keys. No count makes more memory
 * than a small multiple of the bytes that could hold so many things. */
#define _GNU_SOURCE /* qsort_r */
#include "formats/gguf_part.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MOST 65535u

static const struct {
    const char *name;
    size_t bytes;
} types[GGUF_TYPES] = {
    [GGUF_U8] = {"u8", 1},         [GGUF_I8] = {"i8", 1},       [GGUF_U16] = {"u16", 2}, [GGUF_I16] = {"i16", 2},
    [GGUF_U32] = {"u32", 4},       [GGUF_I32] = {"i32", 4},     [GGUF_F32] = {"f32", 4}, [GGUF_BOOL] = {"bool", 1},
    [GGUF_STRING] = {"string", 0}, [GGUF_ARRAY] = {"array", 0}, [GGUF_U64] = {"u64", 8}, [GGUF_I64] = {"i64", 8},
    [GGUF_F64] = {"f64", 8},
};

size_t gguf_scalar_bytes(gguf_type type)
{
    return types[type].bytes;
}

const char *gguf_type_name(gguf_type type)
{
    return types[type].name;
}

uint64_t gguf_load(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

void gguf_array_header(cursor *c, gguf_type *ret_element, uint64_t *ret_count)
{
    *ret_element = (gguf_type)gguf_load(c->data + c->offset, 4);
    *ret_count = gguf_load(c->data + c->offset + 4, 8);
    c->offset += 12;
}

hearth_status gguf_fail_at(hearth_status status, uint64_t offset, hearth_error *error)
{
    error_at_offset(error, offset);
    return status;
}

hearth_status gguf_check_count(const cursor *c, const char *place, uint64_t count, size_t least, uint64_t at,
                               hearth_error *error)
{
    uint64_t bytes = 0;
    if (!u64_mul(count, least, &bytes) || bytes > cursor_left(c)) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "as many as %zu bytes can hold", cursor_left(c));
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, place, expected, "%llu", (unsigned long long)count);
        return gguf_fail_at(status, at, error);
    }
    return HEARTH_OK;
}

hearth_status gguf_read_string(cursor *c, const char *place, gguf_string *ret, hearth_error *error)
{
    const uint64_t at = c->offset;
    uint64_t length = 0;
    const uint8_t *text = NULL;
    TRY(cursor_u64(c, place, &length, error));
    TRY(cursor_bytes(c, place, length, &text, error));
    if (length > LIMIT_GGUF_STRING_BYTES) {
        const hearth_status status =
            error_set(error, HEARTH_E_LIMIT, place, "at most 64 MiB of text", "%llu bytes", (unsigned long long)length);
        return gguf_fail_at(status, at, error);
    }
    *ret = (gguf_string){.text = (const char *)text, .length = (size_t)length};
    return HEARTH_OK;
}

static hearth_status read_type(cursor *c, const char *place, gguf_type *ret, hearth_error *error)
{
    const uint64_t at = c->offset;
    uint32_t type = 0;
    TRY(cursor_u32(c, place, &type, error));
    if (type >= GGUF_TYPES) {
        const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, "a metadata type, 0 to 12", "%u", type);
        return gguf_fail_at(status, at, error);
    }
    *ret = (gguf_type)type;
    return HEARTH_OK;
}

/* `count` numbers of one fixed size. */
static hearth_status check_numbers(cursor *c, const char *place, gguf_type type, uint64_t count, hearth_error *error)
{
    const uint64_t at = c->offset;
    uint64_t bytes = 0;
    const uint8_t *data = NULL;
    TRY(gguf_check_count(c, place, count, types[type].bytes, at, error));
    bytes = count * types[type].bytes;
    TRY(cursor_bytes(c, place, bytes, &data, error));
    for (uint64_t i = 0; type == GGUF_BOOL && i < count; i++) {
        if (data[i] > 1) {
            const hearth_status status =
                error_set(error, HEARTH_E_FORMAT, place, "a truth value, 0 or 1", "%u", data[i]);
            return gguf_fail_at(status, at + i, error);
        }
    }
    return HEARTH_OK;
}

static hearth_status check_elements(cursor *c, const char *place, gguf_type element, uint64_t count, unsigned depth,
                                    hearth_error *error);

/* An array's header and content; `depth` counts from 1. */
static hearth_status check_array(cursor *c, const char *place, unsigned depth, gguf_type *ret_element,
                                 uint64_t *ret_count, hearth_error *error)
{
    if (depth > LIMIT_GGUF_ARRAY_DEPTH) {
        const hearth_status status =
            error_set(error, HEARTH_E_LIMIT, place, "arrays nested at most 4 deep", "a deeper one");
        return gguf_fail_at(status, c->offset, error);
    }
    TRY(read_type(c, place, ret_element, error));
    TRY(cursor_u64(c, place, ret_count, error));
    return check_elements(c, place, *ret_element, *ret_count, depth, error);
}

static hearth_status check_elements(cursor *c, const char *place, gguf_type element, uint64_t count, unsigned depth,
                                    hearth_error *error)
{
    if (types[element].bytes > 0) {
        return check_numbers(c, place, element, count, error);
    }
    TRY(gguf_check_count(c, place, count, element == GGUF_STRING ? 8 : 12, c->offset, error));
    for (uint64_t i = 0; i < count; i++) {
        if (element == GGUF_STRING) {
            gguf_string text = {0};
            TRY(gguf_read_string(c, place, &text, error));
        } else {
            gguf_type inner = GGUF_U8;
            uint64_t inner_count = 0;
            TRY(check_array(c, place, depth + 1, &inner, &inner_count, error));
        }
    }
    return HEARTH_OK;
}

/* Where each string of a checked array lies. */
static hearth_status index_strings(gguf_value *value, arena *memory, hearth_error *error)
{
    if (value->length > UINT32_MAX) {
        return error_set(error, HEARTH_E_LIMIT, NULL, "an array of strings of at most 4 GiB", "%llu bytes",
                         (unsigned long long)value->length);
    }
    uint32_t *offsets = arena_array(memory, (size_t)value->count, sizeof *offsets);
    if (offsets == NULL) {
        return error_memory(error, (size_t)value->count * sizeof *offsets);
    }
    uint64_t offset = 0;
    for (uint64_t i = 0; i < value->count; i++) {
        offsets[i] = (uint32_t)offset;
        offset += 8 + gguf_load(value->data + offset, 8);
    }
    value->offsets = offsets;
    return HEARTH_OK;
}

static hearth_status read_array_value(cursor *c, const char *place, gguf_value *ret, arena *memory, hearth_error *error)
{
    const size_t at = c->offset;
    TRY(check_array(c, place, 1, &ret->element, &ret->count, error));
    ret->data = c->data + at + 12;
    ret->length = c->offset - at - 12;
    return ret->element == GGUF_STRING && ret->count > 0 ? index_strings(ret, memory, error) : HEARTH_OK;
}

static hearth_status read_key(cursor *c, gguf_string *ret, hearth_error *error)
{
    const uint64_t at = c->offset;
    TRY(gguf_read_string(c, "metadata key", ret, error));
    bool valid = ret->length > 0 && ret->length <= KEY_BYTES_MOST && utf8_valid(ret->text, ret->length);
    for (size_t i = 0; valid && i < ret->length; i++) {
        valid = (unsigned char)ret->text[i] >= 0x20 && ret->text[i] != 0x7F;
    }
    if (!valid) {
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, "metadata key", "1 to 65535 bytes of UTF-8 without control characters",
                      "another one (%zu bytes)", ret->length);
        return gguf_fail_at(status, at, error);
    }
    return HEARTH_OK;
}

static hearth_status read_value(cursor *c, gguf_value *ret, arena *memory, hearth_error *error)
{
    char place[PLACE_SIZE];
    TRY(read_key(c, &ret->key, error));
    place_name(place, "key", ret->key.text, ret->key.length);
    TRY(read_type(c, place, &ret->type, error));
    if (ret->type == GGUF_ARRAY) {
        return read_array_value(c, place, ret, memory, error);
    }
    if (ret->type == GGUF_STRING) {
        gguf_string text = {0};
        TRY(gguf_read_string(c, place, &text, error));
        ret->data = (const uint8_t *)text.text;
        ret->length = text.length;
        return HEARTH_OK;
    }
    ret->data = c->data + c->offset;
    ret->length = types[ret->type].bytes;
    return check_numbers(c, place, ret->type, 1, error);
}

static int compare_keys(gguf_string a, gguf_string b)
{
    const int order = memcmp(a.text, b.text, a.length < b.length ? a.length : b.length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_order(const void *a, const void *b, void *context)
{
    const gguf_value *values = context;
    return compare_keys(values[*(const uint32_t *)a].key, values[*(const uint32_t *)b].key);
}

/* Sorts the keys, for gguf_part_find; a key that stands twice is an error. */
static hearth_status sort_keys(gguf_part *part, const cursor *c, hearth_error *error)
{
    part->order = arena_array(part->memory, part->value_count, sizeof *part->order);
    if (part->order == NULL) {
        return error_memory(error, part->value_count * sizeof *part->order);
    }
    for (size_t i = 0; i < part->value_count; i++) {
        part->order[i] = (uint32_t)i;
    }
    qsort_r(part->order, part->value_count, sizeof *part->order, compare_order, part->values);
    for (size_t i = 1; i < part->value_count; i++) {
        const gguf_string left = part->values[part->order[i - 1]].key;
        const gguf_string right = part->values[part->order[i]].key;
        if (compare_keys(left, right) == 0) {
            const char *later = left.text > right.text ? left.text : right.text;
            char place[PLACE_SIZE];
            const hearth_status status = error_set(
                error, HEARTH_E_FORMAT, place_name(place, "key", right.text, right.length), "one of this name", "two");
            return gguf_fail_at(status, (uint64_t)((const uint8_t *)later - c->data) - 8, error);
        }
    }
    return HEARTH_OK;
}

hearth_status gguf_read_metadata(gguf_part *part, cursor *c, hearth_error *error)
{
    if (part->value_count == 0) {
        return HEARTH_OK;
    }
    part->values = arena_array(part->memory, part->value_count, sizeof *part->values);
    if (part->values == NULL) {
        return error_memory(error, part->value_count * sizeof *part->values);
    }
    for (size_t i = 0; i < part->value_count; i++) {
        TRY(read_value(c, &part->values[i], part->memory, error));
    }
    return sort_keys(part, c, error);
}

const gguf_value *gguf_part_find(const gguf_part *part, const char *key)
{
    const gguf_string wanted = {.text = key, .length = strlen(key)};
    size_t low = 0;
    size_t high = part->value_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const gguf_value *value = &part->values[part->order[middle]];
        const int order = compare_keys(wanted, value->key);
        if (order == 0) {
            return value;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

bool gguf_value_u64(const gguf_value *value, uint64_t *ret)
{
    const bool is_signed =
        value->type == GGUF_I8 || value->type == GGUF_I16 || value->type == GGUF_I32 || value->type == GGUF_I64;
    const bool is_unsigned =
        value->type == GGUF_U8 || value->type == GGUF_U16 || value->type == GGUF_U32 || value->type == GGUF_U64;
    if (!is_signed && !is_unsigned) {
        return false;
    }
    const size_t size = types[value->type].bytes;
    uint64_t number = gguf_load(value->data, size);
    if (is_signed && size < 8 && (number >> (8 * size - 1)) != 0) {
        number |= ~(uint64_t)0 << (8 * size);
    }
    if (is_signed && (number >> 63) != 0) {
        return false;
    }
    *ret = number;
    return true;
}
