/* generate/answer_reader.h: streams of the published forms, cut at random; markers that are only spelled; what is
 * malformed. The streams are those of the models' published descriptions, the vocabularies are made here. */
#include "base/memory.h"
#include "base/random.h"
#include "formats/gguf.h"
#include "generate/answer_reader.h"
#include "model/load_tokenizer.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../formats/scratch.h"
#include "streams.h"

/* ---- a vocabulary: the 256 bytes, then special tokens ---- */

static tokenizer *make_vocabulary(void)
{
    static char bytes[256][4];
    token_spec tokens[256 + SPECIALS] = {0};
    for (unsigned i = 0; i < 256; i++) {
        tokens[i].text = (token_text){bytes[i], utf8_encode(byte_alphabet_character((uint8_t)i), bytes[i])};
    }
    for (unsigned i = 0; i < SPECIALS; i++) {
        /* Every other one as Qwen's <think>: an added token whose text is written. */
        tokens[256 + i] = (token_spec){.text = {specials[i], strlen(specials[i])},
                                       .flags = i % 2 == 0 ? (unsigned)TOKEN_SPECIAL : (unsigned)TOKEN_ADDED};
    }
    static const decoder_step decoders[] = {{.kind = DECODER_BYTE_LEVEL}};
    const tokenizer_spec spec = {.model = TOKENIZER_BPE,
                                 .byte_level = true,
                                 .tokens = tokens,
                                 .token_count = 256 + SPECIALS,
                                 .decoders = decoders,
                                 .decoder_count = 1,
                                 .unknown = -1,
                                 .bos = -1,
                                 .eos = -1};
    tokenizer *t = NULL;
    hearth_error error = {0};
    char line[300];
    if (tokenizer_create(&spec, &t, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    return t;
}

/* ---- what came out, as one line: R[…] C[…] T{…} ! ---- */

typedef struct record {
    buffer line;
    int open; /* the part whose bracket is open, or -1 */
    /* of a call in pieces */
    buffer pieces;
    json_t *begun;   /* {"id", "name"}, or NULL */
    unsigned broken; /* calls that were told and are none */
    unsigned told;
} record;

static void close_part(record *k)
{
    if (k->open >= 0) {
        assert_int_equal(buffer_append_char(&k->line, ']', NULL), HEARTH_OK);
    }
    k->open = -1;
}

/* What was told in pieces is what is told at the end, without its blanks. */
static hearth_status end_pieces(record *k, const json_t *call)
{
    json_t *arguments = json_loadb(buffer_text(&k->pieces), k->pieces.length, 0, NULL);
    assert_non_null(arguments);
    assert_true(json_equal(arguments, json_object_get(call, "arguments")));
    assert_true(json_equal(json_object_get(k->begun, "name"), json_object_get(call, "name")));
    assert_true(json_equal(json_object_get(k->begun, "id"), json_object_get(call, "id")));
    json_decref(arguments);
    json_decref(k->begun);
    k->begun = NULL;
    k->told++;
    return HEARTH_OK;
}

static hearth_status on_piece(record *k, const answer_event *event, hearth_error *error)
{
    if (event->part == ANSWER_CALL_BEGIN) {
        k->broken += k->begun != NULL;
        json_decref(k->begun);
        k->begun = json_deep_copy(event->call);
        buffer_clear(&k->pieces);
        return HEARTH_OK;
    }
    assert_true(k->begun != NULL && event->length > 0);
    return buffer_append(&k->pieces, event->text, event->length, error);
}

static hearth_status on_event(void *context, const answer_event *event, hearth_error *error)
{
    record *k = context;
    if (event->part == ANSWER_CALL_BEGIN || event->part == ANSWER_CALL_PIECE) {
        close_part(k);
        return on_piece(k, event, error);
    }
    if (event->part == ANSWER_CALL && event->told) {
        assert_int_equal(end_pieces(k, event->call), HEARTH_OK);
    }
    if (event->part == ANSWER_CONTENT || event->part == ANSWER_REASONING) {
        assert_true(event->length > 0);
        if (k->open != (int)event->part) {
            close_part(k);
            TRY(buffer_append_text(&k->line, event->part == ANSWER_CONTENT ? "C[" : "R[", error));
        }
        k->open = (int)event->part;
        return buffer_append(&k->line, event->text, event->length, error);
    }
    close_part(k);
    if (event->part == ANSWER_BAD_CALL) {
        assert_true(event->length > 10);
        return buffer_append_char(&k->line, '!', error);
    }
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(json_door_write(event->call, 0, &text, error), HEARTH_OK);
    TRY(buffer_append_char(&k->line, 'T', error));
    const hearth_status status = buffer_append(&k->line, buffer_text(&text), text.length, error);
    buffer_free(&text);
    return status;
}

/* ---- feeding ---- */

/* Between two CUTs the stream is ordinary text, whatever it spells. */
#define CUT '\x1e'

static void encode_bytes(const char *text, size_t length, token_list *out)
{
    for (size_t i = 0; i < length; i++) { /* a byte's token has its number */
        assert_int_equal(token_list_append(out, (uint8_t)text[i], NULL), HEARTH_OK);
    }
}

static void encode(const tokenizer *t, const char *stream, token_list *out)
{
    for (bool parsed = true; *stream != '\0'; parsed = !parsed) {
        const size_t length = strcspn(stream, "\x1e");
        if (parsed) {
            assert_int_equal(tokenizer_encode(t, stream, length, ENCODE_PARSE_SPECIAL, out, NULL), HEARTH_OK);
        } else {
            encode_bytes(stream, length, out);
        }
        stream += length;
        stream += *stream == CUT ? 1 : 0;
    }
}

static size_t random_below(uint64_t seed, size_t step, unsigned most)
{
    uint32_t drawn[4];
    random_philox(seed, RANDOM_TEST, step, 0, drawn);
    return drawn[0] % most;
}

/* Ordinary tokens are handed out in random pieces of at most `most`; special ones alone. */
static void push_pieces(answer_reader *r, const tokenizer *t, const token_list *ids, unsigned most, uint64_t seed)
{
    buffer piece;
    buffer_init(&piece, 0);
    for (size_t i = 0; i < ids->count;) {
        buffer_clear(&piece);
        const int32_t id = ids->ids[i];
        const size_t count = id >= 256 ? 1 : 1 + random_below(seed, i, most);
        for (size_t j = 0; j < count && i < ids->count && (ids->ids[i] < 256 || id >= 256); j++, i++) {
            assert_int_equal(tokenizer_piece(t, ids->ids[i], DECODE_PLAIN, &piece, NULL), HEARTH_OK);
        }
        assert_int_equal(answer_reader_push(r, id, buffer_text(&piece), piece.length, NULL), HEARTH_OK);
    }
    buffer_free(&piece);
}

/* As a real vocabulary cuts the text; its tokens are none of the marks. */
static void push_words(answer_reader *r, const tokenizer *t, const char *text)
{
    token_list ids = {0};
    buffer piece;
    buffer_init(&piece, 0);
    assert_int_equal(tokenizer_encode(t, text, strlen(text), ENCODE_PLAIN, &ids, NULL), HEARTH_OK);
    assert_true(ids.count <= strlen(text));
    for (size_t i = 0; i < ids.count; i++) {
        buffer_clear(&piece);
        assert_int_equal(tokenizer_piece(t, ids.ids[i], DECODE_PLAIN, &piece, NULL), HEARTH_OK);
        assert_int_equal(answer_reader_push(r, ids.ids[i], buffer_text(&piece), piece.length, NULL), HEARTH_OK);
    }
    token_list_free(&ids);
    buffer_free(&piece);
}

static unsigned told_in_pieces;

/* `most` 0: as a real vocabulary's tokens. Every other seed wants calls in pieces. */
static void expect(const tokenizer *t, const stream_case *c, bool as_tokens, unsigned most, uint64_t seed)
{
    const bool pieces = seed % 2 == 1;
    static const char *const stops[] = {"STOP"};
    record k = {.open = -1};
    token_list ids = {0};
    answer_reader *r = NULL;
    json_t *tools = c->tools != NULL ? json_loads(c->tools, 0, NULL) : NULL;
    answer_reader_options o = {.tools = tools,
                               .thinks = c->thinks,
                               .calls_before = 7,
                               .stops = stops,
                               .stop_count = 1,
                               .pieces = pieces,
                               .event = on_event,
                               .context = &k};
    buffer_init(&k.line, 0);
    buffer_init(&k.pieces, 0);
    assert_true(answer_format_named(c->thinking, c->calls, as_tokens ? t : NULL, &o.format));
    assert_int_equal(answer_reader_create(&o, &r, NULL), HEARTH_OK);
    if (as_tokens) {
        encode(t, c->stream, &ids);
    } else {
        encode_bytes(c->stream, strlen(c->stream), &ids);
    }
    if (most == 0) {
        push_words(r, t, c->stream);
    } else {
        push_pieces(r, t, &ids, most, seed);
    }
    assert_int_equal(answer_reader_finish(r, NULL), HEARTH_OK);
    close_part(&k);
    k.broken += k.begun != NULL;
    told_in_pieces += k.told;
    if (k.broken == 0 && strcmp(buffer_text(&k.line), c->expected) != 0) {
        fail_msg("%s (%s, pieces of %u, seed %llu): %s\nexpected: %s", c->name, as_tokens ? "tokens" : "text", most,
                 (unsigned long long)seed, buffer_text(&k.line), c->expected);
    }
    answer_reader_free(r);
    token_list_free(&ids);
    buffer_free(&k.line);
    buffer_free(&k.pieces);
    json_decref(k.begun);
    json_decref(tools);
}

static void each_form_in_every_cut(void **state)
{
    (void)state;
    tokenizer *t = make_vocabulary();
    for (size_t i = 0; i < sizeof stream_cases / sizeof stream_cases[0]; i++) {
        const stream_case *c = &stream_cases[i];
        for (unsigned seed = 0; seed < 60; seed++) {
            const unsigned most = seed == 0 ? 1 : seed == 1 ? 100000 : 2 + seed % 9;
            if (!c->only_text) {
                expect(t, c, true, most, seed);
            }
            if (!c->only_tokens) {
                expect(t, c, false, most, seed);
            }
        }
    }
    assert_true(told_in_pieces > 100);
    tokenizer_free(t);
}

static void each_form_in_the_tokens_of_real_vocabularies(void **state)
{
    (void)state;
    static const char *const files[] = {"deepseek-llm", "deepseek-coder", "gpt-2", "starcoder", "falcon"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[100];
        snprintf(name, sizeof name, "tokenizers/llama.cpp/ggml-vocab-%s.gguf", files[i]);
        const char *path = scratch_fixture(name);
        gguf_file *file = NULL;
        tokenizer *t = NULL;
        if (path == NULL) {
            skip();
        }
        assert_int_equal(gguf_open(path, &file, NULL), HEARTH_OK);
        assert_int_equal(load_tokenizer_gguf(file, &t, NULL), HEARTH_OK);
        gguf_close(file);
        for (size_t j = 0; j < sizeof stream_cases / sizeof stream_cases[0]; j++) {
            if (!stream_cases[j].only_tokens) {
                expect(t, &stream_cases[j], false, 0, i);
            }
        }
        tokenizer_free(t);
    }
}

/* ---- which rows a model has ---- */

static void rows_are_told_by_template_and_vocabulary(void **state)
{
    (void)state;
    tokenizer *t = make_vocabulary();
    static const char source[] = "{{ '<think>\n' }}<tool_call>";
    answer_format f = answer_format_detect(source, strlen(source), NULL);
    assert_string_equal(f.thinking, "think");
    assert_string_equal(f.calls, "hermes");
    assert_int_equal(f.marks[MARK_THINK_OPEN].id, -1);
    f = answer_format_detect(NULL, 0, t); /* thinking that only the vocabulary knows; calls need the template */
    assert_non_null(f.thinking);
    assert_null(f.calls);
    assert_true(f.marks[MARK_THINK_OPEN].id >= 256);
    f = answer_format_detect("hello", 5, NULL);
    assert_null(f.thinking);
    assert_null(f.calls);
    tokenizer_free(t);
}

static bool thinks_after(const answer_format *f, const tokenizer *t, const char *prompt)
{
    token_list ids = {0};
    assert_int_equal(tokenizer_encode(t, prompt, strlen(prompt), ENCODE_PARSE_SPECIAL, &ids, NULL), HEARTH_OK);
    bool thinks = false;
    assert_int_equal(answer_format_prompt_thinks(f, t, ids.ids, ids.count, &thinks, NULL), HEARTH_OK);
    token_list_free(&ids);
    return thinks;
}

static void a_prompt_may_open_the_thinking(void **state)
{
    (void)state;
    tokenizer *t = make_vocabulary();
    for (int text = 0; text < 2; text++) {
        answer_format f;
        assert_true(answer_format_named("think", NULL, text ? NULL : t, &f));
        assert_true(thinks_after(&f, t, "Hello<think>\n"));
        assert_true(thinks_after(&f, t, "<think>"));
        assert_false(thinks_after(&f, t, "Hello<think>\n\n</think>\n\n"));
        assert_false(thinks_after(&f, t, "<think> Hello"));
        assert_false(thinks_after(&f, t, ""));
    }
    tokenizer_free(t);
}

static void a_cut_thinking_is_told(void **state)
{
    (void)state;
    record k = {.open = -1};
    answer_reader *r = NULL;
    answer_reader_options o = {.event = on_event, .context = &k, .thinks = true};
    buffer_init(&k.line, 0);
    assert_true(answer_format_named("think", NULL, NULL, &o.format));
    assert_int_equal(answer_reader_create(&o, &r, NULL), HEARTH_OK);
    assert_int_equal(answer_reader_push(r, -1, "Hm\n</thi", 8, NULL), HEARTH_OK);
    assert_int_equal(answer_reader_finish(r, NULL), HEARTH_OK);
    assert_true(answer_reader_thinks(r));
    assert_string_equal(buffer_text(&k.line), "R[Hm\n</thi");
    answer_reader_free(r);
    buffer_free(&k.line);
}

static hearth_status refuse(void *context, const answer_event *event, hearth_error *error)
{
    (void)context;
    (void)event;
    return error_set(error, HEARTH_E_CANCELLED, "caller", NULL, "no more");
}

static void a_failing_caller_ends_the_reading(void **state)
{
    (void)state;
    answer_reader *r = NULL;
    answer_reader_options o = {.event = refuse};
    assert_int_equal(answer_reader_create(&o, &r, NULL), HEARTH_OK);
    assert_int_equal(answer_reader_push(r, -1, "text", 4, NULL), HEARTH_E_CANCELLED);
    answer_reader_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_in_every_cut),
        cmocka_unit_test(each_form_in_the_tokens_of_real_vocabularies),
        cmocka_unit_test(rows_are_told_by_template_and_vocabulary),
        cmocka_unit_test(a_prompt_may_open_the_thinking),
        cmocka_unit_test(a_cut_thinking_is_told),
        cmocka_unit_test(a_failing_caller_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
