/* The profile: its parts add up to the whole, products read their packed bytes, and whatever kernel a forward pass of
 * any family calls is called within a lap that names it. */
#include "format_models.h"
#include "profile_kernels.h"
#include "random_blocks.h"
#include "support.h"

#include "model/profile.h"
#include "tensor/lossless.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROMPT = 40, ANSWER = 3, MOST_MODELS = 256 };

static const char *path_of(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "families/%s", name);
    return golden_path(path);
}

static session *prompted_session(model *m, const nn_profiler *profiler)
{
    int32_t ids[PROMPT];
    session *s = NULL;
    session_options options = session_options_default();
    options.context_length = PROMPT + ANSWER + 1;
    OK(session_create(m, &options, &s, error));
    session_profile(s, profiler);
    for (uint32_t i = 0; i < PROMPT; i++) {
        ids[i] = (int32_t)((i * i * 7 + 1) % m->config.vocabulary);
    }
    OK(session_feed(s, ids, PROMPT, NULL, NULL, error));
    return s;
}

static void answer(session *s)
{
    const session_answer_options how = {.most_tokens = ANSWER, .ignore_end = true};
    session_answer_result result = {0};
    OK(session_answer(s, &how, NULL, NULL, &result, error));
    assert_int_equal(result.tokens, ANSWER);
}

static void expect_near(const char *what, double found, double expected)
{
    const double off = found > expected ? found - expected : expected - found;
    if (!(off <= 1e-6 * expected + 1e-9)) {
        fail_msg("%s: %.9g, expected %.9g", what, found, expected);
    }
}

/* What all lines of a row together took, read and multiplied. */
static profile_line sum_of(const profile_line *lines, size_t count)
{
    profile_line sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.seconds += lines[i].seconds;
        sum.bytes += lines[i].bytes;
        sum.calls += lines[i].calls;
    }
    return sum;
}

static double product_bytes(const profile_line *lines, size_t count)
{
    double bytes = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(lines[i].line, PROFILE_UNKNOWN);
        bytes += profile_is_product(lines[i].line) ? lines[i].bytes : 0;
    }
    return bytes;
}

static double multiplies_of(const profile_line *lines, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        for (int kind = 0; kind < MEASURE_KINDS && profile_is_product(lines[i].line); kind++) {
            sum += lines[i].multiplies[kind];
        }
    }
    return sum;
}

/* What lies in memory of it: whole panels, or their places and what packing into the lossless form made of each. */
static double matrix_bytes(const matrix *m)
{
    const size_t panels = (m->rows + PANEL_ROWS - 1) / PANEL_ROWS;
    lossless_report made = {0};
    lossless_add_report(m, &made);
    assert_int_equal(made.packed, made.panels);
    return made.panels == 0 ? (double)panels * (double)panel_bytes(m->type, m->cols)
                            : (double)(lossless_places_bytes(panels) + made.bytes);
}

/* Every matrix once a token, of experts those that a token is sent to. */
static double packed_bytes(const model *m, double *ret_multiplies)
{
    double bytes = matrix_bytes(&m->weights.output);
    *ret_multiplies = (double)m->weights.output.rows * (double)m->weights.output.cols;
    for (size_t i = 0; i < m->weights.matrix_count; i++) {
        const matrix *w = m->weights.matrices[i];
        const double share = weights_is_expert(&m->weights, w) ? (double)m->config.moe.used / m->config.moe.experts : 1;
        bytes += share * matrix_bytes(w);
        *ret_multiplies += share * (double)w->rows * (double)w->cols;
    }
    return bytes;
}

static void check_parts(const profile *p)
{
    profile_line lines[PROFILE_LINES];
    profile_line of_layers = {0};
    const size_t count = profile_lines(p, lines);
    const profile_line all = sum_of(lines, count);
    expect_near("the lines' time", all.seconds, profile_seconds(p));
    for (uint32_t layer = 0; layer <= profile_layers(p); layer++) {
        profile_line some[PROFILE_LINES];
        const profile_line one =
            sum_of(some, profile_layer_lines(p, layer < profile_layers(p) ? layer : NN_NO_LAYER, some));
        assert_true(one.calls > 0);
        of_layers.seconds += one.seconds;
        of_layers.bytes += one.bytes;
        of_layers.calls += one.calls;
    }
    expect_near("the layers' time", of_layers.seconds, profile_seconds(p));
    expect_near("the layers' bytes", of_layers.bytes, all.bytes);
    assert_true(of_layers.calls == all.calls);
}

static void check_model(const char *name, model *m)
{
    profile *p = NULL;
    profile_line lines[PROFILE_LINES];
    OK(profile_create(m, &p, error));
    session *s = prompted_session(m, NULL);
    session_profile(s, profile_hook(p));
    profile_start(p);
    answer(s);
    profile_stop(p);
    check_parts(p);
    const size_t count = profile_lines(p, lines);
    double multiplies = 0;
    const double bytes = packed_bytes(m, &multiplies);
    expect_near(name, product_bytes(lines, count), ANSWER * bytes);
    expect_near(name, multiplies_of(lines, count), ANSWER * multiplies);
    assert_true(profile_outside_seconds(p) > 0 && profile_outside_seconds(p) < profile_seconds(p));
    /* a second run begins from nothing */
    profile_start(p);
    profile_stop(p);
    assert_true(product_bytes(lines, profile_lines(p, lines)) == 0);
    session_free(s);
    profile_free(p);
}

