/*
 * Linked into the nginx of scripts/asan.sh, beside the sanitizers.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>


/*
 * What nginx itself leaves behind when a process of it ends: its cycle lies
 * in a pool that is gone by then, and what was not of that pool is lost.
 */

const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:ngx_event_process_init\n"
           "leak:ngx_regex_malloc\n";
}


/*
 * Only a worker frees what it had before it ends, "nginx -t", the master and
 * what starts it do not.  The value is nginx's NGX_PROCESS_WORKER; weak, for
 * what nginx's configure links is not nginx yet.
 */

extern unsigned long ngx_process __attribute__((weak));

int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
    return &ngx_process == NULL || ngx_process != 3;
}


/*
 * A dynamic module stays mapped until the end.  nginx unloads it with its
 * cycle, and then a leak of the module would have a stack without names and
 * everything that its variables hold would look lost.
 */

int dlclose(void *handle);

int
dlclose(void *handle)
{
    (void) handle;

    return 0;
}


/*
 * The two libraries of gcc have each a log of its own, yet the function that
 * sets its path is that of the first for both: the second is told here.
 */

__attribute__((constructor)) static void
asan_set_path(void)
{
    char        *path;
    void        *library;
    void       (*set)(const char *path);
    const char  *options;

    options = getenv("ASAN_OPTIONS");
    options = options ? strstr(options, "log_path=") : NULL;

    library = dlopen("libubsan.so.1", RTLD_LAZY | RTLD_NOLOAD);

    if (options == NULL || library == NULL) {
        return;
    }

    options += strlen("log_path=");
    path = strndup(options, strcspn(options, ",:"));

    *(void **) &set = dlsym(library, "__sanitizer_set_report_path");

    if (path && set) {
        set(path);
    }

    free(path);
}
