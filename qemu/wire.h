/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The bridge's wire protocol; PROTOCOL.md tells it in words. All integers are little-endian. */
#ifndef VSCSI_WIRE_H
#define VSCSI_WIRE_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structures below go on the wire as they are");

#define WIRE_VERSION 2
#define WIRE_MAGIC 0x42435356 /* "VSCB" */

/* Bridge to daemon. */
#define WIRE_HELLO 0x01
#define WIRE_ENTRY 0x02
#define WIRE_READ_DONE 0x03
#define WIRE_RESET 0x04
#define WIRE_AREA_MAPPED 0x05

/* Daemon to bridge. */
#define WIRE_SEND 0x82
#define WIRE_WRITE 0x83
#define WIRE_READ 0x84
#define WIRE_RESPOND 0x85
#define WIRE_FREE 0x86
#define WIRE_REGISTER 0x87
#define WIRE_AREA 0x88
#define WIRE_WRITE_AREA 0x89

/* Nothing longer is sent or accepted. */
#define WIRE_MESSAGE_MAX 0x1100000
#define WIRE_TABLE_MAX 8192
/* Data-out that is fetched ahead with its entry; longer data is asked for with WIRE_READ. */
#define WIRE_DATA_AHEAD_MAX 0x40000
/* Bytes that one WIRE_READ asks for or one WIRE_WRITE brings. */
#define WIRE_COPY_MAX 0x1000000
/* Bytes of each half of the data area; less data than the threshold goes through the socket. */
#define WIRE_AREA_HALF 0x400000
#define WIRE_AREA_THRESHOLD 0x2000
#define WIRE_AREA_PATH_MAX 256

struct wire_header {
    uint32_t length; /* of the whole message */
    uint32_t type;
    uint32_t unit; /* unit address */
    uint32_t epoch;
};

struct wire_hello {
    uint32_t magic;
    uint32_t version;
    uint32_t units; /* followed by so many wire_hello_unit */
    uint32_t area;  /* 1: a data area is wanted */
};

struct wire_hello_unit {
    uint32_t unit;
    uint32_t epoch;
};

struct wire_entry {
    uint8_t entry[16];
    uint32_t iu_length;
    uint32_t table_length;
    uint32_t data_length;
    uint32_t area_length; /* data that is in the area instead */
    uint32_t area_position;
    uint32_t area_taken; /* of the daemon's half; then IU, table, data */
};

struct wire_read_done {
    uint32_t id;
    uint32_t status; /* 0, or 1: the address can't be read; then the bytes */
};

struct wire_send {
    uint8_t entry[16];
};

struct wire_write {
    uint64_t ioba; /* then the bytes */
};

struct wire_write_area {
    uint64_t ioba;
    uint32_t position;
    uint32_t length;
};

struct wire_read {
    uint32_t id;
    uint32_t length;
    uint64_t ioba;
};

struct wire_respond {
    uint64_t response_ioba;
    uint8_t entry[16];
    uint32_t area_taken; /* of the bridge's half */
    uint32_t reserved;   /* then the response */
};

#endif
