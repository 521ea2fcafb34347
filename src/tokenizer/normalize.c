/* The steps of normalisation. Unicode's normal forms come from utf8proc, run only over the stretches that may change.
 */
#include "tokenizer/normalize.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/find.h"
#include "tokenizer/normalize_bert.h"
#include "tokenizer/unicode.h"

#include <string.h>
#include <utf8proc.h>

void normalizer_scratch_init(normalizer_scratch *s)
{
    buffer_init(&s->buffers[0], 0);
    buffer_init(&s->buffers[1], 0);
    buffer_init(&s->codes, 0);
}

void normalizer_scratch_free(normalizer_scratch *s)
{
    buffer_free(&s->buffers[0]);
    buffer_free(&s->buffers[1]);
    buffer_free(&s->codes);
}

/* ---- normal forms ---- */

/* Code points that NFC leaves alone and that never join what stands before them. */
static bool nfc_safe(uint32_t code)
{
    static const uint32_t safe[][2] = {
        {0x0, 0x2FF},     {0x400, 0x482},   {0x48A, 0x52F},     {0x5D0, 0x5EA},    {0x620, 0x64A},   {0x904, 0x928},
        {0xE01, 0xE30},   {0x10A0, 0x10FF}, {0x1E00, 0x1E9B},   {0x2010, 0x2027},  {0x2030, 0x20BF}, {0x2190, 0x2328},
        {0x2500, 0x2ADB}, {0x3000, 0x3029}, {0x3041, 0x3098},   {0x30A0, 0x31FF},  {0x3400, 0x9FFF}, {0xAC00, 0xD7A3},
        {0xE000, 0xF8FF}, {0xFF01, 0xFFEE}, {0x1F300, 0x1FAFF}, {0x20000, 0x2A6D6}};
    for (size_t i = 0; i < sizeof safe / sizeof safe[0] && code >= safe[i][0]; i++) {
        if (code <= safe[i][1]) {
            return true;
        }
    }
    return false;
}

static bool inert(uint32_t code)
{
    size_t low = 0;
    size_t high = unicode_inert_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (unicode_inert[middle][1] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < unicode_inert_count && unicode_inert[low][0] <= code;
}

static bool form_safe(normalizer_kind kind, uint32_t code)
{
    const bool safe = kind == NORMALIZER_NFC ? nfc_safe(code) : code < (kind == NORMALIZER_NFKC ? 0xA0 : 0x80);
    /* U+11A7 joins nothing, but utf8proc takes it for a final consonant of Hangul. */
    return safe || code == 0x11A7 || inert(code);
}

static int canonical_class(int32_t code)
{
    return (int)utf8proc_get_property(code)->combining_class;
}

/* Stable sort by combining class; counting, so that a text made of marks takes linear time. */
static hearth_status sort_marks(int32_t *codes, size_t count, hearth_error *error)
{
    if (count < 2) {
        return HEARTH_OK;
    }
    int32_t *sorted = mem_alloc(count * sizeof *sorted);
    if (sorted == NULL) {
        return error_memory(error, count * sizeof *sorted);
    }
    size_t place[257] = {0};
    for (size_t i = 0; i < count; i++) {
        place[(canonical_class(codes[i]) & 0xFF) + 1]++;
    }
    for (size_t i = 1; i < 257; i++) {
        place[i] += place[i - 1];
    }
    for (size_t i = 0; i < count; i++) {
        sorted[place[canonical_class(codes[i]) & 0xFF]++] = codes[i];
    }
    memcpy(codes, sorted, count * sizeof *codes);
    mem_free(sorted);
    return HEARTH_OK;
}

static hearth_status order_canonically(int32_t *codes, size_t count, hearth_error *error)
{
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && canonical_class(codes[end]) != 0) {
            end++;
        }
        TRY(sort_marks(codes + i, end - i, error));
        i = end + 1;
    }
    return HEARTH_OK;
}

static hearth_status append_code(buffer *out, uint32_t code, hearth_error *error)
{
    char bytes[4];
    return buffer_append(out, bytes, utf8_encode(code, bytes), error);
}

