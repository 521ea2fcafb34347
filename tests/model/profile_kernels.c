/* Wrappers of every entry, and which laps an entry belongs to. */
#include "profile_kernels.h"

#include "model/profile.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Entries by name; those of an array are one. */
#define ENTRIES(X)                                                                                                     \
    X(activation_prepare, B(PREPARE))                                                                                  \
    X(matmul, B(PRODUCT))                                                                                              \
    X(panel_dequantize, B(PRODUCT))                                                                                    \
    X(panel_row, B(EMBED))                                                                                             \
    X(rms_norm, B(NORM) | B(EMBED) | B(ROPE) | B(RECUR))                                                               \
    X(layer_norm, B(NORM) | B(EMBED) | B(ROPE))                                                                        \
    X(add, B(ADD) | B(EMBED))                                                                                          \
    X(mul, B(ACTIVATE))                                                                                                \
    X(scale, B(ADD) | B(EMBED) | B(ROPE) | B(LOGITS) | B(PREPARE) | B(RECUR))                                          \
    X(clamp, B(ROPE))                                                                                                  \
    X(silu_mul, B(ACTIVATE) | B(RECUR))                                                                                \
    X(activate, B(ACTIVATE))                                                                                           \
    X(swiglu_clamped, B(ACTIVATE))                                                                                     \
    X(exp, B(ROUTE) | B(SAMPLE) | B(RECUR))                                                                            \
    X(log, B(SAMPLE) | B(RECUR))                                                                                       \
    X(sin, 0u)                                                                                                         \
    X(cos, 0u)                                                                                                         \
    X(tanh, B(LOGITS))                                                                                                 \
    X(erf, 0u)                                                                                                         \
    X(rope, B(ROPE))                                                                                                   \
    X(max, B(ROUTE) | B(SAMPLE))                                                                                       \
    X(sum, B(ROUTE) | B(SAMPLE))                                                                                       \
    X(argmax, B(ROUTE) | B(SAMPLE))                                                                                    \
    X(exp_sum, B(ROUTE) | B(SAMPLE))                                                                                   \
    X(store, B(STORE))                                                                                                 \
    X(attend, B(ATTEND))                                                                                               \
    X(convolve, B(CONVOLVE))                                                                                           \
    X(recur, B(RECUR))                                                                                                 \
    X(sigmoid_gate, B(ACTIVATE))

#define B(op) (1u << NN_OP_##op)
#define ENUM(name, laps) E_##name,
#define NAME(name, laps) #name,
#define LAPS(name, laps) laps,
enum { ENTRIES(ENUM) ENTRY_COUNT };
static const char *const entry_names[ENTRY_COUNT] = {ENTRIES(NAME)};
static const unsigned entry_laps[ENTRY_COUNT] = {ENTRIES(LAPS)};

static kernel_table real, watched;
static attention_table real_attention, watched_attention;
static delta_table real_delta, watched_delta;
static _Thread_local uint32_t pending; /* bits of entries called since the thread's last lap */
static atomic_ulong calls[ENTRY_COUNT], ever[ENTRY_COUNT];
static atomic_flag fault_taken = ATOMIC_FLAG_INIT;
static char fault[160];

static void seen(unsigned entry)
{
    pending |= 1u << entry;
    atomic_fetch_add(&calls[entry], 1);
    atomic_fetch_add(&ever[entry], 1);
}

/* ---- the wrappers ---- */

