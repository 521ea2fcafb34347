/* Vocabularies and model files that no other fuzzer reads whole. The input's first byte says which: a tekken.json; a
 * file of tiktoken's ranks, as a tokenizer; tokenizer_config.json, a zero byte and a vocab.txt; a GGUF file's
 * configuration and vocabulary; a GGUF file in two parts, after two bytes that say how long the first is; modules.json
 * and the settings of its folders, which embedding models have. What tokenizers are made of it encode and decode a
 * text. */
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

#include "model/config.h"
#include "model/embedding_config.h"
#include "formats/ranks.h"
#include "model/load_tokenizer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DATA_BYTES ((size_t)64 << 10)

static void sink_error(const hearth_error *error)
{
    char line[600];
    fuzz_sink += (uint64_t)hearth_error_line(error, line, sizeof line)[0];
}

static const char *path_of(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    return path;
}

/* Puts what comes up to a zero byte into a file; nothing there is no file. */
static void put_next(const char *name, const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, 0, *size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - *data) : *size;
    fuzz_folder_put(name, length > 0 ? *data : NULL, length);
    *data += end != NULL ? length + 1 : length;
    *size -= end != NULL ? length + 1 : length;
}

static void use(hearth_status status, tokenizer *t, const hearth_error *error)
{
    static const char text[] = "The hearth's  12 <s>\r\n [CLS] \xC3\x9C\xEF\xAC\x81 \xE4\xB8\xAD\xE2\x98\x83 \xFF";
    token_list ids = {0};
    buffer back;
    if (status != HEARTH_OK) {
        sink_error(error);
        return;
    }
    buffer_init(&back, 0);
    if (tokenizer_encode(t, text, sizeof text - 1, ENCODE_PARSE_SPECIAL | ENCODE_ADD_BOS, &ids, NULL) == HEARTH_OK &&
        tokenizer_decode(t, ids.ids, ids.count, DECODE_SPECIAL, &back, NULL) == HEARTH_OK) {
        fuzz_sink += back.length + ids.count;
    }
    buffer_free(&back);
    token_list_free(&ids);
    tokenizer_free(t);
}

static void read_tekken(const uint8_t *data, size_t size)
{
    tokenizer *t = NULL;
    hearth_error error = {0};
    fuzz_folder_put("tekken.json", data, size);
    use(load_tokenizer_tekken(path_of("tekken.json"), NULL, &t, &error), t, &error);
}

static bool one_of_sixteen(const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += data[i];
    }
    return sum % 16 == 0;
}

/* The encoding's special tokens lie behind 100,000 ids, whatever the file has: a tokenizer of that size is made of one
 * file of sixteen, and the others are read alone. */
static void read_ranks(const uint8_t *data, size_t size)
{
    tokenizer *t = NULL;
    ranks_file file = {0};
    hearth_error error = {0};
    fuzz_folder_put("x.tiktoken", data, size);
    if (!one_of_sixteen(data, size)) {
        if (ranks_open(path_of("x.tiktoken"), &file, &error) == HEARTH_OK) {
            fuzz_sink += file.count;
            ranks_close(&file);
        } else {
            sink_error(&error);
        }
        return;
    }
    use(load_tokenizer_tiktoken(path_of("x.tiktoken"), NULL, "cl100k_base", &t, &error), t, &error);
}

static void read_words(const uint8_t *data, size_t size)
{
    static const char config[] = "{}";
    hf_folder *folder = NULL;
    tokenizer *t = NULL;
    hearth_error error = {0};
    fuzz_folder_put("words/config.json", (const uint8_t *)config, sizeof config - 1);
    put_next("words/tokenizer_config.json", &data, &size);
    fuzz_folder_put("words/vocab.txt", data, size);
    if (hf_open(path_of("words"), false, &folder, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    use(load_tokenizer_vocab(path_of("words/vocab.txt"), folder, &t, &error), t, &error);
    hf_close(folder);
}

static void read_gguf(const uint8_t *data, size_t size)
{
    static model_config config;
    gguf_file *file = NULL;
    tokenizer *t = NULL;
    hearth_error error = {0};
    if (gguf_open(fuzz_file_with_zeros(0, data, size, DATA_BYTES), &file, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    if (model_config_from_gguf(file, &config, &error) == HEARTH_OK) {
        fuzz_sink += config.layers + model_config_cache_bytes(&config, 4096, 2);
    } else {
        sink_error(&error);
    }
    use(load_tokenizer_gguf(file, &t, &error), t, &error);
    gguf_close(file);
}

static void read_parts(const uint8_t *data, size_t size)
{
    gguf_file *file = NULL;
    hearth_error error = {0};
    if (size < 2) {
        return;
    }
    const size_t wanted = (size_t)data[0] | (size_t)data[1] << 8;
    const size_t first = wanted < size - 2 ? wanted : size - 2;
    fuzz_folder_put("m-00001-of-00002.gguf", data + 2, first);
    fuzz_folder_put("m-00002-of-00002.gguf", data + 2 + first, size - 2 - first);
    if (gguf_open(path_of("m-00001-of-00002.gguf"), &file, &error) == HEARTH_OK) {
        fuzz_sink += touch_gguf(file);
        gguf_close(file);
    } else {
        sink_error(&error);
    }
}

static void read_modules(const uint8_t *data, size_t size)
{
    static const char config[] = "{}";
    static const char *const names[] = {"modules/modules.json", "modules/1_Pooling/config.json",
                                        "modules/2_Normalize/config.json"};
    hf_folder *folder = NULL;
    embedding_config modules = {0};
    hearth_error error = {0};
    fuzz_folder_put("modules/config.json", (const uint8_t *)config, sizeof config - 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put_next(names[i], &data, &size);
    }
    if (hf_open(path_of("modules"), false, &folder, &error) != HEARTH_OK ||
        embedding_config_modules(folder, &modules, &error) != HEARTH_OK) {
        sink_error(&error);
    }
    embedding_config_free(&modules);
    hf_close(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {read_tekken, read_ranks, read_words,
                                                               read_gguf,   read_parts, read_modules};
    static bool prepared;
    if (!prepared) {
        prepared = mkdir(path_of("words"), 0700) == 0 && mkdir(path_of("modules"), 0700) == 0 &&
                   mkdir(path_of("modules/1_Pooling"), 0700) == 0 && mkdir(path_of("modules/2_Normalize"), 0700) == 0;
    }
    if (size > 0) {
        readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    }
    return 0;
}
