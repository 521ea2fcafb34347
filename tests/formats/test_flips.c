/* Real files, damaged: cut off at many lengths, and with single bytes changed. Each is opened through the API: success
 * or a clean error that names the file, within 5 seconds and within the file's size plus 256 MB of memory. What opens
 * is read through. The changes come from a fixed seed. */
#include "base/memory.h"
#include "base/random.h"
#include "base/sanitizer.h"
#include "scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TRUNCATIONS 60u
#define FLIPS 1000u
#define SECONDS_MOST 5.0
#define MEMORY_MOST (256l << 20)

typedef struct damage {
    const char *path;    /* the file that is changed */
    const char *open_as; /* what is opened: that file, or the folder around it */
    bool folder;
    bool touch; /* read what opened (not for files that are only header on disk) */
    unsigned opened, refused;
} damage;

/* The processor's: a machine that stops for a while is no finding. Who sleeps or waits is stopped by the test's limit.
 */
static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static volatile uint64_t sink;

static hearth_status open_once(const damage *d, hearth_error *error)
{
    gguf_file *file = NULL;
    hf_folder *folder = NULL;
    const hearth_status status =
        d->folder ? hf_open(d->open_as, true, &folder, error) : gguf_open(d->open_as, &file, error);
    if (status == HEARTH_OK && d->touch) {
        sink += d->folder ? touch_tensors(&folder->tensors) : touch_gguf(file);
    }
    gguf_close(file);
    hf_close(folder);
    return status;
}

/* Opens it as it now is; `what` and `where` describe the damage for a failure's message. */
static void open_damaged(damage *d, const char *what, uint64_t where)
{
    hearth_error error = {0};
    const double start = seconds_now();
    const hearth_status status = open_once(d, &error);
    const double took = seconds_now() - start;
    char line[700];
    hearth_error_line(&error, line, sizeof line);
    if (took > SECONDS_MOST) {
        fail_msg("%s at %llu took %.1f s", what, (unsigned long long)where, took);
    }
    if (status == HEARTH_OK) {
        d->opened++;
        return;
    }
    d->refused++;
    if (error.status != status || error.file[0] == '\0' || line[0] == '\0' || strchr(line, '\n') != NULL) {
        fail_msg("%s at %llu: not a clean error: %s", what, (unsigned long long)where, line);
    }
}

static uint64_t draw(uint64_t index, uint64_t below)
{
    uint32_t words[4];
    random_philox(20261123, RANDOM_TEST, 0, index, words);
    return (((uint64_t)words[0] << 32) | words[1]) % below;
}

/* Changes one byte, opens, puts it back. */
static void flip(damage *d, int descriptor, uint64_t at, uint64_t index)
{
    uint8_t old = 0;
    assert_int_equal(pread(descriptor, &old, 1, (off_t)at), 1);
    const uint8_t changed = old ^ (uint8_t)(1 + draw(index, 255));
    assert_int_equal(pwrite(descriptor, &changed, 1, (off_t)at), 1);
    open_damaged(d, "a flipped byte", at);
    assert_int_equal(pwrite(descriptor, &old, 1, (off_t)at), 1);
}

/* `header` is where the interesting bytes end: half of the flips go there. */
static void flip_many(damage *d, uint64_t size, uint64_t header, unsigned count)
{
    const int descriptor = open(d->path, O_RDWR | O_CLOEXEC);
    assert_true(descriptor >= 0);
    for (unsigned i = 0; i < count; i++) {
        flip(d, descriptor, draw(2 * i + 1000000, i % 2 == 0 ? header : size), 2 * i + 1);
    }
    close(descriptor);
}

/* Shorter and shorter; the file ends up empty. */
static void truncate_many(damage *d, uint64_t size, uint64_t header)
{
    uint64_t lengths[TRUNCATIONS];
    for (unsigned i = 0; i < TRUNCATIONS; i++) {
        lengths[i] = i % 2 == 0 ? size - 1 - draw(i, size) : header * i / TRUNCATIONS;
    }
    lengths[TRUNCATIONS - 1] = 0;
    for (unsigned round = 0; round < TRUNCATIONS; round++) {
        unsigned longest = round;
        for (unsigned i = round + 1; i < TRUNCATIONS; i++) {
            longest = lengths[i] > lengths[longest] ? i : longest;
        }
        const uint64_t length = lengths[longest];
        lengths[longest] = lengths[round];
        lengths[round] = length;
        assert_int_equal(truncate(d->path, (off_t)length), 0);
        open_damaged(d, "a truncation", length);
    }
}

static long peak_memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

static void damage_all(damage *d, uint64_t size, uint64_t header)
{
    hearth_error error = {0};
    char line[700];
    if (open_once(d, &error) != HEARTH_OK) {
        fail_msg("undamaged: %s", hearth_error_line(&error, line, sizeof line));
    }
    flip_many(d, size, header, FLIPS);
    print_message("%s: %u flips: %u opened, %u refused\n", d->path, FLIPS, d->opened, d->refused);
    assert_true(d->opened > 0 && d->refused > 0);
    const unsigned before = d->opened;
    truncate_many(d, size, header);
    assert_int_equal(d->opened, before); /* no cut file opens */
    if (!SANITIZER_ADDRESS) {            /* it keeps freed memory */
        assert_true(peak_memory() < (long)size + MEMORY_MOST);
    }
}

