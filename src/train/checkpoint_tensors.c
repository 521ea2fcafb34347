/* Tensors of a checkpoint. */
#include "train/checkpoint_tensors.h"

#include "base/memory.h"
#include "formats/safetensors.h"
#include "formats/safetensors_write.h"
#include "kernels/kernels.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 128
#define PIECE 4096u
#define SHARE_PIECE ((size_t)1 << 18)

/* One of the arrays, and what its tensors are called. */
typedef struct part {
    const char *suffix;
    float *values;
    const checkpoint_share *share; /* not NULL: of the optimiser's state, of which `values` are a share */
    bool square;
} part;

static part mean_of(const checkpoint_values *v)
{
    return (part){".mean", v->mean, v->share, false};
}

static part square_of(const checkpoint_values *v)
{
    return (part){".square", v->square, v->share, true};
}

static void part_name(const train_parameter *t, const part *p, char ret[NAME_BYTES])
{
    (void)snprintf(ret, NAME_BYTES, "%s%s", t->name, p->suffix);
}

static tensor_entry describe(const train_parameter *t, dtype type, const char *name)
{
    const uint64_t bytes = type == DTYPE_BF16 ? 2 : 4;
    tensor_entry e = {.name = name, .type = type, .size_bytes = t->rows * t->cols * bytes};
    if (t->rows == 1) {
        e.dims = 1;
        e.shape[0] = t->cols;
    } else {
        e.dims = 2;
        e.shape[0] = t->rows;
        e.shape[1] = t->cols;
    }
    return e;
}

static hearth_status write_values(safetensors_writer *w, dtype type, const float *values, uint64_t count,
                                  hearth_error *error)
{
    if (type == DTYPE_F32) {
        return safetensors_writer_data(w, values, (size_t)count * sizeof *values, error);
    }
    uint16_t rounded[PIECE];
    for (uint64_t at = 0; at < count; at += PIECE) {
        const size_t n = count - at < PIECE ? (size_t)(count - at) : PIECE;
        for (size_t i = 0; i < n; i++) {
            rounded[i] = bf16_from_f32(values[at + i]);
        }
        TRY(safetensors_writer_data(w, rounded, n * sizeof *rounded, error));
    }
    return HEARTH_OK;
}

/* A tensor of state that ranks have shares of. */
static hearth_status write_share(safetensors_writer *w, const part *p, const train_parameter *t, hearth_error *error)
{
    const uint64_t count = t->rows * t->cols;
    float *piece = mem_alloc(SHARE_PIECE * sizeof *piece);
    hearth_status status = piece == NULL ? error_memory(error, SHARE_PIECE * sizeof *piece) : HEARTH_OK;
    for (uint64_t at = 0; at < count && status == HEARTH_OK; at += SHARE_PIECE) {
        const size_t n = count - at < SHARE_PIECE ? (size_t)(count - at) : SHARE_PIECE;
        status = p->share->read(p->share->context, p->square, t->offset + at, n, piece, error);
        status = status == HEARTH_OK ? safetensors_writer_data(w, piece, n * sizeof *piece, error) : status;
    }
    mem_free(piece);
    return status;
}

/* `hash`: that of the file, which is not written; NULL: it is, to `path`. */
static hearth_status write_parts(const char *path, dtype type, const checkpoint_values *v, const part *parts,
                                 size_t part_count, const tensor_entry *entries, char *hash, hearth_error *error)
{
    safetensors_writer *w = NULL;
    const size_t count = v->parameters * part_count;
    hearth_status status = hash != NULL ? safetensors_hash_begin(entries, count, &w, error)
                                        : safetensors_writer_begin(path, entries, count, &w, error);
    for (size_t k = 0; k < part_count; k++) {
        for (size_t p = 0; p < v->parameters && status == HEARTH_OK; p++) {
            const train_parameter *t = &v->table[p];
            status = parts[k].share != NULL
                         ? write_share(w, &parts[k], t, error)
                         : write_values(w, type, parts[k].values + t->offset, t->rows * t->cols, error);
        }
    }
    if (status == HEARTH_OK) {
        status = hash != NULL ? safetensors_hash_finish(w, hash, error) : safetensors_writer_finish(w, error);
    }
    safetensors_writer_free(w);
    return status;
}

static hearth_status write_named(const char *path, dtype type, const checkpoint_values *v, const part *parts,
                                 size_t part_count, char *hash, hearth_error *error)
{
    const size_t count = v->parameters * part_count;
    tensor_entry *entries = mem_calloc(count, sizeof *entries);
    char(*names)[NAME_BYTES] = mem_calloc(count, sizeof *names);
    hearth_status status = HEARTH_OK;
    if (entries == NULL || names == NULL) {
        status = error_memory(error, count * sizeof *entries);
    } else {
        for (size_t i = 0; i < count; i++) {
            const train_parameter *t = &v->table[i % v->parameters];
            part_name(t, &parts[i / v->parameters], names[i]);
            entries[i] = describe(t, type, names[i]);
        }
        status = write_parts(path, type, v, parts, part_count, entries, hash, error);
    }
    mem_free(entries);
    mem_free(names);
    return status;
}

static hearth_status write_file(const char *folder, const char *file, dtype type, const checkpoint_values *v,
                                const part *parts, size_t part_count, hearth_error *error)
{
    char *path = file_join(folder, file);
    const hearth_status status =
        path == NULL ? error_memory(error, 0) : write_named(path, type, v, parts, part_count, NULL, error);
    mem_free(path);
    return status;
}

