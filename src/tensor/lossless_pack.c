/* The lossless form in memory: choosing it by a sample, memory that is reserved when a model is opened, and panels that
 * are packed into it one by one, in any order, by several threads. */
#include "base/memory.h"
#include "platform/pages.h"
#include "tensor/lossless.h"

#include <pthread.h>
#include <stdatomic.h>

/* Panels of a group lie side by side in the order in which they are packed, mostly their own: what a block that does
 * not fit takes more comes out of the group's spare room, a 128th, and panels that are too long even then lie
 * elsewhere. */
#define GROUP_PANELS 32u
#define SPARE_PART 128u
#define MORE_PANELS 16u /* that lie elsewhere share a piece of memory */

#define SAMPLE_PANELS 8u
#define SAMPLE_BLOCKS 8u /* of each */

typedef struct lossless_more {
    struct lossless_more *next;
    uint8_t *at;
    size_t used, bytes;
} lossless_more;

struct lossless_store {
    size_t bytes;                                        /* at the matrix's `panels` */
    size_t group_bytes;                                  /* 0: places are those that the file has */
    atomic_uint_least64_t packed, taken, values, beyond; /* taken: by packed panels */
    atomic_uint_least64_t blocks, fitting;
    pthread_mutex_t lock;
    uint64_t room;       /* under the lock: bytes that panels elsewhere may take */
    lossless_more *more; /* under the lock */
    size_t used[];       /* under the lock: [groups] */
};

static size_t panel_count(const matrix *m)
{
    return m->rows / PANEL_ROWS + (m->rows % PANEL_ROWS != 0);
}

static bool has_form(const matrix *m)
{
    return m->type == DTYPE_BF16 && m->cols >= LOSSLESS_VALUES;
}

/* From the first panel's begin to the last one's end. */
static size_t stored_bytes(const matrix *m)
{
    return (size_t)(lossless_panel(m->stored, panel_count(m)) - lossless_panel(m->stored, 0));
}

uint64_t lossless_expected_bytes(const matrix *m)
{
    const size_t panels = panel_count(m);
    if (!has_form(m)) {
        return 0;
    }
    const uint64_t places = lossless_places_bytes(panels);
    return places + (m->stored != NULL ? stored_bytes(m) : (uint64_t)panels * lossless_panel_least(m->cols));
}

/* ---- the choice ---- */

static lossless_count count_of_size(const matrix *m, uint64_t bytes, size_t panels)
{
    const uint64_t blocks = (uint64_t)panels * (m->cols / LOSSLESS_VALUES);
    const uint64_t raw =
        (bytes - (uint64_t)panels * lossless_panel_least(m->cols)) / (LOSSLESS_RAW_BYTES - LOSSLESS_BLOCK_BYTES);
    return (lossless_count){blocks, blocks - raw};
}

/* Blocks of a panel, evenly apart. */
static void sample_panel(const matrix *m, size_t panel, uint8_t *made, lossless_count *met)
{
    const uint8_t *rows[PANEL_ROWS];
    const uint8_t *block[PANEL_ROWS];
    const unsigned count = matrix_panel_rows(m, panel, made, rows);
    const size_t blocks = m->cols / LOSSLESS_VALUES;
    const size_t some = blocks < SAMPLE_BLOCKS ? blocks : SAMPLE_BLOCKS;
    for (size_t i = 0; i < some; i++) {
        for (unsigned r = 0; r < count; r++) {
            block[r] = rows[r] + (2 * i + 1) * blocks / (2 * some) * LOSSLESS_VALUES * 2;
        }
        (void)lossless_measure(block, LOSSLESS_VALUES, count, met);
    }
}

