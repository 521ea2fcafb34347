/* hearth trace find, count, next: searching an index. */
#include "cli/confine.h"
#include "cli/trace_command.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "platform/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what verbs share ---- */

hearth_status trace_open(const cli *c, const char *folder, const char *const *also, const char *out, trace_index **ret,
                         hearth_error *error)
{
    const char *paths[8] = {folder};
    for (size_t i = 0; also != NULL && also[i] != NULL && i < 6; i++) {
        paths[i + 1] = also[i];
    }
    TRY(confine_to_paths(paths, (const char *const[]){out, NULL}, error));
    return trace_index_open(folder, c->threads > 0 ? (int)c->threads : topology_own_threads(), ret, error);
}

static hearth_status read_ids(const char *text, token_list *ids, hearth_error *error)
{
    const char *at = text;
    for (;;) {
        uint64_t id = 0;
        at += strspn(at, " ,\t\n");
        if (*at == '\0') {
            return HEARTH_OK;
        }
        if (!option_read_whole(at, &at, &id) || id > INT32_MAX) {
            return error_set(error, HEARTH_E_ARGUMENT, "TEXT", "numbers of tokens", "\"%s\"", text);
        }
        TRY(token_list_append(ids, (int32_t)id, error));
    }
}

hearth_status trace_needle_make(const trace_index *x, const trace_settings *s, const char *text, trace_needle *ret,
                                hearth_error *error)
{
    const trace_facts *f = trace_index_facts(x);
    const tokenizer *t = trace_index_tokenizer(x);
    const bool tokens = s->ids || s->by == TRACE_BY_TOKENS || (s->by != TRACE_BY_BYTES && !f->has[TRACE_BYTES]);
    *ret = (trace_needle){0};
    if (!tokens) {
        ret->query = trace_query_bytes(text, strlen(text));
        return HEARTH_OK;
    }
    if (t == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, s->ids ? "--ids" : "--by tokens", "an index with a tokenizer",
                         "one by bytes alone");
    }
    if (!s->ids && !utf8_valid(text, strlen(text))) { /* the tokenizer would read U+FFFD, which may well stand there */
        return error_set(error, HEARTH_E_ARGUMENT, "TEXT", "UTF-8 (--by bytes takes any bytes)", "other bytes");
    }
    const hearth_status status = s->ids ? read_ids(text, &ret->ids, error)
                                        : tokenizer_encode(t, text, strlen(text), ENCODE_PLAIN, &ret->ids, error);
    if (status != HEARTH_OK) {
        trace_needle_free(ret);
        return status;
    }
    ret->query = trace_query_tokens(ret->ids.ids, ret->ids.count);
    return HEARTH_OK;
}

void trace_needle_free(trace_needle *n)
{
    token_list_free(&n->ids);
    *n = (trace_needle){0};
}

/* ---- find ---- */

/* What stands before, at and behind a place. */
typedef struct shown {
    buffer parts[3];
} shown;

static void shown_free(shown *s)
{
    for (int i = 0; i < 3; i++) {
        buffer_free(&s->parts[i]);
    }
}

static hearth_status show_place(const trace_index *x, const trace_matches *m, const trace_place *p, size_t context,
                                shown *ret, hearth_error *error)
{
    const uint64_t around = m->unit == TRACE_TOKENS ? (context + 3) / 4 : context;
    const uint64_t cuts[4] = {p->begin > around ? p->begin - around : 0, p->begin, p->begin + m->length,
                              p->begin + m->length + around};
    for (int i = 0; i < 3; i++) {
        buffer_init(&ret->parts[i], 0);
        TRY(trace_document_units(x, m->unit, p->document, cuts[i], cuts[i + 1], DECODE_SPECIAL, &ret->parts[i], error));
    }
    return HEARTH_OK;
}

static json_t *place_json(const trace_document *d, const trace_place *p, const trace_matches *m, const shown *s)
{
    json_t *row =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "document", (json_int_t)d->number, "id", d->id,
                  "source", d->source, "place", d->place, "licence", d->licence, "evidence", d->evidence, "language",
                  d->language, "begin", (json_int_t)p->begin, "length", (json_int_t)m->length);
    row = json_door_put(row, "row", d->row > 0 ? json_integer((json_int_t)d->row) : json_null());
    static const char *const names[3] = {"before", "text", "behind"};
    for (int i = 0; i < 3; i++) {
        row = json_door_put(row, names[i], json_door_text(buffer_text(&s->parts[i]), s->parts[i].length));
    }
    return row;
}

