
/*
 * Names that people give, which others will read: UTF-8 of visible
 * characters.  Whatever could make a line look like another one (control
 * characters, marks that turn the direction of writing, blanks without width,
 * line ends of any kind) is not in a name.  Joiners are, between others.
 * Pure.
 */

#ifndef HARS_DCM_NAME_H
#define HARS_DCM_NAME_H


#define HARS_NAME_SIZE  201               /* bytes, with the 0 */


/* HARS_OK: 1 to 200 bytes, none of the above, no blank at either end */
int hars_name_check(const char *name);


#endif /* HARS_DCM_NAME_H */
