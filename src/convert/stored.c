/* Quantised matrices of a folder as tensors. */
#include "convert/stored.h"

#include "base/memory.h"
#include "model/weights_stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry and who makes its rows, while they are sorted. */
typedef struct stored_entry {
    tensor_entry entry;
    const matrix_reader *reader;
} stored_entry;

typedef struct stored_builder {
    stored_tensors *s;
    const tensor_table *raw;
    loader loader;
    weights_options options;
    stored_entry *entries;
    size_t count;
} stored_builder;

static bool cut_tail(const char *name, const char *tail, char stem[LIMIT_TENSOR_NAME_BYTES])
{
    const size_t length = strlen(name);
    const size_t size = strlen(tail);
    if (length <= size || length - size >= LIMIT_TENSOR_NAME_BYTES || strcmp(name + length - size, tail) != 0) {
        return false;
    }
    memcpy(stem, name, length - size);
    stem[length - size] = '\0';
    return true;
}

/* The shape of the matrix, or of the experts' matrices, that a tensor is the main part of; false: of none. */
static bool matrix_shape(const model_config *c, const tensor_entry *e, char stem[LIMIT_TENSOR_NAME_BYTES],
                         uint64_t shape[3])
{
    shape[0] = 0;
    if (e->type == DTYPE_F8_E4M3 && e->dims == 2 && cut_tail(e->name, ".weight", stem)) {
        shape[1] = e->shape[0];
        shape[2] = e->shape[1];
        return true;
    }
    if (e->type == DTYPE_I32 && e->dims == 2 && e->shape[0] <= UINT32_MAX && e->shape[1] <= UINT32_MAX &&
        cut_tail(e->name, ".qweight", stem)) {
        const bool awq = c->quantization.kind == HF_QUANTIZED_AWQ;
        shape[1] = e->shape[1] * (awq ? 8 : 1);
        shape[2] = e->shape[0] * (awq ? 1 : 8);
        return true;
    }
    if (e->type == DTYPE_U8 && e->dims == 4 && e->shape[2] <= UINT32_MAX && cut_tail(e->name, "_blocks", stem)) {
        shape[0] = e->shape[0];
        shape[1] = e->shape[1];
        shape[2] = e->shape[2] * 32;
        return true;
    }
    return false;
}

static hearth_status add_stored(stored_builder *b, const char *stem, const uint64_t shape[3], hearth_error *error)
{
    char name[LIMIT_TENSOR_NAME_BYTES + 16];
    matrix m = {0};
    const bool experts = shape[0] != 0;
    const matrix_place place = {.stem = stem, .experts = (size_t)shape[0]};
    stored_entry *to = &b->entries[b->count];
    TRY(find_stored(&b->loader, &place, (size_t)shape[1], (size_t)shape[1], (size_t)shape[2], &m, error));
    mem_free((void *)(uintptr_t)m.row_map);
    snprintf(name, sizeof name, "%s%s", stem, experts ? "_blocks" : ".weight");
    *to = (stored_entry){.entry = {.type = m.type, .dims = experts ? 3 : 2}, .reader = m.reader};
    memcpy(to->entry.shape, shape + (experts ? 0 : 1), to->entry.dims * sizeof shape[0]);
    to->entry.name = arena_strndup(b->s->holder.vectors, name, strlen(name));
    if (to->entry.name == NULL) {
        return error_memory(error, strlen(name));
    }
    TRY(tensor_size_bytes(m.type, to->entry.dims, to->entry.shape, to->entry.name, &to->entry.size_bytes, error));
    b->count++;
    return HEARTH_OK;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const stored_entry *)a)->entry.name, ((const stored_entry *)b)->entry.name);
}

static hearth_status build(stored_builder *b, hearth_error *error)
{
    const tensor_table *raw = b->raw;
    for (size_t i = 0; i < raw->count; i++) {
        char stem[LIMIT_TENSOR_NAME_BYTES];
        uint64_t shape[3];
        if (matrix_shape(b->loader.c, &raw->entries[i], stem, shape)) {
            TRY(add_stored(b, stem, shape, error));
            if (!b->s->used[i]) { /* else there could be more entries than tensors */
                char place[PLACE_SIZE];
                return error_set(error, HEARTH_E_FORMAT,
                                 place_name(place, "tensor", raw->entries[i].name, strlen(raw->entries[i].name)),
                                 "a matrix that is stored in one way", "another one of the same name");
            }
        }
    }
    for (size_t i = 0; i < raw->count; i++) {
        if (!b->s->used[i]) {
            b->entries[b->count++] = (stored_entry){raw->entries[i], NULL};
        }
    }
    if (b->count > 1) {
        qsort(b->entries, b->count, sizeof *b->entries, compare_entries);
    }
    for (size_t i = 0; i < b->count; i++) {
        b->s->table.entries[i] = b->entries[i].entry;
        b->s->readers[i] = b->entries[i].reader;
    }
    b->s->table.count = b->count;
    return HEARTH_OK;
}

hearth_status stored_tensors_open(stored_tensors *s, const tensor_table *raw, const model_config *c,
                                  hearth_error *error)
{
    stored_builder b = {.s = s, .raw = raw};
    *s = (stored_tensors){.holder = {.vectors = arena_create(0)}};
    s->table.entries = mem_calloc(raw->count + 1, sizeof *s->table.entries);
    s->readers = mem_calloc(raw->count + 1, sizeof(matrix_reader *));
    s->used = mem_calloc(raw->count + 1, sizeof *s->used);
    b.entries = mem_calloc(raw->count + 1, sizeof *b.entries);
    b.loader = (loader){.tensors = raw,
                        .c = c,
                        .names = c->family->names,
                        .options = &b.options,
                        .w = &s->holder,
                        .used = s->used,
                        .expanded = true};
    hearth_status status = s->holder.vectors == NULL || s->table.entries == NULL || s->readers == NULL ||
                                   s->used == NULL || b.entries == NULL
                               ? error_memory(error, raw->count * sizeof *b.entries)
                               : build(&b, error);
    mem_free(b.entries);
    return status;
}

void stored_tensors_close(stored_tensors *s)
{
    mem_free(s->table.entries);
    mem_free(s->readers);
    mem_free(s->used);
    arena_destroy(s->holder.vectors);
    *s = (stored_tensors){0};
}
