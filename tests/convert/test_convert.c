/* hearth convert against llama.cpp's converter: every tiny folder under tests/model/golden becomes the GGUF file that
 * was made of it there, tensor by tensor and key by key; and back, bit by bit. Both containers compute the same logits.
 * What one container cannot say is refused; what is interrupted leaves nothing. */
#include "convert_support.h"

#include "convert/metadata.h"
#include "formats/gguf_write.h"
#include "model/load_tokenizer.h"
#include "platform/file_stream.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 128

/* ---- against what make_convert_golden.py kept of llama.cpp's files ---- */

static json_t *read_golden(const char *name)
{
    char path[128];
    char tail[96];
    snprintf(tail, sizeof tail, "../../convert/golden/%s.json", name);
    snprintf(path, sizeof path, "%s", tail);
    return file_exists(golden_path(path)) ? read_json(golden_path(path)) : NULL;
}

static void array_hash(const gguf_file *file, const char *key, uint64_t *ret_count, char ret[HASH_HEX_SIZE])
{
    gguf_type type = GGUF_STRING;
    int64_t index = -1;
    buffer all;
    buffer_init(&all, 0);
    OK(gguf_get_array(file, key, &type, ret_count, &index, error));
    for (uint64_t i = 0; i < *ret_count; i++) {
        if (type == GGUF_STRING) {
            const gguf_string text = gguf_array_string(file, index, i);
            OK(buffer_append(&all, text.text, text.length, error));
            OK(buffer_append_char(&all, '\n', error));
        } else if (type == GGUF_F32) {
            OK(buffer_printf(&all, error, "%.9g\n", gguf_array_f64(file, index, i)));
        } else {
            OK(buffer_printf(&all, error, "%lld\n", (long long)gguf_array_i64(file, index, i)));
        }
    }
    OK(hash_bytes_hex(all.data, all.length, ret, error));
    buffer_free(&all);
}

static bool same_value(const gguf_file *file, const char *key, const json_t *expected)
{
    gguf_string text = {0};
    double number = 0;
    bool flag = false;
    if (json_is_object(expected)) {
        char hash[HASH_HEX_SIZE];
        uint64_t count = 0;
        array_hash(file, key, &count, hash);
        return count == (uint64_t)json_integer_value(json_object_get(expected, "count")) &&
               strcmp(hash, json_string_value(json_object_get(expected, "sha256"))) == 0;
    }
    if (json_is_string(expected)) {
        OK(gguf_get_string(file, key, &text, error));
        return text.length == json_string_length(expected) &&
               memcmp(text.text, json_string_value(expected), text.length) == 0;
    }
    if (json_is_boolean(expected)) {
        OK(gguf_get_bool(file, key, &flag, error));
        return flag == json_is_true(expected);
    }
    if (json_is_integer(expected)) {
        int64_t whole = 0;
        OK(gguf_get_i64(file, key, &whole, error));
        return whole == json_integer_value(expected);
    }
    OK(gguf_get_f64(file, key, &number, error));
    return (float)number == (float)json_number_value(expected);
}

static void same_as_golden_keys(const gguf_file *file, json_t *golden, const char *const *others, const char *what)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(golden, "keys"), key, value)
    {
        bool skipped = may_differ(key);
        for (size_t i = 0; others[i] != NULL; i++) {
            skipped = skipped || strcmp(others[i], key) == 0;
        }
        if (!skipped && (gguf_find(file, key) < 0 || !same_value(file, key, value))) {
            fail_msg("%s: key %s %s", what, key, gguf_find(file, key) < 0 ? "is missing" : "differs");
        }
    }
}

