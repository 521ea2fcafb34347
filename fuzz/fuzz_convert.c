/* Conversion, both ways. The input's first byte: bit 0 says which way, bits 1 and 2 which type is wanted, bit 3 that
 * files of tensors are small. Then comes a GGUF file up to its tensors' data; or config.json, tokenizer.json and
 * tokenizer_config.json, a zero byte behind each, and the header of a safetensors file. The data are zeros. What comes
 * out is read by the readers of models; where nothing came out, nothing is left. */
#define _GNU_SOURCE
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

#include "convert/convert.h"
#include "model/config.h"
#include "platform/file_stream.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_BYTES ((size_t)256 << 10)

static kernel_table kernels;
static char out_folder[96], out[112], in_folder[96];

static void must(bool good, const char *what, const hearth_error *error)
{
    char line[600] = "";
    if (!good) {
        fprintf(stderr, "fuzz_convert: %s: %s\n", what,
                error != NULL ? hearth_error_line(error, line, sizeof line) : "");
        abort();
    }
}

/* In the place of the kernels, which are long in the making: every value is written. */
static void read_row(const uint8_t *panel, size_t cols, unsigned row, float *values)
{
    for (size_t i = 0; i < cols; i++) {
        values[i] = (float)panel[row];
    }
}

static void prepare(void)
{
    for (size_t type = 0; type < DTYPE_LIMIT; type++) {
        kernels.panel_row[type] = read_row;
    }
    snprintf(out_folder, sizeof out_folder, "%s/out", fuzz_folder());
    snprintf(out, sizeof out, "%s/m", out_folder);
    snprintf(in_folder, sizeof in_folder, "%s/in", fuzz_folder());
    must(mkdir(out_folder, 0700) == 0 && mkdir(in_folder, 0700) == 0, "mkdir", NULL);
    (void)signal(SIGXFSZ, SIG_IGN); /* the disk is memory here */
    must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4 << 20, 4 << 20}) == 0, "setrlimit", NULL);
}

/* ---- what goes in ---- */

/* Where the data end by the header's own words, at most DATA_BYTES. */
static size_t data_end(const char *header, size_t length)
{
    static const char key[] = "\"data_offsets\":[";
    const char *end_of_header = header + length;
    size_t most = 0;
    for (const char *at = header; (at = memmem(at, (size_t)(end_of_header - at), key, sizeof key - 1)) != NULL;) {
        at += sizeof key - 1;
        const char *comma = strchr(at, ',');
        const unsigned long long end = comma != NULL ? strtoull(comma + 1, NULL, 10) : 0;
        most = end > most && end <= DATA_BYTES ? (size_t)end : most;
    }
    return most;
}

static void put_safetensors(const uint8_t *data, size_t size)
{
    static uint8_t *whole;
    char *header = strndup((const char *)data, size);
    must(header != NULL, "strndup", NULL);
    const size_t length = strlen(header);
    const size_t end = data_end(header, length);
    whole = realloc(whole, 8 + length + end);
    must(whole != NULL, "realloc", NULL);
    for (int i = 0; i < 8; i++) {
        whole[i] = (uint8_t)((uint64_t)length >> (8 * i));
    }
    memcpy(whole + 8, header, length);
    memset(whole + 8 + length, 0, end);
    fuzz_folder_put("in/model.safetensors", whole, 8 + length + end);
    free(header);
}

static const char *put_folder(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"in/config.json", "in/tokenizer.json", "in/tokenizer_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        fuzz_folder_put(names[i], length > 0 ? data : NULL, length); /* an empty one is none */
        data += end != NULL ? length + 1 : length;
        size -= end != NULL ? length + 1 : length;
    }
    put_safetensors(data, size);
    return in_folder;
}

static const char *put_gguf(const uint8_t *data, size_t size)
{
    return fuzz_file_with_zeros(0, data, size, DATA_BYTES);
}

/* ---- what comes out ---- */

static void read_gguf(void)
{
    static model_config config;
    gguf_file *file = NULL;
    hearth_error error = {0};
    must(gguf_open(out, &file, &error) == HEARTH_OK, "what was written cannot be read", &error);
    must(model_config_from_gguf(file, &config, &error) == HEARTH_OK, "what was written is no model", &error);
    fuzz_sink += touch_gguf(file) + config.layers;
    gguf_close(file);
    must(unlink(out) == 0, "unlink", NULL);
}

static void read_folder(void)
{
    static model_config config;
    hf_folder *folder = NULL;
    hearth_error error = {0};
    must(hf_open(out, true, &folder, &error) == HEARTH_OK, "what was written cannot be read", &error);
    must(model_config_from_hf(folder, &config, &error) == HEARTH_OK, "what was written is no model", &error);
    fuzz_sink += touch_tensors(&folder->tensors) + config.layers;
    hf_close(folder);
    file_remove_folder(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const dtype types[] = {DTYPE_LIMIT, DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    convert_result result = {0};
    hearth_error error = {0};
    if (out[0] == '\0') {
        prepare();
    }
    if (size < 2) {
        return 0;
    }
    const bool folder = (data[0] & 1) != 0;
    const char *in = folder ? put_folder(data + 1, size - 1) : put_gguf(data + 1, size - 1);
    const convert_options options = {
        .type = types[data[0] >> 1 & 3], .shard_bytes = (data[0] & 8) != 0 ? 4096 : 0, .kernels = &kernels};
    if (convert_model(in, out, &options, &result, &error) != HEARTH_OK) {
        char line[600];
        fuzz_sink += (uint64_t)hearth_error_line(&error, line, sizeof line)[0];
    } else if (folder) {
        read_gguf();
    } else {
        read_folder();
    }
    must(rmdir(out_folder) == 0 && mkdir(out_folder, 0700) == 0, "something was left", &error);
    return 0;
}
