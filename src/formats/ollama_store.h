/* The layout of Ollama's store: manifests/HOST/NAMESPACE/NAME/TAG (JSON) and blobs/sha256-HEX. docs/hub.md. */
#ifndef FORMATS_OLLAMA_STORE_H
#define FORMATS_OLLAMA_STORE_H

#include "base/json.h"
#include "formats/model_name.h"

/* $OLLAMA_MODELS, else ~/.ollama/models. Freed with mem_free; NULL when memory is out or neither is said. */
char *ollama_store_folder(void);
/* STORE/manifests/HOST/NAMESPACE/NAME/TAG; NULL when memory is out. */
char *ollama_store_manifest_path(const char *store, const model_name *name);
/* STORE/blobs/sha256-HEX of a digest that ollama_store_is_digest took. */
char *ollama_store_blob_path(const char *store, const char *digest);
/* "sha256:" and 64 lower-case hexadecimal digits: nothing else names a blob. */
bool ollama_store_is_digest(const char *text);

typedef struct ollama_layer {
    char kind[32]; /* what stands behind "application/vnd.ollama.image."; "config" for the configuration, else "" */
    char digest[80];
    uint64_t size;
} ollama_layer;

#define OLLAMA_LAYERS_MOST 256

typedef struct ollama_manifest {
    ollama_layer layers[OLLAMA_LAYERS_MOST]; /* the configuration first, where there is one */
    size_t count;
} ollama_manifest;

/* `where` names the text in the error. HEARTH_E_FORMAT for a digest of another form, a size that is none, and for a
 * manifest without a model. The caller frees *ret with mem_free. */
hearth_status ollama_manifest_parse(const char *text, size_t length, const char *where, ollama_manifest **ret,
                                    hearth_error *error);
/* NULL where there is none of that kind. */
const ollama_layer *ollama_manifest_find(const ollama_manifest *manifest, const char *kind);
/* Reads the manifest of a name in the store; HEARTH_E_NOT_FOUND where none is there. */
hearth_status ollama_store_read(const char *store, const model_name *name, ollama_manifest **ret, hearth_error *error);

#endif
