/* RoPE's numbers, made once per model and position. */
#include "nn/rope.h"

#include "base/memory.h"
#include "kernels/kernels.h"

void rope_frequencies(double theta, uint32_t dims, float *ret)
{
    for (uint32_t i = 0; i < dims / 2; i++) {
        const float exponent = (float)(2 * i) / (float)dims;
        const float power = (float)math64_pow(theta, (double)exponent);
        ret[i] = 1.0f / power;
    }
}

void rope_scale_linear(float *frequencies, uint32_t dims, double factor)
{
    for (uint32_t i = 0; i < dims / 2; i++) {
        frequencies[i] = frequencies[i] / (float)factor;
    }
}

void rope_llama3_factors(const float *frequencies, uint32_t dims, double factor, double low, double high,
                         uint32_t original, float *ret)
{
    const float two_pi = (float)6.283185307179586;
    const float low_wavelength = (float)(original / low);
    const float high_wavelength = (float)(original / high);
    for (uint32_t i = 0; i < dims / 2; i++) {
        /* a number over a tensor is a product with the reciprocal where those GGUF tensors are made */
        const float wavelength = 1.0f / frequencies[i] * two_pi;
        if (wavelength < high_wavelength || (wavelength == high_wavelength && low == high)) {
            ret[i] = 1.0f;
        } else if (wavelength > low_wavelength) {
            ret[i] = (float)factor;
        } else {
            const float smooth = (1.0f / wavelength * (float)original - (float)low) / (float)(high - low);
            ret[i] = 1.0f / ((1.0f - smooth) / (float)factor + smooth);
        }
    }
}

/* The dimension whose wavelength makes `turns` turns in the original context. */
static double yarn_dimension(const rope_yarn *yarn, uint32_t dims, double turns)
{
    return dims * math64_log(yarn->original / (turns * 2 * 3.14159265358979323846)) / (2 * math64_log(yarn->theta));
}

static double whole(double x, bool up)
{
    const double cut = (double)(int64_t)x;
    return up ? (x > cut ? cut + 1 : cut) : (x < cut ? cut - 1 : cut);
}

void rope_scale_yarn(float *frequencies, uint32_t dims, const rope_yarn *yarn)
{
    double low = yarn_dimension(yarn, dims, yarn->beta_fast);
    double high = yarn_dimension(yarn, dims, yarn->beta_slow);
    if (yarn->truncate) {
        low = whole(low, false);
        high = whole(high, true);
    }
    low = low < 0 ? 0 : low;
    high = high > dims - 1 ? dims - 1 : high;
    high = low == high ? high + 0.001 : high;
    for (uint32_t i = 0; i < dims / 2; i++) {
        float ramp = ((float)i - (float)low) / (float)(high - low);
        ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
        const float stays = 1.0f - ramp;
        const float divided = 1.0f / ((float)yarn->factor * (1.0f / frequencies[i]));
        frequencies[i] = divided * (1.0f - stays) + frequencies[i] * stays;
    }
}

double rope_yarn_scale(double factor, double mscale)
{
    return factor <= 1 ? 1.0 : 0.1 * mscale * math64_log(factor) + 1.0;
}

double rope_dynamic_theta(double theta, uint32_t dims, double factor, uint32_t original, uint32_t positions)
{
    const float longer = (float)factor * (float)positions / (float)original - (float)(factor - 1);
    const float power = (float)math64_pow((double)longer, (double)dims / (dims - 2));
    return (double)((float)theta * power);
}

#define ROPE_LEAST_POSITIONS 256u

hearth_status rope_table_extend(rope_table *table, size_t positions, hearth_error *error)
{
    if (positions <= table->positions) {
        return HEARTH_OK;
    }
    size_t count = table->positions + table->positions / 2;
    count = count < ROPE_LEAST_POSITIONS ? ROPE_LEAST_POSITIONS : count;
    count = count < positions ? positions : count;
    size_t bytes = 0;
    float *values = NULL;
    if (size_mul(count, 2 * sizeof(float) * table->half, &bytes)) {
        values = mem_realloc(table->values, bytes);
    }
    if (values == NULL) {
        return error_memory(error, bytes);
    }
    table->values = values;
    for (size_t p = table->positions; p < count; p++) {
        float *cosines = values + p * 2 * table->half;
        for (uint32_t i = 0; i < table->half; i++) {
            const double angle = (double)((float)p * table->frequencies[i]);
            cosines[i] = (float)math64_cos(angle) * table->scale;
            cosines[table->half + i] = (float)math64_sin(angle) * table->scale;
        }
    }
    table->positions = count;
    return HEARTH_OK;
}

void rope_table_free(rope_table *table)
{
    mem_free(table->values);
    table->values = NULL;
    table->positions = 0;
}
