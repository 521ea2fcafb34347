/* hearth advise: advisories written, signed, put into a feed, and looked at. */
#include "cli/advisories.h"
#include "cli/commands.h"
#include "cli/passphrase.h"
#include "cli/signing.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/model_name.h"
#include "hub/verify.h"
#include "model/locate.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DAY_S 86400
#define HOW_LONG_DAYS 30

typedef struct advise_settings {
    advisory_settings check;
    const char *key, *passphrase, *summary, *what_to_do, *rule, *adapter, *package, *out, *feed_name;
    option_list versions;
    int severity;
    size_t days;
    bool withdrawn;
} advise_settings;

static const advise_settings defaults = {.severity = ADVISE_MODERATE, .days = HOW_LONG_DAYS};

static const option options[] = {
    {.name = "summary",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, summary),
     .argument = "TEXT",
     .help = "new: one sentence: what is wrong."},
    {.name = "what-to-do",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, what_to_do),
     .argument = "TEXT",
     .help = "new: what users should do."},
    {.name = "severity",
     .type = OPTION_CHOICE,
     .offset = offsetof(advise_settings, severity),
     .argument = "WORD",
     .choices = advise_severities,
     .help = "new: low, moderate, high or critical. Default: moderate."},
    {.name = "rule",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, rule),
     .argument = "TEXT",
     .help = "new: the mend: a rule that is to stand before the system message."},
    {.name = "adapter",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, adapter),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "new: the mend: an adapter, by its name and SHA-256. hearth cannot load adapters yet and says so."},
    {.name = "package",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, package),
     .argument = "ORG/NAME",
     .help = "new: the model's name at a hub, besides its files' hashes."},
    {.name = "affected-version",
     .type = OPTION_LIST,
     .offset = offsetof(advise_settings, versions),
     .argument = "VERSION",
     .help = "new: of --package: a tag, a commit, or a range: 1.0.0..1.2.0 (from the first on, the second is mended). "
             "May be given "
             "many times."},
    {.name = "withdrawn",
     .type = OPTION_FLAG,
     .offset = offsetof(advise_settings, withdrawn),
     .help = "sign: it does not hold any more; its mend is applied no longer."},
    {.name = "key",
     .letter = 'k',
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, key),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "sign, publish: the private key. show: the public key."},
    {.name = "passphrase-file",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, passphrase),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = PASSPHRASE_HELP},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, out),
     .argument = "PLACE",
     .hint = HINT_FILE,
     .help = "new: the file to write. Default: ID.draft.json. sign: the feed's folder. Default: this one."},
    {.name = "feed-name",
     .type = OPTION_TEXT,
     .offset = offsetof(advise_settings, feed_name),
     .argument = "NAME",
     .help = "publish: what the feed is called, always the same. Default: advisories."},
    {.name = "days",
     .type = OPTION_COUNT,
     .offset = offsetof(advise_settings, days),
     .argument = "N",
     .least = 1,
     .most = 3650,
     .help = "publish: how long the feed holds before it must be published again. Default: 30."},
    ADVISORY_CHECK_ROWS(advise_settings, check),
    {.name = NULL},
};

/* ---- new ---- */

static json_t *text_json(const char *text)
{
    return json_door_text(text, strlen(text));
}

static hearth_status add_file(json_t **rows, const char *path, const char *name, terminal_progress *bar,
                              hearth_error *error)
{
    char digest[HASH_HEX_SIZE];
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return HEARTH_OK;
    }
    TRY(hub_sha256(path, terminal_progress_step, bar, digest, error));
    *rows = json_door_append(*rows, json_pack("{s:o, s:I, s:s}", "file", text_json(name), "size",
                                              (json_int_t)info.st_size, "sha256", digest));
    return *rows != NULL ? HEARTH_OK : error_memory(error, 0);
}

/* The weights, by which a model is known: configuration and texts are alike in many. */
static bool is_weights(const char *name)
{
    return text_ends(name, ".safetensors") || text_ends(name, ".gguf");
}

