/* The page: files that are part of the program (web/), with headers that leave a browser nothing but them.
 * docs/page.md. */
#include "base/text.h"
#include "platform/embedded.h"
#include "serve/routes.h"

#include <stdio.h>
#include <string.h>

extern const embedded_file page_files[]; /* the build makes it; none where its libraries were not there */

/* Nothing from elsewhere, no script nor style within the page itself, no frame around it. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                             "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
                             "frame-ancestors 'none'";

static const embedded_file *find(const char *name)
{
    for (const embedded_file *f = page_files; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static const char *type_of(const char *name)
{
    return text_ends(name, ".html")    ? "text/html; charset=utf-8"
           : text_ends(name, ".css")   ? "text/css; charset=utf-8"
           : text_ends(name, ".js")    ? "text/javascript; charset=utf-8"
           : text_ends(name, ".svg")   ? "image/svg+xml"
           : text_ends(name, ".woff2") ? "font/woff2"
                                       : "text/plain; charset=utf-8";
}

static void answer_file(request *r, const char *name)
{
    const embedded_file *f = find(name);
    char tag[40];
    if (f == NULL) {
        request_refuse_with(r, 404, "unknown_url", NULL,
                            page_files[0].name != NULL ? "The page has no file %.100s."
                                                       : "This hearth was built without its page: no %.100s.",
                            name);
        return;
    }
    snprintf(tag, sizeof tag, "\"%.32s\"", f->sha256);
    http_call_set_header(r->call, "Content-Security-Policy", policy);
    http_call_set_header(r->call, "X-Content-Type-Options", "nosniff");
    http_call_set_header(r->call, "Referrer-Policy", "no-referrer");
    http_call_set_header(r->call, "Cross-Origin-Opener-Policy", "same-origin");
    http_call_set_header(r->call, "Cache-Control", "no-cache"); /* asked each time, sent when it is another */
    http_call_set_header(r->call, "ETag", tag);
    const char *known = http_call_header(r->call, "If-None-Match");
    if (known != NULL && strstr(known, tag) != NULL) {
        http_call_answer_static(r->call, 304, type_of(name), "", 0);
    } else {
        http_call_answer_static(r->call, 200, type_of(name), f->bytes, (size_t)(f->end - f->bytes));
    }
}

static void chat(request *r)
{
    answer_file(r, "index.html");
}

static void licences(request *r)
{
    answer_file(r, "licences.html");
}

static void file(request *r)
{
    answer_file(r, r->parameter);
}

/* At once: they wait for nothing, and anybody may have them; what they ask for needs a key as any client does. */
const route routes_page[] = {
    {"GET", "/", RIGHT_OPEN, API_OPENAI, true, false, chat},
    {"GET", "/licences", RIGHT_OPEN, API_OPENAI, true, false, licences},
    {"GET", "/page/{file}", RIGHT_OPEN, API_OPENAI, true, false, file},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
