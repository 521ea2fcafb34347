/* hearth openness: how open is a model, and the papers that it needs. */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/openness.h"
#include "cli/terminal.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "model/config.h"
#include "model/locate.h"
#include "openness/card_facts.h"
#include "openness/verdict.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct openness_settings {
    bool reproduce;
    const char *sources, *work, *html, *require, *out, *provider, *url;
    bool markdown, replace;
} openness_settings;

static const char *const requirements[] = {"open-source", "open-weights", "class-i", "class-ii",
                                           "class-iii",   "eu-exempt",    NULL};

static const option options[] = {
    {.name = "reproduce",
     .type = OPTION_FLAG,
     .offset = offsetof(openness_settings, reproduce),
     .help =
         "Make the model again from its recipe, as hearth reproduce does, and count a difference as a failed check. "
         "Takes what training took; runs the programs of sources of kind command; nothing is confined then."},
    {.name = "sources",
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, sources),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "For --reproduce: the folder that the recipe's paths start from."},
    {.name = "work",
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, work),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "For --reproduce: the folder in which it is done again. Default: the recipe's name with -reproduced "
             "behind it."},
    {.name = "html",
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, html),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Write the verdict as a page, too, that needs no other and prints well."},
    {.name = "require",
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, require),
     .argument = "WHAT",
     .choices = requirements,
     .help =
         "Exit with status 1 unless it is that open: open-source, open-weights (or more), class-i, class-ii, class-iii "
         "(or better), eu-exempt."},
    {.name = "out",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, out),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "For docs: the folder for the papers. Default: MODEL's name with -papers behind it."},
    {.name = "provider",
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, provider),
     .argument = "NAME",
     .help = "For docs: who provides the model."},
    {.name = "url",
     .type = OPTION_TEXT,
     .offset = offsetof(openness_settings, url),
     .argument = "URL",
     .help = "For docs: where the model can be had."},
    {.name = "markdown",
     .type = OPTION_FLAG,
     .offset = offsetof(openness_settings, markdown),
     .help = "For docs: no pages of HTML."},
    {.name = "replace",
     .type = OPTION_FLAG,
     .offset = offsetof(openness_settings, replace),
     .help = "For docs: write over papers that are there, and what a person wrote into them."},
    {.name = NULL},
};

static const openness_settings defaults = {0};

bool openness_knows(const char *architecture, bool hf_class)
{
    const size_t length = strlen(architecture);
    return (hf_class ? model_family_by_class(architecture, length)
                     : model_family_by_architecture(architecture, length)) != NULL;
}

static bool is_description(const char *name)
{
    return (text_ends(name, ".yml") || text_ends(name, ".yaml")) && file_exists(name) && !file_is_folder(name);
}

/* A folder of any kind is looked at as it is: a run, or a repository without weights. */
static hearth_status find_model(const char *name, char **ret, hearth_error *error)
{
    if (is_description(name) || file_is_folder(name)) {
        *ret = mem_strdup(name);
        return *ret == NULL ? error_memory(error, strlen(name)) : HEARTH_OK;
    }
    return model_locate(name, ret, error);
}

/* Strangers wrote what is read now. Licences' texts and manifests may lie beside the model. */
static hearth_status confine(const char *path, const openness_settings *s, hearth_error *error)
{
    const char *place = getenv("TMPDIR");
    place = place != NULL && place[0] == '/' ? place : "/tmp";
    char *above = text_format("%s%s", path, file_is_folder(path) ? "/.." : "");
    char *slash = above != NULL && !file_is_folder(path) ? strrchr(above, '/') : NULL;
    if (slash != NULL) {
        slash[1] = '\0';
    }
    char *made = file_join(place, "hearth-verify");
    char *hub = hub_cache_folder();
    hearth_status status = above == NULL || made == NULL ? error_memory(error, strlen(path)) : HEARTH_OK;
    if (status == HEARTH_OK && !s->reproduce) {
        const char *beside = slash != NULL || file_is_folder(path) ? above : ".";
        const char *read[] = {path, beside, place, hub, NULL};
        const char *write[] = {made, s->html, s->out, NULL};
        if (s->html == NULL) {
            write[1] = s->out;
            write[2] = NULL;
        }
        status = confine_to_paths(read, write, error);
    }
    mem_free(above);
    mem_free(made);
    mem_free(hub);
    return status;
}

