/* Corpus and index of a model. What is fetched and read from strangers is another process's business, which confines
 * itself: this program, with another command. */
#include "cli/trace_home.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "model/locate.h"
#include "platform/file.h"
#include "platform/file_lock.h"
#include "platform/file_stream.h"
#include "recipe/keys.h"
#include "train/digest.h"
#include "train/reproduce_sources.h"
#include "train/verify_part.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MOST 16u

/* ---- this program, with another command ---- */

/* *ret_told: it said itself what was wrong. */
static hearth_status wait_for(pid_t child, const char *what, bool *ret_told, hearth_error *error)
{
    int how = 0;
    while (waitpid(child, &how, 0) < 0) {
        if (errno != EINTR) {
            return error_errno(error, what, "wait for", errno);
        }
    }
    if (signals_stop_asked()) {
        return error_set(error, HEARTH_E_CANCELLED, what, NULL, "a wish to stop");
    }
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) {
        return HEARTH_OK;
    }
    *ret_told = WIFEXITED(how);
    return error_set(error, HEARTH_E_UNSUPPORTED, what, "that it is made", "a failure");
}

/* `words`: "corpus", "fetch", …, ended by NULL. What it prints goes to stderr, or with --quiet nowhere. */
static hearth_status run_self(const cli *c, trace_home *p, const char *what, const char *const *words,
                              hearth_error *error)
{
    char name[] = "hearth", quiet[] = "--quiet", with[] = "--threads"; /* exec's array is not const */
    char *argv[WORDS_MOST + 6] = {name};
    char *threads = text_format("%zu", c->threads);
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    size_t count = 1;
    for (size_t i = 0; words[i] != NULL && i < WORDS_MOST; i++) {
        argv[count++] = (char *)(uintptr_t)words[i];
    }
    if (c->quiet) {
        argv[count++] = quiet;
    }
    if (c->threads > 0) {
        argv[count++] = with;
        argv[count++] = threads;
    }
    if (threads == NULL || posix_spawn_file_actions_init(&actions) != 0) {
        mem_free(threads);
        return error_memory(error, sizeof actions);
    }
    (void)fflush(stdout);
    int wrong = c->quiet ? posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
                         : posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    wrong = wrong == 0 ? posix_spawn(&child, "/proc/self/exe", &actions, NULL, argv, environ) : wrong;
    (void)posix_spawn_file_actions_destroy(&actions);
    const hearth_status status =
        wrong == 0 ? wait_for(child, what, &p->told, error) : error_errno(error, what, "start", wrong);
    mem_free(threads);
    return status;
}

/* ---- sources ---- */

/* Whether all that the recipe reads is its generators, and Debian packages that nobody has fetched yet. */
static bool can_be_had(const recipe *r)
{
    bool missing = true;
    for (size_t i = 0; i < r->source_count; i++) {
        const recipe_source *s = &r->sources[i];
        if (s->kind != SOURCE_GENERATOR && s->kind != SOURCE_DEBIAN) {
            return false;
        }
        if (s->kind == SOURCE_DEBIAN && (!recipe_path_below(s->path) || !recipe_path_below(s->packages))) {
            return false; /* they would lie elsewhere than in FOLDER/sources */
        }
        char *packages = s->path != NULL ? recipe_place(r, s->path) : NULL;
        missing = missing && (packages == NULL || !file_exists(packages));
        mem_free(packages);
    }
    return missing;
}

static const char *list_of_packages(const recipe *r)
{
    for (size_t i = 0; i < r->source_count; i++) {
        if (r->sources[i].kind == SOURCE_DEBIAN) {
            return r->sources[i].packages;
        }
    }
    return NULL;
}

static hearth_status copy_file(const char *from, const char *folder, const char *name, hearth_error *error)
{
    char *to = file_join(folder, name);
    buffer bytes;
    buffer_init(&bytes, LIMIT_JSON_FILE_BYTES);
    hearth_status status = to == NULL ? error_memory(error, 0) : file_read(from, LIMIT_JSON_FILE_BYTES, &bytes, error);
    status = status == HEARTH_OK ? file_make_place(to, error) : status;
    status = status == HEARTH_OK ? file_replace(to, buffer_text(&bytes), bytes.length, error) : status;
    buffer_free(&bytes);
    mem_free(to);
    return status;
}

