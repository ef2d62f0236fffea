/** Stations in the NAT lab: the built program on one of its hosts, asked through its API. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeStatus, PeersReply } from '../../src/api/types.ts'
import type { LabHost, NatLab } from './nat-lab.ts'
import type { HostAgent } from './nat-lab-host.ts'
import { BUNDLE, type Program, startProgram } from './process.ts'

type CleanUp = { after(job: () => unknown): void }

export interface LabStationOptions {
  readonly name: string
  readonly host: LabHost
  readonly agent: HostAgent
  readonly env: Readonly<Record<string, string>>
}

/** One station's process on a host, and the folder that outlives it. */
export class LabStation {
  readonly name: string
  readonly agent: HostAgent
  readonly #scope: CleanUp
  readonly #lab: NatLab
  readonly #host: LabHost
  readonly #cwd: string
  readonly #env: Readonly<Record<string, string>>
  #program: Program | null = null

  constructor(scope: CleanUp, lab: NatLab, cwd: string, options: LabStationOptions) {
    this.#scope = scope
    this.#lab = lab
    this.#cwd = cwd
    this.name = options.name
    this.agent = options.agent
    this.#host = options.host
    this.#env = { ...LAB_ENV, ...options.env }
  }

  /** Resolves once it is ready. */
  async start(): Promise<void> {
    if (!existsSync(BUNDLE)) throw new Error('the program is not built: "npm run build"')
    this.#program = await startProgram(this.#scope, {
      cwd: this.#cwd,
      env: this.#env,
      command: [...this.#lab.prefix(this.#host), process.execPath, BUNDLE],
    })
  }

  /** As the operator stops it; does nothing when it does not run. */
  async stop(): Promise<void> {
    await this.#program?.stop()
  }

  /** As a power cut stops it. */
  async kill(): Promise<void> {
    await this.#program?.kill()
  }

  get program(): Program {
    if (this.#program === null) throw new Error(`${this.name} has not been started`)
    return this.#program
  }

  get peerId(): string {
    return this.program.peerId
  }

  async get<T>(path: string): Promise<T> {
    const { status, text, json } = await this.agent.call(this.program.apiUrl, path)
    if (status !== 200) throw new Error(`${this.name} ${path}: ${status} ${text.slice(0, 400)}`)
    return json
  }

  async put(path: string, body: unknown): Promise<void> {
    const { status, text } = await this.agent.call(this.program.apiUrl, path, body)
    if (status !== 200) throw new Error(`${this.name} PUT ${path}: ${status} ${text.slice(0, 400)}`)
  }

  async peers(): Promise<PeersReply['peers']> {
    return (await this.get<PeersReply>('/peers')).peers
  }

  async status(): Promise<NodeStatus> {
    return await this.get<NodeStatus>('/status')
  }
}

/** Fixed ports, since they are the only listeners of their address; no multicast, no API limit. */
const LAB_ENV: Readonly<Record<string, string>> = {
  LIBP2P_HOST: '0.0.0.0',
  LIBP2P_PORT: '4002',
  WS_ENABLED: 'false',
  API_RATE_LIMIT: '1000000',
}

/** Makes a station, not started, with a data folder of its own that is removed after the test. */
export async function labStation(
  t: CleanUp,
  lab: NatLab,
  options: LabStationOptions,
): Promise<LabStation> {
  const cwd = await mkdtemp(join(tmpdir(), `wesense-nat-${options.name}-`))
  t.after(() => rm(cwd, { recursive: true, force: true, maxRetries: 3 }))
  return new LabStation(t, lab, cwd, options)
}
