/** A host with WebRTC in a process of its own, that a test can kill. Says its address, then what native code it loaded. */
import { startHost } from './host.ts'

const host = await startHost(
  { after: () => {} },
  { webRtcDirect: { port: 0, certificatePath: null } },
)
const address = host.listenAddresses().find((one) => one.includes('/webrtc-direct/'))
const { sharedObjects } = process.report.getReport() as { readonly sharedObjects: string[] }
console.log(JSON.stringify({ address: `${address}/p2p/${host.peerId}`, sharedObjects }))
