/* learn_tool VOCAB PRETOKENIZER THREADS ids|text|unigram MIN_FREQUENCY OUT SPECIALS… -- FILE…: what the scripts
 * compare. Each file is a document; a file of several has U+001E between them. */
#include "base/memory.h"
#include "platform/file.h"
#include "tokenizer/learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int fail(const hearth_error *error)
{
    char line[512];
    fprintf(stderr, "learn_tool: %s\n", hearth_error_line(error, line, sizeof line));
    return 1;
}

static hearth_status add_file(learner *l, const char *path, hearth_error *error)
{
    file_map map = {0};
    TRY(file_map_open(path, &map, error));
    hearth_status status = HEARTH_OK;
    const char *text = (const char *)map.data;
    for (size_t start = 0; start < map.size && status == HEARTH_OK;) {
        const char *mark = memchr(text + start, 0x1E, map.size - start);
        const size_t end = mark == NULL ? map.size : (size_t)(mark - text);
        status = learner_add(l, text + start, end - start, error);
        start = end + 1;
    }
    file_map_close(&map);
    return status;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int files = 7;
    while (files < argc && strcmp(argv[files], "--") != 0) {
        files++;
    }
    if (files >= argc) {
        return 2;
    }
    const learn_options options = {.unigram = strcmp(argv[4], "unigram") == 0,
                                   .vocab_size = (uint32_t)strtoul(argv[1], NULL, 10),
                                   .pretokenizer = argv[2],
                                   .threads = atoi(argv[3]),
                                   .ties = strcmp(argv[4], "text") == 0 ? LEARN_TIES_TEXT : LEARN_TIES_IDS,
                                   .min_frequency = (uint32_t)strtoul(argv[5], NULL, 10),
                                   .special = (const char *const *)argv + 7,
                                   .special_count = (size_t)(files - 7)};
    hearth_error error = {0};
    learner *l = NULL;
    char *json = NULL;
    size_t length = 0;
    const double began = seconds();
    hearth_status status = learner_create(&options, &l, &error);
    for (int i = files + 1; i < argc && status == HEARTH_OK; i++) {
        status = add_file(l, argv[i], &error);
    }
    const double counted = seconds();
    status = status != HEARTH_OK ? status : learner_finish(l, &json, &length, &error);
    const double done = seconds();
    if (status == HEARTH_OK) {
        remove(argv[6]);
        status = file_create(argv[6], json, length, &error);
    }
    if (status == HEARTH_OK) {
        const learn_facts f = learner_facts(l);
        printf("%llu bytes, %llu words, %llu distinct, %u tokens, %u merges; counted in %.3f s, merged in %.3f s\n",
               (unsigned long long)f.bytes, (unsigned long long)f.words, (unsigned long long)f.distinct, f.vocabulary,
               f.merges, counted - began, done - counted);
    }
    mem_free(json);
    learner_free(l);
    return status == HEARTH_OK ? 0 : fail(&error);
}
