/* Activations of an MLP: kinds, names and formulas. docs/numerics.md says how each is rounded. */
#ifndef KERNELS_ACTIVATE_H
#define KERNELS_ACTIVATE_H

/* x is a value, every operation is rounded on its own unless it is an fma:
 *   SILU        x / (1 + exp(-x))
 *   GELU        (0.5 x) (1 + erf(x * sqrt(1/2)))
 *   GELU_TANH   (0.5 x) (1 + tanh(sqrt(2/pi) * fma(0.044715 x^2, x, x)))
 *   GELU_QUICK  x / (1 + exp(-1.702 x))
 *   RELU        max(x, 0); NaN stays
 *   RELU2       max(x, 0)^2
 *   XIELU       x > 0: fma(ap x, x, beta x), else fma(an, expm1(min(x, eps)) - x, beta x), where expm1 is exp - 1;
 *               parameters: ap, an, beta, eps (Huang and Schlag, "Deriving activation functions", 2024) */
typedef enum activate_kind {
    ACTIVATE_SILU,
    ACTIVATE_GELU,
    ACTIVATE_GELU_TANH,
    ACTIVATE_GELU_QUICK,
    ACTIVATE_RELU,
    ACTIVATE_RELU2,
    ACTIVATE_XIELU,
    ACTIVATE_KINDS
} activate_kind;

#endif
