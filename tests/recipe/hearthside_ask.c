/* Asks a model held-out questions of hearthside, through the library as anybody may: greedily, up to the end of a line.
 * An answer counts when it is the whole line, exactly.
 *   hearthside_ask MODEL SEED FIRST COUNT [LEAST]
 * COUNT of each kind, from the FIRST on; exit status 1 below the share LEAST. */
#include "corpus/hearthside.h"
#include "hearth/hearth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_TOKENS = 32 };

static bool take(void *context, const char *text, size_t length)
{
    return buffer_append(context, text, length, NULL) == HEARTH_OK;
}

/* Whether the model's line is the answer. */
static hearth_status ask(hearth_session *session, uint64_t seed, uint64_t index, bool show, bool *ret,
                         hearth_error *error)
{
    buffer prompt, answer, said;
    buffer_init(&prompt, 0);
    buffer_init(&answer, 0);
    buffer_init(&said, 0);
    hearth_status status = hearthside_question(seed, index, &prompt, &answer, error);
    if (status == HEARTH_OK) {
        status = hearth_session_rewind(session, 0, error);
    }
    if (status == HEARTH_OK) {
        status =
            hearth_session_generate(session, buffer_text(&prompt), prompt.length, ANSWER_TOKENS, take, &said, error);
    }
    const char *line = buffer_text(&said);
    *ret = said.length > 1 && line[0] == ' ' && strcmp(line + 1, buffer_text(&answer)) == 0;
    if (show && status == HEARTH_OK && !*ret) {
        printf("# %s%s (%s)\n", buffer_text(&prompt), line, buffer_text(&answer));
    }
    buffer_free(&prompt);
    buffer_free(&answer);
    buffer_free(&said);
    return status;
}

static hearth_status ask_all(hearth_session *session, uint64_t seed, uint64_t first, uint64_t count, double *ret,
                             hearth_error *error)
{
    uint64_t all = 0;
    for (unsigned kind = 0; kind < HEARTHSIDE_QUESTIONS; kind++) {
        uint64_t right = 0;
        for (uint64_t i = 0; i < count; i++) {
            bool good = false;
            TRY(ask(session, seed, (first + i) * HEARTHSIDE_QUESTIONS + kind, i < 20, &good, error));
            right += good;
        }
        printf("%-24s %5.1f%%\n", hearthside_question_name(kind), 100.0 * (double)right / (double)count);
        all += right;
    }
    *ret = (double)all / (double)(count * HEARTHSIDE_QUESTIONS);
    printf("%-24s %5.1f%% of %llu\n", "all", 100.0 * *ret, (unsigned long long)count * HEARTHSIDE_QUESTIONS);
    return HEARTH_OK;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: hearthside_ask MODEL SEED FIRST COUNT [LEAST]\n");
        return 2;
    }
    const char *const stop = "\n";
    hearth_engine *engine = NULL;
    hearth_model *model = NULL;
    hearth_session *session = NULL;
    hearth_error error = {0};
    double share = 0;
    hearth_session_options how = hearth_session_options_default();
    how.sampling.temperature = 0;
    how.stop_strings = &stop;
    how.stop_count = 1;
    hearth_status status = hearth_engine_create(NULL, &engine, &error);
    status = status == HEARTH_OK ? hearth_model_open(engine, argv[1], NULL, &model, &error) : status;
    status = status == HEARTH_OK ? hearth_session_create(model, &how, &session, &error) : status;
    status = status == HEARTH_OK ? ask_all(session, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10),
                                           strtoull(argv[4], NULL, 10), &share, &error)
                                 : status;
    if (status != HEARTH_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], error.found);
    }
    hearth_session_destroy(session);
    hearth_model_close(model);
    hearth_engine_destroy(engine);
    return status != HEARTH_OK || share < (argc > 5 ? strtod(argv[5], NULL) : 0) ? 1 : 0;
}
