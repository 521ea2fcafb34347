/* Reading a bundle: its frame, and the statement in it. */
#include "openness/bundle.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "openness/bundle_words.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PIECE 9007199254740992.0 /* 2^53: beyond it a double is no count */

/* ---- the frame ---- */

static hearth_status read_hint(const json_t *key, const char *name, bundle *ret, hearth_error *error)
{
    /* The two others were written before 1.0 and never said anything that counts. */
    static const char *const known[] = {"hint", "rawBytes", "keyDetails", NULL};
    const char *hint = NULL;
    if (!json_is_object(key)) {
        return sign_wrong(name, "publicKey", "an object", key, error);
    }
    TRY(sign_only_keys(key, known, name, error));
    if (json_object_get(key, "hint") == NULL) {
        return HEARTH_OK;
    }
    TRY(sign_text(key, "hint", sizeof ret->hint - 1, name, &hint, error));
    if (!text_is_hex(hint, sizeof ret->hint - 1)) {
        return sign_wrong(name, "hint", "64 hexadecimal digits", json_object_get(key, "hint"), error);
    }
    (void)snprintf(ret->hint, sizeof ret->hint, "%s", hint);
    return HEARTH_OK;
}

static hearth_status read_certificate(const json_t *value, const char *name, bundle *ret, hearth_error *error)
{
    static const char *const known[] = {"rawBytes", NULL};
    buffer der;
    if (!json_is_object(value)) {
        return sign_wrong(name, "certificates", "an array of objects", value, error);
    }
    TRY(sign_only_keys(value, known, name, error));
    buffer_init(&der, 0);
    hearth_status status = sign_bytes(value, "rawBytes", name, &der, error);
    status = status == HEARTH_OK ? sign_chain_add(ret->chain, buffer_text(&der), der.length, name, error) : status;
    buffer_free(&der);
    return status;
}

static hearth_status read_certificates(const json_t *chain, const char *name, bundle *ret, hearth_error *error)
{
    static const char *const known[] = {"certificates", NULL};
    if (!json_is_object(chain)) {
        return sign_wrong(name, "x509CertificateChain", "an object", chain, error);
    }
    TRY(sign_only_keys(chain, known, name, error));
    const json_t *certificates = json_object_get(chain, "certificates");
    if (!json_is_array(certificates) || json_array_size(certificates) == 0) {
        return sign_wrong(name, "certificates", "an array, not empty", certificates, error);
    }
    TRY(sign_chain_create(&ret->chain, error));
    for (size_t i = 0; i < json_array_size(certificates); i++) {
        TRY(read_certificate(json_array_get(certificates, i), name, ret, error));
    }
    return HEARTH_OK;
}

static hearth_status unsupported(const char *name, const char *place, const char *expected, const char *found,
                                 hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_UNSUPPORTED, place, expected, "%s", found);
    error_in_file(error, name);
    return status;
}

static hearth_status read_material(const json_t *material, const char *name, bundle *ret, hearth_error *error)
{
    static const char *const known[] = {"publicKey", "x509CertificateChain", "certificate", "tlogEntries", NULL};
    if (!json_is_object(material)) {
        return sign_wrong(name, "verificationMaterial", "an object", material, error);
    }
    TRY(sign_only_keys(material, known, name, error));
    const json_t *key = json_object_get(material, "publicKey");
    const json_t *chain = json_object_get(material, "x509CertificateChain");
    const json_t *entries = json_object_get(material, "tlogEntries");
    if (json_object_get(material, "certificate") != NULL) {
        return unsupported(name, "verificationMaterial", "a key or a chain of certificates",
                           "a signature without keys (Sigstore's), which hearth does not check", error);
    }
    if (entries != NULL && !json_is_array(entries)) {
        return sign_wrong(name, "tlogEntries", "an array", entries, error);
    }
    if (json_array_size(entries) > 0) {
        return unsupported(name, "tlogEntries", "none beside a key or a chain", "some", error);
    }
    if ((key == NULL) == (chain == NULL)) {
        return sign_wrong(name, "verificationMaterial", "publicKey or x509CertificateChain",
                          key != NULL ? material : NULL, error);
    }
    return key != NULL ? read_hint(key, name, ret, error) : read_certificates(chain, name, ret, error);
}

static hearth_status read_frame(const json_t *value, const char *name, bundle *ret, hearth_error *error)
{
    static const char *const known[] = {"mediaType", "verificationMaterial", "dsseEnvelope", NULL};
    const char *type = NULL;
    if (!json_is_object(value)) {
        return sign_wrong(name, "bundle", "an object", value, error);
    }
    TRY(sign_text(value, "mediaType", 200, name, &type, error));
    if (strcmp(type, BUNDLE_MEDIA_TYPE) != 0) {
        return sign_wrong(name, "mediaType", BUNDLE_MEDIA_TYPE, json_object_get(value, "mediaType"), error);
    }
    TRY(sign_only_keys(value, known, name, error));
    TRY(read_material(json_object_get(value, "verificationMaterial"), name, ret, error));
    return sign_envelope_read(json_object_get(value, "dsseEnvelope"), name, &ret->envelope, error);
}

