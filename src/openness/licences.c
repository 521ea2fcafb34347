/* The table of licences, and expressions held against it. */
#include "openness/licences.h"

#include "recipe/spdx.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OSI LICENCE_OSI
#define FSF LICENCE_FSF
#define DATA LICENCE_DATA
#define COPYLEFT LICENCE_COPYLEFT

/* Sources: SPDX licence list 3.24 (isOsiApproved, isFsfLibre), the Open Definition's list of conformant licences, the
 * Model Openness Tool's list of open data licences, and the texts of the licences that are not open. */
const licence_row licence_rows[] = {
    {"0BSD", NULL, OSI, "", NULL},
    {"AFL-3.0", NULL, OSI | FSF, "", NULL},
    {"AGPL-3.0-only", "agpl-3.0", OSI | FSF | COPYLEFT, "", NULL},
    {"AGPL-3.0-or-later", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"Apache-1.1", NULL, OSI | FSF, "", NULL},
    {"Apache-2.0", NULL, OSI | FSF, "", NULL},
    {"Artistic-1.0-Perl", NULL, OSI, "", NULL},
    {"Artistic-2.0", NULL, OSI | FSF, "", NULL},
    {"BlueOak-1.0.0", NULL, OSI, "", NULL},
    {"BSD-1-Clause", NULL, OSI, "", NULL},
    {"BSD-2-Clause", NULL, OSI | FSF, "", NULL},
    {"BSD-3-Clause", NULL, OSI | FSF, "", NULL},
    {"BSD-3-Clause-Clear", NULL, FSF, "", NULL},
    {"BSD-4-Clause", NULL, FSF, "", NULL},
    {"BSL-1.0", NULL, OSI | FSF, "", NULL},
    {"CC-BY-2.0", NULL, DATA, "", NULL},
    {"CC-BY-2.5", NULL, DATA, "", NULL},
    {"CC-BY-3.0", NULL, DATA, "", NULL},
    {"CC-BY-4.0", NULL, DATA | FSF, "", NULL},
    {"CC-BY-SA-2.0", NULL, DATA | COPYLEFT, "", NULL},
    {"CC-BY-SA-2.5", NULL, DATA | COPYLEFT, "", NULL},
    {"CC-BY-SA-3.0", NULL, DATA | COPYLEFT, "", NULL},
    {"CC-BY-SA-4.0", NULL, DATA | FSF | COPYLEFT, "", NULL},
    {"CC0-1.0", NULL, DATA | FSF, "", NULL},
    {"CDLA-Permissive-1.0", NULL, DATA, "", NULL},
    {"CDLA-Permissive-2.0", NULL, DATA, "", NULL},
    {"CDLA-Sharing-1.0", NULL, DATA | COPYLEFT, "", NULL},
    {"CECILL-2.1", NULL, OSI | COPYLEFT, "", NULL},
    {"curl", NULL, FSF, "", NULL},
    {"ECL-2.0", NULL, OSI | FSF, "", NULL},
    {"EPL-1.0", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"EPL-2.0", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"etalab-2.0", NULL, DATA, "", NULL},
    {"EUPL-1.1", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"EUPL-1.2", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"FSFAP", NULL, FSF, "", NULL},
    {"FSFUL", NULL, FSF, "", NULL},
    {"FSFULLR", NULL, FSF, "", NULL},
    {"FTL", NULL, FSF, "", NULL},
    {"GFDL-1.3-only", "gfdl-1.3", DATA | FSF | COPYLEFT, "", NULL},
    {"GFDL-1.3-or-later", NULL, DATA | FSF | COPYLEFT, "", NULL},
    {"GPL-1.0-only", NULL, FSF | COPYLEFT, "", NULL},
    {"GPL-1.0-or-later", NULL, OSI | FSF | COPYLEFT, "", NULL}, /* with 2.0 and 3.0, which are approved */
    {"GPL-2.0-only", "gpl-2.0", OSI | FSF | COPYLEFT, "", NULL},
    {"GPL-2.0-or-later", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"GPL-3.0-only", "gpl-3.0", OSI | FSF | COPYLEFT, "", NULL},
    {"GPL-3.0-or-later", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"HPND", NULL, OSI | FSF, "", NULL},
    {"IJG", NULL, FSF, "", NULL},
    {"ISC", NULL, OSI | FSF, "", NULL},
    {"LGPL-2.0-only", NULL, OSI | COPYLEFT, "", NULL},
    {"LGPL-2.0-or-later", NULL, OSI | COPYLEFT, "", NULL},
    {"LGPL-2.1-only", "lgpl-2.1", OSI | FSF | COPYLEFT, "", NULL},
    {"LGPL-2.1-or-later", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"LGPL-3.0-only", "lgpl-3.0", OSI | FSF | COPYLEFT, "", NULL},
    {"LGPL-3.0-or-later", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"LicenseRef-public-domain", "public-domain", DATA, "", NULL},
    {"LPPL-1.3c", NULL, OSI, "", NULL},
    {"MIT", NULL, OSI | FSF, "", NULL},
    {"MIT-0", NULL, OSI, "", NULL},
    {"MPL-1.1", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"MPL-2.0", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"MS-PL", NULL, OSI | FSF, "", NULL},
    {"MulanPSL-2.0", NULL, OSI, "", NULL},
    {"NCSA", NULL, OSI | FSF, "", NULL},
    {"NTP", NULL, OSI, "", NULL},
    {"ODbL-1.0", "odbl", DATA | FSF | COPYLEFT, "", NULL},
    {"ODC-By-1.0", "odc-by", DATA, "", NULL},
    {"OFL-1.1", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"OGL-Canada-2.0", NULL, DATA, "", NULL},
    {"OGL-UK-2.0", NULL, DATA, "", NULL},
    {"OGL-UK-3.0", NULL, DATA, "", NULL},
    {"OpenMDW-1.0", NULL, LICENCE_MODEL, "", NULL},
    {"OpenMDW-1.1", NULL, LICENCE_MODEL, "", NULL},
    {"OSL-3.0", NULL, OSI | FSF | COPYLEFT, "", NULL},
    {"PDDL-1.0", "pddl", DATA, "", NULL},
    {"PostgreSQL", NULL, OSI, "", NULL},
    {"PSF-2.0", NULL, OSI, "", NULL}, /* as part of Python's */
    {"Python-2.0", NULL, OSI | FSF, "", NULL},
    {"Ruby", NULL, FSF, "", NULL},
    {"Unlicense", NULL, OSI | FSF, "", NULL},
    {"UPL-1.0", NULL, OSI | FSF, "", NULL},
    {"Vim", NULL, FSF | COPYLEFT, "", NULL},
    {"W3C", NULL, OSI | FSF, "", NULL},
    {"WTFPL", NULL, FSF, "", NULL},
    {"X11", NULL, FSF, "", NULL},
    {"Zlib", NULL, OSI | FSF, "", NULL},
    {"ZPL-2.1", NULL, OSI | FSF, "", NULL},

    /* Not open, and why. */
    {"apple-amlr", NULL, 0, "N", NULL},
    {"bigcode-openrail-m", NULL, 0, "FD",
     "Attachment A forbids uses by a list, and paragraphs 4 and 5 pass it on to every derivative"},
    {"bigscience-bloom-rail-1.0", NULL, 0, "FD",
     "Attachment A forbids uses by a list, and paragraphs 4 and 5 pass it on to every derivative"},
    {"bigscience-openrail-m", NULL, 0, "FD",
     "Attachment A forbids uses by a list, and paragraphs 4 and 5 pass it on to every derivative"},
    {"BUSL-1.1", NULL, 0, "H", "production use needs another licence until the change date"},
    {"C-UDA-1.0", "c-uda", 0, "F", "the data may be used for computing alone"},
    {"CC-BY-NC-2.0", NULL, 0, "N", NULL},
    {"CC-BY-NC-3.0", NULL, 0, "N", NULL},
    {"CC-BY-NC-4.0", NULL, 0, "N", NULL},
    {"CC-BY-NC-ND-3.0", NULL, 0, "NM", NULL},
    {"CC-BY-NC-ND-4.0", NULL, 0, "NM", NULL},
    {"CC-BY-NC-SA-2.0", NULL, 0, "N", NULL},
    {"CC-BY-NC-SA-3.0", NULL, 0, "N", NULL},
    {"CC-BY-NC-SA-4.0", NULL, 0, "N", NULL},
    {"CC-BY-ND-4.0", NULL, 0, "M", NULL},
    {"chameleon-research", NULL, 0, "N", NULL},
    {"creativeml-openrail-m", NULL, 0, "FD", "Attachment A forbids uses by a list, which every derivative must carry"},
    {"deepfloyd-if-license", NULL, 0, "N", NULL},
    {"deepseek-license", "deepseek", 0, "FD", "Attachment A forbids uses by a list, which every derivative must carry"},
    {"Elastic-2.0", NULL, 0, "H", "it must not be offered to others as a managed service"},
    {"fair-noncommercial-research-license", NULL, 0, "N", NULL},
    {"falcon-llm-license", NULL, 0, "FHT",
     "an acceptable-use policy that may change, and hosting needs a licence of its own"},
    {"gemma", NULL, 0, "FDT", "a prohibited-use policy that must be passed on, and use may be restricted from afar"},
    {"grok2-community", NULL, 0, "UF", NULL},
    {"h-research", NULL, 0, "N", NULL},
    {"intel-research", NULL, 0, "N", NULL},
    {"kimi-modified-mit", "modified-mit", 0, "U",
     "above 100 million monthly users or 20 million dollars a month its name must be shown: not the MIT licence"},
    {"llama1-research", NULL, 0, "N", "research that is not commercial, alone"},
    {"llama2", NULL, 0, "FUDO",
     "an acceptable-use policy; a separate licence above 700 million monthly users; outputs must not improve other "
     "models"},
    {"llama3", NULL, 0, "FUDO",
     "an acceptable-use policy; a separate licence above 700 million monthly users; outputs must not improve other "
     "models"},
    {"llama3.1", NULL, 0, "FUD", "an acceptable-use policy; a separate licence above 700 million monthly users"},
    {"llama3.2", NULL, 0, "FUDG",
     "an acceptable-use policy; a separate licence above 700 million monthly users; nobody in the European Union gets "
     "the multimodal models"},
    {"llama3.3", NULL, 0, "FUD", "an acceptable-use policy; a separate licence above 700 million monthly users"},
    {"llama4", NULL, 0, "FUDG",
     "an acceptable-use policy; a separate licence above 700 million monthly users; nobody in the European Union gets "
     "the models"},
    {"mistral-non-production", "mnpl", 0, "N", NULL},
    {"mistral-research", "mrl", 0, "N", NULL},
    {"nvidia-open-model-license", NULL, 0, "T",
     "the licence ends where its safeguards are left out, and the maker may change its terms"},
    {"openrail", NULL, 0, "FD", "uses are forbidden by a list, which every derivative must carry"},
    {"openrail++", NULL, 0, "FD", "Attachment A forbids uses by a list, which every derivative must carry"},
    {"proprietary", NULL, 0, "C", NULL},
    {"qwen", "tongyi-qianwen", 0, "U", "a separate licence above 100 million monthly users"},
    {"qwen-research", NULL, 0, "N", NULL},
    {"SSPL-1.0", NULL, 0, "H", "who offers it as a service must release all of the service"},
    {"stability-ai-community", NULL, 0, "UF",
     "a separate licence above a million dollars of yearly revenue, and an acceptable-use policy"},
    {"stability-ai-non-commercial", NULL, 0, "N", NULL},
};
const size_t licence_count = sizeof licence_rows / sizeof *licence_rows;

