/** What a command ends with. */
export const EXIT = {
    ok: 0,
    failed: 1,
    drift: 2,
    /** Of `wukong plan` alone. */
    tooHeavy: 3,
    /** `EX_USAGE` of sysexits.h. */
    usage: 64,
} as const;

/** The same for help texts. */
export const EXIT_CODES = `Exit codes:
  0   done
  1   failed, or what was asked for is not there
  2   the cluster is not as it should be (drift)
  64  the command is not understood`;
