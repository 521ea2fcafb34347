/* libhearth through its public header alone, linked with the shared library. */
#include "hearth/hearth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[1024];
static char golden[1024];
static char encoder[1024];

/* A folder with a tiny model and `template`; `drop` takes it away. */
static void make_folder(char folder[32], const char *template)
{
    static const char *const names[] = {"config.json", "model.safetensors"};
    char from[1100], to[64];
    snprintf(folder, 32, "/tmp/hearth-library-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/%s", golden, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    snprintf(to, sizeof to, "%s/chat_template.jinja", folder);
    FILE *out = fopen(to, "w");
    assert_non_null(out);
    fputs(template, out);
    fclose(out);
}

static void drop_folder(const char *folder)
{
    static const char *const names[] = {"config.json", "model.safetensors", "chat_template.jinja", ""};
    char name[64];
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        assert_int_equal(remove(name), 0);
    }
}

/* The variables are those of transformers' apply_chat_template. */
static void chats_are_rendered(void **state)
{
    (void)state;
    char folder[32], text[64];
    hearth_error error = {0};
    hearth_engine *engine = NULL;
    hearth_model *model = NULL;
    size_t length = 0;
    make_folder(folder, "{% for m in messages %}<{{ m.role }}>{{ m.thinking }}|{{ m.content }}{% endfor %}"
                        "{% if tools is none and add_generation_prompt %}<assistant>{% endif %}");
    assert_int_equal(hearth_engine_create(NULL, &engine, &error), HEARTH_OK);
    assert_int_equal(hearth_model_open(engine, folder, NULL, &model, &error), HEARTH_OK);
    const char *asked = "[{\"role\":\"user\",\"content\":\"Hi\",\"reasoning_content\":\"hm\"}]";
    assert_int_equal(hearth_render_chat(model, asked, true, text, sizeof text, &length, &error), HEARTH_OK);
    assert_string_equal(text, "<user>hm|Hi<assistant>");
    assert_int_equal(hearth_render_chat(model, asked, false, text, 5, &length, &error), HEARTH_OK);
    assert_string_equal(text, "<use");
    assert_int_equal(length, strlen("<user>hm|Hi"));
    assert_int_equal(hearth_render_chat(model, "{}", true, text, sizeof text, &length, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(hearth_render_chat(model, "[1]", true, text, sizeof text, &length, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(hearth_render_chat(model, "[", true, text, sizeof text, &length, &error), HEARTH_E_FORMAT);
    hearth_model_close(model);
    hearth_engine_destroy(engine);
    drop_folder(folder);
}

static bool keep(void *context, const char *text, size_t length)
{
    char *out = context;
    strncat(out, text, length);
    return true;
}

static void whole_header(void **state)
{
    (void)state;
    hearth_error error = {0};
    hearth_engine *engine = NULL;
    hearth_model *model = NULL;
    hearth_session *session = NULL;
    int32_t ids[64];
    size_t count = 0;
    char text[512] = "";
    FILE *there = fopen(path, "rb");
    if (there == NULL) {
        print_message("no fixture stories260K\n");
        skip();
    }
    fclose(there);
    const hearth_engine_options two = {.threads = 2};
    const hearth_model_options f32 = {.compute = HEARTH_COMPUTE_F32};
    assert_int_equal(hearth_engine_create(&two, &engine, &error), HEARTH_OK);
    assert_int_equal(hearth_engine_threads(engine), 2);
    assert_non_null(hearth_engine_isa(engine));
    assert_true(hearth_numeric_contract() >= 1 && hearth_version()[0] != '\0');
    assert_int_equal(hearth_model_open(engine, path, &f32, &model, &error), HEARTH_OK);
    assert_int_equal(hearth_model_vocabulary(model), 512);
    assert_int_equal(hearth_model_context_length(model), 512);
    assert_string_equal(hearth_model_family(model), "Llama");

    const char *story = "Once upon a time, there was a little girl";
    assert_int_equal(hearth_tokenize(model, story, strlen(story), HEARTH_ADD_BOS, ids, 4, &count, &error), HEARTH_OK);
    assert_true(count > 4 && count < 64); /* more than there was room for */
    assert_int_equal(hearth_tokenize(model, story, strlen(story), HEARTH_ADD_BOS, ids, 64, &count, &error), HEARTH_OK);
    assert_int_equal(ids[0], 1);
    size_t length = 0;
    assert_int_equal(hearth_detokenize(model, ids + 1, count - 1, text, sizeof text, &length, &error), HEARTH_OK);
    assert_string_equal(text, story);
    assert_int_equal(hearth_detokenize(model, ids + 1, count - 1, text, 5, &length, &error), HEARTH_OK);
    assert_int_equal(length, strlen(story));
    assert_string_equal(text, "Once");
    assert_int_equal(hearth_render_chat(model, "[]", true, text, sizeof text, &length, &error), HEARTH_E_NOT_FOUND);

    hearth_session_options options = hearth_session_options_default();
    options.context_length = 100;
    options.sampling.temperature = 0;
    assert_int_equal(hearth_session_create(model, &options, &session, &error), HEARTH_OK);
    assert_null(hearth_session_logits(session));
    assert_int_equal(hearth_session_feed(session, ids, count, &error), HEARTH_OK);
    assert_non_null(hearth_session_logits(session));
    assert_int_equal(hearth_session_length(session), count);
    int32_t token = 0;
    assert_int_equal(hearth_session_sample(session, &token, &error), HEARTH_OK);
    assert_false(hearth_model_is_end(model, token));
    float scores[65];
    ids[count] = token;
    assert_int_equal(hearth_score(model, ids, count + 1, 0, scores, &error), HEARTH_OK);
    assert_true(scores[0] == 0 && scores[count] < 0 && scores[count] > -1);
    assert_int_equal(hearth_session_rewind(session, 0, &error), HEARTH_OK);
    assert_int_equal(hearth_session_rewind(session, 1, &error), HEARTH_E_ARGUMENT);
    text[0] = '\0';
    assert_int_equal(hearth_session_generate(session, story, strlen(story), 12, keep, text, &error), HEARTH_OK);
    assert_non_null(strstr(text, " named Lily."));
    hearth_session_destroy(session);

    const char *const stops[] = {"Lily"};
    options.stop_strings = stops;
    options.stop_count = 1;
    assert_int_equal(hearth_session_create(model, &options, &session, &error), HEARTH_OK);
    text[0] = '\0';
    assert_int_equal(hearth_session_generate(session, story, strlen(story), 30, keep, text, &error), HEARTH_OK);
    assert_string_equal(text, " named ");
    hearth_session_destroy(session);
    hearth_model_close(model);
    hearth_engine_destroy(engine);
}

/* Vectors of an encoder: those of sentence-transformers are in test_encoders.c; here the function around them. */
static void texts_are_embedded(void **state)
{
    (void)state;
    hearth_error error = {0};
    hearth_engine *engine = NULL;
    hearth_model *model = NULL;
    hearth_session *session = NULL;
    size_t n = 0;
    static const char *const texts[] = {"The cat sleeps.", "query: dog", "dog"};
    float vectors[3 * 32] = {7};
    float other[32];
    assert_int_equal(hearth_engine_create(NULL, &engine, &error), HEARTH_OK);
    assert_int_equal(hearth_model_open(engine, encoder, NULL, &model, &error), HEARTH_OK);
    assert_string_equal(hearth_model_family(model), "BERT");
    assert_int_equal(hearth_embed(model, texts, 3, NULL, vectors, 95, &n, &error), HEARTH_OK);
    assert_true(n == 32 && vectors[0] == 7); /* no room: nothing is written */
    assert_int_equal(hearth_embed(model, texts, 3, NULL, vectors, 96, &n, &error), HEARTH_OK);
    float length = 0;
    for (size_t i = 0; i < 32; i++) {
        length += vectors[i] * vectors[i];
    }
    assert_true(length > 0.9999f && length < 1.0001f);
    assert_int_equal(hearth_embed(model, texts + 1, 1, NULL, other, 32, &n, &error), HEARTH_OK);
    assert_memory_equal(other, vectors + 32, sizeof other); /* alone as among others */
    hearth_embed_options options = {.prompt = "query: "};
    assert_int_equal(hearth_embed(model, texts + 2, 1, &options, other, 32, &n, &error), HEARTH_OK);
    assert_memory_equal(other, vectors + 32, sizeof other);
    options = (hearth_embed_options){.pooling = HEARTH_POOLING_CLS, .normalize = HEARTH_NORMALIZE_NO, .dimensions = 5};
    assert_int_equal(hearth_embed(model, texts, 1, &options, other, 32, &n, &error), HEARTH_OK);
    assert_int_equal(n, 5);
    assert_memory_not_equal(other, vectors, 5 * sizeof *other);
    options.dimensions = 33;
    assert_int_equal(hearth_embed(model, texts, 1, &options, other, 32, &n, &error), HEARTH_E_ARGUMENT);
    options = (hearth_embed_options){.pooling = (hearth_pooling)9};
    assert_int_equal(hearth_embed(model, texts, 1, &options, other, 32, &n, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(hearth_session_create(model, NULL, &session, &error), HEARTH_E_UNSUPPORTED);
    hearth_model_close(model);
    hearth_engine_destroy(engine);
}

static void wrong_calls(void **state)
{
    (void)state;
    hearth_error error = {0};
    hearth_engine *engine = NULL;
    hearth_model *model = NULL;
    char line[512];
    const hearth_engine_options unknown = {.isa = "abacus"};
    const hearth_engine_options many = {.threads = 100000};
    assert_int_equal(hearth_engine_create(&unknown, &engine, &error), HEARTH_E_ARGUMENT);
    assert_non_null(strstr(hearth_error_line(&error, line, sizeof line), "abacus"));
    assert_int_equal(hearth_engine_create(&many, &engine, &error), HEARTH_E_ARGUMENT);
    assert_int_equal(hearth_engine_create(NULL, &engine, &error), HEARTH_OK);
    assert_int_equal(hearth_model_open(engine, "/nowhere/at/all.gguf", NULL, &model, &error), HEARTH_E_NOT_FOUND);
    assert_int_equal(hearth_model_open(NULL, "x", NULL, &model, &error), HEARTH_E_ARGUMENT);
    assert_null(model);
    hearth_engine_destroy(engine);
    hearth_engine_destroy(NULL);
    hearth_model_close(NULL);
    hearth_session_destroy(NULL);
}

int main(void)
{
    const char *fixtures = getenv("HEARTH_FIXTURES");
    const char *source = getenv("HEARTH_SOURCE");
    if (fixtures != NULL && fixtures[0] != '\0') {
        snprintf(path, sizeof path, "%s/stories260K/stories260K-f32.gguf", fixtures);
    } else {
        snprintf(path, sizeof path, "%s/../shared/fixtures/stories260K/stories260K-f32.gguf",
                 source == NULL ? "." : source);
    }
    snprintf(golden, sizeof golden, "%s/tests/model/golden/llama-gqa", source == NULL ? "." : source);
    snprintf(encoder, sizeof encoder, "%s/tests/model/golden/encoders/bert", source == NULL ? "." : source);
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_header), cmocka_unit_test(chats_are_rendered),
                                       cmocka_unit_test(texts_are_embedded), cmocka_unit_test(wrong_calls)};
    return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
