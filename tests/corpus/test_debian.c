/* What Debian's packages are made of: manual pages, debian/copyright, lists of packages. */
#include "corpus_support.h"

#include "base/limits.h"
#include "corpus/debian_copyright.h"
#include "corpus/debian_list.h"
#include "corpus/man_text.h"
#include "recipe/spdx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- manual pages ---- */

typedef struct pair {
    const char *source, *text;
} pair;

/* In a block of its own length, so that a sanitizer sees each byte that is read behind it. */
static void check_page(const pair *p)
{
    buffer out;
    const size_t length = strlen(p->source);
    char *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, p->source, length);
    buffer_init(&out, 0);
    assert_int_equal(man_text(copy, length, &out, NULL), HEARTH_OK);
    if (strcmp(buffer_text(&out), p->text) != 0) {
        fail_msg("%s\n---- gives\n%s\n---- not\n%s", p->source, buffer_text(&out), p->text);
    }
    free(copy);
    buffer_free(&out);
}

static void check_pages(const pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_page(&pairs[i]);
    }
}

static void man_pages(void **state)
{
    (void)state;
    static const pair pairs[] = {
        {"", ""},
        {".so man1/other.1\n", ""},
        {".TH LS 1 2024\n.SH NAME\nls \\- list\n.SH DESCRIPTION\nOne\nline.\n.PP\nTwo.\n",
         "LS(1)\n\nNAME\nls - list\n\nDESCRIPTION\nOne line.\n\nTwo.\n"},
        {".SH \"SEE ALSO\"\n.BR ls (1),\n.IR cp (1)\n", "SEE ALSO\nls(1), cp(1)\n"},
        {".SH\nNAME OF IT\nx\n", "NAME OF IT\nx\n"},
        {".TP\n\\fB\\-a\\fR, \\fB\\-\\-all\\fR\nAll.\n.TP\n.BI \\-n \" N\"\nMany.\n",
         "-a, --all\n    All.\n\n-n N\n    Many.\n"},
        {".IP \\(bu 2\nfirst\n.IP \\(bu\nsecond\n.IP 1.\nthird\n",
         "\xE2\x80\xA2 first\n\n\xE2\x80\xA2 second\n\n1. third\n"},
        {".IP name\nbody\n.RS\n.PP\ndeeper\n.RE\n.PP\nout\n", "name\n    body\n\n    deeper\n\nout\n"},
        {".nf\nint  main(void)\n{\n    return 0;\n}\n.fi\nafter\n", "int  main(void)\n{\n    return 0;\n}\nafter\n"},
        {"a   b\n  c\n\nd\n", "a b\nc\n\nd\n"},
        {".UR https://example.org/\nhere\n.UE .\n", "here <https://example.org/>.\n"},
        {"x\\(em\\[u00E9]\\*(Aq\\(aq\\e\\\\\\ y\\s-1z\\s0\\f[B]b\\fP\\h'2m'\\c\nq\n",
         "x\xE2\x80\x94\xC3\xA9'\\\\ yzbq\n"},
        {"one .\\\" comment\n.\\\" whole\ntwo\n", "one . two\n"},
        {".ds Aq it's\n.ds who \"the world\nHello \\*[who], \\*(Aq\n", "Hello the world, it's\n"},
        {".nr x 3\n.nr x +2\n.ie \\nx>4 big\n.el small\n.if !\\nx no\n.if t paper\n.if n screen\n", "big screen\n"},
        {".ie t \\{\\\npaper\n.br\n\\}\n.el \\{\\\nscreen\n.if 'a'a' same\n.\\}\nend\n", "screen same end\n"},
        {".de XX\n.B \\\\$1\nand \\\\$2\n..\n.XX one two\n", "one and two\n"},
        {".de YY\n.YY\n.YY\n..\n.YY\nends\n", "ends\n"}, /* a macro that calls itself */
        {".ds a \\*b\\*b\n.ds b \\*a\\*a\n\\*aends\n", "ends\n"},
        {".ig\nhidden\n..\nshown\n", "shown\n"},
        {".EQ\nx sup 2\n.EN\nshown\n", "shown\n"},
        {".TS\ntab(:) allbox;\nl l.\na:b\n_\nc:T{\nlong\ntext\nT}\n.TE\nafter\n", "a  b\nc  long text\n\nafter\n"},
        {".SY ls\n.OP -a\n.OP -w cols\n.YS\n", "ls [-a] [-w cols]\n"},
        {".XYZ unknown\n.sy rm -rf /\n.so /etc/passwd\n.pso date\nsafe\n", "safe\n"},
        {".\n.  \n'\n\\\n\\", ""},
        {".TP", ""},
        {".de", ""},
        {".de X\n.", ""},
        {".if", ""},
        {".TS", ""},
        {".B \"unclosed\n", "unclosed\n"},
    };
    check_pages(pairs, sizeof pairs / sizeof *pairs);
}

