/* hearth trace answer: the answer, where its words stand in the training data, and what more was asked for. */
#include "cli/trace_answer.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

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

/* What needs the model's recipe and its run. */
static hearth_status check_wishes(const traced_answer *t, hearth_error *error)
{
    const bool wants = t->s->why || t->s->without.count > 0;
    if (wants && t->home.folder == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, t->s->why ? "--why" : "--without",
                         "a model with its recipe, and the index that is made of it", "--index, or no recipe");
    }
    return HEARTH_OK;
}

static hearth_status answer(traced_answer *t, const char *name, run_settings *settings, cli *silent,
                            hearth_error *error)
{
    const trace_answer_settings *s = t->s;
    const trace_home_options where = {.index = s->index, .sources = s->sources, .mirror = s->mirror};
    TRY(trace_home_find(t->c, name, &where, &t->home, error));
    TRY(check_wishes(t, error));
    TRY(trace_index_open(t->home.index, 1, &t->index, error));
    TRY(trace_ask(silent, s, t->home.model, t->home.recipe, t->question, settings, &t->run, error));
    if (t->run.last.end == RUN_END_INTERRUPTED) {
        return error_set(error, HEARTH_E_CANCELLED, "the answer", NULL, "a wish to stop");
    }
    TRY(attribute(t, error));
    TRY(s->why ? trace_why(t, error) : HEARTH_OK);
    TRY(s->without.count > 0 ? trace_without(t, error) : HEARTH_OK);
    return s->html != NULL ? write_page(t, error) : HEARTH_OK;
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
    if (status != HEARTH_OK) {
        code = t.home.told ? EXIT_FAILED : cli_fail(c, &error);
    }
    release(&t);
    return code;
}
