/* Temporary files, files made byte by byte, and a walk over everything that a reader gave. */
#include "scratch.h"

#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[] = "/tmp/hearth-formats-XXXXXX";

int scratch_make(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int scratch_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

const char *scratch_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void scratch_write(const char *name, const void *bytes, size_t length)
{
    const char *path = scratch_path(name);
    FILE *out = fopen(path, "wb");
    if (out == NULL || (length > 0 && fwrite(bytes, 1, length, out) != length) || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

const char *scratch_fixture(const char *name)
{
    static char path[1024];
    const char *fixtures = getenv("HEARTH_FIXTURES");
    const char *source = getenv("HEARTH_SOURCE");
    if (fixtures != NULL) {
        snprintf(path, sizeof path, "%s/%s", fixtures, name);
    } else {
        snprintf(path, sizeof path, "%s/../shared/fixtures/%s", source != NULL ? source : ".", name);
    }
    return file_exists(path) ? path : NULL;
}

static void put(buffer *b, const void *bytes, size_t length)
{
    if (buffer_append(b, bytes, length, NULL) != HEARTH_OK) {
        exit(1);
    }
}

static void put_number(buffer *b, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        const uint8_t byte = (uint8_t)(value >> (8 * i));
        put(b, &byte, 1);
    }
}

void put_u32(buffer *b, uint32_t value)
{
    put_number(b, value, 4);
}

void put_u64(buffer *b, uint64_t value)
{
    put_number(b, value, 8);
}

void put_string(buffer *b, const char *text)
{
    put_u64(b, strlen(text));
    put(b, text, strlen(text));
}

void put_header(buffer *b, uint32_t version, uint64_t tensors, uint64_t values)
{
    put(b, "GGUF", 4);
    put_u32(b, version);
    put_u64(b, tensors);
    put_u64(b, values);
}

void put_key(buffer *b, const char *key, uint32_t type)
{
    put_string(b, key);
    put_u32(b, type);
}

void put_key_u32(buffer *b, const char *key, uint32_t value)
{
    put_key(b, key, GGUF_U32);
    put_u32(b, value);
}

void put_tensor(buffer *b, const char *name, uint32_t dims, const uint64_t *ne, uint32_t type, uint64_t offset)
{
    put_string(b, name);
    put_u32(b, dims);
    for (uint32_t i = 0; i < dims; i++) {
        put_u64(b, ne[i]);
    }
    put_u32(b, type);
    put_u64(b, offset);
}

void put_data(buffer *b, size_t alignment, size_t length)
{
    static const uint8_t zeros[4096];
    size_t left = (alignment - b->length % alignment) % alignment + length;
    while (left > 0) {
        const size_t now = left < sizeof zeros ? left : sizeof zeros;
        put(b, zeros, now);
        left -= now;
    }
}

uint64_t touch_tensors(const tensor_table *table)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *entry = &table->entries[i];
        sum += entry->data[0] + entry->data[entry->size_bytes - 1] + strlen(entry->name);
        sum += tensor_table_find(table, entry->name) == entry ? 1 : 0;
    }
    return sum;
}

static uint64_t touch_array(const gguf_file *file, const char *key)
{
    gguf_type type = GGUF_U8;
    uint64_t count = 0;
    int64_t index = -1;
    uint64_t sum = 0;
    if (gguf_get_array(file, key, &type, &count, &index, NULL) != HEARTH_OK) {
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (type == GGUF_STRING) {
            const gguf_string text = gguf_array_string(file, index, i);
            sum += text.length > 0 ? (uint64_t)(text.text[0] + text.text[text.length - 1]) : 1;
        } else if (type != GGUF_ARRAY) {
            sum += (uint64_t)gguf_array_i64(file, index, i) + (gguf_array_f64(file, index, i) > 0);
        }
    }
    return sum;
}

uint64_t touch_gguf(const gguf_file *file)
{
    uint64_t sum = touch_tensors(gguf_tensors(file));
    for (size_t i = 0; i < gguf_metadata_count(file); i++) {
        char text[256];
        char name[1024];
        const gguf_string key = gguf_metadata_key(file, i);
        gguf_describe(file, i, 20, text, sizeof text);
        snprintf(name, sizeof name, "%.*s", (int)key.length, key.text);
        sum += strlen(text) + touch_array(file, name);
    }
    return sum;
}
