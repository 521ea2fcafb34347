/* Text along the way: what a checkpoint writes behind the end of a document. */
#include "cli/train.h"

#include "base/json.h"
#include "base/memory.h"
#include "generate/session.h"
#include "platform/file.h"
#include "platform/file_append.h"

#define SAMPLE_TOKENS 64u

static hearth_status write_text(model *m, uint64_t step, buffer *out, hearth_error *error)
{
    session *s = NULL;
    session_options how = session_options_default();
    how.sampling.seed = step;
    int32_t token = tokenizer_eos(m->tokenizer) >= 0 ? tokenizer_eos(m->tokenizer) : 0;
    TRY(session_create(m, &how, &s, error));
    hearth_status status = HEARTH_OK;
    for (uint32_t i = 0; i < SAMPLE_TOKENS && status == HEARTH_OK; i++) {
        if (session_length(s) + 1 >= session_context_length(s)) {
            break;
        }
        status = session_feed(s, &token, 1, NULL, NULL, error);
        status = status == HEARTH_OK ? session_sample(s, &token, error) : status;
        if (status != HEARTH_OK || tokenizer_is_end(m->tokenizer, token)) {
            break;
        }
        status = tokenizer_piece(m->tokenizer, token, DECODE_PLAIN, out, error);
    }
    session_free(s);
    return status;
}

static hearth_status append(const char *run, uint64_t step, const buffer *text, hearth_error *error)
{
    file_append file = {.descriptor = -1};
    buffer line;
    buffer_init(&line, 0);
    char *path = file_join(run, "samples.jsonl");
    json_t *value = json_pack("{s:I, s:s}", "step", (json_int_t)step, "text", buffer_text(text));
    hearth_status status = path == NULL || value == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? json_door_write(value, 0, &line, error) : status;
    status = status == HEARTH_OK ? buffer_append_char(&line, '\n', error) : status;
    status = status == HEARTH_OK ? file_append_open(path, FILE_APPEND_ALL, &file, error) : status;
    status = status == HEARTH_OK ? file_append_write(&file, line.data, line.length, error) : status;
    file_append_close(&file);
    json_decref(value);
    buffer_free(&line);
    mem_free(path);
    return status;
}

void train_write_sample(const cli *c, engine *e, const char *run, uint64_t step, const char *checkpoint)
{
    hearth_error error = {0};
    model *m = NULL;
    buffer text;
    buffer clean;
    buffer_init(&text, 0);
    buffer_init(&clean, 0);
    hearth_status status = model_open(e, checkpoint, NULL, &m, &error);
    if (status == HEARTH_OK && m->tokenizer != NULL) {
        status = write_text(m, step, &text, &error);
        status = status == HEARTH_OK ? terminal_harmless(buffer_text(&text), text.length, &clean, &error) : status;
        status = status == HEARTH_OK ? append(run, step, &clean, &error) : status;
    }
    if (status != HEARTH_OK) { /* it is no part of the run */
        char line[sizeof error + 64];
        cli_note(c, "no sample: %s", hearth_error_line(&error, line, sizeof line));
    }
    buffer_free(&text);
    buffer_free(&clean);
    model_close(m);
}
