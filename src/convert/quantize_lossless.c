/* A GGUF file with its BF16 matrices in the lossless form: what each panel takes is measured first, for the table of
 * tensors; then panels are packed and written, some at a time. */
#include "convert/quantize.h"

#include "base/memory.h"
#include "base/text.h"
#include "convert/plan.h"
#include "formats/gguf.h"
#include "formats/gguf_write.h"
#include "kernels/lossless.h"

#include <string.h>

#define PIECE_BYTES ((size_t)4 << 20)

/* One tensor's panels, each of up to 16 rows of one of its matrices. */
typedef struct lossless_tensor {
    const tensor_entry *from;
    size_t cols, rows_each, panels_each, panels;
    uint64_t *sizes; /* [panels]; NULL: copied as it is */
} lossless_tensor;

typedef struct lossless_writer {
    const quantize_options *o;
    gguf_writer *writer;
    lossless_tensor *tensors;
    uint64_t done, total;
    /* of a run */
    const lossless_tensor *t;
    size_t first, count; /* panels */
    uint8_t *out, *raw;  /* [count] panels at their most, [parts] BF16 panels */
} lossless_writer;

static hearth_status tell(lossless_writer *w, uint64_t bytes, hearth_error *error)
{
    const quantize_options *o = w->o;
    w->done += bytes;
    if (o->progress != NULL && !o->progress(o->progress_context, "packing", w->done, w->total, "B")) {
        return error_set(error, HEARTH_E_CANCELLED, "packing", NULL, "the caller's stop");
    }
    return HEARTH_OK;
}

static unsigned rows_of(const lossless_tensor *t, size_t panel, const uint8_t *rows[PANEL_ROWS])
{
    const size_t within = panel % t->panels_each * PANEL_ROWS;
    const size_t first = panel / t->panels_each * t->rows_each + within;
    const unsigned count = t->rows_each - within < PANEL_ROWS ? (unsigned)(t->rows_each - within) : PANEL_ROWS;
    for (unsigned i = 0; i < count; i++) {
        rows[i] = t->from->data + (first + i) * t->cols * 2;
    }
    return count;
}

static void measure_part(void *context, int part, int parts)
{
    const lossless_writer *w = context;
    const thread_range range = thread_split(w->t->panels, 1, part, parts);
    lossless_count met = {0};
    for (size_t panel = range.begin; panel < range.end; panel++) {
        const uint8_t *rows[PANEL_ROWS];
        const unsigned count = rows_of(w->t, panel, rows);
        w->t->sizes[panel] = lossless_measure(rows, w->t->cols, count, &met);
    }
}

static void pack_part(void *context, int part, int parts)
{
    const lossless_writer *w = context;
    const size_t cols = w->t->cols;
    const thread_range range = thread_split(w->count, 1, part, parts);
    uint8_t *raw = w->raw + (size_t)part * panel_bytes(DTYPE_BF16, cols);
    for (size_t i = range.begin; i < range.end; i++) {
        const uint8_t *rows[PANEL_ROWS];
        const unsigned count = rows_of(w->t, w->first + i, rows);
        panel_pack(DTYPE_BF16, cols, rows, count, raw);
        (void)lossless_pack(raw, cols, count, w->out + i * lossless_panel_most(cols));
    }
}

/* ---- the plan ---- */

static bool is_packed(const tensor_entry *e)
{
    return e->type == DTYPE_BF16 && !convert_stays_wide(e->name, e->dims) && text_ends(e->name, ".weight") &&
           e->shape[e->dims - 1] >= LOSSLESS_VALUES;
}

static hearth_status measure_tensor(lossless_writer *w, lossless_tensor *t, quantize_tensor *row, hearth_error *error)
{
    const tensor_entry *e = t->from;
    t->cols = (size_t)e->shape[e->dims - 1];
    t->rows_each = (size_t)e->shape[e->dims - 2];
    t->panels_each = (t->rows_each + PANEL_ROWS - 1) / PANEL_ROWS;
    t->panels = (size_t)(row->values / t->cols / t->rows_each) * t->panels_each;
    t->sizes = mem_calloc(t->panels, sizeof *t->sizes);
    if (t->sizes == NULL) {
        return error_memory(error, t->panels * sizeof *t->sizes);
    }
    w->t = t;
    thread_pool_run(w->o->pool, measure_part, w);
    row->to = DTYPE_BF16_LOSSLESS;
    row->bytes = lossless_places_bytes(t->panels);
    for (size_t i = 0; i < t->panels; i++) {
        row->bytes += t->sizes[i];
    }
    return tell(w, e->size_bytes, error);
}

