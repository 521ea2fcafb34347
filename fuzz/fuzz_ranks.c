/* The input is a file of tiktoken's ranks. */
#include "fuzz_input.h"

#include "formats/ranks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ranks_file file;
    hearth_error error;
    char line[600];
    if (ranks_parse((const char *)data, size, "ranks", &file, &error) != HEARTH_OK) {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
        return 0;
    }
    for (size_t i = 0; i < file.count; i++) {
        for (size_t k = 0; k < file.tokens[i].length; k++) {
            fuzz_sink += (uint8_t)file.bytes.data[file.tokens[i].start + k];
        }
    }
    ranks_close(&file);
    return 0;
}
