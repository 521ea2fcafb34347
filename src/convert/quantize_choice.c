/* The kinds of files, as tables: what most matrices get, and what those get whose errors hurt most. The sizes are those
 * of llama.cpp's files of the same names. */
#include "convert/quantize_choice.h"

#include "base/text.h"
#include "convert/plan.h"
#include "convert/quantize_blocks.h"
#include "kernels/lossless.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a tensor is to the choice. */
typedef enum role { ROLE_OTHER, ROLE_VALUES, ROLE_KEYS, ROLE_FUSED, ROLE_LEAVING, ROLE_DOWN } role;

/* Which layers a rule is about. */
typedef enum where {
    WHERE_ALL,
    WHERE_PROMINENT, /* the eighth at both ends, and every third between */
    WHERE_FIRST_2,
    WHERE_FIRST_4,
    WHERE_EIGHTH,    /* the first */
    WHERE_SIXTEENTH, /* the first */
} where;

/* And which models. */
typedef enum when {
    WHEN_ALWAYS,
    WHEN_SHARED, /* four query heads or more share a key head */
    WHEN_NOT_SHARED,
    WHEN_IMPORTANCE,
    WHEN_NO_IMPORTANCE,
} when;

typedef struct rule {
    role role;
    where where;
    when when;
    dtype type;
} rule;

#define RULES 6

/* The first rule that fits counts. */
static const struct kind {
    const char *name;
    dtype plain;
    uint32_t file_type;
    rule rules[RULES]; /* ends with ROLE_OTHER */
} kinds[] = {
    {"f32", DTYPE_F32, 0, {{0}}},
    {"f16", DTYPE_F16, 1, {{0}}},
    {"bf16", DTYPE_BF16, 32, {{0}}},
    {"q8_0", DTYPE_Q8_0, 7, {{0}}},
    {"q4_0", DTYPE_Q4_0, 2, {{ROLE_DOWN, WHERE_EIGHTH, WHEN_IMPORTANCE, DTYPE_Q4_1}}},
    {"q4_1", DTYPE_Q4_1, 3, {{0}}},
    {"q5_0", DTYPE_Q5_0, 8, {{ROLE_DOWN, WHERE_EIGHTH, WHEN_IMPORTANCE, DTYPE_Q5_1}}},
    {"q5_1", DTYPE_Q5_1, 9, {{0}}},
    {"q2_k",
     DTYPE_Q2_K,
     10,
     {{ROLE_VALUES, WHERE_ALL, WHEN_SHARED, DTYPE_Q4_K},
      {ROLE_VALUES, WHERE_ALL, WHEN_NOT_SHARED, DTYPE_Q3_K},
      {ROLE_FUSED, WHERE_ALL, WHEN_NOT_SHARED, DTYPE_Q3_K},
      {ROLE_DOWN, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q3_K},
      {ROLE_LEAVING, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q3_K}}},
    {"q2_k_s",
     DTYPE_Q2_K,
     21,
     {{ROLE_VALUES, WHERE_ALL, WHEN_SHARED, DTYPE_Q4_K}, {ROLE_DOWN, WHERE_EIGHTH, WHEN_ALWAYS, DTYPE_Q4_K}}},
    {"q3_k_s", DTYPE_Q3_K, 11, {{0}}},
    {"q3_k_m",
     DTYPE_Q3_K,
     12,
     {{ROLE_VALUES, WHERE_FIRST_2, WHEN_ALWAYS, DTYPE_Q5_K},
      {ROLE_VALUES, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q4_K},
      {ROLE_DOWN, WHERE_SIXTEENTH, WHEN_ALWAYS, DTYPE_Q5_K},
      {ROLE_DOWN, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q4_K},
      {ROLE_LEAVING, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q4_K},
      {ROLE_FUSED, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q4_K}}},
    {"q3_k_l",
     DTYPE_Q3_K,
     13,
     {{ROLE_VALUES, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q5_K},
      {ROLE_DOWN, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q5_K},
      {ROLE_LEAVING, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q5_K},
      {ROLE_FUSED, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q4_K}}},
    {"q4_k_s",
     DTYPE_Q4_K,
     14,
     {{ROLE_VALUES, WHERE_FIRST_4, WHEN_ALWAYS, DTYPE_Q5_K}, {ROLE_DOWN, WHERE_EIGHTH, WHEN_ALWAYS, DTYPE_Q5_K}}},
    {"q4_k_m",
     DTYPE_Q4_K,
     15,
     {{ROLE_VALUES, WHERE_PROMINENT, WHEN_ALWAYS, DTYPE_Q6_K},
      {ROLE_DOWN, WHERE_PROMINENT, WHEN_ALWAYS, DTYPE_Q6_K},
      {ROLE_FUSED, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q5_K}}},
    {"q5_k_s", DTYPE_Q5_K, 16, {{0}}},
    {"q5_k_m",
     DTYPE_Q5_K,
     17,
     {{ROLE_VALUES, WHERE_PROMINENT, WHEN_ALWAYS, DTYPE_Q6_K},
      {ROLE_DOWN, WHERE_PROMINENT, WHEN_ALWAYS, DTYPE_Q6_K},
      {ROLE_FUSED, WHERE_ALL, WHEN_ALWAYS, DTYPE_Q6_K}}},
    {"q6_k", DTYPE_Q6_K, 18, {{0}}},
    {"iq4_nl",
     DTYPE_IQ4_NL,
     25,
     {{ROLE_VALUES, WHERE_ALL, WHEN_SHARED, DTYPE_Q5_K}, {ROLE_DOWN, WHERE_EIGHTH, WHEN_NO_IMPORTANCE, DTYPE_Q5_K}}},
    {"iq4_xs",
     DTYPE_IQ4_XS,
     30,
     {{ROLE_VALUES, WHERE_ALL, WHEN_SHARED, DTYPE_Q5_K}, {ROLE_DOWN, WHERE_EIGHTH, WHEN_NO_IMPORTANCE, DTYPE_Q5_K}}},
    {"mxfp4", DTYPE_MXFP4, 38, {{0}}},
    {"tq1_0", DTYPE_TQ1_0, 36, {{0}}},
    {"tq2_0", DTYPE_TQ2_0, 37, {{0}}},
};