const licence_row *licence_find(const char *name)
{
    for (size_t i = 0; i < licence_count; i++) {
        const licence_row *r = &licence_rows[i];
        if (strcasecmp(r->id, name) == 0 || (r->hub != NULL && strcasecmp(r->hub, name) == 0)) {
            return r;
        }
    }
    for (size_t i = 0; i < licence_more_count; i++) {
        if (strcasecmp(licence_more_rows[i].id, name) == 0) {
            return &licence_more_rows[i];
        }
    }
    return NULL;
}

const char *licence_canonical(const char *name)
{
    const licence_row *r = licence_find(name);
    return r != NULL ? r->id : name;
}

const char *licence_reason(char code)
{
    switch (code) {
    case 'F':
        return "some fields of use are forbidden";
    case 'U':
        return "who has many users or much revenue needs another licence";
    case 'N':
        return "commercial use is forbidden";
    case 'O':
        return "what may be done with its outputs is limited";
    case 'H':
        return "offering it to others as a service is limited";
    case 'T':
        return "its maker may change or end it";
    case 'G':
        return "people of some places get no licence";
    case 'D':
        return "its restrictions must be passed on";
    case 'M':
        return "changed versions must not be shared";
    case 'S':
        return "selling it, or a service that rests on it, is forbidden";
    case 'C':
        return "nothing is allowed without asking";
    default:
        return "another clause";
    }
}

