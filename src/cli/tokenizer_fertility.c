/* hearth tokenizer fertility: how many tokens a tokenizer makes of texts, by language. */
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/signals.h"
#include "cli/tokenizer_command.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#include <stdio.h>
#include <string.h>

typedef struct fertility_row {
    char *name;
    uint64_t texts, bytes, characters, words, tokens;
    uint64_t single; /* tokens that stand for one byte */
    uint64_t broken; /* tokens that are no whole characters */
} fertility_row;

typedef struct fertility {
    const tokenizer *tokenizer;
    uint8_t *single, *broken; /* by token */
    fertility_row *rows;
    size_t count;
    fertility_row sum;
} fertility;

static hearth_status classify(fertility *f, hearth_error *error)
{
    const size_t count = tokenizer_vocabulary_size(f->tokenizer);
    f->single = mem_calloc(count, 1);
    f->broken = mem_calloc(count, 1);
    if (f->single == NULL || f->broken == NULL) {
        return error_memory(error, count);
    }
    buffer piece;
    buffer_init(&piece, 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        buffer_clear(&piece);
        status = tokenizer_piece(f->tokenizer, (int32_t)i, DECODE_PLAIN, &piece, error);
        f->single[i] = piece.length == 1;
        f->broken[i] = !utf8_valid(buffer_text(&piece), piece.length);
    }
    buffer_free(&piece);
    return status;
}

static hearth_status row_of(fertility *f, const char *name, size_t length, fertility_row **ret, hearth_error *error)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strlen(f->rows[i].name) == length && memcmp(f->rows[i].name, name, length) == 0) {
            *ret = &f->rows[i];
            return HEARTH_OK;
        }
    }
    char *copy = mem_alloc(length + 1);
    fertility_row *grown = copy != NULL ? mem_realloc(f->rows, (f->count + 1) * sizeof *grown) : NULL;
    if (grown == NULL) {
        mem_free(copy);
        return error_memory(error, (f->count + 1) * sizeof *grown);
    }
    memcpy(copy, name, length);
    copy[length] = '\0';
    f->rows = grown;
    f->rows[f->count] = (fertility_row){.name = copy};
    *ret = &f->rows[f->count++];
    return HEARTH_OK;
}

/* The name of a file up to its first dot. */
static hearth_status row_of_file(fertility *f, const char *path, const char *language, fertility_row **ret,
                                 hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t length = strcspn(name, ".");
    if (language != NULL) {
        name = language;
        length = strlen(language);
    } else if (length == 0) {
        length = strlen(name);
    }
    return row_of(f, name, length, ret, error);
}

static hearth_status count_text(const fertility *f, fertility_row *row, const char *text, size_t length,
                                hearth_error *error)
{
    bool in_word = false;
    row->texts++;
    row->bytes += length;
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        i += utf8_decode_lossy(text + i, length - i, &code);
        const bool space = unicode_is_space(code);
        row->characters++;
        row->words += !space && !in_word ? 1 : 0;
        in_word = !space;
    }
    token_list ids = {0};
    const hearth_status status = tokenizer_encode(f->tokenizer, text, length, ENCODE_PLAIN, &ids, error);
    row->tokens += ids.count;
    for (size_t i = 0; i < ids.count; i++) {
        row->single += f->single[ids.ids[i]];
        row->broken += f->broken[ids.ids[i]];
    }
    token_list_free(&ids);
    return status;
}

static hearth_status count_texts(const cli *c, const tokenizer_settings *s, fertility *f, const char **texts,
                                 size_t count, hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        buffer text;
        fertility_row *row = NULL;
        buffer_init(&text, 0);
        status = row_of_file(f, texts[i], s->language, &row, error);
        status = status != HEARTH_OK ? status : open_text(c, texts[i], &text, error);
        status = status != HEARTH_OK ? status : count_text(f, row, buffer_text(&text), text.length, error);
        buffer_free(&text);
        (void)terminal_progress_step(&bar, "texts", i + 1, count, "texts");
    }
    terminal_progress_end(&bar);
    return status;
}

static void add_row(fertility_row *sum, const fertility_row *row)
{
    sum->texts += row->texts;
    sum->bytes += row->bytes;
    sum->characters += row->characters;
    sum->words += row->words;
    sum->tokens += row->tokens;
    sum->single += row->single;
    sum->broken += row->broken;
}

