/* Tokenizer files that are wrong: SentencePiece's models cut off, with any byte changed, with lengths beyond the file;
 * maps whose trie points out or in circles; rank files and tekken.json with ranks missing, twice or too high. Every one
 * must be refused with a line that says where, or give a tokenizer that encodes. */
#include "formats/spm_model.h"
#include "model/load_tokenizer.h"

#include "../formats/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static buffer golden(const char *name)
{
    char path[600];
    const char *source = getenv("HEARTH_SOURCE");
    buffer b;
    buffer_init(&b, 0);
    (void)snprintf(path, sizeof path, "%s/tests/tokenizer/golden/%s", source != NULL ? source : ".", name);
    assert_int_equal(file_read(path, 1 << 24, &b, NULL), HEARTH_OK);
    return b;
}

/* Encodes and decodes with what was accepted. */
static void use(tokenizer *t)
{
    static const char text[] = "the hearth  \xEF\xAC\x81"
                               "e\xCC\x81 <sep> \xE2\x98\x83 T\xEF\xBC\xA1 zz\n";
    token_list ids = {0};
    buffer back;
    buffer_init(&back, 0);
    assert_int_equal(tokenizer_encode(t, text, sizeof text - 1, ENCODE_PARSE_SPECIAL | ENCODE_ADD_BOS, &ids, NULL),
                     HEARTH_OK);
    for (size_t i = 0; i < ids.count; i++) {
        assert_true(ids.ids[i] >= 0 && (size_t)ids.ids[i] < tokenizer_vocabulary_size(t));
    }
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, DECODE_SPECIAL, &back, NULL), HEARTH_OK);
    buffer_free(&back);
    token_list_free(&ids);
    tokenizer_free(t);
}

/* Whether the bytes were refused. */
static bool refused(const char *bytes, size_t length)
{
    tokenizer *t = NULL;
    hearth_error error = {0};
    const hearth_status status = load_tokenizer_spm_bytes(bytes, length, &t, &error);
    if (status == HEARTH_OK) {
        use(t);
        return false;
    }
    assert_true(status == HEARTH_E_FORMAT || status == HEARTH_E_UNSUPPORTED || status == HEARTH_E_LIMIT);
    assert_true(error.status == status && error.found[0] != '\0');
    return true;
}

static void every_truncation(void **state)
{
    (void)state;
    static const char *const names[] = {"unigram.model", "bpe.model"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        buffer b = golden(names[i]);
        size_t count = 0;
        for (size_t length = 0; length < b.length; length++) {
            count += refused(b.data, length);
        }
        assert_true(count > b.length * 4 / 5); /* between two fields a shorter file is a file */
        assert_false(refused(b.data, b.length));
        buffer_free(&b);
    }
}

static void every_byte_changed(void **state)
{
    (void)state;
    static const unsigned char masks[] = {0xFF, 0x80, 0x01};
    buffer b = golden("unigram.model");
    size_t count = 0;
    for (size_t i = 0; i < b.length; i++) {
        for (size_t k = 0; k < sizeof masks; k++) {
            b.data[i] = (char)((unsigned char)b.data[i] ^ masks[k]);
            count += refused(b.data, b.length);
            b.data[i] = (char)((unsigned char)b.data[i] ^ masks[k]);
        }
    }
    assert_true(count > b.length);
    buffer_free(&b);
}

/* ---- models made field by field ---- */

static void put_varint(buffer *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        assert_int_equal(buffer_append_char(b, (char)(value | 0x80), NULL), HEARTH_OK);
    }
    assert_int_equal(buffer_append_char(b, (char)value, NULL), HEARTH_OK);
}

static void put_bytes(buffer *b, unsigned field, const void *bytes, size_t length)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, length);
    assert_int_equal(buffer_append(b, bytes, length, NULL), HEARTH_OK);
}

static void put_number(buffer *b, unsigned field, uint64_t value)
{
    put_varint(b, field << 3);
    put_varint(b, value);
}

