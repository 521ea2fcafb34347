/* The statistics: entries by name, weights out of them, llama.cpp's files. */
#include "convert/importance.h"

#include "base/memory.h"
#include "formats/gguf_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUMS ".in_sum2"
#define COUNTS ".counts"
#define LEAST 1e-4 /* of the mean: an input that the text never used may be used by another one */

void importance_free(importance *i)
{
    if (i == NULL) {
        return;
    }
    for (size_t e = 0; e < i->count; e++) {
        mem_free(i->entries[e].name);
        mem_free(i->entries[e].sums);
        mem_free(i->entries[e].tokens);
    }
    mem_free(i->entries);
    mem_free(i);
}

hearth_status importance_add(importance *i, const char *name, size_t length, size_t count, size_t cols,
                             hearth_error *error)
{
    importance_entry *entries = mem_realloc(i->entries, (i->count + 1) * sizeof *entries);
    size_t values = 0;
    if (entries == NULL || !size_mul(count, cols, &values)) {
        i->entries = entries != NULL ? entries : i->entries;
        return error_memory(error, sizeof *entries);
    }
    i->entries = entries;
    importance_entry *e = &entries[i->count];
    *e = (importance_entry){.name = mem_alloc(length + 1),
                            .cols = cols,
                            .count = count,
                            .sums = mem_calloc(values, sizeof *e->sums),
                            .tokens = mem_calloc(count, sizeof *e->tokens)};
    i->count++;
    if (e->name == NULL || e->sums == NULL || e->tokens == NULL) {
        return error_memory(error, values * sizeof *e->sums);
    }
    memcpy(e->name, name, length);
    e->name[length] = '\0';
    return HEARTH_OK;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const importance_entry *)a)->name, ((const importance_entry *)b)->name);
}

void importance_sort(importance *i)
{
    if (i->count > 1) {
        qsort(i->entries, i->count, sizeof *i->entries, compare_entries);
    }
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const importance_entry *)entry)->name);
}

importance_entry *importance_find(const importance *i, const char *name)
{
    return i->count == 0 ? NULL : bsearch(name, i->entries, i->count, sizeof *i->entries, compare_name);
}

/* ---- weights ---- */

/* Means of squares, scaled so that their mean is 1; ones where an expert saw nothing. */
static void weigh_matrix(const double *sums, double tokens, size_t cols, float *ret)
{
    double mean = 0;
    for (size_t c = 0; c < cols; c++) {
        mean += sums[c];
    }
    mean /= (double)cols;
    for (size_t c = 0; c < cols; c++) {
        const double weight = tokens > 0 && mean > 0 ? sums[c] / mean : 1.0;
        ret[c] = (float)(weight > LEAST ? weight : LEAST);
    }
}

hearth_status importance_weights(const importance *i, const char *name, size_t matrices, size_t cols, float **ret,
                                 hearth_error *error)
{
    const importance_entry *e = i == NULL ? NULL : importance_find(i, name);
    size_t values = 0;
    *ret = NULL;
    if (e == NULL) {
        return HEARTH_OK;
    }
    if (e->cols != cols || (e->count != matrices && e->count != 1)) {
        char place[PLACE_SIZE];
        char expected[96];
        snprintf(expected, sizeof expected, "statistics of %zu inputs, %zu times", cols, matrices);
        return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", name, strlen(name)), expected,
                         "%zu, %zu times: of another model?", e->cols, e->count);
    }
    float *weights = size_mul(matrices, cols, &values) ? mem_calloc(values, sizeof *weights) : NULL;
    if (weights == NULL) {
        return error_memory(error, values * sizeof *weights);
    }
    for (size_t m = 0; m < matrices; m++) {
        const size_t from = e->count == 1 ? 0 : m;
        weigh_matrix(e->sums + from * cols, e->tokens[from], cols, weights + m * cols);
    }
    *ret = weights;
    return HEARTH_OK;
}

/* ---- files ---- */

static float float_at(const uint8_t *data, size_t index)
{
    float value;
    memcpy(&value, data + 4 * index, 4);
    return value;
}

static hearth_status check_sums(const tensor_entry *sums, const tensor_entry *counts, hearth_error *error)
{
    char place[PLACE_SIZE];
    (void)place_name(place, "tensor", sums->name, strlen(sums->name));
    if (counts == NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, "a tensor " COUNTS " beside it", "none");
    }
    const uint64_t matrices = sums->size_bytes / 4 / sums->shape[sums->dims - 1];
    if (sums->type != DTYPE_F32 || counts->type != DTYPE_F32 || counts->size_bytes / 4 != matrices) {
        return error_set(error, HEARTH_E_FORMAT, place, "sums and counts in F32, a count for each matrix",
                         "%llu matrices, %llu counts", (unsigned long long)matrices,
                         (unsigned long long)(counts->size_bytes / 4));
    }
    return HEARTH_OK;
}

