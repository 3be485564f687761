import { z } from "zod";

/** A shorter secret can be guessed from an exchange that was overheard. [RFC 7143] 9.2.1: at least 96 bits. */
const SECRET_MINIMUM = 12;
const SECRET_MAXIMUM = 255;

/** Name of an initiator or a target. [RFC 7143] 4.2.7. */
export const iscsiName = z
  .string()
  .max(223, "at most 223 characters")
  .regex(
    /^(?:iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.:-]+|eui\.[0-9A-Fa-f]{16}|naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))$/,
    'an iSCSI name in lower case, such as "iqn.2026-11.net.example:disks"',
  );

const secret = z
  .string()
  .min(SECRET_MINIMUM, `at least ${SECRET_MINIMUM} characters`)
  .max(SECRET_MAXIMUM, `at most ${SECRET_MAXIMUM} characters`);
const user = z.string().min(1).max(SECRET_MAXIMUM);

/** How an initiator proves itself to a target, and with "mutual…" the target to the initiator. */
export const chap = z
  .strictObject({
    user,
    secret: secret.optional(),
    secretFile: z.string().min(1).optional(),
    mutualUser: user.optional(),
    mutualSecret: secret.optional(),
    mutualSecretFile: z.string().min(1).optional(),
  })
  .refine(
    (value) => (value.secret === undefined) !== (value.secretFile === undefined),
    'either "secret" or "secretFile"',
  )
  .refine((value) => value.mutualSecret === undefined || value.mutualSecretFile === undefined, {
    message: 'either "mutualSecret" or "mutualSecretFile"',
  })
  .refine(
    (value) =>
      (value.mutualUser === undefined) === (value.mutualSecret === undefined && value.mutualSecretFile === undefined),
    '"mutualUser" and its secret together',
  )
  .refine((value) => value.secret === undefined || value.secret !== value.mutualSecret, {
    message: "two different secrets: with one, an answer could be reflected",
  });
