/* Packing: every document's tokens are there once, cut where the segments say, in an order that is a permutation. */
#include "corpus_support.h"

#include "corpus/feistel.h"
#include "corpus/packed.h"
#include "corpus/packed_file.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void orders_are_bijections(void **state)
{
    (void)state;
    static unsigned char seen[70000];
    static const uint64_t large[] = {1000, 4095, 4096, 4097, 65535, 65536, 65537, 69999};
    for (unsigned i = 1; i <= 300 + sizeof large / sizeof *large; i++) {
        const uint64_t count = i <= 300 ? i : large[i - 301];
        memset(seen, 0, sizeof seen);
        for (uint64_t place = 0; place < count; place++) {
            const uint64_t at = feistel_permute(count, 11 * i, RANDOM_SEQUENCES, i % 3, place);
            assert_true(at < count && !seen[at]);
            seen[at] = 1;
        }
    }
}

/* Sizes that cannot be walked through: values stay below, are not those of another key, and differ from each other. */
static void orders_of_great_sizes(void **state)
{
    (void)state;
    static const uint64_t counts[] = {UINT32_MAX, (uint64_t)1 << 33, ((uint64_t)1 << 63) + 1, UINT64_MAX};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        uint64_t earlier[100];
        unsigned same = 0;
        for (uint64_t place = 0; place < 100; place++) {
            earlier[place] = feistel_permute(counts[c], 1, RANDOM_DOCUMENTS, 0, place);
            assert_true(earlier[place] < counts[c]);
            for (uint64_t other = 0; other < place; other++) {
                assert_true(earlier[other] != earlier[place]);
            }
            same += earlier[place] == feistel_permute(counts[c], 2, RANDOM_DOCUMENTS, 0, place);
            same += earlier[place] == feistel_permute(counts[c], 1, RANDOM_DOCUMENTS, 1, place);
            same += earlier[place] == feistel_permute(counts[c], 1, RANDOM_SEQUENCES, 0, place);
        }
        assert_true(same < 3);
    }
}

/* Places spread: the mean of 10,000 of a million lies within five standard deviations of the middle, as do steps. */
static void orders_are_mixed(void **state)
{
    (void)state;
    double sum = 0, steps = 0;
    uint64_t before = 0;
    for (uint64_t place = 0; place < 10000; place++) {
        const uint64_t at = feistel_permute(1000000, 3, RANDOM_SEQUENCES, 0, place);
        sum += (double)at / 1e6;
        steps += place > 0 && at > before;
        before = at;
    }
    assert_true(sum / 1e4 > 0.5 - 5 * 0.2887 / 100 && sum / 1e4 < 0.5 + 5 * 0.2887 / 100);
    assert_true(steps > 4800 && steps < 5200);
}

enum { DOCUMENTS = 300 };

static void build_corpus(double held_out)
{
    buffer lines;
    buffer_init(&lines, 0);
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        assert_int_equal(
            buffer_printf(&lines, NULL, "document %u %.*s\n", i, (int)(i % 37), "éééééééééééééééééééééééé"), HEARTH_OK);
    }
    place_write("lines.txt", buffer_text(&lines));
    buffer_free(&lines);
    const recipe_rule rules[] = {{.name = "utf8_repair"}};
    const recipe_source s = {.name = "lines", .kind = SOURCE_TEXT, .path = "lines.txt", .split = "line"};
    recipe r = make_recipe(&s, 1, rules, 1);
    r.held_out = held_out;
    assert_int_equal(must_build(&r, "corpus", 2).kept, DOCUMENTS);
}

static void remove_packed(void)
{
    char command[1200];
    snprintf(command, sizeof command, "rm -rf '%s' '%s'", place("packed"), place("held"));
    assert_int_equal(system(command), 0);
}

