/** A configuration that can't be used: the user's to mend. Each line names the key, the value and what is allowed. */
export class ConfigError extends Error {
  readonly code = "VSCSI_CONFIG";
}
