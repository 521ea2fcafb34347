/* What hearth quantize prints. */
#ifndef CLI_QUANTIZE_REPORT_H
#define CLI_QUANTIZE_REPORT_H

#include "cli/cli.h"
#include "convert/quantize.h"
#include "generate/divergence.h"

typedef struct quantize_report {
    const char *out, *kind;
    const quantize_result *result;
    const divergence_result *divergence; /* NULL: it was not measured */
    double seconds;                      /* of quantising alone */
} quantize_report;

/* Tensors that were quantised in the source already, and whose values were rounded once more. `ret_grown`: they take
 * more bytes than before. */
size_t quantize_again(const quantize_result *r, bool *ret_grown);

void quantize_print(const quantize_report *r);
int quantize_print_json(const cli *c, const quantize_report *r);

/* "mean KL divergence …" and what belongs to it; score prints it too. */
void divergence_print(const divergence_result *d);
/* NULL when memory is out. */
struct json_t *divergence_json(const divergence_result *d);

#endif