static void mdoc_pages(void **state)
{
    (void)state;
    static const pair pairs[] = {
        {".Dd May 1, 2024\n.Dt CAT 1\n.Os\n.Sh NAME\n.Nm cat\n.Nd show files\n.Sh SYNOPSIS\n.Nm\n.Op Fl benst\n.Op Ar\n"
         ".Sh DESCRIPTION\nThe\n.Nm\nutility reads\n.Ar file ,\nor\n.Pq \"the\" input .\n",
         "CAT(1)\n\nNAME\ncat - show files\n\nSYNOPSIS\ncat [-benst] [file ...]\n\nDESCRIPTION\nThe cat utility reads "
         "file, or "
         "(the input).\n"},
        {".Dd x\n.Bl -tag -width x\n.It Fl a\nAll.\n.It Fl o Ns = Ns Ar file\nTo\n.Pa /tmp .\n.El\n",
         "-a\n    All.\n\n-o=file\n    To /tmp.\n"},
        {".Dd x\n.Bl -bullet\n.It\none\n.It\ntwo\n.El\n.Bl -enum\n.It\nfirst\n.El\n",
         "\xE2\x80\xA2 one\n\n\xE2\x80\xA2 two\n\n1. first\n"},
        {".Dd x\n.Bd -literal -offset indent\na  b\nc\n.Ed\nout\n", "    a  b\n    c\n\nout\n"},
        {".Dd x\n.Xr ls 1 ,\n.Xr cp 1 .\n.Dq quoted\n.Sq Em one\n.Fn main \"int argc\" \"char **argv\" .\n",
         "ls(1), cp(1). \xE2\x80\x9Cquoted\xE2\x80\x9D \xE2\x80\x98one\xE2\x80\x99 main(int argc, char **argv).\n"},
        {".Dd x\n.Bl -tag\n.It Fl L Xo\n.Sm off\n.Ar port : host\n.Sm on\n.Xc\nForwards.\n.El\n",
         "-L port:host\n    Forwards.\n"},
        {".Dd x\n.Lk https://example.org home\n.Oo\n.Fl x\n.Oc\n", "home <https://example.org> [-x]\n"},
        {".Dd x\n.Bl -column a b\n.It one Ta two\n.It three Ta four\n.El\n", "one  two\nthree  four\n"},
        {".Dd x\n.Op\n.Fl\n.It\n.El\n.Ed\n.Ar\n.Fo\n.Fc\n", NULL},
    };
    check_pages(pairs, sizeof pairs / sizeof *pairs - 1);
    buffer out;
    buffer_init(&out, 0);
    const char *odd = pairs[sizeof pairs / sizeof *pairs - 1].source;
    assert_int_equal(man_text(odd, strlen(odd), &out, NULL), HEARTH_OK);
    buffer_free(&out);
}

