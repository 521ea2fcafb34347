/* What only some of a family's models have: GGUF has a key for it, and it is kept, or has none, and it is refused. */
#include "convert_support.h"

#include "convert/quantize.h"
#include "formats/hf.h"
#include "kernels/kernels.h"
#include "platform/file_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A folder as FAMILY's with `from` in its config.json replaced. */
static const char *folder_with(const char *family, const char *from, const char *to)
{
    char command[1200];
    char path[256];
    char config[600];
    buffer text;
    buffer changed;
    snprintf(path, sizeof path, "families/%s", family);
    forget("changed");
    snprintf(command, sizeof command, "cp -r '%s' '%s'", golden_path(path), scratch_path("changed"));
    assert_int_equal(system(command), 0);
    snprintf(config, sizeof config, "%s/config.json", scratch_path("changed"));
    buffer_init(&text, 0);
    buffer_init(&changed, 0);
    OK(file_read(config, 1 << 20, &text, error));
    const char *all = buffer_text(&text);
    const char *at = strstr(all, from);
    if (at == NULL) {
        fail_msg("%s: config.json has no %s", family, from);
        return NULL;
    }
    OK(buffer_printf(&changed, error, "%.*s%s%s", (int)(at - all), all, to, at + strlen(from)));
    OK(file_replace(config, changed.data, changed.length, error));
    buffer_free(&text);
    buffer_free(&changed);
    return scratch_path("changed");
}

