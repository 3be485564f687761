/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSCSI_BRIDGE_H
#define VSCSI_BRIDGE_H

#include "qemu-abi.h"
#include "wire.h"

#define UNITS_MAX 64
#define CRQ_ENTRY 16

/* CRQ entries and SRP, as far as the bridge must know them. */
#define CRQ_INITIALIZATION 0xc0
#define CRQ_INIT 0x01
#define CRQ_INIT_COMPLETE 0x02
#define CRQ_COMMAND 0x80
#define CRQ_FORMAT_SRP 0x01
#define CRQ_FORMAT_MAD 0x02
#define CRQ_TRANSPORT_EVENT 0xff
#define CRQ_EVENT_PARTNER_FAILED 0x01
#define CRQ_EVENT_DEREGISTERED 0x02
#define CRQ_EVENT_SUSPENDED 0x06
#define SRP_LOGIN_REQ 0x00
#define SRP_TSK_MGMT 0x01
#define SRP_CMD 0x02
#define H_SUCCESS 0
#define H_CLOSED 2
#define H_DROPPED (-12)

/* Whether it pays to wait for answers: see pacing.c. */
struct pacing {
    /* Microseconds: when the last command came; what commands took with waiting, and without, in this trial. */
    int64_t last, spent[2];
    /* Place of the next command in its round of windows. */
    uint32_t command;
    /* Above 0: waiting took less time in most of the last trials. */
    int32_t score;
};

/* One client adapter of the guest. Everything here is used under QEMU's I/O-thread lock only. */
struct unit {
    uint32_t reg;
    void *device;
    /* Raised when what was sent before has lost its meaning: both sides drop what is older. */
    uint32_t epoch;
    /* The daemon has its CRQ registered, on this connection; on an earlier one. */
    bool served, ever_served;
    /* An entry of the guest has gone to a daemon in this epoch. */
    bool initialised;
    /* It has logged in: it knows the event FF 06 and will begin anew by itself. */
    bool logged_in;
    /* An event was put in its queue: until its INIT everything it sends belongs to the past. */
    bool awaits_init;
    /* Its INIT met H_CLOSED: it waits for the server's. */
    bool init_refused;
    /* Unanswered request of a client that has not logged in, to be sent again to the next daemon. */
    bool has_held;
    uint8_t held[CRQ_ENTRY];
    /* The daemon's next INIT COMPLETE answers an INIT of the bridge's own. */
    bool swallow_complete;
    /* Commands of this epoch that the daemon has not answered, as far as that shows from here. */
    uint32_t commands;
    struct pacing pacing;
    /* Entries that its queue had no room for. */
    uint8_t (*pending)[CRQ_ENTRY];
    size_t pending_count, pending_room;
};

/* Fields of CRQ entries and SRP IUs. */
static inline uint32_t big16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t big32(const uint8_t *p)
{
    return big16(p) << 16 | big16(p + 2);
}

static inline uint64_t big64(const uint8_t *p)
{
    return (uint64_t)big32(p) << 32 | big32(p + 4);
}

extern struct vio_layout layout;
extern struct unit units[UNITS_MAX];
extern size_t unit_count;

/* connection.c: the socket to the daemon. */
/* False, with errno set, when the system has no room for it. */
bool connection_start(const char *socket_path, int grace_seconds);
/* Whether the daemon is so far behind that no data, or no entry at all, should be added. */
bool connection_lags(void);
bool connection_full(void);
/* Takes the daemon's messages until `*outstanding` is 0, for so many microseconds (below a second) at most. */
void connection_await(const uint32_t *outstanding, unsigned microseconds);
/* Sends a message made of the parts; does nothing when there is no connection. */
void connection_send(uint32_t type, const struct unit *unit, const void *const parts[], const size_t lengths[],
                     size_t count);

/* area.c: the data area that is shared with the daemon; without one, data goes through the socket. */
bool area_map(const char *path);
void area_unmap(void);
/* Room for `length` bytes of our half, or NULL; it is used from `area_use` on, until the daemon has taken it. */
uint8_t *area_room(uint32_t length, uint32_t *position);
void area_use(uint32_t position, uint32_t length);
/* The daemon has taken our half up to there. */
void area_given_back(uint32_t position);
/* Data of the daemon's half, which is taken herewith: to be used before the next message is sent. NULL outside of it. */
const uint8_t *area_take(uint32_t position, uint32_t length);
uint32_t area_taken(void);

/* ahead.c: what a command's message brings along, besides the IU. */
extern uint8_t ahead_table[WIRE_TABLE_MAX], ahead_data[WIRE_DATA_AHEAD_MAX];
/* Fills them for a command, and tells how much in `head`. Every count comes from the guest. */
void fetch_ahead(struct unit *unit, const uint8_t *iu, uint32_t iu_length, struct wire_entry *head);

/* pacing.c: told of each command that is sent. Whether the processor should wait for its answer. */
bool worth_waiting(struct pacing *pacing);

/* unit.c: the guest's side. */
SendCrq unit_send_crq;
void unit_daemon_gone(struct unit *unit);
void unit_daemon_gone_for_good(struct unit *unit);
void unit_machine_reset(void *unused);
void unit_flush_pending(void);
/* A message for one unit, of whatever epoch; false when it is malformed. */
bool unit_receive(uint32_t type, uint32_t epoch, struct unit *unit, const uint8_t *body, size_t length);

#endif