static void put_piece(buffer *b, const char *text, unsigned type)
{
    buffer piece;
    buffer_init(&piece, 0);
    put_bytes(&piece, 1, text, strlen(text));
    put_varint(&piece, 2 << 3 | 5);
    put_u32(&piece, 0xBF800000u);
    put_number(&piece, 3, type);
    put_bytes(b, 1, buffer_text(&piece), piece.length);
    buffer_free(&piece);
}

static buffer small_model(void)
{
    buffer b;
    buffer_init(&b, 0);
    put_piece(&b, "<unk>", SPM_UNKNOWN);
    put_piece(&b, "a", SPM_NORMAL);
    put_piece(&b, "\xE2\x96\x81", SPM_NORMAL);
    return b;
}

/* Frees the bytes. */
static void expect(buffer *b, hearth_status wanted, const char *part)
{
    char line[700];
    tokenizer *t = NULL;
    hearth_error error = {0};
    const hearth_status got = load_tokenizer_spm_bytes(buffer_text(b), b->length, &t, &error);
    buffer_free(b);
    if (got == HEARTH_OK) {
        use(t);
    }
    hearth_error_line(&error, line, sizeof line);
    if (got != wanted || (wanted != HEARTH_OK && (strstr(line, part) == NULL || error.file[0] == '\0'))) {
        fail_msg("wanted %s and '%s', got %s: %s", hearth_status_name(wanted), part, hearth_status_name(got), line);
    }
}

static void models_that_contradict(void **state)
{
    (void)state;
    buffer b = small_model();
    expect(&b, HEARTH_OK, "");
    b = small_model();
    put_piece(&b, "<unk2>", SPM_UNKNOWN);
    expect(&b, HEARTH_E_FORMAT, "one unknown piece");
    b = small_model();
    put_piece(&b, "a", SPM_NORMAL);
    expect(&b, HEARTH_E_FORMAT, "every token once");
    b = small_model();
    put_piece(&b, "b", 7);
    expect(&b, HEARTH_E_FORMAT, "type");
    b = small_model();
    put_piece(&b, "", SPM_NORMAL);
    expect(&b, HEARTH_E_FORMAT, "piece");
    b = small_model();
    put_piece(&b, "\xC3", SPM_NORMAL);
    expect(&b, HEARTH_E_FORMAT, "UTF-8");
    b = small_model();
    put_bytes(&b, 2, "\x18\x03", 2); /* model_type 3: words */
    expect(&b, HEARTH_E_UNSUPPORTED, "model_type");
    buffer_init(&b, 0);
    put_piece(&b, "a", SPM_NORMAL);
    expect(&b, HEARTH_E_FORMAT, "one unknown piece");
}

static void broken_wire(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *part;
    } tails[] = {
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "more bytes"}, /* a length of 2^64 - 1 */
        {"\x0A\x7F"
         "ab",
         4, "more bytes"},                                                   /* beyond the file */
        {"\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11, "64 bits"},     /* 65 bits */
        {"\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 12, "64 bits"}, /* eleven bytes */
        {"\x0B", 1, "wire type"},                                            /* a group */
        {"\x02\x00", 2, "a number from 1"},                                  /* field 0 */
        {"\x19\x00", 2, "more bytes"},                                       /* half a 64-bit number */
        {"\x08\x01", 2, "wire type"},                                        /* a piece that is a number */
    };
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        buffer b = small_model();
        assert_int_equal(buffer_append(&b, tails[i].bytes, tails[i].length, NULL), HEARTH_OK);
        expect(&b, HEARTH_E_FORMAT, tails[i].part);
    }
}

/* ---- character maps ---- */

