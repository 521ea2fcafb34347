/* A model made again, held against what its log tells. */
#include "train/reproduce.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "corpus/difference.h"
#include "platform/file.h"
#include "platform/file_stream.h"
#include "train/digest.h"
#include "train/reproduce_sources.h"
#include "train/verify_part.h"

#include <stdio.h>
#include <string.h>

typedef struct reproducing {
    const reproduce_options *o;
    reproduce_report *report;
    char *theirs; /* the folder of their run, or of a model alone */
    bool alone;   /* a model without corpus and checkpoints */
    chain_log log;
    recipe *recipe;
    prepared ready;
} reproducing;

/* ---- checks ---- */

static hearth_status note(reproducing *p, const char *what, bool same, const char *detail, hearth_error *error)
{
    reproduce_report *r = p->report;
    reproduce_check *more = mem_realloc(r->checks, (r->check_count + 1) * sizeof *more);
    if (more == NULL) {
        return error_memory(error, (r->check_count + 1) * sizeof *more);
    }
    r->checks = more;
    reproduce_check *c = &more[r->check_count++];
    *c = (reproduce_check){.same = same};
    (void)snprintf(c->what, sizeof c->what, "%s", what);
    (void)snprintf(c->detail, sizeof c->detail, "%s", detail);
    r->same = r->same && same;
    if (p->o->checked != NULL) {
        p->o->checked(p->o->context, c);
    }
    return HEARTH_OK;
}

/* Ends what is being done; reproduce() knows by the report that it is no failure. */
static hearth_status stop(hearth_error *error)
{
    return error_set(error, HEARTH_E_FORMAT, NULL, NULL, "a difference");
}

static bool differs(const reproducing *p)
{
    return !p->report->same;
}

/* Notes whether a hash is the one in the log's first record; `where` is told beside where it is not. */
static hearth_status note_hash(reproducing *p, const char *what, const char *key, const char *hash, const char *where,
                               hearth_error *error)
{
    const char *expected = chain_text(&p->log.records[0], key);
    char text[REPRODUCE_DETAIL];
    if (strcmp(expected, hash) == 0) {
        return note(p, what, true, hash, error);
    }
    (void)snprintf(text, sizeof text, "SHA-256: the log says %.64s, found %.64s%s%.460s",
                   expected[0] != '\0' ? expected : "nothing", hash, where[0] != '\0' ? "; " : "", where);
    TRY(note(p, what, false, text, error));
    return stop(error);
}

static hearth_status hash_of(const char *folder, const char *name, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    char *path = file_join(folder, name);
    const hearth_status status = path == NULL ? error_memory(error, 0) : digest_file(path, ret, error);
    mem_free(path);
    return status;
}

/* ---- what they say ---- */

static hearth_status read_log(reproducing *p, hearth_error *error)
{
    hearth_error found = {0};
    char *path = file_join(p->theirs, "log.jsonl");
    hearth_status status = path == NULL ? error_memory(&found, 0) : chain_read(path, 0, &p->log, &found);
    if (status == HEARTH_OK && p->log.count == 0) {
        status = verify_equal(path, NULL, "a first record", "an empty log", &found);
    }
    mem_free(path);
    if (error_is_machine(status)) {
        *error = found;
        return status;
    }
    if (status != HEARTH_OK) {
        char line[REPRODUCE_DETAIL];
        TRY(note(p, "their chain of hashes", false, hearth_error_line(&found, line, sizeof line), error));
        return stop(error);
    }
    char detail[128];
    (void)snprintf(detail, sizeof detail, "%zu records, %s", p->log.count, p->log.records[p->log.count - 1].hash);
    return note(p, "their chain of hashes", true, detail, error);
}

static hearth_status open_recipe(reproducing *p, hearth_error *error)
{
    char hash[HASH_HEX_SIZE];
    char *path = file_join(p->theirs, "recipe.yaml");
    hearth_status status = path == NULL ? error_memory(error, 0) : digest_file(path, hash, error);
    status = status == HEARTH_OK ? note_hash(p, "recipe", "recipe", hash, "", error) : status;
    status = status == HEARTH_OK ? reproduce_open_recipe(path, p->o->model, p->o->sources, &p->recipe, error) : status;
    mem_free(path);
    TRY(status);
    return note(p, "sources", true, p->recipe->folder, error);
}

