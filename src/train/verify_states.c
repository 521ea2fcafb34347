/* Checkpoints and the model, against the chain and against what the recipe makes of them. */
#include "train/verify_part.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "platform/file_stream.h"
#include "train/digest.h"

#include <stdio.h>
#include <string.h>

/* Two files of one name in two folders. */
static hearth_status same_file(const char *folder, const char *other, const char *name, hearth_error *error)
{
    char hash[HASH_HEX_SIZE] = "";
    char wanted[HASH_HEX_SIZE] = "";
    char *path = file_join(folder, name);
    char *reference = file_join(other, name);
    hearth_status status = path == NULL || reference == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? digest_file(path, hash, error) : status;
    status = status == HEARTH_OK ? digest_file(reference, wanted, error) : status;
    status = status == HEARTH_OK ? verify_equal(path, "SHA-256", wanted, hash, error) : status;
    mem_free(path);
    mem_free(reference);
    return status;
}

static const char *const of_checkpoint[] = {"optimizer.safetensors", NULL};
/* And papers, which no program takes for a part of the model (openness/card_facts.h), and signatures of it. */
static const char *const of_model[] = {"log.jsonl",           "corpus.json",
                                       "README.md",           "DATA_CARD.md",
                                       "EVALUATION.md",       "LICENSE",
                                       "model.cdx.json",      "model.spdx.json",
                                       "EU_ANNEX_XI.md",      "EU_ANNEX_XII.md",
                                       "model.sig",           "EU_TRAINING_SUMMARY.md",
                                       "TECHNICAL_REPORT.md", NULL};

static bool among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && names[i] != NULL; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing lies there but the reference's names and `also`: a program that opens the folder may take what no hash tells
 * of, a template or an index to other weights. */
static hearth_status no_more_names(const char *folder, const file_list *reference, const char *const *also,
                                   hearth_error *error)
{
    file_list list = {0};
    hearth_status status = file_list_folder(folder, &list, error);
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        const char *name = list.names[i];
        if (!among(name, (const char *const *)reference->names, reference->count) && !among(name, also, SIZE_MAX)) {
            status = verify_unknown(folder, name, "the files that train writes, and no others", error);
        }
    }
    file_list_free(&list);
    return status;
}

/* All small files of a checkpoint are those that recipe and tokenizer give; and there are no others but `also`. */
static hearth_status same_small_files(const char *folder, const char *reference, const char *const *also,
                                      hearth_error *error)
{
    file_list list = {0};
    TRY(file_list_folder(reference, &list, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        if (strcmp(list.names[i], "model.safetensors") != 0 && strcmp(list.names[i], "state.json") != 0) {
            status = same_file(folder, reference, list.names[i], error);
        }
    }
    status = status == HEARTH_OK ? no_more_names(folder, &list, also, error) : status;
    file_list_free(&list);
    return status;
}

static hearth_status same_state(const char *folder, const checkpoint_state *s, const chain_record *r,
                                const char *recipe_hash, hearth_error *error)
{
    char log_bytes[32];
    char expected[32];
    (void)snprintf(log_bytes, sizeof log_bytes, "%llu", (unsigned long long)s->log_bytes);
    (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)r->end);
    char step[32];
    char wanted[32];
    (void)snprintf(step, sizeof step, "%llu", (unsigned long long)s->step);
    (void)snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)chain_step(r));
    TRY(verify_equal(folder, "step", wanted, step, error));
    TRY(verify_equal(folder, "recipe", recipe_hash, s->recipe, error));
    TRY(verify_equal(folder, "chain", r->hash, s->chain, error));
    TRY(verify_equal(folder, "log_bytes", expected, log_bytes, error));
    TRY(verify_equal(folder, "hash of weights", chain_text(r, "weights"), s->weights, error));
    TRY(verify_equal(folder, "hash of model.safetensors", chain_text(r, "model"), s->model, error));
    return verify_equal(folder, "hash of the optimiser's state", chain_text(r, "optimizer"), s->optimizer, error);
}

static hearth_status check_one(verifying *v, const char *folder, uint64_t step, const char *reference,
                               hearth_error *error)
{
    const chain_record *r = chain_find(&v->log, "checkpoint", step);
    const checkpoint_values values = trainer_values(v->trainer);
    checkpoint_state state = {0};
    checkpoint_state now = {0};
    TRY(checkpoint_check(folder, &state, error));
    TRY(same_state(folder, &state, r, v->recipe->sha256, error));
    TRY(checkpoint_load(folder, &values, error));
    TRY(trainer_digest(v->trainer, &now, error));
    TRY(verify_equal(folder, "weights", chain_text(r, "weights"), now.weights, error));
    TRY(verify_equal(folder, "optimiser's state", chain_text(r, "optimizer"), now.optimizer, error));
    TRY(verify_equal(folder, "model.safetensors of these weights", chain_text(r, "model"), now.model, error));
    return same_small_files(folder, reference, of_checkpoint, error);
}

