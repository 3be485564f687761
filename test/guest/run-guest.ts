import { spawn } from "node:child_process";

const SHOWN_ON_FAILURE = 40;

export interface GuestOptions {
  /** QEMU for the guest's kind of machine; a POWER one unless told. */
  program?: string;
  /** QEMU's arguments. */
  args: readonly string[];
  /** From start to power-off, in milliseconds. */
  timeoutMs: number;
}

export interface GuestResult {
  /** The job's exit status; undefined when QEMU ended without a job having finished. */
  jobStatus: number | undefined;
  lines: readonly string[];
}

export interface Guest {
  /** The console so far, a line each. */
  readonly lines: readonly string[];
  /** Milliseconds since the start at which each of `lines` was complete. */
  readonly times: readonly number[];
  /** Resolves when QEMU has ended; rejects when it failed or ran out of time. */
  readonly exit: Promise<GuestResult>;
  /** Resolves with the match once the console's text matches; rejects when the guest ends without that. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Types on the console. */
  send(text: string): void;
  /** Ends this guest's QEMU, if it is still there. */
  kill(): void;
}

interface Waiter {
  pattern: RegExp;
  resolve(match: RegExpExecArray): void;
  reject(error: Error): void;
}

/** Starts a guest whose console is QEMU's standard input and output. */
export function startGuest({ program = "qemu-system-ppc64", args, timeoutMs }: GuestOptions): Guest {
  const began = performance.now();
  const qemu = spawn(program, args, { stdio: "pipe" });
  const lines: string[] = [];
  const times: number[] = [];
  const waiters = new Set<Waiter>();
  let unfinished = "";
  let complaints = "";
  let ended: Error | undefined;
  let timedOut = false;

  const failure = (reason: string): Error =>
    new Error(
      [`the guest ${reason}`, complaints, ...lines.slice(-SHOWN_ON_FAILURE), unfinished].filter(Boolean).join("\n"),
    );

  // A prompt has no line end, so what has begun counts too.
  const match = (pattern: RegExp): RegExpExecArray | null => pattern.exec([...lines, unfinished].join("\n"));

  const exit = new Promise<GuestResult>((resolve, reject) => {
    const timer = setTimeout(() => {
      timedOut = true;
      qemu.kill("SIGKILL");
    }, timeoutMs);
    const end = (error: Error | undefined): void => {
      clearTimeout(timer);
      ended = error ?? failure("has ended");
      for (const waiter of waiters) waiter.reject(failure(`ended before its console showed ${waiter.pattern}`));
      waiters.clear();
      if (error) reject(error);
      else resolve({ jobStatus: jobStatus(lines), lines });
    };
    qemu.once("error", (error) => end(failure(`can't be started: ${error.message}`)));
    qemu.once("close", (code, signal) => {
      if (timedOut) end(failure(`was still running after ${timeoutMs} ms; the console's last lines:`));
      else if (code === 0) end(undefined);
      else end(failure(`ended by ${signal ?? `exit status ${code}`}; the console's last lines:`));
    });
  });
  // Who only waits for a line hears of a failure there.
  exit.catch(() => {});

  qemu.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  // Typing at a guest that is gone is not a failure of its own.
  qemu.stdin.on("error", () => {});
  qemu.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (unfinished + text).split("\n");
    unfinished = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(line.replace(/\r+$/, ""));
      times.push(performance.now() - began);
    }
    for (const waiter of waiters) {
      const found = match(waiter.pattern);
      if (found === null) continue;
      waiters.delete(waiter);
      waiter.resolve(found);
    }
  });

  return {
    lines,
    times,
    exit,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const found = match(pattern);
        if (found !== null) resolve(found);
        else if (ended !== undefined) reject(ended);
        else waiters.add({ pattern, resolve, reject });
      }),
    send: (text) => {
      qemu.stdin.write(text);
    },
    kill: () => {
      qemu.kill("SIGKILL");
    },
  };
}

/** Runs a guest from start to power-off. */
export function runGuest(options: GuestOptions): Promise<GuestResult> {
  return startGuest(options).exit;
}

function jobStatus(lines: readonly string[]): number | undefined {
  const status = lines.map((line) => /VSCSI-JOB-EXIT (\d+)$/.exec(line)?.[1]).findLast((found) => found !== undefined);
  return status === undefined ? undefined : Number(status);
}
