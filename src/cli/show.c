/* Sums over a model's tensors, its licence, its metadata as text. */
#include "cli/show.h"

#include "base/json.h"
#include "base/memory.h"
#include "model/sizes.h"
#include "platform/file.h"
#include "tensor/matrix.h"

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
    const show_format *x = a;
    const show_format *y = b;
    return x->bytes < y->bytes ? 1 : (x->bytes > y->bytes ? -1 : strcmp(x->name, y->name));
}

size_t show_formats(const tensor_table *table, show_format ret[SHOW_FORMATS_MOST])
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
            ret[count++] = (show_format){.name = name};
        }
        ret[at].tensors++;
        ret[at].values += values_of(e);
        ret[at].bytes += e->size_bytes;
    }
    qsort(ret, count, sizeof *ret, by_bytes);
    return count;
}

size_t show_lengths(const model_config *k, size_t ret[SHOW_LENGTHS_MOST])
{
    size_t count = 0;
    for (size_t length = 2048; length < k->context && count + 1 < SHOW_LENGTHS_MOST; length *= 2) {
        ret[count++] = length;
    }
    ret[count++] = k->context;
    return count;
}

uint64_t show_weight_bytes(const model *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->tensors->count; i++) {
        const tensor_entry *e = &m->tensors->entries[i];
        const size_t packed = e->dims == 2 ? sizes_packed_bytes(e->type, e->shape[0], e->shape[1]) : 0;
        bytes += packed > 0 ? packed : e->size_bytes;
    }
    return bytes;
}

const char *show_shape(const tensor_entry *e, char ret[64])
{
    size_t at = (size_t)snprintf(ret, 64, "[");
    for (uint32_t i = 0; i < e->dims && at < 48; i++) {
        at += (size_t)snprintf(ret + at, 64 - at, "%s%llu", i > 0 ? ", " : "", (unsigned long long)e->shape[i]);
    }
    snprintf(ret + at, 64 - at, "]");
    return ret;
}

static void licence_from_gguf(const gguf_file *file, char ret[SHOW_LICENCE_SIZE])
{
    static const char *const keys[] = {"general.license", "general.license.name", "general.license.link"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        gguf_string text = {0};
        if (gguf_get_string(file, keys[i], &text, NULL) == HEARTH_OK && text.length > 0 && at + 2 < SHOW_LICENCE_SIZE) {
            const int wrote = snprintf(ret + at, SHOW_LICENCE_SIZE - at, "%s%.*s", at > 0 ? ", " : "",
                                       text.length < 120 ? (int)text.length : 120, text.text);
            at += wrote > 0 ? (size_t)wrote : 0;
        }
    }
}

/* The line "license: X" between the two "---" that a model card begins with. */
static void licence_from_card(const char *card, char ret[SHOW_LICENCE_SIZE])
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
    snprintf(ret, SHOW_LICENCE_SIZE, "%.*s", (int)strcspn(line, "\n\"'"), line);
}

hearth_status show_licence(const model *m, char ret[SHOW_LICENCE_SIZE], hearth_error *error)
{
    ret[0] = '\0';
    if (m->gguf != NULL) {
        licence_from_gguf(m->gguf, ret);
        return HEARTH_OK;
    }
    const json_t *stated = json_object_get(m->hf->config, "license");
    if (json_is_string(stated)) {
        snprintf(ret, SHOW_LICENCE_SIZE, "%s", json_string_value(stated));
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

static hearth_status metadata_line(const char *key, size_t key_length, const char *value, FILE *out,
                                   hearth_error *error)
{
    buffer line;
    buffer_init(&line, 0);
    hearth_status status = terminal_harmless(key, key_length, &line, error);
    status = status == HEARTH_OK ? buffer_append_text(&line, " = ", error) : status;
    status = status == HEARTH_OK ? terminal_harmless(value, strlen(value), &line, error) : status;
    if (status == HEARTH_OK) {
        /* One line a key: newlines inside a value are shown as such. */
        for (const char *at = buffer_text(&line); *at != '\0'; at++) {
            fputs(*at == '\n' ? "\\n" : (char[2]){*at, '\0'}, out);
        }
        fputc('\n', out);
    }
    buffer_free(&line);
    return status;
}

static hearth_status print_entry(const char *file, const char *key, const json_t *value, FILE *out, hearth_error *error)
{
    char name[192];
    buffer text;
    buffer_init(&text, 0);
    snprintf(name, sizeof name, "%s: %.160s", file, key);
    hearth_status status = json_door_write(value, 0, &text, error);
    if (status == HEARTH_OK) {
        if (text.length > 160) {
            memcpy(text.data + 157, "...", 4);
        }
        status = metadata_line(name, strlen(name), buffer_text(&text), out, error);
    }
    buffer_free(&text);
    return status;
}

static hearth_status print_object(const char *file, const json_t *object, FILE *out, hearth_error *error)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        TRY(print_entry(file, key, value, out, error));
    }
    return HEARTH_OK;
}

hearth_status show_metadata(const model *m, FILE *out, hearth_error *error)
{
    fputc('\n', out);
    if (m->hf != NULL) {
        TRY(print_object("config.json", m->hf->config, out, error));
        TRY(print_object("generation_config.json", m->hf->generation_config, out, error));
        return print_object("tokenizer_config.json", m->hf->tokenizer_config, out, error);
    }
    for (size_t i = 0; i < gguf_metadata_count(m->gguf); i++) {
        char value[256];
        const gguf_string key = gguf_metadata_key(m->gguf, i);
        gguf_describe(m->gguf, i, 8, value, sizeof value);
        TRY(metadata_line(key.text, key.length, value, out, error));
    }
    return HEARTH_OK;
}
