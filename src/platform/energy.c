/* Counters of energy under /sys/class/powercap. */
#include "platform/energy.h"

#include <stdio.h>
#include <string.h>

static bool read_number(const char *path, uint64_t *ret)
{
    FILE *file = fopen(path, "re");
    unsigned long long value = 0;
    if (file == NULL) {
        return false;
    }
    const bool read = fscanf(file, "%llu", &value) == 1;
    (void)fclose(file);
    *ret = value;
    return read;
}

bool energy_start(energy_meter *m)
{
    *m = (energy_meter){0};
    for (int i = 0; i < ENERGY_PACKAGES; i++) {
        char range[96];
        char *path = m->path[m->count];
        (void)snprintf(path, sizeof m->path[0], "/sys/class/powercap/intel-rapl:%d/energy_uj", i);
        (void)snprintf(range, sizeof range, "/sys/class/powercap/intel-rapl:%d/max_energy_range_uj", i);
        if (read_number(path, &m->last[m->count]) && read_number(range, &m->range[m->count])) {
            m->count++;
        }
    }
    return m->count > 0;
}

double energy_read(energy_meter *m)
{
    for (int i = 0; i < m->count; i++) {
        uint64_t now = 0;
        if (read_number(m->path[i], &now)) {
            const uint64_t used = now >= m->last[i] ? now - m->last[i] : now + m->range[i] - m->last[i];
            m->joules += (double)used * 1e-6;
            m->last[i] = now;
        }
    }
    return m->joules;
}
