/* The files of a model, chosen by name: a Hugging Face folder, or one GGUF file or split set. */
#define _GNU_SOURCE /* strcasestr */
#include "formats/model_files.h"

#include "base/text.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a folder's reader looks at (docs/formats/hf.md), and what tells the licence. */
static const char *const beside_weights[] = {
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
};

/* Where a repository has several GGUF files and none was asked for, the first of these that is there: good quality at
 * about half a byte a weight first, then what is nearest. */
static const char *const preferred[] = {"Q4_K_M", "Q4_K_S", "Q5_K_M", "Q4_0", "Q4_1", "Q5_K_S", "Q5_0",
                                        "Q5_1",   "Q6_K",   "Q8_0",   "BF16", "F16",  "F32"};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static bool ends_gguf(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 && strcasecmp(name + length - 5, ".gguf") == 0;
}

/* "-00001-of-00003.gguf": 20 bytes. */
static const char *part_suffix(const char *name)
{
    const size_t length = strlen(name);
    const char *suffix = length > 20 ? name + length - 20 : NULL;
    return suffix != NULL && suffix[0] == '-' && strspn(suffix + 1, "0123456789") == 5 &&
                   strncmp(suffix + 6, "-of-", 4) == 0 && strspn(suffix + 10, "0123456789") == 5
               ? suffix
               : NULL;
}

bool model_files_is_gguf(const char *name)
{
    return ends_gguf(name);
}

bool model_files_is_later_part(const char *name)
{
    const char *suffix = part_suffix(name);
    return suffix != NULL && strncmp(suffix + 1, "00001", 5) != 0;
}

size_t model_files_set_length(const char *name)
{
    const char *suffix = part_suffix(name);
    return suffix != NULL ? (size_t)(suffix - name) : strlen(name) - (ends_gguf(name) ? 5 : 0);
}

/* A model of its own: no projector of images, no importance matrix. */
static bool is_model_gguf(const char *name)
{
    const char *own = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    return ends_gguf(name) && strncasecmp(own, "mmproj", 6) != 0 && strcasestr(own, "imatrix") == NULL;
}

static bool same_set(const char *a, const char *b)
{
    const size_t length = model_files_set_length(a);
    return length == model_files_set_length(b) && strncmp(a, b, length) == 0;
}

/* Has the name the word between characters that are neither letters nor digits nor "_"? Q4_K is not in Q4_K_M. */
static bool has_word(const char *name, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = name; (at = strcasestr(at, word)) != NULL; at++) {
        const char before = at > name ? at[-1] : '-';
        const char after = at[length];
        if (!isalnum((unsigned char)before) && !isalnum((unsigned char)after) && after != '_') {
            return true;
        }
    }
    return false;
}

static int find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void take_set(const char *const *names, size_t count, const char *member, bool *take)
{
    for (size_t i = 0; i < count; i++) {
        take[i] = take[i] || (ends_gguf(names[i]) && same_set(names[i], member));
    }
}

/* "a, b, c" of the GGUF sets, cut. */
static void list_sets(const char *const *names, size_t count, char *ret, size_t size)
{
    size_t at = (size_t)snprintf(ret, size, "%s", "");
    for (size_t i = 0; i < count && at + 1 < size; i++) {
        if (ends_gguf(names[i]) && !model_files_is_later_part(names[i])) {
            const int wrote = snprintf(ret + at, size - at, "%s%s", at > 0 ? ", " : "", names[i]);
            at += wrote > 0 ? (size_t)wrote : 0;
        }
    }
}

static hearth_status none_fits(const char *const *names, size_t count, const char *select, hearth_error *error)
{
    char found[400];
    list_sets(names, count, found, sizeof found);
    return error_set(error, HEARTH_E_NOT_FOUND, NULL, "a file, a pattern or a quantisation that is there",
                     "\"%.80s\" among %zu files%s%s", select, count, found[0] != '\0' ? "; GGUF: " : "", found);
}

