/* A GGUF metadata value as text for people: what `hearth show` prints. */
#include "formats/gguf_part.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bounded text; what does not fit is cut, and the cut is marked at the end. */
typedef struct line {
    char *text;
    size_t size;
    size_t length;
    bool cut;
} line;

#define CUT_MARK "…"

static void add(line *out, const char *piece, size_t length)
{
    const size_t room = out->size - 1 - out->length;
    if (out->cut || length + sizeof CUT_MARK - 1 > room) {
        out->cut = true;
        return;
    }
    memcpy(out->text + out->length, piece, length);
    out->length += length;
}

static void add_text(line *out, const char *text)
{
    add(out, text, strlen(text));
}

/* Control characters and invalid bytes are shown escaped. */
static void add_escaped(line *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length && !out->cut;) {
        uint32_t code = 0;
        const size_t bytes = utf8_decode(text + i, length - i, &code);
        char escaped[8];
        if (bytes == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0)) {
            const unsigned char c = (unsigned char)text[i];
            if (c == '\n' || c == '\t') {
                (void)snprintf(escaped, sizeof escaped, "\\%c", c == '\n' ? 'n' : 't');
            } else {
                (void)snprintf(escaped, sizeof escaped, "\\x%02x", c);
            }
            add_text(out, escaped);
            i++;
        } else {
            add(out, text + i, bytes);
            i += bytes;
        }
    }
}

/* The shortest decimal that reads back as the same number. */
static void add_real(line *out, double value, bool single)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        const double back = single ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (back >= value && back <= value) {
            break;
        }
    }
    add_text(out, text);
}

static void add_scalar(line *out, gguf_type type, const uint8_t *data)
{
    char text[40] = "";
    const size_t size = gguf_scalar_bytes(type);
    const uint64_t bits = gguf_load(data, size);
    if (type == GGUF_BOOL) {
        add_text(out, bits != 0 ? "true" : "false");
    } else if (type == GGUF_F32) {
        const uint32_t low = (uint32_t)bits;
        float value = 0;
        memcpy(&value, &low, sizeof value);
        add_real(out, (double)value, true);
    } else if (type == GGUF_F64) {
        double value = 0;
        memcpy(&value, &bits, sizeof value);
        add_real(out, value, false);
    } else if (type == GGUF_I8 || type == GGUF_I16 || type == GGUF_I32 || type == GGUF_I64) {
        const unsigned shift = 64 - 8 * (unsigned)size;
        (void)snprintf(text, sizeof text, "%lld", (long long)((int64_t)(bits << shift) >> shift));
        add_text(out, text);
    } else {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)bits);
        add_text(out, text);
    }
}

/* Walks over a checked array at the cursor and writes its first `most` elements (inner arrays too). */
static void add_array(line *out, cursor *c, gguf_type element, uint64_t count, uint64_t most)
{
    add_text(out, "[");
    for (uint64_t i = 0; i < count; i++) {
        const bool shown = i < most && !out->cut;
        if (!shown && element != GGUF_ARRAY && element != GGUF_STRING) {
            c->offset += (size_t)(count - i) * gguf_scalar_bytes(element);
            break;
        }
        if (shown && i > 0) {
            add_text(out, ", ");
        }
        if (element == GGUF_ARRAY) {
            gguf_type inner = GGUF_U8;
            uint64_t inner_count = 0;
            gguf_array_header(c, &inner, &inner_count);
            line nothing = {.text = (char[1]){0}, .size = 1, .cut = true};
            add_array(shown ? out : &nothing, c, inner, inner_count, most);
        } else if (element == GGUF_STRING) {
            const uint64_t length = gguf_load(c->data + c->offset, 8);
            if (shown) {
                add_text(out, "\"");
                add_escaped(out, (const char *)c->data + c->offset + 8, (size_t)length);
                add_text(out, "\"");
            }
            c->offset += 8 + (size_t)length;
        } else {
            add_scalar(out, element, c->data + c->offset);
            c->offset += gguf_scalar_bytes(element);
        }
    }
    if (count > most) {
        char rest[64];
        (void)snprintf(rest, sizeof rest, "%s" CUT_MARK " %llu in all", most > 0 ? ", " : "",
                       (unsigned long long)count);
        add_text(out, rest);
    }
    add_text(out, "]");
}

void gguf_describe_value(const gguf_value *value, size_t most, char *ret, size_t size)
{
    line out = {.text = ret, .size = size};
    if (size == 0) {
        return;
    }
    if (value->type == GGUF_ARRAY) {
        cursor c = cursor_over(value->data, (size_t)value->length);
        add_array(&out, &c, value->element, value->count, most);
    } else if (value->type == GGUF_STRING) {
        add_escaped(&out, (const char *)value->data, (size_t)value->length);
    } else {
        add_scalar(&out, value->type, value->data);
    }
    if (out.cut && out.size - 1 - out.length >= sizeof CUT_MARK - 1) {
        memcpy(ret + out.length, CUT_MARK, sizeof CUT_MARK - 1);
        out.length += sizeof CUT_MARK - 1;
    }
    ret[out.length] = '\0';
}
