/* A question to a model, answered as hearth run would, without showing it yet. */
#include "cli/conversation.h"
#include "cli/trace_answer.h"

#include <string.h>

static void settings_of(const trace_answer_settings *s, const char *name, const recipe *r, run_settings *ret)
{
    static const char *line_end[] = {"\n"};
    *ret = (run_settings)RUN_SETTINGS_UNSET;
    ret->raw = s->raw;
    ret->temperature = s->temperature;
    ret->seed = s->seed;
    ret->most_tokens = s->most_tokens;
    ret->stops = s->stops;
    const bool own = strcmp(name, RUN_OWN_MODEL) == 0 || (r != NULL && strcmp(r->name, "hearthside") == 0);
    if (own) { /* an answer of hearthside ends with its line */
        ret->raw = true;
        ret->stops = s->stops.count > 0 ? s->stops : (option_list){line_end, 1};
    }
}

hearth_status trace_ask(cli *c, const trace_answer_settings *s, const char *name, const recipe *r, const char *question,
                        run_settings *settings, run_state *ret, hearth_error *error)
{
    settings_of(s, name, r, settings);
    *ret = (run_state){.c = c, .s = settings};
    TRY(run_open(ret, name, error));
    const bool raw = ret->template == NULL;
    if (!raw) {
        TRY(conversation_add(ret->messages, "user", question, strlen(question), error));
    }
    return run_make_answer(ret, raw ? question : NULL, strlen(question), error);
}
