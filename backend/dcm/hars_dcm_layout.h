
/* The tables of the data collecting mechanism's database. */

#ifndef HARS_DCM_LAYOUT_H
#define HARS_DCM_LAYOUT_H


#include "hars_layout.h"


extern const hars_layout_t  hars_dcm_layout;


#endif /* HARS_DCM_LAYOUT_H */
