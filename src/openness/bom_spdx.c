/* SPDX 3.0.1, profiles AI and Dataset, as JSON-LD: a flat graph whose elements name each other. */
#include "openness/card_facts.h"

#include <stdio.h>
#include <string.h>

typedef struct graph {
    const card_facts *f;
    char base[160]; /* of names */
    json_t *elements;
    json_t *names; /* of all, for the document */
} graph;

static json_t *name_of(const graph *g, const char *id)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s%s", g->base, id);
    return json_string(text);
}

static json_t *begin(const graph *g, const char *type, const char *id)
{
    json_t *e = json_pack("{s:s}", "type", type);
    e = json_door_put(e, "spdxId", name_of(g, id));
    return json_door_put(e, "creationInfo", json_string("_:creation"));
}

static void add(graph *g, const char *id, json_t *element)
{
    g->elements = json_door_append(g->elements, element);
    g->names = json_door_append(g->names, name_of(g, id));
}

static void relate(graph *g, const char *id, const char *from, const char *type, json_t *to)
{
    json_t *e = begin(g, "Relationship", id);
    e = json_door_put(e, "from", name_of(g, from));
    e = json_door_put(e, "relationshipType", json_string(type));
    add(g, id, json_door_put(e, "to", to));
}

static json_t *one(const graph *g, const char *id)
{
    return json_door_append(json_array(), name_of(g, id));
}

static json_t *hashes(const char *sha256)
{
    return json_door_append(json_array(),
                            json_pack("{s:s, s:s, s:s}", "type", "Hash", "algorithm", "sha256", "hashValue", sha256));
}

static void add_licence(graph *g, const char *id, const char *expression)
{
    json_t *e = begin(g, "simplelicensing_LicenseExpression", id);
    add(g, id,
        json_door_put(e, "simplelicensing_licenseExpression",
                      json_string(expression != NULL ? expression : "NOASSERTION")));
}

static json_t *hyperparameters(const card_facts *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->flat.count; i++) {
        const flat_line *l = &f->flat.lines[i];
        if (strncmp(l->key, "model.", 6) == 0 || strncmp(l->key, "train.", 6) == 0) {
            list = json_door_append(
                list, json_pack("{s:s, s:s, s:s}", "type", "DictionaryEntry", "key", l->key, "value", l->value));
        }
    }
    return list;
}

static json_t *metrics(const card_facts *f)
{
    const json_t *last = card_evaluation(f);
    char value[32];
    if (last == NULL) {
        return NULL;
    }
    (void)snprintf(value, sizeof value, "%.6g", json_number_value(json_object_get(last, "bits_per_byte")));
    return json_door_append(json_array(), json_pack("{s:s, s:s, s:s}", "type", "DictionaryEntry", "key",
                                                    "bits per byte, held-out text", "value", value));
}

static json_t *energy(const card_facts *f)
{
    const json_t *joules = json_object_get(json_object_get(f->training, "cost"), "joules");
    if (!json_is_number(joules)) {
        return NULL;
    }
    json_t *use = json_pack("{s:s, s:o, s:s}", "type", "ai_EnergyConsumptionDescription", "ai_energyQuantity",
                            json_door_number(json_number_value(joules) / 3.6e6), "ai_energyUnit", "kilowattHour");
    json_t *list = json_door_append(json_array(), use);
    return json_door_put(json_pack("{s:s}", "type", "ai_EnergyConsumption"), "ai_trainingEnergyConsumption", list);
}

