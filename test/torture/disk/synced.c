/* Loaded before Redis by LD_PRELOAD: after every sync of a log it notes beside the log's folder how long the log was then. A power
 * loss leaves at least that, and what is cut to it is the worst that a power loss can leave. A number of microseconds in the file
 * fsync-delay there makes every sync take so much longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes the path of the folder above the log's folder, and a slash; 0 where it is no log. */
static int place(int fd, char *above, char *name) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 4) return 0;
  path[length] = 0;
  if (strcmp(path + length - 4, ".aof") != 0) return 0;
  char *slash = strrchr(path, '/');
  if (slash == NULL) return 0;
  strcpy(name, slash + 1);
  *slash = 0;
  char *folder = strrchr(path, '/');
  if (folder == NULL) return 0;
  folder[1] = 0;
  strcpy(above, path);
  return 1;
}

static void delay(const char *above) {
  char file[4200], text[32] = {0};
  snprintf(file, sizeof file, "%sfsync-delay", above);
  int fd = open(file, O_RDONLY);
  if (fd < 0) return;
  if (read(fd, text, sizeof text - 1) > 0) usleep((useconds_t)atol(text));
  close(fd);
}

static void note(int fd, const char *above, const char *name) {
  char file[8300], text[32];
  struct stat about;
  if (fstat(fd, &about) != 0) return;
  snprintf(file, sizeof file, "%s%s.synced", above, name);
  /* As wide as any length: what is written over an older one leaves nothing of it. */
  int length = snprintf(text, sizeof text, "%020lld", (long long)about.st_size);
  int out = open(file, O_WRONLY | O_CREAT, 0600);
  if (out < 0) return;
  if (pwrite(out, text, (size_t)length, 0) != length) unlink(file);
  close(out);
}

static int synced(int fd, const char *call) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
  char above[4096], name[4096];
  int is_log = place(fd, above, name);
  if (is_log) delay(above);
  int result = real(fd);
  if (is_log && result == 0) note(fd, above, name);
  return result;
}

int fdatasync(int fd) { return synced(fd, "fdatasync"); }
int fsync(int fd) { return synced(fd, "fsync"); }
