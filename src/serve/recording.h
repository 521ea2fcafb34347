/* What a server keeps of its answers, so that they can be made again: hearth serve --record. docs/commands/replay.md.
 *
 * A line of JSON for each answer that ended by itself: the prompt's and the answer's tokens, settings, seed, model,
 * contract. A line is one write; nothing is brought to the disk before the end, so a crash of the machine (not of the
 * server) may lose the last ones. */
#ifndef SERVE_RECORDING_H
#define SERVE_RECORDING_H

#include "base/hash.h"
#include "serve/models.h"

#define RECORDING_VERSION 1
#define RECORDING_BYTES ((uint64_t)1 << 30) /* of a file, where nobody says */

#define RECORDED_CALLS                                                                                                 \
    "calls" /* a constraint's kind, beside grammar_kind_names: the answer is a call of one of these tools */

typedef struct recording recording;

/* Goes on at the file's end; a new one is its owner's alone. `how` says what computes them. `told` (NULL: nobody)
 * hears that the file is full or cannot be written; then nothing more is kept. */
typedef void (*recording_told_fn)(void *context, const char *line);
hearth_status recording_open(const char *path, uint64_t most_bytes, const models_options *how, recording_told_fn told,
                             void *context, recording **ret, hearth_error *error);
/* Brings it to the disk. NULL is allowed. */
void recording_close(recording *k);

/* What is kept of a request (`bound`: as chat_request has it, copied; NULL: none); NULL where there is no recording, or
 * no memory. */
json_t *recording_request(const recording *k, const served_model *m, const generation_request *asked,
                          const json_t *bound);
/* With its answer, to the file; from any thread. NULL ones do nothing. */
void recording_add(recording *k, const json_t *kept, const token_list *drawn, generation_end end);

/* SHA-256 of ids, each as four bytes, the lowest first. */
hearth_status recording_hash(const token_list *ids, char ret[HASH_HEX_SIZE], hearth_error *error);
extern const char *const recording_ends[]; /* by generation_end, as far as they are recorded; ended by NULL */

#endif
