/* Names of models: what is told of a source, and what may become part of a path. */
#include "formats/model_name.h"

#include "base/limits.h"
#include "base/text.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

bool model_name_is_safe_path(const char *path)
{
    const size_t length = strlen(path);
    if (length == 0 || length > LIMIT_FILE_NAME_BYTES || !utf8_valid(path, length)) {
        return false;
    }
    for (const char *at = path; *at != '\0'; at++) {
        const bool c1 = (unsigned char)*at == 0xC2 && (unsigned char)at[1] < 0xA0; /* U+0080 to U+009F */
        if ((unsigned char)*at < 0x20 || *at == 0x7F || *at == '\\' || c1) {
            return false;
        }
    }
    for (const char *part = path;; part++) {
        const size_t span = strcspn(part, "/");
        if (span == 0 || (span == 1 && part[0] == '.') || (span == 2 && part[0] == '.' && part[1] == '.')) {
            return false;
        }
        part += span;
        if (*part == '\0') {
            return true;
        }
    }
}

/* One part of a name: letters, digits and "-", "_", "."; it begins with no "." and no "-", and holds no "..". */
static bool take_part(const char *text, size_t length, char *ret, size_t most)
{
    if (length == 0 || length >= most || text[0] == '.' || text[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.';
        if (!plain || (c == '.' && i + 1 < length && text[i + 1] == '.')) {
            return false;
        }
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

static bool take_path(const char *text, size_t length, char ret[MODEL_NAME_LONG])
{
    if (length == 0 || length > LIMIT_FILE_NAME_BYTES) {
        return false;
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
    return model_name_is_safe_path(ret);
}

/* org/name[/file][@revision][:select] */
static bool parse_hf(const char *text, model_name *ret)
{
    const size_t repository = strcspn(text, "@:");
    const char *slash = memchr(text, '/', repository);
    const char *own = slash != NULL ? slash + 1 : text;
    const size_t left = repository - (size_t)(own - text);
    const char *file = memchr(own, '/', left);
    const size_t length = file != NULL ? (size_t)(file - own) : left;
    const char *rest = text + repository;
    snprintf(ret->revision, sizeof ret->revision, "%s", MODEL_REVISION_MAIN);
    if ((slash != NULL && !take_part(text, (size_t)(slash - text), ret->owner, sizeof ret->owner)) ||
        !take_part(own, length, ret->name, sizeof ret->name)) {
        return false;
    }
    if (strstr(ret->owner, "--") != NULL || strstr(ret->name, "--") != NULL) { /* what the cache parts names by */
        return false;
    }
    if (file != NULL && !take_path(file + 1, left - length - 1, ret->select)) {
        return false;
    }
    if (*rest == '@') {
        const size_t span = strcspn(++rest, ":");
        if (!take_path(rest, span, ret->revision)) {
            return false;
        }
        rest += span;
    }
    if (*rest == ':') {
        return file == NULL && take_path(rest + 1, strlen(rest + 1), ret->select);
    }
    return true;
}

/* Host names, addresses and ports; an IPv6 address in brackets. */
static bool take_host(const char *text, size_t length, char ret[MODEL_NAME_LONG])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]";
    if (length == 0 || length > 350) {
        return false;
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
    return strspn(ret, allowed) == length && ret[0] != '.' && ret[0] != '-' && strstr(ret, "..") == NULL;
}

/* [[http://]host/][namespace/]name[:tag] */
static bool parse_ollama(const char *text, model_name *ret)
{
    ret->plain_http = text_starts(text, "http://");
    text += ret->plain_http ? 7 : (text_starts(text, "https://") ? 8 : 0);
    const char *last = strrchr(text, '/');
    const char *own = last != NULL ? last + 1 : text;
    const char *first = strchr(text, '/');
    const char *space = text;
    if (first != NULL && first != last) {
        if (!take_host(text, (size_t)(first - text), ret->host)) {
            return false;
        }
        space = first + 1;
    } else if (ret->plain_http) {
        return false; /* a scheme, and no host behind it */
    }
    snprintf(ret->owner, sizeof ret->owner, "%s", OLLAMA_NAMESPACE);
    snprintf(ret->revision, sizeof ret->revision, "%s", MODEL_TAG_LATEST);
    if (last != NULL && !take_part(space, (size_t)(last - space), ret->owner, 81)) {
        return false;
    }
    const size_t length = strcspn(own, ":");
    if (!take_part(own, length, ret->name, 81)) {
        return false;
    }
    return own[length] == '\0' || take_part(own + length + 1, strlen(own + length + 1), ret->revision, 81);
}

/* The last part of the path, without what %XX hides. */
static bool parse_url(const char *text, model_name *ret)
{
    const char *host = strstr(text, "://") + 3;
    const size_t length = strcspn(host, "?#");
    size_t begin = length;
    while (begin > 0 && host[begin - 1] != '/') {
        begin--;
    }
    size_t out = 0;
    for (size_t i = begin; i < length && out + 1 < sizeof ret->file; i++) {
        const bool coded =
            host[i] == '%' && i + 2 < length && text_hex_digit(host[i + 1]) >= 0 && text_hex_digit(host[i + 2]) >= 0;
        ret->file[out++] = coded ? (char)(text_hex_digit(host[i + 1]) * 16 + text_hex_digit(host[i + 2])) : host[i];
        i += coded ? 2 : 0;
    }
    ret->file[out] = '\0';
    return begin > 1 && out > 0 && out + 1 < sizeof ret->file && ret->file[0] != '.' && strlen(ret->file) == out &&
           strchr(ret->file, '/') == NULL && model_name_is_safe_path(ret->file);
}

static hearth_status wrong(const char *text, const char *expected, hearth_error *error)
{
    return error_set(error, HEARTH_E_ARGUMENT, NULL, expected, "\"%.160s\"", text);
}

hearth_status model_name_parse(const char *text, model_name *ret, hearth_error *error)
{
    model_name made = {0};
    if (text_starts(text, "http://") || text_starts(text, "https://")) {
        made.source = MODEL_SOURCE_URL;
        made.stated = true;
        if (!parse_url(text, &made)) {
            return wrong(text, "a URL that ends in the name of a GGUF file", error);
        }
    } else if (text_starts(text, "hf:")) {
        made.source = MODEL_SOURCE_HF;
        made.stated = true;
        if (!parse_hf(text + 3, &made)) {
            return wrong(text, "hf:ORG/NAME[@REVISION][:FILE]", error);
        }
    } else if (text_starts(text, "ollama:")) {
        made.source = MODEL_SOURCE_OLLAMA;
        made.stated = true;
        if (!parse_ollama(text + 7, &made)) {
            return wrong(text, "ollama:[HOST/][NAMESPACE/]NAME[:TAG]", error);
        }
    } else if (parse_hf(text, &made)) {
        made.source = MODEL_SOURCE_HF;
    } else {
        made = (model_name){.source = MODEL_SOURCE_NONE};
    }
    *ret = made;
    return HEARTH_OK;
}
