/* Layers with a state that cannot be cut back: sessions that are rewound, cancelled or given another prompt compute the
 * same bits as if they were new; batches; windows of a score; how old and new files store such layers. */
#include "support.h"

#include "base/hash.h"
#include "generate/score.h"
#include "model/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT 150u
#define BEFORE_END 32u /* of a prompt, where the checkpoint is */

static const char *const subjects[] = {"families/qwen3-next", "families/qwen3-next-mixed"};

static void make_text(const model *m, int32_t *ids, uint32_t seed)
{
    for (uint32_t i = 0; i < TEXT; i++) {
        ids[i] = (int32_t)((i * i * 7 + i * seed + seed) % m->config.vocabulary);
    }
}

static session *make_session(model *m, size_t chunk)
{
    session_options how = session_options_default();
    how.chunk = chunk;
    session *s = NULL;
    OK(session_create(m, &how, &s, error));
    return s;
}

static void expect_logits(const session *s, const float *all, size_t position)
{
    const size_t n = session_model(s)->config.vocabulary;
    assert_non_null(session_logits(s));
    assert_memory_equal(session_logits(s), all + position * n, n * sizeof *all);
}

/* Prompts of a chat: each shares a beginning with what is there. `kept` is what need not be computed again: all of it,
 * or up to the checkpoint, or nothing. */
static void prompts_share_beginnings(void **state)
{
    (void)state;
    for (size_t subject = 0; subject < 2; subject++) {
        engine *e = make_engine(2, NULL);
        model *m = open_model(e, golden_path(subjects[subject]), COMPUTE_NATIVE);
        int32_t ids[TEXT];
        make_text(m, ids, 3);
        float *all = all_logits(m, ids, TEXT, 512, -1);
        session *s = make_session(m, subject == 0 ? 0 : 19);
        static const struct {
            size_t rewind, count, kept;
        } steps[] = {
            {0, 60, 0},      /* checkpoint at 28 */
            {60, 60, 60},    /* nothing to do */
            {50, 55, 28},    /* back, and on from the checkpoint, which is now at 28 */
            {55, 140, 55},   /* on from the end; checkpoint at 108 */
            {140, 120, 108}, /* the prompt ends earlier: 119 are shared */
            {120, 121, 120}, /* one token more */
            {121, 107, 0},   /* before the checkpoint: all again; checkpoint at 75 */
            {107, 108, 107}, /* one token is no prompt */
            {76, 76, 75},    /* the last token alone is new */
            {76, TEXT, 76},  /* and on */
            {75, TEXT, 0},   /* behind us is only the checkpoint at 118 */
        };
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            size_t kept = 999;
            OK(session_rewind(s, steps[i].rewind, error));
            OK(session_feed_shared(s, ids, steps[i].count, NULL, NULL, &kept, error));
            assert_int_equal(kept, steps[i].kept);
            assert_int_equal(session_length(s), steps[i].count);
            expect_logits(s, all, steps[i].count - 1);
        }
        session_free(s);
        free(all);
        model_close(m);
        engine_free(e);
    }
}

/* A prompt too short for a checkpoint of its own takes the place of another: what that left says nothing any more. */
static void other_conversations(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path(subjects[0]), COMPUTE_NATIVE);
    int32_t before[TEXT];
    int32_t ids[TEXT];
    size_t kept = 999;
    make_text(m, before, 3);
    make_text(m, ids, 8);
    assert_int_not_equal(before[0], ids[0]);
    float *all = all_logits(m, ids, TEXT, 512, -1);
    session *s = make_session(m, 0);
    OK(session_feed(s, before, 100, NULL, NULL, error)); /* checkpoint at 68 */
    OK(session_feed_shared(s, ids, 20, NULL, NULL, &kept, error));
    assert_int_equal(kept, 0);
    for (size_t i = 20; i < 90; i++) { /* the answer, past 68 */
        OK(session_feed(s, ids + i, 1, NULL, NULL, error));
    }
    expect_logits(s, all, 89);
    OK(session_feed_shared(s, ids, 80, NULL, NULL, &kept, error));
    assert_int_equal(kept, 0);
    expect_logits(s, all, 79);
    session_free(s);
    free(all);
    model_close(m);
    engine_free(e);
}

