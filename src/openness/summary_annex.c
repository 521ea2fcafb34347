/* Technical documentation after Annex XI, and information for those who build the model in after Annex XII, of
 * Regulation (EU) 2024/1689. */
#include "openness/card_facts.h"
#include "openness/verdict.h"

#include <math.h>
#include <stdio.h>

static hearth_status shared(const card_facts *f, card_page *p, const char *licence_item, hearth_error *error)
{
    char count[32];
    const double parameters = card_training(f, "parameters");
    TRY(page_person(p, "(a) the tasks that it is meant for, and the kinds of systems it can be built into", error));
    TRY(page_person(p, "(b) acceptable use policies, if any", error));
    TRY(page_person(p, "(c) date of release and methods of distribution", error));
    TRY(page_text(p, error, "Architecture and number of parameters: %s, %s layers of width %s; %s parameters.",
                  card_setting(f, "model.family"), card_setting(f, "model.layers"), card_setting(f, "model.width"),
                  isnan(parameters) ? "an unknown number of" : text_number((uint64_t)parameters, count)));
    TRY(page_text(p, error,
                  "Modality and format of inputs and outputs: text (UTF-8) in, text out; at most %s tokens together.",
                  card_setting(f, "model.context")));
    return page_text(p, error, "%s: %s.", licence_item,
                     f->recipe->licence != NULL ? f->recipe->licence : "not told in the recipe");
}

static hearth_status data(const card_facts *f, card_page *p, hearth_error *error)
{
    char a[32], b[32], c[32];
    TRY(page_text(
        p, error,
        "Data for training, testing and validation: text; %s documents seen, %s kept, %s of them held out for "
        "testing. Provenance, curation, selection, size and characteristics: DATA_CARD.md, computed from the manifest.",
        text_number(card_corpus(f, "documents"), a), text_number(card_corpus(f, "kept"), b),
        text_number(card_corpus(f, "held_out"), c)));
    return page_person(
        p, "measures to find unsuitable sources beyond the rules of the recipe, and methods to find biases", error);
}

static hearth_status compute(const card_facts *f, card_page *p, hearth_error *error)
{
    const double flop = card_training(f, "flop");
    const json_t *cost = json_object_get(f->training, "cost");
    const json_t *joules = json_object_get(cost, "joules");
    TRY(page_heading(p, 3, "Compute and energy", error));
    TRY(page_text(p, error,
                  "Training compute: %.2g FLOP, computed from the shapes in the recipe and the steps in the log.",
                  flop));
    TRY(page_text(
        p, error,
        "%s 10^23 FLOP, the Commission's indication of a general-purpose model (C(2025) 5045); %s 10^25 FLOP, "
        "above which systemic risk is presumed (Article 51(2)).",
        flop > FLOP_GENERAL ? "Above" : "Not above", flop > FLOP_SYSTEMIC ? "above" : "not above"));
    if (json_is_object(cost)) {
        TRY(page_text(p, error, "Training time: %.0f seconds.", json_number_value(json_object_get(cost, "seconds"))));
    } else {
        TRY(page_person(p, "training time (it is not told beside this model)", error));
    }
    return json_is_number(joules)
               ? page_text(p, error, "Energy of the processors, measured: %.4g kWh.", json_number_value(joules) / 3.6e6)
               : page_person(p, "known or estimated energy use, and how it was found", error);
}

hearth_status summary_annex_xi(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 1, "Technical documentation (Annex XI)", error));
    TRY(page_text(p, error, "Of %s, as far as recipe, manifest and log know.", f->recipe->name));
    TRY(page_heading(p, 2, "Section 1, 1. General description", error));
    TRY(shared(f, p, "Licence", error));
    TRY(page_heading(p, 2, "Section 1, 2. Elements and process of development", error));
    TRY(page_text(p, error,
                  "(a) Technical means for integration: hearth run, hearth serve; any program that opens safetensors "
                  "with config.json and tokenizer.json."));
    TRY(page_text(p, error,
                  "(b) Design and training: next-token prediction; optimiser %s; %s steps; what is optimised for is "
                  "the cross entropy of the next token. "
                  "Every setting: TECHNICAL_REPORT.md.",
                  card_setting(f, "train.optimizer"), card_setting(f, "train.steps")));
    TRY(page_person(p, "(b) key choices with their rationale and assumptions", error));
    TRY(page_heading(p, 3, "(c) Data", error));
    TRY(data(f, p, error));
    TRY(compute(f, p, error));
    TRY(page_heading(p, 2, "Section 2 (systemic risk alone)", error));
    if (card_training(f, "flop") > FLOP_SYSTEMIC) {
        return page_person(
            p, "evaluation strategies and results; adversarial testing and adaptations; system architecture", error);
    }
    return page_text(p, error, "Does not apply by compute. Evaluation on held-out text: EVALUATION.md.");
}

hearth_status summary_annex_xii(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 1, "Information for downstream providers (Annex XII)", error));
    TRY(page_text(p, error, "Of %s, as far as recipe, manifest and log know.", f->recipe->name));
    TRY(page_heading(p, 2, "1. General description", error));
    TRY(shared(f, p, "Licence", error));
    TRY(page_text(p, error,
                  "Interaction with hardware and software outside the model: none of its own. Software: hearth, or any "
                  "program that opens safetensors."));
    TRY(page_heading(p, 2, "2. Elements and process of development", error));
    TRY(page_text(p, error,
                  "Technical means for integration: files config.json, tokenizer.json, model.safetensors; hearth "
                  "serve's interfaces."));
    TRY(page_text(p, error, "Maximum size of inputs and outputs together (context): %s tokens.",
                  card_setting(f, "model.context")));
    return data(f, p, error);
}
