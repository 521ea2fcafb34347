/* What a line that begins with a slash does. */
#include "cli/conversation.h"
#include "cli/run.h"

#include "base/text.h"
#include "base/memory.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct word {
    const char *name, *argument, *help;
    bool needs_template;                             /* it is about the conversation, which --raw has not */
    bool (*act)(run_state *r, const char *argument); /* true: leave */
} word;

static const word *all_words(void);

static bool act_help(run_state *r, const char *argument)
{
    (void)r;
    (void)argument;
    const int width = terminal_width();
    for (const word *w = all_words(); w->name != NULL; w++) {
        const int used = fprintf(stderr, "  /%s %s", w->name, w->argument);
        terminal_aligned(used > 0 ? (size_t)used : 0, w->help, 17, width, stderr);
    }
    terminal_wrap(stderr, "A line that ends in \\ goes on in the next; \"\"\" begins and ends a text of several lines.",
                  2, width);
    return false;
}

static bool act_clear(run_state *r, const char *argument)
{
    (void)argument;
    conversation_clear(r->messages);
    cli_note(r->c, "a new conversation");
    return false;
}

static bool act_system(run_state *r, const char *argument)
{
    hearth_error error = {0};
    if (conversation_set_system(r->messages, argument, &error) != HEARTH_OK || run_add_rules(r, &error) != HEARTH_OK) {
        (void)cli_fail(r->c, &error);
        return false;
    }
    cli_note(r->c, *argument != '\0' ? "the system message is set" : "there is no system message now");
    return false;
}

/* A file's name as a person types it: "~/" is the home folder, blanks at the end are none of it. NULL with the reason
 * printed when memory is out. */
static char *file_name(const run_state *r, const char *argument)
{
    size_t length = strlen(argument);
    while (length > 0 && strchr(" \t\n", argument[length - 1]) != NULL) {
        length--;
    }
    const char *home = getenv("HOME");
    const bool at_home = length > 1 && argument[0] == '~' && argument[1] == '/' && home != NULL && *home != '\0';
    const size_t size = length + 1 + (at_home ? strlen(home) : 0);
    char *name = mem_alloc(size);
    if (name == NULL) {
        hearth_error error = {0};
        error_memory(&error, size);
        (void)cli_fail(r->c, &error);
        return NULL;
    }
    snprintf(name, size, "%s%.*s", at_home ? home : "", (int)(at_home ? length - 1 : length), argument + at_home);
    return name;
}

static void save(run_state *r, const char *path, bool over)
{
    hearth_error error = {0};
    if (*path == '\0') {
        (void)cli_usage(r->c, "/save needs a file: /save FILE");
    } else if (!over && file_exists(path) && !file_is_folder(path)) {
        (void)cli_usage(r->c, "%s is there already; /save! %s replaces it", path, path);
    } else if (conversation_save(r->messages, path, over, &error) != HEARTH_OK) {
        (void)cli_fail(r->c, &error);
    } else {
        cli_note(r->c, "%zu messages are in %s", json_array_size(r->messages), path);
    }
}

static void load(run_state *r, const char *path)
{
    hearth_error error = {0};
    json_t *loaded = NULL;
    if (*path == '\0') {
        (void)cli_usage(r->c, "/load needs a file: /load FILE");
    } else if (conversation_load(path, &loaded, &error) != HEARTH_OK) {
        (void)cli_fail(r->c, &error);
    } else {
        json_decref(r->messages);
        r->messages = loaded;
        if (run_add_rules(r, &error) != HEARTH_OK) {
            (void)cli_fail(r->c, &error);
        }
        cli_note(r->c, "%zu messages from %s", json_array_size(r->messages), path);
    }
}

static bool act_save(run_state *r, const char *argument)
{
    char *path = file_name(r, argument);
    if (path != NULL) {
        save(r, path, false);
    }
    mem_free(path);
    return false;
}

static bool act_save_over(run_state *r, const char *argument)
{
    char *path = file_name(r, argument);
    if (path != NULL) {
        save(r, path, true);
    }
    mem_free(path);
    return false;
}

static bool act_load(run_state *r, const char *argument)
{
    char *path = file_name(r, argument);
    if (path != NULL) {
        load(r, path);
    }
    mem_free(path);
    return false;
}

static void print_rate(const char *what, size_t tokens, double seconds)
{
    fprintf(stderr, "  %-12s %zu tokens", what, tokens);
    if (tokens > 0 && seconds > 0) {
        fprintf(stderr, " in %.2f s (%.1f/s)", seconds, (double)tokens / seconds);
    }
    fputc('\n', stderr);
}

