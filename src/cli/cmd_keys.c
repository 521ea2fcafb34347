/* hearth keys: who may ask a server, and how much. */
#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "serve/keys_file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NOT_GIVEN SIZE_MAX
#define MOST_LIMIT 1e15
#define USAGE_DAYS 30
#define MOST_DAYS 36500

typedef struct keys_settings {
    const char *file, *expires;
    option_list models;
    bool metrics, admin, no_metrics, no_admin;
    size_t tokens_minute, tokens_day, requests_minute, concurrency, days;
} keys_settings;

static const keys_settings defaults = {.tokens_minute = NOT_GIVEN,
                                       .tokens_day = NOT_GIVEN,
                                       .requests_minute = NOT_GIVEN,
                                       .concurrency = NOT_GIVEN,
                                       .days = USAGE_DAYS};

static const option options[] = {
    {.name = "keys",
     .type = OPTION_TEXT,
     .offset = offsetof(keys_settings, file),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "The database. Default: ~/.local/share/openhearth/keys.sqlite."},
    {.name = "model",
     .letter = 'm',
     .type = OPTION_LIST,
     .offset = offsetof(keys_settings, models),
     .argument = "NAME",
     .help = "add, limit: a model that the key may ask, by the name that the server gives it; may be given many times. "
             "\"*\": all. Default of add: all."},
    {.name = "metrics",
     .type = OPTION_FLAG,
     .offset = offsetof(keys_settings, metrics),
     .help = "add, limit: the key may also read the server's load (/metrics)."},
    {.name = "admin",
     .type = OPTION_FLAG,
     .offset = offsetof(keys_settings, admin),
     .help = "add, limit: the key has every right, also to fetch and remove models."},
    {.name = "no-metrics",
     .type = OPTION_FLAG,
     .offset = offsetof(keys_settings, no_metrics),
     .help = "limit: takes --metrics away."},
    {.name = "no-admin",
     .type = OPTION_FLAG,
     .offset = offsetof(keys_settings, no_admin),
     .help = "limit: takes --admin away."},
    {.name = "tokens-per-minute",
     .type = OPTION_COUNT,
     .offset = offsetof(keys_settings, tokens_minute),
     .argument = "N",
     .least = 0,
     .most = MOST_LIMIT,
     .help = "add, limit: tokens of prompts and answers together; 0: no limit."},
    {.name = "tokens-per-day",
     .type = OPTION_COUNT,
     .offset = offsetof(keys_settings, tokens_day),
     .argument = "N",
     .least = 0,
     .most = MOST_LIMIT,
     .help = "add, limit: the same within a day (UTC)."},
    {.name = "requests-per-minute",
     .type = OPTION_COUNT,
     .offset = offsetof(keys_settings, requests_minute),
     .argument = "N",
     .least = 0,
     .most = MOST_LIMIT,
     .help = "add, limit: requests; 0: no limit."},
    {.name = "concurrency",
     .type = OPTION_COUNT,
     .offset = offsetof(keys_settings, concurrency),
     .argument = "N",
     .least = 0,
     .most = MOST_LIMIT,
     .help = "add, limit: requests at a time; 0: no limit."},
    {.name = "expires",
     .type = OPTION_TEXT,
     .offset = offsetof(keys_settings, expires),
     .argument = "WHEN",
     .help = "add, limit: 12h or 30d from now, the beginning of a day in UTC (2027-01-31), or never."},
    {.name = "days",
     .type = OPTION_COUNT,
     .offset = offsetof(keys_settings, days),
     .argument = "N",
     .least = 1,
     .most = MOST_DAYS,
     .help = "usage: of the last N days, today among them. Default: 30."},
    {.name = NULL},
};

/* ---- reading what was asked for ---- */

static bool read_date(const char *text, int64_t *ret)
{
    struct tm day = {0};
    const char *end = strptime(text, "%Y-%m-%d", &day);
    if (end == NULL || *end != '\0') {
        return false;
    }
    const time_t when = timegm(&day);
    *ret = (int64_t)when;
    return when > 0;
}

