/* Which kind of tokenizer a file is. */
#include "model/load_tokenizer.h"

#include "base/limits.h"
#include "formats/ranks.h"
#include "formats/tekken_vocab.h"
#include "platform/file.h"

#include <string.h>

static bool ends_in(const char *path, const char *suffix)
{
    const size_t length = strlen(path);
    const size_t tail = strlen(suffix);
    return length >= tail && strcmp(path + length - tail, suffix) == 0;
}

bool load_tokenizer_knows(const char *path)
{
    return ends_in(path, ".json") || ends_in(path, ".model") || ends_in(path, ".tiktoken") ||
           ends_in(path, "vocab.txt") || strstr(path, ".model.v") != NULL || ranks_looks_like(path);
}

static hearth_status is_tekken(const char *path, bool *ret, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    const hearth_status status = file_read(path, LIMIT_JSON_FILE_BYTES, &text, error);
    *ret = status == HEARTH_OK && tekken_vocab_is_there(buffer_text(&text), text.length);
    buffer_free(&text);
    return status;
}

hearth_status load_tokenizer_file(const char *path, const hf_folder *folder, const char *encoding, tokenizer **ret,
                                  hearth_error *error)
{
    if (ends_in(path, ".json")) {
        bool tekken = ends_in(path, "tekken.json");
        if (!tekken && !ends_in(path, "tokenizer.json")) {
            TRY(is_tekken(path, &tekken, error));
        }
        return tekken ? load_tokenizer_tekken(path, folder, ret, error)
                      : load_tokenizer_json_in(path, folder, ret, error);
    }
    if (ends_in(path, "vocab.txt")) {
        return load_tokenizer_vocab(path, folder, ret, error);
    }
    return ranks_looks_like(path) ? load_tokenizer_tiktoken(path, folder, encoding, ret, error)
                                  : load_tokenizer_spm(path, folder, ret, error);
}