/* The log and the manifest that the model carries are the run's; so are the last checkpoint's weights. */
static hearth_status check_model(verifying *v, const char *model, const char *last, const char *reference,
                                 hearth_error *error)
{
    const chain_record *r = chain_find(&v->log, "checkpoint", v->recipe->train.steps);
    checkpoint_state state = {0};
    TRY(checkpoint_check(model, &state, error));
    char *corpus = verify_path(v, "corpus");
    hearth_status status = same_state(model, &state, r, v->recipe->sha256, error);
    status = status == HEARTH_OK ? same_small_files(model, reference, of_model, error) : status;
    status = status == HEARTH_OK ? same_file(model, last, "model.safetensors", error) : status;
    status = status == HEARTH_OK ? same_file(model, v->folder, "log.jsonl", error) : status;
    if (status == HEARTH_OK) {
        status = corpus == NULL ? error_memory(error, 0) : same_file(model, corpus, "corpus.json", error);
    }
    mem_free(corpus);
    return status;
}

static hearth_status write_reference(const verifying *v, const char *folder, hearth_error *error)
{
    checkpoint_source source = {.model = trainer_model(v->trainer),
                                .recipe = v->recipe,
                                .values = trainer_values(v->trainer),
                                .tokenizer = v->ready.data.tokenizer,
                                .end_of_document = v->ready.data.end_of_document,
                                .end_token = v->ready.data.end_token};
    const checkpoint_state state = {0};
    source.values.mean = NULL;
    return checkpoint_write(folder, &source, &state, error);
}

static bool is_point(const verifying *v, const char *name)
{
    uint64_t step = 0;
    if (!checkpoint_step_of(name, &step)) {
        return false;
    }
    for (size_t i = 1; i < v->point_count; i++) {
        if (v->points[i] == step) {
            return true;
        }
    }
    return false;
}

/* Under `place` lie the checkpoints that the chain tells of and no others; under resume/, where `chained` is false,
 * none: a run that has ended leaves none. */
static hearth_status no_more_points(const verifying *v, const char *place, bool chained, hearth_error *error)
{
    file_list list = {0};
    char *path = verify_path(v, place);
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && (chained || file_exists(path))) {
        status = file_list_folder(path, &list, error);
    }
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        if (!chained || !is_point(v, list.names[i])) {
            status = verify_unknown(path, list.names[i],
                                    chained ? "the recipe's checkpoints, and no others" : "nothing behind a run's end",
                                    error);
        }
    }
    file_list_free(&list);
    mem_free(path);
    return status;
}

static hearth_status check_all(verifying *v, const char *reference, hearth_error *error)
{
    for (size_t i = 1; i < v->point_count; i++) {
        char *folder = verify_checkpoint(v, v->points[i]);
        const hearth_status status =
            folder == NULL ? error_memory(error, 0) : check_one(v, folder, v->points[i], reference, error);
        mem_free(folder);
        TRY(status);
    }
    TRY(no_more_points(v, "checkpoints", true, error));
    return no_more_points(v, "resume", false, error);
}

/* A model without its run: its files, the chain's last checkpoint, and, where nothing was rounded, the weights. */
static hearth_status check_alone(verifying *v, const char *reference, hearth_error *error)
{
    const chain_record *r = chain_find(&v->log, "checkpoint", v->recipe->train.steps);
    checkpoint_values values = trainer_values(v->trainer);
    checkpoint_state state = {0};
    char weights[HASH_HEX_SIZE];
    TRY(checkpoint_check(v->folder, &state, error));
    TRY(same_state(v->folder, &state, r, v->recipe->sha256, error));
    TRY(same_small_files(v->folder, reference, of_model, error));
    if (v->recipe->train.format == TRAIN_BF16) {
        return HEARTH_OK;
    }
    values.mean = NULL;
    TRY(checkpoint_load(v->folder, &values, error));
    TRY(digest_values(values.values, NULL, values.count, weights, error));
    return verify_equal(v->folder, "weights", chain_text(r, "weights"), weights, error);
}

static hearth_status check_with(verifying *v, const char *reference, hearth_error *error)
{
    hearth_error found = {0};
    char detail[64];
    if (v->alone) {
        const hearth_status status = check_alone(v, reference, &found);
        return verify_note(v, "model", status, &found, "the chain's last weights", error);
    }
    hearth_status status = check_all(v, reference, &found);
    (void)snprintf(detail, sizeof detail, "%zu, with the hashes of the chain", v->point_count - 1);
    TRY(verify_note(v, "checkpoints", status, &found, detail, error));
    char *model = verify_path(v, "model");
    char *last = verify_checkpoint(v, v->recipe->train.steps);
    found = (hearth_error){0};
    status = model == NULL || last == NULL ? error_memory(&found, 0) : check_model(v, model, last, reference, &found);
    mem_free(model);
    mem_free(last);
    return verify_note(v, "model", status, &found, "the last checkpoint's", error);
}

