/* Room for micro-batches, and for the threads that compute them. */
#include "base/memory.h"
#include "platform/pages.h"
#include "train/train_state.h"

#define LOGITS_BYTES ((size_t)4 << 20) /* about so many at a time */
#define LOGITS_LEAST 32u

/* Hands out memory, 64-byte aligned; without a base it only counts. */
typedef struct layout {
    uint8_t *base;
    size_t bytes;
    bool fits;
} layout;

static void *take(layout *l, size_t count, size_t size)
{
    size_t bytes = 0;
    void *here = l->base == NULL ? NULL : l->base + l->bytes;
    if (!size_mul(count, size, &bytes) || !size_add(l->bytes, bytes, &l->bytes) || l->bytes > SIZE_MAX / 2) {
        l->fits = false;
        l->bytes = 0;
        return NULL;
    }
    l->bytes = size_round_up(l->bytes, 64);
    return here;
}

/* Rows of n values and what a vector may read behind the last. */
static float *take_rows(layout *l, size_t rows, size_t n)
{
    size_t floats = 0;
    if (!size_mul(rows, train_stride(n), &floats)) {
        l->fits = false;
    }
    return take(l, floats + 16, sizeof(float));
}

static void take_choices(layout *l, const train_shape *s, size_t tokens, train_slot *slot)
{
    const size_t choices = train_mlp_rows(s, tokens);
    train_choices *room = &slot->moe;
    room->scores = take_rows(l, tokens, s->moe.experts);
    room->weights = take(l, choices, sizeof(float));
    room->chosen = take(l, choices, sizeof(uint32_t));
    room->slots = take(l, choices, sizeof(uint32_t));
    room->of_token = take(l, choices, sizeof(uint32_t));
    room->begin = take(l, (size_t)s->moe.experts + 1, sizeof(uint32_t));
    slot->expert_out = take_rows(l, choices, s->width);
}

static void take_slot(layout *l, const train_shape *s, size_t tokens, train_slot *slot)
{
    *slot = (train_slot){.qkv = take_rows(l, tokens, s->qkv)};
    slot->unnormed = s->qk_norm == QK_NORM_NONE ? NULL : take_rows(l, tokens, s->q + s->kv);
    slot->out = take_rows(l, tokens, s->q);
    slot->max = take(l, tokens, s->heads * sizeof(float));
    slot->sum = take(l, tokens, s->heads * sizeof(float));
    slot->middle = take_rows(l, tokens, s->width);
    slot->gate_up = take_rows(l, train_mlp_rows(s, tokens), 2 * (size_t)s->mlp);
    if (s->moe.experts != 0) {
        take_choices(l, s, tokens, slot);
    }
    if (s->post_norm) {
        slot->attention_result = take_rows(l, tokens, s->width);
        slot->mlp_result = take_rows(l, tokens, s->width);
    }
}

static size_t widest(const train_shape *s)
{
    size_t n = s->width > s->mlp ? s->width : s->mlp;
    return n > s->q ? n : s->q;
}

static void lay_out(layout *l, const train_model *m, size_t tokens, train_work *work)
{
    const train_shape *s = &m->shape;
    const size_t slots = m->recompute ? 1 : s->layers;
    float **x = take(l, s->layers + 1, sizeof *x);
    train_slot *slot = take(l, slots, sizeof *slot);
    train_slot unused;
    for (size_t i = 0; i <= s->layers; i++) {
        float *rows = take_rows(l, tokens, s->width);
        if (x != NULL) {
            x[i] = rows;
        }
    }
    for (size_t i = 0; i < slots; i++) {
        take_slot(l, s, tokens, slot != NULL ? &slot[i] : &unused);
    }
    const size_t rows = LOGITS_BYTES / (s->vocab * sizeof(float));
    const size_t some = rows < LOGITS_LEAST ? LOGITS_LEAST : rows;
    *work = (train_work){.x = x, .slots = slot, .capacity = tokens};
    work->logit_rows = some < tokens ? some : tokens;
    work->normed = take_rows(l, tokens, s->width);
    work->result = take_rows(l, tokens, s->width);
    work->inner = take_rows(l, train_mlp_rows(s, tokens), s->mlp);
    work->rounded = m->bf16 ? take_rows(l, tokens, widest(s)) : NULL;
    work->dx = take_rows(l, tokens, s->width);
    work->dy = take_rows(l, tokens, s->width);
    work->dqkv = take_rows(l, tokens, s->qkv);
    work->dout = take_rows(l, tokens, s->q);
    work->dgate_up = take_rows(l, train_mlp_rows(s, tokens), 2 * (size_t)s->mlp);
    if (s->moe.experts != 0) {
        const size_t choices = train_mlp_rows(s, tokens);
        work->expert_x = take_rows(l, choices, s->width);
        work->expert_dx = take_rows(l, choices, s->width);
        work->expert_dout = take_rows(l, choices, s->width);
        work->dscores = take_rows(l, tokens, s->moe.experts);
        work->expert_tokens = take(l, (size_t)s->layers * s->moe.experts, sizeof *work->expert_tokens);
        work->balance = take(l, (size_t)s->moe.experts + 16, sizeof *work->balance);
    }
    work->dots = take(l, tokens, s->heads * sizeof(float));
    work->factors = take(l, tokens, (s->heads + s->kv_heads) * sizeof(float));
    work->logits = take_rows(l, work->logit_rows, s->vocab);
    work->log_probabilities = take(l, tokens, sizeof(float));
    work->log_sums = take(l, tokens, sizeof(double));
    work->segments = take(l, tokens, sizeof *work->segments);
    work->next = take(l, TRAIN_COUNTERS * (size_t)s->layers, sizeof *work->next);
    work->ids = take(l, tokens, sizeof *work->ids);
    work->targets = take(l, tokens, sizeof *work->targets);
    work->left_out = take(l, tokens, sizeof *work->left_out);
}

