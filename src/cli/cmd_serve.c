/* hearth serve: models for other programs and people, over HTTP. */
#include "cli/commands.h"
#include "cli/advisories.h"
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/run.h"
#include "cli/serve_config.h"
#include "cli/serve_safety.h"
#include "cli/serve_signals.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "serve/agent.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_PORT 8080
#define MOST_PARALLEL 1024
#define MOST_QUEUE 100000
#define MOST_SECONDS 86400
#define NOTE_AFTER_S 0.2
#define POLL_S 0.01

typedef struct serve_settings {
    const char *host;
    size_t port, context, parallel, queue, idle, arrival, answer_tokens, answer_seconds;
    const char *memory, *cache_memory, *most_body;
    const char *record, *record_limit;
    int compute, cache, lossless;
    option_list names, origins, folders, drafts, traces;
    size_t draft_tokens;
    const char *config, *keys, *audit, *tls_certificate, *tls_key;
    size_t agent_port, drain;
    bool audit_contents, audit_required;
    bool store, no_prefix_cache, insecure_no_key, log, no_pull, no_confine;
    advisory_settings advisories;
} serve_settings;

static const option options[] = {
    {.name = "config",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, config),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help =
         "Read options from this YAML file, by their names (port: 9000), and models as a list (models: [A, B]). What "
         "the command line says goes before it. SIGHUP reads it again."},
    {.name = "host",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, host),
     .argument = "ADDRESS",
     .help =
         "Listen on this address: 127.0.0.1 and ::1 are this machine alone, 0.0.0.0 and :: are all of its networks. "
         "Default: 127.0.0.1."},
    {.name = "port",
     .letter = 'p',
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, port),
     .argument = "N",
     .least = 0,
     .most = 65535,
     .help = "Listen on this port; 0: any that is free. Default: 8080."},
    {.name = "context",
     .letter = 'c',
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, context),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help =
         "Tokens that one request may have, prompt and answer. Default: what each model was made for, or less where "
         "memory is short."},
    {.name = "parallel",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, parallel),
     .argument = "N",
     .least = 1,
     .most = MOST_PARALLEL,
     .help = "Answers that are made at a time, of each model; others wait. Default: 32."},
    {.name = "queue",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, queue),
     .argument = "N",
     .least = 1,
     .most = MOST_QUEUE,
     .help = "Requests that may wait, of each model; beyond it they are refused (429). Default: 256."},
    {.name = "memory",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, memory),
     .argument = "SIZE",
     .help = "Let the weights of all models take at most SIZE of memory: " SIZE_HELP
             ". Where another one is asked for, those go that nobody has used for longest. Default: no limit."},
    {.name = "cache-memory",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, cache_memory),
     .argument = "SIZE",
     .help = "Memory for keys and values of each model. Default: half of what is free when it is opened."},
    {.name = "cache",
     .type = OPTION_CHOICE,
     .offset = offsetof(serve_settings, cache),
     .argument = "FORMAT",
     .choices = cache_type_names,
     .help = OPEN_CACHE_HELP},
    {.name = "no-prefix-cache",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, no_prefix_cache),
     .help = "Compute every prompt from its beginning. Results are the same."},
    {.name = "draft",
     .type = OPTION_LIST,
     .offset = offsetof(serve_settings, drafts),
     .argument = "[NAME=]MODEL",
     .help = "Let this smaller model of the same vocabulary guess what the first model, or the one that is served as "
             "NAME, says next: answers are the same, sooner. none: nor does the model's own head for further tokens, "
             "where it has one. May be given many times."},
    {.name = "draft-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, draft_tokens),
     .argument = "N",
     .least = 1,
     .most = DRAFT_MOST - 1,
     .help = "Let it guess N tokens each time. Default: as many as pay, as far as earlier ones tell."},
    {.name = "compute",
     .type = OPTION_CHOICE,
     .offset = offsetof(serve_settings, compute),
     .argument = "HOW",
     .choices = open_compute_names,
     .help = "How products are computed: native (the number format's fast rule) or f32 (exactly dequantised weights, "
             "binary32 activations). Default: native."},
    {.name = "lossless",
     .type = OPTION_CHOICE,
     .offset = offsetof(serve_settings, lossless),
     .argument = "WHEN",
     .choices = open_lossless_names,
     .help = OPEN_LOSSLESS_HELP},
    {.name = "store",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, store),
     .help = "Serve whatever lies in this machine's stores (hearth list), too."},
    {.name = "max-body",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, most_body),
     .argument = "SIZE",
     .help = "The largest body of a request. Default: 32 MiB."},
    {.name = "idle-timeout",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, idle),
     .argument = "SECONDS",
     .least = 1,
     .most = MOST_SECONDS,
     .help = "Close connections that nothing was heard of for so long. Default: 75."},
    {.name = "request-timeout",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, arrival),
     .argument = "SECONDS",
     .least = 1,
     .most = MOST_SECONDS,
     .help = "Close connections whose request takes longer to arrive. Default: 60."},
    {.name = "answer-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, answer_tokens),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help =
         "End each answer after N tokens, as its own length ends it, also where a request asks for more or names no "
         "number. Default: no limit but the context."},
    {.name = "answer-seconds",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, answer_seconds),
     .argument = "N",
     .least = 1,
     .most = MOST_SECONDS,
     .help = "End an answer that takes so long since its first token, as its own length would end it. Default: no "
             "limit."},
    {.name = "name",
     .type = OPTION_LIST,
     .offset = offsetof(serve_settings, names),
     .argument = "NAME",
     .help = "On this machine alone, also answer when called by this host name (a proxy's). May be given many times."},
    {.name = "allow-origin",
     .type = OPTION_LIST,
     .offset = offsetof(serve_settings, origins),
     .argument = "ORIGIN",
     .help = "Let web pages of this origin (https://example.org) ask; \"*\": all. May be given many times. Default: "
             "this server's own pages alone."},
    {.name = "trace",
     .type = OPTION_LIST,
     .offset = offsetof(serve_settings, traces),
     .argument = "[NAME=]INDEX",
     .help = "Tell where answers' words stand in the data that a model was trained on (/v1/trace, and in the page), by "
             "this index of `hearth trace index`: of the model that clients call NAME, or of all that have none of "
             "their own. May be given many times."},
    {.name = "keys",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, keys),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Ask every client for a key of this database (hearth keys). Default: beyond this machine "
             "~/.local/share/openhearth/keys.sqlite, on this machine alone none is asked for."},
    {.name = "agent-port",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, agent_port),
     .argument = "N",
     .least = 1,
     .most = 65535,
     .help =
         "Tell HAProxy's agent-check on this port how much is free (up ready 75%), and drain while the server stops."},
    {.name = "drain",
     .type = OPTION_COUNT,
     .offset = offsetof(serve_settings, drain),
     .argument = "SECONDS",
     .least = 0,
     .most = MOST_SECONDS,
     .help = "On SIGTERM, first say for so long that the server drains (/ready, --agent-port) and answer as before, so "
             "that balancers go elsewhere. Default: 0."},
    {.name = "tls-cert",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, tls_certificate),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Speak TLS (1.2 or 1.3) with the certificate of this file, in PEM, those of its issuers behind it. A file "
             "that was replaced is seen at the next connection."},
    {.name = "tls-key",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, tls_key),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "The certificate's private key, in PEM, without a passphrase."},
    {.name = "audit",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, audit),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Append a line of JSON for each request: when, whose key, route, model, tokens, status, seconds, client's "
             "address. SIGHUP opens the file again."},
    {.name = "audit-contents",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, audit_contents),
     .help = "With --audit: also what was asked and answered, at most 1 MiB of an answer."},
    {.name = "audit-required",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, audit_required),
     .help = "With --audit: refuse requests (503) while the log cannot be written."},
    {.name = "insecure-no-key",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, insecure_no_key),
     .help = "Listen beyond this machine although no key is asked for: whoever reaches the port may use the models."},
    {.name = "record",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, record),
     .argument = "FILE",
     .help = "Append to FILE what `hearth replay` makes each answer again from: the tokens of prompt and answer, "
             "settings, seed and the model's hash. These are your users' texts: the file is its owner's alone. "
             "Default: nothing is recorded."},
    {.name = "record-limit",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_settings, record_limit),
     .argument = "SIZE",
     .help = "Record no more once FILE has this size. Default: 1 GiB."},
    {.name = "models-in",
     .type = OPTION_LIST,
     .offset = offsetof(serve_settings, folders),
     .argument = "FOLDER",
     .hint = HINT_FILE,
     .help = "Keep this folder readable after the start, so that a reload may name models that lie in it. May be given "
             "many times."},
    {.name = "no-pull",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, no_pull),
     .help =
         "Fetch no models for clients (Ollama's /api/pull): then the process also gives up connecting to others and "
         "writing into the stores."},
    {.name = "no-confine",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, no_confine),
     .help = "Keep all rights of the user after the start. Default: other files, programs and processes are given up "
             "(docs/security.md)."},
    {.name = "log",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_settings, log),
     .help = "Tell on standard error which "
             "models are loaded and "
             "unloaded."},
    ADVISORY_ROWS(serve_settings, advisories),
    {.name = NULL},
};