/* ---- corpus, tokenizer, tokens ---- */

/* Where the corpora differ, as far as can be seen: their corpus.json, and their manifest where it is. */
static void locate_in_corpus(const reproducing *p, const char *ours, char *text, size_t size)
{
    char documents[REPRODUCE_DETAIL / 2] = "";
    char *theirs = file_join(p->theirs, p->alone ? "corpus.json" : "corpus/corpus.json");
    char *their_folder = file_join(p->theirs, "corpus");
    char *our_file = file_join(ours, "corpus.json");
    if (theirs != NULL && our_file != NULL && their_folder != NULL) {
        (void)corpus_difference(theirs, our_file, text, size, NULL);
        if (!p->alone) {
            (void)corpus_difference_of_documents(their_folder, ours, documents, sizeof documents, NULL);
        }
    }
    const size_t used = strlen(text);
    (void)snprintf(text + used, size - used, "%s%s", used > 0 && documents[0] != '\0' ? "; " : "", documents);
    mem_free(theirs);
    mem_free(their_folder);
    mem_free(our_file);
}

/* prepare_options.made */
static hearth_status part_made(void *context, const char *part, hearth_error *error)
{
    reproducing *p = context;
    char hash[HASH_HEX_SIZE];
    char where[REPRODUCE_DETAIL] = "";
    if (strcmp(part, "corpus") != 0) {
        TRY(hash_of(p->report->folder, "tokenizer.json", hash, error));
        return note_hash(p, part, part, hash, "", error);
    }
    char *corpus = file_join(p->report->folder, "corpus");
    hearth_status status = corpus == NULL ? error_memory(error, 0) : hash_of(corpus, "corpus.json", hash, error);
    if (status == HEARTH_OK) {
        if (strcmp(hash, chain_text(&p->log.records[0], "corpus")) != 0) {
            locate_in_corpus(p, corpus, where, sizeof where);
        }
        status = note_hash(p, part, part, hash, where, error);
    }
    mem_free(corpus);
    return status;
}

static hearth_status make_data(reproducing *p, int threads, hearth_error *error)
{
    const prepare_options how = {.threads = threads,
                                 .progress = p->o->progress,
                                 .progress_context = p->o->progress_context,
                                 .made = part_made,
                                 .made_context = p};
    TRY(prepare_run(p->recipe, p->report->folder, &how, &p->ready, error));
    TRY(note_hash(p, "packed", "packed", packed_hash(p->ready.packed), "", error));
    return p->ready.held_out == NULL ? HEARTH_OK
                                     : note_hash(p, "held-out", "held_out", packed_hash(p->ready.held_out), "", error);
}

/* ---- records ---- */

static const chain_record *their_record(const reproducing *p, const char *kind, uint64_t step)
{
    const chain_record *first = &p->log.records[0];
    return strcmp(kind, "begin") == 0 ? (strcmp(chain_kind(first), kind) == 0 ? first : NULL)
                                      : chain_find(&p->log, kind, step);
}

static void name_record(const char *kind, uint64_t step, char ret[64])
{
    if (strcmp(kind, "begin") == 0) {
        (void)snprintf(ret, 64, "first record");
    } else {
        (void)snprintf(ret, 64, "%.20s%s %llu", kind, strcmp(kind, "step") == 0 ? "" : " of step",
                       (unsigned long long)step);
    }
}

