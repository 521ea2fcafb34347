/* Quantising a model: the plan, then tensor after tensor into the file. */
#include "convert/quantize.h"

#include "base/memory.h"
#include "convert/importance.h"
#include "convert/quantize_choice.h"
#include "convert/quantize_rows.h"
#include "formats/gguf_write.h"
#include "kernels/lossless.h"

#include <math.h>
#include <string.h>

#define PIECE_BYTES ((size_t)4 << 20) /* of what is copied, at once */

/* ---- one tensor ---- */

/* What a run makes is written while the next one, or the next tensor's, is computed: two rooms take turns. */
typedef struct quantizer {
    const quantize_options *o;
    gguf_writer *writer;
    uint64_t done, total;
    uint8_t *rooms[2];
    size_t room_bytes[2];
    int turn; /* the room of the next run */
    const uint8_t *pending;
    size_t pending_bytes;
    hearth_status written; /* of the last write that a run did beside */
    hearth_error *error;
} quantizer;

static void write_pending(void *context)
{
    quantizer *q = context;
    if (q->pending_bytes != 0) {
        q->written = gguf_writer_data(q->writer, q->pending, q->pending_bytes, q->error);
        q->pending_bytes = 0;
    }
}

static hearth_status tell(quantizer *q, uint64_t bytes, hearth_error *error)
{
    const quantize_options *o = q->o;
    q->done += bytes;
    if (o->progress != NULL && !o->progress(o->progress_context, "quantising", q->done, q->total, "B")) {
        return error_set(error, HEARTH_E_CANCELLED, "quantising", NULL, "the caller's stop");
    }
    return HEARTH_OK;
}

static hearth_status copy_tensor(quantizer *q, const tensor_entry *e, hearth_error *error)
{
    write_pending(q);
    TRY(q->written);
    for (uint64_t at = 0; at < e->size_bytes;) {
        const uint64_t left = e->size_bytes - at;
        const size_t length = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        TRY(gguf_writer_data(q->writer, e->data + at, length, error));
        TRY(tell(q, length, error));
        at += length;
    }
    return HEARTH_OK;
}

/* The room that comes next, and the one after it where a tensor takes more than one run. */
static hearth_status make_room(quantizer *q, const row_work *w, hearth_error *error)
{
    const size_t bytes = row_work_out_bytes(w);
    for (int i = 0; i < (w->at_once < w->panels ? 2 : 1); i++) {
        const int room = i == 0 ? q->turn : 1 - q->turn;
        if (q->room_bytes[room] >= bytes) {
            continue;
        }
        if (q->pending_bytes != 0 && q->pending == q->rooms[room]) {
            write_pending(q);
            TRY(q->written);
        }
        mem_free(q->rooms[room]);
        q->rooms[room] = mem_alloc_aligned(bytes, 64);
        q->room_bytes[room] = q->rooms[room] == NULL ? 0 : bytes;
        if (q->rooms[room] == NULL) {
            return error_memory(error, bytes);
        }
    }
    return HEARTH_OK;
}

static hearth_status run_rows(quantizer *q, row_work *w, quantize_tensor *ret, hearth_error *error)
{
    double off = 0;
    double square = 0;
    for (w->first = 0; w->first < w->panels; w->first += w->count) {
        w->count = w->panels - w->first < w->at_once ? w->panels - w->first : w->at_once;
        w->out = q->rooms[q->turn];
        const size_t rows = row_work_run(w);
        TRY(q->written);
        for (size_t i = 0; i < w->count; i++) { /* in order: the sums do not see the threads */
            off += w->errors[i];
            square += w->squares[i];
        }
        q->pending = w->out;
        q->pending_bytes = rows * w->to_bytes;
        q->turn = 1 - q->turn;
        TRY(tell(q, rows * w->from_bytes, error));
    }
    ret->error = square > 0 ? sqrt(off / square) : 0;
    return HEARTH_OK;
}

