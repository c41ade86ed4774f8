
/*
 * The clean stop: SIGTERM and SIGINT are blocked in all threads and taken by
 * the main one, which waits for them while the servers' threads work.
 */

#ifndef HARS_SIGNAL_H
#define HARS_SIGNAL_H


/* one more signal to wait for; to be said before hars_signal_init() */
void hars_signal_also(int signo);

/* to be called before any thread is made; also ignores SIGPIPE */
int hars_signal_init(void);

/*
 * Waits for a signal to stop.  Returns its number, or 0 after "ms"
 * milliseconds (-1: no limit), for who has something to do now and then.
 */
int hars_signal_wait(long ms);


#endif /* HARS_SIGNAL_H */
