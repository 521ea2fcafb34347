/* roff's escapes: what a backslash and what follows it stand for. */
#include "corpus/man_page.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES ((size_t)1 << 20)
#define NESTING_MOST 8u

/* *W: what pod2man makes dashes of, by .tr. */
static const struct {
    const char *name, *text;
} characters[] = {
    {"em", "\u2014"}, {"en", "\u2013"}, {"hy", "-"},         {"bu", "\u2022"}, {"dq", "\""},     {"lq", "\u201C"},
    {"rq", "\u201D"}, {"oq", "\u2018"}, {"cq", "\u2019"},    {"aq", "'"},      {"ga", "`"},      {"ha", "^"},
    {"ti", "~"},      {"rs", "\\"},     {"sl", "/"},         {"bv", "|"},      {"ba", "|"},      {"br", "|"},
    {"at", "@"},      {"sh", "#"},      {"Do", "$"},         {"ct", "\u00A2"}, {"Po", "\u00A3"}, {"Eu", "\u20AC"},
    {"eu", "\u20AC"}, {"Ye", "\u00A5"}, {"co", "\u00A9"},    {"rg", "\u00AE"}, {"tm", "\u2122"}, {"de", "\u00B0"},
    {"+-", "\u00B1"}, {"mu", "\u00D7"}, {"di", "\u00F7"},    {"<=", "\u2264"}, {">=", "\u2265"}, {"!=", "\u2260"},
    {"==", "\u2261"}, {"~~", "\u2248"}, {"~=", "\u2248"},    {"->", "\u2192"}, {"<-", "\u2190"}, {"ua", "\u2191"},
    {"da", "\u2193"}, {"<>", "\u2194"}, {"rA", "\u21D2"},    {"lA", "\u21D0"}, {"hA", "\u21D4"}, {"fm", "\u2032"},
    {"sd", "\u2033"}, {"dg", "\u2020"}, {"dd", "\u2021"},    {"sc", "\u00A7"}, {"ps", "\u00B6"}, {"12", "\u00BD"},
    {"14", "\u00BC"}, {"34", "\u00BE"}, {"if", "\u221E"},    {"pd", "\u2202"}, {"no", "\u00AC"}, {"mo", "\u2208"},
    {"OK", "\u2713"}, {"fo", "\u2039"}, {"fc", "\u203A"},    {"Fo", "\u00AB"}, {"Fc", "\u00BB"}, {"ss", "\u00DF"},
    {"lB", "["},      {"rB", "]"},      {"lC", "{"},         {"rC", "}"},      {"la", "<"},      {"ra", ">"},
    {"Bq", "\u201E"}, {"bq", "\u201A"}, {"r!", "\u00A1"},    {"r?", "\u00BF"}, {"ff", "ff"},     {"fi", "fi"},
    {"fl", "fl"},     {"Fi", "ffi"},    {"Fl", "ffl"},       {"AE", "\u00C6"}, {"ae", "\u00E6"}, {"OE", "\u0152"},
    {"oe", "\u0153"}, {"ul", "_"},      {"ru", "_"},         {"mi", "\u2212"}, {"pl", "+"},      {"eq", "="},
    {"**", "*"},      {"/o", "\u00F8"}, {"/O", "\u00D8"},    {"oa", "\u00E5"}, {"oA", "\u00C5"}, {"-D", "\u00D0"},
    {"Sd", "\u00F0"}, {"TP", "\u00DE"}, {"Tp", "\u00FE"},    {"sq", "\u25A1"}, {"ci", "\u25CB"}, {"*a", "\u03B1"},
    {"*b", "\u03B2"}, {"*g", "\u03B3"}, {"*d", "\u03B4"},    {"*e", "\u03B5"}, {"*h", "\u03B8"}, {"*l", "\u03BB"},
    {"*m", "\u03BC"}, {"*p", "\u03C0"}, {"*s", "\u03C3"},    {"*W", "-"},      {"mc", "\u00B5"}, {"S1", "\u00B9"},
    {"S2", "\u00B2"}, {"S3", "\u00B3"}, {"u2026", "\u2026"},
};

/* Letters with a mark: the mark's sign, a letter. The mark follows its letter, as Unicode has it. */
static const struct {
    char sign;
    const char *mark;
} marks[] = {{'\'', "\u0301"}, {'`', "\u0300"}, {':', "\u0308"}, {'^', "\u0302"}, {'~', "\u0303"}, {',', "\u0327"}};

static hearth_status put_code(uint32_t code, buffer *out, hearth_error *error)
{
    char bytes[4];
    const size_t count = utf8_encode(code, bytes);
    return buffer_append(out, bytes, count, error);
}

