/* The public summary of training content that Article 53(1)(d) of Regulation (EU) 2024/1689 asks for, by the AI
 * Office's template (annex to C(2025) 5235, 24 July 2025): all its sections, filled in as far as recipe and manifest
 * know. */
#include "openness/card_facts.h"

#include <stdio.h>
#include <string.h>

static bool has_kind(const card_facts *f, recipe_source_kind kind)
{
    for (size_t i = 0; i < f->recipe->source_count; i++) {
        if (f->recipe->sources[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* Of kinds that are neither Debian's packages nor a generator the recipe does not know who made them available. */
static bool only_known(const card_facts *f)
{
    for (size_t i = 0; i < f->recipe->source_count; i++) {
        const recipe_source_kind kind = f->recipe->sources[i].kind;
        if (kind != SOURCE_DEBIAN && kind != SOURCE_GENERATOR) {
            return false;
        }
    }
    return true;
}

static hearth_status general(const card_facts *f, card_page *p, hearth_error *error)
{
    const card_file *weights = card_weights(f);
    TRY(page_heading(p, 2, "1. General information", error));
    TRY(page_heading(p, 3, "1.1 Provider", error));
    if (f->provider != NULL) {
        TRY(page_text(p, error, "Provider: %s", f->provider));
    } else {
        TRY(page_person(p, "provider name", error));
    }
    TRY(page_person(p, "contact details; authorised representative, for a provider outside the Union", error));
    TRY(page_heading(p, 3, "1.2 Model", error));
    TRY(page_text(p, error, "Versioned model name: %s, version by SHA-256 of its weights: %s", f->recipe->name,
                  weights != NULL ? weights->sha256 : "not known"));
    TRY(page_text(p, error, "Model dependencies: none; all weights were drawn at random and trained from there."));
    return page_person(p, "date of placing on the Union market", error);
}

/* A byte-level vocabulary makes at most one token of a byte: fewer bytes than a range's end are fewer tokens, too. */
static const char *size_range(uint64_t bytes)
{
    return bytes < 1000000000u            ? "less than 1 billion tokens"
           : bytes < 10u * 1000000000000u ? "1 billion to 10 trillion tokens (or fewer: bytes are more than tokens)"
                                          : "to be counted in tokens";
}

static hearth_status modalities(const card_facts *f, card_page *p, hearth_error *error)
{
    char bytes[32];
    json_t *languages = manifest_sum_rows(f->manifest.languages);
    TRY(page_heading(p, 3, "1.3 Modalities, overall size and characteristics", error));
    TRY(page_table(p, (const char *const[]){"modality", "size", "types of content", NULL}, error));
    char size[160];
    (void)snprintf(size, sizeof size, "%s; %s bytes after pre-processing", size_range(card_corpus(f, "kept_bytes")),
                   text_number(card_corpus(f, "kept_bytes"), bytes));
    TRY(page_row(p, (const char *const[]){"text", size, f->recipe->description, NULL}, error));
    static const char *const others[] = {"image", "audio", "video", "other"};
    for (size_t i = 0; i < 4; i++) {
        TRY(page_row(p, (const char *const[]){others[i], "none", "", NULL}, error));
    }
    TRY(page_table_end(p, error));
    if (f->manifest.last_kept > 0) {
        TRY(page_text(p, error, "Latest date that a document tells: %02u/%04u. It is not trained further on new data.",
                      (unsigned)(f->manifest.last_kept / 100 % 100), (unsigned)(f->manifest.last_kept / 10000)));
    } else {
        TRY(page_person(p, "latest date of data acquisition (MM/YYYY)", error));
    }
    hearth_status status = HEARTH_OK;
    if (json_array_size(languages) > 0) {
        size_t i = 0;
        const json_t *row = NULL;
        status = page_text(p, error, "Linguistic characteristics, by bytes:");
        json_array_foreach(languages, i, row)
        {
            status = status != HEARTH_OK || i >= 30
                         ? status
                         : page_item(p, error, "%s: %lld bytes", json_string_value(json_array_get(row, 0)),
                                     (long long)json_integer_value(json_array_get(row, 2)));
        }
    } else {
        status = page_text(p, error, "Linguistic characteristics: as the sources' languages are told in the recipe.");
    }
    json_decref(languages);
    TRY(status);
    return page_person(p, "other characteristics (national, regional, demographic), where known", error);
}

static hearth_status public_sets(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 2, "2. List of data sources", error));
    TRY(page_heading(p, 3, "2.1 Publicly available datasets", error));
    if (!has_kind(f, SOURCE_DEBIAN) && only_known(f)) {
        return page_text(p, error, "Used: no.");
    }
    if (has_kind(f, SOURCE_DEBIAN)) {
        TRY(page_text(p, error, "Used: yes. Modality: text. Large ones:"));
        for (size_t i = 0; i < f->recipe->source_count; i++) {
            const recipe_source *s = &f->recipe->sources[i];
            if (s->kind == SOURCE_DEBIAN) {
                TRY(page_item(
                    p, error, "%s: packages of Debian from %s, each named by its SHA-256 in a list whose SHA-256 is %s",
                    s->name, s->mirror != NULL ? s->mirror : "a mirror", s->sha256 != NULL ? s->sha256 : "not pinned"));
            }
        }
        TRY(page_list_end(p, error));
    }
    return only_known(f) ? HEARTH_OK
                         : page_person(p,
                                       "which of the other sources of recipe.yaml are public datasets, with links and "
                                       "periods of collection",
                                       error);
}

static hearth_status private_sets(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 3, "2.2 Private non-publicly available datasets obtained from third parties", error));
    TRY(page_text(p, error, "2.2.1 Datasets commercially licensed by rightsholders"));
    TRY(only_known(f) ? page_text(p, error, "Used: no.")
                      : page_person(p, "whether a source of recipe.yaml was licensed commercially", error));
    TRY(page_text(p, error, "2.2.2 Private datasets obtained from other third parties"));
    return only_known(f) ? page_text(p, error, "Used: no.")
                         : page_person(p, "whether a source of recipe.yaml was had privately from others", error);
}

