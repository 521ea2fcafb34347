/* The energy that the processor packages used, where the kernel shows it (RAPL by powercap). */
#ifndef PLATFORM_ENERGY_H
#define PLATFORM_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

#define ENERGY_PACKAGES 16

typedef struct energy_meter {
    int count;
    char path[ENERGY_PACKAGES][96];
    uint64_t last[ENERGY_PACKAGES], range[ENERGY_PACKAGES]; /* microjoules */
    double joules;                                          /* since energy_start */
} energy_meter;

/* false where nothing can be read: no such folder, or only for root. */
bool energy_start(energy_meter *m);
/* Joules since then; to be called at least once a minute (the counters wrap). */
double energy_read(energy_meter *m);

#endif
