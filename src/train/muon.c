/* Muon: products by the kernels that the model's are made of, so that the bits are those of every machine. A thread
 * takes whole matrices, the dearest first: none waits for another within one. */
#include "train/muon.h"

#include "base/memory.h"
#include "kernels/gradient.h"
#include "kernels/optimize.h"
#include "train/train_profile.h"

#include <math.h>
#include <stdatomic.h>

#define MUON_ROUNDS 5
#define MUON_A 3.4445f
#define MUON_B (-4.775f)
#define MUON_C 2.0315f
#define MUON_EPS 1e-7
#define BLOCK 16u /* columns of a symmetric product that are made together; turning goes in such squares */
_Static_assert(BLOCK == PANEL_ROWS, "a panel is the columns of X X^T");

/* One thread's. */
typedef struct muon_room {
    float *x, *made;         /* [most] */
    float *square, *square2; /* [side, side] */
    uint8_t *panels;
    void *scratch;
} muon_room;

struct muon {
    engine *engine;
    const recipe_train *how;
    const train_parameter *table;
    uint64_t begin, end; /* of the values whose matrices are made here */
    size_t *order;       /* of the matrices, the dearest first */
    size_t count;
    size_t side, most, panels; /* the longest shorter side, the most values, the most bytes of panels, of a matrix */
    uint8_t *memory;
    muon_room *rooms; /* [engine's threads] */
};

static size_t shorter(const train_parameter *t)
{
    return (size_t)(t->rows < t->cols ? t->rows : t->cols);
}

static size_t longer(const train_parameter *t)
{
    return (size_t)(t->rows < t->cols ? t->cols : t->rows);
}

static size_t panels_of(size_t rows)
{
    return (rows + PANEL_ROWS - 1) / PANEL_ROWS;
}

/* ---- making one ---- */

static void sort_by_cost(muon *m, const train_parameter *table, size_t count)
{
    for (size_t p = 0; p < count; p++) {
        if (!table[p].matrix || table[p].offset < m->begin || table[p].offset >= m->end) {
            continue;
        }
        const double cost = (double)shorter(&table[p]) * (double)(table[p].rows * table[p].cols);
        size_t at = m->count++;
        for (; at > 0; at--) {
            const train_parameter *before = &table[m->order[at - 1]];
            if ((double)shorter(before) * (double)(before->rows * before->cols) >= cost) {
                break;
            }
            m->order[at] = m->order[at - 1];
        }
        m->order[at] = p;
    }
}

static void measure(muon *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const train_parameter *t = &m->table[m->order[i]];
        const size_t low = shorter(t);
        const size_t panels = panels_of(low) * panel_bytes(DTYPE_F32, longer(t));
        m->side = low > m->side ? low : m->side;
        m->most = low * longer(t) > m->most ? low * longer(t) : m->most;
        m->panels = panels > m->panels ? panels : m->panels;
    }
}

static hearth_status make_rooms(muon *m, hearth_error *error)
{
    const size_t most = size_round_up(m->most * sizeof(float), 64);
    const size_t squares = size_round_up(m->side * m->side * sizeof(float), 64);
    const size_t panels = size_round_up(m->panels, 64);
    const size_t scratch = size_round_up(GRADIENT_SCRATCH_BYTES, 64);
    const size_t each = 2 * most + 2 * squares + panels + scratch;
    const size_t threads = (size_t)m->engine->threads;
    m->rooms = mem_calloc(threads, sizeof *m->rooms);
    m->memory = mem_alloc_aligned(threads * each, 64);
    if (m->rooms == NULL || m->memory == NULL) {
        return error_memory(error, threads * each);
    }
    for (size_t i = 0; i < threads; i++) {
        uint8_t *at = m->memory + i * each;
        m->rooms[i] = (muon_room){.x = (float *)(void *)at,
                                  .made = (float *)(void *)(at + most),
                                  .square = (float *)(void *)(at + 2 * most),
                                  .square2 = (float *)(void *)(at + 2 * most + squares),
                                  .panels = at + 2 * most + 2 * squares,
                                  .scratch = at + 2 * most + 2 * squares + panels};
    }
    return HEARTH_OK;
}

