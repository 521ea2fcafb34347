/* The data card: what the manifest adds up to. */
#include "openness/card_facts.h"

#include <stdio.h>
#include <string.h>

#define ROWS_MOST 40u

static hearth_status sources(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 2, "Sources: provenance and how they were obtained", error));
    TRY(page_table(p, (const char *const[]){"source", "kind", "licence", "from", "SHA-256", NULL}, error));
    for (size_t i = 0; i < f->recipe->source_count; i++) {
        const recipe_source *s = &f->recipe->sources[i];
        const char *from = s->mirror != NULL      ? s->mirror
                           : s->path != NULL      ? s->path
                           : s->generator != NULL ? s->generator
                                                  : "";
        TRY(page_row(p,
                     (const char *const[]){s->name, card_source_kind(s->kind),
                                           s->licence != NULL ? s->licence : "each document its own", from,
                                           s->sha256 != NULL ? s->sha256 : "not pinned", NULL},
                     error));
    }
    return page_table_end(p, error);
}

static hearth_status scope(const card_facts *f, card_page *p, hearth_error *error)
{
    char a[32];
    char b[32];
    TRY(page_heading(p, 2, "Scope", error));
    TRY(page_table(p, (const char *const[]){"", "documents", "bytes", NULL}, error));
    TRY(page_row(p,
                 (const char *const[]){"seen", text_number(card_corpus(f, "documents"), a),
                                       text_number(card_corpus(f, "bytes"), b), NULL},
                 error));
    TRY(page_row(p,
                 (const char *const[]){"kept", text_number(card_corpus(f, "kept"), a),
                                       text_number(card_corpus(f, "kept_bytes"), b), NULL},
                 error));
    TRY(page_row(p, (const char *const[]){"of them held out", text_number(card_corpus(f, "held_out"), a), "", NULL},
                 error));
    TRY(page_table_end(p, error));
    if (f->manifest.last_kept > 0) {
        TRY(page_text(p, error, "Documents say that they were made between %04u-%02u-%02u and %04u-%02u-%02u.",
                      (unsigned)(f->manifest.first_kept / 10000), (unsigned)(f->manifest.first_kept / 100 % 100),
                      (unsigned)(f->manifest.first_kept % 100), (unsigned)(f->manifest.last_kept / 10000),
                      (unsigned)(f->manifest.last_kept / 100 % 100), (unsigned)(f->manifest.last_kept % 100)));
    }
    return HEARTH_OK;
}

/* Name, documents, bytes of what was counted; the largest. */
static hearth_status counted(const json_t *counts, const char *what, card_page *p, hearth_error *error)
{
    json_t *rows = manifest_sum_rows(counts);
    size_t i = 0;
    const json_t *row = NULL;
    hearth_status status = rows == NULL ? error_memory(error, 0) : HEARTH_OK;
    status =
        status == HEARTH_OK ? page_table(p, (const char *const[]){what, "documents", "bytes", NULL}, error) : status;
    json_array_foreach(rows, i, row)
    {
        char a[32];
        char b[32];
        if (status != HEARTH_OK || i == ROWS_MOST) {
            break;
        }
        const char *const cells[] = {json_string_value(json_array_get(row, 0)),
                                     text_number((uint64_t)json_integer_value(json_array_get(row, 1)), a),
                                     text_number((uint64_t)json_integer_value(json_array_get(row, 2)), b), NULL};
        status = page_row(p, cells, error);
    }
    status = status == HEARTH_OK ? page_table_end(p, error) : status;
    if (status == HEARTH_OK && json_array_size(rows) > ROWS_MOST) {
        status = page_text(p, error, "And %zu smaller ones, in the manifest.", json_array_size(rows) - ROWS_MOST);
    }
    json_decref(rows);
    return status;
}

static hearth_status manifest(const card_facts *f, card_page *p, hearth_error *error)
{
    if (!f->has_manifest) {
        return page_text(p, error, "The manifest of documents is not beside the model; its SHA-256 is %s.",
                         json_string_value(json_object_get(f->corpus, "sha256")));
    }
    TRY(page_heading(p, 2, "Licences of documents that were kept", error));
    TRY(counted(f->manifest.licences, "licence", p, error));
    TRY(page_heading(p, 2, "Languages", error));
    TRY(counted(f->manifest.languages, "language", p, error));
    TRY(page_heading(p, 2, "Where they stood: the largest", error));
    TRY(counted(f->manifest.places, "package, host or folder", p, error));
    TRY(page_heading(p, 2, "What became of each document", error));
    TRY(page_text(p, error, "Kept, or the rule that dropped it. %s has a line for each document.", f->manifest_path));
    return counted(f->manifest.fates, "fate", p, error);
}

static hearth_status rules(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 2, "How documents were selected, filtered and changed", error));
    for (size_t i = 0; i < f->recipe->rule_count; i++) {
        const recipe_rule *r = &f->recipe->rules[i];
        char text[1200];
        int at = snprintf(text, sizeof text, "%s", r->name);
        for (size_t k = 0; k < r->parameter_count && at > 0 && (size_t)at < sizeof text; k++) {
            at += snprintf(text + at, sizeof text - (size_t)at, "%s %s = %s", k == 0 ? ":" : ";", r->parameters[k].name,
                           r->parameters[k].value);
        }
        for (char *end = strchr(text, '\n'); end != NULL; end = strchr(end, '\n')) {
            *end = ' ';
        }
        TRY(page_item(p, error, "%s", text));
    }
    TRY(page_item(
        p, error,
        "held out, and never trained on: a share of %s of the documents or groups of them, drawn by their hashes",
        card_setting(f, "held_out")));
    TRY(page_list_end(p, error));
    return page_text(p, error, "No document was labelled by people.");
}

hearth_status card_data(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 1, "Data card", error));
    TRY(page_text(p, error, "What %s was trained on, computed from its manifest.", f->recipe->name));
    TRY(sources(f, p, error));
    TRY(scope(f, p, error));
    TRY(rules(f, p, error));
    TRY(manifest(f, p, error));
    TRY(page_heading(p, 2, "Personal data, bias, limits", error));
    TRY(page_person(p,
                    "what is known of people in the text, of groups that it shows too often or too seldom, and of what "
                    "it must not be used for",
                    error));
    return page_text(p, error,
                     "The same corpus again: hearth corpus build recipe.yaml, beside the sources that it names.");
}