/* Work is bounded whatever a page's macros stand for. */
static void pages_end(void **state)
{
    (void)state;
    buffer source, out;
    buffer_init(&source, 0);
    buffer_init(&out, 0);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(buffer_printf(&source, NULL, ".ds s%d ", i), HEARTH_OK);
        for (int k = 0; k < 400; k++) {
            assert_int_equal(buffer_printf(&source, NULL, "\\*(s%d", i + 1), HEARTH_OK);
        }
        assert_int_equal(buffer_append_char(&source, '\n', NULL), HEARTH_OK);
    }
    assert_int_equal(buffer_append_text(&source, "\\*(s0\n", NULL), HEARTH_OK);
    assert_int_equal(man_text(source.data, source.length, &out, NULL), HEARTH_OK);
    buffer_clear(&source);
    assert_int_equal(buffer_append_text(
                         &source,
                         ".de A\n.B\n.B\n..\n.de B\n.A\n.A\nx\n..\n.A\n.C\n.de C\n.D\n.D\n..\n.de D\n.C\n.C\n..\n.C\n",
                         NULL),
                     HEARTH_OK);
    assert_int_equal(man_text(source.data, source.length, &out, NULL), HEARTH_OK);
    buffer_free(&source);
    buffer_free(&out);
}

/* ---- licences ---- */

static void licences(void **state)
{
    (void)state;
    static const pair pairs[] = {
        {"GPL-2+", "GPL-2.0-or-later"},
        {"GPL-2", "GPL-2.0-only"},
        {" LGPL-2.1+ ", "LGPL-2.1-or-later"},
        {"gpl-3.0-or-later", "GPL-3.0-or-later"},
        {"Expat", "MIT"},
        {"GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"},
        {"GFDL-1.2+", "GFDL-1.2-or-later"},
        {"public-domain", "LicenseRef-public-domain"},
        {"My_own licence", "LicenseRef-My-own-licence"},
        {"GPL-2+ or Artistic", "GPL-2.0-or-later OR Artistic-1.0-Perl"},
        {"GPL-2+ and Expat or ISC", "GPL-2.0-or-later AND MIT OR ISC"},
        {"GPL-2+ or Artistic, and Expat", "(GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT"},
        {"Expat, or GPL-3+ and ISC", "MIT OR GPL-3.0-or-later AND ISC"},
        {"Perl and Expat", "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT"},
        {"GPL-2+ with OpenSSL exception", "GPL-2.0-or-later WITH AdditionRef-OpenSSL"},
        {"GPL-3+ with Font exception or ISC", "GPL-3.0-or-later WITH Font-exception-2.0 OR ISC"},
        {"Expat with and ISC", "MIT AND ISC"},
        {"", "NOASSERTION"},
        {",", "NOASSERTION"},
        {"and or with", "NOASSERTION"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        buffer out;
        buffer_init(&out, 0);
        assert_int_equal(debian_licence(pairs[i].source, &out, NULL), HEARTH_OK);
        if (strcmp(buffer_text(&out), pairs[i].text) != 0) {
            fail_msg("%s gives %s, not %s", pairs[i].source, buffer_text(&out), pairs[i].text);
        }
        assert_true(spdx_fits(buffer_text(&out)));
        buffer_free(&out);
    }
}

static void patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"*", "a/b", true},         {"a*c", "abbc", true},  {"a*c", "abb", false}, {"?b", "ab", true},
        {"a/*/c", "a/x/y/c", true}, {"", "", true},         {"", "a", false},      {"\\*", "*", true},
        {"\\*", "a", false},        {"a\\?b", "a?b", true}, {"**a", "bba", true},  {"*a*a*a", "aaa", true},
        {"*a*a*a*a", "aaa", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (debian_glob(cases[i].pattern, strlen(cases[i].pattern), cases[i].text) != cases[i].fits) {
            fail_msg("%s, %s", cases[i].pattern, cases[i].text);
        }
    }
}

#define HEAD "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n\n"

