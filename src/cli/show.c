/* A model's metadata as text, and shapes. */
#include "cli/show.h"

#include "base/json.h"

#include <string.h>

const char *show_shape(const tensor_entry *e, char ret[64])
{
    size_t at = (size_t)snprintf(ret, 64, "[");
    for (uint32_t i = 0; i < e->dims && at < 48; i++) {
        at += (size_t)snprintf(ret + at, 64 - at, "%s%llu", i > 0 ? ", " : "", (unsigned long long)e->shape[i]);
    }
    snprintf(ret + at, 64 - at, "]");
    return ret;
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