hearth_status bundle_parse(const char *text, size_t length, const char *name, bundle *ret, hearth_error *error)
{
    json_t *value = NULL;
    *ret = (bundle){.hint = ""};
    TRY(json_door_parse(text, length, name, &value, error));
    const hearth_status status = read_frame(value, name, ret, error);
    json_decref(value);
    return status;
}

hearth_status bundle_read(const char *path, bundle *ret, hearth_error *error)
{
    buffer text;
    *ret = (bundle){.hint = ""};
    buffer_init(&text, LIMIT_BUNDLE_BYTES);
    hearth_status status = file_read_stream(path, LIMIT_BUNDLE_BYTES, &text, error);
    status = status == HEARTH_OK ? bundle_parse(buffer_text(&text), text.length, path, ret, error) : status;
    buffer_free(&text);
    return status;
}

void bundle_free(bundle *b)
{
    sign_chain_free(b->chain);
    sign_envelope_free(&b->envelope);
    *b = (bundle){.hint = ""};
}

/* ---- the statement ---- */

static hearth_status must_be(const json_t *object, const char *key, const char *value, const char *name,
                             hearth_error *error)
{
    const char *text = NULL;
    TRY(sign_text(object, key, 200, name, &text, error));
    return strcmp(text, value) == 0 ? HEARTH_OK : sign_wrong(name, key, value, json_object_get(object, key), error);
}

/* Paths that verifiers pass over: kept where they lie in the model. */
static hearth_status read_ignored(const json_t *paths, const char *name, sign_tree *ret, hearth_error *error)
{
    if (paths == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_array(paths) || json_array_size(paths) > LIMIT_IGNORED_PATHS) {
        return sign_wrong(name, "ignore_paths", "an array of at most 1000 paths", paths, error);
    }
    for (size_t i = 0; i < json_array_size(paths); i++) {
        const json_t *value = json_array_get(paths, i);
        const char *path = json_string_value(value);
        if (path == NULL || strlen(path) != json_string_length(value) || !model_name_is_safe_path(path)) {
            return sign_wrong(name, "ignore_paths", "paths below the model", value, error);
        }
        TRY(sign_tree_ignore(ret, path, error));
    }
    return HEARTH_OK;
}

static hearth_status read_method(const json_t *how, const char *name, sign_tree *ret, hearth_error *error)
{
    const char *method = NULL;
    const char *hash = NULL;
    if (!json_is_object(how)) {
        return sign_wrong(name, "serialization", "an object", how, error);
    }
    TRY(sign_text(how, "method", 100, name, &method, error));
    TRY(sign_text(how, "hash_type", 100, name, &hash, error));
    const json_t *links = json_object_get(how, "allow_symlinks");
    const json_t *piece = json_object_get(how, "shard_size");
    if (!json_is_boolean(links)) {
        return sign_wrong(name, "allow_symlinks", "true or false", links, error);
    }
    ret->links = json_is_true(links);
    if (strcmp(method, "shards") == 0) {
        /* The reference writes 1000000000.0. */
        const double bytes = json_number_value(piece);
        if (!json_is_number(piece) || !(bytes >= 1 && bytes < MOST_PIECE) || bytes != floor(bytes)) {
            return sign_wrong(name, "shard_size", "a number of bytes", piece, error);
        }
        ret->piece = (uint64_t)bytes;
    } else if (strcmp(method, "files") != 0) {
        return sign_wrong(name, "method", "files or shards", json_object_get(how, "method"), error);
    }
    char known[64];
    (void)snprintf(known, sizeof known, ret->piece > 0 ? "sha256-sharded-%llu" : "sha256",
                   (unsigned long long)ret->piece);
    if (strcmp(hash, "sha256") != 0 && strcmp(hash, known) != 0) {
        return unsupported(name, "hash_type", "sha256", hash, error);
    }
    return read_ignored(json_object_get(how, "ignore_paths"), name, ret, error);
}

/* "PATH:START:END" */
static bool take_range(char *text, sign_entry *ret)
{
    uint64_t *const numbers[] = {&ret->end, &ret->start};
    for (size_t i = 0; i < 2; i++) {
        char *colon = strrchr(text, ':');
        char *end = NULL;
        if (colon == NULL || colon[1] < '0' || colon[1] > '9' || strlen(colon + 1) > 18) {
            return false;
        }
        *numbers[i] = strtoull(colon + 1, &end, 10);
        if (*end != '\0') {
            return false;
        }
        *colon = '\0';
    }
    return ret->start < ret->end;
}

