/* Products with binary32 accumulators: F32, F16, BF16, and dequantised weights of any format.
 *
 * The chain of an output runs over k ascending (docs/numerics.md, rules 2 and 3), so everything here is a choice of
 * which outputs are computed side by side, and in which order they come:
 *
 *   tile         `panels` x `tokens` accumulators of 16 lanes, in registers, over a range of k
 *   few tokens   one tile holds them all: it walks all of k of several panels side by side, which are as many streams
 *                from memory as it takes to read at full speed
 *   many tokens  for a group of tokens, for a group of panels, for chunks of k: a panel's chunk stays in the first
 *                cache while all tiles of the group pass over it, the activations' chunk in the second. Accumulators
 *                wait in y between chunks, and resume: the same chain.
 *
 * kernels/scalar/matmul_float.c is the definition. */
#include "kernels/template/matmul_float.h"

#include "kernels/activation.h"
#include "kernels/scalar/matmul_float.h"

enum {
    CHUNK = 256,
    GROUP_TOKENS = 128,
    GROUP_PANELS = 8,
    PREFETCH_BYTES = 1024,
    FEW_TILES = 4, /* so many tiles' activations stay near for all panels */
    /* Accumulators of a tile: the registers less those for weights and one activation. */
    TILE_MOST = V16_REGISTERS == 32 ? 24 : 6,
    TILE_MOST_BF16 = V16_REGISTERS == 32 ? 24 : 5, /* the mask of the odd half takes one more */
    TILE_TOKENS = V16_REGISTERS == 32 ? 12 : 6,
    TILE_PANELS = 4,
};

/* How a panel's bytes become lanes. */
typedef enum weight_kind {
    WEIGHT_F32,
    WEIGHT_F16,
    WEIGHT_BF16,
    WEIGHT_BF16_PAIRS, /* the native rule: of a pair, the odd value first */
    WEIGHT_BF16_DOT,   /* the same where one instruction does both steps; activations are pairs of bf16, too */
} weight_kind;

/* What a tile works on. */
typedef struct tile_work {
    const uint8_t *w;        /* the first panel's weights at the first k */
    size_t panel_size;       /* bytes from one panel to the next */
    const uint8_t *prefetch; /* what will be read next, of the first panel */
    size_t prefetch_step;    /* bytes to go on in it for each 64 bytes read here */
    const float *x;          /* the first token's activations at the first k */
    size_t ldx;
    size_t values; /* how many k */
    float *out;    /* the first token's 16 * panels outputs */
    size_t ldo;
    bool resume; /* go on from what is in out */
} tile_work;

V16_INLINE v16f bf16_even(const uint8_t *line)
{
    return v16i_as_float(v16i_shl(v16i_load((const int32_t *)(const void *)line), 16));
}

V16_INLINE v16f bf16_odd(const uint8_t *line)
{
    return v16i_as_float(v16i_and(v16i_load((const int32_t *)(const void *)line), v16i_set1((int32_t)0xFFFF0000u)));
}

/* The weights of 16 rows: `line` is 64 bytes, one k of F32 or two of the others; `odd` asks for the second. */
V16_INLINE v16f line_weights(weight_kind kind, const uint8_t *line, bool odd)
{
    switch (kind) {
    case WEIGHT_F32:
    case WEIGHT_BF16_DOT:
        return v16f_load((const float *)(const void *)line);
    case WEIGHT_F16:
        return v16f_load_f16((const uint16_t *)(const void *)(line + (odd ? 32 : 0)));
    case WEIGHT_BF16:
    case WEIGHT_BF16_PAIRS:
        break;
    }
    return odd ? bf16_odd(line) : bf16_even(line);
}

