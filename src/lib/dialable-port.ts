/** Ports below this belong to the services of an operating system, which no peer may have others probe. */
const FIRST_USER_PORT = 1024
const WEB_PORTS: ReadonlySet<number> = new Set([80, 443])

/** Whether peers dial a port that no operator of theirs named. */
export function isDialablePort(port: number): boolean {
  return port >= FIRST_USER_PORT || WEB_PORTS.has(port)
}
