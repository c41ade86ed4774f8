
/*
 * The parts of "hars-authserver ca".
 */

#ifndef HARS_AS_CMD_CA_H
#define HARS_AS_CMD_CA_H


#include "hars_as.h"


/* hars_as_cmd_certificate.c: list, show SERIAL, revoke, crl */
int hars_ca_certificates(hars_as_t *as, int argc, char **argv);


#endif /* HARS_AS_CMD_CA_H */
