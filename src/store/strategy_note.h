/* What MONAI Label writes down when it hands an image out. */
#ifndef VOX_STORE_STRATEGY_NOTE_H
#define VOX_STORE_STRATEGY_NOTE_H

#include "store/datastore.h"

/* info.strategy.<strategy> = {"ts": now, "client_id"} of an image; other members of info.strategy
 * that begin with `numbered` (NULL: none) go. Nothing where the datastore is read-only. */
enum vox_code vox_strategy_note(struct vox_datastore *store, const char *id, const char *strategy,
                                const char *numbered, const char *client,
                                struct vox_err *err) VOX_MUST_USE;

#endif
