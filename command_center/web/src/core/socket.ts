/** The live connection: reconnects by itself, resumes alerts by number, and says when data is late. */
import { decodeFrame, type Frame } from './frame'
import type { Alert, LiveCounts } from '@/api/types'

export type SocketState = 'connecting' | 'open' | 'waiting' | 'refused'

export type AlertEvent = 'opened' | 'updated' | 'acknowledged' | 'closed' | 'corrected' | 'withdrawn'

type ServerMessage =
  | { type: 'welcome'; protocol: number; time: string; alert_seq: number; alerts: Alert[] }
  | { type: 'alert'; seq: number; event: AlertEvent; alert: Alert }
  | ({ type: 'counts' } & LiveCounts)
  | { type: 'reset' }
  | { type: 'units_changed' }
  | { type: 'pong' }

export interface SocketEvents {
  onFrame(frame: Frame): void
  /** Every open alert, after each (re)connection. */
  onWelcome(alerts: Alert[]): void
  onAlert(event: AlertEvent, alert: Alert): void
  onCounts(counts: LiveCounts): void
  /** Too far behind: whatever was fetched must be fetched again. */
  onReset(): void
  onUnitsChanged(): void
  onState(state: SocketState): void
  /** Seconds since anything arrived; 0 when fresh. At most once a second. */
  onStale(seconds: number): void
}

interface Wire {
  binaryType: BinaryType
  readyState: number
  onopen: ((event: Event) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  onerror: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  send(data: string): void
  close(code?: number): void
}

export interface SocketOptions {
  url: string
  open?: (url: string) => Wire
  random?: () => number
  now?: () => number
}

const BACKOFF_FIRST_MS = 500
const BACKOFF_MAX_MS = 15_000
const PING_MS = 10_000
/** The server sends counts every 2 s, so three missed ones are news. */
const STALE_S = 6
/** A connection silent for this long is taken as dead. */
const DEAD_S = 25
const OPEN = 1

/** Wait before attempt `n` (0 first), ms: doubling, with full jitter on the upper half. */
export function backoff(n: number, random: () => number = Math.random): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** n)
  return ceiling / 2 + (ceiling / 2) * random()
}

export class LiveSocket {
  state: SocketState = 'connecting'
  alertSeq = 0
  private wire: Wire | null = null
  private view: string | null = null
  private tries = 0
  private heard = 0
  private stopped = false
  private retry: ReturnType<typeof setTimeout> | undefined
  private beat: ReturnType<typeof setInterval> | undefined
  private lastPing = 0
  private latest: ArrayBuffer[] = []
  private drawing = false

  constructor(
    private readonly options: SocketOptions,
    private readonly events: SocketEvents,
  ) {}

  start(): void {
    this.stopped = false
    this.heard = this.now()
    this.connect()
    this.beat = setInterval(() => this.tick(), 1000)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.retry)
    clearInterval(this.beat)
    this.detach()
  }

  /** Says what is looked at; w, s, e, n in degrees. Repeated by itself after a reconnection. */
  look(bbox: [number, number, number, number], zoom: number): void {
    const view = JSON.stringify({ type: 'view', bbox, zoom })
    if (view === this.view) return
    this.view = view
    this.send(view)
  }

  private now(): number {
    return this.options.now?.() ?? performance.now()
  }

  private connect(): void {
    this.change('connecting')
    const wire = (this.options.open ?? ((url: string): Wire => new WebSocket(url)))(this.options.url)
    this.wire = wire
    wire.binaryType = 'arraybuffer'
    wire.onopen = () => {
      this.heard = this.now()
      this.change('open')
      if (this.view) wire.send(this.view)
      if (this.alertSeq > 0) wire.send(JSON.stringify({ type: 'resume', alert_seq: this.alertSeq }))
    }
    wire.onmessage = (message) => this.receive(message.data as string | ArrayBuffer)
    wire.onclose = (event) => {
      this.wire = null
      if (this.stopped) return
      if (event.code === 4401 || event.code === 4403) {
        this.change('refused')
        return
      }
      this.change('waiting')
      this.retry = setTimeout(() => this.connect(), backoff(this.tries++, this.options.random))
    }
  }

  private receive(data: string | ArrayBuffer): void {
    this.heard = this.now()
    this.tries = 0
    if (typeof data === 'string') this.read(JSON.parse(data) as ServerMessage)
    else this.queue(data)
  }

  private read(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        if (this.alertSeq === 0) this.alertSeq = message.alert_seq
        this.events.onWelcome(message.alerts)
        break
      case 'alert':
        if (message.seq <= this.alertSeq) return
        this.alertSeq = message.seq
        this.events.onAlert(message.event, message.alert)
        break
      case 'counts':
        this.events.onCounts(message)
        break
      case 'reset':
        this.alertSeq = 0
        this.events.onReset()
        break
      case 'units_changed':
        this.events.onUnitsChanged()
        break
      case 'pong':
        break
    }
  }

  /** Frames are applied before a picture is drawn (at once in a hidden tab, which draws none); a full one makes the older ones needless. */
  private queue(bytes: ArrayBuffer): void {
    this.latest.push(bytes)
    const seen = typeof requestAnimationFrame === 'function' && !document.hidden
    if (this.drawing && seen) return
    this.drawing = true
    const apply = () => {
      this.drawing = false
      if (this.latest.length === 0) return
      const frames = this.latest.map(decodeFrame)
      this.latest = []
      const lastFull = frames.findLastIndex((frame) => frame.full)
      for (const frame of frames.slice(Math.max(0, lastFull))) this.events.onFrame(frame)
    }
    if (seen) requestAnimationFrame(apply)
    else queueMicrotask(apply)
  }

  private tick(): void {
    if (this.state === 'refused') return
    const silent = (this.now() - this.heard) / 1000
    this.events.onStale(silent >= STALE_S ? Math.floor(silent) : 0)
    if (this.state === 'open' && silent > DEAD_S) {
      this.detach()
      this.change('waiting')
      this.connect()
      return
    }
    if (this.state === 'open' && this.now() - this.lastPing > PING_MS) {
      this.lastPing = this.now()
      this.send('{"type":"ping"}')
    }
  }

  private detach(): void {
    if (!this.wire) return
    this.wire.onclose = this.wire.onmessage = this.wire.onopen = null
    this.wire.close()
    this.wire = null
  }

  private send(text: string): void {
    if (this.wire?.readyState === OPEN) this.wire.send(text)
  }

  private change(state: SocketState): void {
    this.state = state
    this.events.onState(state)
  }
}