/* session_feed after session_rewind, wherever: what is missing is computed again without a word. */
static void rewound_anywhere(void **state)
{
    (void)state;
    engine *e = make_engine(3, NULL);
    model *m = open_model(e, golden_path(subjects[0]), COMPUTE_F32);
    int32_t ids[TEXT];
    make_text(m, ids, 5);
    float *all = all_logits(m, ids, TEXT, 512, -1);
    session *s = make_session(m, 23);
    OK(session_feed(s, ids, TEXT, NULL, NULL, error));
    expect_logits(s, all, TEXT - 1);
    for (size_t i = 0; i < 12; i++) {
        const size_t length = (TEXT - 1 - i * 13) % TEXT;
        const size_t more = 1 + i * 5 % 4 * 10;
        const size_t count = more < TEXT - length ? more : TEXT - length;
        const size_t from = length < session_length(s) ? length : session_length(s);
        OK(session_rewind(s, from, error));
        assert_true(session_logits(s) == NULL || from == length);
        OK(session_feed(s, ids + from, count, NULL, NULL, error));
        assert_int_equal(session_length(s), from + count);
        assert_memory_equal(session_tokens(s), ids, (from + count) * sizeof *ids);
        expect_logits(s, all, from + count - 1);
    }
    session_free(s);
    free(all);
    model_close(m);
    engine_free(e);
}

typedef struct stop {
    size_t calls, after;
} stop;

static bool stops(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    stop *s = context;
    assert_true(*what != '\0' && *unit != '\0' && done <= total);
    return ++s->calls != s->after;
}

/* A step that is stopped between layers leaves some states moved on: they are lost, and made again. */
static void cancelled_anywhere(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path(subjects[1]), COMPUTE_NATIVE);
    int32_t ids[TEXT];
    make_text(m, ids, 9);
    float *all = all_logits(m, ids, TEXT, 512, -1);
    size_t cancelled = 0;
    for (size_t after = 1; after < 40; after += 3) {
        session *s = make_session(m, 40);
        stop p = {.after = after};
        OK(session_feed(s, ids, 20, NULL, NULL, error));
        const hearth_status status = session_feed(s, ids + 20, 100, stops, &p, NULL);
        cancelled += status == HEARTH_E_CANCELLED;
        assert_true(status == HEARTH_OK || status == HEARTH_E_CANCELLED);
        const size_t length = session_length(s);
        assert_memory_equal(session_tokens(s), ids, length * sizeof *ids);
        if (after % 2 == 0) {
            OK(session_feed(s, ids + length, TEXT - length, NULL, NULL, error));
        } else {
            OK(session_feed_shared(s, ids, TEXT, NULL, NULL, NULL, error));
        }
        expect_logits(s, all, TEXT - 1);
        session_free(s);
    }
    assert_true(cancelled > 5 && cancelled < 13);
    free(all);
    model_close(m);
    engine_free(e);
}

/* forward_step says where it cannot go on; position 0 always works. */
static void positions_are_checked(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path(subjects[0]), COMPUTE_F32);
    int32_t ids[TEXT];
    make_text(m, ids, 2);
    float *all = all_logits(m, ids, 20, 512, -1);
    kv_cache cache = {0};
    forward *f = NULL;
    hearth_error refusal;
    OK(kv_cache_create(&m->config, CACHE_F32, 64, &cache, error));
    OK(forward_create(m, 32, &f, error));
    forward_segment s = {.cache = &cache, .position = 3, .count = 4, .ids = ids, .want = WANT_LAST};
    assert_int_equal(forward_step(f, &s, 1, &refusal), HEARTH_E_ARGUMENT); /* nothing was computed yet */
    for (int round = 0; round < 2; round++) {
        s = (forward_segment){.cache = &cache, .position = 0, .count = 10, .ids = ids, .want = WANT_LAST};
        OK(forward_step(f, &s, 1, error));
        assert_int_equal(kv_cache_reach(&cache, 10), 10);
        assert_int_equal(kv_cache_reach(&cache, 9), 0);
        assert_int_equal(kv_cache_reach(&cache, 12), 10);
        s.position = 9;
        assert_int_equal(forward_step(f, &s, 1, &refusal), HEARTH_E_ARGUMENT);
        assert_string_equal(refusal.place, "position");
        kv_cache_keep(&cache, 9); /* not where the states are */
        assert_int_equal(kv_cache_reach(&cache, 9), 0);
        kv_cache_keep(&cache, 10);
        const float *logits = NULL;
        for (int again = 0; again < 2; again++) { /* on, back to the checkpoint, and on once more */
            s = (forward_segment){.cache = &cache, .position = 10, .count = 10, .ids = ids + 10, .want = WANT_LAST};
            OK(forward_step(f, &s, 1, error));
            OK(forward_logits(f, 0, 1, &logits, error));
            assert_memory_equal(logits, all + 19 * (size_t)m->config.vocabulary, m->config.vocabulary * sizeof *all);
            assert_int_equal(kv_cache_reach(&cache, 19), 10);
        }
        cache.checkpoint_position = KV_CACHE_NOWHERE;
    }
    forward_free(f);
    kv_cache_free(&cache);
    free(all);
    model_close(m);
    engine_free(e);
}