static void pack(const tokenizer *t, uint32_t length, uint64_t seed, int threads)
{
    const corpus_pack_options o = {.tokenizer = t,
                                   .tokenizer_sha256 =
                                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                                   .end = (int32_t)tokenizer_vocabulary_size(t) - 1,
                                   .length = length,
                                   .seed = seed,
                                   .out = place("packed"),
                                   .held_out_folder = place("held"),
                                   .run = {.threads = threads}};
    hearth_error error = {0};
    char line[512];
    remove_packed();
    if (corpus_pack(place("corpus"), &o, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
}

static packed_corpus *must_open(const char *name)
{
    packed_corpus *p = NULL;
    hearth_error error = {0};
    char line[512];
    if (packed_open(place(name), &p, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    assert_int_equal(packed_verify(p, NULL), HEARTH_OK);
    return p;
}

typedef struct expected {
    buffer texts[DOCUMENTS + 1]; /* by row */
    bool held_out[DOCUMENTS + 1];
} expected;

static hearth_status note(void *context, const corpus_document *d, hearth_error *error)
{
    expected *e = context;
    e->held_out[d->row] = d->held_out;
    return buffer_append(&e->texts[d->row], d->text, d->length, error);
}

/* The whole sequences against the texts: bytes are tokens. Returns how many documents begin in them. */
static unsigned check_side(const packed_corpus *p, const expected *e, bool held_out, uint32_t end)
{
    const uint32_t length = packed_length(p);
    uint32_t *tokens = malloc((length + 1) * sizeof *tokens);
    packed_segment *segments = malloc(length * sizeof *segments);
    uint64_t row = 0, before = 0;
    size_t at = 0;
    unsigned begun = 0;
    uint32_t last = 0;
    for (uint64_t i = 0; i < packed_sequences(p); i++) {
        const size_t count = packed_sequence(p, i, tokens, segments);
        assert_true(i == 0 || tokens[0] == last);
        last = tokens[length];
        uint32_t next = 0;
        for (size_t s = 0; s < count; s++) {
            assert_int_equal(segments[s].begin, next);
            assert_true(segments[s].count > 0);
            if (segments[s].document != row) {
                assert_true(row == 0 || at == e->texts[row].length + 1);
                before = row;
                row = segments[s].document;
                at = 0;
                begun++;
                assert_true(row >= 1 && row <= DOCUMENTS && row != before);
                assert_int_equal(e->held_out[row], held_out);
            }
            for (uint32_t k = 0; k < segments[s].count; k++, at++) {
                const uint32_t wanted = at < e->texts[row].length ? (unsigned char)e->texts[row].data[at] : end;
                assert_int_equal(tokens[segments[s].begin + k], wanted);
            }
            next += segments[s].count;
        }
        assert_int_equal(next, length);
    }
    free(tokens);
    free(segments);
    return begun;
}

static void packs_every_document_once(void **state)
{
    (void)state;
    expected e;
    memset(&e, 0, sizeof e);
    build_corpus(0.2);
    assert_int_equal(corpus_each(place("corpus"), note, &e, NULL), HEARTH_OK);
    static const unsigned sizes[] = {257, 65536, 65537};
    for (size_t v = 0; v < 3; v++) {
        tokenizer *t = byte_tokenizer(sizes[v]);
        pack(t, v == 0 ? 1 : 16, 5, 2);
        packed_corpus *p = must_open("packed"), *h = must_open("held");
        assert_int_equal(packed_vocabulary(p), sizes[v]);
        assert_int_equal(packed_documents(p) + packed_documents(h), DOCUMENTS);
        assert_true(packed_documents(h) > 30 && packed_documents(h) < 90);
        /* length 1: all but the last token are inputs, so that every document is seen */
        const unsigned seen = check_side(p, &e, false, sizes[v] - 1), held = check_side(h, &e, true, sizes[v] - 1);
        assert_true(v > 0 || seen + held == DOCUMENTS);
        packed_close(p);
        packed_close(h);
        tokenizer_free(t);
    }
    for (size_t i = 0; i <= DOCUMENTS; i++) {
        buffer_free(&e.texts[i]);
    }
}

static void one_hash_for_any_threads_another_for_another_seed(void **state)
{
    (void)state;
    char hashes[5][HASH_HEX_SIZE];
    tokenizer *t = byte_tokenizer(300);
    build_corpus(0);
    for (int i = 0; i < 5; i++) {
        pack(t, i == 4 ? 33 : 32, i == 3 ? 6 : 5, 1 + i);
        packed_corpus *p = must_open("packed"), *h = must_open("held");
        memcpy(hashes[i], packed_hash(p), HASH_HEX_SIZE);
        assert_int_equal(packed_sequences(h), 0);
        assert_int_equal(packed_documents(p), DOCUMENTS);
        const uint64_t count = packed_sequences(p);
        char *seen = calloc(1, count);
        for (uint64_t place_ = 0; place_ < count; place_++) {
            const uint64_t at = packed_order(p, 9, 2, place_);
            assert_true(at < count && !seen[at]);
            seen[at] = 1;
        }
        free(seen);
        packed_close(p);
        packed_close(h);
    }
    assert_string_equal(hashes[0], hashes[1]);
    assert_string_equal(hashes[0], hashes[2]);
    assert_string_not_equal(hashes[0], hashes[3]);
    assert_string_not_equal(hashes[0], hashes[4]);
    tokenizer_free(t);
}

/* Each byte of the header, and lengths, changed: an error that names the file, or a hash that is another. */
static void damage_is_seen(void **state)
{
    (void)state;
    tokenizer *t = byte_tokenizer(300);
    build_corpus(0);
    pack(t, 32, 5, 1);
    packed_corpus *p = must_open("packed");
    char hash[HASH_HEX_SIZE];
    memcpy(hash, packed_hash(p), sizeof hash);
    packed_close(p);
    buffer whole;
    buffer_init(&whole, 0);
    assert_int_equal(file_read(place("packed/" PACKED_TOKENS), 1u << 24, &whole, NULL), HEARTH_OK);
    for (size_t i = 0; i < sizeof(packed_header) + 64; i++) {
        whole.data[i] = (char)(whole.data[i] ^ 0x41);
        place_write_bytes("packed/" PACKED_TOKENS, whole.data, whole.length);
        hearth_error error = {0};
        p = NULL;
        if (packed_open(place("packed"), &p, &error) == HEARTH_OK) {
            assert_true(strcmp(hash, packed_hash(p)) != 0 || packed_verify(p, &error) == HEARTH_E_FORMAT);
            packed_close(p);
        } else {
            assert_non_null(strstr(error.file, "packed/"));
        }
        whole.data[i] = (char)(whole.data[i] ^ 0x41);
    }
    for (size_t cut = 1; cut < whole.length; cut += 97) {
        place_write_bytes("packed/" PACKED_TOKENS, whole.data, whole.length - cut);
        assert_int_equal(packed_open(place("packed"), &p, NULL), HEARTH_E_FORMAT);
    }
    buffer_free(&whole);
    tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_bijections),
        cmocka_unit_test(orders_of_great_sizes),
        cmocka_unit_test(orders_are_mixed),
        cmocka_unit_test(packs_every_document_once),
        cmocka_unit_test(one_hash_for_any_threads_another_for_another_seed),
        cmocka_unit_test(damage_is_seen),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
