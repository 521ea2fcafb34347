/* What the files of hub/store.h share. For hub/ alone. */
#ifndef HUB_STORE_PART_H
#define HUB_STORE_PART_H

#include "hub/store.h"
#include "platform/file.h"

/* Removes a file (not what a link points to), or tells of it alone. What is not there is no error. */
hearth_status store_unlink(const char *path, bool dry_run, store_removed *ret, hearth_error *error);
/* A folder with all that is in it, links as links. */
hearth_status store_unlink_tree(const char *folder, bool dry_run, store_removed *ret, hearth_error *error);

/* The blobs of a repository that a snapshot's link names, sorted ("…" of ../../blobs/…). */
hearth_status store_hf_used(const char *repository, file_list *ret, hearth_error *error);
/* The blobs ("sha256-…") that a manifest of an Ollama store names, sorted. HEARTH_E_FORMAT where one cannot be read:
 * then nobody knows what is unused. */
hearth_status store_ollama_used(const char *store, file_list *ret, hearth_error *error);
bool store_names_have(const file_list *list, const char *name);
/* Removes the blobs of a folder that `used` does not name, no younger than `hours`, their locks free. */
hearth_status store_unlink_unused(const char *blobs, const char *locks, const file_list *used, double hours,
                                  bool dry_run, store_removed *ret, hearth_error *error);
/* The manifests of a store: HOST/NAMESPACE/NAME/TAG. An empty list where there is none. */
hearth_status store_ollama_manifests(const char *store, file_list *ret, hearth_error *error);
/* hub_cache_list_files; an empty list where there is no such folder. */
hearth_status store_files(const char *folder, file_list *ret, hearth_error *error);

#endif