/* One line: ends of lines and other controls as blanks; a character that is cut at the piece's end is left out. */
static void print_piece(const buffer *b)
{
    buffer clean;
    buffer_init(&clean, 0);
    const char *text = buffer_text(b);
    for (size_t at = 0; at < b->length;) {
        uint32_t code = 0;
        const size_t size = utf8_decode(text + at, b->length - at, &code);
        const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
        if (size > 0) {
            (void)buffer_append(&clean, control ? " " : text + at, control ? 1 : size, NULL);
        }
        at += size > 0 ? size : 1;
    }
    (void)fputs(buffer_text(&clean), stdout);
    buffer_free(&clean);
}

static void print_place(const trace_document *d, const shown *s)
{
    (void)terminal_write_text(d->source, strlen(d->source), NULL);
    fputs("  ", stdout);
    (void)terminal_write_text(d->place, strlen(d->place), NULL);
    fputs("  ", stdout);
    (void)terminal_write_text(d->licence, strlen(d->licence), NULL);
    printf("  (document %llu)\n    ", (unsigned long long)d->number);
    print_piece(&s->parts[0]);
    fputs(terminal_style(stdout, "bold"), stdout);
    print_piece(&s->parts[1]);
    fputs(terminal_style(stdout, "reset"), stdout);
    print_piece(&s->parts[2]);
    putchar('\n');
}

static hearth_status tell_place(const cli *c, const trace_index *x, const trace_settings *s, const trace_matches *m,
                                uint64_t k, json_t **rows, hearth_error *error)
{
    trace_place p = {0};
    trace_document d = {0};
    shown text = {0};
    TRY(trace_match_place(x, m, k, &p, error));
    hearth_status status = trace_document_read(x, p.document, &d, error);
    if (status == HEARTH_OK) {
        status = show_place(x, m, &p, s->context, &text, error);
    }
    if (status == HEARTH_OK && c->json) {
        *rows = json_door_append(*rows, place_json(&d, &p, m, &text));
    } else if (status == HEARTH_OK) {
        print_place(&d, &text);
    }
    shown_free(&text);
    trace_document_free(&d);
    return status;
}

static hearth_status tell_places(const cli *c, const trace_index *x, const trace_settings *s, const trace_matches *m,
                                 int *ret_code, hearth_error *error)
{
    json_t *rows = json_array();
    hearth_status status = HEARTH_OK;
    const uint64_t most = m->count < s->most ? m->count : s->most;
    char number[32];
    if (!c->json) {
        printf("%s %s\n", terminal_number(m->count, number), m->count == 1 ? "place" : "places");
    }
    for (uint64_t k = 0; k < most && status == HEARTH_OK; k++) {
        status = tell_place(c, x, s, m, k, &rows, error);
    }
    if (status == HEARTH_OK && c->json) {
        json_t *root = json_pack("{s:s, s:I, s:I}", "by", trace_unit_names[m->unit], "length", (json_int_t)m->length,
                                 "count", (json_int_t)m->count);
        *ret_code = cli_print_json(c, json_door_put(root, "places", rows));
        return HEARTH_OK;
    }
    if (status == HEARTH_OK && most < m->count) {
        cli_note(c, "%s more; --most N shows more of them", terminal_number(m->count - most, number));
    }
    json_decref(rows);
    return status;
}

hearth_status trace_verb_find(const cli *c, const trace_settings *s, const char **operands, size_t count, int *ret_code,
                              hearth_error *error)
{
    trace_index *x = NULL;
    trace_needle n = {0};
    trace_matches m = {0};
    (void)count;
    TRY(trace_open(c, operands[0], NULL, NULL, &x, error));
    hearth_status status = trace_needle_make(x, s, operands[1], &n, error);
    status = status == HEARTH_OK ? trace_find(x, &n.query, &m, error) : status;
    status = status == HEARTH_OK ? tell_places(c, x, s, &m, ret_code, error) : status;
    trace_matches_free(&m);
    trace_needle_free(&n);
    trace_index_close(x);
    return status;
}

/* ---- count ---- */

static hearth_status count_one(const cli *c, const trace_index *x, const trace_settings *s, const char *text,
                               json_t **rows, hearth_error *error)
{
    trace_needle n = {0};
    uint64_t found = 0;
    char number[32];
    TRY(trace_needle_make(x, s, text, &n, error));
    const hearth_status status = trace_count(x, &n.query, &found, error);
    if (status == HEARTH_OK && c->json) {
        *rows = json_door_append(
            *rows, json_door_put(json_pack("{s:s, s:I, s:I}", "by", trace_unit_names[n.query.unit], "length",
                                           (json_int_t)n.query.length, "count", (json_int_t)found),
                                 "text", json_door_string(text)));
    } else if (status == HEARTH_OK) {
        printf("%s\t", terminal_number(found, number));
        (void)terminal_write_text(text, strlen(text), NULL);
        putchar('\n');
    }
    trace_needle_free(&n);
    return status;
}

