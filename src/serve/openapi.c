/* GET /openapi.json: what all of the server's interfaces are, as a file that is part of the program. */
#include "serve/routes.h"

#include "platform/embedded.h"

extern const embedded_file openapi_files[]; /* scripts/embed */

static void openapi(request *r)
{
    const embedded_file *f = &openapi_files[0];
    http_call_answer_static(r->call, 200, "application/json", f->bytes, (size_t)(f->end - f->bytes));
}

const route routes_openapi[] = {
    {"GET", "/openapi.json", RIGHT_OPEN, API_OPENAI, true, false, openapi},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