static void add_model(graph *g)
{
    const card_facts *f = g->f;
    const card_file *weights = card_weights(f);
    char training[512];
    (void)snprintf(training, sizeof training,
                   "Trained from random weights by the recipe with SHA-256 %s; %.3g floating-point operations; chain "
                   "of hashes ends with %s.",
                   f->recipe->sha256, card_training(f, "flop"),
                   json_string_value(json_object_get(f->training, "chain")));
    json_t *e = begin(g, "ai_AIPackage", "model");
    e = json_door_put(e, "name", json_string(f->recipe->name));
    e = json_door_put(e, "summary", json_string(f->recipe->description));
    e = json_door_put(e, "releaseTime", json_string(f->created));
    e = json_door_put(e, "suppliedBy", name_of(g, "provider"));
    e = json_door_put(e, "software_downloadLocation", f->url != NULL ? json_string(f->url) : name_of(g, "model"));
    e = json_door_put(e, "software_packageVersion", json_string(weights != NULL ? weights->sha256 : "unknown"));
    e = json_door_put(e, "software_primaryPurpose", json_string("model"));
    e = json_door_put(e, "ai_typeOfModel", json_pack("[s, s]", "transformer", card_setting(f, "model.family")));
    e = json_door_put(e, "ai_domain", json_pack("[s]", "natural language"));
    e = json_door_put(e, "ai_autonomyType", json_string("noAssertion"));
    e = json_door_put(e, "ai_useSensitivePersonalInformation", json_string("noAssertion"));
    e = json_door_put(e, "ai_informationAboutTraining", json_string(training));
    e = json_door_put(e, "ai_limitation",
                      json_string("What it says may be wrong. Not trained to follow instructions or to refuse."));
    e = json_door_put(e, "ai_hyperparameter", hyperparameters(f));
    if (card_evaluation(f) != NULL) {
        e = json_door_put(e, "ai_metric", metrics(f));
    }
    if (json_is_number(json_object_get(json_object_get(f->training, "cost"), "joules"))) {
        e = json_door_put(e, "ai_energyConsumption", energy(f));
    }
    add(g, "model", e);
}

static json_t *preprocessing(const card_facts *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->recipe->rule_count; i++) {
        list = json_door_append(list, json_string(f->recipe->rules[i].name));
    }
    return list;
}

static void add_data(graph *g)
{
    const card_facts *f = g->f;
    const char *sha256 = json_string_value(json_object_get(f->corpus, "sha256"));
    json_t *e = begin(g, "dataset_DatasetPackage", "data");
    char name[256];
    (void)snprintf(name, sizeof name, "corpus of %.200s", f->recipe->name);
    e = json_door_put(e, "name", json_string(name));
    e = json_door_put(e, "summary", json_string(f->recipe->description));
    e = json_door_put(e, "builtTime", json_string(f->created));
    e = json_door_put(e, "releaseTime", json_string(f->created));
    e = json_door_put(e, "originatedBy", one(g, "provider"));
    e = json_door_put(e, "software_downloadLocation", f->url != NULL ? json_string(f->url) : name_of(g, "data"));
    e = json_door_put(e, "software_primaryPurpose", json_string("data"));
    e = json_door_put(e, "dataset_datasetType", json_pack("[s]", "text"));
    e = json_door_put(e, "dataset_datasetSize", json_integer((json_int_t)card_corpus(f, "kept_bytes")));
    e = json_door_put(e, "dataset_datasetAvailability", json_string("scrapingScript"));
    e = json_door_put(e, "dataset_hasSensitivePersonalInformation", json_string("noAssertion"));
    e = json_door_put(
        e, "dataset_dataCollectionProcess",
        json_string(
            "hearth corpus build, by recipe.yaml; the manifest lists each document with source, licence and fate"));
    if (f->recipe->rule_count > 0) {
        e = json_door_put(e, "dataset_dataPreprocessing", preprocessing(f));
    }
    if (sha256 != NULL) { /* of the manifest's lines, which name each document by its hash */
        e = json_door_put(e, "verifiedUsing", hashes(sha256));
    }
    add(g, "data", e);
}

static json_t *add_files(graph *g)
{
    json_t *all = json_array();
    for (size_t i = 0; i < g->f->file_count; i++) {
        const card_file *file = &g->f->files[i];
        char id[300];
        (void)snprintf(id, sizeof id, "file-%zu", i);
        json_t *e = begin(g, "software_File", id);
        e = json_door_put(e, "name", json_string(file->name));
        e = json_door_put(e, "verifiedUsing", hashes(file->sha256));
        add(g, id, e);
        all = json_door_append(all, name_of(g, id));
    }
    return all;
}

