/* The Model Openness Framework's classes, as its Tool counts them. */
#include "openness/verdict.h"

const char *verdict_mof_name(int class_number)
{
    static const char *const names[] = {"Unclassified", "Class I - Open Science Model", "Class II - Open Tooling Model",
                                        "Class III - Open Model"};
    return names[class_number >= 0 && class_number <= 3 ? class_number : 0];
}

/* Licences for code on data or papers count since version 1.1, with a warning; so do others on code. */
static bool suits(component_content content, unsigned flags)
{
    if ((flags & LICENCE_MODEL) != 0) {
        return true;
    }
    return content == CONTENT_CODE ? (flags & (LICENCE_OSI | LICENCE_FSF)) != 0 : (flags & LICENCE_DATA) != 0;
}

void verdict_mof(const subject *s, mof_result *ret)
{
    *ret = (mof_result){0};
    for (size_t i = 0; i < COMPONENT_KINDS; i++) {
        const component *c = &s->components[i];
        ret->included[i] = c->there == ANSWER_YES && c->terms.verdict == LICENCE_OPEN;
        ret->warned[i] = ret->included[i] && !suits(component_rows[i].content, c->terms.flags);
    }
    const bool paper = ret->included[COMPONENT_RESEARCH_PAPER];
    const bool report = ret->included[COMPONENT_TECHNICAL_REPORT];
    for (int k = 1; k <= 3; k++) {
        for (size_t i = 0; i < COMPONENT_KINDS; i++) {
            if (component_rows[i].required && component_rows[i].mof_class >= k) {
                const bool stands_in = i == COMPONENT_TECHNICAL_REPORT && paper && !report;
                ret->counts[k].of++;
                ret->counts[k].included += ret->included[i] || stands_in;
            }
        }
    }
    if (paper && !report) { /* the paper counts once where it is asked for itself */
        ret->counts[1].of--;
        ret->counts[1].included--;
    }
    for (int k = 3; k >= 1 && ret->counts[k].included == ret->counts[k].of; k--) {
        ret->class_number = k;
    }
}