static void expect_map(const uint32_t *units, uint32_t count, const char *texts, size_t texts_length,
                       hearth_status wanted)
{
    buffer map;
    buffer normalizer;
    buffer b = small_model();
    buffer_init(&map, 0);
    buffer_init(&normalizer, 0);
    put_u32(&map, count * 4);
    for (uint32_t i = 0; units != NULL && i < count; i++) {
        put_u32(&map, units[i]);
    }
    assert_int_equal(buffer_append(&map, texts, texts_length, NULL), HEARTH_OK);
    put_bytes(&normalizer, 2, buffer_text(&map), map.length);
    put_bytes(&b, 3, buffer_text(&normalizer), normalizer.length);
    buffer_free(&map);
    buffer_free(&normalizer);
    expect(&b, wanted, "character map");
}

static void maps_that_point_out(void **state)
{
    (void)state;
    uint32_t units[256];
    /* 't' (0x74) leads back to the root's own offset: a circle that eats a byte a turn. */
    memset(units, 0, sizeof units);
    units[0x74] = 0x74 | 0x74u << 10;
    expect_map(units, 256, "x", 2, HEARTH_OK);
    units[0x74] = 0x74 | 1u << 8 | 0x75u << 10; /* a value at 0x74 ^ 0x75 = 1: inside */
    expect_map(units, 256, "x", 2, HEARTH_OK);
    units[1] = 0x80000002u; /* a value behind the texts */
    expect_map(units, 256, "x", 2, HEARTH_E_FORMAT);
    units[1] = 0x80000001u; /* a value inside a character */
    expect_map(units, 256, "\xC3\xA9", 3, HEARTH_E_FORMAT);
    units[1] = 0;
    units[0x74] = 0x74 | 1u << 8 | 0x1FFFFFu << 10; /* a value behind the trie */
    expect_map(units, 256, "x", 2, HEARTH_E_FORMAT);
    units[0x74] = 0;
    expect_map(units, 256, "x", 1, HEARTH_E_FORMAT);    /* no NUL */
    expect_map(units, 256, "", 0, HEARTH_E_FORMAT);     /* no texts */
    expect_map(units, 256, "\xFF", 2, HEARTH_E_FORMAT); /* no UTF-8 */
    expect_map(NULL, 256, "x", 2, HEARTH_E_FORMAT);     /* a trie beyond the map */
    expect_map(NULL, 0, "x", 2, HEARTH_E_FORMAT);
    units[0] = 0x1FFFFFu << 10; /* the root leads out: no rule */
    expect_map(units, 256, "x", 2, HEARTH_OK);
}

/* ---- ranks ---- */

static void expect_file(const char *name, const char *text, hearth_status wanted, const char *part)
{
    char line[700];
    tokenizer *t = NULL;
    hearth_error error = {0};
    scratch_write(name, text, strlen(text));
    const hearth_status got = load_tokenizer_file(scratch_path(name), NULL, NULL, &t, &error);
    if (got == HEARTH_OK) {
        use(t);
    }
    hearth_error_line(&error, line, sizeof line);
    if (got != wanted || (wanted != HEARTH_OK && (strstr(line, part) == NULL || error.file[0] == '\0'))) {
        fail_msg("%s: wanted %s and '%s', got %s: %s", text, hearth_status_name(wanted), part, hearth_status_name(got),
                 line);
    }
}

static void wrong_ranks(void **state)
{
    (void)state;
    expect_file("gpt2.tiktoken", "YQ== 0\nYg== 1\n", HEARTH_OK, "");
    expect_file("gpt2.tiktoken", "YQ== 0\r\nYg== 1", HEARTH_OK, "");
    expect_file("gpt2.tiktoken", "YQ== 0\nYg== 0\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\nYQ== 1\n", HEARTH_E_FORMAT, "every token once");
    expect_file("gpt2.tiktoken", "YQ== 0\nYg==1\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\nYg== 1x\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\nYg== 99999999999\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\nYg== 4194304\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\nY?== 1\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\nYQ=== 1\n", HEARTH_E_FORMAT, "line 2");
    expect_file("gpt2.tiktoken", "YQ== 0\n==== 1\n", HEARTH_E_FORMAT, "line 2");
    expect_file("unknown.tiktoken", "YQ== 0\n", HEARTH_E_UNSUPPORTED, "--encoding");
    expect_file("gpt2.tiktoken", "", HEARTH_E_FORMAT, "");
}

