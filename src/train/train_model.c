/* A model that is trained: made, packed for its products, freed. */
#include "train/train_model.h"

#include "base/memory.h"
#include "kernels/half.h"
#include "platform/pages.h"
#include "train/train_state.h"

static dtype panel_type(const train_model *m)
{
    return m->bf16 ? DTYPE_BF16 : DTYPE_F32;
}

static size_t panel_count(const train_matrix *matrix)
{
    return (matrix->rows + PANEL_ROWS - 1) / PANEL_ROWS;
}

/* ---- the matrices, each in turn ---- */

typedef bool (*matrix_fn)(train_model *m, train_matrix *matrix, void *context);

static bool each_matrix(train_model *m, matrix_fn fn, void *context)
{
    bool more = fn(m, &m->head, context);
    for (uint32_t i = 0; more && i < m->shape.layers; i++) {
        train_layer *l = &m->layers[i];
        more = fn(m, &l->qkv, context) && fn(m, &l->o, context);
        more = more && (m->shape.moe.experts == 0 || fn(m, &l->router, context));
        for (uint32_t e = 0; more && e < train_experts(&m->shape); e++) {
            more = fn(m, &l->experts[e].gate_up, context) && fn(m, &l->experts[e].down, context);
        }
    }
    return more;
}

static bool count_panels(train_model *m, train_matrix *matrix, void *context)
{
    size_t bytes = 0;
    size_t *sum = context;
    return size_mul(panel_bytes(panel_type(m), matrix->cols), panel_count(matrix), &bytes) &&
           size_add(*sum, bytes, sum);
}

static bool place_panels(train_model *m, train_matrix *matrix, void *context)
{
    size_t *at = context;
    matrix->panels = m->panels + *at;
    *at += panel_bytes(panel_type(m), matrix->cols) * panel_count(matrix);
    return true;
}

static hearth_status make_panels(train_model *m, hearth_error *error)
{
    size_t bytes = 0;
    size_t at = 0;
    if (!each_matrix(m, count_panels, &bytes)) {
        return error_memory(error, SIZE_MAX);
    }
    m->panels = pages_alloc(bytes);
    if (m->panels == NULL) {
        return error_memory(error, bytes);
    }
    m->panels_bytes = bytes;
    (void)each_matrix(m, place_panels, &at);
    return HEARTH_OK;
}

/* ---- packing ---- */

typedef struct pack_work {
    int part, parts;
    uint16_t *rounded; /* of BF16: 16 rows of the widest matrix, this thread's */
} pack_work;

static void pack_panel(const train_model *m, const train_matrix *matrix, size_t panel, uint16_t *rounded)
{
    const size_t first = panel * PANEL_ROWS;
    const unsigned count = (unsigned)(matrix->rows - first < PANEL_ROWS ? matrix->rows - first : PANEL_ROWS);
    const uint8_t *rows[PANEL_ROWS];
    for (unsigned i = 0; i < count; i++) {
        const float *row = m->values + matrix->offset + (first + i) * matrix->cols;
        rows[i] = (const uint8_t *)row;
        if (m->bf16) {
            uint16_t *to = rounded + i * matrix->cols;
            for (size_t j = 0; j < matrix->cols; j++) {
                to[j] = half_bf16_from_f32(row[j]);
            }
            rows[i] = (const uint8_t *)to;
        }
    }
    panel_pack(panel_type(m), matrix->cols, rows, count,
               matrix->panels + panel * panel_bytes(panel_type(m), matrix->cols));
}

static bool pack_matrix(train_model *m, train_matrix *matrix, void *context)
{
    const pack_work *work = context;
    const thread_range share = thread_split(panel_count(matrix), 1, work->part, work->parts);
    for (size_t panel = share.begin; panel < share.end; panel++) {
        pack_panel(m, matrix, panel, work->rounded);
    }
    return true;
}

static size_t widest(const train_model *m)
{
    const train_shape *s = &m->shape;
    const size_t n = s->width > s->mlp ? s->width : s->mlp;
    return n > s->q ? n : s->q;
}

typedef struct pack_all {
    train_model *m;
    uint16_t *rounded;
} pack_all;

