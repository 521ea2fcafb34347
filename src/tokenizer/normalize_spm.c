/* SentencePiece's normaliser. */
#include "tokenizer/normalize_spm.h"

#include "base/utf8.h"
#include "tokenizer/internal.h"
#include "tokenizer/unicode.h"

#include <string.h>
#include <utf8proc.h>

#define REPLACEMENT "\xEF\xBF\xBD"
#define CLUSTER_MOST 5u /* bytes of a cluster that Hugging Face looks up whole */

typedef struct spm_run {
    const normalizer_step *step;
    const charsmap *map;
    const added_trie *user_defined;
    buffer *out;
    bool after_space;
} spm_run;

static hearth_status put_space(const spm_run *r, hearth_error *error)
{
    return r->step->escape ? buffer_append(r->out, TOKENIZER_MARKER, 3, error) : buffer_append_char(r->out, ' ', error);
}

/* What stands for the next character or rule: [*ret, *ret_length), and how many bytes of the text it takes. */
static size_t next_part(const spm_run *r, const char *text, size_t length, const char **ret, size_t *ret_length)
{
    const unsigned char first = (unsigned char)text[0];
    size_t taken = 0;
    int32_t id = -1;
    *ret = text;
    if (r->user_defined->count > 0 && added_match(r->user_defined, text, length, 0, &taken, &id)) {
        *ret_length = taken;
        return taken;
    }
    if (first < 0x80 && length > 1 && (unsigned char)text[1] < 0x80 && r->map->count > 0 &&
        r->map->ascii[first] != -1) {
        const int32_t rule = r->map->ascii[first];
        *ret = rule < 0 ? text : r->map->texts + rule;
        *ret_length = rule < 0 ? 1 : strlen(*ret);
        return 1;
    }
    taken = charsmap_longest(r->map, text, length, ret);
    if (taken > 0) {
        *ret_length = strlen(*ret);
        return taken;
    }
    uint32_t code = 0;
    taken = first < 0x80 ? 1 : utf8_decode(text, length, &code);
    *ret = taken == 0 ? REPLACEMENT : text; /* a rule may end inside a character */
    *ret_length = taken == 0 ? 3 : taken;
    return taken == 0 ? 1 : taken;
}

static hearth_status put_part(spm_run *r, const char *part, size_t length, hearth_error *error)
{
    while (r->after_space && length > 0 && part[0] == ' ') {
        part++;
        length--;
    }
    if (length == 0) {
        return HEARTH_OK;
    }
    r->after_space = r->step->remove_extra && part[length - 1] == ' ';
    while (length > 0) {
        const char *space = memchr(part, ' ', length);
        const size_t plain = space == NULL ? length : (size_t)(space - part);
        TRY(buffer_append(r->out, part, plain, error));
        if (space == NULL) {
            break;
        }
        TRY(put_space(r, error));
        part += plain + 1;
        length -= plain + 1;
    }
    return HEARTH_OK;
}

/* How many bytes at the front become single spaces. */
static size_t heading_spaces(const spm_run *r, token_text in)
{
    size_t done = 0;
    while (done < in.length) {
        const char *part = NULL;
        size_t length = 0;
        const size_t taken = next_part(r, in.text + done, in.length - done, &part, &length);
        if (length != 1 || part[0] != ' ') {
            break;
        }
        done += taken;
    }
    return done;
}

static void drop_trailing_spaces(const spm_run *r, size_t start)
{
    const size_t length = r->step->escape ? 3 : 1;
    while (r->out->length - start >= length &&
           memcmp(r->out->data + r->out->length - length, r->step->escape ? TOKENIZER_MARKER : " ", length) == 0) {
        r->out->length -= length;
        r->out->data[r->out->length] = '\0';
    }
}

hearth_status normalize_sentencepiece(const normalizer_step *step, const charsmap *map, const added_trie *user_defined,
                                      token_text in, buffer *out, hearth_error *error)
{
    spm_run r = {.step = step, .map = map, .user_defined = user_defined, .out = out};
    const size_t start = out->length;
    size_t done = step->remove_extra ? heading_spaces(&r, in) : 0;
    if (done == in.length) {
        return HEARTH_OK;
    }
    TRY(buffer_reserve(out, in.length + in.length / 2, error));
    if (step->dummy_prefix) {
        TRY(put_space(&r, error));
    }
    r.after_space = step->remove_extra;
    while (done < in.length) {
        const char *part = NULL;
        size_t length = 0;
        done += next_part(&r, in.text + done, in.length - done, &part, &length);
        TRY(put_part(&r, part, length, error));
    }
    if (step->remove_extra) {
        drop_trailing_spaces(&r, start);
    }
    return step->dummy_suffix ? put_space(&r, error) : HEARTH_OK;
}

/* ---- Hugging Face's ---- */

/* Where the cluster of characters (UAX 29) that begins the text ends. */
static size_t cluster_end(const char *text, size_t length)
{
    uint32_t code = 0;
    size_t end = utf8_decode_lossy(text, length, &code);
    utf8proc_int32_t state = 0;
    while (end < length && end <= CLUSTER_MOST) {
        uint32_t next = 0;
        const size_t taken = utf8_decode_lossy(text + end, length - end, &next);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)code, (utf8proc_int32_t)next, &state)) {
            break;
        }
        end += taken;
        code = next;
    }
    return end;
}

static hearth_status put_rule_or(const charsmap *map, token_text part, buffer *out, hearth_error *error)
{
    const char *rule = NULL;
    return charsmap_shortest(map, part.text, part.length, &rule) ? buffer_append_text(out, rule, error)
                                                                 : buffer_append(out, part.text, part.length, error);
}

hearth_status normalize_precompiled(const charsmap *map, token_text in, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < in.length;) {
        const unsigned char first = (unsigned char)in.text[i];
        const bool ascii = first < 0x80 && i + 1 < in.length && (unsigned char)in.text[i + 1] < 0x80;
        if (ascii && map->count > 0 && map->ascii[first] == -2 && first != '\r') {
            TRY(buffer_append_char(out, (char)first, error));
            i++;
            continue;
        }
        const size_t end = i + cluster_end(in.text + i, in.length - i);
        const char *rule = NULL;
        if (end - i <= CLUSTER_MOST && charsmap_shortest(map, in.text + i, end - i, &rule)) {
            TRY(buffer_append_text(out, rule, error));
            i = end;
            continue;
        }
        while (i < end) {
            uint32_t code = 0;
            const size_t taken = utf8_decode_lossy(in.text + i, in.length - i, &code);
            TRY(put_rule_or(map, (token_text){in.text + i, taken}, out, error));
            i += taken;
        }
    }
    return HEARTH_OK;
}

static bool nmt_drops(uint32_t code)
{
    return (code >= 1 && code <= 8) || code == 0x0B || (code >= 0x0E && code <= 0x1F) || code == 0x7F || code == 0x8F ||
           code == 0x9F;
}

static bool nmt_space(uint32_t code)
{
    return code == 9 || code == 0x0A || code == 0x0C || code == 0x0D || code == 0x1680 ||
           (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 || code == 0x2581 || code == 0xFEFF ||
           code == 0xFFFD;
}

hearth_status normalize_nmt(token_text in, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < in.length;) {
        uint32_t code = 0;
        const size_t taken = utf8_decode_lossy(in.text + i, in.length - i, &code);
        if (nmt_space(code)) {
            TRY(buffer_append_char(out, ' ', error));
        } else if (!nmt_drops(code)) {
            TRY(buffer_append(out, in.text + i, taken, error));
        }
        i += taken;
    }
    return HEARTH_OK;
}
