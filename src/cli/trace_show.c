/* A traced answer for people at a terminal, and for programs. */
#include "cli/trace_answer.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_DOCUMENTS 3u /* of a span */
#define SHOWN_AROUND 100u  /* bytes before and behind a match */
#define SHOWN_INFLUENCES 10u

/* ---- texts ---- */

/* A place in one line: ends of lines and tabs become spaces. */
static hearth_status add_line(const char *text, size_t length, buffer *out, hearth_error *error)
{
    const size_t begin = out->length;
    TRY(terminal_harmless(text, length, out, error));
    for (size_t i = begin; i < out->length; i++) {
        out->data[i] = out->data[i] == '\n' || out->data[i] == '\t' ? ' ' : out->data[i];
    }
    return HEARTH_OK;
}

/* To where a character begins. */
static size_t whole_from(const char *text, size_t length, size_t at)
{
    while (at < length && ((unsigned char)text[at] & 0xC0) == 0x80) {
        at++;
    }
    return at;
}

/* An epoch's colon is %3a in names of files. */
static hearth_status add_version(const char *text, const char *end, buffer *out, hearth_error *error)
{
    const char *colon = strstr(text, "%3a");
    if (colon == NULL || colon >= end) {
        return add_line(text, (size_t)(end - text), out, error);
    }
    TRY(add_line(text, (size_t)(colon - text), out, error));
    TRY(buffer_append_char(out, ':', error));
    return add_line(colon + 3, (size_t)(end - colon - 3), out, error);
}

/* "acl 2.3.1-3, usr/share/man/man1/acl.1.gz" of "acl_2.3.1-3_amd64.deb:usr/share/…"; another place stays as it is. */
static hearth_status add_place(const trace_document *d, buffer *out, hearth_error *error)
{
    const char *end = strstr(d->place, ".deb:");
    const char *version = end != NULL ? memchr(d->place, '_', (size_t)(end - d->place)) : NULL;
    const char *last = version != NULL ? memchr(version + 1, '_', (size_t)(end - version - 1)) : NULL;
    if (last == NULL) {
        TRY(add_line(d->source, strlen(d->source), out, error));
        TRY(buffer_append_text(out, d->place[0] != '\0' ? ", " : "", error));
        return add_line(d->place, strlen(d->place), out, error);
    }
    TRY(buffer_append_text(out, "package ", error));
    TRY(add_line(d->place, (size_t)(version - d->place), out, error));
    TRY(buffer_append_char(out, ' ', error));
    TRY(add_version(version + 1, last, out, error));
    TRY(buffer_append_text(out, ", ", error));
    return add_line(end + 5, strlen(end + 5), out, error);
}

static hearth_status add_source(const trace_document *d, buffer *out, hearth_error *error)
{
    TRY(add_place(d, out, error));
    TRY(buffer_printf(out, error, " (document %llu%s)\n", (unsigned long long)d->row,
                      d->held_out ? ", held out: not trained on" : ""));
    TRY(buffer_append_text(out, "           licence ", error));
    TRY(add_line(d->licence, strlen(d->licence), out, error));
    if (d->evidence[0] != '\0') {
        TRY(buffer_append_text(out, " by ", error));
        TRY(add_line(d->evidence, strlen(d->evidence), out, error));
    }
    return buffer_append_char(out, '\n', error);
}

/* ---- the answer ---- */

static hearth_status add_answer(const traced_answer *t, buffer *out, hearth_error *error)
{
    const char *text = buffer_text(&t->run.last.text);
    const char *underlined = terminal_style(stdout, "underline");
    const char *dim = terminal_style(stdout, "dim");
    const char *reset = terminal_style(stdout, "reset");
    size_t at = 0;
    for (size_t i = 0; i < t->found.span_count; i++) {
        const attributed_span *s = &t->found.spans[i];
        const size_t from = s->begin > at ? s->begin : at; /* spans may overlap */
        TRY(terminal_harmless(text + at, from - at, out, error));
        TRY(buffer_append_text(out, underlined, error));
        TRY(terminal_harmless(text + from, s->end - from, out, error));
        TRY(buffer_append_text(out, reset, error));
        if (*dim != '\0') {
            TRY(buffer_printf(out, error, "%s[%zu]%s", dim, i + 1, reset));
        }
        at = s->end;
    }
    TRY(terminal_harmless(text + at, t->run.last.text.length - at, out, error));
    return buffer_append_text(out, "\n", error);
}