static const char copyright_text[] =
    HEAD "Files: *\nCopyright: 2020 A\nLicense: GPL-2+\n text of it\n .\n more\n\n"
         "# a comment\nFiles: doc/*\n man/*.1\nCopyright: B\nLicense: GFDL-NIV-1.3+\n\n"
         "files: src/vendor/*.c lib/odd.3\nlicense: Expat\n\n"
         "Files: debian/*\nCopyright: C\nLicense: ISC\n\n"
         "License: GPL-2+\n The whole text.\n";

static void check_file(debian_copyright *c, const char *path, const char *licence, const char *evidence)
{
    buffer l, e;
    bool found = false;
    buffer_init(&l, 0);
    buffer_init(&e, 0);
    assert_int_equal(debian_copyright_find(c, path, &l, &e, &found, NULL), HEARTH_OK);
    assert_int_equal(found, licence != NULL);
    assert_string_equal(buffer_text(&l), licence != NULL ? licence : "");
    assert_string_equal(buffer_text(&e), evidence);
    buffer_free(&l);
    buffer_free(&e);
}

static void copyrights(void **state)
{
    (void)state;
    debian_copyright *c = NULL;
    assert_int_equal(debian_copyright_read(copyright_text, strlen(copyright_text), &c, NULL), HEARTH_OK);
    assert_non_null(c);
    check_file(c, "usr/share/man/man5/x.5", "GPL-2.0-or-later", "Files: *, line 4");
    check_file(c, "usr/share/man/man1/x.1", "GFDL-1.3-no-invariants-or-later", "Files: man/*.1, line 12");
    check_file(c, "usr/share/doc/x/guide.txt", "GFDL-1.3-no-invariants-or-later", "Files: doc/*, line 12");
    check_file(c, "usr/share/man/man3/odd.3", "MIT", "Files: lib/odd.3, line 17");
    check_file(c, "debian/README.Debian", "ISC", "Files: debian/*, line 20");
    debian_copyright_free(c);
    static const char part[] = HEAD "Files: src/*\nLicense: ISC\n";
    assert_int_equal(debian_copyright_read(part, strlen(part), &c, NULL), HEARTH_OK);
    check_file(c, "usr/share/man/man1/x.1", NULL, "");
    debian_copyright_free(c);
    static const char *const none[] = {"",
                                       "This package was debianized by A.\n\nFiles: *\nLicense: ISC\n",
                                       HEAD,
                                       "Format: something else\n\nFiles: *\nLicense: ISC\n",
                                       "Files: *\nLicense: ISC\n",
                                       HEAD "Files: *\nCopyright: no licence\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        c = NULL;
        assert_int_equal(debian_copyright_read(none[i], strlen(none[i]), &c, NULL), HEARTH_OK);
        assert_null(c);
    }
}