static void same_as_golden_tensors(const gguf_file *file, json_t *golden, const char *what)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(golden, "tensors"), name, value)
    {
        const tensor_entry *e = tensor_table_find(gguf_tensors(file), name);
        const char *format = json_string_value(json_array_get(value, 0));
        const json_t *shape = json_array_get(value, 1);
        char hash[HASH_HEX_SIZE];
        if (e == NULL && strncmp(what, "llama-gptq", 10) == 0 && strstr(name, ".bias") != NULL) {
            continue; /* AutoGPTQ's zeros, which say nothing */
        }
        if (e == NULL || strcmp(dtype_get_info(e->type)->name, format) != 0 || e->dims != json_array_size(shape)) {
            fail_msg("%s: tensor %s %s", what, name, e == NULL ? "is missing" : "has another format");
            return;
        }
        for (uint32_t i = 0; i < e->dims; i++) {
            assert_int_equal(e->shape[i], json_integer_value(json_array_get(shape, i)));
        }
        OK(hash_bytes_hex(e->data, e->size_bytes, hash, error));
        if (strcmp(hash, json_string_value(json_array_get(value, 2))) != 0) {
            fail_msg("%s: tensor %s differs", what, name);
        }
    }
}

static void check_golden_file(const char *folder, const char *title)
{
    static const char *const none[] = {NULL};
    gguf_file *found = NULL;
    json_t *golden = read_golden(title);
    if (golden == NULL) {
        return;
    }
    const bool blocks = strstr(title, "mxfp4") != NULL; /* there they stay, whatever is asked for */
    forget("there.gguf");
    OK(convert(folder, "there.gguf", blocks ? DTYPE_LIMIT : DTYPE_BF16, error));
    OK(gguf_open(scratch_path("there.gguf"), &found, error));
    same_as_golden_keys(found, golden, none, title);
    same_as_golden_tensors(found, golden, title);
    gguf_close(found);
    json_decref(golden);
}

/* ---- every family ---- */

typedef struct subject {
    char folder[300], gguf[300]; /* gguf "": there is none */
    char title[64];
} subject;

/* What GGUF cannot say, and the word that must stand in the refusal. */
static const struct {
    const char *name, *word;
} refused[] = {{"llama-dynamic", "grows with the context"},
               {"llama4", "attention chunk"},
               {"qwen3-next-mixed", "layers without experts"},
               {"e5-mistral", "hidden states alone"}, /* without an output matrix: read back as one that is tied */
               {"qwen3-embedding", "tokenizer"},      /* Unigram whose normaliser is spelled, and is no map */
               {"xlm-roberta", "tokenizer"},
               {"gpt-oss-clamped", "limit of experts' gates"},
               {"qwen3-moe-mixed", "layers without experts"}};

/* Folders that a way back does not give again: their matrices come back as plain numbers, with the same values. */
static bool is_flattened(const char *name)
{
    return strstr(name, "-fp8") != NULL || strncmp(name, "llama-gptq", 10) == 0 || strcmp(name, "llama-awq") == 0;
}

static const char *refusal(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strcmp(refused[i].name, name) == 0) {
            return refused[i].word;
        }
    }
    return NULL;
}

static void check_against_llama_cpp(const subject *s)
{
    gguf_file *expected = NULL;
    gguf_file *found = NULL;
    OK(gguf_open(s->gguf, &expected, error));
    const tensor_entry *first = tensor_table_find(gguf_tensors(expected), "token_embd.weight");
    assert_non_null(first);
    forget("there.gguf"); /* some were made with --outtype f32 */
    OK(convert(s->folder, "there.gguf", first->type, error));
    OK(gguf_open(scratch_path("there.gguf"), &found, error));
    same_tensors(gguf_tensors(expected), gguf_tensors(found), s->title);
    same_keys(expected, found, s->title);
    gguf_close(expected);
    gguf_close(found);
}

static void check_back(const subject *s, const char hash[HASH_HEX_SIZE])
{
    hf_folder *expected = NULL;
    hf_folder *found = NULL;
    OK(convert(scratch_path("there.gguf"), "back", DTYPE_LIMIT, error));
    if (!is_flattened(s->title)) {
        OK(hf_open(s->folder, true, &expected, error));
        OK(hf_open(scratch_path("back"), true, &found, error));
        same_tensors(&expected->tensors, &found->tensors, s->title);
        hf_close(expected);
        hf_close(found);
    }
    same_logits(hash, scratch_path("back"), s->title);
}

