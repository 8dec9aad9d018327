/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_file.h - where the journals of rings (xen/journal.h) live.
 *
 * A file <run folder>/<domid>-<devid>-<uuid>.journal, mode 0600, on a tmpfs: it
 * survives the device process and the broker, not a reboot of the host.  The
 * uuid keeps a domain from meeting the journal of another one.
 *
 * A lock on the open file travels with the descriptor into the device process
 * and lasts until the last holder is dead; so a new broker cannot start a
 * second process on rings that the one before it still serves.
 *
 * Unlike a memfd the file cannot be sealed.  That is harmless here: only one
 * process maps it at a time, all of them serve the same guest, and the broker
 * never maps it and restores its size before it hands it on.
 */
#ifndef DAEMON_JOURNAL_FILE_H
#define DAEMON_JOURNAL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/daemon/domain_list.h"

/*
 * Opens and locks the journal; fresh: a new one takes the place of a former
 * one.  A descriptor; -ENOENT: there is none to go on with; -EBUSY: its former
 * user lives; another negative errno.
 */
int journal_file_open(const char *folder, const struct domain_id *domain,
		      uint32_t devid, bool fresh);

/* Makes sure that it has its size.  0 or a negative errno. */
int journal_file_check(int fd);

void journal_file_remove(const char *folder, const struct domain_id *domain,
			 uint32_t devid);

/* Removes the journals of domains that are not in the list. */
void journal_file_sweep(const char *folder, const struct domain_list *alive);

#endif