static hearth_status files_json(const char *model, terminal_progress *bar, json_t **ret, hearth_error *error)
{
    char *path = NULL;
    file_list files = {0};
    TRY(signing_locate(model, &path, error));
    json_t *rows = json_array();
    hearth_status status = HEARTH_OK;
    if (!file_is_folder(path)) {
        const char *slash = strrchr(path, '/');
        status = add_file(&rows, path, slash != NULL ? slash + 1 : path, bar, error);
    } else {
        status = hub_cache_list_files(path, &files, error);
    }
    for (size_t i = 0; status == HEARTH_OK && i < files.count; i++) {
        if (is_weights(files.names[i])) {
            char *file = file_join(path, files.names[i]);
            status = file != NULL ? add_file(&rows, file, files.names[i], bar, error)
                                  : error_memory(error, strlen(files.names[i]));
            mem_free(file);
        }
    }
    if (status == HEARTH_OK && json_array_size(rows) == 0) {
        status = error_set(error, HEARTH_E_ARGUMENT, NULL, "files of weights", "none");
        error_in_file(error, path);
    }
    file_list_free(&files);
    mem_free(path);
    if (status != HEARTH_OK) {
        json_decref(rows);
        return status;
    }
    *ret = rows;
    return HEARTH_OK;
}

/* FROM..TO is a range, all else a version. */
static void versions_json(const option_list *list, json_t **versions, json_t **ranges)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *dots = strstr(list->items[i], "..");
        if (dots == NULL) {
            *versions = json_door_append(*versions, text_json(list->items[i]));
            continue;
        }
        json_t *from = json_door_text(list->items[i], (size_t)(dots - list->items[i]));
        json_t *events = json_door_append(json_array(), json_door_put(json_object(), "introduced", from));
        if (dots[2] != '\0') {
            events = json_door_append(events, json_door_put(json_object(), "fixed", text_json(dots + 2)));
        }
        json_t *range = json_door_put(json_object(), "type", json_string("SEMVER"));
        *ranges = json_door_append(*ranges, json_door_put(range, "events", events));
    }
}

static json_t *affected_json(const advise_settings *s, json_t *files)
{
    json_t *one = json_object();
    json_t *versions = json_array();
    json_t *ranges = json_array();
    versions_json(&s->versions, &versions, &ranges);
    if (s->package != NULL) {
        json_t *package = json_door_put(json_object(), "ecosystem", json_string("Hugging Face"));
        one = json_door_put(one, "package", json_door_put(package, "name", text_json(s->package)));
        /* NULL: memory ran out, which json_door_put hands on */
        const bool none = versions != NULL && json_array_size(versions) == 0;
        const bool no_range = ranges != NULL && json_array_size(ranges) == 0;
        one = none ? one : json_door_put(one, "versions", json_incref(versions));
        one = no_range ? one : json_door_put(one, "ranges", json_incref(ranges));
    }
    json_decref(versions);
    json_decref(ranges);
    if (files != NULL) {
        one = json_door_put(one, "database_specific", json_door_put(json_object(), "files", files));
    }
    return json_door_append(json_array(), one);
}

static hearth_status mend_json(const advise_settings *s, terminal_progress *bar, json_t **ret, hearth_error *error)
{
    char digest[HASH_HEX_SIZE];
    *ret = NULL;
    if (s->rule != NULL) {
        *ret = json_door_put(json_object(), "kind", json_string("system"));
        *ret = json_door_put(*ret, "text", text_json(s->rule));
    } else if (s->adapter != NULL) {
        const char *slash = strrchr(s->adapter, '/');
        TRY(hub_sha256(s->adapter, terminal_progress_step, bar, digest, error));
        *ret = json_door_put(json_object(), "kind", json_string("adapter"));
        *ret = json_door_put(*ret, "file", text_json(slash != NULL ? slash + 1 : s->adapter));
        *ret = json_door_put(*ret, "sha256", json_string(digest));
    } else {
        return HEARTH_OK;
    }
    return *ret != NULL ? HEARTH_OK : error_memory(error, 0);
}

/* Takes files and mend over. */
static json_t *draft_json(const advise_settings *s, const char *id, json_t *files, json_t *mend)
{
    char now[32];
    (void)text_time((int64_t)time(NULL), now);
    json_t *specific = json_door_put(json_object(), "severity", json_string(advise_severities[s->severity]));
    specific = json_door_put(specific, "what_to_do", text_json(s->what_to_do));
    specific = mend != NULL ? json_door_put(specific, "mend", mend) : specific;
    json_t *draft = json_door_put(json_object(), "schema_version", json_string("1.6.0"));
    draft = json_door_put(draft, "id", text_json(id));
    draft = json_door_put(draft, "published", json_string(now));
    draft = json_door_put(draft, "modified", json_string(now));
    draft = json_door_put(draft, "summary", text_json(s->summary));
    draft = json_door_put(draft, "affected", affected_json(s, files));
    return json_door_put(draft, "database_specific", specific);
}

