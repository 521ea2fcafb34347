/* From tiktoken's ranks to merges: where long tokens are cut. */
#include "convert_support.h"

#include "convert/metadata.h"
#include "formats/hf.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

#define MOST_JOINED 1024u /* characters of a token */
#define BY_THE_RULE SIZE_MAX
#define MOST_RANKS 8192u

typedef struct ranked {
    const char *text;
    size_t length;
    size_t cut; /* where its merge is cut; 0: it has none; BY_THE_RULE: slow_cut tells */
} ranked;

static ranked ranks[MOST_RANKS];
static size_t rank_count;
static uint32_t random_state = 7;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 16) % below;
}

static void add(const char *text, size_t length, size_t cut)
{
    for (size_t i = 0; i < rank_count; i++) {
        if (ranks[i].length == length && memcmp(ranks[i].text, text, length) == 0) {
            return;
        }
    }
    assert_true(rank_count < MOST_RANKS);
    ranks[rank_count++] = (ranked){text, length, cut};
}

/* One token grows by a character at its right end, one at its left, past the most characters that are joined. */
static void add_growing(void)
{
    static char right[1030];
    static char left[1030];
    for (size_t i = 0; i < sizeof right; i++) {
        right[i] = (char)('a' + (int)draw(5));
        left[i] = (char)('v' + (int)draw(5));
    }
    right[0] = '#'; /* which is nowhere else, so that every join is at it */
    left[sizeof left - 1] = '%';
    for (size_t length = 2; length <= sizeof right; length++) {
        add(right, length, length <= MOST_JOINED ? length - 1 : 0);
        add(left + sizeof left - length, length, length <= MOST_JOINED ? 1 : 0);
    }
}

/* Tokens that grow by halves. Where a pair, and a pair of pairs, begins can be told from its letters. */
static void add_halves(void)
{
    static char text[2048];
    static char pairs[26 * 10][2];
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i] = (char)((i % 4 == 0 ? 'A' : 'N') + (int)draw(13));
        text[i + 1] = (char)('f' + (int)draw(10));
    }
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        pairs[i][0] = (char)('A' + (int)i / 10);
        pairs[i][1] = (char)('f' + (int)i % 10);
        add(pairs[i], 2, 1);
    }
    for (size_t length = 4; length <= MOST_JOINED; length *= 2) {
        for (size_t at = 0; at < sizeof text; at += length) {
            add(text + at, length, length / 2);
        }
    }
}

/* Pieces of few letters, one of them two bytes long in the alphabet, in the order of their lengths. */
static void add_pieces(void)
{
    static char text[400];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "pqrs\xE1"[draw(5)];
    }
    for (size_t length = 2; length <= 90; length++) {
        for (size_t i = 0; i < (length < 6 ? 40 : 5); i++) {
            add(text + draw((uint32_t)(sizeof text - length)), length, BY_THE_RULE);
        }
    }
    add(text, sizeof text, BY_THE_RULE);
    add("no way here", 11, 0);
}

/* All that comes before the token joined by the rule as it is written down: every pair in every round. */
static size_t slow_cut(const tokenizer *t, int32_t id)
{
    const char *text = tokenizer_entry(t, id);
    static size_t starts[MOST_JOINED + 1];
    size_t parts = 0;
    for (size_t i = 0; i < strlen(text); i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80) {
            starts[parts++] = i;
        }
    }
    starts[parts] = strlen(text);
    for (; parts > 2; parts--) {
        size_t best = parts;
        int32_t lowest = id;
        for (size_t i = 0; i + 1 < parts; i++) {
            const int32_t rank = tokenizer_find(t, text + starts[i], starts[i + 2] - starts[i]);
            if (rank >= 0 && rank < lowest) {
                best = i;
                lowest = rank;
            }
        }
        if (best == parts) {
            return 0;
        }
        for (size_t i = best + 1; i < parts; i++) {
            starts[i] = starts[i + 1];
        }
    }
    return parts == 2 ? starts[1] : 0;
}

static void add_line(buffer *file, const ranked *r, size_t rank)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < r->length; i += 3) {
        uint32_t three = 0;
        for (size_t k = 0; k < 3; k++) {
            three = three << 8 | (i + k < r->length ? (uint8_t)r->text[i + k] : 0);
        }
        OK(buffer_printf(file, error, "%c%c%c%c", digits[three >> 18], digits[three >> 12 & 63],
                         i + 1 < r->length ? digits[three >> 6 & 63] : '=',
                         i + 2 < r->length ? digits[three & 63] : '='));
    }
    OK(buffer_printf(file, error, " %zu\n", rank));
}

