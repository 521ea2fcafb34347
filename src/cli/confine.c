/* Which files a command needs, told to platform/confine.c. */
#include "cli/confine.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/model_files.h"
#include "formats/ollama_store.h"
#include "model/locate.h"
#include "platform/confine.h"
#include "platform/file.h"
#include "serve/models.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- HEARTH_CONFINE ---- */

static hearth_status read_wish(bool *ret_wanted, bool *ret_required, hearth_error *error)
{
    const char *value = getenv("HEARTH_CONFINE");
    const bool silent = value == NULL || *value == '\0';
    *ret_required = !silent && strcmp(value, "require") == 0;
    *ret_wanted = silent || *ret_required;
    if (!*ret_wanted && strcmp(value, "off") != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "HEARTH_CONFINE", "off or require", "%.40s", value);
    }
    return HEARTH_OK;
}

static hearth_status missing(int landlock, bool seccomp, hearth_error *error)
{
    return error_set(error, HEARTH_E_UNSUPPORTED, "HEARTH_CONFINE", "a kernel with Landlock and seccomp",
                     "Landlock %s, seccomp %s", landlock != 0 ? "there" : "missing", seccomp ? "there" : "missing");
}

/* The kernel's part; what it does not offer is an error only where it is required. */
static hearth_status confine(const file_list *read, const file_list *write, bool network, bool required,
                             hearth_error *error)
{
    const confine_rules rules = {.read = (const char *const *)read->names,
                                 .read_count = read->count,
                                 .write = (const char *const *)write->names,
                                 .write_count = write->count,
                                 .network = network};
    const confine_support got = confine_process(&rules);
    return required && (got.landlock == 0 || !got.seccomp) ? missing(got.landlock, got.seccomp, error) : HEARTH_OK;
}

/* ---- paths ---- */

/* Takes over `path`; NULL means that memory ran out. */
static hearth_status add(file_list *list, char *path, hearth_error *error)
{
    char **grown = path != NULL ? mem_realloc(list->names, (list->count + 1) * sizeof *list->names) : NULL;
    if (grown == NULL) {
        mem_free(path);
        return error_memory(error, (list->count + 1) * sizeof *list->names);
    }
    list->names = grown;
    list->names[list->count++] = path;
    return HEARTH_OK;
}

static hearth_status add_copy(file_list *list, const char *path, hearth_error *error)
{
    return add(list, mem_strdup(path), error);
}

/* The folder that `path` is or will be in; it may not be there. */
static char *place_of(const char *path)
{
    char *place = mem_strdup(path);
    size_t length = place != NULL ? strlen(place) : 0;
    while (length > 1 && place[length - 1] == '/') {
        place[--length] = '\0';
    }
    char *slash = place != NULL ? strrchr(place, '/') : NULL;
    if (slash == NULL) {
        mem_free(place);
        return mem_strdup(".");
    }
    slash[slash == place ? 1 : 0] = '\0';
    return place;
}

static hearth_status add_place(file_list *list, const char *out, hearth_error *error)
{
    char *place = place_of(out);
    if (place != NULL && !file_is_folder(place)) {
        mem_free(place);
        return error_set(error, HEARTH_E_IO, out, "a name in a folder that is there", "no such folder");
    }
    return add(list, place, error);
}

