/* GGUF for its users: opening one file or a split set, and typed access to the metadata. */
#include "formats/gguf.h"

#include "base/memory.h"
#include "formats/gguf_part.h"

#include <stdio.h>
#include <string.h>

struct gguf_file {
    char *path;
    gguf_part part; /* of a split set: the first */
    tensor_table tensors;
};

/* ---- split sets: PREFIX-00001-of-00003.gguf ---- */

#define SPLIT_SUFFIX_LENGTH 20u /* "-00001-of-00003.gguf" */

typedef struct split_name {
    const char *prefix;
    size_t prefix_length;
    uint32_t number; /* from 1 */
    uint32_t count;
} split_name;

static bool parse_digits(const char *text, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 5; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (uint32_t)(text[i] - '0');
    }
    return true;
}

static bool split_parse(const char *path, split_name *ret)
{
    const size_t length = strlen(path);
    if (length <= SPLIT_SUFFIX_LENGTH) {
        return false;
    }
    const char *suffix = path + length - SPLIT_SUFFIX_LENGTH;
    ret->prefix = path;
    ret->prefix_length = length - SPLIT_SUFFIX_LENGTH;
    return suffix[0] == '-' && parse_digits(suffix + 1, &ret->number) && strncmp(suffix + 6, "-of-", 4) == 0 &&
           parse_digits(suffix + 10, &ret->count) && strcmp(suffix + 15, ".gguf") == 0;
}

static char *split_path(const split_name *name, uint32_t number)
{
    const size_t size = name->prefix_length + SPLIT_SUFFIX_LENGTH + 1;
    char *path = mem_alloc(size);
    if (path != NULL) {
        (void)snprintf(path, size, "%.*s-%05u-of-%05u.gguf", (int)name->prefix_length, name->prefix, number % 100000,
                       name->count % 100000);
    }
    return path;
}

/* An integer that says how the set is split; `missing` when the key does not exist. */
static hearth_status split_number(const gguf_part *part, const char *key, uint64_t missing, uint64_t *ret,
                                  hearth_error *error)
{
    const gguf_value *value = gguf_part_find(part, key);
    *ret = missing;
    if (value == NULL || gguf_value_u64(value, ret)) {
        return HEARTH_OK;
    }
    char place[PLACE_SIZE];
    return error_set(error, HEARTH_E_FORMAT, place_name(place, "key", key, strlen(key)), "a number of at least 0",
                     "another value (%s)", gguf_type_name(value->type));
}

static hearth_status split_disagrees(const char *key, uint64_t expected, uint64_t found, hearth_error *error)
{
    char place[PLACE_SIZE];
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "%llu, as the set has it", (unsigned long long)expected);
    return error_set(error, HEARTH_E_FORMAT, place_name(place, "key", key, strlen(key)), wanted, "%llu",
                     (unsigned long long)found);
}

/* Reads part `number` of the set. The first one stays in file->part; of the others only the tensors stay. */
static hearth_status open_part(gguf_file *file, const char *path, const split_name *name, uint32_t number,
                               uint64_t *tensors_said, hearth_error *error)
{
    gguf_part part = {0};
    uint64_t no = 0;
    uint64_t count = 0;
    uint64_t tensors = 0;
    hearth_status status = gguf_part_read(&part, path, &file->tensors, error);
    if (status == HEARTH_E_NOT_FOUND) {
        char place[64];
        (void)snprintf(place, sizeof place, "part %u of %u", number, name->count);
        status = error_set(error, status, place, "a file beside the other parts", "none");
    }
    if (status == HEARTH_OK) {
        status = split_number(&part, "split.no", UINT64_MAX, &no, error);
    }
    if (status == HEARTH_OK) {
        status = split_number(&part, "split.count", 0, &count, error);
    }
    if (status == HEARTH_OK) {
        status = split_number(&part, "split.tensors.count", 0, &tensors, error);
    }
    if (status == HEARTH_OK && no != number - 1) {
        status = split_disagrees("split.no", number - 1, no, error);
    } else if (status == HEARTH_OK && count != name->count) {
        status = split_disagrees("split.count", name->count, count, error);
    } else if (status == HEARTH_OK && number > 1 && tensors != *tensors_said) {
        status = split_disagrees("split.tensors.count", *tensors_said, tensors, error);
    }
    if (status != HEARTH_OK || number > 1) {
        gguf_part_free(&part);
    } else {
        file->part = part;
        *tensors_said = tensors;
    }
    return status;
}

static hearth_status open_parts(gguf_file *file, const split_name *name, hearth_error *error)
{
    uint64_t tensors = 0;
    for (uint32_t number = 1; number <= name->count; number++) {
        char *path = split_path(name, number);
        if (path == NULL) {
            return error_memory(error, name->prefix_length);
        }
        const hearth_status status = open_part(file, path, name, number, &tensors, error);
        if (status != HEARTH_OK) {
            error_in_file(error, path);
        }
        mem_free(path);
        TRY(status);
    }
    if (tensors != file->tensors.count) {
        return split_disagrees("split.tensors.count", file->tensors.count, tensors, error);
    }
    return HEARTH_OK;
}