hearth_status trace_verb_count(const cli *c, const trace_settings *s, const char **operands, size_t count,
                               int *ret_code, hearth_error *error)
{
    trace_index *x = NULL;
    TRY(trace_open(c, operands[0], NULL, NULL, &x, error));
    json_t *rows = json_array();
    hearth_status status = HEARTH_OK;
    for (size_t i = 1; i < count && status == HEARTH_OK; i++) {
        status = count_one(c, x, s, operands[i], &rows, error);
    }
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, rows);
    } else {
        json_decref(rows);
    }
    trace_index_close(x);
    return status;
}

/* ---- next ---- */

static hearth_status unit_text(const trace_index *x, trace_unit unit, int32_t value, buffer *out, hearth_error *error)
{
    buffer_clear(out);
    if (value == TRACE_END) {
        return HEARTH_OK;
    }
    const char byte = (char)value;
    return unit == TRACE_TOKENS ? tokenizer_piece(trace_index_tokenizer(x), value, DECODE_SPECIAL, out, error)
                                : buffer_append(out, &byte, 1, error);
}

static hearth_status tell_following(const cli *c, const trace_index *x, const trace_matches *m,
                                    const trace_following *f, json_t **rows, buffer *text, hearth_error *error)
{
    const double share = (double)f->count / (double)m->count;
    char number[32];
    TRY(unit_text(x, m->unit, f->unit, text, error));
    if (!c->json) {
        printf("%12s  %6.2f%%  ", terminal_number(f->count, number), 100 * share);
        if (f->unit == TRACE_END) {
            puts("(end of the document)");
            return HEARTH_OK;
        }
        json_t *quoted = json_door_text(buffer_text(text), text->length);
        char *dumped = quoted != NULL ? json_dumps(quoted, JSON_ENCODE_ANY) : NULL;
        puts(dumped != NULL ? dumped : "");
        free(dumped);
        json_decref(quoted);
        return HEARTH_OK;
    }
    json_t *row = json_pack("{s:I, s:o}", "count", (json_int_t)f->count, "probability", json_door_number(share));
    row = json_door_put(row, "end", json_boolean(f->unit == TRACE_END));
    row = json_door_put(row, m->unit == TRACE_TOKENS ? "id" : "byte",
                        f->unit == TRACE_END ? json_null() : json_integer(f->unit));
    *rows = json_door_append(*rows, json_door_put(row, "text", json_door_text(buffer_text(text), text->length)));
    return HEARTH_OK;
}

static hearth_status tell_next(const cli *c, const trace_index *x, const trace_settings *s, size_t asked,
                               const trace_matches *m, int *ret_code, hearth_error *error)
{
    trace_followings f = {0};
    buffer text;
    json_t *rows = json_array();
    char number[32];
    buffer_init(&text, 0);
    hearth_status status = trace_next(x, m, &f, error);
    if (status == HEARTH_OK && !c->json) {
        printf("the last %zu of %zu %s stand at %s place%s\n", m->length, asked, trace_unit_names[m->unit],
               terminal_number(m->count, number), m->count == 1 ? "" : "s");
    }
    for (size_t i = 0; i < f.count && i < s->most && status == HEARTH_OK; i++) {
        status = tell_following(c, x, m, &f.items[i], &rows, &text, error);
    }
    if (status == HEARTH_OK && c->json) {
        json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I}", "by", trace_unit_names[m->unit], "length",
                                 (json_int_t)asked, "context", (json_int_t)m->length, "count", (json_int_t)m->count,
                                 "different", (json_int_t)f.count);
        *ret_code = cli_print_json(c, json_door_put(root, "next", rows));
    } else {
        json_decref(rows);
    }
    buffer_free(&text);
    trace_followings_free(&f);
    return status;
}

hearth_status trace_verb_next(const cli *c, const trace_settings *s, const char **operands, size_t count, int *ret_code,
                              hearth_error *error)
{
    trace_settings settings = *s;
    trace_index *x = NULL;
    trace_needle n = {0};
    trace_matches m = {0};
    (void)count;
    TRY(trace_open(c, operands[0], NULL, NULL, &x, error));
    if (settings.by < 0 && trace_index_facts(x)->has[TRACE_TOKENS]) {
        settings.by = TRACE_BY_TOKENS;
    }
    hearth_status status = trace_needle_make(x, &settings, operands[1], &n, error);
    status = status == HEARTH_OK ? trace_find_suffix(x, &n.query, &m, error) : status;
    status = status == HEARTH_OK ? tell_next(c, x, s, n.query.length, &m, ret_code, error) : status;
    trace_matches_free(&m);
    trace_needle_free(&n);
    trace_index_close(x);
    return status;
}
