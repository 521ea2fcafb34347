/* Who may ask what: pages of other origins and names that are not this server's are turned away (DNS rebinding), then
 * keys decide. */
#ifndef SERVE_ACCESS_H
#define SERVE_ACCESS_H

#include "serve/request.h"

/* On the server's thread, with the request's head. False: refused, *f tells why. */
bool access_check(request *r, failure *f);
/* On the server's thread, too: whose key it is, and whether it has the route's right. A key that was not seen yet is
 * proved on a worker (access_prove), as that takes long: access_is_proved. */
bool access_identify(request *r, failure *f);
bool access_is_proved(const request *r);
bool access_prove(request *r, failure *f);
/* When the body is there, before anybody looks into it: whether the key is good still and what its limits leave, of
 * which the request takes its part. */
bool access_begin(request *r, failure *f);
/* When the body is read: whether the key may ask the model that it names. */
bool access_model(request *r, failure *f);
/* What it took; may be called several times. */
void access_spend(request *r, size_t prompt_tokens, size_t tokens);
/* The last that is done with a request: its slot is free again, and the audit log has its line. */
void access_end(request *r);
/* Whether the request's key may use a model, for lists of them. */
bool access_may_use(const request *r, const char *name);
/* What a browser asks before a page of another origin may ask (OPTIONS). */
void access_preflight(request *r);

#endif
