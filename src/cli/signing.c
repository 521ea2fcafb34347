/* Keys, certificates and models of the commands that sign. */
#include "cli/signing.h"
#include "cli/confine.h"
#include "cli/passphrase.h"

#include "base/memory.h"
#include "model/locate.h"
#include "platform/file.h"

#include <string.h>

hearth_status signing_locate(const char *name, char **ret_path, hearth_error *error)
{
    if (!file_exists(name)) {
        return model_locate(name, ret_path, error);
    }
    *ret_path = file_trimmed(name);
    return *ret_path != NULL ? HEARTH_OK : error_memory(error, strlen(name));
}

hearth_status signing_confine(const char *path, const char *const *also, const char *out, hearth_error *error)
{
    return confine_to_path(path, also, (const char *[2]){out}, error);
}

hearth_status signing_read_key(const char *path, const char *passphrase_file, sign_key **ret, hearth_error *error)
{
    passphrase_source source = {.file = passphrase_file};
    return sign_key_read_private(path, passphrase_get, &source, ret, error);
}

hearth_status signing_read_chain(const char *first, const option_list *rest, sign_chain **ret, hearth_error *error)
{
    sign_chain *chain = NULL;
    TRY(sign_chain_create(&chain, error));
    hearth_status status = first != NULL ? sign_chain_read(chain, first, error) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < rest->count; i++) {
        status = sign_chain_read(chain, rest->items[i], error);
    }
    if (status != HEARTH_OK) {
        sign_chain_free(chain);
        return status;
    }
    *ret = chain;
    return HEARTH_OK;
}
