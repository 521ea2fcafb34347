/* Products of a matrix that is packed while it is used, by parts of a split and by threads that all want everything. */
#ifndef TESTS_PENDING_H
#define TESTS_PENDING_H

#include "base/memory.h"
#include "kernels/activation.h"
#include "model/engine.h"
#include "platform/pages.h"
#include "tensor/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PARTS 3

typedef struct work {
    const kernel_table *k;
    const matrix *m;
    void *activation;
    void *scratch[PARTS];
    float *y[PARTS];
    size_t tokens;
    int parts; /* of the split; 1: every thread multiplies everything */
} work;

static void work_begin(work *w, const matrix *m, size_t tokens)
{
    const activation_kind kind = activation_for(m->type, COMPUTE_NATIVE);
    float *x = mem_alloc(tokens * m->cols * sizeof *x);
    *w = (work){.k = engine_best_kernels(), .m = m, .tokens = tokens};
    w->activation = mem_alloc_aligned(activation_bytes(kind, tokens, m->cols), 64);
    assert_true(x != NULL && w->activation != NULL);
    for (size_t i = 0; i < tokens * m->cols; i++) {
        x[i] = (float)((i * 7919) % 2003) / 1001.0f - 1.0f;
    }
    w->k->activation_prepare[kind](x, m->cols, tokens, m->cols, 0, tokens, w->activation);
    mem_free(x);
    for (int part = 0; part < PARTS; part++) {
        w->scratch[part] = mem_alloc_aligned(matrix_scratch_bytes(m), 64);
        w->y[part] = mem_calloc(tokens * m->rows, sizeof **w->y);
        assert_true(w->scratch[part] != NULL && w->y[part] != NULL);
    }
}

static void work_end(work *w)
{
    mem_free(w->activation);
    for (int part = 0; part < PARTS; part++) {
        mem_free(w->scratch[part]);
        mem_free(w->y[part]);
    }
}

/* Part `part` of the split into y[0], or everything into the thread's own y. */
static void multiply_part(void *context, int part, int parts)
{
    const work *w = context;
    (void)parts;
    const bool all = w->parts == 1;
    matrix_multiply(w->k, w->m, COMPUTE_NATIVE, w->activation, w->tokens, w->y[all ? part : 0], w->m->rows,
                    all ? 0 : part, w->parts, w->scratch[part]);
}

/* What a packed matrix gives: [tokens, rows]. */
static float *expected_of(const matrix *m, size_t tokens, thread_pool *pool)
{
    matrix packed = *m;
    work w;
    assert_int_equal(matrix_pack(&packed, pool, NULL), HEARTH_OK);
    work_begin(&w, &packed, tokens);
    w.parts = 1;
    multiply_part(&w, 0, 1);
    float *y = w.y[0];
    w.y[0] = NULL;
    work_end(&w);
    pages_free((void *)(uintptr_t)packed.panels, matrix_panels_bytes(&packed));
    return y;
}

static void assert_rows(const matrix *m, const float *got, const float *expected, size_t tokens, size_t begin,
                        size_t end)
{
    for (size_t t = 0; t < tokens; t++) {
        assert_memory_equal(got + t * m->rows + begin, expected + t * m->rows + begin, (end - begin) * sizeof *got);
    }
}

/* Kilobytes of a mapping that are in this process's memory. */
static long resident_kilobytes(const void *at)
{
    char line[512];
    long kilobytes = -1;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    bool here = false;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin = 0;
        unsigned long end = 0;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
            here = begin <= (uintptr_t)at && (uintptr_t)at < end;
        } else if (here && sscanf(line, "Rss: %ld", &kilobytes) == 1) {
            break;
        }
    }
    fclose(maps);
    return kilobytes;
}

#endif
