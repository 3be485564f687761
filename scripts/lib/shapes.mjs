// @ts-check
// The logical units that the suite is run on. Between them, every one of its tests finds a unit on which it runs for real.

/**
 * @typedef {object} Shape
 * @property {string} name
 * @property {string} about
 * @property {Record<string, unknown>} unit keys of the unit in our configuration
 * @property {Record<string, string | number>} tgtd the same for tgtd: options of `--op new` and, behind "params", of `--op update`
 * @property {number} [portals] ways to it, one URL each; 1
 * @property {boolean} [sanitize] false: without --allow-sanitize
 * @property {boolean} [medium] false: the drive is empty
 * @property {readonly string[]} [suites] only these of the suite's parts, the others expect writes to succeed on any unit
 * @property {readonly string[]} [without] not these tests
 * @property {string} [refusal] what the suite prints when it doesn't begin at all on such a unit
 */

/** Bytes of the unit: small, so that erasing it is quick; below 2^21 blocks, so that READ(6) reaches its end. */
export const UNIT_SIZE = 64 << 20;

/**
 * Sanitize.Reset wants an erase that is still running after more than 4 seconds: 8 here. (It then sleeps for a minute,
 * whatever is left.)
 */
const ERASE_RATE = "8M";

/** As the images of most disks are: what is unmapped is given back, and a physical block is a logical block. */
const THIN = { eraseRate: ERASE_RATE, thin: true, physicalBlockSize: 512 };

/** @type {readonly Shape[]} */
export const SHAPES = [
  {
    name: "thin",
    about: "thin provisioned, 512-byte blocks",
    unit: THIN,
    tgtd: { params: "thin_provisioning=1" },
  },
  {
    // GetLBAStatus.UnmapSingle asks for the status of LBA n + 1, and expects that of LBA n + blocks a physical block.
    name: "512e",
    about: "thin provisioned, 512-byte blocks on 4096-byte physical ones",
    unit: { ...THIN, physicalBlockSize: 4096 },
    tgtd: { params: "thin_provisioning=1,lbppbe=3" },
    without: ["GetLBAStatus.UnmapSingle"],
  },
  {
    name: "fixed",
    about: "fully provisioned, 512-byte blocks",
    unit: { eraseRate: ERASE_RATE, thin: false },
    tgtd: {},
  },
  {
    name: "removable",
    about: "removable medium, thin provisioned",
    unit: { ...THIN, removable: true },
    tgtd: { params: "removable=1,thin_provisioning=1" },
  },
  {
    name: "read-only",
    about: "write-protected",
    unit: { ...THIN, readOnly: true },
    tgtd: { params: "readonly=1,thin_provisioning=1" },
    suites: [
      "Inquiry",
      "Mandatory",
      "ModeSense6",
      "Prefetch*",
      "PreventAllow",
      "Prin*",
      "ProutRegister",
      "ProutClear",
      "ProutPreempt",
      "Read*",
      "ReportSupportedOpcodes",
      "Reserve6",
      "StartStopUnit",
      "TestUnitReady",
      "Verify*",
    ],
  },
  {
    name: "4096",
    about: "4096-byte blocks, thin provisioned",
    unit: { ...THIN, blockSize: 4096, physicalBlockSize: 4096 },
    tgtd: { blocksize: 4096, params: "thin_provisioning=1" },
  },
  {
    // Sanitize.Reservations leaves the unit reserved for the second session when there are two URLs, and the next test,
    // Sanitize.Reset, then meets RESERVATION CONFLICT at any target that keeps reservations.
    name: "multipath",
    about: "two portals, an initiator at each, thin provisioned",
    unit: THIN,
    tgtd: { params: "thin_provisioning=1" },
    portals: 2,
    sanitize: false,
  },
  {
    name: "optical",
    about: "an optical drive with a disc",
    unit: { type: "optical" },
    tgtd: { "device-type": "cd" },
    // They write to find out who may.
    without: ["EA", "WE", "EARO", "WERO", "EAAR", "WEAR"].map((type) => `ProutReserve.Access${type}`),
  },
  {
    name: "no-medium",
    about: "an empty drive",
    unit: { removable: true },
    tgtd: { params: "removable=1,online=0" },
    medium: false,
    refusal: "MEDIUM_NOT_PRESENT",
  },
];

/**
 * Tests that an ordinary run of the suite (1.19) never makes, and the list of tests that does.
 *
 * iSCSITMF.LUNResetSimpleAsync runs behind a test that closes the session they share, and is skipped as "Non-iSCSI". Alone it
 * fails at any target: it expects `reconnect_succeeded` to be set, which the answer to its own reset sets only later. Run again in
 * the same process, it finds the variable set, and is a true run: the last one counts.
 */
export const APART = [
  { test: "iSCSITMF.LUNResetSimpleAsync", list: Array(3).fill("ALL.iSCSITMF.LUNResetSimpleAsync").join(",") },
];

/**
 * Parts that the suite leaves out of a test for what the target is; what it does run of the test is for real.
 *
 * @type {readonly { test: string, reason: string, why: string }[]}
 */
export const PARTS = [
  {
    test: "ExtendedCopy.ValidTgtDescr",
    reason: "Target is SPC-4+. Skipping NUL bit test",
    why: "SPC-4 made the NUL bit of CSCD descriptors obsolete; the check of the LU ID type runs",
  },
];
