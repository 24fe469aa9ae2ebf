/* What client and server agree on before an answer goes out (RFC 9110, sections 8.8.3 and 12):
 * the coding of the body, its media type, and whether the client has it already. Values are those
 * of the headers; NULL is a header that was not sent. A part that can't be read counts as not
 * there. */
#ifndef SM_API_NEGOTIATE_H
#define SM_API_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum sm_coding { SM_CODING_IDENTITY, SM_CODING_GZIP, SM_CODING_BR } sm_coding;

/* "gzip", "br"; "identity". */
const char *sm_coding_name(sm_coding coding);

/* The coding that Accept-Encoding wants most; br before gzip before none where it does not care.
 * None also where it forbids that, for an answer is better than none. */
sm_coding sm_negotiate_coding(const char *accept_encoding);

/* Whether Accept takes a media type ("application/json", without parameters): by the range that
 * says most about it, and with a q above 0. */
bool sm_negotiate_type(const char *accept, const char *type);

/* Whether If-None-Match names an ETag ("\"x\"" or "W/\"x\""), by the weak comparison, or is "*". */
bool sm_negotiate_match(const char *if_none_match, const char *etag);

#endif
