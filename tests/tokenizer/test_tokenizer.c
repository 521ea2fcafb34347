/* The tokenizer room by itself: control tokens in user text, streaming, long words, hostile specs and files, and the
 * hand-written matchers against PCRE2. */
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "model/load_tokenizer.h"
#include "tokenizer/patterns.h"
#include "tokenizer/regex.h"
#include "tokenizer/spec.h"
#include "tokenizer/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define WORD(text, flag)                                                                                               \
    {                                                                                                                  \
        {text, sizeof(text) - 1}, 0, flag                                                                              \
    }

/* ---- a small SentencePiece vocabulary ---- */

static const token_spec spm_tokens[] = {
    WORD("<unk>", TOKEN_UNKNOWN | TOKEN_SPECIAL | TOKEN_OUTSIDE),
    WORD("<s>", TOKEN_SPECIAL | TOKEN_OUTSIDE),
    WORD("<|im_end|>", TOKEN_SPECIAL | TOKEN_OUTSIDE),
    {{"\xE2\x96\x81", 3}, -1, 0},
    {{"a", 1}, -2, 0},
    {{"b", 1}, -3, 0},
    {{"ab", 2}, -4, 0},
    {{"ba", 2}, -5, 0},
    {{"\xE2\x96\x81"
      "a",
      4},
     -6,
     0},
    {{"aa", 2}, -7, 0},
    WORD("[X]", TOKEN_ADDED | TOKEN_OUTSIDE),
    WORD("[X]b", TOKEN_ADDED | TOKEN_OUTSIDE),
};

static tokenizer_spec spm_spec(void)
{
    static const normalizer_step steps[] = {
        {.kind = NORMALIZER_PREPEND, .with = {"\xE2\x96\x81", 3}},
        {.kind = NORMALIZER_REPLACE, .pattern = {" ", 1}, .with = {"\xE2\x96\x81", 3}},
    };
    static const decoder_step decoders[] = {
        {.kind = DECODER_REPLACE, .pattern = {"\xE2\x96\x81", 3}, .with = {" ", 1}},
        {.kind = DECODER_BYTE_FALLBACK},
        {.kind = DECODER_STRIP, .pattern = {" ", 1}, .count = 1},
    };
    static const int32_t before[] = {1};
    return (tokenizer_spec){.model = TOKENIZER_SENTENCEPIECE,
                            .tokens = spm_tokens,
                            .token_count = sizeof spm_tokens / sizeof spm_tokens[0],
                            .normalizers = steps,
                            .normalizer_count = 2,
                            .decoders = decoders,
                            .decoder_count = 3,
                            .unknown = 0,
                            .bos = 1,
                            .eos = -1,
                            .before = before,
                            .before_count = 1};
}

