/* Which kind of tokenizer a file is. */
#include "model/load_tokenizer.h"

#include "base/limits.h"
#include "base/text.h"
#include "formats/ranks.h"
#include "formats/tekken_vocab.h"
#include "platform/file.h"

#include <string.h>

bool load_tokenizer_knows(const char *path)
{
    return text_ends(path, ".json") || text_ends(path, ".model") || text_ends(path, ".tiktoken") ||
           text_ends(path, "vocab.txt") || strstr(path, ".model.v") != NULL || ranks_looks_like(path);
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
    if (text_ends(path, ".json")) {
        bool tekken = text_ends(path, "tekken.json");
        if (!tekken && !text_ends(path, "tokenizer.json")) {
            TRY(is_tekken(path, &tekken, error));
        }
        return tekken ? load_tokenizer_tekken(path, folder, ret, error)
                      : load_tokenizer_json_in(path, folder, ret, error);
    }
    if (text_ends(path, "vocab.txt")) {
        return load_tokenizer_vocab(path, folder, ret, error);
    }
    return ranks_looks_like(path) ? load_tokenizer_tiktoken(path, folder, encoding, ret, error)
                                  : load_tokenizer_spm(path, folder, ret, error);
}