/* Reads the file that was named; when it says that it is one of several, all of them. */
static hearth_status open_file(gguf_file *file, hearth_error *error)
{
    uint64_t count = 0;
    split_name name = {0};
    TRY(gguf_part_read(&file->part, file->path, &file->tensors, error));
    TRY(split_number(&file->part, "split.count", 0, &count, error));
    if (count > 1) {
        if (count > LIMIT_SHARDS) {
            return error_set(error, HEARTH_E_LIMIT, "key split.count", "at most 10000", "%llu",
                             (unsigned long long)count);
        }
        if (!split_parse(file->path, &name)) {
            return error_set(error, HEARTH_E_ARGUMENT, "a part of a split file", "a name like NAME-00001-of-00003.gguf",
                             "another name");
        }
        if (name.count != count || name.number == 0 || name.number > name.count) {
            return error_set(error, HEARTH_E_FORMAT, "key split.count", "the count that the file's name says", "%llu",
                             (unsigned long long)count);
        }
        gguf_part_free(&file->part);
        tensor_table_free(&file->tensors);
        TRY(open_parts(file, &name, error));
    }
    return tensor_table_seal(&file->tensors, error);
}

hearth_status gguf_open(const char *path, gguf_file **ret, hearth_error *error)
{
    gguf_file *file = mem_calloc(1, sizeof *file);
    if (file == NULL || (file->path = mem_strdup(path)) == NULL) {
        mem_free(file);
        return error_memory(error, sizeof *file);
    }
    const hearth_status status = open_file(file, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        gguf_close(file);
        return status;
    }
    *ret = file;
    return HEARTH_OK;
}

void gguf_close(gguf_file *file)
{
    if (file == NULL) {
        return;
    }
    gguf_part_free(&file->part);
    tensor_table_free(&file->tensors);
    mem_free(file->path);
    mem_free(file);
}

const char *gguf_path(const gguf_file *file)
{
    return file->path;
}

uint32_t gguf_version(const gguf_file *file)
{
    return file->part.version;
}

const tensor_table *gguf_tensors(const gguf_file *file)
{
    return &file->tensors;
}

/* ---- metadata ---- */

size_t gguf_metadata_count(const gguf_file *file)
{
    return file->part.value_count;
}

gguf_string gguf_metadata_key(const gguf_file *file, size_t index)
{
    return file->part.values[index].key;
}

int64_t gguf_find(const gguf_file *file, const char *key)
{
    const gguf_value *value = gguf_part_find(&file->part, key);
    return value != NULL ? value - file->part.values : -1;
}

/* One number in the widest type of its kind. */
typedef struct number {
    enum { NUMBER_NONE, NUMBER_UNSIGNED, NUMBER_SIGNED, NUMBER_REAL, NUMBER_BOOL } kind;
    uint64_t u; /* NUMBER_UNSIGNED, NUMBER_BOOL */
    int64_t i;  /* NUMBER_SIGNED */
    double f;   /* NUMBER_REAL */
} number;

static int64_t load_signed(const uint8_t *data, size_t size)
{
    const unsigned shift = 64 - 8 * (unsigned)size;
    return (int64_t)(gguf_load(data, size) << shift) >> shift;
}

static double load_real(const uint8_t *data, size_t size)
{
    const uint64_t bits = gguf_load(data, size);
    if (size == 4) {
        const uint32_t low = (uint32_t)bits;
        float f = 0;
        memcpy(&f, &low, sizeof f);
        return (double)f;
    }
    double d = 0;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static number load_number(gguf_type type, const uint8_t *data)
{
    const size_t size = gguf_scalar_bytes(type);
    switch (type) {
    case GGUF_U8:
    case GGUF_U16:
    case GGUF_U32:
    case GGUF_U64:
        return (number){.kind = NUMBER_UNSIGNED, .u = gguf_load(data, size)};
    case GGUF_I8:
    case GGUF_I16:
    case GGUF_I32:
    case GGUF_I64:
        return (number){.kind = NUMBER_SIGNED, .i = load_signed(data, size)};
    case GGUF_F32:
    case GGUF_F64:
        return (number){.kind = NUMBER_REAL, .f = load_real(data, size)};
    case GGUF_BOOL:
        return (number){.kind = NUMBER_BOOL, .u = data[0]};
    case GGUF_STRING:
    case GGUF_ARRAY:
    case GGUF_TYPES:
        break;
    }
    return (number){.kind = NUMBER_NONE};
}

const gguf_value *gguf_raw_value(const gguf_file *file, size_t index)
{
    return &file->part.values[index];
}

static hearth_status find_value(const gguf_file *file, const char *key, const gguf_value **ret, hearth_error *error)
{
    char place[PLACE_SIZE];
    *ret = gguf_part_find(&file->part, key);
    if (*ret == NULL) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, place_name(place, "key", key, strlen(key)), "a value", "none");
        error_in_file(error, file->path);
        return HEARTH_E_NOT_FOUND;
    }
    return HEARTH_OK;
}

