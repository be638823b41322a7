/*
 * Preloaded into a host under test: counts the calls that change its data directory or make a
 * change durable, and makes one of them the last one, or fail.
 *
 *   FAULTS_CONTROL    a file that holds `struct control`, shared with the test
 *   FAULTS_DIRECTORY  the data directory: its real path, without links
 *   FAULTS_LOG        optional: where every counted call is written down with its data
 *
 * One lock is held around each counted call. So the calls of all threads stand in one order,
 * that of the counter and of the log, and none is under way when the process is killed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum mode { COUNT, KILL_BEFORE, KILL_AFTER, KILL_HALFWAY, FAIL_ONCE, FAIL_FROM_THEN_ON };

/* The test knows it by its offsets. */
struct control {
    _Atomic uint32_t armed;
    uint32_t mode;
    uint32_t error;
    uint32_t reads; /* opening for reading counts too */
    uint64_t target;
    uint64_t count;
    int64_t clock; /* seconds that the wall clock is off */
    uint32_t hit;
    char call[28];
    char path[1024];
};

static struct control nothing, *control = &nothing;
static const char *directory;
static int log_file = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int at_target;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL"), *log = getenv("FAULTS_LOG");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    directory = getenv("FAULTS_DIRECTORY");
    if (shared == MAP_FAILED || !directory) {
        fputs("faults: nothing to control\n", stderr);
        abort();
    }
    control = shared;
    if (log) log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
}

/* ---- which file ---- */

static int is_ours(const char *path) {
    size_t length = directory ? strlen(directory) : 0;
    return length && !strncmp(path, directory, length) && (path[length] == '/' || !path[length]);
}

/* The path of an open file as it is now, whatever has been renamed since. */
static int of_file(int file, char *path) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && is_ours(path);
}

