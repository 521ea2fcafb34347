/* Quantising a model: which tensor gets which format, rows by threads, the file. */
#include "convert/quantize.h"

#include "base/memory.h"
#include "convert/quantize_blocks.h"
#include "formats/gguf_write.h"
#include "tensor/matrix.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES ((size_t)4 << 20) /* of the output, at once */

/* ---- kinds of files ---- */

/* `plain` for most matrices, `more` for those whose errors hurt most; llama.cpp's number for general.file_type. */
static const struct kind {
    const char *name;
    dtype plain, more;
    uint32_t file_type;
    enum { MIX_NONE, MIX_SMALL, MIX_MEDIUM } mix;
} kinds[] = {
    {"f32", DTYPE_F32, DTYPE_F32, 0, MIX_NONE},        {"f16", DTYPE_F16, DTYPE_F16, 1, MIX_NONE},
    {"bf16", DTYPE_BF16, DTYPE_BF16, 32, MIX_NONE},    {"q8_0", DTYPE_Q8_0, DTYPE_Q8_0, 7, MIX_NONE},
    {"q4_0", DTYPE_Q4_0, DTYPE_Q6_K, 2, MIX_NONE},     {"q4_1", DTYPE_Q4_1, DTYPE_Q6_K, 3, MIX_NONE},
    {"q5_0", DTYPE_Q5_0, DTYPE_Q6_K, 8, MIX_NONE},     {"q5_1", DTYPE_Q5_1, DTYPE_Q6_K, 9, MIX_NONE},
    {"q4_k_s", DTYPE_Q4_K, DTYPE_Q5_K, 14, MIX_SMALL}, {"q4_k_m", DTYPE_Q4_K, DTYPE_Q6_K, 15, MIX_MEDIUM},
    {"q5_k_s", DTYPE_Q5_K, DTYPE_Q5_K, 16, MIX_SMALL}, {"q5_k_m", DTYPE_Q5_K, DTYPE_Q6_K, 17, MIX_MEDIUM},
    {"q6_k", DTYPE_Q6_K, DTYPE_Q6_K, 18, MIX_NONE},
};

