/* hearth publish: give a model away. */
#include "cli/commands.h"
#include "cli/openness.h"
#include "cli/pull.h"
#include "cli/signing.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "hub/pull.h"
#include "hub/upload.h"
#include "net/url.h"
#include "openness/publish.h"
#include "openness/verdict.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct publish_settings {
    const char *message, *revision;
    bool create, is_private, may_share;
    size_t retries;
} publish_settings;

static const publish_settings defaults = {
    .message = "Published by hearth", .revision = MODEL_REVISION_MAIN, .retries = PULL_RETRIES};

static const option options[] = {
    {.name = "create",
     .type = OPTION_FLAG,
     .offset = offsetof(publish_settings, create),
     .help = "Make the repository where it is not there."},
    {.name = "private",
     .type = OPTION_FLAG,
     .offset = offsetof(publish_settings, is_private),
     .help = "With --create: a repository that others cannot see."},
    {.name = "message",
     .letter = 'm',
     .type = OPTION_TEXT,
     .offset = offsetof(publish_settings, message),
     .argument = "TEXT",
     .help = "The commit's message."},
    {.name = "revision",
     .type = OPTION_TEXT,
     .offset = offsetof(publish_settings, revision),
     .argument = "BRANCH",
     .help = "The branch to commit to. Default: main."},
    {.name = "may-share",
     .type = OPTION_FLAG,
     .offset = offsetof(publish_settings, may_share),
     .help = "You know that you may give the weights away, though no known licence says so."},
    {.name = "retries",
     .type = OPTION_COUNT,
     .offset = offsetof(publish_settings, retries),
     .argument = "N",
     .least = 0,
     .most = 1000,
     .help = "Send a piece again up to N times where a connection breaks or a server is busy. Default: 8."},
    {.name = NULL},
};

/* ---- what is told ---- */

/* What a reader would miss: points of the Open Source AI Definition that are not met. */
static void tell_missing(const cli *c, const publish_plan *plan)
{
    verdict_points points = {.count = 0};
    verdict_osaid(plan->judged, &points);
    for (size_t i = 0; i < points.count; i++) {
        const verdict_point *p = &points.items[i];
        if (p->result == ANSWER_NO) {
            cli_note(c, "not all of the four freedoms: %s: %s", p->what, p->why);
        }
    }
}

static json_t *files_json(const publish_plan *plan)
{
    json_t *files = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        const publish_file *f = &plan->files[i];
        files = json_door_append(
            files, json_pack("{s:o, s:I}", "name", json_door_string(f->name), "bytes", (json_int_t)f->size));
    }
    return files;
}

static json_t *left_out_json(const publish_plan *plan)
{
    json_t *names = json_array();
    for (size_t i = 0; i < plan->left_out.count; i++) {
        names = json_door_append(names, json_door_string(plan->left_out.names[i]));
    }
    return names;
}

static void print_left_out(const publish_plan *plan)
{
    for (size_t i = 0; i < plan->left_out.count; i++) {
        const char *name = plan->left_out.names[i];
        printf("left out: ");
        (void)terminal_write_text(name, strlen(name), NULL);
        putchar('\n');
    }
}

/* ---- a folder ---- */

static int to_folder(cli *c, const publish_plan *plan, const char *folder)
{
    hearth_error error = {0};
    char bytes[32];
    terminal_progress bar = {.quiet = c->quiet};
    const hearth_status status = publish_copy(plan, folder, terminal_progress_step, &bar, &error);
    terminal_progress_end(&bar);
    if (status != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    if (c->json) {
        return cli_print_json(c, json_pack("{s:o, s:o, s:I, s:o}", "folder", json_door_string(folder), "files",
                                           files_json(plan), "bytes", (json_int_t)plan->bytes, "left_out",
                                           left_out_json(plan)));
    }
    printf("%s: %zu file%s, %s\n", folder, plan->count, plan->count == 1 ? "" : "s", text_bytes(plan->bytes, bytes));
    print_left_out(plan);
    return EXIT_DONE;
}

/* ---- a hub ---- */

typedef struct hub_place {
    char *endpoint; /* NULL: HF_ENDPOINT's */
    char repository[2 * MODEL_NAME_PART];
} hub_place;

/* "hf:ORG/NAME", or "https://HOST/ORG/NAME". */
static bool read_place(const char *text, hub_place *ret)
{
    model_name name = {.source = MODEL_SOURCE_NONE};
    const char *path = text;
    char whole[MODEL_NAME_LONG];
    size_t host = 0;
    if (url_is_web(text)) {
        host = (size_t)(strstr(text, "://") - text) + 3;
        host += strcspn(text + host, "/");
        path = text[host] == '/' ? text + host + 1 : "";
        (void)snprintf(whole, sizeof whole, "hf:%.500s", path);
        path = whole;
    } else if (!text_starts(text, "hf:")) {
        return false;
    }
    if (model_name_parse(path, &name, NULL) != HEARTH_OK || name.source != MODEL_SOURCE_HF || name.owner[0] == '\0' ||
        name.select[0] != '\0' || strcmp(name.revision, MODEL_REVISION_MAIN) != 0) {
        return false;
    }
    (void)snprintf(ret->repository, sizeof ret->repository, "%s/%s", name.owner, name.name);
    ret->endpoint = host > 0 ? text_format("%.*s", (int)host, text) : NULL;
    return true;
}

/* The token and private weights go there: not in clear over a network. */
static hearth_status check_encrypted(const hub_place *place, hearth_error *error)
{
    char shown[200];
    return place->endpoint == NULL || url_is_https(place->endpoint) || url_is_own_machine(place->endpoint)
               ? HEARTH_OK
               : error_set(error, HEARTH_E_ARGUMENT, "URL", "https, or this machine", "%s",
                           url_shown(place->endpoint, shown, sizeof shown));
}

static int tell_sent(cli *c, const publish_plan *plan, const hub_place *place, const upload_result *r)
{
    char bytes[32];
    if (c->json) {
        return cli_print_json(c, json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:o}", "repository", place->repository,
                                           "commit", r->commit, "created", (int)r->created, "sent", (json_int_t)r->sent,
                                           "unchanged", (json_int_t)r->unchanged, "large_bytes",
                                           (json_int_t)r->sent_bytes, "left_out", left_out_json(plan)));
    }
    if (r->sent == 0) {
        printf("%s: all there before, at %.12s\n", place->repository, r->commit);
    } else {
        printf("%s: %zu file%s, %s of large ones sent, %zu there before; commit %.12s\n", place->repository, r->sent,
               r->sent == 1 ? "" : "s", text_bytes(r->sent_bytes, bytes), r->unchanged, r->commit);
    }
    print_left_out(plan);
    return EXIT_DONE;
}

