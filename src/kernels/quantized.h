/* Panels of the quantised formats: 16 rows side by side, blocks of 32 values of k ascending.
 *
 * Inside a block the values of k lie in 8 groups of 4; a "lane" is 4 bytes, one byte for each value of a group, and 16
 * lanes (one a row) are 64 bytes. Formats of fewer than 8 bits keep the low nibbles of group g and the high nibbles of
 * group g + 4 in one byte (g < 4), and the bits above in planes of their own: byte j of a row's lane speaks of the
 * values 4 g + j, g = 0..7. Nothing is rounded: a panel holds the file's bits, in another order, in as many bytes.
 *
 * Below, q is what the bits say (unsigned except in Q8_0), w the value, x an activation (kernels/activation.h) and acc
 * the chain of a row and a token. isum is an exact integer. Scales and minima are binary16, widened exactly; products
 * are rounded to binary32 in the order of the parentheses.
 *
 *          value w                     native rule, per block of 32
 *   Q8_0   d q                         acc = fma(d xd, (float)sum(q xq), acc)
 *   Q4_0   d (q - 8)                   acc = fma(d xd, (float)sum((q - 8) xq), acc)
 *   IQ4_NL d T[q]                      acc = fma(d xd, (float)sum(T[q] xq), acc); T: quantized_iq4_nl, laid out as Q4_0
 *   IQ4_XS (d sc) T[q]                 acc = fma((d sc) xd, (float)sum(T[q] xq), acc); sc: 6 bits less 32, d per 256
 *   MXFP4  2^(e - 128) T[q]            acc = fma(2^(e - 128) xd, (float)sum(T[q] xq), acc); T: quantized_mxfp4
 *   Q5_0   d (q - 16)                  acc = fma(d xd, (float)sum((q - 16) xq), acc)
 *   Q4_1   d q + m                     acc = fma(m, xs, fma(d xd, (float)sum(q xq), acc))
 *   Q5_1   d q + m                     the same
 *   Q4_K   (d sc) q - dmin mn          acc = fma(-(dmin mn), xs, fma((d sc) xd, (float)sum(q xq), acc))
 *   Q5_K   (d sc) q - dmin mn          the same; sc and mn: 6 bits per 32 values, d and dmin per 256
 *   Q6_K   (d sc) (q - 32)             isum = sc0 sum0((q - 32) xq) + sc1 sum1((q - 32) xq), sums over 16 values each;
 *                                      acc = fma(d xd, (float)isum, acc); sc: int8 per 16 values, d per 256
 *
 * Two layouts are no file's: formats whose bits are a name in a table, or of which few files exist, are spread out into
 * signed bytes at load (other_pack.c, iq_pack.c), exactly. Here d and dmin are binary32.
 *
 *   WIDE     (d sc) q                  isum = sc0 sum0(q xq) + sc1 sum1(q xq); acc = fma(d xd, (float)isum, acc)
 *   WIDE_MIN (d sc) q - dmin mn        then acc = fma(-(dmin xd), (float)(mn0 sum0(xq) + mn1 sum1(xq)), acc); sc and
 *                                      mn unsigned
 */
#ifndef KERNELS_QUANTIZED_H
#define KERNELS_QUANTIZED_H

#include "kernels/activation.h"
#include "kernels/panel.h"

#include <stdbool.h>

typedef struct panel_q8_0 {
    int8_t q[8][16][4]; /* [group][row][value] */
    uint16_t d[16];
} panel_q8_0;

typedef struct panel_q4_0 {
    uint8_t q[4][16][4]; /* low nibble: group g; high nibble: group g + 4 */
    uint16_t d[16];
} panel_q4_0;

typedef struct panel_q4_1 {
    uint8_t q[4][16][4];
    uint16_t d[16];
    uint16_t m[16];
} panel_q4_1;

typedef struct panel_q5_0 {
    uint8_t q[4][16][4];
    uint8_t h[16][4]; /* bit g: the fifth bit of group g */
    uint16_t d[16];
} panel_q5_0;

typedef struct panel_q5_1 {
    uint8_t q[4][16][4];
    uint8_t h[16][4];
    uint16_t d[16];
    uint16_t m[16];
} panel_q5_1;

