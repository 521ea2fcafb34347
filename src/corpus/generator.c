/* The table of generators, and the smallest of them. */
#include "corpus/generator.h"

#include "base/random.h"
#include "corpus/hearthside.h"

#include <stddef.h>
#include <string.h>

/* Eight sums and differences to 20, a line each: "7 + 5 = 12". */
static hearth_status make_sums(uint64_t seed, uint64_t index, buffer *text, hearth_error *error)
{
    for (uint64_t line = 0; line < 8; line++) {
        uint32_t words[4];
        random_philox(seed, RANDOM_CORPUS, index, line, words);
        const unsigned whole = words[0] % 21u, part = words[1] % (whole + 1);
        if (words[2] % 2 == 0) {
            TRY(buffer_printf(text, error, "%u + %u = %u\n", part, whole - part, whole));
        } else {
            TRY(buffer_printf(text, error, "%u - %u = %u\n", whole, part, whole - part));
        }
    }
    return HEARTH_OK;
}

const corpus_generator corpus_generators[] = {
    {"hearthside", "CC0-1.0", "en", hearthside_document},
    {"sums", "CC0-1.0", "en", make_sums},
    {NULL, NULL, NULL, NULL},
};

const corpus_generator *corpus_generator_find(const char *name)
{
    for (const corpus_generator *g = corpus_generators; g->name != NULL; g++) {
        if (strcmp(g->name, name) == 0) {
            return g;
        }
    }
    return NULL;
}
