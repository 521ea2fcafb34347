/* GET /api/tags and /api/ps, POST /api/show: which models there are and what each is. */
#include "serve/ollama.h"

#include "base/memory.h"
#include "model/describe.h"
#include "model/locate.h"
#include "serve/access.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static json_t *text_json(const char *text)
{
    return json_door_text(text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

/* ---- what a model is ---- */

/* The number format of most of its bytes. */
static const char *format_of(const model *m)
{
    describe_format formats[DESCRIBE_FORMATS_MOST];
    return describe_formats(m->tensors, formats) > 0 ? formats[0].name : "unknown";
}

/* "135M", "1.2B" */
static json_t *size_json(uint64_t values)
{
    char text[32];
    const double count = (double)values;
    if (count >= 1e9) {
        snprintf(text, sizeof text, "%.1fB", count / 1e9);
    } else if (count >= 1e6) {
        snprintf(text, sizeof text, "%.2fM", count / 1e6);
    } else {
        snprintf(text, sizeof text, "%.0fK", count / 1e3);
    }
    return json_string(text);
}

static const char *architecture_of(const model *m)
{
    const model_family *family = m->config.family;
    return family->gguf_architecture != NULL ? family->gguf_architecture : family->hf_class;
}

/* NULL: a model that is not open, of which nothing is known. */
static json_t *details_json(const model *m)
{
    json_t *made = json_door_put(json_object(), "parent_model", json_string(""));
    const char *family = m != NULL ? architecture_of(m) : "";
    made = json_door_put(made, "format", json_string(m == NULL ? "" : m->gguf != NULL ? "gguf" : "safetensors"));
    made = json_door_put(made, "family", json_string(family));
    made =
        json_door_put(made, "families", m != NULL ? json_door_append(json_array(), json_string(family)) : json_null());
    made = json_door_put(made, "parameter_size", m != NULL ? size_json(model_parameters(m)) : json_string(""));
    return json_door_put(made, "quantization_level", json_string(m != NULL ? format_of(m) : ""));
}

/* Of the file that a name stands for; 0 for a folder, and where there is none. */
static uint64_t file_bytes(const char *source)
{
    struct stat info;
    char *path = NULL;
    const bool known = model_locate(source, &path, NULL) == HEARTH_OK && stat(path, &info) == 0;
    mem_free(path);
    return known && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
}

static json_t *row_json(const models_row *row)
{
    const served_model *m = row->model;
    json_t *made = json_door_put(json_object(), "name", text_json(row->name));
    made = json_door_put(made, "model", text_json(row->name));
    made = json_door_put(made, "digest", json_string(m != NULL ? m->fingerprint : ""));
    return json_door_put(made, "details", details_json(m != NULL ? m->m : NULL));
}

/* ---- lists ---- */

typedef struct tag {
    char *source;
    json_t *row;
    uint64_t bytes;
} tag;

typedef struct tag_list {
    const request *r;
    tag *tags;
    size_t count;
    bool failed;
} tag_list;

static void add_tag(void *context, const models_row *row)
{
    tag_list *list = context;
    if (!access_may_use(list->r, row->name)) {
        return;
    }
    tag *tags = mem_realloc(list->tags, (list->count + 1) * sizeof *tags);
    if (tags == NULL) {
        list->failed = true;
        return;
    }
    list->tags = tags;
    tags[list->count] = (tag){.row = json_door_put(row_json(row), "modified_at", ollama_time(row->created)),
                              .bytes = row->bytes,
                              .source = row->open ? NULL : mem_strdup(row->source)};
    list->count++;
}

/* The files of those that are not open are looked at when the registry is free again. */
void ollama_tags(request *r)
{
    tag_list list = {.r = r};
    json_t *rows = json_array();
    models_each(server_models(r->s), add_tag, &list);
    for (size_t i = 0; i < list.count; i++) {
        tag *t = &list.tags[i];
        const uint64_t bytes = t->source != NULL ? file_bytes(t->source) : t->bytes;
        rows = json_door_append(rows, json_door_put(t->row, "size", json_integer((json_int_t)bytes)));
        mem_free(t->source);
    }
    mem_free(list.tags);
    request_answer_json(r, list.failed ? (json_decref(rows), NULL) : json_door_put(json_object(), "models", rows));
}

/* Nothing expires: models go when another one needs their memory. */
#define FAR_AWAY 253402300799 /* the end of the year 9999 */

typedef struct open_list {
    const request *r;
    json_t *rows;
} open_list;

static void add_open(void *context, const models_row *row)
{
    open_list *list = context;
    if (row->open && access_may_use(list->r, row->name)) {
        json_t *made = json_door_put(row_json(row), "size", json_integer((json_int_t)row->bytes));
        made = json_door_put(made, "size_vram", json_integer(0));
        made = json_door_put(made, "expires_at", ollama_time(FAR_AWAY));
        made = json_door_put(made, "context_length", json_integer((json_int_t)row->model->context));
        list->rows = json_door_append(list->rows, made);
    }
}

void ollama_ps(request *r)
{
    open_list list = {.r = r, .rows = json_array()};
    models_each(server_models(r->s), add_open, &list);
    request_answer_json(r, json_door_put(json_object(), "models", list.rows));
}

/* ---- one model ---- */

static json_t *put_count(json_t *to, const char *architecture, const char *name, uint64_t value)
{
    char key[160];
    snprintf(key, sizeof key, "%.100s.%.50s", architecture, name);
    return json_door_put(to, key, json_integer((json_int_t)value));
}

static json_t *info_json(const model *m)
{
    const model_config *k = &m->config;
    const char *a = architecture_of(m);
    json_t *made = json_door_put(json_object(), "general.architecture", json_string(a));
    made = json_door_put(made, "general.basename", text_json(k->name));
    made = json_door_put(made, "general.parameter_count", json_integer((json_int_t)model_parameters(m)));
    made = put_count(made, a, "context_length", k->context);
    made = put_count(made, a, "embedding_length", k->width);
    made = put_count(made, a, "block_count", k->layers);
    made = put_count(made, a, "feed_forward_length", k->ffn);
    made = put_count(made, a, "attention.head_count", k->heads);
    made = put_count(made, a, "attention.head_count_kv", k->kv_heads);
    return put_count(made, a, "vocab_size", k->vocabulary);
}

static json_t *capabilities_json(const model *m)
{
    json_t *list = json_array();
    if (m->config.form.bidirectional || model_needs_head(m, NULL) != HEARTH_OK) {
        return json_door_append(list, json_string("embedding"));
    }
    list = json_door_append(list, json_string("completion"));
    if (m->chat_template == NULL) {
        return list;
    }
    const answer_format format = answer_format_detect(m->chat_template, m->chat_template_length, m->tokenizer);
    list = format.calls != NULL ? json_door_append(list, json_string("tools")) : list;
    return format.thinking != NULL ? json_door_append(list, json_string("thinking")) : list;
}

void ollama_show(request *r)
{
    failure f = {0};
    hearth_error error = {0};
    model *m = NULL;
    const char *name = ollama_model_name(r->body, &f);
    if (name == NULL ||
        (models_peek(server_models(r->s), name, &m, &error) != HEARTH_OK && !models_refusal(name, &error, &f))) {
        request_refuse(r, &f);
        return;
    }
    json_t *made = json_door_put(json_object(), "modelfile", json_string(""));
    made = json_door_put(made, "parameters", json_string(""));
    made = json_door_put(made, "template",
                         m->chat_template != NULL ? json_door_text(m->chat_template, m->chat_template_length)
                                                  : json_string(""));
    made = json_door_put(made, "details", details_json(m));
    made = json_door_put(made, "model_info", info_json(m));
    made = json_door_put(made, "capabilities", capabilities_json(m));
    model_close(m);
    request_answer_json(r, made);
}
