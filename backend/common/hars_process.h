
/*
 * What a program that holds keys owes at its beginning and its end; what it
 * runs on.
 *
 *     main() -> hars_process_close() ... -> return hars_process_end(rc, 1)
 */

#ifndef HARS_PROCESS_H
#define HARS_PROCESS_H


/*
 * The first thing: memory comes into no core dump, and no other process of
 * the user reads it (ptrace, /proc/PID/mem).
 */
void hars_process_close(void);

/*
 * The exit status "rc"; where that is 0 but what was said on standard output
 * is lost (a full disk), "failed", after standard error has the cause.
 */
int hars_process_end(int rc, int failed);

/* one for each processor, from 2 to "most" */
unsigned hars_process_threads(unsigned most);


#endif /* HARS_PROCESS_H */
