/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One client adapter: entries from the guest to the daemon, memory and entries from the daemon to the guest. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#define SRP_IU_MAX 256
/* About what it costs an emulated guest to go idle and come back: a wait that is given up costs both. */
#define WAIT_US 1000

struct vio_layout layout;
struct unit units[UNITS_MAX];
size_t unit_count;

static bool is_init(const uint8_t *entry)
{
    return entry[0] == CRQ_INITIALIZATION && entry[1] == CRQ_INIT;
}

/* A request, which the client waits for an answer to. */
static bool is_request(const uint8_t *entry)
{
    return is_init(entry) || (entry[0] == CRQ_COMMAND && (entry[1] == CRQ_FORMAT_SRP || entry[1] == CRQ_FORMAT_MAD));
}

static bool dma(struct unit *unit, uint64_t ioba, void *buffer, size_t length, bool write)
{
    return vio_dma(&layout, unit->device, ioba, buffer, length, write);
}

static bool queue_registered(const struct unit *unit)
{
    uint32_t qsize;
    memcpy(&qsize, (const char *)unit->device + layout.qsize, sizeof qsize);
    return qsize != 0;
}

/* What both sides have under way for this unit is void from here on. */
static void new_epoch(struct unit *unit)
{
    unit->epoch++;
    unit->pending_count = 0;
    unit->initialised = false;
    unit->logged_in = false;
    unit->has_held = false;
    unit->swallow_complete = false;
    unit->commands = 0;
    connection_send(WIRE_RESET, unit, NULL, NULL, 0);
}

/* Puts an entry in the guest's queue, behind those that still wait for room. */
static void put(struct unit *unit, const uint8_t *entry)
{
    uint8_t copy[CRQ_ENTRY];
    memcpy(copy, entry, CRQ_ENTRY);
    if (!queue_registered(unit)) {
        if (unit->initialised)
            new_epoch(unit);
        return;
    }
    if (unit->pending_count == 0 && spapr_vio_send_crq(unit->device, copy) != 1)
        return;
    if (unit->pending_count == unit->pending_room) {
        size_t room = unit->pending_room ? unit->pending_room * 2 : 64;
        void *grown = realloc(unit->pending, room * CRQ_ENTRY);
        if (!grown)
            return;
        unit->pending = grown;
        unit->pending_room = room;
    }
    memcpy(unit->pending[unit->pending_count++], copy, CRQ_ENTRY);
}

void unit_flush_pending(void)
{
    for (size_t index = 0; index < unit_count; index++) {
        struct unit *unit = &units[index];
        size_t sent = 0;
        if (unit->pending_count && !queue_registered(unit))
            new_epoch(unit);
        while (sent < unit->pending_count && spapr_vio_send_crq(unit->device, unit->pending[sent]) != 1)
            sent++;
        unit->pending_count -= sent;
        memmove(unit->pending, unit->pending + sent, unit->pending_count * CRQ_ENTRY);
    }
}

static void put_event(struct unit *unit, uint8_t event)
{
    uint8_t entry[CRQ_ENTRY] = {CRQ_TRANSPORT_EVENT, event};
    put(unit, entry);
}

/* Ends the connection that the guest believes in: it hears `event`, and what it sends before its INIT is void. */
static void end_connection(struct unit *unit, uint8_t event)
{
    new_epoch(unit);
    unit->awaits_init = true;
    put_event(unit, event);
}

