/* Values of config.json, checked: what config_hf.c and config_hf_rope.c share. Private to model/. */
#ifndef MODEL_CONFIG_JSON_H
#define MODEL_CONFIG_JSON_H

#include "model/config_check.h"

#include <jansson.h>

/* NULL for a missing key and for null. */
const json_t *config_value(const json_t *object, const char *key);
/* "an object", "a number", … */
const char *config_kind(const json_t *value);

/* `keys`: one name, or several with spaces between, the first that is there counts. *ret stays where none is. */
hearth_status config_number_or(const json_t *object, const char *keys, uint32_t *ret, hearth_error *error);
/* HEARTH_E_FORMAT where none is. */
hearth_status config_number(const json_t *object, const char *keys, uint32_t *ret, hearth_error *error);
hearth_status config_real_or(const json_t *object, const char *keys, double *ret, hearth_error *error);
hearth_status config_float_or(const json_t *object, const char *keys, float *ret, hearth_error *error);
hearth_status config_flag_or(const json_t *object, const char *keys, bool *ret, hearth_error *error);

/* rope_parameters, rope_scaling, rope_theta, partial_rotary_factor to c->rope and c->rope_local. */
hearth_status config_hf_rope(const json_t *config, model_config *c, hearth_error *error);

#endif
