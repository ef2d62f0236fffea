/**
 * The longest time that the loop worked without a turn for a timer, ms: of this thread's processor time, which
 * other programs on a busy machine do not add to.
 */
export async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  const nowMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let [last, longest] = [nowMs(), 0]
  const look = () => {
    const now = nowMs()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  await work().finally(() => clearInterval(timer))
  look()
  return longest
}
