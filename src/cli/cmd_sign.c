/* hearth sign: a signature over a model's files, and the keys for it. */
#include "cli/commands.h"
#include "cli/passphrase.h"
#include "cli/signals.h"
#include "cli/signing.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "openness/sign_model.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>

typedef struct sign_settings {
    const char *key, *certificate, *signature, *passphrase, *new_passphrase;
    option_list chain, ignored;
    int curve;
    bool git, links, plain;
} sign_settings;

static const sign_settings defaults = {.curve = 0};

static const option options[] = {
    {.name = "key",
     .letter = 'k',
     .type = OPTION_TEXT,
     .offset = offsetof(sign_settings, key),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "The private key: PEM, PKCS#8, as hearth sign key new and openssl write it."},
    {.name = "signature",
     .letter = 's',
     .type = OPTION_TEXT,
     .offset = offsetof(sign_settings, signature),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Where the signature is written. Default: model.sig in the model's folder, FILE.sig beside a file."},
    {.name = "certificate",
     .type = OPTION_TEXT,
     .offset = offsetof(sign_settings, certificate),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Signs with this certificate of the key (PEM), so that verifiers need not know the key itself."},
    {.name = "chain",
     .type = OPTION_LIST,
     .offset = offsetof(sign_settings, chain),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Certificates from its issuer's upwards (PEM), put into the signature; may be given many times."},
    {.name = "passphrase-file",
     .type = OPTION_TEXT,
     .offset = offsetof(sign_settings, passphrase),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = PASSPHRASE_HELP},
    {.name = "ignore-path",
     .type = OPTION_LIST,
     .offset = offsetof(sign_settings, ignored),
     .argument = "PATH",
     .help = "Leave this file or folder of the model out; the signature says so. May be given many times."},
    {.name = "with-git",
     .type = OPTION_FLAG,
     .offset = offsetof(sign_settings, git),
     .help = "Sign .git, .gitattributes, .github and .gitignore, too, which are left out else."},
    {.name = "allow-symlinks",
     .type = OPTION_FLAG,
     .offset = offsetof(sign_settings, links),
     .help = "Sign what links to files point to. Else a link is an error, but for those of a hub's cache."},
    {.name = "curve",
     .type = OPTION_CHOICE,
     .offset = offsetof(sign_settings, curve),
     .argument = "NAME",
     .choices = sign_curves,
     .help = "key new: P-256, P-384 or P-521. Default: P-256."},
    {.name = "no-passphrase",
     .type = OPTION_FLAG,
     .offset = offsetof(sign_settings, plain),
     .help = "key new, key passphrase: leave the key unencrypted, for machines that sign by themselves."},
    {.name = "new-passphrase-file",
     .type = OPTION_TEXT,
     .offset = offsetof(sign_settings, new_passphrase),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "key passphrase: the new passphrase. Default: the terminal is asked."},
    {.name = NULL},
};

/* ---- a model ---- */

static json_t *names_json(const file_list *list)
{
    json_t *names = json_array();
    for (size_t i = 0; i < list->count; i++) {
        names = json_door_append(names, json_door_text(list->names[i], strlen(list->names[i])));
    }
    return names;
}

static int tell_signed(cli *c, const sign_tree *tree, const sign_key *key, const char *path)
{
    char bytes[32];
    uint64_t all = 0;
    for (size_t i = 0; i < tree->count; i++) {
        all += tree->entries[i].size;
    }
    if (c->json) {
        return cli_print_json(c, json_pack("{s:o, s:I, s:I, s:s, s:s, s:s, s:o}", "signature",
                                           json_door_text(path, strlen(path)), "files", (json_int_t)tree->count,
                                           "bytes", (json_int_t)all, "sha256", tree->root, "key", sign_key_hint(key),
                                           "curve", sign_key_curve(key), "left_out", names_json(&tree->ignored)));
    }
    printf("signed     %zu file%s, %s\n", tree->count, tree->count == 1 ? "" : "s", text_bytes(all, bytes));
    printf("digest     sha256:%s\n", tree->root);
    printf("key        %s (%s)\n", sign_key_hint(key), sign_key_curve(key));
    printf("signature  %s\n", path);
    return EXIT_DONE;
}

static hearth_status read_signer(const sign_settings *s, sign_key **ret_key, sign_chain **ret_chain,
                                 hearth_error *error)
{
    if (s->certificate != NULL) {
        TRY(signing_read_chain(s->certificate, &s->chain, ret_chain, error));
    }
    return signing_read_key(s->key, s->passphrase, ret_key, error);
}

static int sign_it(cli *c, const sign_settings *s, const char *name)
{
    hearth_error error = {0};
    sign_key *key = NULL;
    sign_chain *chain = NULL;
    sign_tree tree = {.model = NULL};
    char *model = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    sign_work work = {.signature = s->signature,
                      .ignored = s->ignored.items,
                      .ignored_count = s->ignored.count,
                      .git = s->git,
                      .links = s->links,
                      .threads = c->threads > 0 ? (int)c->threads : cpu_usable_cores(),
                      .progress = terminal_progress_step,
                      .context = &bar};
    hearth_status status = read_signer(s, &key, &chain, &error);
    status = status == HEARTH_OK ? signing_locate(name, &model, &error) : status;
    work.model = model;
    char *path = model != NULL ? sign_path(&work) : NULL;
    status = status == HEARTH_OK && path == NULL ? error_memory(&error, 0) : status;
    status = status == HEARTH_OK ? signing_confine(model, NULL, path, &error) : status;
    status = status == HEARTH_OK ? sign_model(&work, key, chain, &tree, &error) : status;
    terminal_progress_end(&bar);
    const int code = status == HEARTH_OK ? tell_signed(c, &tree, key, path) : cli_fail(c, &error);
    sign_tree_free(&tree);
    sign_chain_free(chain);
    sign_key_free(key);
    mem_free(path);
    mem_free(model);
    return code;
}

/* ---- keys ---- */

/* The public half lies beside: FILE.pub. */
static hearth_status write_public(const sign_key *key, const char *path, char **ret_path, hearth_error *error)
{
    buffer pem;
    buffer_init(&pem, 0);
    char *public = text_format("%s.pub", path);
    hearth_status status = public != NULL ? sign_key_public_pem(key, &pem, error) : error_memory(error, strlen(path));
    status = status == HEARTH_OK ? file_create(public, buffer_text(&pem), pem.length, error) : status;
    buffer_free(&pem);
    if (status != HEARTH_OK) {
        mem_free(public);
        return status;
    }
    *ret_path = public;
    return HEARTH_OK;
}

static int tell_key(cli *c, const sign_key *key, const char *path, const char *public)
{
    if (c->json) {
        return cli_print_json(c, json_pack("{s:s, s:s, s:o, s:o}", "key", sign_key_hint(key), "curve",
                                           sign_key_curve(key), "private",
                                           path != NULL ? json_door_text(path, strlen(path)) : json_null(), "public",
                                           public != NULL ? json_door_text(public, strlen(public)) : json_null()));
    }
    printf("key      %s (%s)\n", sign_key_hint(key), sign_key_curve(key));
    if (path != NULL) {
        printf("private  %s\n", path);
    }
    if (public != NULL) {
        printf("public   %s\n", public);
    }
    return EXIT_DONE;
}

/* A key under a new passphrase, or none, into a new file. */
static hearth_status write_under(const sign_key *key, bool plain, passphrase_source source, const char *path,
                                 hearth_error *error)
{
    char passphrase[SIGN_PASSPHRASE_SIZE] = "";
    size_t length = 0;
    hearth_status status = plain ? HEARTH_OK : passphrase_get(&source, passphrase, &length, error);
    status = status == HEARTH_OK ? sign_key_write_private(key, plain ? NULL : passphrase, path, error) : status;
    secret_wipe(passphrase, sizeof passphrase);
    return status;
}

static int run_new(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const sign_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    char *public = NULL;
    const passphrase_source source = {.file = s->passphrase, .is_new = true};
    hearth_status status = sign_key_make(s->curve, &key, &error);
    status = status == HEARTH_OK ? write_under(key, s->plain, source, operands[0], &error) : status;
    if (status == HEARTH_OK) {
        status = write_public(key, operands[0], &public, &error);
        if (status != HEARTH_OK) {
            (void)remove(operands[0]); /* half a pair is none */
        }
    }
    const int code = status == HEARTH_OK ? tell_key(c, key, operands[0], public) : cli_fail(c, &error);
    mem_free(public);
    sign_key_free(key);
    return code;
}

static int run_public(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const sign_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    buffer pem;
    buffer_init(&pem, 0);
    hearth_status status = signing_read_key(operands[0], s->passphrase, &key, &error);
    status = status == HEARTH_OK ? sign_key_public_pem(key, &pem, &error) : status;
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = tell_key(c, key, operands[0], NULL);
    } else {
        printf("%s", buffer_text(&pem));
    }
    buffer_free(&pem);
    sign_key_free(key);
    return code;
}

static int run_passphrase(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)count;
    const sign_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    const passphrase_source source = {.file = s->new_passphrase, .is_new = true, .replaces = true};
    hearth_status status = signing_read_key(operands[0], s->passphrase, &key, &error);
    status = status == HEARTH_OK ? write_under(key, s->plain, source, operands[1], &error) : status;
    const int code = status == HEARTH_OK ? tell_key(c, key, operands[1], NULL) : cli_fail(c, &error);
    sign_key_free(key);
    return code;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {{"new", "a file", 1, 1, run_new},
                                     {"public", "a key", 1, 1, run_public},
                                     {"passphrase", "a key and a new file", 2, 2, run_passphrase},
                                     {NULL, NULL, 0, 0, NULL}};
    const sign_settings *s = settings;
    if (count > 1 && strcmp(operands[0], "key") == 0) {
        return cli_run_verb(c, verbs, settings, operands + 1, count - 1);
    }
    if (count > 1) {
        return cli_usage(c, "one model at a time, found %zu", count);
    }
    if (s->key == NULL) {
        return cli_usage(c, "--key FILE says who signs; hearth sign key new FILE makes one");
    }
    if (s->certificate == NULL && s->chain.count > 0) {
        return cli_usage(c, "--chain goes with --certificate");
    }
    return sign_it(c, s, operands[0]);
}

static const cli_section sections[] = {
    {"What is signed",
     "Every file of the folder (or the one file), by its name and SHA-256. Left out are the signature itself, .git, "
     ".gitattributes, .github, .gitignore and what --ignore-path names; the signature lists them. A file that is "
     "added, "
     "removed, renamed or changed later is found by `hearth verify-signature`. The format is OpenSSF's Model Signing "
     "1.0: `model_signing verify key` and `verify certificate` check it, too."},
    {"Keys",
     "`hearth sign key new FILE` makes a key pair: FILE, encrypted with a passphrase, and FILE.pub, which others "
     "need. `key public FILE` prints the public half again, `key passphrase FILE NEW` writes the key under another "
     "passphrase. Keys of openssl on P-256, P-384 and P-521 serve as well."},
    {NULL, NULL},
};

const cli_command command_sign = {
    .name = "sign",
    .operands = "MODEL | key new FILE | key public FILE | key passphrase FILE NEW",
    .least = 1,
    .most = 4,
    .summary = "sign a model's files, make keys",
    .text = "Writes a signature over every file of MODEL, so that whoever has the public key, or trusts who issued the "
            "certificate, can tell that it is the model which you gave away, and all of it.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .sections = sections,
    .examples = (const cli_example[]){{"hearth sign key new me.key", "A key pair; the passphrase is asked for."},
                                      {"hearth sign model --key me.key", "Writes model/model.sig."},
                                      {"hearth sign model --key me.key --certificate me.pem --chain ca.pem",
                                       "With a certificate."},
                                      {NULL, NULL}},
    .run = run,
};
