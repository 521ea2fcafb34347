/* What compare_hf.py and test_published.py drive: encode_tool FILE plain|special|bos reads texts from stdin, each a
 * little-endian 32-bit length and its bytes, and writes each one's ids as a count and numbers, all 32-bit. FILE: a
 * GGUF, a folder, or a tokenizer's file (tokenizer.json, tokenizer.model, tekken.json, *.tiktoken). With a fourth
 * argument N, encodes the whole input N times first and prints seconds to stderr. encode_tool FILE
 * decode|decode-special does the reverse: lists of ids in, texts out. */
#include "base/memory.h"
#include "formats/gguf.h"
#include "formats/hf.h"
#include "model/load_tokenizer.h"
#include "tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static tokenizer *load(const char *path)
{
    hearth_error error = {0};
    tokenizer *t = NULL;
    const size_t length = strlen(path);
    struct stat info;
    hearth_status status;
    if (length > 5 && strcmp(path + length - 5, ".gguf") == 0) {
        gguf_file *file = NULL;
        status = gguf_open(path, &file, &error);
        status = status != HEARTH_OK ? status : load_tokenizer_gguf(file, &t, &error);
        gguf_close(file);
    } else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        hf_folder *folder = NULL;
        status = hf_open(path, false, &folder, &error);
        status = status != HEARTH_OK ? status : load_tokenizer_hf(folder, &t, &error);
        hf_close(folder);
    } else {
        status = load_tokenizer_file(path, NULL, NULL, &t, &error);
    }
    if (status != HEARTH_OK) {
        char line[512];
        (void)fprintf(stderr, "%s\n", hearth_error_line(&error, line, sizeof line));
        exit(1);
    }
    return t;
}

/* Of this process's own time, so that what else runs here does not count. */
static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static char *read_all(size_t *ret_size)
{
    size_t capacity = 1 << 20;
    size_t size = 0;
    char *data = malloc(capacity);
    for (size_t got; (got = fread(data + size, 1, capacity - size, stdin)) > 0;) {
        size += got;
        if (size == capacity) {
            capacity *= 2;
            data = realloc(data, capacity);
        }
    }
    *ret_size = size;
    return data;
}

static void encode_texts(const tokenizer *t, const char *data, size_t size, unsigned flags, bool write)
{
    token_list ids = {0};
    hearth_error error;
    for (size_t at = 0; at + 4 <= size;) {
        uint32_t length = 0;
        memcpy(&length, data + at, 4);
        at += 4;
        ids.count = 0;
        if (length > size - at || tokenizer_encode(t, data + at, length, flags, &ids, &error) != HEARTH_OK) {
            (void)fprintf(stderr, "encoding failed\n");
            exit(1);
        }
        at += length;
        if (write) {
            const uint32_t count = (uint32_t)ids.count;
            (void)fwrite(&count, 4, 1, stdout);
            (void)fwrite(ids.ids, 4, ids.count, stdout);
        }
    }
    token_list_free(&ids);
}

static void decode_lists(const tokenizer *t, const char *data, size_t size, unsigned flags)
{
    for (size_t at = 0; at + 4 <= size;) {
        uint32_t count = 0;
        memcpy(&count, data + at, 4);
        at += 4;
        int32_t *ids = calloc(count + 1u, sizeof *ids);
        buffer text;
        buffer_init(&text, 0);
        if (ids == NULL || count > (size - at) / 4) {
            (void)fprintf(stderr, "a list of ids is cut short\n");
            exit(1);
        }
        memcpy(ids, data + at, 4u * count);
        at += 4u * count;
        if (tokenizer_decode(t, ids, count, flags, &text, NULL) != HEARTH_OK) {
            (void)fprintf(stderr, "decoding failed\n");
            exit(1);
        }
        const uint32_t length = (uint32_t)text.length;
        (void)fwrite(&length, 4, 1, stdout);
        (void)fwrite(buffer_text(&text), 1, text.length, stdout);
        buffer_free(&text);
        free(ids);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: encode_tool FILE plain|special|bos [ROUNDS], or FILE decode|decode-special\n");
        return 2;
    }
    const double start = seconds();
    tokenizer *t = load(argv[1]);
    const double loaded = seconds();
    const unsigned flags = strcmp(argv[2], "special") == 0 ? ENCODE_PARSE_SPECIAL
                           : strcmp(argv[2], "bos") == 0   ? ENCODE_PARSE_SPECIAL | ENCODE_ADD_BOS
                                                           : ENCODE_PLAIN;
    size_t size = 0;
    char *data = read_all(&size);
    const bool decode = strncmp(argv[2], "decode", 6) == 0;
    if (decode) {
        decode_lists(t, data, size, strcmp(argv[2], "decode-special") == 0 ? DECODE_SPECIAL : DECODE_PLAIN);
    }
    for (int round = 0; !decode && argc > 3 && round < atoi(argv[3]); round++) {
        const double before = seconds();
        encode_texts(t, data, size, flags, false);
        (void)fprintf(stderr, "load %.4f s, encode %.4f s\n", loaded - start, seconds() - before);
    }
    if (!decode) {
        encode_texts(t, data, size, flags, true);
    }
    tokenizer_free(t);
    free(data);
    return 0;
}