const char *const quantize_names[] = {"f32",    "f16",    "bf16",   "q8_0",   "q4_0",   "q4_1",   "q5_0",   "q5_1",
                                      "q2_k",   "q2_k_s", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s",
                                      "q5_k_m", "q6_k",   "iq4_nl", "iq4_xs", "mxfp4",  "tq1_0",  "tq2_0",  NULL};
_Static_assert(sizeof quantize_names / sizeof quantize_names[0] == sizeof kinds / sizeof kinds[0] + 1, "one name each");

bool quantize_format(const char *name, dtype *ret)
{
    for (uint32_t id = 0; id < DTYPE_LIMIT; id++) {
        const dtype_info *info = dtype_get_gguf_info(id);
        const dtype type = (dtype)id;
        const bool written = type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16 || quantize_known(type);
        if (info != NULL && written && strcasecmp(info->name, name) == 0) {
            *ret = type;
            return true;
        }
    }
    return false;
}

uint32_t choice_file_type(int kind)
{
    return kinds[kind].file_type;
}

/* ---- names ---- */

static bool stays(const tensor_entry *e)
{
    return convert_stays_wide(e->name, e->dims) || !text_ends(e->name, ".weight");
}

static role role_of(const char *name)
{
    static const struct {
        const char *tail;
        role role;
    } tails[] = {
        {".attn_v.weight", ROLE_VALUES}, {".attn_kv_b.weight", ROLE_VALUES},   {".attn_v_b.weight", ROLE_VALUES},
        {".attn_k.weight", ROLE_KEYS},   {".attn_qkv.weight", ROLE_FUSED},     {".attn_output.weight", ROLE_LEAVING},
        {".ffn_down.weight", ROLE_DOWN}, {".ffn_down_exps.weight", ROLE_DOWN}, {".ffn_down_shexp.weight", ROLE_DOWN}};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (text_ends(name, tails[i].tail)) {
            return tails[i].role;
        }
    }
    return ROLE_OTHER;
}

static unsigned layer_of(const char *name)
{
    unsigned layer = 0;
    return sscanf(name, "blk.%u.", &layer) == 1 ? layer : 0;
}

static uint64_t rows_of(const tensor_table *table, const char *name)
{
    const tensor_entry *e = tensor_table_find(table, name);
    return e != NULL && e->dims == 2 ? e->shape[0] : 0;
}