static hearth_status put_character(const char *name, size_t length, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        if (strlen(characters[i].name) == length && memcmp(characters[i].name, name, length) == 0) {
            return buffer_append_text(out, characters[i].text, error);
        }
    }
    for (size_t i = 0; length == 2 && i < sizeof marks / sizeof *marks; i++) {
        if (marks[i].sign == name[0]) {
            TRY(buffer_append_char(out, name[1], error));
            return buffer_append_text(out, marks[i].mark, error);
        }
    }
    if (length >= 5 && length <= 7 && name[0] == 'u' && strspn(name + 1, "0123456789ABCDEFabcdef") >= length - 1) {
        const unsigned long code = strtoul(name + 1, NULL, 16);
        return code > 0 && code < 0x110000 && (code < 0xD800 || code > 0xDFFF) ? put_code((uint32_t)code, out, error)
                                                                               : HEARTH_OK;
    }
    return HEARTH_OK; /* one that nobody knows */
}

/* A name behind an escape's letter: one character, "(xx" or "[…]". Moves *at behind it. */
static size_t take_name(const char **at, const char **ret)
{
    const char *s = *at;
    size_t length = 0;
    if (*s == '(') {
        *ret = s + 1;
        length = s[1] != '\0' && s[2] != '\0' ? 2 : strlen(s + 1);
        *at = s + 1 + length;
    } else if (*s == '[') {
        *ret = s + 1;
        length = strcspn(s + 1, "]");
        *at = s + 1 + length + (s[1 + length] == ']');
    } else {
        *ret = s;
        length = *s != '\0';
        *at = s + length;
    }
    return length;
}

/* What stands between two equal characters: 'text'. */
static size_t take_delimited(const char **at, const char **ret)
{
    const char *s = *at;
    const char quote = *s;
    if (quote == '\0') {
        *ret = s;
        return 0;
    }
    const char *end = strchr(s + 1, quote);
    *ret = s + 1;
    const size_t length = end != NULL ? (size_t)(end - s) - 1 : strlen(s + 1);
    *at = s + 1 + length + (end != NULL);
    return length;
}

/* \s: a sign, digits, or a name. */
static void skip_size(const char **at)
{
    const char *unused = NULL;
    *at += **at == '+' || **at == '-';
    if (**at == '(' || **at == '[') {
        (void)take_name(at, &unused);
    } else if (**at == '\'') {
        (void)take_delimited(at, &unused);
    } else if (**at >= '0' && **at <= '9') {
        const bool two = **at >= '1' && **at <= '3' && (*at)[1] >= '0' && (*at)[1] <= '9';
        *at += two ? 2 : 1;
    }
}

/* ---- before a line is read ---- */

static hearth_status put_number(man_page *p, const char *name, size_t length, buffer *out)
{
    if (length == 2 && memcmp(name, ".$", 2) == 0) {
        return buffer_printf(out, p->error, "%zu", p->inputs[p->depth - 1].argument_count);
    }
    if (length == 2 && memcmp(name, ".g", 2) == 0) {
        return buffer_append_char(out, '1', p->error); /* as groff says */
    }
    const man_name *n = man_find(p, name, length, true);
    p->work += p->name_count;
    return buffer_printf(out, p->error, "%ld", n != NULL ? n->number : 0);
}

static hearth_status put_argument(man_page *p, const char *name, size_t length, buffer *out)
{
    const man_input *in = &p->inputs[p->depth - 1];
    if (length == 1 && (*name == '*' || *name == '@')) {
        for (size_t i = 0; i < in->argument_count; i++) {
            p->work += strlen(in->arguments[i]) + 1;
            TRY(buffer_printf(out, p->error, *name == '@' ? "%s\"%s\"" : "%s%s", i > 0 ? " " : "", in->arguments[i]));
        }
        return HEARTH_OK;
    }
    size_t number = 0;
    for (size_t i = 0; i < length && i < 3; i++) {
        number = number * 10 + (size_t)(name[i] >= '0' && name[i] <= '9' ? name[i] - '0' : 0);
    }
    if (number < 1 || number > in->argument_count) {
        return HEARTH_OK;
    }
    p->work += strlen(in->arguments[number - 1]);
    return buffer_append_text(out, in->arguments[number - 1], p->error);
}

static hearth_status interpolate(man_page *p, const char *text, unsigned nesting, buffer *out);

