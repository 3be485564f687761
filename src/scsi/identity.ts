/** INQUIRY strings. AIX takes a disk only with IBM's own. [protocol] 5.2. */
export interface Identity {
  /** At most 8 characters. */
  vendor: string;
  /** At most 16. */
  product: string;
  /** At most 4. */
  revision: string;
  serial: string;
}
