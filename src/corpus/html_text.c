/* A walk over the marks of a page. */
#include "corpus/html_text.h"

#include "base/utf8.h"

#include <string.h>

typedef struct page {
    const char *html;
    size_t length, at;
    buffer *out;
    bool blank;   /* white space is due before the next character */
    bool line;    /* so is the end of a line */
    size_t begin; /* of what is ours in `out` */
    unsigned preformatted;
} page;

static const char *const left_out[] = {"head",   "script", "style",  "template", "noscript", "svg", "nav",
                                       "footer", "aside",  "select", "button",   "iframe",   NULL};
static const char *const raw[] = {"script", "style", "iframe", "noscript",
                                  NULL}; /* up to their end nothing is a mark */
static const char *const blocks[] = {
    "address", "article",  "blockquote", "body",   "br",   "caption", "dd", "div", "dl",
    "dt",      "fieldset", "figcaption", "figure", "form", "h1",      "h2", "h3",  "h4",
    "h5",      "h6",       "header",     "hr",     "li",   "main",    "ol", "p",   "pre",
    "section", "table",    "tbody",      "td",     "th",   "thead",   "tr", "ul",  NULL};

static const struct {
    const char *name;
    uint32_t code;
} entities[] = {
    {"amp", '&'},      {"lt", '<'},        {"gt", '>'},        {"quot", '"'},      {"apos", '\''},    {"nbsp", 0xA0},
    {"iexcl", 0xA1},   {"cent", 0xA2},     {"pound", 0xA3},    {"curren", 0xA4},   {"yen", 0xA5},     {"sect", 0xA7},
    {"uml", 0xA8},     {"copy", 0xA9},     {"laquo", 0xAB},    {"not", 0xAC},      {"shy", 0xAD},     {"reg", 0xAE},
    {"deg", 0xB0},     {"plusmn", 0xB1},   {"sup2", 0xB2},     {"sup3", 0xB3},     {"acute", 0xB4},   {"micro", 0xB5},
    {"para", 0xB6},    {"middot", 0xB7},   {"raquo", 0xBB},    {"frac14", 0xBC},   {"frac12", 0xBD},  {"frac34", 0xBE},
    {"iquest", 0xBF},  {"Agrave", 0xC0},   {"Aacute", 0xC1},   {"Acirc", 0xC2},    {"Atilde", 0xC3},  {"Auml", 0xC4},
    {"Aring", 0xC5},   {"AElig", 0xC6},    {"Ccedil", 0xC7},   {"Egrave", 0xC8},   {"Eacute", 0xC9},  {"Ecirc", 0xCA},
    {"Euml", 0xCB},    {"Igrave", 0xCC},   {"Iacute", 0xCD},   {"Icirc", 0xCE},    {"Iuml", 0xCF},    {"Ntilde", 0xD1},
    {"Ograve", 0xD2},  {"Oacute", 0xD3},   {"Ocirc", 0xD4},    {"Otilde", 0xD5},   {"Ouml", 0xD6},    {"times", 0xD7},
    {"Oslash", 0xD8},  {"Ugrave", 0xD9},   {"Uacute", 0xDA},   {"Ucirc", 0xDB},    {"Uuml", 0xDC},    {"szlig", 0xDF},
    {"agrave", 0xE0},  {"aacute", 0xE1},   {"acirc", 0xE2},    {"atilde", 0xE3},   {"auml", 0xE4},    {"aring", 0xE5},
    {"aelig", 0xE6},   {"ccedil", 0xE7},   {"egrave", 0xE8},   {"eacute", 0xE9},   {"ecirc", 0xEA},   {"euml", 0xEB},
    {"igrave", 0xEC},  {"iacute", 0xED},   {"icirc", 0xEE},    {"iuml", 0xEF},     {"ntilde", 0xF1},  {"ograve", 0xF2},
    {"oacute", 0xF3},  {"ocirc", 0xF4},    {"otilde", 0xF5},   {"ouml", 0xF6},     {"divide", 0xF7},  {"oslash", 0xF8},
    {"ugrave", 0xF9},  {"uacute", 0xFA},   {"ucirc", 0xFB},    {"uuml", 0xFC},     {"ndash", 0x2013}, {"mdash", 0x2014},
    {"lsquo", 0x2018}, {"rsquo", 0x2019},  {"sbquo", 0x201A},  {"ldquo", 0x201C},  {"rdquo", 0x201D}, {"bdquo", 0x201E},
    {"bull", 0x2022},  {"hellip", 0x2026}, {"lsaquo", 0x2039}, {"rsaquo", 0x203A}, {"euro", 0x20AC},  {"trade", 0x2122},
    {"rarr", 0x2192},  {"minus", 0x2212},
};

