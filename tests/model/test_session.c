/* Streams, answers, contexts that fill up, scores, and models that are refused by name. */
#include "support.h"

#include "base/memory.h"
#include "generate/score.h"
#include "generate/stream.h"
#include "model/forward.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pushes the pieces; returns what was shown, with "|" after each push. */
static const char *stream_all(const char *const *stops, size_t stop_count, const char *const *pieces)
{
    static char out[512];
    text_stream s;
    out[0] = '\0';
    text_stream_init(&s, stops, stop_count);
    for (size_t i = 0; pieces[i] != NULL && s.stop == NULL; i++) {
        OK(text_stream_push(&s, pieces[i], strlen(pieces[i]), error));
        strcat(out, buffer_text(&s.shown));
        strcat(out, "|");
    }
    if (s.stop == NULL) {
        OK(text_stream_finish(&s, error));
        strcat(out, buffer_text(&s.shown));
    }
    text_stream_free(&s);
    return out;
}

static void streams(void **state)
{
    (void)state;
    const char *const stops[] = {"END", "\n\nUser:", ""};
    const char *const plain[] = {"a", "b", NULL};
    assert_string_equal(stream_all(NULL, 0, plain), "a|b|");
    const char *const split[] = {"caf\xC3", "\xA9 \xF0\x9F", "\x98\x80!", NULL};
    assert_string_equal(stream_all(NULL, 0, split), "caf|\xC3\xA9 |\xF0\x9F\x98\x80!|");
    const char *const broken[] = {"x\xFF", "y\xE2\x82", NULL}; /* never a character; unfinished at the end */
    assert_string_equal(stream_all(NULL, 0, broken), "x\xEF\xBF\xBD|y|\xEF\xBF\xBD");
    const char *const stop[] = {"go E", "N", "D on", NULL};
    assert_string_equal(stream_all(stops, 3, stop), "go |||");
    const char *const nearly[] = {"E", "N", "ENd", "EN", NULL};
    assert_string_equal(stream_all(stops, 3, nearly), "||ENENd||EN");
    const char *const lines[] = {"a\n", "\nUs", "er", ": b", NULL};
    assert_string_equal(stream_all(stops, 3, lines), "a||||");
    const char *const inside[] = {"abcENDdefEND", NULL};
    assert_string_equal(stream_all(stops, 3, inside), "abc|");
}

typedef struct shown {
    char text[4096];
    size_t length;
    size_t calls;
    size_t stop_after;
} shown;

static bool keep_text(void *context, const char *text, size_t length)
{
    shown *s = context;
    assert_true(s->length + length < sizeof s->text);
    memcpy(s->text + s->length, text, length);
    s->length += length;
    s->text[s->length] = '\0';
    return ++s->calls != s->stop_after;
}

static session *start(model *m, size_t context, const char *prompt)
{
    session *s = NULL;
    token_list ids = {0};
    session_options options = session_options_default();
    options.context_length = context;
    options.sampling.temperature = 0;
    OK(session_create(m, &options, &s, error));
    OK(tokenizer_encode(m->tokenizer, prompt, strlen(prompt), ENCODE_ADD_BOS, &ids, error));
    OK(session_feed(s, ids.ids, ids.count, NULL, NULL, error));
    token_list_free(&ids);
    return s;
}

/* Leaves the token that is being shown no room: feeding it must fail, and the answer with it. */
static bool fill_context(void *context, const char *text, size_t length)
{
    session *s = context;
    (void)text;
    (void)length;
    while (session_length(s) < session_context_length(s)) {
        const int32_t one = 5;
        OK(session_feed(s, &one, 1, NULL, NULL, error));
    }
    return true;
}

static void answers(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("no fixture stories260K\n");
    }
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    session_answer_result r;
    shown out = {.length = 0};
    session *s = start(m, 100, "");
    session_answer_options options = {.most_tokens = 40};
    OK(session_answer(s, &options, keep_text, &out, &r, error));
    assert_int_equal(r.end, SESSION_END_LENGTH);
    assert_int_equal(r.tokens, 40);
    assert_int_equal(session_length(s), 41);
    const char *story = "Once upon a time, there was a little girl named Lily.";
    assert_non_null(strstr(out.text, story));
    session_free(s);

    const char *const stops[] = {"little girl"};
    out = (shown){.length = 0};
    s = start(m, 100, "");
    options = (session_answer_options){.stops = stops, .stop_count = 1};
    OK(session_answer(s, &options, keep_text, &out, &r, error));
    assert_int_equal(r.end, SESSION_END_STOP);
    assert_string_equal(r.stop, "little girl");
    assert_string_equal(out.text + out.length - 6, "was a ");
    session_free(s);

    out = (shown){.length = 0};
    s = start(m, 30, ""); /* fills the context: 1 + 29 tokens are held, one more is drawn */
    OK(session_answer(s, NULL, keep_text, &out, &r, error));
    assert_int_equal(r.end, SESSION_END_CONTEXT);
    assert_int_equal(r.tokens, 30);
    assert_int_equal(session_length(s), 30);
    hearth_error full = {0};
    const int32_t one = 5;
    assert_int_equal(session_feed(s, &one, 1, NULL, NULL, &full), HEARTH_E_LIMIT);
    session_free(s);

    s = start(m, 30, "");
    hearth_error failed = {0};
    assert_int_equal(session_answer(s, NULL, fill_context, s, &r, &failed), HEARTH_E_LIMIT);
    assert_string_equal(failed.place, "context");
    session_free(s);

    out = (shown){.stop_after = 3};
    s = start(m, 100, "");
    OK(session_answer(s, NULL, keep_text, &out, &r, error));
    assert_int_equal(r.end, SESSION_END_CALLER);
    assert_int_equal(r.tokens, 3);
    session_free(s);
    model_close(m);
    engine_free(e);
}