/* One escape that is put in before the line is read; *ret_done false: it is another one, and stays. */
static hearth_status put_in(man_page *p, const char **at, unsigned nesting, buffer *out, bool *ret_done)
{
    const char *s = *at + 1, *name = NULL;
    *ret_done = true;
    if (*s == '*') {
        s++;
        const size_t length = take_name(&s, &name);
        const man_name *n = man_find(p, name, length, false);
        p->work += p->name_count;
        *at = s;
        return n != NULL && !n->is_macro ? interpolate(p, n->text, nesting + 1, out) : HEARTH_OK;
    }
    if (*s == 'n') {
        s++;
        s += *s == '+' || *s == '-';
        const size_t length = take_name(&s, &name);
        *at = s;
        return put_number(p, name, length, out);
    }
    if (*s == '$') {
        s++;
        const size_t length = take_name(&s, &name);
        *at = s;
        return put_argument(p, name, length, out);
    }
    *ret_done = false;
    return HEARTH_OK;
}

/* `text` ends with a NUL, or with its first one. */
static hearth_status interpolate(man_page *p, const char *text, unsigned nesting, buffer *out)
{
    p->work += strlen(text) + 1;
    for (const char *at = text; *at != '\0';) {
        if (nesting > NESTING_MOST || out->length > LINE_BYTES || p->work > LIMIT_MAN_WORK_BYTES) {
            return HEARTH_OK; /* a string that holds itself */
        }
        const size_t plain = strcspn(at, "\\");
        TRY(buffer_append(out, at, plain, p->error));
        at += plain;
        if (*at == '\0' || at[1] == '\0') {
            return *at == '\0' ? HEARTH_OK : buffer_append_char(out, '\\', p->error);
        }
        bool done = false;
        if (at[1] == '"' || at[1] == '#') {
            return HEARTH_OK; /* a comment */
        }
        TRY(put_in(p, &at, nesting, out, &done));
        if (!done) {
            TRY(buffer_append(out, at, 2, p->error));
            at += 2;
        }
    }
    return HEARTH_OK;
}

hearth_status man_interpolate(man_page *p, const char *line, size_t length, buffer *out)
{
    buffer whole;
    buffer_init(&whole, 0);
    hearth_status status = buffer_append(&whole, line, length, p->error);
    status = status == HEARTH_OK ? interpolate(p, buffer_text(&whole), 0, out) : status;
    buffer_free(&whole);
    return status;
}

/* ---- when it is put out ---- */

/* Escapes with a name or a delimited argument. `letter` is read already. */
static hearth_status named_escape(man_page *p, char letter, const char **at, buffer *out)
{
    const char *name = NULL;
    size_t length = 0;
    if (strchr("fFmMkgOVY", letter) != NULL) {
        (void)take_name(at, &name);
        return HEARTH_OK;
    }
    if (letter == 's') {
        skip_size(at);
        return HEARTH_OK;
    }
    if (letter == '(' || letter == '[') {
        (*at)--;
        length = take_name(at, &name);
        return put_character(name, length, out, p->error);
    }
    length = take_delimited(at, &name);
    if (letter == 'C') {
        return put_character(name, length, out, p->error);
    }
    if (letter == 'N') {
        const unsigned long code = strtoul(name, NULL, 10);
        return code >= 32 && code < 127 ? buffer_append_char(out, (char)code, p->error) : HEARTH_OK;
    }
    return letter == 'o' ? buffer_append(out, name, length, p->error) : HEARTH_OK; /* movements and drawings */
}

static hearth_status one_escape(man_page *p, const char **at, buffer *out, bool *ret_joins)
{
    const char c = **at;
    if (c == '\0') {
        return HEARTH_OK;
    }
    (*at)++;
    if (strchr("fFmMkgOVYs([CNohvwlLDxbABHSXRZ", c) != NULL) {
        return named_escape(p, c, at, out);
    }
    switch (c) {
    case ' ':
    case '~':
    case '0':
        return buffer_append_char(out, ' ', p->error);
    case 't':
        return buffer_append_char(out, '\t', p->error);
    case 'e':
    case 'E':
    case '\\':
        return buffer_append_char(out, '\\', p->error);
    case 'c':
        *ret_joins = true;
        return HEARTH_OK;
    default:
        /* what takes no room, and characters that stand for themselves */
        return strchr("|^&)/,%:durpaz{}!?", c) != NULL ? HEARTH_OK : buffer_append_char(out, c, p->error);
    }
}

hearth_status man_unescape(man_page *p, const char *text, buffer *out, bool *ret_joins)
{
    *ret_joins = false;
    for (const char *at = text; *at != '\0';) {
        const size_t plain = strcspn(at, "\\");
        TRY(buffer_append(out, at, plain, p->error));
        at += plain;
        if (*at == '\\') {
            at++;
            TRY(one_escape(p, &at, out, ret_joins));
        }
    }
    return HEARTH_OK;
}