static bool among(const char *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static char peek(const page *p, size_t ahead)
{
    return p->at + ahead < p->length ? p->html[p->at + ahead] : '\0';
}

static hearth_status put(page *p, const char *bytes, size_t length, hearth_error *error)
{
    if (p->out->length > p->begin && (p->line || p->blank)) {
        TRY(buffer_append_char(p->out, p->line ? '\n' : ' ', error));
    }
    p->line = p->blank = false;
    return buffer_append(p->out, bytes, length, error);
}

/* ---- characters ---- */

/* Numbers 128 to 159 mean windows-1252, as every browser has it. */
static uint32_t numbered(uint32_t code)
{
    static const uint16_t windows[32] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                         0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                         0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                         0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    return code >= 128 && code < 160 ? windows[code - 128] : code;
}

/* "&…;" at p->at: its character, and how many bytes it takes; 0: it is none. */
static size_t read_entity(const page *p, uint32_t *ret)
{
    size_t n = 1;
    *ret = 0;
    if (peek(p, 1) == '#') {
        const bool hex = lower(peek(p, 2)) == 'x';
        const size_t first = n = hex ? 3 : 2;
        for (;; n++) {
            const char c = lower(peek(p, n));
            const bool digit = c >= '0' && c <= '9';
            if (!digit && !(hex && c >= 'a' && c <= 'f')) {
                break;
            }
            *ret = *ret > 0x110000 ? *ret : *ret * (hex ? 16 : 10) + (uint32_t)(digit ? c - '0' : c - 'a' + 10);
        }
        *ret = numbered(*ret);
        return n == first || *ret == 0 ? 0 : n + (peek(p, n) == ';');
    }
    while (letter(peek(p, n)) || (peek(p, n) >= '0' && peek(p, n) <= '9')) {
        n++;
    }
    for (size_t i = 0; peek(p, n) == ';' && i < sizeof entities / sizeof *entities; i++) {
        if (strlen(entities[i].name) == n - 1 && memcmp(entities[i].name, p->html + p->at + 1, n - 1) == 0) {
            *ret = entities[i].code;
            return n + 1;
        }
    }
    return 0;
}

static hearth_status put_entity(page *p, hearth_error *error)
{
    uint32_t code = 0;
    char bytes[4];
    const size_t taken = read_entity(p, &code);
    if (taken == 0) {
        p->at++;
        return put(p, "&", 1, error);
    }
    p->at += taken;
    if (code == 0xA0 || code == ' ' || code == '\n' || code == '\t') {
        p->blank = true;
        return HEARTH_OK;
    }
    if (code == 0xAD) { /* a soft hyphen */
        return HEARTH_OK;
    }
    const size_t size = utf8_encode(code, bytes);
    return size > 0 ? put(p, bytes, size, error) : put(p, "\xEF\xBF\xBD", 3, error);
}

/* ---- marks ---- */

/* Behind the ">" of a mark whose attributes begin here; quotation marks hide one. */
static void skip_attributes(page *p)
{
    char quote = '\0';
    for (; p->at < p->length; p->at++) {
        const char c = p->html[p->at];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '>') {
            p->at++;
            return;
        } else if ((c == '"' || c == '\'') && p->html[p->at - 1] == '=') {
            quote = c;
        }
    }
}

/* To the next place of `what`, behind it; to the end where there is none. */
static void skip_past(page *p, const char *what)
{
    const size_t size = strlen(what);
    for (; p->at + size <= p->length; p->at++) {
        if (memcmp(p->html + p->at, what, size) == 0) {
            p->at += size;
            return;
        }
    }
    p->at = p->length;
}

