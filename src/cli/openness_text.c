/* A verdict at the terminal: the word, then each point with its reason and its place. */
#include "cli/openness.h"
#include "cli/terminal.h"
#include "openness/verdict.h"

#include <stdio.h>
#include <string.h>

static const char *word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Text from a file: control characters never reach a terminal. */
static void outside(const char *text)
{
    (void)terminal_write_text(text, strlen(text), NULL);
}

static void styled(const char *style, const char *text)
{
    fputs(terminal_style(stdout, style), stdout);
    outside(text);
    fputs(terminal_style(stdout, "reset"), stdout);
}

static const char *style_of(const char *result)
{
    const bool good =
        strcmp(result, "meets") == 0 || strcmp(result, "open source") == 0 || strcmp(result, "exempt") == 0;
    const bool bad =
        strcmp(result, "does not") == 0 || strcmp(result, "closed terms") == 0 || strcmp(result, "not exempt") == 0;
    return good ? "green" : bad ? "red" : "yellow";
}

static void print_points(const json_t *points)
{
    size_t i = 0;
    const json_t *p = NULL;
    json_array_foreach(points, i, p)
    {
        const char *result = word(p, "result");
        printf("  %s%-12s%s", terminal_style(stdout, style_of(result)), result, terminal_style(stdout, "reset"));
        outside(word(p, "what"));
        if (word(p, "why")[0] != '\0') {
            printf("\n              ");
            outside(word(p, "why"));
        }
        if (word(p, "place")[0] != '\0') {
            printf(" %s[", terminal_style(stdout, "dim"));
            outside(word(p, "place"));
            printf("]%s", terminal_style(stdout, "reset"));
        }
        putchar('\n');
    }
}

static void print_component(const json_t *c)
{
    const bool there = strcmp(word(c, "there"), "yes") == 0;
    const char *terms = word(c, "terms");
    const char *style = strcmp(terms, "open") == 0 ? "green" : there ? "red" : "dim";
    printf("  %s%-32s%s", terminal_style(stdout, style), word(c, "name"), terminal_style(stdout, "reset"));
    if (!there) {
        printf("%s\n", strcmp(word(c, "there"), "elsewhere") == 0 ? "named, not here" : "-");
        return;
    }
    outside(word(c, "licence")[0] != '\0' ? word(c, "licence")
            : strcmp(terms, "none") == 0  ? "no licence"
                                          : "unknown licence");
    printf("  %s[", terminal_style(stdout, "dim"));
    outside(word(c, "place"));
    printf("]%s\n", terminal_style(stdout, "reset"));
    if (word(c, "conflict")[0] != '\0') {
        printf("    ");
        styled("yellow", word(c, "conflict"));
        putchar('\n');
    }
    if (json_is_true(json_object_get(c, "warned"))) {
        printf("    counted, though its licence is one for another kind of content\n");
    }
}

static void print_components(const json_t *list)
{
    size_t i = 0;
    const json_t *c = NULL;
    json_array_foreach(list, i, c)
    {
        print_component(c);
    }
}

static void print_mof(const json_t *mof)
{
    printf("\n%sModel Openness Framework: %s%s\n  ", terminal_style(stdout, "bold"), word(mof, "name"),
           terminal_style(stdout, "reset"));
    static const char *const names[] = {"", "I", "II", "III"};
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(mof, "counts"), i, row)
    {
        printf("%sClass %s: %d of %d", i > 0 ? ", " : "", names[json_integer_value(json_object_get(row, "class")) & 3],
               (int)json_integer_value(json_object_get(row, "included")),
               (int)json_integer_value(json_object_get(row, "of")));
    }
    putchar('\n');
}

static void print_checks(const json_t *checks, bool reproduced)
{
    size_t i = 0;
    const json_t *k = NULL;
    if (json_array_size(checks) > 0) {
        printf("\n%sChecks of recipe, log and hashes%s\n", terminal_style(stdout, "bold"),
               terminal_style(stdout, "reset"));
    }
    json_array_foreach(checks, i, k)
    {
        const bool ok = json_is_true(json_object_get(k, "ok"));
        printf("  %s%-8s%s", terminal_style(stdout, ok ? "green" : "red"), ok ? "ok" : "DIFFERS",
               terminal_style(stdout, "reset"));
        outside(word(k, "what"));
        printf(": ");
        outside(word(k, "detail"));
        putchar('\n');
    }
    if (json_array_size(checks) > 0 && !reproduced) {
        printf("  %s\n", VERDICT_NOT_REPRODUCED);
    }
}

static void print_bases(const json_t *bases)
{
    size_t i = 0;
    const json_t *b = NULL;
    json_array_foreach(bases, i, b)
    {
        printf("made from ");
        outside(word(b, "name"));
        printf(" (");
        outside(word(b, "place"));
        printf("): ");
        outside(word(b, "licence")[0] != '\0' ? word(b, "licence") : word(b, "terms"));
        if (word(b, "why")[0] != '\0') {
            printf("; ");
            outside(word(b, "why"));
        }
        putchar('\n');
    }
}

void openness_print(const json_t *v)
{
    const json_t *osaid = json_object_get(v, "osaid");
    const json_t *eu = json_object_get(v, "eu");
    const json_t *claim = json_object_get(v, "claim");
    styled("bold", word(v, "name"));
    printf(": ");
    styled(style_of(word(v, "verdict")), word(v, "verdict"));
    printf("\n");
    outside(word(v, "reason"));
    if (word(v, "place")[0] != '\0') {
        printf(" [");
        outside(word(v, "place"));
        printf("]");
    }
    putchar('\n');
    if (json_is_object(claim)) {
        outside(word(claim, "told"));
        putchar('\n');
    }
    print_bases(json_object_get(v, "base_models"));
    if (json_is_true(json_object_get(v, "by_description"))) {
        printf("Judged by a description: what it says of files was not looked at.\n");
    }
    printf("\n%sOpen Source AI Definition 1.0: %s%s\n", terminal_style(stdout, "bold"), word(osaid, "result"),
           terminal_style(stdout, "reset"));
    print_points(json_object_get(osaid, "points"));
    print_mof(json_object_get(v, "mof"));
    print_components(json_object_get(v, "components"));
    printf("\n%sEU AI Act, exemption of Article 53(2): %s%s\n", terminal_style(stdout, "bold"), word(eu, "result"),
           terminal_style(stdout, "reset"));
    print_points(json_object_get(eu, "points"));
    print_checks(json_object_get(v, "checks"), json_is_true(json_object_get(v, "reproduced")));
    printf("\nNot legal advice. The rules: docs/openness.md\n");
}
