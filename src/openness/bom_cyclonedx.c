/* CycloneDX 1.6, a machine-learning bill of materials. */
#include "openness/card_facts.h"

#include "recipe/spdx.h"

#include <stdio.h>
#include <string.h>

static json_t *hashes(const char *sha256)
{
    return json_door_append(json_array(), json_pack("{s:s, s:s}", "alg", "SHA-256", "content", sha256));
}

static json_t *licences(const char *expression)
{
    const bool fits = expression != NULL && spdx_fits(expression);
    return json_door_append(
        json_array(), fits ? json_pack("{s:s}", "expression", expression)
                           : json_pack("{s:{s:s}}", "license", "name", expression != NULL ? expression : "not told"));
}

static json_t *model_card(const card_facts *f)
{
    json_t *parameters =
        json_pack("{s:{s:s}, s:s, s:s, s:s}", "approach", "type", "self-supervised", "task", "text-generation",
                  "architectureFamily", "transformer", "modelArchitecture", card_setting(f, "model.family"));
    parameters = json_door_put(parameters, "datasets", json_pack("[{s:s}]", "ref", "corpus"));
    parameters = json_door_put(parameters, "inputs", json_pack("[{s:s}]", "format", "text"));
    parameters = json_door_put(parameters, "outputs", json_pack("[{s:s}]", "format", "text"));
    json_t *card = json_door_put(json_object(), "modelParameters", parameters);
    const json_t *last = card_evaluation(f);
    if (last != NULL) {
        char value[32];
        (void)snprintf(value, sizeof value, "%.6g", json_number_value(json_object_get(last, "bits_per_byte")));
        json_t *analysis = json_pack("{s:[{s:s, s:s, s:s}]}", "performanceMetrics", "type", "bits per byte", "value",
                                     value, "slice", "held-out text");
        card = json_door_put(card, "quantitativeAnalysis", analysis);
    }
    json_t *considerations = json_pack("{s:[s, s]}", "technicalLimitations", "What it says may be wrong.",
                                       "Not trained to follow instructions or to refuse.");
    return json_door_put(card, "considerations", considerations);
}

static json_t *properties(const card_facts *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->flat.count; i++) {
        const flat_line *l = &f->flat.lines[i];
        if (strncmp(l->key, "model.", 6) == 0 || strncmp(l->key, "train.", 6) == 0) {
            char name[128];
            (void)snprintf(name, sizeof name, "openhearth:%s", l->key);
            list = json_door_append(list, json_pack("{s:s, s:s}", "name", name, "value", l->value));
        }
    }
    char flop[32];
    (void)snprintf(flop, sizeof flop, "%.6g", card_training(f, "flop"));
    list = json_door_append(list, json_pack("{s:s, s:s}", "name", "openhearth:training-flop", "value", flop));
    const char *chain = json_string_value(json_object_get(f->training, "chain"));
    return json_door_append(
        list, json_pack("{s:s, s:s}", "name", "openhearth:log-chain", "value", chain != NULL ? chain : ""));
}

static json_t *model_component(const card_facts *f)
{
    const card_file *weights = card_weights(f);
    json_t *c = json_pack("{s:s, s:s, s:s, s:s}", "type", "machine-learning-model", "bom-ref", "model", "name",
                          f->recipe->name, "description", f->recipe->description);
    c = json_door_put(c, "licenses", licences(f->recipe->licence));
    if (weights != NULL) {
        c = json_door_put(c, "version", json_string(weights->sha256));
        c = json_door_put(c, "hashes", hashes(weights->sha256));
    }
    if (f->provider != NULL) {
        c = json_door_put(c, "supplier", json_pack("{s:s}", "name", f->provider));
    }
    c = json_door_put(c, "modelCard", model_card(f));
    return json_door_put(c, "properties", properties(f));
}

static json_t *data_component(const card_facts *f)
{
    const char *sha256 = json_string_value(json_object_get(f->corpus, "sha256"));
    char name[256];
    (void)snprintf(name, sizeof name, "corpus of %.200s", f->recipe->name);
    json_t *data = json_pack("{s:s, s:s, s:s}", "type", "dataset", "name", name, "description", f->recipe->description);
    json_t *c = json_pack("{s:s, s:s, s:s}", "type", "data", "bom-ref", "corpus", "name", name);
    if (sha256 != NULL) {
        c = json_door_put(c, "hashes", hashes(sha256));
    }
    return json_door_put(c, "data", json_door_append(json_array(), data));
}

static json_t *file_component(const card_file *file)
{
    char ref[300];
    (void)snprintf(ref, sizeof ref, "file:%.250s", file->name);
    json_t *c = json_pack("{s:s, s:s, s:s}", "type", "file", "bom-ref", ref, "name", file->name);
    return json_door_put(c, "hashes", hashes(file->sha256));
}

/* A name that is the same whenever the same model is described: of its weights' hash, in the form that UUIDs of a
 * maker's own kind have (RFC 9562, version 8). */
static void serial_number(const card_facts *f, char ret[64])
{
    const card_file *weights = card_weights(f);
    const char *h = weights != NULL ? weights->sha256 : f->recipe->sha256;
    (void)snprintf(ret, 64, "urn:uuid:%.8s-%.4s-8%.3s-a%.3s-%.12s", h, h + 8, h + 13, h + 17, h + 20);
}

hearth_status bom_cyclonedx(const card_facts *f, json_t **ret, hearth_error *error)
{
    char serial[64];
    serial_number(f, serial);
    json_t *components = json_door_append(json_array(), data_component(f));
    json_t *depends = json_door_append(json_array(), json_string("corpus"));
    json_t *dependencies = json_array();
    for (size_t i = 0; i < f->file_count; i++) {
        json_t *file = file_component(&f->files[i]);
        depends = json_door_append(depends, json_incref(json_object_get(file, "bom-ref")));
        components = json_door_append(components, file);
    }
    dependencies = json_door_append(dependencies, json_pack("{s:s, s:o}", "ref", "model", "dependsOn", depends));
    json_t *tools = json_pack("{s:[{s:s, s:s}]}", "components", "type", "application", "name", "hearth openness docs");
    json_t *metadata = json_pack("{s:s, s:o}", "timestamp", f->created, "tools", tools);
    metadata = json_door_put(metadata, "component", model_component(f));
    json_t *value = json_pack("{s:s, s:s, s:s, s:i}", "bomFormat", "CycloneDX", "specVersion", "1.6", "serialNumber",
                              serial, "version", 1);
    value = json_door_put(value, "metadata", metadata);
    value = json_door_put(value, "components", components);
    *ret = json_door_put(value, "dependencies", dependencies);
    return *ret == NULL ? error_memory(error, 0) : HEARTH_OK;
}
