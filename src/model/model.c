/* Opening a model: the container, the configuration, the weights. */
#include "model/model.h"

#include "base/memory.h"
#include "model/load_tokenizer.h"
#include "model/locate.h"

#include <string.h>

static hearth_status read_container(model *m, const char *path, bool with_weights, hearth_error *error)
{
    if (file_is_folder(path)) {
        hearth_status status = hf_open(path, true, &m->hf, error);
        if (status == HEARTH_E_NOT_FOUND && !with_weights) { /* a folder of a tokenizer alone */
            status = hf_open(path, false, &m->hf, error);
        }
        TRY(status);
        m->tensors = &m->hf->tensors;
        return model_config_from_hf(m->hf, &m->config, error);
    }
    TRY(gguf_open(path, &m->gguf, error));
    m->tensors = gguf_tensors(m->gguf);
    return model_config_from_gguf(m->gguf, &m->config, error);
}

static hearth_status copy_template(model *m, const char *text, size_t length, hearth_error *error)
{
    m->chat_template = mem_alloc(length + 1);
    if (m->chat_template == NULL) {
        return error_memory(error, length + 1);
    }
    memcpy(m->chat_template, text, length);
    m->chat_template[length] = '\0';
    m->chat_template_length = length;
    return HEARTH_OK;
}

static hearth_status read_template(model *m, hearth_error *error)
{
    if (m->hf != NULL && m->hf->chat_template != NULL) {
        return copy_template(m, m->hf->chat_template, strlen(m->hf->chat_template), error);
    }
    if (m->gguf != NULL && gguf_find(m->gguf, "tokenizer.chat_template") >= 0) {
        gguf_string text = {0};
        TRY(gguf_get_string(m->gguf, "tokenizer.chat_template", &text, error));
        return copy_template(m, text.text, text.length, error);
    }
    return HEARTH_OK;
}

/* A model without a vocabulary is allowed: it takes and gives ids. */
static hearth_status read_tokenizer(model *m, hearth_error *error)
{
    hearth_error problem = {0};
    hearth_status status = HEARTH_E_NOT_FOUND;
    if (m->gguf != NULL) {
        status = load_tokenizer_gguf(m->gguf, &m->tokenizer, &problem);
    } else if (m->hf != NULL) {
        status = load_tokenizer_hf(m->hf, &m->tokenizer, &problem);
    }
    if (status == HEARTH_OK || status == HEARTH_E_NOT_FOUND) {
        return HEARTH_OK;
    }
    if (error != NULL) {
        *error = problem;
    }
    return status;
}

static hearth_status read_weights(model *m, const model_options *options, hearth_error *error)
{
    if (m->tensors->count == 0) {
        return error_set(error, HEARTH_E_NOT_FOUND, "weights", "tensors", "none: this file has a vocabulary alone");
    }
    const weights_options how = {.gguf = m->gguf,
                                 .compute = options->compute,
                                 .packing = options->packing,
                                 .lossless = options->lossless,
                                 .memory_bytes = options->memory_bytes,
                                 .progress = options->progress,
                                 .progress_context = options->progress_context};
    return weights_load(m->tensors, &m->config, m->engine, &how, &m->weights, error);
}

static hearth_status read_head(model *m, const model_options *options, hearth_error *error)
{
    const weights_options how = {.gguf = m->gguf,
                                 .compute = options->compute,
                                 .packing = options->packing == PACKING_AUTO ? PACKING_PACKED : options->packing,
                                 .lossless = options->lossless};
    if (!options->head || m->weights.stream != NULL || !weights_has_head(m->tensors, &m->config, &how)) {
        return HEARTH_OK;
    }
    m->head = mem_calloc(1, sizeof *m->head);
    if (m->head == NULL) {
        return error_memory(error, sizeof *m->head);
    }
    m->head->engine = m->engine;
    m->head->compute = m->compute;
    m->head->config = m->config;
    m->head->config.layers = 1;
    memset(m->head->config.dense, 0, sizeof m->head->config.dense); /* it is as the last layers are */
    m->head->tensors = m->tensors;
    const hearth_status status =
        weights_load_head(m->tensors, &m->config, m->engine, &how, &m->weights, &m->head->weights, error);
    if (status == HEARTH_E_MEMORY) { /* it is for speed alone */
        model_close(m->head);
        m->head = NULL;
        return HEARTH_OK;
    }
    return status;
}

/* A tokenizer without a model around it. */
static hearth_status open_tokenizer(model *m, const model_options *options, hearth_error *error)
{
    static const tensor_table none = {0};
    m->tensors = &none;
    return load_tokenizer_file(m->path, NULL, options->encoding, &m->tokenizer, error);
}

static hearth_status open_all(model *m, const char *path, const model_options *options, hearth_error *error)
{
    TRY(model_locate(path, &m->path, error));
    if (options->tokenizer_file && !file_is_folder(m->path) && load_tokenizer_knows(m->path)) {
        return open_tokenizer(m, options, error);
    }
    TRY(read_container(m, m->path, !options->without_weights, error));
    TRY(read_tokenizer(m, error));
    TRY(read_template(m, error));
    if (options->without_weights) {
        return HEARTH_OK;
    }
    TRY(read_weights(m, options, error));
    return read_head(m, options, error);
}

hearth_status model_open(engine *e, const char *path, const model_options *options, model **ret, hearth_error *error)
{
    static const model_options plain = {0};
    model *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    options = options == NULL ? &plain : options;
    m->engine = e;
    m->compute = options->compute;
    const hearth_status status = open_all(m, path, options, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        model_close(m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

void model_close(model *m)
{
    if (m == NULL) {
        return;
    }
    model_close(m->head);
    weights_free(&m->weights);
    tokenizer_free(m->tokenizer);
    mem_free(m->chat_template);
    gguf_close(m->gguf);
    hf_close(m->hf);
    mem_free(m->path);
    mem_free(m);
}

hearth_status model_tensor_bytes(engine *e, const char *path, uint64_t *ret, hearth_error *error)
{
    const model_options how = {.without_weights = true};
    model *m = NULL;
    uint64_t bytes = 0;
    TRY(model_open(e, path, &how, &m, error));
    for (size_t i = 0; i < m->tensors->count; i++) {
        bytes += m->tensors->entries[i].size_bytes;
    }
    model_close(m);
    *ret = bytes;
    return HEARTH_OK;
}

hearth_status model_needs_head(const model *m, hearth_error *error)
{
    if (!m->config.form.headless) {
        return HEARTH_OK;
    }
    const hearth_status status = error_set(error, HEARTH_E_UNSUPPORTED, NULL, "a model that writes text",
                                           "one without an output matrix (%s): hearth embed", m->config.family->name);
    error_in_file(error, m->path);
    return status;
}

uint64_t model_parameters(const model *m)
{
    uint64_t count = 0;
    for (size_t i = 0; i < m->tensors->count; i++) {
        const tensor_entry *entry = &m->tensors->entries[i];
        uint64_t values = 1;
        for (uint32_t d = 0; d < entry->dims; d++) {
            values *= entry->shape[d];
        }
        count += values;
    }
    return count;
}