#define PASS(name, parameters, arguments)                                                                              \
    static void watch_##name parameters                                                                                \
    {                                                                                                                  \
        seen(E_##name);                                                                                                \
        real.name arguments;                                                                                           \
    }
#define RETURNS(type, name, parameters, arguments)                                                                     \
    static type watch_##name parameters                                                                                \
    {                                                                                                                  \
        seen(E_##name);                                                                                                \
        return real.name arguments;                                                                                    \
    }

PASS(rms_norm, (const float *x, const float *weight, float eps, size_t n, float *out), (x, weight, eps, n, out))
PASS(layer_norm, (const float *x, const float *weight, const float *bias, float eps, size_t n, float *out),
     (x, weight, bias, eps, n, out))
PASS(add, (const float *a, const float *b, size_t n, float *out), (a, b, n, out))
PASS(mul, (const float *a, const float *b, size_t n, float *out), (a, b, n, out))
PASS(scale, (const float *a, float factor, size_t n, float *out), (a, factor, n, out))
PASS(clamp, (const float *a, float limit, size_t n, float *out), (a, limit, n, out))
PASS(silu_mul, (const float *gate, const float *up, size_t n, float *out), (gate, up, n, out))
PASS(swiglu_clamped, (const float *gate, const float *up, float limit, size_t n, float *out), (gate, up, limit, n, out))
PASS(exp, (const float *x, size_t n, float *out), (x, n, out))
PASS(log, (const float *x, size_t n, float *out), (x, n, out))
PASS(sin, (const float *x, size_t n, float *out), (x, n, out))
PASS(cos, (const float *x, size_t n, float *out), (x, n, out))
PASS(tanh, (const float *x, size_t n, float *out), (x, n, out))
PASS(erf, (const float *x, size_t n, float *out), (x, n, out))
PASS(rope, (float *x, const float *c, const float *s, size_t dims), (x, c, s, dims))
RETURNS(float, max, (const float *x, size_t n), (x, n))
RETURNS(float, sum, (const float *x, size_t n), (x, n))
RETURNS(size_t, argmax, (const float *x, size_t n), (x, n))
RETURNS(float, exp_sum, (const float *x, float most, size_t n, float *out), (x, most, n, out))

static void watch_store(cache_shape shape, cache_view cache, uint32_t position, const float *key, const float *value,
                        uint32_t begin, uint32_t end)
{
    seen(E_store);
    real_attention.store(shape, cache, position, key, value, begin, end);
}

static void watch_attend(cache_shape shape, cache_view cache, uint32_t position, uint32_t tokens, const float *q,
                         size_t ldq, uint32_t heads, uint32_t begin, uint32_t end, float scale,
                         const attention_form *form, float *out, size_t ldo, void *scratch)
{
    seen(E_attend);
    real_attention.attend(shape, cache, position, tokens, q, ldq, heads, begin, end, scale, form, out, ldo, scratch);
}

static void watch_convolve(float *x, size_t ldx, size_t tokens, float *tail, const float *weights, size_t ldw,
                           size_t taps, size_t begin, size_t end)
{
    seen(E_convolve);
    real_delta.convolve(x, ldx, tokens, tail, weights, ldw, taps, begin, end);
}

static void watch_recur(const delta_head *head, float *state, float *out)
{
    seen(E_recur);
    real_delta.recur(head, state, out);
}

static void watch_sigmoid_gate(const float *gate, const float *x, size_t n, float *out)
{
    seen(E_sigmoid_gate);
    real_delta.sigmoid_gate(gate, x, n, out);
}

/* Of arrays, a wrapper for each place. */
/* It would be turned over at each formatting. */
/* clang-format off */
#define PLACES(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) \
    X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) \
    X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39) X(40) X(41) \
    X(42) X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55)
/* clang-format on */
#define PLACES_MOST 56
_Static_assert(DTYPE_LIMIT <= PLACES_MOST, "more PLACES");
_Static_assert(ACTIVATION_KINDS <= 8 && ACTIVATE_KINDS <= 8, "more of the first PLACES");
_Static_assert(ENTRY_COUNT <= 32, "bits of `pending`");

#define WATCH_MATMUL(i)                                                                                                \
    static void watch_native_##i(const uint8_t *panels, size_t rows, size_t cols, const void *activation,              \
                                 size_t tokens, float *y, size_t ldy, size_t begin, size_t end, void *scratch)         \
    {                                                                                                                  \
        seen(E_matmul);                                                                                                \
        real.matmul[0][i](panels, rows, cols, activation, tokens, y, ldy, begin, end, scratch);                        \
    }                                                                                                                  \
    static void watch_f32_##i(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,  \
                              float *y, size_t ldy, size_t begin, size_t end, void *scratch)                           \
    {                                                                                                                  \
        seen(E_matmul);                                                                                                \
        real.matmul[1][i](panels, rows, cols, activation, tokens, y, ldy, begin, end, scratch);                        \
    }                                                                                                                  \
    static void watch_row_##i(const uint8_t *panel, size_t cols, unsigned row, float *out)                             \
    {                                                                                                                  \
        seen(E_panel_row);                                                                                             \
        real.panel_row[i](panel, cols, row, out);                                                                      \
    }                                                                                                                  \
    static void watch_dequantize_##i(const uint8_t *panel, size_t cols, size_t begin, size_t end, float *out)          \
    {                                                                                                                  \
        seen(E_panel_dequantize);                                                                                      \
        real.panel_dequantize[i](panel, cols, begin, end, out);                                                        \
    }
