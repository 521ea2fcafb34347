/* What a corpus depends on besides recipe, sources and this program: other people's libraries, and files of rules. */
#include "corpus/rules.h"

#include <string.h>

#include <libexttextcat/textcat.h>
#include <utf8proc.h>

static hearth_status put(json_t *root, const char *key, json_t *value, hearth_error *error)
{
    return value == NULL || json_object_set_new(root, key, value) != 0 ? error_memory(error, strlen(key)) : HEARTH_OK;
}

static hearth_status put_libraries(const rule_list *list, json_t *root, hearth_error *error)
{
    bool unicode = false;
    bool textcat = false;
    for (size_t i = 0; i < list->count; i++) {
        unicode = unicode || list->items[i].row->unicode;
        textcat = textcat || list->items[i].row->textcat;
    }
    if (!unicode && !textcat) {
        return HEARTH_OK;
    }
    json_t *libraries = json_object();
    if (textcat) {
        libraries = json_door_put(libraries, "libexttextcat", json_string(textcat_Version()));
    }
    if (unicode) {
        libraries = json_door_put(libraries, "utf8proc", json_string(utf8proc_version()));
        libraries = json_door_put(libraries, "unicode", json_string(utf8proc_unicode_version()));
    }
    return put(root, "libraries", libraries, error);
}

hearth_status rules_record(const rule_list *list, json_t *root, hearth_error *error)
{
    json_t *files = json_array();
    TRY(put_libraries(list, root, error));
    for (size_t i = 0; i < list->count; i++) {
        const rule *r = &list->items[i];
        if (r->file_sha256[0] != '\0') {
            files = json_door_append(files, json_pack("{s:s, s:s}", "rule", r->row->name, "sha256", r->file_sha256));
        }
    }
    if (files != NULL && json_array_size(files) == 0) {
        json_decref(files);
        return HEARTH_OK;
    }
    return put(root, "rules", files, error);
}