static void check_family(void **state)
{
    const subject *s = *state;
    const char *word = refusal(s->title);
    char hash[HASH_HEX_SIZE];
    forget("there.gguf");
    forget("back");
    forget("from-llama-cpp");
    if (word != NULL) {
        hearth_error error = {0};
        assert_int_equal(convert(s->folder, "there.gguf", DTYPE_LIMIT, &error), HEARTH_E_UNSUPPORTED);
        assert_true(strstr(error.place, word) != NULL || strstr(error.found, word) != NULL);
        assert_false(file_exists(scratch_path("there.gguf")));
        return;
    }
    OK(convert(s->folder, "there.gguf", DTYPE_LIMIT, error));
    logits_hash(s->folder, hash);
    same_logits(hash, scratch_path("there.gguf"), s->title);
    check_back(s, hash);
    check_golden_file(s->folder, s->title);
    if (s->gguf[0] != '\0') {
        check_against_llama_cpp(s);
        OK(convert(s->gguf, "from-llama-cpp", DTYPE_LIMIT, error));
        same_logits(hash, scratch_path("from-llama-cpp"), s->title);
    }
}

/* ---- number formats and shards ---- */

static void check_types(void **state)
{
    static const dtype types[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        gguf_file *file = NULL;
        hf_folder *folder = NULL;
        OK(convert(golden_path("llama-gqa"), "typed.gguf", types[i], error));
        OK(gguf_open(scratch_path("typed.gguf"), &file, error));
        const tensor_entry *product = tensor_table_find(gguf_tensors(file), "blk.0.attn_v.weight");
        const tensor_entry *norm = tensor_table_find(gguf_tensors(file), "blk.0.attn_norm.weight");
        assert_true(product != NULL && product->type == types[i] && norm != NULL && norm->type == DTYPE_F32);
        gguf_close(file);
        OK(convert(scratch_path("typed.gguf"), "typed", types[(i + 1) % 3], error));
        OK(hf_open(scratch_path("typed"), true, &folder, error));
        product = tensor_table_find(&folder->tensors, "model.layers.0.self_attn.v_proj.weight");
        assert_true(product != NULL && product->type == types[(i + 1) % 3]);
        hf_close(folder);
        forget("typed.gguf");
        forget("typed");
    }
}

static void check_shards(void **state)
{
    convert_result result = {0};
    hf_folder *whole = NULL;
    hf_folder *cut = NULL;
    (void)state;
    OK(convert(golden_path("qwen2-untied"), "one.gguf", DTYPE_LIMIT, error));
    OK(convert(scratch_path("one.gguf"), "one", DTYPE_LIMIT, error));
    const convert_options small = {.type = DTYPE_LIMIT, .shard_bytes = 20000};
    OK(convert_with(scratch_path("one.gguf"), "many", small, &result, error));
    assert_true(result.files > 2);
    OK(hf_open(scratch_path("one"), true, &whole, error));
    OK(hf_open(scratch_path("many"), true, &cut, error));
    assert_true(cut->tensors.map_count == result.files);
    same_tensors(&whole->tensors, &cut->tensors, "shards");
    hf_close(whole);
    hf_close(cut);
}

/* ---- nothing half done ---- */

static bool stop_soon(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    (void)context;
    (void)what;
    (void)unit;
    return done < total / 2;
}

static size_t files_there(void)
{
    file_list list = {0};
    OK(file_list_folder(scratch, &list, error));
    const size_t count = list.count;
    file_list_free(&list);
    return count;
}

static void check_interrupted(void **state)
{
    convert_result result = {0};
    hearth_error problem = {0};
    const convert_options stopped = {.type = DTYPE_LIMIT, .progress = stop_soon};
    (void)state;
    OK(convert(golden_path("llama-mha"), "whole.gguf", DTYPE_LIMIT, error));
    const size_t before = files_there();
    assert_int_equal(convert_with(golden_path("llama-mha"), "cut.gguf", stopped, &result, &problem),
                     HEARTH_E_CANCELLED);
    assert_int_equal(convert_with(scratch_path("whole.gguf"), "cut", stopped, &result, &problem), HEARTH_E_CANCELLED);
    assert_int_equal(files_there(), before);
    /* what is there is not written over */
    assert_int_equal(convert(golden_path("llama-mha"), "whole.gguf", DTYPE_LIMIT, &problem), HEARTH_E_ARGUMENT);
    assert_int_equal(convert(golden_path("llama-mha.gguf"), "whole.gguf", DTYPE_LIMIT, &problem), HEARTH_E_ARGUMENT);
    assert_int_equal(convert(golden_path("llama-mha"), "no/such/folder/x.gguf", DTYPE_LIMIT, &problem),
                     HEARTH_E_NOT_FOUND);
    assert_int_equal(files_there(), before);
}

