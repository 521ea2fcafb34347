/* What the user calls a model, taken apart. docs/hub.md, "Names". */
#ifndef FORMATS_MODEL_NAME_H
#define FORMATS_MODEL_NAME_H

#include "base/error.h"

typedef enum model_source {
    MODEL_SOURCE_NONE,   /* a name of the local store, or a path */
    MODEL_SOURCE_HF,     /* [hf:]org/name[@revision][:select], [hf:]org/name/file */
    MODEL_SOURCE_OLLAMA, /* ollama:[[http://]host/][namespace/]name[:tag] */
    MODEL_SOURCE_URL,    /* http://… and https://… */
} model_source;

#define MODEL_NAME_PART 128
#define MODEL_NAME_LONG 520

typedef struct model_name {
    model_source source;
    bool stated;                 /* "hf:", "ollama:" or a scheme stands there */
    bool plain_http;             /* Ollama: http:// stands before the host */
    char host[MODEL_NAME_LONG];  /* Ollama: with its port; "" for Ollama's own registry */
    char owner[MODEL_NAME_PART]; /* organisation or namespace; "" where none is said */
    char name[MODEL_NAME_PART];
    char revision[MODEL_NAME_LONG]; /* branch, tag or commit; Ollama's tag. The default where none is said */
    char select[MODEL_NAME_LONG];   /* a file, a pattern with * ? [ or a quantisation; "" */
    char file[MODEL_NAME_PART];     /* URL: the name of the file, decoded */
} model_name;

#define MODEL_REVISION_MAIN "main"
#define MODEL_TAG_LATEST "latest"
#define OLLAMA_HOST "registry.ollama.ai"
#define OLLAMA_NAMESPACE "library"

/* HEARTH_E_ARGUMENT for a name that says its source and is wrong; one that says none and fits nothing is
 * MODEL_SOURCE_NONE. */
hearth_status model_name_parse(const char *text, model_name *ret, hearth_error *error);

/* A relative path that may be joined to a folder: no part is empty, "." or "..", no backslash, no control character,
 * valid UTF-8, at most LIMIT_FILE_NAME_BYTES. */
bool model_name_is_safe_path(const char *path);

#endif