/* Three sequences in one batch, prompts and single tokens mixed, against each alone. */
static void batches(void **state)
{
    (void)state;
    static const uint32_t steps[4][3] = {{5, 1, 9}, {1, 1, 1}, {3, 17, 1}, {1, 64, 2}};
    for (size_t subject = 0; subject < 2; subject++) {
        engine *e = make_engine(3, NULL);
        model *m = open_model(e, golden_path(subjects[subject]), COMPUTE_NATIVE);
        const size_t row = m->config.vocabulary * sizeof(float);
        int32_t ids[3][TEXT];
        float *alone[3];
        kv_cache caches[3];
        uint32_t at[3] = {0};
        forward *f = NULL;
        OK(forward_create(m, 128, &f, error));
        for (uint32_t i = 0; i < 3; i++) {
            make_text(m, ids[i], i + 1);
            alone[i] = all_logits(m, ids[i], 100, 512, -1);
            OK(kv_cache_create(&m->config, CACHE_F16, 100, &caches[i], error));
        }
        for (int step = 0; step < 4; step++) {
            forward_segment segments[3];
            const float *logits = NULL;
            for (int i = 0; i < 3; i++) {
                segments[i] = (forward_segment){.cache = &caches[i],
                                                .position = at[i],
                                                .count = steps[step][i],
                                                .ids = ids[i] + at[i],
                                                .want = WANT_LAST};
                at[i] += steps[step][i];
            }
            OK(forward_step(f, segments, 3, error));
            OK(forward_logits(f, 0, 3, &logits, error));
            for (int i = 0; i < 3; i++) {
                assert_memory_equal(logits + (size_t)i * m->config.vocabulary,
                                    alone[i] + (size_t)(at[i] - 1) * m->config.vocabulary, row);
            }
        }
        for (int i = 0; i < 3; i++) {
            free(alone[i]);
            kv_cache_free(&caches[i]);
        }
        forward_free(f);
        model_close(m);
        engine_free(e);
    }
}

/* A score's windows begin at position 0, one after the other in one cache. */
static void windows_of_a_score(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path(subjects[0]), COMPUTE_F32);
    const size_t n = m->config.vocabulary;
    int32_t ids[TEXT];
    make_text(m, ids, 4);
    score_result r = {0};
    const score_options options = {.window = 50, .stride = 20, .cache = -1, .chunk = 13};
    OK(score_tokens(m, ids, TEXT, 1, &options, &r, error));
    for (size_t begin = 20; begin + 50 <= TEXT; begin += 20) { /* the last target of each window from the second on */
        float *logits = all_logits(m, ids + begin, 50, 512, -1);
        const float *last = logits + 48 * n;
        const float largest = e->kernels->max(last, n);
        float row[64];
        assert_true(n <= 64);
        float sum = e->kernels->exp_sum(last, largest, n, row);
        e->kernels->log(&sum, 1, &sum);
        const float expected = last[ids[begin + 49]] - largest - sum;
        assert_memory_equal(&r.log_probabilities[begin + 49], &expected, sizeof expected);
        free(logits);
    }
    score_result_free(&r);
    model_close(m);
    engine_free(e);
}

