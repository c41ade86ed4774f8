
/*
 * One line per event on standard error:
 *
 *     2026-05-04T12:30:01Z hars-mlservice[4711] error: text
 *
 * A line is one write(), so that lines of several threads never mix; bytes
 * that could end or forge a line are written as "?".  Who calls sees to it
 * that no token, key or body is in the text.
 */

#ifndef HARS_LOG_H
#define HARS_LOG_H


/* the program's name in each line; a constant string */
void hars_log_init(const char *program);

void hars_log_error(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
void hars_log_warn(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
void hars_log_info(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


#endif /* HARS_LOG_H */
