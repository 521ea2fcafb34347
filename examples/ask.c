/* ask MODEL QUESTION: a streamed answer, with nothing but hearth.h.
 *     cc ask.c $(pkg-config --cflags --libs hearth) -o ask */
#include <hearth/hearth.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool show(void *context, const char *text, size_t length)
{
    (void)context;
    fwrite(text, 1, length, stdout);
    return fflush(stdout) == 0;
}

static hearth_status answer(hearth_model *model, const char *question, hearth_error *error)
{
    char messages[1024], prompt[8192];
    size_t length = 0;
    hearth_session *session = NULL;
    hearth_session_options options = hearth_session_options_default();
    options.context_length = hearth_model_context_length(model) < 1024 ? 0 : 1024;
    options.sampling.temperature = 0;
    snprintf(messages, sizeof messages, "[{\"role\": \"user\", \"content\": \"%s\"}]", question);
    hearth_status status = hearth_render_chat(model, messages, true, prompt, sizeof prompt, &length, error);
    if (status == HEARTH_E_NOT_FOUND) { /* not a chat model: it goes on with the text */
        length = strlen(question);
        status = error->status = HEARTH_OK;
        snprintf(prompt, sizeof prompt, "%s", question);
    }
    if (status == HEARTH_OK) {
        status = hearth_session_create(model, &options, &session, error);
    }
    if (status == HEARTH_OK) {
        status = hearth_session_generate(session, prompt, length, 48, show, NULL, error);
    }
    hearth_session_destroy(session);
    return status;
}

int main(int argc, char **argv)
{
    char line[1024];
    hearth_error error = {0};
    hearth_engine *engine = NULL;
    hearth_model *model = NULL;
    if (argc != 3 || strlen(argv[2]) > 512 || strpbrk(argv[2], "\"\\") != NULL) {
        fprintf(stderr, "usage: ask MODEL QUESTION (at most 512 bytes, no quotes)\n");
        return 2;
    }
    if (hearth_engine_create(NULL, &engine, &error) != HEARTH_OK ||
        hearth_model_open(engine, argv[1], NULL, &model, &error) != HEARTH_OK ||
        answer(model, argv[2], &error) != HEARTH_OK) {
        fprintf(stderr, "ask: %s\n", hearth_error_line(&error, line, sizeof line));
    }
    putchar('\n');
    hearth_model_close(model);
    hearth_engine_destroy(engine);
    return error.status == HEARTH_OK ? 0 : 1;
}
