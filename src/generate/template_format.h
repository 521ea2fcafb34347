/* Numbers, dates and patterns to text as Python does it: repr(float), "…" % values, "…".format(), strftime().
 * Functions are named tformat_*. */
#ifndef GENERATE_TEMPLATE_FORMAT_H
#define GENERATE_TEMPLATE_FORMAT_H

#include "generate/template_call.h"

#define TFORMAT_FLOAT_SIZE 32

/* The shortest decimal that reads back as the same number, as repr() writes it. Returns `text`. */
const char *tformat_float(double d, char text[TFORMAT_FLOAT_SIZE]);
/* pattern % arguments: a tuple gives several, a dict gives names. A pattern that was escaped escapes what it puts in.
 */
hearth_status tformat_percent(trun *r, tval pattern, tval arguments, tval *ret);
/* pattern.format(…), with the same care. */
hearth_status tformat_braces(trun *r, tval pattern, const tcall *call, tval *ret);
/* The run's time (UTC) in strftime's language, names in English. */
hearth_status tformat_time(trun *r, const tstring *pattern, tval *ret);
/* float("…") and int("…", base): false for what Python refuses. */
bool tformat_parse_float(const tstring *s, double *ret);
hearth_status tformat_parse_int(trun *r, const tstring *s, int64_t base, bool *ret_valid, int64_t *ret);

#endif
