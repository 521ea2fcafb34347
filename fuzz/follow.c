/* The tokens that a grammar allows, followed: what a fuzzer of grammars does with each. */
#include "follow.h"

#include "../tests/structured/byte_vocabulary.h"

#include <stdlib.h>
#include <string.h>

static const char *const pieces[] = {"{\"", "\":", "\",\"", "\"}",      "true",     "abc", "a b c d",
                                     "12",  ".5",  "\\u00", "\xc3\xa9", "\xf0\x9f", "\n  "};
enum { PIECES = sizeof pieces / sizeof *pieces, VOCABULARY = 258 + PIECES };

static const grammar_vocabulary *vocabulary(void)
{
    static grammar_vocabulary *v;
    size_t lengths[PIECES];
    if (v == NULL) {
        for (size_t i = 0; i < PIECES; i++) {
            lengths[i] = strlen(pieces[i]);
        }
        if (grammar_vocabulary_create(byte_vocabulary(pieces, lengths, PIECES), VOCABULARY, &v, NULL) != HEARTH_OK) {
            abort();
        }
    }
    return v;
}

/* False only where accepting the token says something else than the mask did; past a limit it says nothing. */
static bool agrees(hearth_status accepted, bool allowed)
{
    return accepted == HEARTH_E_LIMIT || (accepted == HEARTH_OK) == allowed;
}

/* A token of the mask is accepted by a copy. */
static void check_token(const constraint *c, const uint64_t *mask, int32_t id)
{
    constraint *fork = NULL;
    const bool allowed = (mask[id / 64] >> id % 64 & 1) != 0;
    if (constraint_fork(c, &fork, NULL) == HEARTH_OK) {
        if (!agrees(constraint_accept(fork, id, NULL), allowed)) {
            abort();
        }
        constraint_free(fork);
    }
}

void fuzz_follow(grammar *g, const uint8_t *text, size_t size)
{
    constraint *c = NULL;
    if (constraint_create(g, vocabulary(), &c, NULL) != HEARTH_OK) {
        return;
    }
    for (size_t i = 1; i < size && i < 64; i++) {
        const uint64_t *mask = NULL;
        hearth_error error;
        const hearth_status status = constraint_allowed(c, &mask, &error);
        if (status == HEARTH_E_UNSUPPORTED) {
            abort(); /* every byte is a token: something goes on */
        }
        if (status != HEARTH_OK) {
            break;
        }
        check_token(c, mask, 256 + (int32_t)(i * 7 % (PIECES + 2)));
        const bool allowed = (mask[text[i] / 64] >> text[i] % 64 & 1) != 0;
        const hearth_status accepted = constraint_accept(c, text[i], NULL);
        if (!agrees(accepted, allowed)) {
            abort();
        }
        if (accepted != HEARTH_OK) {
            break;
        }
    }
    constraint_free(c);
}