/* What is written is read as a stranger would read it, first. */
static hearth_status write_draft(json_t *draft, const char *path, hearth_error *error)
{
    buffer text;
    advisory a = {.json = NULL};
    buffer_init(&text, LIMIT_ADVISORY_BYTES);
    hearth_status status = draft != NULL ? json_door_write(draft, 2, &text, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? buffer_append_char(&text, '\n', error) : status;
    status = status == HEARTH_OK ? advisory_parse(buffer_text(&text), text.length, path, &a, error) : status;
    status = status == HEARTH_OK ? file_create(path, buffer_text(&text), text.length, error) : status;
    advisory_free(&a);
    buffer_free(&text);
    return status;
}

static int run_new(cli *c, const void *settings, const char **operands, size_t count)
{
    const advise_settings *s = settings;
    hearth_error error = {0};
    json_t *files = NULL;
    json_t *mend = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    if (!advise_is_id(operands[0])) {
        return cli_usage(c, "an id has letters, digits, -, _ and ., at most 64, and is not feed; this is \"%.80s\"",
                         operands[0]);
    }
    if (s->summary == NULL || s->what_to_do == NULL) {
        return cli_usage(c, "--summary and --what-to-do say what is wrong and what helps");
    }
    if (count < 2 && s->package == NULL) {
        return cli_usage(c, "a MODEL or --package says which models it concerns");
    }
    if (s->versions.count > 0 && s->package == NULL) {
        return cli_usage(c, "--affected-version needs --package: versions are those of a model with a name at a hub");
    }
    hearth_status status = count > 1 ? files_json(operands[1], &bar, &files, &error) : HEARTH_OK;
    status = status == HEARTH_OK ? mend_json(s, &bar, &mend, &error) : status;
    terminal_progress_end(&bar);
    char *path = s->out != NULL ? mem_strdup(s->out) : text_format("%s.draft.json", operands[0]);
    status = status == HEARTH_OK && path == NULL ? error_memory(&error, strlen(operands[0])) : status;
    json_t *draft = NULL;
    if (status == HEARTH_OK) {
        draft = draft_json(s, operands[0], files, mend);
        status = write_draft(draft, path, &error);
    } else {
        json_decref(files);
        json_decref(mend);
    }
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, json_incref(draft));
    } else if (status == HEARTH_OK) {
        printf("%s\n", path);
    }
    json_decref(draft);
    mem_free(path);
    return code;
}

/* ---- sign, publish ---- */

static hearth_status withdraw(json_t *json, hearth_error *error)
{
    char now[32];
    (void)text_time((int64_t)time(NULL), now);
    return json_object_set_new(json, "withdrawn", json_string(now)) == 0 &&
                   json_object_set_new(json, "modified", json_string(now)) == 0
               ? HEARTH_OK
               : error_memory(error, 0);
}

static hearth_status sign_draft(const advise_settings *s, const char *path, const sign_key *key, char **ret_path,
                                hearth_error *error)
{
    buffer text, payload;
    advisory a = {.json = NULL};
    json_t *envelope = NULL;
    buffer_init(&text, LIMIT_ADVISORY_BYTES);
    buffer_init(&payload, LIMIT_ADVISORY_BYTES / 2);
    hearth_status status = file_read(path, LIMIT_ADVISORY_BYTES, &text, error);
    status = status == HEARTH_OK ? advisory_parse(buffer_text(&text), text.length, path, &a, error) : status;
    status = status == HEARTH_OK && s->withdrawn ? withdraw(a.json, error) : status;
    status = status == HEARTH_OK ? json_door_write(a.json, 2, &payload, error) : status;
    status = status == HEARTH_OK ? sign_envelope_make(&payload, ADVISE_TYPE, key, true, &envelope, error) : status;
    buffer_clear(&text);
    status = status == HEARTH_OK ? json_door_write(envelope, 2, &text, error) : status;
    char *out = status == HEARTH_OK ? text_format("%s/%s.json", s->out != NULL ? s->out : ".", a.id) : NULL;
    status = status == HEARTH_OK && out == NULL ? error_memory(error, 0) : status;
    status = status == HEARTH_OK ? file_make_place(out, error) : status;
    status = status == HEARTH_OK ? file_replace(out, buffer_text(&text), text.length, error) : status;
    json_decref(envelope);
    advisory_free(&a);
    buffer_free(&payload);
    buffer_free(&text);
    *ret_path = out;
    return status;
}