/* ---- expressions ---- */

/* Of SPDX's list of exceptions those that only allow more (SPDX licence list 3.24); and what corpus/debian_licence.c
 * writes for Debian's "with OpenSSL exception", which has no identifier: linking with OpenSSL is allowed, too. */
static const char *const exceptions[] = {"389-exception",
                                         "Asterisk-exception",
                                         "Autoconf-exception-2.0",
                                         "Autoconf-exception-3.0",
                                         "Autoconf-exception-generic",
                                         "Autoconf-exception-generic-3.0",
                                         "Autoconf-exception-macro",
                                         "Bison-exception-1.24",
                                         "Bison-exception-2.2",
                                         "Bootloader-exception",
                                         "CGAL-linking-exception",
                                         "Classpath-exception-2.0",
                                         "CLISP-exception-2.0",
                                         "cryptsetup-OpenSSL-exception",
                                         "DigiRule-FOSS-exception",
                                         "eCos-exception-2.0",
                                         "Fawkes-Runtime-exception",
                                         "FLTK-exception",
                                         "fmt-exception",
                                         "Font-exception-2.0",
                                         "freertos-exception-2.0",
                                         "GCC-exception-2.0",
                                         "GCC-exception-2.0-note",
                                         "GCC-exception-3.1",
                                         "Gmsh-exception",
                                         "GNAT-exception",
                                         "GNOME-examples-exception",
                                         "GNU-compiler-exception",
                                         "gnu-javamail-exception",
                                         "GPL-3.0-interface-exception",
                                         "GPL-3.0-linking-exception",
                                         "GPL-3.0-linking-source-exception",
                                         "GPL-CC-1.0",
                                         "GStreamer-exception-2005",
                                         "GStreamer-exception-2008",
                                         "i2p-gpl-java-exception",
                                         "KiCad-libraries-exception",
                                         "LGPL-3.0-linking-exception",
                                         "Libtool-exception",
                                         "Linux-syscall-note",
                                         "LLVM-exception",
                                         "LZMA-exception",
                                         "mif-exception",
                                         "OCaml-LGPL-linking-exception",
                                         "OCCT-exception-1.0",
                                         "OpenJDK-assembly-exception-1.0",
                                         "openvpn-openssl-exception",
                                         "PS-or-PDF-font-exception-20170817",
                                         "QPL-1.0-INRIA-2004-exception",
                                         "Qt-GPL-exception-1.0",
                                         "Qt-LGPL-exception-1.1",
                                         "Qwt-exception-1.0",
                                         "RRDtool-FLOSS-exception-2.0",
                                         "SANE-exception",
                                         "SHL-2.0",
                                         "SHL-2.1",
                                         "stunnel-exception",
                                         "SWI-exception",
                                         "Swift-exception",
                                         "Texinfo-exception",
                                         "u-boot-exception-2.0",
                                         "UBDL-exception",
                                         "Universal-FOSS-exception-1.0",
                                         "vsftpd-openssl-exception",
                                         "WxWindows-exception-3.1",
                                         "x11vnc-openssl-exception",
                                         "AdditionRef-OpenSSL"};

