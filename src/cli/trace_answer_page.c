/* A traced answer as a page that needs nothing else. */
#include "cli/page_parts.h"
#include "cli/trace_answer.h"

#include "base/markup.h"
#include "base/memory.h"

#include <string.h>

static const char style[] =
    "<style>\na.span { color: inherit; text-decoration: underline 2px var(--kept) } mark { background: none; color: "
    "inherit; text-decoration: underline 2px var(--kept) }\n"
    "details { border-left: 3px solid var(--line); padding-left: .8em; margin: .5em 0 } .high { font-weight: bold }\n"
    "dl { display: grid; grid-template-columns: max-content auto; gap: 0 1em; margin: .3em 0 } dd { margin: 0; "
    "overflow-wrap: anywhere }\n</style>\n";

/* A part of a text, which has no end of its own. */
static hearth_status add(buffer *out, const char *text, size_t length, hearth_error *error)
{
    buffer part;
    buffer_init(&part, 0);
    hearth_status status = buffer_append(&part, text, length, error);
    status = status == HEARTH_OK ? markup_text(out, buffer_text(&part), true, error) : status;
    buffer_free(&part);
    return status;
}

static hearth_status add_answer(const traced_answer *t, buffer *out, hearth_error *error)
{
    const buffer *text = &t->run.last.text;
    size_t at = 0;
    TRY(buffer_append_text(out, "<h1>Traced answer</h1>\n<h2>Question</h2>\n<pre>", error));
    TRY(add(out, t->question, strlen(t->question), error));
    TRY(buffer_append_text(out, "</pre>\n<h2>Answer</h2>\n<pre>", error));
    for (size_t i = 0; i < t->found.span_count; i++) {
        const attributed_span *s = &t->found.spans[i];
        const size_t from = s->begin > at ? s->begin : at;
        TRY(add(out, buffer_text(text) + at, from - at, error));
        TRY(buffer_printf(out, error, "<a class=\"span\" href=\"#span-%zu\">", i + 1));
        TRY(add(out, buffer_text(text) + from, s->end - from, error));
        TRY(buffer_append_text(out, "</a>", error));
        at = s->end;
    }
    TRY(add(out, buffer_text(text) + at, text->length - at, error));
    return buffer_append_text(out,
                              "</pre>\n<p>What is underlined stands word for word in the training data. That it stands "
                              "there does not prove that the model has it from there.</p>\n",
                              error);
}

static hearth_status add_fact(buffer *out, const char *name, const char *value, hearth_error *error)
{
    if (value[0] == '\0') {
        return HEARTH_OK;
    }
    TRY(buffer_printf(out, error, "<dt>%s</dt><dd>", name));
    TRY(markup_text(out, value, false, error));
    return buffer_append_text(out, "</dd>\n", error);
}

static hearth_status add_facts(const trace_document *d, buffer *out, hearth_error *error)
{
    TRY(buffer_append_text(out, "<dl>\n", error));
    TRY(add_fact(out, "Source", d->source, error));
    TRY(add_fact(out, "Place", d->place, error));
    TRY(add_fact(out, "Licence", d->licence, error));
    TRY(add_fact(out, "Evidence", d->evidence, error));
    TRY(add_fact(out, "SHA-256", d->id, error));
    TRY(add_fact(out, "Held out", d->held_out ? "yes: not trained on" : "", error));
    return buffer_append_text(out, "</dl>\n", error);
}

static hearth_status add_document(const attributed_document *d, buffer *out, hearth_error *error)
{
    const char *text = buffer_text(&d->text);
    TRY(buffer_printf(out, error, "<details><summary class=\"%s\">%s: ", rank_level_name(d->level),
                      rank_level_name(d->level)));
    TRY(markup_text(out, d->document.place[0] != '\0' ? d->document.place : d->document.source, false, error));
    TRY(buffer_append_text(out, "</summary>\n", error));
    TRY(add_facts(&d->document, out, error));
    TRY(buffer_append_text(out, "<pre>", error));
    TRY(add(out, text, d->match, error));
    TRY(buffer_append_text(out, "<mark>", error));
    TRY(add(out, text + d->match, d->after - d->match, error));
    TRY(buffer_append_text(out, "</mark>", error));
    TRY(add(out, text + d->after, d->text.length - d->after, error));
    return buffer_append_text(out, "</pre></details>\n", error);
}

static hearth_status add_spans(const traced_answer *t, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < t->found.span_count; i++) {
        const attributed_span *s = &t->found.spans[i];
        TRY(buffer_printf(out, error, "<section id=\"span-%zu\">\n<h3>“", i + 1));
        TRY(add(out, buffer_text(&t->run.last.text) + s->begin, s->end - s->begin, error));
        TRY(buffer_printf(out, error, "”</h3>\n<p>%llu times in the corpus; relevance: %s</p>\n",
                          (unsigned long long)s->count, rank_level_name(s->level)));
        for (size_t j = 0; j < s->document_count; j++) {
            TRY(add_document(&s->documents[j], out, error));
        }
        TRY(buffer_append_text(out, "</section>\n", error));
    }
    return HEARTH_OK;
}

static hearth_status add_more(const traced_answer *t, buffer *out, hearth_error *error)
{
    if (t->influences != NULL) {
        TRY(buffer_printf(out, error,
                          "<h2>Influence</h2>\n<p>An estimate over %zu checkpoints; more than 0: made the "
                          "answer likelier.</p>\n",
                          t->checkpoints));
    }
    for (size_t i = 0; i < t->influence_count; i++) {
        TRY(buffer_printf(out, error, "<details><summary>%.3e, %s</summary>\n", t->influences[i].influence,
                          t->influences[i].traced ? "traced" : "drawn"));
        TRY(add_facts(&t->influences[i].document, out, error));
        TRY(buffer_append_text(out, "</details>\n", error));
    }
    if (t->retrained) {
        TRY(buffer_printf(out, error, "<h2>Trained again without %zu documents</h2>\n<pre>", t->s->without.count));
        TRY(add(out, buffer_text(&t->other), t->other.length, error));
        TRY(buffer_printf(out, error,
                          "</pre>\n<p>Weights with them: <code>%s</code><br>without them: "
                          "<code>%s</code></p>\n",
                          t->weights, t->other_weights));
    }
    return HEARTH_OK;
}

hearth_status trace_show_html(const traced_answer *t, buffer *out, hearth_error *error)
{
    TRY(page_head("Traced answer", out, error));
    TRY(buffer_append_text(out, style, error));
    TRY(add_answer(t, out, error));
    TRY(add_spans(t, out, error));
    TRY(add_more(t, out, error));
    return page_end(out, error);
}