/* The name of the mark at p->at, which is "<name" or "</name": in lower case; false: none is there. */
static bool mark_name(page *p, char name[16], bool *ret_closing)
{
    *ret_closing = peek(p, 1) == '/';
    const size_t first = *ret_closing ? 2 : 1;
    size_t n = 0;
    if (!letter(peek(p, first))) {
        return false;
    }
    for (char c = peek(p, first); letter(c) || (c >= '0' && c <= '9'); c = peek(p, first + n)) {
        name[n < 15 ? n : 15] = lower(c);
        n++;
    }
    name[n < 15 ? n : 15] = '\0';
    p->at += first + n;
    return true;
}

/* Behind the end of an element that is left out; its own kind may lie in it. */
static void skip_element(page *p, const char *element)
{
    unsigned depth = 1;
    const bool is_raw = among(raw, element);
    const bool is_head = strcmp(element, "head") == 0;
    while (p->at < p->length && depth > 0) {
        char name[16];
        bool closing = false;
        const size_t here = p->at;
        const size_t left = p->length - p->at;
        const bool mark = p->html[p->at] == '<';
        if (mark && !is_raw && left >= 4 && memcmp(p->html + p->at, "<!--", 4) == 0) {
            skip_past(p, "-->");
        } else if (!mark || !mark_name(p, name, &closing)) {
            p->at++;
        } else if (is_head && !closing && strcmp(name, "body") == 0) { /* its end was forgotten */
            p->at = here;
            return;
        } else if (strcmp(name, element) == 0 && (closing || !is_raw)) {
            depth = closing ? depth - 1 : depth + 1;
            skip_attributes(p);
        } else if (!is_raw && !closing && among(raw, name)) {
            skip_attributes(p);
            skip_element(p, name); /* one deep: what is raw holds no marks */
        }
    }
}

static hearth_status read_mark(page *p, hearth_error *error)
{
    char name[16];
    bool closing = false;
    if (p->length - p->at >= 4 && memcmp(p->html + p->at, "<!--", 4) == 0) {
        p->at += 4;
        skip_past(p, "-->");
        return HEARTH_OK;
    }
    if (peek(p, 1) == '!' || peek(p, 1) == '?') {
        skip_past(p, ">");
        return HEARTH_OK;
    }
    if (!mark_name(p, name, &closing)) {
        p->at++;
        return put(p, "<", 1, error);
    }
    skip_attributes(p);
    const bool alone = p->html[p->at - 1] == '>' && p->at >= 2 && p->html[p->at - 2] == '/';
    if (!closing && !alone && among(left_out, name)) {
        skip_element(p, name);
    }
    if (among(blocks, name)) {
        p->line = true;
        const bool pre = strcmp(name, "pre") == 0;
        p->preformatted += pre && !closing;
        p->preformatted -= pre && closing && p->preformatted > 0;
    }
    return HEARTH_OK;
}

hearth_status html_text(const char *html, size_t length, buffer *out, hearth_error *error)
{
    page p = {.html = html, .length = length, .out = out, .begin = out->length};
    while (p.at < length) {
        const char c = html[p.at];
        if (c == '<') {
            TRY(read_mark(&p, error));
        } else if (c == '&') {
            TRY(put_entity(&p, error));
        } else if (space(c) || c == '\0') {
            p.line = p.line || (p.preformatted > 0 && c == '\n');
            p.blank = true;
            p.at++;
        } else {
            TRY(put(&p, &c, 1, error));
            p.at++;
        }
    }
    return HEARTH_OK;
}

void html_charset(const char *html, size_t length, char *ret, size_t size)
{
    static const char name[] = "charset=";
    const size_t most = length < 1024 ? length : 1024;
    size_t n = 0;
    ret[0] = '\0';
    for (size_t at = 0; at + sizeof name - 1 < most; at++) {
        size_t i = 0;
        while (i < sizeof name - 1 && lower(html[at + i]) == name[i]) {
            i++;
        }
        if (i < sizeof name - 1) {
            continue;
        }
        at += i;
        at += html[at] == '"' || html[at] == '\'';
        for (; at < most && n + 1 < size; at++) {
            const char c = lower(html[at]);
            if (!letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
                break;
            }
            ret[n++] = c;
        }
        ret[n] = '\0';
        return;
    }
}
