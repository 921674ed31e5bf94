import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Alert } from '../src/api/types'
import { backoff, LiveSocket, type SocketEvents } from '../src/core/socket'
import { frameBytes } from './frames'

class Line {
  binaryType: BinaryType = 'blob'
  readyState = 0
  onopen: ((event: Event) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null
  onerror: ((event: Event) => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  sent: string[] = []
  closed = false
  send(text: string): void {
    this.sent.push(text)
  }
  close(): void {
    this.closed = true
  }
  open(): void {
    this.readyState = 1
    this.onopen?.(new Event('open'))
  }
  say(message: object | ArrayBuffer): void {
    this.onmessage?.({ data: message instanceof ArrayBuffer ? message : JSON.stringify(message) } as MessageEvent)
  }
  drop(code = 1006): void {
    this.onclose?.({ code } as CloseEvent)
  }
}

const alert = (id: number) => ({ id }) as Alert
let lines: Line[]
let now: number
let events: { [K in keyof SocketEvents]: ReturnType<typeof vi.fn> }
let socket: LiveSocket

beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  now = 0
  events = { onFrame: vi.fn(), onWelcome: vi.fn(), onAlert: vi.fn(), onCounts: vi.fn(), onReset: vi.fn(), onUnitsChanged: vi.fn(), onState: vi.fn(), onStale: vi.fn() }
  socket = new LiveSocket({ url: 'ws://here/ws/live', now: () => now, random: () => 0.5, open: () => (lines.push(new Line()), lines.at(-1)!) }, events as unknown as SocketEvents)
  socket.start()
})
afterEach(() => {
  socket.stop()
  vi.useRealTimers()
})

const types = (line: Line) => line.sent.map((text) => (JSON.parse(text) as { type: string }).type)

describe('LiveSocket', () => {
  it('waits longer after each failure, never beyond the ceiling, and not in step with others', () => {
    expect([0, 1, 2, 3].map((n) => backoff(n, () => 1))).toEqual([500, 1000, 2000, 4000])
    expect(backoff(0, () => 0)).toBe(250)
    expect(backoff(60, () => 1)).toBe(15_000)
  })

  it('sends the view again and resumes alerts where it was', () => {
    socket.look([119, 30, 121, 31], 12)
    lines[0]!.open()
    expect(types(lines[0]!)).toEqual(['view'])
    lines[0]!.say({ type: 'welcome', protocol: 1, time: '', alert_seq: 41, alerts: [alert(1)] })
    lines[0]!.say({ type: 'alert', seq: 42, event: 'opened', alert: alert(2) })
    lines[0]!.drop()
    expect(events.onState).toHaveBeenLastCalledWith('waiting')
    vi.advanceTimersByTime(400)
    lines[1]!.open()
    expect(lines[1]!.sent.map((text) => JSON.parse(text) as unknown)).toEqual([
      { type: 'view', bbox: [119, 30, 121, 31], zoom: 12 },
      { type: 'resume', alert_seq: 42 },
    ])
  })

  it('takes each alert once, also when a welcome runs ahead of what is resumed', () => {
    lines[0]!.open()
    lines[0]!.say({ type: 'welcome', protocol: 1, time: '', alert_seq: 5, alerts: [] })
    lines[0]!.say({ type: 'alert', seq: 6, event: 'opened', alert: alert(1) })
    lines[0]!.drop()
    vi.advanceTimersByTime(400)
    lines[1]!.open()
    lines[1]!.say({ type: 'welcome', protocol: 1, time: '', alert_seq: 8, alerts: [] })
    for (const seq of [6, 7, 8]) lines[1]!.say({ type: 'alert', seq, event: 'updated', alert: alert(seq) })
    expect(events.onAlert.mock.calls.map(([, a]) => (a as Alert).id)).toEqual([1, 7, 8])
  })

  it('tells when data stops, and replaces a connection that is dead', () => {
    lines[0]!.open()
    now = 3000
    vi.advanceTimersByTime(1000)
    expect(events.onStale).toHaveBeenLastCalledWith(0)
    now = 9000
    vi.advanceTimersByTime(1000)
    expect(events.onStale).toHaveBeenLastCalledWith(9)
    now = 26_000
    vi.advanceTimersByTime(1000)
    expect(lines[0]!.closed).toBe(true)
    expect(lines).toHaveLength(2)
  })

  it.each([4401, 4403])('does not come again when refused with %i', (code) => {
    lines[0]!.drop(code)
    vi.advanceTimersByTime(60_000)
    expect(lines).toHaveLength(1)
    expect(events.onState).toHaveBeenLastCalledWith('refused')
  })

  it('passes frames on, and skips those a full one makes needless', async () => {
    lines[0]!.open()
    lines[0]!.say(frameBytes(2, 1, 0, []))
    lines[0]!.say(frameBytes(1, 2, 0, []))
    lines[0]!.say(frameBytes(2, 3, 0, []))
    await Promise.resolve()
    expect(events.onFrame.mock.calls.map(([frame]) => (frame as { seq: number }).seq)).toEqual([2, 3])
  })
})
