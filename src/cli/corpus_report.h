/* `hearth corpus stats` as a page. */
#ifndef CLI_CORPUS_REPORT_H
#define CLI_CORPUS_REPORT_H

#include "base/buffer.h"

#include <jansson.h>

/* A self-contained HTML page of what corpus_stats gave. */
hearth_status corpus_report(const json_t *stats, buffer *out, hearth_error *error);

#endif
