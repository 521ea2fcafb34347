/* Philox 4x32-10. */
#include "base/random.h"

void random_philox(uint64_t seed, random_purpose purpose, uint64_t step, uint64_t index, uint32_t ret[4])
{
    uint32_t c0 = (uint32_t)index;
    uint32_t c1 = (uint32_t)(index >> 32);
    uint32_t c2 = (uint32_t)step;
    uint32_t c3 = (uint32_t)(step >> 32);
    uint32_t k0 = (uint32_t)seed;
    uint32_t k1 = (uint32_t)(seed >> 32) ^ ((uint32_t)purpose * 0x9E3779B9u);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        const uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    ret[0] = c0;
    ret[1] = c1;
    ret[2] = c2;
    ret[3] = c3;
}

float random_uniform(uint64_t seed, random_purpose purpose, uint64_t step, uint64_t index)
{
    uint32_t words[4];
    random_philox(seed, purpose, step, index, words);
    return (float)(words[0] >> 8) * 0x1p-24f;
}
