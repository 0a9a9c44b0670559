#include "util/tls.h"

#include <gnutls/gnutls.h>
#include <stddef.h>

bool vox_tls_peer_is_trusted(void *session)
{
    unsigned status = 0;
    return session != NULL && gnutls_certificate_verify_peers2(session, &status) == 0 &&
           status == 0;
}
