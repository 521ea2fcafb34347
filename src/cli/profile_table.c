/* Lines of a profile, as text and as JSON. */
#include "cli/profile_table.h"

#include <stdio.h>

static const char *const limit_names[MEASURE_KINDS] = {"binary32", "bf16", "int8"};

profile_rate profile_rate_of(const profile_line *line, const bench_limits *l)
{
    profile_rate rate = {.limit = ""};
    if (!(line->seconds > 0)) {
        return rate;
    }
    double least = l->bandwidth > 0 ? line->bytes / l->bandwidth * 1e-9 : 0;
    double computing = 0;
    double multiplies = 0;
    int most = 0;
    for (int kind = 0; kind < MEASURE_KINDS; kind++) {
        multiplies += line->multiplies[kind];
        computing += l->peak[kind] > 0 ? 2 * line->multiplies[kind] / l->peak[kind] * 1e-9 : 0;
        most = line->multiplies[kind] > line->multiplies[most] ? kind : most;
    }
    rate.limit = least > 0 ? "bandwidth" : "";
    if (computing > least) {
        least = computing;
        rate.limit = limit_names[most];
    }
    rate.gb_s = line->bytes / line->seconds * 1e-9;
    rate.gop_s = 2 * multiplies / line->seconds * 1e-9;
    rate.share = least / line->seconds;
    return rate;
}

void profile_print_number(double value, int width, int decimals)
{
    if (value > 0) {
        printf(" %*.*f", width, decimals, value);
    } else {
        printf(" %*s", width, "-");
    }
}

void profile_print_header(void)
{
    printf("%-23s %9s %7s %9s %7s %9s %7s  %s\n", "", "ms", "share", "MB", "GB/s", "M mul-add", "Gop/s",
           "of the limit");
}

void profile_print_line(const char *name, const profile_line *line, const bench_limits *l, double whole, double units)
{
    const profile_rate rate = profile_rate_of(line, l);
    double multiplies = 0;
    for (int kind = 0; kind < MEASURE_KINDS; kind++) {
        multiplies += line->multiplies[kind];
    }
    printf("%-23s %9.3f %6.1f%%", name, line->seconds / units * 1e3, whole > 0 ? 100 * line->seconds / whole : 0);
    profile_print_number(line->bytes / units * 1e-6, 9, 2);
    profile_print_number(rate.gb_s, 7, 1);
    profile_print_number(multiplies / units * 1e-6, 9, 2);
    profile_print_number(rate.gop_s, 7, 1);
    if (rate.share > 0) {
        printf("  %3.0f%% of %s", 100 * rate.share, rate.limit);
    }
    printf("\n");
}

void profile_add_line(const profile_line *line, profile_line *sum)
{
    sum->seconds += line->seconds;
    sum->bytes += line->bytes;
    sum->calls += line->calls;
    for (int kind = 0; kind < MEASURE_KINDS; kind++) {
        sum->multiplies[kind] += line->multiplies[kind];
    }
}

json_t *profile_line_json(const char *name, bool product, const profile_line *line, const bench_limits *l)
{
    const profile_rate rate = profile_rate_of(line, l);
    return json_pack("{s:s, s:b, s:f, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s}", "operation", name, "product",
                     product, "seconds", line->seconds, "calls", (json_int_t)line->calls, "bytes", line->bytes,
                     "multiply_adds_binary32", line->multiplies[MEASURE_FP32], "multiply_adds_bf16",
                     line->multiplies[MEASURE_BF16], "multiply_adds_int8", line->multiplies[MEASURE_INT8], "gb_s",
                     rate.gb_s, "gop_s", rate.gop_s, "share", rate.share, "limited_by", rate.limit);
}