static hearth_status plan(lossless_writer *w, quantize_result *r, hearth_error *error)
{
    const tensor_table *table = gguf_tensors(r->file);
    r->tensors = mem_calloc(table->count + 1, sizeof *r->tensors);
    w->tensors = mem_calloc(table->count + 1, sizeof *w->tensors);
    if (r->tensors == NULL || w->tensors == NULL) {
        return error_memory(error, table->count * sizeof *r->tensors);
    }
    for (size_t i = 0; i < table->count; i++) {
        w->total += 2 * table->entries[i].size_bytes;
    }
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        quantize_tensor *row = &r->tensors[r->count++];
        *row = (quantize_tensor){.name = e->name, .from = e->type, .to = e->type, .values = 1, .bytes = e->size_bytes};
        for (uint32_t d = 0; d < e->dims; d++) {
            row->values *= e->shape[d];
        }
        w->tensors[i].from = e;
        if (is_packed(e)) {
            TRY(measure_tensor(w, &w->tensors[i], row, error));
        } else {
            if (e->type == DTYPE_BF16_LOSSLESS) {
                TRY(gguf_lossless_check(e, 0, gguf_lossless_panels(e), error));
            }
            TRY(tell(w, e->size_bytes, error));
        }
        TRY(row->to == DTYPE_BF16_LOSSLESS /* some may be so already */
                ? gguf_write_lossless_tensor(w->writer, e->name, e->dims, e->shape, row->bytes, error)
                : gguf_write_tensor(w->writer, e->name, e->type, e->dims, e->shape, error));
        r->values += row->values;
        r->from_bytes += e->size_bytes;
        r->to_bytes += row->bytes;
    }
    return HEARTH_OK;
}

/* All keys but those that say how this file, of one part, is laid out. */
static hearth_status copy_metadata(gguf_writer *w, const gguf_file *file, hearth_error *error)
{
    static const char *const own[] = {"general.alignment", "split.no", "split.count", "split.tensors.count"};
    return gguf_write_copy_but(w, file, own, sizeof own / sizeof own[0], error);
}

/* ---- the data ---- */

static hearth_status write_places(lossless_writer *w, const lossless_tensor *t, hearth_error *error)
{
    const size_t bytes = lossless_places_bytes(t->panels);
    uint8_t *places = mem_calloc(1, bytes);
    if (places == NULL) {
        return error_memory(error, bytes);
    }
    size_t at = bytes;
    for (size_t i = 0; i <= t->panels; i++) {
        lossless_set_place(places, i, places + at);
        at += i < t->panels ? t->sizes[i] : 0;
    }
    const hearth_status status = gguf_writer_data(w->writer, places, bytes, error);
    mem_free(places);
    return status;
}

static hearth_status write_panels(lossless_writer *w, const lossless_tensor *t, hearth_error *error)
{
    const size_t most = lossless_panel_most(t->cols);
    const size_t parts = (size_t)thread_pool_parts(w->o->pool);
    const size_t at_once = PIECE_BYTES / most < parts ? parts : PIECE_BYTES / most;
    w->t = t;
    w->out = mem_alloc_aligned(at_once * most, 64);
    w->raw = mem_alloc_aligned(parts * panel_bytes(DTYPE_BF16, t->cols), 64);
    if (w->out == NULL || w->raw == NULL) {
        return error_memory(error, at_once * most);
    }
    for (w->first = 0; w->first < t->panels; w->first += w->count) {
        w->count = t->panels - w->first < at_once ? t->panels - w->first : at_once;
        thread_pool_run(w->o->pool, pack_part, w);
        uint64_t rows = 0;
        for (size_t i = 0; i < w->count; i++) {
            const uint8_t *ignored[PANEL_ROWS];
            rows += rows_of(t, w->first + i, ignored);
            TRY(gguf_writer_data(w->writer, w->out + i * most, t->sizes[w->first + i], error));
        }
        TRY(tell(w, rows * t->cols * 2, error));
    }
    return HEARTH_OK;
}

static hearth_status write_tensor(lossless_writer *w, const lossless_tensor *t, hearth_error *error)
{
    const tensor_entry *e = t->from;
    if (t->sizes != NULL) {
        TRY(write_places(w, t, error));
        const hearth_status status = write_panels(w, t, error);
        mem_free(w->out);
        mem_free(w->raw);
        w->out = NULL;
        w->raw = NULL;
        return status;
    }
    for (uint64_t at = 0; at < e->size_bytes;) {
        const uint64_t left = e->size_bytes - at;
        const size_t length = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        TRY(gguf_writer_data(w->writer, e->data + at, length, error));
        TRY(tell(w, length, error));
        at += length;
    }
    return HEARTH_OK;
}

static hearth_status write_all(lossless_writer *w, const char *out, quantize_result *r, hearth_error *error)
{
    TRY(copy_metadata(w->writer, r->file, error));
    TRY(plan(w, r, error));
    TRY(gguf_writer_begin(w->writer, out, error));
    for (size_t i = 0; i < r->count; i++) {
        TRY(write_tensor(w, &w->tensors[i], error));
    }
    return gguf_writer_finish(w->writer, error);
}

hearth_status quantize_lossless(const char *path, const char *out, const quantize_options *options,
                                quantize_result *ret, hearth_error *error)
{
    quantize_result r = {0};
    lossless_writer w = {.o = options};
    hearth_status status = HEARTH_OK;
    if (file_is_folder(path)) {
        status = error_set(error, HEARTH_E_UNSUPPORTED, NULL, "a GGUF file (hearth convert makes one)", "a folder");
    } else {
        status = gguf_open(path, &r.file, error);
    }
    if (status == HEARTH_OK) {
        w.writer = gguf_writer_create();
        status = w.writer == NULL ? error_memory(error, 0) : write_all(&w, out, &r, error);
    }
    gguf_writer_free(w.writer);
    for (size_t i = 0; w.tensors != NULL && i < r.count; i++) {
        mem_free(w.tensors[i].sizes);
    }
    mem_free(w.tensors);
    if (status != HEARTH_OK) {
        quantize_result_free(&r);
        error_in_file(error, path);
        return status;
    }
    *ret = r;
    return HEARTH_OK;
}