static bool is_exception(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (strlen(exceptions[i]) == length && strncasecmp(exceptions[i], name, length) == 0) {
            return true;
        }
    }
    return false;
}

/* "(GPL-2.0-or-later WITH Bison-exception-2.2) OR MIT" without the known exceptions, which only allow more. Anything
 * else behind a WITH ("Commons-Clause") stays: then it is no licence that is known. */
static char *without_exceptions(const char *expression, arena *a)
{
    char *out = arena_strndup(a, expression, strlen(expression));
    for (char *at = out; out != NULL && (at = strcasestr(at, " with ")) != NULL;) {
        const char *name = at + 6 + strspn(at + 6, " ");
        const size_t length = strcspn(name, " )");
        if (is_exception(name, length)) {
            memmove(at, name + length, strlen(name + length) + 1);
        } else {
            at++;
        }
    }
    return out;
}

static const licence_row *row_at(size_t i)
{
    return i < licence_count ? &licence_rows[i] : &licence_more_rows[i - licence_count];
}

/* The names, ids and the hub's, of the rows that have one of these flags, a line each. */
static char *list_of(unsigned flags, arena *a)
{
    const size_t count = licence_count + licence_more_count;
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        const licence_row *r = row_at(i);
        size += (r->flags & flags) == 0 ? 0 : strlen(r->id) + 1 + (r->hub != NULL ? strlen(r->hub) + 1 : 0);
    }
    char *out = arena_alloc(a, size);
    for (size_t i = 0, at = 0; out != NULL && i < count; i++) {
        const licence_row *r = row_at(i);
        if ((r->flags & flags) != 0) {
            at += (size_t)snprintf(out + at, size - at, "%s\n%s%s", r->id, r->hub != NULL ? r->hub : "",
                                   r->hub != NULL ? "\n" : "");
        }
    }
    return out;
}

