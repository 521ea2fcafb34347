/* The input is a Hugging Face folder: files separated by a zero byte, in the order of `names`; missing ones are absent.
 * Configuration, tokenizer's settings and index are read to the end, as loading a model reads them. */
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

#include "model/config.h"
#include "model/load_tokenizer.h"

#include <string.h>

/* Its ids are what tokenizer_config.json and generation_config.json may point at. */
static const char vocabulary[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"<s>\":3},\"merges\":[[\"a\",\"b\"]]},"
    "\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true}]}";

static void sink_error(const hearth_error *error)
{
    char line[600];
    fuzz_sink += (uint64_t)hearth_error_line(error, line, sizeof line)[0];
}

static void read_folder(hf_folder *folder)
{
    static model_config config;
    tokenizer *t = NULL;
    hearth_error error;
    fuzz_sink += folder->chat_template != NULL ? strlen(folder->chat_template) : 0;
    if (model_config_from_hf(folder, &config, &error) == HEARTH_OK) {
        fuzz_sink += config.layers + model_config_cache_bytes(&config, 4096, 2);
    } else {
        sink_error(&error);
    }
    if (load_tokenizer_hf(folder, &t, &error) == HEARTH_OK) {
        fuzz_sink += tokenizer_vocabulary_size(t);
        tokenizer_free(t);
    } else {
        sink_error(&error);
    }
}

static void read_index(void)
{
    static char path[128];
    tensor_table tensors = {0};
    hearth_error error;
    if (path[0] == '\0') {
        (void)snprintf(path, sizeof path, "%s/model.safetensors.index.json", fuzz_folder());
    }
    if (safetensors_open_index(path, &tensors, &error) != HEARTH_OK) {
        sink_error(&error);
    }
    tensor_table_free(&tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"config.json", "tokenizer_config.json", "model.safetensors.index.json",
                                        "generation_config.json", "chat_template.jinja"};
    hf_folder *folder = NULL;
    hearth_error error;
    bool indexed = false;
    fuzz_folder_put("tokenizer.json", (const uint8_t *)vocabulary, sizeof vocabulary - 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        fuzz_folder_put(names[i], size > 0 ? data : NULL, length);
        indexed = indexed || (i == 2 && size > 0);
        const size_t used = end != NULL ? length + 1 : length;
        data += used;
        size -= used;
    }
    if (hf_open(fuzz_folder(), false, &folder, &error) == HEARTH_OK) {
        read_folder(folder);
        hf_close(folder);
    } else {
        sink_error(&error);
    }
    if (indexed) {
        read_index();
    }
    return 0;
}
