/* What pull, run and serve do with advisories: options, the check, the words. docs/advisories.md. */
#ifndef CLI_ADVISORIES_H
#define CLI_ADVISORIES_H

#include "cli/cli.h"
#include "openness/advise_feed.h"

typedef struct advisory_settings {
    const char *feed, *key;
    bool apply, off;
} advisory_settings;

/* Rows of an option table whose settings have advisory_settings as `member`. */
#define ADVISORY_CHECK_ROWS(owner, member)                                                                             \
    {.name = "advisories",                                                                                             \
     .type = OPTION_TEXT,                                                                                              \
     .offset = offsetof(owner, member.feed),                                                                           \
     .argument = "PLACE",                                                                                              \
     .help =                                                                                                           \
         "Look for advisories about the model in this feed: a folder or a URL. Default: HEARTH_ADVISORIES, else the "  \
         "feeds of ~/.config/openhearth/advisories.json, else none."},                                                 \
        {.name = "advisory-key",                                                                                       \
         .type = OPTION_TEXT,                                                                                          \
         .offset = offsetof(owner, member.key),                                                                        \
         .argument = "FILE",                                                                                           \
         .hint = HINT_FILE,                                                                                            \
         .help = "The public key that signs the feed (PEM). Default: HEARTH_ADVISORY_KEY."},                           \
    {                                                                                                                  \
        .name = "no-advisories", .type = OPTION_FLAG, .offset = offsetof(owner, member.off), .help = "Look for none."  \
    }
#define ADVISORY_ROWS(owner, member)                                                                                   \
    ADVISORY_CHECK_ROWS(owner, member),                                                                                \
    {                                                                                                                  \
        .name = "apply-advisories", .type = OPTION_FLAG, .offset = offsetof(owner, member.apply),                      \
        .help =                                                                                                        \
            "Mend what advisories say: their rules stand before the system message. One whose mend cannot be applied " \
            "is an error."                                                                                             \
    }

/* Feeds that were opened, for as long as models are. */
typedef struct advisories {
    advise_feed *feeds;
    size_t count;
    bool apply;
} advisories;

/* Opens the feeds that options, environment or configuration name; none is good. What is refused (a false signature, an
 * old number, one that has ended) is an error; no network is told. */
hearth_status advisories_open(const cli *c, const advisory_settings *s, advisories *ret, hearth_error *error);
void advisories_free(advisories *a); /* zeroed ones are allowed */
/* Calls `fn` for each that holds and concerns the model, or may; `path` (NULL: it is not here) is where it lies. */
typedef hearth_status (*advisories_fn)(void *context, const advisory *a, advise_match match, const char *why,
                                       hearth_error *error);
hearth_status advisories_each(const cli *c, const advisories *all, const char *name, const char *path, advisories_fn fn,
                              void *context, hearth_error *error);

/* What is to be applied; begins zeroed. */
typedef struct advisory_rules {
    buffer text; /* a line each */
    buffer told; /* of each a line that says so, for advisories_tell_applied */
} advisory_rules;

void advisory_rules_free(advisory_rules *r); /* zeroed ones are allowed */
/* Tells on stderr which concern the model, or may. With `apply`, the rules of those that do are appended to `ret_rules`
 * (NULL: nothing is applied). */
hearth_status advisories_check(const cli *c, const advisories *a, const char *name, const char *path,
                               advisory_rules *ret_rules, hearth_error *error);
/* Both at once, for the model that a name means, if it is here; ret_rules as above. */
hearth_status advisories_of(const cli *c, const advisory_settings *s, const char *name, advisory_rules *ret_rules,
                            hearth_error *error);
/* Says on stderr, once, which rules are applied: when they stand in the conversation, not before. */
void advisories_tell_applied(advisory_rules *r);
/* The error of rules for a model, named so, without a chat template: no message that they could stand before. */
hearth_status advisories_need_chat(const char *name, hearth_error *error);

#endif
