/* Muon: products by the kernels that the model's are made of, so that the bits are those of every machine. */
#include "train/muon.h"

#include "base/memory.h"
#include "kernels/activation.h"
#include "kernels/gradient.h"
#include "kernels/optimize.h"

#include <math.h>
#include <string.h>

#define MUON_ROUNDS 5
#define MUON_A 3.4445f
#define MUON_B (-4.775f)
#define MUON_C 2.0315f
#define MUON_EPS 1e-7

struct muon {
    engine *engine;
    const recipe_train *how;
    const train_parameter *table;
    size_t count;
    uint64_t begin, end; /* of the values whose matrices are made here */
    size_t side, most;   /* the longest shorter side, and the most values, of a matrix */
    float *x, *turned, *made, *square, *square2;
    uint8_t *panels, *scratch;
    float *input;
};

static size_t panels_of(size_t rows)
{
    return (rows + PANEL_ROWS - 1) / PANEL_ROWS;
}

/* The longest of what products of these matrices need. */
typedef struct muon_sizes {
    size_t panels, input;
} muon_sizes;

static void widen(muon_sizes *s, size_t tokens, size_t rows, size_t cols)
{
    const size_t panels = panels_of(rows) * panel_bytes(DTYPE_F32, cols);
    const size_t input = activation_bytes(ACTIVATION_F32, tokens, cols);
    s->panels = panels > s->panels ? panels : s->panels;
    s->input = input > s->input ? input : s->input;
}

static bool is_own(const muon *m, const train_parameter *t)
{
    return t->matrix && t->offset >= m->begin && t->offset < m->end;
}

static muon_sizes measure(muon *m)
{
    muon_sizes s = {0};
    for (size_t p = 0; p < m->count; p++) {
        const train_parameter *t = &m->table[p];
        if (is_own(m, t)) {
            const size_t low = (size_t)(t->rows < t->cols ? t->rows : t->cols);
            const size_t high = (size_t)(t->rows < t->cols ? t->cols : t->rows);
            m->side = low > m->side ? low : m->side;
            m->most = low * high > m->most ? low * high : m->most;
            widen(&s, low, low, high);
            widen(&s, low, low, low);
            widen(&s, low, high, low);
        }
    }
    return s;
}

hearth_status muon_create(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                          uint64_t begin, uint64_t end, muon **ret, hearth_error *error)
{
    muon *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    *m = (muon){.engine = e, .how = how, .table = table, .count = count, .begin = begin, .end = end, .side = 1};
    const muon_sizes s = measure(m);
    const size_t most = m->most + 1;
    const size_t squares = m->side * m->side;
    m->x = mem_calloc(most, sizeof(float));
    m->turned = mem_calloc(most, sizeof(float));
    m->made = mem_calloc(most, sizeof(float));
    m->square = mem_calloc(squares, sizeof(float));
    m->square2 = mem_calloc(squares, sizeof(float));
    m->panels = mem_alloc_aligned(s.panels + 64, 64);
    m->input = mem_alloc_aligned(s.input + 64, 64);
    m->scratch = mem_alloc_aligned((size_t)e->threads * MATMUL_SCRATCH_BYTES, 64);
    if (m->x == NULL || m->turned == NULL || m->made == NULL || m->square == NULL || m->square2 == NULL ||
        m->panels == NULL || m->input == NULL || m->scratch == NULL) {
        muon_free(m);
        return error_memory(error, most * sizeof(float));
    }
    *ret = m;
    return HEARTH_OK;
}

void muon_free(muon *m)
{
    if (m != NULL) {
        mem_free(m->x);
        mem_free(m->turned);
        mem_free(m->made);
        mem_free(m->square);
        mem_free(m->square2);
        mem_free(m->panels);
        mem_free(m->input);
        mem_free(m->scratch);
        mem_free(m);
    }
}

/* out[t][r] = row r of `matrix` [rows, cols] . row t of `left` [tokens, cols] */
typedef struct product {
    muon *m;
    const float *left, *matrix;
    size_t tokens, rows, cols;
    float *out;
} product;

