#include "indexing/texts.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "corpus/source_part.h"
#include "formats/json_file.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

/* ---- what it is ---- */

static hearth_status is_corpus(const char *path, bool *ret, hearth_error *error)
{
    char *name = file_join(path, "corpus.json"), *documents = file_join(path, "documents");
    const bool memory = name != NULL && documents != NULL;
    *ret = memory && file_exists(name) && file_is_folder(documents);
    mem_free(name);
    mem_free(documents);
    return memory ? HEARTH_OK : error_memory(error, strlen(path));
}

hearth_status indexing_texts_look(const char *path, indexing_texts *ret, hearth_error *error)
{
    bool corpus = false;
    *ret = (indexing_texts){0};
    size_t length = 0;
    const char *name = text_last_part(path, &length);
    (void)snprintf(ret->name, sizeof ret->name, "%.*s",
                   (int)(length < sizeof ret->name ? length : sizeof ret->name - 1), name);
    TRY(is_corpus(path, &corpus, error));
    if (corpus) {
        corpus_summary summary;
        TRY(corpus_read_summary(path, &summary, error));
        ret->total = summary.totals.kept;
        memcpy(ret->corpus_sha256, summary.totals.sha256, sizeof ret->corpus_sha256);
    }
    return HEARTH_OK;
}

/* ---- a corpus ---- */

typedef struct reading {
    indexing_texts *texts;
    indexing_text_fn fn;
    void *context;
    const char *source;
    uint64_t row;
} reading;

static hearth_status put_corpus(void *context, const corpus_document *d, hearth_error *error)
{
    const reading *r = context;
    const indexing_text t = {.row = d->row,
                             .id = d->id,
                             .source = d->source,
                             .place = d->place,
                             .licence = d->licence,
                             .evidence = d->evidence,
                             .language = d->language,
                             .held_out = d->held_out,
                             .text = d->text,
                             .length = d->length};
    return r->fn(r->context, &t, error);
}

/* ---- plain files: read as a recipe's source would be ---- */

static bool is_jsonl(const char *name)
{
    return source_has_ending(name, (const char *const[]){".jsonl", NULL});
}

static bool is_archive(const char *name)
{
    static const char *const ends[] = {".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2", ".zip", ".7z"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (text_ends(name, ends[i])) {
            return true;
        }
    }
    return false;
}

/* A folder that has JSON lines is a dataset. */
static hearth_status kind_of_folder(const char *path, recipe_source_kind *ret, hearth_error *error)
{
    file_list list = {0};
    *ret = SOURCE_FOLDER;
    TRY(file_list_folder(path, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        *ret = is_jsonl(list.names[i]) ? SOURCE_DATASET : *ret;
    }
    file_list_free(&list);
    return HEARTH_OK;
}

static hearth_status kind_of(const char *path, recipe_source_kind *ret, hearth_error *error)
{
    if (file_is_folder(path)) {
        return kind_of_folder(path, ret, error);
    }
    *ret = is_jsonl(path) ? SOURCE_JSONL : is_archive(path) ? SOURCE_ARCHIVE : SOURCE_TEXT;
    return HEARTH_OK;
}

static hearth_status put_plain(void *context, document *d, hearth_error *error)
{
    reading *r = context;
    TRY(document_seal(d, error));
    TRY(document_want_utf8(d, error));
    if (d->fate != NULL || d->too_large || d->text.length == 0) {
        r->texts->passed_over++;
        return HEARTH_OK;
    }
    const indexing_text t = {.id = d->id,
                             .source = r->source,
                             .place = buffer_text(&d->place),
                             .licence = buffer_text(&d->licence),
                             .evidence = buffer_text(&d->evidence),
                             .language = buffer_text(&d->language),
                             .text = buffer_text(&d->text),
                             .length = d->text.length};
    return r->fn(r->context, &t, error);
}

static hearth_status each_plain(const char *path, const char *licence, reading *r, hearth_error *error)
{
    recipe_source source = {.name = "texts",
                            .path = path,
                            .field = "text",
                            .split = "file",
                            .licence = licence,
                            .evidence = licence != NULL ? "said when the index was made" : NULL};
    const recipe made = {.sources = &source, .source_count = 1, .folder = "."};
    const document_sink sink = {.put = put_plain, .context = r};
    source_report report;
    TRY(kind_of(path, &source.kind, error));
    return source_read(&made, 0, &sink, &report, error);
}

hearth_status indexing_texts_each(const char *path, const char *licence, indexing_texts *texts, indexing_text_fn fn,
                                  void *context, hearth_error *error)
{
    reading r = {.texts = texts, .fn = fn, .context = context, .source = texts->name};
    return texts->corpus_sha256[0] != '\0' ? corpus_each(path, put_corpus, &r, error)
                                           : each_plain(path, licence, &r, error);
}