static int run_sign(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const advise_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    char *path = NULL;
    if (s->key == NULL) {
        return cli_usage(c, "--key FILE says who signs; hearth sign key new FILE makes one");
    }
    hearth_status status = signing_read_key(s->key, s->passphrase, &key, &error);
    status = status == HEARTH_OK ? sign_draft(s, operands[0], key, &path, &error) : status;
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, json_pack("{s:o, s:s}", "file", text_json(path), "key", sign_key_hint(key)));
    } else if (status == HEARTH_OK) {
        printf("%s\n", path);
    }
    mem_free(path);
    sign_key_free(key);
    return code;
}

static int run_publish(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const advise_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    advise_feed feed = {.count = 0};
    char until[32] = "";
    const char *name = s->feed_name != NULL ? s->feed_name : "advisories";
    if (s->key == NULL) {
        return cli_usage(c, "--key FILE says who signs");
    }
    if (!advise_is_name(name)) {
        return cli_usage(c, "--feed-name has letters, digits, -, _ and ., at most 64");
    }
    hearth_status status = signing_read_key(s->key, s->passphrase, &key, &error);
    if (status == HEARTH_OK) {
        status = advise_feed_publish(operands[0], name, key, (int64_t)s->days * DAY_S, &feed, &error);
    }
    (void)text_time(feed.expires_s, until);
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(
            c, json_pack("{s:s, s:I, s:s}", "feed", name, "sequence", (json_int_t)feed.sequence, "expires", until));
    } else if (status == HEARTH_OK) {
        printf("%s: number %llu, holds until %s\n", name, (unsigned long long)feed.sequence, until);
    }
    advise_feed_free(&feed);
    sign_key_free(key);
    return code;
}

/* ---- show, check ---- */

static hearth_status show_one(const char *path, const sign_key *key, json_t **ret, hearth_error *error)
{
    buffer text;
    advisory a = {.json = NULL};
    buffer_init(&text, LIMIT_ADVISORY_BYTES);
    hearth_status status = file_read(path, LIMIT_ADVISORY_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = advisory_open(buffer_text(&text), text.length, key, path, &a, error);
    }
    *ret = status == HEARTH_OK ? json_incref(a.json) : NULL;
    advisory_free(&a);
    buffer_free(&text);
    return status;
}

static int run_show(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const advise_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    json_t *json = NULL;
    if (s->key == NULL) {
        return cli_usage(c, "--key FILE says by whose public key");
    }
    hearth_status status = sign_key_read_public(s->key, &key, &error);
    status = status == HEARTH_OK ? show_one(operands[0], key, &json, &error) : status;
    sign_key_free(key);
    return status == HEARTH_OK ? cli_print_json(c, json) : cli_fail(c, &error);
}

static json_t *concerned_json(const advisory *a, advise_match match, const char *why)
{
    json_t *row =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "id", a->id, "severity", advise_severities[a->severity], "summary",
                  text_json(a->summary), "what_to_do", text_json(a->what_to_do), "why", text_json(why));
    const char *mend = a->mend == ADVISE_SYSTEM ? "system" : a->mend == ADVISE_ADAPTER ? "adapter" : NULL;
    row = json_door_put(row, "mend", mend != NULL ? json_string(mend) : json_null());
    return json_door_put(row, "sure", json_boolean(match == ADVISE_CONCERNS));
}

static void print_concerned(const advisory *a, const char *why)
{
    printf("%s  %s  ", a->id, advise_severities[a->severity]);
    (void)terminal_write_text(a->summary, strlen(a->summary), NULL);
    printf("\n    because     ");
    (void)terminal_write_text(why, strlen(why), NULL);
    printf("\n    what to do  ");
    (void)terminal_write_text(a->what_to_do, strlen(a->what_to_do), NULL);
    printf("\n    mend        %s\n", a->mend == ADVISE_SYSTEM    ? "a system rule; --apply-advisories applies it"
                                     : a->mend == ADVISE_ADAPTER ? "an adapter, which hearth cannot load"
                                                                 : "none");
}

typedef struct concerned {
    const cli *c;
    json_t *rows;
    size_t count;
} concerned;

static hearth_status tell_concerned(void *context, const advisory *a, advise_match match, const char *why,
                                    hearth_error *error)
{
    (void)error;
    concerned *all = context;
    all->count++;
    if (all->c->json) {
        all->rows = json_door_append(all->rows, concerned_json(a, match, why));
    } else {
        print_concerned(a, why);
    }
    return HEARTH_OK;
}

