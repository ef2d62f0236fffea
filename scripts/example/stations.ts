/** Made up, so that the list has something to show. */
const STATIONS = {
  'example-harbour': { node_name: 'Harbour (made up)', regions: ['nz/akl'] },
  'example-ridge': { node_name: 'Ridge (made up)', regions: ['nz/wgn'] },
  'example-school': { node_name: 'School roof (made up)', regions: ['au/nsw'] },
} as const

/** Registers them in the name of the node, as an ingester beside it would. @throws when it refuses */
export async function registerStations(apiUrl: string): Promise<void> {
  for (const [id, fields] of Object.entries(STATIONS)) {
    const answer = await fetch(`${apiUrl}/nodes/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    })
    if (!answer.ok) throw new Error(`The node refused a station: ${await answer.text()}`)
  }
}
