import * as Type from 'typebox'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const count = (description?: string) => Type.Integer({ minimum: 0, description })
const limit = (description?: string) => nullable(count(description))

const clientFields = {
  peer_id: Type.String(),
  host: Type.String({ description: 'IP address that it connects from.' }),
}

const classField = {
  class: Type.Union([Type.Literal('member'), Type.Literal('client')], {
    description: 'client: a thin client, such as a page in a browser, with a quota of its own.',
  }),
}

const byReason = (description: string) => Type.Record(Type.String(), count(), { description })

const clientLimitsSchema = Type.Object({
  reservations: count(),
  reservations_per_host: count(),
  reservations_per_subnet: count(),
  circuits: count(),
  circuits_per_source: count(),
  circuits_per_destination: count(),
  circuits_per_host: count(),
  circuit_seconds: count(),
  circuit_bytes: count('In each direction.'),
})

const limitsSchema = Type.Object({
  reservations: count(),
  reservations_per_host: count(),
  reservations_per_subnet: count('Per /24 or /48.'),
  reservation_seconds: count('Unless it is refreshed.'),
  circuits: count(),
  circuits_per_source: count(),
  circuits_per_destination: count(),
  circuit_seconds: count('0: not limited.'),
  circuit_bytes: count('In each direction; 0: not limited.'),
  circuit_bytes_per_second: limit('null: not limited.'),
  host_bytes_per_second: limit('null: not limited.'),
  total_bytes_per_second: limit('null: not limited.'),
  clients: Type.Union([clientLimitsSchema, Type.Null()], {
    description: 'Of thin clients, beside those above; null: they have no quota of their own.',
  }),
})

const monthSchema = Type.Object({
  bytes: count('Passed on since the first of the month, UTC; kept over restarts.'),
  quota_bytes: limit('null: no quota.'),
  left_bytes: limit('null: no quota.'),
})

const stunSchema = Type.Object({
  listening: Type.Array(Type.String(), { description: 'UDP, `ip:port`.' }),
  answered: count('Requests since the start.'),
  refused: count('Datagrams since the start that got no answer, or one that says no.'),
})

const hopSchema = Type.Object({
  policy: Type.String({ description: 'As RELAY_POLICY has it.' }),
  reservations: Type.Array(
    Type.Object({
      ...clientFields,
      ...classField,
      held_seconds: count(),
      expires_in_seconds: count(),
      connected: Type.Boolean(),
    }),
  ),
  circuits: Type.Array(
    Type.Object({
      ...classField,
      source: Type.Object(clientFields),
      destination: Type.Object(clientFields),
      open_seconds: count(),
      bytes_to_destination: count(),
      bytes_to_source: count(),
    }),
    { description: 'Open ones, those with most bytes first.' },
  ),
  talkers: Type.Array(
    Type.Object({ ...clientFields, bytes_sent: count(), bytes_received: count() }),
    { description: 'Peers with most bytes since the start, at most 20.' },
  ),
  limits: limitsSchema,
  month: monthSchema,
  refused: byReason('Refused requests since the start, by reason.'),
  circuits_ended: byReason('Ended circuits since the start, by reason.'),
})

export const relayReplySchema = Type.Object({
  enabled: Type.Boolean(),
  hop: Type.Union([hopSchema, Type.Null()], { description: 'null: this station is no relay.' }),
  stun: Type.Union([stunSchema, Type.Null()], { description: 'null: STUN is not served.' }),
})

/** The relay in the answer of `GET /status`. */
export const relayRoleSchema = Type.Object({
  enabled: Type.Boolean(),
  hop: Type.Union(
    [
      Type.Object({
        policy: Type.String(),
        reservations: count(),
        reservations_limit: count(),
        circuits: count(),
        circuits_limit: count(),
        clients: count('Thin clients that hold a place.'),
        clients_limit: count('0: they have none of their own.'),
        month: monthSchema,
      }),
      Type.Null(),
    ],
    { description: 'null: this station is no relay.' },
  ),
})
