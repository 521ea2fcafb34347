/* A model's folder: what lies in it, what its card and its licences' texts say, what its recipe stands for. */
#include "openness/card_front.h"
#include "openness/card_manifest.h"
#include "openness/subject.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "formats/hub_cache.h"
#include "formats/json_file.h"
#include "platform/file.h"
#include "recipe/recipe.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

typedef struct folder {
    subject *s;
    const subject_options *o;
    char *root; /* the folder that has config.json */
    file_list files;
    component repository; /* licences told for all of it */
    card_front card;
    bool has_card;
    recipe *recipe;
} folder;

static bool matches(const char *name, const char *patterns)
{
    char one[64];
    for (const char *at = patterns; *at != '\0';) {
        const size_t length = strcspn(at, "|");
        (void)snprintf(one, sizeof one, "%.*s", (int)length, at);
        if (fnmatch(one, name, FNM_CASEFOLD) == 0) {
            return true;
        }
        at += length + (at[length] == '|');
    }
    return false;
}

/* The first file whose path is like one of the patterns, apart by '|'; NULL: none. */
static const char *find_file(const folder *f, const char *patterns)
{
    for (size_t i = 0; i < f->files.count; i++) {
        if (matches(f->files.names[i], patterns)) {
            return f->files.names[i];
        }
    }
    return NULL;
}

static hearth_status read_text(const folder *f, const char *name, buffer *out, hearth_error *error)
{
    char *path = file_join(f->root, name);
    buffer_init(out, LIMIT_CARD_BYTES);
    const hearth_status status = path == NULL ? error_memory(error, 0) : file_read(path, LIMIT_CARD_BYTES, out, error);
    mem_free(path);
    return status;
}

static char *keep(folder *f, const char *text, hearth_error *error)
{
    char *copy = arena_strndup(f->s->a, text, strlen(text));
    if (copy == NULL) {
        (void)error_memory(error, strlen(text));
    }
    return copy;
}

/* ---- licences of the whole ---- */

typedef enum terms_kind { TERMS_NOT, TERMS_LICENCE, TERMS_CLAUSES } terms_kind;

/* A licence's text, or one that may narrow it, by the file's name; not code and tables that are about licences, nor
 * the licences of the data or of what others made. */
static terms_kind kind_of_terms(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (matches(path, "*third*party*") || matches(name, "data*licen?e*|*_data_licen?e*")) {
        return TERMS_NOT;
    }
    if (matches(path, "license|license.*|license-*|licence|licence.*|copying|copying.*|*_license.txt|*license.txt|"
                      "*license.md")) {
        return TERMS_LICENCE;
    }
    if (strchr(name, '.') != NULL && !matches(name, "*.txt|*.md|*.rst|*.html|*.htm")) {
        return TERMS_NOT;
    }
    if (matches(name, "*license*|*licence*") || matches(path, "licenses/*|licences/*")) {
        return TERMS_LICENCE;
    }
    return matches(name, "*use_policy*|*use-policy*|*terms*|notice*") ? TERMS_CLAUSES : TERMS_NOT;
}

static hearth_status read_licence_files(folder *f, hearth_error *error)
{
    for (size_t i = 0; i < f->files.count; i++) {
        const char *name = f->files.names[i];
        const terms_kind kind = kind_of_terms(name);
        if (kind == TERMS_NOT) {
            continue;
        }
        buffer text = {0};
        char *file = keep(f, name, error);
        hearth_status status = file == NULL ? HEARTH_E_MEMORY : read_text(f, name, &text, error);
        if (status == HEARTH_OK && text.length > 0) {
            status = (kind == TERMS_LICENCE ? subject_add_text : subject_add_terms)(f->s, &f->repository, text.data,
                                                                                    text.length, file, error);
        }
        buffer_free(&text);
        TRY(status);
    }
    return HEARTH_OK;
}

