import * as Type from 'typebox'

const placeSchema = Type.Object({
  peer_id: Type.String({ description: 'Of the relay.' }),
  addresses: Type.Array(Type.String(), {
    description: 'Where others reach this station through it.',
  }),
  expires_in_seconds: Type.Integer({
    minimum: 0,
    description: 'It is asked for more time well before.',
  }),
})

/** How others get to this station. */
export const reachabilitySchema = Type.Union(
  [
    Type.Object({
      state: Type.Union(
        [Type.Literal('public'), Type.Literal('private'), Type.Literal('unknown')],
        {
          description:
            'Whether others can open a connection to this station; unknown until peers have tried. ' +
            'A public ANNOUNCE_ADDRESS makes it public, whoever gets in.',
        },
      ),
      is_proven: Type.Boolean({
        description:
          'Whether public was seen: by a dial-back, or, where ANNOUNCE_ADDRESS says so, since a peer ' +
          'of the internet connected.',
      }),
      verified: Type.Array(Type.String(), {
        description: 'Public addresses that are not configured and that others were seen to reach.',
      }),
      relays: Type.Array(placeSchema, {
        description: 'Relays that keep a place for this station.',
      }),
    }),
    Type.Null(),
  ],
  { description: 'null: RELAY_CLIENT is off, and it is not looked after.' },
)
