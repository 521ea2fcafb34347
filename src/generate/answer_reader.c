/* The state machine of an answer. */
#include "generate/answer_reader.h"

#include "base/memory.h"
#include "generate/call_pieces.h"
#include "generate/stream.h"
#include "generate/tool_calls.h"

#include <stdio.h>
#include <string.h>

typedef enum reader_state {
    IN_CONTENT,
    IN_THINKING,
    IN_CALL,
    IN_HEADER, /* harmony: who speaks, in which channel, to whom */
} reader_state;

struct answer_reader {
    answer_reader_options o;
    bool calls; /* tools were offered, in a form that is known */
    reader_state state;
    buffer held;      /* text that may become a mark */
    bool at_start;    /* nothing but blanks so far */
    const char *skip; /* characters that are left out until another one comes; NULL: none */
    buffer blanks;    /* at the end of what came: left out where a mark follows */
    text_stream content, reasoning;
    call_body body;
    call_pieces pieces;
    char call_id[32]; /* of the call that is told in pieces */
    bool unmarked;
    bool closed; /* a mark ended the call */
    size_t call_count;
    bool has_content;    /* harmony: a message of content was there */
    bool has_reasoning;  /* and one of thinking */
    bool has_channel;    /* harmony: in this header */
    size_t channel_at;   /* harmony: where the channel's name begins in the header */
    char recipient[128]; /* harmony */
};

static const char all_blanks[] = " \t\r\n";

/* ---- what comes out ---- */

static hearth_status send_text(answer_reader *r, answer_part part, const buffer *text, hearth_error *error)
{
    const answer_event event = {.part = part, .text = buffer_text(text), .length = text->length};
    return text->length == 0 ? HEARTH_OK : r->o.event(r->o.context, &event, error);
}

static hearth_status push_text(answer_reader *r, const char *bytes, size_t length, hearth_error *error)
{
    const bool thinks = r->state == IN_THINKING;
    text_stream *s = thinks ? &r->reasoning : &r->content;
    if (length == 0 || s->stop != NULL) {
        return HEARTH_OK;
    }
    TRY(text_stream_push(s, bytes, length, error));
    return send_text(r, thinks ? ANSWER_REASONING : ANSWER_CONTENT, &s->shown, error);
}

static bool is_blank(char c)
{
    return c != '\0' && strchr(all_blanks, c) != NULL;
}

/* Blanks at the end wait where a mark that may follow would leave them out. */
static bool blanks_wait(const answer_reader *r)
{
    return r->state == IN_THINKING || r->calls || r->o.format.marks[MARK_REPLY_CLOSE].text != NULL ||
           (r->at_start && r->o.format.thinking != NULL);
}

static hearth_status release_blanks(answer_reader *r, hearth_error *error)
{
    const hearth_status status = push_text(r, buffer_text(&r->blanks), r->blanks.length, error);
    buffer_clear(&r->blanks);
    return status;
}

/* Text of the answer or of the thinking, by state. */
static hearth_status give_text(answer_reader *r, const char *bytes, size_t length, hearth_error *error)
{
    while (r->skip != NULL && length > 0 && bytes[0] != '\0' && strchr(r->skip, bytes[0]) != NULL) {
        bytes++;
        length--;
    }
    size_t end = length;
    while (end > 0 && is_blank(bytes[end - 1])) {
        end--;
    }
    if (length > 0) {
        r->skip = NULL;
    }
    if (end > 0) {
        TRY(release_blanks(r, error));
        r->at_start = r->at_start && r->state == IN_THINKING;
    }
    if (!blanks_wait(r)) {
        end = length;
    }
    TRY(push_text(r, bytes, end, error));
    return buffer_append(&r->blanks, bytes + end, length - end, error);
}

/* The end of a part: unfinished characters come out, blanks go. */
static hearth_status end_thinking(answer_reader *r, hearth_error *error)
{
    buffer_clear(&r->blanks);
    TRY(text_stream_finish(&r->reasoning, error));
    TRY(send_text(r, ANSWER_REASONING, &r->reasoning.shown, error));
    r->state = IN_CONTENT;
    r->at_start = true;
    r->skip = "\r\n";
    return HEARTH_OK;
}

static void begin_thinking(answer_reader *r)
{
    buffer_clear(&r->blanks);
    r->state = IN_THINKING;
    r->skip = "\r\n";
}

