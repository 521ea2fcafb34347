/* What the user calls a model, resolved to a path. docs/formats/hf.md, "Where models are looked for". */
#ifndef MODEL_LOCATE_H
#define MODEL_LOCATE_H

#include "base/error.h"

/* *ret_path: a GGUF file or a Hugging Face folder (mem_free). `name` is, in this order,
 *   a path to a file or a folder (of a folder with no safetensors, its only GGUF file),
 *   NAME or NAME.gguf in the local store, $XDG_DATA_HOME/openhearth/models,
 *   NAME or NAME.gguf in the cache, $XDG_CACHE_HOME/openhearth (where the demo keeps its model),
 *   "org/name" in Hugging Face's hub cache (formats/hub_cache.h): the snapshot that refs/main names, else the only one;
 *   "org/name@REVISION" another one; "org/name/FILE" one of its files, "org/name:FILE" too, or a pattern or a
 *   quantisation ("org/name:Q4_K_M"), of which the first file is the model.
 * "hf:…" looks in the hub cache alone, "ollama:…" in Ollama's store (formats/ollama_store.h), "https://…/FILE" in the
 * local store for FILE. docs/hub.md tells how names are taken apart.
 * HEARTH_E_NOT_FOUND names the places. HEARTH_E_ARGUMENT: several GGUF files to choose from, or an empty name. */
hearth_status model_locate(const char *name, char **ret_path, hearth_error *error);

#endif
