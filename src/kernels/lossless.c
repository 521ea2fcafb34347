/* Packing BF16 panels into the lossless form, checking what a file has of it, and back. Layout: lossless.h. */
#include "kernels/lossless.h"

enum { LINES = 32 /* of a block */ };

/* The high bytes that were seen, ascending; their number, or 0 when there are more than a table holds. */
static unsigned make_table(const uint8_t seen[256], uint8_t table[LOSSLESS_TABLE])
{
    unsigned entries = 0;
    memset(table, 0, LOSSLESS_TABLE);
    for (unsigned at = 0; at < 256; at += 8) {
        uint64_t some = 0;
        memcpy(&some, seen + at, sizeof some);
        for (unsigned i = 0; some != 0 && i < 8; i++) {
            if (seen[at + i] == 0) {
                continue;
            }
            if (entries == LOSSLESS_TABLE) {
                return 0;
            }
            table[entries++] = (uint8_t)(at + i);
        }
    }
    return entries;
}

/* The same of a block of a BF16 panel. */
static unsigned table_of(const uint8_t *block, unsigned count, uint8_t table[LOSSLESS_TABLE])
{
    uint8_t seen[256] = {0};
    for (size_t line = 0; line < LINES; line++) {
        for (unsigned i = 0; i < 2 * count; i++) {
            seen[block[line * LOSSLESS_LINE_BYTES + 2 * i + 1]] = 1;
        }
    }
    return make_table(seen, table);
}

size_t lossless_measure(const uint8_t *const *rows, size_t cols, unsigned count, lossless_count *met)
{
    const size_t blocks = cols / LOSSLESS_VALUES;
    size_t bytes = lossless_panel_least(cols);
    for (size_t block = 0; block < blocks; block++) {
        uint8_t seen[256] = {0};
        uint8_t table[LOSSLESS_TABLE];
        for (unsigned row = 0; row < count; row++) {
            const uint8_t *values = rows[row] + block * LOSSLESS_VALUES * 2;
            for (size_t k = 0; k < LOSSLESS_VALUES; k++) {
                seen[values[2 * k + 1]] = 1;
            }
        }
        const bool fits = make_table(seen, table) != 0;
        met->fitting += fits;
        bytes += fits ? 0 : LOSSLESS_RAW_BYTES - LOSSLESS_BLOCK_BYTES;
    }
    met->blocks += blocks;
    return bytes;
}

typedef uint8_t byte16 __attribute__((vector_size(16)));
typedef int8_t signed16 __attribute__((vector_size(16)));

/* The codes of 16 high bytes: how many entries of the table but the first are not above them. */
static inline byte16 codes_of(byte16 high, const uint8_t table[LOSSLESS_TABLE], unsigned entries)
{
    byte16 code = {0};
    for (unsigned i = 1; i < entries; i++) {
        const byte16 entry = (byte16){0} + table[i];
        code -= (byte16)(signed16)(high >= entry);
    }
    return code;
}

/* Four k, two lines of a BF16 panel: the low bytes and the codes of the high ones. */
static inline void split_lines(const uint8_t *lines, const uint8_t table[LOSSLESS_TABLE], unsigned entries,
                               uint8_t *low, byte16 code[4])
{
    for (size_t lane = 0; lane < 4; lane++) {
        byte16 first;
        byte16 second;
        memcpy(&first, lines + lane * 16, 16);
        memcpy(&second, lines + LOSSLESS_LINE_BYTES + lane * 16, 16);
        const byte16 lows =
            __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        const byte16 highs =
            __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        memcpy(low + lane * 16, &lows, 16);
        code[lane] = codes_of(highs, table, entries);
    }
}

static void pack_block(const uint8_t *block, const uint8_t table[LOSSLESS_TABLE], unsigned entries, uint8_t *out)
{
    for (size_t group = 0; group < 8; group++, out += LOSSLESS_GROUP_BYTES) {
        byte16 code[2][4];
        for (size_t half = 0; half < 2; half++) {
            split_lines(block + (4 * group + 2 * half) * LOSSLESS_LINE_BYTES, table, entries, out + 64 * half,
                        code[half]);
        }
        for (size_t lane = 0; lane < 4; lane++) {
            const byte16 both = code[0][lane] | code[1][lane] << 4;
            memcpy(out + 128 + lane * 16, &both, 16);
        }
    }
}

size_t lossless_panel_least(size_t cols)
{
    return lossless_tables_bytes(cols) + cols / LOSSLESS_VALUES * LOSSLESS_BLOCK_BYTES + lossless_tail_bytes(cols);
}

