/* All papers into a folder. */
#include "openness/card_facts.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

const card_paper card_papers[] = {
    {"README.md", "Model card", true, card_model},
    {"DATA_CARD.md", "Data card", true, card_data},
    {"TECHNICAL_REPORT.md", "Technical report", true, card_report},
    {"EVALUATION.md", "Evaluation results", true, card_results},
    {"EU_TRAINING_SUMMARY.md", "Public summary of training content", false, summary_training_content},
    {"EU_ANNEX_XI.md", "Technical documentation (Annex XI)", false, summary_annex_xi},
    {"EU_ANNEX_XII.md", "Information for downstream providers (Annex XII)", false, summary_annex_xii},
    {NULL, NULL, false, NULL},
};

/* A text in quotation marks of YAML's. */
static hearth_status quoted(buffer *out, const char *text, hearth_error *error)
{
    json_t *value = json_door_string(text);
    const hearth_status status = value == NULL ? error_memory(error, 0) : json_door_write(value, 0, out, error);
    json_decref(value);
    return status;
}

static hearth_status write_licence(const card_facts *f, buffer *out, hearth_error *error)
{
    const char *id = f->recipe->licence;
    const char *hub = card_hub_licence(id);
    if (id == NULL) {
        return HEARTH_OK;
    }
    TRY(buffer_printf(out, error, "license: %s\n", hub));
    if (strcmp(hub, "other") == 0) {
        TRY(buffer_append_text(out, "license_name: ", error));
        TRY(quoted(out, id, error));
        TRY(buffer_append_text(out, "\n", error));
    }
    return HEARTH_OK;
}

static hearth_status write_results(const card_facts *f, buffer *out, hearth_error *error)
{
    const json_t *last = card_evaluation(f);
    if (last == NULL) {
        return HEARTH_OK;
    }
    return buffer_printf(out, error,
                         "model-index:\n- name: %s\n  results:\n  - task:\n      type: text-generation\n    dataset:\n"
                         "      type: held-out\n      name: held-out text of the same sources\n    metrics:\n"
                         "    - type: bits_per_byte\n      value: %.6g\n",
                         f->recipe->name, json_number_value(json_object_get(last, "bits_per_byte")));
}

static hearth_status write_front(const card_facts *f, bool model, buffer *out, hearth_error *error)
{
    TRY(buffer_append_text(out, "---\n", error));
    TRY(write_licence(f, out, error));
    if (model) {
        const char *language = NULL;
        for (size_t i = 0; i < f->recipe->source_count && language == NULL; i++) {
            language = f->recipe->sources[i].language;
        }
        if (language != NULL) {
            TRY(buffer_append_text(out, "language:\n- ", error));
            TRY(quoted(out, language, error));
            TRY(buffer_append_text(out, "\n", error));
        }
        TRY(buffer_append_text(
            out, "library_name: transformers\npipeline_tag: text-generation\ntags:\n- openhearth\n- reproducible\n",
            error));
        TRY(write_results(f, out, error));
    }
    return buffer_append_text(out, "---\n\n", error);
}

static hearth_status put(const char *folder, const char *name, const buffer *text, hearth_error *error)
{
    char *path = file_join(folder, name);
    const hearth_status status =
        path == NULL ? error_memory(error, 0) : file_replace(path, text->data, text->length, error);
    mem_free(path);
    return status;
}

static hearth_status put_paper(const card_facts *f, const card_paper *paper, const char *folder, bool html,
                               hearth_error *error)
{
    card_page page;
    buffer out = {0};
    page_init(&page, paper->title);
    hearth_status status = paper->write(f, &page, error);
    if (status == HEARTH_OK && paper->front) {
        status = write_front(f, paper->write == card_model, &out, error);
    }
    status = status == HEARTH_OK ? buffer_append_text(&out, buffer_text(&page.markdown), error) : status;
    status = status == HEARTH_OK ? put(folder, paper->name, &out, error) : status;
    if (status == HEARTH_OK && html) {
        char *name = text_format("html/%.*s.html", (int)(strlen(paper->name) - 3), paper->name);
        buffer_clear(&out);
        status = name == NULL ? error_memory(error, 0) : page_html(&page, &out, error);
        status = status == HEARTH_OK ? put(folder, name, &out, error) : status;
        mem_free(name);
    }
    buffer_free(&out);
    page_free(&page);
    return status;
}

typedef hearth_status (*bom_fn)(const card_facts *f, json_t **ret, hearth_error *error);

static hearth_status put_bom(const card_facts *f, bom_fn make, const char *folder, const char *name,
                             hearth_error *error)
{
    json_t *value = NULL;
    buffer out = {0};
    hearth_status status = make(f, &value, error);
    status = status == HEARTH_OK ? json_door_write(value, 2, &out, error) : status;
    status = status == HEARTH_OK ? buffer_append_char(&out, '\n', error) : status;
    status = status == HEARTH_OK ? put(folder, name, &out, error) : status;
    buffer_free(&out);
    json_decref(value);
    return status;
}

hearth_status card_write_all(const card_facts *f, const char *folder, bool html, size_t *ret_count, hearth_error *error)
{
    char *pages = file_join(folder, "html");
    hearth_status status = pages == NULL ? error_memory(error, 0) : file_make_folders(html ? pages : folder, error);
    mem_free(pages);
    *ret_count = 0;
    for (size_t i = 0; card_papers[i].name != NULL && status == HEARTH_OK; i++) {
        status = put_paper(f, &card_papers[i], folder, html, error);
        *ret_count += html ? 2 : 1;
    }
    TRY(status);
    TRY(put_bom(f, bom_spdx, folder, "model.spdx.json", error));
    TRY(put_bom(f, bom_cyclonedx, folder, "model.cdx.json", error));
    *ret_count += 2;
    return HEARTH_OK;
}