/* ---- calls ---- */

static hearth_status give_mark_text(answer_reader *r, answer_mark mark, hearth_error *error)
{
    const answer_mark_text *m = &r->o.format.marks[mark];
    return m->text == NULL ? HEARTH_OK : push_text(r, m->text, m->length, error);
}

/* A call that is none, as it was written. */
static hearth_status give_body(answer_reader *r, hearth_error *error)
{
    const call_body *b = &r->body;
    size_t at = 0;
    TRY(release_blanks(r, error));
    if (!r->unmarked) {
        TRY(give_mark_text(r, MARK_CALL_OPEN, error));
    }
    for (size_t i = 0; i < b->count; i++) {
        TRY(push_text(r, buffer_text(&b->text) + at, b->marks[i].at - at, error));
        TRY(give_mark_text(r, b->marks[i].mark, error));
        at = b->marks[i].at;
    }
    TRY(push_text(r, buffer_text(&b->text) + at, b->text.length - at, error));
    return r->closed ? give_mark_text(r, MARK_CALL_CLOSE, error) : HEARTH_OK;
}

static hearth_status send_call(answer_reader *r, const json_t *made, hearth_error *error)
{
    char number[32];
    const bool told = r->pieces.begun;
    json_t *id = told ? NULL : json_object_get(made, "id");
    snprintf(number, sizeof number, "call%05zu", r->o.calls_before + r->call_count);
    json_t *call =
        json_door_put(json_object(), "id", id != NULL ? json_incref(id) : json_string(told ? r->call_id : number));
    call = json_door_put(call, "name", json_incref(json_object_get(made, "name")));
    call = json_door_put(call, "arguments", json_incref(json_object_get(made, "arguments")));
    if (call == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    r->call_count += told ? 0 : 1;
    r->pieces.begun = false; /* what else was called in that text is told whole */
    const answer_event event = {.part = ANSWER_CALL, .call = call, .told = told};
    const hearth_status status = r->o.event(r->o.context, &event, error);
    json_decref(call);
    return status;
}

static call_source source_of(const answer_reader *r)
{
    return (call_source){
        .form = r->o.format.form, .body = &r->body, .name = r->recipient, .tools = r->o.tools, .unmarked = r->unmarked};
}

static hearth_status begin_pieces(answer_reader *r, hearth_error *error)
{
    snprintf(r->call_id, sizeof r->call_id, "call%05zu", r->o.calls_before + r->call_count++);
    json_t *call = json_door_put(json_object(), "id", json_string(r->call_id));
    call = json_door_put(call, "name", json_string(r->pieces.name));
    if (call == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    const answer_event event = {.part = ANSWER_CALL_BEGIN, .call = call};
    const hearth_status status = r->o.event(r->o.context, &event, error);
    json_decref(call);
    return status;
}

/* What has come of a call, to those who want pieces. */
static hearth_status tell_pieces(answer_reader *r, hearth_error *error)
{
    const bool begun = r->pieces.begun;
    const call_source source = source_of(r);
    if (!r->o.pieces) {
        return HEARTH_OK;
    }
    TRY(call_pieces_read(&r->pieces, &source, error));
    if (r->pieces.begun && !begun) {
        buffer_clear(&r->blanks);
        TRY(begin_pieces(r, error));
    }
    return send_text(r, ANSWER_CALL_PIECE, &r->pieces.text.shown, error);
}

static hearth_status send_problem(answer_reader *r, const hearth_error *problem, hearth_error *error)
{
    char line[512];
    hearth_error_line(problem, line, sizeof line);
    const answer_event event = {.part = ANSWER_BAD_CALL, .text = line, .length = strlen(line), .told = r->pieces.begun};
    return r->o.event(r->o.context, &event, error);
}

/* What stood in a call is parsed. The state is then the content's. */
static hearth_status end_call(answer_reader *r, hearth_error *error)
{
    hearth_error problem = {0};
    json_t *calls = json_array();
    if (calls == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    const call_source source = source_of(r);
    hearth_status status = tool_calls_parse(&source, calls, &problem);
    r->state = IN_CONTENT;
    if (status == HEARTH_E_MEMORY) {
        json_decref(calls);
        return error_memory(error, r->body.text.length);
    }
    if (status == HEARTH_OK && json_array_size(calls) == 0 && r->pieces.begun) { /* it is no text any more */
        status = error_set(&problem, HEARTH_E_FORMAT, "tool call", "JSON that calls tools which were offered",
                           "something else");
    }
    const bool bad = status != HEARTH_OK;
    if (bad || json_array_size(calls) == 0) {
        status = r->pieces.begun ? HEARTH_OK : give_body(r, error); /* what was told stays a call */
    } else {
        buffer_clear(&r->blanks);
        r->skip = all_blanks;
    }
    if (bad && status == HEARTH_OK) {
        status = send_problem(r, &problem, error);
    }
    for (size_t i = 0; i < json_array_size(calls) && status == HEARTH_OK; i++) {
        status = send_call(r, json_array_get(calls, i), error);
    }
    json_decref(calls);
    call_body_clear(&r->body);
    call_pieces_clear(&r->pieces);
    return status;
}

static void begin_call(answer_reader *r, bool unmarked)
{
    call_body_clear(&r->body);
    call_pieces_clear(&r->pieces);
    r->state = IN_CALL;
    r->unmarked = unmarked;
    r->closed = false;
    r->at_start = false;
}

/* ---- harmony ---- */

/* The word that follows `to=` in the header. */
static void read_recipient(answer_reader *r)
{
    const char *header = buffer_text(&r->body.text);
    r->recipient[0] = '\0';
    for (const char *at = strstr(header, "to="); at != NULL; at = strstr(at + 1, "to=")) {
        if (at == header || is_blank(at[-1])) {
            snprintf(r->recipient, sizeof r->recipient, "%.*s", (int)strcspn(at + 3, all_blanks), at + 3);
            return;
        }
    }
}

static hearth_status begin_message(answer_reader *r, hearth_error *error)
{
    static const char analysis[] = "analysis";
    read_recipient(r);
    const char *channel = buffer_text(&r->body.text) + r->channel_at;
    const bool thinks = r->has_channel && strncmp(channel, analysis, sizeof analysis - 1) == 0;
    r->body.count = 0;
    if (r->recipient[0] != '\0' && r->calls) {
        begin_call(r, true);
        return HEARTH_OK;
    }
    r->state = thinks ? IN_THINKING : IN_CONTENT;
    r->skip = NULL;
    bool *before = thinks ? &r->has_reasoning : &r->has_content;
    if (*before) { /* one message after another of its kind is a paragraph of its own */
        TRY(push_text(r, "\n\n", 2, error));
    }
    *before = true;
    return HEARTH_OK;
}

static hearth_status end_message(answer_reader *r, hearth_error *error)
{
    if (r->state == IN_CALL) {
        TRY(end_call(r, error));
    } else if (r->state == IN_THINKING) {
        TRY(end_thinking(r, error));
    } else if (r->state == IN_CONTENT) {
        TRY(release_blanks(r, error));
    }
    r->state = IN_HEADER;
    r->has_channel = false;
    call_body_clear(&r->body);
    return HEARTH_OK;
}

static hearth_status on_harmony(answer_reader *r, answer_mark mark, hearth_error *error)
{
    switch (mark) {
    case MARK_START:
    case MARK_END:
        return end_message(r, error);
    case MARK_CHANNEL:
    case MARK_CONSTRAIN:
        TRY(buffer_append_char(&r->body.text, ' ', error));
        if (mark == MARK_CHANNEL && !r->has_channel) {
            r->has_channel = true;
            r->channel_at = r->body.text.length;
        }
        return HEARTH_OK;
    default:
        return begin_message(r, error);
    }
}

/* ---- marks ---- */

/* May this mark stand here? `token`: it came as a token of its own. */
static bool counts(const answer_reader *r, answer_mark mark, bool token)
{
    const bool header = r->state == IN_HEADER;
    switch (mark) {
    case MARK_THINK_OPEN:
        return r->state == IN_CONTENT && (token || r->at_start);
    case MARK_THINK_CLOSE:
        return r->state == IN_THINKING;
    case MARK_REPLY_OPEN:
    case MARK_REPLY_CLOSE:
        return r->state == IN_CONTENT || (token && r->state == IN_THINKING && mark == MARK_REPLY_OPEN);
    case MARK_LIST_OPEN:
    case MARK_CALL_OPEN:
        return r->calls && (r->state == IN_CONTENT || token);
    case MARK_LIST_CLOSE:
        return r->calls && (r->state == IN_CONTENT || (token && r->state == IN_CALL));
    case MARK_CALL_BRACE:
        return r->calls && r->state == IN_CONTENT && r->at_start;
    case MARK_CALL_CLOSE:
    case MARK_INNER_1:
    case MARK_INNER_2:
    case MARK_INNER_3:
    case MARK_INNER_4:
        return r->state == IN_CALL && !r->unmarked;
    case MARK_CHANNEL:
    case MARK_CONSTRAIN:
    case MARK_MESSAGE:
        return header;
    case MARK_START:
    case MARK_END:
        return token || !header || mark == MARK_START;
    case ANSWER_MARKS:
        break;
    }
    return false;
}

static hearth_status on_mark_in_call(answer_reader *r, answer_mark mark, hearth_error *error)
{
    if (mark >= MARK_INNER_1 && mark <= MARK_INNER_4) {
        return call_body_mark(&r->body, mark, error);
    }
    r->closed = mark == MARK_CALL_CLOSE;
    TRY(end_call(r, error));
    if (mark == MARK_CALL_OPEN) {
        begin_call(r, false);
    }
    return HEARTH_OK;
}

static hearth_status on_mark(answer_reader *r, answer_mark mark, hearth_error *error)
{
    if (r->o.format.harmony && mark >= MARK_START) {
        return on_harmony(r, mark, error);
    }
    if (r->state == IN_CALL) {
        return on_mark_in_call(r, mark, error);
    }
    if (r->state == IN_THINKING) {
        TRY(end_thinking(r, error));
    }
    switch (mark) {
    case MARK_THINK_OPEN:
        begin_thinking(r);
        break;
    case MARK_CALL_OPEN:
        begin_call(r, false);
        break;
    case MARK_CALL_BRACE:
        begin_call(r, true);
        return buffer_append_char(&r->body.text, '{', error);
    case MARK_LIST_OPEN:
    case MARK_LIST_CLOSE:
    case MARK_REPLY_OPEN:
    case MARK_REPLY_CLOSE:
        buffer_clear(&r->blanks);
        r->skip = all_blanks;
        break;
    default:
        break;
    }
    return HEARTH_OK;
}

/* ---- text that may be a mark ---- */

static hearth_status on_text(answer_reader *r, size_t length, hearth_error *error)
{
    const char *bytes = r->held.data;
    if (length == 0) {
        return HEARTH_OK;
    }
    if (r->state == IN_CALL || r->state == IN_HEADER) {
        TRY(buffer_append(&r->body.text, bytes, length, error));
        if (r->state == IN_CALL) {
            TRY(tell_pieces(r, error));
        }
    } else {
        TRY(give_text(r, bytes, length, error));
    }
    memmove(r->held.data, r->held.data + length, r->held.length - length + 1);
    r->held.length -= length;
    return HEARTH_OK;
}

/* Does a mark that counts begin at held[at], whole or (`partly`) up to the end of what is held? The longest one. */
static size_t mark_at(const answer_reader *r, size_t at, bool partly, answer_mark *ret)
{
    size_t longest = 0;
    const size_t left = r->held.length - at;
    for (int mark = 0; mark < ANSWER_MARKS; mark++) {
        const answer_mark_text *m = &r->o.format.marks[mark];
        const bool start_only = mark == MARK_THINK_OPEN || mark == MARK_CALL_BRACE;
        if (m->text == NULL || m->id >= 0 || (partly ? left >= m->length : left < m->length) ||
            memcmp(r->held.data + at, m->text, partly ? left : m->length) != 0 ||
            !counts(r, (answer_mark)mark, false) || (start_only && strspn(r->held.data, all_blanks) < at) ||
            m->length <= longest) {
            continue;
        }
        longest = m->length;
        *ret = (answer_mark)mark;
    }
    return longest;
}

static bool has_text_marks(const answer_reader *r)
{
    for (int mark = 0; mark < ANSWER_MARKS; mark++) {
        if (r->o.format.marks[mark].text != NULL && r->o.format.marks[mark].id < 0) {
            return true;
        }
    }
    return false;
}

/* Marks and the text before them; then the text that can be no mark's beginning. */
static hearth_status read_held(answer_reader *r, hearth_error *error)
{
    const bool marks = has_text_marks(r);
    size_t at = 0;
    answer_mark mark = ANSWER_MARKS;
    while (marks && at < r->held.length && r->content.stop == NULL) {
        const size_t length = mark_at(r, at, false, &mark);
        if (length == 0) {
            at++;
            continue;
        }
        TRY(on_text(r, at, error));
        if (r->content.stop != NULL) {
            break;
        }
        memmove(r->held.data, r->held.data + length, r->held.length - length + 1);
        r->held.length -= length;
        TRY(on_mark(r, mark, error));
        at = 0;
    }
    if (r->content.stop != NULL) {
        return HEARTH_OK;
    }
    size_t known = marks ? 0 : r->held.length;
    while (known < r->held.length && mark_at(r, known, true, &mark) == 0) {
        known++;
    }
    return on_text(r, known, error);
}

/* ---- the door ---- */

hearth_status answer_reader_create(const answer_reader_options *options, answer_reader **ret, hearth_error *error)
{
    answer_reader *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return error_memory(error, sizeof *r);
    }
    r->o = *options;
    r->calls = options->tools != NULL && options->format.calls != NULL;
    r->at_start = true;
    buffer_init(&r->held, 0);
    buffer_init(&r->blanks, 0);
    call_body_init(&r->body);
    call_pieces_init(&r->pieces);
    text_stream_init(&r->content, options->stops, options->stop_count);
    text_stream_init(&r->reasoning, NULL, 0);
    if (options->format.harmony) {
        r->state = IN_HEADER;
    } else if (options->thinks) {
        begin_thinking(r);
    }
    *ret = r;
    return HEARTH_OK;
}

void answer_reader_free(answer_reader *r)
{
    if (r == NULL) {
        return;
    }
    buffer_free(&r->held);
    buffer_free(&r->blanks);
    call_body_free(&r->body);
    call_pieces_free(&r->pieces);
    text_stream_free(&r->content);
    text_stream_free(&r->reasoning);
    mem_free(r);
}

hearth_status answer_reader_push(answer_reader *r, int32_t id, const char *bytes, size_t length, hearth_error *error)
{
    if (r->content.stop != NULL) {
        return HEARTH_OK;
    }
    for (int mark = 0; mark < ANSWER_MARKS; mark++) {
        const answer_mark_text *m = &r->o.format.marks[mark];
        if (m->text != NULL && m->id >= 0 && m->id == id && counts(r, (answer_mark)mark, true)) {
            TRY(on_text(r, r->held.length, error));
            return r->content.stop != NULL ? HEARTH_OK : on_mark(r, (answer_mark)mark, error);
        }
    }
    TRY(buffer_append(&r->held, bytes, length, error));
    return length == 0 ? HEARTH_OK : read_held(r, error);
}

/* Harmony's header without a message: a model that does not know the form has just written text. */
static hearth_status finish_header(answer_reader *r, hearth_error *error)
{
    const buffer *header = &r->body.text;
    r->state = IN_CONTENT;
    if (r->has_channel || r->has_content || r->call_count > 0) {
        return HEARTH_OK;
    }
    return push_text(r, buffer_text(header), header->length, error);
}

hearth_status answer_reader_finish(answer_reader *r, hearth_error *error)
{
    if (r->content.stop != NULL) {
        return HEARTH_OK;
    }
    TRY(on_text(r, r->held.length, error));
    if (r->content.stop != NULL) {
        return HEARTH_OK;
    }
    if (r->state == IN_CALL) {
        TRY(end_call(r, error));
    } else if (r->state == IN_HEADER) {
        TRY(finish_header(r, error));
    }
    const bool thinks = r->state == IN_THINKING;
    if (thinks) {
        TRY(end_thinking(r, error));
        r->state = IN_THINKING; /* answer_reader_thinks still tells that it was cut */
    } else {
        TRY(release_blanks(r, error));
    }
    TRY(text_stream_finish(&r->content, error));
    return send_text(r, ANSWER_CONTENT, &r->content.shown, error);
}

bool answer_reader_thinks(const answer_reader *r)
{
    return r->state == IN_THINKING;
}

const char *answer_reader_stop(const answer_reader *r)
{
    return r->content.stop;
}