/* The folder with these ranks; its tokenizer's class says which ids come behind them. */
static hf_folder *ranks_folder(void)
{
    static const char config[] = "{\"tokenizer_class\": \"QWenTokenizer\"}";
    static char bytes[256];
    char path[600];
    hf_folder *folder = NULL;
    buffer file;
    buffer_init(&file, 0);
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
        add(bytes + i, 1, 0);
    }
    add_growing();
    add_halves();
    add_pieces();
    for (size_t i = 0; i < rank_count; i++) {
        add_line(&file, &ranks[i], i);
    }
    OK(file_make_folders(scratch_path("ranks"), error));
    snprintf(path, sizeof path, "%s/qwen.tiktoken", scratch_path("ranks"));
    OK(file_create(path, file.data, file.length, error));
    snprintf(path, sizeof path, "%s/tokenizer_config.json", scratch_path("ranks"));
    OK(file_create(path, config, sizeof config - 1, error));
    snprintf(path, sizeof path, "%s/config.json", scratch_path("ranks"));
    OK(file_create(path, "{}", 2, error));
    OK(hf_open(scratch_path("ranks"), false, &folder, error));
    buffer_free(&file);
    return folder;
}

/* A token's merge is its text with a space where the right symbol begins. */
static void check_merges(const gguf_file *file, const tokenizer *t)
{
    gguf_type type = GGUF_TYPES;
    uint64_t count = 0;
    int64_t index = -1;
    uint64_t at = 0;
    size_t by_the_rule = 0;
    OK(gguf_get_array(file, "tokenizer.ggml.merges", &type, &count, &index, error));
    for (size_t i = 0; i < rank_count; i++) {
        const char *text = tokenizer_entry(t, (int32_t)i);
        const size_t cut = ranks[i].cut == BY_THE_RULE ? slow_cut(t, (int32_t)i) : ranks[i].cut;
        by_the_rule += ranks[i].cut == BY_THE_RULE && cut > 0 ? 1 : 0;
        if (cut == 0) {
            continue;
        }
        assert_true(at < count);
        const gguf_string merge = gguf_array_string(file, index, at++);
        if (merge.length != strlen(text) + 1 || memcmp(merge.text, text, cut) != 0 || merge.text[cut] != ' ' ||
            memcmp(merge.text + cut + 1, text + cut, merge.length - cut - 1) != 0) {
            fail_msg("rank %zu: not cut at %zu: %.*s", i, cut, (int)merge.length, merge.text);
        }
    }
    assert_int_equal(at, count);
    assert_in_range(by_the_rule, 50, rank_count);
}

static void check_long(void **state)
{
    const model_config c = {0};
    gguf_file *file = NULL;
    tokenizer *t = NULL;
    (void)state;
    hf_folder *folder = ranks_folder();
    gguf_writer *w = gguf_writer_create();
    assert_non_null(w);
    OK(load_tokenizer_hf(folder, &t, error));
    OK(convert_tokenizer_to_gguf(w, folder, &c, NULL, NULL, error));
    OK(gguf_writer_begin(w, scratch_path("ranks.gguf"), error));
    OK(gguf_writer_finish(w, error));
    gguf_writer_free(w);
    OK(gguf_open(scratch_path("ranks.gguf"), &file, error));
    check_merges(file, t);
    gguf_close(file);
    tokenizer_free(t);
    hf_close(folder);
}

static bool stop_at_512(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    uint64_t *last = context;
    (void)what;
    (void)unit;
    assert_true(total > 512);
    *last = done;
    return done < 512;
}

static void check_stopped(void **state)
{
    const model_config c = {0};
    hf_folder *folder = NULL;
    hearth_error problem = {0};
    uint64_t last = 0;
    (void)state;
    OK(hf_open(scratch_path("ranks"), false, &folder, error));
    gguf_writer *w = gguf_writer_create();
    assert_non_null(w);
    assert_int_equal(convert_tokenizer_to_gguf(w, folder, &c, stop_at_512, &last, &problem), HEARTH_E_CANCELLED);
    assert_int_equal(last, 512);
    gguf_writer_free(w);
    hf_close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"long tokens", check_long, NULL, NULL, NULL},
        {"stopped on the way", check_stopped, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("convert ranks", tests, scratch_begin, scratch_end);
}
