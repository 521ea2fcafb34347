/* Families of numbers, and the counts by label that counters.h has not. */
#include "serve/metrics.h"

#include "hearth/hearth.h"
#include "platform/cpu.h"
#include "serve/counters.h"
#include "serve/load.h"
#include "serve/routes.h"
#include "serve/server.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- counts by label ---- */

#define MOST_LABELS 512 /* routes times statuses, and codes; all of them are this program's own words */

typedef struct label_count {
    const char *name, *other; /* literals: route and method; code */
    unsigned status;
    uint64_t count;
} label_count;

typedef struct label_table {
    label_count rows[MOST_LABELS];
    size_t count;
} label_table;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static label_table served, refused;

static void count(label_table *t, const char *name, const char *other, unsigned status)
{
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < t->count && (t->rows[i].status != status || strcmp(t->rows[i].name, name) != 0 ||
                            strcmp(t->rows[i].other, other) != 0)) {
        i++;
    }
    if (i < MOST_LABELS) {
        t->count += i == t->count ? 1 : 0;
        t->rows[i] = (label_count){name, other, status, t->rows[i].count + 1};
    }
    pthread_mutex_unlock(&lock);
}

void metrics_served(const request *r, unsigned status)
{
    const bool known = r->route != NULL;
    count(&served, known ? r->route->path : "none", known ? r->route->method : "", status);
}

void metrics_refused(const failure *f)
{
    count(&refused, f->code != NULL ? f->code : "other", "", f->status);
}

/* ---- printing ---- */

