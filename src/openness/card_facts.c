/* Gathering the facts. */
#include "openness/card_facts.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_file.h"
#include "openness/licences.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool card_is_paper(const char *name)
{
    static const char *const others[] = {"LICENSE", "model.spdx.json", "model.cdx.json", "model.sig", NULL};
    for (size_t i = 0; card_papers[i].name != NULL; i++) {
        if (strcmp(card_papers[i].name, name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; others[i] != NULL; i++) {
        if (strcmp(others[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static hearth_status add_file(card_facts *f, const char *folder, const char *name, hearth_error *error)
{
    char *path = file_join(folder, name);
    file_map map = {0};
    card_file *file = &f->files[f->file_count];
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && !file_is_folder(path)) {
        status = file_map_open(path, &map, error);
        if (status == HEARTH_OK) {
            file->name = arena_strndup(f->a, name, strlen(name));
            file->bytes = map.size;
            status = file->name == NULL ? error_memory(error, strlen(name))
                                        : hash_bytes_hex(map.data, map.size, file->sha256, error);
            f->file_count += status == HEARTH_OK;
        }
        file_map_close(&map);
    }
    mem_free(path);
    return status;
}

static hearth_status read_files(card_facts *f, const char *folder, hearth_error *error)
{
    file_list list = {0};
    TRY(file_list_folder(folder, &list, error));
    f->files = arena_array(f->a, list.count + 1, sizeof *f->files);
    hearth_status status = f->files == NULL ? error_memory(error, list.count) : HEARTH_OK;
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        status = card_is_paper(list.names[i]) ? HEARTH_OK : add_file(f, folder, list.names[i], error);
    }
    file_list_free(&list);
    return status;
}

static hearth_status read_json(const char *folder, const char *name, json_t **ret, hearth_error *error)
{
    char *path = file_join(folder, name);
    const hearth_status status =
        path == NULL ? error_memory(error, 0) : json_file_read(path, LIMIT_CONFIG_FILE_BYTES, ret, error);
    mem_free(path);
    return status;
}

static hearth_status read_recipe(card_facts *f, const char *folder, hearth_error *error)
{
    char *path = file_join(folder, "recipe.yaml");
    hearth_status status = path == NULL ? error_memory(error, 0) : recipe_open(path, &f->recipe, error);
    mem_free(path);
    return status == HEARTH_OK ? recipe_flatten(f->recipe, f->a, &f->flat, error) : status;
}

static hearth_status read_manifest(card_facts *f, const char *folder, hearth_error *error)
{
    char *path = manifest_sum_place(folder);
    hearth_status status = HEARTH_OK;
    if (path != NULL) {
        const char *slash = strrchr(path, '/');
        (void)snprintf(f->manifest_path, sizeof f->manifest_path, "%s", slash != NULL ? slash + 1 : path);
        status = manifest_sum_read(path, &f->manifest, error);
        const char *wanted = json_string_value(json_object_get(f->corpus, "sha256"));
        if (status == HEARTH_OK && (wanted == NULL || strcmp(wanted, f->manifest.sha256) != 0)) {
            status = error_set(error, HEARTH_E_FORMAT, "SHA-256 of its lines", wanted, "%s", f->manifest.sha256);
            error_in_file(error, path);
        }
        f->has_manifest = status == HEARTH_OK;
    }
    mem_free(path);
    return status;
}

static hearth_status read_all(card_facts *f, const card_wish *wish, hearth_error *error)
{
    f->a = arena_create((size_t)256 << 20);
    if (f->a == NULL || *text_time(wish->when_s, f->created) == '\0') {
        return error_memory(error, 0);
    }
    TRY(read_recipe(f, wish->folder, error));
    TRY(read_json(wish->folder, "corpus.json", &f->corpus, error));
    TRY(read_json(wish->folder, "config.json", &f->config, error));
    TRY(read_manifest(f, wish->folder, error));
    return read_files(f, wish->folder, error);
}

hearth_status card_facts_open(const card_wish *wish, card_facts *ret, hearth_error *error)
{
    *ret = (card_facts){.training = wish->training, .provider = wish->provider, .url = wish->url};
    const hearth_status status = read_all(ret, wish, error);
    if (status != HEARTH_OK) {
        card_facts_close(ret);
    }
    return status;
}

void card_facts_close(card_facts *f)
{
    recipe_close(f->recipe);
    json_decref(f->corpus);
    json_decref(f->config);
    manifest_sum_free(&f->manifest);
    arena_destroy(f->a);
    *f = (card_facts){0};
}

/* ---- looking things up ---- */

uint64_t card_corpus(const card_facts *f, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(f->corpus, key));
    return value > 0 ? (uint64_t)value : 0;
}

const char *card_setting(const card_facts *f, const char *key)
{
    for (size_t i = 0; i < f->flat.count; i++) {
        if (strcmp(f->flat.lines[i].key, key) == 0) {
            return f->flat.lines[i].value;
        }
    }
    return "";
}

double card_training(const card_facts *f, const char *key)
{
    const json_t *value = json_object_get(f->training, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const json_t *card_evaluation(const card_facts *f)
{
    const json_t *list = json_object_get(f->training, "evaluations");
    return json_array_size(list) > 0 ? json_array_get(list, json_array_size(list) - 1) : NULL;
}

const char *card_hub_licence(const char *id)
{
    static const char *const hub[] = {
        "apache-2.0", "mit",      "cc0-1.0",  "cc-by-4.0",    "cc-by-sa-4.0", "gpl-2.0",    "gpl-3.0",
        "lgpl-2.1",   "lgpl-3.0", "agpl-3.0", "bsd-2-clause", "bsd-3-clause", "mpl-2.0",    "unlicense",
        "isc",        "zlib",     "eupl-1.2", "epl-2.0",      "artistic-2.0", "postgresql", "cdla-permissive-2.0",
        "odc-by",     NULL};
    size_t length = id != NULL ? strlen(id) : 0;
    length -= length > 5 && text_ends(id, "-only") ? 5 : length > 9 && text_ends(id, "-or-later") ? 9 : 0;
    for (size_t i = 0; hub[i] != NULL; i++) {
        if (strlen(hub[i]) == length && strncasecmp(hub[i], id, length) == 0) {
            return hub[i];
        }
    }
    return "other";
}

const card_file *card_weights(const card_facts *f)
{
    for (size_t i = 0; i < f->file_count; i++) {
        if (text_ends(f->files[i].name, ".safetensors")) {
            return &f->files[i];
        }
    }
    return NULL;
}

const char *card_source_kind(recipe_source_kind kind)
{
    static const char *const names[SOURCE_KINDS] = {[SOURCE_FOLDER] = "files of a folder",
                                                    [SOURCE_ARCHIVE] = "files of an archive",
                                                    [SOURCE_JSONL] = "lines of JSON",
                                                    [SOURCE_WARC] = "an archive of web pages",
                                                    [SOURCE_TEXT] = "a text",
                                                    [SOURCE_COMMAND] = "what a program writes",
                                                    [SOURCE_DATASET] = "a Hugging Face data set",
                                                    [SOURCE_DEBIAN] = "packages of Debian",
                                                    [SOURCE_GENERATOR] = "a generator"};
    return kind < SOURCE_KINDS && names[kind] != NULL ? names[kind] : "another kind";
}
