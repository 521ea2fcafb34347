/* What hearth openness gathers before it judges, and how it prints. */
#ifndef CLI_OPENNESS_H
#define CLI_OPENNESS_H

#include "cli/cli.h"
#include "openness/subject.h"
#include "train/reproduce.h"
#include "train/verify.h"

/* Of a model with a recipe and a log: what hearth verify finds, and on request hearth reproduce; and the log. */
typedef struct openness_evidence {
    char *folder; /* of the model: MODEL, or the folder model in it */
    bool there;
    verify_report verified;
    reproduce_report again;
    subject_check checks[VERIFY_CHECKS + 64];
    size_t check_count;
    json_t *training; /* steps, tokens, losses, checkpoints, cost (docs/openness.md); NULL: there is no recipe */
    double flop;      /* NAN: not known */
} openness_evidence;

typedef struct openness_wish {
    bool reproduce;
    const char *sources, *work; /* as hearth reproduce has them; NULL */
} openness_wish;

hearth_status openness_evidence_read(cli *c, const char *path, const openness_wish *wish, openness_evidence *ret,
                                     hearth_error *error);
void openness_evidence_free(openness_evidence *e);

/* The verdict at the terminal. */
void openness_print(const json_t *verdict);

/* cmd_openness.c: whether this program has an architecture's code (subject_options.knows). */
bool openness_knows(const char *architecture, bool hf_class);

#endif