static hearth_status sample(const matrix *m, lossless_count *met, hearth_error *error)
{
    const size_t panels = panel_count(m);
    const size_t some = panels < SAMPLE_PANELS ? panels : SAMPLE_PANELS;
    const size_t room = m->reader == NULL ? 0 : PANEL_ROWS * m->source_row_bytes;
    uint8_t *made = room == 0 ? NULL : mem_alloc(room);
    if (room != 0 && made == NULL) {
        return error_memory(error, room);
    }
    for (size_t i = 0; i < some; i++) {
        sample_panel(m, (2 * i + 1) * panels / (2 * some), made, met);
    }
    mem_free(made);
    return HEARTH_OK;
}

hearth_status lossless_is_for(const matrix *m, lossless_choice choice, bool *ret, hearth_error *error)
{
    lossless_count met = {0};
    *ret = has_form(m) && choice != LOSSLESS_OFF;
    if (!*ret || choice == LOSSLESS_ON) {
        return HEARTH_OK;
    }
    if (m->stored != NULL) {
        met = count_of_size(m, stored_bytes(m), panel_count(m));
    } else {
        TRY(sample(m, &met, error));
    }
    *ret = 4 * met.fitting >= 3 * met.blocks;
    return HEARTH_OK;
}

/* ---- memory ---- */

static size_t group_panels(const matrix *m)
{
    return panel_count(m) < GROUP_PANELS ? panel_count(m) : GROUP_PANELS;
}

static size_t group_count(const matrix *m)
{
    return (panel_count(m) + group_panels(m) - 1) / group_panels(m);
}

/* The places of what is stored, in the memory that its panels are copied to. */
static void copy_places(const matrix *m, uint8_t *panels)
{
    const size_t head = lossless_places_bytes(panel_count(m));
    const uint8_t *first = lossless_panel(m->stored, 0);
    for (size_t i = 0; i <= panel_count(m); i++) {
        lossless_set_place(panels, i, panels + head + (lossless_panel(m->stored, i) - first));
    }
}

hearth_status lossless_reserve(matrix *m, uint64_t beyond, hearth_error *error)
{
    const size_t groups = group_count(m);
    const size_t least = group_panels(m) * lossless_panel_least(m->cols);
    const size_t spare = size_round_up(least / SPARE_PART, 64);
    lossless_store *s = mem_calloc(1, sizeof *s + groups * sizeof s->used[0]);
    if (s == NULL) {
        return error_memory(error, sizeof *s + groups * sizeof s->used[0]);
    }
    s->group_bytes = m->stored != NULL ? 0 : least + spare;
    s->bytes = m->stored != NULL ? (size_t)lossless_expected_bytes(m)
                                 : lossless_places_bytes(panel_count(m)) + groups * s->group_bytes;
    uint8_t *panels = pages_alloc(s->bytes);
    if (panels == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
        const size_t bytes = s->bytes;
        pages_free(panels, bytes);
        mem_free(s);
        return error_memory(error, bytes);
    }
    if (m->stored != NULL) {
        copy_places(m, panels);
    }
    s->room = beyond;
    m->lossless = s;
    m->panels = panels;
    return HEARTH_OK;
}

void lossless_release(matrix *m)
{
    lossless_store *s = m->lossless;
    while (s->more != NULL) {
        lossless_more *next = s->more->next;
        pages_free(s->more->at, s->more->bytes);
        mem_free(s->more);
        s->more = next;
    }
    pages_free((void *)(uintptr_t)m->panels, s->bytes);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    m->lossless = NULL;
    m->panels = NULL;
}

/* Under the lock: memory elsewhere. */
static uint8_t *take_more(const matrix *m, size_t size)
{
    lossless_store *s = m->lossless;
    if (size > s->room) {
        return NULL;
    }
    if (s->more == NULL || s->more->bytes - s->more->used < size) {
        const size_t left = panel_count(m) - (size_t)atomic_load(&s->packed);
        const size_t bytes = (left < MORE_PANELS ? left : MORE_PANELS) * lossless_panel_most(m->cols);
        lossless_more *opened = mem_calloc(1, sizeof *opened);
        uint8_t *at = opened == NULL ? NULL : pages_alloc(bytes);
        if (at == NULL) {
            mem_free(opened);
            return NULL;
        }
        *opened = (lossless_more){s->more, at, 0, bytes};
        s->more = opened;
    }
    uint8_t *at = s->more->at + s->more->used;
    s->more->used += size;
    s->room -= size;
    return at;
}

