/* The list of variants for tests. */
#include "kernels/variants.h"

#include "platform/cpu.h"

#ifdef TESTS_EMULATED
void kernels_fill_variant_avx512_emulated(kernel_table *table);
void kernels_fill_quantized_avx512_vnni_emulated(kernel_table *table);
#endif

size_t variants_list(const kernel_table *ret[VARIANTS_MAX])
{
    const cpu_features *f = cpu_get_features();
    const kernel_cpu cpu = {.avx2 = f->avx2_fma_f16c,
                            .avx512 = f->avx512,
                            .vnni = f->avx512_vnni,
                            .bf16 = f->avx512_bf16,
                            .neon = f->neon,
                            .dotprod = f->neon_dotprod};
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
