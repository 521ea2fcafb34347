/* Advisories: what became known of a model after it was given away, signed by whoever the user trusts to say so. JSON
 * in the shape of OSV (ossf.github.io/osv-schema, 1.6), in an envelope (sign_envelope.h). docs/advisories.md. */
#ifndef OPENNESS_ADVISE_H
#define OPENNESS_ADVISE_H

#include "base/progress.h"
#include "openness/sign_envelope.h"

#define ADVISE_TYPE "application/vnd.openhearth.advisory.v1+json"
#define ADVISE_FEED_TYPE "application/vnd.openhearth.feed.v1+json"
#define ADVISE_FEED_FILE "feed.json"

typedef enum advise_severity { ADVISE_LOW, ADVISE_MODERATE, ADVISE_HIGH, ADVISE_CRITICAL } advise_severity;
extern const char *const advise_severities[];

typedef enum advise_mend { ADVISE_NO_MEND, ADVISE_SYSTEM, ADVISE_ADAPTER } advise_mend;

/* One that was read: the texts are the JSON's. */
typedef struct advisory {
    json_t *json;
    const char *id, *summary, *what_to_do;
    advise_severity severity;
    bool withdrawn; /* it does not hold any more */
    advise_mend mend;
    const char *mend_text; /* ADVISE_SYSTEM: the rule; ADVISE_ADAPTER: the file's name */
} advisory;

/* Checks all of it: shapes, lengths, times, hashes, ranges. `name` is for the error. */
hearth_status advisory_parse(const char *text, size_t length, const char *name, advisory *ret, hearth_error *error);
void advisory_free(advisory *a); /* zeroed ones are allowed */
/* Of a signed one: the signature first, by `key`. */
hearth_status advisory_open(const char *text, size_t length, const sign_key *key, const char *name, advisory *ret,
                            hearth_error *error);

/* "2026-11-27T12:00:00Z" */
bool advise_time(const char *text, int64_t *ret_s);
/* Letters, digits, "-", "_" and ".", at most 64; it begins with a letter or a digit: ids and names of feeds. */
bool advise_is_name(const char *text);
/* Such a name but "feed": ID.json lies beside feed.json. */
bool advise_is_id(const char *text);

/* ---- whom it concerns ---- */

/* What is known of a model without reading its weights. */
typedef struct advise_subject {
    const char *path;     /* a folder or a file; NULL: not here yet */
    char package[300];    /* "org/name" where it came from a hub under that name; "" */
    char revision[300];   /* the branch or tag that was named; "" */
    char commit[80];      /* of a hub's snapshot; "" */
    progress_fn progress; /* while files are hashed */
    void *context;
} advise_subject;

void advise_subject_of(const char *name, const char *path, advise_subject *ret);
/* ADVISE_MAY_CONCERN: the name is the model's, and its version is none that can be compared with those affected. */
typedef enum advise_match { ADVISE_OTHER, ADVISE_MAY_CONCERN, ADVISE_CONCERNS } advise_match;

/* *ret_why is set where it (or it may) concern the model: "model.safetensors has SHA-256 …", "org/name 1.0". Files are
 * hashed only where an advisory names one of that size (or no size); what was hashed is remembered in the user's
 * cache. */
hearth_status advise_concerns(const advisory *a, const advise_subject *subject, advise_match *ret, char ret_why[256],
                              hearth_error *error);
/* -1, 0, 1: as semver.org 2.0.0 orders versions; *ret_good false where one is none. "v1.2.0" counts as "1.2.0". */
int advise_compare_versions(const char *a, const char *b, bool *ret_good);

#endif