/* Text that could still become a stop string is shown in the end, whatever ended the answer. */
/* ---- a draft ---- */

typedef struct drafted {
    const char *draft; /* NULL: none; "": the model itself */
    unsigned tokens;
    float temperature;
} drafted;

/* Two answers, the second after a piece of the first was taken back; until the context is full. */
static size_t talk(model *m, const drafted *how, int32_t *ret, session_guesses *ret_guesses)
{
    session *s = NULL;
    session_options options = session_options_default();
    const int32_t prompt[5] = {3, 9, 27, 17, 51}, more[3] = {8, 8, 1};
    const session_answer_options some = {.most_tokens = 40, .ignore_end = true}, all = {.ignore_end = true};
    model *other = how->draft != NULL && how->draft[0] != '\0'
                       ? open_model(m->engine, golden_path(how->draft), COMPUTE_NATIVE)
                       : NULL;
    options.context_length = 200;
    options.sampling.temperature = how->temperature;
    options.sampling.seed = 11;
    options.sampling.repetition_penalty = 1.1f;
    options.draft = how->draft == NULL ? NULL : other != NULL ? other : m;
    options.draft_tokens = how->tokens;
    OK(session_create(m, &options, &s, error));
    OK(session_feed(s, prompt, 5, NULL, NULL, error));
    OK(session_answer(s, &some, NULL, NULL, NULL, error));
    assert_int_equal(session_length(s), 45);
    OK(session_rewind(s, 30, error));
    OK(session_feed(s, more, 3, NULL, NULL, error));
    OK(session_answer(s, &all, NULL, NULL, NULL, error));
    const size_t count = session_length(s);
    memcpy(ret, session_tokens(s), count * sizeof *ret);
    *ret_guesses = session_guessed(s);
    session_free(s);
    model_close(other);
    return count;
}

static void a_draft_changes_nothing(void **state)
{
    static const drafted rows[] = {{NULL, 0, 0}, {"", 3, 0}, {"", 63, 0}, {"", 0, 0}, {"qwen2-tied.gguf", 5, 0},
                                   {NULL, 0, 1}, {"", 3, 1}, {"", 63, 1}, {"", 0, 1}, {"qwen2-tied.gguf", 5, 1}};
    (void)state;
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path("llama-gqa.gguf"), COMPUTE_NATIVE);
    int32_t plain[200], made[200];
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        session_guesses guesses;
        const size_t found = talk(m, &rows[i], rows[i].draft == NULL ? plain : made, &guesses);
        if (rows[i].draft == NULL) {
            count = found;
            assert_int_equal(guesses.steps, 0);
            continue;
        }
        assert_int_equal(found, count);
        assert_memory_equal(made, plain, count * sizeof *plain);
        assert_true(guesses.accepted <= guesses.drafted && guesses.steps > 0);
        assert_true(rows[i].tokens != 3 || guesses.accepted > 100);
    }
    model_close(m);
    engine_free(e);
}

static void held_text_is_shown(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("no fixture stories260K\n");
    }
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    session_answer_result r;
    shown whole = {.length = 0};
    session *s = start(m, 100, "");
    session_answer_options options = {.most_tokens = 40};
    OK(session_answer(s, &options, keep_text, &whole, &r, error));
    session_free(s);
    char stop[16];
    snprintf(stop, sizeof stop, "%s~", whole.text + whole.length - 6);
    const char *const stops[] = {stop};
    for (size_t stop_after = 0; stop_after <= 40; stop_after += 40) {
        shown out = {.stop_after = stop_after};
        s = start(m, 100, "");
        options = (session_answer_options){.most_tokens = stop_after == 0 ? 40 : 0, .stops = stops, .stop_count = 1};
        OK(session_answer(s, &options, keep_text, &out, &r, error));
        assert_int_equal(r.end, stop_after == 0 ? SESSION_END_LENGTH : SESSION_END_CALLER);
        assert_string_equal(out.text, whole.text);
        session_free(s);
    }
    model_close(m);
    engine_free(e);
}