static hearth_status head(buffer *out, const char *name, const char *kind, const char *help)
{
    return buffer_printf(out, NULL, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static hearth_status number(buffer *out, const char *name, const char *kind, const char *help, double value)
{
    TRY(head(out, name, kind, help));
    return buffer_printf(out, NULL, "%s %.17g\n", name, value);
}

static hearth_status histogram(buffer *out, const char *name, const char *help, const counters_histogram *h)
{
    uint64_t below = 0;
    TRY(head(out, name, "histogram", help));
    for (size_t i = 0; i < COUNTERS_BUCKETS - 1; i++) {
        below += h->counts[i];
        TRY(buffer_printf(out, NULL, "%s_bucket{le=\"%g\"} %llu\n", name, counters_bounds[i],
                          (unsigned long long)below));
    }
    return buffer_printf(out, NULL, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name,
                         (unsigned long long)h->count, name, h->sum, name, (unsigned long long)h->count);
}

static hearth_status print_labels(buffer *out)
{
    hearth_status status = head(out, "hearth_http_requests_total", "counter", "Requests that are over, by route.");
    pthread_mutex_lock(&lock);
    for (size_t i = 0; status == HEARTH_OK && i < served.count; i++) {
        const label_count *l = &served.rows[i];
        status = buffer_printf(out, NULL, "hearth_http_requests_total{route=\"%s\",method=\"%s\",status=\"%u\"} %llu\n",
                               l->name, l->other, l->status, (unsigned long long)l->count);
    }
    status = status == HEARTH_OK ? head(out, "hearth_errors_total", "counter", "Refusals, by kind.") : status;
    for (size_t i = 0; status == HEARTH_OK && i < refused.count; i++) {
        const label_count *l = &refused.rows[i];
        status = buffer_printf(out, NULL, "hearth_errors_total{kind=\"%s\",status=\"%u\"} %llu\n", l->name, l->status,
                               (unsigned long long)l->count);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static hearth_status print_counters(buffer *out)
{
    counters c;
    counters_read(&c);
    TRY(number(out, "hearth_requests_total", "counter", "Requests that came.", (double)c.requests));
    TRY(number(out, "hearth_answers_total", "counter", "Answers that ended.", (double)c.answers));
    TRY(number(out, "hearth_answers_cancelled_total", "counter", "Answers that were cut off.", (double)c.cancelled));
    TRY(number(out, "hearth_prompt_tokens_total", "counter", "Tokens of prompts.", (double)c.prompt_tokens));
    TRY(number(out, "hearth_prompt_tokens_kept_total", "counter", "Tokens of prompts that were not computed again.",
               (double)c.kept_tokens));
    TRY(number(out, "hearth_tokens_total", "counter", "Tokens of answers.", (double)c.tokens));
    TRY(histogram(out, "hearth_first_token_seconds", "From a request to its first token.", &c.first_token));
    TRY(histogram(out, "hearth_next_token_seconds", "From a token to the next.", &c.next_token));
    return histogram(out, "hearth_answer_seconds", "From a request to the end of its answer.", &c.whole);
}

static hearth_status by_kind(buffer *out, const char *name, const char *help, const uint64_t *counts)
{
    TRY(head(out, name, "gauge", help));
    for (size_t i = 0; i < DRAFT_KINDS; i++) {
        TRY(buffer_printf(out, NULL, "%s{by=\"%s\"} %llu\n", name, draft_kind_names[i], (unsigned long long)counts[i]));
    }
    return HEARTH_OK;
}

static hearth_status print_load(server *s, buffer *out)
{
    server_load l;
    server_load_read(s, &l);
    const scheduler_stats *t = &l.sums;
    TRY(number(out, "hearth_running", "gauge", "Sequences that are computed.", l.running));
    TRY(number(out, "hearth_waiting", "gauge", "Requests in queues.", l.waiting));
    TRY(number(out, "hearth_slots", "gauge", "Sequences that may run at a time, of models in memory.", l.slots));
    TRY(number(out, "hearth_slots_free", "gauge", "Of these, neither taken nor waited for.", l.free_slots));
    TRY(number(out, "hearth_models", "gauge", "Models that are served.", l.models));
    TRY(number(out, "hearth_models_open", "gauge", "Models in memory.", l.open));
    TRY(number(out, "hearth_model_bytes", "gauge", "Weights in memory.", (double)l.model_bytes));
    TRY(number(out, "hearth_cache_pages", "gauge", "Pages of keys and values.", (double)t->pages));
    TRY(number(out, "hearth_cache_pages_used", "gauge", "Pages that sequences hold.", (double)t->pages_used));
    TRY(number(out, "hearth_cache_pages_kept", "gauge", "Pages of prefixes that nobody uses.", (double)t->pages_kept));
    TRY(number(out, "hearth_cache_bytes", "gauge", "Bytes of all pages.", (double)t->page_bytes));
    TRY(number(out, "hearth_open_steps", "gauge", "Steps of the models in memory, since each was opened.",
               (double)t->steps));
    TRY(number(out, "hearth_open_preemptions", "gauge", "Sequences that were put aside, likewise.",
               (double)t->preemptions));
    TRY(by_kind(out, "hearth_open_drafted", "Tokens that were guessed ahead, likewise, by who guessed.", t->drafted));
    TRY(by_kind(out, "hearth_open_accepted", "Of these, the ones that were right.", t->accepted));
    TRY(number(out, "hearth_open_decoded", "gauge",
               "Steps that gave tokens, of each sequence, likewise: what tokens are more than these, guesses gained.",
               (double)t->decoded));
    TRY(number(out, "hearth_open_busy_seconds", "gauge", "Time in steps, likewise.", t->busy_s));
    return number(out, "hearth_connections", "gauge", "Connections.", http_server_connections(server_http(s)));
}

static uint64_t resident_bytes(void)
{
    unsigned long long whole = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%llu %llu", &whole, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static hearth_status print_process(server *s, buffer *out)
{
    audit *log = server_audit(s);
    TRY(head(out, "hearth_build_info", "gauge", "Which program this is."));
    TRY(buffer_printf(out, NULL, "hearth_build_info{version=\"%s\",simd=\"%s\"} 1\n", HEARTH_VERSION,
                      cpu_get_features()->avx512          ? "avx512"
                      : cpu_get_features()->avx2_fma_f16c ? "avx2"
                                                          : "other"));
    TRY(number(out, "hearth_uptime_seconds", "gauge", "Since the start.", time_seconds() - server_began(s)));
    TRY(number(out, "hearth_draining", "gauge", "1: the server stops.", server_is_draining(s) ? 1 : 0));
    if (log != NULL) {
        TRY(number(out, "hearth_audit_lost_total", "counter", "Lines of the audit log that were not written.",
                   (double)audit_lost(log)));
    }
    return number(out, "process_resident_memory_bytes", "gauge", "Memory of this process.", (double)resident_bytes());
}

void metrics_answer(request *r)
{
    buffer text;
    buffer_init(&text, 0);
    if (print_counters(&text) == HEARTH_OK && print_load(r->s, &text) == HEARTH_OK &&
        print_labels(&text) == HEARTH_OK && print_process(r->s, &text) == HEARTH_OK) {
        http_call_answer(r->call, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_text(&text), text.length);
    } else {
        request_refuse_with(r, 503, "out_of_memory", NULL, "Out of memory.");
    }
    buffer_free(&text);
}
