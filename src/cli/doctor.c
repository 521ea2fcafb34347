/* Instruction sets, library versions, hints. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "cli/doctor.h"

#include "net/http.h"
#include "platform/cpu.h"
#include "platform/file.h"

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
#include <histedit.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

size_t doctor_instruction_sets(const char *ret[DOCTOR_SETS_MOST])
{
    const cpu_features *f = cpu_get_features();
    const struct {
        bool has;
        const char *name;
    } rows[] = {{true, "scalar"},
                {f->avx2_fma_f16c, "avx2+fma+f16c"},
                {f->avx512, "avx512"},
                {f->avx512_vnni, "avx512-vnni"},
                {f->avx512_bf16, "avx512-bf16"},
                {f->neon, "neon"},
                {f->neon_dotprod, "neon-dotprod"}};
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].has) {
            ret[count++] = rows[i].name;
        }
    }
    return count;
}

static void add(doctor_library *rows, size_t *count, const char *name, const char *version)
{
    rows[*count].name = name;
    snprintf(rows[*count].version, sizeof rows->version, "%.*s", (int)strcspn(version, " "), version);
    (*count)++;
}

size_t doctor_libraries(doctor_library ret[DOCTOR_LIBRARIES_MOST])
{
    size_t count = 0;
    char text[64] = "";
#ifdef __GLIBC__
    add(ret, &count, "glibc", gnu_get_libc_version());
#endif
    add(ret, &count, "jansson", jansson_version_str());
    (void)pcre2_config(PCRE2_CONFIG_VERSION, text);
    add(ret, &count, "pcre2", text);
    add(ret, &count, "utf8proc", utf8proc_version());
    add(ret, &count, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    snprintf(text, sizeof text, "%d.%d", LIBEDIT_MAJOR, LIBEDIT_MINOR);
    add(ret, &count, "libedit", text);
    add(ret, &count, "libcurl", http_library_version());
    return count;
}

/* Has a small file of the system this word? */
static bool says(const char *path, const char *word)
{
    char text[256] = "";
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    const size_t got = fread(text, 1, sizeof text - 1, file);
    text[got] = '\0';
    (void)fclose(file);
    return strstr(text, word) != NULL;
}

static void hint(doctor_hint *rows, size_t *count, const char *text)
{
    snprintf(rows[(*count)++].text, sizeof rows->text, "%s", text);
}

static void hint_cores(const engine *e, doctor_hint *rows, size_t *count)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int affinity = cpu_cores_by_affinity();
    const double quota = cpu_quota_cores();
    if (quota > 0 && quota < affinity) {
        snprintf(
            rows[(*count)++].text, sizeof rows->text,
            "The cgroup's quota leaves %.2f of %d cores to this process. More come with a larger quota (docker run "
            "--cpus, systemd's CPUQuota, a pod's cpu limit).",
            quota, affinity);
    }
    if (affinity < online) {
        snprintf(rows[(*count)++].text, sizeof rows->text,
                 "Affinity leaves %d of %ld cores to this process (taskset, docker run --cpuset-cpus).", affinity,
                 online);
    }
    if (e->threads > cpu_usable_cores()) {
        snprintf(rows[(*count)++].text, sizeof rows->text,
                 "%d threads share %d cores: they wait for each other. --threads %d is likely faster.", e->threads,
                 cpu_usable_cores(), cpu_usable_cores());
    }
}

static void hint_kernels(const engine *e, doctor_hint *rows, size_t *count)
{
    const char *best = engine_best_kernels()->name;
    if (strcmp(best, e->kernels->name) != 0) {
        snprintf(rows[(*count)++].text, sizeof rows->text,
                 "Computes with %s although this CPU has %s: leave out --isa and unset HEARTH_ISA.", e->kernels->name,
                 best);
    }
    if (strcmp(best, "scalar") == 0) {
        hint(rows, count,
             "This CPU, or the virtual machine's view of it, has neither AVX2 nor NEON: the slow scalar code runs. A "
             "virtual machine shows more with the host's CPU model (qemu -cpu host).");
    }
}

size_t doctor_hints(const engine *e, doctor_hint ret[DOCTOR_HINTS_MOST])
{
    size_t count = 0;
    hint_cores(e, ret, &count);
    hint_kernels(e, ret, &count);
    if (says("/sys/kernel/mm/transparent_hugepage/enabled", "[never]")) {
        hint(ret, &count,
             "Transparent huge pages are off; reading weights is slower. To turn them on where programs ask for them: "
             "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
    }
    if (says("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave") &&
        !says("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "pstate")) {
        hint(ret, &count,
             "The clock is held low (governor powersave). For full speed: sudo cpupower frequency-set -g performance");
    }
    if (memory_available_bytes() < 1000000000u) {
        hint(ret, &count, "Less than 1 GB of memory is free: larger models will be read from the file while they run.");
    }
    return count;
}