static void end_tokens_end_unless_ignored(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("no fixture stories260K\n");
    }
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    const logit_bias end = {.token = tokenizer_eos(m->tokenizer), .bias = 1000};
    session_options how = session_options_default();
    how.context_length = 20;
    how.sampling.biases = &end;
    how.sampling.bias_count = 1;
    for (int ignored = 0; ignored < 2; ignored++) {
        session *s = NULL;
        const int32_t bos = tokenizer_bos(m->tokenizer);
        shown out = {.length = 0};
        session_answer_result r;
        const session_answer_options options = {.most_tokens = 5, .ignore_end = ignored != 0};
        OK(session_create(m, &how, &s, error));
        OK(session_feed(s, &bos, 1, NULL, NULL, error));
        OK(session_answer(s, &options, keep_text, &out, &r, error));
        assert_int_equal(r.end, ignored ? SESSION_END_LENGTH : SESSION_END_TOKEN);
        assert_int_equal(r.tokens, ignored ? 5 : 1);
        assert_int_equal(session_length(s), ignored ? 6 : 2);
        assert_string_equal(out.text, "");
        session_free(s);
    }
    model_close(m);
    engine_free(e);
}

/* What is computed already stays, and logits come out, wherever the session stood. */
static void shared_beginnings_are_kept(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path("llama-gqa"), COMPUTE_F32);
    const int32_t ids[6] = {3, 9, 27, 1, 5, 60};
    const int32_t other[4] = {3, 9, 28, 1};
    const int32_t bad[6] = {3, 9, 27, 1, 5, 64};
    float *logits = all_logits(m, ids, 6, 512, -1);
    float *other_logits = all_logits(m, other, 4, 512, -1);
    session_options how = session_options_default();
    how.chunk = 2;
    session *s = NULL;
    OK(session_create(m, &how, &s, error));
    const struct {
        const int32_t *ids;
        size_t rewind, count, kept;
        const float *logits; /* the last row */
    } steps[] = {{ids, 0, 6, 0, logits + 5 * 64},        {ids, 6, 6, 6, logits + 5 * 64},
                 {ids, 6, 5, 4, logits + 4 * 64},        {ids, 5, 6, 5, logits + 5 * 64},
                 {ids, 4, 4, 3, logits + 3 * 64},        {other, 4, 4, 2, other_logits + 3 * 64},
                 {other, 0, 4, 0, other_logits + 3 * 64}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        size_t kept = 99;
        OK(session_rewind(s, steps[i].rewind, error));
        OK(session_feed_shared(s, steps[i].ids, steps[i].count, NULL, NULL, &kept, error));
        assert_int_equal(kept, steps[i].kept);
        assert_int_equal(session_length(s), steps[i].count);
        assert_memory_equal(session_tokens(s), steps[i].ids, steps[i].count * sizeof *ids);
        assert_memory_equal(session_logits(s), steps[i].logits, 64 * sizeof(float));
    }
    hearth_error error;
    assert_int_equal(session_feed(s, bad, 6, NULL, NULL, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(session_length(s), 4); /* nothing of it was computed */
    assert_non_null(session_logits(s));
    assert_int_equal(session_feed_shared(s, bad, 6, NULL, NULL, NULL, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(session_length(s), 4);
    free(logits);
    free(other_logits);
    session_free(s);
    model_close(m);
    engine_free(e);
}

/* What a progress sees, and after how many calls it stops the work. */
typedef struct seen {
    uint64_t last, total;
    size_t calls, stop_after;
} seen;

static bool see(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    seen *s = context;
    assert_true(*what != '\0' && strcmp(unit, "tokens") == 0);
    assert_true(done >= s->last && done <= total);
    s->last = done;
    s->total = total;
    return ++s->calls != s->stop_after;
}

/* Long work tells about itself, and stops, before each layer; what was computed before stays good. */
static void progress_comes_within_a_step(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        engine *e = make_engine(threads, NULL);
        model *m = open_model(e, golden_path("llama-gqa"), COMPUTE_F32);
        const size_t layers = m->config.layers;
        int32_t ids[100];
        for (int i = 0; i < 100; i++) {
            ids[i] = i * i * 3 % 64;
        }
        float *logits = all_logits(m, ids, 100, 512, -1);
        session_options how = session_options_default();
        how.chunk = 40;
        for (size_t stop_after = 0; stop_after <= 3 * (layers + 1); stop_after++) {
            session *s = NULL;
            seen p = {.stop_after = stop_after};
            OK(session_create(m, &how, &s, error));
            const hearth_status status = session_feed(s, ids, 100, see, &p, NULL);
            assert_int_equal(status, stop_after == 0 ? HEARTH_OK : HEARTH_E_CANCELLED);
            assert_int_equal(p.calls, stop_after == 0 ? 3 * (layers + 1) : stop_after);
            assert_int_equal(p.total, 100);
            const size_t steps = p.calls / (layers + 1);
            assert_int_equal(session_length(s), steps == 3 ? 100 : 40 * steps);
            assert_true((session_logits(s) != NULL) == (steps == 3));
            OK(session_feed_shared(s, ids, 100, NULL, NULL, NULL, error));
            assert_memory_equal(session_logits(s), logits + 99 * 64, 64 * sizeof(float));
            session_free(s);
        }
        for (size_t stop_after = 0; stop_after < 40; stop_after++) {
            seen p = {.stop_after = stop_after};
            const score_options options = {
                .window = 50, .stride = 20, .cache = -1, .chunk = 30, .progress = see, .progress_context = &p};
            score_result r = {0};
            const hearth_status status = score_tokens(m, ids, 100, 250, &options, &r, NULL);
            assert_int_equal(status, p.calls == stop_after ? HEARTH_E_CANCELLED : HEARTH_OK);
            assert_true(status != HEARTH_OK || p.last == 100);
            score_result_free(&r);
        }
        free(logits);
        model_close(m);
        engine_free(e);
    }
}

static double log_probability(const float *row, int32_t target)
{
    double total = 0;
    for (int j = 0; j < 64; j++) {
        total += exp((double)row[j]);
    }
    return (double)row[target] - log(total);
}

/* Window 40, stride 15: a token from 40 on is scored in the first window that reaches it, with what that window holds
 * before it as its whole context. */
static void windows_are_exact(model *m, const int32_t *ids, const score_result *windowed)
{
    for (int i = 40; i < 100; i++) {
        const int begin = (i - 40) / 15 * 15 + 15;
        float *logits = all_logits(m, ids + begin, (size_t)(i - begin), 512, -1);
        const double expected = log_probability(logits + (i - begin - 1) * 64, ids[i]);
        assert_true(fabs(expected - (double)windowed->log_probabilities[i]) < 1e-5);
        free(logits);
    }
}

/* Without a stride it is half the window; without a window that is the model's context, at most SCORE_WINDOW. */
static void default_strides(model *m, const int32_t *ids)
{
    static const size_t windows[] = {2, 3, 40, 41};
    score_result plain, told;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        const score_options half = {.window = windows[i], .cache = -1};
        const score_options same = {.window = windows[i], .stride = windows[i] / 2, .cache = -1};
        OK(score_tokens(m, ids, 100, 250, &half, &plain, error));
        OK(score_tokens(m, ids, 100, 250, &same, &told, error));
        assert_true(plain.window == windows[i] && plain.stride == windows[i] / 2);
        assert_string_equal(plain.hash, told.hash);
        score_result_free(&plain);
        score_result_free(&told);
    }
    OK(score_tokens(m, ids, 100, 250, NULL, &plain, error));
    const size_t context = m->config.context;
    assert_int_equal(plain.window, context < SCORE_WINDOW ? context : SCORE_WINDOW);
    assert_int_equal(plain.stride, plain.window / 2);
    score_result_free(&plain);
}

/* Scores in one window equal what the logits say; windows cover every token once; bad settings are refused. */
static void scores(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path("llama-gqa"), COMPUTE_F32);
    int32_t ids[100];
    for (int i = 0; i < 100; i++) {
        ids[i] = i * i * 3 % 64;
    }
    score_result r;
    score_options options = {.window = 100, .stride = 50, .cache = -1, .chunk = 33};
    OK(score_tokens(m, ids, 100, 250, &options, &r, error));
    float *logits = all_logits(m, ids, 100, 512, -1);
    double sum = 0;
    for (int i = 1; i < 100; i++) {
        const double expected = log_probability(logits + (i - 1) * 64, ids[i]);
        assert_true(fabs(expected - (double)r.log_probabilities[i]) < 1e-5);
        sum += expected;
    }
    assert_true(fabs(r.sum - sum) < 1e-3);
    assert_true(fabs(r.perplexity - exp(-sum / 99)) < 1e-2);
    assert_true(fabs(r.bits_per_byte - -sum / log(2) / 250) < 1e-5);
    score_result windowed;
    options = (score_options){.window = 40, .stride = 15, .cache = -1};
    OK(score_tokens(m, ids, 100, 250, &options, &windowed, error));
    for (int i = 1; i < 100; i++) {
        assert_true(windowed.log_probabilities[i] < 0);
        /* the first window sees all; later ones see 25 to 39 tokens before */
        assert_true(i >= 40 || windowed.log_probabilities[i] == r.log_probabilities[i]);
    }
    windows_are_exact(m, ids, &windowed);
    default_strides(m, ids);
    score_result_free(&windowed);
    hearth_error error;
    options.stride = 40;
    assert_int_equal(score_tokens(m, ids, 100, 0, &options, &windowed, &error), HEARTH_E_ARGUMENT);
    options = (score_options){.window = 1 << 20, .cache = -1};
    assert_int_equal(score_tokens(m, ids, 100, 0, &options, &windowed, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(score_tokens(m, ids, 1, 0, NULL, &windowed, &error), HEARTH_E_ARGUMENT);
    ids[50] = 64;
    assert_int_equal(score_tokens(m, ids, 100, 0, NULL, &windowed, &error), HEARTH_E_ARGUMENT);
    free(logits);
    score_result_free(&windowed);
    score_result_free(&r);
    model_close(m);
    engine_free(e);
}

/* ---- configurations that are refused ---- */

typedef struct refusal {
    const char *base;  /* the tiny model whose config.json is changed */
    const char *key;   /* of config.json */
    const char *value; /* JSON */
    hearth_status status;
    const char *place, *found; /* parts of the error's line */
} refusal;

#define LLAMA "llama-gqa"
static const refusal refusals[] = {
    {LLAMA, "architectures", "[\"MambaForCausalLM\"]", HEARTH_E_UNSUPPORTED, "architectures", "MambaForCausalLM"},
    {LLAMA, "hidden_act", "\"mish\"", HEARTH_E_UNSUPPORTED, "hidden_act", "mish"},
    {LLAMA, "rope_scaling", "{\"rope_type\": \"mrope\", \"factor\": 2.0}", HEARTH_E_UNSUPPORTED, "RoPE scaling",
     "mrope"},
    {LLAMA, "rope_parameters", "{\"rope_type\": \"yarn\"}", HEARTH_E_FORMAT, "RoPE scaling", "nothing"},
    {LLAMA, "rope_parameters", "{\"rope_type\": \"yarn\", \"factor\": 2.0, \"beta_fast\": -1}", HEARTH_E_FORMAT,
     "beta_fast", "-1"},
    {LLAMA, "rope_scaling", "{\"type\": \"longrope\"}", HEARTH_E_FORMAT, "short_factor", "0 for"},
    {LLAMA, "layer_types", "[\"linear_attention\"]", HEARTH_E_UNSUPPORTED, "layer_types", "linear_attention"},
    {LLAMA, "layer_types",
     "[\"full_attention\", \"full_attention\", \"full_attention\", \"full_attention\", \"full_attention\"]",
     HEARTH_E_FORMAT, "layer_types", "5 for 4"},
    {LLAMA, "head_dim", "0", HEARTH_E_FORMAT, "head_dim", "0"},
    {LLAMA, "qk_layernorm", "true", HEARTH_E_UNSUPPORTED, "qk_layernorm", "true"},
    {LLAMA, "no_rope_layers", "[1]", HEARTH_E_FORMAT, "no_rope_layers", "1 for 4"},
    {LLAMA, "num_local_experts", "4", HEARTH_E_UNSUPPORTED, "num_local_experts", "4"},
    {LLAMA, "rope_scaling", "{\"type\": \"dynamic\", \"factor\": 0.5}", HEARTH_E_FORMAT, "factor", "0.5"},
    {"families/gpt-oss", "swiglu_limit", "0", HEARTH_E_FORMAT, "swiglu_limit", "0"},
    {"families/llama4", "text_config", "{}", HEARTH_E_UNSUPPORTED, "text_config", "nothing"},
    {"families/llama4-wide", "floor_scale", "0", HEARTH_E_FORMAT, "temperature length", "0"},
    {"families/llama4-wide", "attention_chunk_size", "-1", HEARTH_E_FORMAT, "attention_chunk_size", "number"},
    {"families/llama4-wide", "moe_layers", "[0]", HEARTH_E_FORMAT, "feed_forward", "no such tensor"},
    {"families/llama4-wide", "moe_layers", "[0, 4]", HEARTH_E_FORMAT, "moe_layers", "4 of 4"},
    {"families/granite4", "layer_types", "[\"mamba\", \"attention\"]", HEARTH_E_UNSUPPORTED, "layer_types", "mamba"},
    {"families/granite4", "num_local_experts", "8", HEARTH_E_UNSUPPORTED, "num_local_experts", "8"},
    {"families/deepseek-v3", "rope_parameters", "{\"rope_type\": \"dynamic\", \"factor\": 2}", HEARTH_E_UNSUPPORTED,
     "RoPE scaling", "latent"},
    {"families/phi3-long", "rope_parameters",
     "{\"rope_type\": \"longrope\", \"short_factor\": [1, 1, 1, 1], \"long_factor\": [1, 1, 1], "
     "\"original_max_position_embeddings\": 128}",
     HEARTH_E_FORMAT, "long_factor", "3 for 4"},
    {LLAMA, "partial_rotary_factor", "1.5", HEARTH_E_FORMAT, "partial_rotary_factor", "1.5"},
    {LLAMA, "rope_scaling", "{\"type\": \"linear\"}", HEARTH_E_FORMAT, "RoPE scaling", "nothing"},
    {LLAMA, "rope_scaling", "{\"type\": \"linear\", \"factor\": -1}", HEARTH_E_FORMAT, "factor", "-1"},
    {LLAMA, "rope_theta", "0", HEARTH_E_FORMAT, "base frequency", "0"},
    {LLAMA, "rope_theta", "\"x\"", HEARTH_E_FORMAT, "rope_theta", "string"},
    {LLAMA, "num_hidden_layers", "0", HEARTH_E_FORMAT, "layers", "0"},
    {LLAMA, "num_hidden_layers", "5", HEARTH_E_FORMAT, "tensor model.layers.4.input_layernorm.weight",
     "no such tensor"},
    {LLAMA, "num_hidden_layers", "3", HEARTH_E_UNSUPPORTED, "tensor model.layers.3.", "Llama"},
    {LLAMA, "num_hidden_layers", "2000", HEARTH_E_LIMIT, "layers", "2000"},
    {LLAMA, "num_hidden_layers", "4.5", HEARTH_E_FORMAT, "num_hidden_layers", "number"},
    {LLAMA, "num_attention_heads", "5", HEARTH_E_FORMAT, "heads", "5"},
    {LLAMA, "num_key_value_heads", "4", HEARTH_E_FORMAT, "key heads", "4"},
    {LLAMA, "num_key_value_heads", "3", HEARTH_E_FORMAT, "tensor model.layers.0.self_attn.k_proj.weight", "[16, 48]"},
    {LLAMA, "head_dim", "7", HEARTH_E_FORMAT, "head size", "7"},
    {LLAMA, "head_dim", "16", HEARTH_E_FORMAT, "tensor model.layers.0.self_attn.q_proj.weight", "[48, 48]"},
    {LLAMA, "vocab_size", "65", HEARTH_E_FORMAT, "tensor lm_head.weight", "[64, 48]"},
    {LLAMA, "intermediate_size", "-3", HEARTH_E_FORMAT, "intermediate_size", "number"},
    {LLAMA, "max_position_embeddings", "99999999999", HEARTH_E_LIMIT, "max_position_embeddings", "99999999999"},
    {LLAMA, "rms_norm_eps", "0", HEARTH_E_FORMAT, "norm epsilon", "0"},
    {LLAMA, "attention_bias", "true", HEARTH_E_FORMAT, "tensor model.layers.0.self_attn.q_proj.bias", "no such tensor"},
    {"families/mixtral", "n_shared_experts", "1", HEARTH_E_UNSUPPORTED, "tensors", "Mixtral"},
    {"families/mixtral", "shared_expert_intermediate_size", "48", HEARTH_E_UNSUPPORTED, "tensors", "Mixtral"},
    {"families/mixtral", "mlp_only_layers", "[0]", HEARTH_E_UNSUPPORTED, "layers", "Mixtral"},
    {"families/mixtral", "num_local_experts", "0", HEARTH_E_UNSUPPORTED, "layers", "Mixtral"},
    {"families/mixtral", "num_local_experts", "4", HEARTH_E_FORMAT, "gate.weight", "[5, 32]"},
    {"families/mixtral", "num_experts_per_tok", "6", HEARTH_E_LIMIT, "experts per token", "6"},
    {"families/mixtral", "hidden_act", "\"xielu\"", HEARTH_E_UNSUPPORTED, "activation", "xielu"},
    {"families/granite-moe", "first_k_dense_replace", "1", HEARTH_E_UNSUPPORTED, "layers", "Granite"},
    {"families/phimoe", "decoder_sparse_step", "2", HEARTH_E_UNSUPPORTED, "layers", "Phi"},
    {"families/phimoe", "router_jitter_noise", "-5", HEARTH_E_FORMAT, "router jitter", "-5"},
    {"families/deepseek-v3", "rope_interleave", "false", HEARTH_E_UNSUPPORTED, "rope_interleave", "another"},
    {"families/deepseek-v3", "kv_lora_rank", "0", HEARTH_E_FORMAT, "latent width", "0"},
    {"families/deepseek-v3", "qk_rope_head_dim", "3", HEARTH_E_FORMAT, "head size", "27"},
    {"families/deepseek-v3", "topk_group", "9", HEARTH_E_LIMIT, "expert groups used", "9"},
};

/* A copy of a tiny model's folder with one key of config.json replaced. */
static void write_variant(const char *folder, const char *base, const char *key, const char *value)
{
    char path[512];
    char link_target[PATH_MAX];
    snprintf(path, sizeof path, "%s/config.json", base);
    json_t *config = read_json(golden_path(path));
    json_error_t problem;
    json_t *new = json_loads(value, JSON_DECODE_ANY, &problem);
    assert_non_null(new);
    assert_int_equal(json_object_set_new(config, key, new), 0);
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_int_equal(json_dump_file(config, path, 0), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", base);
    assert_non_null(realpath(golden_path(path), link_target));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    (void)unlink(path);
    assert_int_equal(symlink(link_target, path), 0);
    json_decref(config);
}

static void refuses(void **state)
{
    (void)state;
    char folder[] = "/tmp/hearth-config-XXXXXX";
    assert_non_null(mkdtemp(folder));
    engine *e = make_engine(1, NULL);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal *r = &refusals[i];
        char line[1024];
        hearth_error error = {0};
        model *m = NULL;
        write_variant(folder, r->base, r->key, r->value);
        const hearth_status status = model_open(e, folder, NULL, &m, &error);
        hearth_error_line(&error, line, sizeof line);
        if (status != r->status || strstr(line, r->place) == NULL || strstr(line, r->found) == NULL ||
            strstr(line, folder) == NULL) {
            fail_msg("%s = %s: %s: %s", r->key, r->value, hearth_status_name(status), line);
        }
        assert_null(m);
    }
    char path[512];
    const char *const names[] = {"config.json", "model.safetensors"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    engine_free(e);
}

/* transformers 4 and 5 spell RoPE's settings differently; a window is every layer's. */
/* The names in the errors are the table's. */
static void families_are_named(void **state)
{
    (void)state;
    for (int by_class = 0; by_class < 2; by_class++) {
        char names[MODEL_FAMILY_NAMES_SIZE];
        size_t count = 0;
        model_family_names(by_class != 0, names);
        assert_non_null(strstr(names, " or "));
        assert_true(strlen(names) + 1 < sizeof names);
        for (char *word = strtok(names, ", "); word != NULL; word = strtok(NULL, ", ")) {
            if (strcmp(word, "or") == 0) {
                break; /* and how many others there are */
            }
            assert_non_null((by_class ? model_family_by_class : model_family_by_architecture)(word, strlen(word)));
            count++;
        }
        assert_true(count >= (by_class ? 3 : 2));
    }
}

static void spellings(void **state)
{
    (void)state;
    static const char old[] = "{\"architectures\":[\"MistralForCausalLM\"],\"hidden_size\":64,\"intermediate_size\":96,"
                              "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"vocab_size\":50,"
                              "\"max_position_embeddings\":4096,\"sliding_window\":1024,\"rope_theta\":5e5,"
                              "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
                              "\"high_freq_factor\":4,\"original_max_position_embeddings\":512}}";
    static const char new[] = "{\"architectures\":[\"MistralForCausalLM\"],\"hidden_size\":64,\"intermediate_size\":96,"
                              "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"vocab_size\":50,\"head_dim\":16,"
                              "\"max_position_embeddings\":4096,\"sliding_window\":1024,\"rope_parameters\":"
                              "{\"rope_theta\":5e5,\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,"
                              "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":512}}";
    model_config c[2];
    const char *const texts[] = {old, new};
    for (int i = 0; i < 2; i++) {
        char path[] = "x/name";
        hf_folder folder = {.path = path};
        OK(json_door_parse(texts[i], strlen(texts[i]), "config", &folder.config, error));
        memset(&c[i], 0, sizeof c[i]);
        OK(model_config_from_hf(&folder, &c[i], error));
        json_decref(folder.config);
    }
    assert_memory_equal(&c[0], &c[1], sizeof c[0]);
    assert_int_equal(c[0].context, 4096);
    assert_int_equal(c[0].window, 1024);
    assert_true(layer_bit(c[0].windowed, 0) && layer_bit(c[0].windowed, 1));
    assert_int_equal(c[0].kv_heads, 4);
    assert_int_equal(c[0].rope.kind, ROPE_LLAMA3);
    assert_true(c[0].rope.theta == 5e5);
    assert_string_equal(c[0].name, "name");
}

/* Llama 4's lists and numbers are those that follow from silence; the files of 2025 are silent. */
static void silence_means_llama4(void **state)
{
    (void)state;
    static const char *const keys[] = {"layer_types", "no_rope_layers",         "no_rope_layer_interval",
                                       "moe_layers",  "attention_chunk_size",   "floor_scale",
                                       "attn_scale",  "attn_temperature_tuning"};
    model_config c[3];
    char path[] = "x/name";
    hf_folder folder = {.path = path, .config = read_json(golden_path("families/llama4-wide/config.json"))};
    memset(c, 0, sizeof c);
    OK(model_config_from_hf(&folder, &c[0], error));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_int_equal(json_object_del(folder.config, keys[i]), 0);
    }
    OK(model_config_from_hf(&folder, &c[1], error));
    assert_memory_equal(&c[0], &c[1], sizeof c[0]);
    assert_int_equal(c[0].chunk, 8192);
    assert_int_equal(c[0].windowed[0], 7);  /* layers 0 to 2 of 4 */
    assert_int_equal(c[0].unrotated[0], 8); /* layer 3 */
    assert_int_equal(c[0].dense[0], 5);
    assert_int_equal(json_object_set_new(folder.config, "attention_chunk_size", json_null()), 0);
    assert_int_equal(json_object_set_new(folder.config, "attn_temperature_tuning", json_integer(0)), 0);
    assert_int_equal(json_object_set_new(folder.config, "use_qk_norm", json_false()), 0);
    OK(model_config_from_hf(&folder, &c[2], error));
    assert_int_equal(c[2].chunk, 0);
    assert_true(c[2].temperature.scale == 0 && c[2].form.qk_norm == QK_NORM_NONE);
    json_decref(folder.config);
}

