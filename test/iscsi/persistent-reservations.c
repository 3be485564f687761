/*
 * An initiator of libiscsi that holds one session and does what it reads, a line each, answering with a line:
 *
 *     prout SERVICE-ACTION TYPE KEY SERVICE-ACTION-KEY | keys | read LBA | write LBA BYTE | logout
 *
 * Keys and bytes are hexadecimal. The answer is "good", followed by what was read; "conflict"; or "check KEY/ASCQ".
 *
 *     persistent-reservations INITIATOR-NAME URL
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

enum { BLOCK = 512 };

static void fail(const char *what, const char *why)
{
        fprintf(stderr, "%s: %s\n", what, why);
        exit(1);
}

/* The task's status; whether there is more to tell. */
static int answered(struct iscsi_context *iscsi, struct scsi_task *task)
{
        if (task == NULL)
                fail("no answer", iscsi_get_error(iscsi));
        switch (task->status) {
        case SCSI_STATUS_GOOD:
                printf("good");
                return 1;
        case SCSI_STATUS_RESERVATION_CONFLICT:
                printf("conflict");
                return 0;
        case SCSI_STATUS_CHECK_CONDITION:
                printf("check %x/%04x", task->sense.key, task->sense.ascq);
                return 0;
        default:
                printf("status %x", task->status);
                return 0;
        }
}

static struct scsi_task *prout(struct iscsi_context *iscsi, int lun, const char *line)
{
        struct scsi_persistent_reserve_out_basic parameters = { 0 };
        int service_action, type;

        if (sscanf(line, "prout %d %d %" SCNx64 " %" SCNx64, &service_action, &type, &parameters.reservation_key,
                   &parameters.service_action_reservation_key) != 4)
                fail(line, "prout SERVICE-ACTION TYPE KEY SERVICE-ACTION-KEY");
        return iscsi_persistent_reserve_out_sync(iscsi, lun, service_action, SCSI_PERSISTENT_RESERVE_SCOPE_LU, type,
                                                 &parameters);
}

static void print_keys(struct scsi_task *task)
{
        struct scsi_persistent_reserve_in_read_keys *keys = scsi_datain_unmarshall(task);

        for (int i = 0; keys != NULL && i < keys->num_keys; i++)
                printf(" %" PRIx64, keys->keys[i]);
}

static void run(struct iscsi_context *iscsi, int lun, const char *line)
{
        struct scsi_task *task;
        unsigned char block[BLOCK];
        unsigned lba, byte;

        if (strncmp(line, "prout ", 6) == 0) {
                task = prout(iscsi, lun, line);
                answered(iscsi, task);
        } else if (strcmp(line, "keys") == 0) {
                task = iscsi_persistent_reserve_in_sync(iscsi, lun, SCSI_PERSISTENT_RESERVE_READ_KEYS, 1024);
                if (answered(iscsi, task))
                        print_keys(task);
        } else if (sscanf(line, "read %u", &lba) == 1) {
                task = iscsi_read10_sync(iscsi, lun, lba, BLOCK, BLOCK, 0, 0, 0, 0, 0);
                if (answered(iscsi, task))
                        printf(" %02x", task->datain.data[0]);
        } else if (sscanf(line, "write %u %x", &lba, &byte) == 2) {
                memset(block, (int)byte, BLOCK);
                task = iscsi_write10_sync(iscsi, lun, lba, block, BLOCK, BLOCK, 0, 0, 0, 0, 0);
                answered(iscsi, task);
        } else {
                fail(line, "unknown");
                return;
        }
        printf("\n");
        scsi_free_scsi_task(task);
}

int main(int argc, char *argv[])
{
        struct iscsi_context *iscsi;
        struct iscsi_url *url;
        char line[256];

        if (argc != 3)
                fail("usage", "persistent-reservations INITIATOR-NAME URL");
        setvbuf(stdout, NULL, _IOLBF, 0);
        iscsi = iscsi_create_context(argv[1]);
        url = iscsi_parse_full_url(iscsi, argv[2]);
        if (url == NULL)
                fail(argv[2], iscsi_get_error(iscsi));
        iscsi_set_targetname(iscsi, url->target);
        iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
        if (iscsi_full_connect_sync(iscsi, url->portal, url->lun) != 0)
                fail(url->portal, iscsi_get_error(iscsi));
        while (fgets(line, sizeof line, stdin) != NULL) {
                line[strcspn(line, "\n")] = '\0';
                if (strcmp(line, "logout") == 0)
                        break;
                run(iscsi, url->lun, line);
        }
        iscsi_logout_sync(iscsi);
        iscsi_destroy_url(url);
        iscsi_destroy_context(iscsi);
        return 0;
}
