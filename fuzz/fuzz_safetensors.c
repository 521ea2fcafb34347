/* The input is a safetensors file; what opens is read through. */
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tensor_table table = {0};
    hearth_error error;
    char line[600];
    if (safetensors_open(fuzz_file(0, data, size), &table, &error) == HEARTH_OK) {
        fuzz_sink += touch_tensors(&table);
    } else {
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
    }
    tensor_table_free(&table);
    return 0;
}
