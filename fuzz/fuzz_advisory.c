/* Advisories of strangers, as if their signature had been good; after a zero byte the name of a model that they may
 * concern. What is taken can be asked whom it concerns, and versions are ordered the same both ways. */
#include "fuzz_input.h"

#include "base/memory.h"
#include "openness/advise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fuzz_advisory: %s\n", what);
        abort();
    }
}

static void compare(const char *a, const char *b)
{
    bool one = false, other = false;
    const int forth = advise_compare_versions(a, b, &one);
    const int back = advise_compare_versions(b, a, &other);
    must(one == other && forth == -back, "an order that depends on who asks");
}

static void ask(const advisory *a, const char *name)
{
    advise_subject subject;
    hearth_error error = {0};
    char why[256];
    advise_match match = ADVISE_OTHER;
    must(a->id != NULL && a->summary != NULL && a->what_to_do != NULL, "a text that is missing");
    must(a->mend == ADVISE_NO_MEND || a->mend_text != NULL, "a mend without a text");
    advise_subject_of(name, NULL, &subject);
    if (advise_concerns(a, &subject, &match, why, &error) == HEARTH_OK) {
        fuzz_sink += (size_t)match;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[128] = "";
    advisory a;
    hearth_error error = {0};
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - data) : size;
    const size_t rest = end != NULL ? size - length - 1 : 0;
    snprintf(name, sizeof name, "%.*s", (int)(rest < sizeof name ? rest : sizeof name - 1),
             end != NULL ? (const char *)end + 1 : "");
    char *slash = strchr(name, '/');
    if (slash != NULL) {
        *slash = '\0';
        compare(name, slash + 1);
        *slash = '/';
    }
    if (advisory_parse((const char *)data, length, "fuzz", &a, &error) == HEARTH_OK) {
        ask(&a, name);
        advisory_free(&a);
    }
    return 0;
}
