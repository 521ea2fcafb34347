/* A number and a unit. */
#include "cli/size.h"

#include "cli/option.h"

#include <string.h>
#include <strings.h>

static bool unit_of(const char *text, double *ret)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"K", 1e3},
                 {"KB", 1e3},
                 {"M", 1e6},
                 {"MB", 1e6},
                 {"G", 1e9},
                 {"GB", 1e9},
                 {"T", 1e12},
                 {"TB", 1e12},
                 {"KiB", 1024.0},
                 {"MiB", 1024.0 * 1024},
                 {"GiB", 1024.0 * 1024 * 1024},
                 {"TiB", 1024.0 * 1024 * 1024 * 1024}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcasecmp(text, units[i].name) == 0) {
            *ret = units[i].bytes;
            return true;
        }
    }
    return false;
}

hearth_status size_read(const char *name, const char *text, uint64_t *ret, hearth_error *error)
{
    char number[32];
    double value = 0;
    double unit = 0;
    const size_t digits = strspn(text, "0123456789.");
    if (digits > 0 && digits < sizeof number) {
        memcpy(number, text, digits);
        number[digits] = '\0';
        const char *rest = text + digits + strspn(text + digits, " ");
        if (option_read_number(number, &value) && unit_of(rest, &unit) && value * unit < 9e18) {
            *ret = (uint64_t)(value * unit);
            return HEARTH_OK;
        }
    }
    return error_set(error, HEARTH_E_ARGUMENT, name, SIZE_HELP, "\"%.40s\"", text);
}
