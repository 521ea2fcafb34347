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

/* rules_quality.c, rules_repetition.c */
hearth_status rule_gopher_quality(rule *r, document *d, int part, hearth_error *error);
hearth_status rule_c4_quality(rule *r, document *d, int part, hearth_error *error);
hearth_status rule_repetition(rule *r, document *d, int part, hearth_error *error);

/* rules_personal.c */
hearth_status personal_open(rule *r, hearth_error *error);
hearth_status rule_personal_data(rule *r, document *d, int part, hearth_error *error);

/* rules_lists.c */
hearth_status rule_licence_allow(rule *r, document *d, int part, hearth_error *error);
hearth_status opt_out_open(rule *r, hearth_error *error);
hearth_status opt_out_apply(rule *r, document *d, int part, hearth_error *error);
void opt_out_close(rule *r);
hearth_status contamination_open(rule *r, hearth_error *error);
hearth_status contamination_apply(rule *r, document *d, int part, hearth_error *error);
void contamination_close(rule *r);

/* rules_near.c */
hearth_status near_open(rule *r, hearth_error *error);
hearth_status near_apply(rule *r, document *d, int part, hearth_error *error);
hearth_status near_decide(rule *r, document *d, hearth_error *error);
void near_close(rule *r);

/* rules_language.c */
hearth_status language_open(rule *r, hearth_error *error);
hearth_status language_apply(rule *r, document *d, int part, hearth_error *error);
void language_close(rule *r);

#endif
