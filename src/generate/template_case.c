/* Case and classes of characters: what str.upper(), str.title(), str.isalpha() and their kin ask of Unicode. The data
 * is utf8proc's. Python's full mappings that change the number of characters are in a table here; the final sigma is a
 * rule. */
#include "generate/template_text.h"

#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

bool ttext_space(uint32_t code)
{
    if (code < 0x80) {
        return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20);
    }
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static utf8proc_category_t category(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code);
}

static bool is_letter(uint32_t code)
{
    const utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

static bool is_numeric(uint32_t code)
{
    const utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO;
}

bool ttext_word(uint32_t code)
{
    return code == '_' || is_letter(code) || is_numeric(code);
}

bool ttext_printable(uint32_t code)
{
    if (code < 0x80) {
        return code >= 0x20 && code != 0x7F;
    }
    const utf8proc_category_t c = category(code);
    return c != UTF8PROC_CATEGORY_CN && !(c >= UTF8PROC_CATEGORY_ZS && c <= UTF8PROC_CATEGORY_CO);
}

static bool is_upper(uint32_t code)
{
    return category(code) == UTF8PROC_CATEGORY_LU;
}

static bool is_lower(uint32_t code)
{
    return category(code) == UTF8PROC_CATEGORY_LL || code == 0xAA || code == 0xBA;
}

static bool is_cased(uint32_t code)
{
    return is_upper(code) || is_lower(code) || category(code) == UTF8PROC_CATEGORY_LT;
}

typedef struct full_mapping {
    uint32_t code;
    const char *upper;
    const char *title;
} full_mapping;

/* Unicode's SpecialCasing.txt, the unconditional ones that utf8proc's one-to-one mappings cannot say. */
static const full_mapping mappings[] = {
    {0x00DF, "SS", "Ss"},   {0x0149, "ʼN", "ʼN"}, {0x01F0, "J̌", "J̌"},   {0x0390, "Ϊ́", "Ϊ́"},   {0x03B0, "Ϋ́", "Ϋ́"},
    {0x0587, "ԵՒ", "Եւ"},   {0x1E96, "H̱", "H̱"},   {0x1E97, "T̈", "T̈"},   {0x1E98, "W̊", "W̊"},   {0x1E99, "Y̊", "Y̊"},
    {0x1E9A, "Aʾ", "Aʾ"},   {0xFB00, "FF", "Ff"}, {0xFB01, "FI", "Fi"}, {0xFB02, "FL", "Fl"}, {0xFB03, "FFI", "Ffi"},
    {0xFB04, "FFL", "Ffl"}, {0xFB05, "ST", "St"}, {0xFB06, "ST", "St"},
};

static hearth_status put(trun *r, uint32_t code)
{
    char bytes[4];
    return buffer_append(r->out, bytes, utf8_encode(code, bytes), r->error);
}

static hearth_status put_upper(trun *r, uint32_t code, bool title)
{
    for (size_t i = 0; code >= 0xDF && i < sizeof mappings / sizeof mappings[0]; i++) {
        if (mappings[i].code == code) {
            return buffer_append_text(r->out, title ? mappings[i].title : mappings[i].upper, r->error);
        }
    }
    const utf8proc_int32_t c = (utf8proc_int32_t)code;
    return put(r, (uint32_t)(title ? utf8proc_totitle(c) : utf8proc_toupper(c)));
}

/* A sigma after a letter and before none is the final one. */
static bool final_sigma(const tstring *s, size_t at, bool after_letter)
{
    uint32_t next = 0;
    const size_t size = utf8_decode_lossy(s->bytes + at, s->length - at, &next);
    const bool more = at + size < s->length;
    if (more) {
        utf8_decode_lossy(s->bytes + at + size, s->length - at - size, &next);
    }
    return after_letter && !(more && is_cased(next));
}

static hearth_status put_lower(trun *r, const tstring *s, size_t at, uint32_t code, bool after_letter)
{
    if (code == 0x0130) {
        return buffer_append_text(r->out, "i̇", r->error);
    }
    if (code == 0x03A3) {
        return put(r, final_sigma(s, at, after_letter) ? 0x03C2 : 0x03C3);
    }
    return put(r, (uint32_t)utf8proc_tolower((utf8proc_int32_t)code));
}

hearth_status ttext_case(trun *r, const tstring *s, tcase how, tval *ret)
{
    const size_t mark = r->out->length;
    bool after_letter = false;
    TRY(trun_work(r, s->length * 8));
    for (size_t at = 0; at < s->length;) {
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        const bool up = how == TCASE_UPPER || (how == TCASE_TITLE && !after_letter) ||
                        (how == TCASE_CAPITALIZE && at == 0) || (how == TCASE_SWAP && is_lower(code));
        const bool down = how != TCASE_SWAP || is_upper(code);
        if (up) {
            TRY(put_upper(r, code, how == TCASE_TITLE || how == TCASE_CAPITALIZE));
        } else if (down) {
            TRY(put_lower(r, s, at, code, after_letter));
        } else {
            TRY(put(r, code));
        }
        after_letter = is_cased(code);
        at += size;
    }
    return tval_take(r, r->out, mark, ret);
}

static bool is_class(uint32_t code, char what, bool first)
{
    switch (what) {
    case 'a':
        return is_letter(code);
    case 'c':
        return category(code) == UTF8PROC_CATEGORY_ND;
    case 'd':
        return category(code) == UTF8PROC_CATEGORY_ND || code == 0xB2 || code == 0xB3 || code == 0xB9 ||
               (code >= 0x2070 && code <= 0x2089);
    case 'm':
        return is_numeric(code);
    case 'n':
        return is_letter(code) || is_numeric(code);
    case 's':
        return ttext_space(code);
    case 'p':
        return ttext_printable(code);
    case 'A':
        return code < 0x80;
    case 'i':
        return code == '_' || is_letter(code) ||
               (!first && (is_numeric(code) || category(code) == UTF8PROC_CATEGORY_MN));
    default:
        return false;
    }
}

/* islower(), isupper(), istitle(): every cased character is right and there is at least one. */
static bool case_test(const tstring *s, char what)
{
    bool any = false;
    bool after_letter = false;
    for (size_t at = 0; at < s->length;) {
        uint32_t code = 0;
        at += utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        if (is_cased(code)) {
            const bool title = category(code) == UTF8PROC_CATEGORY_LT;
            const bool wants_upper = what == 'u' || (what == 't' && !after_letter);
            if (wants_upper ? !(is_upper(code) || (title && what == 't')) : !is_lower(code)) {
                return false;
            }
            any = true;
        }
        after_letter = is_cased(code);
    }
    return any;
}

bool ttext_test(const tstring *s, char what)
{
    if (what == 'u' || what == 'l' || what == 't') {
        return case_test(s, what);
    }
    for (size_t at = 0; at < s->length;) {
        uint32_t code = 0;
        const bool first = at == 0;
        at += utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        if (!is_class(code, what, first)) {
            return false;
        }
    }
    return s->length > 0 || what == 'A' || what == 'p';
}