/* `t` NULL: the values are not at hand. */
static hearth_status differing_record(reproducing *p, trainer *t, const char *kind, uint64_t step, const char *text,
                                      hearth_error *error)
{
    char name[64];
    char where[REPRODUCE_DETAIL] = "";
    char detail[REPRODUCE_DETAIL];
    name_record(kind, step, name);
    char checkpoint[32];
    checkpoint_name(step, checkpoint);
    char *folder = text_format("%s/checkpoints/%s", p->theirs, checkpoint);
    if (folder == NULL) {
        return error_memory(error, 0);
    }
    hearth_status status = HEARTH_OK;
    if (t != NULL && strcmp(kind, "checkpoint") == 0 && file_is_folder(folder)) {
        status = verify_locate(t, folder, step, where, sizeof where, error);
    }
    mem_free(folder);
    TRY(status);
    (void)snprintf(detail, sizeof detail, "%.320s%s%.300s", text, where[0] != '\0' ? "; " : "", where);
    TRY(note(p, name, false, detail, error));
    return stop(error);
}

static hearth_status compare_record(reproducing *p, trainer *t, const chain_record *ours, hearth_error *error)
{
    char text[320] = "the log has no such record";
    const char *kind = chain_kind(ours);
    const uint64_t step = chain_step(ours);
    const chain_record *theirs = their_record(p, kind, step);
    if (theirs != NULL) {
        chain_difference(theirs, ours->value, text, sizeof text);
    }
    if (text[0] != '\0') {
        return differing_record(p, t, kind, step, text, error);
    }
    if (strcmp(kind, "checkpoint") == 0 && t != NULL) {
        char name[64];
        name_record(kind, step, name);
        return note(p, name, true, chain_text(ours, "weights"), error);
    }
    return HEARTH_OK;
}

/* run_options.expect */
static hearth_status expect(void *context, trainer *t, const json_t *record, hearth_error *error)
{
    json_t *borrowed = (json_t *)(uintptr_t)record;
    const chain_record ours = {.value = borrowed};
    return compare_record(context, t, &ours, error);
}

/* What an earlier call left, or what all calls made: each record, without its place in the chain. `whole`: their log
 * must end where ours does. */
static hearth_status compare_log(reproducing *p, bool whole, hearth_error *error)
{
    chain_log ours = {0};
    char *path = file_join(p->report->folder, "log.jsonl");
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        status = chain_read(path, 0, &ours, whole ? error : NULL);
        status = whole || error_is_machine(status) ? status : HEARTH_OK; /* a cut one is run_train's to go on from */
    }
    for (size_t i = 0; i < ours.count && status == HEARTH_OK; i++) {
        json_t *record = json_copy(ours.records[i].value);
        status = record == NULL || json_object_del(record, "previous") != 0 ? error_memory(error, 0) : HEARTH_OK;
        const chain_record one = {.value = record};
        status = status == HEARTH_OK ? compare_record(p, NULL, &one, error) : status;
        json_decref(record);
    }
    if (status == HEARTH_OK && whole) {
        const char *expected = p->log.records[p->log.count - 1].hash;
        const char *found = ours.count > 0 ? ours.records[ours.count - 1].hash : "";
        char text[256];
        (void)snprintf(text, sizeof text, "the log says %s in %zu records, found %s in %zu", expected, p->log.count,
                       found, ours.count);
        const bool same = strcmp(expected, found) == 0;
        status = note(p, "chain of hashes", same, same ? found : text, error);
    }
    chain_free(&ours);
    mem_free(path);
    return status;
}

/* ---- the folder ---- */

static hearth_status refuse_folder(const char *folder, const char *found, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a new folder, or one in which this model's reproduction began",
                    "%s", found);
    error_in_file(error, folder);
    return HEARTH_E_ARGUMENT;
}

static hearth_status want_empty(const char *folder, hearth_error *error)
{
    file_list list = {0};
    hearth_status status = file_exists(folder) ? file_list_folder(folder, &list, error) : HEARTH_OK;
    if (status == HEARTH_OK && list.count > 0) {
        status = refuse_folder(folder, "one of another origin", error);
    }
    file_list_free(&list);
    return status;
}

