/* Personal data: e-mail and IP addresses, card and phone numbers become marks. docs/formats/corpus.md tells the forms.
 */
#include "corpus/rule_functions.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <string.h>

typedef struct scan {
    const char *text;
    size_t length;
} scan;

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char at(const scan *s, size_t i)
{
    return i < s->length ? s->text[i] : '\0';
}

/* What stands before: a number or a word that goes on is no beginning. */
static bool joined_before(const scan *s, size_t i)
{
    return i > 0 && (digit(s->text[i - 1]) || letter(s->text[i - 1]) || (unsigned char)s->text[i - 1] >= 0x80);
}

/* ---- each kind: where it would end if it began at i; 0: it does not begin there ---- */

static bool local_character(char c)
{
    return digit(c) || letter(c) || (c != '\0' && strchr("._%+-", c) != NULL);
}

/* LOCAL@LABEL(.LABEL)+ whose last label is two letters or more. */
static size_t email_end(const scan *s, size_t i)
{
    size_t end = i, last = 0;
    if (!(digit(at(s, i)) || letter(at(s, i))) || (i > 0 && local_character(s->text[i - 1]))) {
        return 0;
    }
    while (local_character(at(s, end)) && end - i <= 64) {
        end++;
    }
    if (at(s, end) != '@' || end == i) {
        return 0;
    }
    end++;
    for (size_t labels = 0;; labels++) {
        const size_t begin = end;
        bool letters = true;
        while (digit(at(s, end)) || letter(at(s, end)) || (at(s, end) == '-' && end > begin)) {
            letters = letters && letter(at(s, end));
            end++;
        }
        if (end == begin) {
            break;
        }
        if (labels > 0 && letters && end - begin >= 2) {
            last = end;
        }
        if (at(s, end) != '.') {
            break;
        }
        end++;
    }
    return last;
}

/* Networks that are nobody's: 0/8, 10/8, 127/8, 172.16/12, 192.168/16. */
static bool private_address(const unsigned part[4])
{
    return part[0] == 0 || part[0] == 10 || part[0] == 127 || (part[0] == 172 && part[1] / 16 == 1) ||
           (part[0] == 192 && part[1] == 168);
}

static size_t ipv4_end(const scan *s, size_t i)
{
    unsigned part[4];
    size_t end = i;
    for (size_t k = 0; k < 4; k++) {
        const size_t begin = end;
        part[k] = 0;
        while (digit(at(s, end)) && end - begin < 4) {
            part[k] = part[k] * 10 + (unsigned)(at(s, end) - '0');
            end++;
        }
        if (end == begin || part[k] > 255 || (k < 3 && at(s, end++) != '.')) {
            return 0;
        }
    }
    const bool goes_on = digit(at(s, end)) || letter(at(s, end)) || (at(s, end) == '.' && digit(at(s, end + 1)));
    return goes_on || (i > 0 && (s->text[i - 1] == '.' || s->text[i - 1] == '-')) || private_address(part) ? 0 : end;
}

static bool hexadecimal(char c)
{
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* At least four groups, so that a::b of a program is none; the loopback and link-local ones stay. */
static size_t ipv6_end(const scan *s, size_t i)
{
    char copy[64];
    uint8_t address[16];
    size_t end = i, groups = 0;
    if (i > 0 && s->text[i - 1] == ':') {
        return 0;
    }
    while (hexadecimal(at(s, end)) || at(s, end) == ':') {
        groups += hexadecimal(at(s, end)) && (end == i || at(s, end - 1) == ':');
        end++;
    }
    if (end - i >= sizeof copy || groups < 4 || letter(at(s, end)) || at(s, i) == ':') {
        return 0;
    }
    memcpy(copy, s->text + i, end - i);
    copy[end - i] = '\0';
    if (inet_pton(AF_INET6, copy, address) != 1 || (address[0] == 0xFE && (address[1] & 0xC0) == 0x80)) {
        return 0;
    }
    return end;
}

/* 13 to 19 digits in groups that single blanks or hyphens part, first 2 to 6, with a right check digit (Luhn). */
static size_t card_end(const scan *s, size_t i)
{
    unsigned digits[20];
    size_t count = 0, end = i;
    if (at(s, i) < '2' || at(s, i) > '6' || (i > 0 && (s->text[i - 1] == '.' || s->text[i - 1] == '-'))) {
        return 0;
    }
    while (count < 20) {
        if (digit(at(s, end))) {
            digits[count++] = (unsigned)(at(s, end++) - '0');
        } else if ((at(s, end) == ' ' || at(s, end) == '-') && digit(at(s, end + 1))) {
            end++;
        } else {
            break;
        }
    }
    if (count < 13 || count > 19 || letter(at(s, end))) {
        return 0;
    }
    unsigned sum = 0;
    for (size_t k = 0; k < count; k++) {
        const unsigned twice = digits[count - 1 - k] * (k % 2 == 1 ? 2 : 1);
        sum += twice > 9 ? twice - 9 : twice;
    }
    return sum % 10 == 0 ? end : 0;
}

/* "+" and 8 to 15 digits, parted by single blanks, dots, hyphens or brackets. */
static size_t international_end(const scan *s, size_t i)
{
    size_t digits = 0, end = i + 1, last = i + 1;
    if (at(s, i) != '+' || !digit(at(s, i + 1)) || at(s, i + 1) == '0') {
        return 0;
    }
    for (size_t marks = 0; marks < 3 && digits <= 15; end++) {
        const char c = at(s, end);
        if (digit(c)) {
            digits++;
            last = end + 1;
            marks = 0;
        } else if (c != '\0' && strchr(" .-()/", c) != NULL) {
            marks++;
        } else {
            break;
        }
    }
    return digits >= 8 && digits <= 15 && !letter(at(s, last)) ? last : 0;
}

/* A form of digits (0), where 'b' is a blank, dot or hyphen. */
static size_t form_end(const scan *s, size_t i, const char *form)
{
    for (; *form != '\0'; form++, i++) {
        const char c = at(s, i);
        const bool fits = *form == '0' ? digit(c) : *form == 'b' ? c == ' ' || c == '.' || c == '-' : c == *form;
        if (!fits) {
            return 0;
        }
    }
    return digit(at(s, i)) || letter(at(s, i)) || (at(s, i) == '-' && digit(at(s, i + 1))) ? 0 : i;
}

static size_t phone_end(const scan *s, size_t i)
{
    static const char *const forms[] = {"(000) 000b0000", "(000)000b0000", "000b000b0000"};
    const size_t end = international_end(s, i);
    if (end > 0 || (i > 0 && (s->text[i - 1] == '-' || s->text[i - 1] == '.'))) {
        return end;
    }
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        const size_t form = form_end(s, i, forms[f]);
        if (form > 0) {
            return form;
        }
    }
    return 0;
}

