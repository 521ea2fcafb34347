/* One block of a file put into its row of a panel: for formats that are packed into another format's panels. */
#ifndef KERNELS_QUANTIZED_PACK_H
#define KERNELS_QUANTIZED_PACK_H

#include <stdint.h>

static inline uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

/* `panel`: the 16 rows' block of the layout (kernels/quantized.h). */
typedef void (*quantized_put)(const uint8_t *block, unsigned row, void *panel);

void quantized_put_q4_0(const uint8_t *block, unsigned row, void *panel);
void quantized_put_q6_k(const uint8_t *block, unsigned row, void *panel);

/* iq_pack.c: a block of 256 values of a format whose bits are names in a table, spread out; `ret` is a wide_block. */
void iq_spread_iq1_s(const uint8_t *block, void *ret);
void iq_spread_iq1_m(const uint8_t *block, void *ret);
void iq_spread_iq2_xxs(const uint8_t *block, void *ret);
void iq_spread_iq2_xs(const uint8_t *block, void *ret);
void iq_spread_iq2_s(const uint8_t *block, void *ret);
void iq_spread_iq3_xxs(const uint8_t *block, void *ret);
void iq_spread_iq3_s(const uint8_t *block, void *ret);

#endif
