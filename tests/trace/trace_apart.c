/* Searches an index and links src/trace/ alone: trace_apart INDEX TEXT prints how often the text stands there. */
#include "trace/trace_index.h"

#include <stdio.h>
#include <string.h>

int main(int count, char **words)
{
    hearth_error error = {0};
    trace_index *x = NULL;
    uint64_t found = 0;
    char line[1024];
    if (count != 3) {
        return 2;
    }
    hearth_status status = trace_index_open(words[1], 2, &x, &error);
    if (status == HEARTH_OK) {
        const trace_query q = trace_query_bytes(words[2], strlen(words[2]));
        status = trace_count(x, &q, &found, &error);
    }
    if (status == HEARTH_OK) {
        printf("%llu\n", (unsigned long long)found);
    } else {
        fprintf(stderr, "%s\n", hearth_error_line(&error, line, sizeof line));
    }
    trace_index_close(x);
    return status == HEARTH_OK ? 0 : 1;
}
