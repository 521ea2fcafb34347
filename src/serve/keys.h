/* Keys while a server runs: looked up in memory, proved once (scrypt is slow by design), counted, limited, and written
 * to their database every second, where changes that commands make are seen as soon. docs/serving-operations.md. */
#ifndef SERVE_KEYS_H
#define SERVE_KEYS_H

#include "serve/keys_file.h"

typedef struct key_ring key_ring;
typedef struct ring_key ring_key; /* lives as long as its ring */

typedef void (*keys_told_fn)(void *context, const char *line);

hearth_status keys_open(const char *path, keys_told_fn told, void *context, key_ring **ret, hearth_error *error);
/* Writes what was used. NULL is allowed. */
void keys_close(key_ring *k);
/* Reads the database again, now. */
hearth_status keys_reload(key_ring *k, hearth_error *error);

typedef enum key_state {
    KEY_GOOD,
    KEY_UNPROVEN, /* its secret was not seen yet: keys_prove */
    KEY_WRONG,    /* no such key, or another secret */
    KEY_REVOKED,
    KEY_EXPIRED,
    KEY_GUESSED, /* wrong secrets came for this id a moment ago: no more are tried */
} key_state;

/* From memory: never waits for the database or a hash. *ret is set where the state is KEY_GOOD. */
key_state keys_look_up(key_ring *k, const char *text, ring_key **ret);
/* The same, with the hash where it is needed: takes some 50 ms, one at a time. */
key_state keys_prove(key_ring *k, const char *text, ring_key **ret);

/* What became of one that was found: KEY_GOOD, KEY_WRONG (it is listed no more), KEY_REVOKED or KEY_EXPIRED. */
key_state keys_state(key_ring *k, const ring_key *y);

const char *key_id(const ring_key *y);
bool keys_may_use(key_ring *k, const ring_key *y, const char *model);
bool keys_may_watch(key_ring *k, const ring_key *y);
bool keys_may_manage(key_ring *k, const ring_key *y);

/* What limits leave; of a limit that there is not, all numbers are 0. */
typedef struct key_allowance {
    key_limits limits;
    uint64_t requests_left, tokens_left;     /* within a minute; of tokens, or within the day where that is less */
    uint64_t tokens_limit;                   /* the one that tokens_left belongs to */
    double requests_reset_s, tokens_reset_s; /* until all of it is there again */
    const char *refused;                     /* the limit that is reached: "requests per minute"; NULL: none */
    double retry_s;                          /* until there is some again; of concurrency 1 */
} key_allowance;

/* Begins a request that has a body, and counts it; false: a limit is reached, and keys_end must not be called. */
bool keys_begin(key_ring *k, ring_key *y, key_allowance *ret);
void keys_end(key_ring *k, ring_key *y);
/* What an answer took, when it is known. */
void keys_spend(key_ring *k, ring_key *y, uint64_t prompt_tokens, uint64_t tokens);

#endif
