/* The patterns that tell upper case from lower by hand: GPT-4o's (o200k, gpt-oss, Llama 4) and Mistral's tekken. */
#include "tokenizer/pattern_kinds.h"

#define UPPER_RUN (KIND_UPPER | KIND_LETTER | KIND_MARK) /* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
#define LOWER_RUN (KIND_LOWER | KIND_LETTER | KIND_MARK) /* [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
#define BOTH_RUNS (KIND_LETTER | KIND_MARK)

/* UPPER_RUN* LOWER_RUN+ from `at`: where it ends, or NULL. Where no small letter follows the first run, that gives
 * characters back until one that counts as both is left for the second. *ret_run: where the first run alone ends. */
static const char *cased_word(const char *at, const char *end, const char **ret_run)
{
    const char *last_both = NULL;
    const char *next = at;
    unsigned kind = 0;
    while (at < end && ((kind = kind_at(at, end, &next)) & UPPER_RUN) != 0) {
        at = next;
        last_both = (kind & BOTH_RUNS) != 0 ? at : last_both;
    }
    *ret_run = at;
    return at < end && kind == KIND_LOWER ? run_of(next, end, LOWER_RUN) : last_both;
}

static inline size_t with_contraction(const char *text, const char *stop, const char *end, bool contractions)
{
    const size_t more = contractions && stop < end && *stop == '\'' ? pattern_contraction_any_case(stop, end) : 0;
    return (size_t)(stop - text) + more;
}

/* The two alternatives that begin with letters, at `text` or after one character in front of them (`kind`, which ends
 * at `next`): the piece's length, or 0. */
static size_t cased_piece(const char *text, const char *end, unsigned kind, const char *next, bool contractions)
{
    const char *run = text;
    const char *upper = NULL;
    if ((kind & KINDS_LETTER) != 0) {
        const char *stop = cased_word(text, end, &run);
        return with_contraction(text, stop != NULL ? stop : run, end, contractions);
    }
    if ((kind & KIND_NUMBER) != 0 || is_newline(*text)) {
        return 0;
    }
    const char *stop = cased_word(next, end, &upper);
    if (stop == NULL && kind == KIND_MARK) {
        stop = next; /* the mark is itself the word, before any word of capitals alone */
    }
    if (stop == NULL) {
        stop = upper > next ? upper : NULL;
    }
    return stop != NULL ? with_contraction(text, stop, end, contractions) : 0;
}

static inline size_t match_cased(const char *text, const char *end, int digits, bool contractions)
{
    const char *next = text;
    const unsigned kind = kind_at(text, end, &next);
    if (kind == KIND_NUMBER) {
        return pattern_numbers(text, next, end, digits);
    }
    const size_t taken = cased_piece(text, end, kind, next, contractions);
    if (taken > 0) {
        return taken;
    }
    const char *after = next;
    const bool others =
        (kind & KINDS_OTHER) != 0 || (*text == ' ' && next < end && (kind_at(next, end, &after) & KINDS_OTHER) != 0);
    if (!others) {
        return pattern_space_or_newlines(text, next, end);
    }
    const char *stop = run_of(after, end, KINDS_OTHER);
    while (stop < end && (is_newline(*stop) || *stop == '/')) {
        stop++;
    }
    return (size_t)(stop - text);
}

size_t pattern_o200k(const char *text, const char *end)
{
    return match_cased(text, end, 3, true);
}

size_t pattern_tekken(const char *text, const char *end)
{
    return match_cased(text, end, 1, false);
}
