/*
 * What the shim is told, which files it is about, and the one call under way. For `shim.c`.
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
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    if (log) log_file = (int)syscall(SYS_openat, AT_FDCWD, log, flags, 0);
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
    for (char *here; (here = strstr(path, "/./"));)
        memmove(here, here + 2, strlen(here + 2) + 1);
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
    at_target = number == control->target;
    if (at_target) {
        snprintf(control->call, sizeof control->call, "%s", call);
        snprintf(control->path, sizeof control->path, "%s", path);
        control->hit = 1;
        if (control->mode == KILL_BEFORE) die();
    }
    int fails = control->mode == FAIL_ONCE ? at_target
              : control->mode == FAIL_FROM_THEN_ON && number >= control->target;
    if (fails) {
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
static void note(char kind, uint64_t number, const char *path, const char *other,
                 const struct iovec *data, int pieces, size_t bytes) {
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

/* What the real call says is what the host hears. */
#define LEAVE(result) \
    do { \
        int saved = errno; \
        leave(); \
        errno = saved; \
        return result; \
    } while (0)