static bool act_stats(run_state *r, const char *argument)
{
    (void)argument;
    const run_answer *a = &r->last;
    char bytes[32];
    const cache_type type = session_cache_type(r->session);
    fprintf(stderr, "  %-12s %zu messages\n", "conversation", json_array_size(r->messages));
    fprintf(stderr, "  %-12s %zu of %zu tokens, %s in %s\n", "context", session_length(r->session),
            session_context_length(r->session),
            text_bytes(model_config_cache_bytes(&r->o.model->config, session_context_length(r->session), type), bytes),
            cache_type_names[type]);
    print_rate("last prompt", a->prompt_tokens - a->kept_tokens, a->prompt_seconds);
    fprintf(stderr, "  %-12s %zu tokens, computed before\n", "", a->kept_tokens);
    print_rate("last answer", a->tokens, a->seconds);
    fprintf(stderr, "  %-12s %s, %s, %d threads; weights %s, loaded in %.2f s\n", "compute",
            open_compute_names[r->s->compute], r->o.engine->kernels->name, r->o.engine->threads,
            text_bytes(r->o.model->weights.matrix_bytes, bytes), r->o.seconds);
    return false;
}

static bool act_tool(run_state *r, const char *argument)
{
    hearth_error error = {0};
    size_t left = 0;
    if (run_add_result(r, argument, &left, &error) != HEARTH_OK) {
        (void)cli_fail(r->c, &error);
    } else if (left > 0) {
        cli_note(r->c, "%zu more of the calls wait for a result", left);
    } else {
        r->answer_now = true;
    }
    return false;
}

static bool act_go(run_state *r, const char *argument)
{
    (void)argument;
    if (!run_asks(r->messages)) {
        (void)cli_usage(r->c, "/go answers a conversation that ends in a question or in a tool's result");
    } else {
        r->answer_now = true;
    }
    return false;
}

static bool act_exit(run_state *r, const char *argument)
{
    (void)r;
    (void)argument;
    return true;
}

static const word words[] = {
    {"help", "", "tell these", false, act_help},
    {"clear", "", "begin a new conversation; the system message stays", true, act_clear},
    {"system", "TEXT", "set the system message; without TEXT, take it away", true, act_system},
    {"save", "FILE", "write the conversation to a new JSON file", true, act_save},
    {"save!", "FILE", "the same, over a file that is there", true, act_save_over},
    {"load", "FILE", "go on with a conversation from such a file", true, act_load},
    {"tool", "RESULT", "the result of the first call that waits; after the last one the model goes on", true, act_tool},
    {"go", "", "answer the conversation as it is, where it ends in a question or a result", true, act_go},
    {"stats", "", "tell how long the conversation is and how fast it went", false, act_stats},
    {"exit", "", "leave (so does Ctrl-D)", false, act_exit},
    {NULL, NULL, NULL, false, NULL},
};

static const word *all_words(void)
{
    return words;
}

static void say_unknown(const run_state *r, const char *name)
{
    const char *nearest = NULL;
    unsigned best = 0;
    for (const word *w = all_words(); w->name != NULL; w++) {
        const unsigned distance = text_distance(name, w->name);
        if (nearest == NULL || distance < best) {
            nearest = w->name;
            best = distance;
        }
    }
    if (text_is_near(name, best)) {
        (void)cli_usage(r->c, "unknown command /%.40s; did you mean /%s?", name, nearest);
    } else {
        (void)cli_usage(r->c, "unknown command /%.40s; /help tells which there are", name);
    }
}

bool run_is_slash(const char *line)
{
    const size_t length = strcspn(line, " \t\n");
    return line[0] == '/' && strspn(line + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!") == length - 1;
}

void run_slash(run_state *r, const char *line, bool *ret_leave)
{
    char name[48];
    const size_t length = strcspn(line + 1, " \t\n");
    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : (int)sizeof name - 1, line + 1);
    const char *argument = line + 1 + length;
    argument += strspn(argument, " \t\n");
    for (const word *w = all_words(); w->name != NULL; w++) {
        if (strcmp(w->name, name) == 0) {
            if (w->needs_template && r->template == NULL) {
                (void)cli_usage(r->c, "/%s is about a conversation, and there is none without a chat template", name);
            } else {
                *ret_leave = w->act(r, argument);
            }
            return;
        }
    }
    say_unknown(r, name);
}
