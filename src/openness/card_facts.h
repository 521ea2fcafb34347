/* What is known of a model that a recipe made: the one place that its papers read. */
#ifndef OPENNESS_CARD_FACTS_H
#define OPENNESS_CARD_FACTS_H

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "openness/card_manifest.h"
#include "openness/card_page.h"
#include "recipe/flat.h"
#include "recipe/recipe.h"

typedef struct card_file {
    const char *name;
    uint64_t bytes;
    char sha256[HASH_HEX_SIZE];
} card_file;

typedef struct card_facts {
    arena *a;
    recipe *recipe;
    flat_recipe flat;      /* every value of it, defaults included */
    json_t *corpus;        /* corpus.json */
    json_t *config;        /* config.json */
    manifest_sum manifest; /* of nothing where it is not here */
    bool has_manifest;
    card_file *files; /* of the model's folder, papers left out */
    size_t file_count;
    const json_t *training;     /* borrowed: what the caller read of the log */
    const char *provider, *url; /* borrowed; NULL: not told */
    char created[32];           /* of the papers, UTC */
    char manifest_path[512];
} card_facts;

typedef struct card_wish {
    const char *folder;     /* of the model */
    const json_t *training; /* steps, tokens, flop, first, last, evaluations, checkpoints, cost */
    const char *provider, *url;
    int64_t when_s; /* seconds since 1970 */
} card_wish;

/* HEARTH_E_NOT_FOUND where there is no recipe. */
hearth_status card_facts_open(const card_wish *wish, card_facts *ret, hearth_error *error);
void card_facts_close(card_facts *f); /* zeroed ones are allowed */

/* A number of corpus.json; a value of the recipe by its key ("train.steps"), "" where it has none. */
uint64_t card_corpus(const card_facts *f, const char *key);
const char *card_setting(const card_facts *f, const char *key);
double card_training(const card_facts *f, const char *key); /* NAN: not known */
/* The last evaluation, or NULL. */
const json_t *card_evaluation(const card_facts *f);
/* A licence as a hub's card names it; "other" where it has none for it. */
const char *card_hub_licence(const char *id);
/* The weights: the first .safetensors; NULL: none. */
const card_file *card_weights(const card_facts *f);
bool card_is_paper(const char *name); /* a file that hearth openness writes, or a licence or signature */
/* "2 sources: Debian packages, a generator" for people. */
const char *card_source_kind(recipe_source_kind kind);

/* ---- the papers ---- */

typedef struct card_paper {
    const char *name; /* "README.md" */
    const char *title;
    bool front; /* its Markdown begins with metadata */
    hearth_status (*write)(const card_facts *f, card_page *p, hearth_error *error);
} card_paper;
extern const card_paper card_papers[]; /* the last has no name */

hearth_status card_model(const card_facts *f, card_page *p, hearth_error *error);
hearth_status card_data(const card_facts *f, card_page *p, hearth_error *error);
hearth_status card_report(const card_facts *f, card_page *p, hearth_error *error);
hearth_status card_results(const card_facts *f, card_page *p, hearth_error *error);
hearth_status summary_training_content(const card_facts *f, card_page *p, hearth_error *error);
hearth_status summary_annex_xi(const card_facts *f, card_page *p, hearth_error *error);
hearth_status summary_annex_xii(const card_facts *f, card_page *p, hearth_error *error);

/* Bills of materials; the caller owns *ret. */
hearth_status bom_spdx(const card_facts *f, json_t **ret, hearth_error *error);
hearth_status bom_cyclonedx(const card_facts *f, json_t **ret, hearth_error *error);

/* All of it into a folder that is made: Markdown, HTML (in html/ where `html`), JSON. *ret_count files. */
hearth_status card_write_all(const card_facts *f, const char *folder, bool html, size_t *ret_count,
                             hearth_error *error);

#endif
