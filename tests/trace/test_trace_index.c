/* An index against a naive scan of its documents: random and adversarial texts, by bytes and by tokens, in shards that
 * were sorted whole and in parts. */
#include "../corpus/corpus_support.h"

#include "base/json.h"
#include "base/random.h"
#include "indexing/indexing.h"
#include "indexing/order_diagonal.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "platform/file_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENTS 60u
#define QUERIES 2000u
#define LONGEST 40u

/* ---- random numbers ---- */

static uint64_t drawn;
static uint32_t draw(uint32_t below)
{
    uint32_t words[4];
    random_philox(1, RANDOM_TEST, 8, drawn++, words);
    return words[0] % below;
}

/* ---- texts ---- */

typedef struct texts {
    char *items[DOCUMENTS];
    size_t lengths[DOCUMENTS];
} texts;

/* Letters of an alphabet, one letter alone, words, and copies of each other with other ends. */
static char letter_of(int kind, unsigned which, size_t at)
{
    static const char words[] = "the old man and the sea and the old boat ";
    switch (kind) {
    case 0:
        return (char)('a' + (int)draw(3));
    case 1:
        return 'a';
    case 2:
        return words[(at + which) % (sizeof words - 1)];
    default:
        return which % 2 == 0 ? (char)('a' + (int)(at % 7)) : (char)(draw(20) == 0 ? ' ' + (int)draw(90) : 'e');
    }
}

static void make_texts(int kind, texts *ret)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        const size_t length = 1 + draw(kind == 1 ? 200 : 400);
        ret->lengths[i] = length;
        ret->items[i] = malloc(length + 1);
        assert_non_null(ret->items[i]);
        for (size_t at = 0; at < length; at++) {
            ret->items[i][at] = letter_of(kind, i, at);
        }
        ret->items[i][length] = '\0';
    }
}

static void free_texts(texts *t)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        free(t->items[i]);
    }
}

static void write_texts(const texts *t)
{
    buffer lines;
    buffer_init(&lines, 0);
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        json_t *row = json_pack("{s:s}", "text", t->items[i]);
        assert_int_equal(json_door_write(row, 0, &lines, NULL), HEARTH_OK);
        json_decref(row);
        if (lines.data[lines.length - 1] != '\n') {
            assert_int_equal(buffer_append_char(&lines, '\n', NULL), HEARTH_OK);
        }
    }
    place_write("texts.jsonl", buffer_text(&lines));
    buffer_free(&lines);
}

/* ---- an index of them ---- */

static tokenizer *the_tokenizer;
static char tokenizer_file[512];

static trace_index *must_index(const char *name, uint64_t shard_bytes, uint64_t memory_bytes, int threads)
{
    const indexing_options o = {.tokenizer = the_tokenizer,
                                .tokenizer_file = tokenizer_file,
                                .by = {true, true},
                                .shard_bytes = shard_bytes,
                                .memory_bytes = memory_bytes,
                                .threads = threads};
    hearth_error error = {0};
    indexing_result result;
    char line[1024];
    trace_index *x = NULL;
    file_remove_folder(place(name));
    if (indexing_build(place("texts.jsonl"), place(name), &o, &result, &error) != HEARTH_OK ||
        trace_index_open(place(name), threads, &x, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    assert_int_equal(result.documents, DOCUMENTS);
    assert_true((result.parts > 1) == (memory_bytes < 100000));
    assert_int_equal(trace_index_verify(x, NULL), HEARTH_OK);
    return x;
}

/* ---- the naive scan, over documents as arrays of units ---- */

typedef struct scan {
    int32_t *units[DOCUMENTS];
    size_t lengths[DOCUMENTS];
} scan;

static void scan_open(const trace_index *x, const texts *t, trace_unit unit, scan *ret)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        token_list ids = {0}, found = {0};
        buffer text;
        if (unit == TRACE_TOKENS) {
            assert_int_equal(tokenizer_encode(the_tokenizer, t->items[i], t->lengths[i], ENCODE_PLAIN, &ids, NULL),
                             HEARTH_OK);
            assert_int_equal(trace_document_tokens(x, i, 0, UINT64_MAX, &found, NULL), HEARTH_OK);
            assert_int_equal(found.count, ids.count);
            assert_memory_equal(found.ids, ids.ids, ids.count * sizeof *ids.ids);
        } else {
            buffer_init(&text, 0);
            assert_int_equal(trace_document_text(x, i, 0, UINT64_MAX, &text, NULL), HEARTH_OK);
            assert_string_equal(buffer_text(&text), t->items[i]);
            buffer_free(&text);
            for (size_t at = 0; at < t->lengths[i]; at++) {
                assert_int_equal(token_list_append(&ids, (uint8_t)t->items[i][at], NULL), HEARTH_OK);
            }
        }
        ret->units[i] = ids.ids;
        ret->lengths[i] = ids.count;
        token_list_free(&found);
    }
}

