/* Sums over a model's tensors, and its licence. */
#include "model/describe.h"

#include "base/memory.h"
#include "model/sizes.h"
#include "platform/file.h"
#include "tensor/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t values_of(const tensor_entry *e)
{
    uint64_t values = 1;
    for (uint32_t i = 0; i < e->dims; i++) {
        values *= e->shape[i]; /* checked when the table was made */
    }
    return values;
}

static int by_bytes(const void *a, const void *b)
{
    const describe_format *x = a;
    const describe_format *y = b;
    return x->bytes < y->bytes ? 1 : (x->bytes > y->bytes ? -1 : strcmp(x->name, y->name));
}

size_t describe_formats(const tensor_table *table, describe_format ret[DESCRIBE_FORMATS_MOST])
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        const char *name = dtype_get_info(e->type)->name;
        size_t at = 0;
        while (at < count && strcmp(ret[at].name, name) != 0) {
            at++;
        }
        if (at == count) {
            ret[count++] = (describe_format){.name = name};
        }
        ret[at].tensors++;
        ret[at].values += values_of(e);
        ret[at].bytes += e->size_bytes;
    }
    qsort(ret, count, sizeof *ret, by_bytes);
    return count;
}

size_t describe_lengths(const model_config *k, size_t ret[DESCRIBE_LENGTHS_MOST])
{
    size_t count = 0;
    for (size_t length = 2048; length < k->context && count + 1 < DESCRIBE_LENGTHS_MOST; length *= 2) {
        ret[count++] = length;
    }
    ret[count++] = k->context;
    return count;
}

uint64_t describe_weight_bytes(const model *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->tensors->count; i++) {
        const tensor_entry *e = &m->tensors->entries[i];
        const size_t packed = e->dims == 2 ? sizes_packed_bytes(e->type, e->shape[0], e->shape[1]) : 0;
        bytes += packed > 0 ? packed : e->size_bytes;
    }
    return bytes;
}

static void licence_from_gguf(const gguf_file *file, char ret[DESCRIBE_LICENCE_SIZE])
{
    static const char *const keys[] = {"general.license", "general.license.name", "general.license.link"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        gguf_string text = {0};
        if (gguf_get_string(file, keys[i], &text, NULL) == HEARTH_OK && text.length > 0 &&
            at + 2 < DESCRIBE_LICENCE_SIZE) {
            const int wrote = snprintf(ret + at, DESCRIBE_LICENCE_SIZE - at, "%s%.*s", at > 0 ? ", " : "",
                                       text.length < 120 ? (int)text.length : 120, text.text);
            at += wrote > 0 ? (size_t)wrote : 0;
        }
    }
}

/* The line "license: X" between the two "---" that a model card begins with. */
static void licence_from_card(const char *card, char ret[DESCRIBE_LICENCE_SIZE])
{
    if (strncmp(card, "---\n", 4) != 0) {
        return;
    }
    const char *end = strstr(card, "\n---");
    const char *line = strstr(card, "\nlicense:");
    if (end == NULL || line == NULL || line > end) {
        return;
    }
    line += strlen("\nlicense:");
    line += strspn(line, " \t\"'");
    snprintf(ret, DESCRIBE_LICENCE_SIZE, "%.*s", (int)strcspn(line, "\n\"'"), line);
}

hearth_status describe_licence(const model *m, char ret[DESCRIBE_LICENCE_SIZE], hearth_error *error)
{
    ret[0] = '\0';
    if (m->gguf != NULL) {
        licence_from_gguf(m->gguf, ret);
        return HEARTH_OK;
    }
    const json_t *stated = json_object_get(m->hf->config, "license");
    if (json_is_string(stated)) {
        snprintf(ret, DESCRIBE_LICENCE_SIZE, "%s", json_string_value(stated));
        return HEARTH_OK;
    }
    char *path = file_join(m->hf->path, "README.md");
    if (path == NULL) {
        return error_memory(error, 0);
    }
    buffer card;
    buffer_init(&card, 0);
    hearth_status status = HEARTH_OK;
    if (file_exists(path)) {
        status = file_read(path, (size_t)1 << 20, &card, error);
        licence_from_card(buffer_text(&card), ret);
    }
    buffer_free(&card);
    mem_free(path);
    return status;
}