hearth_status muon_create(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                          uint64_t begin, uint64_t end, muon **ret, hearth_error *error)
{
    muon *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    *m = (muon){.engine = e,
                .how = how,
                .table = table,
                .begin = begin,
                .end = end,
                .order = mem_calloc(count + 1, sizeof *m->order)};
    hearth_status status = m->order == NULL ? error_memory(error, count * sizeof *m->order) : HEARTH_OK;
    if (status == HEARTH_OK) {
        sort_by_cost(m, table, count);
        measure(m);
        status = make_rooms(m, error);
    }
    if (status != HEARTH_OK) {
        muon_free(m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

void muon_free(muon *m)
{
    if (m != NULL) {
        mem_free(m->order);
        mem_free(m->rooms);
        mem_free(m->memory);
        mem_free(m);
    }
}

/* ---- one matrix, one thread ---- */

typedef struct muon_thread {
    const muon *m;
    const muon_room *room;
    train_profile *profile;
    int part;
} muon_thread;

static void lap(const muon_thread *w, train_op op, double values, double multiplies)
{
    if (w->profile != NULL) {
        const nn_work work = {values * sizeof(float), multiplies};
        train_profile_lap(w->profile, w->part, op, MEASURE_FP32, work);
    }
}

/* to = from turned, in squares that stay in the first cache. */
static void transpose(const float *from, size_t rows, size_t cols, float *to)
{
    for (size_t r0 = 0; r0 < rows; r0 += BLOCK) {
        const size_t r1 = rows - r0 < BLOCK ? rows : r0 + BLOCK;
        for (size_t c0 = 0; c0 < cols; c0 += BLOCK) {
            const size_t c1 = cols - c0 < BLOCK ? cols : c0 + BLOCK;
            for (size_t c = c0; c < c1; c++) {
                for (size_t r = r0; r < r1; r++) {
                    to[c * rows + r] = from[r * cols + c];
                }
            }
        }
    }
}

/* Of a symmetric [n, n] what lies left of the blocks on the diagonal, from what lies above them. */
static void mirror(float *square, size_t n)
{
    for (size_t r0 = BLOCK; r0 < n; r0 += BLOCK) {
        const size_t r1 = n - r0 < BLOCK ? n : r0 + BLOCK;
        for (size_t c0 = 0; c0 < r0; c0 += BLOCK) {
            for (size_t r = r0; r < r1; r++) {
                for (size_t c = c0; c < c0 + BLOCK; c++) {
                    square[r * n + c] = square[c * n + r];
                }
            }
        }
    }
}

/* The 16 rows of x [low, high] from `first` on, turned: [high][16]. */
static void pack(const float *x, size_t low, size_t high, size_t first, uint8_t *panel)
{
    const uint8_t *rows[PANEL_ROWS];
    const unsigned count = (unsigned)(low - first < PANEL_ROWS ? low - first : PANEL_ROWS);
    for (unsigned r = 0; r < count; r++) {
        rows[r] = (const uint8_t *)(x + (first + r) * high);
    }
    panel_pack(DTYPE_F32, high, rows, count, panel);
}

/* A = X X^T, and with `squared` A = S S of a symmetric S: the same bits on both sides of the diagonal, since a
 * product's factors may change places. Blocks of columns down to the diagonal; `square` above it is all that is made.
 */
static void symmetric(const muon_thread *w, const float *x, size_t low, size_t steps, bool squared, float *square)
{
    const muon_room *room = w->room;
    const gradient_table *g = w->m->engine->kernels->gradient;
    double multiplies = 0;
    for (size_t first = 0; first < low; first += BLOCK) {
        const size_t cols = low - first < BLOCK ? low - first : BLOCK;
        const uint8_t *panel = room->panels + first / BLOCK * panel_bytes(DTYPE_F32, steps);
        if (!squared) {
            pack(x, low, steps, first, room->panels + first / BLOCK * panel_bytes(DTYPE_F32, steps));
        }
        const gradient_product p = {.a = x,
                                    .a_row = steps,
                                    .a_step = 1,
                                    .b = squared ? x + first : (const float *)(const void *)panel,
                                    .ldb = squared ? low : PANEL_ROWS,
                                    .c = square + first,
                                    .ldc = low,
                                    .rows = first + cols,
                                    .cols = cols,
                                    .steps = steps};
        g->product(&p, room->scratch);
        multiplies += (double)p.rows * (double)p.cols * (double)p.steps;
    }
    lap(w, TRAIN_OP_MUON_PRODUCT, (double)low * (double)(steps + low), multiplies);
}

/* made = B X */
static void multiply(const muon_thread *w, const float *b, const float *x, size_t low, size_t high, float *made)
{
    const gradient_product p = {.a = b,
                                .a_row = low,
                                .a_step = 1,
                                .b = x,
                                .ldb = high,
                                .c = made,
                                .ldc = high,
                                .rows = low,
                                .cols = high,
                                .steps = low};
    w->m->engine->kernels->gradient->product(&p, w->room->scratch);
    lap(w, TRAIN_OP_MUON_PRODUCT, (double)low * (double)(low + 2 * high), (double)low * (double)low * (double)high);
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

/* room->x [low, high], low <= high: X = a X + (b A + c A A) X with A = X X^T, five times. */
static void orthogonalize(const muon_thread *w, size_t low, size_t high)
{
    const kernel_table *k = w->m->engine->kernels;
    const muon_room *room = w->room;
    const size_t n = low * high;
    k->scale(room->x, inverse_norm(w->m, room->x, n), n, room->x);
    for (int round = 0; round < MUON_ROUNDS; round++) {
        symmetric(w, room->x, low, high, false, room->square);
        mirror(room->square, low);
        lap(w, TRAIN_OP_MUON, (double)low * (double)low, 0);
        symmetric(w, room->square, low, low, true, room->square2);
        for (size_t r = 0; r < low; r++) { /* from the diagonal's block on */
            const size_t from = r * low + r / BLOCK * BLOCK;
            k->optimize->blend(MUON_B, room->square + from, MUON_C, room->square2 + from, (r + 1) * low - from,
                               room->square + from);
        }
        mirror(room->square, low);
        lap(w, TRAIN_OP_MUON, 3 * (double)low * (double)low, 0);
        multiply(w, room->square, room->x, low, high, room->made);
        k->optimize->blend(MUON_A, room->x, 1.0f, room->made, n, room->x);
        lap(w, TRAIN_OP_MUON, 3 * (double)n, 0);
    }
}

/* ---- a step ---- */

typedef struct muon_step {
    muon *m;
    double rate;
    float clip;
    const float *gradient;
    float *mean, *values;
    train_profile *profile;
    atomic_size_t next;
} muon_step;

static void apply_to(const muon_step *s, const muon_thread *w, const train_parameter *t)
{
    const muon *m = s->m;
    const muon_room *room = w->room;
    const kernel_table *k = m->engine->kernels;
    const size_t rows = (size_t)t->rows;
    const size_t cols = (size_t)t->cols;
    const size_t n = rows * cols;
    const size_t at = (size_t)(t->offset - m->begin);
    const bool tall = rows > cols;
    k->optimize->momentum(s->clip, (float)m->how->muon_momentum, s->gradient + at, s->mean + at,
                          tall ? room->made : room->x, n);
    if (tall) {
        transpose(room->made, rows, cols, room->x);
    }
    orthogonalize(w, tall ? cols : rows, tall ? rows : cols);
    if (tall) {
        transpose(room->x, cols, rows, room->made);
    }
    const double ratio = (double)rows / (double)cols;
    const float by = (float)(s->rate * sqrt(ratio > 1.0 ? ratio : 1.0));
    const float keep = t->decays ? (float)(1.0 - s->rate * m->how->weight_decay) : 1.0f;
    k->optimize->descend(by, keep, tall ? room->made : room->x, s->values + t->offset, n);
    lap(w, TRAIN_OP_MUON, 7 * (double)n, 0);
}

static void apply_part(void *context, int part, int parts)
{
    muon_step *s = context;
    const muon_thread w = {s->m, &s->m->rooms[part], s->profile, part};
    (void)parts;
    for (;;) {
        const size_t i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
        if (i >= s->m->count) {
            return;
        }
        apply_to(s, &w, &s->m->table[s->m->order[i]]);
    }
}

void muon_apply(muon *m, double rate, float clip, const float *gradient, float *mean, float *values,
                train_profile *profile)
{
    muon_step s = {m, rate, clip, gradient, mean, values, profile, 0};
    train_run(profile, m->engine, TRAIN_OPTIMISER, TRAIN_OP_MUON, apply_part, &s);
}