/* license: of the card; "other" has license_name instead. */
static hearth_status read_card_licence(folder *f, hearth_error *error)
{
    const yaml_node *n = card_value(f->card.metadata, "license", 0);
    for (size_t i = 0; n != NULL; n = card_value(f->card.metadata, "license", ++i)) {
        const yaml_node *name = strcmp(n->text, "other") == 0 ? card_value(f->card.metadata, "license_name", 0) : NULL;
        const yaml_node *which = name != NULL ? name : n;
        const char *place = subject_format(f->s, error, "README.md, line %u, %s", which->line + 1,
                                           name != NULL ? "license_name" : "license");
        TRY(place == NULL ? HEARTH_E_MEMORY : subject_add_licence(f->s, &f->repository, which->text, place, error));
    }
    return HEARTH_OK;
}

/* Sentences of a card that close what its label opens. A card tells of much besides the model's terms (data, other
 * models, uses that are ill-advised), so they are few and plain, and lines on data or on what it is intended for are
 * passed over. */
static hearth_status read_card_terms(folder *f, hearth_error *error)
{
    static const char closing[] =
        "non-commercial use only|noncommercial use only|non commercial use only|non-commercial research use only|"
        "non-commercial research only|noncommercial research only|non-commercial purposes only|"
        "non-commercial research purposes only|only for non-commercial|only for noncommercial|"
        "only be used for non-commercial|for research use only|for research purposes only|"
        "only be used for research|for academic use only|for academic research only|not for commercial use|"
        "commercial use is not permitted|commercial use is not allowed|commercial use is prohibited|"
        "commercial use is forbidden|commercial use prohibited|commons clause";
    unsigned line = card_phrase_besides(
        &f->card, closing, "data|corpus|corpora|intended",
        "model is for|models are for|weights are for|model and|models and|weights and|model weights");
    if (line == 0) {
        return HEARTH_OK;
    }
    const char *place = subject_format(f->s, error, "README.md, line %u", line);
    return place == NULL ? HEARTH_E_MEMORY
                         : subject_add_clause(f->s, &f->repository, 'N', "the card's words", place, error);
}

/* ---- the card ---- */

#define CLAIMS                                                                                                         \
    "open source model|open-source model|open source language|open-source language|is open source|is "                 \
    "open-source|open-sourced|fully open|open source llm|open-source llm|truly open"
#define DISCLAIMS "not open source|not open-source"

static hearth_status read_claim(folder *f, hearth_error *error)
{
    const unsigned line = card_phrase(&f->card, CLAIMS);
    const yaml_node *tag = NULL;
    for (size_t i = 0; (tag = card_value(f->card.metadata, "tags", i)) != NULL; i++) {
        if (strcasecmp(tag->text, "open-source") == 0 || strcasecmp(tag->text, "open source") == 0) {
            break;
        }
    }
    if ((line == 0 || card_phrase(&f->card, DISCLAIMS) != 0) && tag == NULL) {
        return HEARTH_OK;
    }
    f->s->claim = "open source";
    f->s->claim_place = subject_format(f->s, error, "README.md, line %u", tag != NULL ? tag->line + 1 : line);
    return f->s->claim_place == NULL ? HEARTH_E_MEMORY : HEARTH_OK;
}

static hearth_status read_bases(folder *f, hearth_error *error)
{
    const yaml_node *n = card_value(f->card.metadata, "base_model", 0);
    for (size_t i = 0; n != NULL; n = card_value(f->card.metadata, "base_model", ++i)) {
        const char *place = subject_format(f->s, error, "README.md, line %u, base_model", n->line + 1);
        TRY(place == NULL ? HEARTH_E_MEMORY : subject_add_base(f->s, n->text, place, error));
        if (i == LIMIT_RECIPE_KEYS) {
            break;
        }
    }
    return HEARTH_OK;
}