static hearth_status wrong_type(const gguf_file *file, const gguf_value *value, const char *expected,
                                hearth_error *error)
{
    char place[PLACE_SIZE];
    place_name(place, "key", value->key.text, value->key.length);
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%s", gguf_type_name(value->type));
    error_in_file(error, file->path);
    return HEARTH_E_FORMAT;
}

hearth_status gguf_get_u64(const gguf_file *file, const char *key, uint64_t *ret, hearth_error *error)
{
    const gguf_value *value = NULL;
    TRY(find_value(file, key, &value, error));
    return gguf_value_u64(value, ret) ? HEARTH_OK : wrong_type(file, value, "an integer of at least 0", error);
}

hearth_status gguf_get_i64(const gguf_file *file, const char *key, int64_t *ret, hearth_error *error)
{
    const gguf_value *value = NULL;
    TRY(find_value(file, key, &value, error));
    const number n = load_number(value->type, value->data);
    if (n.kind != NUMBER_SIGNED && (n.kind != NUMBER_UNSIGNED || n.u > (uint64_t)INT64_MAX)) {
        return wrong_type(file, value, "an integer below 2^63", error);
    }
    *ret = n.kind == NUMBER_SIGNED ? n.i : (int64_t)n.u;
    return HEARTH_OK;
}

hearth_status gguf_get_f64(const gguf_file *file, const char *key, double *ret, hearth_error *error)
{
    const gguf_value *value = NULL;
    TRY(find_value(file, key, &value, error));
    const number n = load_number(value->type, value->data);
    if (n.kind != NUMBER_REAL) {
        return wrong_type(file, value, "a floating-point number", error);
    }
    *ret = n.f;
    return HEARTH_OK;
}

hearth_status gguf_get_bool(const gguf_file *file, const char *key, bool *ret, hearth_error *error)
{
    const gguf_value *value = NULL;
    TRY(find_value(file, key, &value, error));
    if (value->type != GGUF_BOOL) {
        return wrong_type(file, value, "bool", error);
    }
    *ret = value->data[0] != 0;
    return HEARTH_OK;
}

hearth_status gguf_get_string(const gguf_file *file, const char *key, gguf_string *ret, hearth_error *error)
{
    const gguf_value *value = NULL;
    TRY(find_value(file, key, &value, error));
    if (value->type != GGUF_STRING) {
        return wrong_type(file, value, "string", error);
    }
    *ret = (gguf_string){.text = (const char *)value->data, .length = (size_t)value->length};
    return HEARTH_OK;
}

hearth_status gguf_get_array(const gguf_file *file, const char *key, gguf_type *ret_type, uint64_t *ret_count,
                             int64_t *ret_index, hearth_error *error)
{
    const gguf_value *value = NULL;
    TRY(find_value(file, key, &value, error));
    if (value->type != GGUF_ARRAY) {
        return wrong_type(file, value, "array", error);
    }
    *ret_type = value->element;
    *ret_count = value->count;
    *ret_index = value - file->part.values;
    return HEARTH_OK;
}

gguf_string gguf_array_string(const gguf_file *file, int64_t index, uint64_t element)
{
    const gguf_value *value = &file->part.values[index];
    if (value->offsets == NULL) {
        return (gguf_string){.text = "", .length = 0};
    }
    const uint8_t *at = value->data + value->offsets[element];
    return (gguf_string){.text = (const char *)at + 8, .length = (size_t)gguf_load(at, 8)};
}

static number array_number(const gguf_file *file, int64_t index, uint64_t element)
{
    const gguf_value *value = &file->part.values[index];
    return load_number(value->element, value->data + element * gguf_scalar_bytes(value->element));
}

double gguf_array_f64(const gguf_file *file, int64_t index, uint64_t element)
{
    const number n = array_number(file, index, element);
    return n.kind == NUMBER_REAL ? n.f : (n.kind == NUMBER_SIGNED ? (double)n.i : (double)n.u);
}

int64_t gguf_array_i64(const gguf_file *file, int64_t index, uint64_t element)
{
    const number n = array_number(file, index, element);
    if (n.kind == NUMBER_REAL) {
        return n.f > -9e18 && n.f < 9e18 ? (int64_t)n.f : 0;
    }
    return n.kind == NUMBER_SIGNED ? n.i : (n.u > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)n.u);
}

void gguf_describe(const gguf_file *file, size_t index, size_t most, char *ret, size_t size)
{
    gguf_describe_value(&file->part.values[index], most, ret, size);
}
