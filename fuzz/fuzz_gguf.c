/* The input is a GGUF file; what opens is read through. */
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gguf_file *file = NULL;
    hearth_error error;
    char line[600];
    if (gguf_open(fuzz_file(0, data, size), &file, &error) == HEARTH_OK) {
        fuzz_sink += touch_gguf(file);
        gguf_close(file);
    } else {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
    }
    return 0;
}
