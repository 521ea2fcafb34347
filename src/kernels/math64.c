/* Binary64 exp, log, pow, sin, cos, for tables that are made once: the same on every machine. Polynomials are minimax
 * fits (Remez); fma is the C library's correctly rounded one. Errors measured in tests/kernels, docs/numerics.md. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

static uint64_t math64_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double math64_from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^n, -1022 <= n <= 1023 */
static double math64_power_of_two(int n)
{
    return math64_from_bits((uint64_t)(n + 1023) << 52);
}

/* Nearest integer, half to even, |x| < 2^51. */
static double math64_round(double x)
{
    const double magic = 0x1.8p52;
    return (x + magic) - magic;
}

/* c[0] + c[1] x + ... */
static double math64_polynomial(const double *c, int count, double x)
{
    double sum = c[count - 1];
    for (int i = count - 2; i >= 0; i--) {
        sum = fma(sum, x, c[i]);
    }
    return sum;
}

#define MATH64_LN2_HIGH 0x1.62e42fee00000p-1 /* 32 bits: times an exponent it is exact */
#define MATH64_LN2_LOW 0x1.a39ef35793c76p-33

/* exp(x + low), |low| tiny beside x. x = n ln 2 + r; exp(r) = 1 + r + r^2 P(r), |error| < 2^-63. */
static double math64_exp_sum(double x, double low)
{
    static const double p[] = {0x1.0000000000000p-1,  0x1.555555555555cp-3,  0x1.555555555555ep-5,
                               0x1.111111110eb6dp-7,  0x1.6c16c16c13511p-10, 0x1.a01a01b3d656ap-13,
                               0x1.a01a01b475845p-16, 0x1.71ddef4ec995ap-19, 0x1.27e4bef2d7b4dp-22,
                               0x1.af6d46d5b0ac6p-26, 0x1.1f9e47d2d45f3p-29};
    if (isnan(x)) {
        return x;
    }
    if (x > 710.0) {
        return INFINITY;
    }
    if (x < -746.0) {
        return 0.0;
    }
    const double n = math64_round(x * 0x1.71547652b82fep+0);
    const double high = fma(-n, MATH64_LN2_HIGH, x);
    const double tail = fma(-n, MATH64_LN2_LOW, low);
    const double r = high + tail;
    const double r_low = (high - r) + tail;
    const double small = fma(r * r, math64_polynomial(p, 11, r), r_low);
    const double y = 1.0 + (r + small);
    const int whole = (int)n;
    const int half = whole / 2;
    return y * math64_power_of_two(half) * math64_power_of_two(whole - half);
}

double math64_exp(double x)
{
    return math64_exp_sum(x, 0.0);
}

/* log(x) = *ret_high + *ret_low to about 2^-59 relative, for a finite x > 0. x = 2^e m, m in [sqrt(1/2), sqrt(2)),
 * s = (m - 1) / (m + 1) in two parts, log m = 2 s + s^3 R(s^2), |error of R| < 2^-58. */
static void math64_log_parts(double x, double *ret_high, double *ret_low)
{
    static const double c[] = {0x1.5555555555593p-1, 0x1.999999997f8a9p-2, 0x1.249249423e3bep-2, 0x1.c71c51c680a96p-3,
                               0x1.74664d727caf1p-3, 0x1.39a02f4dd8c25p-3, 0x1.2f15b79da76e2p-3};
    int exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    const uint64_t root_half = 0x3FE6A09E667F3BCDu;
    const uint64_t above = math64_bits(x) - root_half;
    const int shift = (int)((int64_t)above >> 52);
    exponent += shift;
    const double m = math64_from_bits(math64_bits(x) - ((uint64_t)(int64_t)shift << 52));
    const double f = m - 1.0;
    const double u = m + 1.0;
    const double u_low = m - (u - 1.0);
    const double s = f / u;
    const double s_low = (fma(-s, u, f) - s * u_low) / u;
    const double z = s * s;
    const double e = (double)exponent;
    const double tail = fma(z * s, math64_polynomial(c, 7, z), fma(e, MATH64_LN2_LOW, 2.0 * s_low));
    const double big = e * MATH64_LN2_HIGH; /* exact */
    const double high = big + 2.0 * s;
    const double back = high - big;
    const double lost = (big - (high - back)) + (2.0 * s - back);
    *ret_high = high;
    *ret_low = tail + lost;
}

double math64_log(double x)
{
    if (isnan(x) || x < 0.0) {
        return NAN;
    }
    if (x == 0.0) {
        return -INFINITY;
    }
    if (isinf(x)) {
        return x;
    }
    double high = 0;
    double low = 0;
    math64_log_parts(x, &high, &low);
    return high + low;
}

double math64_pow(double base, double exponent)
{
    if (exponent == 0.0 || base == 1.0) {
        return 1.0;
    }
    if (isnan(base) || isnan(exponent) || base < 0.0) {
        return NAN;
    }
    if (base == 0.0 || isinf(base) || isinf(exponent)) {
        return math64_exp(exponent * math64_log(base));
    }
    double high = 0;
    double low = 0;
    math64_log_parts(base, &high, &low);
    const double product = high * exponent;
    return math64_exp_sum(product, fma(high, exponent, -product) + low * exponent);
}

