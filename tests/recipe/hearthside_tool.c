/* Prints documents or held-out questions of hearthside as JSON lines, for scripts.
 *   hearthside_tool documents SEED FIRST COUNT      {"text": …}
 *   hearthside_tool questions SEED FIRST COUNT      {"kind": …, "prompt": …, "answer": …} */
#include "corpus/hearthside.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool print_line(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    const bool good = text != NULL && puts(text) >= 0;
    free(text);
    json_decref(line);
    return good;
}

static bool print_one(bool document, uint64_t seed, uint64_t index)
{
    buffer text, answer;
    buffer_init(&text, 0);
    buffer_init(&answer, 0);
    bool good = false;
    if (document) {
        good = hearthside_document(seed, index, &text, NULL) == HEARTH_OK &&
               print_line(json_pack("{s:s}", "text", buffer_text(&text)));
    } else {
        good = hearthside_question(seed, index, &text, &answer, NULL) == HEARTH_OK &&
               print_line(json_pack("{s:s,s:s,s:s}", "kind",
                                    hearthside_question_name((unsigned)(index % HEARTHSIDE_QUESTIONS)), "prompt",
                                    buffer_text(&text), "answer", buffer_text(&answer)));
    }
    buffer_free(&text);
    buffer_free(&answer);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 5 || (strcmp(argv[1], "documents") != 0 && strcmp(argv[1], "questions") != 0)) {
        fprintf(stderr, "usage: hearthside_tool documents|questions SEED FIRST COUNT\n");
        return 2;
    }
    const uint64_t seed = strtoull(argv[2], NULL, 10), first = strtoull(argv[3], NULL, 10);
    const uint64_t count = strtoull(argv[4], NULL, 10);
    for (uint64_t i = first; i < first + count; i++) {
        if (!print_one(argv[1][0] == 'd', seed, i)) {
            return 1;
        }
    }
    return 0;
}
