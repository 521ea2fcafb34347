/* A manual page line by line: requests, conditions, definitions, tables; and how its text is put out. */
#include "corpus/man_text.h"
#include "corpus/man_page.h"

#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 4096u

static hearth_status do_line(man_page *p, const char *line, size_t length);

/* ---- output ---- */

static hearth_status begin_line(man_page *p)
{
    if (p->blank && p->out->length > p->begin) {
        TRY(buffer_append_char(p->out, '\n', p->error));
    }
    p->blank = false;
    p->at_line = true;
    for (unsigned i = 0; i < MAN_INDENT * (p->indent < MAN_INDENT_MOST ? p->indent : MAN_INDENT_MOST); i++) {
        TRY(buffer_append_char(p->out, ' ', p->error));
    }
    return HEARTH_OK;
}

/* Runs of white space become a blank, but not where lines stay as they are. */
static hearth_status put_bytes(man_page *p, const char *text)
{
    while (*text != '\0') {
        const size_t word = p->literal ? strlen(text) : strcspn(text, " \t");
        TRY(buffer_append(p->out, text, word, p->error));
        text += word;
        const size_t gap = strspn(text, " \t");
        text += gap;
        if (gap > 0 && *text != '\0') {
            TRY(buffer_append_char(p->out, ' ', p->error));
        }
    }
    return HEARTH_OK;
}

static hearth_status put_text(man_page *p, const char *text, bool joined)
{
    const bool white = strspn(text, " \t") == strlen(text);
    if (white) {
        return HEARTH_OK;
    }
    if (!p->at_line) {
        TRY(begin_line(p));
    } else if ((!joined && !p->joined) || (joined && !p->literal && strchr(" \t", *text) != NULL)) {
        TRY(buffer_append_char(p->out, ' ', p->error));
    }
    p->joined = false;
    text += p->literal ? 0 : strspn(text, " \t");
    return put_bytes(p, text);
}

static hearth_status put_escaped(man_page *p, const char *text, bool joined)
{
    buffer plain;
    bool joins = false;
    buffer_init(&plain, 0);
    hearth_status status = man_unescape(p, text, &plain, &joins);
    if (status == HEARTH_OK) {
        status = put_text(p, buffer_text(&plain), joined);
        p->joined = p->joined || joins;
    }
    buffer_free(&plain);
    return status;
}

hearth_status man_put(man_page *p, const char *text)
{
    return put_escaped(p, text, false);
}

hearth_status man_put_joined(man_page *p, const char *text)
{
    return put_escaped(p, text, true);
}

hearth_status man_plain(man_page *p, const char *text)
{
    return put_text(p, text, false);
}

hearth_status man_break(man_page *p)
{
    p->joined = false;
    if (!p->at_line) {
        return HEARTH_OK;
    }
    while (p->out->length > p->begin && strchr(" \t", p->out->data[p->out->length - 1]) != NULL) {
        p->out->length--;
    }
    p->at_line = false;
    return buffer_append_char(p->out, '\n', p->error);
}

hearth_status man_paragraph(man_page *p)
{
    TRY(man_break(p));
    p->blank = true;
    return HEARTH_OK;
}

hearth_status man_title(man_page *p, const char *const *arguments, size_t count)
{
    if (count >= 2) {
        TRY(man_put(p, arguments[0]));
        TRY(man_put_joined(p, "("));
        TRY(man_put_joined(p, arguments[1]));
        TRY(man_put_joined(p, ")"));
    }
    return man_paragraph(p);
}

/* ---- names ---- */

man_name *man_find(const man_page *p, const char *name, size_t length, bool number)
{
    for (man_name *n = p->names; n != NULL; n = n->next) {
        if ((n->text == NULL) == number && strlen(n->name) == length && memcmp(n->name, name, length) == 0) {
            return n;
        }
    }
    return NULL;
}

hearth_status man_keep(man_page *p, const char *text, size_t length, const char **ret)
{
    *ret = arena_strndup(p->a, text, length);
    return *ret != NULL ? HEARTH_OK : error_memory(p->error, length);
}