/* ---- lists ---- */

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void lists(void **state)
{
    (void)state;
    debian_list list;
    place_write("good.txt", "# packages\n\na 1:2.0-1+b1 amd64 10 " ZEROS " pool/main/a/a/a_2.0-1+b1_amd64.deb\n"
                            "b 1~rc1 all 7 " ZEROS " pool/main/b/b_1~rc1_all.deb");
    assert_int_equal(debian_list_read(place("good.txt"), &list, NULL), HEARTH_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].file, "a_1%3a2.0-1+b1_amd64.deb");
    assert_string_equal(list.items[1].file, "b_1~rc1_all.deb");
    assert_int_equal(list.items[0].size, 10);
    debian_list_free(&list);
    static const char *const bad[][2] = {
        {"A 1 all 1 " ZEROS " p/a.deb", "line 1: expected a package's name, found \"A\""},
        {"a 1_2 all 1 " ZEROS " p/a.deb", "its version, found \"1_2\""},
        {"a 1 all 0 " ZEROS " p/a.deb", "its size in bytes, found \"0\""},
        {"a 1 all 99999999999999999999 " ZEROS " p/a.deb", "its size in bytes"},
        {"a 1 all 1 12 p/a.deb", "its SHA-256 of 64 hexadecimal digits"},
        {"a 1 all 1 " ZEROS " ../a.deb", "its path below a mirror"},
        {"a 1 all 1 " ZEROS " p/../a.deb", "its path below a mirror"},
        {"a 1 all 1 " ZEROS " p/a.deb x", "its path below a mirror"},
        {"a 1 all 1 " ZEROS, "its path below a mirror, found \"\""},
        {"b 1 all 1 " ZEROS " p/b.deb\na 1 all 1 " ZEROS " p/a.deb",
         "line 2: expected packages in the order of their names"},
        {"a 1 all 1 " ZEROS " p/a.deb\na 2 all 1 " ZEROS " p/a.deb", "each once"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hearth_error error = {0};
        char line[600];
        place_write("bad.txt", bad[i][0]);
        assert_int_equal(debian_list_read(place("bad.txt"), &list, &error), HEARTH_E_FORMAT);
        if (strstr(hearth_error_line(&error, line, sizeof line), bad[i][1]) == NULL) {
            fail_msg("%s: %s", bad[i][0], line);
        }
    }
}

/* The text of a page, made twice into a buffer that held something else before: the same, and no longer than a
 * document. */
static void check_bounded(const buffer *source, const char *what)
{
    buffer first, second;
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    assert_int_equal(man_text(source->data, source->length, &first, NULL), HEARTH_OK);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buffer_append_text(&second, "----------", NULL), HEARTH_OK);
    }
    buffer_clear(&second);
    assert_int_equal(man_text(source->data, source->length, &second, NULL), HEARTH_OK);
    if (first.length != second.length || memcmp(buffer_text(&first), buffer_text(&second), first.length) != 0) {
        fail_msg("%s: another text the second time", what);
    }
    assert_true(first.length < LIMIT_DOCUMENT_BYTES + (4u << 20));
    buffer_free(&first);
    buffer_free(&second);
}

static void repeat(buffer *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(buffer_append_text(out, text, NULL), HEARTH_OK);
    }
}

static void hostile_pages(void **state)
{
    (void)state;
    buffer page;
    buffer_init(&page, 0);
    repeat(&page, ".TP\n.Dd x\n", 1); /* levels without end behind a tag */
    repeat(&page, ".Bd\n", 400000);
    repeat(&page, "x\n", 1);
    check_bounded(&page, "displays");
    buffer_clear(&page);
    repeat(&page, ".RS\n", 12);
    repeat(&page, ".TP\nx\ntext\n", 1);
    check_bounded(&page, "a tag further in than blanks go");
    buffer_clear(&page);
    repeat(&page, ".de A\n", 1);
    repeat(&page, "\\$1\n", 600);
    repeat(&page, "..\n.A ", 1);
    repeat(&page, "xxxxxxxxxxxxxxxx", 60000); /* 1 MB of argument, 600 times */
    repeat(&page, "\n", 1);
    check_bounded(&page, "arguments");
    buffer_clear(&page);
    repeat(&page, ".as s xxxxxxxxxxxxxxxx\n", 20000); /* each copies the ones before */
    repeat(&page, "\\*s\n", 200);
    check_bounded(&page, "strings that grow");
    buffer_clear(&page);
    repeat(&page, ".de M\n", 1); /* short lines without number: a fuzzer's find */
    repeat(&page, ".B \\$1\n.TP\n.M \\*x\n", 9);
    repeat(&page, "..\n.M a\n", 1);
    check_bounded(&page, "a macro that calls itself nine times");
    buffer_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_pages), cmocka_unit_test(man_pages), cmocka_unit_test(mdoc_pages),
        cmocka_unit_test(pages_end),     cmocka_unit_test(licences),  cmocka_unit_test(patterns),
        cmocka_unit_test(copyrights),    cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
