/* One conversion from the beginning to the end: plan, metadata, a look at what was written, data. */
#include "convert/convert.h"

#include "base/memory.h"
#include "convert/lossless.h"
#include "convert/metadata.h"
#include "convert/rows.h"
#include "formats/safetensors_write.h"
#include "model/load_tokenizer.h"
#include "platform/file_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the tensors' data goes through. */
typedef struct stream {
    const convert_options *options;
    gguf_writer *gguf;
    safetensors_writer *safetensors;
    uint64_t done, total;
} stream;

static hearth_status take_bytes(void *context, const void *bytes, size_t length, hearth_error *error)
{
    stream *s = context;
    if (s->gguf != NULL) {
        TRY(gguf_writer_data(s->gguf, bytes, length, error));
    } else {
        TRY(safetensors_writer_data(s->safetensors, bytes, length, error));
    }
    s->done += length;
    const convert_options *o = s->options;
    if (o->progress != NULL && !o->progress(o->progress_context, "converting", s->done, s->total, "B")) {
        return error_set(error, HEARTH_E_CANCELLED, "converting", NULL, "the caller's stop");
    }
    return HEARTH_OK;
}

/* A container without a vocabulary has no tokenizer. */
static hearth_status load_one(const gguf_file *file, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    if (file != NULL) {
        return gguf_find(file, "tokenizer.ggml.tokens") < 0 ? HEARTH_OK : load_tokenizer_gguf(file, ret, error);
    }
    return folder->tokenizer_path == NULL ? HEARTH_OK : load_tokenizer_hf(folder, ret, error);
}

static hearth_status compare_tokenizers(const gguf_file *file, const hf_folder *folder, bool to_gguf,
                                        hearth_error *error)
{
    tokenizer *both[2] = {NULL, NULL};
    hearth_status status = load_one(file, NULL, &both[0], error);
    status = status != HEARTH_OK ? status : load_one(NULL, folder, &both[1], error);
    status = status != HEARTH_OK ? status : convert_compare_tokenizers(both[to_gguf], both[!to_gguf], error);
    tokenizer_free(both[0]);
    tokenizer_free(both[1]);
    return status;
}

/* ---- a folder to GGUF ---- */

typedef struct to_gguf {
    hf_folder *folder;
    stored_tensors stored; /* of a quantised folder */
    model_config config;
    convert_plan plan;
    gguf_writer *writer;
} to_gguf;

/* The header as it was written must say the same model. */
static hearth_status check_gguf(const to_gguf *t, hearth_error *error)
{
    gguf_file *file = NULL;
    model_config read = {0};
    TRY(gguf_open(gguf_writer_temporary(t->writer), &file, error));
    hearth_status status = model_config_from_gguf(file, &read, error);
    status = status != HEARTH_OK ? status : convert_compare(&t->config, &read, true, error);
    status = status != HEARTH_OK ? status : compare_tokenizers(file, t->folder, true, error);
    gguf_close(file);
    return status;
}

static hearth_status write_gguf(to_gguf *t, const char *out, const convert_options *options, convert_result *ret,
                                hearth_error *error)
{
    const model_family *gguf = NULL;
    const char *architecture = NULL;
    size_t left_out = 0;
    TRY(model_config_from_hf(t->folder, &t->config, error));
    TRY(convert_architecture(t->config.family, &gguf, &architecture, error));
    convert_source source = {.table = &t->folder->tensors};
    if (t->config.quantization.kind != HF_QUANTIZED_NOT) {
        TRY(stored_tensors_open(&t->stored, &t->folder->tensors, &t->config, error));
        source = (convert_source){&t->stored.table, t->stored.readers};
    }
    TRY(convert_plan_make(&t->plan, source, &t->config, t->config.family, gguf, true, options->type, error));
    t->writer = gguf_writer_create();
    if (t->writer == NULL) {
        return error_memory(error, 0);
    }
    TRY(convert_metadata_to_gguf(t->writer, t->folder, &t->config, architecture, &t->plan, error));
    TRY(convert_plan_check_used(&t->plan, &left_out, error));
    TRY(convert_tokenizer_to_gguf(t->writer, t->folder, &t->config, options->progress, options->progress_context,
                                  error));
    for (size_t i = 0; i < t->plan.count; i++) {
        const tensor_entry *entry = &t->plan.tensors[i].out;
        TRY(gguf_write_tensor(t->writer, entry->name, entry->type, entry->dims, entry->shape, error));
    }
    TRY(gguf_writer_begin(t->writer, out, error));
    TRY(check_gguf(t, error));
    stream s = {.options = options, .gguf = t->writer, .total = t->plan.bytes};
    for (size_t i = 0; i < t->plan.count; i++) {
        TRY(convert_rows(&t->plan, &t->plan.tensors[i], options->kernels, take_bytes, &s, error));
    }
    *ret = (convert_result){.to_gguf = true,
                            .family = t->config.family->name,
                            .type = t->plan.main,
                            .tensors = t->plan.count,
                            .dequantized = t->plan.dequantized,
                            .left_out = left_out,
                            .files = 1,
                            .bytes = t->plan.bytes};
    return gguf_writer_finish(t->writer, error);
}