/* The first licence of an expression that is in the tables and not open; NULL: none. */
static const licence_row *first_closed(const char *expression, arena *a)
{
    char *copy = arena_strndup(a, expression, strlen(expression));
    char *rest = NULL;
    for (char *word = copy != NULL ? strtok_r(copy, " ()", &rest) : NULL; word != NULL;
         word = strtok_r(NULL, " ()", &rest)) {
        const licence_row *r = licence_find(word);
        if (r != NULL && r->flags == 0) {
            return r;
        }
    }
    return NULL;
}

static hearth_status judge_expression(const char *expression, arena *a, licence_verdict *ret, hearth_error *error)
{
    static const unsigned each[] = {LICENCE_OSI, LICENCE_FSF, LICENCE_DATA, LICENCE_MODEL, LICENCE_COPYLEFT};
    const char *plain = without_exceptions(expression, a);
    char *open = list_of(OSI | FSF | DATA | LICENCE_MODEL, a);
    if (plain == NULL || open == NULL) {
        return error_memory(error, strlen(expression));
    }
    const spdx_verdict verdict = spdx_allows(plain, open);
    const licence_row *closed = first_closed(plain, a);
    for (size_t i = 0; i < sizeof each / sizeof *each && verdict == SPDX_ALLOWED; i++) {
        const char *list = list_of(each[i], a);
        ret->flags |= list != NULL && spdx_allows(plain, list) == SPDX_ALLOWED ? each[i] : 0;
    }
    ret->verdict = verdict == SPDX_ALLOWED ? LICENCE_OPEN : closed != NULL ? LICENCE_CLOSED : LICENCE_UNKNOWN;
    if (ret->verdict == LICENCE_CLOSED) {
        ret->id = closed->id;
        ret->codes = closed->codes;
        ret->why = closed->why != NULL ? closed->why : licence_reason(closed->codes[0]);
    } else if (ret->verdict == LICENCE_UNKNOWN) {
        ret->why = arena_format(a, "%s is no licence that is known here", expression);
    }
    ret->allowed_code = (ret->flags & (LICENCE_OSI | LICENCE_MODEL)) != 0;
    return HEARTH_OK;
}

hearth_status licence_judge(const char *expression, arena *a, licence_verdict *ret, hearth_error *error)
{
    *ret = (licence_verdict){.verdict = LICENCE_NONE, .codes = "", .why = "no licence is named"};
    if (expression == NULL || *expression == '\0' || strcasecmp(expression, "unlicensed") == 0) {
        return HEARTH_OK;
    }
    const licence_row *r = licence_find(expression);
    ret->why = "";
    if (r == NULL) {
        return judge_expression(expression, a, ret, error);
    }
    *ret = (licence_verdict){.verdict = r->flags != 0 ? LICENCE_OPEN : LICENCE_CLOSED,
                             .flags = r->flags,
                             .allowed_code = (r->flags & (LICENCE_OSI | LICENCE_MODEL)) != 0,
                             .codes = r->codes,
                             .id = r->flags != 0 ? NULL : r->id,
                             .why = r->flags != 0    ? ""
                                    : r->why != NULL ? r->why
                                                     : licence_reason(r->codes[0])};
    return HEARTH_OK;
}

int licence_narrowness(const licence_verdict *v)
{
    switch (v->verdict) {
    case LICENCE_OPEN:
        return (v->flags & LICENCE_COPYLEFT) != 0 ? 1 : 0;
    case LICENCE_NONE: /* silence contradicts nobody */
        return -1;
    case LICENCE_UNKNOWN:
        return 2;
    default:
        return 3 + (int)strlen(v->codes);
    }
}
