/* Web archives, and the text of pages. */
#include "corpus_support.h"

#include "corpus/html_text.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void pages_become_text(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"<html><head><title>T</title></head><body><p>One  two\n three</p><p>Four<br>five</p></body></html>",
         "One two three\nFour\nfive"},
        {"a<b>b</b>c <i> d </i>e", "abc d e"},
        {"<script>if (a<b) { '</p>' }</script>x<style>p { }</style> y<SCRIPT src=x></SCRIPT >z", "x yz"},
        {"<!-- <p>no</p> -->yes<!DOCTYPE html><?php ?>!", "yes!"},
        {"&lt;p&gt; &amp; &eacute;&#233;&#xE9; &#150; &nbsp;x &unknown; &; & &#0; &#1114112;",
         "<p> & \xC3\xA9\xC3\xA9\xC3\xA9 \xE2\x80\x93 x &unknown; &; & &#0; \xEF\xBF\xBD"},
        {"<nav><ul><li>menu</li></ul><nav>inner</nav> more</nav>text<footer>f</footer>", "text"},
        {"<a title=\"x > y\">link</a> <img alt='>'>after", "link after"},
        {"<pre>a  b\n  c</pre>d", "a b\nc\nd"},
        {"<ul><li>one<li>two</ul>", "one\ntwo"},
        {"1 < 2 <3", "1 < 2 <3"},
        {"<head><title>x<body>found", "found"},
        {"<script>never ends", ""},
        {"<!-- never ends", ""},
        {"<p", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        buffer out;
        buffer_init(&out, 0);
        /* a block of its own length, so that a sanitizer sees each byte that is read behind it */
        const size_t length = strlen(pairs[i][0]);
        char *copy = malloc(length + 1);
        memcpy(copy, pairs[i][0], length);
        copy = realloc(copy, length > 0 ? length : 1);
        assert_int_equal(html_text(copy, length, &out, NULL), HEARTH_OK);
        if (strcmp(buffer_text(&out), pairs[i][1]) != 0) {
            fail_msg("%s: %s", pairs[i][0], buffer_text(&out));
        }
        free(copy);
        buffer_free(&out);
    }
    char charset[20];
    html_charset("<meta http-equiv=x content='text/html; Charset=\"ISO-8859-2\"'>", 62, charset, sizeof charset);
    assert_string_equal(charset, "iso-8859-2");
    html_charset("<meta charset=", 14, charset, sizeof charset);
    assert_string_equal(charset, "");
}

static void put_record(buffer *out, const char *fields, const char *block)
{
    assert_int_equal(
        buffer_printf(out, NULL, "WARC/1.0\r\n%sContent-Length: %zu\r\n\r\n%s\r\n\r\n", fields, strlen(block), block),
        HEARTH_OK);
}

#define ANSWER                                                                                                         \
    "WARC-Type: response\r\nContent-Type: application/http; msgtype=response\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
#define AT(u) "WARC-Target-URI: https://example.org/" u "\r\n"

