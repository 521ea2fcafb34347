/* Activations of an MLP (kernels/activate.h). */
#include "kernels/fill.h"
#include "kernels/v16_math.h"

/* x / (1 + exp(-factor x)) */
V16_INLINE v16f activate_sigmoid(v16f x, float factor)
{
    const v16f scaled = factor == 1.0f ? v16f_neg(x) : v16f_mul(x, v16f_set1(-factor));
    return v16f_div(x, v16f_add(v16f_set1(1.0f), v16_exp(scaled)));
}

V16_INLINE v16f activate_gelu(v16f x)
{
    const v16f e = v16_erf(v16f_mul(x, v16f_set1(0x1.6a09e6p-1f)));
    return v16f_mul(v16f_mul(v16f_set1(0.5f), x), v16f_add(v16f_set1(1.0f), e));
}

V16_INLINE v16f activate_gelu_tanh(v16f x)
{
    const v16f square = v16f_mul(v16f_mul(v16f_set1(0.044715f), x), x);
    const v16f inner = v16f_mul(v16f_set1(0x1.988454p-1f), v16f_fma(square, x, x));
    return v16f_mul(v16f_mul(v16f_set1(0.5f), x), v16f_add(v16f_set1(1.0f), v16_tanh(inner)));
}

V16_INLINE v16f activate_relu(v16f x)
{
    return v16f_max(v16f_zero(), x); /* the second operand where x is NaN */
}

V16_INLINE v16f activate_xielu(v16f x, const float *parameters)
{
    const v16f rest = v16f_mul(v16f_set1(parameters[2]), x);
    const v16f above = v16f_fma(v16f_mul(v16f_set1(parameters[0]), x), x, rest);
    const v16f low = v16f_min(v16f_set1(parameters[3]), x);
    const v16f grown = v16f_sub(v16f_sub(v16_exp(low), v16f_set1(1.0f)), x);
    const v16f below = v16f_fma(v16f_set1(parameters[1]), grown, rest);
    return v16f_select(v16f_lt(v16f_zero(), x), above, below);
}

V16_INLINE v16f activate_one(activate_kind kind, v16f x, const float *parameters)
{
    switch (kind) {
    case ACTIVATE_SILU:
        return activate_sigmoid(x, 1.0f);
    case ACTIVATE_GELU:
        return activate_gelu(x);
    case ACTIVATE_GELU_TANH:
        return activate_gelu_tanh(x);
    case ACTIVATE_GELU_QUICK:
        return activate_sigmoid(x, 1.702f);
    case ACTIVATE_RELU:
        return activate_relu(x);
    case ACTIVATE_RELU2: {
        const v16f y = activate_relu(x);
        return v16f_mul(y, y);
    }
    case ACTIVATE_XIELU:
        return activate_xielu(x, parameters);
    case ACTIVATE_KINDS:
        break;
    }
    return x;
}

V16_INLINE void activate_all(activate_kind kind, const float *x, const float *parameters, size_t n, float *out)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16f_store(out + i, activate_one(kind, v16f_load(x + i), parameters));
    }
    if (i < n) {
        v16f_store_n(out + i, activate_one(kind, v16f_load_n(x + i, n - i), parameters), n - i);
    }
}

static void activate_each_silu(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_SILU, x, parameters, n, out);
}

static void activate_each_gelu(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_GELU, x, parameters, n, out);
}

static void activate_each_gelu_tanh(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_GELU_TANH, x, parameters, n, out);
}

static void activate_each_gelu_quick(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_GELU_QUICK, x, parameters, n, out);
}

static void activate_each_relu(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_RELU, x, parameters, n, out);
}

static void activate_each_relu2(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_RELU2, x, parameters, n, out);
}

static void activate_each_xielu(const float *x, const float *parameters, size_t n, float *out)
{
    activate_all(ACTIVATE_XIELU, x, parameters, n, out);
}

static void activate_swiglu_clamped(const float *gate, const float *up, float limit, size_t n, float *out)
{
    const v16f most = v16f_set1(limit);
    const v16f least = v16f_set1(-limit);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        const v16f g = v16f_min(most, v16f_load_n(gate + i, count));
        const v16f u = v16f_min(most, v16f_max(least, v16f_load_n(up + i, count)));
        const v16f y = v16f_mul(v16f_add(u, v16f_set1(1.0f)), activate_sigmoid(g, 1.702f));
        v16f_store_n(out + i, y, count);
    }
}

void V16_NAME(kernels_fill_activate)(kernel_table *table)
{
    table->activate[ACTIVATE_SILU] = activate_each_silu;
    table->activate[ACTIVATE_GELU] = activate_each_gelu;
    table->activate[ACTIVATE_GELU_TANH] = activate_each_gelu_tanh;
    table->activate[ACTIVATE_GELU_QUICK] = activate_each_gelu_quick;
    table->activate[ACTIVATE_RELU] = activate_each_relu;
    table->activate[ACTIVATE_RELU2] = activate_each_relu2;
    table->activate[ACTIVATE_XIELU] = activate_each_xielu;
    table->swiglu_clamped = activate_swiglu_clamped;
}