static hearth_status add_document(const attributed_document *d, buffer *out, hearth_error *error)
{
    const char *text = buffer_text(&d->text);
    const size_t from = d->match > SHOWN_AROUND ? whole_from(text, d->match, d->match - SHOWN_AROUND) : 0;
    const size_t left = d->text.length - d->after;
    const size_t to = left > SHOWN_AROUND ? whole_from(text, d->text.length, d->after + SHOWN_AROUND) : d->text.length;
    TRY(buffer_printf(out, error, "    %-6s ", rank_level_name(d->level)));
    TRY(add_source(&d->document, out, error));
    TRY(buffer_printf(out, error, "           %s%s", terminal_style(stdout, "dim"), from > 0 ? "…" : ""));
    TRY(add_line(text + from, d->match - from, out, error));
    TRY(buffer_printf(out, error, "%s%s", terminal_style(stdout, "reset"),
                      terminal_colored(stdout) ? terminal_style(stdout, "underline") : "["));
    TRY(add_line(text + d->match, d->after - d->match, out, error));
    TRY(buffer_printf(out, error, "%s%s", terminal_colored(stdout) ? terminal_style(stdout, "reset") : "]",
                      terminal_style(stdout, "dim")));
    TRY(add_line(text + d->after, to - d->after, out, error));
    return buffer_printf(out, error, "%s%s\n", to < d->text.length ? "…" : "", terminal_style(stdout, "reset"));
}

static bool same_words(const traced_answer *t, size_t a, size_t b)
{
    const char *text = buffer_text(&t->run.last.text);
    const attributed_span *x = &t->found.spans[a], *y = &t->found.spans[b];
    return x->end - x->begin == y->end - y->begin && memcmp(text + x->begin, text + y->begin, x->end - x->begin) == 0;
}

static bool was_before(const traced_answer *t, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (same_words(t, i, index)) {
            return true;
        }
    }
    return false;
}

/* "[2], [4]-[7]": all spans with the words of this one, their first. */
static hearth_status add_numbers(const traced_answer *t, size_t index, buffer *out, hearth_error *error)
{
    for (size_t i = index; i < t->found.span_count; i++) {
        if (!same_words(t, i, index)) {
            continue;
        }
        const size_t from = i;
        while (i + 1 < t->found.span_count && same_words(t, i + 1, index)) {
            i++;
        }
        TRY(buffer_printf(out, error, "%s[%zu]", from > index ? ", " : "", from + 1));
        TRY(i > from ? buffer_printf(out, error, "-[%zu]", i + 1) : HEARTH_OK);
    }
    return HEARTH_OK;
}

static hearth_status add_span(const traced_answer *t, size_t index, buffer *out, hearth_error *error)
{
    const attributed_span *s = &t->found.spans[index];
    char count[32];
    if (was_before(t, index)) {
        return HEARTH_OK;
    }
    TRY(buffer_append_char(out, '\n', error));
    TRY(add_numbers(t, index, out, error));
    TRY(buffer_append_text(out, " \"", error));
    TRY(add_line(buffer_text(&t->run.last.text) + s->begin, s->end - s->begin, out, error));
    TRY(buffer_printf(out, error, "\"  %s time%s in the corpus\n", terminal_number(s->count, count),
                      s->count == 1 ? "" : "s"));
    for (size_t i = 0; i < s->document_count && i < SHOWN_DOCUMENTS; i++) {
        TRY(add_document(&s->documents[i], out, error));
    }
    if (s->document_count > SHOWN_DOCUMENTS) {
        const size_t more = s->document_count - SHOWN_DOCUMENTS;
        TRY(buffer_printf(out, error, "    and %zu document%s more (--html, --json)\n", more, more == 1 ? "" : "s"));
    }
    return HEARTH_OK;
}

/* ---- why, and without ---- */

static hearth_status add_influences(const traced_answer *t, buffer *out, hearth_error *error)
{
    TRY(buffer_printf(out, error,
                      "\nInfluence of %zu documents at %zu checkpoint%s (an estimate; more than 0: made the answer "
                      "likelier):\n",
                      t->influence_count, t->checkpoints, t->checkpoints == 1 ? "" : "s"));
    for (size_t i = 0; i < t->influence_count && i < SHOWN_INFLUENCES; i++) {
        const trace_influence *f = &t->influences[i];
        TRY(buffer_printf(out, error, "%11.3e %s ", f->influence, f->traced ? "traced" : "drawn "));
        TRY(add_source(&f->document, out, error));
    }
    if (t->influence_count > SHOWN_INFLUENCES) {
        TRY(buffer_printf(out, error, "    and %zu documents more (--json)\n", t->influence_count - SHOWN_INFLUENCES));
    }
    return HEARTH_OK;
}

