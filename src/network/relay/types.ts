/** Shapes that the parts of the relay and the rest of the node share: no libp2p type is among them. */

/** A peer that asks the hop for something, as limits and policy see it. */
export interface RelayClient {
  readonly peerId: string
  /** The IP its connection comes from, canonical text; empty where another relay is in between. */
  readonly host: string
  /** Its /24 or /48; the IP itself where the address is no public one. */
  readonly subnet: string
  /** A thin client's: places and circuits of its own quota. Absent: a member, a newcomer, or not judged yet. */
  readonly class?: 'client'
}

/** What thin clients may hold, apart from all others. */
export interface RelayClassLimits {
  readonly reservations: {
    readonly total: number
    readonly perHost: number
    readonly perSubnet: number
    readonly graceMs: number
  }
  /** Of circuits with a thin client at either end. */
  readonly circuits: {
    readonly total: number
    readonly perSource: number
    readonly perDestination: number
    /** Opened from one public host. */
    readonly perHost: number
    readonly durationSeconds: number
    readonly bytesPerDirection: number
  }
}

/** What the hop may hold and pass on. Every number has its reason in the settings table or in `limits.ts`. */
export interface RelayLimits {
  readonly reservations: {
    readonly total: number
    readonly perHost: number
    readonly perSubnet: number
    /** How long a reservation lasts unless it is refreshed. */
    readonly ttlSeconds: number
    /** A disconnected peer keeps its place for so long. */
    readonly graceMs: number
  }
  readonly circuits: {
    readonly total: number
    readonly perSource: number
    readonly perDestination: number
    /** Seconds that one circuit lasts at most. */
    readonly durationSeconds: number
    /** Bytes that one circuit carries at most in each direction. */
    readonly bytesPerDirection: number
    /** Bytes of one circuit that wait here at most, both directions together. */
    readonly heldBytes: number
  }
  /** Token buckets; null: not limited. A circuit's bytes pass all three. */
  readonly rates: {
    readonly circuitBytesPerSecond: number | null
    readonly hostBytesPerSecond: number | null
    readonly totalBytesPerSecond: number | null
    /** A bucket holds so many seconds of its rate. */
    readonly burstSeconds: number
  }
  /** Bytes in a calendar month (UTC), both directions; null: not limited. */
  readonly monthlyBytes: number | null
  /** A quota of their own, beside the totals above; absent: thin clients have none. */
  readonly clients?: RelayClassLimits
}

export type RelayRequestKind = 'reserve' | 'connect'

export interface RelayRequest {
  readonly kind: RelayRequestKind
  readonly client: RelayClient
  /** Whom a `connect` is for; null for a `reserve`. */
  readonly destination: string | null
}

/** `reason` is a code of ours (lower case, underscores): metric label, log field and audit word. */
export type RelayVerdict =
  | { readonly isAllowed: true; readonly class?: 'client' }
  | { readonly isAllowed: false; readonly reason: string }

/** Who may use the relay. */
export interface RelayPolicy {
  /** As it is set: `open`, `registry`, `trusted`, `list`, `http`. */
  readonly name: string
  /** Never throws for a remote's fault; an abort of the signal is a refusal. */
  judge(request: RelayRequest, signal: AbortSignal): RelayVerdict | Promise<RelayVerdict>
  /** Fires when earlier verdicts may have changed: live reservations and circuits are judged again. */
  onChanged(listener: () => void): () => void
}

/** One circuit, open or just ended. Bytes count what was passed on. */
export interface CircuitStatus {
  readonly source: RelayClient
  readonly destination: RelayClient
  readonly openedAtMs: number
  readonly bytesToDestination: number
  readonly bytesToSource: number
}

export interface ReservationStatus {
  readonly client: RelayClient
  readonly reservedAtMs: number
  readonly expiresAtMs: number
  readonly isConnected: boolean
}

/** One method for each thing that happens; counts, log lines and audit lines are made behind it. */
export interface RelayEvents {
  reserved(client: RelayClient, isRefresh: boolean): void
  /**
   * `reason`: `reservations_total`, `reservations_host`, `reservations_subnet`, `clients_total`, `clients_host`,
   * `clients_subnet`, `no_address`, `relayed`, `quota`,
   * `requests` (too many a second), or the policy's: its own word, `policy_timeout`, `policy_failed`,
   * `policy_unsettled`.
   */
  reservationRefused(client: RelayClient, reason: string): void
  /** `reason`: `expired`, `disconnected`, `policy`, `stopped`. */
  reservationEnded(client: RelayClient, reason: string): void
  circuitOpened(source: RelayClient, destination: RelayClient): void
  /**
   * `reason`: `no_reservation`, `not_connected`, `destination_refused`, `destination_timeout`,
   * `destination_failed`, `self`, `relayed`, `requests`, a `CircuitRefusal`, the policy's as above; without
   * a destination `malformed_message` or `unexpected_message`, for what is no request at all.
   */
  circuitRefused(source: RelayClient, destination: string | null, reason: string): void
  /** `reason`: `closed`, `reset`, `bytes`, `duration`, `held`, `policy`, `quota`, `stopped`. */
  circuitEnded(circuit: CircuitStatus, reason: string): void
  /** A circuit had to wait for a bucket: `circuit`, `host` or `total`. */
  bucketWaited(bucket: string, ms: number): void
}

/** What operators see of the hop. */
export interface RelayStatus {
  readonly policy: string
  readonly reservations: readonly ReservationStatus[]
  readonly circuits: readonly CircuitStatus[]
  readonly limits: RelayLimits
  /** Bytes passed on in this calendar month. */
  readonly monthBytes: number
}

/** Bytes that one peer sent and got through the relay since the start. */
export interface RelayTalker {
  readonly peerId: string
  /** Where it was seen last. */
  readonly host: string
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** What happened since the start; for the operator alone. */
export interface RelayTotals {
  /** By reason. */
  readonly refusals: Readonly<Record<string, number>>
  /** Circuits that ended, by reason. */
  readonly ends: Readonly<Record<string, number>>
  /** The loudest first, at most 20. */
  readonly talkers: readonly RelayTalker[]
}

/** The hop now, and what it did since the start. */
export interface RelayReport {
  readonly status: RelayStatus
  readonly totals: RelayTotals
}

/** The places a hop's circuits take, and their carrying; made by `circuits/`, used by `hop/`. */
export type CircuitRefusal =
  | 'circuits_total'
  | 'circuits_source'
  | 'circuits_destination'
  | 'client_circuits_total'
  | 'client_circuits_source'
  | 'client_circuits_destination'
  | 'client_circuits_host'
  | 'quota'
