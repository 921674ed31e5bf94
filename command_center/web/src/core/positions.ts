/**
 * Where the units are: one slot a unit in typed arrays that go to the GPU as they are.
 *
 * Positions are float32 offsets in degrees from an anchor (0.1 degree of offset is good to about
 * 1 mm). A unit glides from where it was drawn to its new place, in the time its fixes usually are
 * apart; the shader and `at()` do the same sum.
 */
import { GONE, KINDS, STATES, UNKNOWN, type Frame, type UnitKind, type UnitState } from './frame'

/** Shortest and longest glide, seconds. */
const GLIDE_MIN = 0.9
const GLIDE_MAX = 6
/** A jump longer than this (degrees, about 2 km) is no movement and is not drawn as one. */
const JUMP = 0.02
/** The GPU's float32 clock is set back to zero this often, seconds. */
const CLOCK_SPAN = 3600

export interface UnitNow {
  id: number
  kind: UnitKind
  state: UnitState
  lon: number
  lat: number
  /** Degrees clockwise from north, null when not reported. */
  course: number | null
  /** m/s, null when not reported. */
  speed: number | null
  /** Fix time, epoch ms on the server's clock; null when older than the frame can say. */
  fixTime: number | null
}

export type StateCounts = Record<UnitState, number>

export class Positions {
  n = 0
  anchor: [number, number] = [0, 0]
  /** Server clock minus ours, ms. */
  clockOffset = 0
  id = new Uint32Array(0)
  lon = new Float64Array(0)
  lat = new Float64Array(0)
  fixTime = new Float64Array(0)
  speed = new Uint16Array(0)
  course = new Uint16Array(0)
  kind = new Uint8Array(0)
  state = new Uint8Array(0)
  /** Drawn columns: target and start offsets (x, y, 0), glide (start s, length s), look (course deg or -1, kind, state). */
  target = new Float32Array(0)
  start = new Float32Array(0)
  glide = new Float32Array(0)
  look = new Float32Array(0)

  private readonly slots = new Map<number, number>()
  private zero = 0

  constructor(private readonly now: () => number = () => performance.now()) {
    this.zero = now()
  }

  /** Seconds on the clock the glides are written in. */
  clock(): number {
    return (this.now() - this.zero) / 1000
  }

  slot(id: number): number {
    return this.slots.get(id) ?? -1
  }

  /** Takes a frame in; a full one also drops the units it does not name. */
  apply(frame: Frame, animate = true): void {
    if (this.n === 0 && frame.n > 0) this.moveAnchor(frame.lon[0]! * 1e-7, frame.lat[0]! * 1e-7)
    if (this.clock() > CLOCK_SPAN) this.resetClock()
    this.clockOffset = frame.time - Date.now()
    const clock = this.clock()
    const seen = frame.full ? new Uint8Array(this.n + frame.n) : null
    for (let i = 0; i < frame.n; i++) {
      const id = frame.id[i]!
      if (frame.state[i] === GONE) {
        if (!seen) this.remove(id)
        continue
      }
      const slot = this.write(frame, i, clock, animate)
      if (seen) seen[slot] = 1
    }
    if (seen) for (let s = this.n - 1; s >= 0; s--) if (!seen[s]) this.remove(this.id[s]!)
  }

  clear(): void {
    this.n = 0
    this.slots.clear()
  }

  /** Where slot `s` is drawn now, lon and lat in degrees. */
  at(s: number, clock = this.clock()): [number, number] {
    const length = this.glide[2 * s + 1]!
    const t = length > 0 ? Math.min(1, Math.max(0, (clock - this.glide[2 * s]!) / length)) : 1
    const x = this.start[3 * s]! + (this.target[3 * s]! - this.start[3 * s]!) * t
    const y = this.start[3 * s + 1]! + (this.target[3 * s + 1]! - this.start[3 * s + 1]!) * t
    return [this.anchor[0] + x, this.anchor[1] + y]
  }

  /** Where a unit is drawn once its glide is over. */
  positionOf(id: number): [number, number] {
    return this.at(this.slot(id), Infinity)
  }

  /** True while any unit is still gliding. */
  gliding(clock = this.clock()): boolean {
    for (let s = 0; s < this.n; s++) if (this.glide[2 * s]! + this.glide[2 * s + 1]! > clock) return true
    return false
  }

  unit(id: number): UnitNow | null {
    const s = this.slot(id)
    return s < 0 ? null : this.unitAt(s)
  }

  unitAt(s: number): UnitNow {
    return {
      id: this.id[s]!,
      kind: KINDS[this.kind[s]!] ?? 'inspector',
      state: STATES[this.state[s]!] ?? 'offline',
      lon: this.lon[s]!,
      lat: this.lat[s]!,
      course: this.course[s] === UNKNOWN ? null : this.course[s]! / 100,
      speed: this.speed[s] === UNKNOWN ? null : this.speed[s]! / 100,
      fixTime: this.fixTime[s] === 0 ? null : this.fixTime[s]!,
    }
  }

  counts(): StateCounts {
    const by = [0, 0, 0, 0]
    for (let s = 0; s < this.n; s++) by[this.state[s]!] = (by[this.state[s]!] ?? 0) + 1
    return { offline: by[0]!, standing: by[1]!, moving: by[2]!, alert: by[3]! }
  }

