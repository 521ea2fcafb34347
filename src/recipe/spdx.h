/* SPDX licence expressions (SPDX 2.3, annex D; operators in lower case, too, as 3.0 has them): "MIT",
 * "GPL-2.0-or-later WITH Classpath-exception-2.0", "(A OR B) AND C". Which identifiers exist is not looked up here. */
#ifndef RECIPE_SPDX_H
#define RECIPE_SPDX_H

#include <stdbool.h>

typedef enum spdx_verdict { SPDX_ALLOWED, SPDX_NOT_ALLOWED, SPDX_MALFORMED } spdx_verdict;

/* Whether somebody who accepts the licences of `list` (apart by '\n'; "A WITH E" stands for itself) may use what the
 * expression covers: one side of an OR, both of an AND. Identifiers are compared without regard to case, as SPDX has
 * it; "A+" is its own identifier. */
spdx_verdict spdx_allows(const char *expression, const char *list);

/* Whether a text is an expression, by its grammar: 1 to 1,024 bytes, no space around them. */
bool spdx_fits(const char *text);

#endif
