/* model/locate.h: paths, the local store, the cache, the hub cache, and the error that says where was looked. */
#include "base/memory.h"
#include "formats/model_name.h"
#include "model/locate.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OLLAMA_HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OLLAMA_LAYER(kind)                                                                                             \
    "{\"mediaType\": \"application/vnd.ollama.image." kind "\", \"digest\": \"sha256:" OLLAMA_HEX "\", \"size\": 1}"
#define OLLAMA_MANIFEST(kind) "{\"layers\": [" OLLAMA_LAYER(kind) "]}"

static char root[] = "/tmp/hearth-locate-XXXXXX";

static void put(const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(file_make_folders(path, NULL), HEARTH_OK);
    *slash = '/';
    assert_int_equal(file_replace(path, content, strlen(content), NULL), HEARTH_OK);
}

static int make_root(void **state)
{
    (void)state;
    char path[512];
    if (mkdtemp(root) == NULL) {
        return -1;
    }
    unsetenv("HF_HUB_CACHE");
    unsetenv("HUGGINGFACE_HUB_CACHE");
    snprintf(path, sizeof path, "%s/data", root);
    setenv("XDG_DATA_HOME", path, 1);
    snprintf(path, sizeof path, "%s/cache", root);
    setenv("XDG_CACHE_HOME", path, 1);
    snprintf(path, sizeof path, "%s/hf", root);
    setenv("HF_HOME", path, 1);
    snprintf(path, sizeof path, "%s/ollama", root);
    setenv("OLLAMA_MODELS", path, 1);
    put("data/openhearth/models/tiny.gguf", "x");
    put("data/openhearth/models/folder/config.json", "{}");
    put("data/openhearth/models/both", "x");
    put("data/openhearth/models/both.gguf", "x");
    put("cache/openhearth/demo.Q4_1.gguf", "x");
    put("cache/openhearth/tiny.gguf", "x");
    put("hf/hub/models--org--name/refs/main", "abc\n");
    put("hf/hub/models--org--name/snapshots/abc/config.json", "{}");
    put("hf/hub/models--org--name/snapshots/abc/model.safetensors", "x");
    put("hf/hub/models--org--name/snapshots/old/config.json", "{}");
    put("hf/hub/models--org--gguf/snapshots/1/a.gguf", "x");
    put("hf/hub/models--org--two/snapshots/1/a.gguf", "x");
    put("hf/hub/models--org--two/snapshots/2/a.gguf", "x");
    put("hf/hub/models--org--two-files/snapshots/1/a.gguf", "x");
    put("hf/hub/models--org--two-files/snapshots/1/more/b-00001-of-00002.gguf", "x");
    put("hf/hub/models--org--two-files/snapshots/1/c.gguf", "x");
    put("hf/hub/models--org--evil/refs/main", "../../../../secret");
    put("hf/hub/models--org--name/refs/refs/pr/1", "old");
    put("hf/hub/models--org--quants/refs/main", "1");
    put("hf/hub/models--org--quants/snapshots/1/m-Q8_0.gguf", "x");
    put("hf/hub/models--org--quants/snapshots/1/m-Q4_K_M.gguf", "x");
    put("hf/hub/models--org--quants/snapshots/1/m-Q4_K.gguf", "x");
    put("ollama/manifests/" OLLAMA_HOST "/library/tiny/latest", OLLAMA_MANIFEST("model"));
    put("ollama/manifests/host:80/space/tiny/q4", OLLAMA_MANIFEST("model"));
    put("ollama/manifests/host:80/space/adapted/latest",
        "{\"layers\": [" OLLAMA_LAYER("model") ", " OLLAMA_LAYER("adapter") "]}");
    put("ollama/manifests/host:80/space/evil/latest",
        "{\"layers\": [{\"mediaType\": \"application/vnd.ollama.image.model\", \"digest\": \"sha256:../../secret\", "
        "\"size\": 1}]}");
    put("ollama/blobs/sha256-" OLLAMA_HEX, "x");
    put("secret/config.json", "{}");
    put("here/one/m.gguf", "x");
    put("here/split/m-00001-of-00002.gguf", "x");
    put("here/split/m-00002-of-00002.gguf", "x");
    put("here/many/a.gguf", "x");
    put("here/many/b.gguf", "x");
    put("here/none/readme", "x");
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void assert_located(const char *name, const char *expected)
{
    char *path = NULL;
    char full[512];
    hearth_error error;
    if (model_locate(name, &path, &error) != HEARTH_OK) {
        char line[700];
        fail_msg("%s: %s", name, hearth_error_line(&error, line, sizeof line));
    }
    snprintf(full, sizeof full, "%s/%s", root, expected);
    assert_string_equal(path, full);
    mem_free(path);
}

static void assert_not_located(const char *name, hearth_status status, const char *part_of_line)
{
    char *path = NULL;
    char line[700];
    hearth_error error;
    assert_int_equal(model_locate(name, &path, &error), status);
    assert_null(path);
    hearth_error_line(&error, line, sizeof line);
    if (strstr(line, part_of_line) == NULL) {
        fail_msg("'%s' is not in: %s", part_of_line, line);
    }
}

static void names_are_found_in_order(void **state)
{
    (void)state;
    assert_located("tiny", "data/openhearth/models/tiny.gguf");
    assert_located("tiny.gguf", "data/openhearth/models/tiny.gguf");
    assert_located("folder", "data/openhearth/models/folder");
    assert_located("both", "data/openhearth/models/both");
    assert_located("demo.Q4_1", "cache/openhearth/demo.Q4_1.gguf");
    assert_located("org/name", "hf/hub/models--org--name/snapshots/abc");
    assert_located("org/gguf", "hf/hub/models--org--gguf/snapshots/1/a.gguf");
    assert_located("org/two-files/c.gguf", "hf/hub/models--org--two-files/snapshots/1/c.gguf");
    assert_located("org/two-files/more", "hf/hub/models--org--two-files/snapshots/1/more/b-00001-of-00002.gguf");
}

static void revisions_files_and_quantisations_are_found(void **state)
{
    (void)state;
    assert_located("hf:org/name", "hf/hub/models--org--name/snapshots/abc");
    assert_located("org/name@old", "hf/hub/models--org--name/snapshots/old");
    assert_located("org/name@refs/pr/1", "hf/hub/models--org--name/snapshots/old");
    assert_located("org/quants:Q8_0", "hf/hub/models--org--quants/snapshots/1/m-Q8_0.gguf");
    assert_located("org/quants@1:q4_k", "hf/hub/models--org--quants/snapshots/1/m-Q4_K.gguf");
    assert_located("org/quants:*M.gguf", "hf/hub/models--org--quants/snapshots/1/m-Q4_K_M.gguf");
    assert_located("hf:org/quants:m-Q4_K.gguf", "hf/hub/models--org--quants/snapshots/1/m-Q4_K.gguf");
    assert_located("https://host/a/tiny.gguf?x=y", "data/openhearth/models/tiny.gguf");
    assert_not_located("org/quants", HEARTH_E_ARGUMENT, "m-Q4_K.gguf");
    assert_not_located("org/quants:Q4", HEARTH_E_NOT_FOUND, "Q4");
    assert_not_located("org/name@none", HEARTH_E_NOT_FOUND, "none");
    assert_not_located("hf:tiny", HEARTH_E_NOT_FOUND, "hub");
    assert_not_located("hf:../../secret", HEARTH_E_ARGUMENT, "hf:ORG/NAME");
    assert_not_located("https://host/%2e%2e%2fsecret", HEARTH_E_ARGUMENT, "URL");
}

static void ollamas_store_is_read(void **state)
{
    (void)state;
    assert_located("ollama:tiny", "ollama/blobs/sha256-" OLLAMA_HEX);
    assert_located("ollama:library/tiny:latest", "ollama/blobs/sha256-" OLLAMA_HEX);
    assert_located("ollama:http://host:80/space/tiny:q4", "ollama/blobs/sha256-" OLLAMA_HEX);
    assert_not_located("ollama:tiny:q4", HEARTH_E_NOT_FOUND, "ollama");
    assert_not_located("ollama:host:80/space/adapted", HEARTH_E_UNSUPPORTED, "adapter");
    assert_not_located("ollama:host:80/space/evil", HEARTH_E_FORMAT, "digest");
    assert_not_located("ollama:../tiny", HEARTH_E_ARGUMENT, "ollama:");
}

static void paths_are_found(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/here/one", root);
    assert_located(path, "here/one/m.gguf");
    snprintf(path, sizeof path, "%s/here/one/m.gguf", root);
    assert_located(path, "here/one/m.gguf");
    snprintf(path, sizeof path, "%s/here/split", root);
    assert_located(path, "here/split/m-00001-of-00002.gguf");
    snprintf(path, sizeof path, "%s/here/many", root);
    assert_not_located(path, HEARTH_E_ARGUMENT, "a.gguf, b.gguf");
    snprintf(path, sizeof path, "%s/here/none", root);
    assert_not_located(path, HEARTH_E_NOT_FOUND, "config.json");
}

static void the_hub_cache_is_where_its_variables_say(void **state)
{
    (void)state;
    char hub[512];
    char *found = NULL;
    snprintf(hub, sizeof hub, "%s/hf/hub", root);
    char *home = mem_strdup(getenv("HF_HOME"));
    setenv("HF_HOME", "/nonexistent", 1);
    assert_int_equal(model_locate("org/name", &found, NULL), HEARTH_E_NOT_FOUND);
    setenv("HUGGINGFACE_HUB_CACHE", hub, 1);
    assert_located("org/name", "hf/hub/models--org--name/snapshots/abc");
    setenv("HF_HUB_CACHE", "/nonexistent", 1);
    assert_int_equal(model_locate("org/name", &found, NULL), HEARTH_E_NOT_FOUND);
    setenv("HF_HUB_CACHE", hub, 1);
    setenv("HUGGINGFACE_HUB_CACHE", "/nonexistent", 1);
    assert_located("org/name", "hf/hub/models--org--name/snapshots/abc");
    unsetenv("HF_HUB_CACHE");
    unsetenv("HUGGINGFACE_HUB_CACHE");
    setenv("HF_HOME", home, 1);
    mem_free(home);
}

static void errors_say_where_was_looked(void **state)
{
    (void)state;
    assert_not_located("nosuch", HEARTH_E_NOT_FOUND, "/data/openhearth/models");
    assert_not_located("nosuch", HEARTH_E_NOT_FOUND, "/cache/openhearth");
    assert_not_located("org/nosuch", HEARTH_E_NOT_FOUND, "/hf/hub");
    assert_not_located("./nosuch", HEARTH_E_NOT_FOUND, "none here");
    assert_not_located("../nosuch", HEARTH_E_NOT_FOUND, "none here");
    assert_not_located("", HEARTH_E_ARGUMENT, "nothing");
    assert_not_located("org/two", HEARTH_E_NOT_FOUND, "2 snapshots");
    assert_not_located("org/two-files", HEARTH_E_ARGUMENT, "a.gguf, c.gguf");
    assert_not_located("org/two-files/d.gguf", HEARTH_E_NOT_FOUND, "\"d.gguf\"");
    static const char *const no_names[] = {
        "org/gguf/../gguf/a.gguf", "org/gguf/", "org//gguf", "/gguf", "org/.gguf", "~/gguf"};
    for (size_t i = 0; i < sizeof no_names / sizeof *no_names; i++) {
        assert_not_located(no_names[i], HEARTH_E_NOT_FOUND, "none here");
    }
    /* A reference that leads out of the snapshots is not followed. */
    assert_not_located("org/evil", HEARTH_E_NOT_FOUND, "snapshots");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_in_order),
        cmocka_unit_test(revisions_files_and_quantisations_are_found),
        cmocka_unit_test(ollamas_store_is_read),
        cmocka_unit_test(paths_are_found),
        cmocka_unit_test(the_hub_cache_is_where_its_variables_say),
        cmocka_unit_test(errors_say_where_was_looked),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
