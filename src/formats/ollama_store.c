/* Ollama's store: manifests as the registry gives them, blobs by their SHA-256. */
#include "formats/ollama_store.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digest_prefix[] = "sha256:";
static const char layer_prefix[] = "application/vnd.ollama.image.";

char *ollama_store_folder(void)
{
    const char *store = getenv("OLLAMA_MODELS");
    const char *home = getenv("HOME");
    if (store != NULL && store[0] != '\0') {
        return mem_strdup(store);
    }
    return home != NULL && home[0] != '\0' ? file_join(home, ".ollama/models") : NULL;
}

char *ollama_store_manifest_path(const char *store, const model_name *name)
{
    return text_format("%s/manifests/%s/%s/%s/%s", store, name->host[0] != '\0' ? name->host : OLLAMA_HOST, name->owner,
                       name->name, name->revision);
}

bool ollama_store_is_digest(const char *text)
{
    return text_starts(text, digest_prefix) && text_is_hex(text + sizeof digest_prefix - 1, 64);
}

char *ollama_store_blob_path(const char *store, const char *digest)
{
    return text_format("%s/blobs/sha256-%s", store, digest + sizeof digest_prefix - 1);
}

static hearth_status wrong(const char *where, const char *place, const char *expected, const json_t *found,
                           hearth_error *error)
{
    const char *text = json_is_string(found) ? json_string_value(found) : "something else";
    const hearth_status status =
        error_set(error, HEARTH_E_FORMAT, place, expected, "%.100s", found == NULL ? "nothing" : text);
    error_in_file(error, where);
    return status;
}

static hearth_status read_layer(const json_t *value, const char *kind, size_t index, const char *where,
                                ollama_manifest *made, hearth_error *error)
{
    char place[48];
    (void)snprintf(place, sizeof place, "%s", "config");
    if (kind == NULL) {
        (void)snprintf(place, sizeof place, "layer %zu", index + 1);
    }
    const json_t *digest = json_object_get(value, "digest");
    const json_t *size = json_object_get(value, "size");
    const json_t *type = json_object_get(value, "mediaType");
    if (!json_is_string(digest) || strlen(json_string_value(digest)) != json_string_length(digest) ||
        !ollama_store_is_digest(json_string_value(digest))) {
        return wrong(where, place, "a digest, sha256: and 64 hexadecimal digits", digest, error);
    }
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        (uint64_t)json_integer_value(size) > LIMIT_DOWNLOAD_BYTES) {
        return wrong(where, place, "a size in bytes", size, error);
    }
    if (made->count == OLLAMA_LAYERS_MOST) {
        const hearth_status status =
            error_set(error, HEARTH_E_LIMIT, "layers", NULL, "more than %d", OLLAMA_LAYERS_MOST);
        error_in_file(error, where);
        return status;
    }
    ollama_layer *layer = &made->layers[made->count++];
    const char *media = json_is_string(type) ? json_string_value(type) : "";
    const char *own = text_starts(media, layer_prefix) ? media + sizeof layer_prefix - 1 : "";
    (void)snprintf(layer->kind, sizeof layer->kind, "%s", kind != NULL ? kind : own);
    (void)snprintf(layer->digest, sizeof layer->digest, "%s", json_string_value(digest));
    layer->size = (uint64_t)json_integer_value(size);
    return HEARTH_OK;
}

static hearth_status read_layers(const json_t *root, const char *where, ollama_manifest *made, hearth_error *error)
{
    const json_t *config = json_object_get(root, "config");
    const json_t *layers = json_object_get(root, "layers");
    if (!json_is_array(layers)) {
        return wrong(where, "layers", "an array", layers, error);
    }
    if (json_is_object(config)) {
        TRY(read_layer(config, "config", 0, where, made, error));
    }
    for (size_t i = 0; i < json_array_size(layers); i++) {
        TRY(read_layer(json_array_get(layers, i), NULL, i, where, made, error));
    }
    if (ollama_manifest_find(made, "model") == NULL) {
        return wrong(where, "layers", "one with a model", NULL, error);
    }
    return HEARTH_OK;
}

hearth_status ollama_manifest_parse(const char *text, size_t length, const char *where, ollama_manifest **ret,
                                    hearth_error *error)
{
    json_t *root = NULL;
    TRY(json_door_parse(text, length, where, &root, error));
    ollama_manifest *made = mem_calloc(1, sizeof *made);
    const hearth_status status =
        made != NULL ? read_layers(root, where, made, error) : error_memory(error, sizeof *made);
    json_decref(root);
    if (status != HEARTH_OK) {
        mem_free(made);
        return status;
    }
    *ret = made;
    return HEARTH_OK;
}

const ollama_layer *ollama_manifest_find(const ollama_manifest *manifest, const char *kind)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->layers[i].kind, kind) == 0) {
            return &manifest->layers[i];
        }
    }
    return NULL;
}

hearth_status ollama_store_read(const char *store, const model_name *name, ollama_manifest **ret, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    char *path = ollama_store_manifest_path(store, name);
    hearth_status status =
        path != NULL ? file_read(path, LIMIT_LISTING_BYTES, &text, error) : error_memory(error, strlen(store));
    if (status == HEARTH_OK) {
        status = ollama_manifest_parse(buffer_text(&text), text.length, path, ret, error);
    }
    buffer_free(&text);
    mem_free(path);
    return status;
}
