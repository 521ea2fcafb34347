/* What a model is, as JSON: hearth show --json, and the server's page of models. */
#include "model/describe.h"

#include <string.h>

static json_t *shape_json(const model_config *k)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o}", "experts",
                     (json_int_t)k->moe.experts, "experts_per_token", (json_int_t)k->moe.used, "window",
                     (json_int_t)k->window, "latent", (json_int_t)k->mla.kv_rank, "layers", (json_int_t)k->layers,
                     "width", (json_int_t)k->width, "mlp", (json_int_t)k->ffn, "heads", (json_int_t)k->heads,
                     "kv_heads", (json_int_t)k->kv_heads, "head_dim", (json_int_t)k->head_dim, "vocabulary",
                     (json_int_t)k->vocabulary, "context", (json_int_t)k->context, "tied_embeddings", (int)k->tied,
                     "qkv_bias", (int)k->form.qkv_bias, "rms_norm_eps", json_door_float(k->eps));
}

static json_t *rope_json(const rope_config *r)
{
    return json_pack("{s:s, s:o, s:I, s:o}", "kind", rope_kind_name(r->kind), "theta", json_door_number(r->theta),
                     "dims", (json_int_t)r->dims, "factor", json_door_number(r->factor));
}

static json_t *formats_json(const tensor_table *table)
{
    describe_format formats[DESCRIBE_FORMATS_MOST];
    const size_t count = describe_formats(table, formats);
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        rows = json_door_append(rows, json_pack("{s:s, s:I, s:I, s:I}", "format", formats[i].name, "tensors",
                                                (json_int_t)formats[i].tensors, "values", (json_int_t)formats[i].values,
                                                "bytes", (json_int_t)formats[i].bytes));
    }
    return rows;
}

static json_t *memory_json(const model *m)
{
    size_t lengths[DESCRIBE_LENGTHS_MOST];
    const size_t count = describe_lengths(&m->config, lengths);
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        rows = json_door_append(
            rows, json_pack("{s:I, s:I, s:I, s:I, s:I}", "context", (json_int_t)lengths[i], "native_bytes",
                            (json_int_t)model_config_cache_bytes(&m->config, lengths[i], CACHE_F16), "f32_bytes",
                            (json_int_t)model_config_cache_bytes(&m->config, lengths[i], CACHE_F32), "q8_0_bytes",
                            (json_int_t)model_config_cache_bytes(&m->config, lengths[i], CACHE_Q8_0), "q4_0_bytes",
                            (json_int_t)model_config_cache_bytes(&m->config, lengths[i], CACHE_Q4_0)));
    }
    return json_pack("{s:I, s:o}", "weights_bytes", (json_int_t)describe_weight_bytes(m), "kv_cache", rows);
}

static json_t *tokenizer_json(const model *m)
{
    const tokenizer *t = m->tokenizer;
    if (t == NULL) {
        return json_null();
    }
    return json_pack("{s:s, s:I, s:i, s:i}", "kind", tokenizer_kind(t), "vocabulary",
                     (json_int_t)tokenizer_vocabulary_size(t), "bos", (int)tokenizer_bos(t), "eos",
                     (int)tokenizer_eos(t));
}

static json_t *tensors_json(const tensor_table *table)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        json_t *shape = json_array();
        for (uint32_t d = 0; d < e->dims; d++) {
            shape = json_door_append(shape, json_integer((json_int_t)e->shape[d]));
        }
        rows = json_door_append(rows, json_pack("{s:o, s:s, s:o, s:I}", "name", json_door_string(e->name), "format",
                                                dtype_get_info(e->type)->name, "shape", shape, "bytes",
                                                (json_int_t)e->size_bytes));
    }
    return rows;
}

static json_t *metadata_json(const model *m)
{
    json_t *all = json_object();
    if (m->hf != NULL) {
        /* A file that is absent is absent here. */
        const struct {
            const char *name;
            json_t *value;
        } files[] = {{"config.json", m->hf->config},
                     {"generation_config.json", m->hf->generation_config},
                     {"tokenizer_config.json", m->hf->tokenizer_config}};
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            if (files[i].value != NULL) {
                all = json_door_put(all, files[i].name, json_incref(files[i].value));
            }
        }
        return all;
    }
    for (size_t i = 0; i < gguf_metadata_count(m->gguf); i++) {
        char value[256];
        const gguf_string key = gguf_metadata_key(m->gguf, i);
        gguf_describe(m->gguf, i, 8, value, sizeof value);
        json_t *name = json_door_text(key.text, key.length);
        all = json_door_put(all, json_string_value(name), name != NULL ? json_door_string(value) : NULL);
        json_decref(name);
    }
    return all;
}

json_t *describe_json(const model *m, const char *licence, bool tensors, bool metadata)
{
    json_t *all = json_pack("{s:o, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "name",
                            json_door_string(m->config.name), "path", json_door_string(m->path), "container",
                            m->gguf != NULL ? "gguf" : "huggingface", "family", m->config.family->name, "parameters",
                            (json_int_t)model_parameters(m), "shape", shape_json(&m->config), "rope",
                            rope_json(&m->config.rope), "formats", formats_json(m->tensors), "tokenizer",
                            tokenizer_json(m), "licence", licence[0] != '\0' ? json_door_string(licence) : json_null(),
                            "chat_template", m->chat_template != NULL, "memory", memory_json(m));
    if (tensors) {
        all = json_door_put(all, "tensors", tensors_json(m->tensors));
    }
    if (metadata) {
        all = json_door_put(all, "metadata", metadata_json(m));
    }
    return all;
}
