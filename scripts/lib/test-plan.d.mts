export declare function planTests(options: { root: string; named: string[]; isFast: boolean }): {
  files: string[]
  last: string[]
  needs: Set<string>
  missing: string[]
}
