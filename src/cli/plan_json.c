/* hearth plan --json. */
#include "cli/plan.h"

#include "base/json.h"
#include "model/describe.h"

#include <string.h>

static json_t *formats_json(const plan_source *source)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < PLAN_FORMATS; i++) {
        plan_row row = {0};
        if (plan_format_row(source, i, &row)) {
            rows = json_door_append(rows, json_pack("{s:s, s:I, s:I, s:f}", "format", row.name, "file_bytes",
                                                    (json_int_t)row.file_bytes, "bytes", (json_int_t)row.bytes,
                                                    "bytes_per_token", row.token_bytes));
        }
    }
    return rows;
}

static json_t *cache_json(const model_config *c)
{
    size_t lengths[DESCRIBE_LENGTHS_MOST];
    const size_t count = describe_lengths(c, lengths);
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        rows = json_door_append(rows, json_pack("{s:I, s:I, s:I, s:I, s:I}", "tokens", (json_int_t)lengths[i],
                                                "native_bytes", (json_int_t)plan_cache_bytes(c, lengths[i], CACHE_F16),
                                                "f32_bytes", (json_int_t)plan_cache_bytes(c, lengths[i], CACHE_F32),
                                                "q8_0_bytes", (json_int_t)plan_cache_bytes(c, lengths[i], CACHE_Q8_0),
                                                "q4_0_bytes", (json_int_t)plan_cache_bytes(c, lengths[i], CACHE_Q4_0)));
    }
    return rows;
}

/* 0: not known. */
static json_t *known(double value)
{
    return value > 0 ? json_door_number(value) : json_null();
}

static json_t *split_json(const plan_result *r)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < r->machines; i++) {
        const plan_share *s = &r->shares[i];
        rows = json_door_append(rows, json_pack("{s:I, s:I, s:I, s:I}", "first_layer", (json_int_t)s->first, "layers",
                                                (json_int_t)s->count, "weights_bytes", (json_int_t)s->weights,
                                                "cache_bytes", (json_int_t)s->cache));
    }
    return rows;
}

json_t *plan_json(const plan_source *source, const plan_machine *m, const plan_result *r, size_t context)
{
    json_t *machine =
        json_pack("{s:I, s:i, s:o, s:f, s:f, s:f, s:o}", "memory_bytes", (json_int_t)m->memory, "threads", m->threads,
                  "read_gb_s", known(m->limits.bandwidth), "fp32_gflops", m->limits.peak[MEASURE_FP32], "bf16_gflops",
                  m->limits.peak[MEASURE_BF16], "int8_gops", m->limits.peak[MEASURE_INT8], "disk_gb_s", known(m->disk));
    json_t *estimate =
        json_pack("{s:I, s:s?, s:I, s:I, s:s, s:I, s:b, s:f, s:f, s:o, s:o, s:o, s:I}", "context", (json_int_t)context,
                  "type", r->type == DTYPE_LIMIT ? NULL : dtype_get_info(r->type)->name, "weights_bytes",
                  (json_int_t)r->weights, "file_bytes", (json_int_t)r->file_bytes, "cache", cache_type_names[m->cache],
                  "cache_bytes", (json_int_t)r->cache, "fits", (int)r->fits, "bytes_per_token", r->token_bytes,
                  "disk_bytes_per_token", r->token_disk_bytes, "decode_tokens_per_second", known(r->decode),
                  "decode_from_disk_tokens_per_second", known(r->decode_from_disk), "prefill_tokens_per_second",
                  known(r->prefill), "machines_needed", (json_int_t)r->machines_needed);
    return json_pack("{s:o, s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "model",
                     json_door_string(source->config.name), "path", json_door_string(source->path), "family",
                     source->config.family->name, "parameters", (json_int_t)r->parameters, "active_parameters",
                     (json_int_t)r->active_parameters, "formats", formats_json(source), "cache",
                     cache_json(&source->config), "machine", machine, "estimate", estimate, "split", split_json(r));
}