static tokenizer *make(const tokenizer_spec *spec)
{
    tokenizer *t = NULL;
    hearth_error error = {0};
    char line[300];
    if (tokenizer_create(spec, &t, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    return t;
}

static void expect_ids(const tokenizer *t, const char *text, unsigned flags, const char *expected)
{
    token_list ids = {0};
    char got[256] = "";
    assert_int_equal(tokenizer_encode(t, text, strlen(text), flags, &ids, NULL), HEARTH_OK);
    for (size_t i = 0, at = 0; i < ids.count && at < sizeof got - 12; i++) {
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%d", i > 0 ? " " : "", ids.ids[i]);
    }
    token_list_free(&ids);
    assert_string_equal(got, expected);
}

static void control_tokens_are_text_unless_asked_for(void **state)
{
    (void)state;
    const tokenizer_spec spec = spm_spec();
    tokenizer *t = make(&spec);
    expect_ids(t, "", ENCODE_PLAIN, "");
    expect_ids(t, "", ENCODE_ADD_BOS, "1");
    expect_ids(t, "a", ENCODE_PLAIN, "8");
    expect_ids(t, "a<s>b", ENCODE_PARSE_SPECIAL, "8 1 3 5");
    expect_ids(t, "a<s>b", ENCODE_PLAIN, "8 0 0 0 5");
    expect_ids(t, "<|im_end|>", ENCODE_PARSE_SPECIAL | ENCODE_ADD_BOS, "1 2");
    expect_ids(t, "a[X]bb[X]", ENCODE_PLAIN, "8 11 3 5 10"); /* added tokens always, the longest of them */
    assert_true(tokenizer_is_end(t, 2));
    assert_false(tokenizer_is_end(t, 1));
    assert_false(tokenizer_is_end(t, 99));
    assert_null(tokenizer_entry(t, -1));
    assert_string_equal(tokenizer_entry(t, 6), "ab");
    assert_int_equal(tokenizer_find(t, "ba", 2), 7);
    assert_int_equal(tokenizer_find(t, "zz", 2), -1);
    tokenizer_free(t);
}

/* Best score first, leftmost of equals; by hand. */
static void scores_decide(void **state)
{
    (void)state;
    const tokenizer_spec spec = spm_spec();
    tokenizer *t = make(&spec);
    expect_ids(t, "ab", ENCODE_PLAIN, "3 6");    /* ab (-4) beats _a (-6) */
    expect_ids(t, "bab", ENCODE_PLAIN, "3 5 6"); /* ab beats ba */
    expect_ids(t, "baa", ENCODE_PLAIN, "3 7 4"); /* ba (-5) beats aa (-7) */
    expect_ids(t, "aaa", ENCODE_PLAIN, "8 9");   /* _a first */
    expect_ids(t, "a a", ENCODE_PLAIN, "8 8");
    expect_ids(t, "a  a", ENCODE_PLAIN, "8 3 8");
    tokenizer_free(t);
}

static void controls_are_written_only_when_asked_for(void **state)
{
    (void)state;
    const tokenizer_spec spec = spm_spec();
    tokenizer *t = make(&spec);
    const int32_t ids[] = {1, 8, 10, 8, 2};
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(tokenizer_decode(t, ids, 5, DECODE_PLAIN, &text, NULL), HEARTH_OK);
    assert_string_equal(buffer_text(&text), "a[X] a");
    buffer_clear(&text);
    assert_int_equal(tokenizer_decode(t, ids, 5, DECODE_SPECIAL, &text, NULL), HEARTH_OK);
    assert_string_equal(buffer_text(&text), "<s> a[X] a<|im_end|>");
    const int32_t outside = 12;
    assert_int_equal(tokenizer_decode(t, &outside, 1, DECODE_PLAIN, &text, NULL), HEARTH_E_ARGUMENT);
    assert_int_equal(tokenizer_piece(t, -1, DECODE_PLAIN, &text, NULL), HEARTH_E_ARGUMENT);
    buffer_free(&text);
    tokenizer_free(t);
}

/* ---- streaming: tokens that are single bytes ---- */

static tokenizer *byte_tokenizer(void)
{
    static char texts[256][8];
    static token_spec tokens[256];
    static const decoder_step decoders[] = {{.kind = DECODER_BYTE_FALLBACK}};
    for (unsigned i = 0; i < 256; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "<0x%02X>", i);
        tokens[i] = (token_spec){{texts[i], 6}, 0, TOKEN_BYTE | TOKEN_OUTSIDE};
    }
    const tokenizer_spec spec = {.model = TOKENIZER_SENTENCEPIECE,
                                 .tokens = tokens,
                                 .token_count = 256,
                                 .decoders = decoders,
                                 .decoder_count = 1,
                                 .unknown = -1,
                                 .bos = -1,
                                 .eos = -1};
    return make(&spec);
}

static void streams_show_whole_characters(void **state)
{
    (void)state;
    tokenizer *t = byte_tokenizer();
    const unsigned char bytes[] = "a\xC3\xA9\xF0\x9F\x98\x80\xE2\x82z\xFF\xF0\x9F";
    const char *const shown[] = {
        "a", "", "\xC3\xA9", "", "", "", "\xF0\x9F\x98\x80", "", "", "\xEF\xBF\xBDz", "\xEF\xBF\xBD", "", ""};
    token_stream stream;
    buffer out;
    buffer_init(&out, 0);
    token_stream_init(&stream, t, DECODE_PLAIN, true);
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        buffer_clear(&out);
        assert_int_equal(token_stream_push(&stream, bytes[i], &out, NULL), HEARTH_OK);
        assert_string_equal(buffer_text(&out), shown[i]);
    }
    buffer_clear(&out);
    assert_int_equal(token_stream_finish(&stream, &out, NULL), HEARTH_OK);
    assert_string_equal(buffer_text(&out), "\xEF\xBF\xBD");
    token_stream_free(&stream);
    buffer_free(&out);
    tokenizer_free(t);
}

