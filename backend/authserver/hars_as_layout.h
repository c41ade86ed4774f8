
/*
 * The tables of the authorization server's database.
 */

#ifndef HARS_AS_LAYOUT_H
#define HARS_AS_LAYOUT_H


#include "hars_layout.h"


extern const hars_layout_t  hars_as_layout;


#endif /* HARS_AS_LAYOUT_H */