choice_model choice_look(const tensor_table *table)
{
    choice_model m = {.tied = tensor_table_find(table, "output.weight") == NULL, .shared_by = 1};
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        const unsigned layer = layer_of(e->name);
        m.layers = layer + 1 > m.layers ? layer + 1 : m.layers;
        if (text_ends(e->name, "_exps.weight") && e->dims == 3) {
            m.experts = (unsigned)e->shape[0];
        }
    }
    const uint64_t keys = rows_of(table, "blk.0.attn_k.weight");
    if (keys != 0) {
        m.shared_by = (unsigned)(rows_of(table, "blk.0.attn_q.weight") / keys);
    }
    return m;
}

/* ---- rules ---- */

static bool where_holds(where place, unsigned layer, unsigned layers)
{
    switch (place) {
    case WHERE_ALL:
        return true;
    case WHERE_PROMINENT:
        return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    case WHERE_FIRST_2:
        return layer < 2;
    case WHERE_FIRST_4:
        return layer < 4;
    case WHERE_EIGHTH:
        return layer < layers / 8;
    default:
        return layer < layers / 16;
    }
}

static bool when_holds(when condition, const choice_model *m)
{
    switch (condition) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_SHARED:
        return m->shared_by >= 4;
    case WHEN_NOT_SHARED:
        return m->shared_by < 4;
    case WHEN_IMPORTANCE:
        return m->importance;
    default:
        return !m->importance;
    }
}

static dtype wanted_type(const struct kind *kind, const tensor_entry *e, const choice_model *m)
{
    const role is = role_of(e->name);
    const unsigned layer = layer_of(e->name);
    const bool is_quantized = quantize_known(kind->plain);
    if (strcmp(e->name, "output.weight") == 0 || (m->tied && strcmp(e->name, "token_embd.weight") == 0)) {
        const bool wide = kind->plain == DTYPE_Q8_0 || kind->plain == DTYPE_MXFP4;
        return !is_quantized ? kind->plain : wide ? DTYPE_Q8_0 : DTYPE_Q6_K;
    }
    if (kind->plain == DTYPE_MXFP4 && m->experts != 0 && e->dims == 2) {
        return DTYPE_Q8_0; /* the few matrices beside the experts */
    }
    if (strcmp(e->name, "token_embd.weight") == 0 && (kind->plain == DTYPE_TQ1_0 || kind->plain == DTYPE_TQ2_0)) {
        return DTYPE_Q4_K;
    }
    if (is_quantized && m->experts == 8 && (is == ROLE_VALUES || is == ROLE_KEYS)) {
        return DTYPE_Q8_0; /* small beside eight experts */
    }
    for (size_t i = 0; i < RULES && kind->rules[i].role != ROLE_OTHER; i++) {
        const rule *r = &kind->rules[i];
        if (r->role == is && where_holds(r->where, layer, m->layers) && when_holds(r->when, m)) {
            return r->type;
        }
    }
    return kind->plain;
}

/* What takes the place of a format whose blocks do not divide a row. */
static dtype fall_back(dtype type, uint64_t cols)
{
    if (cols % dtype_get_info((uint32_t)type)->block_values == 0) {
        return type;
    }
    const dtype smaller = type == DTYPE_Q4_K   ? DTYPE_Q5_0
                          : type == DTYPE_Q5_K ? DTYPE_Q5_1
                          : type == DTYPE_Q6_K ? DTYPE_Q8_0
                                               : DTYPE_IQ4_NL; /* of Q2_K, Q3_K, IQ4_XS, TQ1_0, TQ2_0 */
    return cols % dtype_get_info((uint32_t)smaller)->block_values == 0 ? smaller : DTYPE_F16;
}

dtype choice_of(int kind, const tensor_entry *e, const choice_model *m, const quantize_options *o, bool *ret_fell_back)
{
    const bool readable = e->type == DTYPE_F32 || e->type == DTYPE_F16 || e->type == DTYPE_BF16 ||
                          o->kernels->panel_dequantize[e->type] != NULL;
    if (!readable) {
        *ret_fell_back = false;
        return e->type;
    }
    dtype type = stays(e) ? e->type : wanted_type(&kinds[kind], e, m);
    for (size_t i = 0; i < o->override_count; i++) {
        if (fnmatch(o->overrides[i].pattern, e->name, 0) == 0) {
            type = o->overrides[i].type;
            break;
        }
    }
    type = type == DTYPE_BF16_LOSSLESS ? DTYPE_BF16 : type;
    const dtype fits = e->dims == 0 ? type : fall_back(type, e->shape[e->dims - 1]);
    *ret_fell_back = fits != type;
    return fits;
}
