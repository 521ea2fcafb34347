/* Keys while a server runs: looked up in memory, proved once (scrypt is slow by design), counted, limited, and written
 * to their database every second, where changes that commands make are seen as soon. docs/serving-operations.md. */
#ifndef SERVE_KEYS_H
#define SERVE_KEYS_H

#include "serve/keys_file.h"

typedef struct keys keys;
typedef struct key key; /* lives as long as `keys` */

typedef void (*keys_told_fn)(void *context, const char *line);

hearth_status keys_open(const char *path, keys_told_fn told, void *context, keys **ret, hearth_error *error);
/* Writes what was used. NULL is allowed. */
void keys_close(keys *k);
/* Keys that are neither revoked nor expired. */
size_t keys_count(keys *k);
/* Reads the database again, now. */
hearth_status keys_reload(keys *k, hearth_error *error);

typedef enum key_state {
    KEY_GOOD,
    KEY_UNPROVEN, /* its secret was not seen yet: keys_prove */
    KEY_WRONG,    /* no such key, or another secret */
    KEY_REVOKED,
    KEY_EXPIRED,
    KEY_GUESSED, /* wrong secrets came for this id a moment ago: no more are tried */
} key_state;

/* From memory: never waits for the database or a hash. *ret is set where the state is KEY_GOOD. */
key_state keys_look_up(keys *k, const char *text, key **ret);
/* The same, with the hash where it is needed: takes some 50 ms, one at a time. */
key_state keys_prove(keys *k, const char *text, key **ret);

const char *key_id(const key *y);
bool keys_may_use(keys *k, const key *y, const char *model);
bool keys_may_watch(keys *k, const key *y);
bool keys_may_manage(keys *k, const key *y);

/* What limits leave; of a limit that there is not, all numbers are 0. */
typedef struct key_allowance {
    key_limits limits;
    uint64_t requests_left, tokens_left; /* within a minute; of tokens, or within the day where that is less */
    uint64_t tokens_limit;               /* the one that tokens_left belongs to */
    double requests_reset_s, tokens_reset_s; /* until all of it is there again */
    const char *refused; /* the limit that is reached: "requests per minute"; NULL: none */
    double retry_s;      /* until there is some again; of concurrency 1 */
} key_allowance;

/* Begins a request that asks a model, and counts it; false: a limit is reached, and keys_end must not be called. */
bool keys_begin(keys *k, key *y, key_allowance *ret);
void keys_end(keys *k, key *y);
/* What an answer took, when it is known. */
void keys_spend(keys *k, key *y, uint64_t prompt_tokens, uint64_t tokens);

#endif