static double ratio(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : (double)a / (double)b;
}

static json_t *row_json(const fertility_row *r)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "language", json_door_string(r->name),
                     "texts", (json_int_t)r->texts, "bytes", (json_int_t)r->bytes, "characters",
                     (json_int_t)r->characters, "words", (json_int_t)r->words, "tokens", (json_int_t)r->tokens,
                     "tokens_per_word", ratio(r->tokens, r->words), "bytes_per_token", ratio(r->bytes, r->tokens),
                     "characters_per_token", ratio(r->characters, r->tokens), "single_byte_share",
                     ratio(r->single, r->tokens), "broken_share", ratio(r->broken, r->tokens));
}

static void print_row(const fertility_row *r, int width)
{
    char number[2][32];
    const size_t columns = terminal_columns(r->name, strlen(r->name));
    (void)terminal_write_text(r->name, strlen(r->name), NULL);
    printf("%*s  %9s  %12s  %11.3f  %11.3f  %16.3f  %10.1f%%  %6.1f%%\n",
           columns < (size_t)width ? width - (int)columns : 0, "", text_bytes(r->bytes, number[0]),
           terminal_number(r->tokens, number[1]), ratio(r->tokens, r->words), ratio(r->bytes, r->tokens),
           ratio(r->characters, r->tokens), 100 * ratio(r->single, r->tokens), 100 * ratio(r->broken, r->tokens));
}

static int print(const cli *c, fertility *f)
{
    int width = 8;
    f->sum = (fertility_row){.name = "all"};
    json_t *rows = c->json ? json_array() : NULL;
    for (size_t i = 0; i < f->count; i++) {
        const int columns = (int)terminal_columns(f->rows[i].name, strlen(f->rows[i].name));
        width = columns > width ? columns : width;
        add_row(&f->sum, &f->rows[i]);
        rows = c->json ? json_door_append(rows, row_json(&f->rows[i])) : NULL;
    }
    if (c->json) {
        return cli_print_json(c, json_pack("{s:s, s:I, s:o, s:o}", "tokenizer", tokenizer_kind(f->tokenizer),
                                           "vocabulary", (json_int_t)tokenizer_vocabulary_size(f->tokenizer),
                                           "languages", rows, "all", row_json(&f->sum)));
    }
    printf("%s%-*s  %9s  %12s  %11s  %11s  %16s  %11s  %7s%s\n", terminal_style(stdout, "bold"), width, "language",
           "text", "tokens", "tokens/word", "bytes/token", "characters/token", "single byte", "broken",
           terminal_style(stdout, "reset"));
    for (size_t i = 0; i < f->count; i++) {
        print_row(&f->rows[i], width);
    }
    if (f->count > 1) {
        print_row(&f->sum, width);
    }
    return EXIT_DONE;
}

static hearth_status open_tokenizer_of(const cli *c, const tokenizer_settings *s, const char *name, const char **texts,
                                       size_t count, opened *o, hearth_error *error)
{
    const char **also = mem_calloc(count + 1, sizeof *also); /* ended by NULL */
    if (also == NULL) {
        return error_memory(error, (count + 1) * sizeof *also);
    }
    memcpy(also, texts, count * sizeof *also);
    char *path = NULL;
    hearth_status status = confine_to_model(name, also, NULL, &path, error);
    status = status != HEARTH_OK ? status : open_tokenizer(c, path != NULL ? path : name, s->encoding, o, error);
    mem_free(path);
    mem_free(also);
    return status;
}

int tokenizer_fertility(cli *c, const void *settings, const char **operands, size_t count)
{
    const tokenizer_settings *s = settings;
    const char **texts = operands + 1;
    count--;
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    hearth_error error = {0};
    opened o = {0};
    fertility f = {0};
    hearth_status status = open_tokenizer_of(c, s, operands[0], texts, count, &o, &error);
    if (status == HEARTH_OK) {
        f.tokenizer = o.model->tokenizer;
        status = classify(&f, &error);
    }
    status = status != HEARTH_OK ? status : count_texts(c, s, &f, texts, count, &error);
    const int code = status == HEARTH_OK ? print(c, &f) : cli_fail(c, &error);
    for (size_t i = 0; i < f.count; i++) {
        mem_free(f.rows[i].name);
    }
    mem_free(f.rows);
    mem_free(f.single);
    mem_free(f.broken);
    open_close(&o);
    return code;
}
