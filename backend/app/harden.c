#include "app/harden.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef SM_SECCOMP
#include <linux/sched.h> /* CLONE_THREAD; libc's own header has it for GNU sources only */
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* A list of what is forbidden, not of what is allowed: what Pango, SQLite and GnuTLS call differs
 * from version to version, and a filter that stops a bill from being printed would be turned off.
 * The answer is EPERM, so that a library that tries goes on without. */
static const int forbidden[] = {
    /* other programs */
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    /* other processes */
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    /* mounts and namespaces */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsconfig),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    /* another user */
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(setfsuid),
    SCMP_SYS(setfsgid),
    SCMP_SYS(capset),
    /* the kernel and the machine */
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(personality),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(vhangup),
};

static bool forbid(scmp_filter_ctx filter) {
  const uint32_t denied = SCMP_ACT_ERRNO(EPERM);
  for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
    if (seccomp_rule_add(filter, denied, forbidden[i], 0) != 0) return false;
  return true;
}

/* New processes, but not new threads. clone3 keeps its flags in memory, where no filter sees them:
 * for "not there" libc falls back to clone. */
static bool forbid_processes(scmp_filter_ctx filter) {
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) == 0 &&
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

/* Memory that is written and run, or was written and becomes runnable: where injected code lives.
 */
static bool forbid_code(scmp_filter_ctx filter) {
  const uint32_t denied = SCMP_ACT_ERRNO(EPERM);
  const scmp_datum_t both = PROT_WRITE | PROT_EXEC;
  return seccomp_rule_add(filter, denied, SCMP_SYS(mmap), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, both, both)) == 0 &&
         seccomp_rule_add(filter, denied, SCMP_SYS(mprotect), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) == 0 &&
         seccomp_rule_add(filter, denied, SCMP_SYS(pkey_mprotect), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) == 0;
}

/* Sockets are of the Internet or of this machine; netlink is how libc asks for addresses. */
static bool forbid_sockets(scmp_filter_ctx filter) {
  const uint32_t denied = SCMP_ACT_ERRNO(EAFNOSUPPORT);
  for (unsigned family = 0; family < AF_NETLINK; family++) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
    if (seccomp_rule_add(filter, denied, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family)) != 0)
      return false;
  }
  return seccomp_rule_add(filter, denied, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK)) ==
         0;
}

bool sm_harden_has_filter(void) {
  return true;
}

static bool load_filter(void) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == NULL) return false;
  bool done = forbid(filter) && forbid_processes(filter) && forbid_code(filter) &&
              forbid_sockets(filter) && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}
#else
bool sm_harden_has_filter(void) {
  return false;
}

static bool load_filter(void) {
  return false;
}
#endif

static void warn(const char *event, const char *message) {
  sm_log(SM_LOG_WARN, event, SM_LOG_TEXT("message", message));
}

void sm_harden(void) {
  const struct rlimit none = {0, 0};
  (void)umask(077);
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    warn("serve.not_hardened", strerror(errno));
  if (geteuid() == 0)
    warn("serve.runs_as_root",
         "the server needs no rights of root, and whoever breaks into it would have them: make a "
         "user for it, give it the data folder (chown -R), and start it as that user; "
         "deploy/systemd has a unit that does");
}

void sm_harden_calls(bool wanted) {
  if (!wanted)
    warn("serve.no_filter", "SMARTMETER_SECCOMP is 0: system calls are not filtered");
  else if (sm_harden_has_filter() && !load_filter())
    warn("serve.no_filter", "this kernel does not filter system calls (seccomp)");
}
