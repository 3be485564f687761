import type { MailboxPlace } from "./sg-mailbox.ts";
import type { SgInterface, SgNode } from "./sg-node.ts";

interface Common {
  readonly memory: WebAssembly.Memory;
  readonly mailbox: MailboxPlace;
}

/** What a thread of a device is for. */
export type SgWorkerData = Common &
  /** Opens it; then hands commands over to sg and fetches them, or makes the calls of slot 0. */
  (
    | { readonly do: "open"; readonly path: string }
    /** Makes the calls of one slot, each of which waits for its command's end. */
    | { readonly do: "lane"; readonly fd: number; readonly interface: SgInterface; readonly slot: number }
    /** LOGICAL UNIT RESET. @param argument linear address of a word for it */
    | { readonly do: "reset"; readonly fd: number; readonly argument: number }
  );

/** An open node, as the thread that has opened it tells. */
export type OpenedSgNode = SgNode & { readonly eventfd: number | undefined };

/** What a thread tells: that the node is open, why it is not, what came of a reset. */
export type SgWorkerNews =
  | OpenedSgNode
  | { readonly failure: string; readonly errno: string | undefined }
  | { readonly result: number };
