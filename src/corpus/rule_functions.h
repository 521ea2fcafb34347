/* What the rows of rules.c point to. */
#ifndef CORPUS_RULE_FUNCTIONS_H
#define CORPUS_RULE_FUNCTIONS_H

#include "corpus/rules.h"

/* rules_text.c */
hearth_status rule_utf8_repair(rule *r, document *d, int part, hearth_error *error);
hearth_status rule_nfc(rule *r, document *d, int part, hearth_error *error);
hearth_status rule_length(rule *r, document *d, int part, hearth_error *error);

/* rules_exact.c */
hearth_status exact_open(rule *r, hearth_error *error);
hearth_status exact_apply(rule *r, document *d, int part, hearth_error *error);
hearth_status exact_decide(rule *r, document *d, hearth_error *error);
void exact_close(rule *r);

#endif