static hearth_status section(folder *f, component_kind kind, const char *words, hearth_error *error)
{
    const unsigned line = card_heading(&f->card, words);
    if (line > 0 && f->s->components[kind].there != ANSWER_YES) {
        const char *place = subject_format(f->s, error, "README.md, line %u", line);
        if (place == NULL) {
            return HEARTH_E_MEMORY;
        }
        subject_found(f->s, kind, place, "a part of the model card");
    }
    return HEARTH_OK;
}

/* What the card says of the data, where there is no recipe to look at. */
static hearth_status read_card_data(folder *f, hearth_error *error)
{
    const yaml_node *n = card_value(f->card.metadata, "datasets", 0);
    const unsigned heading = card_heading(&f->card, "training data|dataset|pretraining data|pre-training data");
    if (n == NULL && heading == 0) {
        return HEARTH_OK;
    }
    const char *place = subject_format(f->s, error, "README.md, line %u", n != NULL ? n->line + 1 : heading);
    if (place == NULL) {
        return HEARTH_E_MEMORY;
    }
    const char *why = n != NULL ? "data sets are named; whether that is all of them, a person must say"
                                : "the card speaks of the training data; whether that is all, a person must say";
    for (size_t i = 0; i < 3; i++) {
        f->s->data[i] = (data_answer){ANSWER_UNKNOWN, place, why};
    }
    if (n != NULL) {
        f->s->components[COMPONENT_DATASETS] =
            (component){.there = ANSWER_UNKNOWN, .place = place, .detail = "named, not here to be looked at"};
    }
    return HEARTH_OK;
}

/* Usage information, as the guidelines on Article 53(2) ask for it. */
static void read_usage(folder *f)
{
    static const char *const parts[] = {
        "intended use|uses|usage|how to use|quick start|quickstart|getting started|inference",
        "limitation|out-of-scope|bias|risk",
        "input|output|modalit|model details|model description|overview|summary|introduction"};
    bool all = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        all = all && card_heading(&f->card, parts[i]) > 0;
    }
    f->s->usage = all ? ANSWER_YES : ANSWER_UNKNOWN;
    f->s->usage_place = "README.md";
}

static hearth_status read_card(folder *f, hearth_error *error)
{
    const char *name = find_file(f, "README.md|MODEL_CARD.md|model_card.md|model-card.md");
    if (name == NULL) {
        return HEARTH_OK;
    }
    buffer text = {0};
    hearth_status status = read_text(f, name, &text, error);
    char *kept = status == HEARTH_OK ? arena_strndup(f->s->a, buffer_text(&text), text.length) : NULL;
    buffer_free(&text);
    TRY(status);
    char *file = keep(f, name, error);
    if (kept == NULL || file == NULL) {
        return error_memory(error, text.length);
    }
    TRY(card_front_read(kept, strlen(kept), file, f->s->a, &f->card, error));
    f->has_card = true;
    if (strlen(f->card.body) >= 200) {
        subject_found(f->s, COMPONENT_MODEL_CARD, file, NULL);
    }
    TRY(read_card_licence(f, error));
    TRY(read_card_terms(f, error));
    TRY(read_claim(f, error));
    TRY(read_bases(f, error));
    TRY(section(f, COMPONENT_EVALUATION_RESULTS, "evaluation|benchmark|results|performance", error));
    TRY(section(f, COMPONENT_DATA_CARD, "training data|dataset|pretraining data", error));
    TRY(section(f, COMPONENT_SAMPLES, "sample|example output", error));
    read_usage(f);
    return read_card_data(f, error);
}

/* ---- files ---- */

static hearth_status file_component(folder *f, component_kind kind, const char *patterns, hearth_error *error)
{
    const char *name = find_file(f, patterns);
    char *kept = name != NULL ? keep(f, name, error) : NULL;
    if (name == NULL) {
        return HEARTH_OK;
    }
    if (kept == NULL) {
        return HEARTH_E_MEMORY;
    }
    f->s->components[kind] = (component){0}; /* a file says more than a card's heading */
    subject_found(f->s, kind, kept, NULL);
    return HEARTH_OK;
}

