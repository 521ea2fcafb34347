/* The models on this machine: Hugging Face's cache, Ollama's store, the local store and the program's cache. What a
 * row's name says is what model_locate finds. docs/hub.md. */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include "base/error.h"
#include "base/progress.h"
#include "formats/model_name.h"

typedef enum store_kind { STORE_HF, STORE_OLLAMA, STORE_LOCAL, STORE_CACHE } store_kind;

typedef struct store_model {
    store_kind kind;
    char *name;                     /* to call it by */
    char *path;                     /* a snapshot, a file or a folder */
    char *owner;                    /* what removing works on: a repository's folder, a manifest, a file or a folder */
    char *member;                   /* one file of a snapshot that has several models; NULL: all of it */
    char revision[MODEL_NAME_LONG]; /* "" where the store has none */
    char commit[80];                /* a commit, or a digest with its kind; "" */
    char format[48];                /* "GGUF Q4_K", "safetensors BF16", "incomplete" */
    uint64_t bytes;
    int64_t when_s; /* seconds since 1970 that it was put there */
} store_model;

typedef struct store_list {
    store_model *models; /* sorted by name */
    size_t count;
} store_list;

const char *store_kind_name(store_kind kind);

/* What cannot be read is left out, or "incomplete". */
hearth_status store_list_models(store_list *ret, hearth_error *error);
/* Zeroed ones are allowed. */
void store_list_free(store_list *list);

typedef struct store_removed {
    char **paths;
    size_t count;
    uint64_t bytes; /* that became free */
} store_removed;
void store_removed_free(store_removed *removed);

/* Removes the model of a row's name and what nothing else uses. Never follows a link out of a store.
 * HEARTH_E_NOT_FOUND; HEARTH_E_ARGUMENT while another process fetches it. */
hearth_status store_remove(const char *name, store_removed *ret, hearth_error *error);

/* Removes what no model uses and what was begun, not ended and not touched for `hours`; only tells with `dry_run`. What
 * another process works on stays. */
hearth_status store_prune(double hours, bool dry_run, store_removed *ret, hearth_error *error);

#endif