static const serve_settings defaults = {.host = "127.0.0.1", .port = DEFAULT_PORT, .cache = -1};

/* Lists that end by NULL, as the server takes them. */
typedef struct serve_lists {
    const char **models, **names, **origins, **folders, **drafts, **traces;
    char *keys;
} serve_lists;

static const char **ended_list(const char *const *items, size_t count)
{
    const char **list = mem_calloc(count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = items[i];
    }
    return list;
}

static hearth_status make_lists(const serve_settings *s, const char **operands, size_t count, serve_lists *ret,
                                hearth_error *error)
{
    static const char *const own[] = {RUN_OWN_MODEL};
    const bool none = count == 0 && !s->store;
    ret->models = ended_list(none ? own : operands, none ? 1 : count);
    ret->names = ended_list(s->names.items, s->names.count);
    ret->origins = ended_list(s->origins.items, s->origins.count);
    ret->folders = ended_list(s->folders.items, s->folders.count);
    ret->drafts = ended_list(s->drafts.items, s->drafts.count);
    ret->traces = ended_list(s->traces.items, s->traces.count);
    const bool made = ret->models != NULL && ret->names != NULL && ret->origins != NULL && ret->folders != NULL &&
                      ret->drafts != NULL && ret->traces != NULL;
    return made ? HEARTH_OK : error_memory(error, count * sizeof(char *));
}