static hearth_status write_too_little(gguf_writer *w, hearth_error *error)
{
    const uint64_t shape[2] = {3, 5};
    const float zeros[15] = {0};
    TRY(gguf_write_string(w, "general.architecture", "x", 1, error));
    TRY(gguf_write_tensor(w, "a", DTYPE_F32, 2, shape, error));
    TRY(gguf_writer_begin(w, scratch_path("little.gguf"), error));
    TRY(gguf_writer_data(w, zeros, 56, error));
    return gguf_writer_finish(w, error);
}

/* Damaged files end in an error or in a file, whatever they say of themselves. */
static void check_damaged(void **state)
{
    static const char *const names[] = {
        "families/mixtral.gguf",   "families/falcon-new.gguf", "families/deepseek-v3.gguf", "families/pythia.gguf",
        "families/glm4.gguf",      "llama3-scaled.gguf",       "families/gpt-oss.gguf",     "encoders/bert.gguf",
        "families/internlm2.gguf", "families/qwen3-next.gguf", "families/llama4-wide.gguf", "families/stablelm2.gguf"};
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        buffer bytes;
        buffer_init(&bytes, 0);
        OK(file_read(golden_path(names[n]), 1 << 26, &bytes, error));
        for (uint32_t i = 0; i < 50; i++) {
            hearth_error problem = {0};
            const size_t at = 24 + (size_t)(i * 2654435761u + n * 40503u) % 5000; /* metadata and table */
            const char old = bytes.data[at];
            bytes.data[at] = (char)(old + 1 + (char)(i % 7));
            OK(file_replace(scratch_path("damaged.gguf"), bytes.data, bytes.length, error));
            bytes.data[at] = old;
            const hearth_status status = convert(scratch_path("damaged.gguf"), "damaged", DTYPE_LIMIT, &problem);
            assert_true(status == HEARTH_OK || problem.status == status);
            if (status == HEARTH_OK) {
                forget("damaged");
            }
            assert_false(file_exists(scratch_path("damaged")));
        }
        buffer_free(&bytes);
    }
}

/* Every value of a file with every type comes out of the writer as it went in. */
static void check_writer(void **state)
{
    gguf_file *from = NULL;
    gguf_file *to = NULL;
    hearth_error problem = {0};
    char path[512];
    (void)state;
    gguf_writer *little = gguf_writer_create();
    assert_non_null(little);
    assert_int_equal(write_too_little(little, &problem), HEARTH_E_ARGUMENT);
    gguf_writer_free(little);
    assert_false(file_exists(scratch_path("little.gguf")));

    snprintf(path, sizeof path, "%s", golden_path("../../formats/golden/types.gguf"));
    OK(gguf_open(path, &from, error));
    gguf_writer *w = gguf_writer_create();
    assert_non_null(w);
    for (size_t i = 0; i < gguf_metadata_count(from); i++) {
        OK(gguf_write_copy(w, from, i, error));
    }
    const tensor_table *tensors = gguf_tensors(from);
    for (size_t i = 0; i < tensors->count; i++) {
        const tensor_entry *t = &tensors->entries[i];
        OK(gguf_write_tensor(w, t->name, t->type, t->dims, t->shape, error));
    }
    OK(gguf_writer_begin(w, scratch_path("copy.gguf"), error));
    for (size_t i = 0; i < tensors->count; i++) { /* in odd pieces, over the ends of tensors */
        for (uint64_t at = 0; at < tensors->entries[i].size_bytes; at += 7) {
            const uint64_t left = tensors->entries[i].size_bytes - at;
            OK(gguf_writer_data(w, tensors->entries[i].data + at, left < 7 ? (size_t)left : 7, error));
        }
    }
    OK(gguf_writer_finish(w, error));
    gguf_writer_free(w);
    OK(gguf_open(scratch_path("copy.gguf"), &to, error));
    assert_int_equal(gguf_metadata_count(from), gguf_metadata_count(to));
    same_keys(from, to, "types.gguf");
    same_tensors(tensors, gguf_tensors(to), "types.gguf");
    gguf_close(from);
    gguf_close(to);
}

