/* A model in memory: configuration, weights, tokenizer, chat template. Immutable once open; many sequences may
 * use it. docs/models.md. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/progress.h"
#include "model/config.h"
#include "model/engine.h"
#include "model/weights.h"
#include "tokenizer/tokenizer.h"

typedef struct model_options {
    compute compute;
    model_packing packing;
    lossless_choice lossless;
    uint64_t memory_bytes; /* weights_options */
    bool head;             /* also the head that guesses a further token, where the files have one */
    bool without_weights;  /* configuration, tokenizer, template and the tensor table only (show, tokenize) */
    bool tokenizer_file;   /* `path` may also be a tokenizer's file alone; then only the tokenizer is there */
    const char *encoding;  /* of such a file, see load_tokenizer_file */
    progress_fn progress;  /* NULL: none */
    void *progress_context;
} model_options;

typedef struct model model;
struct model {
    engine *engine; /* borrowed */
    compute compute;
    char *path;
    model_config config;
    model_weights weights; /* empty when opened without */
    tokenizer *tokenizer;  /* NULL when the files carry none (then ids are all there is) */
    char *chat_template;   /* source; NULL when there is none */
    size_t chat_template_length;
    gguf_file *gguf;             /* one of these two is not NULL */
    hf_folder *hf;               /* */
    const tensor_table *tensors; /* of whichever it is */
    /* A layer that guesses the token behind the next one (DeepSeek-V3's multi-token prediction): a model of one layer,
     * which begins with the hidden states of this one (forward_segment) and has its embedding and output. NULL: there
     * is none, or it was not asked for, or the weights do not fit in memory. */
    model *head;
};

/* `path`: a GGUF file, a Hugging Face folder, or a name in the local store (model/locate.h). options may be NULL. */
hearth_status model_open(engine *e, const char *path, const model_options *options, model **ret, hearth_error *error);
/* NULL is allowed. */
void model_close(model *m);

/* Bytes of all tensors of a model that is not opened. */
hearth_status model_tensor_bytes(engine *e, const char *path, uint64_t *ret, hearth_error *error);

/* HEARTH_E_UNSUPPORTED for a model that has no output matrix: it writes no text. */
hearth_status model_needs_head(const model *m, hearth_error *error);

/* Number of weights, and the bytes they take in memory (packed or mapped). */
uint64_t model_parameters(const model *m);

#endif