static bool is_link(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

static bool is_link_to_file(const char *path)
{
    struct stat info;
    return is_link(path) && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* A folder, and the files that links in it point to: a hub cache's snapshot holds nothing but links. A link to a folder
 * is not followed when a model is read, and a stranger's may point to everything. */
static hearth_status add_folder(file_list *list, const char *folder, hearth_error *error)
{
    file_list files = {0};
    TRY(add_copy(list, folder, error));
    if (hub_cache_list_files(folder, &files, NULL) != HEARTH_OK) {
        return HEARTH_OK; /* what cannot be listed has no links that are read */
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < files.count; i++) {
        char *path = file_join(folder, files.names[i]);
        if (path != NULL && !is_link_to_file(path)) {
            mem_free(path);
        } else {
            status = add(list, path, error);
        }
    }
    file_list_free(&files);
    return status;
}

/* A file and, where it is a part of a split set, the other parts. */
static hearth_status add_file(file_list *list, const char *path, hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const size_t stem = model_files_set_length(name);
    file_list files = {0};
    TRY(add_copy(list, path, error));
    if (!model_files_is_gguf(name) || strcmp(name + stem, ".gguf") == 0) {
        return HEARTH_OK;
    }
    char *folder = place_of(path);
    hearth_status status = folder != NULL ? file_list_folder(folder, &files, error) : error_memory(error, strlen(path));
    for (size_t i = 0; status == HEARTH_OK && i < files.count; i++) {
        const char *other = files.names[i];
        if (model_files_is_gguf(other) && model_files_set_length(other) == stem && strncmp(other, name, stem) == 0) {
            status = add(list, file_join(folder, other), error);
        }
    }
    file_list_free(&files);
    mem_free(folder);
    return status;
}

hearth_status confine_to_model(const char *name, const char *const *also, const char *out, char **ret_path,
                               hearth_error *error)
{
    return confine_to_files(name, also, (const char *[2]){out}, ret_path, error);
}

hearth_status confine_to_path(const char *path, const char *const *also, const char *const *out, hearth_error *error)
{
    bool wanted = false, required = false;
    file_list read = {0}, write = {0};
    TRY(read_wish(&wanted, &required, error));
    if (!wanted) {
        return HEARTH_OK;
    }
    hearth_status status = file_is_folder(path) ? add_folder(&read, path, error) : add_file(&read, path, error);
    for (size_t i = 0; status == HEARTH_OK && also != NULL && also[i] != NULL; i++) {
        status = add_copy(&read, also[i], error);
    }
    for (size_t i = 0; status == HEARTH_OK && out[i] != NULL; i++) {
        status = add_place(&write, out[i], error);
    }
    status = status == HEARTH_OK ? confine(&read, &write, false, required, error) : status;
    file_list_free(&read);
    file_list_free(&write);
    return status;
}

hearth_status confine_to_files(const char *name, const char *const *also, const char *const *out, char **ret_path,
                               hearth_error *error)
{
    bool wanted = false, required = false;
    char *path = NULL;
    TRY(read_wish(&wanted, &required, error)); /* a wrong wish before a missing model */
    TRY(model_locate(name, &path, error));
    const hearth_status status = confine_to_path(path, also, out, error);
    if (status != HEARTH_OK) {
        mem_free(path);
        return status;
    }
    *ret_path = path;
    return HEARTH_OK;
}

hearth_status confine_to_paths(const char *const *paths, const char *const *out, hearth_error *error)
{
    bool wanted = false, required = false;
    file_list read = {0}, write = {0};
    TRY(read_wish(&wanted, &required, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && wanted && paths[i] != NULL; i++) {
        status = add_copy(&read, paths[i], error);
    }
    for (size_t i = 0; status == HEARTH_OK && wanted && out[i] != NULL; i++) {
        status = add_place(&write, out[i], error);
    }
    if (status == HEARTH_OK && wanted) {
        status = confine(&read, &write, false, required, error);
    }
    file_list_free(&read);
    file_list_free(&write);
    return status;
}

/* ---- the stores ---- */

/* The links in a folder and, `deep`, in its folders. */
static hearth_status add_links(file_list *list, const char *folder, int deep, hearth_error *error)
{
    file_list files = {0};
    if (file_list_folder(folder, &files, NULL) != HEARTH_OK) {
        return HEARTH_OK; /* not there: no links */
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < files.count; i++) {
        char *path = file_join(folder, files.names[i]);
        if (path == NULL || is_link(path)) {
            status = add(list, path, error);
            continue;
        }
        if (deep > 0 && file_is_folder(path)) {
            status = add_links(list, path, deep - 1, error);
        }
        mem_free(path);
    }
    file_list_free(&files);
    return status;
}

/* Takes over `store`; NULL is none. */
static hearth_status add_store_to_read(file_list *list, char *store, int deep, hearth_error *error)
{
    if (store == NULL) {
        return HEARTH_OK;
    }
    const hearth_status status = add_links(list, store, deep, error);
    return status == HEARTH_OK ? add(list, store, error) : (mem_free(store), status);
}

static hearth_status add_stores(file_list *list, hearth_error *error)
{
    /* HUB/models--ORG--NAME/snapshots/COMMIT/FOLDER; STORE/blobs; STORE/NAME */
    TRY(add_store_to_read(list, hub_cache_folder(), 4, error));
    TRY(add_store_to_read(list, ollama_store_folder(), 1, error));
    TRY(add_store_to_read(list, file_user_folder("data"), 2, error));
    return add_store_to_read(list, file_user_folder("cache"), 1, error);
}

hearth_status confine_to_stores(hearth_error *error)
{
    bool wanted = false, required = false;
    file_list read = {0}, write = {0};
    TRY(read_wish(&wanted, &required, error));
    if (!wanted) {
        return HEARTH_OK;
    }
    hearth_status status = add_stores(&read, error);
    status = status == HEARTH_OK ? confine(&read, &write, false, required, error) : status;
    file_list_free(&read);
    file_list_free(&write);
    return status;
}

/* ---- fetching ---- */

/* A store that is to be written: made, as a rule needs something to hold on to. */
static hearth_status add_store(file_list *list, char *folder, hearth_error *error)
{
    if (folder == NULL) {
        return HEARTH_OK; /* no HOME: who fetches says so */
    }
    if (file_make_folders(folder, NULL) != HEARTH_OK) {
        mem_free(folder);
        return HEARTH_OK; /* who writes there says so */
    }
    return add(list, folder, error);
}

static hearth_status add_url_store(file_list *list, hearth_error *error)
{
    char *data = file_user_folder("data");
    char *store = data != NULL ? file_join(data, "models") : NULL;
    mem_free(data);
    return add_store(list, store, error);
}

/* The store that `name` goes to. Folders of it that somebody put on another disk, with a link in their place, are part
 * of it. */
static hearth_status add_stores_of(file_list *list, const model_name *name, hearth_error *error)
{
    if (name->source == MODEL_SOURCE_URL) {
        return add_url_store(list, error);
    }
    const bool ollama = name->source == MODEL_SOURCE_OLLAMA;
    const char *const inner[] = {ollama ? "manifests" : "snapshots", "blobs", "refs"};
    char *store = ollama ? ollama_store_folder() : hub_cache_folder();
    char *folder = store == NULL ? NULL : ollama ? mem_strdup(store) : hub_cache_repository(store, name);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && folder != NULL && i < sizeof inner / sizeof *inner; i++) {
        status = add(list, file_join(folder, inner[i]), error);
    }
    if (status == HEARTH_OK && folder != NULL) {
        status = add_copy(list, folder, error);
    }
    mem_free(folder);
    if (status != HEARTH_OK) {
        mem_free(store);
        return status;
    }
    return add_store(list, store, error);
}

/* The token, certificates, and a model that is copied from a path. */
static hearth_status add_read(file_list *list, const char *name, hearth_error *error)
{
    static const char *const named[] = {"HF_TOKEN_PATH", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
                                        "OPENSSL_CONF"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        const char *value = getenv(named[i]);
        if (value != NULL && *value != '\0') {
            TRY(add_copy(list, value, error));
        }
    }
    char *home = hub_cache_home();
    if (home != NULL) {
        const hearth_status status = add(list, file_join(home, "token"), error);
        mem_free(home);
        TRY(status);
    }
    return file_exists(name) ? add_file(list, name, error) : HEARTH_OK;
}

hearth_status confine_to_pull(const char *name, hearth_error *error)
{
    bool wanted = false, required = false;
    model_name parts = {.source = MODEL_SOURCE_URL}; /* a path goes where URLs go */
    file_list read = {0}, write = {0};
    TRY(read_wish(&wanted, &required, error));
    const bool nameless = name[0] == '\0' || (!file_exists(name) && model_name_parse(name, &parts, NULL) != HEARTH_OK);
    if (!wanted || nameless) { /* pull says what is wrong with a name */
        return HEARTH_OK;
    }
    hearth_status status = add_read(&read, name, error);
    status = status == HEARTH_OK ? add_stores_of(&write, &parts, error) : status;
    status = status == HEARTH_OK ? confine(&read, &write, true, required, error) : status;
    file_list_free(&read);
    file_list_free(&write);
    return status;
}

hearth_status confine_to_fetch(const char *folder, hearth_error *error)
{
    bool wanted = false, required = false;
    file_list read = {0}, write = {0};
    TRY(read_wish(&wanted, &required, error));
    if (!wanted) {
        return HEARTH_OK;
    }
    hearth_status status = add_read(&read, "", error);
    status = status == HEARTH_OK ? add_copy(&write, folder, error) : status;
    status = status == HEARTH_OK ? confine(&read, &write, true, required, error) : status;
    file_list_free(&read);
    file_list_free(&write);
    return status;
}

/* ---- serving ---- */

/* What is found by this path and what it points to: files that are replaced are links at times, whose target changes
 * within its folder. */
static hearth_status add_places(file_list *list, const char *path, hearth_error *error)
{
    char *target = realpath(path, NULL);
    const char *const found[] = {path, target};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < 2 && found[i] != NULL; i++) {
        struct stat info;
        const bool special = stat(found[i], &info) == 0 && !S_ISREG(info.st_mode); /* a terminal, a pipe */
        status = add(list, special ? mem_strdup(found[i]) : place_of(found[i]), error);
    }
    free(target); /* realpath's */
    return status;
}

/* "NAME=MODEL" or MODEL. Of `missing` it is an error that it is not there; of others who opens it tells that. */
static hearth_status add_served(file_list *list, const char *operand, bool beside, bool missing, hearth_error *error)
{
    const char *source = models_source(operand);
    char *path = NULL;
    const hearth_status found = model_locate(source, &path, missing ? error : NULL);
    if (found != HEARTH_OK || path == NULL) {
        return missing ? found : HEARTH_OK;
    }
    hearth_status status = file_is_folder(source) ? add_copy(list, source, error) : HEARTH_OK; /* looked into again */
    if (status != HEARTH_OK) {
        mem_free(path);
        return status;
    }
    status = file_is_folder(path) ? add_folder(list, path, error) : add_file(list, path, error);
    status = status == HEARTH_OK && beside ? add(list, place_of(path), error) : status;
    mem_free(path);
    return status;
}

static hearth_status add_server(const confine_server *s, file_list *read, file_list *write, hearth_error *error)
{
    for (size_t i = 0; s->models[i] != NULL; i++) {
        TRY(add_served(read, s->models[i], s->beside_models, i == 0, error)); /* which is opened first */
    }
    for (size_t i = 0; s->drafts[i] != NULL; i++) {
        TRY(add_served(read, s->drafts[i], s->beside_models, false, error));
    }
    for (size_t i = 0; s->folders[i] != NULL; i++) {
        TRY(add_copy(read, s->folders[i], error));
    }
    for (size_t i = 0; s->indexes[i] != NULL; i++) {
        const char *equals = strchr(s->indexes[i], '=');
        TRY(add_copy(read, equals != NULL ? equals + 1 : s->indexes[i], error));
    }
    for (size_t i = 0; s->replaced[i] != NULL; i++) {
        TRY(add_places(read, s->replaced[i], error));
    }
    for (size_t i = 0; s->written[i] != NULL; i++) {
        TRY(add_places(write, s->written[i], error));
    }
    TRY(add_stores(read, error));
    if (s->pulls) {
        TRY(add_read(read, "", error));
        TRY(add_store(write, hub_cache_folder(), error));
        TRY(add_store(write, ollama_store_folder(), error));
        TRY(add_url_store(write, error));
    }
    return HEARTH_OK;
}

hearth_status confine_server_files(const confine_server *what, confine_state *ret, hearth_error *error)
{
    file_list read = {0}, write = {0};
    *ret = (confine_state){.pulls = what->pulls};
    TRY(read_wish(&ret->wanted, &ret->required, error));
    ret->wanted = ret->wanted && what->wanted;
    if (!ret->wanted) {
        return HEARTH_OK;
    }
    const hearth_status status = add_server(what, &read, &write, error);
    if (status == HEARTH_OK) {
        ret->landlock = confine_files(&(confine_rules){.read = (const char *const *)read.names,
                                                       .read_count = read.count,
                                                       .write = (const char *const *)write.names,
                                                       .write_count = write.count,
                                                       .network = what->pulls,
                                                       .listens = true});
    }
    file_list_free(&read);
    file_list_free(&write);
    return status;
}

hearth_status confine_server_calls(const cli *c, const confine_state *state, hearth_error *error)
{
    if (!state->wanted) {
        return HEARTH_OK;
    }
    /* Files are written in any case: those of keys, of logs; which, Landlock knows. */
    const bool filtered = confine_calls(&(confine_rules){.write_count = 1, .network = state->pulls, .listens = true});
    if (state->required && (state->landlock == 0 || !filtered)) {
        return missing(state->landlock, filtered, error);
    }
    if (confine_is_built() && (state->landlock == 0 || !filtered)) {
        cli_note(c, "not confined to %s: this kernel has no %s (docs/security.md)",
                 state->landlock == 0 ? "its files" : "its system calls",
                 state->landlock != 0 ? "seccomp"
                 : filtered           ? "Landlock"
                                      : "Landlock and no seccomp");
    }
    return HEARTH_OK;
}

bool confine_server_reads(const char *operand)
{
    char *path = NULL;
    if (model_locate(models_source(operand), &path, NULL) != HEARTH_OK || path == NULL) {
        return true; /* who opens it says so */
    }
    const int at = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool outside = at < 0 && errno == EACCES;
    if (at >= 0) {
        (void)close(at);
    }
    mem_free(path);
    return !outside;
}