#define WATCH_SMALL(i)                                                                                                 \
    static void watch_prepare_##i(const float *x, size_t ldx, size_t tokens, size_t k, size_t begin, size_t end,       \
                                  void *activation)                                                                    \
    {                                                                                                                  \
        seen(E_activation_prepare);                                                                                    \
        real.activation_prepare[i](x, ldx, tokens, k, begin, end, activation);                                         \
    }                                                                                                                  \
    static void watch_activate_##i(const float *x, const float *parameters, size_t n, float *out)                      \
    {                                                                                                                  \
        seen(E_activate);                                                                                              \
        real.activate[i](x, parameters, n, out);                                                                       \
    }

/* Of places beyond the end of the real arrays nothing is ever called; the checks of the compiler are not to know. */
#pragma GCC diagnostic ignored "-Warray-bounds"
PLACES(WATCH_MATMUL)
WATCH_SMALL(0)
WATCH_SMALL(1)
WATCH_SMALL(2)
#define WATCH_ACTIVATE(i)                                                                                              \
    static void watch_activate_##i(const float *x, const float *parameters, size_t n, float *out)                      \
    {                                                                                                                  \
        seen(E_activate);                                                                                              \
        real.activate[i](x, parameters, n, out);                                                                       \
    }
WATCH_ACTIVATE(3)
WATCH_ACTIVATE(4)
WATCH_ACTIVATE(5)
WATCH_ACTIVATE(6)
_Static_assert(ACTIVATION_KINDS == 3 && ACTIVATE_KINDS == 7, "a wrapper for each");

static void watch_arrays(void)
{
#define SET(i)                                                                                                         \
    if ((i) < DTYPE_LIMIT) {                                                                                           \
        watched.matmul[0][i] = real.matmul[0][i] == NULL ? NULL : watch_native_##i;                                    \
        watched.matmul[1][i] = real.matmul[1][i] == NULL ? NULL : watch_f32_##i;                                       \
        watched.panel_row[i] = real.panel_row[i] == NULL ? NULL : watch_row_##i;                                       \
        watched.panel_dequantize[i] = real.panel_dequantize[i] == NULL ? NULL : watch_dequantize_##i;                  \
    }
    PLACES(SET)
#define SET_PREPARE(i) watched.activation_prepare[i] = watch_prepare_##i;
#define SET_ACTIVATE(i) watched.activate[i] = watch_activate_##i;
    SET_PREPARE(0)
    SET_PREPARE(1)
    SET_PREPARE(2)
    SET_ACTIVATE(0)
    SET_ACTIVATE(1)
    SET_ACTIVATE(2)
    SET_ACTIVATE(3)
    SET_ACTIVATE(4)
    SET_ACTIVATE(5)
    SET_ACTIVATE(6)
}

const kernel_table *profile_kernels_watch(const kernel_table *table)
{
    real = *table;
    real_attention = *table->attention;
    real_delta = *table->attention->delta;
    watched = real;
    watched_attention = real_attention;
    watched_delta = real_delta;
    watched.attention = &watched_attention;
    watched_attention.delta = &watched_delta;
    watch_arrays();
#define SET_ENTRY(name) watched.name = watch_##name;
    SET_ENTRY(rms_norm)
    SET_ENTRY(layer_norm)
    SET_ENTRY(add)
    SET_ENTRY(mul)
    SET_ENTRY(scale)
    SET_ENTRY(clamp)
    SET_ENTRY(silu_mul)
    SET_ENTRY(swiglu_clamped)
    SET_ENTRY(exp)
    SET_ENTRY(log)
    SET_ENTRY(sin)
    SET_ENTRY(cos)
    SET_ENTRY(tanh)
    SET_ENTRY(erf)
    SET_ENTRY(rope)
    SET_ENTRY(max)
    SET_ENTRY(sum)
    SET_ENTRY(argmax)
    SET_ENTRY(exp_sum)
    watched_attention.store = watch_store;
    watched_attention.attend = watch_attend;
    watched_delta.convolve = watch_convolve;
    watched_delta.recur = watch_recur;
    watched_delta.sigmoid_gate = watch_sigmoid_gate;
    return &watched;
}

