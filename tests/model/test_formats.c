/* Every number format as a model's weights: a small Llama of random blocks, and the same model in F32 with the values
 * that the blocks stand for (held to the gguf package's in tests/matmul). With --compute f32 both give the same bits;
 * in native the logits are near; either way they are the same over instruction sets, threads and chunks. */
#include "format_models.h"
#include "support.h"

#include "base/sanitizer.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 24, WORDS = FORMAT_MODEL_WORDS };
#define NEAR 0.05 /* of the logits' size */

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- the tests ---- */

static float *logits_of(const char *path, compute how, const char *isa, int threads, size_t chunk)
{
    int32_t ids[TEXT];
    engine *e = make_engine(threads, isa);
    model *m = open_model(e, path, how);
    for (int i = 0; i < TEXT; i++) {
        ids[i] = i * i * 7 % WORDS;
    }
    float *logits = all_logits(m, ids, TEXT, chunk, -1);
    model_close(m);
    engine_free(e);
    return logits;
}

static void check_same(const float *expected, const char *path, compute how)
{
    const kernel_table *variants[8];
    const size_t count = kernels_variants(engine_cpu(), variants);
    const size_t begin = SANITIZER_ADDRESS || SANITIZER_THREAD ? count - 1 : 0; /* slow there: the best one alone */
    static const size_t chunks[] = {7, 1, 64};
    for (size_t v = begin; v < count; v++) {
        float *logits = logits_of(path, how, variants[v]->name, 1 + (int)(v + 1) % 3, chunks[v % 3]);
        if (memcmp(logits, expected, sizeof *logits * TEXT * WORDS) != 0) {
            fail_msg("%s: %s has other bits", path, variants[v]->name);
        }
        free(logits);
    }
}

static void check_format(void **state)
{
    const size_t row = *(const size_t *)*state;
    char file[128];
    char values[128];
    snprintf(file, sizeof file, "%s", path_of("format.gguf"));
    snprintf(values, sizeof values, "%s", path_of("values.gguf"));
    format_model_write(file, row, false);
    format_model_write(values, row, true);
    float *expected = logits_of(values, COMPUTE_F32, NULL, 2, 512);
    if (!SANITIZER_ADDRESS && !SANITIZER_THREAD) { /* slow there: native's products alone */
        check_same(expected, file, COMPUTE_F32);
    }
    float *native = logits_of(file, COMPUTE_NATIVE, NULL, 2, 512);
    check_same(native, file, COMPUTE_NATIVE);
    double difference = 0;
    double size = 0;
    for (size_t i = 0; i < TEXT * WORDS; i++) {
        assert_true(isfinite(expected[i]) && isfinite(native[i]));
        difference += pow((double)native[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    const double relative = sqrt(difference / size);
    print_message("# | %s | same bits | %.1e |\n", dtype_get_info(format_model_type(row))->name, relative);
    assert_true(size > TEXT * WORDS * 0.01 && relative < NEAR);
    free(expected);
    free(native);
    unlink(file);
    unlink(values);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hearth-formats-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    static size_t which[64];
    struct CMUnitTest tests[64];
    const size_t count = format_models();
    for (size_t i = 0; i < count; i++) {
        which[i] = i;
        tests[i] = (struct CMUnitTest){dtype_get_info(format_model_type(i))->name, check_format, NULL, NULL, &which[i]};
    }
    return _cmocka_run_group_tests("formats", tests, count, make_folder, remove_folder);
}