/* AND of what documents have; NOASSERTION where one tells none. */
static const char *data_licence(const card_facts *f)
{
    size_t size = 1;
    const char *licence = NULL;
    json_t *row = NULL;
    bool told = json_object_size(f->manifest.licences) > 0;
    json_object_foreach(f->manifest.licences, licence, row)
    {
        size += strlen(licence) + sizeof " AND ()";
        told = told && strcmp(licence, "not told") != 0 && strcmp(licence, "NOASSERTION") != 0;
    }
    if (json_object_size(f->manifest.licences) == 0 && f->recipe->source_count == 1 &&
        f->recipe->sources[0].licence != NULL) {
        return f->recipe->sources[0].licence;
    }
    char *text = told ? arena_alloc(f->a, size) : NULL;
    size_t at = 0;
    json_object_foreach(f->manifest.licences, licence, row)
    {
        const bool joined = strchr(licence, ' ') != NULL;
        if (text != NULL) {
            at += (size_t)snprintf(text + at, size - at, "%s%s%s%s", at > 0 ? " AND " : "", joined ? "(" : "", licence,
                                   joined ? ")" : "");
        }
    }
    return text != NULL ? text : "NOASSERTION";
}

static void add_document(graph *g)
{
    json_t *profiles = json_pack("[s, s, s, s, s]", "core", "software", "simpleLicensing", "ai", "dataset");
    json_t *e = begin(g, "SpdxDocument", "document");
    e = json_door_put(e, "profileConformance", profiles);
    e = json_door_put(e, "rootElement", one(g, "model"));
    e = json_door_put(e, "element", json_incref(g->names));
    g->elements = json_door_append(g->elements, e);
}

hearth_status bom_spdx(const card_facts *f, json_t **ret, hearth_error *error)
{
    const card_file *weights = card_weights(f);
    graph g = {.f = f, .elements = json_array(), .names = json_array()};
    (void)snprintf(g.base, sizeof g.base,
                   "urn:spdx:openhearth:%.64s:", weights != NULL ? weights->sha256 : f->recipe->sha256);
    json_t *info = json_pack("{s:s, s:s, s:s, s:s}", "type", "CreationInfo", "@id", "_:creation", "specVersion",
                             "3.0.1", "created", f->created);
    info = json_door_put(info, "createdBy", one(&g, "provider"));
    json_t *tools = one(&g, "tool");
    info = json_door_put(info, "createdUsing", tools);
    g.elements = json_door_append(g.elements, info);
    json_t *provider = begin(&g, "Organization", "provider");
    add(&g, "provider", json_door_put(provider, "name", json_string(f->provider != NULL ? f->provider : "not told")));
    json_t *tool = begin(&g, "Tool", "tool");
    add(&g, "tool", json_door_put(tool, "name", json_string("hearth openness docs")));
    add_licence(&g, "licence", f->recipe->licence);
    add_licence(&g, "data-licence", data_licence(f));
    add_model(&g);
    add_data(&g);
    relate(&g, "model-declared", "model", "hasDeclaredLicense", one(&g, "licence"));
    relate(&g, "model-concluded", "model", "hasConcludedLicense", one(&g, "licence"));
    relate(&g, "data-declared", "data", "hasDeclaredLicense", one(&g, "data-licence"));
    relate(&g, "data-concluded", "data", "hasConcludedLicense", one(&g, "data-licence"));
    relate(&g, "trained-on", "model", "trainedOn", one(&g, "data"));
    relate(&g, "contains", "model", "contains", add_files(&g));
    add_document(&g);
    json_decref(g.names);
    json_t *value = json_pack("{s:s}", "@context", "https://spdx.org/rdf/3.0.1/spdx-context.jsonld");
    *ret = json_door_put(value, "@graph", g.elements);
    return *ret == NULL ? error_memory(error, 0) : HEARTH_OK;
}
