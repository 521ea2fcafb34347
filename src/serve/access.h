/* Who may ask what: pages of other origins and names that are not this server's are turned away (DNS rebinding), then
 * keys decide. */
#ifndef SERVE_ACCESS_H
#define SERVE_ACCESS_H

#include "serve/request.h"

/* On the server's thread, with the request's head. False: refused, *f tells why. */
bool access_check(request *r, failure *f);
/* What a browser asks before a page of another origin may ask (OPTIONS). */
void access_preflight(request *r);

#endif
