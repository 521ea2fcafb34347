/* How much each input of each matrix matters: mean squares of what a text sends into it. docs/convert.md,
 * "Importance". */
#ifndef CONVERT_IMPORTANCE_H
#define CONVERT_IMPORTANCE_H

#include "base/progress.h"
#include "formats/gguf.h"
#include "model/model.h"

/* Of one tensor: `count` matrices (experts, heads; else 1) of `cols` inputs each. */
typedef struct importance_entry {
    char *name;
    size_t cols, count;
    double *sums;   /* [count][cols]: of squares */
    double *tokens; /* [count]: how many inputs were added up */
} importance_entry;

typedef struct importance {
    importance_entry *entries; /* sorted by name */
    size_t count;
    uint32_t window, windows; /* tokens of one, how many */
} importance;

typedef struct importance_options {
    int32_t first; /* the token that begins every window, or -1 */
    size_t window; /* tokens; 0: IMPORTANCE_WINDOW, or the model's context where that is less */
    progress_fn progress;
    void *progress_context;
} importance_options;

#define IMPORTANCE_WINDOW 512u

/* Runs the tokens through the model in windows that know nothing of each other. The model must have been opened with
 * COMPUTE_F32. */
hearth_status importance_collect(model *m, const int32_t *ids, size_t count, const importance_options *options,
                                 importance **ret, hearth_error *error);

/* llama.cpp's form: a GGUF file with NAME.in_sum2 and NAME.counts. */
hearth_status importance_load(const char *path, importance **ret, hearth_error *error);
hearth_status importance_save(const importance *i, const char *source, const char *path, hearth_error *error);
void importance_free(importance *i);

/* *ret: [matrices][cols] weights, their mean 1 in each matrix, or NULL where nothing is known (mem_free).
 * HEARTH_E_FORMAT where the statistics are of another shape. */
hearth_status importance_weights(const importance *i, const char *name, size_t matrices, size_t cols, float **ret,
                                 hearth_error *error);

/* NULL for a name that is not there. */
importance_entry *importance_find(const importance *i, const char *name);
/* An empty entry; they are sorted by importance_sort. HEARTH_E_MEMORY. */
hearth_status importance_add(importance *i, const char *name, size_t length, size_t count, size_t cols,
                             hearth_error *error);
void importance_sort(importance *i);

#endif
