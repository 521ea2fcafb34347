/* A recipe: everything that a model's bits depend on. docs/formats/recipe.md. Read over libyaml, checked, immutable.
 *
 * Strings are owned by the recipe and never NULL where a comment does not say so. */
#ifndef RECIPE_RECIPE_H
#define RECIPE_RECIPE_H

#include "base/error.h"

#include <stdbool.h>

typedef enum recipe_source_kind {
    SOURCE_FOLDER,  /* files below a folder, in byte order of their paths; one document a file */
    SOURCE_ARCHIVE, /* tar, zip, … by libarchive; one document a file */
    SOURCE_JSONL,   /* plain, gzip or zstd; `field` holds the text */
    SOURCE_WARC,    /* response records of text/plain and text/html */
    SOURCE_TEXT,    /* one document a line, or a paragraph (`split`) */
    SOURCE_COMMAND, /* a program's standard output, JSONL; its SHA-256 is recorded */
    SOURCE_DATASET, /* a local Hugging Face dataset folder: its jsonl and text files, Parquet by the command shipped */
    SOURCE_DEBIAN,  /* Debian packages, pinned by name, version, SHA-256 */
    SOURCE_GENERATOR, /* a generator of the project's own, by name */
    SOURCE_KINDS
} recipe_source_kind;

typedef struct recipe_pin {
    const char *path;   /* relative to the source's path; a package's file name */
    const char *sha256; /* 64 hexadecimal digits */
} recipe_pin;

typedef struct recipe_source {
    const char *name; /* unique; [a-z0-9-]+ */
    recipe_source_kind kind;
    const char *path;      /* relative to the recipe's folder; NULL: none (generator) */
    const char *packages;  /* of debian: the list of packages in `path`; else NULL */
    const char *mirror;    /* of debian: where they come from; else NULL */
    const char *command;   /* NULL */
    const char *generator; /* NULL; "hearthside" */
    uint64_t documents;    /* of a generator: how many; of others 0 (no limit) or the most */
    const char *field;     /* of JSONL: "text" */
    const char *split;     /* of text: "line", "paragraph", "file" */
    const char
        *licence; /* an SPDX expression; NULL where each document says its own (`licence_field`, debian/copyright) */
    const char *licence_field; /* NULL */
    const char *evidence;      /* where that licence is declared; NULL: none */
    const char *language;      /* BCP 47; NULL: told by a rule or unknown */
    const char *sha256; /* of the file, the list of packages, or the sorted list of files (docs); NULL: not pinned,
                           `recipe check` says so */
    const recipe_pin *pins;
    size_t pin_count;
} recipe_source;

/* A cleaning rule and its parameters as the recipe gives them; the table of rules is corpus/'s, which checks them. */
typedef struct recipe_parameter {
    const char *name;
    const char *value; /* as written; a list is joined by '\n' */
    unsigned line, column;
} recipe_parameter;
typedef struct recipe_rule {
    const char *name;
    const recipe_parameter *parameters;
    size_t parameter_count;
    unsigned line, column;
} recipe_rule;

typedef enum recipe_tokenizer_kind {
    TOKENIZER_LEARN_BPE,
    TOKENIZER_LEARN_UNIGRAM,
    TOKENIZER_FILE
} recipe_tokenizer_kind;

typedef struct recipe_tokenizer {
    recipe_tokenizer_kind kind;
    uint32_t vocab_size;      /* specials and bytes included */
    const char *pretokenizer; /* a name of the tokenizers' table: "gpt-2", "llama-bpe", … */
    const char *const *special;
    size_t special_count;   /* the first is the end of a document */
    uint64_t sample_bytes;  /* learn from the first so many of the corpus; 0: all */
    uint32_t min_frequency; /* of a merge */
    const char *path;       /* FILE: tokenizer.json, with its */
    const char *sha256;
} recipe_tokenizer;

/* What nn/moe_route.h takes; train/train_parameters.c holds one against the other. */
#define RECIPE_EXPERTS_MOST 1024u
#define RECIPE_EXPERTS_USED_MOST 64u

typedef struct recipe_model {
    const char *family; /* "llama", "qwen2", "qwen3", "olmo2", "qwen3-moe" */
    uint32_t layers, width, heads, kv_heads, head_size, mlp, context;
    uint32_t experts, experts_used; /* 0: dense */
    double rope_theta, norm_eps, init_std;
    bool tied;
} recipe_model;

typedef enum recipe_format { TRAIN_F32, TRAIN_BF16 } recipe_format;
typedef enum recipe_optimizer_kind { OPTIMIZER_ADAMW, OPTIMIZER_MUON } recipe_optimizer_kind;
typedef enum recipe_schedule_kind {
    SCHEDULE_CONSTANT,
    SCHEDULE_COSINE,
    SCHEDULE_LINEAR,
    SCHEDULE_WSD
} recipe_schedule_kind;

typedef struct recipe_train {
    recipe_format format;
    uint64_t steps;
    uint32_t sequences;     /* of a step */
    uint32_t length;        /* tokens of a sequence */
    uint32_t micro_batches; /* of a step: a power of two that divides `sequences` */
    recipe_optimizer_kind optimizer;
    double learning_rate, beta1, beta2, eps, weight_decay;
    double muon_momentum, muon_learning_rate; /* matrices of MUON; the rest take ADAMW's */
    double grad_clip;                         /* global norm; 0: none */
    double z_loss;                            /* 0: none */
    double aux_loss;                          /* of a mixture's router: 0: none */
    recipe_schedule_kind schedule;
    uint64_t warmup_steps, decay_steps; /* decay_steps: of WSD */
    double final_ratio;                 /* learning rate at the end, of the highest */
    bool recompute;                     /* activations are computed again: memory only, the same bits */
    uint64_t checkpoint_steps;          /* part of the chain */
    uint64_t checkpoint_seconds;        /* besides, for resuming only; 0: none */
    uint64_t evaluate_steps;            /* 0: only at the end */
    uint32_t evaluate_sequences;
} recipe_train;

typedef struct recipe {
    uint32_t version;                         /* of the format: 1 */
    const char *name, *description, *licence; /* licence: of the model, an SPDX expression */
    uint32_t contract;                        /* numeric contract, docs/numerics.md */
    uint64_t seed;
    const recipe_source *sources;
    size_t source_count;
    const recipe_rule *rules;
    size_t rule_count;
    double held_out; /* share of documents, by their identity's hash; never trained on */
    recipe_tokenizer tokenizer;
    recipe_model model;
    recipe_train train;
    const char *path;   /* of the file, and */
    const char *folder; /* where it lies */
    const char *text;   /* its bytes as they were read: what a run keeps, whatever becomes of the file */
    size_t text_length;
    char sha256[65]; /* of its bytes */
} recipe;

hearth_status recipe_open(const char *path, recipe **ret, hearth_error *error);
/* The same of a file that was carried away from its sources: its paths start from `folder`. */
hearth_status recipe_open_beside(const char *path, const char *folder, recipe **ret, hearth_error *error);
void recipe_close(recipe *r); /* NULL is allowed */

/* Where a path of the recipe's lies, which is relative to its folder; mem_free. NULL when memory is out. */
char *recipe_place(const recipe *r, const char *path);

#endif