static void scan_close(scan *s)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        token_list list = {.ids = s->units[i]};
        token_list_free(&list);
    }
}

static bool stands(const scan *s, unsigned which, size_t at, const int32_t *query, size_t length)
{
    return at + length <= s->lengths[which] &&
           (length == 0 ||
            (s->units[which][at] == query[0] && memcmp(s->units[which] + at, query, length * sizeof *query) == 0));
}

static uint64_t naive_count(const scan *s, const int32_t *query, size_t length)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        for (size_t at = 0; at < s->lengths[i]; at++) {
            count += stands(s, i, at, query, length) ? 1 : 0;
        }
    }
    return count;
}

static uint64_t naive_following(const scan *s, const int32_t *query, size_t length, int32_t unit)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        for (size_t at = 0; at + length <= s->lengths[i] && at < s->lengths[i]; at++) {
            if (stands(s, i, at, query, length)) {
                const bool end = at + length == s->lengths[i];
                count += (end ? TRACE_END : s->units[i][at + length]) == unit ? 1 : 0;
            }
        }
    }
    return count;
}

/* ---- queries: pieces of documents, pieces with something changed, pieces of two documents side by side ---- */

static size_t make_query(const scan *s, unsigned number, int32_t query[LONGEST])
{
    const unsigned which = draw(DOCUMENTS);
    const size_t begin = draw((uint32_t)s->lengths[which]);
    size_t length = 0;
    for (size_t at = begin; at < s->lengths[which] && length < 1 + draw(LONGEST); at++) {
        query[length++] = s->units[which][at];
    }
    if (number % 4 == 1 && length > 0) {
        const unsigned other = draw(DOCUMENTS);
        query[draw((uint32_t)length)] = s->units[other][draw((uint32_t)s->lengths[other])];
    }
    if (number % 4 == 2 && which + 1 < DOCUMENTS) { /* over the border */
        const size_t most = s->lengths[which] < 4 ? s->lengths[which] : 4;
        length = 0;
        for (size_t at = s->lengths[which] - most; at < s->lengths[which]; at++) {
            query[length++] = s->units[which][at];
        }
        for (size_t at = 0; at < s->lengths[which + 1] && at < 4; at++) {
            query[length++] = s->units[which + 1][at];
        }
    }
    return length;
}

static trace_query as_query(trace_unit unit, const int32_t *units, size_t length, char bytes[LONGEST])
{
    for (size_t i = 0; i < length && unit == TRACE_BYTES; i++) {
        bytes[i] = (char)units[i];
    }
    return unit == TRACE_TOKENS ? trace_query_tokens(units, length) : trace_query_bytes(bytes, length);
}

