/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What goes to the daemon along with a command, so that it need not ask: the indirect table, and data-out. */
#include "bridge.h"

#define SRP_CMD_LENGTH 48
#define SRP_DIRECT_LENGTH 16
#define SRP_INDIRECT_LENGTH 20

/* Bytes of the command's indirect table when it is not whole in the IU, and where it is. */
static uint32_t table_to_fetch(const uint8_t *descriptor, uint32_t inline_count, uint32_t room)
{
    uint32_t bytes = room >= SRP_INDIRECT_LENGTH ? big32(descriptor + 12) : 0;
    if (bytes % SRP_DIRECT_LENGTH || bytes > WIRE_TABLE_MAX || bytes / SRP_DIRECT_LENGTH <= inline_count)
        return 0;
    return bytes;
}

uint8_t ahead_table[WIRE_TABLE_MAX];
uint8_t ahead_data[WIRE_DATA_AHEAD_MAX];

/* Copies data-out along `entries` descriptors; returns how much there was, 0 when it can't all be read. */
static uint32_t copy_data(struct unit *unit, const uint8_t *descriptors, uint32_t entries, uint32_t total, uint8_t *to)
{
    uint32_t done = 0;
    for (uint32_t index = 0; index < entries && done < total; index++) {
        const uint8_t *descriptor = descriptors + index * SRP_DIRECT_LENGTH;
        uint32_t length = big32(descriptor + 12);
        if (length > total - done)
            length = total - done;
        if (!vio_dma(&layout, unit->device, big64(descriptor), to + done, length, false))
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
        head->data_length = copy_data(unit, descriptors, entries, total, ahead_data);
    }
}

/* Fetches ahead what the daemon will need: the indirect table, and data-out. Every count comes from the guest. */
void fetch_ahead(struct unit *unit, const uint8_t *iu, uint32_t iu_length, struct wire_entry *head)
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
            if (!vio_dma(&layout, unit->device, big64(descriptor), ahead_table, bytes, false))
                return;
            head->table_length = bytes;
            list = ahead_table;
            entries = bytes / SRP_DIRECT_LENGTH;
        } else if (big32(descriptor + 12) != inline_count * SRP_DIRECT_LENGTH) {
            return;
        }
        if (out)
            fetch_data(unit, list, entries, big32(descriptor + 16), head);
    }
}
