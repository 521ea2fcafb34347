/* What quantising is told from outside. The input's first byte is 0: a GGUF file of statistics of importance follows;
 * what was read is written, and read again it is the same. Else it is a kind of file, and what follows is --tensor's
 * text, a zero byte, and a GGUF file up to its tensors' data: each tensor gets a format whose blocks divide its rows.
 */
#include "../tests/formats/scratch.h"
#include "fuzz_input.h"

#include "base/memory.h"
#include "convert/importance.h"
#include "convert/quantize_choice.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DATA_BYTES ((size_t)192 << 10)
#define PATTERN_BYTES 32 /* a user's own pattern may take its time */

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fuzz_importance: %s\n", what);
        abort();
    }
}

static void sink_error(const hearth_error *error)
{
    char line[600];
    fuzz_sink += (uint64_t)hearth_error_line(error, line, sizeof line)[0];
}

/* ---- statistics ---- */

static void weigh(const importance *i, const importance_entry *e, size_t matrices, size_t cols)
{
    float *weights = NULL;
    hearth_error error = {0};
    if (importance_weights(i, e->name, matrices, cols, &weights, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    for (size_t w = 0; w < matrices * cols; w++) {
        must(weights[w] > 0 && weights[w] < 1e38f, "a weight that is none");
    }
    mem_free(weights);
}

static bool saw_something(const importance_entry *e)
{
    bool any = false;
    for (size_t m = 0; m < e->count; m++) {
        any = any || e->tokens[m] > 0;
    }
    return any;
}

/* Entries that saw nothing are not written. */
static void compare(const importance *first, const char *path)
{
    importance *second = NULL;
    hearth_error error = {0};
    size_t seen = 0;
    must(importance_load(path, &second, &error) == HEARTH_OK, "what was written cannot be read");
    for (size_t n = 0; n < first->count; n++) {
        const importance_entry *a = &first->entries[n];
        const importance_entry *b = importance_find(second, a->name);
        if (!saw_something(a)) {
            must(b == NULL, "an entry that saw nothing");
            continue;
        }
        must(b != NULL && a->count == b->count && a->cols == b->cols &&
                 memcmp(a->sums, b->sums, a->count * a->cols * sizeof *a->sums) == 0 &&
                 memcmp(a->tokens, b->tokens, a->count * sizeof *a->tokens) == 0,
             "an entry differs");
        seen++;
    }
    must(seen == second->count, "more entries than were written");
    importance_free(second);
}

static void read_statistics(const uint8_t *data, size_t size)
{
    static char path[112];
    importance *i = NULL;
    hearth_error error = {0};
    bool any = false;
    if (importance_load(fuzz_file(0, data, size), &i, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    for (size_t n = 0; n < i->count; n++) {
        const importance_entry *e = &i->entries[n];
        any = any || saw_something(e);
        weigh(i, e, e->count, e->cols);
        weigh(i, e, e->count + 1, e->cols);
        weigh(i, e, 1, 7);
    }
    snprintf(path, sizeof path, "%s/statistics.gguf", fuzz_folder());
    if (importance_save(i, "fuzz", path, &error) != HEARTH_OK) {
        sink_error(&error);
    } else {
        if (any) {
            compare(i, path);
        }
        must(unlink(path) == 0, "unlink");
    }
    importance_free(i);
}

/* ---- choices ---- */

static void read_row(const uint8_t *panel, size_t cols, size_t begin, size_t end, float *out)
{
    (void)panel, (void)cols, (void)begin, (void)end, (void)out; /* a format that can be read; nothing is */
}

static void choose(int kind, const quantize_override *over, bool has_importance, const gguf_file *file)
{
    static kernel_table kernels;
    for (size_t type = 0; type < DTYPE_LIMIT; type++) {
        kernels.panel_dequantize[type] = read_row;
    }
    const quantize_options o = {.kernels = &kernels, .overrides = over, .override_count = over->pattern != NULL};
    const tensor_table *table = gguf_tensors(file);
    choice_model m = choice_look(table);
    m.importance = has_importance;
    for (size_t t = 0; t < table->count; t++) {
        const tensor_entry *e = &table->entries[t];
        bool fell_back = false;
        const dtype type = choice_of(kind, e, &m, &o, &fell_back);
        const dtype_info *info = dtype_get_gguf_info(type);
        must(info != NULL && e->shape[e->dims - 1] % info->block_values == 0, "blocks do not divide the rows");
    }
}

/* PATTERN=TYPE, as the command takes it apart. */
static void read_choice(const uint8_t *data, size_t size)
{
    char pattern[PATTERN_BYTES] = "";
    gguf_file *file = NULL;
    hearth_error error = {0};
    quantize_override over = {0};
    size_t kinds = 0;
    while (quantize_names[kinds] != NULL) {
        kinds++;
    }
    const uint8_t *end = memchr(data + 1, 0, size - 1);
    const size_t length = end != NULL ? (size_t)(end - data) - 1 : size - 1;
    snprintf(pattern, sizeof pattern, "%.*s", (int)(length < sizeof pattern ? length : sizeof pattern - 1), data + 1);
    char *sign = strrchr(pattern, '=');
    if (sign != NULL && quantize_format(sign + 1, &over.type)) {
        *sign = '\0';
        over.pattern = pattern;
    }
    const size_t rest = size - 1 - length - (end != NULL);
    const uint8_t *file_data = data + size - rest;
    if (gguf_open(fuzz_file_with_zeros(0, file_data, rest, DATA_BYTES), &file, &error) != HEARTH_OK) {
        sink_error(&error);
        return;
    }
    choose((data[0] - 1) % (int)kinds, &over, data[0] > 128, file);
    gguf_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool prepared;
    if (!prepared) {
        (void)signal(SIGXFSZ, SIG_IGN); /* the disk is memory here */
        must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4 << 20, 4 << 20}) == 0, "setrlimit");
        prepared = true;
    }
    if (size < 2) {
        return 0;
    }
    if (data[0] == 0) {
        read_statistics(data + 1, size - 1);
    } else {
        read_choice(data, size);
    }
    return 0;
}
