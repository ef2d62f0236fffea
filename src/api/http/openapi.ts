import type { RouteOptions } from 'fastify'

import { HTTP_ERRORS, type HttpErrorCode } from '../errors.ts'

/** Any request may meet these: they are decided before its route is reached. */
const COMMON_CODES: readonly HttpErrorCode[] = [
  'TOKEN_REQUIRED',
  'TOKEN_INVALID',
  'ADDRESS_NOT_TRUSTED',
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'RATE_LIMITED',
]

interface RouteSchema {
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly params?: ObjectSchema
  readonly querystring?: ObjectSchema
  readonly body?: object
  readonly response?: Readonly<Record<string, object>>
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}

type Responses = Record<string, { description: string; content?: object }>

/**
 * The OpenAPI 3.1 document of the routes. Their schemas are JSON Schema already, so all there is to do
 * is to arrange them; a library for it would cost 7 MB at rest.
 */
export function openApiDocument(routes: readonly RouteOptions[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    for (const method of [route.method].flat()) {
      // Fastify adds a HEAD for each GET.
      if (method === 'HEAD') continue
      const path = route.url.replace(/:(\w+)/g, '{$1}')
      paths[path] = { ...paths[path], [method.toLowerCase()]: operation(route) }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: "wesense-node operator's API", version },
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: errorSchema() },
    },
  }
}

function operation({ schema = {}, config }: RouteOptions): object {
  const { summary, tags, params, querystring, body, response = {} } = schema as RouteSchema
  const contentType = config?.contentType ?? 'application/json'
  const responses: Responses = {}
  for (const [status, content] of Object.entries(response)) {
    responses[status] = {
      description: summary ?? '',
      content: { [contentType]: { schema: content } },
    }
  }
  responses['200'] ??= { description: summary ?? '', content: { [contentType]: {} } }
  const errors = [...(config?.errors ?? []), ...(config?.isOpen === true ? [] : COMMON_CODES)]
  return {
    summary,
    tags,
    ...(config?.isOpen === true ? { security: [] } : {}),
    parameters: [...parameters('path', params), ...parameters('query', querystring)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...errorResponses(errors), ...responses },
  }
}

function parameters(place: 'path' | 'query', schema: ObjectSchema | undefined): object[] {
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: schema?.required?.includes(name) ?? false,
    schema: property,
  }))
}

function errorResponses(codes: readonly HttpErrorCode[]): Responses {
  const responses: Responses = {}
  for (const code of codes) {
    const status = String(HTTP_ERRORS[code])
    const description = responses[status] ? `${responses[status].description}, ${code}` : code
    const schema = { $ref: '#/components/schemas/Error' }
    responses[status] = { description, content: { 'application/json': { schema } } }
  }
  return responses
}

function errorSchema(): object {
  return {
    type: 'object',
    required: ['error', 'code'],
    properties: {
      error: { type: 'string', description: 'A sentence for people.' },
      code: { type: 'string', enum: Object.keys(HTTP_ERRORS) },
      owner: { type: 'string', description: 'Peer ID, with OWNED_BY_OTHER.' },
    },
  }
}
