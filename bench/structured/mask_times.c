/* How long masks and compiling take. A vocabulary (a file of hexadecimal lines, a token each; the last one ends
 * answers), then on standard input lines of JSON {"schema", "tokens": [id]}; for each a line {"compile_us", "masks_us":
 * [..]}: the grammar is made and the tokens are followed, twice: "first_us" with nothing kept, "masks_us" again with
 * what the grammar keeps, as a server's second request has it. */
#include "generate/constraint.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void die(const hearth_error *error)
{
    char line[1100];
    fprintf(stderr, "%s\n", hearth_error_line(error, line, sizeof line));
    exit(1);
}

static json_t *follow(grammar *g, const grammar_vocabulary *v, const json_t *tokens)
{
    hearth_error error;
    constraint *c = NULL;
    json_t *times = json_array();
    if (constraint_create(g, v, &c, &error) != HEARTH_OK) {
        die(&error);
    }
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const int32_t token = (int32_t)json_integer_value(json_array_get(tokens, i));
        const uint64_t *mask = NULL;
        const double begin = now_us();
        if (constraint_allowed(c, &mask, &error) != HEARTH_OK) {
            die(&error);
        }
        json_array_append_new(times, json_real(now_us() - begin));
        if ((mask[token / 64] >> token % 64 & 1) == 0 || constraint_accept(c, token, &error) != HEARTH_OK) {
            fprintf(stderr, "token %zu (%d) is not allowed\n", i, token);
            exit(1);
        }
    }
    constraint_free(c);
    return times;
}

static void measure(const grammar_vocabulary *v, const json_t *line)
{
    hearth_error error = {0};
    grammar *g = NULL;
    json_t *out = json_object();
    const double begin = now_us();
    if (grammar_from_schema(json_object_get(line, "schema"), &g, &error) != HEARTH_OK) {
        die(&error);
    }
    json_object_set_new(out, "compile_us", json_real(now_us() - begin));
    json_object_set_new(out, "first_us", follow(g, v, json_object_get(line, "tokens")));
    json_object_set_new(out, "masks_us", follow(g, v, json_object_get(line, "tokens")));
    grammar_release(g);
    char *text = json_dumps(out, 0);
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(out);
}

/* The texts, which stay. */
static tokenizer *read_vocabulary(const char *path, size_t *ret_count)
{
    FILE *file = fopen(path, "r");
    size_t count = 0, capacity = 1 << 20, size = 0;
    token_spec *tokens = calloc(capacity, sizeof *tokens);
    char *line = NULL;
    for (ssize_t n = 0; file != NULL && count < capacity && (n = getline(&line, &size, file)) > 0; count++) {
        char *text = calloc(1, (size_t)n * 2 + 2);
        size_t length = 0;
        for (size_t i = 0; i + 1 < (size_t)n && line[i] != '\n'; i += 2) {
            unsigned byte = 0;
            sscanf(line + i, "%2x", &byte);
            length += utf8_encode(byte_alphabet_character((uint8_t)byte), text + length);
        }
        if (length == 0) {
            length = (size_t)snprintf(text, 8, "\t%zu", count);
        }
        tokens[count] = (token_spec){.text = {text, length}, .flags = text[0] == '\t' ? TOKEN_SPECIAL : 0};
    }
    static const decoder_step decoders[] = {{.kind = DECODER_BYTE_LEVEL}};
    const tokenizer_spec spec = {.model = TOKENIZER_BPE,
                                 .byte_level = true,
                                 .tokens = tokens,
                                 .token_count = count,
                                 .decoders = decoders,
                                 .decoder_count = 1,
                                 .unknown = -1,
                                 .bos = -1,
                                 .eos = (int32_t)count - 1};
    tokenizer *t = NULL;
    hearth_error error = {0};
    if (tokenizer_create(&spec, &t, &error) != HEARTH_OK) {
        die(&error);
    }
    *ret_count = count;
    return t;
}

int main(int argc, char **argv)
{
    hearth_error error = {0};
    grammar_vocabulary *v = NULL;
    size_t count = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: mask_times VOCABULARY <LINES\n");
        return 2;
    }
    tokenizer *t = read_vocabulary(argv[1], &count);
    const double begin = now_us();
    if (grammar_vocabulary_create(t, count, &v, &error) != HEARTH_OK) {
        die(&error);
    }
    fprintf(stderr, "vocabulary of %zu: %.0f ms\n", count, (now_us() - begin) / 1000);
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n = 0; (n = getline(&line, &size, stdin)) > 0;) {
        json_t *given = NULL;
        if (json_door_parse(line, (size_t)n, "line", &given, &error) != HEARTH_OK) {
            die(&error);
        }
        measure(v, given);
        json_decref(given);
    }
    return 0;
}
