import { isFunction } from './errors.ts'

/** An object whose members are those of another, but for some. */
export function replacing<T extends object>(original: T, members: Partial<T>): T {
  return new Proxy(original, {
    get: (target, key) => {
      if (Object.hasOwn(members, key)) return Reflect.get(members, key)
      const member: unknown = Reflect.get(target, key)
      return isFunction(member) ? member.bind(target) : member
    },
  })
}
