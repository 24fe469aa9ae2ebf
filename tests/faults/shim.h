/* What the shims share. A shim is a shared object that is loaded before a program (LD_PRELOAD) and
 * stands in the way of its system calls: the program is the release build, unchanged. Settings come
 * from the environment. Nothing is allocated, and no function of the C library that would come back
 * here is called with the shim's lock held. */
#ifndef SM_FAULTS_SHIM_H
#define SM_FAULTS_SHIM_H

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

enum { SM_SHIM_PATH_MAX = 4096 };

/* The function that a shim stands before. A data pointer is copied into a function pointer, as
 * dlsym asks. */
#define SM_SHIM_NEXT(pointer, name)                                                                \
  do {                                                                                             \
    void *found_ = dlsym(RTLD_NEXT, name);                                                         \
    memcpy(&(pointer), &found_, sizeof(pointer));                                                  \
  } while (0)

/* The path of an open file, "" if it has none. Cap SM_SHIM_PATH_MAX. */
void sm_shim_path_of(int fd, char *path);

#endif
