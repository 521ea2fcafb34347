/* Text in a picture. */
#include "cli/svg.h"

#include "base/utf8.h"

#include <string.h>

static const char *written_out(uint32_t code)
{
    return code == '&' ? "&amp;" : code == '<' ? "&lt;" : code == '>' ? "&gt;" : code < 32 ? "?" : NULL;
}

hearth_status svg_text(buffer *out, const char *text, hearth_error *error)
{
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code = 0;
        char bytes[4];
        const size_t taken = utf8_decode_lossy(text, left, &code);
        const char *name = written_out(code);
        TRY(name != NULL ? buffer_append_text(out, name, error)
                         : buffer_append(out, bytes, utf8_encode(code, bytes), error));
        text += taken;
        left -= taken;
    }
    return HEARTH_OK;
}
