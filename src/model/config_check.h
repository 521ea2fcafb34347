/* What config_gguf.c and config_hf.c share. Private to model/. */
#ifndef MODEL_CONFIG_CHECK_H
#define MODEL_CONFIG_CHECK_H

#include "model/config.h"

/* Every number against base/limits.h and against the others. */
hearth_status model_config_check(const model_config *c, hearth_error *error);
/* Scales and a mixture as the family has them, before a file says more; c's sizes are read. */
void model_config_default_scales(model_config *c);
void model_config_default_moe(model_config *c);
/* What attention sees of latent attention's sizes: c->head_dim and c->kv_heads. */
hearth_status model_config_latent(model_config *c, hearth_error *error);
/* Narrows to 32 bits, or HEARTH_E_LIMIT. */
hearth_status model_config_number(const char *place, uint64_t value, uint32_t *ret, hearth_error *error);

#endif
