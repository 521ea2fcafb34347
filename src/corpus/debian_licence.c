/* Licences' short names of debian/copyright as SPDX has them. */
#include "corpus/debian_copyright.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Debian's name, SPDX's. Names that are equal but for case are found by it, too. */
static const struct {
    const char *debian, *spdx;
} licences[] = {
    {"0BSD", "0BSD"},
    {"AFL-2.1", "AFL-2.1"},
    {"AFL-3.0", "AFL-3.0"},
    {"Apache-1.1", "Apache-1.1"},
    {"Apache-2", "Apache-2.0"},
    {"Apache-2.0", "Apache-2.0"},
    {"Artistic", "Artistic-1.0-Perl"}, /* /usr/share/common-licenses/Artistic is Perl's */
    {"Artistic-1", "Artistic-1.0-Perl"},
    {"Artistic-1.0", "Artistic-1.0-Perl"},
    {"Artistic-2", "Artistic-2.0"},
    {"Artistic-2.0", "Artistic-2.0"},
    {"Beerware", "Beerware"},
    {"Boost-1.0", "BSL-1.0"},
    {"BSD-1-clause", "BSD-1-Clause"},
    {"BSD-2-clause", "BSD-2-Clause"},
    {"BSD-2-Clause-Patent", "BSD-2-Clause-Patent"},
    {"BSD-3-clause", "BSD-3-Clause"},
    {"BSD-4-clause", "BSD-4-Clause"},
    {"BSD-4-clause-UC", "BSD-4-Clause-UC"},
    {"BSL-1.0", "BSL-1.0"},
    {"bzip2-1.0.6", "bzip2-1.0.6"},
    {"CC-BY-2.5", "CC-BY-2.5"},
    {"CC-BY-3.0", "CC-BY-3.0"},
    {"CC-BY-4.0", "CC-BY-4.0"},
    {"CC-BY-SA-2.5", "CC-BY-SA-2.5"},
    {"CC-BY-SA-3.0", "CC-BY-SA-3.0"},
    {"CC-BY-SA-4.0", "CC-BY-SA-4.0"},
    {"CC0", "CC0-1.0"},
    {"CC0-1.0", "CC0-1.0"},
    {"CDDL-1.0", "CDDL-1.0"},
    {"curl", "curl"},
    {"EPL-1.0", "EPL-1.0"},
    {"EPL-2.0", "EPL-2.0"},
    {"EUPL-1.1", "EUPL-1.1"},
    {"EUPL-1.2", "EUPL-1.2"},
    {"Expat", "MIT"},
    {"FSFAP", "FSFAP"},
    {"FSFUL", "FSFUL"},
    {"FSFULLR", "FSFULLR"},
    {"FTL", "FTL"},
    {"GPL", "GPL-1.0-or-later"}, /* a GPL without a version is any */
    {"HPND", "HPND"},
    {"ICU", "ICU"},
    {"IJG", "IJG"},
    {"Info-ZIP", "Info-ZIP"},
    {"ISC", "ISC"},
    {"LGPL", "LGPL-2.0-or-later"},
    {"Libpng", "Libpng"},
    {"LPPL-1.3c", "LPPL-1.3c"},
    {"LPPL-1.3+", "LPPL-1.3a"},
    {"MIT", "MIT"},
    {"MIT-0", "MIT-0"},
    {"MIT/X11", "MIT"},
    {"MPL-1.1", "MPL-1.1"},
    {"MPL-2.0", "MPL-2.0"},
    {"NCSA", "NCSA"},
    {"NTP", "NTP"},
    {"OFL-1.1", "OFL-1.1"},
    {"OpenSSL", "OpenSSL"},
    {"Perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"},
    {"PHP-3.01", "PHP-3.01"},
    {"PostgreSQL", "PostgreSQL"},
    {"PSF", "PSF-2.0"},
    {"PSF-2", "PSF-2.0"},
    {"PSF-2.0", "PSF-2.0"},
    {"public-domain", "LicenseRef-public-domain"}, /* SPDX has no identifier for it */
    {"Python-2.0", "Python-2.0"},
    {"QPL-1.0", "QPL-1.0"},
    {"Ruby", "Ruby"},
    {"SIL-1.1", "OFL-1.1"},
    {"Sleepycat", "Sleepycat"},
    {"TCL", "TCL"},
    {"Unlicense", "Unlicense"},
    {"UPL-1.0", "UPL-1.0"},
    {"Vim", "Vim"},
    {"W3C", "W3C"},
    {"WTFPL", "WTFPL"},
    {"WTFPL-2", "WTFPL"},
    {"X11", "X11"},
    {"Zlib", "Zlib"},
    {"Zope-2.1", "ZPL-2.1"},
    {"ZPL-2.1", "ZPL-2.1"},
};