/* An answer of each of some models, by one to three threads. */
static void parts_add_up(void **state)
{
    (void)state;
    static const char *const names[] = {"mixtral", "deepseek-v3", "qwen3", "gemma3", "gpt2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int threads = 1; threads <= 3; threads++) {
            engine *e = make_engine(threads, NULL);
            model *m = open_model(e, path_of(names[i]), COMPUTE_NATIVE);
            check_model(names[i], m);
            model_close(m);
            engine_free(e);
        }
    }
}

/* A model in BF16; a row of its last matrix has so many different high bytes that its blocks are raw. */
static void write_bf16(const char *path)
{
    uint16_t row[512];
    size_t which = 0;
    while (format_model_type(which) != DTYPE_BF16) {
        which++;
        assert_true(which < format_models());
    }
    random_blocks_seed(5);
    format_model_write(path, which, false);
    for (unsigned i = 0; i < 512; i++) {
        row[i] = (uint16_t)((0x20u + i % 24) << 8);
    }
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -(long)sizeof row, SEEK_END), 0);
    assert_int_equal(fwrite(row, sizeof row, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

/* In the lossless form: what products read is what packing made. */
static void lossless_parts_add_up(void **state)
{
    (void)state;
    char folder[] = "/tmp/hearth-profile-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    write_bf16(path);
    for (int threads = 1; threads <= 3; threads++) {
        engine *e = make_engine(threads, NULL);
        model *m = NULL;
        const model_options options = {.compute = COMPUTE_NATIVE, .lossless = LOSSLESS_ON};
        OK(model_open(e, path, &options, &m, error));
        check_model("lossless", m);
        const lossless_report made = weights_lossless_report(&m->weights);
        assert_true(made.panels > 0 && made.met.fitting > 0 && made.met.fitting < made.met.blocks);
        model_close(m);
        engine_free(e);
    }
    unlink(path);
    rmdir(folder);
}

/* ---- no kernel lacks its line ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static size_t list_models(char names[MOST_MODELS][64])
{
    size_t count = 0;
    DIR *folder = opendir(golden_path("families"));
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.' && strchr(entry->d_name, '.') == NULL && strlen(entry->d_name) < 64) {
            assert_true(count < MOST_MODELS);
            memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    closedir(folder);
    qsort(names, count, 64, by_name);
    return count;
}

static void every_kernel_has_its_line(void **state)
{
    (void)state;
    static char names[MOST_MODELS][64];
    const size_t count = list_models(names);
    assert_true(count > 50);
    for (size_t i = 0; i < count; i++) {
        engine *e = make_engine(2, NULL);
        e->kernels = profile_kernels_watch(e->kernels);
        model *m = open_model(e, path_of(names[i]), COMPUTE_NATIVE);
        profile_kernels_forget();
        session *s = prompted_session(m, profile_kernels_profiler());
        answer(s);
        const char *fault = profile_kernels_fault();
        if (fault != NULL) {
            fail_msg("%s: %s", names[i], fault);
        }
        assert_true(profile_kernels_called("matmul") > 0 && profile_kernels_called("attend") > 0);
        session_free(s);
        model_close(m);
        engine_free(e);
    }
    for (unsigned kind = 0; kind < 3; kind++) { /* the watch sees what it is to see */
        static const char *const expected[3] = {"rope", "recur", "layer_norm"};
        assert_true(profile_kernels_ever(expected[kind]) > 0);
    }
}

/* An entry of the table that the watch leaves out would never be missed. */
static void the_watch_covers_the_table(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    const char *left = profile_kernels_left_out(e->kernels);
    if (left != NULL) {
        fail_msg("tests/model/profile_kernels.c does not watch an entry of the table: %s", left);
    }
    engine_free(e);
}

/* A kernel called outside of laps is found: the watch can fail. */
static void a_forgotten_lap_is_found(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    const kernel_table *k = profile_kernels_watch(e->kernels);
    const nn_profiler *watch = profile_kernels_profiler();
    float x[4] = {1, 2, 3, 4};
    profile_kernels_forget();
    k->add(x, x, 4, x);
    watch->lap(watch->context, 0, NN_OP_ADD, NULL, (nn_work){0});
    assert_null(profile_kernels_fault());
    k->add(x, x, 4, x);
    watch->lap(watch->context, 0, NN_OP_BARRIER, NULL, (nn_work){0});
    assert_string_equal(profile_kernels_fault(), "add was called in the lap \"waiting at barriers\"");
    profile_kernels_forget();
    k->rms_norm(x, NULL, 1e-5f, 4, x);
    watch->lap(watch->context, 0, NN_OP_PREPARE, NULL, (nn_work){0});
    assert_string_equal(profile_kernels_fault(), "rms_norm was called in the lap \"activation preparation\"");
    profile_kernels_forget();
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_add_up), cmocka_unit_test(lossless_parts_add_up),
                                       cmocka_unit_test(the_watch_covers_the_table),
                                       cmocka_unit_test(a_forgotten_lap_is_found),
                                       cmocka_unit_test(every_kernel_has_its_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