/* What GGUF has no key for is refused by name; nothing of it is lost without a word. */
static void check_not_lost(void **state)
{
    static const struct {
        const char *family, *from, *to, *word;
    } rows[] = {
        {"qwen3-next", "\"norm_topk_prob\": true", "\"norm_topk_prob\": false", "normalised expert weights"},
        {"llama4-wide", "\"attention_chunk_size\": 8192", "\"attention_chunk_size\": 4096", "attention chunk"},
        {"llama4-wide", "\"floor_scale\": 8192", "\"floor_scale\": 4096", "length of attention's temperature"},
        {"llama4-wide", "\"attn_scale\": 0.1", "\"attn_scale\": 0.2", "attention temperature"},
        {"llama4-wide", "\"attn_temperature_tuning\": true", "\"attn_temperature_tuning\": false",
         "attention temperature"},
        {"llama4-wide", "\"use_qk_norm\": true", "\"use_qk_norm\": false", "norms of queries and keys"},
        {"llama4-wide", "\"chunked_attention\"", "\"full_attention\"", "layers with chunks"},
        {"llama4-wide", "    1,\n    1,\n    1,\n    0", "    1,\n    0,\n    1,\n    0", "layers without RoPE"},
        {"granite4", "\"position_embedding_type\": \"rope\"", "\"position_embedding_type\": \"nope\"",
         "layers without RoPE"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hearth_error problem = {0};
        forget("lost.gguf");
        const char *folder = folder_with(rows[i].family, rows[i].from, rows[i].to);
        assert_int_equal(convert(folder, "lost.gguf", DTYPE_LIMIT, &problem), HEARTH_E_UNSUPPORTED);
        if (strcmp(problem.place, rows[i].word) != 0) {
            fail_msg("%s with %s: refused for %s", rows[i].family, rows[i].to, problem.place);
        }
        assert_false(file_exists(scratch_path("lost.gguf")));
    }
}

static void there_and_back(const char *folder, const char *what)
{
    char hash[HASH_HEX_SIZE];
    forget("there.gguf");
    forget("back");
    logits_hash(folder, hash);
    OK(convert(folder, "there.gguf", DTYPE_LIMIT, error));
    same_logits(hash, scratch_path("there.gguf"), what);
    OK(convert(scratch_path("there.gguf"), "back", DTYPE_LIMIT, error));
    same_logits(hash, scratch_path("back"), what);
}

/* And what it has a key for is kept. */
static void check_kept(void **state)
{
    (void)state;
    there_and_back(folder_with("ministral3", "\"rope_type\": \"yarn\"", "\"rope_type\": \"default\""),
                   "a temperature without YaRN");
    there_and_back(folder_with("ministral3", "\"mscale_all_dim\": 1.0", "\"mscale_all_dim\": 0.5"),
                   "YaRN with a scale for all dimensions");
    there_and_back(folder_with("ministral3", "\"mscale\": 1.0", "\"mscale\": 0.7"), "YaRN with another scale");
    there_and_back(folder_with("llama4-wide", "\"original_max_position_embeddings\": 64",
                               "\"original_max_position_embeddings\": 16"),
                   "another step of RoPE's factors");
}

/* Qwen3-Next: files of 2025 with q, k, v and z in one; quantised ones whose q, k, v and z are in two formats. */
static void check_delta_files(void **state)
{
    const quantize_override gate = {"*attn_gate*", DTYPE_Q8_0};
    engine *e = make_engine(1, NULL);
    const quantize_options o = {.kernels = e->kernels, .pool = e->pool, .overrides = &gate, .override_count = 1};
    hf_folder *expected = NULL;
    hf_folder *found = NULL;
    quantize_result result = {0};
    char hash[HASH_HEX_SIZE];
    int kind = 0;
    (void)state;
    forget("older");
    OK(convert(golden_path("families/qwen3-next-older.gguf"), "older", DTYPE_LIMIT, error));
    OK(hf_open(golden_path("families/qwen3-next"), true, &expected, error));
    OK(hf_open(scratch_path("older"), true, &found, error));
    same_tensors(&expected->tensors, &found->tensors, "a file of 2025");
    hf_close(expected);
    hf_close(found);

    while (strcmp(quantize_names[kind], "q4_0") != 0) {
        kind++;
    }
    forget("few.gguf");
    forget("few");
    char path[512];
    snprintf(path, sizeof path, "%s", golden_path("families/qwen3-next.gguf"));
    OK(quantize_model(path, kind, scratch_path("few.gguf"), &o, &result, error));
    quantize_result_free(&result);
    engine_free(e);
    OK(convert(scratch_path("few.gguf"), "few", DTYPE_LIMIT, error));
    logits_hash(scratch_path("few.gguf"), hash);
    same_logits(hash, scratch_path("few"), "q, k, v and z in two formats");
}

/* A rate's A_log gives it, or gives its neighbour; a rate that is -exp of nothing has none. */
static float places_behind(float value, uint32_t places)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    bits += places;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static void check_rates(void **state)
{
    /* numbers around 8.3 give rates 15 last places apart: one of these is not missed by more than a place, one is */
    const float made = (float)-math64_exp((double)8.3f);
    const float bad[] = {0.0f, 1.0f, -__builtin_inff(), places_behind(made, 7)};
    const float good[] = {made, places_behind(made, 1)};
    buffer bytes;
    gguf_file *file = NULL;
    (void)state;
    OK(gguf_open(golden_path("families/qwen3-next.gguf"), &file, error));
    const tensor_entry *e = tensor_table_find(gguf_tensors(file), "blk.0.ssm_a");
    assert_non_null(e);
    uint8_t values[4 * sizeof(float)];
    assert_int_equal(e->size_bytes, sizeof values);
    memcpy(values, e->data, sizeof values);
    gguf_close(file);
    buffer_init(&bytes, 0);
    OK(file_read(golden_path("families/qwen3-next.gguf"), 1 << 26, &bytes, error));
    char *at = NULL;
    for (size_t i = 0; i + sizeof values <= bytes.length && at == NULL; i += 4) {
        at = memcmp(bytes.data + i, values, sizeof values) == 0 ? bytes.data + i : NULL;
    }
    assert_non_null(at);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        hf_folder *folder = NULL;
        float found = 0;
        memcpy(at, &good[i], sizeof good[i]);
        forget("rate");
        OK(file_replace(scratch_path("rate.gguf"), bytes.data, bytes.length, error));
        OK(convert(scratch_path("rate.gguf"), "rate", DTYPE_LIMIT, error));
        OK(hf_open(scratch_path("rate"), true, &folder, error));
        e = tensor_table_find(&folder->tensors, "model.layers.0.linear_attn.A_log");
        assert_true(e != NULL && e->type == DTYPE_F32 && e->size_bytes == sizeof values);
        memcpy(&found, e->data, sizeof found);
        assert_true(found == 8.3f);
        hf_close(folder);
    }
    forget("rate");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hearth_error problem = {0};
        memcpy(at, &bad[i], sizeof bad[i]);
        OK(file_replace(scratch_path("rate.gguf"), bytes.data, bytes.length, error));
        assert_int_equal(convert(scratch_path("rate.gguf"), "rate", DTYPE_LIMIT, &problem), HEARTH_E_UNSUPPORTED);
        assert_string_equal(problem.place, "tensor blk.0.ssm_a");
        assert_false(file_exists(scratch_path("rate")));
    }
    buffer_free(&bytes);
}

/* What transformers ends answers by and computes in. */
static void check_identity(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("%s is not here\n", "stories260K");
    }
    for (int narrow = 0; narrow < 2; narrow++) {
        char config[256];
        forget("back");
        OK(convert(path, "back", narrow ? DTYPE_F16 : DTYPE_LIMIT, error));
        snprintf(config, sizeof config, "%s/config.json", scratch_path("back"));
        json_t *found = read_json(config);
        assert_int_equal(json_integer_value(json_object_get(found, "bos_token_id")), 1);
        assert_int_equal(json_integer_value(json_object_get(found, "eos_token_id")), 2);
        assert_string_equal(json_string_value(json_object_get(found, "torch_dtype")), narrow ? "float16" : "float32");
        json_decref(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"ends and number format of a folder", check_identity, NULL, NULL, NULL},
        {"nothing is lost without a word", check_not_lost, NULL, NULL, NULL},
        {"settings that GGUF has keys for", check_kept, NULL, NULL, NULL},
        {"other files of Qwen3-Next", check_delta_files, NULL, NULL, NULL},
        {"rates and their A_log", check_rates, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("convert settings", tests, scratch_begin, scratch_end);
}
