/* The language of a text, by libexttextcat's n-gram profiles. */
#include "corpus/rule_functions.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/source_part.h"
#include "corpus/words.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

#include <libexttextcat/textcat.h>

enum { LANGUAGE_ALLOW, LANGUAGE_PROFILES, LANGUAGE_SHA256, LANGUAGE_DETECT, LANGUAGE_CHARACTERS };

#define LOOKED_AT_BYTES ((size_t)4096) /* of a text, from its beginning */

typedef struct language_state {
    void **handles; /* [threads]: each has a buffer of its own */
    int count;
} language_state;

static hearth_status open_profiles(rule *r, const char *folder, hearth_error *error)
{
    language_state *s = r->state;
    const char *sha256 = r->values[LANGUAGE_SHA256].text;
    TRY(source_hash(folder, r->file_sha256, error));
    if (*sha256 != '\0' && strcmp(sha256, r->file_sha256) != 0) {
        char expected[128];
        (void)snprintf(expected, sizeof expected, "the profiles' SHA-256 %s", r->file_sha256);
        return rule_wrong(r, "sha256", expected, sha256, error);
    }
    char *list = file_join(folder, "fpdb.conf");
    char *beginning = text_format("%s/", folder);
    for (int i = 0; i < r->threads && list != NULL && beginning != NULL; i++) {
        s->handles[i] = special_textcat_Init(list, beginning);
        if (s->handles[i] == NULL) {
            (void)error_set(error, HEARTH_E_FORMAT, "language", "libexttextcat's profiles", "something it cannot read");
            error_in_file(error, list);
            break;
        }
        s->count = i + 1;
    }
    const bool memory = list == NULL || beginning == NULL;
    mem_free(list);
    mem_free(beginning);
    return memory ? error_memory(error, strlen(folder)) : s->count == r->threads ? HEARTH_OK : HEARTH_E_FORMAT;
}

hearth_status language_open(rule *r, hearth_error *error)
{
    language_state *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    r->state = s;
    s->handles = mem_calloc((size_t)r->threads, sizeof *s->handles);
    char *folder = recipe_place(r->recipe, r->values[LANGUAGE_PROFILES].text);
    const hearth_status status = s->handles == NULL || folder == NULL
                                     ? error_memory(error, (size_t)r->threads * sizeof *s->handles)
                                     : open_profiles(r, folder, error);
    mem_free(folder);
    return status;
}

/* "[de--utf8][nl--utf8]" says "de", "[zh-CN-utf8]" "zh-CN", "[sr-RS-utf8]…"; the first of them. "" where it is unsure.
 */
static void read_answer(const char *answer, char *ret, size_t size)
{
    ret[0] = '\0';
    if (answer == NULL || answer[0] != '[') {
        return; /* UNKNOWN, SHORT */
    }
    const char *end = strchr(answer, ']');
    const char *tail = strstr(answer, "-utf8");
    if (end == NULL || tail == NULL || tail > end) {
        return;
    }
    size_t length = (size_t)(tail - answer) - 1;
    while (length > 0 && answer[length] == '-') {
        length--;
    }
    if (length < size) {
        memcpy(ret, answer + 1, length);
        ret[length] = '\0';
    }
}

/* Whether a language or what stands before its first hyphen is listed. */
static bool allowed(const char *list, const char *language)
{
    const size_t whole = strlen(language), primary = strcspn(language, "-");
    if (*list == '\0') {
        return true;
    }
    for (const char *p = list; *p != '\0';) {
        const size_t size = strcspn(p, "\n");
        if ((size == whole || size == primary) && memcmp(p, language, size) == 0) {
            return true;
        }
        p += size + (p[size] != '\0');
    }
    return false;
}

hearth_status language_apply(rule *r, document *d, int part, hearth_error *error)
{
    language_state *s = r->state;
    const bool always = strcmp(r->values[LANGUAGE_DETECT].text, "always") == 0;
    if (d->language.length == 0 || always) {
        size_t length = d->text.length < LOOKED_AT_BYTES ? d->text.length : LOOKED_AT_BYTES;
        while (length > 0 && length < d->text.length && ((unsigned char)d->text.data[length] & 0xC0) == 0x80) {
            length--;
        }
        char language[32] = "";
        if ((double)characters_of(buffer_text(&d->text), length) >= r->values[LANGUAGE_CHARACTERS].number) {
            read_answer(textcat_Classify(s->handles[part], buffer_text(&d->text), length), language, sizeof language);
        }
        TRY(document_set(&d->language, language, error));
    }
    const char *language = buffer_text(&d->language);
    if (allowed(r->values[LANGUAGE_ALLOW].text, language)) {
        return HEARTH_OK;
    }
    return *language == '\0' ? RULE_DROP(r, d, error, "no language is recognised")
                             : RULE_DROP(r, d, error, "its language is %s", language);
}

void language_close(rule *r)
{
    language_state *s = r->state;
    if (s == NULL) {
        return;
    }
    for (int i = 0; i < s->count; i++) {
        textcat_Done(s->handles[i]);
    }
    mem_free(s->handles);
    mem_free(s);
}