/* The bits of 2 / pi after 64 zeros: enough for every binary64. */
static const uint64_t math64_two_over_pi[] = {
    0x0000000000000000u, 0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u, 0xfe5163abdebbc561u,
    0xb7246e3a424dd2e0u, 0x06492eea09d1921cu, 0xfe1deb1cb129a73eu, 0xe88235f52ebb4484u, 0xe99c7026b45f7e41u,
    0x3991d639835339f4u, 0x9c845f8bbdf9283bu, 0x1ff897ffde05980fu, 0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u,
    0x4f463f669e5fea2du, 0x7527bac7ebe5f17bu, 0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu,
    0xf0cfbc209af4361du};

static uint64_t math64_window(unsigned bit)
{
    const unsigned word = bit / 64;
    const unsigned shift = bit % 64;
    const uint64_t first = math64_two_over_pi[word] << shift;
    return shift == 0 ? first : first | math64_two_over_pi[word + 1] >> (64 - shift);
}

/* x * 2 / pi modulo 4 for |x| >= 2^29 (Payne and Hanek, 1983): x = m 2^e with a whole m; the bits of 2 / pi that give
 * multiples of 4 are left out, the next 192 are multiplied. Returns the angle, sets *ret_quadrant. */
static double math64_reduce_far(double x, unsigned *ret_quadrant)
{
    const uint64_t bits = math64_bits(x);
    const unsigned start = (unsigned)((bits >> 52) & 0x7FFu) - 1075u + 62u; /* e + 62 */
    const uint64_t m = (bits & 0xFFFFFFFFFFFFFu) | 0x10000000000000u;
    const unsigned __int128 low = (unsigned __int128)m * math64_window(start + 128);
    const unsigned __int128 middle = (unsigned __int128)m * math64_window(start + 64) + (uint64_t)(low >> 64);
    const uint64_t top = m * math64_window(start) + (uint64_t)(middle >> 64);
    /* top's two high bits are the quadrant, the rest is the fraction of a quarter turn */
    unsigned __int128 fraction = ((unsigned __int128)top << 64 | (uint64_t)middle) << 2 | ((uint64_t)low >> 62);
    unsigned quadrant = (unsigned)(top >> 62);
    double sign = 1.0;
    if ((uint64_t)(fraction >> 64) >> 63) {
        quadrant++;
        fraction = -fraction;
        sign = -1.0;
    }
    const double part = (double)(uint64_t)(fraction >> 64) * 0x1p-64 + (double)(uint64_t)fraction * 0x1p-128;
    const bool negative = bits >> 63 != 0;
    *ret_quadrant = negative ? 0u - quadrant : quadrant;
    return (negative ? -sign : sign) * part * 0x1.921fb54442d18p+0;
}

/* x = n pi / 2 + *ret_angle + *ret_low. */
static unsigned math64_reduce(double x, double *ret_angle, double *ret_low)
{
    if (fabs(x) >= 0x1p29) {
        unsigned quadrant = 0;
        *ret_angle = math64_reduce_far(x, &quadrant);
        *ret_low = 0.0;
        return quadrant;
    }
    const double n = math64_round(x * 0x1.45f306dc9c883p-1);
    const double first = fma(-n, 0x1.921fb54442d18p+0, x); /* exact */
    const double second = n * 0x1.1a62633145c07p-54;
    const double second_low = fma(n, 0x1.1a62633145c07p-54, -second);
    const double angle = first - second;
    const double back = first - angle;
    *ret_angle = angle;
    *ret_low = fma(n, 0x1.f1976b7ed8fbcp-110, (back - second) - second_low);
    return (unsigned)(int64_t)n;
}

/* sin(x + quadrant * pi / 2); sin(r) = r + r^3 S(r^2), cos(r) = 1 - r^2 / 2 + r^4 C(r^2), |error| < 2^-57. */
static double math64_sin_turned(double x, unsigned turn)
{
    static const double s[] = {-0x1.5555555555549p-3, 0x1.111111110f842p-7,   -0x1.a01a019c0a28cp-13,
                               0x1.71de3570fd56fp-19, -0x1.ae5e60c477cfep-26, 0x1.5d915e093c886p-33};
    static const double c[] = {0x1.555555555554cp-5,   -0x1.6c16c16c15140p-10, 0x1.a01a019cab73fp-16,
                               -0x1.27e4f805339f4p-22, 0x1.1ee9e890aa8dap-29,  -0x1.8facd1538be1cp-37};
    if (isnan(x) || isinf(x)) {
        return NAN;
    }
    double r = 0;
    double low = 0;
    const unsigned quadrant = math64_reduce(x, &r, &low) + turn;
    const double z = r * r;
    double result;
    if (quadrant & 1u) {
        const double half = 0.5 * z;
        const double high = 1.0 - half;
        result = high + (((1.0 - high) - half) + fma(z * z, math64_polynomial(c, 6, z), -(r * low)));
    } else if (fabs(r) < 0x1p-27) {
        result = r + low; /* r alone when low is 0: keeps -0 */
        result = low == 0.0 ? r : result;
    } else {
        result = r + fma(z * r, math64_polynomial(s, 6, z), low);
    }
    return quadrant & 2u ? -result : result;
}

double math64_sin(double x)
{
    return math64_sin_turned(x, 0);
}

double math64_cos(double x)
{
    return math64_sin_turned(x, 1);
}
