/* What a corpus is made of, counted from its manifest. */
#ifndef CORPUS_STATS_H
#define CORPUS_STATS_H

#include "base/error.h"

#include <jansson.h>

/* An object: totals, sources, licences, languages, lengths, fates with samples, rules; docs/formats/corpus.md. */
hearth_status corpus_stats(const char *folder, json_t **ret, hearth_error *error);

#endif
