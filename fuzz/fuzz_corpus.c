/* What a corpus's sources and rules read. The input's first byte says which: JSON lines (compressed or not), a web
 * archive, an archive, a page's text, a licence, a text through the rules that need no other, a packed corpus (its
 * first two bytes say how long tokens.bin is), a manual page, debian/copyright, a Debian package, a list of them. */
#include "fuzz_input.h"

#include "corpus/debian_list.h"
#include "corpus/debian_package.h"
#include "corpus/html_text.h"
#include "corpus/man_text.h"
#include "corpus/packed.h"
#include "corpus/rules.h"
#include "corpus/source.h"
#include "recipe/spdx.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hearth_status put(void *context, document *d, hearth_error *error)
{
    (void)context;
    if (document_seal(d, error) == HEARTH_OK) {
        fuzz_sink += d->text.length + d->place.length + d->bytes;
    }
    return HEARTH_OK;
}

static void sink_error(const hearth_error *error)
{
    char line[600];
    fuzz_sink += (uint64_t)hearth_error_line(error, line, sizeof line)[0];
}

static void read_source(recipe_source_kind kind, const uint8_t *data, size_t size)
{
    const recipe_source s = {.name = "s", .kind = kind, .path = fuzz_file(0, data, size), .licence_field = "l"};
    const recipe r = {.sources = &s, .source_count = 1, .path = "r", .folder = "/"};
    const document_sink sink = {.put = put};
    source_report report;
    hearth_error error = {0};
    if (source_read(&r, 0, &sink, &report, &error) != HEARTH_OK) {
        sink_error(&error);
    }
}

static void read_jsonl(const uint8_t *data, size_t size)
{
    read_source(SOURCE_JSONL, data, size);
}

static void read_warc(const uint8_t *data, size_t size)
{
    read_source(SOURCE_WARC, data, size);
}

static void read_archive(const uint8_t *data, size_t size)
{
    read_source(SOURCE_ARCHIVE, data, size);
}

static void read_page(const uint8_t *data, size_t size)
{
    buffer out;
    char charset[16];
    buffer_init(&out, 0);
    if (html_text((const char *)data, size, &out, NULL) == HEARTH_OK) {
        fuzz_sink += out.length;
    }
    html_charset((const char *)data, size, charset, sizeof charset);
    fuzz_sink += strlen(charset);
    buffer_free(&out);
}

static void read_licence(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (text != NULL) {
        fuzz_sink += spdx_allows(text, "MIT\nA WITH B");
    }
    free(text);
}

/* Whatever the text is, rules give UTF-8 back once it was UTF-8 or repaired. */
static void run_rules(const uint8_t *data, size_t size)
{
    static const recipe_rule given[] = {{.name = "utf8_repair"}, {.name = "nfc"},        {.name = "personal_data"},
                                        {.name = "c4_quality"},  {.name = "repetition"}, {.name = "gopher_quality"}};
    const recipe r = {.rules = given, .rule_count = sizeof given / sizeof *given, .path = "r", .folder = "/"};
    rule_list rules = {0};
    document d;
    hearth_error error = {0};
    document_init(&d);
    if (rules_open(&r, "/nowhere", 1, &rules, &error) == HEARTH_OK &&
        document_add(&d, data, size, &error) == HEARTH_OK) {
        for (size_t i = 0; i < rules.count; i++) {
            d.fate = NULL; /* so that each sees every text */
            if (rule_apply(&rules.items[i], &d, 0, &error) != HEARTH_OK) {
                sink_error(&error);
                break;
            }
            d.valid = false;
            assert(document_want_utf8(&d, &error) == HEARTH_OK && d.valid);
        }
    }
    rules_close(&rules);
    document_free(&d);
}

static void read_packed(const uint8_t *data, size_t size)
{
    packed_corpus *p = NULL;
    hearth_error error = {0};
    if (size < 2) {
        return;
    }
    const size_t wanted = (size_t)data[0] | (size_t)data[1] << 8;
    const size_t first = wanted < size - 2 ? wanted : size - 2;
    fuzz_folder_put("tokens.bin", data + 2, first);
    fuzz_folder_put("documents.bin", data + 2 + first, size - 2 - first);
    if (packed_open(fuzz_folder(), &p, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    const size_t length = packed_length(p);
    uint32_t *tokens = length < 65536 ? malloc((length + 1) * sizeof *tokens) : NULL;
    packed_segment *segments = length < 65536 ? malloc(length * sizeof *segments) : NULL;
    for (uint64_t i = 0; tokens != NULL && segments != NULL && i < packed_sequences(p); i++) {
        fuzz_sink += packed_sequence(p, packed_order(p, 1, 2, i), tokens, segments) + tokens[length];
    }
    free(tokens);
    free(segments);
    fuzz_sink += packed_verify(p, NULL);
    packed_close(p);
}

static void read_manual(const uint8_t *data, size_t size)
{
    buffer out;
    buffer_init(&out, 0);
    if (man_text((const char *)data, size, &out, NULL) == HEARTH_OK) {
        fuzz_sink += out.length;
    }
    buffer_free(&out);
}

/* Whatever stands there, a licence is an SPDX expression. */
static void read_copyright(const uint8_t *data, size_t size)
{
    debian_copyright *c = NULL;
    buffer licence, evidence;
    bool found = false;
    if (debian_copyright_read((const char *)data, size, &c, NULL) != HEARTH_OK || c == NULL) {
        return;
    }
    buffer_init(&licence, 0);
    buffer_init(&evidence, 0);
    if (debian_copyright_find(c, "usr/share/man/man1/ls.1", &licence, &evidence, &found, NULL) == HEARTH_OK && found) {
        assert(spdx_allows(buffer_text(&licence), "MIT") != SPDX_MALFORMED);
    }
    buffer_free(&licence);
    buffer_free(&evidence);
    debian_copyright_free(c);
}

static hearth_status put_file(void *context, struct archive *data, struct archive_entry *entry, const char *path,
                              hearth_error *error)
{
    (void)context;
    (void)entry;
    buffer bytes;
    buffer_init(&bytes, 0);
    const hearth_status status = debian_read_entry(data, path, 1 << 16, &bytes, error);
    fuzz_sink += bytes.length + strlen(path);
    buffer_free(&bytes);
    return status;
}

static void read_package(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(0, data, size);
    debian_facts facts = {0};
    hearth_error error = {0};
    if (debian_package_facts(path, "x", &facts, &error) != HEARTH_OK ||
        debian_package_each(path, put_file, NULL, &error) != HEARTH_OK) {
        sink_error(&error);
    }
    debian_facts_free(&facts);
}

static void read_list(const uint8_t *data, size_t size)
{
    debian_list list;
    hearth_error error = {0};
    if (debian_list_read(fuzz_file(0, data, size), &list, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        assert(strchr(list.items[i].file, '/') == NULL && strstr(list.items[i].path, "..") == NULL);
    }
    debian_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {read_jsonl,     read_warc,    read_archive, read_page,
                                                               read_licence,   run_rules,    read_packed,  read_manual,
                                                               read_copyright, read_package, read_list};
    if (size > 0) {
        readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    }
    return 0;
}
