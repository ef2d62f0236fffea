import assert from 'node:assert/strict'

import { Check, Errors } from 'typebox/schema'

import type { Answer } from './api.ts'

interface Operation {
  readonly responses: Record<
    string,
    { readonly description: string; readonly content?: Record<string, { schema?: object }> }
  >
}

export interface OpenApiDocument {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, object> }
}

/** Fails unless the document has the route, the status and, for errors, the code of this answer. */
export function assertDescribed(
  document: OpenApiDocument,
  method: string,
  path: string,
  answer: Answer,
): void {
  const plain = path.split('?')[0] ?? path
  const [pattern, item] = findPath(document, plain)
  const response = item[method.toLowerCase()]?.responses[answer.status]
  assert.ok(response, `${method} ${pattern} does not describe status ${answer.status}`)
  if (answer.status >= 400) assert.match(response.description, new RegExp(answer.json.code))
  const schema = resolve(document, response.content?.['application/json']?.schema)
  if (schema === undefined) return
  const [, errors] = Errors(schema, answer.json)
  assert.ok(
    Check(schema, answer.json),
    `${method} ${path}: ${JSON.stringify(errors)} in ${answer.text}`,
  )
}

function findPath(document: OpenApiDocument, path: string): [string, Record<string, Operation>] {
  const exact = document.paths[path]
  if (exact !== undefined) return [path, exact]
  const matches = Object.entries(document.paths).filter(([pattern]) =>
    new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  const match = matches[0]
  assert.ok(match, `no path of the document matches ${path}`)
  return match
}

function resolve(document: OpenApiDocument, schema: object | undefined): object | undefined {
  if (schema === undefined || !('$ref' in schema)) return schema
  const name = String(schema.$ref).replace('#/components/schemas/', '')
  return document.components.schemas[name]
}
