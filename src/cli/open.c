/* Opening an engine, a model, a text. */
#include "cli/open.h"
#include "cli/confine.h"
#include "cli/pull.h"
#include "cli/signals.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

const char *const open_compute_names[] = {"native", "f32", NULL};
const char *const open_lossless_names[] = {"auto", "on", "off", NULL};

static hearth_status make_engine(const cli *c, size_t threads, opened *ret, hearth_error *error)
{
    const hearth_status status = engine_create((int)threads, c->isa, &ret->engine, error);
    if (status == HEARTH_E_ARGUMENT) {
        snprintf(error->place, sizeof error->place, "%s", c->isa != NULL ? "--isa" : "HEARTH_ISA");
    }
    return status;
}

hearth_status open_engine(const cli *c, opened *ret, hearth_error *error)
{
    return make_engine(c, c->threads, ret, error);
}

/* A model that does not fit is slow: let nobody wonder. */
static void note_streaming(const cli *c, const model_weights *w)
{
    char all[32], kept[32], read[32];
    if (w->packed) {
        return;
    }
    if (w->streamed_bytes > 0) {
        cli_note(c, "of %s of weights %s stay in memory; %s are read from the file for each step",
                 text_bytes(w->matrix_bytes, all), text_bytes(w->resident_bytes, kept),
                 text_bytes(w->streamed_bytes, read));
    } else {
        cli_note(c, "of %s of weights %s stay in memory; the others are read from the file as they are wanted",
                 text_bytes(w->matrix_bytes, all), text_bytes(w->resident_bytes, kept));
    }
}

static hearth_status open_at(const cli *c, const char *path, int how, const char *const *encoding, opened *ret,
                             hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    const double began = time_seconds();
    const bool weights = how >= 0;
    uint64_t memory = 0;
    if (ret->memory != NULL) {
        TRY(size_read("--memory", ret->memory, &memory, error));
    }
    TRY(make_engine(c, weights ? c->threads : 1, ret, error));
    const model_options options = {
        .compute = weights ? (compute)how : COMPUTE_NATIVE,
        .lossless = (lossless_choice)ret->lossless,
        .memory_bytes = ret->memory != NULL && memory == 0 ? 1 : memory,
        .head = ret->head,
        .without_weights = !weights,
        .tokenizer_file = encoding != NULL,
        .encoding = encoding != NULL ? *encoding : NULL,
        .progress = terminal_progress_step,
        .progress_context = &bar,
    };
    const hearth_status status = model_open(ret->engine, path, &options, &ret->model, error);
    terminal_progress_end(&bar);
    ret->seconds = time_seconds() - began;
    if (status == HEARTH_OK && weights) {
        note_streaming(c, &ret->model->weights);
    }
    return status;
}

static hearth_status open_with(const cli *c, const char *name, int how, const char *const *encoding, opened *ret,
                               hearth_error *error)
{
    char *path = NULL;
    hearth_status status = ret->confined ? confine_to_model(name, ret->also, NULL, &path, error) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = open_at(c, path != NULL ? path : name, how, encoding, ret, error);
    }
    mem_free(path);
    if (status == HEARTH_E_NOT_FOUND) {
        pull_explain_missing(name, error);
    }
    return status;
}

hearth_status open_model(const cli *c, const char *name, int how, opened *ret, hearth_error *error)
{
    return open_with(c, name, how, NULL, ret, error);
}

hearth_status open_needs_tokenizer(const opened *o, hearth_error *error)
{
    if (o->model->tokenizer == NULL) {
        (void)error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", NULL, "this model comes without one");
        error_in_file(error, o->model->path);
        return HEARTH_E_UNSUPPORTED;
    }
    return HEARTH_OK;
}

hearth_status open_tokenizer(const cli *c, const char *name, const char *encoding, opened *ret, hearth_error *error)
{
    TRY(open_with(c, name, -1, &encoding, ret, error));
    return open_needs_tokenizer(ret, error);
}

void open_close(opened *o)
{
    model_close(o->model);
    engine_free(o->engine);
    *o = (opened){0};
}

hearth_status open_text(const cli *c, const char *path, buffer *out, hearth_error *error)
{
    const bool named = path != NULL && strcmp(path, "-") != 0;
    if (!named && terminal_is(stdin)) {
        cli_note(c, "reads what is typed, up to Ctrl-D at the beginning of a line");
    }
    const bool before = signals_leave_at_once(true);
    const hearth_status status = named ? file_read_stream(path, LIMIT_TEXT_BYTES, out, error)
                                       : file_read_descriptor(0, "standard input", LIMIT_TEXT_BYTES, out, error);
    (void)signals_leave_at_once(before);
    return status;
}