/* ---- tokenizers: llama.cpp's vocabularies with its own ids ---- */

static void encode_all(const tokenizer *t, const char *input, FILE *out)
{
    static const char between[] = "\n__ggml_vocab_test__\n";
    const char *at = input;
    while (*at != '\0') {
        const char *stop = strstr(at, between);
        const size_t length = stop != NULL ? (size_t)(stop - at) : strlen(at);
        token_list list = {0};
        OK(tokenizer_encode(t, at, length, ENCODE_PLAIN, &list, error));
        for (size_t i = 0; i < list.count; i++) {
            fprintf(out, " %d", list.ids[i]);
        }
        fputc('\n', out);
        token_list_free(&list);
        at += length + (stop != NULL ? sizeof between - 1 : 0);
    }
}

static void same_ids(const tokenizer *a, const tokenizer *b, const char *input, const char *what)
{
    char *texts[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&texts[i], &sizes[i]);
        assert_non_null(out);
        encode_all(i == 0 ? a : b, input, out);
        fclose(out);
    }
    if (strcmp(texts[0], texts[1]) != 0) {
        fail_msg("%s: other ids", what);
    }
    free(texts[0]);
    free(texts[1]);
}

/* A folder's vocabulary in GGUF, by itself. */
static gguf_file *vocabulary_in_gguf(const hf_folder *folder, size_t rows)
{
    const model_config c = {.vocabulary = (uint32_t)rows};
    gguf_file *file = NULL;
    gguf_writer *w = gguf_writer_create();
    assert_non_null(w);
    OK(convert_tokenizer_to_gguf(w, folder, &c, NULL, NULL, error));
    forget("vocabulary.gguf");
    OK(gguf_writer_begin(w, scratch_path("vocabulary.gguf"), error));
    OK(gguf_writer_finish(w, error));
    gguf_writer_free(w);
    OK(gguf_open(scratch_path("vocabulary.gguf"), &file, error));
    return file;
}

/* The same ids from the folder, from the GGUF file made of it, and from a folder made of that again. */
static void check_kind(const char *path, size_t rows, json_t *golden, const char *const *others, const char *title)
{
    hf_folder *folders[2] = {NULL, NULL};
    tokenizer *made[3] = {NULL, NULL, NULL};
    OK(hf_open(path, false, &folders[0], error));
    OK(load_tokenizer_hf(folders[0], &made[0], error));
    gguf_file *file = vocabulary_in_gguf(folders[0], rows);
    if (golden != NULL) {
        same_as_golden_keys(file, golden, others, title);
    }
    OK(load_tokenizer_gguf(file, &made[1], error));
    OK(convert_compare_tokenizers(made[0], made[1], error));
    forget("vocabulary");
    OK(file_make_folders(scratch_path("vocabulary"), error));
    OK(convert_tokenizer_to_folder(scratch_path("vocabulary"), file, error));
    OK(convert_write_json(scratch_path("vocabulary"), "config.json", json_object(), error));
    OK(hf_open(scratch_path("vocabulary"), false, &folders[1], error));
    OK(load_tokenizer_hf(folders[1], &made[2], error));
    if (strstr(title, "unigram-bytes") != NULL) { /* which keeps spaces, and tokenizer.json maps \r\n otherwise */
        hearth_error problem = {0};
        assert_int_equal(convert_compare_tokenizers(made[0], made[2], &problem), HEARTH_E_UNSUPPORTED);
    } else {
        OK(convert_compare_tokenizers(made[0], made[2], error));
    }
    for (int i = 0; i < 3; i++) {
        tokenizer_free(made[i]);
    }
    gguf_close(file);
    hf_close(folders[0]);
    hf_close(folders[1]);
}