static void forward(struct unit *unit, const uint8_t *entry)
{
    struct wire_entry head = {0};
    uint8_t iu[SRP_IU_MAX];
    memcpy(head.entry, entry, CRQ_ENTRY);
    if (entry[0] == CRQ_COMMAND && (entry[1] == CRQ_FORMAT_SRP || entry[1] == CRQ_FORMAT_MAD)) {
        uint32_t length = big16(entry + 6);
        if (length <= SRP_IU_MAX && dma(unit, big64(entry + 8), iu, length, false))
            head.iu_length = length;
        if (entry[1] == CRQ_FORMAT_SRP && head.iu_length) {
            if (iu[0] == SRP_LOGIN_REQ)
                unit->logged_in = true;
            else if (iu[0] == SRP_CMD)
                unit->commands++;
            else if (iu[0] == SRP_TSK_MGMT)
                /* What it aborts is not answered. A count that is too low is right again when all is answered; one
                 * that is too high never is. */
                unit->commands = 0;
            fetch_ahead(unit, iu, head.iu_length, &head);
        }
    }
    unit->initialised = true;
    head.area_taken = area_taken();
    const void *parts[] = {&head, iu, ahead_table, ahead_data};
    const size_t lengths[] = {sizeof head, head.iu_length, head.table_length, head.data_length};
    connection_send(WIRE_ENTRY, unit, parts, lengths, 4);
}

static struct unit *unit_of(void *device)
{
    for (size_t index = 0; index < unit_count; index++)
        if (units[index].device == device)
            return &units[index];
    return NULL;
}

int unit_send_crq(void *device, uint8_t *entry)
{
    struct unit *unit = unit_of(device);
    if (!unit)
        return H_CLOSED;
    if (!unit->ever_served) {
        unit->init_refused |= is_init(entry);
        return H_CLOSED;
    }
    if (unit->served && connection_full())
        return H_DROPPED;
    if (is_init(entry)) {
        /* H_FREE_CRQ and H_REG_CRQ pass by the device: an INIT is how a new registration shows. */
        if (unit->initialised)
            new_epoch(unit);
        unit->awaits_init = false;
        unit->has_held = false;
    } else if (unit->awaits_init || (unit->logged_in && !unit->served)) {
        /* It will be told by an event that this never arrived. */
        return H_SUCCESS;
    }
    if (!unit->logged_in && is_request(entry)) {
        memcpy(unit->held, entry, CRQ_ENTRY);
        unit->has_held = true;
    }
    if (!unit->served)
        return H_SUCCESS;
    uint32_t others = unit->commands;
    forward(unit, entry);
    if (unit->commands > others && worth_waiting(&unit->pacing) && others == 0)
        connection_await(&unit->commands, WAIT_US);
    return H_SUCCESS;
}

/* The daemon has registered its CRQ: it came up, came back, or begins anew. */
static void server_registered(struct unit *unit)
{
    uint8_t init[CRQ_ENTRY] = {CRQ_INITIALIZATION, CRQ_INIT};
    if (unit->served)
        return;
    unit->served = unit->ever_served = true;
    if (unit->init_refused) {
        /* The guest came first: the server's INIT, which met no one then, is due now. */
        unit->init_refused = false;
        put(unit, init);
    } else if (unit->logged_in) {
        end_connection(unit, CRQ_EVENT_SUSPENDED);
    } else {
        /* A client without login may know no events: the new server is brought to where the old one was. */
        if (unit->initialised && !(unit->has_held && is_init(unit->held))) {
            unit->swallow_complete = true;
            forward(unit, init);
        }
        if (unit->has_held)
            forward(unit, unit->held);
    }
}

/* The daemon has freed its CRQ: it ends this connection, and will register again. */
static void server_freed(struct unit *unit)
{
    unit->served = false;
    if (unit->initialised)
        end_connection(unit, CRQ_EVENT_DEREGISTERED);
}

void unit_daemon_gone(struct unit *unit)
{
    unit->served = false;
    unit->swallow_complete = false;
    unit->commands = 0;
}

void unit_daemon_gone_for_good(struct unit *unit)
{
    if (!unit->logged_in)
        return;
    end_connection(unit, CRQ_EVENT_PARTNER_FAILED);
    /* From here on its INIT is refused, as where no server ever was: only then does it fail its I/O. */
    unit->awaits_init = false;
    unit->ever_served = false;
}

void unit_machine_reset(void *unused)
{
    (void)unused;
    for (size_t index = 0; index < unit_count; index++) {
        new_epoch(&units[index]);
        units[index].awaits_init = false;
        units[index].init_refused = false;
    }
}

