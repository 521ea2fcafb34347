/* Encoders against transformers and sentence-transformers (tests/model/make_encoders.py), in both containers: hidden
 * states and vectors to 2e-4 in --compute f32, token ids exactly. The same bits over batches, threads and instruction
 * sets, in both computations (the hashes are printed for aarch64.py). all-MiniLM-L6-v2 (scripts/fetch-embedding-model)
 * where it is there. */
#include "support.h"

#include "base/hash.h"
#include "base/memory.h"
#include "generate/embed.h"
#include "kernels/kernels.h"
#include "model/forward.h"
#include "model/load_tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 2e-4
#define MOST_TEXTS 16u

static const char *const names[] = {"bert", "roberta", "nomic-bert"};
#define NAMES (sizeof names / sizeof names[0])
/* Folders alone: an encoder with a Unigram tokenizer, and models that write text, their last token's state the vector.
 */
static const char *const folders[] = {"xlm-roberta", "qwen3-embedding", "e5-mistral"};
#define FOLDERS (sizeof folders / sizeof folders[0])

static const char *path_of(const char *name, const char *tail)
{
    char path[256];
    snprintf(path, sizeof path, "encoders/%s%s", name, tail);
    return golden_path(path);
}

static double furthest(const float *ours, const json_t *expected, double worst)
{
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const double off = fabs((double)ours[i] - json_number_value(json_array_get(expected, i)));
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst;
}

/* ---- hidden states of ids ---- */

/* All rows of the golden file in one step: [tokens, width]. */
static float *hidden_states(model *m, const json_t *rows, size_t first, size_t count, size_t *ret_tokens)
{
    kv_cache caches[4] = {0};
    forward_segment segments[4] = {0};
    forward *f = NULL;
    size_t tokens = 0;
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        int32_t *ids = json_ids(json_object_get(json_array_get(rows, first + i), "ids"), &n);
        OK(kv_cache_create(&m->config, CACHE_F32, n, &caches[i], error));
        segments[i] = (forward_segment){.cache = &caches[i], .count = (uint32_t)n, .ids = ids, .want = WANT_ALL};
        tokens += n;
    }
    OK(forward_create(m, tokens, &f, error));
    OK(forward_step(f, segments, count, error));
    assert_int_equal(forward_rows(f), tokens);
    float *out = calloc(tokens * m->config.width, sizeof *out);
    assert_non_null(out);
    for (size_t t = 0; t < tokens; t++) {
        forward_hidden(f, t, out + t * m->config.width);
    }
    const float *logits = NULL;
    assert_int_equal(forward_logits(f, 0, 1, &logits, NULL), HEARTH_E_UNSUPPORTED);
    segments[0].position = 1;
    segments[0].count = 1;
    assert_int_equal(forward_step(f, segments, 1, NULL), HEARTH_E_ARGUMENT); /* an encoder takes a text whole */
    forward_free(f);
    for (size_t i = 0; i < count; i++) {
        kv_cache_free(&caches[i]);
        free((void *)(uintptr_t)segments[i].ids);
    }
    *ret_tokens = tokens;
    return out;
}

static void hidden_states_are_transformers(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * NAMES; i++) {
        const char *name = names[i / 2];
        json_t *golden = read_json(path_of(name, "/golden.json"));
        const json_t *rows = json_object_get(golden, "rows");
        engine *e = make_engine(2, NULL);
        model *m = open_model(e, path_of(name, i % 2 == 1 ? ".gguf" : ""), COMPUTE_F32);
        size_t tokens = 0;
        float *hidden = hidden_states(m, rows, 0, json_array_size(rows), &tokens);
        double worst = 0;
        size_t row = 0;
        for (size_t r = 0; r < json_array_size(rows); r++) {
            const json_t *one = json_array_get(rows, r);
            const json_t *at = json_object_get(one, "positions");
            assert_true(json_array_size(at) >= 4);
            for (size_t p = 0; p < json_array_size(at); p++) {
                const size_t position = (size_t)json_integer_value(json_array_get(at, p));
                const json_t *expected = json_array_get(json_object_get(one, "hidden"), p);
                assert_int_equal(json_array_size(expected), m->config.width);
                worst = furthest(hidden + (row + position) * m->config.width, expected, worst);
            }
            row += json_array_size(json_object_get(one, "ids"));
        }
        print_message("# | %s | %s | %s | %.1e |\n", m->config.family->name, name, i % 2 == 1 ? "GGUF" : "folder",
                      worst);
        free(hidden);
        model_close(m);
        engine_free(e);
        json_decref(golden);
        if (!(worst <= TOLERANCE)) {
            fail_msg("%s: hidden states differ by %g", name, worst);
        }
    }
}