/* Memory for a panel of `size` bytes. */
static uint8_t *take(const matrix *m, size_t panel, size_t size)
{
    lossless_store *s = m->lossless;
    const size_t group = panel / group_panels(m);
    uint8_t *at = (uint8_t *)(uintptr_t)m->panels + lossless_places_bytes(panel_count(m)) + group * s->group_bytes;
    pthread_mutex_lock(&s->lock);
    if (s->group_bytes - s->used[group] >= size) {
        at += s->used[group];
        s->used[group] += size;
    } else {
        at = take_more(m, size);
    }
    pthread_mutex_unlock(&s->lock);
    return at;
}

/* ---- packing ---- */

size_t lossless_packing_bytes(const matrix *m)
{
    return m->stored != NULL ? 0 : panel_bytes(DTYPE_BF16, m->cols) + lossless_panel_most(m->cols);
}

static unsigned rows_in(const matrix *m, size_t panel)
{
    const size_t left = m->rows - panel * PANEL_ROWS;
    return left < PANEL_ROWS ? (unsigned)left : PANEL_ROWS;
}

/* What panels that are packed from rows take, and where. */
static uint8_t *pack(const matrix *m, size_t panel, uint8_t *scratch, size_t *ret_size)
{
    uint8_t *packed = scratch + panel_bytes(DTYPE_BF16, m->cols);
    uint8_t *made = packed + lossless_panel_most(m->cols);
    const uint8_t *rows[PANEL_ROWS];
    const unsigned count = matrix_panel_rows(m, panel, made, rows);
    panel_pack(DTYPE_BF16, m->cols, rows, count, scratch);
    *ret_size = lossless_pack(scratch, m->cols, count, packed);
    uint8_t *at = take(m, panel, *ret_size);
    if (at != NULL) {
        memcpy(at, packed, *ret_size);
        lossless_set_place((uint8_t *)(uintptr_t)m->panels, panel, at);
    }
    return at;
}

bool lossless_make_panel(const matrix *m, size_t panel, uint8_t *scratch)
{
    lossless_store *s = m->lossless;
    size_t size = 0;
    if (m->stored != NULL) {
        const uint8_t *from = lossless_panel(m->stored, panel);
        uint8_t *to = (uint8_t *)(uintptr_t)lossless_panel(m->panels, panel);
        size = (size_t)(lossless_panel(m->stored, panel + 1) - from);
        memcpy(to, from, size);
    } else if (pack(m, panel, scratch, &size) == NULL) {
        return false;
    }
    const lossless_count met = count_of_size(m, size, 1);
    atomic_fetch_add(&s->packed, 1);
    atomic_fetch_add(&s->taken, size);
    atomic_fetch_add(&s->values, (uint64_t)rows_in(m, panel) * m->cols);
    atomic_fetch_add(&s->beyond, m->stored != NULL ? 0 : size - lossless_panel_least(m->cols));
    atomic_fetch_add(&s->blocks, met.blocks);
    atomic_fetch_add(&s->fitting, met.fitting);
    return true;
}

size_t lossless_bytes(const matrix *m)
{
    return (size_t)(lossless_expected_bytes(m) + atomic_load(&m->lossless->beyond));
}

void lossless_add_report(const matrix *m, lossless_report *to)
{
    lossless_store *s = m->lossless;
    if (s == NULL) {
        return;
    }
    to->panels += panel_count(m);
    to->packed += atomic_load(&s->packed);
    to->values += atomic_load(&s->values);
    to->bytes += atomic_load(&s->taken);
    to->met.blocks += atomic_load(&s->blocks);
    to->met.fitting += atomic_load(&s->fitting);
    to->beyond += atomic_load(&s->beyond);
}
