/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One client adapter: entries from the guest to the daemon, memory and entries from the daemon to the guest. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#define SRP_LOGIN_REQ 0x00
#define SRP_CMD 0x02
#define SRP_IU_MAX 256
#define SRP_CMD_LENGTH 48
#define SRP_DIRECT_LENGTH 16
#define SRP_INDIRECT_LENGTH 20

struct vio_layout layout;
struct unit units[UNITS_MAX];
size_t unit_count;

static uint32_t big16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t big32(const uint8_t *p)
{
    return big16(p) << 16 | big16(p + 2);
}

static uint64_t big64(const uint8_t *p)
{
    return (uint64_t)big32(p) << 32 | big32(p + 4);
}

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

/* Bytes of the command's indirect table when it is not whole in the IU, and where it is. */
static uint32_t table_to_fetch(const uint8_t *descriptor, uint32_t inline_count, uint32_t room)
{
    uint32_t bytes = room >= SRP_INDIRECT_LENGTH ? big32(descriptor + 12) : 0;
    if (bytes % SRP_DIRECT_LENGTH || bytes > WIRE_TABLE_MAX || bytes / SRP_DIRECT_LENGTH <= inline_count)
        return 0;
    return bytes;
}

static uint8_t table[WIRE_TABLE_MAX];
static uint8_t data[WIRE_DATA_AHEAD_MAX];

/* Copies data-out along `entries` descriptors; returns how much there was, 0 when it can't all be read. */
static uint32_t copy_data(struct unit *unit, const uint8_t *descriptors, uint32_t entries, uint32_t total, uint8_t *to)
{
    uint32_t done = 0;
    for (uint32_t index = 0; index < entries && done < total; index++) {
        const uint8_t *descriptor = descriptors + index * SRP_DIRECT_LENGTH;
        uint32_t length = big32(descriptor + 12);
        if (length > total - done)
            length = total - done;
        if (!dma(unit, big64(descriptor), to + done, length, false))
            return 0;
        done += length;
    }
    return done;
}

/* Fetches data-out, to the data area or into the message; neither when it is too much: the daemon then asks. */
static void fetch_data(struct unit *unit, const uint8_t *descriptors, uint32_t entries, uint32_t total,
                       struct wire_entry *head)
{
    if (total > WIRE_DATA_AHEAD_MAX)
        return;
    uint8_t *room = total >= WIRE_AREA_THRESHOLD ? area_room(total, &head->area_position) : NULL;
    if (room) {
        head->area_length = copy_data(unit, descriptors, entries, total, room);
        if (head->area_length)
            area_use(head->area_position, head->area_length);
    } else if (!connection_lags()) {
        head->data_length = copy_data(unit, descriptors, entries, total, data);
    }
}

/* Fetches ahead what the daemon will need: the indirect table, and data-out. Every count comes from the guest. */
static void fetch_ahead(struct unit *unit, const uint8_t *iu, uint32_t iu_length, struct wire_entry *head)
{
    if (iu_length < SRP_CMD_LENGTH || iu[0] != SRP_CMD)
        return;
    uint32_t out = iu[5] >> 4, in = iu[5] & 0xf;
    uint32_t place = SRP_CMD_LENGTH + (iu[31] & 0xfc);
    if ((out && in) || place >= iu_length)
        return;
    const uint8_t *descriptor = iu + place;
    uint32_t room = iu_length - place;
    if (out == 1 && room >= SRP_DIRECT_LENGTH) {
        fetch_data(unit, descriptor, 1, big32(descriptor + 12), head);
    } else if (out == 2 || in == 2) {
        uint32_t inline_count = out ? iu[6] : iu[7];
        if (room < SRP_INDIRECT_LENGTH + inline_count * SRP_DIRECT_LENGTH)
            return;
        uint32_t bytes = table_to_fetch(descriptor, inline_count, room);
        const uint8_t *list = descriptor + SRP_INDIRECT_LENGTH;
        uint32_t entries = inline_count;
        if (bytes) {
            if (!dma(unit, big64(descriptor), table, bytes, false))
                return;
            head->table_length = bytes;
            list = table;
            entries = bytes / SRP_DIRECT_LENGTH;
        } else if (big32(descriptor + 12) != inline_count * SRP_DIRECT_LENGTH) {
            return;
        }
        if (out)
            fetch_data(unit, list, entries, big32(descriptor + 16), head);
    }
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
            fetch_ahead(unit, iu, head.iu_length, &head);
        }
    }
    unit->initialised = true;
    head.area_taken = area_taken();
    const void *parts[] = {&head, iu, table, data};
    const size_t lengths[] = {sizeof head, head.iu_length, head.table_length, head.data_length};
    connection_send(WIRE_ENTRY, unit, parts, lengths, 4);
}

/* A client that has one command under way at a time gains by having its processor wait for the answer within the
 * hypervisor call: two threads need not be woken. One that would send the next command meanwhile loses by it. Which it is
 * does not show from here, where answers are faster than commands. So it is tried: of every WINDOWS windows of commands the
 * processor waits in the first, does not in the second, and does in the others what took less time in most trials. */
#define WINDOW 16
#define WINDOWS 16
/* About what it costs an emulated guest to go idle and come back: a wait that is given up costs both. */
#define WAIT_US 1000
/* A client that rests longer between two commands rests for its own reasons. */
#define GAP_US_MAX 2000
#define SCORE_MAX 2

/* A difference that is not noise decides at once: the client has begun to do something else. */
static void judge_trial(struct pacing *pacing)
{
    int64_t waiting = pacing->spent[0], not_waiting = pacing->spent[1];
    int32_t step = 4 * waiting < 3 * not_waiting || 4 * not_waiting < 3 * waiting ? 2 * SCORE_MAX : 1;
    pacing->score += waiting < not_waiting ? step : -step;
    if (pacing->score > SCORE_MAX)
        pacing->score = SCORE_MAX;
    else if (pacing->score < -SCORE_MAX)
        pacing->score = -SCORE_MAX;
}

static bool worth_waiting(struct unit *unit)
{
    struct pacing *pacing = &unit->pacing;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME) / 1000, gap = now - pacing->last;
    uint32_t command = pacing->command;
    /* The time since the command before belongs to that one. */
    if (command > 0 && command <= 2 * WINDOW)
        pacing->spent[command > WINDOW] += gap < GAP_US_MAX ? gap : GAP_US_MAX;
    if (command == 2 * WINDOW) {
        judge_trial(pacing);
        pacing->spent[0] = pacing->spent[1] = 0;
    }
    pacing->last = now;
    pacing->command = (command + 1) % (WINDOW * WINDOWS);
    return command < 2 * WINDOW ? command < WINDOW : pacing->score > 0;
}

static void await_answer(struct unit *unit)
{
    if (worth_waiting(unit) && unit->commands == 1)
        connection_await(&unit->commands, WAIT_US);
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
    forward(unit, entry);
    if (entry[0] == CRQ_COMMAND && entry[1] == CRQ_FORMAT_SRP) {
        unit->commands++;
        await_answer(unit);
    }
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
