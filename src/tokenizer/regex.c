/* oniguruma's patterns on PCRE2: rewriting, compiling, searching. */
#include "tokenizer/regex.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define REGEX_MATCH_LIMIT 10000000u
#define REGEX_HEAP_LIMIT_KIB (64u << 10)
#define REGEX_JIT_STACK_BYTES (1u << 20)
#define REGEX_PATTERN_BYTES (1u << 16)

enum stand_in_use { STAND_IN_NONE, STAND_IN_SPACE, STAND_IN_ALL };

struct regex {
    pcre2_code *code;
    enum stand_in_use stand_ins;
};

static void *pcre2_alloc(size_t size, void *context)
{
    (void)context;
    return mem_alloc(size);
}

static void pcre2_release(void *block, void *context)
{
    (void)context;
    mem_free(block);
}

/* ---- rewriting ---- */

/* \w as oniguruma has it: letters, marks, numbers of some kinds, connectors, circled letters. */
static const char word_class[] = "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"
                                 "\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}";

typedef struct rewriter {
    const char *pattern;
    size_t length;
    size_t at;
    bool in_class;
    buffer out;
    bool uses_property;
    bool uses_space;
} rewriter;

static hearth_status unsupported(const rewriter *w, const char *what, hearth_error *error)
{
    return error_set(error, HEARTH_E_UNSUPPORTED, "regular expression", "a pattern that PCRE2 reads as oniguruma does",
                     "%s at byte %zu", what, w->at);
}

static hearth_status rewrite_escape(rewriter *w, hearth_error *error)
{
    const char c = w->at + 1 < w->length ? w->pattern[w->at + 1] : '\0';
    const char pair[2] = {'\\', c};
    w->at += 2;
    switch (c) {
    case '\0':
        return unsupported(w, "a lone backslash", error);
    case 'w':
        w->uses_property = true;
        TRY(buffer_append_text(&w->out, w->in_class ? "" : "[", error));
        TRY(buffer_append_text(&w->out, word_class, error));
        return buffer_append_text(&w->out, w->in_class ? "" : "]", error);
    case 'W':
        w->uses_property = true;
        if (w->in_class) {
            return unsupported(w, "\\W inside a class", error);
        }
        TRY(buffer_append_text(&w->out, "[^", error));
        TRY(buffer_append_text(&w->out, word_class, error));
        return buffer_append_text(&w->out, "]", error);
    case 'h':
        return buffer_append_text(&w->out, w->in_class ? "0-9A-Fa-f" : "[0-9A-Fa-f]", error);
    case 'b':
    case 'B':
    case 'H':
    case 'X':
    case 'y':
    case 'Y':
    case 'K':
    case 'G':
    case 'O':
    case 'N':
    case 'C':
        return unsupported(w, "an escape that the two read differently", error);
    case 'p':
    case 'P':
    case 'd':
    case 'D':
        w->uses_property = true;
        return buffer_append(&w->out, pair, 2, error);
    case 's':
    case 'S':
        w->uses_space = true;
        return buffer_append(&w->out, pair, 2, error);
    default:
        return buffer_append(&w->out, pair, 2, error);
    }
}

static hearth_status rewrite_in_class(rewriter *w, char c, hearth_error *error)
{
    if (c == '[') {
        return unsupported(w, "a class inside a class", error);
    }
    if (c == '&' && w->at + 1 < w->length && w->pattern[w->at + 1] == '&') {
        return unsupported(w, "an intersection of classes", error);
    }
    w->in_class = c != ']';
    w->at++;
    return buffer_append_char(&w->out, c, error);
}