/* What no browser sends is told; capitals do not matter. */
static hearth_status check_origins(const char *const *origins, hearth_error *error)
{
    for (size_t i = 0; origins[i] != NULL; i++) {
        const char *o = origins[i], *host = strstr(o, "://");
        const bool is_origin = host != NULL && host > o && host[3] != '\0' && strpbrk(host + 3, "/?#@ ") == NULL;
        if (!is_origin && strcmp(o, "*") != 0 && strcmp(o, "null") != 0) {
            return error_set(error, HEARTH_E_ARGUMENT, "--allow-origin",
                             "an origin, like https://example.org or http://localhost:3000, or *", "\"%.200s\"", o);
        }
    }
    return HEARTH_OK;
}

static void free_lists(serve_lists *l)
{
    mem_free(l->models);
    mem_free(l->names);
    mem_free(l->origins);
    mem_free(l->drafts);
    mem_free(l->folders);
    mem_free(l->traces);
    mem_free(l->keys);
}

static void tell(void *context, const char *line)
{
    cli_note(context, "%s", line);
}

static hearth_status read_sizes(const serve_settings *s, server_options *o, hearth_error *error)
{
    uint64_t body = 0;
    if (s->memory != NULL) {
        TRY(size_read("--memory", s->memory, &o->models.memory_bytes, error));
    }
    if (s->cache_memory != NULL) {
        TRY(size_read("--cache-memory", s->cache_memory, &o->models.scheduler.cache_bytes, error));
    }
    if (s->record_limit != NULL) {
        TRY(size_read("--record-limit", s->record_limit, &o->record_bytes, error));
    }
    if (s->most_body != NULL) {
        TRY(size_read("--max-body", s->most_body, &body, error));
        if (body == 0 || body > BUFFER_DEFAULT_LIMIT) {
            return error_set(error, HEARTH_E_ARGUMENT, "--max-body", "1 byte to 1 GiB", "%s", s->most_body);
        }
        o->http.most_body = (size_t)body;
    }
    return HEARTH_OK;
}

