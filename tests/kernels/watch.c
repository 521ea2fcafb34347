/* Copies of the variants' tables whose entries are stubs that count. */
#include "kernels/watch.h"

#include "kernels/attention.h"
#include "kernels/delta_net.h"
#include "kernels/dtype.h"
#include "kernels/gradient.h"
#include "kernels/optimize.h"
#include "kernels/panel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MOST_VARIANTS 8
#define MOST_ENTRIES 320 /* of all tables of a variant */

typedef struct watched {
    const kernel_table *real;
    kernel_table table;
    attention_table attention;
    delta_table delta;
    gradient_table gradient;
    optimize_table optimize;
    size_t entries;
} watched;

/* Read and written by the stubs. */
extern void (*watch_targets[MOST_VARIANTS * MOST_ENTRIES])(void);
extern uint64_t watch_counts[MOST_VARIANTS * MOST_ENTRIES];
void (*watch_targets[MOST_VARIANTS * MOST_ENTRIES])(void);
uint64_t watch_counts[MOST_VARIANTS * MOST_ENTRIES];

static watched variants_seen[MOST_VARIANTS];
static size_t variants_count;

/* ---- the stubs: number i adds 1 to count i and jumps to target i; no register that carries an argument changes ----
 */

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#if defined(__x86_64__)
#define WATCH_STUB_BYTES 16
__asm__(".pushsection .text\n"
        ".p2align 4\n"
        "watch_stubs:\n"
        ".set watch_number, 0\n"
        ".rept 8 * " TEXT(MOST_ENTRIES) "\n"
                                        ".p2align 4\n"
                                        "lock incq watch_counts + 8 * watch_number(%rip)\n"
                                        "jmp *watch_targets + 8 * watch_number(%rip)\n"
                                        ".set watch_number, watch_number + 1\n"
                                        ".endr\n"
                                        ".popsection\n");
#elif defined(__aarch64__)
#define WATCH_STUB_BYTES 32 /* x16 and x17 are any jump's to use */
__asm__(".pushsection .text\n"
        ".p2align 5\n"
        "watch_stubs:\n"
        ".set watch_number, 0\n"
        ".rept 8 * " TEXT(MOST_ENTRIES) "\n"
                                        "adrp x16, watch_counts + 8 * watch_number\n"
                                        "add x16, x16, :lo12:watch_counts + 8 * watch_number\n"
                                        "ldr x17, [x16]\n"
                                        "add x17, x17, #1\n"
                                        "str x17, [x16]\n"
                                        "adrp x16, watch_targets + 8 * watch_number\n"
                                        "ldr x17, [x16, :lo12:watch_targets + 8 * watch_number]\n"
                                        "br x17\n"
                                        ".set watch_number, watch_number + 1\n"
                                        ".endr\n"
                                        ".popsection\n");
#endif

#ifdef WATCH_STUB_BYTES
extern const uint8_t watch_stubs[];

/* Leads the entries in [from, to) of a table to stubs. */
static void watch_entries(watched *w, void *from, void *to)
{
    for (char *at = from; at < (char *)to; at += sizeof(void (*)(void))) {
        void (*target)(void);
        memcpy(&target, at, sizeof target);
        const size_t number = (size_t)(w - variants_seen) * MOST_ENTRIES + w->entries++;
        assert_true(w->entries <= MOST_ENTRIES);
        watch_targets[number] = target;
        const void *stub = watch_stubs + number * WATCH_STUB_BYTES;
        if (target != NULL) {
            memcpy(at, &stub, sizeof stub);
        }
    }
}

static void watch_variant(watched *w, const kernel_table *real)
{
    *w = (watched){.real = real,
                   .table = *real,
                   .attention = *real->attention,
                   .delta = *real->attention->delta,
                   .gradient = *real->gradient,
                   .optimize = *real->optimize};
    watch_entries(w, &w->table.activation_prepare, &w->table.attention);
    watch_entries(w, &w->attention.store, &w->attention.delta);
    watch_entries(w, &w->delta, &w->delta + 1);
    watch_entries(w, &w->gradient, &w->gradient + 1);
    watch_entries(w, &w->optimize, &w->optimize + 1);
    w->attention.delta = &w->delta;
    w->table.attention = &w->attention;
    w->table.gradient = &w->gradient;
    w->table.optimize = &w->optimize;
}

