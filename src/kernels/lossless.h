/* BF16 in about 12.2 bits a weight, every bit kept: the low byte of each weight as it is, and four bits that stand for
 * the high byte through a table of a block's high bytes. docs/formats/lossless.md draws it.
 *
 *   block   16 rows x 64 k. With at most 16 different high bytes: 8 groups of 8 k, 192 bytes each:
 *             2 x 64 low bytes, a line for 4 k: byte 16 j + 8 p + 2 r + e is of row 4 j + r and k 2 p + e
 *             64 codes: the low four bits of byte i are the code of byte i of the first line, the high of the second
 *           With more, it is raw: 2048 bytes as in a BF16 panel (panel_float.c)
 *   panel   a table of 16 bytes for each whole block of 64 k, in code order, all 255 for a raw one (a weight whose high
 *           byte is 255 is in a table that has other bytes too: unused entries are 0); to a multiple of 64 with zeros;
 *           the blocks; the rest of k, if cols is no multiple of 64, as in a BF16 panel
 *   matrix  for each panel, and one for the end, where it begins: 8 bytes, counted from these 8 bytes; to a multiple of
 *           64 with zeros; the panels
 *
 * Of kernel_table, panel_dequantize of this form takes all k (0, cols) and gives the BF16 panel, 64-byte aligned, not
 * binary32; panel_row takes a panel by its place.
 *
 * So `panels` of a matrix in this form is its row of places, and so is that row from any panel on. */
#ifndef KERNELS_LOSSLESS_H
#define KERNELS_LOSSLESS_H

#include "kernels/kernels.h"

#include <string.h>

#define LOSSLESS_GGUF_TYPE 0x314C4248u /* "HBL1": what a GGUF file calls it */

enum {
    LOSSLESS_VALUES = 64, /* k of a block */
    LOSSLESS_TABLE = 16,
    LOSSLESS_GROUP_BYTES = 192,
    LOSSLESS_BLOCK_BYTES = 1536,
    LOSSLESS_RAW_BYTES = 2048,
    LOSSLESS_LINE_BYTES = 64, /* two k of a raw block */
};

/* What was met. */
typedef struct lossless_count {
    uint64_t blocks, fitting; /* of 64 k; the rest of k counts as none */
} lossless_count;

static inline size_t lossless_tables_bytes(size_t cols)
{
    return (cols / LOSSLESS_VALUES * LOSSLESS_TABLE + 63) / 64 * 64;
}

static inline size_t lossless_tail_bytes(size_t cols)
{
    return (cols % LOSSLESS_VALUES + 1) / 2 * LOSSLESS_LINE_BYTES;
}

static inline bool lossless_is_raw(const uint8_t *table)
{
    uint64_t half[2];
    memcpy(half, table, sizeof half);
    return (half[0] & half[1]) == UINT64_MAX;
}

/* Bytes of the places of `panels` panels. */
static inline size_t lossless_places_bytes(size_t panels)
{
    return ((panels + 1) * 8 + 63) / 64 * 64;
}

/* In memory a panel may also lie elsewhere, before the row of places or after it: the sum wraps. */
static inline const uint8_t *lossless_panel(const uint8_t *panels, size_t panel)
{
    uint64_t away = 0;
    memcpy(&away, panels + 8 * panel, sizeof away);
    return (const uint8_t *)((uintptr_t)(panels + 8 * panel) + (uintptr_t)away);
}

static inline void lossless_set_place(uint8_t *panels, size_t panel, const uint8_t *at)
{
    const uint64_t away = (uint64_t)((uintptr_t)at - (uintptr_t)(panels + 8 * panel));
    memcpy(panels + 8 * panel, &away, sizeof away);
}

/* The least and the most that a panel takes; multiples of 64. */
size_t lossless_panel_least(size_t cols);
size_t lossless_panel_most(size_t cols);
/* What the tables of a panel say that it takes. */
size_t lossless_panel_bytes(const uint8_t *panel, size_t cols);

/* What a panel of these rows (count: 1..16, in the file's row layout) will take. */
size_t lossless_measure(const uint8_t *const *rows, size_t cols, unsigned count, lossless_count *met);
/* Packs a BF16 panel of which `count` rows exist; the bytes written. */
size_t lossless_pack(const uint8_t *bf16_panel, size_t cols, unsigned count, uint8_t *out);
/* Whether the places of `panels` panels and the sizes between them can be, in `size` bytes: nothing behind the places
 * is read. */
bool lossless_places_fit(const uint8_t *matrix, uint64_t size, uint64_t panels, size_t cols);
/* The first of the panels whose tables do not say the size that its place has; `panels` where there is none. */
size_t lossless_find_wrong(const uint8_t *matrix, size_t panels, size_t cols);
/* One row's BF16 values, in the file's row layout. */
void lossless_row(const uint8_t *panel, size_t cols, unsigned row, uint8_t *out);

#endif
