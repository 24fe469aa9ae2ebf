/* The dashboard's files, from one folder and nowhere else: no parent folders, no dot files, no
 * symbolic links. A path that names no file and looks like a page (no extension) is the
 * dashboard's own to understand and gets index.html. */
#ifndef SM_API_STATIC_FILES_H
#define SM_API_STATIC_FILES_H

#include "api/answer.h"
#include "api/request.h"

/* Answers a GET or HEAD of request->path from the folder `dir` (NULL or missing: a page that says
 * how to get it). What has a hash in its name may be kept for a year, the rest is asked for again
 * by its ETag. A file that the build has left in a smaller form beside it ("a.js.br", "a.js.gz")
 * goes out in that where the client can read it. The page itself may have in it what the build has
 * named by its hash, in "inline-policy.txt" ("script-src 'sha256-…'" a line), and nothing else.
 * `public_origin` ("https://meters.example" or NULL) is where the page may open its WebSocket,
 * beside the host that it was asked from. */
void sm_static_serve(const char *dir, const char *public_origin, const sm_request *request,
                     sm_answer *answer);
/* The same of a path of ours ("/api-docs.html") in place of the request's. */
void sm_static_serve_path(const char *dir, const char *public_origin, const char *path,
                          const sm_request *request, sm_answer *answer);

#endif