static int to_hub(cli *c, const publish_settings *s, const publish_plan *plan, const hub_place *place)
{
    hearth_error error = {0};
    upload_result result = {.commit = ""};
    terminal_progress bar = {.quiet = c->quiet};
    upload_file *files = mem_calloc(plan->count, sizeof *files);
    if (files == NULL) {
        (void)error_memory(&error, plan->count * sizeof *files);
        return cli_fail(c, &error);
    }
    for (size_t i = 0; i < plan->count; i++) {
        files[i] = (upload_file){.name = plan->files[i].name, .path = plan->files[i].path, .size = plan->files[i].size};
    }
    const upload_options how = {.endpoint = place->endpoint,
                                .repository = place->repository,
                                .revision = s->revision,
                                .message = s->message,
                                .create = s->create,
                                .is_private = s->is_private,
                                .retries = (unsigned)s->retries,
                                .progress = terminal_progress_step,
                                .context = &bar};
    const hearth_status status = hub_upload(&how, files, plan->count, &result, &error);
    terminal_progress_end(&bar);
    mem_free(files);
    return status == HEARTH_OK ? tell_sent(c, plan, place, &result) : cli_fail(c, &error);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)count;
    const publish_settings *s = settings;
    const char *where = operands[1];
    hearth_error error = {0};
    publish_plan plan = {.count = 0};
    hub_place place = {.endpoint = NULL};
    const subject_options judging = {.flop = NAN, .knows = openness_knows};
    char *path = NULL;
    const bool hub = url_is_web(where) || text_starts(where, "hf:");
    if (hub && !read_place(where, &place)) {
        return cli_usage(c, "expected hf:ORG/NAME, https://HOST/ORG/NAME or a new folder, found \"%.200s\"", where);
    }
    hearth_status status = check_encrypted(&place, &error);
    status = status == HEARTH_OK ? signing_locate(operands[0], &path, &error) : status;
    status = status == HEARTH_OK ? publish_look(path, &judging, s->may_share, &plan, &error) : status;
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else {
        tell_missing(c, &plan);
        if (hub && place.endpoint == NULL) {
            pull_warn_plain(c);
        }
        code = hub ? to_hub(c, s, &plan, &place) : to_folder(c, &plan, where);
    }
    publish_free(&plan);
    mem_free(place.endpoint);
    mem_free(path);
    return code;
}

static const cli_section sections[] = {
    {"What is given away",
     "Of a folder: every file in it but hidden ones and what a program left behind (*.tmp-*, *.lock, "
     "*.hearth-partial), which is listed. "
     "A private key among them is an error. Of a run of hearth train: its model, recipe.yaml and report.html. "
     "Of a file: it, with README.md and LICENSE beside it. What of the Open Source AI Definition is not met is told. "
     "Where no known licence lets others have the weights, nothing is published, unless --may-share says that you "
     "may."},
    {"A hub", "Anything that speaks Hugging Face's protocol. Large files go first, in one piece or in parts, and then "
              "one commit: "
              "before it, nobody sees a change. What breaks is sent again; a second call sends what is missing, and "
              "nothing where "
              "all is there. The token is HF_TOKEN's (or the file token in HF_HOME) and goes to the hub alone."},
    {NULL, NULL},
};

const cli_command command_publish = {
    .name = "publish",
    .operands = "MODEL DIR|URL",
    .least = 2,
    .most = 2,
    .summary = "give a model away: a folder, or a commit at a hub",
    .text =
        "Makes the folder that others need to use, study, change and share a model, or puts it into a repository of a "
        "hub. Sign the folder in between: `hearth sign DIR`, then `hearth publish DIR hf:ORG/NAME`.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections = sections,
    .examples = (const cli_example[]){{"hearth publish run mine", "A folder with the model, its recipe and report."},
                                      {"hearth publish mine hf:me/mine --create", "To the hub."},
                                      {NULL, NULL}},
    .run = run,
};