/* ---- laps ---- */

static void lap(void *context, int part, nn_op op, const matrix *m, nn_work work)
{
    (void)context;
    (void)part;
    (void)work;
    for (unsigned entry = 0; entry < ENTRY_COUNT; entry++) {
        const bool belongs = (entry_laps[entry] >> op & 1u) != 0 && (op != NN_OP_PRODUCT || m != NULL);
        if ((pending >> entry & 1u) != 0 && !belongs && !atomic_flag_test_and_set(&fault_taken)) {
            snprintf(fault, sizeof fault, "%s was called in the lap \"%s\"", entry_names[entry],
                     profile_line_name((unsigned)op));
        }
    }
    pending = 0;
}

static void layer(void *context, int part, uint32_t index)
{
    (void)context;
    (void)part;
    (void)index;
}

const nn_profiler *profile_kernels_profiler(void)
{
    static const nn_profiler watch = {.lap = lap, .layer = layer};
    return &watch;
}

void profile_kernels_forget(void)
{
    pending = 0;
    fault[0] = '\0';
    atomic_flag_clear(&fault_taken);
    for (unsigned entry = 0; entry < ENTRY_COUNT; entry++) {
        atomic_store(&calls[entry], 0);
    }
}

const char *profile_kernels_fault(void)
{
    return fault[0] != '\0' ? fault : NULL;
}

static unsigned long count_of(atomic_ulong *counts, const char *name)
{
    for (unsigned entry = 0; entry < ENTRY_COUNT; entry++) {
        if (strcmp(entry_names[entry], name) == 0) {
            return atomic_load(&counts[entry]);
        }
    }
    return 0;
}

unsigned long profile_kernels_called(const char *name)
{
    return count_of(calls, name);
}

unsigned long profile_kernels_ever(const char *name)
{
    return count_of(ever, name);
}

/* ---- what is left out ---- */

/* A word of a table that is the same in the watching one. */
static bool same_word(const void *a, const void *b, size_t at)
{
    void *x = NULL;
    void *y = NULL;
    memcpy(&x, (const char *)a + at, sizeof x);
    memcpy(&y, (const char *)b + at, sizeof y);
    return x == y && x != NULL;
}

const char *profile_kernels_left_out(const kernel_table *table)
{
    static char text[96];
    (void)profile_kernels_watch(table);
    for (size_t at = 0; at + sizeof(void *) <= sizeof real; at += sizeof(void *)) {
        const bool measures = at >= offsetof(kernel_table, measure_peak) && at < offsetof(kernel_table, attention);
        /* no step of inference's, so without a line */
        const bool trains = at == offsetof(kernel_table, gradient) || at == offsetof(kernel_table, optimize);
        if (at != offsetof(kernel_table, name) && !measures && !trains && same_word(&real, &watched, at)) {
            snprintf(text, sizeof text, "kernel_table, byte %zu", at);
            return text;
        }
    }
    for (size_t at = 0; at + sizeof(void *) <= sizeof real_attention; at += sizeof(void *)) {
        if (same_word(&real_attention, &watched_attention, at)) {
            snprintf(text, sizeof text, "attention_table, byte %zu", at);
            return text;
        }
    }
    for (size_t at = 0; at + sizeof(void *) <= sizeof real_delta; at += sizeof(void *)) {
        if (same_word(&real_delta, &watched_delta, at)) {
            snprintf(text, sizeof text, "delta_table, byte %zu", at);
            return text;
        }
    }
    return NULL;
}