hearth_status train_work_create(train_model *m, size_t tokens, train_work **ret, hearth_error *error)
{
    train_work counted;
    layout count = {.fits = true};
    lay_out(&count, m, tokens, &counted);
    train_work *work = mem_calloc(1, sizeof *work);
    uint8_t *memory = work == NULL || !count.fits ? NULL : pages_alloc(count.bytes);
    if (memory == NULL) {
        mem_free(work);
        return error_memory(error, count.fits ? count.bytes : SIZE_MAX);
    }
    layout real = {.base = memory, .fits = true};
    lay_out(&real, m, tokens, work);
    work->m = m;
    work->memory = memory;
    work->memory_bytes = count.bytes;
    *ret = work;
    return HEARTH_OK;
}

void train_work_free(train_work *work)
{
    if (work != NULL) {
        pages_free(work->memory, work->memory_bytes);
        mem_free(work);
    }
}

/* What kernels want of a thread's memory. */
static size_t scratch_bytes(const train_shape *s)
{
    size_t bytes = MATMUL_SCRATCH_BYTES;
    bytes = bytes < ATTENTION_SCRATCH_BYTES ? ATTENTION_SCRATCH_BYTES : bytes;
    const size_t gradient = gradient_attention_bytes(s->head_dim);
    return size_round_up(bytes < gradient ? gradient : bytes, 64);
}

/* Of a mixture in BF16: rows of one expert. */
static size_t rounded_bytes(const train_model *m)
{
    const size_t floats = TRAIN_PIECE_ROWS * train_stride(widest(&m->shape)) + 16;
    return m->bf16 && m->shape.moe.experts != 0 ? size_round_up(floats * sizeof(float), 64) : 0;
}

hearth_status train_rooms_for(train_model *m, uint32_t positions, hearth_error *error)
{
    const cache_shape one = {CACHE_F32, 1, m->shape.head_dim};
    const size_t pages = ((size_t)positions + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK;
    if (pages * ATTENTION_BLOCK <= m->room_positions) {
        return HEARTH_OK;
    }
    const size_t scratch = scratch_bytes(&m->shape);
    const size_t page = size_round_up(cache_keys_bytes(one) + cache_values_bytes(one), 64);
    const size_t table = size_round_up(pages * sizeof(uint8_t *), 64);
    const size_t each = scratch + table + pages * page + rounded_bytes(m);
    const size_t parts = (size_t)m->engine->threads;
    uint8_t *rooms = pages_alloc(each * parts);
    if (rooms == NULL) {
        return error_memory(error, each * parts);
    }
    pages_free(m->rooms, m->rooms_bytes);
    m->rooms = rooms;
    m->rooms_bytes = each * parts;
    m->room_positions = (uint32_t)(pages * ATTENTION_BLOCK);
    for (size_t i = 0; i < parts; i++) {
        m->threads[i] = (train_thread){.k = m->engine->kernels,
                                       .g = m->engine->kernels->gradient,
                                       .pool = m->engine->pool,
                                       .part = (int)i,
                                       .lane = (int)i,
                                       .profile = m->profile,
                                       .parts = (int)parts,
                                       .scratch = rooms + i * each,
                                       .pages = (uint8_t **)(void *)(rooms + i * each + scratch),
                                       .rounded = (float *)(void *)(rooms + i * each + scratch + table + pages * page)};
        for (size_t p = 0; p < pages; p++) {
            m->threads[i].pages[p] = rooms + i * each + scratch + table + p * page;
        }
    }
    return HEARTH_OK;
}
