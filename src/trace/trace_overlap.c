#include "trace/trace_overlap.h"

#include "trace/trace_words.h"

void trace_overlap_free(trace_overlap *o)
{
    trace_matches_free(&o->longest);
    *o = (trace_overlap){0};
}

static bool begins_word(const char *text, size_t at)
{
    const bool continues = ((unsigned char)text[at] & 0xC0) == 0x80;
    return at == 0 ||
           (!continues && trace_in_word((unsigned char)text[at]) && !trace_in_word((unsigned char)text[at - 1]));
}

/* The longest beginning of text[at..) that is there; false where it is shorter than `least`. */
static hearth_status match_at(const trace_index *x, const char *text, size_t length, size_t at, size_t least,
                              trace_matches *ret, hearth_error *error)
{
    const trace_query q = trace_query_bytes(text + at, length - at);
    TRY(trace_find_longest(x, &q, ret, error));
    if (ret->length < least) {
        trace_matches_free(ret);
    }
    return HEARTH_OK;
}

hearth_status trace_overlap_find(const trace_index *x, const char *text, size_t length, size_t least,
                                 trace_overlap *ret, hearth_error *error)
{
    trace_overlap o = {0};
    size_t covered_to = 0;
    least = least > 0 ? least : 1;
    for (size_t at = 0; at + least <= length; at++) {
        trace_matches m = {0};
        if (!begins_word(text, at)) {
            continue;
        }
        const hearth_status status = match_at(x, text, length, at, least, &m, error);
        if (status != HEARTH_OK) {
            trace_overlap_free(&o);
            return status;
        }
        const size_t end = at + m.length, from = at > covered_to ? at : covered_to;
        if (m.length > 0 && end > from) {
            o.covered += end - from;
            covered_to = end;
        }
        if (m.length > o.longest.length) {
            const trace_matches before = o.longest;
            o.longest = m;
            o.begin = at;
            m = before;
        }
        trace_matches_free(&m);
    }
    *ret = o;
    return HEARTH_OK;
}