static const struct {
    const char *debian, *spdx;
} exceptions[] = {
    {"Autoconf", "Autoconf-exception-2.0"},
    {"Autoconf-2.0", "Autoconf-exception-2.0"},
    {"Autoconf-3.0", "Autoconf-exception-3.0"},
    {"Bison", "Bison-exception-2.2"},
    {"Bison-2.2", "Bison-exception-2.2"},
    {"Classpath", "Classpath-exception-2.0"},
    {"Font", "Font-exception-2.0"},
    {"GCC", "GCC-exception-3.1"},
    {"GCC-Runtime-3.1", "GCC-exception-3.1"},
    {"LLVM", "LLVM-exception"},
    {"Libtool", "Libtool-exception"},
};

enum { NAME_BYTES = 200, SYNOPSIS_BYTES = 900 };

/* The GNU licences: FAMILY[-NIV]-[v]VERSION[+ | -only | -or-later]; false: another name. */
static bool gnu(const char *name, char *ret, size_t size)
{
    static const char *const families[] = {"GPL", "LGPL", "AGPL", "GFDL"};
    char family[8] = "", version[8] = "";
    const size_t letters = strspn(name, "AGLPFDagplfd");
    bool known = false, without = false;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        known = known || (strlen(families[i]) == letters && strncasecmp(families[i], name, letters) == 0 &&
                          snprintf(family, sizeof family, "%s", families[i]) > 0);
    }
    const char *at = name + letters;
    if (!known || *at != '-') {
        return false;
    }
    if (strncasecmp(at, "-NIV-", 5) == 0) {
        without = true;
        at += 4;
    }
    at++;
    at += *at == 'v' || *at == 'V';
    const size_t digits = strspn(at, "0123456789.");
    if (digits == 0 || digits > 4) {
        return false;
    }
    (void)snprintf(version, sizeof version, "%.*s%s", (int)digits, at, strchr(at, '.') == NULL ? ".0" : "");
    at += digits;
    const bool later = *at == '+' || strcasecmp(at, "-or-later") == 0;
    at += *at == '+';
    if (strcasecmp(at, "-NIV") == 0 || strcasecmp(at, "-no-invariants") == 0) {
        without = true;
        at = "";
    }
    if (*at != '\0' && strcasecmp(at, "-or-later") != 0 && strcasecmp(at, "-only") != 0) {
        return false;
    }
    (void)snprintf(ret, size, "%s-%s%s%s", family, version, without ? "-no-invariants" : "",
                   later ? "-or-later" : "-only");
    return true;
}

static hearth_status put_reference(const char *kind, const char *name, buffer *out, hearth_error *error)
{
    TRY(buffer_append_text(out, kind, error));
    for (; *name != '\0'; name++) {
        const bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                           (*name >= '0' && *name <= '9') || *name == '.';
        TRY(buffer_append_char(out, plain ? *name : '-', error));
    }
    return HEARTH_OK;
}

/* *ret_or: it stands for a choice of two. */
static hearth_status put_licence(const char *name, buffer *out, bool *ret_or, hearth_error *error)
{
    char made[64];
    *ret_or = strcasecmp(name, "Perl") == 0;
    for (size_t i = 0; i < sizeof licences / sizeof *licences; i++) {
        if (strcasecmp(licences[i].debian, name) == 0) {
            return buffer_append_text(out, licences[i].spdx, error);
        }
    }
    return gnu(name, made, sizeof made) ? buffer_append_text(out, made, error)
                                        : put_reference("LicenseRef-", name, out, error);
}

static hearth_status put_exception(char *name, buffer *out, hearth_error *error)
{
    const size_t length = strlen(name), tail = strlen(" exception");
    if (length > tail && strcasecmp(name + length - tail, " exception") == 0) {
        name[length - tail] = '\0';
    }
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (strcasecmp(exceptions[i].debian, name) == 0) {
            return buffer_append_text(out, exceptions[i].spdx, error);
        }
    }
    return put_reference("AdditionRef-", name, out, error);
}

/* ---- "A or B, and C with D exception" ---- */

typedef struct synopsis {
    const char *at;
    hearth_error *error;
} synopsis;

/* The next word without moving; 0: a comma or the end. */
static size_t word(synopsis *s)
{
    s->at += strspn(s->at, " \t\r");
    return strcspn(s->at, " \t\r,");
}

static bool is_word(synopsis *s, const char *name)
{
    const size_t length = word(s);
    return length == strlen(name) && strncasecmp(s->at, name, length) == 0;
}

static bool take(synopsis *s, const char *name)
{
    if (!is_word(s, name)) {
        return false;
    }
    s->at += strlen(name);
    return true;
}