static void check_places(const trace_index *x, const scan *s, const trace_matches *m, const int32_t *query)
{
    uint64_t sum = 0, naive = 0;
    for (uint64_t k = 0; k < m->count; k++) {
        trace_place p = {0};
        assert_int_equal(trace_match_place(x, m, k, &p, NULL), HEARTH_OK);
        assert_true(stands(s, (unsigned)p.document, (size_t)p.begin, query, m->length));
        sum += (p.document + 1) * 1000003 + p.begin;
    }
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        for (size_t at = 0; at < s->lengths[i]; at++) {
            naive += stands(s, i, at, query, m->length) ? ((uint64_t)i + 1) * 1000003 + at : 0;
        }
    }
    assert_int_equal(sum, naive);
    trace_place p = {0};
    assert_int_equal(trace_match_place(x, m, m->count, &p, NULL), HEARTH_E_ARGUMENT);
}

static void check_next(const trace_index *x, const scan *s, const trace_matches *m, const int32_t *query)
{
    trace_followings f = {0};
    uint64_t sum = 0;
    assert_int_equal(trace_next(x, m, &f, NULL), HEARTH_OK);
    for (size_t i = 0; i < f.count; i++) {
        assert_int_equal(f.items[i].count, naive_following(s, query, m->length, f.items[i].unit));
        assert_true(i == 0 || f.items[i - 1].count > f.items[i].count ||
                    (f.items[i - 1].count == f.items[i].count && f.items[i - 1].unit < f.items[i].unit));
        sum += f.items[i].count;
    }
    assert_int_equal(sum, m->count);
    assert_int_equal(f.total, m->count);
    trace_followings_free(&f);
}

static void check_longest(const trace_index *x, const scan *s, const trace_query *q, const int32_t *query)
{
    trace_matches m = {0};
    assert_int_equal(trace_find_longest(x, q, &m, NULL), HEARTH_OK);
    assert_true(m.length <= q->length);
    assert_int_equal(m.count, naive_count(s, query, m.length));
    assert_true(m.length == q->length || naive_count(s, query, m.length + 1) == 0);
    trace_matches_free(&m);
    assert_int_equal(trace_find_suffix(x, q, &m, NULL), HEARTH_OK);
    const int32_t *end = query + (q->length - m.length);
    assert_int_equal(m.count, naive_count(s, end, m.length));
    assert_true(m.count > 0 && (m.length == q->length || naive_count(s, end - 1, m.length + 1) == 0));
    trace_matches_free(&m);
}

static void check_queries(const trace_index *x, const texts *t, trace_unit unit, unsigned queries)
{
    scan s;
    scan_open(x, t, unit, &s);
    unsigned found = 0;
    for (unsigned i = 0; i < queries; i++) {
        int32_t query[LONGEST];
        char bytes[LONGEST];
        const size_t length = make_query(&s, i, query);
        const trace_query q = as_query(unit, query, length, bytes);
        trace_matches m = {0};
        assert_int_equal(trace_find(x, &q, &m, NULL), HEARTH_OK);
        assert_int_equal(m.count, naive_count(&s, query, length));
        found += m.count > 0 ? 1 : 0;
        if (i % 20 < 2) {
            check_places(x, &s, &m, query);
            check_next(x, &s, &m, query);
            check_longest(x, &s, &q, query);
        }
        trace_matches_free(&m);
    }
    assert_true(found > queries / 4);
    scan_close(&s);
}

/* Everything but the shards' borders is the same whatever memory there was: a file is, byte for byte. */
static void check_same_files(const char *a, const char *b)
{
    file_list list = {0};
    assert_int_equal(file_list_folder(place(a), &list, NULL), HEARTH_OK);
    assert_true(list.count > 8);
    for (size_t i = 0; i < list.count; i++) {
        char name[2][300];
        buffer text[2];
        for (int k = 0; k < 2; k++) {
            (void)snprintf(name[k], sizeof name[k], "%s/%s", place(k == 0 ? a : b), list.names[i]);
            buffer_init(&text[k], 0);
            assert_int_equal(file_read(name[k], (size_t)1 << 24, &text[k], NULL), HEARTH_OK);
        }
        assert_int_equal(text[0].length, text[1].length);
        assert_memory_equal(buffer_text(&text[0]), buffer_text(&text[1]), text[0].length);
        buffer_free(&text[0]);
        buffer_free(&text[1]);
    }
    file_list_free(&list);
}

