/* A table in which lossless tensors are BF16 ones without data, whose rows a reader makes. */
#include "convert/lossless.h"

#include "base/memory.h"

#include <string.h>

static hearth_status read_by(lossless_tensors *s, size_t i, hearth_error *error)
{
    tensor_entry *e = &s->table.entries[i];
    lossless_reader *r = &s->made[i];
    *r = (lossless_reader){.reader = {lossless_reader_row},
                           .panels = e->data,
                           .rows_each = (size_t)e->shape[e->dims - 2],
                           .cols = (size_t)e->shape[e->dims - 1]};
    TRY(gguf_lossless_check(e, 0, gguf_lossless_panels(e), error));
    s->readers[i] = &r->reader;
    e->type = DTYPE_BF16;
    e->data = NULL;
    return tensor_size_bytes(DTYPE_BF16, e->dims, e->shape, e->name, &e->size_bytes, error);
}

hearth_status lossless_tensors_open(lossless_tensors *s, const tensor_table *raw, convert_source *ret,
                                    hearth_error *error)
{
    bool any = false;
    for (size_t i = 0; i < raw->count; i++) {
        any = any || raw->entries[i].type == DTYPE_BF16_LOSSLESS;
    }
    *ret = (convert_source){.table = raw};
    if (!any) {
        return HEARTH_OK;
    }
    s->table = *raw;
    s->table.entries = mem_calloc(raw->count, sizeof *s->table.entries);
    s->readers = mem_calloc(raw->count, sizeof(void *));
    s->made = mem_calloc(raw->count, sizeof *s->made);
    if (s->table.entries == NULL || s->readers == NULL || s->made == NULL) {
        return error_memory(error, raw->count * sizeof *s->table.entries);
    }
    memcpy(s->table.entries, raw->entries, raw->count * sizeof *raw->entries);
    for (size_t i = 0; i < raw->count; i++) {
        if (raw->entries[i].type == DTYPE_BF16_LOSSLESS) {
            TRY(read_by(s, i, error));
        }
    }
    *ret = (convert_source){&s->table, s->readers};
    return HEARTH_OK;
}

void lossless_tensors_close(lossless_tensors *s)
{
    mem_free(s->table.entries);
    mem_free(s->readers);
    mem_free(s->made);
    *s = (lossless_tensors){0};
}