static hearth_status read_expiry(const char *text, int64_t *ret, hearth_error *error)
{
    const char *unit = NULL;
    uint64_t number = 0;
    if (strcmp(text, "never") == 0) {
        *ret = 0;
        return HEARTH_OK;
    }
    if (read_date(text, ret)) {
        return HEARTH_OK;
    }
    const bool whole = option_read_whole(text, &unit, &number) && number <= MOST_DAYS * 24;
    if (!whole || (strcmp(unit, "h") != 0 && strcmp(unit, "d") != 0)) {
        return error_set(error, HEARTH_E_ARGUMENT, "--expires", "12h, 30d, 2027-01-31 or never", "\"%.40s\"", text);
    }
    *ret = (int64_t)time(NULL) + (int64_t)number * (*unit == 'h' ? 3600 : DAY_SECONDS);
    return HEARTH_OK;
}

static hearth_status read_models(const option_list *list, char ret[KEY_MODELS_SIZE], hearth_error *error)
{
    size_t at = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i];
        if (strcmp(name, "*") == 0) {
            ret[0] = '\0';
            return HEARTH_OK;
        }
        if (name[0] == '\0' || strchr(name, '\n') != NULL || at + strlen(name) + 2 > KEY_MODELS_SIZE) {
            return error_set(error, HEARTH_E_ARGUMENT, "--model", "names of models, 4 KB in all", "\"%.60s\"", name);
        }
        at += (size_t)snprintf(ret + at, KEY_MODELS_SIZE - at, "%s\n", name);
    }
    return HEARTH_OK;
}

static void set_limit(uint64_t *limit, size_t given)
{
    *limit = given != NOT_GIVEN ? given : *limit;
}

/* What was given, over what is there. */
static hearth_status change_row(const keys_settings *s, key_row *row, hearth_error *error)
{
    set_limit(&row->limits.tokens_minute, s->tokens_minute);
    set_limit(&row->limits.tokens_day, s->tokens_day);
    set_limit(&row->limits.requests_minute, s->requests_minute);
    set_limit(&row->limits.concurrency, s->concurrency);
    row->metrics = (row->metrics || s->metrics) && !s->no_metrics;
    row->admin = (row->admin || s->admin) && !s->no_admin;
    if (s->expires != NULL) {
        TRY(read_expiry(s->expires, &row->expires, error));
    }
    return s->models.count > 0 ? read_models(&s->models, row->models, error) : HEARTH_OK;
}

/* ---- what is told ---- */

static json_t *models_json(const char *models)
{
    json_t *names = json_array();
    for (const char *at = models; *at != '\0'; at += *at == '\n' ? 1 : 0) {
        names = json_door_append(names, json_door_text(at, strcspn(at, "\n")));
        at += strcspn(at, "\n");
    }
    if (models[0] == '\0') {
        json_decref(names);
        return json_null();
    }
    return names;
}

