import * as Type from 'typebox'

import { ignoredSchema, okSchema } from './common.ts'

/** What every record carries beside its own fields. */
export const recordExtras = {
  _id: Type.String(),
  updated_at: Type.String({ description: 'ISO 8601.' }),
  owner: Type.String({ description: 'Peer ID of the station that wrote the record.' }),
}

export const deletedReplySchema = Type.Object({ ok: okSchema, deleted: Type.String() })

/** The answer to a PUT; `idField` is the name under which the record's ID is repeated. */
export const putReplySchema = <K extends string>(idField: K) =>
  Type.Object({
    ok: okSchema,
    [idField as K]: Type.String(),
    ignored: ignoredSchema,
  } as { ok: typeof okSchema; ignored: typeof ignoredSchema } & Record<K, Type.TString>)