static bool holds(const json_t *v, const char *wanted)
{
    const char *word = json_string_value(json_object_get(v, "verdict"));
    const json_int_t class_number = json_integer_value(json_object_get(json_object_get(v, "mof"), "class"));
    const char *eu = json_string_value(json_object_get(json_object_get(v, "eu"), "result"));
    if (strcmp(wanted, "open-source") == 0) {
        return strcmp(word, "open source") == 0;
    }
    if (strcmp(wanted, "open-weights") == 0) {
        return strcmp(word, "closed terms") != 0;
    }
    if (strcmp(wanted, "eu-exempt") == 0) {
        return strcmp(eu, "exempt") == 0;
    }
    const json_int_t least = strcmp(wanted, "class-i") == 0 ? 1 : strcmp(wanted, "class-ii") == 0 ? 2 : 3;
    return class_number >= 1 && class_number <= least;
}

typedef struct judged {
    char *path;
    openness_evidence evidence;
    subject *subject;
    json_t *verdict;
} judged;

static void judged_free(judged *j)
{
    subject_close(j->subject);
    openness_evidence_free(&j->evidence);
    json_decref(j->verdict);
    mem_free(j->path);
}

static hearth_status judge(cli *c, const openness_settings *s, const char *name, judged *j, hearth_error *error)
{
    const openness_wish wish = {.reproduce = s->reproduce, .sources = s->sources, .work = s->work};
    TRY(find_model(name, &j->path, error));
    TRY(confine(j->path, s, error));
    TRY(openness_evidence_read(c, j->path, &wish, &j->evidence, error));
    const subject_options o = {.checks = j->evidence.checks,
                               .check_count = j->evidence.check_count,
                               .reproduced = s->reproduce,
                               .flop = j->evidence.flop,
                               .knows = openness_knows};
    TRY(subject_open(j->path, &o, &j->subject, error));
    if (j->subject->kind == SUBJECT_FOLDER && !j->evidence.there && strcmp(j->path, name) != 0) {
        j->subject->name = name; /* a snapshot's folder is called by its commit */
    }
    return verdict_make(j->subject, &j->verdict, error);
}

static hearth_status write_page(const json_t *verdict, const char *path, hearth_error *error)
{
    buffer page = {0};
    hearth_status status = verdict_html(verdict, &page, error);
    status = status == HEARTH_OK ? file_replace(path, page.data, page.length, error) : status;
    buffer_free(&page);
    return status;
}

static int run_verdict(cli *c, const openness_settings *s, const char *name)
{
    hearth_error error = {0};
    judged j = {0};
    hearth_status status = judge(c, s, name, &j, &error);
    if (status == HEARTH_OK && s->html != NULL) {
        status = write_page(j.verdict, s->html, &error);
    }
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK) {
        code = s->require != NULL && !holds(j.verdict, s->require) ? EXIT_FAILED : EXIT_DONE;
        if (c->json) {
            const int printed = cli_print_json(c, json_incref(j.verdict));
            code = printed != EXIT_DONE ? printed : code;
        } else {
            openness_print(j.verdict);
        }
    }
    judged_free(&j);
    return code;
}

/* ---- docs ---- */

/* Now, or what SOURCE_DATE_EPOCH says: the same papers again. */
static int64_t paper_time(void)
{
    const char *wanted = getenv("SOURCE_DATE_EPOCH");
    const char *end = NULL;
    uint64_t value = 0;
    return wanted != NULL && option_read_whole(wanted, &end, &value) && *end == '\0' ? (int64_t)value
                                                                                     : (int64_t)time(NULL);
}

/* What a person wrote into a paper is not written over unasked. */
static hearth_status find_papers(const char *out, hearth_error *error)
{
    file_list list = {0};
    hearth_status status = file_is_folder(out) ? file_list_folder(out, &list, error) : HEARTH_OK;
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        if (card_is_paper(list.names[i]) && !text_starts(list.names[i], "LICENSE") &&
            !text_ends(list.names[i], ".sig")) {
            status = error_set(error, HEARTH_E_ARGUMENT, NULL, "a folder without papers, or --replace", "%.100s",
                               list.names[i]);
            error_in_file(error, out);
        }
    }
    file_list_free(&list);
    return status;
}