/* Decomposes a stretch into `codes` (as int32_t). */
static hearth_status decompose(const char *text, size_t length, int options, buffer *codes, hearth_error *error)
{
    buffer_clear(codes);
    int bound = UTF8PROC_BOUNDCLASS_START;
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        i += utf8_decode_lossy(text + i, length - i, &code);
        int32_t parts[32];
        const utf8proc_ssize_t count =
            utf8proc_decompose_char((int32_t)code, parts, 32, (utf8proc_option_t)options, &bound);
        if (count < 0 || count > 32) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "normaliser", "a known decomposition", "U+%04X", code);
        }
        TRY(buffer_append(codes, parts, (size_t)count * sizeof *parts, error));
    }
    return HEARTH_OK;
}

static hearth_status normal_form(normalizer_kind kind, const char *text, size_t length, buffer *codes, buffer *out,
                                 hearth_error *error)
{
    const bool compatible = kind == NORMALIZER_NFKC || kind == NORMALIZER_NFKD;
    const bool composed = kind == NORMALIZER_NFC || kind == NORMALIZER_NFKC;
    TRY(decompose(text, length, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0), codes,
                  error));
    int32_t *points = (int32_t *)(void *)codes->data;
    size_t count = codes->length / sizeof *points;
    TRY(order_canonically(points, count, error));
    if (composed) {
        const utf8proc_ssize_t left =
            utf8proc_normalize_utf32(points, (utf8proc_ssize_t)count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        count = left < 0 ? 0 : (size_t)left;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(append_code(out, (uint32_t)points[i], error));
    }
    return HEARTH_OK;
}

/* Copies safe stretches as they are; a stretch of others is normalised together with the character before it. */
static hearth_status apply_form(normalizer_kind kind, normalizer_scratch *s, token_text in, buffer *out,
                                hearth_error *error)
{
    size_t done = 0;
    size_t last =
        0; /* start of the character before `i`, which a mark at `i` may join; `i` itself after an inert one */
    for (size_t i = 0; i < in.length;) {
        uint32_t code = 0;
        const size_t taken = utf8_decode_lossy(in.text + i, in.length - i, &code);
        if (form_safe(kind, code)) {
            last = code >= 0x300 && inert(code) ? i + taken : i;
            i += taken;
            continue;
        }
        size_t end = i;
        while (end < in.length) {
            const size_t step = utf8_decode_lossy(in.text + end, in.length - end, &code);
            if (form_safe(kind, code)) {
                break;
            }
            end += step;
        }
        const size_t start = last > done ? last : done;
        TRY(buffer_append(out, in.text + done, start - done, error));
        TRY(normal_form(kind, in.text + start, end - start, &s->codes, out, error));
        done = end;
        last = end;
        i = end;
    }
    return buffer_append(out, in.text + done, in.length - done, error);
}

static bool form_changes_nothing(normalizer_kind kind, token_text in)
{
    for (size_t i = 0; i < in.length;) {
        uint32_t code = (unsigned char)in.text[i];
        i += code < 0x80 ? 1 : utf8_decode_lossy(in.text + i, in.length - i, &code);
        if (code >= 0x80 && !form_safe(kind, code)) {
            return false;
        }
    }
    return true;
}

/* ---- the other steps ---- */

static hearth_status apply_replace(const normalizer_step *step, token_text in, buffer *out, hearth_error *error)
{
    size_t done = 0;
    while (step->pattern.length > 0 && in.length - done >= step->pattern.length) {
        const char *hit = find_text(in.text + done, in.length - done, step->pattern);
        if (hit == NULL) {
            break;
        }
        TRY(buffer_append(out, in.text + done, (size_t)(hit - in.text) - done, error));
        TRY(buffer_append(out, step->with.text, step->with.length, error));
        done = (size_t)(hit - in.text) + step->pattern.length;
    }
    return buffer_append(out, in.text + done, in.length - done, error);
}

static hearth_status replace_matches(const normalizer_step *step, regex_search *search, token_text in, buffer *out,
                                     hearth_error *error)
{
    size_t done = 0;
    for (;;) {
        bool found = false;
        size_t start = 0;
        size_t end = 0;
        TRY(regex_search_next(search, &found, &start, &end, error));
        if (!found) {
            return buffer_append(out, in.text + done, in.length - done, error);
        }
        TRY(buffer_append(out, in.text + done, start - done, error));
        TRY(buffer_append(out, step->with.text, step->with.length, error));
        done = end;
    }
}

