/* The text of common_passwords.txt, put into the program by the build. */
#ifndef SM_AUTH_COMMON_PASSWORDS_H
#define SM_AUTH_COMMON_PASSWORDS_H

extern const char sm_common_passwords[];

#endif
