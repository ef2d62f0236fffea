/** Draws. What others wrote is put in as text, never as HTML. */
const ANIMALS =
  'Kea Otter Lynx Heron Gecko Tapir Ibis Wombat Panda Civet Koala Marten Puffin Quoll Seal Tuatara'
const NAMES = ANIMALS.split(' ')
const LIMIT_SAID = 200
const LIMIT_STATIONS = 60

const STATES = {
  connecting: 'Looking for the node …',
  online: 'Connected to the node',
  offline: 'The node is away; links between tabs stay',
  stopped: 'Stopped',
}
const PROBLEMS = {
  unreachable: 'No node answers at this address. It is tried again and again.',
  handshake: 'Something answers there, but it is no node, or one of a private network.',
  'other-network': 'The node there belongs to another network than this page.',
  'no-relay': 'The node there lets nobody be reached through it: its RELAY_ENABLED is off.',
  'no-place': 'The node has no place for this tab just now. Others cannot reach it; it asks again.',
}
const LINKS = { direct: 'direct', relayed: 'relayed', none: 'connecting' }
const WHY = {
  'no-webrtc': 'One of the two browsers has no WebRTC.',
  'webrtc-failed': 'No direct way was found; it is tried again.',
}

const at = (id) => document.getElementById(id)

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}

/** A peer ID is long: a colour, an animal and its last characters are enough to tell tabs apart. */
function chip(peerId) {
  let sum = 0
  for (const character of peerId) sum = (sum * 31 + character.charCodeAt(0)) >>> 0
  const text = `${NAMES[sum % NAMES.length]} ${peerId.slice(-4)}`
  const element = make('span', { className: 'chip', title: peerId }, text)
  element.style.setProperty('--hue', String(sum % 360))
  return element
}

export function showMe(peerId) {
  at('me').replaceChildren('This tab is ', chip(peerId))
  at('me').dataset.peerId = peerId
  document.title = `${at('me').querySelector('.chip').textContent} - Two tabs`
  at('second').href = location.href
}

export function showStatus({ state, bootstraps }) {
  setState(state, STATES[state])
  const lines = bootstraps
    .filter(({ problem }) => problem !== null)
    .map(({ problem, address }) => `${PROBLEMS[problem]} (${address})`)
  if (!('RTCPeerConnection' in globalThis)) {
    lines.push('This browser has no WebRTC: everything goes through the node.')
  }
  showProblems(lines)
}

/** The page cannot go on. */
export function showFailure(message) {
  setState('failed', 'Not started')
  showProblems([message])
}

function setState(state, text) {
  if (at('state').dataset.state === state) return
  at('state').dataset.state = state
  at('state').textContent = text
}

function showProblems(lines) {
  const shown = [...at('problems').children].map(({ textContent }) => textContent)
  if (lines.join('\n') === shown.join('\n')) return
  at('problems').replaceChildren(...lines.map((line) => make('p', { className: 'problem' }, line)))
}

export function showPeople(peers, greet) {
  at('nobody').hidden = peers.length > 0
  const known = new Map([...at('people').children].map((row) => [row.dataset.peerId, row]))
  for (const { peerId, link, isPresent, problem } of peers) {
    const row = known.get(peerId) ?? newRow(peerId, greet)
    known.delete(peerId)
    row.dataset.link = link
    const badge = row.querySelector('.badge')
    badge.className = `badge ${link}`
    badge.textContent = LINKS[link]
    row.querySelector('button').disabled = link === 'none'
    const gone = isPresent ? '' : 'The node does not tell of it any more.'
    row.querySelector('.why').textContent = WHY[problem] ?? gone
  }
  for (const row of known.values()) row.remove()
}

function newRow(peerId, greet) {
  const person = chip(peerId)
  const button = make('button', { type: 'button' }, 'Say hello')
  button.setAttribute('aria-label', `Say hello to ${person.textContent}`)
  button.addEventListener('click', () => greet(peerId))
  const row = make('li', {}, person, make('span', { className: 'badge' }), button)
  row.append(make('span', { className: 'why' }))
  row.dataset.peerId = peerId
  at('people').append(row)
  return row
}

export function onSay(say) {
  at('form').addEventListener('submit', async (event) => {
    event.preventDefault()
    const text = at('words').value.trim() || 'Hello!'
    at('words').value = ''
    await say(text)
  })
}

export function showSaid(peerId, text, note = '') {
  const line = make('p', {}, chip(peerId), text)
  if (note !== '') line.append(make('span', { className: 'when' }, ` (${note})`))
  at('talk').append(line)
  while (at('talk').children.length > LIMIT_SAID) at('talk').firstElementChild.remove()
  at('talk').scrollTop = at('talk').scrollHeight
}

export function showStations({ nodes, refused }) {
  const verified = `${nodes.length} of them, each verified in this tab by its author's signature.`
  const lie = refused > 0 ? ` ${refused} that nobody signed were left out: this node lies.` : ''
  at('stations-hint').textContent = nodes.length > 0 ? verified + lie : `None yet.${lie}`
  at('stations').replaceChildren(...nodes.slice(0, LIMIT_STATIONS).map(station))
}

export function showNoStations(message) {
  at('stations-hint').textContent = `No list: ${message}`
}

function station({ ingesterId, author, isOwnWord, updatedAtMs, fields }) {
  const name = typeof fields.node_name === 'string' ? fields.node_name : ingesterId
  const regions = Array.isArray(fields.regions) ? fields.regions.join(', ') : ''
  const by = isOwnWord ? 'its own word' : `by the word of ${author.slice(-4)}`
  const when = new Date(updatedAtMs).toLocaleTimeString()
  return make(
    'li',
    {},
    make('strong', {}, name),
    make('span', { className: 'when' }, [regions, by, when].filter(Boolean).join(' · ')),
  )
}
