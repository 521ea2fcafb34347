/* A feed: a signed list of advisories with a number that only grows and a day on which it ends. What was seen last is
 * kept in the user's state, so that an old one cannot be played again; a copy of it serves where there is no network.
 */
#ifndef OPENNESS_ADVISE_FEED_H
#define OPENNESS_ADVISE_FEED_H

#include "openness/advise.h"

typedef struct advise_feed {
    char name[65];
    uint64_t sequence;
    int64_t issued_s, expires_s;
    bool offline;         /* it could not be fetched or kept: this is the copy of the last time */
    bool unreached;       /* after a failure: there was neither a network nor a copy */
    char reason[256];     /* why */
    advisory *advisories; /* in the feed's order */
    size_t count;
} advise_feed;

/* `place` is a folder or a http(s) URL under which feed.json lies. Refused, with an error: a signature of another key,
 * one that has ended or begins in the future, a number below the last one that was seen, the same number over other
 * bytes, an advisory with other bytes than the feed says; a copy is refused by the same, once it has ended.
 * Where there is neither a network nor a copy, ret->unreached says so. */
hearth_status advise_feed_open(const char *place, const sign_key *key, advise_feed *ret, hearth_error *error);
void advise_feed_free(advise_feed *feed); /* zeroed ones are allowed */

/* Makes FOLDER/feed.json of the signed advisories in FOLDER, which `key` must have signed: one number more than the one
 * that is there. */
hearth_status advise_feed_publish(const char *folder, const char *name, const sign_key *key, int64_t valid_s,
                                  advise_feed *ret, hearth_error *error);

#endif