static void check_kinds(void **state)
{
    static const char *const names[] = {"spm", "unigram", "roberta"};
    static const char *const others[] = {"general.architecture", "tokenizer.ggml.token_type_count", /* not of it */
                                         NULL};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        char path[128];
        snprintf(name, sizeof name, "vocabulary-%s", names[i]);
        snprintf(path, sizeof path, "../../convert/golden/vocabularies/%s", names[i]);
        json_t *golden = read_golden(name);
        assert_non_null(golden);
        const json_t *tokens = json_object_get(json_object_get(golden, "keys"), "tokenizer.ggml.tokens");
        char folder[256];
        snprintf(folder, sizeof folder, "%s", golden_path(path));
        check_kind(folder, (size_t)json_integer_value(json_object_get(tokens, "count")), golden, others, names[i]);
        json_decref(golden);
    }
}

/* A folder of one file under another name, and what tokenizer_config.json says. */
static const char *folder_of(const char *source, const char *name, const char *config)
{
    char path[600];
    buffer bytes;
    buffer_init(&bytes, 0);
    forget("kind");
    OK(file_make_folders(scratch_path("kind"), error));
    OK(file_read(source, 1 << 24, &bytes, error));
    snprintf(path, sizeof path, "%s/%s", scratch_path("kind"), name);
    OK(file_create(path, bytes.data, bytes.length, error));
    snprintf(path, sizeof path, "%s/tokenizer_config.json", scratch_path("kind"));
    OK(file_create(path, config, strlen(config), error));
    snprintf(path, sizeof path, "%s/config.json", scratch_path("kind"));
    OK(file_create(path, "{}", 2, error));
    buffer_free(&bytes);
    return scratch_path("kind");
}