static hearth_status read_resource(const json_t *value, const char *name, sign_tree *ret, hearth_error *error)
{
    const char *path = NULL;
    const char *digest = NULL;
    char algorithm[64];
    (void)snprintf(algorithm, sizeof algorithm, ret->piece > 0 ? "sha256-sharded-%llu" : "sha256",
                   (unsigned long long)ret->piece);
    if (!json_is_object(value)) {
        return sign_wrong(name, "resources", "an array of objects", value, error);
    }
    TRY(sign_text(value, "name", LIMIT_FILE_NAME_BYTES + 64, name, &path, error));
    TRY(must_be(value, "algorithm", algorithm, name, error));
    TRY(sign_text(value, "digest", HASH_HEX_SIZE, name, &digest, error));
    if (!text_is_hex(digest, HASH_HEX_SIZE - 1)) {
        return sign_wrong(name, "digest", "64 hexadecimal digits", json_object_get(value, "digest"), error);
    }
    char *copy = mem_strdup(path);
    sign_entry *entry = copy != NULL ? sign_tree_add(ret) : NULL;
    if (entry == NULL) {
        mem_free(copy);
        return error_memory(error, strlen(path));
    }
    entry->name = copy;
    (void)snprintf(entry->digest, sizeof entry->digest, "%s", digest);
    const bool good = ret->piece == 0 || take_range(copy, entry);
    if (!good || (strcmp(copy, ".") != 0 && !model_name_is_safe_path(copy))) {
        return sign_wrong(name, "resources", "names of files below the model", json_object_get(value, "name"), error);
    }
    return HEARTH_OK;
}

static hearth_status read_subject(const json_t *statement, const char *name, const char **ret_model,
                                  const char **ret_root, hearth_error *error)
{
    const json_t *subjects = json_object_get(statement, "subject");
    const json_t *subject = json_array_get(subjects, 0);
    if (json_array_size(subjects) != 1 || !json_is_object(subject)) {
        return sign_wrong(name, "subject", "one model", subjects, error);
    }
    TRY(sign_text(subject, "name", PATH_MAX_BYTES, name, ret_model, error));
    return sign_text(json_object_get(subject, "digest"), "sha256", HASH_HEX_SIZE, name, ret_root, error);
}

static hearth_status read_statement(const json_t *statement, const char *name, sign_tree *ret, hearth_error *error)
{
    const char *model = NULL;
    const char *root = NULL;
    if (!json_is_object(statement)) {
        return sign_wrong(name, "payload", "an object", statement, error);
    }
    TRY(must_be(statement, "_type", BUNDLE_STATEMENT_TYPE, name, error));
    TRY(must_be(statement, "predicateType", BUNDLE_PREDICATE_TYPE, name, error));
    TRY(read_subject(statement, name, &model, &root, error));
    const json_t *predicate = json_object_get(statement, "predicate");
    const json_t *resources = json_object_get(predicate, "resources");
    TRY(read_method(json_object_get(predicate, "serialization"), name, ret, error));
    if (!json_is_array(resources) || json_array_size(resources) == 0 ||
        json_array_size(resources) > LIMIT_LISTING_FILES) {
        return sign_wrong(name, "resources", "an array of 1 to 100000 files", resources, error);
    }
    for (size_t i = 0; i < json_array_size(resources); i++) {
        TRY(read_resource(json_array_get(resources, i), name, ret, error));
    }
    TRY(sign_tree_root(ret, ret->root, error));
    if (strcmp(ret->root, root) != 0) {
        const hearth_status status = error_set(error, HEARTH_E_FORMAT, "subject", ret->root, "%.64s", root);
        error_in_file(error, name);
        return status;
    }
    ret->model = mem_strdup(model);
    return ret->model != NULL ? HEARTH_OK : error_memory(error, strlen(model));
}

hearth_status bundle_tree(const bundle *b, const char *name, sign_tree *ret, hearth_error *error)
{
    json_t *statement = NULL;
    *ret = (sign_tree){.model = NULL};
    TRY(json_door_parse(buffer_text(&b->envelope.payload), b->envelope.payload.length, name, &statement, error));
    hearth_status status = read_statement(statement, name, ret, error);
    json_decref(statement);
    if (status == HEARTH_OK) {
        sign_tree_sort(ret);
    }
    for (size_t i = 1; status == HEARTH_OK && i < ret->count; i++) {
        const sign_entry *a = &ret->entries[i - 1];
        const sign_entry *e = &ret->entries[i];
        if (strcmp(a->name, e->name) == 0 && (e->end == 0 || e->start < a->end)) {
            status = error_set(error, HEARTH_E_FORMAT, "resources", "each file once", "\"%.200s\" twice", e->name);
            error_in_file(error, name);
        }
    }
    return status;
}