static void product_part(void *context, int part, int parts)
{
    const product *p = context;
    muon *m = p->m;
    const kernel_table *k = m->engine->kernels;
    const size_t bytes = panel_bytes(DTYPE_F32, p->cols);
    const thread_range panels = thread_split(panels_of(p->rows), 1, part, parts);
    const thread_range tokens = thread_split(p->tokens, 1, part, parts);
    for (size_t i = panels.begin; i < panels.end; i++) {
        const uint8_t *rows[PANEL_ROWS];
        const size_t left = p->rows - i * PANEL_ROWS;
        const unsigned count = left < PANEL_ROWS ? (unsigned)left : PANEL_ROWS;
        for (unsigned r = 0; r < count; r++) {
            rows[r] = (const uint8_t *)(p->matrix + (i * PANEL_ROWS + r) * p->cols);
        }
        panel_pack(DTYPE_F32, p->cols, rows, count, m->panels + i * bytes);
    }
    k->activation_prepare[ACTIVATION_F32](p->left, p->cols, p->tokens, p->cols, tokens.begin, tokens.end, m->input);
    thread_barrier(m->engine->pool);
    if (panels.begin < panels.end) {
        k->matmul[COMPUTE_F32][DTYPE_F32](m->panels, p->rows, p->cols, m->input, p->tokens, p->out, p->rows,
                                          panels.begin, panels.end, m->scratch + (size_t)part * MATMUL_SCRATCH_BYTES);
    }
}

static void multiply(muon *m, const float *left, size_t tokens, const float *matrix, size_t rows, size_t cols,
                     float *out)
{
    product p = {.m = m, .left = left, .matrix = matrix, .tokens = tokens, .rows = rows, .cols = cols, .out = out};
    engine_run(m->engine, product_part, &p);
}

static void transpose(const float *from, size_t rows, size_t cols, float *to)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            to[c * rows + r] = from[r * cols + c];
        }
    }
}

/* 1 / max(norm, eps), the norm as optimizer_norm has it. */
static float inverse_norm(const muon *m, const float *x, size_t n)
{
    double sum = 0.0;
    for (size_t begin = 0; begin < n; begin += OPTIMIZE_BLOCK) {
        const size_t count = n - begin < OPTIMIZE_BLOCK ? n - begin : OPTIMIZE_BLOCK;
        sum += (double)m->engine->kernels->gradient->dot(x + begin, x + begin, count);
    }
    const double norm = sqrt(sum);
    return (float)(1.0 / (norm > MUON_EPS ? norm : MUON_EPS));
}

/* m->x [low, high], low <= high: X = a X + (b A + c A A) X with A = X X^T, five times. */
static void orthogonalize(muon *m, size_t low, size_t high)
{
    const size_t n = low * high;
    m->engine->kernels->scale(m->x, inverse_norm(m, m->x, n), n, m->x);
    for (int round = 0; round < MUON_ROUNDS; round++) {
        multiply(m, m->x, low, m->x, low, high, m->square);
        multiply(m, m->square, low, m->square, low, low, m->square2); /* A is its own transpose, bit for bit */
        m->engine->kernels->optimize->blend(MUON_B, m->square, MUON_C, m->square2, low * low, m->square);
        transpose(m->x, low, high, m->turned);
        multiply(m, m->square, low, m->turned, high, low, m->made);
        m->engine->kernels->optimize->blend(MUON_A, m->x, 1.0f, m->made, n, m->x);
    }
}

void muon_apply(muon *m, double rate, float clip, const float *gradient, float *mean, float *values)
{
    for (size_t p = 0; p < m->count; p++) {
        const train_parameter *t = &m->table[p];
        if (!is_own(m, t)) {
            continue;
        }
        const size_t rows = (size_t)t->rows;
        const size_t cols = (size_t)t->cols;
        const size_t n = rows * cols;
        const size_t at = (size_t)(t->offset - m->begin);
        const bool tall = rows > cols;
        m->engine->kernels->optimize->momentum(clip, (float)m->how->muon_momentum, gradient + at, mean + at,
                                               tall ? m->turned : m->x, n);
        if (tall) {
            transpose(m->turned, rows, cols, m->x);
            orthogonalize(m, cols, rows);
            transpose(m->x, cols, rows, m->turned);
        } else {
            orthogonalize(m, rows, cols);
        }
        const double ratio = (double)rows / (double)cols;
        const float by = (float)(rate * sqrt(ratio > 1.0 ? ratio : 1.0));
        const float keep = t->decays ? (float)(1.0 - rate * m->how->weight_decay) : 1.0f;
        m->engine->kernels->optimize->descend(by, keep, tall ? m->turned : m->x, values + t->offset, n);
    }
}
