/* Tokens as text that shows every byte. */
#include "cli/pieces.h"

#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

static void print_quoted(const char *text, size_t length, FILE *out)
{
    fputc('"', out);
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        const size_t bytes = utf8_decode(text + at, length - at, &code);
        const unsigned char c = (unsigned char)text[at];
        if (bytes == 0 || c < 0x20 || c == 0x7F || (code >= 0x80 && code < 0xA0)) {
            const size_t shown = bytes > 0 ? bytes : 1;
            for (size_t i = 0; i < shown; i++) {
                const unsigned char byte = (unsigned char)text[at + i];
                const char *name = byte == '\n' ? "\\n" : (byte == '\t' ? "\\t" : (byte == '\r' ? "\\r" : NULL));
                if (name != NULL) {
                    fputs(name, out);
                } else {
                    fprintf(out, "\\x%02X", byte);
                }
            }
            at += shown;
            continue;
        }
        if (c == '"' || c == '\\') {
            fputc('\\', out);
        }
        fwrite(text + at, 1, bytes, out);
        at += bytes;
    }
    fputc('"', out);
}

static bool is_control(const tokenizer *t, int32_t id)
{
    return (tokenizer_token_flags(t, id) & (TOKEN_SPECIAL | TOKEN_UNKNOWN)) != 0;
}

hearth_status pieces_print(const tokenizer *t, int32_t id, FILE *out, hearth_error *error)
{
    buffer piece;
    buffer_init(&piece, 0);
    const hearth_status status = tokenizer_piece(t, id, DECODE_SPECIAL, &piece, error);
    if (status == HEARTH_OK && is_control(t, id)) {
        fputs(buffer_text(&piece), out);
    } else if (status == HEARTH_OK) {
        print_quoted(buffer_text(&piece), piece.length, out);
    }
    buffer_free(&piece);
    return status;
}

static json_t *hexadecimal(const buffer *piece)
{
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < piece->length && status == HEARTH_OK; i++) {
        status = buffer_printf(&text, NULL, "%02x", (unsigned char)piece->data[i]);
    }
    json_t *value = status == HEARTH_OK ? json_string(buffer_text(&text)) : NULL;
    buffer_free(&text);
    return value;
}

json_t *pieces_json_one(const tokenizer *t, int32_t id)
{
    buffer piece;
    buffer_init(&piece, 0);
    json_t *entry = NULL;
    if (tokenizer_piece(t, id, DECODE_SPECIAL, &piece, NULL) == HEARTH_OK) {
        const bool text = utf8_valid(buffer_text(&piece), piece.length);
        json_t *shown = text ? json_stringn(buffer_text(&piece), piece.length) : hexadecimal(&piece);
        entry = json_pack("{s:i, s:o}", "id", (int)id, text ? "text" : "bytes", shown);
        if (is_control(t, id)) {
            entry = json_door_put(entry, "special", json_true());
        }
    }
    buffer_free(&piece);
    return entry;
}

json_t *pieces_json(const tokenizer *t, const int32_t *ids, size_t count)
{
    json_t *tokens = json_array();
    for (size_t i = 0; i < count; i++) {
        tokens = json_door_append(tokens, pieces_json_one(t, ids[i]));
    }
    return json_pack("{s:I, s:o}", "count", (json_int_t)count, "tokens", tokens);
}
