
/* The tables of hars-fogcloud; its layouts are numbered from 201. */

#ifndef HARS_FC_LAYOUT_H
#define HARS_FC_LAYOUT_H


#include "hars_layout.h"


extern const hars_layout_t  hars_fc_layout;


#endif /* HARS_FC_LAYOUT_H */