static hearth_status apply_replace_regex(const normalizer_step *step, const regex *r, token_text in, buffer *out,
                                         hearth_error *error)
{
    regex_scratch scratch;
    TRY(regex_scratch_init(r, &scratch, error));
    regex_search search;
    hearth_status status = regex_search_begin(r, &scratch, in.text, in.length, &search, error);
    if (status == HEARTH_OK) {
        status = replace_matches(step, &search, in, out, error);
    }
    regex_scratch_free(&scratch);
    return status;
}

static hearth_status apply_per_character(normalizer_kind kind, token_text in, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < in.length;) {
        uint32_t code = 0;
        i += utf8_decode_lossy(in.text + i, in.length - i, &code);
        if (kind == NORMALIZER_STRIP_ACCENTS) {
            if (!unicode_in(code, UNICODE_MARK) || inert(code)) {
                TRY(append_code(out, code, error));
            }
        } else if (code == 0x130) { /* the one letter whose lower case is two characters */
            TRY(buffer_append(out, "i\xCC\x87", 3, error));
        } else {
            TRY(append_code(out, (uint32_t)utf8proc_tolower((int32_t)code), error));
        }
    }
    return HEARTH_OK;
}

static token_text strip(const normalizer_step *step, token_text in)
{
    uint32_t code = 0;
    while (step->left && in.length > 0) {
        const size_t taken = utf8_decode_lossy(in.text, in.length, &code);
        if (!unicode_is_space(code)) {
            break;
        }
        in.text += taken;
        in.length -= taken;
    }
    while (step->right && in.length > 0) {
        size_t start = in.length - 1;
        while (start > 0 && ((unsigned char)in.text[start] & 0xC0) == 0x80) {
            start--;
        }
        (void)utf8_decode_lossy(in.text + start, in.length - start, &code);
        if (!unicode_is_space(code)) {
            break;
        }
        in.length = start;
    }
    return in;
}

static hearth_status apply_step(const normalizer *n, size_t index, normalizer_scratch *s, token_text in, buffer *out,
                                hearth_error *error)
{
    const normalizer_step *step = &n->steps[index];
    switch (step->kind) {
    case NORMALIZER_NFC:
    case NORMALIZER_NFD:
    case NORMALIZER_NFKC:
    case NORMALIZER_NFKD:
        return apply_form(step->kind, s, in, out, error);
    case NORMALIZER_PREPEND:
        TRY(buffer_append(out, step->with.text, step->with.length, error));
        return buffer_append(out, in.text, in.length, error);
    case NORMALIZER_REPLACE:
        return apply_replace(step, in, out, error);
    case NORMALIZER_REPLACE_REGEX:
        return apply_replace_regex(step, n->regexes[index], in, out, error);
    case NORMALIZER_LOWERCASE:
    case NORMALIZER_STRIP_ACCENTS:
        return apply_per_character(step->kind, in, out, error);
    case NORMALIZER_BERT_CLEAN:
    case NORMALIZER_BERT_CHINESE:
    case NORMALIZER_BERT_ACCENTS:
        return normalize_bert(step->kind, in, out, error);
    case NORMALIZER_SENTENCEPIECE:
        return normalize_sentencepiece(step, &n->maps[index], &n->user_defined, in, out, error);
    case NORMALIZER_PRECOMPILED:
        return normalize_precompiled(&n->maps[index], in, out, error);
    case NORMALIZER_NMT:
        return normalize_nmt(in, out, error);
    case NORMALIZER_STRIP:
        break;
    }
    return HEARTH_OK;
}

hearth_status normalizer_apply(const normalizer *n, normalizer_scratch *s, const char *text, size_t length,
                               token_text *ret, hearth_error *error)
{
    token_text now = {text, length};
    unsigned turn = 0;
    for (size_t i = 0; i < n->count && now.length > 0; i++) {
        const normalizer_kind kind = n->steps[i].kind;
        if (kind == NORMALIZER_STRIP) {
            now = strip(&n->steps[i], now);
            continue;
        }
        if ((kind == NORMALIZER_NFC || kind == NORMALIZER_NFD || kind == NORMALIZER_NFKC || kind == NORMALIZER_NFKD) &&
            form_changes_nothing(kind, now)) {
            continue;
        }
        buffer *out = &s->buffers[turn];
        turn ^= 1u;
        buffer_clear(out);
        TRY(apply_step(n, i, s, now, out, error));
        now = (token_text){buffer_text(out), out->length};
    }
    *ret = now;
    return HEARTH_OK;
}
