/* Models from one container to the other: Hugging Face folders to GGUF files and back. docs/convert.md. */
#ifndef CONVERT_CONVERT_H
#define CONVERT_CONVERT_H

#include "base/progress.h"
#include "kernels/kernels.h"

#include "base/error.h"

typedef struct convert_options {
    /* F32, F16 or BF16; DTYPE_LIMIT: as the source has it: what only the source's container can hold becomes F32, or in
     * GGUF a format that holds it exactly */
    dtype type;
    uint64_t shard_bytes; /* of safetensors files, the last tensor may pass it; 0: one file */
    const kernel_table *kernels;
    progress_fn progress; /* NULL: none */
    void *progress_context;
} convert_options;

typedef struct convert_result {
    bool to_gguf;
    const char *family; /* "Qwen 3" */
    dtype type;         /* of the matrices */
    size_t tensors, files;
    size_t dequantized; /* tensors that were quantised and are no more */
    size_t left_out; /* tensors of the source that a model of text does not read: of other parts, of further tokens */
    uint64_t bytes;  /* of the tensors' data */
} convert_result;

/* `path`: a folder becomes a GGUF file at `out`, a GGUF file a folder; nothing may be at `out`, and nothing is there
 * until all of it is. HEARTH_E_UNSUPPORTED where the other container cannot say what the model is. */
hearth_status convert_model(const char *path, const char *out, const convert_options *options, convert_result *ret,
                            hearth_error *error);

#endif