/* Registrable domains need the list of public suffixes; hosts are told instead. */
static hearth_status domains(const card_facts *f, card_page *p, hearth_error *error)
{
    json_t *rows = manifest_sum_rows(f->manifest.places);
    const size_t count = json_array_size(rows);
    const size_t large = (count + 9) / 10;
    size_t i = 0;
    const json_t *row = NULL;
    hearth_status status = page_text(
        p, error,
        "Hosts of the top 10%% by size of content (%zu of %zu; small providers may list 5%% or 1,000):", large, count);
    json_array_foreach(rows, i, row)
    {
        status = status != HEARTH_OK || i >= large
                     ? status
                     : page_item(p, error, "%s: %lld bytes", json_string_value(json_array_get(row, 0)),
                                 (long long)json_integer_value(json_array_get(row, 2)));
    }
    json_decref(rows);
    return status == HEARTH_OK ? page_list_end(p, error) : status;
}

static hearth_status crawled(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 3, "2.3 Data crawled and scraped from online sources", error));
    if (only_known(f)) {
        return page_text(p, error,
                         "Used: no. No crawler was run; the recipe's sources are all listed under 2.1 and 2.5.");
    }
    if (!has_kind(f, SOURCE_WARC)) {
        return page_person(p, "whether the files of recipe.yaml were crawled; crawlers, purposes, behaviour, period",
                           error);
    }
    TRY(page_person(p,
                    "whether these web pages were crawled by or for the provider (else they belong to 2.1); names of "
                    "crawlers, purposes, behaviour (robots.txt, captchas, paywalls), period (MM/YYYY to MM/YYYY)",
                    error));
    return f->has_manifest ? domains(f, p, error) : HEARTH_OK;
}

static hearth_status others(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 3, "2.4 User data", error));
    TRY(only_known(f)
            ? page_text(p, error, "From interactions with the model: no. From other services or products: no.")
            : page_person(p, "whether a source of recipe.yaml is user data, of which service", error));
    TRY(page_heading(p, 3, "2.5 Synthetic data", error));
    if (has_kind(f, SOURCE_GENERATOR)) {
        TRY(page_text(
            p, error,
            "Used: yes. Modality: text. Made by a program with rules, whose source is public, and by no AI model."));
    } else {
        TRY(only_known(f)
                ? page_text(p, error, "Used: no.")
                : page_person(p, "whether a source of recipe.yaml was written by a model, and by which", error));
    }
    TRY(page_heading(p, 3, "2.6 Other sources of data", error));
    return only_known(f) ? page_text(p, error, "Used: no.") : page_person(p, "other sources, if any", error);
}

static hearth_status processing(const card_facts *f, card_page *p, hearth_error *error)
{
    bool licences = false;
    TRY(page_heading(p, 2, "3. Data processing aspects", error));
    TRY(page_heading(p, 3, "3.1 Respect of reservation of rights from the text and data mining exception", error));
    TRY(page_person(p, "whether the provider has signed the General-Purpose AI Code of Practice", error));
    for (size_t i = 0; i < f->recipe->rule_count; i++) {
        licences = licences || strcmp(f->recipe->rules[i].name, "licence_allow") == 0;
    }
    TRY(page_text(
        p, error,
        licences ? "Documents were kept only where a licence of the recipe's list is declared for them; DATA_CARD.md "
                   "counts them."
                 : "The recipe has no rule that asks for a licence of each document."));
    TRY(page_person(p, "other measures to respect reservations, before and during collection", error));
    TRY(page_heading(p, 3, "3.2 Removal of illegal content", error));
    TRY(page_text(p, error, "Rules that were run on every document:"));
    for (size_t i = 0; i < f->recipe->rule_count; i++) {
        TRY(page_item(p, error, "%s", f->recipe->rules[i].name));
    }
    TRY(page_list_end(p, error));
    TRY(page_person(p, "measures against illegal content beyond these rules", error));
    TRY(page_heading(p, 3, "3.3 Other information (optional)", error));
    return page_text(p, error, "Every document is listed with its source, licence and fate: %s.",
                     f->has_manifest ? f->manifest_path : "the manifest, by its SHA-256 in corpus.json");
}

hearth_status summary_training_content(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 1, "Public summary of training content", error));
    TRY(page_text(p, error,
                  "By the template of the European Commission's AI Office (24 July 2025) for Article 53(1)(d) of "
                  "Regulation (EU) 2024/1689."));
    TRY(page_text(p, error, "Version of the summary: 1. Last update: %.2s/%.2s/%.2s.", f->created + 8, f->created + 5,
                  f->created + 2));
    TRY(general(f, p, error));
    TRY(modalities(f, p, error));
    TRY(public_sets(f, p, error));
    TRY(private_sets(f, p, error));
    TRY(crawled(f, p, error));
    TRY(others(f, p, error));
    return processing(f, p, error);
}
