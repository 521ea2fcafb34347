/* The list of variants for tests. */
#include "kernels/variants.h"

#include "model/engine.h"

#ifdef TESTS_EMULATED
void kernels_fill_variant_avx512_emulated(kernel_table *table);
void kernels_fill_quantized_avx512_vnni_emulated(kernel_table *table);
#endif

size_t variants_list(const kernel_table *ret[VARIANTS_MAX])
{
    const kernel_cpu cpu = engine_cpu();
    size_t count = kernels_variants(cpu, ret);
#ifdef TESTS_EMULATED
    static kernel_table emulated;
    if (cpu.avx2) {
        kernels_fill_variant_avx512_emulated(&emulated);
        emulated.name = "avx512-emulated";
        ret[count++] = &emulated;
#ifdef TESTS_EMULATED_VNNI
        static kernel_table vnni;
        vnni = emulated;
        kernels_fill_quantized_avx512_vnni_emulated(&vnni);
        vnni.name = "avx512-vnni-emulated";
        ret[count++] = &vnni;
#endif
    }
#endif
    return count;
}
