import {
  GET_CONFIGURATION,
  GET_EVENT_STATUS_NOTIFICATION,
  GET_PERFORMANCE,
  MECHANISM_STATUS,
  PAUSE_RESUME,
  PLAY_AUDIO_10,
  PLAY_AUDIO_12,
  PLAY_AUDIO_MSF,
  READ_BUFFER_CAPACITY,
  READ_CD,
  READ_CD_MSF,
  READ_DISC_INFORMATION,
  READ_DISC_STRUCTURE,
  READ_FORMAT_CAPACITIES,
  READ_SUB_CHANNEL,
  READ_TOC_PMA_ATIP,
  READ_TRACK_INFORMATION,
  SEEK_10,
  SET_CD_SPEED,
  SET_STREAMING,
  STOP_PLAY_SCAN,
} from "../../abi/mmc.ts";
import { READ_10, READ_12, READ_CAPACITY_10 } from "../../abi/scsi.ts";
import { CONTROL, type Command, CommandTable, FIELD_2, FIELD_4, OLD_LUN } from "../command.ts";
import { readCapacity10 } from "../disk/capacity.ts";
import { read } from "../disk/transfer.ts";
import { MEDIUM_COMMANDS } from "../medium-commands.ts";
import { PRIMARY_COMMANDS } from "../primary/commands.ts";
import { getConfiguration } from "./configuration.ts";
import { readDiscInformation, readSubChannel, readToc, readTrackInformation } from "./disc.ts";
import { readDiscStructure } from "./disc-structure.ts";
import {
  getPerformance,
  mechanismStatus,
  pauseResume,
  playAudio,
  readBufferCapacity,
  readFormatCapacities,
  setCdSpeed,
  setStreaming,
  stopPlayScan,
} from "./drive-state.ts";
import { getEventStatusNotification } from "./events.ts";
import type { OpticalDrive } from "./optical-drive.ts";
import { readCd, seek } from "./read.ts";

const READ_FLAGS = 0x18; // DPO, FUA
const MSF = 0x02;
const FIELD_3 = [0xff, 0xff, 0xff] as const;

type Row = Command<OpticalDrive>;

const READS: readonly Row[] = [
  {
    opcode: READ_10,
    name: "READ(10)",
    usage: [0xff, OLD_LUN | READ_FLAGS, ...FIELD_4, 0, ...FIELD_2, CONTROL],
    reservation: "read",
    execute: read,
  },
  {
    opcode: READ_12,
    name: "READ(12)",
    usage: [0xff, OLD_LUN | READ_FLAGS, ...FIELD_4, ...FIELD_4, 0x80, CONTROL],
    reservation: "read",
    execute: read,
  },
  {
    opcode: READ_CD,
    name: "READ CD",
    usage: [0xff, OLD_LUN | 0x1e, ...FIELD_4, ...FIELD_3, 0xfe, 0x07, CONTROL],
    reservation: "read",
    execute: readCd,
  },
  {
    opcode: READ_CD_MSF,
    name: "READ CD MSF",
    usage: [0xff, OLD_LUN | 0x1e, 0, ...FIELD_3, ...FIELD_3, 0xfe, 0x07, CONTROL],
    reservation: "read",
    execute: readCd,
  },
  {
    opcode: SEEK_10,
    name: "SEEK(10)",
    usage: [0xff, OLD_LUN, ...FIELD_4, 0, 0, 0, CONTROL],
    reservation: "read",
    execute: seek,
  },
];

