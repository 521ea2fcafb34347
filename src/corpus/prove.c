/* Sources and manifest side by side, both in the order of rows. */
#include "corpus/prove.h"

#include "base/json.h"
#include "base/text.h"
#include "corpus/source.h"

#include <stdio.h>
#include <string.h>

typedef struct proving {
    const recipe *r;
    const char *manifest;
    progress_fn progress;
    void *context;
    corpus_proof *proof;
    line_reader lines;
    document line;
    json_t *row; /* the next line; NULL: there is none */
    uint32_t source;
} proving;

static hearth_status next_row(proving *p, hearth_error *error)
{
    bool there = false;
    json_decref(p->row);
    p->row = NULL;
    document_clear(&p->line);
    TRY(line_next(&p->lines, &p->line, &there, error));
    if (!there) {
        return HEARTH_OK;
    }
    p->proof->documents++;
    return json_door_parse(buffer_text(&p->line.text), p->line.text.length, p->manifest, &p->row, error);
}

/* A text of the row, or of its metadata; "" where it has none. */
static const char *said(const proving *p, const char *key)
{
    const json_t *value = json_object_get(p->row, key);
    value = value != NULL ? value : json_object_get(json_object_get(p->row, "metadata"), key);
    return json_is_string(value) ? json_string_value(value) : "";
}

static hearth_status differs(const proving *p, const char *key, const char *expected, const char *found,
                             hearth_error *error)
{
    char place[64];
    char text[200];
    (void)snprintf(place, sizeof place, "line %llu, %s", (unsigned long long)p->proof->documents, key);
    (void)snprintf(text, sizeof text, "%.199s", expected);
    (void)error_set(error, HEARTH_E_FORMAT, place, text, "%.199s", found);
    error_in_file(error, p->manifest);
    return HEARTH_E_FORMAT;
}

static hearth_status put(void *context, document *d, hearth_error *error)
{
    proving *p = context;
    TRY(document_seal(d, error));
    if (p->row == NULL) {
        return differs(p, "place", "no more documents", buffer_text(&d->place), error);
    }
    const struct {
        const char *key, *found;
    } same[] = {{"source", p->r->sources[d->source].name},
                {"place", buffer_text(&d->place)},
                {"id", d->id},
                {"license", buffer_text(&d->licence)},
                {"license_evidence", buffer_text(&d->evidence)}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (strcmp(said(p, same[i].key), same[i].found) != 0) {
            return differs(p, same[i].key, said(p, same[i].key), same[i].found, error);
        }
    }
    p->proof->proven++;
    return next_row(p, error);
}

/* Names the first packages that are gone; " …" stands for the others. */
static void name_gone(corpus_proof *proof, const char *name, const char *version)
{
    const size_t used = strlen(proof->gone);
    if (text_ends(proof->gone, " …")) {
        return;
    }
    if (used + strlen(name) + strlen(version) + 8 < sizeof proof->gone) {
        (void)snprintf(proof->gone + used, sizeof proof->gone - used, "%s%s %s", used > 0 ? ", " : "", name, version);
    } else {
        (void)snprintf(proof->gone + used, sizeof proof->gone - used, " …");
    }
}

/* Passes over the rows of a package that is not there. */
static hearth_status gone(void *context, const char *name, const char *version, const char *file,
                          uint64_t *ret_documents, hearth_error *error)
{
    proving *p = context;
    const char *source = p->r->sources[p->source].name;
    const size_t length = strlen(file);
    *ret_documents = 0;
    name_gone(p->proof, name, version);
    p->proof->packages_gone++;
    while (p->row != NULL && strcmp(said(p, "source"), source) == 0 && strncmp(said(p, "place"), file, length) == 0 &&
           said(p, "place")[length] == ':') {
        ++*ret_documents;
        TRY(next_row(p, error));
    }
    return HEARTH_OK;
}

static hearth_status go_on(void *context, hearth_error *error)
{
    const proving *p = context;
    return p->progress == NULL || p->progress(p->context, "reading sources again", p->proof->proven, 0, "documents")
               ? HEARTH_OK
               : error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
}

static hearth_status prove(proving *p, hearth_error *error)
{
    const document_sink sink = {.put = put, .context = p, .go_on = go_on, .gone = gone};
    TRY(byte_stream_open(p->manifest, &p->lines.stream, error));
    TRY(next_row(p, error));
    for (p->source = 0; p->source < p->r->source_count; p->source++) {
        source_report report;
        TRY(source_read(p->r, p->source, &sink, &report, error));
    }
    return p->row == NULL ? HEARTH_OK : differs(p, "place", said(p, "place"), "no more documents", error);
}

hearth_status corpus_prove(const recipe *r, const char *manifest, progress_fn progress, void *context,
                           corpus_proof *ret, hearth_error *error)
{
    *ret = (corpus_proof){0};
    proving p = {.r = r, .manifest = manifest, .progress = progress, .context = context, .proof = ret};
    document_init(&p.line);
    const hearth_status status = prove(&p, error);
    json_decref(p.row);
    document_free(&p.line);
    byte_stream_close(p.lines.stream);
    return status;
}
