/* What `hearth plan` works out: what a model needs, what this machine gives, how fast that can be, how to split it. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/bench.h"

#include "model/sizes.h"

enum { PLAN_FORMATS = 10, PLAN_MACHINES_MOST = 1024 };

/* The formats of the table, --type's choices and their ids. */
extern const char *const plan_format_names[PLAN_FORMATS + 1];
extern const dtype plan_formats[PLAN_FORMATS];

/* What is planned: a file or a folder with weights, or a configuration alone. */
typedef struct plan_source {
    char *path;
    gguf_file *gguf;
    hf_folder *hf;
    const tensor_table *tensors; /* NULL: none, or none that can be read */
    model_config config;
} plan_source;

/* MODEL as everywhere, or a file NAME.json: a configuration alone. Weights that cannot be read are left out with a
 * remark. */
hearth_status plan_open(const cli *c, const char *name, plan_source *ret, hearth_error *error);
/* Zeroed and half-opened ones are allowed. */
void plan_close(plan_source *source);
/* The path of the largest file of the weights, or NULL. */
const char *plan_largest_file(const plan_source *source);

typedef struct plan_machine {
    uint64_t memory; /* bytes that weights and caches may take */
    cache_type cache;
    int threads;
    bench_limits limits;
    double disk; /* GB/s; 0: not known */
    bool disk_given;
} plan_machine;

/* A machine's part: layers [first, first + count). */
typedef struct plan_share {
    uint32_t first, count;
    uint64_t weights, cache;
} plan_share;

typedef struct plan_result {
    uint64_t parameters, active_parameters;
    dtype type; /* DTYPE_LIMIT: as the files are */
    uint64_t weights, file_bytes;
    uint64_t cache;          /* of `context` positions */
    double token_bytes;      /* weights, and keys and values of the context, that a token reads from memory */
    double token_disk_bytes; /* of them those that come from the file; 0: all is in memory */
    bool fits;
    double decode, decode_from_disk; /* tokens per second at most; 0: not known */
    double prefill;
    uint32_t machines_needed; /* like this one, to hold it in memory; 0: a layer alone does not fit */
    plan_share *shares;       /* [machines] */
    uint32_t machines;
} plan_result;

/* `machines` 0: no split. Free with plan_result_free. */
hearth_status plan_make(const plan_source *source, const model_sizes *sizes, dtype type, const plan_machine *machine,
                        size_t context, size_t machines, plan_result *ret, hearth_error *error);
void plan_result_free(plan_result *r);

/* Bytes of the cache of a position more, all layers; sums as model_config_cache_bytes. */
uint64_t plan_cache_bytes(const model_config *c, size_t positions, cache_type type);

/* NULL when memory is out. */
json_t *plan_json(const plan_source *source, const plan_machine *machine, const plan_result *r, size_t context);

/* The table's row of a format: false where the sizes pass 64 bits. */
typedef struct plan_row {
    const char *name;
    uint64_t file_bytes, bytes;
    double token_bytes;
} plan_row;
bool plan_format_row(const plan_source *source, size_t index, plan_row *ret);

#endif
