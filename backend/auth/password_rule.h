/* What may become a password: one rule for the API, the command line and the first admin. 10 to 256
 * bytes of valid UTF-8 without NUL; not one character over and over, not a row of neighbours
 * ("abcdefghijkl"), not one of the commonest (common_passwords.txt) whatever its case, its letters
 * written as digits and signs ("p4$$w0rd"), the same twice, or up to six digits and signs around
 * it, or a row of them behind; and not the person's own address or name in any of these ways. No
 * rule about kinds of characters: length is what counts. Any thread. */
#ifndef SM_AUTH_PASSWORD_RULE_H
#define SM_AUTH_PASSWORD_RULE_H

#include <stdbool.h>
#include <stddef.h>

enum { SM_PASSWORD_MIN = 10, SM_PASSWORD_MAX = 256 }; /* bytes */

/* Whether a text may become a password of somebody. NULL: yes; else a static sentence that says
 * what is wrong, to show to the user. email and name may be NULL: not known. */
const char *sm_password_problem_of(const char *password, size_t len, const char *email,
                                   const char *name);
/* The same of nobody in particular. */
const char *sm_password_problem(const char *password, size_t len);

#endif
