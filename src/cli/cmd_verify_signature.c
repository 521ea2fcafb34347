/* hearth verify-signature: is this the model that somebody signed? */
#include "cli/commands.h"
#include "cli/signing.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"
#include "openness/sign_model.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>

typedef struct check_settings {
    const char *key, *signature;
    option_list chain;
    bool links, partial, unsigned_files;
} check_settings;

static const check_settings defaults = {.key = NULL};

static const option options[] = {
    {.name = "key",
     .letter = 'k',
     .type = OPTION_TEXT,
     .offset = offsetof(check_settings, key),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "The signer's public key (PEM). Have it from elsewhere than the model."},
    {.name = "chain",
     .type = OPTION_LIST,
     .offset = offsetof(check_settings, chain),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Certificates that you trust (PEM): the signer's must lead to one. May be given many times."},
    {.name = "signature",
     .letter = 's',
     .type = OPTION_TEXT,
     .offset = offsetof(check_settings, signature),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "The signature. Default: model.sig in the model's folder, FILE.sig beside a file."},
    {.name = "allow-symlinks",
     .type = OPTION_FLAG,
     .offset = offsetof(check_settings, links),
     .help = "Follow links to files. Else a link is an error, but for those of a hub's cache."},
    {.name = "partial",
     .type = OPTION_FLAG,
     .offset = offsetof(check_settings, partial),
     .help = "Files that were signed may be missing, as after hearth pull, which takes what it needs."},
    {.name = "allow-unsigned",
     .type = OPTION_FLAG,
     .offset = offsetof(check_settings, unsigned_files),
     .help = "Files that nobody signed may be there. They are told, and nobody vouches for them."},
    {.name = NULL},
};

/* ---- what came of it ---- */

static json_t *report_json(const sign_report *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const sign_difference *d = &r->differences[i];
        rows = json_door_append(rows, json_pack("{s:o, s:s, s:b}", "file", json_door_text(d->name, strlen(d->name)),
                                                "what", sign_kind_names[d->kind], "counts", (int)d->counts));
    }
    const sign_signer *s = &r->signer;
    json_t *signer = !r->certified ? json_null()
                                   : json_pack("{s:o, s:o, s:s, s:s, s:b}", "subject",
                                               json_door_text(s->subject, strlen(s->subject)), "issuer",
                                               json_door_text(s->issuer, strlen(s->issuer)), "from", s->from, "until",
                                               s->until, "expired", (int)s->expired);
    return json_pack("{s:b, s:s, s:o, s:I, s:s, s:o}", "verified", (int)r->ok, "key", r->hint, "certificate", signer,
                     "files", (json_int_t)r->signed_tree.count, "sha256", r->signed_tree.root, "differences", rows);
}

static void print_safe(const char *text)
{
    (void)terminal_write_text(text, strlen(text), NULL);
}

static void print_report(const sign_report *r)
{
    const char *good = terminal_style(stdout, "green");
    const char *bad = terminal_style(stdout, "red");
    const char *reset = terminal_style(stdout, "reset");
    printf("%sok%s           signature: by key %s\n", good, reset, r->hint);
    if (r->certified) {
        printf("%sok%s           certificate: ", good, reset);
        print_safe(r->signer.subject);
        printf("; issued by ");
        print_safe(r->signer.issuer);
        printf("; %s to %s%s\n", r->signer.from, r->signer.until, r->signer.expired ? ", EXPIRED since" : "");
    } else if (!r->hinted) {
        printf("             an old signature, which does not name its key\n");
    }
    for (size_t i = 0; i < r->count; i++) {
        const sign_difference *d = &r->differences[i];
        printf("%s%-12s%s ", d->counts ? bad : "", sign_kind_names[d->kind], d->counts ? reset : "");
        print_safe(d->name);
        putchar('\n');
    }
    if (r->ok) {
        printf("%sok%s           %zu signed, sha256:%s\n", good, reset, r->signed_tree.count, r->signed_tree.root);
    }
    printf("%s\n", r->ok ? "verified" : "NOT verified");
}

static hearth_status read_trust(const check_settings *s, sign_key **ret_key, sign_chain **ret_chain,
                                hearth_error *error)
{
    return s->key != NULL ? sign_key_read_public(s->key, ret_key, error)
                          : signing_read_chain(NULL, &s->chain, ret_chain, error);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)count;
    const check_settings *s = settings;
    hearth_error error = {0};
    sign_key *key = NULL;
    sign_chain *chain = NULL;
    sign_report report = {.ok = false};
    char *model = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    if ((s->key != NULL) == (s->chain.count > 0)) {
        return cli_usage(c, "--key FILE or --chain FILE says whom you trust");
    }
    sign_work work = {.signature = s->signature,
                      .links = s->links,
                      .partial = s->partial,
                      .unsigned_files = s->unsigned_files,
                      .threads = c->threads > 0 ? (int)c->threads : cpu_usable_cores(),
                      .progress = terminal_progress_step,
                      .context = &bar};
    hearth_status status = read_trust(s, &key, &chain, &error);
    status = status == HEARTH_OK ? signing_locate(operands[0], &model, &error) : status;
    work.model = model;
    char *path = model != NULL ? sign_path(&work) : NULL;
    status = status == HEARTH_OK && path == NULL ? error_memory(&error, 0) : status;
    if (status == HEARTH_OK) {
        status = signing_confine(model, (const char *const[]){path, NULL}, NULL, &error);
    }
    status = status == HEARTH_OK ? sign_check(&work, key, chain, &report, &error) : status;
    terminal_progress_end(&bar);
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, report_json(&report));
    } else if (status == HEARTH_OK) {
        print_report(&report);
    }
    code = code == EXIT_DONE && !report.ok ? EXIT_FAILED : code;
    sign_report_free(&report);
    sign_chain_free(chain);
    sign_key_free(key);
    mem_free(path);
    mem_free(model);
    return code;
}

const cli_command command_verify_signature = {
    .name = "verify-signature",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .summary = "check who signed a model, and that it is whole",
    .text =
        "Checks the signature first, by the signer's public key or by certificates, and then every file against "
        "it: a byte that changed, a file that was added, removed or renamed, a link. Nothing is asked of the network. "
        "Exit status 1 where something is not as it was signed.\n\n"
        "The format is OpenSSF's Model Signing 1.0, in which `hearth sign` and the Python package model-signing "
        "write. Certificates are looked at as of the day from which they are valid, as that package does: one that has "
        "expired since is told and no error.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth verify-signature model --key alice.pub", "Is it what Alice signed?"},
                                      {"hearth verify-signature model --chain ca.pem",
                                       "Signed by somebody whom this authority knows."},
                                      {"hearth verify-signature org/name --key org.pub --partial",
                                       "What hearth pull has fetched of a signed model."},
                                      {NULL, NULL}},
    .run = run,
};