static json_t *number_or_null(uint64_t number)
{
    return number > 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *row_json(const key_row *row)
{
    const key_limits *l = &row->limits;
    return json_pack("{s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "id", row->id, "name",
                     json_door_string(row->name), "models", models_json(row->models), "metrics", row->metrics, "admin",
                     row->admin, "tokens_per_minute", number_or_null(l->tokens_minute), "tokens_per_day",
                     number_or_null(l->tokens_day), "requests_per_minute", number_or_null(l->requests_minute),
                     "concurrency", number_or_null(l->concurrency), "created", (json_int_t)row->created, "expires",
                     number_or_null((uint64_t)row->expires), "revoked", number_or_null((uint64_t)row->revoked));
}

static void print_limit(const char *what, uint64_t limit, bool *some)
{
    if (limit > 0) {
        printf("%s%llu %s", *some ? ", " : "", (unsigned long long)limit, what);
        *some = true;
    }
}

static void date_text(int64_t when_s, char ret[16])
{
    struct tm parts;
    const time_t when = (time_t)when_s;
    ret[0] = '\0';
    if (gmtime_r(&when, &parts) != NULL) {
        (void)strftime(ret, 16, "%Y-%m-%d", &parts);
    }
}

static void print_state(const key_row *row)
{
    char day[16];
    if (row->revoked != 0) {
        date_text(row->revoked, day);
        printf(", revoked %s", day);
    } else if (row->expires != 0) {
        date_text(row->expires, day);
        printf(", %s %s", row->expires <= (int64_t)time(NULL) ? "expired" : "expires", day);
    }
}

static void print_row(const key_row *row)
{
    bool some = false;
    printf("%s  ", row->id);
    (void)terminal_write_text(row->name, strlen(row->name), NULL);
    printf("%s: ", row->admin ? " (admin)" : row->metrics ? " (metrics)" : "");
    for (const char *at = row->models; *at != '\0'; at += *at == '\n' ? 1 : 0) {
        printf("%s", at == row->models ? "" : " ");
        (void)terminal_write_text(at, strcspn(at, "\n"), NULL);
        at += strcspn(at, "\n");
    }
    printf("%s", row->models[0] == '\0' ? "all models; " : "; ");
    print_limit("tokens a minute", row->limits.tokens_minute, &some);
    print_limit("tokens a day", row->limits.tokens_day, &some);
    print_limit("requests a minute", row->limits.requests_minute, &some);
    print_limit("at a time", row->limits.concurrency, &some);
    printf("%s", some ? "" : "no limits");
    print_state(row);
    putchar('\n');
}

/* ---- the verbs ---- */

typedef struct keys_work {
    cli *c;
    const keys_settings *s;
    const char *operand; /* NULL: none */
    keys_file *file;
    json_t *rows; /* of what is listed, for --json */
    size_t count;
} keys_work;

static hearth_status print_one(keys_work *w, const key_row *row)
{
    if (w->c->json) {
        (void)cli_print_json(w->c, row_json(row));
    } else {
        print_row(row);
    }
    return HEARTH_OK;
}

static hearth_status add(keys_work *w, hearth_error *error)
{
    char text[KEY_TEXT_SIZE];
    key_row row = {.created = (int64_t)time(NULL)};
    if (w->operand[0] == '\0' || strlen(w->operand) >= sizeof row.name) {
        return error_set(error, HEARTH_E_ARGUMENT, "NAME", "1 to 127 bytes", "%zu", strlen(w->operand));
    }
    memcpy(row.name, w->operand, strlen(w->operand) + 1);
    TRY(change_row(w->s, &row, error));
    TRY(keys_file_add(w->file, &row, text, error));
    if (w->c->json) {
        (void)cli_print_json(w->c, json_door_put(row_json(&row), "key", json_string(text)));
    } else {
        printf("%s\n", text);
        cli_note(w->c, "key %s; it is not kept and cannot be shown again", row.id);
    }
    secret_wipe(text, sizeof text);
    return HEARTH_OK;
}

static hearth_status list_row(void *context, const key_row *row, hearth_error *error)
{
    (void)error;
    keys_work *w = context;
    w->count++;
    if (w->c->json) {
        w->rows = json_door_append(w->rows, row_json(row));
    } else {
        print_row(row);
    }
    return HEARTH_OK;
}

static hearth_status list(keys_work *w, hearth_error *error)
{
    TRY(keys_file_each(w->file, list_row, w, error));
    if (w->count == 0 && !w->c->json) {
        cli_note(w->c, "no keys here; hearth keys add NAME makes one");
    }
    return HEARTH_OK;
}

static hearth_status revoke(keys_work *w, hearth_error *error)
{
    key_row row;
    TRY(keys_file_find(w->file, w->operand, &row, error));
    row.revoked = row.revoked != 0 ? row.revoked : (int64_t)time(NULL);
    TRY(keys_file_change(w->file, &row, error));
    return print_one(w, &row);
}

static hearth_status limit(keys_work *w, hearth_error *error)
{
    key_row row;
    TRY(keys_file_find(w->file, w->operand, &row, error));
    TRY(change_row(w->s, &row, error));
    TRY(keys_file_change(w->file, &row, error));
    return print_one(w, &row);
}

static hearth_status usage_row(void *context, const key_usage *u, hearth_error *error)
{
    (void)error;
    keys_work *w = context;
    char day[16];
    date_text(u->day * DAY_SECONDS, day);
    w->count++;
    if (w->c->json) {
        w->rows = json_door_append(w->rows, json_pack("{s:s, s:s, s:I, s:I, s:I}", "day", day, "id", u->id, "requests",
                                                      (json_int_t)u->requests, "prompt_tokens",
                                                      (json_int_t)u->prompt_tokens, "tokens", (json_int_t)u->tokens));
    } else {
        printf("%s  %s  %llu request%s, %llu tokens of prompts, %llu of answers\n", day, u->id,
               (unsigned long long)u->requests, u->requests == 1 ? "" : "s", (unsigned long long)u->prompt_tokens,
               (unsigned long long)u->tokens);
    }
    return HEARTH_OK;
}

static hearth_status usage(keys_work *w, hearth_error *error)
{
    key_row row = {.id = ""};
    if (w->operand != NULL) {
        TRY(keys_file_find(w->file, w->operand, &row, error));
    }
    const int64_t from = (int64_t)time(NULL) / DAY_SECONDS - (int64_t)w->s->days + 1;
    TRY(keys_file_each_usage(w->file, row.id, from, usage_row, w, error));
    if (w->count == 0 && !w->c->json) {
        cli_note(w->c, "nothing was asked");
    }
    return HEARTH_OK;
}

/* Of a file that is named, a new one is made for a new key alone: a name that is mistyped is told. */
static hearth_status open_file(keys_work *w, bool makes, hearth_error *error)
{
    char *path = NULL;
    if (w->s->file != NULL && !makes && !file_exists(w->s->file)) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, NULL, "a database of keys (hearth keys add makes one)", "none");
        error_in_file(error, w->s->file);
        return HEARTH_E_NOT_FOUND;
    }
    if (w->s->file != NULL) {
        return keys_file_open(w->s->file, &w->file, error);
    }
    TRY(keys_file_default(&path, error));
    const hearth_status status = keys_file_open(path, &w->file, error);
    mem_free(path);
    return status;
}

