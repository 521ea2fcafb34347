/* What the model tests share: paths, engines, goldens. */
#ifndef TESTS_MODEL_SUPPORT_H
#define TESTS_MODEL_SUPPORT_H

#include "base/json.h"
#include "generate/session.h"
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Skips the test with a message that the output keeps. */
#define SKIP(...)                                                                                                      \
    do {                                                                                                               \
        print_message(__VA_ARGS__);                                                                                    \
        skip();                                                                                                        \
    } while (0)

/* SOURCE/tests/model/golden/NAME, fixture folder/NAME, SmolLM2's file, MiniLM's folder; static storage, one of each at
 * a time. */
const char *golden_path(const char *name);
const char *fixture_path(const char *name);
const char *smollm2_path(void);
const char *minilm_path(void);

/* Fails the test with the error's line. */
void expect_ok(hearth_status status, const hearth_error *error);
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        hearth_error error_ = {0};                                                                                     \
        hearth_error *error = &error_;                                                                                 \
        expect_ok(call, error);                                                                                        \
    } while (0)

json_t *read_json(const char *path);
/* ids of a JSON array; the caller frees with free(). */
int32_t *json_ids(const json_t *array, size_t *ret_count);

engine *make_engine(int threads, const char *isa);
model *open_model(engine *e, const char *path, compute how);

/* Logits of all positions of ids: [count, vocabulary], malloc'ed. `chunk` tokens a step. */
float *all_logits(model *m, const int32_t *ids, size_t count, size_t chunk, int cache);
/* count greedy tokens after the prompt; written to ret. */
void greedy_tokens(model *m, const int32_t *prompt, size_t length, size_t count, int32_t *ret);

#endif
