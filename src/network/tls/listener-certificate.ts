import { Server } from 'node:https'
import type { Listener } from '@libp2p/interface'

import type { CertificatePair, CertificateService } from '../../tls/index.ts'
import { libraryMember } from '../errors.ts'

/**
 * Keeps a listener's certificate up to date. @libp2p/websockets 10.1 reads it once, and its own event for
 * renewals puts another server in the place of the first, on listeners without TLS too; giving the server
 * that is there another pair leaves handshakes under way, connections and guards alone. It can go
 * when the library does so itself.
 * @param listener a listener of that transport for `/tls/ws`, which does not listen yet
 */
export function keepCertificate(listener: Listener, certificates: CertificateService): void {
  const listen = listener.listen.bind(listener)
  const close = listener.close.bind(listener)
  let unsubscribe = () => {}
  listener.listen = async (address) => {
    await listen(address)
    const server = libraryMember(listener, 'https', (value) => value instanceof Server)
    const serve = ({ cert, key }: CertificatePair) => server.setSecureContext({ cert, key })
    // The transport was made with the pair of then.
    const pair = certificates.current()
    if (pair !== null) serve(pair)
    unsubscribe = certificates.onRenewed(serve)
  }
  listener.close = async () => {
    unsubscribe()
    await close()
  }
}
