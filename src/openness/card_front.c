/* Reading cards. */
#include "openness/card_front.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where the line "---" that ends the metadata begins; NULL: nowhere. */
static const char *find_end(const char *text, unsigned *ret_line)
{
    unsigned line = 2;
    for (const char *at = text; at != NULL && *at != '\0'; line++) {
        const size_t length = strcspn(at, "\r\n");
        if (length == 3 && memcmp(at, "---", 3) == 0) {
            *ret_line = line;
            return at;
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return NULL;
}

/* The YAML begins on the file's second line. */
static void move_place(hearth_error *error)
{
    unsigned line = 0, column = 0;
    int used = 0;
    if (error != NULL && sscanf(error->place, "line %u column %u%n", &line, &column, &used) == 2) {
        char rest[80];
        (void)snprintf(rest, sizeof rest, "%s", error->place + used);
        (void)snprintf(error->place, sizeof error->place, "line %u column %u%.79s", line + 1, column, rest);
    }
}

hearth_status card_front_read(const char *text, size_t length, const char *name, arena *a, card_front *ret,
                              hearth_error *error)
{
    *ret = (card_front){.body = text, .body_line = 1};
    if (length < 4 || memcmp(text, "---", 3) != 0 || (text[3] != '\n' && text[3] != '\r')) {
        return HEARTH_OK;
    }
    const char *begin = strchr(text, '\n');
    unsigned end_line = 0;
    const char *end = begin != NULL ? find_end(begin + 1, &end_line) : NULL;
    hearth_status status = HEARTH_OK;
    if (end == NULL) {
        status = error_set(error, HEARTH_E_FORMAT, "line 1", "metadata that end with a line ---", "no such line");
    } else if ((size_t)(end - begin) > LIMIT_CARD_METADATA_BYTES) {
        status =
            error_set(error, HEARTH_E_LIMIT, "line 1", "metadata of at most 1 MiB", "%zu bytes", (size_t)(end - begin));
    } else if (end > begin + 1) {
        yaml_node *root = NULL;
        status = yaml_read(begin + 1, (size_t)(end - begin - 1), a, &root, error);
        if (status != HEARTH_OK) {
            move_place(error);
        } else if (root->kind != YAML_NODE_MAP) {
            status = error_set(error, HEARTH_E_FORMAT, "line 2", "keys and values", "something else");
        }
        ret->metadata = root;
    }
    if (status != HEARTH_OK) {
        error_in_file(error, name);
        return status;
    }
    ret->body = strchr(end, '\n') != NULL ? strchr(end, '\n') + 1 : end + 3;
    ret->body_line = end_line + 1;
    return HEARTH_OK;
}

/* Whether [at, at + length) has one of the words, apart by '|'. */
static bool has_one(const char *at, size_t length, const char *words)
{
    for (const char *word = words; *word != '\0';) {
        const size_t size = strcspn(word, "|");
        for (size_t i = 0; i + size <= length; i++) {
            if (strncasecmp(at + i, word, size) == 0) {
                return true;
            }
        }
        word += size + (word[size] == '|');
    }
    return false;
}

typedef struct line_wish {
    const char *words, *off, *but; /* off: not on lines with one of these, unless one of `but` stands there; NULL */
    bool headings;
} line_wish;

static unsigned find_line(const card_front *c, const line_wish *w)
{
    unsigned line = c->body_line;
    for (const char *at = c->body; at != NULL && *at != '\0'; line++) {
        const size_t length = strcspn(at, "\r\n");
        const bool off = w->off != NULL && has_one(at, length, w->off) && !has_one(at, length, w->but);
        if ((!w->headings || *at == '#') && !off && has_one(at, length, w->words)) {
            return line;
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return 0;
}

unsigned card_heading(const card_front *c, const char *words)
{
    return find_line(c, &(line_wish){.words = words, .headings = true});
}

unsigned card_phrase(const card_front *c, const char *phrases)
{
    return find_line(c, &(line_wish){.words = phrases});
}

unsigned card_phrase_besides(const card_front *c, const char *phrases, const char *off, const char *but)
{
    return find_line(c, &(line_wish){.words = phrases, .off = off, .but = but});
}

const yaml_node *card_value(const yaml_node *map, const char *key, size_t index)
{
    const yaml_node *value = map != NULL ? yaml_find(map, key) : NULL;
    if (value == NULL || value->kind == YAML_NODE_MAP) {
        return NULL;
    }
    if (value->kind == YAML_NODE_TEXT) {
        return index == 0 ? value : NULL;
    }
    const yaml_node *item = value->first;
    while (item != NULL && index > 0) {
        item = item->next;
        index--;
    }
    return item != NULL && item->kind == YAML_NODE_TEXT ? item : NULL;
}
