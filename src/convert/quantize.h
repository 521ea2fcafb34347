/* A GGUF file's matrices in fewer bits. docs/convert.md, "Quantising". */
#ifndef CONVERT_QUANTIZE_H
#define CONVERT_QUANTIZE_H

#include "base/progress.h"
#include "formats/gguf.h"
#include "kernels/kernels.h"
#include "threads/pool.h"

/* --tensor's PATTERN=TYPE: shell patterns (fnmatch) over tensor names; the first that matches counts. */
typedef struct quantize_override {
    const char *pattern;
    dtype type;
} quantize_override;

typedef struct quantize_options {
    const kernel_table *kernels;
    thread_pool *pool;
    const quantize_override *overrides;
    size_t override_count;
    const struct importance *importance; /* NULL: all inputs count alike */
    progress_fn progress;                /* NULL: none */
    void *progress_context;
} quantize_options;

/* What became of one tensor. */
typedef struct quantize_tensor {
    const char *name; /* borrowed from the open file: see quantize_result */
    dtype from, to;
    uint64_t values, bytes;
    double error;   /* root of the mean squared error over the root of the mean square; 0 where nothing was rounded */
    bool weighted;  /* there were statistics of importance for it */
    bool fell_back; /* the row's length is no multiple of the wanted format's block */
} quantize_tensor;

typedef struct quantize_result {
    quantize_tensor *tensors;
    size_t count;
    uint64_t values, from_bytes, to_bytes;
    gguf_file *file; /* owns the names */
} quantize_result;

/* "Q4_K_M" and the like; a NULL-terminated list of names for --help. */
extern const char *const quantize_names[];
/* A format's name in any case, for --tensor; false for an unknown one. */
bool quantize_format(const char *name, dtype *ret);

/* `kind`: an index into quantize_names. The file appears at `out` when it is whole; nothing may be there. */
hearth_status quantize_model(const char *path, int kind, const char *out, const quantize_options *options,
                             quantize_result *ret, hearth_error *error);
/* The same file with its BF16 matrices in the lossless form (docs/formats/lossless.md): hearth opens it, and its
 * weights and results are the same bits. Of the options' fields pool and progress count. */
hearth_status quantize_lossless(const char *path, const char *out, const quantize_options *options,
                                quantize_result *ret, hearth_error *error);
void quantize_result_free(quantize_result *r);

#endif
