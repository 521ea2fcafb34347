/* Cleaning, spaces around Chinese characters, accents. */
#include "tokenizer/normalize_bert.h"

#include "base/utf8.h"
#include "tokenizer/bert_table.h"

#include <stdbool.h>

static bool is_in(uint32_t code, const uint32_t (*ranges)[2], size_t count)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (ranges[middle][1] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && ranges[low][0] <= code;
}

/* What takes the place of `text`, one character: itself, a space, nothing, or itself between spaces. */
static hearth_status one_character(normalizer_kind kind, uint32_t code, token_text text, buffer *out,
                                   hearth_error *error)
{
    switch (kind) {
    case NORMALIZER_BERT_CLEAN:
        if (is_in(code, bert_spaces, bert_spaces_count)) {
            return buffer_append_char(out, ' ', error);
        }
        if (is_in(code, bert_dropped, bert_dropped_count)) {
            return HEARTH_OK;
        }
        break;
    case NORMALIZER_BERT_CHINESE:
        if (is_in(code, bert_chinese, bert_chinese_count)) {
            TRY(buffer_append_char(out, ' ', error));
            TRY(buffer_append(out, text.text, text.length, error));
            return buffer_append_char(out, ' ', error);
        }
        break;
    default:
        if (is_in(code, bert_marks, bert_marks_count)) {
            return HEARTH_OK;
        }
    }
    return buffer_append(out, text.text, text.length, error);
}

/* Printable ASCII, which stays as it is in every step. */
static size_t plain_run(const char *text, size_t length)
{
    size_t end = 0;
    while (end < length && text[end] >= 0x20 && text[end] < 0x7F) {
        end++;
    }
    return end;
}

hearth_status normalize_bert(normalizer_kind kind, token_text in, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < in.length;) {
        const size_t plain = plain_run(in.text + i, in.length - i);
        if (plain > 0) {
            TRY(buffer_append(out, in.text + i, plain, error));
            i += plain;
            continue;
        }
        uint32_t code = 0;
        const size_t taken = utf8_decode_lossy(in.text + i, in.length - i, &code);
        TRY(one_character(kind, code, (token_text){in.text + i, taken}, out, error));
        i += taken;
    }
    return HEARTH_OK;
}