static hearth_status convert_folder(const char *path, const char *out, const convert_options *options,
                                    convert_result *ret, hearth_error *error)
{
    to_gguf t = {0};
    hearth_status status = hf_open(path, true, &t.folder, error);
    status = status != HEARTH_OK ? status : write_gguf(&t, out, options, ret, error);
    gguf_writer_free(t.writer);
    convert_plan_free(&t.plan);
    stored_tensors_close(&t.stored);
    hf_close(t.folder);
    return status;
}

/* ---- GGUF to a folder ---- */

typedef struct to_folder {
    gguf_file *file;
    lossless_tensors lossless;
    model_config config;
    convert_plan plan;
    char *temporary; /* the folder as it lies until it is whole */
    tensor_entry *entries;
    size_t *ends; /* [shards]: one behind the shard's last tensor */
    size_t shards;
} to_folder;

static int compare_tensors(const void *a, const void *b)
{
    const tensor_entry *left = &((const convert_tensor *)a)->out;
    const tensor_entry *right = &((const convert_tensor *)b)->out;
    const uint32_t widths[2] = {dtype_get_info(left->type)->block_bytes, dtype_get_info(right->type)->block_bytes};
    return widths[0] != widths[1] ? (widths[0] < widths[1] ? 1 : -1) : strcmp(left->name, right->name);
}

/* Wide values first, then by name; cut where a shard is full. */
static hearth_status cut_shards(to_folder *t, uint64_t most, hearth_error *error)
{
    convert_plan *p = &t->plan;
    uint64_t bytes = 0;
    if (p->count > 1) {
        qsort(p->tensors, p->count, sizeof *p->tensors, compare_tensors);
    }
    t->entries = mem_calloc(p->count + 1, sizeof *t->entries);
    t->ends = mem_calloc(p->count + 1, sizeof *t->ends);
    if (t->entries == NULL || t->ends == NULL) {
        return error_memory(error, p->count * sizeof *t->entries);
    }
    for (size_t i = 0; i < p->count; i++) {
        t->entries[i] = p->tensors[i].out;
        if (most != 0 && bytes != 0 && bytes + t->entries[i].size_bytes > most) {
            t->ends[t->shards++] = i;
            bytes = 0;
        }
        bytes += t->entries[i].size_bytes;
    }
    t->ends[t->shards++] = p->count;
    if (t->shards > LIMIT_SHARDS) {
        return error_set(error, HEARTH_E_LIMIT, "--shard-size", "at most 10000 files", "%zu", t->shards);
    }
    return HEARTH_OK;
}

static const char *shard_name(const to_folder *t, size_t shard, char ret[64])
{
    if (t->shards == 1) {
        snprintf(ret, 64, "model.safetensors");
    } else {
        snprintf(ret, 64, "model-%05zu-of-%05zu.safetensors", shard + 1, t->shards);
    }
    return ret;
}

static hearth_status write_index(const to_folder *t, hearth_error *error)
{
    json_t *map = json_object();
    char name[64];
    for (size_t shard = 0, i = 0; shard < t->shards; shard++) {
        for (; i < t->ends[shard]; i++) {
            map = json_door_put(map, t->entries[i].name, json_string(shard_name(t, shard, name)));
        }
    }
    json_t *size = json_door_put(json_object(), "total_size", json_integer((json_int_t)t->plan.bytes));
    json_t *index = json_door_put(json_object(), "metadata", size);
    index = json_door_put(index, "weight_map", map);
    return t->shards == 1 ? (json_decref(index), HEARTH_OK)
                          : convert_write_json(t->temporary, "model.safetensors.index.json", index, error);
}

