/* The engine: a pool of threads and the kernels of this CPU. */
#include "model/engine.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

kernel_cpu engine_cpu(void)
{
    const cpu_features *f = cpu_get_features();
    return (kernel_cpu){.avx2 = f->avx2_fma_f16c,
                        .avx512 = f->avx512,
                        .vnni = f->avx512_vnni,
                        .bf16 = f->avx512_bf16,
                        .neon = f->neon,
                        .dotprod = f->neon_dotprod};
}

const kernel_table *engine_best_kernels(void)
{
    return kernels_select(NULL, engine_cpu());
}

/* "one that this CPU runs: scalar, avx2" */
static void list_variants(char *ret, size_t size)
{
    const kernel_table *variants[8];
    const size_t count = kernels_variants(engine_cpu(), variants);
    size_t at = (size_t)snprintf(ret, size, "one that this CPU runs:");
    for (size_t i = 0; i < count && at < size; i++) {
        /* Several rows have one name: the first may have been listed. */
        const bool again = i > 0 && strcmp(variants[i]->name, variants[i - 1]->name) == 0;
        at += again ? 0 : (size_t)snprintf(ret + at, size - at, "%s %s", i > 0 ? "," : "", variants[i]->name);
    }
}

hearth_status engine_create(int threads, const char *isa, engine **ret, hearth_error *error)
{
    if (isa == NULL) {
        isa = getenv("HEARTH_ISA");
    }
    if (isa != NULL && isa[0] == '\0') {
        isa = NULL;
    }
    const kernel_table *kernels = kernels_select(isa, engine_cpu());
    if (kernels == NULL) {
        char known[96];
        list_variants(known, sizeof known);
        return error_set(error, HEARTH_E_ARGUMENT, "instruction set", known, "%.64s", isa == NULL ? "none" : isa);
    }
    engine *e = mem_calloc(1, sizeof *e);
    if (e == NULL) {
        return error_memory(error, sizeof *e);
    }
    e->kernels = kernels;
    e->shared_out_bytes = ENGINE_SHARED_OUT_BYTES;
    e->threads = threads == 0 ? topology_own_threads() : threads;
    const hearth_status status = thread_pool_create(e->threads, &e->pool, error);
    if (status != HEARTH_OK) {
        mem_free(e);
        return status;
    }
    turnstile_init(&e->busy);
    turnstile_init(&e->aside);
    *ret = e;
    return HEARTH_OK;
}

void engine_free(engine *e)
{
    if (e == NULL) {
        return;
    }
    thread_pool_destroy(e->pool);
    turnstile_destroy(&e->busy);
    turnstile_destroy(&e->aside);
    mem_free(e);
}