/* ---- other spellings of files ---- */

static void hash_of(const char *path, compute how, char ret[HASH_HEX_SIZE])
{
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, how);
    int32_t ids[TEXT];
    make_text(m, ids, 6);
    float *logits = all_logits(m, ids, TEXT, 64, -1);
    OK(hash_bytes_hex(logits, TEXT * m->config.vocabulary * sizeof *logits, ret, error));
    free(logits);
    model_close(m);
    engine_free(e);
}

/* GGUF files of 2025: q, k, v and z in one, no list of layers, a layer behind the last one. */
static void older_files(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        char older[HASH_HEX_SIZE];
        char newer[HASH_HEX_SIZE];
        hash_of(golden_path("families/qwen3-next-older.gguf"), (compute)how, older);
        hash_of(golden_path("families/qwen3-next.gguf"), (compute)how, newer);
        assert_string_equal(older, newer);
    }
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void read_whole(const char *name, buffer *ret)
{
    char path[256];
    buffer_init(ret, 0);
    snprintf(path, sizeof path, "families/qwen3-next/%s", name);
    OK(file_read(golden_path(path), (size_t)1 << 24, ret, error));
}

/* The folder with a tensor that guesses further tokens, and a configuration as it was published first. */
static void write_published(const char *folder)
{
    buffer text;
    json_t *config = NULL;
    json_t *header = NULL;
    read_whole("config.json", &text);
    OK(json_door_parse(buffer_text(&text), text.length, "config.json", &config, error));
    json_object_del(config, "layer_types");
    json_object_del(config, "rope_parameters");
    json_object_set_new(config, "full_attention_interval", json_integer(4));
    json_object_set_new(config, "partial_rotary_factor", json_real(0.25));
    json_object_set_new(config, "rope_scaling", json_null());
    json_object_set_new(config, "rope_theta", json_integer(10000));
    char *made = json_dumps(config, 0);
    write_file(folder, "config.json", made, strlen(made));
    free(made);
    json_decref(config);
    buffer_free(&text);

    read_whole("model.safetensors", &text);
    uint64_t size = 0;
    memcpy(&size, buffer_text(&text), 8);
    OK(json_door_parse(buffer_text(&text) + 8, (size_t)size, "header", &header, error));
    const size_t data = text.length - 8 - (size_t)size;
    json_object_set_new(header, "mtp.layers.0.self_attn.k_norm.weight",
                        json_pack("{s:s, s:[i], s:[I, I]}", "dtype", "BF16", "shape", 16, "data_offsets",
                                  (json_int_t)data, (json_int_t)data + 32));
    made = json_dumps(header, JSON_COMPACT);
    const uint64_t length = strlen(made);
    const size_t whole = 8 + (size_t)length + data + 32;
    uint8_t *bytes = calloc(1, whole);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, made, (size_t)length);
    memcpy(bytes + 8 + length, buffer_text(&text) + 8 + size, data);
    write_file(folder, "model.safetensors", bytes, whole);
    free(bytes);
    free(made);
    json_decref(header);
    buffer_free(&text);
}

static void published_folders(void **state)
{
    (void)state;
    char folder[] = "/tmp/hearth-recurrent-XXXXXX";
    char path[64];
    char wanted[HASH_HEX_SIZE];
    char found[HASH_HEX_SIZE];
    assert_non_null(mkdtemp(folder));
    write_published(folder);
    hash_of(golden_path("families/qwen3-next"), COMPUTE_NATIVE, wanted);
    hash_of(folder, COMPUTE_NATIVE, found);
    assert_string_equal(found, wanted);
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_share_beginnings), cmocka_unit_test(other_conversations),
        cmocka_unit_test(rewound_anywhere),         cmocka_unit_test(cancelled_anywhere),
        cmocka_unit_test(positions_are_checked),    cmocka_unit_test(batches),
        cmocka_unit_test(windows_of_a_score),       cmocka_unit_test(older_files),
        cmocka_unit_test(published_folders),
    };
    return cmocka_run_group_tests_name("recurrent", tests, NULL, NULL);
}
