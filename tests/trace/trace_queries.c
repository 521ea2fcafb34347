/* Searches an index and links src/trace/ alone, as serve/ does. Queries come on standard input, a line each: numbers of
 * tokens apart by blanks, or bytes as hexadecimal digits.
 *
 *     trace_queries INDEX tokens|bytes find|longest|suffix
 *
 * A line each comes back: places, units that matched, nanoseconds. */
#include "base/text.h"
#include "platform/cpu.h"
#include "trace/trace_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef hearth_status (*search_fn)(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error);

static size_t read_hex(char *line)
{
    size_t length = 0;
    for (const char *at = line; text_hex_digit(at[0]) >= 0 && text_hex_digit(at[1]) >= 0; at += 2) {
        line[length++] = (char)(text_hex_digit(at[0]) * 16 + text_hex_digit(at[1]));
    }
    return length;
}

static hearth_status read_ids(char *line, token_list *ids, hearth_error *error)
{
    ids->count = 0;
    for (char *at = line;;) {
        char *end = NULL;
        const long id = strtol(at, &end, 10);
        if (end == at) {
            return HEARTH_OK;
        }
        TRY(token_list_append(ids, (int32_t)id, error));
        at = end;
    }
}

static hearth_status search_lines(const trace_index *x, bool tokens, search_fn search, hearth_error *error)
{
    static char line[1 << 20];
    token_list ids = {0};
    while (fgets(line, sizeof line, stdin) != NULL) {
        TRY(tokens ? read_ids(line, &ids, error) : HEARTH_OK);
        const trace_query q = tokens ? trace_query_tokens(ids.ids, ids.count) : trace_query_bytes(line, read_hex(line));
        trace_matches m = {0};
        const uint64_t began = time_now_ns();
        TRY(search(x, &q, &m, error));
        const uint64_t took = time_now_ns() - began;
        printf("%llu %zu %llu\n", (unsigned long long)m.count, m.length, (unsigned long long)took);
        trace_matches_free(&m);
    }
    token_list_free(&ids);
    return HEARTH_OK;
}

int main(int count, char **words)
{
    hearth_error error = {0};
    trace_index *x = NULL;
    char text[1024];
    if (count != 4) {
        return 2;
    }
    const search_fn search = strcmp(words[3], "longest") == 0  ? trace_find_longest
                             : strcmp(words[3], "suffix") == 0 ? trace_find_suffix
                                                               : trace_find;
    hearth_status status = trace_index_open(words[1], 2, &x, &error);
    status = status == HEARTH_OK ? search_lines(x, strcmp(words[2], "tokens") == 0, search, &error) : status;
    if (status != HEARTH_OK) {
        fprintf(stderr, "%s\n", hearth_error_line(&error, text, sizeof text));
    }
    trace_index_close(x);
    return status == HEARTH_OK ? 0 : 1;
}