/* The row of a name, made where there is none; *ret NULL: too many. */
static hearth_status open_name(man_page *p, const char *name, bool number, man_name **ret)
{
    *ret = man_find(p, name, strlen(name), number);
    if (*ret != NULL || p->name_count >= NAMES_MOST) {
        return HEARTH_OK;
    }
    man_name *n = arena_alloc(p->a, sizeof *n);
    if (n == NULL) {
        return error_memory(p->error, sizeof *n);
    }
    TRY(man_keep(p, name, strlen(name), &n->name));
    n->text = number ? NULL : "";
    n->next = p->names;
    p->names = n;
    p->name_count++;
    *ret = n;
    return HEARTH_OK;
}

/* ---- lines ---- */

/* The next line of the input on top; false: there is none, or the page has taken its work or is too long anyhow. */
static bool next_line(man_page *p, const char **ret, size_t *ret_length)
{
    man_input *in = &p->inputs[p->depth - 1];
    if (in->at >= in->length || p->work > LIMIT_MAN_WORK_BYTES || p->out->length - p->begin > LIMIT_DOCUMENT_BYTES) {
        return false;
    }
    const char *from = in->text + in->at;
    const char *end = memchr(from, '\n', in->length - in->at);
    size_t length = end != NULL ? (size_t)(end - from) : in->length - in->at;
    in->at += length + (end != NULL);
    p->work += length + (p->depth > 1 ? MAN_MACRO_LINE_WORK : 1);
    length -= length > 0 && from[length - 1] == '\r';
    *ret = from;
    *ret_length = length;
    return true;
}

/* Whether the line is ".end", whatever follows. */
static bool is_end(const char *line, size_t length, const char *end)
{
    const size_t name = strlen(end);
    size_t gap = 1;
    while (gap < length && (line[gap] == ' ' || line[gap] == '\t')) {
        gap++;
    }
    return length >= gap + name && line[0] == '.' && memcmp(line + gap, end, name) == 0 &&
           (length == gap + name || line[gap + name] == ' ' || line[gap + name] == '\t');
}

/* Passes over lines up to `.end`. `body` (NULL: nobody wants it) takes them, one backslash for two. */
static hearth_status collect(man_page *p, const char *end, buffer *body)
{
    const char *line = NULL;
    size_t length = 0;
    while (next_line(p, &line, &length)) {
        if (is_end(line, length, end)) {
            return HEARTH_OK;
        }
        for (size_t i = 0; body != NULL && i <= length; i++) {
            const bool twice = i + 1 < length && line[i] == '\\' && line[i + 1] == '\\';
            TRY(buffer_append_char(body, i == length ? '\n' : line[i], p->error));
            i += twice;
        }
    }
    return HEARTH_OK;
}

/* ---- arguments ---- */

/* Cuts the line into words, in place: apart by blanks, or in quotes ("" is a quote in them). */
static size_t cut(char *line, const char *ret[MAN_ARGUMENTS], bool ret_quoted[MAN_ARGUMENTS])
{
    size_t count = 0;
    for (char *at = line + strspn(line, " \t"); *at != '\0' && count < MAN_ARGUMENTS;) {
        const bool last = count + 1 == MAN_ARGUMENTS;
        char *to = at;
        ret_quoted[count] = *at == '"';
        ret[count++] = at;
        if (last) {
            break;
        }
        if (*at == '"') {
            for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++) {
                at += *at == '"';
                *to++ = *at;
            }
            at += *at != '\0';
        } else {
            while (*at != '\0' && strchr(" \t", *at) == NULL) {
                if (*at == '\\' && at[1] != '\0') {
                    *to++ = *at++; /* "\ " is no end */
                }
                *to++ = *at++;
            }
        }
        const bool more = *at != '\0';
        *to = '\0';
        at += more;
        at += strspn(at, " \t");
    }
    return count;
}

/* The first word of a line, cut off in place; *at moves to what follows. */
static const char *first_word(char **at)
{
    char *word = *at + strspn(*at, " \t");
    const size_t length = strcspn(word, " \t");
    *at = word + length;
    if (**at != '\0') {
        **at = '\0';
        (*at)++;
        *at += strspn(*at, " \t");
    }
    return word;
}

/* ---- definitions ---- */

