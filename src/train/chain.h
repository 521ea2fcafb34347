/* The log of a run: a line of JSON a record, each with the SHA-256 of the line before it. docs/formats/training-log.md.
 */
#ifndef TRAIN_CHAIN_H
#define TRAIN_CHAIN_H

#include "base/hash.h"
#include "base/json.h"
#include "platform/file_append.h"

typedef struct chain_writer {
    file_append file;
    char last[HASH_HEX_SIZE]; /* of the last record's line; zeros before the first */
} chain_writer;

/* Opens or makes the log and changes nothing in it. Who has it open has the run's folder: HEARTH_E_ARGUMENT where that
 * is another process. */
hearth_status chain_open(const char *path, chain_writer *ret, hearth_error *error);
/* Goes on behind the first `keep` bytes, whose last record's hash is `last` (NULL: an empty log). */
hearth_status chain_go_on(chain_writer *w, uint64_t keep, const char *last, hearth_error *error);
/* Adds "previous", writes the line and frees the record (NULL: memory ran out while it was built). */
hearth_status chain_append(chain_writer *w, json_t *record, hearth_error *error);
void chain_close(chain_writer *w);

typedef struct chain_record {
    json_t *value;
    char hash[HASH_HEX_SIZE]; /* of its line */
    uint64_t end;             /* bytes of the log up to and with it */
} chain_record;

typedef struct chain_log {
    chain_record *records;
    size_t count;
} chain_log;

/* Reads and checks: every line is JSON with the hash of the one before. Stops behind `limit` bytes (0: the whole file,
 * a last line without its end left out, as a run that was cut off leaves it). HEARTH_E_FORMAT names the line. */
hearth_status chain_read(const char *path, uint64_t limit, chain_log *ret, hearth_error *error);
void chain_free(chain_log *log);

/* A record's kind: "begin", "step", "evaluation", "checkpoint"; "" where it says none. */
const char *chain_kind(const chain_record *r);
uint64_t chain_step(const chain_record *r);
/* A text or number of a record; "" and NaN where there is none. */
const char *chain_text(const chain_record *r, const char *key);
double chain_number(const chain_record *r, const char *key);
/* The record of this kind and step, or NULL; steps must not descend (verify_records), else it may not be found. */
const chain_record *chain_find(const chain_log *log, const char *kind, uint64_t step);
/* Where a record of the log is another than `ours`, which lacks "previous": the first key in `text`, which else is "".
 */
void chain_difference(const chain_record *theirs, const json_t *ours, char *text, size_t size);

#endif
