/* A result's hash beside the committed one: its line is found by subject and computation, its place there by name. */
#include "known_hashes.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_DIGITS 12 /* of each, in the file */
#define LINE_BYTES 1024

/* The line "SUBJECT COMPUTE WHAT:HASH WHAT:HASH ...", behind its two names; NULL: there is none. */
static const char *find_line(FILE *file, const char *subject, const char *computation, char line[LINE_BYTES])
{
    char wanted[256];
    const int length = snprintf(wanted, sizeof wanted, "%s %s ", subject, computation);
    assert_true(length > 0 && (size_t)length < sizeof wanted);
    while (fgets(line, LINE_BYTES, file) != NULL) {
        assert_non_null(strchr(line, '\n')); /* else the line is too long for this reader */
        if (strncmp(line, wanted, (size_t)length) == 0) {
            return line + length - 1;
        }
    }
    return NULL;
}

void known_hash_check(const char *subject, compute how, const char *what, const char *hash)
{
    static const char hint[] = "if that is meant: tests/model/write_hashes.py, and a line in the changelog";
    const char *computation = how == COMPUTE_F32 ? "f32" : "native";
    const char *mode = getenv("HEARTH_HASHES");
    char line[LINE_BYTES];
    char wanted[64];
    if (mode != NULL && strcmp(mode, "ignore") == 0) {
        return;
    }
    FILE *file = fopen(golden_path("results.hashes"), "r");
    assert_non_null(file);
    const char *known = find_line(file, subject, computation, line);
    fclose(file);
    snprintf(wanted, sizeof wanted, " %s:", what);
    known = known == NULL ? NULL : strstr(known, wanted);
    if (known == NULL) {
        fail_msg("%s %s %s: no hash in golden/results.hashes, found %.12s; %s", subject, computation, what, hash, hint);
    } else if (strncmp(known + strlen(wanted), hash, HASH_DIGITS) != 0) {
        fail_msg("%s %s %s: expected %.12s, found %.12s; %s", subject, computation, what, known + strlen(wanted), hash,
                 hint);
    }
}
