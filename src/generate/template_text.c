/* Python's string operations on UTF-8 (template_text.h): finding, cutting, stripping, splitting, replacing. Case and
 * classes of characters are in template_case.c. */
#define _GNU_SOURCE /* memmem, memrchr */
#include "generate/template_text.h"

#include "base/utf8.h"

#include <string.h>

size_t ttext_points(const char *bytes, size_t length)
{
    size_t points = 0;
    for (size_t i = 0; i < length; i++) {
        points += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    }
    return points;
}

size_t ttext_offset(const tstring *s, size_t point)
{
    if (s->points == s->length) {
        return point < s->length ? point : s->length;
    }
    size_t at = 0;
    for (size_t seen = 0; at < s->length; at++) {
        if (((unsigned char)s->bytes[at] & 0xC0) != 0x80) {
            if (seen == point) {
                break;
            }
            seen++;
        }
    }
    return at;
}

size_t ttext_leading_space(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(bytes + at, length - at, &code);
        if (!ttext_space(code)) {
            break;
        }
        at += size;
    }
    return at;
}

/* The start of the character that ends at `end`. */
static size_t character_before(const char *bytes, size_t end)
{
    size_t at = end - 1;
    while (at > 0 && ((unsigned char)bytes[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

size_t ttext_trailing_space(const char *bytes, size_t length)
{
    size_t end = length;
    while (end > 0) {
        const size_t at = character_before(bytes, end);
        uint32_t code = 0;
        utf8_decode_lossy(bytes + at, end - at, &code);
        if (!ttext_space(code)) {
            break;
        }
        end = at;
    }
    return length - end;
}

static bool in_set(const tstring *chars, const char *bytes, size_t size)
{
    if (chars == NULL) {
        uint32_t code = 0;
        utf8_decode_lossy(bytes, size, &code);
        return ttext_space(code);
    }
    return memmem(chars->bytes, chars->length, bytes, size) != NULL;
}

hearth_status ttext_strip(trun *r, tval s, const tstring *chars, int sides, tval *ret)
{
    const char *bytes = s.as.string->bytes;
    size_t start = 0;
    size_t end = s.as.string->length;
    const size_t cost = chars != NULL ? 1 + chars->length / 32 : 1;
    while ((sides & 1) != 0 && start < end) {
        size_t size = 1;
        while (start + size < end && ((unsigned char)bytes[start + size] & 0xC0) == 0x80) {
            size++;
        }
        if (!in_set(chars, bytes + start, size)) {
            break;
        }
        start += size;
        r->steps += cost;
    }
    while ((sides & 2) != 0 && end > start) {
        const size_t at = character_before(bytes, end);
        if (!in_set(chars, bytes + at, end - at)) {
            break;
        }
        end = at;
        r->steps += cost;
    }
    if (start == 0 && end == s.as.string->length) {
        *ret = s;
        return trun_work(r, 0);
    }
    return tval_string(r, bytes + start, end - start, ret);
}

size_t ttext_find(const tstring *s, const tstring *what, size_t start, size_t end, bool last)
{
    if (start > end || end > s->length || what->length > end - start) {
        return SIZE_MAX;
    }
    if (!last) {
        if (what->length == 0) {
            return start;
        }
        const char *at = memmem(s->bytes + start, end - start, what->bytes, what->length);
        return at != NULL ? (size_t)(at - s->bytes) : SIZE_MAX;
    }
    for (size_t at = end - what->length;; at--) {
        if (memcmp(s->bytes + at, what->bytes, what->length) == 0) {
            return at;
        }
        if (at == start) {
            return SIZE_MAX;
        }
    }
}

static hearth_status push_part(trun *r, tseq *parts, const char *bytes, size_t length)
{
    tval part;
    TRY(tval_string(r, bytes, length, &part));
    return tseq_push(r, parts, part);
}

static void reverse(tseq *s)
{
    for (size_t i = 0; i < s->count / 2; i++) {
        const tval swap = s->items[i];
        s->items[i] = s->items[s->count - 1 - i];
        s->items[s->count - 1 - i] = swap;
    }
}

static hearth_status split_at(trun *r, const tstring *s, const tstring *separator, int64_t most, bool from_right,
                              tseq *parts)
{
    size_t start = 0;
    size_t end = s->length;
    for (int64_t cuts = 0; most < 0 || cuts < most; cuts++) {
        const size_t at = ttext_find(s, separator, start, end, from_right);
        if (at == SIZE_MAX) {
            break;
        }
        if (from_right) {
            TRY(push_part(r, parts, s->bytes + at + separator->length, end - at - separator->length));
            end = at;
        } else {
            TRY(push_part(r, parts, s->bytes + start, at - start));
            start = at + separator->length;
        }
    }
    return push_part(r, parts, s->bytes + start, end - start);
}

/* Bytes up to the next white space, from the left of bytes[0..length). */
static size_t word_length(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(bytes + at, length - at, &code);
        if (ttext_space(code)) {
            break;
        }
        at += size;
    }
    return at;
}

static size_t last_word_length(const char *bytes, size_t length)
{
    size_t end = length;
    while (end > 0) {
        const size_t at = character_before(bytes, end);
        uint32_t code = 0;
        utf8_decode_lossy(bytes + at, end - at, &code);
        if (ttext_space(code)) {
            break;
        }
        end = at;
    }
    return length - end;
}

static hearth_status split_words(trun *r, const tstring *s, int64_t most, bool from_right, tseq *parts)
{
    size_t start = from_right ? 0 : ttext_leading_space(s->bytes, s->length);
    size_t end = from_right ? s->length - ttext_trailing_space(s->bytes, s->length) : s->length;
    for (int64_t cuts = 0; start < end; cuts++) {
        if (most >= 0 && cuts == most) {
            return push_part(r, parts, s->bytes + start, end - start);
        }
        if (from_right) {
            const size_t word = last_word_length(s->bytes, end);
            TRY(push_part(r, parts, s->bytes + end - word, word));
            end -= word;
            end -= ttext_trailing_space(s->bytes, end);
        } else {
            const size_t word = word_length(s->bytes + start, end - start);
            TRY(push_part(r, parts, s->bytes + start, word));
            start += word;
            start += ttext_leading_space(s->bytes + start, end - start);
        }
    }
    return HEARTH_OK;
}

hearth_status ttext_split(trun *r, const tstring *s, const tstring *separator, int64_t most, bool from_right, tval *ret)
{
    tseq *parts = NULL;
    TRY(tseq_create(r, 0, &parts));
    if (separator == NULL) {
        TRY(split_words(r, s, most, from_right, parts));
    } else if (separator->length == 0) {
        return TRUN_WRONG(r, "empty separator");
    } else {
        TRY(trun_work(r, from_right ? s->length * 8 : s->length));
        TRY(split_at(r, s, separator, most, from_right, parts));
    }
    if (from_right) {
        reverse(parts);
    }
    *ret = tval_seq(T_LIST, parts);
    return HEARTH_OK;
}

/* The bytes that the line end at text[0..] takes; 0 when there is none. */
static size_t line_end(const char *text, size_t length)
{
    uint32_t code = 0;
    const size_t size = utf8_decode_lossy(text, length, &code);
    if (code == '\r') {
        return length > 1 && text[1] == '\n' ? 2 : 1;
    }
    const bool ends = (code >= 0x0A && code <= 0x0C) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
                      code == 0x2028 || code == 0x2029;
    return ends ? size : 0;
}

hearth_status ttext_splitlines(trun *r, const tstring *s, bool keep_ends, tval *ret)
{
    tseq *lines = NULL;
    TRY(tseq_create(r, 0, &lines));
    TRY(trun_work(r, s->length * 8));
    size_t start = 0;
    for (size_t at = 0; at < s->length;) {
        const size_t size = line_end(s->bytes + at, s->length - at);
        if (size > 0) {
            TRY(push_part(r, lines, s->bytes + start, at - start + (keep_ends ? size : 0)));
            start = at + size;
        }
        at += size > 0 ? size : 1;
    }
    if (start < s->length) {
        TRY(push_part(r, lines, s->bytes + start, s->length - start));
    }
    *ret = tval_seq(T_LIST, lines);
    return HEARTH_OK;
}

/* replace("", x) puts x before every character and at the end. */
static hearth_status replace_nothing(trun *r, const tstring *s, const tstring *to, int64_t most, buffer *out)
{
    size_t at = 0;
    for (int64_t done = 0; most < 0 || done < most; done++) {
        TRY(trun_work(r, to->length));
        TRY(buffer_append(out, to->bytes, to->length, r->error));
        if (at >= s->length) {
            return HEARTH_OK;
        }
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        TRY(buffer_append(out, s->bytes + at, size, r->error));
        at += size;
    }
    return buffer_append(out, s->bytes + at, s->length - at, r->error);
}

hearth_status ttext_replace(trun *r, const tstring *s, const tstring *from, const tstring *to, int64_t most, tval *ret)
{
    const size_t mark = r->out->length;
    TRY(trun_work(r, s->length));
    if (from->length == 0) {
        TRY(replace_nothing(r, s, to, most, r->out));
        return tval_take(r, r->out, mark, ret);
    }
    size_t start = 0;
    for (int64_t done = 0; most < 0 || done < most; done++) {
        const size_t at = ttext_find(s, from, start, s->length, false);
        if (at == SIZE_MAX) {
            break;
        }
        TRY(trun_work(r, to->length));
        TRY(buffer_append(r->out, s->bytes + start, at - start, r->error));
        TRY(buffer_append(r->out, to->bytes, to->length, r->error));
        start = at + from->length;
    }
    TRY(buffer_append(r->out, s->bytes + start, s->length - start, r->error));
    return tval_take(r, r->out, mark, ret);
}

hearth_status ttext_slice(trun *r, const tstring *s, int64_t start, int64_t step, size_t count, tval *ret)
{
    if (count == 0) {
        return tval_string(r, "", 0, ret);
    }
    size_t at = ttext_offset(s, (size_t)start);
    TRY(trun_work(r, s->length));
    if (step == 1) {
        const tstring rest = {.bytes = s->bytes + at,
                              .length = s->length - at,
                              .points = s->points == s->length ? s->length - at : s->points - (size_t)start};
        return tval_string(r, rest.bytes, ttext_offset(&rest, count), ret);
    }
    const size_t mark = r->out->length;
    for (size_t i = 0; i < count; i++) {
        size_t end = at + 1;
        while (end < s->length && ((unsigned char)s->bytes[end] & 0xC0) == 0x80) {
            end++;
        }
        TRY(trun_work(r, 0));
        TRY(buffer_append(r->out, s->bytes + at, end - at, r->error));
        for (int64_t move = 0; i + 1 < count && move < step; move++) {
            at++;
            while (((unsigned char)s->bytes[at] & 0xC0) == 0x80) {
                at++;
            }
        }
        for (int64_t move = 0; i + 1 < count && move > step; move--) {
            at = character_before(s->bytes, at);
        }
    }
    return tval_take(r, r->out, mark, ret);
}
