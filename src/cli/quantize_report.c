/* Sizes, formats, divergence: for people and as JSON. */
#include "cli/quantize_report.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/text.h"

#include <stdio.h>

static const char *format_name(dtype type)
{
    return dtype_get_info((uint32_t)type)->name;
}

static double bits_of(const quantize_result *r)
{
    return r->values == 0 ? 0 : 8.0 * (double)r->to_bytes / (double)r->values;
}

/* Tensors, values and bytes of one format. */
typedef struct type_sum {
    uint64_t tensors, values, bytes;
} type_sum;

static void sum_types(const quantize_result *r, type_sum sums[DTYPE_LIMIT])
{
    for (int type = 0; type < DTYPE_LIMIT; type++) {
        sums[type] = (type_sum){0};
    }
    for (size_t i = 0; i < r->count; i++) {
        type_sum *s = &sums[r->tensors[i].to];
        s->tensors++;
        s->values += r->tensors[i].values;
        s->bytes += r->tensors[i].bytes;
    }
}

static bool is_plain(dtype type)
{
    return type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16;
}

size_t quantize_again(const quantize_result *r, bool *ret_grown)
{
    size_t count = 0;
    uint64_t before = 0;
    uint64_t after = 0;
    for (size_t i = 0; i < r->count; i++) {
        const quantize_tensor *t = &r->tensors[i];
        if (!is_plain(t->from) && !is_plain(t->to) && t->from != t->to) {
            const dtype_info *info = dtype_get_info((uint32_t)t->from);
            count++;
            before += t->values / info->block_values * info->block_bytes;
            after += t->bytes;
        }
    }
    *ret_grown = after > before;
    return count;
}

/* ---- divergence ---- */

void divergence_print(const divergence_result *d)
{
    char compared[32];
    printf("KL divergence    %.6f ± %.6f mean, %.4f at most\nsame top token   %.2f%%\n", d->mean, d->error, d->largest,
           100 * d->same_top);
    printf("perplexity       %.4f, of the reference %.4f\ncompared         %s predictions, %zu windows of %zu tokens\n",
           d->perplexity, d->reference_perplexity, terminal_number(d->compared, compared), d->windows, d->window);
}

json_t *divergence_json(const divergence_result *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:f}", "mean", json_door_number(d->mean), "error",
                     json_door_number(d->error), "largest", json_door_number(d->largest), "same_top",
                     json_door_number(d->same_top), "perplexity", json_door_number(d->perplexity),
                     "reference_perplexity", json_door_number(d->reference_perplexity), "compared",
                     (json_int_t)d->compared, "window", (json_int_t)d->window, "windows", (json_int_t)d->windows,
                     "seconds", d->seconds);
}

/* ---- JSON ---- */

static json_t *tensors_json(const quantize_result *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const quantize_tensor *t = &r->tensors[i];
        rows = json_door_append(rows, json_pack("{s:s, s:s, s:s, s:I, s:o, s:b, s:b}", "name", t->name, "from",
                                                format_name(t->from), "to", format_name(t->to), "bytes",
                                                (json_int_t)t->bytes, "error", json_door_number(t->error), "weighted",
                                                (int)t->weighted, "fell_back", (int)t->fell_back));
    }
    return rows;
}

static json_t *types_json(const quantize_result *r)
{
    type_sum sums[DTYPE_LIMIT];
    json_t *rows = json_object();
    sum_types(r, sums);
    for (int type = 0; type < DTYPE_LIMIT; type++) {
        const type_sum *s = &sums[type];
        if (s->tensors > 0) {
            rows = json_door_put(rows, format_name((dtype)type),
                                 json_pack("{s:I, s:I, s:I}", "tensors", (json_int_t)s->tensors, "values",
                                           (json_int_t)s->values, "bytes", (json_int_t)s->bytes));
        }
    }
    return rows;
}

int quantize_print_json(const cli *c, const quantize_report *r)
{
    const quantize_result *q = r->result;
    json_t *value = json_pack("{s:s, s:s, s:I, s:I, s:f, s:f}", "out", r->out, "type", r->kind, "from_bytes",
                              (json_int_t)q->from_bytes, "bytes", (json_int_t)q->to_bytes, "bits_per_weight",
                              bits_of(q), "seconds", r->seconds);
    bool grown = false;
    value = json_door_put(value, "quantised_again", json_integer((json_int_t)quantize_again(q, &grown)));
    value = json_door_put(value, "types", types_json(q));
    if (r->divergence != NULL) {
        value = json_door_put(value, "divergence", divergence_json(r->divergence));
    }
    return cli_print_json(c, json_door_put(value, "tensors", tensors_json(q)));
}

/* ---- text ---- */

static void print_types(const quantize_result *r)
{
    type_sum sums[DTYPE_LIMIT];
    char bytes[32];
    sum_types(r, sums);
    printf("\n%-8s %8s %16s %10s\n", "format", "tensors", "values", "bytes");
    for (int type = 0; type < DTYPE_LIMIT; type++) {
        char values[32];
        if (sums[type].tensors > 0) {
            printf("%-8s %8llu %16s %10s\n", format_name((dtype)type), (unsigned long long)sums[type].tensors,
                   terminal_number(sums[type].values, values), text_bytes(sums[type].bytes, bytes));
        }
    }
}

void quantize_print(const quantize_report *r)
{
    const quantize_result *q = r->result;
    char from[32], to[32];
    size_t fell_back = 0;
    size_t weighted = 0;
    printf("%-40s %-6s %-6s %10s  %s\n", "tensor", "from", "to", "bytes", "error");
    for (size_t i = 0; i < q->count; i++) {
        const quantize_tensor *t = &q->tensors[i];
        fell_back += t->fell_back;
        weighted += t->weighted;
        if (t->from != t->to) {
            printf("%-40s %-6s %-6s %10s  %.5f%s\n", t->name, format_name(t->from), format_name(t->to),
                   text_bytes(t->bytes, to), t->error, t->fell_back ? "  (rows fit no larger block)" : "");
        }
    }
    print_types(q);
    printf("\nwrote            %s in %.2f s\nsize             %s, from %s (%.1f%%)\nbits per weight  %.3f, from %.3f\n",
           r->out, r->seconds, text_bytes(q->to_bytes, to), text_bytes(q->from_bytes, from),
           100.0 * (double)q->to_bytes / (double)(q->from_bytes > 0 ? q->from_bytes : 1), bits_of(q),
           q->values == 0 ? 0 : 8.0 * (double)q->from_bytes / (double)q->values);
    bool grown = false;
    const size_t again = quantize_again(q, &grown);
    if (again > 0) {
        printf("quantised again  %zu tensor%s\n", again, again == 1 ? "" : "s");
    }
    if (weighted > 0) {
        printf("by importance    %zu tensors\n", weighted);
    }
    if (fell_back > 0) {
        printf("fell back        %zu tensor%s\n", fell_back, fell_back == 1 ? "" : "s");
    }
    if (r->divergence != NULL) {
        divergence_print(r->divergence);
    }
}
