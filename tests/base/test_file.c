/* platform/file: writing a file whole or not at all, replacing one or never. */
#include "base/memory.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/hearth-file-XXXXXX";

typedef hearth_status (*write_fn)(const char *path, const void *bytes, size_t length, hearth_error *error);

static const char *in_root(const char *name)
{
    static char path[8][512];
    static unsigned next;
    char *mine = path[next++ % 8];
    snprintf(mine, sizeof path[0], "%s/%s", root, name);
    return mine;
}

static int make_root(void **state)
{
    (void)state;
    umask(022);
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void put(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void assert_holds(const char *path, const char *text)
{
    buffer found;
    buffer_init(&found, 0);
    assert_int_equal(file_read(path, 1000, &found, NULL), HEARTH_OK);
    assert_string_equal(buffer_text(&found), text);
    buffer_free(&found);
}

static void assert_files(size_t count)
{
    file_list list = {0};
    assert_int_equal(file_list_folder(root, &list, NULL), HEARTH_OK);
    assert_int_equal(list.count, count);
    file_list_free(&list);
}

static void assert_refused(write_fn write, const char *path, hearth_status status, const char *part_of_line)
{
    hearth_error error;
    char line[700];
    assert_int_equal(write(path, "new", 3, &error), status);
    hearth_error_line(&error, line, sizeof line);
    if (strstr(line, part_of_line) == NULL || strstr(line, path) == NULL) {
        fail_msg("'%s' and '%s' are not both in: %s", part_of_line, path, line);
    }
}

static void a_file_is_replaced_with_its_mode(void **state)
{
    (void)state;
    const char *path = in_root("a");
    assert_int_equal(file_replace(path, "one", 3, NULL), HEARTH_OK);
    assert_holds(path, "one");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_replace(path, "", 0, NULL), HEARTH_OK);
    assert_holds(path, "");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_files(1);
    unlink(path);
}

static void a_file_is_created_once(void **state)
{
    (void)state;
    const char *path = in_root("b ☃");
    assert_int_equal(file_create(path, "one", 3, NULL), HEARTH_OK);
    assert_refused(file_create, path, HEARTH_E_ARGUMENT, "expected a new file, found one that is there");
    assert_holds(path, "one");
    assert_files(1);
    unlink(path);
}

static void links_are_followed_and_what_is_no_file_stays(void **state)
{
    (void)state;
    const char *file = in_root("file");
    const char *link = in_root("link");
    const char *nowhere = in_root("nowhere");
    put(file, "old");
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(symlink("not there", nowhere), 0);
    assert_int_equal(file_replace(link, "new", 3, NULL), HEARTH_OK);
    assert_holds(file, "new");
    assert_refused(file_create, link, HEARTH_E_ARGUMENT, "one that is there");
    const write_fn both[] = {file_replace, file_create};
    for (size_t i = 0; i < 2; i++) {
        assert_refused(both[i], nowhere, HEARTH_E_ARGUMENT, "a link to nothing");
        assert_refused(both[i], root, HEARTH_E_ARGUMENT, "a folder");
        assert_refused(both[i], "/dev/null", HEARTH_E_ARGUMENT, "a device");
        assert_refused(both[i], in_root("none/x"), HEARTH_E_NOT_FOUND, "cannot write");
    }
    assert_files(3);
    unlink(file);
    unlink(link);
    unlink(nowhere);
}

/* Whoever comes between the look and the move wins: 20 processes, one file. */
static void one_of_many_creates(void **state)
{
    (void)state;
    const char *path = in_root("race");
    enum { MANY = 20 };
    char name[8];
    for (int i = 0; i < MANY; i++) {
        if (fork() == 0) {
            snprintf(name, sizeof name, "%d", i);
            _exit(file_create(path, name, strlen(name), NULL) == HEARTH_OK ? 0 : 1);
        }
    }
    int made = 0;
    int status = 0;
    while (wait(&status) > 0) {
        made += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    assert_int_equal(made, 1);
    assert_files(1);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_with_its_mode),
        cmocka_unit_test(a_file_is_created_once),
        cmocka_unit_test(links_are_followed_and_what_is_no_file_stays),
        cmocka_unit_test(one_of_many_creates),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
