
/*
 * The frame of a program that has one thing to do, to serve: its command
 * line, and what it owes before it reads its settings.
 *
 *     NAME [--config FILE] [--check]
 *     NAME --help | --version
 *
 * --check does what a start does up to the first connection, but for the
 * database.
 */

#ifndef HARS_DAEMON_H
#define HARS_DAEMON_H


#define HARS_EXIT_OK      0
#define HARS_EXIT_FAILED  1     /* it has said why */
#define HARS_EXIT_USAGE   2


typedef struct {
    const char   *name;                   /* of the program */
    const char   *is;                     /* "the data collecting mechanism" */
    const char   *config;                 /* its settings, unless given */
    void        (*settings)(void);        /* what each of them is, to stdout */

    /* serves, or with "check" only reads the settings; the exit status */
    int         (*run)(const char *config, unsigned check);
} hars_daemon_t;


/* the exit status */
int hars_daemon(const hars_daemon_t *d, int argc, char **argv);
/* --check found nothing wrong: says so, the exit status */
int hars_daemon_good(const char *config);


#endif /* HARS_DAEMON_H */
