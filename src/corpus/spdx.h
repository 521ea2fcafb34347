/* SPDX licence expressions (SPDX 2.3, annex D): "MIT", "GPL-2.0-or-later WITH Classpath-exception-2.0", "(A OR B) AND
 * C".
 */
#ifndef CORPUS_SPDX_H
#define CORPUS_SPDX_H

#include <stdbool.h>

typedef enum spdx_verdict { SPDX_ALLOWED, SPDX_NOT_ALLOWED, SPDX_MALFORMED } spdx_verdict;

/* Whether somebody who accepts the licences of `list` (apart by '\n'; "A WITH E" stands for itself) may use what the
 * expression covers: one side of an OR, both of an AND. Identifiers are compared without regard to case, as SPDX has
 * it; "A+" is its own identifier. */
spdx_verdict spdx_allows(const char *expression, const char *list);

#endif
