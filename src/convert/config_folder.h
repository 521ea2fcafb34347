/* config.json under construction: for the files of this folder that write one. */
#ifndef CONVERT_CONFIG_FOLDER_H
#define CONVERT_CONFIG_FOLDER_H

#include "convert/metadata.h"

#include <string.h>

typedef struct config_writer {
    json_t *root; /* NULL once memory ran out */
    const gguf_file *file;
    const model_config *c;
    const model_family *hf;
    const convert_family *row;
} config_writer;
static inline void config_put(config_writer *w, const char *key, json_t *value)
{
    w->root = json_door_put(w->root, key, value);
}

static inline void config_put_number(config_writer *w, const char *key, uint64_t value)
{
    config_put(w, key, json_integer((json_int_t)value));
}

static inline void config_put_real(config_writer *w, const char *key, double value)
{
    config_put(w, key, json_door_float((float)value));
}

/* null for 0 */
static inline void config_put_real_or_null(config_writer *w, const char *key, float value)
{
    config_put(w, key, value == 0.0f ? json_null() : json_door_float(value));
}

static inline void config_put_flag(config_writer *w, const char *key, bool value)
{
    config_put(w, key, json_boolean(value));
}

static inline void config_put_text(config_writer *w, const char *key, const char *text)
{
    config_put(w, key, json_string(text));
}

static inline bool config_is(const config_writer *w, const char *model_type)
{
    return strcmp(w->row->model_type, model_type) == 0;
}
/* A token's id by key, or null. */
json_t *config_id(const gguf_file *file, const char *key, uint64_t vocabulary);

/* config_folder_rope.c: RoPE's keys; takes the factors out of the plan. */
hearth_status config_put_rope(config_writer *w, convert_plan *p, hearth_error *error);

/* folder_files.c: generation_config.json, README.md and sentence-transformers' files, where the file says something of
 * them. */
hearth_status config_write_beside(const char *path, const gguf_file *file, const model_config *c, hearth_error *error);

#endif