static hearth_status make_options(cli *c, const serve_settings *s, const serve_lists *l, server_options *o,
                                  hearth_error *error)
{
    *o = (server_options){
        .http = {.host = s->host,
                 .port = (unsigned)s->port,
                 .idle_s = (unsigned)s->idle,
                 .arrival_s = (unsigned)s->arrival},
        .models = {.names = l->models,
                   .store = s->store,
                   .threads = (int)c->threads,
                   .isa = c->isa,
                   .compute = (compute)s->compute,
                   .lossless = (lossless_choice)s->lossless,
                   .scheduler = {.context_length = s->context,
                                 .cache = s->cache,
                                 .most_running = (unsigned)s->parallel,
                                 .most_waiting = (unsigned)s->queue,
                                 .without_prefixes = s->no_prefix_cache,
                                 .draft_tokens = (unsigned)s->draft_tokens},
                   .drafts = l->drafts,
                   .told = s->log ? tell : NULL,
                   .told_context = c},
        .answers = {.tokens = s->answer_tokens, .seconds = (unsigned)s->answer_seconds},
        .names = l->names,
        .origins = l->origins,
        .no_pull = s->no_pull,
        .traces = l->traces,
        .record = s->record,
        .tls_certificate = s->tls_certificate,
        .tls_key = s->tls_key,
        .keys = l->keys,
        .audit = {.path = s->audit, .contents = s->audit_contents, .required = s->audit_required},
        .told = tell,
        .told_context = c,
    };
    if ((s->tls_certificate == NULL) != (s->tls_key == NULL)) {
        return error_set(error, HEARTH_E_ARGUMENT, s->tls_key == NULL ? "--tls-cert" : "--tls-key",
                         "--tls-cert and --tls-key together", "one alone");
    }
    if (s->audit == NULL && (s->audit_required || s->audit_contents)) {
        return error_set(error, HEARTH_E_ARGUMENT, s->audit_required ? "--audit-required" : "--audit-contents",
                         "--audit FILE with it", "none");
    }
    if (s->record == NULL && s->record_limit != NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "--record-limit", "--record FILE with it", "none");
    }
    for (size_t i = 0; l->folders[i] != NULL; i++) {
        if (!file_is_folder(l->folders[i])) {
            return error_set(error, HEARTH_E_ARGUMENT, "--models-in", "a folder", "none called \"%.200s\"",
                             l->folders[i]);
        }
    }
    return read_sizes(s, o, error);
}

static void print_ready(const cli *c, const serve_settings *s, const server *made)
{
    const bool six = strchr(s->host, ':') != NULL;
    char url[400];
    snprintf(url, sizeof url, "http%s://%s%s%s:%u/", s->tls_key != NULL ? "s" : "", six ? "[" : "", s->host,
             six ? "]" : "", http_server_port(server_http(made)));
    if (!c->json) {
        printf("hearth serves at %s (OpenAI's interface: %sv1)\n", url, url);
    } else {
        printf("{\"url\":\"%s\",\"port\":%u,\"pid\":%ld}\n", url, http_server_port(server_http(made)), (long)getpid());
    }
    fflush(stdout);
}

/* The first model is opened before anybody can ask for it: what is wrong with it is told here. */
static hearth_status open_first(server *s, hearth_error *error)
{
    served_model *first = NULL;
    TRY(models_take(server_models(s), NULL, &first, error));
    models_give_back(server_models(s), first);
    return HEARTH_OK;
}

/* What runs is answered; a second signal ends the process at once (serve_signals.c). */
static void stop(const cli *c, server *s, unsigned drain_s)
{
    server_drain(s);
    for (unsigned i = 0; i < drain_s * 10; i++) {
        time_sleep(0.1);
    }
    const double began = time_seconds();
    bool told = false;
    server_quiesce(s);
    for (unsigned running = 0; (running = http_server_running(server_http(s))) > 0;) {
        if (!told && time_seconds() - began > NOTE_AFTER_S) { /* not of what is just being sent */
            cli_note(c, "finishes %u request%s; a second signal ends it at once", running, running == 1 ? "" : "s");
            told = true;
        }
        time_sleep(POLL_S);
    }
}

