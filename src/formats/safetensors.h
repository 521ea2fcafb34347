/* Safetensors: one file, or shards with an index. docs/formats/safetensors.md. */
#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include "formats/tensors.h"

/* Opens one file and adds its tensors to `table` (zeroed, or filled by an earlier call), sealed again afterwards. The
 * header is checked whole: JSON, types, shapes, offsets in range, no overlap, no gap, sizes that match. On failure the
 * table may hold some of the tensors: free it. */
hearth_status safetensors_open(const char *path, tensor_table *table, hearth_error *error);

/* Opens all shards that the index file (model.safetensors.index.json) names, beside it, and checks that every weight
 * lies in the shard that the index says. */
hearth_status safetensors_open_index(const char *index_path, tensor_table *table, hearth_error *error);

#endif
