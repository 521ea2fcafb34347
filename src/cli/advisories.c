/* Feeds that the user named, and what they say of a model. */
#include "cli/advisories.h"
#include "cli/terminal.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_file.h"
#include "formats/model_name.h"
#include "model/locate.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FEEDS 16u

/* ---- feeds ---- */

static hearth_status open_one(const cli *c, const char *place, const char *key_path, advisories *ret,
                              hearth_error *error)
{
    sign_key *key = NULL;
    hearth_error problem = {0};
    char line[600], until[32];
    advise_feed *grown = mem_realloc(ret->feeds, (ret->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_memory(error, sizeof *grown);
    }
    ret->feeds = grown;
    TRY(sign_key_read_public(key_path, &key, error));
    advise_feed *feed = &ret->feeds[ret->count];
    const hearth_status status = advise_feed_open(place, key, feed, &problem);
    sign_key_free(key);
    if (status == HEARTH_OK && feed->offline) {
        (void)text_time(feed->expires_s, until);
        fprintf(stderr,
                "hearth %s: advisories: not renewed (%.300s); the copy of number %llu is used, which holds until %s\n",
                c->command->name, feed->reason, (unsigned long long)feed->sequence, until);
    }
    if (status == HEARTH_OK) {
        ret->count++;
        return HEARTH_OK;
    }
    if (feed->unreached) { /* no network, and no copy; all else, as a disk that is full, is an error */
        fprintf(stderr, "hearth %s: advisories: NOT checked: %.500s\n", c->command->name,
                hearth_error_line(&problem, line, sizeof line));
        return HEARTH_OK;
    }
    *error = problem;
    return status;
}

static hearth_status open_row(const cli *c, const json_t *row, const char *path, advisories *ret, hearth_error *error)
{
    static const char *const known[] = {"feed", "key", NULL};
    const char *feed = NULL;
    const char *key = NULL;
    if (!json_is_object(row)) {
        return sign_wrong(path, "feeds", "objects", row, error);
    }
    TRY(sign_only_keys(row, known, path, error));
    TRY(sign_text(row, "feed", 4096, path, &feed, error));
    TRY(sign_text(row, "key", 4096, path, &key, error));
    return open_one(c, feed, key, ret, error);
}

/* {"feeds": [{"feed": PLACE, "key": FILE}]} */
static hearth_status open_configured(const cli *c, advisories *ret, hearth_error *error)
{
    json_t *json = NULL;
    char *config = file_user_folder("config");
    char *path = config != NULL ? file_join(config, "advisories.json") : NULL;
    mem_free(config);
    if (path == NULL || !file_exists(path)) {
        const bool failed = path == NULL && file_has_user_folder("config");
        mem_free(path);
        return failed ? error_memory(error, strlen("advisories.json")) : HEARTH_OK;
    }
    hearth_status status = json_file_read(path, LIMIT_ADVISORY_BYTES, &json, error);
    const json_t *feeds = json_object_get(json, "feeds");
    if (status == HEARTH_OK && (!json_is_array(feeds) || json_array_size(feeds) > MOST_FEEDS)) {
        status = json_file_error(error, path, "feeds", "an array of at most 16", feeds);
    }
    for (size_t i = 0; status == HEARTH_OK && i < json_array_size(feeds); i++) {
        status = open_row(c, json_array_get(feeds, i), path, ret, error);
    }
    json_decref(json);
    mem_free(path);
    return status;
}

static const char *named(const char *given, const char *variable)
{
    const char *value = given != NULL ? given : getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

hearth_status advisories_open(const cli *c, const advisory_settings *s, advisories *ret, hearth_error *error)
{
    *ret = (advisories){.apply = s->apply};
    if (s->off) {
        return HEARTH_OK;
    }
    const char *feed = named(s->feed, "HEARTH_ADVISORIES");
    const char *key = named(s->key, "HEARTH_ADVISORY_KEY");
    if (feed != NULL && key == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "--advisories",
                         "--advisory-key FILE or HEARTH_ADVISORY_KEY with it: whom to believe", "none");
    }
    const hearth_status status = feed != NULL ? open_one(c, feed, key, ret, error) : open_configured(c, ret, error);
    if (status == HEARTH_OK && s->apply && ret->count == 0) {
        fprintf(stderr, "hearth %s: --apply-advisories: there is no feed to apply\n", c->command->name);
    }
    return status;
}

void advisories_free(advisories *a)
{
    for (size_t i = 0; i < a->count; i++) {
        advise_feed_free(&a->feeds[i]);
    }
    mem_free(a->feeds);
    *a = (advisories){.count = 0};
}

/* ---- a model ---- */

static void print_harmless(const char *text)
{
    buffer safe;
    buffer_init(&safe, 0);
    if (terminal_harmless(text, strlen(text), &safe, NULL) == HEARTH_OK) {
        for (size_t i = 0; i < safe.length; i++) {
            safe.data[i] = safe.data[i] == '\n' ? ' ' : safe.data[i];
        }
        fputs(buffer_text(&safe), stderr);
    }
    buffer_free(&safe);
}

/* A warning is no remark: --quiet does not silence it. */
static void warn(const cli *c, const advisory *a, const char *why)
{
    fprintf(stderr, "hearth %s: advisory %s (%s): ", c->command->name, a->id, advise_severities[a->severity]);
    print_harmless(a->summary);
    fputs(" [", stderr);
    print_harmless(why);
    fputs("] What to do: ", stderr);
    print_harmless(a->what_to_do);
    fputc('\n', stderr);
}

void advisory_rules_free(advisory_rules *r)
{
    buffer_free(&r->text);
    buffer_free(&r->told);
}

void advisories_tell_applied(advisory_rules *r)
{
    fputs(buffer_text(&r->told), stderr);
    buffer_clear(&r->told);
}

hearth_status advisories_need_chat(const char *name, hearth_error *error)
{
    return error_set(error, HEARTH_E_ARGUMENT, "--apply-advisories", "a model with a chat template",
                     "text that is continued as it is (%.200s)", name);
}

static hearth_status apply(const cli *c, const advisory *a, advisory_rules *rules, hearth_error *error)
{
    if (a->mend != ADVISE_SYSTEM) {
        return error_set(error, HEARTH_E_UNSUPPORTED, a->id, "a mend that can be applied: a system rule",
                         a->mend == ADVISE_ADAPTER ? "an adapter (%s), which this version cannot load" : "no mend%.0s",
                         a->mend_text != NULL ? a->mend_text : "");
    }
    TRY(buffer_printf(&rules->told, error, "hearth %s: advisory %s: its rule is applied\n", c->command->name, a->id));
    TRY(buffer_append_text(&rules->text, a->mend_text, error));
    return buffer_append_char(&rules->text, '\n', error);
}

hearth_status advisories_each(const cli *c, const advisories *all, const char *name, const char *path, advisories_fn fn,
                              void *context, hearth_error *error)
{
    advise_subject subject;
    terminal_progress bar = {.quiet = c->quiet};
    advise_subject_of(name, path, &subject);
    subject.progress = terminal_progress_step;
    subject.context = &bar;
    for (size_t f = 0; f < all->count; f++) {
        for (size_t i = 0; i < all->feeds[f].count; i++) {
            const advisory *a = &all->feeds[f].advisories[i];
            advise_match match = ADVISE_OTHER;
            char why[256];
            hearth_status status = a->withdrawn ? HEARTH_OK : advise_concerns(a, &subject, &match, why, error);
            terminal_progress_end(&bar);
            status = status == HEARTH_OK && match != ADVISE_OTHER ? fn(context, a, match, why, error) : status;
            TRY(status);
        }
    }
    return HEARTH_OK;
}

typedef struct checking {
    const cli *c;
    advisory_rules *rules; /* NULL: nothing is applied */
} checking;

/* A rule that may be another version's is told, not applied. */
static hearth_status warn_and_apply(void *context, const advisory *a, advise_match match, const char *why,
                                    hearth_error *error)
{
    const checking *check = context;
    warn(check->c, a, why);
    return check->rules != NULL && match == ADVISE_CONCERNS ? apply(check->c, a, check->rules, error) : HEARTH_OK;
}

hearth_status advisories_check(const cli *c, const advisories *all, const char *name, const char *path,
                               advisory_rules *ret_rules, hearth_error *error)
{
    checking check = {.c = c, .rules = all->apply ? ret_rules : NULL};
    return advisories_each(c, all, name, path, warn_and_apply, &check, error);
}

hearth_status advisories_of(const cli *c, const advisory_settings *s, const char *name, advisory_rules *ret_rules,
                            hearth_error *error)
{
    advisories all = {.count = 0};
    char *path = NULL;
    hearth_status status = advisories_open(c, s, &all, error);
    if (status == HEARTH_OK && all.count > 0) {
        if (model_locate(name, &path, NULL) != HEARTH_OK) {
            path = NULL; /* not here: its name may be known */
        }
        status = advisories_check(c, &all, name, path, ret_rules, error);
    }
    mem_free(path);
    advisories_free(&all);
    return status;
}