const DISC_DATA: readonly Row[] = [
  {
    opcode: READ_CAPACITY_10,
    name: "READ CAPACITY",
    usage: [0xff, OLD_LUN, ...FIELD_4, 0, 0, 1, CONTROL],
    reservation: "allowed",
    execute: readCapacity10,
  },
  {
    opcode: READ_TOC_PMA_ATIP,
    name: "READ TOC/PMA/ATIP",
    usage: [0xff, OLD_LUN | MSF, 0x0f, 0, 0, 0, 0xff, ...FIELD_2, CONTROL],
    reservation: "allowed",
    execute: readToc,
  },
  {
    opcode: READ_DISC_INFORMATION,
    name: "READ DISC INFORMATION",
    usage: [0xff, OLD_LUN | 0x07, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "allowed",
    execute: readDiscInformation,
  },
  {
    opcode: READ_TRACK_INFORMATION,
    name: "READ TRACK INFORMATION",
    usage: [0xff, OLD_LUN | 0x07, ...FIELD_4, 0, ...FIELD_2, CONTROL],
    reservation: "allowed",
    execute: readTrackInformation,
  },
  {
    opcode: READ_SUB_CHANNEL,
    name: "READ SUB-CHANNEL",
    usage: [0xff, OLD_LUN | MSF, 0x40, 0xff, 0, 0, 0xff, ...FIELD_2, CONTROL],
    reservation: "allowed",
    execute: readSubChannel,
  },
  {
    opcode: READ_DISC_STRUCTURE,
    name: "READ DISC STRUCTURE",
    usage: [0xff, OLD_LUN | 0x0f, ...FIELD_4, 0xff, 0xff, ...FIELD_2, 0xc0, CONTROL],
    reservation: "allowed",
    whenNotReady: true,
    execute: readDiscStructure,
  },
];

const DRIVE_DATA: readonly Row[] = [
  {
    opcode: GET_CONFIGURATION,
    name: "GET CONFIGURATION",
    usage: [0xff, OLD_LUN | 0x03, ...FIELD_2, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "allowed",
    passesUnitAttention: true,
    whenNotReady: true,
    execute: getConfiguration,
  },
  {
    opcode: GET_EVENT_STATUS_NOTIFICATION,
    name: "GET EVENT STATUS NOTIFICATION",
    usage: [0xff, OLD_LUN | 0x01, 0, 0, 0xff, 0, 0, ...FIELD_2, CONTROL],
    reservation: "allowed",
    passesUnitAttention: true,
    whenNotReady: true,
    execute: getEventStatusNotification,
  },
  {
    opcode: READ_FORMAT_CAPACITIES,
    name: "READ FORMAT CAPACITIES",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "allowed",
    whenNotReady: true,
    execute: readFormatCapacities,
  },
  {
    opcode: MECHANISM_STATUS,
    name: "MECHANISM STATUS",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, 0, ...FIELD_2, 0, CONTROL],
    reservation: "allowed",
    whenNotReady: true,
    execute: mechanismStatus,
  },
  {
    opcode: READ_BUFFER_CAPACITY,
    name: "READ BUFFER CAPACITY",
    usage: [0xff, OLD_LUN | 0x01, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "allowed",
    execute: readBufferCapacity,
  },
  {
    opcode: GET_PERFORMANCE,
    name: "GET PERFORMANCE",
    usage: [0xff, 0x1f, ...FIELD_4, 0, 0, ...FIELD_2, 0xff, CONTROL],
    reservation: "allowed",
    whenNotReady: true,
    execute: getPerformance,
  },
];

/** What a drive that has nothing to turn and nothing to play takes note of, or refuses. */
const MOTION: readonly Row[] = [
  {
    opcode: SET_CD_SPEED,
    name: "SET CD SPEED",
    usage: [0xff, OLD_LUN | 0x03, ...FIELD_4, 0, 0, 0, 0, 0, CONTROL],
    reservation: "read",
    whenNotReady: true,
    execute: setCdSpeed,
  },
  {
    opcode: SET_STREAMING,
    name: "SET STREAMING",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, 0, 0xff, ...FIELD_2, CONTROL],
    reservation: "read",
    whenNotReady: true,
    execute: setStreaming,
  },
  {
    opcode: PLAY_AUDIO_10,
    name: "PLAY AUDIO(10)",
    usage: [0xff, OLD_LUN, ...FIELD_4, 0, ...FIELD_2, CONTROL],
    reservation: "read",
    execute: playAudio,
  },
  {
    opcode: PLAY_AUDIO_12,
    name: "PLAY AUDIO(12)",
    usage: [0xff, OLD_LUN, ...FIELD_4, ...FIELD_4, 0, CONTROL],
    reservation: "read",
    execute: playAudio,
  },
  {
    opcode: PLAY_AUDIO_MSF,
    name: "PLAY AUDIO MSF",
    usage: [0xff, OLD_LUN, 0, ...FIELD_3, ...FIELD_3, CONTROL],
    reservation: "read",
    execute: playAudio,
  },
  {
    opcode: PAUSE_RESUME,
    name: "PAUSE/RESUME",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, 0, 1, CONTROL],
    reservation: "read",
    execute: pauseResume,
  },
  {
    opcode: STOP_PLAY_SCAN,
    name: "STOP PLAY/SCAN",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, 0, 0, CONTROL],
    reservation: "read",
    execute: stopPlayScan,
  },
];

/** Commands of an optical drive. A new one is a handler in a file of this folder, and a row here. */
export const OPTICAL_COMMANDS: CommandTable<OpticalDrive> = new CommandTable<OpticalDrive>([
  ...PRIMARY_COMMANDS,
  ...MEDIUM_COMMANDS,
  ...READS,
  ...DISC_DATA,
  ...DRIVE_DATA,
  ...MOTION,
]);
