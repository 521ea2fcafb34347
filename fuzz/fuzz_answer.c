/* A model's answer. The input's first byte chooses the rows of the tables, the second whether tools are offered, marks
 * are tokens, the prompt opened the thinking, and how long the pieces are; then come the answer's bytes, where 0xFF and
 * a byte are a mark's token. It is read twice, cut in two ways: what comes out is the same. */
#include "base/buffer.h"
#include "fuzz_input.h"
#include "generate/answer_reader.h"

#include <stdlib.h>
#include <string.h>

static const char *const thinking_names[] = {NULL,      "harmony", "command", "granite", "granite-3.2",
                                             "mistral", "seed",    "thought", "apertus", "think"};
static const char *const call_names[] = {NULL,      "deepseek", "kimi",        "command", "mistral", "qwen3-coder",
                                         "seed",    "glm",      "hermes",      "granite", "lfm2",    "olmo3",
                                         "apertus", "nemotron", "functionary", "llama"};
enum {
    THINKING = sizeof thinking_names / sizeof thinking_names[0],
    CALLS = sizeof call_names / sizeof call_names[0],
    FIRST_MARK = 1000,
};

static const char tools_text[] = "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"type\":"
                                 "\"string\"},\"b\":{\"type\":\"integer\"}}}}}]";

typedef struct record {
    buffer parts[2];
    buffer calls;
} record;

static hearth_status on_event(void *context, const answer_event *event, hearth_error *error)
{
    record *k = context;
    if (event->part == ANSWER_CALL_BEGIN || event->part == ANSWER_CALL_PIECE) {
        return HEARTH_OK;
    }
    if (event->part == ANSWER_CALL) {
        return json_door_write(event->call, 0, &k->calls, error);
    }
    if (event->part == ANSWER_BAD_CALL) {
        return buffer_append(&k->calls, event->text, event->length, error);
    }
    return buffer_append(&k->parts[event->part == ANSWER_REASONING], event->text, event->length, error);
}

static void must(hearth_status status)
{
    if (status != HEARTH_OK) {
        abort();
    }
}

static void read_all(const answer_reader_options *o, const uint8_t *data, size_t size, size_t piece)
{
    answer_reader *r = NULL;
    must(answer_reader_create(o, &r, NULL));
    for (size_t at = 0; at < size;) {
        if (data[at] == 0xFF && at + 1 < size) {
            must(answer_reader_push(r, FIRST_MARK + data[at + 1] % ANSWER_MARKS, "", 0, NULL));
            at += 2;
            continue;
        }
        size_t length = 1;
        while (length < piece && at + length < size && data[at + length] != 0xFF) {
            length++;
        }
        must(answer_reader_push(r, -1, (const char *)data + at, length, NULL));
        at += length;
    }
    must(answer_reader_finish(r, NULL));
    answer_reader_free(r);
}

static void same(const buffer *a, const buffer *b)
{
    if (a->length != b->length || memcmp(buffer_text(a), buffer_text(b), a->length) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const stops[] = {"STOP"};
    if (size < 2) {
        return 0;
    }
    record kept[2] = {0}; /* a buffer of zeros is empty */
    answer_reader_options o = {
        .thinks = (data[1] & 4) != 0, .stops = stops, .stop_count = 1, .pieces = (data[1] & 8) != 0, .event = on_event};
    json_t *tools = (data[1] & 1) != 0 ? json_loads(tools_text, 0, NULL) : NULL;
    const bool harmony = data[0] % THINKING == 1;
    (void)answer_format_named(thinking_names[data[0] % THINKING],
                              harmony ? "harmony" : call_names[data[0] / THINKING % CALLS], NULL, &o.format);
    for (int i = 0; i < ANSWER_MARKS && (data[1] & 2) != 0; i++) {
        o.format.marks[i].id = i == MARK_CALL_BRACE ? -1 : FIRST_MARK + i;
    }
    o.tools = tools;
    for (int i = 0; i < 2; i++) {
        o.context = &kept[i];
        read_all(&o, data + 2, size - 2, i == 0 ? 1 + (data[1] >> 3 & 3) : 7 + data[1]);
    }
    same(&kept[0].parts[0], &kept[1].parts[0]);
    same(&kept[0].parts[1], &kept[1].parts[1]);
    same(&kept[0].calls, &kept[1].calls);
    for (int i = 0; i < 2; i++) {
        fuzz_sink += kept[i].parts[0].length + kept[i].calls.length;
        buffer_free(&kept[i].parts[0]);
        buffer_free(&kept[i].parts[1]);
        buffer_free(&kept[i].calls);
    }
    json_decref(tools);
    return 0;
}