static hearth_status define_macro(man_page *p, char *rest, bool adds)
{
    const char *name = first_word(&rest);
    const char *end = first_word(&rest);
    buffer body;
    man_name *n = NULL;
    buffer_init(&body, 0);
    hearth_status status = collect(p, *end != '\0' ? end : ".", &body);
    status = status == HEARTH_OK ? open_name(p, name, false, &n) : status;
    if (status == HEARTH_OK && n != NULL && *name != '\0') {
        buffer whole;
        buffer_init(&whole, 0);
        status = buffer_append_text(&whole, adds ? n->text : "", p->error);
        status = status == HEARTH_OK ? buffer_append_text(&whole, buffer_text(&body), p->error) : status;
        status = status == HEARTH_OK ? man_keep(p, buffer_text(&whole), whole.length, &n->text) : status;
        p->work += whole.length;
        n->is_macro = true;
        buffer_free(&whole);
    }
    buffer_free(&body);
    return status;
}

/* .ds name text: a quote before the text is none of it. */
static hearth_status define_string(man_page *p, char *rest, bool adds)
{
    const char *name = first_word(&rest);
    man_name *n = NULL;
    rest += *rest == '"';
    TRY(open_name(p, name, false, &n));
    if (n == NULL || *name == '\0') {
        return HEARTH_OK;
    }
    const char *before = adds && !n->is_macro ? n->text : "";
    char *whole = arena_format(p->a, "%s%s", before, rest);
    if (whole == NULL) {
        return error_memory(p->error, strlen(rest));
    }
    p->work += strlen(whole);
    n->text = whole;
    n->is_macro = false;
    return HEARTH_OK;
}

/* ---- numbers and conditions ---- */

static long number(const char **at, int depth);

static long operand(const char **at, int depth)
{
    if (**at == '(' && depth < MAN_NESTING) {
        (*at)++;
        const long v = number(at, depth + 1);
        *at += **at == ')';
        return v;
    }
    const bool minus = **at == '-';
    *at += **at == '-' || **at == '+';
    long v = 0;
    for (int digits = 0; **at >= '0' && **at <= '9'; (*at)++) {
        v = digits++ < 9 ? v * 10 + (**at - '0') : v;
    }
    if (**at == '.') {
        (*at)++;
        *at += strspn(*at, "0123456789");
    }
    *at += **at != '\0' && strchr("icpPmnvuMsfz", **at) != NULL; /* a unit */
    return minus ? -v : v;
}

static long applied(char sign, bool equal, long a, long b)
{
    const long most = 1000000000;
    switch (sign) {
    case '+':
        return a + b > most ? most : a + b;
    case '-':
        return a - b < -most ? -most : a - b;
    case '*':
        return b != 0 && labs(a) > most / labs(b) ? most : a * b;
    case '/':
        return b != 0 ? a / b : 0;
    case '%':
        return b != 0 ? a % b : 0;
    case '<':
        return equal ? a <= b : a < b;
    case '>':
        return equal ? a >= b : a > b;
    case '=':
        return a == b;
    case '&':
        return a > 0 && b > 0;
    default:
        return a > 0 || b > 0; /* : */
    }
}

/* From left to right, as roff has it. */
static long number(const char **at, int depth)
{
    long v = operand(at, depth);
    while (**at != '\0' && strchr("+-*/%<>=&:", **at) != NULL) {
        const char sign = *(*at)++;
        const bool equal = **at == '=';
        *at += equal;
        v = applied(sign, equal, v, operand(at, depth));
    }
    return v;
}

static hearth_status set_number(man_page *p, char *rest)
{
    const char *name = first_word(&rest);
    const char *at = rest;
    man_name *n = NULL;
    TRY(open_name(p, name, true, &n));
    if (n == NULL || *name == '\0') {
        return HEARTH_OK;
    }
    const bool adds = *at == '+' || *at == '-';
    const long v = number(&at, 0);
    n->number = adds ? applied('+', false, n->number, v) : v;
    return HEARTH_OK;
}

/* Whether a name behind .if d or r is known. */
static bool is_defined(const man_page *p, const char **at, bool number_wanted)
{
    *at += strspn(*at, " ");
    const size_t length = strcspn(*at, " \t");
    const char *name = *at;
    *at += length;
    return man_find(p, name, length, number_wanted) != NULL;
}