static hearth_status rewrite(rewriter *w, hearth_error *error)
{
    while (w->at < w->length) {
        const char c = w->pattern[w->at];
        if (c == '\\') {
            TRY(rewrite_escape(w, error));
        } else if (w->in_class) {
            TRY(rewrite_in_class(w, c, error));
        } else if (c == '[') {
            w->in_class = true;
            const size_t caret = w->at + 1 < w->length && w->pattern[w->at + 1] == '^' ? 1 : 0;
            TRY(buffer_append(&w->out, w->pattern + w->at, 1 + caret, error));
            w->at += 1 + caret;
            if (w->at < w->length && w->pattern[w->at] == ']') {
                return unsupported(w, "] first in a class", error);
            }
        } else if (c == '$') { /* lines end before a newline, and at the end unless a newline was last */
            TRY(buffer_append_text(&w->out, "(?:(?=\\n)|(?<!\\n)\\z)", error));
            w->at++;
        } else if (c == '^') {
            TRY(buffer_append_text(&w->out, "(?:\\A|(?<=\\n)(?!\\z))", error));
            w->at++;
        } else {
            TRY(buffer_append_char(&w->out, c, error));
            w->at++;
        }
    }
    return HEARTH_OK;
}

/* ---- compiling ---- */

static hearth_status compile(regex *r, const buffer *pattern, pcre2_general_context *general, hearth_error *error)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    if (context == NULL) {
        return error_memory(error, 1);
    }
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_max_pattern_length(context, REGEX_PATTERN_BYTES * 8);
    r->code = pcre2_compile((PCRE2_SPTR)buffer_text(pattern), pattern->length,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (r->code == NULL) {
        char text[128] = "";
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return code == PCRE2_ERROR_HEAP_FAILED || code == PCRE2_ERROR_NOMEMORY
                   ? error_memory(error, pattern->length)
                   : error_set(error, HEARTH_E_UNSUPPORTED, "regular expression", "a pattern that PCRE2 reads",
                               "%s at byte %zu", text, (size_t)offset);
    }
    (void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE); /* without JIT it is only slower */
    return HEARTH_OK;
}

hearth_status regex_create(const char *pattern, size_t length, regex **ret, hearth_error *error)
{
    if (length > REGEX_PATTERN_BYTES || !utf8_valid(pattern, length)) {
        return error_set(error, HEARTH_E_FORMAT, "regular expression", "at most 64 KiB of UTF-8", "%zu bytes", length);
    }
    rewriter w = {.pattern = pattern, .length = length};
    buffer_init(&w.out, 0);
    pcre2_general_context *general = pcre2_general_context_create(pcre2_alloc, pcre2_release, NULL);
    regex *r = mem_calloc(1, sizeof *r);
    hearth_status status = r == NULL || general == NULL ? error_memory(error, sizeof *r) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = rewrite(&w, error);
    }
    if (status == HEARTH_OK) {
        r->stand_ins = w.uses_property ? STAND_IN_ALL : w.uses_space ? STAND_IN_SPACE : STAND_IN_NONE;
        status = compile(r, &w.out, general, error);
    }
    pcre2_general_context_free(general);
    buffer_free(&w.out);
    if (status != HEARTH_OK) {
        regex_free(r);
        return status;
    }
    *ret = r;
    return HEARTH_OK;
}

void regex_free(regex *r)
{
    if (r != NULL) {
        pcre2_code_free(r->code);
        mem_free(r);
    }
}

/* ---- searching ---- */

hearth_status regex_scratch_init(const regex *r, regex_scratch *s, hearth_error *error)
{
    *s = (regex_scratch){0};
    buffer_init(&s->subject, 0);
    pcre2_general_context *general = pcre2_general_context_create(pcre2_alloc, pcre2_release, NULL);
    if (general == NULL) {
        return error_memory(error, 1);
    }
    (void)r;
    s->match_data = pcre2_match_data_create(1, general);
    s->match_context = pcre2_match_context_create(general);
    s->jit_stack = pcre2_jit_stack_create(32u << 10, REGEX_JIT_STACK_BYTES, general);
    pcre2_general_context_free(general);
    if (s->match_data == NULL || s->match_context == NULL) {
        regex_scratch_free(s);
        return error_memory(error, 1);
    }
    (void)pcre2_set_match_limit(s->match_context, REGEX_MATCH_LIMIT);
    (void)pcre2_set_heap_limit(s->match_context, REGEX_HEAP_LIMIT_KIB);
    if (s->jit_stack != NULL) {
        pcre2_jit_stack_assign(s->match_context, NULL, s->jit_stack);
    }
    return HEARTH_OK;
}