/* "org/name" and no mistyped path: nothing of it is here, and no folder "org" either; or "hf:name". */
static bool is_hub_name(const char *name)
{
    model_name parts = {.source = MODEL_SOURCE_NONE};
    return !file_exists(name) && model_name_parse(name, &parts, NULL) == HEARTH_OK && parts.source == MODEL_SOURCE_HF &&
           (parts.stated || (parts.owner[0] != '\0' && !file_exists(parts.owner)));
}

/* Where the model lies; *ret_path NULL for a hub's name that is not here, which may be known all the same. Whatever
 * else cannot be looked at is an error: nothing can be said of it. */
static hearth_status locate_checked(const cli *c, const char *name, char **ret_path, hearth_error *error)
{
    file_list files = {0};
    hearth_status status = signing_locate(name, ret_path, error);
    if (status == HEARTH_E_NOT_FOUND && is_hub_name(name)) {
        *ret_path = NULL;
        fprintf(stderr, "hearth %s: it is not here: by name alone; files not looked at\n", c->command->name);
        return HEARTH_OK;
    }
    if (status == HEARTH_OK && file_is_folder(*ret_path)) {
        status = hub_cache_list_files(*ret_path, &files, error);
        if (status == HEARTH_OK && files.count == 0) {
            status = error_set(error, HEARTH_E_ARGUMENT, *ret_path, "files", "none");
        }
        file_list_free(&files);
    }
    return status;
}

static int run_check(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const advise_settings *s = settings;
    hearth_error error = {0};
    advisories all = {.count = 0};
    char *path = NULL;
    concerned found = {.c = c, .rows = json_array()};
    hearth_status status = advisories_open(c, &s->check, &all, &error);
    if (status == HEARTH_OK && all.count == 0) {
        status = error_set(&error, HEARTH_E_ARGUMENT, "advisories",
                           "a feed that can be read (--advisories, HEARTH_ADVISORIES or "
                           "~/.config/openhearth/advisories.json names one)",
                           "none");
    }
    status = status == HEARTH_OK ? locate_checked(c, operands[0], &path, &error) : status;
    status = status == HEARTH_OK ? advisories_each(c, &all, operands[0], path, tell_concerned, &found, &error) : status;
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, json_incref(found.rows));
    } else if (status == HEARTH_OK && found.count == 0) {
        printf("nothing is known against %s\n", path != NULL ? "it" : "its name");
    }
    json_decref(found.rows);
    mem_free(path);
    advisories_free(&all);
    return code == EXIT_DONE && found.count > 0 ? EXIT_FAILED : code;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {{"new", "an id and at most one model", 1, 2, run_new},
                                     {"sign", "a draft", 1, 1, run_sign},
                                     {"publish", "a folder", 1, 1, run_publish},
                                     {"show", "a signed advisory", 1, 1, run_show},
                                     {"check", "a model", 1, 1, run_check},
                                     {NULL, NULL, 0, 0, NULL}};
    return cli_run_verb(c, verbs, settings, operands, count);
}

const cli_command command_advise = {
    .name = "advise",
    .operands = "new ID [MODEL] | sign DRAFT | publish FOLDER | show FILE | check MODEL",
    .least = 1,
    .most = 3,
    .summary = "say what became known of a model, signed, with a mend",
    .text =
        "A model that was given away cannot be called back; what became known of it can be said, so that programs hear "
        "it. `new` writes a draft about a model (its weights' hashes, its name, ranges of versions), `sign` signs it "
        "into a folder, `publish` makes that folder a feed: put it on any web server, or a disk.\n\n"
        "`check` tells what a feed knows against a model: exit status 1 where it is something, or may be: the name is "
        "the model's, and its version is not known. `hearth pull`, `run` "
        "and "
        "`serve` look there, too, where HEARTH_ADVISORIES or --advisories names a feed, and warn; run and serve "
        "put rules before the system message where they are told to.\n\n"
        "A feed has a number that grows with each `publish` and a day on which it ends. One whose signature is "
        "another's, "
        "whose number is below the last one seen, or that has ended is refused.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){
            {"hearth advise new MINE-2026-1 model --summary 'Invents doses of medicines.' --what-to-do 'Take 1.1, or "
             "the "
             "rule.' --rule 'Never state doses of medicines.' --severity high",
             "A draft; look at it and change it."},
            {"hearth advise sign MINE-2026-1.draft.json --key me.key --output feed", "Into the folder of the feed."},
            {"hearth advise publish feed --key me.key --days 30", "The feed's next number."},
            {"hearth advise check model --advisories feed --advisory-key me.key.pub", "What a user does."},
            {NULL, NULL}},
    .run = run,
};
