#include "api/static_files.h"

#include "api/negotiate.h"
#include "api/squeeze.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 1024, HASH_CHARS = 8, INLINE_BYTES_MAX = 1024, SOURCES_BYTES_MAX = 512 };

/* Where the build names the hashes of what it has written into its page. */
static const char INLINE_POLICY[] = "/inline-policy.txt";

static const char NOT_BUILT[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Smartmeter</title>\n"
    "<h1>Smartmeter is running</h1>\n"
    "<p>Its dashboard has not been built. Build it in <code>frontend/</code> with "
    "<code>npm ci</code> and <code>npm run build</code>, or start with <code>./run</code>, which "
    "does that. The API is at <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p>\n";

static const char *type_of(const char *name) {
  static const struct {
    const char *extension;
    const char *type;
  } types[] = {{".html", "text/html; charset=utf-8"},
               {".js", "text/javascript; charset=utf-8"},
               {".css", "text/css; charset=utf-8"},
               {".json", "application/json"},
               {".map", "application/json"},
               {".webmanifest", "application/manifest+json"},
               {".svg", "image/svg+xml"},
               {".png", "image/png"},
               {".jpg", "image/jpeg"},
               {".webp", "image/webp"},
               {".ico", "image/x-icon"},
               {".woff2", "font/woff2"},
               {".woff", "font/woff"},
               {".wasm", "application/wasm"},
               {".txt", "text/plain; charset=utf-8"}};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++)
    if (strcmp(dot, types[i].extension) == 0) return types[i].type;
  return "application/octet-stream";
}

/* "index-BkQ3v_9Z.js": a dash, a hash as bundlers write it, an extension. */
static bool has_hash(const char *name) {
  const char *dot = strrchr(name, '.');
  if (dot == NULL || dot - name < HASH_CHARS + 1 || dot[-HASH_CHARS - 1] != '-') return false;
  for (const char *c = dot - HASH_CHARS; c < dot; c++)
    if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-') return false;
  return true;
}

static bool segment_allowed(const char *segment) {
  if (segment[0] == '\0' || segment[0] == '.') return false;
  for (const char *c = segment; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == '\\' || *c == 0x7f) return false;
  return true;
}

/* Opens a regular file by its decoded path ("/assets/a.js") below `dir`, folder by folder, so that
 * no link is followed on the way. -1: there is none. `path` is taken apart. */
static int open_below(int dir, char *path, struct stat *about) {
  int folder = dir;
  for (char *segment = path + 1;;) {
    char *slash = strchr(segment, '/');
    if (slash != NULL) *slash = '\0';
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (slash != NULL ? O_DIRECTORY : O_NONBLOCK);
    int next = segment_allowed(segment) ? openat(folder, segment, flags) : -1;
    if (folder != dir) (void)close(folder);
    if (next < 0) return -1;
    folder = next;
    if (slash == NULL) break;
    segment = slash + 1;
  }
  if (fstat(folder, about) == 0 && S_ISREG(about->st_mode)) return folder;
  (void)close(folder);
  return -1;
}

/* Whether a Host may be repeated in a header: a name or an address, and a port. */
static bool host_is_plain(const char *host) {
  static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
  return host != NULL && host[0] != '\0' && strlen(host) < 256 && host[strspn(host, set)] == '\0';
}

/* "'sha256-…='", and nothing that could open the policy further. */
static bool is_hash(const char *text, size_t len) {
  static const char prefix[] = "'sha256-";
  static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=";
  size_t head = sizeof prefix - 1;
  if (len < head + 2 || strncmp(text, prefix, head) != 0 || text[len - 1] != '\'') return false;
  return head + strspn(text + head, set) == len - 1;
}

/* Appends " 'sha256-…'" of each line "script-src 'sha256-…'" of `text` for `directive`. */
static void gather_hashes(const char *text, const char *directive,
                          char sources[SOURCES_BYTES_MAX]) {
  size_t name = strlen(directive), used = 0;
  sources[0] = '\0';
  for (const char *line = text; *line != '\0'; line += strspn(line, "\n")) {
    size_t len = strcspn(line, "\n");
    if (len > name + 1 && strncmp(line, directive, name) == 0 && line[name] == ' ' &&
        is_hash(line + name + 1, len - name - 1) && used + len - name < SOURCES_BYTES_MAX) {
      (void)snprintf(sources + used, SOURCES_BYTES_MAX - used, "%.*s", (int)(len - name),
                     line + name);
      used += len - name;
    }
    line += len;
  }
}

/* What a page of this build may run and look like without a file of its own; "" where the build has
 * not said anything. */
static void read_inline(int root, char text[INLINE_BYTES_MAX]) {
  char path[sizeof INLINE_POLICY];
  struct stat about;
  text[0] = '\0';
  memcpy(path, INLINE_POLICY, sizeof path);
  int file = open_below(root, path, &about);
  if (file < 0) return;
  ssize_t len = read(file, text, INLINE_BYTES_MAX - 1);
  text[len > 0 ? len : 0] = '\0';
  (void)close(file);
}

/* 'self' does not mean the same host's WebSocket in every browser, so it is named. `allowed` is
 * what read_inline() gave. */
