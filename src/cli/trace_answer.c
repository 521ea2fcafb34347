/* hearth trace answer: the answer, where its words stand in the training data, and what more was asked for. */
#include "cli/trace_answer.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static hearth_status attribute(traced_answer *t, hearth_error *error)
{
    const trace_answer_settings *s = t->s;
    attribution_options how = ATTRIBUTION_DEFAULTS;
    how.spans.least_units = s->least;
    how.spans.most_count = s->most;
    how.spans.share = s->share;
    how.documents = s->each;
    how.seed = s->seed;
    how.context = s->context;
    const rank_text question = {t->question, strlen(t->question)};
    const rank_text answer = {buffer_text(&t->run.last.text), t->run.last.text.length};
    const double began = time_seconds();
    TRY(attribute_answer(t->index, &question, &answer, &how, &t->found, error));
    t->trace_seconds = time_seconds() - began;
    return HEARTH_OK;
}

static hearth_status write_page(const traced_answer *t, hearth_error *error)
{
    buffer page;
    buffer_init(&page, 0);
    hearth_status status = trace_show_html(t, &page, error);
    status = status == HEARTH_OK ? file_replace(t->s->html, buffer_text(&page), page.length, error) : status;
    buffer_free(&page);
    return status;
}

/* What the model was trained on: in its run, made again, or at least named beside it. */
static hearth_status read_corpus(const trace_home *home, bool *ret_there, corpus_summary *ret, hearth_error *error)
{
    char *folder = file_join(home->folder, "corpus");
    char *facts = folder != NULL ? file_join(folder, "corpus.json") : NULL;
    hearth_status status = facts == NULL ? error_memory(error, strlen(home->folder)) : HEARTH_OK;
    if (status == HEARTH_OK) {
        *ret_there = file_exists(facts);
        status = corpus_read_summary(*ret_there ? folder : home->model, ret, error);
    }
    mem_free(folder);
    mem_free(facts);
    return status;
}

/* An index that was named may be of texts that the model never read: these have no influence on it, and their numbers
 * are not those of its corpus. */
static hearth_status check_index(const traced_answer *t, const char *wish, hearth_error *error)
{
    const char *indexed = trace_index_facts(t->index)->corpus_sha256;
    corpus_summary read = {0};
    bool there = false;
    TRY(read_corpus(&t->home, &there, &read, error));
    if (strcmp(read.totals.sha256, indexed) != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, wish, "an index of the corpus that the model was trained on",
                         "%.16s, not %.16s", indexed[0] != '\0' ? indexed : "no corpus", read.totals.sha256);
    }
    return there || t->s->without.count == 0
               ? HEARTH_OK
               : error_set(error, HEARTH_E_ARGUMENT, "--without",
                           "the model's corpus (without --index it is made again)", "its index alone");
}

/* What needs the model's recipe, and an index of what that makes. */
static hearth_status check_wishes(const traced_answer *t, hearth_error *error)
{
    const char *wish = t->s->why ? "--why" : "--without";
    if (!t->s->why && t->s->without.count == 0) {
        return HEARTH_OK;
    }
    if (t->home.folder == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, wish, "a model with its recipe", "none beside it");
    }
    return t->s->index != NULL ? check_index(t, wish, error) : HEARTH_OK;
}

/* Where the page is to lie, before the work that it is to show. */
static hearth_status check_page(const char *path, hearth_error *error)
{
    size_t length = 0;
    const char *name = text_last_part(path, &length);
    char *folder = name > path ? text_format("%.*s", (int)(name - path), path) : mem_strdup(".");
    hearth_status status = folder != NULL ? HEARTH_OK : error_memory(error, strlen(path));
    if (status == HEARTH_OK && (length == 0 || name[length] == '/' || file_is_folder(path))) {
        status = error_set(error, HEARTH_E_ARGUMENT, "--html", "a file's name", "a folder");
        error_in_file(error, path);
    } else if (status == HEARTH_OK && access(folder, W_OK | X_OK) != 0) {
        status = error_errno(error, folder, "write in", errno);
    }
    mem_free(folder);
    return status;
}

static hearth_status open_index(traced_answer *t, hearth_error *error)
{
    const hearth_status status = trace_index_open(t->home.index, 1, &t->index, error);
    if (status != HEARTH_OK && t->s->index == NULL) {
        trace_home_way_out(t->home.index, error);
    }
    return status;
}

static hearth_status answer(traced_answer *t, const char *name, run_settings *settings, cli *silent,
                            hearth_error *error)
{
    const trace_answer_settings *s = t->s;
    const trace_home_options where = {.index = s->index, .sources = s->sources, .mirror = s->mirror};
    TRY(s->html != NULL ? check_page(s->html, error) : HEARTH_OK);
    TRY(trace_home_find(t->c, name, &where, &t->home, error));
    TRY(open_index(t, error));
    TRY(check_wishes(t, error));
    TRY(trace_ask(silent, s, t->home.model, t->home.recipe, t->question, settings, &t->run, error));
    if (t->run.last.end == RUN_END_INTERRUPTED) {
        return error_set(error, HEARTH_E_CANCELLED, "the answer", NULL, "a wish to stop");
    }
    TRY(attribute(t, error));
    TRY(s->why ? trace_why(t, error) : HEARTH_OK);
    return s->without.count > 0 ? trace_without(t, error) : HEARTH_OK;
}

static void release(traced_answer *t)
{
    for (size_t i = 0; i < t->influence_count; i++) {
        trace_document_free(&t->influences[i].document);
    }
    mem_free(t->influences);
    buffer_free(&t->other);
    attribution_free(&t->found);
    run_close(&t->run);
    trace_index_close(t->index);
    trace_home_free(&t->home);
}

int trace_answer(cli *c, const trace_answer_settings *s, const char **operands)
{
    hearth_error error = {0};
    run_settings settings;
    cli silent = *c; /* run_answer.c shows a bar and no text then */
    silent.json = true;
    traced_answer t = {.c = c, .s = s, .question = operands[1]};
    buffer_init(&t.other, 0);
    (void)signals_leave_at_once(false);
    hearth_status status = answer(&t, operands[0], &settings, &silent, &error);
    int code = EXIT_DONE;
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, trace_show_json(&t));
    } else if (status == HEARTH_OK) {
        status = trace_show_text(&t, &error);
    }
    if (status == HEARTH_OK && s->html != NULL) { /* last: where it cannot be written, the answer is not lost */
        status = write_page(&t, &error);
    }
    if (status != HEARTH_OK) {
        code = t.home.told ? EXIT_FAILED : cli_fail(c, &error);
    }
    release(&t);
    return code;
}
