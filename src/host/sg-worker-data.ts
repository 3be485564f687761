import type { MailboxPlace } from "./sg-mailbox.ts";
import type { SgInterface, SgNode } from "./sg-node.ts";

interface Common {
  readonly memory: WebAssembly.Memory;
  readonly mailbox: MailboxPlace;
}

/** What a thread of a device is for. */
export type SgWorkerData = Common &
  (
    | { readonly do: "open"; readonly path: string }
    /** Hands commands over to sg and fetches them when they have ended. */
    | { readonly do: "queue"; readonly fd: number; readonly eventfd: number }
    /** Makes the calls of one slot, each of which waits for its command's end. */
    | { readonly do: "lane"; readonly fd: number; readonly interface: SgInterface; readonly slot: number }
    /** LOGICAL UNIT RESET. @param argument linear address of a word for it */
    | { readonly do: "reset"; readonly fd: number; readonly argument: number }
  );

/** What it tells: that the node is open, why it is not, what came of a reset. */
export type SgWorkerNews =
  | (SgNode & { readonly eventfd: number | undefined })
  | { readonly failure: string; readonly errno: string | undefined }
  | { readonly result: number };