void regex_scratch_free(regex_scratch *s)
{
    pcre2_match_data_free(s->match_data);
    pcre2_match_context_free(s->match_context);
    pcre2_jit_stack_free(s->jit_stack);
    buffer_free(&s->subject);
    *s = (regex_scratch){0};
}

static uint32_t stand_in_of(uint32_t code, enum stand_in_use use)
{
    if (use == STAND_IN_SPACE) {
        return code == 0x180E ? 0x200B : code;
    }
    size_t low = 0;
    size_t high = unicode_stand_in_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (unicode_stand_ins[middle].last < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < unicode_stand_in_count && unicode_stand_ins[low].first <= code ? unicode_stand_ins[low].to : code;
}

/* Copies the text into the scratch once the first character needs a stand-in. */
static hearth_status with_stand_ins(regex_search *search, enum stand_in_use use, hearth_error *error)
{
    const char *text = search->subject;
    bool copied = false;
    for (size_t i = 0; i < search->length;) {
        if ((unsigned char)text[i] < 0x80) {
            i++;
            continue;
        }
        uint32_t code = 0;
        const size_t taken = utf8_decode_lossy(text + i, search->length - i, &code);
        const uint32_t to = stand_in_of(code, use);
        if (to != code) {
            if (!copied) {
                buffer_clear(&search->scratch->subject);
                TRY(buffer_append(&search->scratch->subject, text, search->length, error));
                copied = true;
            }
            (void)utf8_encode(to, search->scratch->subject.data + i);
        }
        i += taken;
    }
    if (copied) {
        search->subject = search->scratch->subject.data;
    }
    return HEARTH_OK;
}

hearth_status regex_search_begin(const regex *r, regex_scratch *s, const char *text, size_t length, regex_search *ret,
                                 hearth_error *error)
{
    *ret = (regex_search){.regex = r, .scratch = s, .subject = text, .length = length, .last_end = SIZE_MAX};
    return r->stand_ins == STAND_IN_NONE ? HEARTH_OK : with_stand_ins(ret, r->stand_ins, error);
}

static int match_at(const regex_search *search, size_t at)
{
    const regex_scratch *s = search->scratch;
    const PCRE2_SPTR subject = (PCRE2_SPTR)search->subject;
    int rc = pcre2_match(search->regex->code, subject, search->length, at, PCRE2_NO_UTF_CHECK, s->match_data,
                         s->match_context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        rc = pcre2_match(search->regex->code, subject, search->length, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                         s->match_data, s->match_context);
    }
    return rc;
}

hearth_status regex_search_next(regex_search *search, bool *ret_found, size_t *ret_start, size_t *ret_end,
                                hearth_error *error)
{
    *ret_found = false;
    while (search->at <= search->length) {
        const int rc = match_at(search, search->at);
        if (rc == PCRE2_ERROR_NOMATCH) {
            search->at = search->length + 1;
            return HEARTH_OK;
        }
        if (rc < 0) {
            return rc == PCRE2_ERROR_NOMEMORY
                       ? error_memory(error, search->length)
                       : error_set(error, HEARTH_E_LIMIT, "regular expression", "a match within the limits",
                                   "PCRE2's error %d after byte %zu of the text", rc, search->at);
        }
        const PCRE2_SIZE *where = pcre2_get_ovector_pointer(search->scratch->match_data);
        if (where[0] == where[1] && where[1] == search->last_end) {
            uint32_t code = 0;
            const size_t step = utf8_decode_lossy(search->subject + where[1], search->length - where[1], &code);
            search->at = where[1] + (step > 0 ? step : 1);
            continue;
        }
        /* \K is refused and lookbehind cannot move the start, so start <= end. */
        search->at = where[1];
        search->last_end = where[1];
        *ret_found = true;
        *ret_start = where[0];
        *ret_end = where[1];
        return HEARTH_OK;
    }
    return HEARTH_OK;
}