/* Loads stay behind this. A compiler that loads ahead runs out of registers and spills accumulators. */
V16_INLINE void in_order(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Below, `panels` and `tokens` are constants at every use, and so is every index into acc: it becomes registers. (Loops
 * would have to be unrolled first, and a compiler that has not done so in time leaves acc in memory.) */

/* One step of a chain: a weight, or a pair of bf16, of 16 rows times that of a token. */
V16_INLINE v16f tile_fma(weight_kind kind, v16f w, v16f x, v16f acc)
{
#ifdef V16_DOT2_BF16
    if (kind == WEIGHT_BF16_DOT) {
        return v16f_dot2_bf16(acc, v16f_bits(w), v16f_bits(x));
    }
#endif
    (void)kind;
    return v16f_fma(w, x, acc);
}

/* acc[p][t] = fma(w[p], x, acc[p][t]) for one token. */
V16_INLINE void tile_token(weight_kind kind, int panels, int tokens, int t, const v16f w[TILE_PANELS], const float *x,
                           v16f *acc)
{
    const v16f xt = v16f_set1(*x);
    acc[t] = tile_fma(kind, w[0], xt, acc[t]);
    if (panels > 1) {
        acc[tokens + t] = tile_fma(kind, w[1], xt, acc[tokens + t]);
    }
    if (panels > 2) {
        acc[2 * tokens + t] = tile_fma(kind, w[2], xt, acc[2 * tokens + t]);
        acc[3 * tokens + t] = tile_fma(kind, w[3], xt, acc[3 * tokens + t]);
    }
    in_order();
}

V16_INLINE void tile_tokens(weight_kind kind, int panels, int tokens, const v16f w[TILE_PANELS], const float *x,
                            size_t ldx, v16f *acc)
{
    tile_token(kind, panels, tokens, 0, w, x, acc);
    if (tokens > 1) {
        tile_token(kind, panels, tokens, 1, w, x + ldx, acc);
    }
    if (tokens > 2) {
        tile_token(kind, panels, tokens, 2, w, x + 2 * ldx, acc);
    }
    if (tokens > 3) {
        tile_token(kind, panels, tokens, 3, w, x + 3 * ldx, acc);
    }
    if (tokens > 4) {
        tile_token(kind, panels, tokens, 4, w, x + 4 * ldx, acc);
    }
    if (tokens > 5) {
        tile_token(kind, panels, tokens, 5, w, x + 5 * ldx, acc);
    }
    if (tokens > 6) {
        tile_token(kind, panels, tokens, 6, w, x + 6 * ldx, acc);
    }
    if (tokens > 7) {
        tile_token(kind, panels, tokens, 7, w, x + 7 * ldx, acc);
    }
    if (tokens > 8) {
        tile_token(kind, panels, tokens, 8, w, x + 8 * ldx, acc);
    }
    if (tokens > 9) {
        tile_token(kind, panels, tokens, 9, w, x + 9 * ldx, acc);
    }
    if (tokens > 10) {
        tile_token(kind, panels, tokens, 10, w, x + 10 * ldx, acc);
    }
    if (tokens > 11) {
        tile_token(kind, panels, tokens, 11, w, x + 11 * ldx, acc);
    }
}

/* One k. With few registers one panel's weights at a time, and an activation is loaded for each panel. */
V16_INLINE void tile_step(weight_kind kind, int panels, int tokens, const uint8_t *line, size_t panel_size, bool odd,
                          const float *x, size_t ldx, v16f *acc)
{
    const bool together = V16_REGISTERS == 32;
    v16f w[TILE_PANELS];
    w[0] = line_weights(kind, line, odd);
    if (!together) {
        tile_tokens(kind, 1, tokens, w, x, ldx, acc);
    }
    if (panels > 1) {
        w[together ? 1 : 0] = line_weights(kind, line + panel_size, odd);
        if (!together) {
            tile_tokens(kind, 1, tokens, w, x, ldx, acc + tokens);
        }
    }
    if (panels > 2) {
        w[together ? 2 : 0] = line_weights(kind, line + 2 * panel_size, odd);
        if (!together) {
            tile_tokens(kind, 1, tokens, w, x, ldx, acc + 2 * tokens);
        }
        w[together ? 3 : 0] = line_weights(kind, line + 3 * panel_size, odd);
        if (!together) {
            tile_tokens(kind, 1, tokens, w, x, ldx, acc + 3 * tokens);
        }
    }
    if (together) {
        tile_tokens(kind, panels, tokens, w, x, ldx, acc);
    }
}

V16_INLINE void tile_load_token(int panels, int tokens, int t, const float *from, bool resume, v16f *acc)
{
    acc[t] = resume ? v16f_load(from) : v16f_zero();
    if (panels > 1) {
        acc[tokens + t] = resume ? v16f_load(from + 16) : v16f_zero();
    }
    if (panels > 2) {
        acc[2 * tokens + t] = resume ? v16f_load(from + 32) : v16f_zero();
        acc[3 * tokens + t] = resume ? v16f_load(from + 48) : v16f_zero();
    }
}

V16_INLINE void tile_store_token(int panels, int tokens, int t, float *to, const v16f *acc)
{
    v16f_store(to, acc[t]);
    if (panels > 1) {
        v16f_store(to + 16, acc[tokens + t]);
    }
    if (panels > 2) {
        v16f_store(to + 32, acc[2 * tokens + t]);
        v16f_store(to + 48, acc[3 * tokens + t]);
    }
}

V16_INLINE void tile_load(int panels, int tokens, const float *from, size_t ldo, bool resume, v16f *acc)
{
    tile_load_token(panels, tokens, 0, from, resume, acc);
    if (tokens > 1) {
        tile_load_token(panels, tokens, 1, from + ldo, resume, acc);
    }
    if (tokens > 2) {
        tile_load_token(panels, tokens, 2, from + 2 * ldo, resume, acc);
    }
    if (tokens > 3) {
        tile_load_token(panels, tokens, 3, from + 3 * ldo, resume, acc);
    }
    if (tokens > 4) {
        tile_load_token(panels, tokens, 4, from + 4 * ldo, resume, acc);
    }
    if (tokens > 5) {
        tile_load_token(panels, tokens, 5, from + 5 * ldo, resume, acc);
    }
    if (tokens > 6) {
        tile_load_token(panels, tokens, 6, from + 6 * ldo, resume, acc);
    }
    if (tokens > 7) {
        tile_load_token(panels, tokens, 7, from + 7 * ldo, resume, acc);
    }
    if (tokens > 8) {
        tile_load_token(panels, tokens, 8, from + 8 * ldo, resume, acc);
    }
    if (tokens > 9) {
        tile_load_token(panels, tokens, 9, from + 9 * ldo, resume, acc);
    }
    if (tokens > 10) {
        tile_load_token(panels, tokens, 10, from + 10 * ldo, resume, acc);
    }
    if (tokens > 11) {
        tile_load_token(panels, tokens, 11, from + 11 * ldo, resume, acc);
    }
}

V16_INLINE void tile_store(int panels, int tokens, float *to, size_t ldo, const v16f *acc)
{
    tile_store_token(panels, tokens, 0, to, acc);
    if (tokens > 1) {
        tile_store_token(panels, tokens, 1, to + ldo, acc);
    }
    if (tokens > 2) {
        tile_store_token(panels, tokens, 2, to + 2 * ldo, acc);
    }
    if (tokens > 3) {
        tile_store_token(panels, tokens, 3, to + 3 * ldo, acc);
    }
    if (tokens > 4) {
        tile_store_token(panels, tokens, 4, to + 4 * ldo, acc);
    }
    if (tokens > 5) {
        tile_store_token(panels, tokens, 5, to + 5 * ldo, acc);
    }
    if (tokens > 6) {
        tile_store_token(panels, tokens, 6, to + 6 * ldo, acc);
    }
    if (tokens > 7) {
        tile_store_token(panels, tokens, 7, to + 7 * ldo, acc);
    }
    if (tokens > 8) {
        tile_store_token(panels, tokens, 8, to + 8 * ldo, acc);
    }
    if (tokens > 9) {
        tile_store_token(panels, tokens, 9, to + 9 * ldo, acc);
    }
    if (tokens > 10) {
        tile_store_token(panels, tokens, 10, to + 10 * ldo, acc);
    }
    if (tokens > 11) {
        tile_store_token(panels, tokens, 11, to + 11 * ldo, acc);
    }
}

V16_INLINE void tile(weight_kind kind, int panels, int tokens, const tile_work *work)
{
    v16f acc[TILE_MOST];
    tile_load(panels, tokens, work->out, work->ldo, work->resume, acc);
    const size_t each = kind == WEIGHT_F32 ? 1 : 2;
    const bool pads = kind == WEIGHT_BF16_PAIRS || kind == WEIGHT_BF16_DOT;
    const size_t padded = pads ? work->values + 1 : work->values;
    const size_t panel_size = work->panel_size;
    const uint8_t *prefetch = work->prefetch;
    const size_t prefetch_step = work->prefetch_step;
    const size_t ldx = work->ldx;
    const uint8_t *line = work->w;
    const float *x = work->x;
    for (size_t lines = padded / each; lines > 0; lines--) {
        __builtin_prefetch(prefetch);
        if (panels > 1) {
            __builtin_prefetch(prefetch + panel_size);
        }
        if (panels > 2) {
            __builtin_prefetch(prefetch + 2 * panel_size);
            __builtin_prefetch(prefetch + 3 * panel_size);
        }
        if (kind == WEIGHT_BF16_PAIRS) {
            tile_step(kind, panels, tokens, line, panel_size, true, x + 1, ldx, acc);
            tile_step(kind, panels, tokens, line, panel_size, false, x, ldx, acc);
        } else {
            tile_step(kind, panels, tokens, line, panel_size, false, x, ldx, acc);
            if (kind == WEIGHT_F16 || kind == WEIGHT_BF16) {
                tile_step(kind, panels, tokens, line, panel_size, true, x + 1, ldx, acc);
            }
        }
        line += 64;
        prefetch += prefetch_step;
        x += kind == WEIGHT_BF16_DOT ? 1 : each;
    }
    if (!pads && work->values % each != 0) {
        tile_step(kind, panels, tokens, line, panel_size, false, x, ldx, acc);
    }
    tile_store(panels, tokens, work->out, work->ldo, acc);
}

/* The tile of `panels` and `tokens` (constants), if it fits into the registers: others do not exist. */
V16_INLINE void tile_fitting(weight_kind kind, int panels, int tokens, const tile_work *work)
{
    const bool masks = kind == WEIGHT_BF16 || kind == WEIGHT_BF16_PAIRS;
    if (panels * tokens <= (masks ? TILE_MOST_BF16 : TILE_MOST) && tokens <= TILE_TOKENS) {
        tile(kind, panels, tokens, work);
    }
}

V16_INLINE void tile_of_panels(weight_kind kind, int panels, int tokens, const tile_work *work)
{
    switch (tokens) {
    case 1:
        tile_fitting(kind, panels, 1, work);
        break;
    case 2:
        tile_fitting(kind, panels, 2, work);
        break;
    case 3:
        tile_fitting(kind, panels, 3, work);
        break;
    case 4:
        tile_fitting(kind, panels, 4, work);
        break;
    case 5:
        tile_fitting(kind, panels, 5, work);
        break;
    case 6:
        tile_fitting(kind, panels, 6, work);
        break;
    case 7:
        tile_fitting(kind, panels, 7, work);
        break;
    case 8:
        tile_fitting(kind, panels, 8, work);
        break;
    case 9:
        tile_fitting(kind, panels, 9, work);
        break;
    case 10:
        tile_fitting(kind, panels, 10, work);
        break;
    case 11:
        tile_fitting(kind, panels, 11, work);
        break;
    default:
        tile_fitting(kind, panels, 12, work);
        break;
    }
}

V16_INLINE void tile_any(weight_kind kind, int panels, int tokens, const tile_work *work)
{
    if (panels == 4) {
        tile_of_panels(kind, 4, tokens, work);
    } else if (panels == 2) {
        tile_of_panels(kind, 2, tokens, work);
    } else {
        tile_of_panels(kind, 1, tokens, work);
    }
}

static void tile_f32(int panels, int tokens, const tile_work *work)
{
    tile_any(WEIGHT_F32, panels, tokens, work);
}

static void tile_f16(int panels, int tokens, const tile_work *work)
{
    tile_any(WEIGHT_F16, panels, tokens, work);
}

static void tile_bf16(int panels, int tokens, const tile_work *work)
{
    tile_any(WEIGHT_BF16, panels, tokens, work);
}

static void tile_bf16_pairs(int panels, int tokens, const tile_work *work)
{
#ifdef V16_DOT2_BF16
    tile_any(WEIGHT_BF16_DOT, panels, tokens, work);
#else
    tile_any(WEIGHT_BF16_PAIRS, panels, tokens, work);
#endif
}

typedef void (*tile_fn)(int panels, int tokens, const tile_work *work);

/* A call of matmul, and how it is cut up. */
typedef struct product {
    tile_fn run_tile;
    size_t accumulators;      /* the most that a tile has */
    size_t value_bytes;       /* bytes of 16 weights */
    bool pairs;               /* activations are pairs of bf16 */
    dequantize_fn dequantize; /* NULL: tiles read the panels themselves */
    const uint8_t *panels;
    size_t panel_size;
    size_t rows;
    size_t cols;
    float *y;
    size_t ldy;
    float *weights; /* scratch: dequantised chunks of two panels */
    float *ragged;  /* scratch: outputs of a last panel that has fewer than 16 rows, [GROUP_TOKENS][16] */
    /* the group of tokens at hand */
    const float *x;
    size_t tokens;
    size_t tiles;
    int panels_at_once;
} product;

/* Where chunk k of `panel` begins. */
static const uint8_t *product_weights(const product *m, size_t panel, size_t k)
{
    return m->panels + panel * m->panel_size + k * m->value_bytes;
}

/* Chunk [k, k + values) of `width` panels from `panel` on, all tiles of the group. `next` is read after it. */
static void product_chunk(const product *m, size_t panel, int width, size_t k, size_t values, const uint8_t *next)
{
    const bool ragged = (panel + 1) * PANEL_ROWS > m->rows;
    tile_work work = {
        .w = product_weights(m, panel, k),
        .panel_size = m->panel_size,
        .ldx = activation_row_floats(m->cols),
        .values = values,
        .ldo = ragged ? PANEL_ROWS : m->ldy,
        .resume = k > 0,
    };
    if (m->dequantize != NULL) {
        for (int p = 0; p < width; p++) {
            m->dequantize(m->panels + (panel + (size_t)p) * m->panel_size, m->cols, k, k + values,
                          m->weights + (size_t)p * values * PANEL_ROWS);
        }
        work.w = (const uint8_t *)m->weights;
        work.panel_size = values * PANEL_ROWS * sizeof(float);
    }
    float *out = ragged ? m->ragged : m->y + panel * PANEL_ROWS;
    for (size_t i = 0; i < m->tiles; i++) {
        const size_t begin = m->tokens * i / m->tiles;
        const size_t end = m->tokens * (i + 1) / m->tiles;
        work.x = m->x + begin * work.ldx + (m->pairs ? k / 2 : k);
        work.out = out + begin * work.ldo;
        if (m->dequantize != NULL) {
            work.prefetch = work.w;
        } else if (m->tiles == 1) {
            work.prefetch = work.w + PREFETCH_BYTES;
            work.prefetch_step = 64;
        } else { /* each tile asks for its part of the next chunk */
            work.prefetch = next + values * m->value_bytes * i / m->tiles;
            work.prefetch_step = (63 + m->tiles) / m->tiles;
        }
        m->run_tile(width, (int)(end - begin), &work);
    }
}

/* Panels to take together at `panel`: a ragged last one goes alone. */
static int product_width(const product *m, size_t panel, size_t panel_end)
{
    const size_t whole = m->rows / PANEL_ROWS;
    const size_t end = panel_end < whole ? panel_end : whole;
    int width = m->panels_at_once;
    while (width > 1 && panel + (size_t)width > end) {
        width /= 2;
    }
    return width;
}

/* Panels [panel_begin, panel_end), which are a group. */
static void product_group(product *m, size_t panel_begin, size_t panel_end, size_t chunk)
{
    for (size_t k = 0; k < m->cols; k += chunk) {
        const size_t values = m->cols - k < chunk ? m->cols - k : chunk;
        for (size_t panel = panel_begin; panel < panel_end;) {
            const int width = product_width(m, panel, panel_end);
            const size_t after = panel + (size_t)width;
            const uint8_t *next =
                after < panel_end ? product_weights(m, after, k) : product_weights(m, panel_begin, k + chunk);
            product_chunk(m, panel, width, k, values, next);
            panel = after;
        }
    }
    if (panel_end * PANEL_ROWS > m->rows) {
        const size_t rows = m->rows % PANEL_ROWS;
        for (size_t t = 0; t < m->tokens; t++) {
            memcpy(m->y + t * m->ldy + m->rows - rows, m->ragged + t * PANEL_ROWS, rows * sizeof(float));
        }
    }
}

/* x: all tokens' activations. */
static void product_run(product *m, const float *x, size_t tokens, size_t panel_begin, size_t panel_end, void *scratch)
{
    float *y = m->y;
    m->weights = scratch;
    m->ragged = m->weights + 2 * CHUNK * PANEL_ROWS;
    const size_t most_tokens = m->accumulators < TILE_TOKENS ? m->accumulators : TILE_TOKENS;
    const size_t groups = (tokens + GROUP_TOKENS - 1) / GROUP_TOKENS;
    for (size_t g = 0; g < groups; g++) {
        const size_t begin = tokens * g / groups;
        m->tokens = tokens * (g + 1) / groups - begin;
        m->x = x + begin * activation_row_floats(m->cols);
        m->y = y + begin * m->ldy;
        m->tiles = (m->tokens + most_tokens - 1) / most_tokens;
        const size_t most = (m->tokens + m->tiles - 1) / m->tiles;
        m->panels_at_once = m->dequantize == NULL ? TILE_PANELS : 2;
        while ((size_t)m->panels_at_once * most > m->accumulators) {
            m->panels_at_once /= 2;
        }
        size_t step = (size_t)m->panels_at_once;
        size_t chunk = m->cols;
        if (m->tiles > FEW_TILES) {
            step = GROUP_PANELS;
            chunk = CHUNK;
        } else if (m->tiles > 1 || m->dequantize != NULL) {
            chunk = m->value_bytes == 64 ? CHUNK / 2 : CHUNK;
        }
        for (size_t panel = panel_begin; panel < panel_end; panel += step) {
            product_group(m, panel, panel + step < panel_end ? panel + step : panel_end, chunk);
        }
    }
}

static product product_of(tile_fn run_tile, size_t accumulators, size_t value_bytes, dequantize_fn dequantize,
                          dtype type, const uint8_t *panels, size_t rows, size_t cols, float *y, size_t ldy)
{
    return (product){.run_tile = run_tile,
                     .accumulators = accumulators,
                     .value_bytes = value_bytes,
                     .dequantize = dequantize,
                     .panels = panels,
                     .panel_size = panel_bytes(type, cols),
                     .rows = rows,
                     .cols = cols,
                     .y = y,
                     .ldy = ldy};
}

static void matmul_f32(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens, float *y,
                       size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    product m = product_of(tile_f32, TILE_MOST, 64, NULL, DTYPE_F32, panels, rows, cols, y, ldy);
    product_run(&m, activation, tokens, panel_begin, panel_end, scratch);
}

static void matmul_f16(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens, float *y,
                       size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    product m = product_of(tile_f16, TILE_MOST, 32, NULL, DTYPE_F16, panels, rows, cols, y, ldy);
    product_run(&m, activation, tokens, panel_begin, panel_end, scratch);
}

static void matmul_bf16_as_f32(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                               float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    product m = product_of(tile_bf16, TILE_MOST_BF16, 32, NULL, DTYPE_BF16, panels, rows, cols, y, ldy);
    product_run(&m, activation, tokens, panel_begin, panel_end, scratch);
}

#ifdef V16_DOT2_BF16

static void matmul_bf16(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    product m = product_of(tile_bf16_pairs, TILE_MOST, 32, NULL, DTYPE_BF16, panels, rows, cols, y, ldy);
    m.pairs = true;
    product_run(&m, activation, tokens, panel_begin, panel_end, scratch);
}

/* ACTIVATION_BF16 of this variant alone: the bf16 themselves, in the first half of the row. */
static void activation_prepare_bf16_pairs(const float *x, size_t ldx, size_t tokens, size_t k, size_t token_begin,
                                          size_t token_end, void *activation)
{
    (void)tokens;
    for (size_t t = token_begin; t < token_end; t++) {
        const float *from = x + t * ldx;
        uint16_t *to = (uint16_t *)((float *)activation + t * activation_row_floats(k));
        for (size_t i = 0; i < k; i += 16) {
            v16f_store_bf16(to + i, k - i >= 16 ? v16f_load(from + i) : v16f_load_n(from + i, k - i));
        }
    }
}

#else

/* Subnormals are zeros in here, as VDPBF16PS has it. Where the mode cannot give the very bits and something was
 * flushed, the definition computes it again. */
static void matmul_bf16(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    product m = product_of(tile_bf16_pairs, TILE_MOST_BF16, 32, NULL, DTYPE_BF16, panels, rows, cols, y, ldy);
    const v16_flush_state before = v16_flush_begin();
    product_run(&m, activation, tokens, panel_begin, panel_end, scratch);
    if (!v16_flush_end(before)) {
        matmul_bf16_defined(panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
    }
}

#endif

void V16_NAME(matmul_dequantized)(dtype type, dequantize_fn dequantize, const uint8_t *panels, size_t rows, size_t cols,
                                  const void *activation, size_t tokens, float *y, size_t ldy, size_t panel_begin,
                                  size_t panel_end, void *scratch)
{
    product m = product_of(tile_f32, TILE_MOST, 0, dequantize, type, panels, rows, cols, y, ldy);
    product_run(&m, activation, tokens, panel_begin, panel_end, scratch);
}

void V16_NAME(kernels_fill_matmul_float)(kernel_table *table)
{
    table->matmul[COMPUTE_NATIVE][DTYPE_F32] = matmul_f32;
    table->matmul[COMPUTE_F32][DTYPE_F32] = matmul_f32;
    table->matmul[COMPUTE_NATIVE][DTYPE_F16] = matmul_f16;
    table->matmul[COMPUTE_F32][DTYPE_F16] = matmul_f16;
    table->matmul[COMPUTE_NATIVE][DTYPE_BF16] = matmul_bf16;
    table->matmul[COMPUTE_F32][DTYPE_BF16] = matmul_bf16_as_f32;
#ifdef V16_DOT2_BF16
    table->activation_prepare[ACTIVATION_BF16] = activation_prepare_bf16_pairs;
#endif
}