static hearth_status write_papers(cli *c, const openness_settings *s, judged *j, const char *out, size_t *ret_count,
                                  hearth_error *error)
{
    const openness_wish wish = {0};
    card_facts facts = {0};
    TRY(s->replace ? HEARTH_OK : find_papers(out, error));
    TRY(openness_evidence_read(c, j->path, &wish, &j->evidence, error));
    if (j->evidence.training == NULL) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a model with recipe and log whose checks hold (hearth verify)",
                        "%s", j->evidence.there ? "a check that fails" : "no recipe.yaml or no log.jsonl");
        error_in_file(error, j->path);
        return HEARTH_E_ARGUMENT;
    }
    const card_wish what = {.folder = j->evidence.folder,
                            .training = j->evidence.training,
                            .provider = s->provider,
                            .url = s->url,
                            .when_s = paper_time()};
    TRY(card_facts_open(&what, &facts, error));
    const hearth_status status = card_write_all(&facts, out, !s->markdown, ret_count, error);
    card_facts_close(&facts);
    return status;
}

static char *default_out(const char *path)
{
    size_t length = 0;
    const char *name = text_last_part(path, &length);
    return text_format("%.*s-papers", (int)length, name);
}

static int run_docs(cli *c, const openness_settings *s, const char *name)
{
    hearth_error error = {0};
    judged j = {0};
    size_t count = 0;
    hearth_status status = find_model(name, &j.path, &error);
    char *out = status != HEARTH_OK ? NULL : s->out != NULL ? mem_strdup(s->out) : default_out(j.path);
    if (status == HEARTH_OK) {
        openness_settings where = *s;
        where.out = out;
        status = out == NULL ? error_memory(&error, 0) : confine(j.path, &where, &error);
    }
    status = status == HEARTH_OK ? write_papers(c, s, &j, out, &count, &error) : status;
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, json_pack("{s:s, s:I}", "folder", out, "files", (json_int_t)count));
    } else if (status == HEARTH_OK) {
        printf("%s: %zu papers; what only a person can say is marked \"" PAGE_PERSON "\"\n", out, count);
    }
    mem_free(out);
    judged_free(&j);
    return code;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const openness_settings *s = settings;
    const bool docs = count == 2 && strcmp(operands[0], "docs") == 0;
    if (count == 2 && !docs) {
        return cli_usage(c, "expected MODEL, or docs MODEL, found \"%.80s\" before another word", operands[0]);
    }
    if (docs && (s->html != NULL || s->require != NULL || s->reproduce)) {
        return cli_usage(c, "--html, --require and --reproduce are for a verdict, not for docs");
    }
    if (!docs && (s->out != NULL || s->provider != NULL || s->url != NULL || s->markdown || s->replace)) {
        return cli_usage(c, "--out, --provider, --url, --markdown and --replace are for docs MODEL");
    }
    return docs ? run_docs(c, s, operands[1]) : run_verdict(c, s, operands[0]);
}

const cli_command command_openness = {
    .name = "openness",
    .operands = "MODEL | docs MODEL",
    .least = 1,
    .most = 2,
    .summary = "tell how open a model is, and write its papers",
    .text =
        "MODEL is a model's folder, the folder of hearth train, a GGUF file, a name as hearth run takes it, or a "
        "description in YAML (.yml) as the Model Openness Tool has it. Nothing is fetched.\n\n"
        "What is released is looked for: architecture and code, parameters, data and what describes them, evaluation, "
        "papers. Each part's licence is read from metadata and from licences' texts, whose words are compared with "
        "those "
        "of the licences that are known; where they contradict each other, that is told, and the narrower one counts. "
        "Base models that are here are looked at, too. Of a model with recipe and log all hashes are checked.\n\n"
        "The verdicts: the Open Source AI Definition 1.0, point by point; the class by the Model Openness Framework; "
        "the "
        "exemption of the EU AI Act for open-source models; and a plain word, `open source`, `open weights` or `closed "
        "terms`. Each point has a reason and a place. What a model calls itself decides nothing: where it calls itself "
        "open source and is not, the point that fails is told. Not legal advice.\n\n"
        "`docs` writes a model's papers from its recipe, manifest and log: model card, data card, technical report, "
        "evaluation results, the EU's public summary of training content, the documentation of Annex XI and XII, and "
        "bills of "
        "materials (SPDX 3.0.1, CycloneDX 1.6); as Markdown, JSON, and pages that print well. What only a person can "
        "say is "
        "marked. The time that is written is SOURCE_DATE_EPOCH's where it is set.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections =
        (const cli_section[]){{"Exit status of a verdict",
                               "0 whatever the verdict is; 1 where --require asks for more, or an error stopped it."},
                              {NULL, NULL}},
    .examples =
        (const cli_example[]){{"hearth openness models/debian-reader", "The verdict, with all its reasons."},
                              {"hearth openness model --require open-source -q", "In a script: status 1 if it is not."},
                              {"hearth openness model.yml --html verdict.html", "Of a description, as a page."},
                              {NULL, NULL}},
    .run = run,
};