static void wrong_tekken(void **state)
{
    (void)state;
#define CONFIG(size, special)                                                                                          \
    "{\"config\": {\"pattern\": \"a|[^a]\", \"default_vocab_size\": " size                                             \
    ", \"default_num_special_tokens\": " special "}, "
#define VOCAB "\"vocab\": [{\"rank\": 0, \"token_bytes\": \"YQ==\"}, {\"rank\": 1, \"token_bytes\": \"Yg==\"}], "
#define ENTRY(members) "\"vocab\": [{" members "}], "
#define LIST(rank) "\"special_tokens\": [{\"rank\": " rank ", \"token_str\": \"<s>\", \"is_control\": true}]}"
    const char *name = "tekken.json";
    expect_file(name, CONFIG("4", "2") VOCAB LIST("1"), HEARTH_OK, "");
    expect_file(name, CONFIG("3", "2") VOCAB LIST("1"), HEARTH_OK, "");
    expect_file(name, CONFIG("5", "2") VOCAB LIST("1"), HEARTH_E_FORMAT, "default_vocab_size");
    expect_file(name, CONFIG("2", "2") VOCAB LIST("1"), HEARTH_E_FORMAT, "default_vocab_size");
    expect_file(name, CONFIG("-1", "2") VOCAB LIST("1"), HEARTH_E_FORMAT, "default_vocab_size");
    expect_file(name, CONFIG("4", "2") VOCAB LIST("2"), HEARTH_E_FORMAT, "special_tokens[0]");
    expect_file(name, CONFIG("4", "2") VOCAB LIST("-1"), HEARTH_E_FORMAT, "special_tokens[0]");
    expect_file(name, CONFIG("4", "2") VOCAB LIST("\"1\""), HEARTH_E_FORMAT, "special_tokens[0]");
    expect_file(name,
                CONFIG("3", "1") "\"vocab\": [{\"rank\": 0, \"token_bytes\": \"YQ==\"}, {\"rank\": 0, "
                                 "\"token_bytes\": \"Yg==\"}], " LIST("0"),
                HEARTH_E_FORMAT, "vocab[1]");
    expect_file(name,
                CONFIG("3", "1") "\"vocab\": [{\"rank\": 0, \"token_bytes\": \"YQ==\"}, {\"rank\": 9, "
                                 "\"token_bytes\": \"Yg==\"}], " LIST("0"),
                HEARTH_E_FORMAT, "a token for every rank");
    /* What the scan for plain entries leaves to the parser, and what looks plain but is no JSON. */
    expect_file(name, CONFIG("3", "2") ENTRY("\"rank\": 0, \"token_bytes\": \"YQ==\", \"token_str\": null") LIST("1"),
                HEARTH_OK, "");
    expect_file(name,
                CONFIG("3", "2") ENTRY("\"token_str\": \"\\u0000\\\"\", \"token_bytes\":\"YQ==\",\"rank\":0") LIST("1"),
                HEARTH_OK, "");
    expect_file(name, CONFIG("3", "2") ENTRY("\"rank\": 0, \"token_bytes\": \"YQ\\u003d=\", \"more\": [1]") LIST("1"),
                HEARTH_OK, "");
    expect_file(name,
                CONFIG("3", "2") ENTRY("\"rank\": 0, \"token_bytes\": \"YQ==\", \"token_str\": \"\\ud800\"") LIST("1"),
                HEARTH_E_FORMAT, "JSON");
    expect_file(name, CONFIG("3", "2") ENTRY("\"rank\": 00, \"token_bytes\": \"YQ==\"") LIST("1"), HEARTH_E_FORMAT,
                "JSON");
    expect_file(name, CONFIG("3", "2") ENTRY("\"rank\": 0, \"rank\": 0, \"token_bytes\": \"YQ==\"") LIST("1"),
                HEARTH_E_FORMAT, "JSON");
    expect_file(name, CONFIG("3", "2") ENTRY("\"rank\": 0, \"token_bytes\": \"YQ==\"") VOCAB LIST("1"), HEARTH_E_FORMAT,
                "JSON");
    expect_file(name,
                CONFIG("3", "2") ENTRY("\"rank\": 0, \"token_bytes\": \"YQ==\", \"token_str\": \"\\x\"") LIST("1"),
                HEARTH_E_FORMAT, "JSON");
    expect_file(name,
                CONFIG("3", "2") ENTRY("\"rank\": 0, \"token_bytes\": \"YQ==\", \"token_str\": \"\xFF\"") LIST("1"),
                HEARTH_E_FORMAT, "JSON");
    expect_file(name, CONFIG("3", "2") ENTRY("\"rank\": 0.0, \"token_bytes\": \"YQ==\"") LIST("1"), HEARTH_E_FORMAT,
                "vocab[0]");
    expect_file(name, "{\"config\": {}, \"vocab\": []}", HEARTH_E_FORMAT, "config.pattern");
    expect_file(name, CONFIG("4", "2") "\"vocab\": {}}", HEARTH_E_FORMAT, "vocab");
    expect_file(
        name,
        "{\"config\": {\"pattern\": \"(\", \"default_vocab_size\": 3, \"default_num_special_tokens\": 2}, " VOCAB LIST(
            "0"),
        HEARTH_E_UNSUPPORTED, "");
}