size_t lossless_panel_most(size_t cols)
{
    return lossless_tables_bytes(cols) + cols / LOSSLESS_VALUES * LOSSLESS_RAW_BYTES + lossless_tail_bytes(cols);
}

size_t lossless_panel_bytes(const uint8_t *panel, size_t cols)
{
    size_t bytes = lossless_panel_least(cols);
    for (size_t block = 0; block < cols / LOSSLESS_VALUES; block++) {
        if (lossless_is_raw(panel + block * LOSSLESS_TABLE)) {
            bytes += LOSSLESS_RAW_BYTES - LOSSLESS_BLOCK_BYTES;
        }
    }
    return bytes;
}

size_t lossless_pack(const uint8_t *bf16_panel, size_t cols, unsigned count, uint8_t *out)
{
    const size_t blocks = cols / LOSSLESS_VALUES;
    uint8_t *at = out + lossless_tables_bytes(cols);
    memset(out, 0, lossless_tables_bytes(cols));
    for (size_t block = 0; block < blocks; block++, bf16_panel += LOSSLESS_RAW_BYTES) {
        uint8_t *table = out + block * LOSSLESS_TABLE;
        const unsigned entries = table_of(bf16_panel, count, table);
        if (entries != 0) {
            pack_block(bf16_panel, table, entries, at);
            at += LOSSLESS_BLOCK_BYTES;
        } else {
            memset(table, 255, LOSSLESS_TABLE);
            memcpy(at, bf16_panel, LOSSLESS_RAW_BYTES);
            at += LOSSLESS_RAW_BYTES;
        }
    }
    memcpy(at, bf16_panel, lossless_tail_bytes(cols));
    return (size_t)(at - out) + lossless_tail_bytes(cols);
}

bool lossless_places_fit(const uint8_t *matrix, uint64_t size, uint64_t panels, size_t cols)
{
    const uint64_t least = lossless_panel_least(cols);
    const uint64_t most = lossless_panel_most(cols);
    if (panels >= size / 8) {
        return false;
    }
    uint64_t before = 0; /* where the last panel began, counted from `matrix` */
    for (uint64_t i = 0; i <= panels; i++) {
        uint64_t away = 0;
        memcpy(&away, matrix + 8 * i, sizeof away);
        const uint64_t at = away + 8 * i;
        if (away > size || at > size || at % 64 != 0) {
            return false;
        }
        const bool fits = i == 0 ? at == lossless_places_bytes((size_t)panels)
                                 : at >= before && at - before >= least && at - before <= most;
        if (!fits) {
            return false;
        }
        before = at;
    }
    return before == size;
}

size_t lossless_find_wrong(const uint8_t *matrix, size_t panels, size_t cols)
{
    for (size_t i = 0; i < panels; i++) {
        const uint8_t *panel = lossless_panel(matrix, i);
        if (panel + lossless_panel_bytes(panel, cols) != lossless_panel(matrix, i + 1)) {
            return i;
        }
    }
    return panels;
}

/* 64 k of one row. */
static void block_row(const uint8_t *block, const uint8_t *table, unsigned row, uint8_t *out)
{
    const size_t place = row / 4 * 16 + row % 4 * 2;
    for (size_t k = 0; k < LOSSLESS_VALUES; k++) {
        const uint8_t *group = block + k / 8 * LOSSLESS_GROUP_BYTES;
        const size_t at = place + k / 2 % 2 * 8 + k % 2;
        const unsigned half = k / 4 % 2;
        out[2 * k] = group[64 * half + at];
        out[2 * k + 1] = table[group[128 + at] >> (4 * half) & 15];
    }
}

static void lines_row(const uint8_t *lines, size_t values, unsigned row, uint8_t *out)
{
    for (size_t k = 0; k < values; k++) {
        memcpy(out + 2 * k, lines + k / 2 * LOSSLESS_LINE_BYTES + row * 4 + k % 2 * 2, 2);
    }
}

void lossless_row(const uint8_t *panel, size_t cols, unsigned row, uint8_t *out)
{
    const uint8_t *at = panel + lossless_tables_bytes(cols);
    for (size_t block = 0; block < cols / LOSSLESS_VALUES; block++, out += (size_t)2 * LOSSLESS_VALUES) {
        const uint8_t *table = panel + block * LOSSLESS_TABLE;
        if (lossless_is_raw(table)) {
            lines_row(at, LOSSLESS_VALUES, row, out);
            at += LOSSLESS_RAW_BYTES;
        } else {
            block_row(at, table, row, out);
            at += LOSSLESS_BLOCK_BYTES;
        }
    }
    lines_row(at, cols % LOSSLESS_VALUES, row, out);
}