/* ---- long words ---- */

static double seconds_for(const tokenizer *t, char fill, size_t length, size_t *ret_count)
{
    char *text = malloc(length);
    memset(text, fill, length);
    struct timespec before;
    struct timespec after;
    token_list ids = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_int_equal(tokenizer_encode(t, text, length, ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    *ret_count = ids.count;
    token_list_free(&ids);
    free(text);
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) * 1e-9;
}

static void a_megabyte_of_one_letter_is_no_trouble(void **state)
{
    (void)state;
    const tokenizer_spec spec = spm_spec();
    tokenizer *t = make(&spec);
    size_t count = 0;
    const double seconds = seconds_for(t, 'a', 1 << 20, &count);
    assert_int_equal(count, 1 + (1 << 20) / 2); /* _a, then pairs, then one a */
    assert_true(seconds < 20.0);                /* quadratic: hours */
    assert_true(seconds_for(t, ' ', 1 << 20, &count) < 20.0);
    tokenizer_free(t);
}

/* Of a word that must become too many ids none is made, where each byte has an id of its own. */
static void a_word_that_cannot_fit_is_not_begun(void **state)
{
    (void)state;
    static token_spec tokens[256 + 1];
    static char texts[256][2];
    for (unsigned i = 0; i < 256; i++) {
        const unsigned code = byte_alphabet_character((uint8_t)i);
        tokens[i].text = (token_text){texts[i], utf8_encode(code, texts[i])};
    }
    tokens[256].text = (token_text){"aaaa", 4};
    static const decoder_step decoders[] = {{.kind = DECODER_BYTE_LEVEL}};
    tokenizer_spec spec = {.model = TOKENIZER_BPE,
                           .tokens = tokens,
                           .token_count = 257,
                           .byte_level = true,
                           .decoders = decoders,
                           .decoder_count = 1,
                           .unknown = -1,
                           .bos = -1,
                           .eos = -1};
    static const size_t counts[] = {257, 256}; /* without "aaaa" no id stands for two bytes */
    static char text[4000];
    memset(text, 'b', sizeof text);
    for (size_t i = 0; i < 2; i++) {
        spec.token_count = counts[i];
        tokenizer *t = make(&spec);
        const size_t longest = i == 0 ? 4 : 1;
        token_list ids = {.most = sizeof text / longest};
        assert_int_equal(tokenizer_encode(t, text, sizeof text, 0, &ids, NULL), HEARTH_OK);
        assert_int_equal(ids.count, sizeof text);
        assert_false(ids.cut);
        assert_int_equal(token_list_is_past(&ids), i == 0);
        token_list_free(&ids);
        ids.most = sizeof text / longest - 1;
        assert_int_equal(tokenizer_encode(t, text, sizeof text, 0, &ids, NULL), HEARTH_OK);
        assert_true(ids.cut && ids.count == 0);
        token_list_free(&ids);
        tokenizer_free(t);
    }
}

/* ---- hostile specs ---- */

static void expect_refused(const tokenizer_spec *spec, hearth_status status, const char *part)
{
    tokenizer *t = NULL;
    hearth_error error = {0};
    char line[400];
    assert_int_equal(tokenizer_create(spec, &t, &error), status);
    assert_null(t);
    if (strstr(hearth_error_line(&error, line, sizeof line), part) == NULL) {
        fail_msg("'%s' does not say '%s'", line, part);
    }
}

static void hostile_specs_are_refused(void **state)
{
    (void)state;
    token_spec tokens[4] = {WORD("a", 0), WORD("b", 0), WORD("ab", 0), WORD("", 0)};
    const merge_spec good = {{"a", 1}, {"b", 1}};
    merge_spec merges[1] = {good};
    tokenizer_spec spec = {
        .tokens = tokens, .token_count = 4, .merges = merges, .merge_count = 1, .unknown = -1, .bos = -1, .eos = -1};
    tokenizer_free(make(&spec));
    merges[0].right = (token_text){"c", 1};
    expect_refused(&spec, HEARTH_E_FORMAT, "merge 0");
    merges[0] = (merge_spec){{"b", 1}, {"a", 1}};
    expect_refused(&spec, HEARTH_E_FORMAT, "'ba'");
    merges[0] = good;
    tokens[3] = tokens[0];
    expect_refused(&spec, HEARTH_E_FORMAT, "token 3 equals token 0");
    tokens[3].text.length = 0;
    spec.bos = 4;
    expect_refused(&spec, HEARTH_E_FORMAT, "BOS");
    spec.bos = -2;
    expect_refused(&spec, HEARTH_E_FORMAT, "BOS");
    spec.bos = -1;
    spec.token_count = 0;
    expect_refused(&spec, HEARTH_E_LIMIT, "vocabulary");
    spec.token_count = 4;
    const int32_t after = 7;
    spec.after = &after;
    spec.after_count = 1;
    expect_refused(&spec, HEARTH_E_FORMAT, "7");
    spec.after_count = 0;
    pretokenizer_step step = {.kind = PRETOKENIZER_REGEX, .pattern = {"(", 1}};
    spec.pretokenizers = &step;
    spec.pretokenizer_count = 1;
    expect_refused(&spec, HEARTH_E_UNSUPPORTED, "regular expression");
    step.pattern = (token_text){"\\ba", 3};
    expect_refused(&spec, HEARTH_E_UNSUPPORTED, "escape");
    spec.pretokenizer_count = 0;
    spec.model = TOKENIZER_SENTENCEPIECE;
    expect_refused(&spec, HEARTH_E_FORMAT, "256 bytes");
    spec.unknown = 0;
    tokenizer_free(make(&spec));
    tokens[1].score = NAN;
    expect_refused(&spec, HEARTH_E_FORMAT, "NaN");
}

/* A pattern that backtracks without end is stopped. */
static void hostile_patterns_end(void **state)
{
    (void)state;
    token_spec tokens[1] = {WORD("a", 0)};
    const pretokenizer_step step = {.kind = PRETOKENIZER_REGEX, .pattern = {"(a+)+[bc]", 9}};
    const tokenizer_spec spec = {.tokens = tokens,
                                 .token_count = 1,
                                 .pretokenizers = &step,
                                 .pretokenizer_count = 1,
                                 .unknown = -1,
                                 .bos = -1,
                                 .eos = -1};
    tokenizer *t = make(&spec);
    token_list ids = {0};
    char text[64];
    memset(text, 'a', sizeof text);
    assert_int_equal(tokenizer_encode(t, text, sizeof text, ENCODE_PLAIN, &ids, NULL), HEARTH_E_LIMIT);
    token_list_free(&ids);
    tokenizer_free(t);
}

/* ---- hostile tokenizer.json ---- */

#define HEAD "{\"decoder\":{\"type\":\"Fuse\"},"
#define MODEL "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"

static void hostile_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        hearth_status status;
        const char *says;
    } cases[] = {
        {"", HEARTH_E_FORMAT, "JSON"},
        {"[]", HEARTH_E_FORMAT, "model"},
        {"{\"model\":3}", HEARTH_E_FORMAT, "model"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", HEARTH_E_FORMAT, "model.vocab"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", HEARTH_E_UNSUPPORTED, "WordLevel"},
        {"{\"model\":{\"type\":7}}", HEARTH_E_FORMAT, "model.type"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}}", HEARTH_E_FORMAT, "model.vocab"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", HEARTH_E_FORMAT, "at least one token"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", HEARTH_E_FORMAT, "model.vocab"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":99999999},\"merges\":[]}}", HEARTH_E_FORMAT, "4194304"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"0\"},\"merges\":[]}}", HEARTH_E_FORMAT, "model.vocab"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", HEARTH_E_FORMAT, "every id once"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":{}}}", HEARTH_E_FORMAT, "model.merges"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"aa\"]}}", HEARTH_E_FORMAT, "model.merges[0]"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}", HEARTH_E_FORMAT, "model.merges[0]"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}}", HEARTH_E_UNSUPPORTED,
         "dropout"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"}}", HEARTH_E_FORMAT,
         "unk_token"},
        {HEAD "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}", HEARTH_E_FORMAT, "merge 0"},
        {"{" MODEL "}", HEARTH_E_UNSUPPORTED, "decoder"},
        {HEAD MODEL ",\"added_tokens\":{}}", HEARTH_E_FORMAT, "added_tokens"},
        {HEAD MODEL ",\"added_tokens\":[3]}", HEARTH_E_FORMAT, "added_tokens"},
        {HEAD MODEL ",\"added_tokens\":[{\"id\":1,\"content\":\"z\"}]}", HEARTH_E_FORMAT, "added_tokens[0]"},
        {HEAD MODEL ",\"added_tokens\":[{\"id\":3,\"content\":\"z\",\"special\":1}]}", HEARTH_E_FORMAT,
         "true or false"},
        {HEAD MODEL ",\"normalizer\":[]}", HEARTH_E_FORMAT, "normalizer"},
        {HEAD MODEL ",\"normalizer\":{}}", HEARTH_E_FORMAT, "normalizer.type"},
        {HEAD MODEL
         ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"ByteLevel\"}]}}",
         HEARTH_E_UNSUPPORTED, "normalizer.normalizers[1]"},
        {HEAD MODEL ",\"normalizer\":{\"type\":\"Precompiled\"}}", HEARTH_E_FORMAT, "precompiled_charsmap"},
        {HEAD MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"????\"}}", HEARTH_E_FORMAT,
         "base64"},
        {HEAD MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}}", HEARTH_E_FORMAT,
         "character map"},
        {HEAD MODEL ",\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}}", HEARTH_E_UNSUPPORTED, "UnicodeScripts"},
        {HEAD MODEL
         ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a&&[b]]\"},\"behavior\":\"Removed\"}}",
         HEARTH_E_UNSUPPORTED, "regular expression"},
        {HEAD MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"\"},\"behavior\":\"Removed\"}}",
         HEARTH_E_FORMAT, "pattern"},
        {HEAD MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Odd\"}}",
         HEARTH_E_FORMAT, "behavior"},
        {HEAD MODEL
         ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"q\"}}]}}",
         HEARTH_E_FORMAT, "special_tokens"},
        {HEAD MODEL ",\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",9],\"sep\":[\"b\",1]}}",
         HEARTH_E_FORMAT, "special_tokens"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tokenizer *t = NULL;
        hearth_error error = {0};
        char line[500];
        const hearth_status status = load_tokenizer_json_text(cases[i].json, strlen(cases[i].json), &t, &error);
        (void)hearth_error_line(&error, line, sizeof line);
        if (status != cases[i].status || strstr(line, cases[i].says) == NULL) {
            fail_msg("%s: %s: %s", cases[i].json, hearth_status_name(status), line);
        }
        assert_null(t);
    }
    tokenizer *t = NULL;
    static const char fine[] = HEAD MODEL "}";
    assert_int_equal(load_tokenizer_json_text(fine, strlen(fine), &t, NULL), HEARTH_OK);
    tokenizer_free(t);
}