/* The one set whose names have the word; *ret stays -1 where none has. */
static hearth_status set_with_word(const char *const *names, size_t count, const char *word, int *ret,
                                   hearth_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_model_gguf(names[i]) || !has_word(names[i], word)) {
            continue;
        }
        if (*ret >= 0 && !same_set(names[*ret], names[i])) {
            return error_set(error, HEARTH_E_ARGUMENT, NULL, "one GGUF file with this quantisation", "%.160s, %.160s",
                             names[*ret], names[i]);
        }
        *ret = *ret < 0 ? (int)i : *ret;
    }
    return HEARTH_OK;
}

static hearth_status choose_selected(const char *const *names, size_t count, const char *select, bool *take,
                                     hearth_error *error)
{
    int at = find(names, count, select);
    if (at >= 0) {
        take[at] = true;
    } else if (strpbrk(select, "*?[") != NULL) {
        for (size_t i = 0; i < count; i++) {
            take[i] = fnmatch(select, names[i], 0) == 0;
            at = take[i] ? (int)i : at;
        }
        return at >= 0 ? HEARTH_OK : none_fits(names, count, select, error);
    } else {
        TRY(set_with_word(names, count, select, &at, error));
    }
    if (at < 0) {
        return none_fits(names, count, select, error);
    }
    if (ends_gguf(names[at])) {
        take_set(names, count, names[at], take);
    }
    return HEARTH_OK;
}

static hearth_status choose_gguf(const char *const *names, size_t count, bool *take, hearth_error *error)
{
    int first = -1;
    bool several = false;
    for (size_t i = 0; i < count; i++) {
        if (is_model_gguf(names[i])) {
            several = several || (first >= 0 && !same_set(names[first], names[i]));
            first = first < 0 ? (int)i : first;
        }
    }
    int chosen = several ? -1 : first;
    for (size_t i = 0; several && chosen < 0 && i < COUNT_OF(preferred); i++) {
        TRY(set_with_word(names, count, preferred[i], &chosen, error));
    }
    if (chosen < 0 && several) {
        char found[400];
        list_sets(names, count, found, sizeof found);
        return error_set(error, HEARTH_E_ARGUMENT, NULL, "one GGUF file, or the name of one behind a colon", "%s",
                         found);
    }
    if (chosen >= 0) {
        take_set(names, count, names[chosen], take);
    }
    return HEARTH_OK;
}

static bool is_pickled(const char *name)
{
    return text_ends(name, ".bin") || text_ends(name, ".pt") || text_ends(name, ".pth") || text_ends(name, ".ckpt");
}

hearth_status model_files_choose(const char *const *names, size_t count, const char *select, bool *take,
                                 hearth_error *error)
{
    memset(take, 0, count * sizeof *take);
    if (*select != '\0') {
        return choose_selected(names, count, select, take, error);
    }
    int weights = find(names, count, "model.safetensors");
    weights = weights >= 0 ? weights : find(names, count, MODEL_FILES_INDEX);
    if (weights >= 0) {
        take[weights] = true;
        for (size_t i = 0; i < COUNT_OF(beside_weights); i++) {
            const int at = find(names, count, beside_weights[i]);
            if (at >= 0) {
                take[at] = true;
            }
        }
        return HEARTH_OK;
    }
    TRY(choose_gguf(names, count, take, error));
    bool any = false;
    const char *pickled = NULL;
    for (size_t i = 0; i < count; i++) {
        any = any || take[i];
        pickled = is_pickled(names[i]) ? names[i] : pickled;
    }
    if (any) {
        return HEARTH_OK;
    }
    return error_set(error, pickled != NULL ? HEARTH_E_UNSUPPORTED : HEARTH_E_NOT_FOUND, NULL,
                     "model.safetensors, its index, or a GGUF file",
                     pickled != NULL ? "%zu files, %.160s" : "%zu files", count, pickled);
}
