export declare const ROOT: string
export declare const NODE: string
export declare const BUNDLE: string
export declare function ensureInstalled(): void
export declare function ensureBuilt(): void
export declare function isInstalled(root?: string): boolean
export declare function sourcesHash(root?: string): string
export declare function fail(message: string): never