hearth_status verify_trained(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    char *trained = file_join(v->scratch, "trained");
    hearth_status status = trained == NULL ? error_memory(&found, 0) : write_reference(v, trained, &found);
    status = status == HEARTH_OK ? same_file(v->folder, trained, "model.safetensors", &found) : status;
    if (trained != NULL) {
        file_remove_folder(trained);
    }
    mem_free(trained);
    return verify_note(v, "model, trained again", status, &found, "the same weights", error);
}

/* The model's first weights, then those of its file. */
static hearth_status check_values(verifying *v, train_model *m, hearth_error *error)
{
    const chain_record *r = chain_find(&v->log, "checkpoint", v->recipe->train.steps);
    checkpoint_values values = {.count = train_model_count(m), .values = train_model_values(m)};
    values.parameters = train_model_parameters(m, &values.table);
    checkpoint_state state = {0};
    char weights[HASH_HEX_SIZE];
    TRY(digest_values(values.values, NULL, values.count, weights, error));
    TRY(verify_equal(v->folder, "first weights", weights, chain_text(&v->log.records[0], "weights"), error));
    TRY(checkpoint_check(v->folder, &state, error));
    TRY(same_state(v->folder, &state, r, v->recipe->sha256, error));
    TRY(checkpoint_load(v->folder, &values, error));
    if (v->recipe->train.format == TRAIN_BF16) {
        return HEARTH_OK; /* rounded; the hash of their file is the chain's (same_state) */
    }
    TRY(digest_values(values.values, NULL, values.count, weights, error));
    return verify_equal(v->folder, "weights", chain_text(r, "weights"), weights, error);
}

/* The log's first record, as far as it can be made without the corpus: what was packed it may say itself. */
static hearth_status check_carried_begin(const verifying *v, const train_model *m, hearth_error *error)
{
    const chain_record *r = &v->log.records[0];
    json_t *ours =
        json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:I, s:s, s:s}", "kind", "begin", "version", 1, "contract",
                  (json_int_t)v->recipe->contract, "recipe", v->recipe->sha256, "tokenizer", chain_text(r, "tokenizer"),
                  "packed", chain_text(r, "packed"), "parameters", (json_int_t)train_model_count(m), "weights",
                  chain_text(r, "weights"), "corpus", chain_text(r, "corpus"));
    if (v->recipe->held_out > 0.0) {
        ours = json_door_put(ours, "held_out", json_string(chain_text(r, "held_out")));
    }
    return verify_record(v, 0, ours, error);
}

/* The small files that this recipe and this tokenizer give, to compare those that are there with. */
static hearth_status carried_small_files(const verifying *v, train_model *m, const char *path, int32_t end,
                                         hearth_error *error)
{
    checkpoint_source source = {.model = m,
                                .recipe = v->recipe,
                                .values = {.count = train_model_count(m), .values = train_model_values(m)},
                                .tokenizer = path,
                                .end_of_document = v->recipe->tokenizer.special[0],
                                .end_token = end};
    const checkpoint_state state = {0};
    source.values.parameters = train_model_parameters(m, &source.values.table);
    char *reference = file_join(v->scratch, "reference");
    hearth_status status =
        reference == NULL ? error_memory(error, 0) : checkpoint_write(reference, &source, &state, error);
    status = status == HEARTH_OK ? same_small_files(v->folder, reference, of_model, error) : status;
    if (reference != NULL) {
        file_remove_folder(reference);
    }
    mem_free(reference);
    return status;
}

static hearth_status check_carried(verifying *v, hearth_error *error)
{
    const char *end = v->recipe->tokenizer.special[0];
    tokenizer *t = NULL;
    train_model *m = NULL;
    char *path = verify_path(v, "tokenizer.json");
    hearth_status status = path == NULL ? error_memory(error, 0) : load_tokenizer_json(path, &t, error);
    if (status == HEARTH_OK) {
        status = train_model_create(v->engine, v->recipe, (uint32_t)tokenizer_vocabulary_size(t), &m, error);
    }
    status = status == HEARTH_OK ? check_values(v, m, error) : status;
    status = status == HEARTH_OK ? check_carried_begin(v, m, error) : status;
    if (status == HEARTH_OK) {
        status = carried_small_files(v, m, path, tokenizer_find(t, end, strlen(end)), error);
    }
    train_model_free(m);
    tokenizer_free(t);
    mem_free(path);
    return status;
}

hearth_status verify_carried(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    const hearth_status status = check_carried(v, &found);
    return verify_note(v, "model", status, &found, "the chain's last weights", error);
}

hearth_status verify_states(verifying *v, hearth_error *error)
{
    char *reference = file_join(v->scratch, "reference");
    hearth_status status = reference == NULL ? error_memory(error, 0) : write_reference(v, reference, error);
    status = status == HEARTH_OK ? check_with(v, reference, error) : status;
    if (reference != NULL) {
        file_remove_folder(reference);
    }
    mem_free(reference);
    return status;
}
