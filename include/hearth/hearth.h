/* libhearth: run an open model. Engine, model, session, tokenizer, status; no tensor in sight. docs/library.md.
 *
 * Ownership: what *_open and *_create return is freed by *_close and *_destroy, which take NULL. A model must outlive
 * its sessions, an engine its models. A session is used by one thread at a time, different sessions by different
 * threads; the engine's own threads do the work, one step after the other. One result: what comes out is a function of
 * the model's bytes, the input, the seed and the computation chosen, and of nothing else (docs/numerics.md). */
#ifndef HEARTH_HEARTH_H
#define HEARTH_HEARTH_H

#include "hearth/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hearth_engine hearth_engine;
typedef struct hearth_model hearth_model;
typedef struct hearth_session hearth_session;

HEARTH_API const char *hearth_version(void);
/* The version of the numeric contract: results of equal versions are comparable bit for bit. */
HEARTH_API unsigned hearth_numeric_contract(void);

/* ---- engine: threads and the instruction set ---- */
typedef struct hearth_engine_options {
    int threads;     /* 0: the cores this process may use */
    const char *isa; /* NULL: HEARTH_ISA, else the best this CPU has */
} hearth_engine_options;

HEARTH_API hearth_status hearth_engine_create(const hearth_engine_options *options, hearth_engine **ret,
                                              hearth_error *error);
HEARTH_API void hearth_engine_destroy(hearth_engine *engine);
HEARTH_API const char *hearth_engine_isa(const hearth_engine *engine);
HEARTH_API int hearth_engine_threads(const hearth_engine *engine);

/* ---- model ---- */
typedef enum hearth_compute { HEARTH_COMPUTE_NATIVE = 0, HEARTH_COMPUTE_F32 = 1 } hearth_compute;
typedef bool (*hearth_progress)(void *context, const char *what, uint64_t done, uint64_t total, const char *unit);

typedef enum hearth_packing {
    HEARTH_PACKING_AUTO = 0, /* weights are rearranged in memory where it allows the copy, else used from the file */
    HEARTH_PACKING_PACKED,   /* HEARTH_E_MEMORY where the copy does not fit */
    HEARTH_PACKING_MAPPED,   /* from the file: the same bits, slower */
} hearth_packing;

typedef struct hearth_model_options {
    hearth_compute compute;
    hearth_packing packing;
    hearth_progress progress; /* NULL: none */
    void *progress_context;
} hearth_model_options;

/* `path`: a GGUF file, a Hugging Face folder, or a name in the local store. options may be NULL. */
HEARTH_API hearth_status hearth_model_open(hearth_engine *engine, const char *path, const hearth_model_options *options,
                                           hearth_model **ret, hearth_error *error);
HEARTH_API void hearth_model_close(hearth_model *model);
HEARTH_API size_t hearth_model_vocabulary(const hearth_model *model);
HEARTH_API size_t hearth_model_context_length(const hearth_model *model);
HEARTH_API const char *hearth_model_family(const hearth_model *model);

/* ---- text and tokens ---- */
#define HEARTH_ADD_BOS 1u
#define HEARTH_PARSE_SPECIAL 2u
/* Writes at most `capacity` ids; *ret_count is how many there are (call again with more room when larger). */
HEARTH_API hearth_status hearth_tokenize(const hearth_model *model, const char *text, size_t length, unsigned flags,
                                         int32_t *ids, size_t capacity, size_t *ret_count, hearth_error *error);
/* Writes at most `capacity` bytes with the terminating NUL; *ret_length is the length without it. */
HEARTH_API hearth_status hearth_detokenize(const hearth_model *model, const int32_t *ids, size_t count, char *text,
                                           size_t capacity, size_t *ret_length, hearth_error *error);
/* Renders a conversation, a JSON array of {"role", "content"}, with the model's chat template. Same rules for room. */
HEARTH_API hearth_status hearth_render_chat(const hearth_model *model, const char *messages_json,
                                            bool add_generation_prompt, char *text, size_t capacity, size_t *ret_length,
                                            hearth_error *error);

/* ---- session: one sequence with its KV cache ---- */
typedef struct hearth_sampling {
    float temperature;
    unsigned top_k;
    float top_p, min_p, typical_p;
    float repetition_penalty, presence_penalty, frequency_penalty;
    uint64_t seed;
} hearth_sampling;
HEARTH_API hearth_sampling hearth_sampling_default(void);