static hearth_status want_mark(const char *folder, const char *mark, const char *chain, hearth_error *error)
{
    buffer there;
    buffer_init(&there, HASH_HEX_SIZE);
    hearth_status status = file_read(mark, HASH_HEX_SIZE, &there, error);
    if (status == HEARTH_OK && strcmp(buffer_text(&there), chain) != 0) {
        status = refuse_folder(folder, "that of another chain of hashes", error);
    }
    buffer_free(&there);
    return status;
}

/* A folder that somebody's run fills already would be found the same without a step being done: only one that was begun
 * here, for this chain, is gone on with. */
static hearth_status claim_at(const reproducing *p, const char *mark, hearth_error *error)
{
    const char *chain = p->log.records[p->log.count - 1].hash;
    const char *folder = p->report->folder;
    if (file_exists(mark)) {
        TRY(want_mark(folder, mark, chain, error));
    } else {
        TRY(want_empty(folder, error));
        TRY(corpus_check_place(p->recipe, folder, error));
        TRY(file_make_folders(folder, error));
        TRY(file_create(mark, chain, strlen(chain), error));
    }
    return run_claim(p->recipe, folder, error);
}

static hearth_status claim(const reproducing *p, hearth_error *error)
{
    char *mark = file_join(p->report->folder, "reproduces");
    const hearth_status status = mark == NULL ? error_memory(error, 0) : claim_at(p, mark, error);
    mem_free(mark);
    return status;
}

/* ---- the end ---- */

/* Their file is the one that the chain tells of, and so is ours. */
static hearth_status compare_model(reproducing *p, hearth_error *error)
{
    char found[HASH_HEX_SIZE];
    char text[256];
    TRY(hash_of(p->report->folder, "model/model.safetensors", p->report->model, error));
    TRY(hash_of(p->theirs, p->alone ? "model.safetensors" : "model/model.safetensors", found, error));
    const bool same = strcmp(found, p->report->model) == 0;
    (void)snprintf(text, sizeof text, "SHA-256 of model.safetensors: there %s, found %s", found, p->report->model);
    return note(p, "model", same, same ? found : text, error);
}

static hearth_status train_again(reproducing *p, engine *e, hearth_error *error)
{
    run_options how = p->o->run;
    how.folder = p->report->folder;
    how.expect = expect;
    how.expect_context = p;
    if (p->o->began != NULL) {
        p->o->began(p->o->context, p->recipe);
    }
    return run_train(e, &p->ready.data, &how, &p->report->result, error);
}

static hearth_status work(reproducing *p, engine *e, hearth_error *error)
{
    TRY(verify_find_folder(p->o->model, &p->theirs, &p->alone, error));
    TRY(read_log(p, error));
    TRY(open_recipe(p, error));
    p->report->name = mem_strdup(p->recipe->name);
    p->report->folder = p->o->folder != NULL ? mem_strdup(p->o->folder) : text_format("%s-reproduced", p->recipe->name);
    if (p->report->name == NULL || p->report->folder == NULL) {
        return error_memory(error, strlen(p->recipe->name));
    }
    TRY(claim(p, error));
    TRY(make_data(p, e->threads, error));
    TRY(compare_log(p, false, error));
    TRY(train_again(p, e, error));
    memcpy(p->report->chain, p->report->result.chain, HASH_HEX_SIZE);
    TRY(compare_log(p, true, error));
    return differs(p) ? stop(error) : compare_model(p, error);
}

hearth_status reproduce(engine *e, const reproduce_options *o, reproduce_report *ret, hearth_error *error)
{
    hearth_error found = {0};
    *ret = (reproduce_report){.same = true};
    reproducing p = {.o = o, .report = ret};
    const hearth_status status = work(&p, e, &found);
    prepare_free(&p.ready);
    recipe_close(p.recipe);
    chain_free(&p.log);
    mem_free(p.theirs);
    if (status == HEARTH_OK || differs(&p)) {
        return HEARTH_OK;
    }
    if (error != NULL) {
        *error = found;
    }
    return status;
}

void reproduce_free(reproduce_report *r)
{
    mem_free(r->checks);
    mem_free(r->name);
    mem_free(r->folder);
    *r = (reproduce_report){0};
}
