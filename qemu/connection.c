/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The socket to the daemon, served from QEMU's main loop (which holds the I/O-thread lock). It is made again whenever
 * the daemon comes back. */
#define _GNU_SOURCE
#include "bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECONNECT_MS 100
#define PENDING_MS 1
#define READ_CHUNK 0x40000

struct buffer {
    uint8_t *bytes;
    size_t used, room;
};

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int fd = -1;
static bool ever_up;
static struct buffer incoming, outgoing;
static int64_t grace_ms, gone_at;
static bool grace_over;
static max_align_t reconnect_timer[QEMU_TIMER_SIZE / sizeof(max_align_t)];
static max_align_t pending_timer[QEMU_TIMER_SIZE / sizeof(max_align_t)];

static void on_readable(void *unused);
static void on_writable(void *unused);

static int64_t now_ms(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME) / QEMU_SCALE_MS;
}

bool connection_up(void)
{
    return fd >= 0;
}

bool connection_ever_up(void)
{
    return ever_up;
}

static bool reserve(struct buffer *buffer, size_t more)
{
    if (buffer->used + more <= buffer->room)
        return true;
    size_t room = buffer->room ? buffer->room : READ_CHUNK;
    while (room < buffer->used + more)
        room *= 2;
    void *grown = realloc(buffer->bytes, room);
    if (!grown)
        return false;
    buffer->bytes = grown;
    buffer->room = room;
    return true;
}

static void watch(void)
{
    qemu_set_fd_handler(fd, on_readable, outgoing.used ? on_writable : NULL, NULL);
}

static void disconnect(void)
{
    qemu_set_fd_handler(fd, NULL, NULL, NULL);
    close(fd);
    fd = -1;
    incoming.used = outgoing.used = 0;
    gone_at = now_ms();
    grace_over = false;
    timer_mod(reconnect_timer, gone_at + RECONNECT_MS);
}

/* Writes what the socket takes; false when it is broken. */
static bool write_out(void)
{
    size_t done = 0;
    while (done < outgoing.used) {
        ssize_t count = send(fd, outgoing.bytes + done, outgoing.used - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        done += (size_t)count;
    }
    bool broken = done < outgoing.used && errno != EAGAIN && errno != EWOULDBLOCK;
    outgoing.used -= done;
    memmove(outgoing.bytes, outgoing.bytes + done, outgoing.used);
    return !broken;
}

void connection_send(uint32_t type, const struct unit *unit, const void *const parts[], const size_t lengths[],
                     size_t count)
{
    struct wire_header header = {sizeof header, type, unit ? unit->reg : 0, unit ? unit->epoch : 0};
    for (size_t index = 0; index < count; index++)
        header.length += (uint32_t)lengths[index];
    bool idle = outgoing.used == 0;
    if (fd < 0 || !reserve(&outgoing, header.length))
        return;
    memcpy(outgoing.bytes + outgoing.used, &header, sizeof header);
    outgoing.used += sizeof header;
    for (size_t index = 0; index < count; index++) {
        if (!lengths[index])
            continue;
        memcpy(outgoing.bytes + outgoing.used, parts[index], lengths[index]);
        outgoing.used += lengths[index];
    }
    if (!idle)
        return;
    /* A broken socket also shows as readable: the main loop then disconnects, not a caller deep in a unit. */
    write_out();
    if (outgoing.used)
        watch();
}

static void say_hello(void)
{
    struct wire_hello hello = {WIRE_MAGIC, WIRE_VERSION, (uint32_t)unit_count, 0};
    struct wire_hello_unit list[UNITS_MAX];
    for (size_t index = 0; index < unit_count; index++)
        list[index] = (struct wire_hello_unit){units[index].reg, units[index].epoch};
    const void *parts[] = {&hello, list};
    const size_t lengths[] = {sizeof hello, unit_count * sizeof list[0]};
    connection_send(WIRE_HELLO, NULL, parts, lengths, 2);
}

static bool try_connect(void)
{
    int fresh = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fresh < 0)
        return false;
    if (connect(fresh, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fresh);
        return false;
    }
    int size = 4 << 20;
    setsockopt(fresh, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fd = fresh;
    ever_up = true;
    watch();
    say_hello();
    for (size_t index = 0; index < unit_count; index++)
        unit_daemon_came(&units[index]);
    return true;
}

static void on_reconnect(void *unused)
{
    (void)unused;
    if (fd >= 0 || try_connect())
        return;
    if (ever_up && grace_ms && !grace_over && now_ms() - gone_at >= grace_ms) {
        grace_over = true;
        for (size_t index = 0; index < unit_count; index++)
            if (units[index].logged_in)
                unit_daemon_gone_for_good(&units[index]);
    }
    timer_mod(reconnect_timer, now_ms() + RECONNECT_MS);
}

static void on_pending(void *unused)
{
    (void)unused;
    unit_flush_pending();
    for (size_t index = 0; index < unit_count; index++)
        if (units[index].pending_count) {
            timer_mod(pending_timer, now_ms() + PENDING_MS);
            return;
        }
}

static struct unit *unit_at(uint32_t reg)
{
    for (size_t index = 0; index < unit_count; index++)
        if (units[index].reg == reg)
            return &units[index];
    return NULL;
}

/* Takes whole messages off the buffer; false when the daemon does not speak our protocol. */
static bool take_messages(void)
{
    size_t at = 0;
    bool sound = true;
    while (sound && incoming.used - at >= sizeof(struct wire_header)) {
        struct wire_header header;
        memcpy(&header, incoming.bytes + at, sizeof header);
        if (header.length < sizeof header || header.length > WIRE_MESSAGE_MAX) {
            sound = false;
            break;
        }
        if (incoming.used - at < header.length)
            break;
        struct unit *unit = unit_at(header.unit);
        if (!unit)
            sound = false;
        else if (header.epoch == unit->epoch)
            sound = unit_receive(header.type, unit, incoming.bytes + at + sizeof header, header.length - sizeof header);
        at += header.length;
    }
    incoming.used -= at;
    memmove(incoming.bytes, incoming.bytes + at, incoming.used);
    return sound;
}

static void on_readable(void *unused)
{
    (void)unused;
    if (!reserve(&incoming, READ_CHUNK))
        return;
    ssize_t count = recv(fd, incoming.bytes + incoming.used, incoming.room - incoming.used, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        disconnect();
        return;
    }
    incoming.used += (size_t)count;
    if (!take_messages()) {
        error_report("vscsi-bridge: the daemon at %s sent a message that is not of protocol version %d; disconnecting",
                     address.sun_path, WIRE_VERSION);
        disconnect();
        return;
    }
    on_pending(NULL);
}

static void on_writable(void *unused)
{
    (void)unused;
    if (write_out())
        watch();
    else
        disconnect();
}

void connection_start(const char *socket_path, int grace_seconds)
{
    strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    grace_ms = (int64_t)grace_seconds * 1000;
    timer_init_full(reconnect_timer, NULL, QEMU_CLOCK_REALTIME, QEMU_SCALE_MS, 0, on_reconnect, NULL);
    timer_init_full(pending_timer, NULL, QEMU_CLOCK_REALTIME, QEMU_SCALE_MS, 0, on_pending, NULL);
    on_reconnect(NULL);
}