typedef struct hearth_session_options {
    size_t context_length; /* 0: the model's (the original one where RoPE changes beyond it), bounded by memory */
    hearth_sampling sampling;
    const char *const *stop_strings; /* copied; hearth_session_generate ends before one */
    size_t stop_count;
} hearth_session_options;
/* context 0, hearth_sampling_default(), no stop strings. */
HEARTH_API hearth_session_options hearth_session_options_default(void);

HEARTH_API hearth_status hearth_session_create(hearth_model *model, const hearth_session_options *options,
                                               hearth_session **ret, hearth_error *error);
HEARTH_API void hearth_session_destroy(hearth_session *session);
/* Computes these tokens after what is there. HEARTH_E_LIMIT when the context would be passed (nothing is computed). */
HEARTH_API hearth_status hearth_session_feed(hearth_session *session, const int32_t *ids, size_t count,
                                             hearth_error *error);
/* Logits after the last token fed: [vocabulary]. Valid until the next feed. NULL before any. */
HEARTH_API const float *hearth_session_logits(const hearth_session *session);
/* Draws the next token; it is not fed yet. */
HEARTH_API hearth_status hearth_session_sample(hearth_session *session, int32_t *ret_token, hearth_error *error);
HEARTH_API bool hearth_model_is_end(const hearth_model *model, int32_t token);
/* Forgets all positions from `length` on. (Models with recurrent layers, Qwen3-Next: the next feed computes some of the
 * tokens that are left again, from a checkpoint near the end of the last prompt or from the beginning.) */
HEARTH_API hearth_status hearth_session_rewind(hearth_session *session, size_t length, hearth_error *error);
HEARTH_API size_t hearth_session_length(const hearth_session *session);

/* Streams an answer to `text` (special tokens parsed, BOS as the model wants): whole UTF-8 characters only. The
 * callback returns false to stop. Ends at an end token, at `most_tokens`, or when the context is full. */
typedef bool (*hearth_text_callback)(void *context, const char *text, size_t length);
HEARTH_API hearth_status hearth_session_generate(hearth_session *session, const char *text, size_t length,
                                                 size_t most_tokens, hearth_text_callback callback, void *context,
                                                 hearth_error *error);

/* ---- embeddings: one vector a text ---- */
typedef enum hearth_pooling {
    HEARTH_POOLING_MODEL = 0, /* as the model's files say */
    HEARTH_POOLING_MEAN,
    HEARTH_POOLING_CLS,  /* the first token's hidden state */
    HEARTH_POOLING_LAST, /* the last token's */
} hearth_pooling;
typedef enum hearth_normalize {
    HEARTH_NORMALIZE_MODEL = 0,
    HEARTH_NORMALIZE_YES,
    HEARTH_NORMALIZE_NO
} hearth_normalize;

typedef struct hearth_embed_options { /* zeros: as the model's files say */
    hearth_pooling pooling;
    hearth_normalize normalize; /* to length 1 */
    size_t dimensions;          /* 0: all; else the first so many, before they are scaled */
    const char *prompt;         /* goes before each text; NULL: the model's default prompt, "" for none */
} hearth_embed_options;
/* Writes the vectors of `count` texts, one behind the other, where `capacity` floats are room enough for all of them;
 * *ret_dimensions is the length of one (call again with more room when it is not: nothing is written then). Give many
 * texts at once: they are computed together, and each vector is the same as alone. options may be NULL. */
HEARTH_API hearth_status hearth_embed(hearth_model *model, const char *const *texts, size_t count,
                                      const hearth_embed_options *options, float *vectors, size_t capacity,
                                      size_t *ret_dimensions, hearth_error *error);

/* Natural logarithm of each token's probability after those before it, in windows of `window` tokens (0: the library
 * chooses; docs/commands/score.md). log_probabilities: [count], the first is 0. At least two tokens. */
HEARTH_API hearth_status hearth_score(hearth_model *model, const int32_t *ids, size_t count, size_t window,
                                      float *log_probabilities, hearth_error *error);

#ifdef __cplusplus
}
#endif
#endif
