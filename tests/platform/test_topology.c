/* platform/topology: threads for machines that are not this one, as folders like /sys describe them. */
#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "platform/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CPUS 16

static char root[] = "/tmp/hearth_topology_XXXXXX";

/* A fresh folder for a machine; its name in `ret`. */
static void make_machine(char ret[128])
{
    static int number;
    snprintf(ret, 128, "%s/%d", root, number++);
}

static void tell(const char *machine, int cpu, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/cpu%d/%s", machine, cpu, name);
    assert_int_equal(file_make_place(path, NULL), HEARTH_OK);
    assert_int_equal(file_replace(path, text, strlen(text), NULL), HEARTH_OK);
}

static void tell_number(const char *machine, int cpu, const char *name, int number)
{
    char text[32];
    snprintf(text, sizeof text, "%d\n", number);
    tell(machine, cpu, name, text);
}

static void tell_pair(const char *machine, int cpu, const char *form, int first, int second)
{
    char text[32];
    snprintf(text, sizeof text, form, first, second);
    tell(machine, cpu, "topology/core_cpus_list", text);
}

static int threads_of(const char *machine, int first, int last)
{
    bool allowed[CPUS] = {false};
    for (int cpu = first; cpu <= last; cpu++) {
        allowed[cpu] = true;
    }
    return topology_threads(machine, allowed, CPUS);
}

/* 8 cores, siblings half the machine apart ("0,8"). */
static void siblings_apart(void **state)
{
    (void)state;
    char machine[128];
    make_machine(machine);
    for (int cpu = 0; cpu < 16; cpu++) {
        tell_pair(machine, cpu, "%d,%d\n", cpu % 8, cpu % 8 + 8);
    }
    assert_int_equal(threads_of(machine, 0, 15), 8);
    assert_int_equal(threads_of(machine, 0, 7), 8);
    assert_int_equal(threads_of(machine, 8, 11), 4);
    assert_int_equal(threads_of(machine, 6, 9), 4);
    assert_int_equal(threads_of(machine, 3, 3), 1);
}

/* 4 cores, siblings side by side ("0-1"), under the older name. */
static void siblings_together(void **state)
{
    (void)state;
    char machine[128];
    make_machine(machine);
    for (int cpu = 0; cpu < 8; cpu++) {
        char text[32];
        snprintf(text, sizeof text, "%d-%d\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        tell(machine, cpu, "topology/thread_siblings_list", text);
    }
    assert_int_equal(threads_of(machine, 0, 7), 4);
    assert_int_equal(threads_of(machine, 1, 4), 3);
}

/* Cores of several kinds: as many of the best as give most when each gets an equal part. */
static void cores_of_several_kinds(void **state)
{
    (void)state;
    char machine[128];
    make_machine(machine); /* 4 of 1024 and 4 of 446: 4 * 1024 > 8 * 446 */
    for (int cpu = 0; cpu < 8; cpu++) {
        tell_number(machine, cpu, "cpu_capacity", cpu < 4 ? 446 : 1024);
    }
    assert_int_equal(threads_of(machine, 0, 7), 4);
    assert_int_equal(threads_of(machine, 0, 4), 5); /* 5 * 446 > 1 * 1024 */
    assert_int_equal(threads_of(machine, 3, 4), 1); /* 1 * 1024 > 2 * 446 */
    make_machine(machine);                          /* 2 of 1024 and 6 of 700 */
    for (int cpu = 0; cpu < 8; cpu++) {
        tell_number(machine, cpu, "cpu_capacity", cpu < 2 ? 1024 : 700);
    }
    assert_int_equal(threads_of(machine, 0, 7), 8);
    make_machine(machine); /* clocks: six cores with siblings at 5.2 GHz, four at 2.0 */
    for (int cpu = 0; cpu < 12; cpu++) {
        tell_pair(machine, cpu, "%d-%d\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        tell_number(machine, cpu, "cpufreq/cpuinfo_max_freq", 5200000);
    }
    for (int cpu = 12; cpu < 16; cpu++) {
        tell_number(machine, cpu, "cpufreq/cpuinfo_max_freq", 2000000);
    }
    assert_int_equal(threads_of(machine, 0, 15), 6);
    make_machine(machine); /* favoured cores are no other kind */
    for (int cpu = 0; cpu < 8; cpu++) {
        tell_number(machine, cpu, "cpufreq/cpuinfo_max_freq", cpu < 2 ? 5200000 : 5000000);
    }
    assert_int_equal(threads_of(machine, 0, 7), 8);
}

static void little_is_told(void **state)
{
    (void)state;
    char machine[128];
    make_machine(machine); /* no files: every CPU is a core */
    assert_int_equal(threads_of(machine, 0, 4), 5);
    assert_int_equal(threads_of(machine, 1, 0), 1); /* none is allowed */
    make_machine(machine);
    for (int cpu = 0; cpu < 3; cpu++) {
        tell(machine, cpu, "topology/core_cpus_list", "rubbish\n");
        tell(machine, cpu, "cpu_capacity", "-7\n");
    }
    tell(machine, 3, "topology/core_cpus_list", "999999999\n");
    assert_int_equal(threads_of(machine, 0, 3), 4);
    const int own = topology_own_threads();
    assert_true(own >= 1 && own <= cpu_usable_cores());
}

/* This machine, beside util-linux: the cores of the CPUs that are online, where all are alike. */
static void as_lscpu_says(void **state)
{
    (void)state;
    enum { MOST = 1024 };
    static bool allowed[MOST];
    static int cores[MOST][2];
    char line[256];
    char speed[64] = "";
    int distinct = 0;
    bool alike = true;
    FILE *told = popen("lscpu --parse=CPU,CORE,SOCKET,MAXMHZ 2>/dev/null", "r");
    assert_non_null(told);
    while (fgets(line, sizeof line, told) != NULL) {
        int cpu = 0;
        int core = 0;
        int socket = 0;
        int read = 0;
        if (sscanf(line, "%d,%d,%d%n", &cpu, &core, &socket, &read) != 3 || cpu >= MOST) {
            continue;
        }
        allowed[cpu] = true;
        bool known = false;
        for (int i = 0; i < distinct; i++) {
            known = known || (cores[i][0] == core && cores[i][1] == socket);
        }
        alike = alike && (distinct == 0 || strcmp(speed, line + read) == 0);
        snprintf(speed, sizeof speed, "%.60s", line + read);
        cores[distinct][0] = core;
        cores[distinct][1] = socket;
        distinct += !known;
    }
    if (pclose(told) != 0 || distinct == 0) {
        print_message("# SKIP no lscpu here, or an old one\n");
        skip();
    }
    const int threads = topology_threads("/sys/devices/system/cpu", allowed, MOST);
    assert_true(threads >= 1 && threads <= distinct);
    assert_true(!alike || threads == distinct);
}

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siblings_apart), cmocka_unit_test(siblings_together), cmocka_unit_test(cores_of_several_kinds),
        cmocka_unit_test(little_is_told), cmocka_unit_test(as_lscpu_says),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