static void counts_are_those_of_a_scan(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        texts t;
        make_texts(kind, &t);
        write_texts(&t);
        trace_index *whole = must_index("whole", 0, 1u << 24, 1), *parts = must_index("parts", 0, 10000, 2),
                    *shards = must_index("shards", 1500, 1u << 24, 1), *many = must_index("many", 200, 1u << 24, 2);
        check_same_files("whole", "parts");
        assert_int_equal(trace_index_facts(whole)->shards, 1);
        assert_true(trace_index_facts(shards)->shards > 2);
        check_queries(whole, &t, TRACE_BYTES, QUERIES);
        check_queries(whole, &t, TRACE_TOKENS, QUERIES);
        check_queries(shards, &t, TRACE_BYTES, QUERIES / 4);
        check_queries(shards, &t, TRACE_TOKENS, QUERIES / 4);
        assert_true(trace_index_facts(many)->shards >= 16); /* by threads */
        check_queries(many, &t, TRACE_BYTES, 100);
        check_queries(many, &t, TRACE_TOKENS, 100);
        trace_index_close(many);
        trace_index_close(whole);
        trace_index_close(parts);
        trace_index_close(shards);
        free_texts(&t);
    }
}

/* Copies of a piece, some with changes, and a run of one letter: each pair in the order that reading both to the end
 * gives. */
static void long_matches_keep_their_order(void **state)
{
    (void)state;
    enum { PIECE = 8000, PIECES = 6, ALL = PIECE * PIECES };
    static uint8_t text[ALL];
    for (size_t i = 0; i < ALL; i++) {
        text[i] = i < PIECE ? (uint8_t)('a' + draw(2)) : i >= ALL - PIECE ? 'a' : text[i - PIECE];
        if (i >= (size_t)PIECE * 3 && draw(3000) == 0) {
            text[i] = (uint8_t)('a' + draw(3));
        }
    }
    order_diagonals *d = NULL;
    assert_int_equal(order_diagonals_new(text, ALL, &d, NULL), HEARTH_OK);
    for (unsigned i = 0; i < 300000; i++) {
        const size_t x = draw(ALL), other = draw(2) == 0 ? draw(ALL) : (x % PIECE) + (size_t)draw(PIECES) * PIECE;
        const size_t y = i % 16 == 0 ? x : other, left = ALL - (x > y ? x : y);
        assert_int_equal(order_diagonals_less(d, x, y), memcmp(text + x, text + y, left) < 0);
    }
    order_diagonals_free(d);
}

/* An index that shards were added to is the one that was made at once, where the borders agree. */
static void shards_are_added(void **state)
{
    (void)state;
    texts t;
    make_texts(2, &t);
    write_texts(&t);
    trace_index *x = must_index("added", 0, 1u << 24, 1);
    const uint64_t documents = trace_index_facts(x)->documents;
    const trace_query q = trace_query_bytes("old man", 7);
    uint64_t before = 0, after = 0;
    assert_int_equal(trace_count(x, &q, &before, NULL), HEARTH_OK);
    trace_index_close(x);
    indexing_options o = {.tokenizer = the_tokenizer,
                          .tokenizer_file = tokenizer_file,
                          .by = {true, true},
                          .memory_bytes = 1u << 24,
                          .add = true,
                          .threads = 1};
    indexing_result result;
    hearth_error error = {0};
    assert_int_equal(indexing_build(place("texts.jsonl"), place("added"), &o, &result, &error), HEARTH_OK);
    assert_int_equal(trace_index_open(place("added"), 2, &x, NULL), HEARTH_OK);
    assert_int_equal(trace_index_facts(x)->documents, 2 * documents);
    assert_int_equal(trace_index_facts(x)->shards, 2);
    assert_int_equal(trace_index_verify(x, NULL), HEARTH_OK);
    assert_int_equal(trace_count(x, &q, &after, NULL), HEARTH_OK);
    assert_true(before > 0 && after == 2 * before);
    trace_index_close(x);
    o.by[TRACE_BYTES] = false;
    assert_int_equal(indexing_build(place("texts.jsonl"), place("added"), &o, &result, &error), HEARTH_E_ARGUMENT);
    o.by[TRACE_BYTES] = true;
    o.tokenizer = NULL;
    assert_int_equal(indexing_build(place("texts.jsonl"), place("added"), &o, &result, &error), HEARTH_E_ARGUMENT);
    free_texts(&t);
}

