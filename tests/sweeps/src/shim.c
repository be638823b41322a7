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
#include "control.h"

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

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
RENAME(renameat, (int a, const char *from, int b, const char *to), a, from, b, to,
       (a, from, b, to))
RENAME(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), a, from, b, to,
       (a, from, b, to, flags))

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
ONE_NAME(symlink, (const char *to, const char *path), AT_FDCWD, path, '?', (to, path))
ONE_NAME(symlinkat, (const char *to, int at, const char *path), at, path, '?', (to, at, path))
ONE_NAME(link, (const char *from, const char *path), AT_FDCWD, path, '?', (from, path))
ONE_NAME(linkat, (int a, const char *from, int b, const char *path, int flags), b, path, '?',
         (a, from, b, path, flags))

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

/* In two steps, so that what stands for two arguments becomes two. */
#define ONE_FILE(...) ONE_FILE_(__VA_ARGS__)
#define ONE_FILE_(name, parameters, failed, kind, number, arguments) \
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
#define GROWN(mode) ((mode) & ~FALLOC_FL_KEEP_SIZE ? '?' : 't'), size_of(file)
ONE_FILE(posix_fallocate, (int file, off_t from, off_t length), errno, GROWN(0),
         (file, from, length))
ONE_FILE(posix_fallocate64, (int file, off64_t from, off64_t length), errno, GROWN(0),
         (file, from, length))
ONE_FILE(fallocate, (int file, int mode, off_t from, off_t length), -1, GROWN(mode),
         (file, mode, from, length))
ONE_FILE(fallocate64, (int file, int mode, off64_t from, off64_t length), -1, GROWN(mode),
         (file, mode, from, length))

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
WRITE(write, (int file, const void *bytes, size_t count), ONE_PIECE, 1, HERE,
      (file, bytes, count), (file, bytes, count / 2))
WRITE(pwrite, (int file, const void *bytes, size_t count, off_t from), ONE_PIECE, 1, from,
      (file, bytes, count, from), (file, bytes, count / 2, from))
WRITE(pwrite64, (int file, const void *bytes, size_t count, off64_t from), ONE_PIECE, 1, from,
      (file, bytes, count, from), (file, bytes, count / 2, from))
WRITE(writev, (int file, const struct iovec *data, int pieces), data, pieces, HERE,
      (file, data, pieces), (file, data, pieces / 2))
WRITE(pwritev, (int file, const struct iovec *data, int pieces, off_t from), data, pieces, from,
      (file, data, pieces, from), (file, data, pieces / 2, from))
WRITE(pwritev64, (int file, const struct iovec *data, int pieces, off64_t from), data, pieces, from,
      (file, data, pieces, from), (file, data, pieces / 2, from))

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(clock, now);
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (!result && is_wall) now->tv_sec += control->clock;
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
