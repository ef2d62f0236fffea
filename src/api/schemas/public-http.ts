import * as Type from 'typebox'

const count = (description?: string) => Type.Integer({ minimum: 0, description })

/** The public listener in the answer of `GET /status`. */
export const publicHttpSchema = Type.Union(
  [
    Type.Object({
      host: Type.String(),
      port: Type.Integer(),
      secure: Type.Boolean({ description: 'HTTPS.' }),
      endpoints: Type.Array(
        Type.Object({
          name: Type.String({ description: 'As PUBLIC_ENDPOINTS has it.' }),
          restricted: Type.Boolean({ description: 'Needs the token or an allowed network.' }),
          clients: count('Different ones within the last hour, at most 2048 for each ten minutes.'),
          requests: count('Within the last hour.'),
        }),
      ),
      top: Type.Array(
        Type.Object({
          client: Type.String({ description: 'IPv4 address, or /64 of IPv6.' }),
          requests: count(),
        }),
        { description: 'Clients with most requests within the last hour, at most ten.' },
      ),
    }),
    Type.Null(),
  ],
  { description: 'null: there is no public listener.' },
)
