/** iSCSI names are at most 223 bytes long. [RFC 7143] 4.2.7.2. */
const NAME_MAXIMUM = 223;
const NAME =
  /^(?:iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.\-:]+|eui\.[0-9A-Fa-f]{16}|naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))$/;

/** True for an iqn., eui. or naa. name in its normalized form. [RFC 7143] 4.2.7.3. */
export function isIscsiName(text: string): boolean {
  return text.length <= NAME_MAXIMUM && NAME.test(text);
}
