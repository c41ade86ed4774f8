
/*
 * Lines of CSV as recordings have them: the first one names the columns t_s
 * (or timestamp_s, or epoch_ms), ax, ay, az (m/s^2, with gravity), gx, gy, gz
 * (rad/s), in any order; others are passed over.  Fields are parted by comma,
 * semicolon or tab.  Pure.
 */

#ifndef HARS_COLUMNS_H
#define HARS_COLUMNS_H


#define HARS_COLUMNS_MAX  64              /* of a line */
#define HARS_COLUMNS      7               /* t, ax, ay, az, gx, gy, gz */


typedef struct {
    int          at[HARS_COLUMNS];        /* which field each of them is */
    unsigned     epoch_ms:1;              /* of the time: ms since 1970 */
} hars_columns_t;


/* parts the line, in place; how many fields there are */
unsigned hars_columns_split(char *line, char *field[HARS_COLUMNS_MAX]);

/* the first line, in place; HARS_ERROR: one is missing or stands twice */
int hars_columns_head(hars_columns_t *columns, char *line);

/* a field's number, NaN where it is empty; HARS_ERROR: it is none */
int hars_columns_number(const char *field, double *value);

/* "t_s" and so on, of 0 to 6 */
const char *hars_columns_name(unsigned i);


#endif /* HARS_COLUMNS_H */
