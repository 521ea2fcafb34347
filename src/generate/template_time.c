/* strftime_now: dates in the C locale, whatever the program's locale is, from the second that the caller passed. */
#include "generate/template_format.h"

#include <string.h>
#include <time.h>

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* ISO 8601: the week and the year it belongs to. */
static int iso_week(const struct tm *t, int *ret_year)
{
    const int weekday = (t->tm_wday + 6) % 7; /* Monday is 0 */
    int year = t->tm_year + 1900;
    int week = (t->tm_yday - weekday + 10) / 7;
    if (week < 1) {
        year--;
        const int last = t->tm_yday + (leap(year) ? 366 : 365);
        week = (last - weekday + 10) / 7;
    } else if (week == 53 && t->tm_yday - weekday + 3 >= (leap(year) ? 366 : 365)) {
        year++;
        week = 1;
    }
    *ret_year = year;
    return week;
}

/* A number with the padding that the directive has by itself, unless `flag` ('-', '_', '0') says otherwise. */
static hearth_status put_number(trun *r, int number, int width, char pad, char flag)
{
    if (flag == '-') {
        return buffer_printf(r->out, r->error, "%d", number);
    }
    const char use = flag == '\0' ? pad : (flag == '_' ? ' ' : '0');
    return use == ' ' ? buffer_printf(r->out, r->error, "%*d", width, number)
                      : buffer_printf(r->out, r->error, "%0*d", width, number);
}

static hearth_status put_name(trun *r, const char *name, size_t length, char flag)
{
    for (size_t i = 0; i < length && name[i] != '\0'; i++) {
        const bool lower = name[i] >= 'a' && name[i] <= 'z';
        TRY(buffer_append_char(r->out, flag == '^' && lower ? (char)(name[i] - 32) : name[i], r->error));
    }
    return HEARTH_OK;
}

typedef struct time_number {
    char directive;
    int width;
    char pad;
    int value;
} time_number;

static bool put_numeric(trun *r, const struct tm *t, char directive, char flag, hearth_status *ret)
{
    int iso_year = 0;
    const int week = iso_week(t, &iso_year);
    const int hour12 = t->tm_hour % 12 == 0 ? 12 : t->tm_hour % 12;
    const int year = t->tm_year + 1900;
    const time_number numbers[] = {
        {'d', 2, '0', t->tm_mday},
        {'e', 2, ' ', t->tm_mday},
        {'H', 2, '0', t->tm_hour},
        {'k', 2, ' ', t->tm_hour},
        {'I', 2, '0', hour12},
        {'l', 2, ' ', hour12},
        {'j', 3, '0', t->tm_yday + 1},
        {'m', 2, '0', t->tm_mon + 1},
        {'M', 2, '0', t->tm_min},
        {'S', 2, '0', t->tm_sec},
        {'y', 2, '0', year % 100},
        {'Y', 1, '0', year},
        {'C', 2, '0', year / 100},
        {'G', 1, '0', iso_year},
        {'g', 2, '0', iso_year % 100},
        {'V', 2, '0', week},
        {'u', 1, '0', t->tm_wday == 0 ? 7 : t->tm_wday},
        {'w', 1, '0', t->tm_wday},
        {'U', 2, '0', (t->tm_yday + 7 - t->tm_wday) / 7},
        {'W', 2, '0', (t->tm_yday + 7 - (t->tm_wday + 6) % 7) / 7},
        {'f', 6, '0', 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].directive == directive) {
            *ret = put_number(r, numbers[i].value, numbers[i].width, numbers[i].pad, flag);
            return true;
        }
    }
    return false;
}

static hearth_status put_pattern(trun *r, const struct tm *t, const char *pattern, size_t length);

static hearth_status put_directive(trun *r, const struct tm *t, char directive, char flag)
{
    static const struct {
        char directive;
        const char *pattern;
    } composed[] = {{'c', "%a %b %e %H:%M:%S %Y"},
                    {'x', "%m/%d/%y"},
                    {'X', "%H:%M:%S"},
                    {'D', "%m/%d/%y"},
                    {'F', "%Y-%m-%d"},
                    {'T', "%H:%M:%S"},
                    {'R', "%H:%M"},
                    {'r', "%I:%M:%S %p"},
                    {'n', "\n"},
                    {'t', "\t"},
                    {'%', "%%"},
                    {'z', ""},
                    {'Z', ""}};
    hearth_status status = HEARTH_OK;
    if (put_numeric(r, t, directive, flag, &status)) {
        return status;
    }
    switch (directive) {
    case 'a':
    case 'A':
        return put_name(r, days[t->tm_wday], directive == 'a' ? 3 : 9, flag);
    case 'b':
    case 'h':
    case 'B':
        return put_name(r, months[t->tm_mon], directive == 'B' ? 9 : 3, flag);
    case 'p':
        return put_name(r, t->tm_hour < 12 ? "AM" : "PM", 2, flag);
    case 'P':
        return put_name(r, t->tm_hour < 12 ? "am" : "pm", 2, flag);
    case 's':
        return buffer_printf(r->out, r->error, "%lld", (long long)r->now_unix);
    case '%':
        return buffer_append_char(r->out, '%', r->error);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof composed / sizeof composed[0]; i++) {
        if (composed[i].directive == directive) {
            return put_pattern(r, t, composed[i].pattern, strlen(composed[i].pattern));
        }
    }
    return buffer_printf(r->out, r->error, "%%%c", directive);
}

static hearth_status put_pattern(trun *r, const struct tm *t, const char *pattern, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        TRY(trun_work(r, 0));
        if (pattern[i] != '%' || i + 1 == length) {
            TRY(buffer_append_char(r->out, pattern[i], r->error));
            continue;
        }
        const bool flagged = i + 2 < length && strchr("-_0^", pattern[i + 1]) != NULL;
        const char flag = flagged ? pattern[i + 1] : '\0';
        i += flagged ? 2 : 1;
        TRY(put_directive(r, t, pattern[i], flag));
    }
    return HEARTH_OK;
}

hearth_status tformat_time(trun *r, const tstring *pattern, tval *ret)
{
    const size_t mark = r->out->length;
    const time_t now = (time_t)r->now_unix;
    struct tm t;
    if (gmtime_r(&now, &t) == NULL || t.tm_year < -900 || t.tm_year > 8099) {
        return TRUN_FAIL(r, HEARTH_E_ARGUMENT, "a time outside of the years 1000 to 9999");
    }
    TRY(put_pattern(r, &t, pattern->bytes, pattern->length));
    return tval_take(r, r->out, mark, ret);
}
