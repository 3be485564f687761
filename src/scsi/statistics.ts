/** What the medium of one logical unit was used for since the daemon started. [SPC-4] 7.3.9. */
export class Statistics {
  readCommands = 0;
  writeCommands = 0;
  readBlocks = 0;
  writtenBlocks = 0;

  read(blocks: number): void {
    this.readCommands++;
    this.readBlocks += blocks;
  }

  wrote(blocks: number): void {
    this.writeCommands++;
    this.writtenBlocks += blocks;
  }
}
