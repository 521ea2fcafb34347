/* Text as the content of an element of XML or HTML. */
#include "base/markup.h"

#include "base/utf8.h"

#include <string.h>

static const char *written_out(uint32_t code, bool lines)
{
    if (code == '\n' && lines) {
        return NULL;
    }
    return code == '&' ? "&amp;" : code == '<' ? "&lt;" : code == '>' ? "&gt;" : code < 32 ? "?" : NULL;
}

hearth_status markup_text(buffer *out, const char *text, bool lines, hearth_error *error)
{
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code = 0;
        char bytes[4];
        const size_t taken = utf8_decode_lossy(text, left, &code);
        const char *name = written_out(code, lines);
        TRY(name != NULL ? buffer_append_text(out, name, error)
                         : buffer_append(out, bytes, utf8_encode(code, bytes), error));
        text += taken;
        left -= taken;
    }
    return HEARTH_OK;
}