/* Each connection is an open file; the usual limit is that of 1,024, and the system's own is higher. */
static void allow_connections(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* What the command line and a file make together. */
typedef struct serve_plan {
    serve_settings settings;
    const char **operands;
    size_t operand_count;
    serve_config config;
    serve_lists lists;
    bool own; /* `settings` has lists of its own */
} serve_plan;

static void free_plan(serve_plan *p)
{
    if (p->own) {
        option_free((option_set){options, &p->settings});
    }
    serve_config_free(&p->config);
    free_lists(&p->lists);
}

/* The file's values, and over them the command line's, read once more. */
static hearth_status read_config(const cli *c, serve_plan *p, hearth_error *error)
{
    const char *path = p->settings.config;
    cli other = *c;
    size_t count = 0;
    const char **operands = mem_calloc((size_t)c->word_count + 1, sizeof *operands);
    if (operands == NULL) {
        return error_memory(error, (size_t)c->word_count * sizeof *operands);
    }
    p->settings = defaults;
    p->own = true;
    const option_set sets[] = {{options, &p->settings}, {cli_json_options, &other}, {cli_global_options, &other}};
    hearth_status status = serve_config_read(path, options, &p->settings, &p->config, error);
    status =
        status == HEARTH_OK ? option_parse(sets, 3, c->word_count, c->words, false, operands, &count, error) : status;
    mem_free(operands);
    return status;
}

static hearth_status make_plan(const cli *c, const serve_settings *given, const char **operands, size_t count,
                               serve_plan *ret, hearth_error *error)
{
    *ret = (serve_plan){.settings = *given, .operands = operands, .operand_count = count};
    if (given->config != NULL) {
        TRY(read_config(c, ret, error));
        ret->operands = count == 0 ? ret->config.models : operands;
        ret->operand_count = count == 0 ? ret->config.model_count : count;
    }
    TRY(make_lists(&ret->settings, ret->operands, ret->operand_count, &ret->lists, error));
    return check_origins(ret->lists.origins, error);
}

typedef struct serving {
    cli *c;
    const serve_settings *given;
    const char **operands;
    size_t count;
    const serve_plan *plan; /* what it runs by */
    advisories known;       /* as they were at the start */
    server *s;
} serving;

/* SIGHUP: files that were replaced, and what may change of the options. */
static void reload(void *context)
{
    static const char *const changeable[] = {"config", "name", "allow-origin", NULL};
    const serving *v = context;
    hearth_error error = {0};
    serve_plan p;
    hearth_status status = make_plan(v->c, v->given, v->operands, v->count, &p, &error);
    if (status == HEARTH_OK) {
        const option *o = NULL;
        while ((o = serve_config_next_change(options, &v->plan->settings, &p.settings, changeable, o)) != NULL) {
            cli_note(v->c, "%s: what changed there waits for the next start", o->name);
        }
        for (size_t i = 0; p.lists.models[i] != NULL; i++) {
            if (!confine_server_reads(p.lists.models[i])) {
                cli_note(
                    v->c,
                    "%s: outside of what this server reads since its start; a restart opens it, --models-in before "
                    "a start names its folder",
                    p.lists.models[i]);
            }
        }
        status = server_change(v->s, p.lists.models, p.lists.names, p.lists.origins, &error);
    }
    if (status != HEARTH_OK) {
        char line[1024];
        cli_note(v->c, "not reloaded: %s", hearth_error_line(&error, line, sizeof line));
    }
    server_reload(v->s);
    free_plan(&p);
}

/* Which files are needed from here on. */
static hearth_status give_up_files(const serving *v, const server_options *o, confine_state *ret, hearth_error *error)
{
    const serve_settings *s = &v->plan->settings;
    const char *replaced[4] = {NULL}, *written[4] = {NULL};
    const char *const read[] = {s->config, o->tls_certificate, o->tls_key};
    const char *const grown[] = {o->keys, o->audit.path, o->record};
    for (size_t i = 0, at = 0; i < 3; i++) {
        at += (replaced[at] = read[i]) != NULL ? 1 : 0;
    }
    for (size_t i = 0, at = 0; i < 3; i++) {
        at += (written[at] = grown[i]) != NULL ? 1 : 0;
    }
    const confine_server what = {.models = v->plan->lists.models,
                                 .drafts = v->plan->lists.drafts,
                                 .folders = v->plan->lists.folders,
                                 .indexes = v->plan->lists.traces,
                                 .replaced = replaced,
                                 .written = written,
                                 .beside_models = s->config != NULL,
                                 .pulls = !s->no_pull,
                                 .wanted = !s->no_confine};
    return confine_server_files(&what, ret, error);
}

/* What is known against a model, when it is opened. One that does not chat is refused where there are rules. */
static hearth_status find_rules(void *context, const char *source, const char *path, bool chats, buffer *ret,
                                hearth_error *error)
{
    const serving *v = context;
    advisory_rules rules = {.text = {0}};
    hearth_status status = advisories_check(v->c, &v->known, source, path, &rules, error);
    if (status == HEARTH_OK && !chats && rules.text.length > 0) {
        status = advisories_need_chat(source, error);
    }
    status = status == HEARTH_OK ? buffer_append(ret, rules.text.data, rules.text.length, error) : status;
    if (status == HEARTH_OK) {
        advisories_tell_applied(&rules);
    }
    advisory_rules_free(&rules);
    return status;
}

static hearth_status start(serving *v, const server_options *o, agent **ret_agent, hearth_error *error)
{
    const serve_settings *s = &v->plan->settings;
    confine_state confined = {0};
    TRY(give_up_files(v, o, &confined, error));
    TRY(serve_signals_start(error));
    TRY(server_start(o, &v->s, error));
    TRY(open_first(v->s, error));
    if (s->agent_port > 0) {
        TRY(agent_start(v->s, s->host, (unsigned)s->agent_port, ret_agent, error));
    }
    return confine_server_calls(v->c, &confined, error);
}

static int serve(serving *v, const serve_settings *s, const server_options *o)
{
    hearth_error error = {0};
    agent *told = NULL;
    server_options own = *o;
    own.models.rules = find_rules;
    own.models.rules_context = v;
    allow_connections();
    memory_give_back_freed();
    hearth_status status = advisories_open(v->c, &s->advisories, &v->known, &error);
    status = status == HEARTH_OK ? start(v, &own, &told, &error) : status;
    if (status == HEARTH_OK) {
        serve_signals_hold();
        print_ready(v->c, s, v->s);
        serve_signals_wait(reload, v);
        stop(v->c, v->s, (unsigned)s->drain);
    }
    agent_end(told);
    server_free(v->s);
    advisories_free(&v->known);
    return status == HEARTH_OK ? EXIT_DONE : cli_fail(v->c, &error);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    hearth_error error = {0};
    server_options o;
    serve_plan p;
    hearth_status status = make_plan(c, settings, operands, count, &p, &error);
    const serve_settings *s = &p.settings;
    const serve_safety safety = {.host = s->host, .keys = s->keys, .insecure_no_key = s->insecure_no_key};
    status = status == HEARTH_OK ? serve_safety_check(c, &safety, &p.lists.keys, &error) : status;
    status = status == HEARTH_OK ? make_options(c, s, &p.lists, &o, &error) : status;
    serving v = {.c = c, .given = settings, .operands = operands, .count = count, .plan = &p};
    const int code = status == HEARTH_OK ? serve(&v, s, &o) : cli_fail(c, &error);
    free_plan(&p);
    return code;
}

static const cli_section sections[] = {
    {"MODELS",
     "A MODEL is whatever `hearth run` takes: a name in a store, a file, a folder. Clients call it by that name; of a "
     "path it is the last part, without `.gguf`; `NAME=MODEL` gives it another one. The first is opened before the "
     "server says that "
     "it "
     "is ready, and is the one that is asked where a request names none; the others are opened when first asked for. "
     "Without a MODEL, and without --store, hearth's own small model is served (hearthside)."},
    {"DRAFTS",
     "A draft is any MODEL with the same vocabulary, of a tenth of the size or less, say; its memory counts for "
     "--memory "
     "(where there is no room beside the model, it is left out) and its keys and values for --cache-memory. What it "
     "gained is in /metrics and in each answer's usage. docs/serving-scheduler.md, \"Guessing ahead\"."},
    {"STOPPING", "On SIGTERM or Ctrl-C no more requests are taken and those under way are answered; a second one ends "
                 "the process at "
                 "once."},
    {"CONFIGURATION",
     "On SIGHUP the file of --config is read again: models come and go, --name and --allow-origin change; "
     "keys, certificate and audit log are opened again. What else changed is told and waits for the next "
     "start. No connection is dropped. docs/serving-operations.md has an example."},
    {NULL, NULL},
};

static const cli_example examples[] = {
    {"hearth serve hf:org/name:Q4_K_M", "Serve one model on http://127.0.0.1:8080/v1."},
    {"hearth serve chat=model.gguf vectors=/models/bge --port 9000 --parallel 16",
     "Two models, under names of their own."},
    {NULL, NULL},
};

const cli_command command_serve = {
    .name = "serve",
    .operands = "[MODEL...]",
    .most = SIZE_MAX,
    .summary = "serve models over HTTP: OpenAI's, Ollama's and Anthropic's interfaces, and a page",
    .text =
        "Answers many clients at a time, on this machine alone unless told otherwise. An answer is a function of the "
        "model, the request and its seed: it does not depend on who else asks. docs/serving.md has the interfaces.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof(serve_settings),
    .has_json = true,
    .sections = sections,
    .examples = examples,
    .run = run,
};