static hearth_status add_other(const traced_answer *t, buffer *out, hearth_error *error)
{
    TRY(buffer_printf(out, error,
                      "\nTrained again without %zu document%s (%llu tokens of %llu steps were not learned):\n",
                      t->s->without.count, t->s->without.count == 1 ? "" : "s", (unsigned long long)t->without_left_out,
                      (unsigned long long)t->without_steps));
    TRY(terminal_harmless(buffer_text(&t->other), t->other.length, out, error));
    TRY(buffer_printf(out, error, "\n    weights with them    %s\n    weights without them %s\n",
                      t->weights[0] != '\0' ? t->weights : "not known", t->other_weights));
    const run_answer *a = &t->run.last;
    const bool same = a->text.length == t->other.length &&
                      memcmp(buffer_text(&a->text), buffer_text(&t->other), t->other.length) == 0;
    return buffer_printf(out, error, "    the answer is %s%s\n", same ? "the same" : "another",
                         t->without_left_out == 0 ? ": no step had read a token of them" : "");
}

hearth_status trace_show_text(const traced_answer *t, hearth_error *error)
{
    buffer out;
    buffer_init(&out, 0);
    hearth_status status = add_answer(t, &out, error);
    for (size_t i = 0; status == HEARTH_OK && i < t->found.span_count; i++) {
        status = add_span(t, i, &out, error);
    }
    if (status == HEARTH_OK && t->found.span_count == 0) {
        status = buffer_append_text(&out, "\nNothing of it stands word for word in the corpus.\n", error);
    }
    if (status == HEARTH_OK && t->influences != NULL) {
        status = add_influences(t, &out, error);
    }
    if (status == HEARTH_OK && t->retrained) {
        status = add_other(t, &out, error);
    }
    if (status == HEARTH_OK) {
        (void)fwrite(buffer_text(&out), 1, out.length, stdout); /* terminal_finish tells what was lost */
        if (terminal_is(stderr)) {
            cli_note(t->c, "answered in %.3f s, traced in %.3f s", t->run.last.prompt_seconds + t->run.last.seconds,
                     t->trace_seconds);
        }
    }
    buffer_free(&out);
    return status;
}

/* ---- for programs ---- */

static json_t *influences_json(const traced_answer *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->influence_count; i++) {
        const trace_influence *f = &t->influences[i];
        json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:b}", "row", (json_int_t)f->document.row, "id",
                                f->document.id, "source", f->document.source, "place", f->document.place, "licence",
                                f->document.licence, "held_out", (int)f->document.held_out, "traced", (int)f->traced);
        list = json_door_append(list, json_door_put(row, "influence", json_door_number(f->influence)));
    }
    json_t *made = json_door_put(json_object(), "checkpoints", json_integer((json_int_t)t->checkpoints));
    made = json_door_put(made, "sequences", json_integer((json_int_t)t->sequences));
    made = json_door_put(made, "seconds", json_door_number(t->why_seconds));
    return json_door_put(made, "documents", list);
}

static json_t *other_json(const traced_answer *t)
{
    json_t *without = json_array();
    for (size_t i = 0; i < t->s->without.count; i++) {
        without = json_door_append(without, json_string(t->s->without.items[i]));
    }
    json_t *made = json_door_put(json_object(), "documents", without);
    made = json_door_put(made, "answer", json_door_text(buffer_text(&t->other), t->other.length));
    made = json_door_put(made, "steps", json_integer((json_int_t)t->without_steps));
    made = json_door_put(made, "targets_left_out", json_integer((json_int_t)t->without_left_out));
    made = json_door_put(made, "loss", json_door_number(t->other_loss));
    made = json_door_put(made, "weights_with", t->weights[0] != '\0' ? json_string(t->weights) : json_null());
    made = json_door_put(made, "weights_without", json_string(t->other_weights));
    return json_door_put(made, "seconds", json_door_number(t->without_seconds));
}

json_t *trace_show_json(const traced_answer *t)
{
    const run_answer *a = &t->run.last;
    const rank_text answer = {buffer_text(&a->text), a->text.length};
    json_t *made = json_door_put(json_object(), "question", json_door_string(t->question));
    made = json_door_put(made, "answer", json_door_text(answer.text, answer.length));
    made = json_door_put(made, "finish", json_string(run_end_name(a->end)));
    made = json_door_put(made, "trace", attribution_json(&t->found, t->index, &answer));
    made = json_door_put(made, "seconds",
                         json_pack("{s:f, s:f}", "answer", a->prompt_seconds + a->seconds, "trace", t->trace_seconds));
    if (t->influences != NULL) {
        made = json_door_put(made, "why", influences_json(t));
    }
    return t->retrained ? json_door_put(made, "without", other_json(t)) : made;
}