/* Ranks, SentencePiece's Unigram, BERT's vocab.txt. */
static void check_bare_files(void **state)
{
    static const char *const none[] = {NULL};
    static const struct {
        const char *source, *name, *config;
    } rows[] = {{"../../tokenizer/golden/small.tiktoken", "qwen.tiktoken", "{\"tokenizer_class\": \"QWenTokenizer\"}"},
                {"../../tokenizer/golden/tekken.json", "tekken.json", "{}"},
                {"../../tokenizer/golden/tekken-old.json", "tekken.json", "{}"},
                {"../../tokenizer/golden/unigram.model", "tokenizer.model", "{}"},
                {"../../tokenizer/golden/unigram-bytes.model", "tokenizer.model", "{}"},
                {"../../tokenizer/golden/bpe-bytes.model", "tokenizer.model", "{\"add_bos_token\": false}"},
                {"encoders/bert/vocab.txt", "vocab.txt", "{\"do_lower_case\": true}"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char source[300];
        snprintf(source, sizeof source, "%s", golden_path(rows[i].source));
        check_kind(folder_of(source, rows[i].name, rows[i].config), 0, NULL, none, rows[i].source);
    }
}

/* A published one: 32,768 pieces. */
static void check_mistral(void **state)
{
    static const char *const none[] = {NULL};
    static const char name[] = "tokenizers/mistral-spm/mistral_instruct_tokenizer_240323.model.v3";
    (void)state;
    const char *fixture = fixture_path(name);
    if (fixture == NULL || !file_exists(fixture)) {
        SKIP("# no fixture %s\n", name);
    }
    char source[600];
    snprintf(source, sizeof source, "%s", fixture);
    check_kind(folder_of(source, "tokenizer.model", "{\"add_bos_token\": true}"), 0, NULL, none, name);
}

static void check_vocabulary(void **state)
{
    const char *name = *state;
    char path[600];
    gguf_file *file = NULL;
    gguf_file *again = NULL;
    hf_folder *folder = NULL;
    tokenizer *tokenizers[3] = {NULL, NULL, NULL};
    buffer input;
    snprintf(path, sizeof path, "tokenizers/llama.cpp/ggml-vocab-%s.gguf", name);
    const char *fixture = fixture_path(path);
    if (fixture == NULL || !file_exists(fixture)) {
        SKIP("# no fixture %s\n", path);
    }
    snprintf(path, sizeof path, "%s", fixture);
    forget("vocabulary");
    OK(file_make_folders(scratch_path("vocabulary"), error));
    OK(gguf_open(path, &file, error));
    OK(convert_tokenizer_to_folder(scratch_path("vocabulary"), file, error));
    OK(convert_write_json(scratch_path("vocabulary"), "config.json", json_object(), error));
    OK(hf_open(scratch_path("vocabulary"), false, &folder, error));
    OK(load_tokenizer_gguf(file, &tokenizers[0], error));
    OK(load_tokenizer_hf(folder, &tokenizers[1], error));
    OK(convert_compare_tokenizers(tokenizers[0], tokenizers[1], error));
    buffer_init(&input, 0);
    snprintf(path + strlen(path), 16, ".inp");
    OK(file_read(path, 1 << 24, &input, error));
    same_ids(tokenizers[0], tokenizers[1], buffer_text(&input), name);

    /* and from that folder to GGUF again */
    again = vocabulary_in_gguf(folder, tokenizer_vocabulary_size(tokenizers[0]));
    OK(load_tokenizer_gguf(again, &tokenizers[2], error));
    OK(convert_compare_tokenizers(tokenizers[0], tokenizers[2], error));
    same_ids(tokenizers[0], tokenizers[2], buffer_text(&input), name);
    buffer_free(&input);
    for (int i = 0; i < 3; i++) {
        tokenizer_free(tokenizers[i]);
    }
    hf_close(folder);
    gguf_close(file);
    gguf_close(again);
}

/* ---- the list of all ---- */

static int by_title(const void *a, const void *b)
{
    return strcmp(((const subject *)a)->title, ((const subject *)b)->title);
}

static size_t list_folder(const char *name, subject *subjects, size_t count)
{
    char path[256];
    snprintf(path, sizeof path, "%s", golden_path(name));
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strchr(entry->d_name, '.') != NULL || strcmp(entry->d_name, "families") == 0 ||
            strcmp(entry->d_name, "encoders") == 0 ||
            strcmp(entry->d_name, "heads") == 0) { /* whose layers that guess are not written */
            continue;
        }
        assert_true(count < MOST && strlen(entry->d_name) < 32);
        subject *s = &subjects[count++];
        snprintf(s->title, sizeof s->title, "%.60s", entry->d_name);
        snprintf(s->folder, sizeof s->folder, "%.200s/%.60s", path, entry->d_name);
        snprintf(s->gguf, sizeof s->gguf, "%.280s.gguf", s->folder);
        if (!file_exists(s->gguf)) {
            s->gguf[0] = '\0';
        }
    }
    closedir(folder);
    qsort(subjects, count, sizeof *subjects, by_title);
    return count;
}

int main(void)
{
    static subject subjects[MOST];
    static struct CMUnitTest tests[MOST + 16];
    static char *const vocabularies[] = {"deepseek-coder", "deepseek-llm", "falcon",   "gpt-2",
                                         "llama-spm",      "phi-3",        "starcoder"};
    const struct CMUnitTest others[] = {
        {"number formats", check_types, NULL, NULL, NULL},
        {"shards", check_shards, NULL, NULL, NULL},
        {"interrupted, in the way", check_interrupted, NULL, NULL, NULL},
        {"damaged files", check_damaged, NULL, NULL, NULL},
        {"the GGUF writer", check_writer, NULL, NULL, NULL},
        {"vocabularies of every kind", check_kinds, NULL, NULL, NULL},
        {"vocabularies in files of their own", check_bare_files, NULL, NULL, NULL},
        {"Mistral's tokenizer.model", check_mistral, NULL, NULL, NULL},
    };
    size_t count = list_folder("families", subjects, list_folder("", subjects, 0));
    count = list_folder("encoders", subjects, count);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        tests[used++] = (struct CMUnitTest){subjects[i].title, check_family, NULL, NULL, &subjects[i]};
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        tests[used++] = others[i];
    }
    for (size_t i = 0; i < sizeof vocabularies / sizeof vocabularies[0]; i++) {
        tests[used++] = (struct CMUnitTest){vocabularies[i], check_vocabulary, NULL, NULL, vocabularies[i]};
    }
    return _cmocka_run_group_tests("convert", tests, used, scratch_begin, scratch_end);
}
