/* hearth replay: are a server's answers what this machine makes? */
#include "cli/commands.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"
#include "serve/replay.h"

#include <stdio.h>
#include <string.h>

typedef struct replay_settings {
    char none;
} replay_settings;

static const option options[] = {{.name = NULL}};
static const replay_settings defaults = {0};

static size_t same_of(const replay_file *f)
{
    size_t same = 0;
    for (size_t i = 0; i < f->count; i++) {
        same += f->records[i].same ? 1 : 0;
    }
    return same;
}

/* ---- for programs ---- */

static json_t *token_json(int32_t id, const char *text)
{
    if (id < 0) {
        return json_null();
    }
    const char *shown = text != NULL ? text : "";
    return json_door_put(json_door_put(json_object(), "id", json_integer(id)), "text", json_door_string(shown));
}

static json_t *difference_json(const replay_record *r)
{
    json_t *made = json_door_put(json_object(), "line", json_integer((json_int_t)r->line));
    made = json_door_put(made, "model", json_door_string(r->model));
    made = json_door_put(made, "token", json_integer((json_int_t)r->at));
    made = json_door_put(made, "tokens", json_integer((json_int_t)r->tokens.count));
    const int32_t recorded = r->at < r->tokens.count ? r->tokens.ids[r->at] : -1;
    made = json_door_put(made, "recorded", token_json(recorded, r->recorded_text));
    return json_door_put(made, "made", token_json(r->found, r->found_text));
}

static json_t *report_json(const replay_file *f)
{
    json_t *differences = json_array();
    size_t tokens = 0;
    for (size_t i = 0; i < f->count; i++) {
        tokens += f->records[i].tokens.count;
        if (!f->records[i].same) {
            differences = json_door_append(differences, difference_json(&f->records[i]));
        }
    }
    json_t *made = json_door_put(json_object(), "same", json_boolean(same_of(f) == f->count));
    made = json_door_put(made, "answers", json_integer((json_int_t)f->count));
    made = json_door_put(made, "answers_same", json_integer((json_int_t)same_of(f)));
    made = json_door_put(made, "tokens", json_integer((json_int_t)tokens));
    made = json_door_put(made, "last_line_cut", json_boolean(f->cut));
    return json_door_put(made, "differences", differences);
}

/* ---- for people ---- */

static void print_token(const char *who, int32_t id, const char *text)
{
    buffer shown;
    buffer_init(&shown, 0);
    if (id < 0) {
        printf("%s: the answer ends", who);
    } else if (terminal_harmless(text != NULL ? text : "", text != NULL ? strlen(text) : 0, &shown, NULL) ==
               HEARTH_OK) {
        printf("%s: %d \"%s\"", who, (int)id, buffer_text(&shown));
    }
    buffer_free(&shown);
}

static void print_report(const replay_file *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const replay_record *r = &f->records[i];
        if (!r->same) {
            printf("DIFFERS line %zu (%s), token %zu of %zu, ", r->line, r->model, r->at + 1, r->tokens.count);
            print_token("recorded", r->at < r->tokens.count ? r->tokens.ids[r->at] : -1, r->recorded_text);
            print_token("; made", r->found, r->found_text);
            printf("\n");
        }
    }
    printf("%zu answer%s, %zu the same\n", f->count, f->count == 1 ? "" : "s", same_of(f));
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)settings;
    hearth_error error = {0};
    replay_file f = {0};
    terminal_progress bar = {.quiet = c->quiet};
    const char **models_here = mem_calloc(count, sizeof *models_here);
    for (size_t i = 1; models_here != NULL && i < count; i++) {
        models_here[i - 1] = operands[i];
    }
    const replay_options how = {.threads = (int)c->threads,
                                .isa = c->isa,
                                .models = models_here,
                                .progress = terminal_progress_step,
                                .context = &bar};
    hearth_status status = models_here != NULL ? replay_read(operands[0], &f, &error) : error_memory(&error, count);
    if (status == HEARTH_OK && f.cut) {
        cli_note(c, "%s: the last line is not whole and is left out", operands[0]);
    }
    status = status == HEARTH_OK ? replay_run(&f, &how, &error) : status;
    terminal_progress_end(&bar);
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, report_json(&f));
    } else if (status == HEARTH_OK) {
        print_report(&f);
    }
    code = code == EXIT_DONE && same_of(&f) < f.count ? EXIT_FAILED : code;
    replay_free(&f);
    mem_free(models_here);
    return code;
}

static const cli_section sections[] = {
    {"What is compared",
     "Each line of FILE is an answer that ended: its prompt's and its own tokens, the settings, the seed, the model's "
     "fingerprint, the numeric contract, how it was computed. The prompt is computed again and the answer drawn again, "
     "with any number of threads and any instruction set; the first token that is another one is told. Exit status 1 "
     "where an answer differs."},
    {"Where the models are",
     "A recorded model is looked for under the name or path that the server opened. NAME=MODEL says where the model "
     "that clients called NAME is on this machine. Its fingerprint must be the recorded one."},
    {"What a recording holds",
     "All that clients sent and got, as tokens: whoever has the file and the model can read it. It has no keys, "
     "addresses or names of clients. The server writes a line at once and brings the file to the disk when it ends; a "
     "last line that is not whole is left out. The file is no proof of who asked, nor of when: whoever can write it "
     "can write other answers, which then differ here."},
    {NULL, NULL},
};

const cli_command command_replay = {
    .name = "replay",
    .operands = "FILE [NAME=MODEL...]",
    .least = 1,
    .most = SIZE_MAX,
    .summary = "make a server's recorded answers again and compare",
    .text = "Makes each answer again that a server recorded in FILE (docs/serving.md), on this machine, and says "
            "whether it "
            "is the same, token by token, or which token is the first that differs.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections = sections,
    .examples = (const cli_example[]){{"hearth replay answers.jsonl", "On the machine that served them."},
                                      {"hearth replay answers.jsonl chat=/models/chat.gguf --threads 1",
                                       "On another one, where the model lies elsewhere."},
                                      {NULL, NULL}},
    .run = run,
};