static hearth_status fetch_packages(const cli *c, trace_home *p, const char *path, const trace_home_options *o,
                                    hearth_error *error)
{
    const char *const words[] = {"corpus", "fetch", path, o->mirror != NULL ? "--mirror" : NULL, o->mirror, NULL};
    const hearth_status status = run_self(c, p, "the packages", words, error);
    if (!p->told) {
        return status;
    }
    p->told = false; /* which ones, it said; here is what may help */
    return error_set(error, HEARTH_E_NOT_FOUND, "the packages",
                     "all of them on the mirror (--mirror names another; snapshot.debian.org has those that left the "
                     "archive)",
                     "some that could not be had");
}

/* FOLDER/sources: the recipe and its list of packages, and these once they are fetched. `found`: beside its list. */
static hearth_status bring_packages(const cli *c, trace_home *p, const recipe *found, const trace_home_options *o,
                                    const char *sources, hearth_error *error)
{
    const char *packages = list_of_packages(found);
    char *list = packages != NULL ? recipe_place(found, packages) : NULL;
    char *made = file_join(p->model, "recipe.yaml");
    char *kept = file_join(sources, "recipe.yaml");
    hearth_status status = made == NULL || kept == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? copy_file(made, sources, "recipe.yaml", error) : status;
    if (status == HEARTH_OK && packages != NULL) {
        status = list != NULL ? copy_file(list, sources, packages, error) : error_memory(error, 0);
        cli_note(c, "fetches the Debian packages that %s was made of (once), into %s", p->recipe->name, sources);
        status = status == HEARTH_OK ? fetch_packages(c, p, kept, o, error) : status;
    }
    mem_free(list);
    mem_free(made);
    mem_free(kept);
    return status;
}

/* ---- corpus ---- */

static void note_difference(const cli *c, const trace_home *p, const char *corpus)
{
    corpus_summary ours, theirs;
    if (corpus_read_summary(corpus, &ours, NULL) == HEARTH_OK &&
        corpus_read_summary(p->model, &theirs, NULL) == HEARTH_OK &&
        strcmp(ours.totals.sha256, theirs.totals.sha256) != 0) {
        cli_note(c,
                 "this machine's libraries make another corpus of the recipe than the model was trained on (%.16s, not "
                 "%.16s): a document may be missing or cleaned otherwise",
                 ours.totals.sha256, theirs.totals.sha256);
    }
}

/* Sources of other kinds are where the recipe's paths lead to. */
static hearth_status build_beside(const cli *c, const trace_home *p, const recipe *found, hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    const prepare_options how = {
        .threads = (int)c->threads, .progress = terminal_progress_step, .progress_context = &bar};
    for (size_t i = 0; i < found->source_count; i++) {
        if (found->sources[i].kind == SOURCE_COMMAND) {
            return error_set(error, HEARTH_E_UNSUPPORTED, found->sources[i].name,
                             "a corpus that is there, since nobody was asked to run the recipe's commands",
                             "none; build it (hearth corpus build), index it, and give --index");
        }
    }
    const hearth_status status = prepare_corpus(found, p->folder, &how, error);
    terminal_progress_end(&bar);
    return status;
}

/* The corpus has all that is wanted of them. */
static void forget_packages(const recipe *r, const char *sources)
{
    for (size_t i = 0; i < r->source_count; i++) {
        char *folder = r->sources[i].kind == SOURCE_DEBIAN ? file_join(sources, r->sources[i].path) : NULL;
        if (folder != NULL) {
            file_remove_folder(folder);
        }
        mem_free(folder);
    }
    file_remove_folder(sources);
}

static hearth_status build_here(const cli *c, trace_home *p, const recipe *found, const trace_home_options *o,
                                const char *corpus, hearth_error *error)
{
    char *sources = file_join(p->folder, "sources");
    char *kept = file_join(p->folder, "sources/recipe.yaml");
    hearth_status status = sources == NULL || kept == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? bring_packages(c, p, found, o, sources, error) : status;
    if (status == HEARTH_OK) {
        const char *const words[] = {"corpus", "build", kept, "-o", corpus, NULL};
        status = run_self(c, p, "the corpus", words, error);
    }
    if (status == HEARTH_OK) {
        forget_packages(found, sources);
    }
    mem_free(sources);
    mem_free(kept);
    return status;
}

