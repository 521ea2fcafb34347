/* The input is a Hugging Face folder: files separated by a zero byte, in the order of `names`; missing ones are absent.
 */
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"config.json", "tokenizer_config.json", "model.safetensors.index.json",
                                        "generation_config.json", "chat_template.jinja"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        fuzz_folder_put(names[i], size > 0 ? data : NULL, length);
        const size_t used = end != NULL ? length + 1 : length;
        data += used;
        size -= used;
    }
    hf_folder *folder = NULL;
    hearth_error error;
    char line[600];
    for (int with_weights = 0; with_weights < 2; with_weights++) {
        if (hf_open(fuzz_folder(), with_weights != 0, &folder, &error) == HEARTH_OK) {
            fuzz_sink += folder->chat_template != NULL ? strlen(folder->chat_template) : 0;
            hf_close(folder);
        } else {
            fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
        }
    }
    return 0;
}