/* ---- queries that no text can hold ---- */

static void impossible_queries(void **state)
{
    (void)state;
    texts t;
    make_texts(0, &t);
    write_texts(&t);
    trace_index *x = must_index("plain", 0, 1u << 24, 1);
    static const int32_t ids[] = {-1, 1 << 30, 65535, 4096};
    uint64_t count = 1;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const trace_query q = trace_query_tokens(&ids[i], 1);
        trace_matches m = {0};
        assert_int_equal(trace_count(x, &q, &count, NULL), HEARTH_OK);
        assert_int_equal(count, 0);
        assert_int_equal(trace_find_longest(x, &q, &m, NULL), HEARTH_OK);
        assert_int_equal(m.length, 0);
        trace_matches_free(&m);
        assert_int_equal(trace_find_suffix(x, &q, &m, NULL), HEARTH_OK);
        assert_int_equal(m.length, 0);
        assert_int_equal(m.count, trace_index_facts(x)->tokens);
        trace_matches_free(&m);
    }
    static const char *const bytes[] = {"\xff", "a\xff", "\xff\x01\x01\x01\x01", "\x01"};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        const trace_query q = trace_query_bytes(bytes[i], strlen(bytes[i]));
        assert_int_equal(trace_count(x, &q, &count, NULL), HEARTH_OK);
        assert_int_equal(count, 0);
    }
    const trace_query empty = trace_query_bytes(NULL, 0);
    assert_int_equal(trace_count(x, &empty, &count, NULL), HEARTH_OK);
    assert_int_equal(count, trace_index_facts(x)->bytes);
    trace_document d = {0};
    assert_int_equal(trace_document_read(x, DOCUMENTS, &d, NULL), HEARTH_E_ARGUMENT);
    assert_int_equal(trace_document_read(x, 3, &d, NULL), HEARTH_OK);
    assert_int_equal(d.bytes, t.lengths[3]);
    assert_string_equal(d.source, "texts.jsonl");
    assert_string_equal(d.licence, "NOASSERTION");
    trace_document_free(&d);
    trace_index_close(x);
    free_texts(&t);
}

/* ---- damaged files: an error each, or an answer; never a crash ---- */