/* ---- the rule ---- */

typedef struct personal_kind {
    const char *name, *mark;
    size_t (*end)(const scan *s, size_t i);
} personal_kind;

static const personal_kind kinds[] = {
    {"email", "[email]", email_end}, {"ip", "[ip]", ipv4_end},        {"ip", "[ip]", ipv6_end},
    {"card", "[card]", card_end},    {"phone", "[phone]", phone_end},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool among(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = list; *p != '\0';) {
        const size_t size = strcspn(p, "\n");
        if (size == length && memcmp(p, name, length) == 0) {
            return true;
        }
        p += size + (p[size] != '\0');
    }
    return false;
}

/* Which kind begins here, and where it ends. */
static const personal_kind *find(const scan *s, size_t i, const bool *wanted, size_t *ret_end)
{
    if (joined_before(s, i)) {
        return NULL;
    }
    for (size_t k = 0; k < KINDS; k++) {
        *ret_end = wanted[k] ? kinds[k].end(s, i) : 0;
        if (*ret_end > 0) {
            return &kinds[k];
        }
    }
    return NULL;
}

static hearth_status replace(const scan *s, const bool *wanted, buffer *out, hearth_error *error)
{
    size_t from = 0;
    for (size_t i = 0; i < s->length; i++) {
        size_t end = 0;
        const char c = s->text[i];
        const bool may = digit(c) || letter(c) || c == '+' || c == '(';
        const personal_kind *kind = may ? find(s, i, wanted, &end) : NULL;
        if (kind != NULL) {
            TRY(buffer_append(out, s->text + from, i - from, error));
            TRY(buffer_append_text(out, kind->mark, error));
            from = end;
            i = end - 1;
        }
    }
    return from == 0 ? HEARTH_OK : buffer_append(out, s->text + from, s->length - from, error);
}

hearth_status rule_personal_data(rule *r, document *d, int part, hearth_error *error)
{
    const scan s = {buffer_text(&d->text), d->text.length};
    bool wanted[KINDS];
    buffer out;
    (void)part;
    for (size_t k = 0; k < KINDS; k++) {
        wanted[k] = among(r->values[0].text, kinds[k].name);
    }
    buffer_init(&out, d->text.limit);
    const hearth_status status = replace(&s, wanted, &out, error);
    if (status == HEARTH_OK && out.length > 0) {
        buffer_free(&d->text);
        d->text = out;
        return HEARTH_OK;
    }
    buffer_free(&out);
    return status;
}

hearth_status personal_open(rule *r, hearth_error *error)
{
    for (const char *p = r->values[0].text; *p != '\0';) {
        const size_t size = strcspn(p, "\n");
        bool known = false;
        for (size_t k = 0; k < KINDS; k++) {
            known = known || (strlen(kinds[k].name) == size && memcmp(kinds[k].name, p, size) == 0);
        }
        if (!known) {
            return rule_wrong(r, "kinds", "email, ip, card, phone", p, error);
        }
        p += size + (p[size] != '\0');
    }
    return HEARTH_OK;
}