/* ---- matchers against PCRE2 ---- */

/* A random text of characters that the patterns treat differently. */
static size_t random_text(uint64_t round, char *text)
{
    static const uint32_t some[] = {' ',  ' ',    ' ',    '\n',   '\r',   '\t',   'a',     's',     'l',    'r',
                                    'e',  'T',    'V',    'E',    '\'',   '\'',   '1',     '2',     '.',    '!',
                                    '_',  0x85,   0xA0,   0x17F,  0xE9,   0x301,  0x2003,  0x2028,  0x3000, 0x4E2D,
                                    0xBD, 0x0663, 0x2460, 0x180E, 0x200B, 0xA7DC, 0x1E6C0, 0x1FAE9, 0x378,  0x10D40,
                                    'A',  'B',    'z',    '/',    0x1C5,  0x2B0,  0xC9,    0x5D0,   0x903,  0x20DD,
                                    0xB7, '$',    0x3042, 0xAC00, 0x0E01, 0x1F,   0x0807,  0x9FA6,  0xFF01, 0x2160};
    size_t length = 0;
    uint32_t words[4];
    random_philox(1, RANDOM_TEST, round, 0, words);
    const size_t count = 1 + words[0] % 24;
    for (size_t i = 0; i < count; i++) {
        random_philox(1, RANDOM_TEST, round, i + 1, words);
        uint32_t code = some[words[0] % (sizeof some / sizeof some[0])];
        code = words[1] % 8 == 0 ? words[2] % 0x110000 : code;
        length += utf8_encode(code, text + length);
    }
    return length;
}

