/* The loop of an answer: draw, show, feed. */
#include "generate/session.h"
#include "generate/stream.h"
#include "nn/profile.h"
#include "platform/cpu.h"

/* What the loop carries. */
typedef struct answer {
    session *s;
    const session_answer_options *options;
    session_text_fn text;
    void *context;
    text_stream stream;
    buffer piece;
    session_answer_result result;
} answer;

static bool is_end(const answer *a, int32_t token)
{
    const tokenizer *t = session_model(a->s)->tokenizer;
    return !a->options->ignore_end && t != NULL && tokenizer_is_end(t, token);
}

/* Hands out what may be shown; false when the caller wants to stop. */
static bool show(const answer *a)
{
    return a->text == NULL || a->text(a->context, buffer_text(&a->stream.shown), a->stream.shown.length);
}

static hearth_status push_token(answer *a, int32_t token, hearth_error *error)
{
    const tokenizer *t = session_model(a->s)->tokenizer;
    buffer_clear(&a->piece);
    if (t != NULL) {
        TRY(tokenizer_piece(t, token, DECODE_PLAIN, &a->piece, error));
    }
    if (a->options->reader != NULL) {
        return answer_reader_push(a->options->reader, token, buffer_text(&a->piece), a->piece.length, error);
    }
    return text_stream_push(&a->stream, buffer_text(&a->piece), a->piece.length, error);
}

static const char *stop_met(const answer *a)
{
    return a->options->reader != NULL ? answer_reader_stop(a->options->reader) : a->stream.stop;
}

/* What the loop's own thread did since its last lap. */
static void lap(const answer *a, nn_op op)
{
    const nn_profiler *profiler = session_profiler(a->s);
    if (profiler != NULL) {
        profiler->lap(profiler->context, 0, op, NULL, (nn_work){0});
    }
}

static hearth_status draw(const answer *a, int32_t *ret, hearth_error *error)
{
    constraint *c = a->options->constraint;
    const uint64_t *allowed = NULL;
    if (c == NULL) {
        return session_sample(a->s, ret, error);
    }
    TRY(constraint_allowed(c, &allowed, error));
    session_allow(a->s, allowed);
    const hearth_status status = session_sample(a->s, ret, error);
    session_allow(a->s, NULL); /* the mask is the constraint's */
    return status == HEARTH_OK ? constraint_accept(c, *ret, error) : status;
}

/* One token: drawn, shown, fed. Sets *ret_done with the reason in the result. */
static hearth_status one_token(answer *a, bool *ret_done, hearth_error *error)
{
    int32_t token = 0;
    session_answer_result *r = &a->result;
    TRY(draw(a, &token, error));
    lap(a, NN_OP_SAMPLE);
    r->tokens++;
    *ret_done = true;
    const bool end = is_end(a, token);
    if (!end) {
        TRY(push_token(a, token, error));
        lap(a, NN_OP_DETOKENIZE);
    }
    if (session_length(a->s) == session_context_length(a->s)) {
        r->end = end ? SESSION_END_TOKEN : stop_met(a) != NULL ? SESSION_END_STOP : SESSION_END_CONTEXT;
        r->stop = stop_met(a);
        if (!end && !show(a)) {
            r->end = SESSION_END_CALLER;
        }
        return HEARTH_OK;
    }
    bool goes_on = true;
    if (!end) {
        goes_on = show(a);
        lap(a, NN_OP_SHOW);
    }
    TRY(session_go_on(a->s, token, a->options->constraint, error));
    r->stop = stop_met(a);
    if (end) {
        r->end = SESSION_END_TOKEN;
    } else if (r->stop != NULL) {
        r->end = SESSION_END_STOP;
    } else if (!goes_on) {
        r->end = SESSION_END_CALLER;
    } else if (a->options->most_tokens != 0 && r->tokens == a->options->most_tokens) {
        r->end = SESSION_END_LENGTH;
    } else {
        *ret_done = false;
    }
    return HEARTH_OK;
}

static hearth_status run(answer *a, hearth_error *error)
{
    bool done = false;
    while (!done) {
        TRY(one_token(a, &done, error));
    }
    if (a->result.end == SESSION_END_STOP) {
        return HEARTH_OK;
    }
    TRY(text_stream_finish(&a->stream, error));
    if (a->stream.shown.length != 0) {
        (void)show(a);
    }
    return HEARTH_OK;
}

hearth_status session_answer(session *s, const session_answer_options *options, session_text_fn text, void *context,
                             session_answer_result *ret, hearth_error *error)
{
    static const session_answer_options plain = {0};
    answer a = {.s = s, .options = options == NULL ? &plain : options, .text = text, .context = context};
    const double begin = time_seconds();
    text_stream_init(&a.stream, a.options->stops, a.options->stop_count);
    buffer_init(&a.piece, 0);
    const hearth_status status = run(&a, error);
    text_stream_free(&a.stream);
    buffer_free(&a.piece);
    if (status != HEARTH_OK) {
        error_in_file(error, session_model(s)->path); /* its rows may be more than its tokenizer has tokens */
        return status;
    }
    a.result.seconds = time_seconds() - begin;
    if (ret != NULL) {
        *ret = a.result;
    }
    return HEARTH_OK;
}
