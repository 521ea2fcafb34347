/* hearth doctor: what limits this machine. */
#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/doctor.h"

#include "base/text.h"
#include "platform/confine.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *chosen_by(const cli *c)
{
    const char *forced = getenv("HEARTH_ISA");
    return c->isa != NULL ? "--isa" : (forced != NULL && *forced != '\0' ? "HEARTH_ISA" : "the best here");
}

static json_t *machine_json(const cli *c, const opened *o, const bench_limits *limits)
{
    const cpu_features *f = cpu_get_features();
    json_t *sets = json_array();
    const char *names[DOCTOR_SETS_MOST];
    for (size_t i = 0, n = doctor_instruction_sets(names); i < n; i++) {
        sets = json_door_append(sets, json_string(names[i]));
    }
    json_t *hints = json_array();
    doctor_hint found[DOCTOR_HINTS_MOST];
    for (size_t i = 0, n = doctor_hints(o->engine, found); i < n; i++) {
        hints = json_door_append(hints, json_string(found[i].text));
    }
    json_t *libraries = json_object();
    doctor_library rows[DOCTOR_LIBRARIES_MOST];
    for (size_t i = 0, n = doctor_libraries(rows); i < n; i++) {
        libraries = json_door_put(libraries, rows[i].name, json_string(rows[i].version));
    }
    const confine_support confinement = confine_get_support();
    return json_pack("{s:s, s:o, s:s, s:s, s:{s:i, s:i, s:f, s:i}, s:{s:I, s:I}, s:{s:f, s:f, s:f, s:f}, s:{s:i, s:b}, "
                     "s:o, s:o}",
                     "cpu", f->name, "instruction_sets", sets, "isa", o->engine->kernels->name, "isa_chosen_by",
                     chosen_by(c), "cores", "online", (int)sysconf(_SC_NPROCESSORS_ONLN), "affinity",
                     cpu_cores_by_affinity(), "quota", cpu_quota_cores(), "threads", o->engine->threads, "memory_bytes",
                     "total", (json_int_t)memory_total_bytes(), "available", (json_int_t)memory_available_bytes(),
                     "limits", "read_gb_s", limits->bandwidth, "fp32_gflops", limits->peak[MEASURE_FP32], "bf16_gflops",
                     limits->peak[MEASURE_BF16], "int8_gops", limits->peak[MEASURE_INT8], "confinement", "landlock",
                     confinement.landlock, "seccomp", (int)confinement.seccomp, "libraries", libraries, "hints", hints);
}

static void row(const char *name)
{
    printf("%s%-14s%s", terminal_style(stdout, "bold"), name, terminal_style(stdout, "reset"));
}

static void print_processor(const cli *c, const opened *o)
{
    const char *names[DOCTOR_SETS_MOST];
    const size_t count = doctor_instruction_sets(names);
    row("processor");
    printf("%s\n", cpu_get_features()->name);
    row("instructions");
    for (size_t i = 0; i < count; i++) {
        printf("%s%s", i > 0 ? ", " : "", names[i]);
    }
    printf("; computes with %s (%s)\n", o->engine->kernels->name, chosen_by(c));
    row("cores");
    printf("%ld online, %d by affinity, ", sysconf(_SC_NPROCESSORS_ONLN), cpu_cores_by_affinity());
    if (cpu_quota_cores() > 0) {
        printf("%.2f by the cgroup's quota; ", cpu_quota_cores());
    } else {
        printf("no cgroup quota; ");
    }
    printf("computes with %d thread%s\n", o->engine->threads, o->engine->threads == 1 ? "" : "s");
}

static void print_limits(const bench_limits *limits)
{
    char total[32], available[32];
    row("memory");
    printf("%s, %s available\n", text_bytes(memory_total_bytes(), total),
           text_bytes(memory_available_bytes(), available));
    row("bandwidth");
    if (limits->bandwidth > 0) {
        printf("%.1f GB/s read: a model of 1 GB answers with at most %.0f tokens/s\n", limits->bandwidth,
               limits->bandwidth);
    } else {
        printf("not measured: too little memory is free\n");
    }
    row("peaks");
    char rates[MEASURE_KINDS][32];
    printf("%s GFLOPS binary32, %s GFLOPS bf16, %s GOPS 8-bit integers\n",
           terminal_rate(limits->peak[MEASURE_FP32], rates[0]), terminal_rate(limits->peak[MEASURE_BF16], rates[1]),
           terminal_rate(limits->peak[MEASURE_INT8], rates[2]));
}

static void print_confinement(void)
{
    const confine_support k = confine_get_support();
    row("confinement");
    if (k.landlock != 0) {
        printf("files by Landlock (version %d), ", k.landlock);
    } else {
        printf("not of files (no Landlock in this kernel), ");
    }
    printf(k.seccomp ? "system calls by seccomp\n" : "not of system calls (no seccomp)\n");
}

static void print(const cli *c, const opened *o, const bench_limits *limits)
{
    print_processor(c, o);
    print_limits(limits);
    print_confinement();
    doctor_library libraries[DOCTOR_LIBRARIES_MOST];
    const size_t count = doctor_libraries(libraries);
    row("libraries");
    for (size_t i = 0; i < count; i++) {
        printf("%s%s %s", i > 0 ? ", " : "", libraries[i].name, libraries[i].version);
    }
    putchar('\n');
    doctor_hint hints[DOCTOR_HINTS_MOST];
    const size_t found = doctor_hints(o->engine, hints);
    for (size_t i = 0; i < found; i++) {
        printf("\n%shint:%s\n", terminal_style(stdout, "yellow"), terminal_style(stdout, "reset"));
        terminal_wrap(stdout, hints[i].text, 2, terminal_width());
    }
    if (found == 0) {
        printf("\nNothing found that could be set better.\n");
    }
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)operands;
    (void)count;
    hearth_error error = {0};
    opened o = {0};
    if (open_engine(c, &o, &error) != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    bench_limits limits = {0};
    const hearth_status status = bench_find_limits(c, &o, &limits, &error);
    int code = EXIT_DONE;
    if (status != HEARTH_OK && status != HEARTH_E_MEMORY) { /* the bandwidth takes memory: without it 0 is printed */
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, machine_json(c, &o, &limits));
    } else {
        print(c, &o, &limits);
    }
    open_close(&o);
    return code;
}

const cli_command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "tell what limits this machine",
    .text =
        "Prints the processor, the instruction sets that were found and the one that is computed with, the cores "
        "that affinity and the cgroup's quota leave, memory, read bandwidth and peak rates as measured now (about a "
        "second), what of the kernel confines the reading of "
        "models (docs/security.md), the versions of the libraries, and hints on what could be set better.\n\n"
        "Decoding one token reads every weight once, so the read bandwidth divided by a model's size bounds the "
        "tokens per second of an answer. Reading a prompt is bounded by the peak rates.",
    .has_json = true,
    .examples = (const cli_example[]){{"hearth doctor", "All of it."},
                                      {"hearth doctor --threads 1 --json", "One core's limits, for a program."},
                                      {NULL, NULL}},
    .run = run,
};