static int of_path(int at, const char *name, char *path) {
    if (!name) return 0;
    if (*name == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else {
        char base[PATH_MAX] = "";
        if (at != AT_FDCWD) of_file(at, base);
        else if (!getcwd(base, sizeof base)) return 0;
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
    }
    for (char *here; (here = strstr(path, "/./"));) memmove(here, here + 2, strlen(here + 2) + 1);
    size_t length = strlen(path);
    while (length > 1 && (path[length - 1] == '/' || !strcmp(path + length - 2, "/.")))
        path[length -= path[length - 1] == '/' ? 1 : 2] = 0;
    return is_ours(path);
}

/* ---- the one call under way ---- */

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Takes the lock. Returns false when the call is to fail; the lock is free again then. */
static int enter(const char *call, const char *path) {
    pthread_mutex_lock(&lock);
    at_target = 0;
    if (!control->armed) return 1;
    uint64_t number = ++control->count;
    int from_then_on = control->mode == FAIL_FROM_THEN_ON && number > control->target;
    at_target = number == control->target;
    if (at_target) {
        snprintf(control->call, sizeof control->call, "%s", call);
        snprintf(control->path, sizeof control->path, "%s", path);
        control->hit = 1;
        if (control->mode == KILL_BEFORE) die();
    }
    if (from_then_on || (at_target && (control->mode == FAIL_ONCE || control->mode == FAIL_FROM_THEN_ON))) {
        pthread_mutex_unlock(&lock);
        errno = (int)control->error;
        return 0;
    }
    return 1;
}

static void leave(void) {
    if (at_target && control->mode == KILL_AFTER) die();
    pthread_mutex_unlock(&lock);
}

static int is_half(void) { return at_target && control->mode == KILL_HALFWAY; }

/* Writes down what a call has done: its kind, a number, up to two paths and bytes. */
static void note(char kind, uint64_t number, const char *path, const char *other, const struct iovec *data, int pieces, size_t bytes) {
    if (log_file < 0 || !control->armed) return;
    struct __attribute__((packed)) {
        char kind;
        uint64_t number;
        uint32_t path, other, bytes;
    } head = {kind, number, (uint32_t)strlen(path), other ? (uint32_t)strlen(other) : 0, (uint32_t)bytes};
    syscall(SYS_write, log_file, &head, sizeof head);
    syscall(SYS_write, log_file, path, head.path);
    if (other) syscall(SYS_write, log_file, other, head.other);
    for (int piece = 0; piece < pieces && bytes; piece++) {
        size_t length = data[piece].iov_len < bytes ? data[piece].iov_len : bytes;
        syscall(SYS_write, log_file, data[piece].iov_base, length);
        bytes -= length;
    }
}

#define NOTE(kind, number, path, other) note(kind, number, path, other, NULL, 0, 0)

/* Whoever looks at errno after a success sees what the real call has left. */
#define LEAVE(result) \
    do { int saved = errno; leave(); errno = saved; return result; } while (0)

/* ---- names ---- */

static mode_t mode_of(const char *path) {
    struct stat status;
    return lstat(path, &status) ? 0 : status.st_mode;
}

#define RENAME(name, parameters, from_at, from, to_at, to, arguments) \
    int name parameters { \
        REAL(name); \
        char old[PATH_MAX], new[PATH_MAX]; \
        int ours = of_path(from_at, from, old); \
        if (!(of_path(to_at, to, new) | ours)) return real arguments; \
        if (!enter(#name, old)) return -1; \
        int result = real arguments; \
        if (!result) NOTE('r', 0, old, new); \
        LEAVE(result); \
    }
RENAME(rename, (const char *from, const char *to), AT_FDCWD, from, AT_FDCWD, to, (from, to))
RENAME(renameat, (int a, const char *from, int b, const char *to), a, from, b, to, (a, from, b, to))
RENAME(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), a, from, b, to, (a, from, b, to, flags))

#define ONE_NAME(name, parameters, at, path, kind, arguments) \
    int name parameters { \
        REAL(name); \
        char full[PATH_MAX]; \
        if (!of_path(at, path, full)) return real arguments; \
        if (!enter(#name, full)) return -1; \
        int result = real arguments; \
        if (!result) NOTE(kind, mode_of(full), full, NULL); \
        LEAVE(result); \
    }
ONE_NAME(unlink, (const char *path), AT_FDCWD, path, 'u', (path))
ONE_NAME(rmdir, (const char *path), AT_FDCWD, path, 'u', (path))
ONE_NAME(unlinkat, (int at, const char *path, int flags), at, path, 'u', (at, path, flags))
ONE_NAME(mkdir, (const char *path, mode_t mode), AT_FDCWD, path, 'd', (path, mode))
ONE_NAME(mkdirat, (int at, const char *path, mode_t mode), at, path, 'd', (at, path, mode))
ONE_NAME(symlink, (const char *target, const char *path), AT_FDCWD, path, '?', (target, path))
ONE_NAME(symlinkat, (const char *target, int at, const char *path), at, path, '?', (target, at, path))
ONE_NAME(link, (const char *from, const char *path), AT_FDCWD, path, '?', (from, path))
ONE_NAME(linkat, (int a, const char *from, int b, const char *path, int flags), b, path, '?', (a, from, b, path, flags))

/* ---- opening: for writing always, for reading when the test wants it ---- */

#define OPEN(name, parameters, at, path, arguments) \
    int name parameters { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        char full[PATH_MAX]; \
        int writes = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC); \
        if (!(writes || control->reads) || !of_path(at, path, full)) return real arguments; \
        if (!enter(#name, full)) return -1; \
        mode_t before = mode_of(full); \
        int file = real arguments; \
        if (file >= 0 && (flags & O_TMPFILE) == O_TMPFILE) NOTE('?', 0, full, NULL); \
        else if (file >= 0 && !before) NOTE('c', mode_of(full), full, NULL); \
        else if (file >= 0 && flags & O_TRUNC) NOTE('t', 0, full, NULL); \
        LEAVE(file); \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD, path, (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, path, (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), at, path, (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), at, path, (at, path, flags, mode))

/* ---- contents ---- */

#define ONE_FILE(name, parameters, failed, kind, number, arguments) \
    int name parameters { \
        REAL(name); \
        char path[PATH_MAX]; \
        if (!of_file(file, path)) return real arguments; \
        if (!enter(#name, path)) return failed; \
        int result = real arguments; \
        if (!result) NOTE(kind, (uint64_t)(number), path, NULL); \
        LEAVE(result); \
    }
ONE_FILE(fsync, (int file), -1, 's', 0, (file))
ONE_FILE(fdatasync, (int file), -1, 's', 0, (file))
ONE_FILE(ftruncate, (int file, off_t length), -1, 't', length, (file, length))
ONE_FILE(ftruncate64, (int file, off64_t length), -1, 't', length, (file, length))

/* Reserving blocks grows the file, or changes nothing that can be read. */
static uint64_t size_of(int file) {
    struct stat status;
    return fstat(file, &status) ? 0 : (uint64_t)status.st_size;
}
ONE_FILE(posix_fallocate, (int file, off_t from, off_t length), errno, 't', size_of(file), (file, from, length))
ONE_FILE(posix_fallocate64, (int file, off64_t from, off64_t length), errno, 't', size_of(file), (file, from, length))
ONE_FILE(fallocate, (int file, int mode, off_t from, off_t length), -1, mode & ~FALLOC_FL_KEEP_SIZE ? '?' : 't', size_of(file), (file, mode, from, length))
ONE_FILE(fallocate64, (int file, int mode, off64_t from, off64_t length), -1, mode & ~FALLOC_FL_KEEP_SIZE ? '?' : 't', size_of(file), (file, mode, from, length))

#define WRITE(name, parameters, data, pieces, position, arguments, half) \
    ssize_t name parameters { \
        REAL(name); \
        char path[PATH_MAX]; \
        if (!of_file(file, path)) return real arguments; \
        if (!enter(#name, path)) return -1; \
        off_t at = position; \
        if (is_half()) { real half; die(); } \
        ssize_t written = real arguments; \
        if (written > 0) note('w', (uint64_t)at, path, NULL, data, pieces, (size_t)written); \
        LEAVE(written); \
    }
#define ONE_PIECE (&(struct iovec){(void *)bytes, count})
#define HERE (fcntl(file, F_GETFL) & O_APPEND ? (off_t)size_of(file) : lseek(file, 0, SEEK_CUR))
WRITE(write, (int file, const void *bytes, size_t count), ONE_PIECE, 1, HERE, (file, bytes, count), (file, bytes, count / 2))
WRITE(pwrite, (int file, const void *bytes, size_t count, off_t from), ONE_PIECE, 1, from, (file, bytes, count, from), (file, bytes, count / 2, from))
WRITE(pwrite64, (int file, const void *bytes, size_t count, off64_t from), ONE_PIECE, 1, from, (file, bytes, count, from), (file, bytes, count / 2, from))
WRITE(writev, (int file, const struct iovec *data, int pieces), data, pieces, HERE, (file, data, pieces), (file, data, pieces / 2))
WRITE(pwritev, (int file, const struct iovec *data, int pieces, off_t from), data, pieces, from, (file, data, pieces, from), (file, data, pieces / 2, from))
WRITE(pwritev64, (int file, const struct iovec *data, int pieces, off64_t from), data, pieces, from, (file, data, pieces, from), (file, data, pieces / 2, from))

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += control->clock;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int result = real(now, zone);
    if (!result) now->tv_sec += control->clock;
    return result;
}

time_t time(time_t *place) {
    REAL(time);
    time_t now = real(NULL) + control->clock;
    if (place) *place = now;
    return now;
}
