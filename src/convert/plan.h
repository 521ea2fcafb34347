/* Which tensors a converted model has, and out of which tensors of the source each one is made. The names, the order of
 * rows and what a norm's weights mean come from the tables that the loader reads by (model/tensor_names.c,
 * model/families.c): the plan goes from one spelling to the other. Private to convert/. */
#ifndef CONVERT_PLAN_H
#define CONVERT_PLAN_H

#include "base/arena.h"
#include "convert/stored.h"

/* How rows of a tensor come out of its sources. */
typedef enum convert_kind {
    CONVERT_COPY,        /* as they are */
    CONVERT_PARTS,       /* by parts of a fused tensor, or in RoPE's other order */
    CONVERT_TURN,        /* row i is the source's column i */
    CONVERT_STACK,       /* [experts, rows, cols] out of a tensor each */
    CONVERT_UNSTACK,     /* rows from `first` on: one expert's of [experts, rows, cols] */
    CONVERT_AFTER,       /* `first` rows of zeros, then the source's */
    CONVERT_SPLIT_HALF,  /* gates or ups of [experts, 2 * rows, cols] */
    CONVERT_JOIN_HALVES, /* and back */
    CONVERT_LATENT_K,    /* [heads, rank, nope] out of rows of kv_b, by columns */
    CONVERT_LATENT_V,    /* [heads, value, rank] out of rows of kv_b */
    CONVERT_LATENT_KV,   /* and back */
    CONVERT_SPLIT_PAIRS, /* every second row, from row `first` on */
    CONVERT_JOIN_PAIRS,  /* and back: a row of each source in turn */
    CONVERT_EXPERT_TURN, /* [experts, rows, cols]: row i is an expert's column first + step * i */
    CONVERT_EXPERT_BACK, /* and back: `step` sources' columns in turn */
    CONVERT_BLOCKS,      /* gpt-oss: of MXFP4 rows, `step` sources' in turn, the blocks without their scales */
    CONVERT_SCALES,      /* and the scales */
    CONVERT_LITERAL,     /* numbers that are no tensor in the source */
} convert_kind;

typedef struct convert_part {
    row_part part;
    size_t rows;
    size_t first;    /* DELTA_QKVZ: of all rows of q, k, v and z */
    uint32_t source; /* index into the tensor's sources */
    bool from_fused, to_fused;
} convert_part;

typedef struct convert_tensor {
    tensor_entry out; /* no data */
    size_t rows, cols;
    convert_kind kind;
    const tensor_entry **sources;
    size_t source_count;
    convert_part parts[3];
    size_t part_count;
    size_t first;         /* UNSTACK, AFTER: rows; SPLIT_HALF, SPLIT_PAIRS, EXPERT_TURN: 0 or 1 */
    size_t step;          /* EXPERT_TURN: columns; EXPERT_BACK, BLOCKS, SCALES: sources that take turns */
    bool halves;          /* EXPERT_BACK: the columns of one source after the other's, not in turn */
    bool flat;            /* a row is one value, of sources too */
    bool fixed;           /* out.type is chosen by who adds it */
    float plus;           /* added to each value */
    const float *literal; /* LITERAL */
} convert_tensor;

/* A container: where its tensors are, how it spells them. */
typedef struct convert_side {
    const tensor_names *names;
    row_order order;
    bool gguf;
} convert_side;

typedef struct convert_plan {
    arena *memory; /* owns the tensors' names and lists */
    convert_tensor *tensors;
    size_t count, room;
    uint64_t bytes; /* of all outputs */
    const tensor_table *table;
    const model_config *c;
    convert_side from, to;
    tensor_names gguf_names;             /* one of the two sides' */
    const matrix_reader *const *readers; /* [table->count] or NULL: makers of rows of entries without data (stored.h) */
    bool *used;                          /* [table->count] */
    dtype wanted;                        /* DTYPE_LIMIT: as the source has it */
    dtype main;                          /* of the matrices that come out, for metadata */
    bool blocks;                         /* a folder gets MXFP4 experts as gpt-oss keeps them */
    size_t dequantized;                  /* tensors that leave a quantised format */
} convert_plan;

/* `hf` and `gguf` are the two families (rows of the table) that the containers speak of the model by.
 * HEARTH_E_UNSUPPORTED names the tensor that has no counterpart. */
typedef struct convert_source {
    const tensor_table *table;
    const matrix_reader *const *readers; /* of a quantised folder; else NULL */
} convert_source;

hearth_status convert_plan_make(convert_plan *p, convert_source source, const model_config *c, const model_family *hf,
                                const model_family *gguf, bool to_gguf, dtype wanted, hearth_error *error);
void convert_plan_free(convert_plan *p);
/* A tensor of these numbers, F32. */
hearth_status convert_plan_literal(convert_plan *p, const char *name, uint32_t dims, const uint64_t *shape,
                                   const float *values, size_t count, hearth_error *error);
/* Every tensor of the source went somewhere, or is one of *ret_left_out that say nothing new. */
hearth_status convert_plan_check_used(const convert_plan *p, size_t *ret_left_out, hearth_error *error);
/* By its name in the source, or NULL; marks it as used. */
const tensor_entry *convert_plan_take(convert_plan *p, const char *name);

/* What GGUF files keep in binary32 always: vectors, norms, routers, learned positions, token types. Small, and
 * everything passes through them. */
bool convert_stays_wide(const char *name, uint32_t dims);

/* Experts and latent attention: plan_experts.c. */
hearth_status convert_plan_experts(convert_plan *p, unsigned layer, hearth_error *error);
/* gpt-oss's experts, whose gates and ups take turns: plan_paired.c. */
hearth_status convert_plan_paired(convert_plan *p, unsigned layer, hearth_error *error);
hearth_status convert_plan_latent(convert_plan *p, unsigned layer, hearth_error *error);
/* A delta net in the place of attention: plan_delta.c. */
hearth_status convert_plan_delta(convert_plan *p, unsigned layer, hearth_error *error);
/* Of `dims` dimensions and this shape, else HEARTH_E_FORMAT. */
hearth_status convert_check_shape(const tensor_entry *e, uint32_t dims, const uint64_t *shape, hearth_error *error);

/* ---- for the two files ---- */
#define CONVERT_NAME_BYTES (LIMIT_TENSOR_NAME_BYTES + 32)
/* Appends a copy of `t` under `name` with shape and type of its output chosen, sources copied. */
hearth_status convert_plan_add(convert_plan *p, convert_tensor t, const char *name, const tensor_entry *const *sources,
                               hearth_error *error);
/* PATTERN with the layer, the expert and a tail. */
const char *convert_name(const char *pattern, unsigned layer, unsigned expert, const char *tail,
                         char ret[CONVERT_NAME_BYTES]);
hearth_status convert_missing(const char *name, hearth_error *error);
hearth_status convert_no_name(const convert_plan *p, const char *name, hearth_error *error);
/* The simple role: `from` and `to` are the containers' patterns, either may be NULL. */
hearth_status convert_plan_role(convert_plan *p, const char *from, const char *to, unsigned layer, row_part part,
                                bool norm, bool turned, hearth_error *error);

#endif
