/* Calls counted, and one of them made to fail: compiled in with -Dfaults=true. */
#include "base/fault.h"

#ifdef HEARTH_FAULTS
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[FAULT_KIND_COUNT] = {"alloc", "read", "map", "thread"};

static atomic_ulong counts[FAULT_KIND_COUNT];
static unsigned long fail_at;
static bool fail_onwards;
static fault_kind fail_kind;

static void write_counts(void)
{
    const char *path = getenv("HEARTH_FAULT_COUNT");
    FILE *out = path != NULL ? fopen(path, "w") : NULL;
    if (out == NULL) {
        return;
    }
    for (int kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        fprintf(out, "%s %lu\n", kind_names[kind], atomic_load(&counts[kind]));
    }
    fclose(out);
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *wanted = getenv("HEARTH_FAULT");
    if (getenv("HEARTH_FAULT_COUNT") != NULL) {
        atexit(write_counts);
    }
    if (wanted == NULL) {
        return;
    }
    for (int kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        const size_t length = strlen(kind_names[kind]);
        if (strncmp(wanted, kind_names[kind], length) == 0 && wanted[length] == ':') {
            char *end = NULL;
            fail_kind = (fault_kind)kind;
            fail_at = strtoul(wanted + length + 1, &end, 10);
            fail_onwards = *end == '+';
        }
    }
}

bool fault_here(fault_kind kind)
{
    const unsigned long number = atomic_fetch_add(&counts[kind], 1) + 1;
    if (fail_at == 0 || kind != fail_kind) {
        return false;
    }
    return number == fail_at || (fail_onwards && number > fail_at);
}
#else
/* An ISO C translation unit holds at least one declaration. */
typedef int fault_injection_is_off;
#endif