static void states_hash(engine *e, const char *path, compute how, const json_t *rows, bool apart,
                        char ret[HASH_HEX_SIZE])
{
    model *m = open_model(e, path, how);
    buffer all;
    buffer_init(&all, 0);
    const size_t count = json_array_size(rows);
    for (size_t i = 0; i < (apart ? count : 1); i++) {
        size_t tokens = 0;
        float *hidden = hidden_states(m, rows, i, apart ? 1 : count, &tokens);
        OK(buffer_append(&all, hidden, tokens * m->config.width * sizeof *hidden, error));
        free(hidden);
    }
    OK(hash_bytes_hex(all.data, all.length, ret, error));
    buffer_free(&all);
    model_close(m);
}

/* Folder and GGUF, texts together and apart, threads, instruction sets. */
static void one_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * NAMES; i++) {
        const char *name = names[i / 2];
        json_t *golden = read_json(path_of(name, "/golden.json"));
        const json_t *rows = json_object_get(golden, "rows");
        const kernel_table *variants[8];
        const size_t count = kernels_variants(engine_cpu(), variants);
        char first[HASH_HEX_SIZE] = "";
        for (size_t v = 0; v < 2 * count; v++) {
            engine *e = make_engine(1 + (int)v % 3, variants[v / 2]->name);
            char hash[HASH_HEX_SIZE];
            states_hash(e, path_of(name, v % 2 == 1 ? ".gguf" : ""), (compute)(i % 2), rows, v % 3 == 1, hash);
            if (v == 0) {
                memcpy(first, hash, sizeof first);
            }
            assert_string_equal(first, hash);
            engine_free(e);
        }
        print_message("# hash encoders/%s %s %s\n", name, i % 2 == 0 ? "native" : "f32", first);
        json_decref(golden);
    }
}

/* ---- texts ---- */

static size_t read_texts(const json_t *list, embed_text *ret)
{
    const size_t count = json_array_size(list);
    assert_true(count > 0 && count <= MOST_TEXTS);
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(list, i);
        ret[i] = (embed_text){json_string_value(text), json_string_length(text)};
    }
    return count;
}

static void expect_ids(const tokenizer *t, const json_t *texts, const json_t *ids, const char *where)
{
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_array_get(texts, i);
        token_list list = {0};
        size_t count = 0;
        int32_t *expected = json_ids(json_array_get(ids, i), &count);
        OK(tokenizer_encode(t, json_string_value(text), json_string_length(text), ENCODE_ADD_BOS | ENCODE_PARSE_SPECIAL,
                            &list, error));
        if (list.count != count || memcmp(list.ids, expected, count * sizeof *expected) != 0) {
            fail_msg("%s: other ids for text %zu", where, i);
        }
        token_list_free(&list);
        free(expected);
    }
}

static void ids_are_those_of_tokenizers(void **state)
{
    (void)state;
    json_t *golden = read_json(path_of("bert", "/golden.json"));
    const json_t *texts = json_object_get(json_object_get(golden, "texts"), "texts");
    const json_t *ids = json_object_get(json_object_get(golden, "texts"), "ids");
    engine *e = make_engine(1, NULL);
    model *folder = open_model(e, path_of("bert", ""), COMPUTE_F32);
    model *gguf = open_model(e, path_of("bert", ".gguf"), COMPUTE_F32);
    expect_ids(folder->tokenizer, texts, ids, "tokenizer.json");
    expect_ids(gguf->tokenizer, texts, ids, "GGUF");
    char vocabulary[300];
    snprintf(vocabulary, sizeof vocabulary, "%s", path_of("bert", "/vocab.txt"));
    hf_folder other = *folder->hf;
    tokenizer *t = NULL;
    other.tokenizer_path = vocabulary;
    OK(load_tokenizer_hf(&other, &t, error));
    expect_ids(t, texts, ids, "vocab.txt");
    tokenizer_free(t);
    model_close(folder);
    model_close(gguf);
    engine_free(e);
    json_decref(golden);
}

static void check_vectors(model *m, const json_t *texts, const json_t *row, const char *container)
{
    embed_text list[MOST_TEXTS];
    const size_t count = read_texts(texts, list);
    const char *pooling = json_string_value(json_object_get(row, "pooling"));
    const size_t n = (size_t)json_integer_value(json_object_get(row, "dimensions"));
    const embed_options how = {.pooling = strcmp(pooling, "mean") == 0  ? POOLING_MEAN
                                          : strcmp(pooling, "cls") == 0 ? POOLING_CLS
                                                                        : POOLING_LAST,
                               .normalize = json_is_true(json_object_get(row, "normalize")),
                               .dimensions = n,
                               .most_tokens = 24,
                               .batch = 30};
    embedder *e = NULL;
    embed_counts counts = {0};
    OK(embedder_create(m, &how, &e, error));
    assert_int_equal(embedder_dimensions(e), n);
    float *vectors = calloc(count * n, sizeof *vectors);
    assert_non_null(vectors);
    OK(embedder_run(e, json_string_value(json_object_get(row, "prompt")), list, count, vectors, &counts, NULL, NULL,
                    error));
    assert_int_equal(counts.cut, 1);
    double worst = 0;
    const json_t *expected = json_object_get(row, "vectors");
    assert_int_equal(json_array_size(expected), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(json_array_size(json_array_get(expected, i)), n);
        worst = furthest(vectors + i * n, json_array_get(expected, i), worst);
    }
    free(vectors);
    embedder_free(e);
    if (!(worst <= TOLERANCE)) {
        fail_msg("%s, %s: vectors differ by %g", container, pooling, worst);
    }
}