/* Scales of 256 values: 6-bit sc and mn of 8 blocks. */
typedef struct panel_k_head {
    uint16_t d[16];
    uint16_t dmin[16];
    uint8_t low[8][16];  /* [block][row]: low 4 bits of sc, and of mn in the high nibble */
    uint8_t high[4][16]; /* [block % 4][row]: nibble block / 4: 2 high bits of sc, then 2 of mn */
} panel_k_head;

typedef struct panel_q4_k {
    panel_k_head head;
    uint8_t q[8][4][16][4];
} panel_q4_k;

typedef struct panel_q5_k_block {
    uint8_t q[4][16][4];
    uint8_t h[16][4];
} panel_q5_k_block;
typedef struct panel_q5_k {
    panel_k_head head;
    panel_q5_k_block block[8];
} panel_q5_k;

typedef struct panel_q6_k_block {
    uint8_t q[4][16][4];
    uint8_t h[2][16][4]; /* [group / 4]: bits 2 (g % 4) and above: the two high bits of group g */
} panel_q6_k_block;
typedef struct panel_q6_k {
    uint16_t d[16];
    int8_t sc[16][16]; /* [k / 16][row] */
    panel_q6_k_block block[8];
} panel_q6_k;

typedef struct panel_iq4_xs {
    uint16_t d[16];
    uint8_t low[4][16];  /* [block % 4][row]: low 4 bits of sc, of block and block + 4 */
    uint8_t high[2][16]; /* [block % 2][row]: bits 2 (block / 2) and above: the 2 high bits */
    uint8_t q[8][4][16][4];
} panel_iq4_xs;

typedef struct panel_mxfp4 {
    uint8_t q[4][16][4];
    uint8_t e[16];
} panel_mxfp4;

typedef struct panel_wide {
    float d[16];
    int8_t sc[16][16]; /* [k / 16][row]; unsigned and below 128 in WIDE_MIN */
    int8_t q[8][8][16][4];
} panel_wide;

typedef struct panel_wide_min {
    panel_wide wide;
    float dmin[16];
    uint8_t mn[16][16];
} panel_wide_min;

/* A row of WIDE and WIDE_MIN before it is packed: their "file". */
typedef struct wide_block {
    float d;
    float dmin;
    int8_t sc[16];
    uint8_t mn[16];
    int8_t q[256];
} wide_block;

_Static_assert(sizeof(panel_iq4_xs) == 16 * 136 && sizeof(panel_mxfp4) == 16 * 17 && sizeof(panel_wide) == 16 * 276 &&
                   sizeof(panel_wide_min) == 16 * sizeof(wide_block),
               "nothing lies between the fields");
_Static_assert(sizeof(panel_q8_0) == 16 * 34 && sizeof(panel_q4_0) == 16 * 18 && sizeof(panel_q4_1) == 16 * 20 &&
                   sizeof(panel_q5_0) == 16 * 22 && sizeof(panel_q5_1) == 16 * 24 && sizeof(panel_q4_k) == 16 * 144 &&
                   sizeof(panel_q5_k) == 16 * 176 && sizeof(panel_q6_k) == 16 * 210,
               "a panel has the file's bytes, no more");

/* What IQ4_NL's 16 nibbles stand for. */
static const int8_t quantized_iq4_nl[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
/* Twice the values of E2M1 (OCP Microscaling Formats 1.0). */
static const int8_t quantized_mxfp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* NULL: q is a number and no name. */
static inline const int8_t *quantized_table(dtype type)
{
    return type == DTYPE_IQ4_NL || type == DTYPE_IQ4_XS ? quantized_iq4_nl
           : type == DTYPE_MXFP4                        ? quantized_mxfp4
                                                        : NULL;
}

/* Does each 16 values have an integer scale of its own, in place of each 32? */
static inline bool quantized_halves(dtype type)
{
    return type == DTYPE_Q6_K || type == DTYPE_WIDE || type == DTYPE_WIDE_MIN;
}

/* What a format subtracts from q: 0 for those with a minimum, and for Q8_0 and IQ4_NL, whose bytes are signed. */
static inline int quantized_offset(dtype type)
{
    return type == DTYPE_Q4_0 ? 8 : type == DTYPE_Q5_0 ? 16 : type == DTYPE_Q6_K ? 32 : 0;
}

/* +1: the minimum is added; -1: subtracted; 0: there is none. */
static inline int quantized_minimum(dtype type)
{
    return type == DTYPE_Q4_1 || type == DTYPE_Q5_1 ? 1 : type == DTYPE_Q4_K || type == DTYPE_Q5_K ? -1 : 0;
}

#endif
