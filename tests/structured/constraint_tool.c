/* For the Python tests: reads a line of JSON each {"schema" | "gbnf" | "json_object", "texts": [hex], "walks": n,
 * "seed": n}, writes {"status", "error", "accepts": [bool], "walks": [hex]}; with "tokens" and "sequences" also
 * "masks". Texts are followed byte by byte, each byte under the mask; walks are texts of random allowed tokens, ended
 * as soon as that is possible once they are long. */
#include "byte_vocabulary.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const pieces[] = {"{\"",      "\":",    "\",\"", "\"}",       ", ",
                                     ": ",       "true",   "false", "null",      "[[",
                                     "]]",       "\": \"", "ab",    "abc",       "the",
                                     " of",      "10",     "12",    ".5",        "e+",
                                     "\\u",      "\\u00",  "\\\"",  "\xc3\xa9",  "\xf0\x9f\x98\x80",
                                     "\xf0\x9f", "\n  ",   "\n\n",  "\",\n  \"", "}\n",
                                     "}}",       "00",     "19",    "-0"};
enum { PIECES = sizeof pieces / sizeof *pieces, VOCABULARY = 258 + PIECES };

static bool allowed(const uint64_t *mask, int32_t id)
{
    return (mask[id / 64] >> id % 64 & 1) != 0;
}

static void die(const hearth_error *error)
{
    char line[1100];
    fprintf(stderr, "%s\n", hearth_error_line(error, line, sizeof line));
    exit(1);
}

static bool accepts(grammar *g, const grammar_vocabulary *v, const char *hex)
{
    hearth_error error;
    constraint *c = NULL;
    bool good = true;
    if (constraint_create(g, v, &c, &error) != HEARTH_OK) {
        die(&error);
    }
    for (; *hex != 0 && good; hex += 2) {
        const uint64_t *mask = NULL;
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        if (constraint_allowed(c, &mask, &error) != HEARTH_OK) {
            die(&error);
        }
        good = allowed(mask, (int32_t)byte);
        const hearth_status status = constraint_accept(c, (int32_t)byte, &error);
        if ((status == HEARTH_OK) != good) {
            fprintf(stderr, "mask and accept differ\n");
            exit(1);
        }
    }
    good = good && constraint_complete(c);
    constraint_free(c);
    return good;
}

/* Up to `length` tokens at random; after that the ones that lead to the end, found by preferring closing tokens. */
static char *walk(const tokenizer *t, grammar *g, const grammar_vocabulary *v, uint64_t seed, size_t length)
{
    hearth_error error;
    constraint *c = NULL;
    buffer text;
    buffer_init(&text, 0);
    if (constraint_create(g, v, &c, &error) != HEARTH_OK) {
        die(&error);
    }
    bool ended = false;
    for (size_t n = 0; n < length * 40 && !ended; n++) {
        const uint64_t *mask = NULL;
        float best = -1;
        int32_t token = -1;
        if (constraint_allowed(c, &mask, &error) != HEARTH_OK) {
            die(&error);
        }
        for (int32_t id = 0; id < VOCABULARY; id++) {
            float weight = random_uniform(seed, RANDOM_SAMPLING, n, (uint32_t)id);
            const char *closing = id < 128 ? strchr("\"}]", id) : NULL;
            weight *= id < 128 && (n > length || id % 2 == 0) ? 2.0f : 1.0f;
            weight += n > length && closing != NULL && id != 0 ? 4.0f : 0.0f;
            weight += n > length && id == VOCABULARY - 1 ? 9.0f : 0.0f;
            if (allowed(mask, id) && weight > best) {
                best = weight;
                token = id;
            }
        }
        if (token < 0 || constraint_accept(c, token, &error) != HEARTH_OK) {
            die(&error);
        }
        ended = token == VOCABULARY - 1;
        if (!ended && tokenizer_piece(t, token, DECODE_PLAIN, &text, &error) != HEARTH_OK) {
            die(&error);
        }
    }
    constraint_free(c);
    char *hex = NULL;
    if (ended) {
        hex = calloc(1, 2 * text.length + 1);
        for (size_t i = 0; i < text.length; i++) {
            snprintf(hex + 2 * i, 3, "%02x", (uint8_t)text.data[i]);
        }
    }
    buffer_free(&text);
    return hex;
}

/* After each token of a sequence, the first mask at its beginning: the tokens allowed, as an array of arrays. */
static json_t *masks(grammar *g, const grammar_vocabulary *v, size_t size, const json_t *sequence)
{
    hearth_error error;
    constraint *c = NULL;
    json_t *out = json_array();
    if (constraint_create(g, v, &c, &error) != HEARTH_OK) {
        die(&error);
    }
    for (size_t i = 0; i <= json_array_size(sequence); i++) {
        const uint64_t *mask = NULL;
        json_t *ids = json_array();
        if (constraint_allowed(c, &mask, &error) != HEARTH_OK) {
            json_array_append_new(out, ids);
            break; /* the vocabulary cannot go on */
        }
        for (size_t id = 0; id < size; id++) {
            if (allowed(mask, (int32_t)id)) {
                json_array_append_new(ids, json_integer((json_int_t)id));
            }
        }
        json_array_append_new(out, ids);
        const json_int_t wanted = json_integer_value(json_array_get(sequence, i));
        const size_t count = json_array_size(ids);
        if (i < json_array_size(sequence) && count != 0) { /* a wish: the number of one of those allowed */
            const json_t *id = json_array_get(ids, (size_t)wanted % count);
            if (json_integer_value(id) == (json_int_t)size - 1 ||
                constraint_accept(c, (int32_t)json_integer_value(id), &error) != HEARTH_OK) {
                break;
            }
        }
    }
    constraint_free(c);
    return out;
}

