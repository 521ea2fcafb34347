/* A verdict as a page. */
#include "openness/card_page.h"
#include "openness/verdict.h"

#include <string.h>

static const char *word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static hearth_status points(card_page *p, const json_t *list, hearth_error *error)
{
    size_t i = 0;
    const json_t *k = NULL;
    TRY(page_table(p, (const char *const[]){"point", "result", "reason", "place", NULL}, error));
    json_array_foreach(list, i, k)
    {
        TRY(page_row(p,
                     (const char *const[]){word(k, "what"), word(k, "result"), word(k, "why"), word(k, "place"), NULL},
                     error));
    }
    return page_table_end(p, error);
}

static hearth_status components(card_page *p, const json_t *list, hearth_error *error)
{
    size_t i = 0;
    const json_t *c = NULL;
    TRY(page_table(p, (const char *const[]){"component", "there", "licence", "terms", "place", "remark", NULL}, error));
    json_array_foreach(list, i, c)
    {
        const char *remark = word(c, "conflict")[0] != '\0' ? word(c, "conflict") : word(c, "detail");
        TRY(page_row(p,
                     (const char *const[]){word(c, "name"), word(c, "there"), word(c, "licence"), word(c, "terms"),
                                           word(c, "place"), remark, NULL},
                     error));
    }
    return page_table_end(p, error);
}

static hearth_status checks(card_page *p, const json_t *list, bool reproduced, hearth_error *error)
{
    size_t i = 0;
    const json_t *k = NULL;
    if (json_array_size(list) == 0) {
        return HEARTH_OK;
    }
    TRY(page_heading(p, 2, "Checks of recipe, log and hashes", error));
    TRY(page_table(p, (const char *const[]){"what", "result", "detail", NULL}, error));
    json_array_foreach(list, i, k)
    {
        const bool ok = json_is_true(json_object_get(k, "ok"));
        TRY(page_row(p, (const char *const[]){word(k, "what"), ok ? "ok" : "differs", word(k, "detail"), NULL}, error));
    }
    TRY(page_table_end(p, error));
    return reproduced ? HEARTH_OK : page_text(p, error, "%s", VERDICT_NOT_REPRODUCED);
}

static hearth_status write(const json_t *v, card_page *p, hearth_error *error)
{
    const json_t *osaid = json_object_get(v, "osaid");
    const json_t *mof = json_object_get(v, "mof");
    const json_t *eu = json_object_get(v, "eu");
    const json_t *claim = json_object_get(v, "claim");
    size_t i = 0;
    const json_t *row = NULL;
    TRY(page_heading(p, 1, word(v, "name"), error));
    TRY(page_text(p, error, "%s: %s", word(v, "verdict"), word(v, "reason")));
    if (json_is_object(claim)) {
        TRY(page_text(p, error, "%s", word(claim, "told")));
    }
    TRY(page_heading(p, 2, "Open Source AI Definition 1.0", error));
    TRY(page_text(p, error, "%s", word(osaid, "result")));
    TRY(points(p, json_object_get(osaid, "points"), error));
    TRY(page_heading(p, 2, "Model Openness Framework", error));
    TRY(page_text(p, error, "%s", word(mof, "name")));
    json_array_foreach(json_object_get(mof, "counts"), i, row)
    {
        TRY(page_item(p, error, "%s: %d of %d", word(row, "name"),
                      (int)json_integer_value(json_object_get(row, "included")),
                      (int)json_integer_value(json_object_get(row, "of"))));
    }
    TRY(page_list_end(p, error));
    TRY(components(p, json_object_get(v, "components"), error));
    TRY(page_heading(p, 2, "EU AI Act, exemption of Article 53(2)", error));
    TRY(page_text(p, error, "%s", word(eu, "result")));
    TRY(points(p, json_object_get(eu, "points"), error));
    TRY(checks(p, json_object_get(v, "checks"), json_is_true(json_object_get(v, "reproduced")), error));
    return page_text(p, error, "Not legal advice.");
}

hearth_status verdict_html(const json_t *verdict, buffer *out, hearth_error *error)
{
    card_page p;
    page_init(&p, word(verdict, "name"));
    hearth_status status = write(verdict, &p, error);
    status = status == HEARTH_OK ? page_html(&p, out, error) : status;
    page_free(&p);
    return status;
}
