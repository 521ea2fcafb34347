/* BF16 tensors in the lossless form: how long their data is, and that every panel lies in it. */
#include "base/memory.h"
#include "formats/gguf_part.h"
#include "kernels/lossless.h"

#include <stdio.h>

static hearth_status fail(const char *place, const file_map *map, uint64_t at, const char *expected, uint64_t found,
                          hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, expected, "%llu", (unsigned long long)found);
    return gguf_fail_at(status, at < map->size ? at : map->size, error);
}

/* Of all matrices of the tensor. */
static bool count_panels(const tensor_entry *entry, uint64_t *ret)
{
    *ret = entry->shape[entry->dims - 2] / PANEL_ROWS + (entry->shape[entry->dims - 2] % PANEL_ROWS != 0);
    bool fits = true;
    for (uint32_t i = 0; i + 2 < entry->dims; i++) {
        fits = fits && u64_mul(*ret, entry->shape[i], ret);
    }
    return fits;
}

hearth_status gguf_lossless_size(tensor_entry *entry, const char *place, const file_map *map, uint64_t start,
                                 uint64_t offset, hearth_error *error)
{
    uint64_t raw = 0;
    uint64_t panels = 0;
    uint64_t away = 0;
    uint64_t at = 0;
    if (entry->dims < 2) {
        return fail(place, map, start, "2 to 4 dimensions of a lossless tensor", entry->dims, error);
    }
    TRY(tensor_size_bytes(DTYPE_BF16, entry->dims, entry->shape, place, &raw, error)); /* that the shape can be */
    const uint64_t cols = entry->shape[entry->dims - 1];
    const uint64_t left = !u64_add(start, offset, &at) || at > map->size ? 0 : map->size - at;
    if (cols > left || !count_panels(entry, &panels) || panels >= left / 8) {
        return fail(place, map, at, "places of all panels before the end of the file", left, error);
    }
    const uint8_t *data = map->data + at;
    memcpy(&away, data + 8 * panels, sizeof away);
    if (away > left - 8 * panels) {
        return fail(place, map, at + 8 * panels, "the end of the panels before the end of the file", away, error);
    }
    entry->size_bytes = 8 * panels + away;
    if (!lossless_places_fit(data, entry->size_bytes, panels, (size_t)cols)) {
        return fail(place, map, at, "panels that follow each other, each as long as it can be", entry->size_bytes,
                    error);
    }
    return HEARTH_OK;
}

hearth_status gguf_lossless_check(const tensor_entry *entry, size_t begin, size_t end, hearth_error *error)
{
    const uint8_t *panels = entry->data + 8 * begin;
    const size_t cols = (size_t)entry->shape[entry->dims - 1];
    const size_t wrong = lossless_find_wrong(panels, end - begin, cols);
    if (wrong == end - begin) {
        return HEARTH_OK;
    }
    char place[PLACE_SIZE];
    char expected[64];
    const uint8_t *panel = lossless_panel(panels, wrong);
    place_name(place, "tensor", entry->name, strlen(entry->name));
    (void)snprintf(expected, sizeof expected, "%zu bytes of panel %zu, as its tables say",
                   lossless_panel_bytes(panel, cols), begin + wrong);
    return error_set(error, HEARTH_E_FORMAT, place, expected, "%zu",
                     (size_t)(lossless_panel(panels, wrong + 1) - panel));
}

size_t gguf_lossless_panels(const tensor_entry *entry)
{
    uint64_t panels = 0;
    (void)count_panels(entry, &panels); /* fitted when the file was opened */
    return (size_t)panels;
}
