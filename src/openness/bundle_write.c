/* Writing a bundle. */
#include "base/limits.h"
#include "openness/bundle.h"
#include "openness/bundle_words.h"

#include <string.h>

static json_t *serialization_json(const sign_tree *tree)
{
    json_t *how = json_door_put(json_object(), "method", json_string("files"));
    how = json_door_put(how, "hash_type", json_string("sha256"));
    how = json_door_put(how, "allow_symlinks", json_boolean(tree->links));
    json_t *ignored = json_array();
    for (size_t i = 0; i < tree->ignored.count; i++) {
        ignored = json_door_append(ignored, json_string(tree->ignored.names[i]));
    }
    if (tree->ignored.count == 0) {
        json_decref(ignored);
        return how;
    }
    return json_door_put(how, "ignore_paths", ignored);
}

static json_t *statement_json(const sign_tree *tree)
{
    json_t *resources = json_array();
    for (size_t i = 0; i < tree->count && resources != NULL; i++) {
        const sign_entry *e = &tree->entries[i];
        json_t *one = json_door_put(json_object(), "name", json_string(e->name));
        one = json_door_put(one, "algorithm", json_string("sha256"));
        resources = json_door_append(resources, json_door_put(one, "digest", json_string(e->digest)));
    }
    json_t *digest = json_door_put(json_object(), "sha256", json_string(tree->root));
    json_t *subject = json_door_put(json_object(), "name", json_door_string(tree->model));
    subject = json_door_put(subject, "digest", digest);
    json_t *predicate = json_door_put(json_object(), "serialization", serialization_json(tree));
    predicate = json_door_put(predicate, "resources", resources);
    json_t *statement = json_door_put(json_object(), "_type", json_string(BUNDLE_STATEMENT_TYPE));
    statement = json_door_put(statement, "subject", json_door_append(json_array(), subject));
    statement = json_door_put(statement, "predicateType", json_string(BUNDLE_PREDICATE_TYPE));
    return json_door_put(statement, "predicate", predicate);
}

/* `envelope` is taken over. */
static hearth_status frame(const sign_key *key, const sign_chain *chain, json_t *envelope, buffer *out,
                           hearth_error *error)
{
    json_t *material = json_object();
    if (chain == NULL) {
        json_t *named = json_door_put(json_object(), "hint", json_string(sign_key_hint(key)));
        material = json_door_put(material, "publicKey", named);
    } else {
        json_t *certificates = json_array();
        for (size_t i = 0; i < sign_chain_count(chain); i++) {
            buffer der;
            buffer_init(&der, 0);
            json_t *bytes =
                sign_chain_der(chain, i, &der, NULL) == HEARTH_OK ? sign_base64(der.data, der.length) : NULL;
            certificates = json_door_append(certificates, json_door_put(json_object(), "rawBytes", bytes));
            buffer_free(&der);
        }
        json_t *all = json_door_put(json_object(), "certificates", certificates);
        material = json_door_put(material, "x509CertificateChain", all);
    }
    material = json_door_put(material, "tlogEntries", json_array());
    json_t *whole = json_door_put(json_object(), "mediaType", json_string(BUNDLE_MEDIA_TYPE));
    whole = json_door_put(whole, "verificationMaterial", material);
    whole = json_door_put(whole, "dsseEnvelope", envelope);
    const hearth_status status = whole != NULL ? json_door_write(whole, 0, out, error) : error_memory(error, 0);
    json_decref(whole);
    return status == HEARTH_OK ? buffer_append_char(out, '\n', error) : status;
}

hearth_status bundle_write(const sign_tree *tree, const sign_key *key, const sign_chain *chain, buffer *out,
                           hearth_error *error)
{
    buffer payload;
    json_t *envelope = NULL;
    buffer_init(&payload, LIMIT_BUNDLE_BYTES / 2); /* base64 makes it longer by a third */
    json_t *statement = statement_json(tree);
    hearth_status status =
        statement != NULL ? json_door_write(statement, 2, &payload, error) : error_memory(error, tree->count);
    json_decref(statement);
    if (status == HEARTH_OK) {
        status = sign_envelope_make(&payload, BUNDLE_STATEMENT, key, false, &envelope, error);
    }
    buffer_free(&payload);
    return status == HEARTH_OK ? frame(key, chain, envelope, out, error) : status;
}