static int work(cli *c, const keys_settings *s, const char *operand, bool lists,
                hearth_status (*fn)(keys_work *w, hearth_error *error))
{
    hearth_error error = {0};
    keys_work w = {.c = c, .s = s, .operand = operand, .rows = lists ? json_array() : NULL};
    hearth_status status = open_file(&w, fn == add, &error);
    status = status == HEARTH_OK ? fn(&w, &error) : status;
    keys_file_close(w.file);
    if (status == HEARTH_OK && lists && c->json) {
        return cli_print_json(c, w.rows);
    }
    json_decref(w.rows);
    return status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
}

static int run_add(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    return work(c, settings, operands[0], false, add);
}

static int run_list(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)operands;
    (void)count;
    return work(c, settings, NULL, true, list);
}

static int run_revoke(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    return work(c, settings, operands[0], false, revoke);
}

static int run_limit(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    return work(c, settings, operands[0], false, limit);
}

static int run_usage(cli *c, const void *settings, const char **operands, size_t count)
{
    return work(c, settings, count > 0 ? operands[0] : NULL, true, usage);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {{"add", "a name", 1, 1, run_add},
                                     {"list", "no operand", 0, 0, run_list},
                                     {"revoke", "a key", 1, 1, run_revoke},
                                     {"limit", "a key", 1, 1, run_limit},
                                     {"usage", "at most one key", 0, 1, run_usage},
                                     {NULL, NULL, 0, 0, NULL}};
    (void)signals_leave_at_once(true); /* SQLite's transactions are whole or not there */
    return cli_run_verb(c, verbs, settings, operands, count);
}

const cli_command command_keys = {
    .name = "keys",
    .operands = "add NAME | list | revoke KEY | limit KEY | usage [KEY]",
    .least = 1,
    .most = 2,
    .summary = "make, limit and revoke the keys of hearth serve",
    .text =
        "Clients of `hearth serve --keys FILE` send a key with each request (`Authorization: Bearer KEY` or "
        "`x-api-key: KEY`). `add` makes one and prints it, once: the database has a hash of it (scrypt). A KEY is "
        "named "
        "by its id, which is the part of it that is no secret, or by its name.\n\n"
        "`limit` changes what the options name and leaves the rest; `revoke` ends a key for good. A server that runs "
        "sees what was changed within a second. `usage` tells requests and tokens by day (UTC).",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof(keys_settings),
    .has_json = true,
    .examples =
        (const cli_example[]){
            {"hearth keys add alice --tokens-per-day 1000000 --concurrency 4", "A key for somebody, with limits."},
            {"hearth keys limit alice --model chat --expires 30d", "One model from now on, for 30 days."},
            {"hearth keys revoke 0123456789ab", "No more."},
            {"hearth keys usage --days 7 --json", "What each key used in a week."},
            {NULL, NULL}},
    .run = run,
};
