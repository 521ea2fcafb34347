/* man(7): headings, paragraphs, tags, fonts and links; with what pod2man and groff add. */
#include "corpus/man_page.h"

#include <string.h>

enum { SHORT_TAG = 3 }; /* bytes of one that its text stands beside: a bullet, "1." */

typedef hearth_status (*macro_fn)(man_page *p, const char *const *arguments, size_t count);

static hearth_status put_all(man_page *p, const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(man_put(p, arguments[i]));
    }
    return HEARTH_OK;
}

/* ---- tags ---- */

static hearth_status end_tag(man_page *p)
{
    if (!p->at_line) {
        return HEARTH_OK;
    }
    const size_t long_is = p->tag_from < p->out->length ? p->out->length - p->tag_from : 0;
    p->tag = 0;
    const size_t blanks = (size_t)MAN_INDENT * (p->indent < MAN_INDENT_MOST ? p->indent : MAN_INDENT_MOST);
    const size_t first = p->tag_from + blanks; /* past the end where the line began with fewer levels */
    const bool dash = first < p->out->length && p->out->data[first] == '-';
    const bool beside = long_is <= SHORT_TAG + blanks && !dash;
    p->indent = p->base + 1;
    return beside ? HEARTH_OK : man_break(p);
}

hearth_status man_line_done(man_page *p)
{
    if (p->tag == 2 && p->at_line) {
        p->tag = 0;
        return man_break(p);
    }
    return p->tag == 1 && !p->joined ? end_tag(p) : HEARTH_OK;
}

static hearth_status begin_tag(man_page *p, bool apart)
{
    TRY(apart ? man_paragraph(p) : man_break(p));
    p->indent = p->base;
    p->tag = 1;
    p->tag_from = p->out->length + (apart && p->out->length > p->begin);
    return HEARTH_OK;
}

static hearth_status tagged(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    return begin_tag(p, true);
}

static hearth_status tagged_too(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    return begin_tag(p, false);
}

static hearth_status indented(man_page *p, const char *const *arguments, size_t count)
{
    if (count == 0 || arguments[0][0] == '\0') {
        TRY(man_paragraph(p));
        p->tag = 0;
        p->indent = p->base + 1;
        return HEARTH_OK;
    }
    TRY(begin_tag(p, true));
    TRY(man_put(p, arguments[0]));
    return end_tag(p);
}

/* ---- blocks ---- */

static hearth_status heading(man_page *p, const char *const *arguments, size_t count)
{
    TRY(man_paragraph(p));
    p->base = p->indent = 0;
    p->outers = 0;
    p->literal = false;
    p->tag = 2;
    if (count == 0) {
        return HEARTH_OK; /* the next line is it */
    }
    TRY(put_all(p, arguments, count));
    return man_line_done(p);
}

static hearth_status paragraph(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    p->tag = 0;
    p->indent = p->base;
    return man_paragraph(p);
}

static hearth_status right(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    TRY(man_break(p));
    if (p->outers < MAN_NESTING) {
        p->outer[p->outers++] = p->base;
        p->base++;
    }
    p->tag = 0;
    p->indent = p->base;
    return HEARTH_OK;
}

static hearth_status left(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    TRY(man_break(p));
    if (p->outers > 0) {
        p->base = p->outer[--p->outers];
    }
    p->indent = p->base;
    return HEARTH_OK;
}

static hearth_status verbatim(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    p->literal = true;
    return man_break(p);
}

static hearth_status filled(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    p->literal = false;
    return man_break(p);
}

/* ---- within lines ---- */

static hearth_status words(man_page *p, const char *const *arguments, size_t count)
{
    TRY(put_all(p, arguments, count));
    return count > 0 ? man_line_done(p) : HEARTH_OK;
}