static void wrong_unigram_json(void **state)
{
    (void)state;
#define UNIGRAM(vocab, more)                                                                                           \
    "{\"model\": {\"type\": \"Unigram\", \"vocab\": " vocab more "}, \"decoder\": {\"type\": \"Fuse\"}}"
    const char *name = "tokenizer.json";
    expect_file(name, UNIGRAM("[[\"<unk>\", 0], [\"t\", -1.5]]", ", \"unk_id\": 0"), HEARTH_OK, "");
    expect_file(name, UNIGRAM("[[\"<unk>\", 0], [\"t\", -1.5]]", ", \"unk_id\": null"), HEARTH_OK, "");
    expect_file(name, UNIGRAM("[]", ""), HEARTH_E_FORMAT, "model.vocab");
    expect_file(name, UNIGRAM("{\"a\": 1}", ""), HEARTH_E_FORMAT, "model.vocab");
    expect_file(name, UNIGRAM("[[\"a\"]]", ""), HEARTH_E_FORMAT, "model.vocab[0]");
    expect_file(name, UNIGRAM("[[\"a\", \"b\"]]", ""), HEARTH_E_FORMAT, "model.vocab[0]");
    expect_file(name, UNIGRAM("[[\"a\", 0], [\"a\", 1]]", ""), HEARTH_E_FORMAT, "every token once");
    expect_file(name, UNIGRAM("[[\"a\", 0]]", ", \"unk_id\": 1"), HEARTH_E_FORMAT, "model.unk_id");
    expect_file(name, UNIGRAM("[[\"a\", 0]]", ", \"unk_id\": -1"), HEARTH_E_FORMAT, "model.unk_id");
    expect_file(name, "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}}", HEARTH_E_UNSUPPORTED, "model.type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation),       cmocka_unit_test(every_byte_changed),
        cmocka_unit_test(models_that_contradict), cmocka_unit_test(broken_wire),
        cmocka_unit_test(maps_that_point_out),    cmocka_unit_test(wrong_ranks),
        cmocka_unit_test(wrong_tekken),           cmocka_unit_test(wrong_unigram_json),
    };
    return cmocka_run_group_tests_name("tokenizer hostile", tests, scratch_make, scratch_remove);
}