/* The condition at *at, which moves behind it. We are nroff. */
static bool condition(const man_page *p, const char **at)
{
    bool turned = false, holds = false;
    for (; **at == '!' || **at == ' '; (*at)++) {
        turned ^= **at == '!';
    }
    const char c = **at;
    if (c != '\0' && strchr("noetvcmFS", c) != NULL && strchr(" \t\\", (*at)[c == 'c' ? 0 : 1]) != NULL) {
        (*at)++;
        holds = c == 'n' || c == 'o';
    } else if (c == 'd' || c == 'r') {
        (*at)++;
        holds = is_defined(p, at, c == 'r');
    } else if ((c >= '0' && c <= '9') || c == '(' || c == '-' || c == '+') {
        holds = number(at, 0) > 0;
    } else if (c != '\0' && strchr("cmFS", c) != NULL) {
        *at += strcspn(*at, " \t");
        holds = c == 'c';
    } else if (c != '\0') {
        const char *a = *at + 1;
        const char *middle = strchr(a, c);
        const char *end = middle != NULL ? strchr(middle + 1, c) : NULL;
        *at += end == NULL ? strlen(*at) : (size_t)(end + 1 - *at);
        holds = end != NULL && end - middle - 1 == middle - a && memcmp(a, middle + 1, (size_t)(middle - a)) == 0;
    }
    *at += strspn(*at, " \t");
    return holds != turned;
}

static int braces(const char *line, size_t length)
{
    int open = 0;
    for (size_t i = 0; i + 1 < length; i++) {
        if (line[i] == '\\') {
            open += line[i + 1] == '{' ? 1 : line[i + 1] == '}' ? -1 : 0;
            i++;
        }
    }
    return open;
}

/* What follows a condition: done where it holds, else passed over up to the end of its block. */
static hearth_status branch(man_page *p, const char *rest, bool holds)
{
    if (holds) {
        const bool block = rest[0] == '\\' && rest[1] == '{';
        rest += block ? 2 + strspn(rest + 2, " \t") : 0;
        return *rest != '\0' && strcmp(rest, "\\") != 0 ? do_line(p, rest, strlen(rest)) : HEARTH_OK;
    }
    int open = braces(rest, strlen(rest));
    const char *line = NULL;
    size_t length = 0;
    while (open > 0 && next_line(p, &line, &length)) {
        open += braces(line, length);
    }
    return HEARTH_OK;
}

/* ---- tables ---- */

static hearth_status put_cell(man_page *p, char *cell, bool first)
{
    cell += strspn(cell, " ");
    for (size_t n = strlen(cell); n > 0 && cell[n - 1] == ' '; n--) {
        cell[n - 1] = '\0';
    }
    if (!first && p->at_line) {
        TRY(buffer_append_text(p->out, "  ", p->error));
        p->joined = true;
    }
    const bool rule =
        strcmp(cell, "_") == 0 || strcmp(cell, "=") == 0 || strcmp(cell, "\\_") == 0 || strcmp(cell, "\\^") == 0;
    return rule ? HEARTH_OK : man_put(p, cell);
}

/* One line of a table; *in_block: it is within T{ and T}. */
static hearth_status put_row(man_page *p, char *line, char tab, bool *in_block)
{
    bool first = true;
    if (*in_block) {
        if (line[0] != 'T' || line[1] != '}') {
            return do_line(p, line, strlen(line));
        }
        *in_block = false;
        line += 2;
        line += *line == tab;
        first = false;
        if (*line == '\0') {
            return HEARTH_OK;
        }
    } else {
        TRY(man_break(p));
    }
    for (char *cell = line; cell != NULL; first = false) {
        char *next = strchr(cell, tab);
        if (next != NULL) {
            *next++ = '\0';
        }
        if (strncmp(cell, "T{", 2) == 0) {
            *in_block = true;
            return put_cell(p, cell + 2, first);
        }
        TRY(put_cell(p, cell, first));
        cell = next;
    }
    return HEARTH_OK;
}

static char table_tab(const char *options)
{
    const char *found = strstr(options, "tab");
    const char *open = found != NULL ? strchr(found, '(') : NULL;
    return open != NULL && open[1] != '\0' ? open[1] : '\t';
}

static hearth_status table_line(man_page *p, const char *line, size_t length, char *tab, bool *formats, bool *in_block)
{
    buffer whole;
    buffer_init(&whole, 0);
    hearth_status status = man_interpolate(p, line, length, &whole);
    char *text = whole.data;
    const size_t end = whole.length;
    if (status != HEARTH_OK || text == NULL) {
        status = status == HEARTH_OK ? man_break(p) : status;
    } else if (*formats && end > 0 && text[end - 1] == ';') {
        *tab = table_tab(text);
    } else if (*formats) {
        const size_t last = end - (size_t)(end > 1 && text[end - 1] == ' ');
        *formats = last == 0 || text[last - 1] != '.';
    } else if (strncmp(text, ".T&", 3) == 0) {
        *formats = true;
    } else if (text[0] == '.' && !*in_block) {
        status = do_line(p, text, end);
    } else {
        status = put_row(p, text, *tab, in_block);
    }
    buffer_free(&whole);
    return status;
}