static bool receive_send(struct unit *unit, const uint8_t *body, size_t length)
{
    struct wire_send message;
    if (length != sizeof message)
        return false;
    memcpy(&message, body, sizeof message);
    if (message.entry[0] == CRQ_INITIALIZATION) {
        /* The bridge knows whether the guest waits for a server's INIT, and has put it then. Firmware takes an INIT
         * where it waits for its INIT COMPLETE as an error. */
        if (message.entry[1] == CRQ_INIT)
            return true;
        if (unit->swallow_complete) {
            unit->swallow_complete = false;
            return true;
        }
        unit->has_held = false;
    }
    put(unit, message.entry);
    return true;
}

/* Writes to the guest's memory. A guest that gave an address it can't mean loses its connection, not its data. */
static bool write_guest(struct unit *unit, uint64_t ioba, const uint8_t *bytes, size_t length)
{
    if (queue_registered(unit) && dma(unit, ioba, (void *)bytes, length, true))
        return true;
    end_connection(unit, CRQ_EVENT_DEREGISTERED);
    return false;
}

static bool receive_write(struct unit *unit, const uint8_t *body, size_t length)
{
    struct wire_write message;
    if (length < sizeof message)
        return false;
    memcpy(&message, body, sizeof message);
    write_guest(unit, message.ioba, body + sizeof message, length - sizeof message);
    return true;
}

static bool receive_write_area(struct unit *unit, bool current, const uint8_t *body, size_t length)
{
    struct wire_write_area message;
    if (length != sizeof message)
        return false;
    memcpy(&message, body, sizeof message);
    const uint8_t *bytes = area_take(message.position, message.length);
    if (!bytes)
        return false;
    if (current)
        write_guest(unit, message.ioba, bytes, message.length);
    return true;
}

static bool receive_read(struct unit *unit, const uint8_t *body, size_t length)
{
    struct wire_read message;
    if (length != sizeof message)
        return false;
    memcpy(&message, body, sizeof message);
    if (message.length > WIRE_COPY_MAX)
        return false;
    struct wire_read_done head = {message.id, 0};
    void *bytes = malloc(message.length ? message.length : 1);
    if (!bytes || !queue_registered(unit) || !dma(unit, message.ioba, bytes, message.length, false))
        head.status = 1;
    const void *parts[] = {&head, bytes};
    const size_t lengths[] = {sizeof head, head.status ? 0 : message.length};
    connection_send(WIRE_READ_DONE, unit, parts, lengths, 2);
    free(bytes);
    return true;
}

static bool receive_respond(struct unit *unit, bool current, const uint8_t *body, size_t length)
{
    struct wire_respond message;
    if (length < sizeof message || length > sizeof message + SRP_IU_MAX)
        return false;
    memcpy(&message, body, sizeof message);
    area_given_back(message.area_taken);
    if (!current || !write_guest(unit, message.response_ioba, body + sizeof message, length - sizeof message))
        return true;
    unit->has_held = false;
    if (unit->commands)
        unit->commands--;
    put(unit, message.entry);
    return true;
}

bool unit_receive(uint32_t type, uint32_t epoch, struct unit *unit, const uint8_t *body, size_t length)
{
    if (type == WIRE_REGISTER || type == WIRE_FREE) {
        if (length)
            return false;
        if (type == WIRE_REGISTER)
            server_registered(unit);
        else
            server_freed(unit);
        return true;
    }
    /* Of the time before what the daemon will read of in our RESET: it only tells of the data area. */
    bool current = epoch == unit->epoch;
    switch (type) {
    case WIRE_SEND:
        return !current || receive_send(unit, body, length);
    case WIRE_WRITE:
        return !current || receive_write(unit, body, length);
    case WIRE_WRITE_AREA:
        return receive_write_area(unit, current, body, length);
    case WIRE_READ:
        return !current || receive_read(unit, body, length);
    case WIRE_RESPOND:
        return receive_respond(unit, current, body, length);
    default:
        return false;
    }
}