/* ---- RoPE that follows the context ---- */

/* The last token's logits, [vocabulary], of the same text in sequences that are opened for so many positions, in one
 * step. */
static float *logits_in_contexts(model *m, const int32_t *ids, size_t count, const size_t *contexts, size_t sequences)
{
    kv_cache caches[2] = {0};
    forward_segment segments[2];
    forward *f = NULL;
    float *all = malloc(sequences * m->config.vocabulary * sizeof *all);
    assert_non_null(all);
    OK(forward_create(m, 0, &f, error));
    for (size_t i = 0; i < sequences; i++) {
        OK(kv_cache_create(&m->config, CACHE_F32, contexts[i], &caches[i], error));
        segments[i] = (forward_segment){.cache = &caches[i], .count = (uint32_t)count, .ids = ids, .want = WANT_LAST};
    }
    OK(forward_step(f, segments, sequences, error));
    for (size_t i = 0; i < sequences; i++) {
        const float *row = NULL;
        OK(forward_logits(f, i, 1, &row, error));
        memcpy(all + i * m->config.vocabulary, row, m->config.vocabulary * sizeof *row);
    }
    forward_free(f);
    for (size_t i = 0; i < sequences; i++) {
        kv_cache_free(&caches[i]);
    }
    return all;
}

/* Up to the original context one set of frequencies, beyond it another (dynamic: one for each length), whatever is in
 * the batch. */