static hearth_status make_corpus(const cli *c, trace_home *p, const trace_home_options *o, const char *corpus,
                                 hearth_error *error)
{
    recipe *found = NULL;
    char *path = file_join(p->model, "recipe.yaml");
    hearth_status status =
        path == NULL ? error_memory(error, 0) : reproduce_open_recipe(path, p->model, o->sources, &found, error);
    status = status == HEARTH_OK ? file_make_folders(p->folder, error) : status;
    if (status == HEARTH_OK) {
        cli_note(c, "makes the corpus of %s again from its recipe (once), in %s", p->recipe->name, p->folder);
        status = can_be_had(found) ? build_here(c, p, found, o, corpus, error) : build_beside(c, p, found, error);
    }
    if (status == HEARTH_OK) {
        note_difference(c, p, corpus);
    }
    recipe_close(found);
    mem_free(path);
    return status;
}

/* ---- index ---- */

static hearth_status make_index(const cli *c, trace_home *p, const char *corpus, const char *vocabulary,
                                hearth_error *error)
{
    const char *const words[] = {"trace", "index",  corpus, "--tokenizer", vocabulary,
                                 "--by",  "tokens", "-o",   p->index,      NULL};
    cli_note(c, "makes the index of that corpus (once), in %s", p->index);
    return run_self(c, p, "the index", words, error);
}

/* ---- both, and nobody else at it ---- */

void trace_home_way_out(const char *folder, hearth_error *error)
{
    if (error != NULL && !error_is_machine(error->status)) {
        const size_t used = strlen(error->found);
        (void)snprintf(error->found + used, sizeof error->found - used, "; remove %s to make it again", folder);
    }
}

/* FOLDER/NAME, which is there with its `facts` or not at all. */
static hearth_status is_there(const trace_home *p, const char *name, const char *facts, bool *ret, hearth_error *error)
{
    char *folder = file_join(p->folder, name);
    char *file = folder != NULL ? file_join(folder, facts) : NULL;
    hearth_status status = file != NULL ? HEARTH_OK : error_memory(error, strlen(p->folder));
    if (status == HEARTH_OK) {
        *ret = file_exists(file);
    }
    if (status == HEARTH_OK && !*ret && file_exists(folder)) {
        status = error_set(error, HEARTH_E_NOT_FOUND, NULL, facts, "none");
        error_in_file(error, folder);
        trace_home_way_out(folder, error);
    }
    mem_free(folder);
    mem_free(file);
    return status;
}

/* What processes of this machine left that were killed: corpus.tmp-PID, trace.tmp-PID. */
static void sweep(const char *folder)
{
    file_list list = {0};
    if (file_list_folder(folder, &list, NULL) != HEARTH_OK) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const char *mark = strstr(list.names[i], ".tmp-");
        const bool ours = text_starts(list.names[i], "corpus.tmp-") || text_starts(list.names[i], "trace.tmp-");
        const long maker = ours ? strtol(mark + strlen(".tmp-"), NULL, 10) : 0;
        const bool left = maker > 0 && kill((pid_t)maker, 0) != 0 && errno == ESRCH;
        char *half = left ? file_join(folder, list.names[i]) : NULL;
        char *inner = half != NULL ? file_join(half, "documents") : NULL;
        if (inner != NULL) {
            file_remove_folder(inner);
            file_remove_folder(half);
        }
        mem_free(half);
        mem_free(inner);
    }
    file_list_free(&list);
}

static hearth_status complete_alone(const cli *c, trace_home *p, const trace_home_options *o, hearth_error *error)
{
    char *corpus = file_join(p->folder, "corpus");
    char *vocabulary = file_join(p->folder, "tokenizer.json");
    char *models = file_join(p->model, "tokenizer.json");
    bool corpus_there = false, index_there = false;
    hearth_status status = corpus == NULL || vocabulary == NULL || models == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? is_there(p, "corpus", "corpus.json", &corpus_there, error) : status;
    status = status == HEARTH_OK ? is_there(p, "trace", "index.json", &index_there, error) : status;
    if (status == HEARTH_OK && !corpus_there) {
        status = make_corpus(c, p, o, corpus, error);
    }
    if (status == HEARTH_OK && !file_exists(vocabulary)) {
        status = copy_file(models, p->folder, "tokenizer.json", error);
    }
    if (status == HEARTH_OK && !index_there) {
        status = make_index(c, p, corpus, vocabulary, error);
    }
    mem_free(corpus);
    mem_free(vocabulary);
    mem_free(models);
    return status;
}