static hearth_status write_shard(const to_folder *t, size_t shard, stream *s, hearth_error *error)
{
    char name[64];
    const size_t first = shard == 0 ? 0 : t->ends[shard - 1];
    char *path = file_join(t->temporary, shard_name(t, shard, name));
    if (path == NULL) {
        return error_memory(error, strlen(t->temporary));
    }
    hearth_status status =
        safetensors_writer_begin(path, t->entries + first, t->ends[shard] - first, &s->safetensors, error);
    for (size_t i = first; status == HEARTH_OK && i < t->ends[shard]; i++) {
        status = convert_rows(&t->plan, &t->plan.tensors[i], s->options->kernels, take_bytes, s, error);
    }
    status = status != HEARTH_OK ? status : safetensors_writer_finish(s->safetensors, error);
    safetensors_writer_free(s->safetensors);
    s->safetensors = NULL;
    mem_free(path);
    return status;
}

/* The configuration as it was written must say the same model. */
static hearth_status check_folder(const to_folder *t, hearth_error *error)
{
    hf_folder *folder = NULL;
    model_config read = {0};
    TRY(hf_open(t->temporary, false, &folder, error));
    hearth_status status = model_config_from_hf(folder, &read, error);
    status = status != HEARTH_OK ? status : convert_compare(&t->config, &read, false, error);
    status = status != HEARTH_OK ? status : compare_tokenizers(t->file, folder, false, error);
    hf_close(folder);
    return status;
}

static hearth_status write_folder(to_folder *t, const char *out, const convert_options *options, convert_result *ret,
                                  hearth_error *error)
{
    const model_family *hf = NULL;
    size_t left_out = 0;
    TRY(model_config_from_gguf(t->file, &t->config, error));
    TRY(convert_class(t->file, &t->config, &hf, error));
    convert_source source = {0};
    TRY(lossless_tensors_open(&t->lossless, gguf_tensors(t->file), &source, error));
    TRY(convert_plan_make(&t->plan, source, &t->config, hf, t->config.family, false, options->type, error));
    TRY(file_make_folders(t->temporary, error));
    TRY(convert_config_to_folder(t->temporary, t->file, &t->config, hf, &t->plan, error));
    TRY(convert_plan_check_used(&t->plan, &left_out, error));
    TRY(convert_tokenizer_to_folder(t->temporary, t->file, error));
    TRY(check_folder(t, error));
    TRY(cut_shards(t, options->shard_bytes, error));
    TRY(write_index(t, error));
    stream s = {.options = options, .total = t->plan.bytes};
    for (size_t i = 0; i < t->shards; i++) {
        TRY(write_shard(t, i, &s, error));
    }
    *ret = (convert_result){.family = hf->name,
                            .type = t->plan.main,
                            .tensors = t->plan.count,
                            .dequantized = t->plan.dequantized,
                            .left_out = left_out,
                            .files = t->shards,
                            .bytes = t->plan.bytes};
    return file_move_folder(t->temporary, out, error);
}

static char *temporary_folder(const char *out)
{
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') {
        length--;
    }
    char *name = mem_alloc(length + 32);
    if (name != NULL) {
        snprintf(name, length + 32, "%.*s.tmp-%ld", (int)length, out, (long)getpid());
    }
    return name;
}

static hearth_status convert_file(const char *path, const char *out, const convert_options *options,
                                  convert_result *ret, hearth_error *error)
{
    to_folder t = {.temporary = temporary_folder(out)};
    if (t.temporary == NULL) {
        return error_memory(error, strlen(out));
    }
    if (file_exists(out) || file_exists(t.temporary)) {
        mem_free(t.temporary);
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a new name", "one that is there");
        error_in_file(error, out);
        return HEARTH_E_ARGUMENT;
    }
    hearth_status status = gguf_open(path, &t.file, error);
    status = status != HEARTH_OK ? status : write_folder(&t, out, options, ret, error);
    if (status != HEARTH_OK) {
        file_remove_folder(t.temporary);
    }
    convert_plan_free(&t.plan);
    lossless_tensors_close(&t.lossless);
    gguf_close(t.file);
    mem_free(t.entries);
    mem_free(t.ends);
    mem_free(t.temporary);
    return status;
}

hearth_status convert_model(const char *path, const char *out, const convert_options *options, convert_result *ret,
                            hearth_error *error)
{
    const bool folder = file_is_folder(path);
    hearth_status status = options->type != DTYPE_LIMIT && options->type != DTYPE_F32 && options->type != DTYPE_F16 &&
                                   options->type != DTYPE_BF16
                               ? error_set(error, HEARTH_E_ARGUMENT, "--type", "f32, f16 or bf16", "another format")
                               : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = folder ? convert_folder(path, out, options, ret, error) : convert_file(path, out, options, ret, error);
    }
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    return status;
}