/* Copies the first `length` bytes; the copy is `size` long, with a hole behind them. */
static void copy_file(const char *from, const char *name, uint64_t length, uint64_t size)
{
    buffer text;
    file_map map = {0};
    buffer_init(&text, 0);
    assert_int_equal(file_map_open(from, &map, NULL), HEARTH_OK);
    scratch_write(name, map.data, length < map.size ? length : map.size);
    assert_int_equal(truncate(scratch_path(name), (off_t)size), 0);
    file_map_close(&map);
}

static uint64_t size_of(const char *path)
{
    file_map map = {0};
    assert_int_equal(file_map_open(path, &map, NULL), HEARTH_OK);
    const uint64_t size = map.size;
    file_map_close(&map);
    return size;
}

/* Where the first tensor's data starts. */
static uint64_t header_of(const char *path)
{
    gguf_file *file = NULL;
    assert_int_equal(gguf_open(path, &file, NULL), HEARTH_OK);
    const tensor_table *table = gguf_tensors(file);
    uint64_t header = table->maps[0].size;
    for (size_t i = 0; i < table->count; i++) {
        const uint64_t at = (uint64_t)(table->entries[i].data - table->maps[0].data);
        header = at < header ? at : header;
    }
    gguf_close(file);
    return header;
}

static void damage_gguf(const char *from, bool whole)
{
    static char path[512];
    const uint64_t size = size_of(from);
    const uint64_t header = header_of(from);
    copy_file(from, "damaged.gguf", whole ? size : header, size);
    snprintf(path, sizeof path, "%s", scratch_path("damaged.gguf"));
    damage d = {.path = path, .open_as = path, .touch = true};
    damage_all(&d, size, header);
}

static void missing(const char *what)
{
    print_message("%s not found: skipped\n", what);
    skip();
}

static void stories_gguf(void **state)
{
    (void)state;
    const char *path = scratch_fixture("stories260K/stories260K-f32.gguf");
    if (path == NULL) {
        missing("stories260K");
        return;
    }
    damage_gguf(path, true);
}

/* The header of a real model of 98 MB; its data is a hole. */
static void smollm2_gguf(void **state)
{
    (void)state;
    char path[512] = "";
    const char *named = getenv("HEARTH_SMOLLM2");
    char *cache = file_user_folder("cache");
    snprintf(path, sizeof path, "%s%s", named != NULL ? named : (cache != NULL ? cache : ""),
             named != NULL ? "" : "/SmolLM2-135M-Instruct.Q4_1.gguf");
    mem_free(cache);
    if (!file_exists(path)) {
        missing("SmolLM2");
        return;
    }
    damage_gguf(path, false);
}

static void synthetic_gguf(void **state)
{
    (void)state;
    char path[512];
    const char *source = getenv("HEARTH_SOURCE");
    snprintf(path, sizeof path, "%s/tests/formats/golden/types.gguf", source != NULL ? source : ".");
    damage_gguf(path, true);
}

/* Every file of a folder in turn; the others are whole. */
static void tinystories_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json",           "generation_config.json", "special_tokens_map.json",
                                        "tokenizer_config.json", "tokenizer.json",         "model.safetensors"};
    char from[600];
    char folder[512];
    if (scratch_fixture("tinystories-656k/config.json") == NULL) {
        missing("tinystories-656k");
        return;
    }
    snprintf(folder, sizeof folder, "%s", scratch_path("folder"));
    assert_int_equal(file_make_folders(folder, NULL), HEARTH_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "tinystories-656k/%s", names[i]);
        snprintf(from, sizeof from, "%s", scratch_fixture(name));
        snprintf(name, sizeof name, "folder/%s", names[i]);
        copy_file(from, name, UINT64_MAX, size_of(from));
    }
    damage d = {.open_as = folder, .folder = true, .touch = true};
    for (size_t i = 0; i + 2 < sizeof names / sizeof names[0]; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        d.path = path;
        const uint64_t size = size_of(path);
        flip_many(&d, size, size, 200);
    }
    char path[600];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    d.path = path;
    buffer length;
    buffer_init(&length, 0);
    assert_int_equal(file_read(path, 2 << 20, &length, NULL), HEARTH_OK);
    const uint64_t header = 8 + (uint64_t)(uint8_t)length.data[0] + 256u * (uint64_t)(uint8_t)length.data[1];
    const uint64_t size = length.length;
    buffer_free(&length);
    damage_all(&d, size, header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synthetic_gguf),
        cmocka_unit_test(stories_gguf),
        cmocka_unit_test(smollm2_gguf),
        cmocka_unit_test(tinystories_folder),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
