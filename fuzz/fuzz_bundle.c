/* Signatures of strangers. The input's first byte says what follows: a bundle; a statement, as if its signature had
 * been good; a public key or certificates in PEM. A statement that is taken names each file once, below the model. */
#include "fuzz_input.h"

#include "base/memory.h"
#include "formats/model_name.h"
#include "openness/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fuzz_bundle: %s\n", what);
        abort();
    }
}

static void read_statement(const bundle *b)
{
    sign_tree tree = {.model = NULL};
    hearth_error error = {0};
    char root[HASH_HEX_SIZE];
    if (bundle_tree(b, "fuzz", &tree, &error) == HEARTH_OK) {
        must(tree.count > 0 && sign_tree_root(&tree, root, &error) == HEARTH_OK, "a tree without a root");
        for (size_t i = 0; i < tree.count; i++) {
            const sign_entry *e = &tree.entries[i];
            must(strcmp(e->name, ".") == 0 || model_name_is_safe_path(e->name), "a name that leaves the model");
            must(i == 0 || sign_tree_order(&tree.entries[i - 1], e) < 0, "a name twice");
            fuzz_sink += e->end;
        }
        for (size_t i = 0; i < tree.ignored.count; i++) {
            must(model_name_is_safe_path(tree.ignored.names[i]), "a path that leaves the model");
        }
    }
    sign_tree_free(&tree);
}

static void read_bundle(const char *text, size_t size)
{
    bundle b;
    hearth_error error = {0};
    if (bundle_parse(text, size, "fuzz", &b, &error) == HEARTH_OK) {
        sign_key *key = NULL;
        sign_signer signer;
        if (b.chain != NULL) {
            fuzz_sink += (uint64_t)sign_chain_check(b.chain, b.chain, "fuzz", &signer, &error);
            if (sign_chain_key(b.chain, "fuzz", &key, &error) == HEARTH_OK) {
                fuzz_sink += (uint64_t)sign_envelope_check(&b.envelope, BUNDLE_STATEMENT, key, "fuzz", &error);
            }
        }
        sign_key_free(key);
        read_statement(&b);
    }
    bundle_free(&b);
}

static void read_pem(const uint8_t *data, size_t size)
{
    sign_key *key = NULL;
    sign_chain *chain = NULL;
    hearth_error error = {0};
    if (sign_key_parse_public((const char *)data, size, "fuzz", &key, &error) == HEARTH_OK) {
        must(strlen(sign_key_hint(key)) == HASH_HEX_SIZE - 1, "a key without a name");
    }
    sign_key_free(key);
    if (sign_chain_create(&chain, &error) == HEARTH_OK &&
        sign_chain_read(chain, fuzz_file(0, data, size), &error) == HEARTH_OK) {
        fuzz_sink += sign_chain_count(chain);
    }
    sign_chain_free(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        read_bundle((const char *)data + 1, size - 1);
        break;
    case 1: {
        bundle b = {.hint = ""};
        if (buffer_append(&b.envelope.payload, data + 1, size - 1, NULL) == HEARTH_OK) {
            read_statement(&b);
        }
        bundle_free(&b);
        break;
    }
    default:
        read_pem(data + 1, size - 1);
    }
    return 0;
}