/* The end of the next piece as PCRE2 gives it: a match or what lies before one. */
typedef struct pieces {
    regex_search search;
    size_t at, start, end; /* the match that comes next, at <= start */
    bool found;
} pieces;

static size_t next_piece(pieces *p, size_t length)
{
    if (p->at == p->end) {
        assert_int_equal(regex_search_next(&p->search, &p->found, &p->start, &p->end, NULL), HEARTH_OK);
        p->start = p->found ? p->start : length;
        p->end = p->found ? p->end : length;
    }
    p->at = p->at < p->start ? p->start : p->end;
    return p->at;
}

static void check_matcher(const char *pattern, pattern_fn match, regex *r, regex_scratch *scratch, const char *text,
                          size_t length, bool gaps)
{
    pieces p = {.at = 0};
    assert_int_equal(regex_search_begin(r, scratch, text, length, &p.search, NULL), HEARTH_OK);
    for (size_t at = 0; at < length;) {
        const size_t taken = match(text + at, text + length);
        const size_t end = next_piece(&p, length);
        if (end != at + taken || (!gaps && p.end != end)) {
            fail_msg("%s: '%.*s' at %zu: %zu bytes, PCRE2 finds %zu", pattern, (int)length, text, at, taken, end - at);
        }
        at = end;
    }
}