static bool is_complete(const trace_home *p)
{
    const char *const names[] = {"corpus/corpus.json", "tokenizer.json", "trace/index.json"};
    bool complete = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_join(p->folder, names[i]);
        complete = complete && path != NULL && file_exists(path);
        mem_free(path);
    }
    return complete;
}

/* Of two that come at once the second waits, and finds all of it made. */
static hearth_status complete(const cli *c, trace_home *p, const trace_home_options *o, hearth_error *error)
{
    if (is_complete(p)) {
        return HEARTH_OK;
    }
    terminal_progress bar = {.quiet = c->quiet};
    file_lock lock = {-1};
    char *path = file_join(p->folder, ".trace.lock");
    hearth_status status = path != NULL
                               ? file_lock_take(path, FILE_LOCK_ALONE, terminal_progress_step, &bar, &lock, error)
                               : error_memory(error, strlen(p->folder));
    terminal_progress_end(&bar);
    if (status == HEARTH_OK) {
        if (p->alone) { /* a run's folder may lie on a disk of several machines */
            sweep(p->folder);
        }
        status = complete_alone(c, p, o, error);
    }
    file_lock_free(&lock);
    mem_free(path);
    return status;
}

/* ---- the folder ---- */

/* NAME-1234567890abcdef below the cache: by the recipe. */
static hearth_status cache_folder(const recipe *r, char **ret, hearth_error *error)
{
    char *cache = file_user_folder("cache");
    if (cache == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "the cache", "XDG_CACHE_HOME or HOME, or --index",
                         "neither is set");
    }
    *ret = text_format("%s/trace/%.60s-%.16s", cache, r->name, r->sha256);
    mem_free(cache);
    return *ret != NULL ? HEARTH_OK : error_memory(error, 0);
}

static hearth_status find_folder(trace_home *p, hearth_error *error)
{
    char *corpus = NULL;
    hearth_error none = {0};
    if (verify_find_folder(p->model, &p->folder, &p->alone, &none) != HEARTH_OK) {
        p->alone = true;
    }
    corpus = p->folder != NULL ? file_join(p->folder, "corpus/corpus.json") : NULL;
    p->alone = p->alone || corpus == NULL || !file_exists(corpus);
    mem_free(corpus);
    if (p->alone) {
        mem_free(p->folder);
        p->folder = NULL;
        TRY(cache_folder(p->recipe, &p->folder, error));
    }
    return HEARTH_OK;
}

static hearth_status open_recipe(trace_home *p, bool needed, hearth_error *error)
{
    char *path = file_join(p->model, "recipe.yaml");
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        status = recipe_open(path, &p->recipe, error);
    } else if (status == HEARTH_OK && needed) {
        status = error_set(error, HEARTH_E_NOT_FOUND, "the corpus", "a model with its recipe, or --index DIR",
                           "no recipe.yaml beside it: what it was trained on is not known here");
        error_in_file(error, p->model);
    }
    mem_free(path);
    return status;
}

/* A run's folder stands for the model in it. */
static hearth_status find_model(const char *name, trace_home *p, hearth_error *error)
{
    char *inner = file_join(name, "model");
    char *config = file_join(name, "model/config.json");
    hearth_status status = inner == NULL || config == NULL ? error_memory(error, strlen(name)) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = model_locate(file_exists(config) ? inner : name, &p->model, error);
    }
    mem_free(inner);
    mem_free(config);
    return status;
}

static hearth_status find(cli *c, const char *name, const trace_home_options *o, trace_home *p, hearth_error *error)
{
    TRY(find_model(name, p, error));
    TRY(open_recipe(p, o->index == NULL, error));
    if (p->recipe != NULL) {
        TRY(find_folder(p, error));
    }
    p->index = o->index != NULL ? mem_strdup(o->index) : file_join(p->folder, "trace");
    if (p->index == NULL) {
        return error_memory(error, 0);
    }
    return o->index != NULL ? HEARTH_OK : complete(c, p, o, error);
}

hearth_status trace_home_find(cli *c, const char *name, const trace_home_options *o, trace_home *ret,
                              hearth_error *error)
{
    *ret = (trace_home){0};
    const hearth_status status = find(c, name, o, ret, error);
    if (status != HEARTH_OK) {
        const bool told = ret->told;
        trace_home_free(ret);
        ret->told = told;
    }
    return status;
}

void trace_home_free(trace_home *p)
{
    mem_free(p->model);
    mem_free(p->folder);
    mem_free(p->index);
    recipe_close(p->recipe);
    *p = (trace_home){0};
}
