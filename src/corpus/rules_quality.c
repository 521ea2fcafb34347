/* Rules of quality: Gopher's (Rae et al. 2021, appendix A1) and C4's (Raffel et al. 2020, section 2.2). */
#include "corpus/rule_functions.h"

#include "base/utf8.h"
#include "corpus/words.h"

#include <string.h>

#include <utf8proc.h>

/* ---- Gopher ---- */

enum {
    GOPHER_MIN_WORDS,
    GOPHER_MAX_WORDS,
    GOPHER_MIN_LENGTH,
    GOPHER_MAX_LENGTH,
    GOPHER_SYMBOLS,
    GOPHER_BULLETS,
    GOPHER_ELLIPSES,
    GOPHER_ALPHABETIC,
    GOPHER_MIN_STOP,
    GOPHER_STOP_WORDS,
};

static bool is_letter(uint32_t c)
{
    if (c < 0x80) {
        return (c | 32) >= 'a' && (c | 32) <= 'z';
    }
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

static bool has_letter(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        at += utf8_decode_lossy(text + at, length - at, &code);
        if (is_letter(code)) {
            return true;
        }
    }
    return false;
}

static size_t occurrences(const char *text, size_t length, const char *what)
{
    const size_t size = strlen(what);
    size_t count = 0;
    for (size_t at = 0; at + size <= length;) {
        const bool here = memcmp(text + at, what, size) == 0;
        count += here;
        at += here ? size : 1;
    }
    return count;
}

/* How many of the listed words (apart by '\n') are among the words, each once. */
static size_t listed_words(const char *list, const char *text, const span_list *words)
{
    size_t found = 0;
    for (const char *at = list; *at != '\0';) {
        const size_t length = strcspn(at, "\n");
        for (size_t i = 0; i < words->count; i++) {
            const text_span w = words->items[i];
            if (w.end - w.begin == length && memcmp(text + w.begin, at, length) == 0) {
                found++;
                break;
            }
        }
        at += length + (at[length] != '\0');
    }
    return found;
}

static bool begins(const char *text, text_span line, const char *what)
{
    const size_t length = strlen(what);
    return line.end - line.begin >= length && memcmp(text + line.begin, what, length) == 0;
}

static bool ends(const char *text, text_span line, const char *what)
{
    const size_t length = strlen(what);
    return line.end - line.begin >= length && memcmp(text + line.end - length, what, length) == 0;
}

static hearth_status gopher_words(rule *r, document *d, const span_list *words, hearth_error *error)
{
    const char *text = buffer_text(&d->text);
    const rule_value *v = r->values;
    size_t characters = 0, alphabetic = 0;
    const double count = (double)words->count;
    for (size_t i = 0; i < words->count; i++) {
        const text_span w = words->items[i];
        characters += characters_of(text + w.begin, w.end - w.begin);
        alphabetic += has_letter(text + w.begin, w.end - w.begin);
    }
    if (count < v[GOPHER_MIN_WORDS].number || count > v[GOPHER_MAX_WORDS].number) {
        return RULE_DROP(r, d, error, "%zu words, not from %.0f to %.0f", words->count, v[GOPHER_MIN_WORDS].number,
                         v[GOPHER_MAX_WORDS].number);
    }
    const double mean = count > 0 ? (double)characters / count : 0;
    if (mean < v[GOPHER_MIN_LENGTH].number || mean > v[GOPHER_MAX_LENGTH].number) {
        return RULE_DROP(r, d, error, "words of %.2f characters on average, not from %g to %g", mean,
                         v[GOPHER_MIN_LENGTH].number, v[GOPHER_MAX_LENGTH].number);
    }
    const size_t hashes = occurrences(text, d->text.length, "#"),
                 ellipses =
                     occurrences(text, d->text.length, "...") + occurrences(text, d->text.length, "\xE2\x80\xA6");
    const double most = (double)(hashes > ellipses ? hashes : ellipses);
    if (most > v[GOPHER_SYMBOLS].number * count) {
        return RULE_DROP(r, d, error, "%.0f %s on %zu words, more than %g", most, hashes > ellipses ? "#" : "ellipses",
                         words->count, v[GOPHER_SYMBOLS].number);
    }
    if ((double)alphabetic < v[GOPHER_ALPHABETIC].number * count) {
        return RULE_DROP(r, d, error, "%zu of %zu words with a letter, fewer than %g", alphabetic, words->count,
                         v[GOPHER_ALPHABETIC].number);
    }
    const size_t stop = listed_words(v[GOPHER_STOP_WORDS].text, text, words);
    if ((double)stop < v[GOPHER_MIN_STOP].number) {
        return RULE_DROP(r, d, error, "%zu stop words, fewer than %.0f", stop, v[GOPHER_MIN_STOP].number);
    }
    return HEARTH_OK;
}

static hearth_status gopher_lines(rule *r, document *d, const span_list *lines, hearth_error *error)
{
    static const char *const bullets[] = {"\xE2\x80\xA2", "-", "*", "\xE2\x97\x8F", "\xE2\x80\xA3"}; /* • - * ● ‣ */
    const char *text = buffer_text(&d->text);
    size_t bulleted = 0, trailing = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const text_span line = lines->items[i];
        bool bullet = false;
        for (size_t b = 0; b < sizeof bullets / sizeof *bullets; b++) {
            bullet = bullet || begins(text, line, bullets[b]);
        }
        bulleted += bullet;
        trailing += ends(text, line, "...") || ends(text, line, "\xE2\x80\xA6");
    }
    if ((double)bulleted > r->values[GOPHER_BULLETS].number * (double)lines->count) {
        return RULE_DROP(r, d, error, "%zu of %zu lines begin with a bullet, more than %g", bulleted, lines->count,
                         r->values[GOPHER_BULLETS].number);
    }
    if ((double)trailing > r->values[GOPHER_ELLIPSES].number * (double)lines->count) {
        return RULE_DROP(r, d, error, "%zu of %zu lines end with an ellipsis, more than %g", trailing, lines->count,
                         r->values[GOPHER_ELLIPSES].number);
    }
    return HEARTH_OK;
}

