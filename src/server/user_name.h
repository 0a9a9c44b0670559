/* Who a request comes from. */
#ifndef VOX_SERVER_USER_NAME_H
#define VOX_SERVER_USER_NAME_H

/* Until there are keys everybody is this one, as with MONAI Label. */
#define VOX_USER_NAME "admin"

#endif