static hearth_status load_entry(importance *i, const tensor_table *table, const tensor_entry *sums, hearth_error *error)
{
    char name[LIMIT_TENSOR_NAME_BYTES + sizeof COUNTS];
    const size_t length = strlen(sums->name) - strlen(SUMS);
    snprintf(name, sizeof name, "%.*s" COUNTS, (int)length, sums->name);
    const tensor_entry *counts = tensor_table_find(table, name);
    TRY(check_sums(sums, counts, error));
    const size_t cols = (size_t)sums->shape[sums->dims - 1];
    TRY(importance_add(i, sums->name, length, (size_t)(counts->size_bytes / 4), cols, error));
    importance_entry *e = &i->entries[i->count - 1];
    for (size_t v = 0; v < e->count * e->cols; v++) {
        e->sums[v] = (double)float_at(sums->data, v);
        if (!(e->sums[v] >= 0 && e->sums[v] <= 1e38)) {
            char place[PLACE_SIZE];
            return error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", sums->name, strlen(sums->name)),
                             "sums of squares", "%g at %zu", e->sums[v], v);
        }
    }
    for (size_t m = 0; m < e->count; m++) {
        e->tokens[m] = (double)float_at(counts->data, m);
    }
    return HEARTH_OK;
}

static hearth_status load_all(const gguf_file *file, importance *i, hearth_error *error)
{
    const tensor_table *table = gguf_tensors(file);
    for (size_t t = 0; t < table->count; t++) {
        const size_t length = strlen(table->entries[t].name);
        if (length > strlen(SUMS) && strcmp(table->entries[t].name + length - strlen(SUMS), SUMS) == 0) {
            TRY(load_entry(i, table, &table->entries[t], error));
        }
    }
    if (i->count == 0) {
        return error_set(error, HEARTH_E_FORMAT, "tensors", "statistics of importance: tensors named …" SUMS, "none");
    }
    importance_sort(i);
    return HEARTH_OK;
}

hearth_status importance_load(const char *path, importance **ret, hearth_error *error)
{
    gguf_file *file = NULL;
    importance *i = mem_calloc(1, sizeof *i);
    hearth_status status = i == NULL ? error_memory(error, sizeof *i) : gguf_open(path, &file, error);
    if (status == HEARTH_OK) {
        status = load_all(file, i, error);
    }
    gguf_close(file);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        importance_free(i);
        return status;
    }
    *ret = i;
    return HEARTH_OK;
}

/* Entries that saw something: readers divide by the counts. */
static bool is_written(const importance_entry *e)
{
    bool any = false;
    for (size_t m = 0; m < e->count; m++) {
        any = any || e->tokens[m] > 0;
    }
    return any;
}

static hearth_status write_values(gguf_writer *w, const double *values, size_t count, hearth_error *error)
{
    for (size_t v = 0; v < count; v++) {
        const float value = (float)values[v];
        TRY(gguf_writer_data(w, &value, sizeof value, error));
    }
    return HEARTH_OK;
}

static hearth_status declare(gguf_writer *w, const importance *i, const char *source, hearth_error *error)
{
    const gguf_string text = {source, strlen(source)};
    TRY(gguf_write_string(w, "general.type", "imatrix", strlen("imatrix"), error));
    TRY(gguf_write_strings(w, "imatrix.datasets", &text, 1, error));
    TRY(gguf_write_u32(w, "imatrix.chunk_count", i->windows, error));
    TRY(gguf_write_u32(w, "imatrix.chunk_size", i->window, error));
    for (size_t n = 0; n < i->count; n++) {
        const importance_entry *e = &i->entries[n];
        char name[LIMIT_TENSOR_NAME_BYTES + 16];
        const uint64_t sums[2] = {e->count, e->cols};
        const uint64_t counts[2] = {e->count, 1};
        if (!is_written(e)) {
            continue;
        }
        snprintf(name, sizeof name, "%s" SUMS, e->name);
        TRY(gguf_write_tensor(w, name, DTYPE_F32, 2, sums, error));
        snprintf(name, sizeof name, "%s" COUNTS, e->name);
        TRY(gguf_write_tensor(w, name, DTYPE_F32, 2, counts, error));
    }
    return HEARTH_OK;
}

static hearth_status save_all(gguf_writer *w, const importance *i, const char *source, const char *path,
                              hearth_error *error)
{
    TRY(declare(w, i, source, error));
    TRY(gguf_writer_begin(w, path, error));
    for (size_t n = 0; n < i->count; n++) {
        const importance_entry *e = &i->entries[n];
        if (is_written(e)) {
            TRY(write_values(w, e->sums, e->count * e->cols, error));
            TRY(write_values(w, e->tokens, e->count, error));
        }
    }
    return gguf_writer_finish(w, error);
}

hearth_status importance_save(const importance *i, const char *source, const char *path, hearth_error *error)
{
    gguf_writer *w = gguf_writer_create();
    const hearth_status status = w == NULL ? error_memory(error, 0) : save_all(w, i, source, path, error);
    gguf_writer_free(w);
    return status;
}
