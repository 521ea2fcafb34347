/* The technical report, with all parts of a paper; and the results. */
#include "openness/card_facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static hearth_status settings(const card_facts *f, const char *prefix, card_page *p, hearth_error *error)
{
    TRY(page_table(p, (const char *const[]){"setting", "value", NULL}, error));
    for (size_t i = 0; i < f->flat.count; i++) {
        if (strncmp(f->flat.lines[i].key, prefix, strlen(prefix)) == 0) {
            TRY(page_row(p, (const char *const[]){f->flat.lines[i].key, f->flat.lines[i].value, NULL}, error));
        }
    }
    return page_table_end(p, error);
}

static hearth_status evaluations(const card_facts *f, card_page *p, hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL;
    TRY(page_table(p, (const char *const[]){"step", "tokens", "bytes", "loss (nats a token)", "bits per byte", NULL},
                   error));
    json_array_foreach(json_object_get(f->training, "evaluations"), i, row)
    {
        char step[24], tokens[24], bytes[24], loss[24], bits[24];
        (void)snprintf(step, sizeof step, "%lld", (long long)json_integer_value(json_object_get(row, "step")));
        (void)snprintf(tokens, sizeof tokens, "%lld", (long long)json_integer_value(json_object_get(row, "tokens")));
        (void)snprintf(bytes, sizeof bytes, "%lld", (long long)json_integer_value(json_object_get(row, "bytes")));
        (void)snprintf(loss, sizeof loss, "%.4f", json_number_value(json_object_get(row, "loss")));
        (void)snprintf(bits, sizeof bits, "%.4f", json_number_value(json_object_get(row, "bits_per_byte")));
        TRY(page_row(p, (const char *const[]){step, tokens, bytes, loss, bits, NULL}, error));
    }
    return page_table_end(p, error);
}

static hearth_status cost(const card_facts *f, card_page *p, hearth_error *error)
{
    const json_t *c = json_object_get(f->training, "cost");
    TRY(page_heading(p, 2, "Compute and energy", error));
    TRY(page_item(p, error, "floating-point operations: %.4g, computed from the recipe's shapes (6 N D: %.4g)",
                  card_training(f, "flop"), card_training(f, "flop_6nd")));
    if (json_is_object(c)) {
        TRY(page_item(p, error, "time by the clock: %.0f seconds; %.2f core hours",
                      json_number_value(json_object_get(c, "seconds")),
                      json_number_value(json_object_get(c, "core_seconds")) / 3600.0));
    } else {
        TRY(page_item(p, error, "time: not told beside this model (the run's times.jsonl is not here)"));
    }
    const json_t *joules = json_object_get(c, "joules");
    if (json_is_number(joules)) {
        TRY(page_item(p, error, "energy of the processors, measured: %.4g kWh", json_number_value(joules) / 3.6e6));
    } else {
        TRY(page_item(p, error, "energy: not measured"));
    }
    return page_list_end(p, error);
}

hearth_status card_report(const card_facts *f, card_page *p, hearth_error *error)
{
    char a[32];
    char b[32];
    const json_t *first = json_object_get(f->training, "first");
    const json_t *last = json_object_get(f->training, "last");
    TRY(page_heading(p, 1, "Technical report", error));
    TRY(page_text(p, error,
                  "How %s was made. Every number comes from recipe.yaml, corpus.json and log.jsonl beside it.",
                  f->recipe->name));
    TRY(page_heading(p, 2, "Data", error));
    TRY(page_text(p, error,
                  "%s bytes of text were kept of the %s documents that were seen; DATA_CARD.md says which, and by "
                  "which rules. SHA-256 of the manifest: %s.",
                  text_number(card_corpus(f, "kept_bytes"), a), text_number(card_corpus(f, "documents"), b),
                  json_string_value(json_object_get(f->corpus, "sha256"))));
    TRY(page_heading(p, 2, "Tokenizer", error));
    TRY(settings(f, "tokenizer.", p, error));
    TRY(page_heading(p, 2, "Method: architecture", error));
    TRY(settings(f, "model.", p, error));
    TRY(page_heading(p, 2, "Training", error));
    TRY(page_text(
        p, error,
        "The loss is the cross entropy of the next token. It fell from %.4f in the first step to %.4f in the last.",
        json_number_value(json_object_get(first, "loss")), json_number_value(json_object_get(last, "loss"))));
    TRY(settings(f, "train.", p, error));
    TRY(cost(f, p, error));
    TRY(page_heading(p, 2, "Results", error));
    TRY(evaluations(f, p, error));
    TRY(page_heading(p, 2, "Reproducing it", error));
    TRY(page_text(
        p, error,
        "The same recipe gives the same bits on every machine (numeric contract %s, seed %s). log.jsonl is a chain of "
        "hashes with %zu checkpoints; its last hash is %s.",
        card_setting(f, "contract"), card_setting(f, "seed"),
        json_array_size(json_object_get(f->training, "checkpoints")),
        json_string_value(json_object_get(f->training, "chain"))));
    TRY(page_heading(p, 2, "Limits", error));
    TRY(page_text(p, error,
                  "One run with one seed: no spread was measured. Nothing was measured but the held-out text."));
    return page_person(p, "why these choices were made, what was tried and left, and how it compares with others",
                       error);
}

hearth_status card_results(const card_facts *f, card_page *p, hearth_error *error)
{
    TRY(page_heading(p, 1, "Evaluation results", error));
    TRY(page_text(
        p, error,
        "%s on documents that were held out by their hashes (share %s) and never trained on, each evaluation as it "
        "stands in log.jsonl.",
        f->recipe->name, card_setting(f, "held_out")));
    TRY(evaluations(f, p, error));
    TRY(page_text(p, error,
                  "The same figure again: hearth verify, which evaluates where it trains again, or hearth score on "
                  "the held-out documents."));
    return page_person(p, "results on other tasks, and what they mean for those who use it", error);
}