static void vectors_are_those_of_sentence_transformers(void **state)
{
    (void)state;
    json_t *golden = read_json(path_of("bert", "/golden.json"));
    const json_t *texts = json_object_get(golden, "texts");
    const json_t *made = json_object_get(texts, "made");
    engine *e = make_engine(2, NULL);
    assert_int_equal(json_array_size(made), 13);
    for (int kind = 0; kind < 2; kind++) {
        model *m = open_model(e, path_of("bert", kind == 1 ? ".gguf" : ""), COMPUTE_F32);
        for (size_t i = 0; i < json_array_size(made); i++) {
            check_vectors(m, json_object_get(texts, "texts"), json_array_get(made, i), kind == 1 ? "GGUF" : "folder");
        }
        model_close(m);
    }
    engine_free(e);
    json_decref(golden);
}

/* Ids and vectors of the folders' own texts, and what their files say about pooling. */
static void folders_with_unigram(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    for (size_t k = 0; k < FOLDERS; k++) {
        json_t *golden = read_json(path_of(folders[k], "/golden.json"));
        const json_t *texts = json_object_get(golden, "texts");
        const json_t *made = json_object_get(texts, "made");
        model *m = open_model(e, path_of(folders[k], ""), COMPUTE_F32);
        embedding_config c = {0};
        OK(embedding_config_read(m, &c, error));
        assert_true(c.pooling == (k == 0 ? POOLING_CLS : POOLING_LAST) && c.normalize && c.most_tokens == 24);
        assert_string_equal(json_string_value(json_object_get(c.prompts, "query")), "query: ");
        embedding_config_free(&c);
        expect_ids(m->tokenizer, json_object_get(texts, "texts"), json_object_get(texts, "ids"), folders[k]);
        assert_int_equal(json_array_size(made), 13);
        for (size_t i = 0; i < json_array_size(made); i++) {
            check_vectors(m, json_object_get(texts, "texts"), json_array_get(made, i), folders[k]);
        }
        model_close(m);
        json_decref(golden);
    }
    engine_free(e);
}

static void files_say_how(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    model *folder = open_model(e, path_of("bert", ""), COMPUTE_F32);
    model *gguf = open_model(e, path_of("bert", ".gguf"), COMPUTE_F32);
    embedding_config c = {0};
    OK(embedding_config_read(folder, &c, error));
    assert_true(c.pooling == POOLING_MEAN && c.normalize && c.most_tokens == 24 && c.prompt == NULL);
    assert_string_equal(json_string_value(json_object_get(c.prompts, "query")), "query: ");
    embedding_config_free(&c);
    OK(embedding_config_read(gguf, &c, error));
    assert_true(c.pooling == POOLING_MEAN && c.normalize && c.most_tokens == 128 && c.prompts == NULL);
    embedding_config_free(&c);
    session *s = NULL;
    hearth_error error = {0};
    assert_int_equal(session_create(folder, NULL, &s, &error), HEARTH_E_UNSUPPORTED);
    assert_non_null(strstr(error.found, "hearth embed"));
    model_close(folder);
    model_close(gguf);
    engine_free(e);
}

/* ---- the same vector alone, among others, in pieces; of decoders too ---- */

static void vectors_of(model *m, int pooling, size_t batch, const embed_text *texts, size_t count, float *ret)
{
    const embed_options how = {.pooling = pooling, .normalize = 1, .batch = batch};
    embedder *e = NULL;
    OK(embedder_create(m, &how, &e, error));
    OK(embedder_run(e, NULL, texts, count, ret, NULL, NULL, NULL, error));
    embedder_free(e);
}

