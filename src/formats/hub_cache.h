/* The layout of Hugging Face's hub cache: where it is, what a repository's folder is called, which snapshot a revision
 * means. Who reads it and who fills it go by this. docs/hub.md, "Hugging Face's cache". */
#ifndef FORMATS_HUB_CACHE_H
#define FORMATS_HUB_CACHE_H

#include "formats/model_name.h"
#include "platform/file.h"

/* $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub. Freed
 * with mem_free; NULL when memory is out or no variable says a place. */
char *hub_cache_folder(void);
/* $HF_HOME, $XDG_CACHE_HOME/huggingface, ~/.cache/huggingface; the same. */
char *hub_cache_home(void);
/* HUB/models--ORG--NAME. */
char *hub_cache_repository(const char *hub, const model_name *name);
/* "ORG/NAME" of a folder's name "models--ORG--NAME"; false for other folders. */
bool hub_cache_repository_name(const char *folder, char *ret, size_t size);

#define HUB_CACHE_COMMIT 128
/* The commit that refs/REVISION names; false when there is none, or one that is no plain name. */
bool hub_cache_read_ref(const char *repository, const char *revision, char ret[HUB_CACHE_COMMIT]);
/* The folder of a revision: what its ref names, the snapshot of that name, or, for "main" without a ref, the only one.
 * HEARTH_E_NOT_FOUND. */
hearth_status hub_cache_snapshot(const char *repository, const char *revision, char **ret, hearth_error *error);

/* Paths of the files in a folder and its folders, relative to it and sorted; links are files. At most
 * LIMIT_LISTING_FILES, and eight folders deep. */
hearth_status hub_cache_list_files(const char *folder, file_list *ret, hearth_error *error);

#endif
