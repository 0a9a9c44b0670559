/* TLS sessions of other libraries that are built on GnuTLS. */
#ifndef VOX_UTIL_TLS_H
#define VOX_UTIL_TLS_H

#include <stdbool.h>

/* Whether the other side of a session (gnutls_session_t) has shown a certificate that is valid now
 * and of an authority that the session trusts. */
bool vox_tls_peer_is_trusted(void *session);

#endif
