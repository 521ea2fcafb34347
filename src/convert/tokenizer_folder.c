/* stub */
#include "convert/metadata.h"
hearth_status convert_tokenizer_to_folder(const char *path, const gguf_file *file, hearth_error *error)
{
    (void)path;
    (void)file;
    (void)error;
    return HEARTH_OK;
}