static hearth_status read_table(man_page *p)
{
    char tab = '\t';
    bool formats = true, in_block = false;
    const char *line = NULL;
    size_t length = 0;
    TRY(man_paragraph(p));
    while (next_line(p, &line, &length) && !(length >= 3 && memcmp(line, ".TE", 3) == 0)) {
        TRY(table_line(p, line, length, &tab, &formats, &in_block));
    }
    return man_paragraph(p);
}

/* ---- requests ---- */

static bool is(const char *name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(name, *list) == 0) {
            return true;
        }
    }
    return false;
}

static hearth_status conditional(man_page *p, const char *name, char *rest, bool *ret_known)
{
    const char *at = rest;
    bool *said = &p->conditions[p->depth - 1];
    *ret_known = true;
    if (strcmp(name, "if") == 0) {
        const bool holds = condition(p, &at);
        return branch(p, at, holds);
    }
    if (strcmp(name, "ie") == 0) {
        const bool holds = condition(p, &at);
        *said = holds;
        TRY(branch(p, at, holds));
        *said = holds; /* whatever conditions were within */
        return HEARTH_OK;
    }
    if (strcmp(name, "el") == 0) {
        const bool holds = !*said;
        *said = true;
        return branch(p, at, holds);
    }
    if (strcmp(name, "while") == 0) {
        (void)condition(p, &at);
        return branch(p, at, false);
    }
    *ret_known = false;
    return HEARTH_OK;
}

static hearth_status definition(man_page *p, const char *name, char *rest, bool *ret_known)
{
    *ret_known = true;
    if (is(name, (const char *const[]){"de", "de1", "dei", "am", "am1", NULL})) {
        return define_macro(p, rest, name[0] == 'a');
    }
    if (strcmp(name, "ds") == 0 || strcmp(name, "as") == 0) {
        return define_string(p, rest, name[0] == 'a');
    }
    if (strcmp(name, "nr") == 0) {
        return set_number(p, rest);
    }
    if (strcmp(name, "ig") == 0) {
        const char *end = first_word(&rest);
        return collect(p, *end != '\0' ? end : ".", NULL);
    }
    if (strcmp(name, "EQ") == 0 || strcmp(name, "PS") == 0) {
        return collect(p, name[0] == 'E' ? "EN" : "PE", NULL);
    }
    if (strcmp(name, "TS") == 0) {
        return read_table(p);
    }
    *ret_known = false;
    return HEARTH_OK;
}

static hearth_status request(man_page *p, const char *name, char *rest, bool *ret_known)
{
    *ret_known = true;
    if (is(name, (const char *const[]){"br", "in", "ti", "ce", "bp", "brp", NULL})) {
        return man_break(p);
    }
    if (strcmp(name, "sp") == 0) {
        return man_paragraph(p);
    }
    if (strcmp(name, "nf") == 0 || strcmp(name, "fi") == 0) {
        p->literal = name[0] == 'n';
        return man_break(p);
    }
    if (strcmp(name, "do") == 0 || strcmp(name, "nop") == 0) {
        if (name[0] == 'n') {
            return do_line(p, rest, strlen(rest));
        }
        char *line = arena_format(p->a, ".%s", rest);
        return line != NULL ? do_line(p, line, strlen(line)) : error_memory(p->error, strlen(rest));
    }
    *ret_known = false;
    return HEARTH_OK;
}

/* A page's own macro: its lines come next. */
static hearth_status call(man_page *p, const man_name *n, const char *const *arguments, size_t count)
{
    if (p->depth >= MAN_NESTING) {
        return HEARTH_OK;
    }
    p->inputs[p->depth] = (man_input){n->text, strlen(n->text), 0, arguments, count};
    p->conditions[p->depth] = true;
    const int depth = p->depth++;
    const char *line = NULL;
    size_t length = 0;
    while (next_line(p, &line, &length)) {
        TRY(do_line(p, line, length));
    }
    p->depth = depth;
    return HEARTH_OK;
}

