/* The shape of a model: what config.json or GGUF metadata say, checked against base/limits.h. docs/models.md. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "formats/gguf.h"
#include "formats/hf.h"

/* A row of the table of families (model/families.c): what differs between them is data. */
typedef struct model_family {
    const char *name;              /* for people: "Llama" */
    const char *hf_class;          /* config.json "architectures"[0] */
    const char *gguf_architecture; /* general.architecture; NULL when GGUF files carry another row's */
    bool qkv_bias;                 /* q, k and v have biases whatever config.json says */
    bool permuted;                 /* GGUF keeps rows of Q and K interleaved for RoPE on neighbours */
    bool window_opt_in;            /* sliding_window counts only where use_sliding_window is true */
    double rope_theta;             /* where the file says nothing */
    double eps;                    /* likewise */
} model_family;

const model_family *model_family_by_class(const char *hf_class, size_t length);
const model_family *model_family_by_architecture(const char *architecture, size_t length);
/* "a, b or c": what the table knows, by config.json's classes or by GGUF's architectures; for messages. */
#define MODEL_FAMILY_NAMES_SIZE 192
const char *model_family_names(bool hf_classes, char ret[MODEL_FAMILY_NAMES_SIZE]);

typedef enum rope_kind { ROPE_PLAIN, ROPE_LINEAR, ROPE_LLAMA3, ROPE_FACTORS } rope_kind;
const char *rope_kind_name(rope_kind kind);

typedef struct rope_config {
    rope_kind kind;
    uint32_t dims; /* values of a head that turn; even */
    double theta;
    double factor;                  /* LINEAR, LLAMA3 */
    double low_factor, high_factor; /* LLAMA3 */
    uint32_t original_context;      /* LLAMA3 */
    /* FACTORS: GGUF's tensor rope_freqs.weight, [dims / 2], binary32: each frequency is divided by its factor */
} rope_config;

typedef struct model_config {
    const model_family *family;
    char name[128]; /* general.name, or the folder's name; "" when unknown */
    uint32_t layers;
    uint32_t width;    /* of the residual stream */
    uint32_t heads;    /* query heads */
    uint32_t kv_heads; /* divides heads */
    uint32_t head_dim; /* even */
    uint32_t ffn;      /* inner width of the MLP */
    uint32_t vocabulary;
    uint32_t context; /* positions the model was made for (a sliding window caps it) */
    float eps;        /* of the RMS norms */
    bool tied;        /* the output matrix is the embedding */
    bool qkv_bias, o_bias, mlp_bias;
    rope_config rope;
} model_config;

/* HEARTH_E_UNSUPPORTED for another family, activation or RoPE scaling (named); HEARTH_E_FORMAT or HEARTH_E_LIMIT for
 * numbers that cannot be. */
hearth_status model_config_from_gguf(const gguf_file *file, model_config *ret, hearth_error *error);
hearth_status model_config_from_hf(const hf_folder *folder, model_config *ret, hearth_error *error);

/* Bytes of the KV cache for `positions` (rounded up to the cache's block). `value_bytes`: 4 for binary32, 2 for
 * binary16. UINT64_MAX when it does not fit. */
uint64_t model_config_cache_bytes(const model_config *c, size_t positions, size_t value_bytes);

#endif