static hearth_status quantize_one(quantizer *q, const tensor_entry *e, quantize_tensor *ret, hearth_error *error)
{
    if (e->type == ret->to) {
        return copy_tensor(q, e, error);
    }
    const size_t cols = (size_t)e->shape[e->dims - 1];
    const size_t rows = (size_t)(ret->values / cols);
    row_work w = {.kernels = q->o->kernels,
                  .pool = q->o->pool,
                  .from = e,
                  .to = ret->to,
                  .meanwhile = write_pending,
                  .meanwhile_context = q,
                  .cols = cols,
                  .rows = rows,
                  .rows_each = e->dims < 2 ? 1 : (size_t)e->shape[e->dims - 2],
                  .from_bytes = (size_t)(e->size_bytes / rows),
                  .to_bytes = (size_t)(ret->bytes / rows)};
    float *weights = NULL;
    TRY(importance_weights(q->o->importance, e->name, rows / w.rows_each, cols, &weights, error));
    w.importance = weights;
    ret->weighted = weights != NULL && quantize_known(ret->to);
    hearth_status status = row_work_begin(&w, error);
    if (status == HEARTH_OK) {
        status = make_room(q, &w, error);
    }
    if (status == HEARTH_OK) {
        status = run_rows(q, &w, ret, error);
    }
    row_work_end(&w);
    mem_free(weights);
    return status;
}

/* ---- the file ---- */

static hearth_status copy_metadata(gguf_writer *w, const gguf_file *file, uint32_t file_type, hearth_error *error)
{
    static const char *const own[] = {"general.file_type", "general.quantization_version",
                                      "general.alignment", "split.no",
                                      "split.count",       "split.tensors.count"};
    TRY(gguf_write_copy_but(w, file, own, sizeof own / sizeof own[0], error));
    TRY(gguf_write_u32(w, "general.file_type", file_type, error));
    return gguf_write_u32(w, "general.quantization_version", 2, error);
}

static hearth_status plan(int kind, const quantize_options *o, quantize_result *r, gguf_writer *w, hearth_error *error)
{
    const tensor_table *table = gguf_tensors(r->file);
    choice_model what = choice_look(table);
    what.importance = o->importance != NULL;
    r->tensors = mem_calloc(table->count + 1, sizeof *r->tensors);
    if (r->tensors == NULL) {
        return error_memory(error, table->count * sizeof *r->tensors);
    }
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        quantize_tensor *t = &r->tensors[r->count++];
        char place[PLACE_SIZE];
        *t = (quantize_tensor){.name = e->name, .from = e->type, .values = 1};
        if (e->type == DTYPE_BF16_LOSSLESS) {
            TRY(gguf_lossless_check(e, 0, gguf_lossless_panels(e), error));
        }
        t->to = choice_of(kind, e, &what, o, &t->fell_back);
        for (uint32_t d = 0; d < e->dims; d++) {
            t->values *= e->shape[d];
        }
        TRY(tensor_size_bytes(t->to, e->dims, e->shape, place_name(place, "tensor", e->name, strlen(e->name)),
                              &t->bytes, error));
        TRY(gguf_write_tensor(w, e->name, t->to, e->dims, e->shape, error));
        r->values += t->values;
        r->from_bytes += e->size_bytes;
        r->to_bytes += t->bytes;
    }
    return HEARTH_OK;
}

static hearth_status write_all(int kind, const char *out, const quantize_options *o, quantize_result *r, gguf_writer *w,
                               hearth_error *error)
{
    TRY(copy_metadata(w, r->file, choice_file_type(kind), error));
    TRY(plan(kind, o, r, w, error));
    TRY(gguf_writer_begin(w, out, error));
    quantizer q = {.o = o, .writer = w, .total = r->from_bytes, .written = HEARTH_OK, .error = error};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < r->count && status == HEARTH_OK; i++) {
        status = quantize_one(&q, &gguf_tensors(r->file)->entries[i], &r->tensors[i], error);
    }
    if (status == HEARTH_OK) {
        write_pending(&q);
        status = q.written;
    }
    mem_free(q.rooms[0]);
    mem_free(q.rooms[1]);
    return status != HEARTH_OK ? status : gguf_writer_finish(w, error);
}

hearth_status quantize_model(const char *path, int kind, const char *out, const quantize_options *options,
                             quantize_result *ret, hearth_error *error)
{
    quantize_result r = {0};
    gguf_writer *w = NULL;
    hearth_status status = HEARTH_OK;
    if (file_is_folder(path)) {
        status = error_set(error, HEARTH_E_UNSUPPORTED, NULL, "a GGUF file (hearth convert makes one)", "a folder");
    } else {
        status = gguf_open(path, &r.file, error);
    }
    if (status == HEARTH_OK) {
        w = gguf_writer_create();
        status = w == NULL ? error_memory(error, 0) : write_all(kind, out, options, &r, w, error);
    }
    gguf_writer_free(w);
    if (status != HEARTH_OK) {
        quantize_result_free(&r);
        error_in_file(error, path);
        return status;
    }
    *ret = r;
    return HEARTH_OK;
}

void quantize_result_free(quantize_result *r)
{
    gguf_close(r->file);
    mem_free(r->tensors);
    *r = (quantize_result){0};
}