static void use(const char *name)
{
    trace_index *x = NULL;
    if (trace_index_open(place(name), 1, &x, NULL) != HEARTH_OK) {
        return;
    }
    for (unsigned i = 0; i < 60; i++) {
        const char bytes[3] = {(char)('a' + (int)draw(3)), (char)('a' + (int)draw(3)), 'a'};
        const int32_t ids[2] = {(int32_t)draw(300), (int32_t)draw(300)};
        const trace_query q = i % 2 == 0 ? trace_query_bytes(bytes, draw(4)) : trace_query_tokens(ids, draw(3));
        trace_matches m = {0};
        trace_followings f = {0};
        trace_place p;
        if ((i % 3 == 0 ? trace_find_longest(x, &q, &m, NULL) : trace_find_suffix(x, &q, &m, NULL)) != HEARTH_OK) {
            continue;
        }
        for (uint64_t k = 0; k < m.count && k < 20; k++) {
            (void)trace_match_place(x, &m, k, &p, NULL);
        }
        (void)trace_next(x, &m, &f, NULL);
        trace_followings_free(&f);
        trace_matches_free(&m);
    }
    for (uint64_t i = 0; i < trace_index_facts(x)->documents && i < DOCUMENTS; i++) {
        trace_document d = {0};
        token_list ids = {0};
        buffer text;
        buffer_init(&text, 0);
        if (trace_document_read(x, i, &d, NULL) == HEARTH_OK) {
            trace_document_free(&d);
        }
        (void)trace_document_text(x, i, draw(3), 1000, &text, NULL);
        (void)trace_document_tokens(x, i, draw(3), 1000, &ids, NULL);
        buffer_free(&text);
        token_list_free(&ids);
    }
    trace_index_close(x);
}

static void damage(const char *path, const buffer *whole)
{
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(buffer_append(&text, whole->data, whole->length, NULL), HEARTH_OK);
    const unsigned kind = draw(4);
    const size_t at = draw((uint32_t)whole->length);
    if (kind == 0) {
        text.length = at;
    } else if (kind == 1) {
        memset(text.data + at, 0xFF, whole->length - at < 24 ? whole->length - at : 24);
    } else {
        text.data[at] = (char)draw(256);
    }
    assert_int_equal(file_replace(path, buffer_text(&text), text.length, NULL), HEARTH_OK);
    buffer_free(&text);
}

static void damage_is_an_error(void **state)
{
    (void)state;
    texts t;
    make_texts(0, &t);
    write_texts(&t);
    trace_index_close(must_index("damaged", 0, 1u << 24, 1));
    file_list list = {0};
    assert_int_equal(file_list_folder(place("damaged"), &list, NULL), HEARTH_OK);
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(place("damaged"), list.names[i]);
        buffer whole;
        buffer_init(&whole, 0);
        assert_int_equal(file_read(path, (size_t)1 << 24, &whole, NULL), HEARTH_OK);
        const unsigned tries = strcmp(list.names[i], "tokenizer.json") == 0 ? 2 : 24;
        for (unsigned k = 0; k < tries; k++) {
            trace_index *x = NULL;
            damage(path, &whole);
            use("damaged");
            if (k % 10 == 0 && strcmp(list.names[i], "index.json") != 0 &&
                trace_index_open(place("damaged"), 1, &x, NULL) == HEARTH_OK) {
                buffer now;
                buffer_init(&now, 0);
                assert_int_equal(file_read(path, (size_t)1 << 24, &now, NULL), HEARTH_OK);
                const bool same = now.length == whole.length && memcmp(now.data, whole.data, now.length) == 0;
                assert_int_equal(trace_index_verify(x, NULL), same ? HEARTH_OK : HEARTH_E_FORMAT);
                buffer_free(&now);
                trace_index_close(x);
            }
        }
        assert_int_equal(file_replace(path, buffer_text(&whole), whole.length, NULL), HEARTH_OK);
        buffer_free(&whole);
        free(path);
    }
    file_list_free(&list);
    free_texts(&t);
}

static int open_all(void **state)
{
    const char *source = getenv("HEARTH_SOURCE");
    (void)snprintf(tokenizer_file, sizeof tokenizer_file, "%s/models/hearthside/tokenizer.json",
                   source != NULL ? source : ".");
    return load_tokenizer_json(tokenizer_file, &the_tokenizer, NULL) != HEARTH_OK || place_make(state) != 0;
}

static int close_all(void **state)
{
    tokenizer_free(the_tokenizer);
    return place_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_a_scan), cmocka_unit_test(long_matches_keep_their_order),
        cmocka_unit_test(shards_are_added),           cmocka_unit_test(impossible_queries),
        cmocka_unit_test(damage_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