static void matchers_do_what_pcre2_does(void **state)
{
    (void)state;
    static const char *const patterns[] = {PATTERN_GPT2,
                                           PATTERN_LLAMA3,
                                           PATTERN_QWEN2,
                                           PATTERN_QWEN35,
                                           PATTERN_O200K,
                                           PATTERN_TEKKEN,
                                           PATTERN_DEEPSEEK_V3,
                                           PATTERN_DEEPSEEK_V3_NUMBERS,
                                           PATTERN_DEEPSEEK_V3_EAST_ASIAN,
                                           PATTERN_DEEPSEEK_NEWLINE,
                                           PATTERN_DEEPSEEK_LETTERS,
                                           PATTERN_DEEPSEEK_PUNCTUATION,
                                           PATTERN_DEEPSEEK_EAST_ASIAN};
    bool gaps = false;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        regex *r = NULL;
        regex_scratch scratch;
        const pattern_fn match = pattern_find(patterns[i], strlen(patterns[i]), &gaps);
        assert_non_null((void *)match);
        assert_int_equal(regex_create(patterns[i], strlen(patterns[i]), &r, NULL), HEARTH_OK);
        assert_int_equal(regex_scratch_init(r, &scratch, NULL), HEARTH_OK);
        for (uint64_t round = 0; round < 40000; round++) {
            char text[128];
            const size_t length = random_text(round, text);
            check_matcher(patterns[i], match, r, &scratch, text, length, gaps);
        }
        regex_scratch_free(&scratch);
        regex_free(r);
    }
    assert_null((void *)pattern_find("x", 1, &gaps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_tokens_are_text_unless_asked_for),
        cmocka_unit_test(scores_decide),
        cmocka_unit_test(controls_are_written_only_when_asked_for),
        cmocka_unit_test(streams_show_whole_characters),
        cmocka_unit_test(a_megabyte_of_one_letter_is_no_trouble),
        cmocka_unit_test(a_word_that_cannot_fit_is_not_begun),
        cmocka_unit_test(hostile_specs_are_refused),
        cmocka_unit_test(hostile_patterns_end),
        cmocka_unit_test(hostile_json_is_refused),
        cmocka_unit_test(matchers_do_what_pcre2_does),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
