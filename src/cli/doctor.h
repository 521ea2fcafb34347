/* What doctor finds out about the machine besides the measurements. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "model/engine.h"

#include <stddef.h>

enum { DOCTOR_SETS_MOST = 8, DOCTOR_HINTS_MOST = 8, DOCTOR_LIBRARIES_MOST = 8 };

/* Instruction sets that this CPU has and hearth uses, weakest first. */
size_t doctor_instruction_sets(const char *ret[DOCTOR_SETS_MOST]);

typedef struct doctor_library {
    const char *name;
    char version[48];
} doctor_library;
/* The libraries as they are loaded now, not as they were when this was built. */
size_t doctor_libraries(doctor_library ret[DOCTOR_LIBRARIES_MOST]);

typedef struct doctor_hint {
    char text[320];
} doctor_hint;
/* What could be set better here, and how. */
size_t doctor_hints(const engine *e, doctor_hint ret[DOCTOR_HINTS_MOST]);

#endif
