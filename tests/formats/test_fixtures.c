/* formats/ over real files: the fixtures' GGUF files, safetensors and folders; skipped where they are absent. */
#include "formats/gguf.h"
#include "formats/hf.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The fixture's path in a static buffer; skips the test where it is absent. */
static const char *fixture(const char *name)
{
    static char path[1024];
    const char *folder = getenv("HEARTH_FIXTURES");
    const char *source = getenv("HEARTH_SOURCE");
    if (folder != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
    } else {
        snprintf(path, sizeof path, "%s/../shared/fixtures/%s", source != NULL ? source : ".", name);
    }
    if (!file_exists(path)) {
        print_message("fixture not found: %s skipped\n", name);
        skip();
    }
    return path;
}

static void stories_gguf_reads(void **state)
{
    (void)state;
    gguf_file *file = NULL;
    assert_int_equal(gguf_open(fixture("stories260K/stories260K-f32.gguf"), &file, NULL), HEARTH_OK);
    assert_int_equal(gguf_version(file), 3);
    assert_int_equal(gguf_metadata_count(file), 20);
    assert_int_equal(gguf_tensors(file)->count, 47);
    uint64_t number = 0;
    assert_int_equal(gguf_get_u64(file, "llama.feed_forward_length", &number, NULL), HEARTH_OK);
    assert_int_equal(number, 172);
    gguf_string text;
    assert_int_equal(gguf_get_string(file, "general.architecture", &text, NULL), HEARTH_OK);
    assert_int_equal(text.length, 5);
    assert_memory_equal(text.text, "llama", 5);
    gguf_type type = GGUF_U8;
    int64_t index = -1;
    assert_int_equal(gguf_get_array(file, "tokenizer.ggml.tokens", &type, &number, &index, NULL), HEARTH_OK);
    assert_int_equal(number, 512);
    text = gguf_array_string(file, index, 2);
    assert_int_equal(text.length, 4);
    assert_memory_equal(text.text, "</s>", 4);
    const tensor_entry *down = tensor_table_find(gguf_tensors(file), "blk.0.ffn_down.weight");
    assert_non_null(down);
    assert_int_equal(down->dims, 2);
    assert_int_equal(down->shape[0], 64);
    assert_int_equal(down->shape[1], 172);
    assert_int_equal(down->size_bytes, 64 * 172 * 4);
    assert_null(tensor_table_find(gguf_tensors(file), "blk.0.ffn_down.weigh"));
    gguf_close(file);
}

/* The same weights in both containers: same bytes (Q and K are permuted in GGUF; the others are not). */
static void safetensors_and_gguf_hold_the_same_bytes(void **state)
{
    (void)state;
    gguf_file *file = NULL;
    hf_folder *folder = NULL;
    assert_int_equal(gguf_open(fixture("stories260K/stories260K-f32.gguf"), &file, NULL), HEARTH_OK);
    assert_int_equal(hf_open(fixture("stories260K"), true, &folder, NULL), HEARTH_OK);
    for (int layer = 0; layer < 5; layer++) {
        char left[64];
        char right[64];
        snprintf(left, sizeof left, "blk.%d.ffn_down.weight", layer);
        snprintf(right, sizeof right, "model.layers.%d.mlp.down_proj.weight", layer);
        const tensor_entry *a = tensor_table_find(gguf_tensors(file), left);
        const tensor_entry *b = tensor_table_find(&folder->tensors, right);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal(a->dims, b->dims);
        assert_memory_equal(a->shape, b->shape, sizeof(uint64_t) * a->dims);
        assert_int_equal(a->size_bytes, b->size_bytes);
        assert_memory_equal(a->data, b->data, a->size_bytes);
    }
    hf_close(folder);
    gguf_close(file);
}

static void tinystories_folder_reads(void **state)
{
    (void)state;
    hf_folder *folder = NULL;
    assert_int_equal(hf_open(fixture("tinystories-656k"), true, &folder, NULL), HEARTH_OK);
    assert_int_equal(json_integer_value(json_object_get(folder->config, "num_hidden_layers")), 2);
    assert_non_null(folder->tokenizer_config);
    assert_non_null(folder->generation_config);
    assert_non_null(folder->special_tokens_map);
    assert_non_null(strstr(folder->tokenizer_path, "/tokenizer.json"));
    const tensor_entry *embedding = tensor_table_find(&folder->tensors, "model.embed_tokens.weight");
    assert_non_null(embedding);
    assert_int_equal(embedding->type, DTYPE_BF16);
    assert_int_equal(embedding->shape[0], 2048);
    assert_int_equal(embedding->shape[1], 128);
    hf_close(folder);
    assert_int_equal(hf_open(fixture("tinystories-656k"), false, &folder, NULL), HEARTH_OK);
    assert_int_equal(folder->tensors.count, 0);
    hf_close(folder);
}

static void vocabulary_files_have_no_tensors(void **state)
{
    (void)state;
    static const char *const names[] = {"deepseek-coder", "deepseek-llm", "falcon",   "gpt-2",
                                        "llama-spm",      "phi-3",        "starcoder"};
    static const uint64_t tokens[] = {32256, 102400, 65024, 50257, 32000, 32064, 49152};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[128];
        gguf_file *file = NULL;
        gguf_type type = GGUF_U8;
        uint64_t count = 0;
        int64_t index = -1;
        snprintf(name, sizeof name, "tokenizers/llama.cpp/ggml-vocab-%s.gguf", names[i]);
        assert_int_equal(gguf_open(fixture(name), &file, NULL), HEARTH_OK);
        assert_int_equal(gguf_tensors(file)->count, 0);
        assert_int_equal(gguf_get_array(file, "tokenizer.ggml.tokens", &type, &count, &index, NULL), HEARTH_OK);
        assert_int_equal(type, GGUF_STRING);
        assert_int_equal(count, tokens[i]);
        gguf_close(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories_gguf_reads),
        cmocka_unit_test(safetensors_and_gguf_hold_the_same_bytes),
        cmocka_unit_test(tinystories_folder_reads),
        cmocka_unit_test(vocabulary_files_have_no_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