static void add_policy(const char *allowed, const char *public_origin, const sm_request *request,
                       sm_answer *answer) {
  char scripts[SOURCES_BYTES_MAX], styles[SOURCES_BYTES_MAX];
  gather_hashes(allowed, "script-src", scripts);
  gather_hashes(allowed, "style-src", styles);
  const char *host = request->header[SM_HEADER_HOST];
  bool plain = host_is_plain(host);
  const char *authority = public_origin == NULL ? NULL : strstr(public_origin, "://");
  sm_answer_header_add(
      answer, "Content-Security-Policy",
      "default-src 'self'; script-src 'self'%s; style-src 'self'%s; img-src 'self' data:; "
      "connect-src 'self'%s%s%s%s%s%s; object-src 'none'; base-uri 'none'; form-action 'self'; "
      "frame-ancestors 'none'",
      scripts, styles, plain ? " ws://" : "", plain ? host : "", plain ? " wss://" : "",
      plain ? host : "", authority == NULL ? "" : " wss://",
      authority == NULL ? "" : authority + 3);
}

/* What a path names: the file as it is or in a smaller form. */
typedef struct found {
  int file; /* -1: nothing */
  struct stat about;
  sm_coding coding;
} found;

/* The smaller form of a file that the client reads, if the build has left one: "a.js.br". One that
 * is older than the file is of another build. */
static void prefer_smaller(int root, const char *path, const sm_request *request, found *out) {
  static const char *const endings[] = {[SM_CODING_GZIP] = ".gz", [SM_CODING_BR] = ".br"};
  char smaller[PATH_BYTES_MAX + 4];
  struct stat about;
  sm_coding coding = sm_negotiate_coding(request->header[SM_HEADER_ACCEPT_ENCODING]);
  if (coding == SM_CODING_IDENTITY) return;
  (void)snprintf(smaller, sizeof smaller, "%s%s", path, endings[coding]);
  int file = open_below(root, smaller, &about);
  if (file < 0) return;
  if (about.st_mtim.tv_sec < out->about.st_mtim.tv_sec) {
    (void)close(file);
    return;
  }
  (void)close(out->file);
  *out = (found){.file = file, .about = about, .coding = coding};
}

static void answer_file(int root, const found *f, const char *name, const char *public_origin,
                        const sm_request *request, sm_answer *answer) {
  char etag[80];
  bool varies = sm_squeeze_type(type_of(name));
  /* Of the bytes that are sent, so it differs from coding to coding. */
  (void)snprintf(etag, sizeof etag, "\"%llx-%llx-%llx%s%s\"", (unsigned long long)f->about.st_size,
                 (unsigned long long)f->about.st_mtim.tv_sec,
                 (unsigned long long)f->about.st_mtim.tv_nsec,
                 f->coding == SM_CODING_IDENTITY ? "" : "-",
                 f->coding == SM_CODING_IDENTITY ? "" : sm_coding_name(f->coding));
  if (sm_negotiate_match(request->header[SM_HEADER_IF_NONE_MATCH], etag)) {
    (void)close(f->file);
    sm_answer_empty(answer, 304);
  } else {
    sm_answer_file(answer, type_of(name), f->file, (uint64_t)f->about.st_size);
    if (f->coding != SM_CODING_IDENTITY)
      sm_answer_header_add(answer, "Content-Encoding", "%s", sm_coding_name(f->coding));
  }
  sm_answer_header_add(answer, "ETag", "%s", etag);
  if (varies) sm_answer_header_add(answer, "Vary", "Accept-Encoding");
  sm_answer_header_add(answer, "Cache-Control", "%s",
                       has_hash(name) ? "public, max-age=31536000, immutable" : "no-cache");
  char allowed[INLINE_BYTES_MAX] = "";
  if (strcmp(name, "index.html") == 0) read_inline(root, allowed);
  add_policy(allowed, public_origin, request, answer);
}

/* Nobody looks for a hidden file or a parent folder here with good intent. */
static bool path_allowed(const char *sent, char path[PATH_BYTES_MAX]) {
  size_t len = strlen(sent);
  return sent[0] == '/' && len < PATH_BYTES_MAX && sm_percent_decode(sent, len, path) &&
         strstr(path, "/.") == NULL;
}

/* Opens what a decoded path names, as it is or smaller. */
static found find(int root, const char *path, const sm_request *request) {
  char parts[PATH_BYTES_MAX];
  found out = {.file = -1};
  (void)snprintf(parts, sizeof parts, "%s", path);
  out.file = open_below(root, parts, &out.about);
  if (out.file >= 0 && sm_squeeze_type(type_of(path))) prefer_smaller(root, path, request, &out);
  return out;
}

void sm_static_serve_path(const char *dir, const char *public_origin, const char *sent,
                          const sm_request *request, sm_answer *answer) {
  char path[PATH_BYTES_MAX];
  found f = {.file = -1};
  if (!path_allowed(sent, path)) {
    sm_answer_not_found(answer);
    return;
  }
  const char *name = strrchr(path, '/') + 1;
  bool page = strchr(name, '.') == NULL;
  int root = dir == NULL ? -1 : open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (root >= 0 && name[0] != '\0') f = find(root, path, request);
  if (root >= 0 && f.file < 0 && page) {
    name = "index.html";
    f = find(root, "/index.html", request);
  }
  if (f.file >= 0)
    answer_file(root, &f, name, public_origin, request, answer);
  else if (page && (root < 0 || faccessat(root, "index.html", F_OK, 0) != 0))
    sm_answer_text(answer, 200, "text/html; charset=utf-8", NOT_BUILT);
  else
    sm_answer_not_found(answer);
  if (root >= 0) (void)close(root);
}

void sm_static_serve(const char *dir, const char *public_origin, const sm_request *request,
                     sm_answer *answer) {
  sm_static_serve_path(dir, public_origin, request->path, request, answer);
}
