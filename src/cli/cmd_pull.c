/* hearth pull: get a model. */
#include "cli/advisories.h"
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/pull.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

typedef struct pull_settings {
    size_t connections, retries;
    bool check;
    const char *sha256;
    advisory_settings advisories;
} pull_settings;

static const option options[] = {
    {.name = "connections",
     .letter = 'j',
     .type = OPTION_COUNT,
     .offset = offsetof(pull_settings, connections),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONNECTIONS,
     .help = "Fetch a large file in up to N ranges at once. Default: 8."},
    {.name = "retries",
     .type = OPTION_COUNT,
     .offset = offsetof(pull_settings, retries),
     .argument = "N",
     .least = 0,
     .most = 1000,
     .help = "Ask again up to N times where a server is busy or a connection breaks, waiting longer each time (or as "
             "long as the server says). Counted anew whenever something came. Default: 8."},
    {.name = "check",
     .type = OPTION_FLAG,
     .offset = offsetof(pull_settings, check),
     .help = "Hash what is here already, too; of a hub or a registry, fetch anew what is not what it should be."},
    {.name = "sha256",
     .type = OPTION_TEXT,
     .offset = offsetof(pull_settings, sha256),
     .argument = "HEX",
     .help = "For a URL or a path: refuse a file with another SHA-256."},
    ADVISORY_CHECK_ROWS(pull_settings, advisories),
    {.name = NULL},
};

static const pull_settings defaults = {.connections = PULL_CONNECTIONS, .retries = PULL_RETRIES};

static json_t *text_json(const char *text)
{
    return json_door_string(text);
}

static json_t *result_json(const pull_result *r)
{
    json_t *files = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const pull_file *f = &r->files[i];
        files =
            json_door_append(files, json_pack("{s:o, s:I, s:I, s:o}", "name", text_json(f->name), "bytes",
                                              (json_int_t)f->size, "fetched_bytes", (json_int_t)f->fetched, "digest",
                                              f->digest[0] != '\0' ? json_string(f->digest) : json_null()));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "name", text_json(r->name), "path", text_json(r->path),
                     "revision", r->revision[0] != '\0' ? text_json(r->revision) : json_null(), "commit",
                     r->commit[0] != '\0' ? json_string(r->commit) : json_null(), "bytes", (json_int_t)r->bytes,
                     "fetched_bytes", (json_int_t)r->fetched, "files", files);
}

static void print(const pull_result *r)
{
    char bytes[32], fetched[32];
    printf("%s: %zu file%s, %s", r->name, r->count, r->count == 1 ? "" : "s", text_bytes(r->bytes, bytes));
    if (r->fetched == 0) {
        printf(", all here before\n");
    } else {
        printf(", %s fetched; every file checked\n", text_bytes(r->fetched, fetched));
    }
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)count;
    const pull_settings *s = settings;
    hearth_error error = {0};
    pull_result result = {0};
    if (s->sha256 != NULL && !text_is_hex(s->sha256, 64)) {
        return cli_usage(c, "--sha256 takes 64 lower-case hexadecimal digits, not \"%.80s\"", s->sha256);
    }
    const pull_options how = {
        .connections = s->connections, .retries = (unsigned)s->retries, .check = s->check, .sha256 = s->sha256};
    int code = EXIT_DONE;
    advisories known = {.count = 0};
    hearth_status status = advisories_open(c, &s->advisories, &known, &error);
    status = status == HEARTH_OK ? confine_to_pull(operands[0], &error) : status;
    status = status == HEARTH_OK ? pull_with_bar(c, operands[0], &how, &result, &error) : status;
    if (status == HEARTH_OK) {
        status = advisories_check(c, &known, operands[0], result.path, NULL, &error);
    }
    advisories_free(&known);
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, result_json(&result));
    } else {
        print(&result);
    }
    pull_result_free(&result);
    return code;
}

static const cli_section sections[] = {
    {"Names", "    ORG/NAME, hf:NAME           a repository of the Hugging Face hub\n"
              "    ORG/NAME:Q4_K_M             of its GGUF files the one with this quantisation\n"
              "    ORG/NAME:FILE               one file, or a pattern: ORG/NAME:*.json\n"
              "    ORG/NAME@REVISION           a branch, a tag or a commit; :FILE may follow\n"
              "    ollama:NAME[:TAG]           of Ollama's registry; ollama:HOST/SPACE/NAME:TAG of another\n"
              "    https://HOST/FILE.gguf      any GGUF file\n"
              "    ./FILE.gguf                 a copy of a file, in the local store\n\n"
              "Of a repository without further words come the safetensors with configuration, tokenizer, model card "
              "and licence; "
              "or else one GGUF file, the only one, or by preference Q4_K_M. `hearth run`, `hearth show` and all "
              "others then take the same name."},
    {"What is checked",
     "Every file of a hub or a registry is checked by the SHA-256 (or, for small files, the git SHA-1) that it is "
     "listed with, and takes its place only then. A file by URL is checked where --sha256 says by what; its SHA-256 is "
     "kept and printed in any case. The token goes to the hub alone, never to where it redirects."},
    {"When it is interrupted",
     "Whatever ends it (Ctrl-C, a lost connection, a full disk, a kill), what has come stays, and the next pull "
     "fetches "
     "the rest. A second pull of the same model waits for the first and finds what it fetched. `hearth prune` removes "
     "what was begun and never ended."},
    {"Where things are kept",
     "Repositories of a hub in the cache of Hugging Face's own tools, Ollama's models in Ollama's store: what one of "
     "them fetched, the other finds. Files by URL or path in the local store. HF_ENDPOINT names another hub, HF_TOKEN "
     "(or the file token in HF_HOME) opens private repositories, HF_HUB_OFFLINE=1 forbids fetching, OLLAMA_MODELS says "
     "where Ollama's store is."},
    {NULL, NULL},
};

const cli_command command_pull = {
    .name = "pull",
    .operands = "NAME",
    .least = 1,
    .most = 1,
    .summary = "get a model, or the rest of it",
    .text =
        "Fetches a model from a Hugging Face hub, an Ollama registry or a URL, checks it, and puts it where `hearth "
        "run NAME` finds it. What is there already is not fetched again.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections = sections,
    .examples = (const cli_example[]){{"hearth pull HuggingFaceTB/SmolLM2-135M-Instruct", "From the hub."},
                                      {"hearth pull bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0", "One quantisation."},
                                      {"hearth pull ollama:smollm2:135m", "From Ollama's registry."},
                                      {NULL, NULL}},
    .run = run,
};
