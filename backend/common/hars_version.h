
/* the version that every program here says */

#ifndef HARS_VERSION_H
#define HARS_VERSION_H


#define HARS_VERSION  "0.1.0"


#endif /* HARS_VERSION_H */