/* With a vocabulary of the line's own: the 256 bytes and "tokens". */
static json_t *answer_masks(grammar *g, const json_t *line)
{
    const json_t *tokens = json_object_get(line, "tokens");
    const json_t *sequences = json_object_get(line, "sequences");
    const size_t count = json_array_size(tokens);
    const char **texts = calloc(count + 1, sizeof *texts);
    size_t *lengths = calloc(count + 1, sizeof *lengths);
    grammar_vocabulary *v = NULL;
    hearth_error error = {0};
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_string_value(json_array_get(tokens, i));
        lengths[i] = strlen(texts[i]);
    }
    tokenizer *t = byte_vocabulary(texts, lengths, count);
    if (t == NULL || grammar_vocabulary_create(t, 258 + count, &v, &error) != HEARTH_OK) {
        die(&error);
    }
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(sequences); i++) {
        json_array_append_new(out, masks(g, v, 258 + count, json_array_get(sequences, i)));
    }
    grammar_vocabulary_free(v);
    tokenizer_free(t);
    free(texts);
    free(lengths);
    return out;
}

static hearth_status compile(const json_t *line, grammar **g, hearth_error *error)
{
    const json_t *text = json_object_get(line, "gbnf");
    if (json_object_get(line, "schema") != NULL) {
        return grammar_from_schema(json_object_get(line, "schema"), g, error);
    }
    return text != NULL ? grammar_from_gbnf(json_string_value(text), json_string_length(text), g, error)
                        : grammar_from_json_object(g, error);
}

static void answer(const tokenizer *t, const grammar_vocabulary *v, const json_t *line)
{
    hearth_error error = {0};
    char text[1100] = "";
    grammar *g = NULL;
    json_t *out = json_object();
    json_t *accepted = json_array();
    json_t *walks = json_array();
    const hearth_status status = compile(line, &g, &error);
    const json_t *texts = json_object_get(line, "texts");
    for (size_t i = 0; status == HEARTH_OK && i < json_array_size(texts); i++) {
        json_array_append_new(accepted, json_boolean(accepts(g, v, json_string_value(json_array_get(texts, i)))));
    }
    const json_int_t count = json_integer_value(json_object_get(line, "walks"));
    for (json_int_t i = 0; status == HEARTH_OK && i < count; i++) {
        char *hex = walk(t, g, v, (uint64_t)json_integer_value(json_object_get(line, "seed")) + (uint64_t)i, 40);
        json_array_append_new(walks, hex == NULL ? json_null() : json_string(hex));
        free(hex);
    }
    if (status == HEARTH_OK && json_object_get(line, "sequences") != NULL) {
        json_object_set_new(out, "masks", answer_masks(g, line));
    }
    grammar_release(g);
    json_object_set_new(out, "status", json_string(hearth_status_name(status)));
    json_object_set_new(out, "error",
                        json_string(status == HEARTH_OK ? "" : hearth_error_line(&error, text, sizeof text)));
    json_object_set_new(out, "accepts", accepted);
    json_object_set_new(out, "walks", walks);
    char *dumped = json_dumps(out, 0);
    puts(dumped);
    fflush(stdout);
    free(dumped);
    json_decref(out);
}

int main(void)
{
    size_t lengths[PIECES];
    hearth_error error = {0};
    grammar_vocabulary *v = NULL;
    char *line = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < PIECES; i++) {
        lengths[i] = strlen(pieces[i]);
    }
    tokenizer *t = byte_vocabulary(pieces, lengths, PIECES);
    if (t == NULL || grammar_vocabulary_create(t, VOCABULARY, &v, &error) != HEARTH_OK) {
        die(&error);
    }
    for (ssize_t n = 0; (n = getline(&line, &capacity, stdin)) > 0;) {
        json_t *given = NULL;
        if (json_door_parse(line, (size_t)n, "line", &given, &error) != HEARTH_OK) {
            json_t *out = json_pack("{s:s,s:s,s:[],s:[]}", "status", "parse", "error", "the line", "accepts", "walks");
            char *dumped = json_dumps(out, 0);
            puts(dumped);
            fflush(stdout);
            free(dumped);
            json_decref(out);
            continue;
        }
        answer(t, v, given);
        json_decref(given);
    }
    free(line);
    grammar_vocabulary_free(v);
    tokenizer_free(t);
    return 0;
}
