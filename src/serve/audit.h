/* The audit log: a line of JSON for each request, when it is over. What was asked and answered is no part of it, unless
 * told otherwise; keys never are, their ids are. docs/serving-operations.md, "Audit log". */
#ifndef SERVE_AUDIT_H
#define SERVE_AUDIT_H

#include "base/json.h"

typedef struct audit_options {
    const char *path; /* grows at its end; made where it is not there, readable by its owner alone */
    bool contents;    /* bodies and answers, too */
    bool required;    /* requests are refused while nothing can be written */
    void (*told)(void *context, const char *line);
    void *told_context;
} audit_options;

#define AUDIT_CONTENT_BYTES ((size_t)1 << 20)

typedef struct audit audit;

hearth_status audit_open(const audit_options *options, audit **ret, hearth_error *error);
/* Opens the file by its name again: it was moved away. Where that fails the old one is written on. */
hearth_status audit_reopen(audit *a, hearth_error *error);
void audit_close(audit *a); /* what waits is written; NULL is allowed */
bool audit_has_contents(const audit *a);
/* Takes the value over; NULL (memory is out) counts as not written. A thread of the log's own writes it soon. */
void audit_write(audit *a, json_t *value);
/* Whether requests are to be refused: the last line was not written, or there is no room for those that wait. Waits for
 * nobody who writes. */
bool audit_refuses(audit *a);
/* Lines that were not written. */
uint64_t audit_lost(audit *a);
/* Now, as "2026-11-27T04:05:06.123Z". */
void audit_time(char ret[32]);

#endif