static hearth_status read_files(folder *f, hearth_error *error)
{
    static const struct {
        component_kind kind;
        const char *patterns;
    } rows[] = {
        {COMPONENT_PARAMETERS, "*.safetensors|*.gguf|pytorch_model*.bin|*.pth|*.pt|*.npz|*.msgpack"},
        {COMPONENT_TECHNICAL_REPORT,
         "TECHNICAL_REPORT.md|*technical*report*.pdf|*technical*report*.md|*tech_report*.pdf"},
        {COMPONENT_RESEARCH_PAPER, "paper.md|paper.pdf|*_paper.pdf"},
        {COMPONENT_DATA_CARD, "DATA_CARD.md|data_card.md|data-card.md|datasheet*.md"},
        {COMPONENT_EVALUATION_RESULTS, "EVALUATION.md|evaluation*.md|eval_results*|*results*.json"},
        {COMPONENT_SAMPLES, "samples.jsonl|samples*.md|sample_outputs*"},
        {COMPONENT_TRAINING_CODE, "train.py|train_*.py|training/*.py|*/train.py|pretrain*.py"},
        {COMPONENT_INFERENCE_CODE, "generate.py|inference*.py|inference/*.py|run.py|model.py"},
        {COMPONENT_EVALUATION_CODE, "eval*.py|evaluation/*.py"},
        {COMPONENT_PREPROCESSING, "prepare*.py|preprocess*.py|data/*.py|tokenize*.py"},
        {COMPONENT_METADATA, "state.json|generation_config.json|trainer_state.json"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TRY(file_component(f, rows[i].kind, rows[i].patterns, error));
    }
    return HEARTH_OK;
}

/* The program's own code: its licence is known. */
static hearth_status own_code(folder *f, component_kind kind, const char *place, const char *detail,
                              hearth_error *error)
{
    f->s->components[kind] = (component){0};
    subject_found(f->s, kind, place, detail);
    return subject_add_licence(f->s, &f->s->components[kind], SUBJECT_PROGRAM_LICENCE, SUBJECT_PROGRAM_PLACE, error);
}

static hearth_status read_config(folder *f, hearth_error *error)
{
    char *path = file_join(f->root, "config.json");
    json_t *config = NULL;
    if (path == NULL) {
        return error_memory(error, 0);
    }
    const hearth_status status =
        file_exists(path) ? json_file_read(path, LIMIT_CONFIG_FILE_BYTES, &config, error) : HEARTH_OK;
    mem_free(path);
    TRY(status);
    if (config == NULL) {
        return HEARTH_OK;
    }
    const char *class = json_string_value(json_array_get(json_object_get(config, "architectures"), 0));
    const char *type = json_string_value(json_object_get(config, "model_type"));
    const char *code = find_file(f, "modeling_*.py|modelling_*.py|modeling*.py|model.py");
    hearth_status result = HEARTH_OK;
    if (class != NULL && f->o->knows != NULL && f->o->knows(class, true)) {
        const char *what = subject_format(f->s, error, "%s: this program has its code", class);
        result = what == NULL ? HEARTH_E_MEMORY
                              : own_code(f, COMPONENT_ARCHITECTURE, "config.json, architectures", what, error);
        result = result == HEARTH_OK ? own_code(f, COMPONENT_INFERENCE_CODE, "hearth run", what, error) : result;
    } else if (code != NULL) {
        result = file_component(f, COMPONENT_ARCHITECTURE, "modeling_*.py|modelling_*.py|modeling*.py|model.py", error);
    } else if (class != NULL || type != NULL) {
        component *c = &f->s->components[COMPONENT_ARCHITECTURE];
        c->there = ANSWER_UNKNOWN;
        c->place = "config.json, architectures";
        c->detail = subject_format(f->s, error, "%s is named; its code is not here", class != NULL ? class : type);
        result = c->detail == NULL ? HEARTH_E_MEMORY : HEARTH_OK;
    }
    json_decref(config);
    return result;
}

/* ---- the recipe ---- */

/* The first source of which the recipe does not say both what it is, by a hash, and where anybody can have it; NULL:
 * none. */
static const recipe_source *loose_source(const recipe *r)
{
    for (size_t i = 0; i < r->source_count; i++) {
        const recipe_source *s = &r->sources[i];
        if (s->kind != SOURCE_GENERATOR && !(s->kind == SOURCE_DEBIAN && s->mirror != NULL && s->sha256 != NULL)) {
            return s;
        }
    }
    return NULL;
}

/* A run has the documents themselves. */
static bool has_documents(const folder *f)
{
    char *path = file_join(f->root, "../corpus/documents");
    const bool there = strcmp(f->root, f->s->path) != 0 && path != NULL && file_is_folder(path);
    mem_free(path);
    return there;
}

/* Each licence that documents have, for the data. */
static hearth_status data_licences(folder *f, const manifest_sum *m, component *c, hearth_error *error)
{
    const char *licence = NULL;
    json_t *row = NULL;
    size_t count = 0;
    const char *narrow = NULL;
    licence_verdict worst = {.verdict = LICENCE_OPEN, .flags = ~0u, .codes = "", .why = ""};
    json_object_foreach(m->licences, licence, row)
    {
        licence_verdict v;
        const char *text = strcmp(licence, "not told") == 0 ? NULL : licence;
        TRY(licence_judge(text, f->s->a, &v, error));
        count++;
        const bool worse = v.verdict == LICENCE_NONE ? worst.verdict == LICENCE_OPEN
                                                     : licence_narrowness(&v) > licence_narrowness(&worst);
        if (narrow == NULL || worse) {
            narrow = licence;
            worst = v;
        }
    }
    const char *note =
        subject_format(f->s, error, "%zu licence%s of documents; the narrowest", count, count == 1 ? "" : "s");
    char *kept = narrow != NULL ? keep(f, narrow, error) : NULL;
    TRY(note == NULL || (narrow != NULL && kept == NULL) ? HEARTH_E_MEMORY : HEARTH_OK);
    if (kept != NULL) {
        TRY(subject_add_licence(f->s, c, kept, "the manifest, license", error));
        c->findings->note = note;
        c->detail = note;
    }
    return HEARTH_OK;
}

static hearth_status source_licences(folder *f, component *c, hearth_error *error)
{
    for (size_t i = 0; i < f->recipe->source_count; i++) {
        const recipe_source *s = &f->recipe->sources[i];
        if (s->licence != NULL) {
            const char *place = subject_format(f->s, error, "recipe.yaml, sources, %s", s->name);
            char *licence = keep(f, s->licence, error);
            TRY(place == NULL || licence == NULL ? HEARTH_E_MEMORY
                                                 : subject_add_licence(f->s, c, licence, place, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status with_manifest(folder *f, const char *path, component *c, hearth_error *error)
{
    manifest_sum m = {0};
    corpus_summary summary;
    TRY(manifest_sum_read(path, &m, error));
    char *corpus = file_exists(path) ? text_format("%s/../corpus", f->root) : NULL;
    hearth_error none = {0};
    const bool told = corpus_read_summary(f->root, &summary, &none) == HEARTH_OK ||
                      (corpus != NULL && corpus_read_summary(corpus, &summary, &none) == HEARTH_OK);
    mem_free(corpus);
    hearth_status status = HEARTH_OK;
    const char *place = keep(f, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, error);
    if (!told || strcmp(summary.totals.sha256, m.sha256) != 0) {
        for (size_t i = 0; i < 3; i++) {
            f->s->data[i] =
                (data_answer){ANSWER_NO, place, "the manifest is not the one that corpus.json names by its hash"};
        }
    } else {
        const char *why = subject_format(
            f->s, error,
            "each of %llu documents with source, place, licence and what became of it; its hash is corpus.json's",
            (unsigned long long)m.documents);
        for (size_t i = 0; i < 3 && why != NULL; i++) {
            f->s->data[i] = (data_answer){ANSWER_YES, place, why};
        }
        status = why == NULL ? HEARTH_E_MEMORY : data_licences(f, &m, c, error);
    }
    manifest_sum_free(&m);
    return place == NULL ? HEARTH_E_MEMORY : status;
}

/* Sources and rules alone describe the data where generators make all of them. */
static void without_manifest(folder *f)
{
    bool made = f->recipe->source_count > 0;
    for (size_t i = 0; i < f->recipe->source_count; i++) {
        made = made && f->recipe->sources[i].kind == SOURCE_GENERATOR;
    }
    for (size_t i = 0; i < 3; i++) {
        f->s->data[i] = made ? (data_answer){ANSWER_YES, "recipe.yaml, sources",
                                             "a generator makes all of it again; its source is this program's"}
                             : (data_answer){ANSWER_UNKNOWN, "recipe.yaml, sources",
                                             "sources and rules are told; the manifest of documents is not here"};
    }
}

/* Where the data can be had: they are here, or the recipe says where. */
static hearth_status find_data(folder *f, component *c, hearth_error *error)
{
    const recipe_source *loose = loose_source(f->recipe);
    *c = (component){0};
    if (has_documents(f)) {
        subject_found(f->s, COMPONENT_DATASETS, "corpus/documents", "the documents themselves");
        return HEARTH_OK;
    }
    if (loose == NULL) {
        subject_found(f->s, COMPONENT_DATASETS, "recipe.yaml, sources",
                      "named by their hashes: the recipe makes the same corpus from them");
        return HEARTH_OK;
    }
    const char *why =
        subject_format(f->s, error, "the recipe does not say where the source %s can be had", loose->name);
    if (why == NULL) {
        return HEARTH_E_MEMORY;
    }
    *c = (component){.there = ANSWER_UNKNOWN, .place = "recipe.yaml, sources", .detail = why};
    for (size_t i = 1; i < 3; i++) {
        if (f->s->data[i].value == ANSWER_YES) {
            f->s->data[i] = (data_answer){ANSWER_UNKNOWN, "recipe.yaml, sources", why};
        }
    }
    return HEARTH_OK;
}

static hearth_status recipe_data(folder *f, hearth_error *error)
{
    component *c = &f->s->components[COMPONENT_DATASETS];
    component licences = {0};
    char *manifest = manifest_sum_place(f->root);
    hearth_status status = HEARTH_OK;
    if (manifest != NULL) {
        status = with_manifest(f, manifest, &licences, error);
    } else {
        without_manifest(f);
    }
    mem_free(manifest);
    status = status == HEARTH_OK && licences.findings == NULL ? source_licences(f, &licences, error) : status;
    status = status == HEARTH_OK ? find_data(f, c, error) : status;
    c->findings = licences.findings;
    if (status == HEARTH_OK && f->recipe->held_out > 0) {
        component *held_out = &f->s->components[COMPONENT_EVALUATION_DATA];
        *held_out =
            (component){.there = c->there, .place = "recipe.yaml, held_out", .detail = "documents of the same sources"};
        status = subject_share_licences(f->s, c, held_out, error);
    }
    return status;
}

static bool checks_hold(const subject *s)
{
    bool ok = s->check_count > 0;
    for (size_t i = 0; i < s->check_count; i++) {
        ok = ok && s->checks[i].ok;
    }
    return ok;
}

static hearth_status recipe_code(folder *f, hearth_error *error)
{
    static const struct {
        component_kind kind;
        const char *place, *detail;
    } rows[] = {
        {COMPONENT_ARCHITECTURE, "recipe.yaml, model", "this program has its code"},
        {COMPONENT_TRAINING_CODE, "recipe.yaml, train", "hearth train, with every setting"},
        {COMPONENT_INFERENCE_CODE, "hearth run", "this program"},
        {COMPONENT_EVALUATION_CODE, "recipe.yaml, held_out", "hearth train measures it, hearth score does"},
        {COMPONENT_PREPROCESSING, "recipe.yaml, rules", "hearth corpus, with every setting"},
        {COMPONENT_LIBRARIES, "recipe.yaml, tokenizer", "hearth tokenizer, and what docs/dependencies.md lists"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TRY(own_code(f, rows[i].kind, rows[i].place, rows[i].detail, error));
    }
    return HEARTH_OK;
}

/* A recipe that lies beside a model proves nothing where a hash differs, or where nobody looked. */
static hearth_status not_its_recipe(folder *f, hearth_error *error)
{
    static const component_kind kinds[] = {COMPONENT_TRAINING_CODE, COMPONENT_PREPROCESSING, COMPONENT_DATASETS,
                                           COMPONENT_CHECKPOINTS};
    const subject_check *bad = NULL;
    for (size_t i = 0; i < f->s->check_count && bad == NULL; i++) {
        bad = f->s->checks[i].ok ? NULL : &f->s->checks[i];
    }
    const char *why = bad == NULL
                          ? "a recipe is here; that it made this model was not checked"
                          : subject_format(f->s, error, "the recipe here did not make this model as it is: %s: %s",
                                           bad->what, bad->detail);
    if (why == NULL) {
        return HEARTH_E_MEMORY;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        f->s->components[kinds[i]] = (component){.there = ANSWER_UNKNOWN, .place = "recipe.yaml", .detail = why};
    }
    for (size_t i = 0; i < 3; i++) {
        f->s->data[i] = (data_answer){bad == NULL ? ANSWER_UNKNOWN : ANSWER_NO, "recipe.yaml", why};
    }
    return HEARTH_OK;
}

static hearth_status read_recipe(folder *f, hearth_error *error)
{
    char *path = file_join(f->root, "recipe.yaml");
    char *log = file_join(f->root, "log.jsonl");
    hearth_status status = path == NULL || log == NULL ? error_memory(error, 0) : HEARTH_OK;
    const bool there = status == HEARTH_OK && file_exists(path) && file_exists(log);
    status = there ? recipe_open(path, &f->recipe, error) : status;
    mem_free(path);
    mem_free(log);
    if (status != HEARTH_OK || !there) {
        return status;
    }
    f->s->made_by_recipe = checks_hold(f->s);
    f->s->flop_place = "recipe.yaml and log.jsonl";
    if (f->recipe->licence != NULL) {
        char *licence = keep(f, f->recipe->licence, error);
        TRY(licence == NULL ? HEARTH_E_MEMORY
                            : subject_add_licence(f->s, &f->repository, licence, "recipe.yaml, licence", error));
    }
    if (!f->s->made_by_recipe) {
        return not_its_recipe(f, error);
    }
    TRY(recipe_code(f, error));
    TRY(recipe_data(f, error));
    component *c = &f->s->components[COMPONENT_CHECKPOINTS];
    char *states = file_join(f->root, "../checkpoints");
    const bool run = strcmp(f->root, f->s->path) != 0 && states != NULL && file_is_folder(states);
    mem_free(states);
    if (run || f->s->components[COMPONENT_DATASETS].there == ANSWER_YES) {
        subject_found(f->s, COMPONENT_CHECKPOINTS, run ? "checkpoints" : "log.jsonl",
                      run ? "of the run"
                          : "not carried along: hearth reproduce makes each again, bit for bit; the log names them by "
                            "their hashes");
        return subject_share_licences(f->s, &f->repository, c, error);
    }
    c->there = ANSWER_UNKNOWN;
    c->place = "log.jsonl";
    c->detail = "named by their hashes; whether they can be made again was not shown";
    return HEARTH_OK;
}

/* ---- together ---- */

/* What a document's own metadata say of its licence. */
static hearth_status document_licence(folder *f, component *c, const char *file, hearth_error *error)
{
    buffer text = {0};
    card_front front;
    if (!text_ends(file, ".md") || strcmp(file, "README.md") == 0) {
        return HEARTH_OK;
    }
    TRY(read_text(f, file, &text, error));
    char *kept = arena_strndup(f->s->a, buffer_text(&text), text.length);
    hearth_status status = kept == NULL ? error_memory(error, text.length)
                                        : card_front_read(kept, strlen(kept), file, f->s->a, &front, error);
    buffer_free(&text);
    TRY(status);
    const yaml_node *n = card_value(front.metadata, "license", 0);
    if (n != NULL) {
        const char *place = subject_format(f->s, error, "%s, line %u, license", file, n->line + 1);
        TRY(place == NULL ? HEARTH_E_MEMORY : subject_add_licence(f->s, c, n->text, place, error));
    }
    /* A detailed report may stand for the paper (the framework's README): one with all parts of a paper. */
    if (c == &f->s->components[COMPONENT_TECHNICAL_REPORT] &&
        f->s->components[COMPONENT_RESEARCH_PAPER].there != ANSWER_YES && card_heading(&front, "data") > 0 &&
        card_heading(&front, "method|architecture") > 0 && card_heading(&front, "training") > 0 &&
        card_heading(&front, "result|evaluation") > 0 && card_heading(&front, "limit") > 0) {
        subject_found(f->s, COMPONENT_RESEARCH_PAPER, file, "the technical report has all parts of one");
        return subject_share_licences(f->s, c, &f->s->components[COMPONENT_RESEARCH_PAPER], error);
    }
    return HEARTH_OK;
}

static hearth_status spread_licences(folder *f, hearth_error *error)
{
    for (size_t i = 0; i < COMPONENT_KINDS; i++) {
        component *c = &f->s->components[i];
        if (c->there == ANSWER_YES && component_rows[i].content == CONTENT_DOCUMENT && c->findings == NULL) {
            TRY(document_licence(f, c, c->place, error));
        }
        if (c->there == ANSWER_YES && c->findings == NULL && i != COMPONENT_DATASETS &&
            i != COMPONENT_EVALUATION_DATA) {
            TRY(subject_share_licences(f->s, &f->repository, c, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status read_all(folder *f, hearth_error *error)
{
    TRY(hub_cache_list_files(f->root, &f->files, error));
    TRY(read_card(f, error));
    TRY(read_licence_files(f, error));
    TRY(read_files(f, error));
    TRY(read_config(f, error));
    TRY(read_recipe(f, error));
    return spread_licences(f, error);
}

char *subject_root(const char *path)
{
    char *inner = file_join(path, "model");
    char *config = file_join(path, "config.json");
    char *inner_config = file_join(path, "model/config.json");
    const bool run =
        inner != NULL && config != NULL && inner_config != NULL && !file_exists(config) && file_exists(inner_config);
    char *root = run ? inner : mem_strdup(path);
    if (!run) {
        mem_free(inner);
    }
    mem_free(config);
    mem_free(inner_config);
    return root;
}

hearth_status subject_read_folder(subject *s, const subject_options *o, hearth_error *error)
{
    folder f = {.s = s, .o = o, .root = subject_root(s->path)};
    const hearth_status status = f.root == NULL ? error_memory(error, 0) : read_all(&f, error);
    if (f.recipe != NULL) {
        s->name = arena_strndup(s->a, f.recipe->name, strlen(f.recipe->name));
    }
    recipe_close(f.recipe);
    file_list_free(&f.files);
    mem_free(f.root);
    return status;
}