static void pack_part(void *context, int part, int parts)
{
    const pack_all *all = context;
    pack_work work = {part, parts, NULL};
    if (all->rounded != NULL) {
        work.rounded = all->rounded + (size_t)part * PANEL_ROWS * widest(all->m);
    }
    (void)each_matrix(all->m, pack_matrix, &work);
}

hearth_status train_model_changed(train_model *m, hearth_error *error)
{
    pack_all all = {m, NULL};
    if (m->bf16) {
        const size_t bytes = (size_t)m->engine->threads * PANEL_ROWS * widest(m) * sizeof(uint16_t);
        all.rounded = mem_alloc(bytes);
        if (all.rounded == NULL) {
            return error_memory(error, bytes);
        }
    }
    train_run(m->profile, m->engine, TRAIN_OPTIMISER, TRAIN_OP_PACK, pack_part, &all);
    mem_free(all.rounded);
    return HEARTH_OK;
}

/* ---- making and freeing ---- */

static hearth_status make_tables(train_model *m, hearth_error *error)
{
    const train_shape *s = &m->shape;
    m->frequencies = arena_array(m->memory, s->head_dim / 2, sizeof *m->frequencies);
    m->threads = arena_array(m->memory, (size_t)m->engine->threads, sizeof *m->threads);
    m->works = arena_array(m->memory, (size_t)m->engine->threads, sizeof(train_work *));
    if (m->frequencies == NULL || m->threads == NULL || m->works == NULL) {
        return error_memory(error, (size_t)m->engine->threads * sizeof *m->threads);
    }
    rope_frequencies(s->theta, s->head_dim, m->frequencies);
    m->rope = (rope_table){.half = s->head_dim / 2, .scale = 1.0f, .frequencies = m->frequencies};
    return HEARTH_OK;
}

static hearth_status fill(train_model *m, const recipe *r, uint32_t vocab, hearth_error *error)
{
    TRY(train_shape_of(r, vocab, &m->shape, error));
    m->memory = arena_create(0);
    if (m->memory == NULL) {
        return error_memory(error, sizeof(void *));
    }
    m->norm_eps = r->model.norm_eps;
    m->recompute = r->train.recompute;
    m->aux_loss = r->train.aux_loss;
    m->bf16 = r->train.format == TRAIN_BF16;
    m->side_by_side = -1;
    TRY(train_parameters_make(m, error));
    TRY(make_tables(m, error));
    size_t bytes = 0;
    if (size_mul(m->count, sizeof(float), &bytes)) {
        m->values = pages_alloc(bytes);
    }
    if (m->values == NULL) {
        return error_memory(error, bytes);
    }
    TRY(make_panels(m, error));
    train_parameters_draw(m, r->seed, r->model.init_std);
    return train_model_changed(m, error);
}

hearth_status train_model_create(engine *e, const recipe *r, uint32_t vocab, train_model **ret, hearth_error *error)
{
    train_model *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    m->engine = e;
    const hearth_status status = fill(m, r, vocab, error);
    if (status != HEARTH_OK) {
        train_model_free(m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

void train_model_free(train_model *m)
{
    if (m == NULL) {
        return;
    }
    for (int i = 0; m->works != NULL && i < m->engine->threads; i++) {
        train_work_free(m->works[i]);
    }
    train_sums_free(m);
    pages_free(m->values, m->count * sizeof(float));
    pages_free(m->panels, m->panels_bytes);
    pages_free(m->rooms, m->rooms_bytes);
    rope_table_free(&m->rope);
    arena_destroy(m->memory);
    mem_free(m);
}

void train_model_profile(train_model *m, train_profile *profile)
{
    m->profile = profile;
    for (int i = 0; i < m->engine->threads; i++) {
        m->threads[i].profile = profile;
    }
}

size_t train_model_parameters(const train_model *m, const train_parameter **ret_table)
{
    *ret_table = m->parameters;
    return m->parameter_count;
}

uint64_t train_model_count(const train_model *m)
{
    return m->count;
}

float *train_model_values(train_model *m)
{
    return m->values;
}