void watch_variants(const kernel_table **variants, size_t count)
{
    assert_true(count <= MOST_VARIANTS);
    for (; variants_count < count; variants_count++) {
        watch_variant(&variants_seen[variants_count], variants[variants_count]);
    }
    for (size_t v = 0; v < count; v++) {
        assert_ptr_equal(variants[v], variants_seen[v].real);
        variants[v] = &variants_seen[v].table;
    }
}
#else
void watch_variants(const kernel_table **variants, size_t count)
{
    (void)variants;
    (void)count;
}
#endif

/* ---- what was called ---- */

#define POINTER sizeof(void (*)(void))
#define PLACE(field) ((offsetof(kernel_table, field) - offsetof(kernel_table, activation_prepare)) / POINTER)

/* The format that an entry is for; DTYPE_LIMIT: none. */
static dtype entry_format(size_t entry)
{
    const bool by_format = entry >= PLACE(matmul) && entry < PLACE(rms_norm);
    return by_format ? (dtype)((entry - PLACE(matmul)) % DTYPE_LIMIT) : DTYPE_LIMIT;
}

static bool in_part(size_t entry, watch_part part)
{
    const dtype format = entry_format(entry);
    if (format == DTYPE_LIMIT) {
        const bool measures = entry >= PLACE(measure_peak) && entry < PLACE(attention);
        return part == WATCH_ELEMENTS && !measures; /* those compute nothing that is read */
    }
    if (format == DTYPE_BF16_LOSSLESS) {
        return part == WATCH_LOSSLESS;
    }
    const dtype layout = panel_layout(format);
    const dtype_info *info = dtype_get_info(layout);
    const bool quantized =
        layout >= DTYPE_FILES || (info != NULL && info->block_values > 1 && layout != DTYPE_F8_SCALED);
    const bool dequantized = entry >= PLACE(matmul[COMPUTE_F32]) && entry < PLACE(panel_dequantize);
    return part == (quantized && !dequantized ? WATCH_QUANTIZED : WATCH_FLOATS);
}

static void entry_name(size_t entry, char *ret, size_t size)
{
    static const char *const groups[] = {"matmul[native]", "matmul[f32]", "panel_dequantize", "panel_row"};
    if (entry_format(entry) != DTYPE_LIMIT) {
        snprintf(ret, size, "%s[%d]", groups[(entry - PLACE(matmul)) / DTYPE_LIMIT], (int)entry_format(entry));
    } else if (entry < PLACE(attention)) {
        snprintf(ret, size, "pointer %zu of kernel_table", entry);
    } else {
        snprintf(ret, size, "pointer %zu behind kernel_table", entry - PLACE(attention));
    }
}

/* Also through another entry that has the same kernel. */
static bool was_called(const watched *w, size_t entry)
{
    const size_t first = (size_t)(w - variants_seen) * MOST_ENTRIES;
    for (size_t i = 0; i < w->entries; i++) {
        if (watch_targets[first + i] == watch_targets[first + entry] && watch_counts[first + i] > 0) {
            return true;
        }
    }
    return false;
}

static void check_part(watch_part part)
{
    size_t called = 0, missing = 0;
    for (size_t v = 0; v < variants_count; v++) {
        const watched *w = &variants_seen[v];
        for (size_t i = 0; i < w->entries; i++) {
            if (watch_targets[v * MOST_ENTRIES + i] == NULL || !in_part(i, part)) {
                continue;
            }
            const bool good = was_called(w, i);
            called += good;
            missing += !good;
            if (!good) {
                char name[64];
                entry_name(i, name, sizeof name);
                print_message("# %s: no test called %s\n", w->real->name, name);
            }
        }
    }
    print_message("# %zu entries of %zu variants were called\n", called, variants_count);
    assert_int_equal(missing, 0);
#ifdef WATCH_STUB_BYTES
    assert_true(called > 0);
#endif
}

void check_every_element_called(void **state)
{
    (void)state;
    check_part(WATCH_ELEMENTS);
}

void check_every_float_product_called(void **state)
{
    (void)state;
    check_part(WATCH_FLOATS);
}

void check_every_quantized_product_called(void **state)
{
    (void)state;
    check_part(WATCH_QUANTIZED);
}

void check_every_lossless_product_called(void **state)
{
    (void)state;
    check_part(WATCH_LOSSLESS);
}
