/* JSON in: the caller's variables as template values. JSON out is the filter tojson (template_filters.h). */
#ifndef GENERATE_TEMPLATE_JSON_H
#define GENERATE_TEMPLATE_JSON_H

#include "generate/template_value.h"

#include "base/json.h"

hearth_status tjson_value(trun *r, const json_t *json, tval *ret);

#endif
