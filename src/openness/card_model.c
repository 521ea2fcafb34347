/* The model card, README.md, as hubs and the Model Openness Framework want it. */
#include "openness/card_facts.h"

#include <math.h>
#include <string.h>

static hearth_status details(const card_facts *f, card_page *p, hearth_error *error)
{
    static const struct {
        const char *what, *key;
    } rows[] = {{"family", "model.family"},
                {"layers", "model.layers"},
                {"width", "model.width"},
                {"heads", "model.heads"},
                {"heads of keys and values", "model.kv_heads"},
                {"context (tokens)", "model.context"},
                {"vocabulary", "tokenizer.vocab_size"},
                {"number format of training", "train.format"},
                {"licence", "licence"}};
    char count[32];
    TRY(page_heading(p, 2, "Model description", error));
    TRY(page_text(p, error, "%s", f->recipe->description));
    TRY(page_table(p, (const char *const[]){"what", "value", NULL}, error));
    const double parameters = card_training(f, "parameters");
    if (!isnan(parameters)) {
        TRY(page_row(p, (const char *const[]){"parameters", text_number((uint64_t)parameters, count), NULL}, error));
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TRY(page_row(p, (const char *const[]){rows[i].what, card_setting(f, rows[i].key), NULL}, error));
    }
    return page_table_end(p, error);
}

static hearth_status uses(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 2, "Uses", error));
    TRY(page_text(
        p, error,
        "A language model that was trained on text alone: it goes on with a text in the manner of its training "
        "data. It was not trained to follow instructions or to answer in a conversation."));
    TRY(page_person(p, "what it is meant for, and for whom", error));
    TRY(page_heading(p, 2, "Inputs and outputs", error));
    TRY(page_text(p, error, "Text in, text out (UTF-8); at most %s tokens together.",
                  card_setting(f, "model.context")));
    TRY(page_heading(p, 2, "How to use it", error));
    return page_code(p, "hearth run FOLDER -p \"The beginning of a text\"\nhearth serve FOLDER", error);
}

static hearth_status limits(const card_facts *f, card_page *p, hearth_error *error)
{
    char kept[32];
    TRY(page_heading(p, 2, "Limitations, risks and bias", error));
    TRY(page_item(
        p, error,
        "All its text is %s, the held-out part included; it knows nothing else, and what it says may be wrong.",
        text_bytes(card_corpus(f, "kept_bytes"), kept)));
    bool personal = false;
    for (size_t i = 0; i < f->recipe->rule_count; i++) {
        personal = personal || strcmp(f->recipe->rules[i].name, "personal_data") == 0;
    }
    TRY(page_item(p, error,
                  personal ? "E-mail addresses, telephone numbers and their like were replaced by marks where a "
                             "rule found them; names were not."
                           : "No rule looked for personal data in the text."));
    TRY(page_item(p, error, "Nothing was measured or done about bias in the text, and nothing was trained to refuse."));
    TRY(page_list_end(p, error));
    return page_person(p, "risks and harms that are known, and what users should do about them", error);
}

static hearth_status training(const card_facts *f, card_page *p, hearth_error *error)
{
    char a[32];
    char b[32];
    TRY(page_heading(p, 2, "Training data", error));
    TRY(page_text(p, error, "%s documents, %s, of %zu source%s. DATA_CARD.md tells of each licence, language and rule.",
                  text_number(card_corpus(f, "kept"), a), text_bytes(card_corpus(f, "kept_bytes"), b),
                  f->recipe->source_count, f->recipe->source_count == 1 ? "" : "s"));
    TRY(page_heading(p, 2, "Training", error));
    return page_text(
        p, error,
        "%s steps of %s sequences of %s tokens, optimiser %s; %.3g floating-point operations (computed from "
        "the recipe). TECHNICAL_REPORT.md has every setting.",
        card_setting(f, "train.steps"), card_setting(f, "train.sequences"), card_setting(f, "train.length"),
        card_setting(f, "train.optimizer"), card_training(f, "flop"));
}

static hearth_status results(const card_facts *f, card_page *p, hearth_error *error)
{
    const json_t *last = card_evaluation(f);
    TRY(page_heading(p, 2, "Evaluation results", error));
    if (last == NULL) {
        return page_text(p, error, "None was made: the recipe holds nothing out.");
    }
    return page_text(p, error, "%.4f bits per byte on text of the same sources that was held out (EVALUATION.md).",
                     json_number_value(json_object_get(last, "bits_per_byte")));
}

static hearth_status check(const card_facts *f, card_page *p, hearth_error *error)
{
    const card_file *weights = card_weights(f);
    TRY(page_heading(p, 2, "How to check it", error));
    TRY(page_text(
        p, error,
        "recipe.yaml and log.jsonl tell how it was made. hearth verify compares all hashes and trains steps again; "
        "hearth reproduce makes all of it again, bit for bit; hearth openness tells how open it is."));
    if (weights != NULL) {
        TRY(page_text(p, error, "SHA-256 of %s: %s", weights->name, weights->sha256));
    }
    return page_text(p, error, "Written by hearth openness docs from the recipe, the manifest and the log.");
}

hearth_status card_model(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 1, f->recipe->name, error));
    TRY(details(f, p, error));
    TRY(uses(f, p, error));
    TRY(limits(f, p, error));
    TRY(training(f, p, error));
    TRY(results(f, p, error));
    return check(f, p, error);
}