static void batches_change_nothing_in(const char *path, engine *e)
{
    static const embed_text texts[] = {{"Once upon a time", 16},
                                       {"the cat sleeps, the dog", 23},
                                       {"a", 1},
                                       {"there was a little girl who liked to play outside in the sun", 60}};
    for (int how = 0; how < 2; how++) {
        model *m = open_model(e, path, (compute)how);
        const size_t n = m->config.width;
        float *whole = calloc(8 * n, sizeof *whole);
        assert_non_null(whole);
        for (int pooling = 0; pooling < (int)POOLING_KINDS; pooling++) {
            vectors_of(m, pooling, 0, texts, 4, whole);
            vectors_of(m, pooling, 3, texts, 4, whole + 4 * n);
            assert_memory_equal(whole, whole + 4 * n, 4 * n * sizeof *whole);
            for (size_t i = 0; i < 4; i++) {
                vectors_of(m, pooling, 0, texts + i, 1, whole + 4 * n);
                assert_memory_equal(whole + i * n, whole + 4 * n, n * sizeof *whole);
            }
        }
        free(whole);
        model_close(m);
    }
}

static void batches_change_nothing(void **state)
{
    (void)state;
    engine *e = make_engine(3, NULL);
    batches_change_nothing_in(path_of("bert", ""), e);
    if (file_exists(fixture_path("stories260K/stories260K-f32.gguf"))) { /* a decoder */
        batches_change_nothing_in(fixture_path("stories260K/stories260K-f32.gguf"), e);
    }
    engine_free(e);
}

/* A decoder's last hidden state times the output matrix is its logits: the state is the one behind the last norm. */
static void decoders_give_the_state_after_the_norm(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("no fixture stories260K\n");
    }
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    const embed_text text = {"Once upon a time, there was", 27};
    const embed_options how = {.pooling = -1, .normalize = 0};
    const size_t n = m->config.width;
    float *vector = calloc(n, sizeof *vector);
    float *row = calloc(n, sizeof *row);
    void *scratch = mem_alloc_aligned(ATTENTION_SCRATCH_BYTES, 64);
    embedder *made = NULL;
    token_list list = {0};
    OK(embedder_create(m, &how, &made, error));
    assert_int_equal(embedder_config(made)->pooling, POOLING_LAST);
    OK(embedder_run(made, NULL, &text, 1, vector, NULL, NULL, NULL, error));
    OK(tokenizer_encode(m->tokenizer, text.text, text.length, ENCODE_ADD_BOS | ENCODE_PARSE_SPECIAL, &list, error));
    float *logits = all_logits(m, list.ids, list.count, 64, -1);
    for (size_t id = 0; id < m->config.vocabulary; id += 37) {
        double sum = 0;
        matrix_row(e->kernels, &m->weights.output, id, row, scratch);
        for (size_t i = 0; i < n; i++) {
            sum += (double)row[i] * (double)vector[i];
        }
        assert_true(fabs(sum - (double)logits[(list.count - 1) * m->config.vocabulary + id]) < 1e-3);
    }
    free(logits);
    free(vector);
    free(row);
    mem_free(scratch);
    token_list_free(&list);
    embedder_free(made);
    model_close(m);
    engine_free(e);
}

/* ---- a real model ---- */

static void minilm(void **state)
{
    (void)state;
    if (!file_exists(minilm_path())) {
        SKIP("all-MiniLM-L6-v2 is not here (HEARTH_MINILM)\n");
    }
    json_t *golden = read_json(golden_path("minilm.json"));
    const json_t *texts = json_object_get(golden, "texts");
    const json_t *expected = json_object_get(golden, "vectors");
    const size_t count = json_array_size(texts);
    engine *e = make_engine(0, NULL);
    for (int how = 0; how < 2; how++) {
        model *m = open_model(e, minilm_path(), (compute)how);
        embedder *made = NULL;
        embed_text list[MOST_TEXTS];
        assert_int_equal(read_texts(texts, list), count);
        OK(embedder_create(m, NULL, &made, error));
        float *vectors = calloc(count * m->config.width, sizeof *vectors);
        assert_non_null(vectors);
        OK(embedder_run(made, NULL, list, count, vectors, NULL, NULL, NULL, error));
        double worst = 0;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(json_array_size(json_array_get(expected, i)), m->config.width);
            worst = furthest(vectors + i * m->config.width, json_array_get(expected, i), worst);
        }
        print_message("# all-MiniLM-L6-v2, %s: %.1e\n", how == 0 ? "native" : "f32", worst);
        assert_true(worst <= 1e-5);
        free(vectors);
        embedder_free(made);
        model_close(m);
    }
    engine_free(e);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_states_are_transformers),
        cmocka_unit_test(one_result),
        cmocka_unit_test(ids_are_those_of_tokenizers),
        cmocka_unit_test(vectors_are_those_of_sentence_transformers),
        cmocka_unit_test(folders_with_unigram),
        cmocka_unit_test(files_say_how),
        cmocka_unit_test(batches_change_nothing),
        cmocka_unit_test(decoders_give_the_state_after_the_norm),
        cmocka_unit_test(minilm),
    };
    return cmocka_run_group_tests_name("encoders", tests, NULL, NULL);
}
