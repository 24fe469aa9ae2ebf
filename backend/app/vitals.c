#include "app/vitals.h"

#include "base/file.h"
#include "base/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { STAT_MAX = 4096 };

static void write_gauge(sm_buf *out, const char *name, const char *help, uint64_t value) {
  const sm_metric row = {name, "gauge", help, value};
  sm_metrics_write(out, &row, 1);
}

/* The number behind `key` in a file of /proc; 0: it is not there. */
static uint64_t number_after(const char *text, const char *key) {
  const char *at = strstr(text, key);
  return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

static void write_seconds(sm_buf *out, const char *name, const char *type, const char *help,
                          uint64_t hundredths) {
  sm_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 ".%02" PRIu64 "\n", name, help, name,
                type, name, hundredths / 100, hundredths % 100);
}

/* Field `number` of /proc/self/stat, which is counted from 3 behind the name in brackets. */
static uint64_t stat_field(const char *behind_name, unsigned number) {
  const char *at = behind_name;
  for (unsigned i = 2; i < number && at != NULL; i++) {
    at = strchr(at, ' ');
    if (at != NULL) at++;
  }
  return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* When the machine was started, seconds since 1970; 0: not told. */
static uint64_t boot_s(void) {
  char *text = NULL;
  if (sm_file_read("/proc/stat", 1 << 22, &text, NULL) != SM_OK) return 0;
  uint64_t at = number_after(text, "\nbtime ");
  free(text);
  return at;
}

static void write_stat(sm_buf *out) {
  char *text = NULL;
  if (sm_file_read("/proc/self/stat", STAT_MAX, &text, NULL) != SM_OK) return;
  const char *behind = strrchr(text, ')');
  long ticks = sysconf(_SC_CLK_TCK);
  if (behind != NULL && ticks > 0) {
    uint64_t hz = (uint64_t)ticks;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t boot = boot_s();
    write_seconds(out, "process_cpu_seconds_total", "counter", "Time on processors.",
                  (stat_field(behind, 14) + stat_field(behind, 15)) * 100 / hz);
    write_gauge(out, "process_threads", "Threads.", stat_field(behind, 20));
    write_gauge(out, "process_virtual_memory_bytes", "Address space.", stat_field(behind, 23));
    write_gauge(out, "process_resident_memory_bytes", "Memory in use.",
                stat_field(behind, 24) * page);
    if (boot > 0)
      write_seconds(out, "process_start_time_seconds", "gauge", "When it was started, since 1970.",
                    boot * 100 + stat_field(behind, 22) * 100 / hz);
  }
  free(text);
}

static void write_files(sm_buf *out) {
  uint64_t open_files = 0;
  DIR *dir = opendir("/proc/self/fd");
  if (dir == NULL) return;
  while (readdir(dir) != NULL) open_files++;
  (void)closedir(dir);
  /* Without "." and ".." and the folder itself. */
  write_gauge(out, "process_open_fds", "Open files and connections.", open_files - 3);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    write_gauge(out, "process_max_fds", "As many are allowed.", limit.rlim_cur);
}

static void write_disk(const char *data_dir, sm_buf *out) {
  struct statvfs disk;
  if (statvfs(data_dir, &disk) != 0) return;
  write_gauge(out, "smartmeter_disk_bytes", "Size of the data folder's file system.",
              (uint64_t)disk.f_blocks * disk.f_frsize);
  write_gauge(out, "smartmeter_disk_free_bytes", "Room on it for the server.",
              (uint64_t)disk.f_bavail * disk.f_frsize);
}

void sm_vitals_write_metrics(const char *data_dir, sm_buf *out) {
  sm_buf_append_text(out, "# HELP smartmeter_build_info 1, and the version.\n"
                          "# TYPE smartmeter_build_info gauge\n"
                          "smartmeter_build_info{version=\"" SM_VERSION "\"} 1\n");
  write_stat(out);
  write_files(out);
  write_disk(data_dir, out);
}