  /**
   * Units drawn within `radius` pixels of a point, nearest first. `project` gives pixels for a
   * place; `box` (w, s, e, n) holds all that can be near, so that few are projected.
   */
  hits(
    point: { x: number; y: number },
    radius: number,
    box: [number, number, number, number],
    project: (lon: number, lat: number) => { x: number; y: number },
    shown: (kind: number, state: number) => boolean = () => true,
  ): number[] {
    const clock = this.clock()
    const found: { id: number; d: number }[] = []
    for (let s = 0; s < this.n; s++) {
      const [lon, lat] = this.at(s, clock)
      if (lon < box[0] || lat < box[1] || lon > box[2] || lat > box[3]) continue
      if (!shown(this.kind[s]!, this.state[s]!)) continue
      const p = project(lon, lat)
      const d = Math.hypot(p.x - point.x, p.y - point.y)
      if (d <= radius) found.push({ id: this.id[s]!, d })
    }
    return found.sort((a, b) => a.d - b.d).map((f) => f.id)
  }

  private write(frame: Frame, i: number, clock: number, animate: boolean): number {
    const id = frame.id[i]!
    const lon = frame.lon[i]! * 1e-7
    const lat = frame.lat[i]! * 1e-7
    const age = frame.age[i]!
    const fixTime = age === UNKNOWN ? 0 : frame.time - age * 1000
    let s = this.slot(id)
    const fresh = s < 0
    if (fresh) {
      s = this.n++
      this.slots.set(id, s)
      if (s >= this.id.length) this.grow()
      this.id[s] = id
    }
    const x = lon - this.anchor[0]
    const y = lat - this.anchor[1]
    const moved = fresh || this.lon[s] !== lon || this.lat[s] !== lat
    if (moved) {
      const near = !fresh && Math.abs(this.lon[s]! - lon) < JUMP && Math.abs(this.lat[s]! - lat) < JUMP
      const [fromLon, fromLat] = near && animate ? this.at(s, clock) : [lon, lat]
      const apart = fresh || !this.fixTime[s] || !fixTime ? 1 : (fixTime - this.fixTime[s]!) / 1000
      this.start.set([fromLon - this.anchor[0], fromLat - this.anchor[1], 0], 3 * s)
      this.target.set([x, y, 0], 3 * s)
      this.glide.set([clock, near && animate ? Math.min(GLIDE_MAX, Math.max(GLIDE_MIN, apart)) : 0], 2 * s)
    }
    this.lon[s] = lon
    this.lat[s] = lat
    this.fixTime[s] = fixTime
    this.speed[s] = frame.speed[i]!
    this.course[s] = frame.course[i]!
    this.kind[s] = frame.kind[i]!
    this.state[s] = frame.state[i]!
    this.look.set([frame.course[i] === UNKNOWN ? -1 : frame.course[i]! / 100, frame.kind[i]!, frame.state[i]!], 3 * s)
    return s
  }

  /** The last slot moves into the freed one, so slots stay dense. */
  private remove(id: number): void {
    const s = this.slot(id)
    if (s < 0) return
    const last = --this.n
    this.slots.delete(id)
    if (s === last) return
    for (const column of [this.id, this.lon, this.lat, this.fixTime, this.speed, this.course, this.kind, this.state])
      column[s] = column[last]!
    for (const [column, width] of this.drawn()) column.copyWithin(s * width, last * width, (last + 1) * width)
    this.slots.set(this.id[s]!, s)
  }

  private drawn(): [Float32Array, number][] {
    return [
      [this.target, 3],
      [this.start, 3],
      [this.glide, 2],
      [this.look, 3],
    ]
  }

  private grow(): void {
    const size = Math.max(256, this.id.length * 2)
    const more = <T extends Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array>(old: T, width = 1): T => {
      const column = new (old.constructor as new (n: number) => T)(size * width)
      column.set(old as never)
      return column
    }
    this.id = more(this.id)
    this.lon = more(this.lon)
    this.lat = more(this.lat)
    this.fixTime = more(this.fixTime)
    this.speed = more(this.speed)
    this.course = more(this.course)
    this.kind = more(this.kind)
    this.state = more(this.state)
    this.target = more(this.target, 3)
    this.start = more(this.start, 3)
    this.glide = more(this.glide, 2)
    this.look = more(this.look, 3)
  }

  /** Puts the anchor at a place (degrees) and rewrites every offset from it. */
  moveAnchor(lon: number, lat: number): void {
    const dx = this.anchor[0] - lon
    const dy = this.anchor[1] - lat
    for (let s = 0; s < this.n; s++) {
      this.target[3 * s] = this.lon[s]! - lon
      this.target[3 * s + 1] = this.lat[s]! - lat
      this.start[3 * s] = this.start[3 * s]! + dx
      this.start[3 * s + 1] = this.start[3 * s + 1]! + dy
    }
    this.anchor = [lon, lat]
  }

  private resetClock(): void {
    const passed = this.clock()
    this.zero = this.now()
    for (let s = 0; s < this.n; s++) this.glide[2 * s] = this.glide[2 * s]! - passed
  }
}