/* Words up to an operator, joined by blanks. */
static void take_words(synopsis *s, char ret[NAME_BYTES], bool with_ends)
{
    size_t used = 0;
    ret[0] = '\0';
    while (word(s) > 0 && !is_word(s, "or") && !is_word(s, "and") && !(with_ends && is_word(s, "with"))) {
        const size_t length = word(s);
        const int made = snprintf(ret + used, NAME_BYTES - used, "%s%.*s", used > 0 ? " " : "", (int)length, s->at);
        used = made > 0 && (size_t)made < NAME_BYTES - used ? used + (size_t)made : NAME_BYTES - 1;
        s->at += length;
    }
}

/* How a part is joined to others: an OR within an AND stands in parentheses. */
static hearth_status append_part(buffer *out, const buffer *part, bool part_or, const char *sign, bool parentheses,
                                 hearth_error *error)
{
    if (part->length == 0) {
        return HEARTH_OK;
    }
    TRY(out->length > 0 ? buffer_printf(out, error, " %s ", sign) : HEARTH_OK);
    return buffer_printf(out, error, part_or && parentheses ? "(%s)" : "%s", buffer_text(part));
}

static hearth_status one(synopsis *s, buffer *out, bool *ret_or)
{
    char name[NAME_BYTES];
    take_words(s, name, true);
    if (name[0] == '\0') {
        *ret_or = false;
        return HEARTH_OK;
    }
    TRY(put_licence(name, out, ret_or, s->error));
    if (take(s, "with")) {
        take_words(s, name, false);
        if (name[0] == '\0') {
            return HEARTH_OK;
        }
        TRY(buffer_append_text(out, " WITH ", s->error));
        return put_exception(name, out, s->error);
    }
    return HEARTH_OK;
}

static hearth_status all(synopsis *s, buffer *out, bool *ret_or)
{
    bool more = true, first = true;
    while (more) {
        buffer part;
        bool part_or = false;
        buffer_init(&part, 0);
        hearth_status status = one(s, &part, &part_or);
        more = status == HEARTH_OK && take(s, "and");
        status = status == HEARTH_OK ? append_part(out, &part, part_or, "AND", !first || more, s->error) : status;
        *ret_or = first && !more && part_or;
        first = false;
        buffer_free(&part);
        TRY(status);
    }
    return HEARTH_OK;
}

static hearth_status any(synopsis *s, buffer *out, bool *ret_or)
{
    bool more = true;
    *ret_or = false;
    while (more) {
        buffer part;
        bool part_or = false;
        buffer_init(&part, 0);
        hearth_status status = all(s, &part, &part_or);
        status = status == HEARTH_OK ? append_part(out, &part, false, "OR", false, s->error) : status;
        more = status == HEARTH_OK && take(s, "or");
        *ret_or = *ret_or || part_or || more;
        buffer_free(&part);
        TRY(status);
    }
    return HEARTH_OK;
}

/* One more group, after a comma: the groups before stand together. */
static hearth_status join_group(buffer *out, bool *is_or, const buffer *group, bool group_or, bool by_or,
                                hearth_error *error)
{
    if (out->length == 0 || group->length == 0) {
        *is_or = out->length == 0 ? group_or : *is_or;
        return buffer_append_text(out, buffer_text(group), error);
    }
    if (*is_or && !by_or) {
        buffer before = *out;
        buffer_init(out, before.limit);
        const hearth_status status = buffer_printf(out, error, "(%s)", buffer_text(&before));
        buffer_free(&before);
        TRY(status);
    }
    *is_or = by_or;
    return append_part(out, group, group_or, by_or ? "OR" : "AND", !by_or, error);
}

hearth_status debian_licence(const char *text, buffer *out, hearth_error *error)
{
    synopsis s = {text, error};
    if (strlen(text) > SYNOPSIS_BYTES) {
        return buffer_append_text(out, "NOASSERTION", error); /* a text, no names */
    }
    buffer whole, group;
    bool is_or = false, by_or = false, group_or = false;
    hearth_status status = HEARTH_OK;
    buffer_init(&whole, 0);
    buffer_init(&group, 0);
    for (bool more = true; more && status == HEARTH_OK;) {
        const char *const before = s.at;
        buffer_clear(&group);
        status = any(&s, &group, &group_or);
        status = status == HEARTH_OK ? join_group(&whole, &is_or, &group, group_or, by_or, error) : status;
        s.at += strspn(s.at, " \t\r");
        more = *s.at == ',' || (*s.at != '\0' && s.at > before);
        s.at += *s.at == ',';
        by_or = take(&s, "or");
        (void)(!by_or && take(&s, "and"));
    }
    if (status == HEARTH_OK) {
        status = buffer_append_text(out, whole.length > 0 ? buffer_text(&whole) : "NOASSERTION", error);
    }
    buffer_free(&whole);
    buffer_free(&group);
    return status;
}