/* ---- a line ---- */

static hearth_status macro_line(man_page *p, const char *name, char *rest)
{
    const char *arguments[MAN_ARGUMENTS];
    bool quoted[MAN_ARGUMENTS], known = false;
    if (strcmp(name, "Dd") == 0) {
        p->mdoc = true;
    }
    const man_name *own = man_find(p, name, strlen(name), false);
    p->work += p->name_count;
    const size_t count = cut(rest, arguments, quoted);
    if (p->mdoc) {
        for (size_t i = 0; i < count; i++) { /* a word in quotes is no macro's name */
            if (quoted[i]) {
                char *marked = arena_format(p->a, "\\&%s", arguments[i]);
                if (marked == NULL) {
                    return error_memory(p->error, strlen(arguments[i]));
                }
                arguments[i] = marked;
            }
        }
    }
    TRY(p->mdoc ? man_mdoc(p, name, arguments, count, &known) : man_macro(p, name, arguments, count, &known));
    return !known && own != NULL && own->is_macro ? call(p, own, arguments, count) : HEARTH_OK;
}

static hearth_status control_line(man_page *p, char *line)
{
    char name[64];
    bool known = false;
    line += strspn(line, " \t");
    size_t length = strcspn(line, " \t\\");
    if (length == 0 || length >= sizeof name) {
        return HEARTH_OK;
    }
    memcpy(name, line, length);
    name[length] = '\0';
    char *rest = line + length + strspn(line + length, " \t");
    TRY(conditional(p, name, rest, &known));
    if (!known) {
        TRY(definition(p, name, rest, &known));
    }
    if (!known) {
        TRY(request(p, name, rest, &known));
    }
    if (!known) {
        TRY(macro_line(p, name, rest));
        TRY(p->literal ? man_break(p) : HEARTH_OK);
        return HEARTH_OK;
    }
    return HEARTH_OK;
}

static hearth_status text_line(man_page *p, const char *line)
{
    if (line[strspn(line, " \t")] == '\0') {
        return man_paragraph(p);
    }
    if (strchr(" \t", *line) != NULL) {
        TRY(man_break(p));
    }
    TRY(man_put(p, line));
    TRY(man_line_done(p));
    return p->literal ? man_break(p) : HEARTH_OK;
}

/* Takes the ends of blocks out; they have done their work. */
static void drop_ends(char *line)
{
    char *to = line;
    for (char *at = line; *at != '\0';) {
        if (at[0] == '\\' && at[1] == '}') {
            at += 2;
        } else {
            const bool two = at[0] == '\\' && at[1] != '\0';
            *to++ = *at++;
            if (two) {
                *to++ = *at++;
            }
        }
    }
    *to = '\0';
}

static hearth_status do_line(man_page *p, const char *line, size_t length)
{
    buffer whole;
    buffer_init(&whole, 0);
    if (++p->nesting > 4 * MAN_NESTING) { /* conditions within conditions */
        p->nesting--;
        return HEARTH_OK;
    }
    hearth_status status = man_interpolate(p, line, length, &whole);
    const bool comment = length > 0 && whole.length == 0;
    if (status == HEARTH_OK && whole.length == 0) {
        status = comment ? HEARTH_OK : man_paragraph(p);
    } else if (status == HEARTH_OK) {
        char *text = whole.data;
        drop_ends(text);
        const bool control = text[0] == '.' || text[0] == '\'';
        status = control ? control_line(p, text + 1) : text[0] == '\0' ? HEARTH_OK : text_line(p, text);
    }
    p->nesting--;
    buffer_free(&whole);
    return status;
}

static hearth_status read_page(man_page *p)
{
    const char *line = NULL;
    size_t length = 0;
    while (next_line(p, &line, &length)) {
        TRY(do_line(p, line, length));
    }
    return man_break(p);
}

hearth_status man_text(const char *source, size_t length, buffer *out, hearth_error *error)
{
    man_page *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return error_memory(error, sizeof *p);
    }
    p->error = error;
    p->out = out;
    p->begin = out->length;
    p->function = p->reference = -1;
    p->inputs[0] = (man_input){.text = source, .length = length};
    p->depth = 1;
    p->a = arena_create(0);
    const hearth_status status = p->a != NULL ? read_page(p) : error_memory(error, 0);
    arena_destroy(p->a);
    mem_free(p);
    return status;
}