static void fill_archive(buffer *out)
{
    put_record(out, "WARC-Type: warcinfo\r\nContent-Type: application/warc-fields\r\n", "software: x\r\n\r\n");
    put_record(out, "WARC-Type: request\r\nContent-Type: application/http; msgtype=request\r\n" AT("a"),
               "GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n");
    put_record(out, ANSWER AT("a"),
               "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Page "
               "\xC3\xA9</p><p>two</p>");
    put_record(out, ANSWER AT("moved"), "HTTP/1.1 301 Moved\r\nContent-Type: text/html\r\n\r\n<p>moved</p>");
    put_record(out, ANSWER AT("picture"), "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\nPNG");
    put_record(out, ANSWER AT("latin"),
               "HTTP/1.0 200 OK\ncontent-type: text/plain;charset=ISO-8859-1\n\ncaf\xE9 \x93x\x94");
    put_record(out, ANSWER AT("chunks"),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
               "4\r\nWiki\r\n6;x=y\r\npedia.\r\n0\r\n\r\n");
    put_record(out, ANSWER AT("unchunked"),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
               "face it: no chunks here");
    put_record(out, ANSWER AT("gzip"),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08");
    put_record(out, ANSWER AT("odd"), "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=x-nobody\r\n\r\nx");
    put_record(out, ANSWER AT("broken"), "no answer");
    put_record(out, "WARC-Type: conversion\r\nContent-Type: text/plain\r\n" AT("wet"), "Text of a page\n");
}

static void archives_of_the_web(void **state)
{
    (void)state;
    static const char texts[] = "Page \xC3\xA9\ntwo\n--\ncaf\xC3\xA9 \xE2\x80\x9Cx\xE2\x80\x9D\n--\nWikipedia.\n--\n"
                                "face it: no chunks here\n--\nText of a page\n\n--\n";
    buffer all;
    buffer_init(&all, 0);
    fill_archive(&all);
    place_write_bytes("a.warc", all.data, all.length);
    recipe_source s = {.name = "web", .kind = SOURCE_WARC, .path = "a.warc"};
    const recipe r = make_recipe(&s, 1, NULL, 0);
    assert_int_equal(must_build(&r, "out", 1).documents, 8);
    assert_string_equal(kept_texts("out"), texts);
    json_t *m = read_manifest("out");
    assert_string_equal(text_of(row_of(m, 1), "place"), "https://example.org/a");
    assert_string_equal(text_of(row_of(m, 1), "created"), "2024-01-02T03:04:05Z");
    assert_string_equal(text_of(row_of(m, 5), "reason"), "the body is compressed: gzip");
    assert_string_equal(text_of(row_of(m, 6), "reason"), "characters of a set that nobody knows: x-nobody");
    assert_string_equal(text_of(row_of(m, 7), "reason"), "no HTTP answer in the record");
    json_decref(m);
    /* gzip twice over: two members, as crawlers write one for each record */
    place_compress("one.gz", "gzip", buffer_text(&all));
    buffer zipped;
    buffer_init(&zipped, 0);
    assert_int_equal(file_read(place("one.gz"), 1u << 20, &zipped, NULL), HEARTH_OK);
    assert_int_equal(file_read(place("one.gz"), 1u << 20, &zipped, NULL), HEARTH_OK);
    place_write_bytes("two.warc.gz", zipped.data, zipped.length);
    s.path = "two.warc.gz";
    assert_int_equal(must_build(&r, "out", 1).documents, 16);
    buffer_free(&zipped);
    buffer_free(&all);
}

/* Cut anywhere, or with any byte changed: an error that names the file, or fewer documents; never more than that. */
static void damaged_archives(void **state)
{
    (void)state;
    buffer all;
    buffer_init(&all, 0);
    fill_archive(&all);
    const recipe_source s = {.name = "web", .kind = SOURCE_WARC, .path = "cut.warc"};
    const recipe r = make_recipe(&s, 1, NULL, 0);
    unsigned failed = 0;
    for (size_t cut = 7; cut < all.length; cut += 61) {
        manifest_totals t;
        hearth_error error = {0};
        place_write_bytes("cut.warc", all.data, cut);
        if (corpus_build(&r, place("cut"), &(corpus_options){0}, &t, &error) == HEARTH_OK) {
            assert_true(t.documents <= 8);
            char command[600];
            snprintf(command, sizeof command, "rm -rf '%s'", place("cut"));
            assert_int_equal(system(command), 0);
        } else {
            assert_int_equal(error.status, HEARTH_E_FORMAT);
            assert_non_null(strstr(error.file, "cut.warc"));
            failed++;
        }
    }
    assert_true(failed > 20);
    place_write("cut.warc", "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(must_fail(&r), "cut.warc: line 1: expected WARC/1.0 or 1.1, found HTTP/1.1 200 OK"));
    place_write("cut.warc", "WARC/1.0\r\nContent-Length: -1\r\n\r\n");
    assert_non_null(strstr(must_fail(&r), "expected Content-Length: a whole number"));
    place_write("cut.warc", "WARC/1.0\r\nWARC-Type: x\r\n\r\n");
    assert_non_null(strstr(must_fail(&r), "line 3: expected Content-Length, found none"));
    buffer_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_become_text),
        cmocka_unit_test(archives_of_the_web),
        cmocka_unit_test(damaged_archives),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