static void contexts_choose_rope(void **state)
{
    (void)state;
    static const char *const names[] = {"families/phi3-long", "families/phi3-long.gguf", "families/llama-dynamic"};
    engine *e = make_engine(2, NULL);
    int32_t ids[30];
    for (int32_t i = 0; i < 30; i++) {
        ids[i] = i * i % 61;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        model *m = open_model(e, golden_path(names[i]), COMPUTE_F32);
        const size_t bytes = m->config.vocabulary * sizeof(float);
        session *s = NULL;
        session_options options = session_options_default();
        OK(session_create(m, &options, &s, error));
        assert_int_equal(session_context_length(s), 128);
        session_free(s);
        options.context_length = m->config.context + 1u;
        assert_int_equal(session_create(m, &options, &s, NULL), HEARTH_E_LIMIT);
        const size_t contexts[][2] = {{128, 129}, {129, 512}, {30, 128}};
        for (size_t j = 0; j < 3; j++) {
            float *both = logits_in_contexts(m, ids, 30, contexts[j], 2);
            const bool same = j == 2 || (j == 1 && !m->config.rope.dynamic);
            assert_int_equal(memcmp(both, both + m->config.vocabulary, bytes) == 0, same);
            for (size_t k = 0; k < 2; k++) {
                float *alone = logits_in_contexts(m, ids, 30, &contexts[j][k], 1);
                assert_memory_equal(alone, both + k * m->config.vocabulary, bytes);
                free(alone);
            }
            free(both);
        }
        model_close(m);
    }
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams),
        cmocka_unit_test(answers),
        cmocka_unit_test(scores),
        cmocka_unit_test(progress_comes_within_a_step),
        cmocka_unit_test(refuses),
        cmocka_unit_test(spellings),
        cmocka_unit_test(silence_means_llama4),
        cmocka_unit_test(contexts_choose_rope),
        cmocka_unit_test(a_draft_changes_nothing),
        cmocka_unit_test(held_text_is_shown),
        cmocka_unit_test(families_are_named),
        cmocka_unit_test(end_tokens_end_unless_ignored),
        cmocka_unit_test(shared_beginnings_are_kept),
    };
    return cmocka_run_group_tests_name("sessions and refusals", tests, NULL, NULL);
}
