/** Whether two values of a configuration say the same: a key that is not there is one that is undefined. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const key of keys) if (!same(Reflect.get(one, key), Reflect.get(other, key))) return false;
  return true;
}