hearth_status checkpoint_hash_model(recipe_format format, const checkpoint_values *v, char ret[HASH_HEX_SIZE],
                                    hearth_error *error)
{
    const part weights = {.suffix = "", .values = v->values};
    return write_named(NULL, format == TRAIN_BF16 ? DTYPE_BF16 : DTYPE_F32, v, &weights, 1, ret, error);
}

hearth_status checkpoint_write_tensors(const char *folder, recipe_format format, const checkpoint_values *v,
                                       hearth_error *error)
{
    const part weights = {.suffix = "", .values = v->values};
    const part state[] = {mean_of(v), square_of(v), {.suffix = ".value", .values = v->values}};
    const bool rounded = format == TRAIN_BF16;
    TRY(write_file(folder, "model.safetensors", rounded ? DTYPE_BF16 : DTYPE_F32, v, &weights, 1, error));
    return v->mean == NULL ? HEARTH_OK
                           : write_file(folder, "optimizer.safetensors", DTYPE_F32, v, state, rounded ? 3 : 2, error);
}

/* ---- reading ---- */

static hearth_status odd_tensor(const tensor_table *file, const char *name, const tensor_entry *e, hearth_error *error)
{
    char place[PLACE_SIZE];
    (void)place_name(place, "tensor", name, strlen(name));
    (void)error_set(error, HEARTH_E_FORMAT, place, "this model's, in F32 or BF16", "%s",
                    e == NULL ? "none of that name" : "another shape or format");
    error_in_file(error, file->maps[0].path);
    return HEARTH_E_FORMAT;
}

/* All of a tensor, or what of it is in the share. */
static void take_values(const tensor_entry *e, const train_parameter *t, const part *p)
{
    const uint64_t begin = p->share != NULL ? p->share->begin : 0;
    const uint64_t end = p->share != NULL ? p->share->end : UINT64_MAX;
    const uint64_t from = begin > t->offset ? begin - t->offset : 0;
    const uint64_t stop = end > t->offset ? end - t->offset : 0;
    const uint64_t until = stop < t->rows * t->cols ? stop : t->rows * t->cols;
    if (from >= until) {
        return;
    }
    float *to = p->values + (t->offset + from - begin);
    for (uint64_t k = from; e->type == DTYPE_BF16 && k < until; k++) {
        uint16_t bits = 0;
        memcpy(&bits, e->data + 2 * k, sizeof bits);
        to[k - from] = bf16_to_f32(bits);
    }
    if (e->type == DTYPE_F32) {
        memcpy(to, e->data + from * sizeof(float), (size_t)(until - from) * sizeof(float));
    }
}

static hearth_status read_part(const tensor_table *file, const checkpoint_values *v, const part *p, hearth_error *error)
{
    for (size_t i = 0; i < v->parameters; i++) {
        const train_parameter *t = &v->table[i];
        char name[NAME_BYTES];
        part_name(t, p, name);
        const tensor_entry *e = tensor_table_find(file, name);
        const tensor_entry expected = describe(t, e != NULL ? e->type : DTYPE_F32, name);
        if (e == NULL || (e->type != DTYPE_F32 && e->type != DTYPE_BF16) || e->dims != expected.dims ||
            memcmp(e->shape, expected.shape, e->dims * sizeof *e->shape) != 0) {
            return odd_tensor(file, name, e, error);
        }
        take_values(e, t, p);
    }
    return HEARTH_OK;
}

static hearth_status open_tensors(const char *folder, const char *name, tensor_table *ret, hearth_error *error)
{
    char *path = file_join(folder, name);
    const hearth_status status = path == NULL ? error_memory(error, 0) : safetensors_open(path, ret, error);
    mem_free(path);
    return status;
}

/* Weights that were rounded for the model's file are those that the run holds. */
static hearth_status check_rounded(const tensor_table *file, const checkpoint_values *v, hearth_error *error)
{
    for (size_t i = 0; i < v->parameters; i++) {
        const train_parameter *t = &v->table[i];
        const tensor_entry *e = tensor_table_find(file, t->name);
        for (uint64_t k = 0; e != NULL && k < t->rows * t->cols; k++) {
            uint16_t bits = 0;
            memcpy(&bits, e->data + 2 * k, sizeof bits);
            if (bits != bf16_from_f32(v->values[t->offset + k])) {
                char place[PLACE_SIZE];
                (void)place_name(place, "tensor", t->name, strlen(t->name));
                (void)error_set(error, HEARTH_E_FORMAT, place, "the optimiser's value, rounded",
                                "another at value %llu", (unsigned long long)k);
                error_in_file(error, file->maps[0].path);
                return HEARTH_E_FORMAT;
            }
        }
    }
    return HEARTH_OK;
}

hearth_status checkpoint_load(const char *folder, const checkpoint_values *v, hearth_error *error)
{
    tensor_table model = {0};
    tensor_table state = {0};
    const part weights = {.suffix = "", .values = v->values};
    const part masters = {.suffix = ".value", .values = v->values};
    const part mean = mean_of(v);
    const part square = square_of(v);
    hearth_status status = open_tensors(folder, "model.safetensors", &model, error);
    status = status == HEARTH_OK ? read_part(&model, v, &weights, error) : status;
    if (status == HEARTH_OK && v->mean != NULL) {
        status = open_tensors(folder, "optimizer.safetensors", &state, error);
        status = status == HEARTH_OK ? read_part(&state, v, &mean, error) : status;
        status = status == HEARTH_OK ? read_part(&state, v, &square, error) : status;
        if (status == HEARTH_OK && model.count > 0 && model.entries[0].type == DTYPE_BF16) {
            status = read_part(&state, v, &masters, error);
            status = status == HEARTH_OK ? check_rounded(&model, v, error) : status;
        }
    }
    tensor_table_free(&model);
    tensor_table_free(&state);
    return status;
}
