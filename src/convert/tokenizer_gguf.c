/* stub */
#include "convert/metadata.h"
hearth_status convert_tokenizer_to_gguf(gguf_writer *w, const hf_folder *folder, const model_config *c,
                                        hearth_error *error)
{
    (void)w;
    (void)folder;
    (void)c;
    (void)error;
    return HEARTH_OK;
}
