/* What test_tokens.py drives: answer_tool TOKENIZER TEMPLATE reads a JSON array of {"ids", "tools", "thinks"} from
 * stdin and writes one of {"reasoning", "content", "calls", "bad"}: what the reader makes of the tokens. The first
 * thing written is the names of the forms. */
#include "base/json.h"
#include "generate/answer_reader.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct heard {
    buffer reasoning, content;
    json_t *calls;
    int bad;
} heard;

static void check(hearth_status status, const hearth_error *error)
{
    if (status != HEARTH_OK) {
        char line[512];
        (void)fprintf(stderr, "%s\n", hearth_error_line(error, line, sizeof line));
        exit(1);
    }
}

static hearth_status listen(void *context, const answer_event *event, hearth_error *error)
{
    heard *h = context;
    switch (event->part) {
    case ANSWER_CONTENT:
        return buffer_append(&h->content, event->text, event->length, error);
    case ANSWER_REASONING:
        return buffer_append(&h->reasoning, event->text, event->length, error);
    case ANSWER_CALL:
        return json_array_append(h->calls, (json_t *)event->call) == 0 ? HEARTH_OK : error_memory(error, 1);
    case ANSWER_BAD_CALL:
        h->bad++;
        break;
    case ANSWER_CALL_BEGIN: /* not asked for */
    case ANSWER_CALL_PIECE:
        break;
    }
    return HEARTH_OK;
}

static json_t *read_answer(const tokenizer *t, const answer_format *format, const json_t *one)
{
    hearth_error error = {0};
    heard h = {.calls = json_array()};
    answer_reader *r = NULL;
    const json_t *id = NULL;
    size_t i = 0;
    buffer piece;
    buffer_init(&piece, 0);
    buffer_init(&h.reasoning, 0);
    buffer_init(&h.content, 0);
    const answer_reader_options o = {.format = *format,
                                     .tools = json_object_get(one, "tools"),
                                     .thinks = json_is_true(json_object_get(one, "thinks")),
                                     .event = listen,
                                     .context = &h};
    check(answer_reader_create(&o, &r, &error), &error);
    json_array_foreach(json_object_get(one, "ids"), i, id)
    {
        const int32_t token = (int32_t)json_integer_value(id);
        buffer_clear(&piece);
        check(tokenizer_piece(t, token, DECODE_PLAIN, &piece, &error), &error);
        check(answer_reader_push(r, token, buffer_text(&piece), piece.length, &error), &error);
    }
    check(answer_reader_finish(r, &error), &error);
    answer_reader_free(r);
    json_t *out = json_pack("{s:s%, s:s%, s:o, s:i}", "reasoning", buffer_text(&h.reasoning), h.reasoning.length,
                            "content", buffer_text(&h.content), h.content.length, "calls", h.calls, "bad", h.bad);
    buffer_free(&piece);
    buffer_free(&h.reasoning);
    buffer_free(&h.content);
    return out;
}

int main(int argc, char **argv)
{
    hearth_error error = {0};
    tokenizer *t = NULL;
    buffer source;
    json_t *cases = json_loadf(stdin, 0, NULL);
    if (argc < 3 || cases == NULL) {
        (void)fprintf(stderr, "usage: answer_tool TOKENIZER TEMPLATE < CASES\n");
        return 2;
    }
    buffer_init(&source, 0);
    check(load_tokenizer_file(argv[1], NULL, NULL, &t, &error), &error);
    check(file_read(argv[2], 1 << 20, &source, &error), &error);
    const answer_format format = answer_format_detect(buffer_text(&source), source.length, t);
    json_t *out = json_array();
    const json_t *one = NULL;
    size_t i = 0;
    (void)json_array_append_new(out, json_pack("[s?, s?]", format.thinking, format.calls));
    json_array_foreach(cases, i, one)
    {
        (void)json_array_append_new(out, read_answer(t, &format, one));
    }
    (void)json_dumpf(out, stdout, JSON_COMPACT);
    json_decref(out);
    json_decref(cases);
    buffer_free(&source);
    tokenizer_free(t);
    return 0;
}
