/* What the files of filters share. template_filters.c has the filters of text and numbers and the table,
 * template_filters_list.c those of sequences, template_json.c tojson. */
#ifndef GENERATE_TEMPLATE_FILTERS_H
#define GENERATE_TEMPLATE_FILTERS_H

#include "generate/template_call.h"

/* item.a.b or item[0]: what attribute="a.b" names. A NULL or missing attribute gives the item itself. `otherwise`
 * (or T_MISSING) replaces what is undefined. */
hearth_status tfilter_attribute(trun *r, tval item, tval attribute, tval otherwise, tval *ret);
/* The filters of sequences; NULL when there is none of that name. */
const tbuiltin *tfilter_list_find(const char *name);
hearth_status tfilter_tojson(trun *r, tval self, const tval *args, const tcall *call, tval *ret);
hearth_status tfilter_length(trun *r, tval self, const tval *args, const tcall *call, tval *ret);

#endif