hearth_status rule_gopher_quality(rule *r, document *d, int part, hearth_error *error)
{
    span_list spans = {0};
    (void)part;
    hearth_status status = words_split(buffer_text(&d->text), d->text.length, &spans, error);
    if (status == HEARTH_OK) {
        status = gopher_words(r, d, &spans, error);
    }
    if (status == HEARTH_OK && d->fate == NULL) {
        status = lines_split(buffer_text(&d->text), d->text.length, false, &spans, error);
    }
    if (status == HEARTH_OK && d->fate == NULL) {
        status = gopher_lines(r, d, &spans, error);
    }
    span_list_free(&spans);
    return status;
}

/* ---- C4 ---- */

enum { C4_MIN_SENTENCES, C4_MIN_WORDS, C4_PUNCTUATION, C4_BRACES, C4_LOREM, C4_JAVASCRIPT, C4_POLICY };

static bool yes(const rule *r, size_t at)
{
    return strcmp(r->values[at].text, "yes") == 0;
}

/* Whether lower-case `what` is in a piece of text, whatever the case there. */
static bool contains(const char *text, size_t length, const char *what)
{
    const size_t size = strlen(what);
    for (size_t at = 0; at + size <= length; at++) {
        size_t i = 0;
        while (i < size && (text[at + i] >= 'A' && text[at + i] <= 'Z' ? text[at + i] + 32 : text[at + i]) == what[i]) {
            i++;
        }
        if (i == size) {
            return true;
        }
    }
    return false;
}

static bool c4_keeps(const rule *r, const char *text, text_span line, size_t words)
{
    static const char *const policy[] = {"terms of use", "privacy policy", "cookie policy",
                                         "uses cookies", "use of cookies", "use cookies"};
    const size_t length = line.end - line.begin;
    const char *at = text + line.begin;
    const bool ended = ends(text, line, ".") || ends(text, line, "!") || ends(text, line, "?") ||
                       ends(text, line, "\"") || ends(text, line, "\xE2\x80\x9D");
    if ((double)words < r->values[C4_MIN_WORDS].number ||
        (yes(r, C4_PUNCTUATION) && (!ended || ends(text, line, "..."))) ||
        (yes(r, C4_JAVASCRIPT) && contains(at, length, "javascript"))) {
        return false;
    }
    for (size_t i = 0; yes(r, C4_POLICY) && i < sizeof policy / sizeof *policy; i++) {
        if (contains(at, length, policy[i])) {
            return false;
        }
    }
    return true;
}

/* Runs of . ! ? with a quotation mark or bracket behind or not, and then white space or the end. */
static size_t sentences(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t at = 0; at < length; at++) {
        if (strchr(".!?", text[at]) == NULL || text[at] == '\0') {
            continue;
        }
        size_t next = at + 1;
        while (next < length && text[next] != '\0' && strchr(".!?\"')]", text[next]) != NULL) {
            next++;
        }
        if (next + 2 < length && memcmp(text + next, "\xE2\x80\x9D", 3) == 0) {
            next += 3;
        }
        count += next == length || text[next] == ' ' || text[next] == '\n' || text[next] == '\t';
        at = next - 1;
    }
    return count;
}

static hearth_status c4_lines(rule *r, document *d, const span_list *lines, buffer *kept, hearth_error *error)
{
    const char *text = buffer_text(&d->text);
    span_list words = {0};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < lines->count; i++) {
        const text_span line = lines->items[i];
        status = words_split(text + line.begin, line.end - line.begin, &words, error);
        if (status == HEARTH_OK && c4_keeps(r, text, line, words.count)) {
            status = kept->length > 0 ? buffer_append_char(kept, '\n', error) : HEARTH_OK;
            if (status == HEARTH_OK) {
                status = buffer_append(kept, text + line.begin, line.end - line.begin, error);
            }
        }
    }
    span_list_free(&words);
    return status;
}

static hearth_status c4(rule *r, document *d, const span_list *lines, buffer *kept, hearth_error *error)
{
    const char *text = buffer_text(&d->text);
    if (yes(r, C4_LOREM) && contains(text, d->text.length, "lorem ipsum")) {
        return RULE_DROP(r, d, error, "lorem ipsum");
    }
    if (yes(r, C4_BRACES) && memchr(text, '{', d->text.length) != NULL) {
        return RULE_DROP(r, d, error, "a brace {: code");
    }
    TRY(c4_lines(r, d, lines, kept, error));
    const size_t count = sentences(buffer_text(kept), kept->length);
    if ((double)count < r->values[C4_MIN_SENTENCES].number) {
        return RULE_DROP(r, d, error, "%zu sentences in the lines that are left, fewer than %.0f", count,
                         r->values[C4_MIN_SENTENCES].number);
    }
    const buffer was = d->text;
    d->text = *kept;
    *kept = was;
    return HEARTH_OK;
}

hearth_status rule_c4_quality(rule *r, document *d, int part, hearth_error *error)
{
    span_list lines = {0};
    buffer kept;
    (void)part;
    buffer_init(&kept, d->text.limit);
    hearth_status status = lines_split(buffer_text(&d->text), d->text.length, false, &lines, error);
    if (status == HEARTH_OK) {
        status = c4(r, d, &lines, &kept, error);
    }
    span_list_free(&lines);
    buffer_free(&kept);
    return status;
}