/* .BR and its like: no blanks between the parts. */
static hearth_status joined_words(man_page *p, const char *const *arguments, size_t count)
{
    bool begun = false;
    for (size_t i = 0; i < count; i++) {
        if (arguments[i][0] != '\0') {
            TRY(begun ? man_put_joined(p, arguments[i]) : man_put(p, arguments[i]));
            begun = true;
            const size_t length = strlen(arguments[i]);
            if (arguments[i][length - 1] == ' ' && p->at_line && i + 1 < count) {
                TRY(buffer_append_char(p->out, ' ', p->error)); /* "-x " before what belongs to it */
            }
        }
    }
    return count > 0 ? man_line_done(p) : HEARTH_OK;
}

static hearth_status link_begins(man_page *p, const char *const *arguments, size_t count)
{
    p->link = NULL;
    return count > 0 ? man_keep(p, arguments[0], strlen(arguments[0]), &p->link) : HEARTH_OK;
}

static hearth_status link_ends(man_page *p, const char *const *arguments, size_t count)
{
    if (p->link != NULL) {
        TRY(man_put(p, "<"));
        TRY(man_put_joined(p, p->link));
        TRY(man_put_joined(p, ">"));
        p->link = NULL;
    }
    return count > 0 ? man_put_joined(p, arguments[0]) : HEARTH_OK;
}

static hearth_status optional(man_page *p, const char *const *arguments, size_t count)
{
    TRY(man_put(p, "["));
    for (size_t i = 0; i < count; i++) {
        TRY(i == 0 ? man_put_joined(p, arguments[i]) : man_put(p, arguments[i]));
    }
    return man_put_joined(p, "]");
}

static hearth_status synopsis(man_page *p, const char *const *arguments, size_t count)
{
    TRY(man_break(p));
    return put_all(p, arguments, count);
}

static hearth_status nothing(man_page *p, const char *const *arguments, size_t count)
{
    (void)p;
    (void)arguments;
    (void)count;
    return HEARTH_OK;
}

static hearth_status gap(man_page *p, const char *const *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    return man_paragraph(p);
}

/* What a page defines by these names is not called. */
static const struct {
    const char *name;
    macro_fn fn;
} macros[] = {
    {"TH", man_title},    {"SH", heading},      {"SS", heading},      {"TP", tagged},       {"TQ", tagged_too},
    {"IP", indented},     {"PP", paragraph},    {"P", paragraph},     {"LP", paragraph},    {"HP", paragraph},
    {"RS", right},        {"RE", left},         {"EX", verbatim},     {"EE", filled},       {"Vb", verbatim},
    {"Ve", filled},       {"Sp", gap},          {"B", words},         {"I", words},         {"SM", words},
    {"SB", words},        {"R", words},         {"CW", words},        {"BR", joined_words}, {"RB", joined_words},
    {"BI", joined_words}, {"IB", joined_words}, {"IR", joined_words}, {"RI", joined_words}, {"UR", link_begins},
    {"MT", link_begins},  {"UE", link_ends},    {"ME", link_ends},    {"OP", optional},     {"SY", synopsis},
    {"YS", paragraph},    {"PD", nothing},      {"DT", nothing},      {"UC", nothing},      {"AT", nothing},
    {"IX", nothing},      {"MR", NULL},
};

/* .MR page section punctuation */
static hearth_status reference(man_page *p, const char *const *arguments, size_t count)
{
    TRY(count > 0 ? man_put(p, arguments[0]) : HEARTH_OK);
    if (count > 1) {
        TRY(man_put_joined(p, "("));
        TRY(man_put_joined(p, arguments[1]));
        TRY(man_put_joined(p, ")"));
    }
    return count > 2 ? man_put_joined(p, arguments[2]) : HEARTH_OK;
}

hearth_status man_macro(man_page *p, const char *name, const char *const *arguments, size_t count, bool *ret_known)
{
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        if (strcmp(macros[i].name, name) == 0) {
            *ret_known = true;
            return macros[i].fn != NULL ? macros[i].fn(p, arguments, count) : reference(p, arguments, count);
        }
    }
    *ret_known = false;
    return HEARTH_OK;
}