const char *const quantize_names[] = {"f32",  "f16",    "bf16",   "q8_0",   "q4_0",   "q4_1", "q5_0",
                                      "q5_1", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k", NULL};

bool quantize_format(const char *name, dtype *ret)
{
    for (uint32_t id = 0; id < DTYPE_LIMIT; id++) {
        const dtype_info *info = dtype_get_info(id);
        if (info != NULL && strcasecmp(info->name, name) == 0) {
            *ret = (dtype)id;
            return true;
        }
    }
    return false;
}

static bool ends_in(const char *name, const char *tail)
{
    const size_t length = strlen(name);
    const size_t size = strlen(tail);
    return length >= size && strcmp(name + length - size, tail) == 0;
}

/* Vectors, norms, routers, positions: small, and everything passes through them. */
static bool stays(const tensor_entry *e)
{
    return e->dims < 2 || ends_in(e->name, "_norm.weight") || ends_in(e->name, ".ffn_gate_inp.weight") ||
           ends_in(e->name, ".ffn_gate_inp_shexp.weight") || ends_in(e->name, ".ssm_conv1d.weight") ||
           strcmp(e->name, "position_embd.weight") == 0;
}

static unsigned layer_of(const char *name)
{
    unsigned layer = 0;
    return sscanf(name, "blk.%u.", &layer) == 1 ? layer : 0;
}

/* The layers at both ends, and every third between. */
static bool is_prominent(unsigned layer, unsigned layers)
{
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

static dtype wanted_type(const struct kind *kind, const tensor_entry *e, unsigned layers, bool tied)
{
    const bool values = ends_in(e->name, ".attn_v.weight");
    const bool down = ends_in(e->name, ".ffn_down.weight") || ends_in(e->name, ".ffn_down_exps.weight");
    const unsigned layer = layer_of(e->name);
    if (strcmp(e->name, "output.weight") == 0 || (tied && strcmp(e->name, "token_embd.weight") == 0)) {
        return quantize_known(kind->plain) && kind->plain != DTYPE_Q8_0 ? DTYPE_Q6_K : kind->plain;
    }
    if (kind->mix == MIX_MEDIUM && (values || down)) {
        return is_prominent(layer, layers) ? kind->more : kind->plain;
    }
    if (kind->mix == MIX_SMALL && (values || down)) {
        return layer < (values ? 4 : layers / 8) ? kind->more : kind->plain;
    }
    return kind->plain;
}

/* What takes the place of a format whose blocks do not divide a row. */
static dtype fall_back(dtype type, uint64_t cols)
{
    if (cols % dtype_get_info((uint32_t)type)->block_values == 0) {
        return type;
    }
    const dtype smaller = type == DTYPE_Q4_K   ? DTYPE_Q5_0
                          : type == DTYPE_Q5_K ? DTYPE_Q5_1
                          : type == DTYPE_Q6_K ? DTYPE_Q8_0
                                               : DTYPE_F16;
    return cols % dtype_get_info((uint32_t)smaller)->block_values == 0 ? smaller : DTYPE_F16;
}

static dtype choose(const struct kind *kind, const tensor_entry *e, unsigned layers, bool tied,
                    const quantize_options *o, bool *ret_fell_back)
{
    dtype type = stays(e) ? e->type : wanted_type(kind, e, layers, tied);
    for (size_t i = 0; i < o->override_count; i++) {
        if (fnmatch(o->overrides[i].pattern, e->name, 0) == 0) {
            type = o->overrides[i].type;
            break;
        }
    }
    const dtype fits = fall_back(type, e->shape[e->dims - 1]);
    *ret_fell_back = fits != type;
    return fits;
}

/* ---- rows, by all threads ---- */

typedef struct row_work {
    const quantize_options *o;
    const tensor_entry *from;
    dtype to;
    size_t cols, first, count;
    size_t from_bytes, to_bytes; /* of a row */
    uint8_t *out;
    double *errors, *squares; /* [count] */
    float *values, *back;     /* [parts][cols] each */
    uint8_t *scratch;         /* [parts][scratch_bytes] */
    size_t scratch_bytes;
} row_work;

static void decode_row(const row_work *w, dtype type, const uint8_t *row, float *out, void *scratch)
{
    if (type == DTYPE_F32) {
        memcpy(out, row, w->cols * sizeof *out);
        return;
    }
    if (type == DTYPE_F16 || type == DTYPE_BF16) {
        for (size_t i = 0; i < w->cols; i++) {
            uint16_t half = 0;
            memcpy(&half, row + 2 * i, 2);
            out[i] = type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
        }
        return;
    }
    const matrix over = matrix_over(type, 1, w->cols, row, NULL);
    matrix_row(w->o->kernels, &over, 0, out, scratch);
}

static void encode_row(const row_work *w, const float *values, uint8_t *out)
{
    if (w->to == DTYPE_F32) {
        memcpy(out, values, w->cols * sizeof *values);
    } else if (w->to == DTYPE_F16 || w->to == DTYPE_BF16) {
        for (size_t i = 0; i < w->cols; i++) {
            const uint16_t half = w->to == DTYPE_F16 ? f16_from_f32(values[i]) : bf16_from_f32(values[i]);
            memcpy(out + 2 * i, &half, 2);
        }
    } else {
        quantize_row(w->to, values, NULL, w->cols, out);
    }
}

static void quantize_part(void *context, int part, int parts)
{
    const row_work *w = context;
    const thread_range range = thread_split(w->count, 1, part, parts);
    float *values = w->values + (size_t)part * w->cols;
    float *back = w->back + (size_t)part * w->cols;
    uint8_t *scratch = w->scratch + (size_t)part * w->scratch_bytes;
    for (size_t row = range.begin; row < range.end; row++) {
        uint8_t *out = w->out + row * w->to_bytes;
        double error = 0;
        double square = 0;
        decode_row(w, w->from->type, w->from->data + (w->first + row) * w->from_bytes, values, scratch);
        encode_row(w, values, out);
        decode_row(w, w->to, out, back, scratch);
        for (size_t i = 0; i < w->cols; i++) {
            const double off = (double)back[i] - (double)values[i];
            error += off * off;
            square += (double)values[i] * (double)values[i];
        }
        w->errors[row] = error;
        w->squares[row] = square;
    }
}

/* ---- one tensor ---- */

typedef struct quantizer {
    const quantize_options *o;
    gguf_writer *writer;
    uint64_t done, total;
} quantizer;

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
    for (uint64_t at = 0; at < e->size_bytes;) {
        const uint64_t left = e->size_bytes - at;
        const size_t length = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        TRY(gguf_writer_data(q->writer, e->data + at, length, error));
        TRY(tell(q, length, error));
        at += length;
    }
    return HEARTH_OK;
}

static hearth_status run_rows(quantizer *q, row_work *w, size_t rows, size_t at_once, quantize_tensor *ret,
                              hearth_error *error)
{
    double off = 0;
    double square = 0;
    for (w->first = 0; w->first < rows; w->first += w->count) {
        w->count = rows - w->first < at_once ? rows - w->first : at_once;
        thread_pool_run(q->o->pool, quantize_part, w);
        for (size_t i = 0; i < w->count; i++) { /* in order: the sums do not see the threads */
            off += w->errors[i];
            square += w->squares[i];
        }
        TRY(gguf_writer_data(q->writer, w->out, w->count * w->to_bytes, error));
        TRY(tell(q, w->count * w->from_bytes, error));
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
    const size_t parts = (size_t)thread_pool_parts(q->o->pool);
    row_work w = {.o = q->o,
                  .from = e,
                  .to = ret->to,
                  .cols = cols,
                  .from_bytes = (size_t)(e->size_bytes / rows),
                  .to_bytes = (size_t)(ret->bytes / rows),
                  .scratch_bytes = size_round_up(MATMUL_SCRATCH_BYTES + cols * 16 * sizeof(float), 64)};
    size_t at_once = PIECE_BYTES / w.to_bytes;
    at_once = at_once < parts ? parts : at_once;
    at_once = at_once < rows ? at_once : rows;
    w.out = mem_calloc(at_once, w.to_bytes);
    w.errors = mem_calloc(at_once, sizeof *w.errors);
    w.squares = mem_calloc(at_once, sizeof *w.squares);
    w.values = mem_calloc(parts * cols, sizeof *w.values);
    w.back = mem_calloc(parts * cols, sizeof *w.back);
    w.scratch = mem_alloc_aligned(parts * w.scratch_bytes, 64);
    const bool whole = w.out != NULL && w.errors != NULL && w.squares != NULL && w.values != NULL && w.back != NULL &&
                       w.scratch != NULL;
    const hearth_status status =
        whole ? run_rows(q, &w, rows, at_once, ret, error) : error_memory(error, parts * w.scratch_bytes);
    mem_free(w.out);
    mem_free(w.errors);
    mem_free(w.squares);
    mem_free(w.values);
    mem_free(w.back);
    mem_free(w.scratch);
    return status;
}

/* ---- the file ---- */

static hearth_status copy_metadata(gguf_writer *w, const gguf_file *file, uint32_t file_type, hearth_error *error)
{
    static const char *const own[] = {"general.file_type", "general.quantization_version",
                                      "general.alignment", "split.no",
                                      "split.count",       "split.tensors.count"};
    for (size_t i = 0; i < gguf_metadata_count(file); i++) {
        const gguf_string key = gguf_metadata_key(file, i);
        bool copied = true;
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
            copied = copied && !(key.length == strlen(own[k]) && memcmp(key.text, own[k], key.length) == 0);
        }
        if (copied) {
            TRY(gguf_write_copy(w, file, i, error));
        }
    }
    TRY(gguf_write_u32(w, "general.file_type", file_type, error));
    return gguf_write_u32(w, "general.quantization_version", 2, error);
}

static hearth_status plan(const struct kind *kind, const quantize_options *o, quantize_result *r, gguf_writer *w,
                          hearth_error *error)
{
    const tensor_table *table = gguf_tensors(r->file);
    const bool tied = tensor_table_find(table, "output.weight") == NULL;
    unsigned layers = 0;
    for (size_t i = 0; i < table->count; i++) {
        const unsigned layer = layer_of(table->entries[i].name);
        layers = layer + 1 > layers ? layer + 1 : layers;
    }
    r->tensors = mem_calloc(table->count + 1, sizeof *r->tensors);
    if (r->tensors == NULL) {
        return error_memory(error, table->count * sizeof *r->tensors);
    }
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        quantize_tensor *t = &r->tensors[r->count++];
        char place[PLACE_SIZE];
        *t = (quantize_tensor){.name = e->name, .from = e->type, .values = 1};
        t->to = choose(kind, e, layers, tied, o, &t->fell_back);
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

static hearth_status write_all(const struct kind *kind, const char *out, const quantize_options *o, quantize_result *r,
                               gguf_writer *w, hearth_error *error)
{
    TRY(copy_metadata(w, r->file, kind->file_type, error));
    TRY(plan(kind, o, r, w, error));
    TRY(gguf_writer_begin(w, out, error));
    quantizer q = {.o = o, .writer = w, .total = r->from_bytes};
    for (size_t i = 0; i < r->count; i++) {
        TRY(quantize_one(&q, &gguf_tensors(r->file)->entries[i], &r->tensors[i], error));
    }
    return gguf_writer_finish(w, error);
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
        status = w == NULL ? error_memory(error, 0) : write_all(&kinds[kind], out, options, &r, w, error);
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
