import { describe, expect, it } from 'vitest'

import { decodeFrame } from '../src/core/frame'
import { Positions } from '../src/core/positions'
import { frameBytes, type Row } from './frames'

const TIME = 1_795_000_000_000

/** A small seeded generator: the same walk each run. */
function random(seed: number): () => number {
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
}

function known(positions: Positions) {
  return Array.from({ length: positions.n }, (_, s) => positions.unitAt(s)).sort((a, b) => a.id - b.id)
}

describe('Positions', () => {
  it('holds the same after a snapshot and its deltas as after a reload', () => {
    const next = random(11)
    const truth = new Map<number, Row>()
    const row = (id: number): Row => ({ id, lon: 120 + next() * 0.1, lat: 30.5 + next() * 0.1, course: Math.floor(next() * 36000), speed: Math.floor(next() * 2000), age: Math.floor(next() * 60), kind: id % 4, state: Math.floor(next() * 4) })
    for (let id = 1; id <= 700; id++) truth.set(id, row(id))
    const live = new Positions()
    live.apply(decodeFrame(frameBytes(1, 0, TIME, [...truth.values()])))
    for (let seq = 1; seq <= 40; seq++) {
      const changed: Row[] = []
      for (let i = 0; i < 60; i++) {
        const id = 1 + Math.floor(next() * 900)
        if (changed.some((r) => r.id === id)) continue
        if (next() < 0.3) {
          truth.delete(id)
          changed.push({ id, lon: 0, lat: 0, state: 255 })
        } else {
          truth.set(id, row(id))
          changed.push(truth.get(id)!)
        }
      }
      live.apply(decodeFrame(frameBytes(2, seq, TIME, changed)))
    }
    const reloaded = new Positions()
    reloaded.apply(decodeFrame(frameBytes(1, 41, TIME, [...truth.values()])))
    expect(known(live)).toEqual(known(reloaded))
    expect(live.counts()).toEqual(reloaded.counts())
    for (const unit of known(live)) expect(live.positionOf(unit.id)[0]).toBeCloseTo(unit.lon, 5)
  })

  it('drops what a full frame does not name', () => {
    const positions = new Positions()
    positions.apply(decodeFrame(frameBytes(1, 0, TIME, [1, 2, 3].map((id) => ({ id, lon: 120, lat: 30 })))))
    positions.apply(decodeFrame(frameBytes(1, 1, TIME, [{ id: 2, lon: 120, lat: 30 }, { id: 9, lon: 120, lat: 30 }])))
    expect(known(positions).map((unit) => unit.id)).toEqual([2, 9])
  })

  it('glides from where a unit was drawn to where it is, and no farther', () => {
    let now = 0
    const positions = new Positions(() => now)
    positions.apply(decodeFrame(frameBytes(1, 0, TIME, [{ id: 1, lon: 120, lat: 30 }])))
    positions.apply(decodeFrame(frameBytes(2, 1, TIME + 2000, [{ id: 1, lon: 120.001, lat: 30 }])))
    expect(positions.at(0)[0]).toBeCloseTo(120, 6)
    now = 1000
    expect(positions.at(0)[0]).toBeCloseTo(120.0005, 6)
    expect(positions.gliding()).toBe(true)
    now = 5000
    expect(positions.at(0)[0]).toBeCloseTo(120.001, 6)
    expect(positions.gliding()).toBe(false)
  })

  it('does not draw a jump as a movement', () => {
    const positions = new Positions(() => 0)
    positions.apply(decodeFrame(frameBytes(1, 0, TIME, [{ id: 1, lon: 120, lat: 30 }])))
    positions.apply(decodeFrame(frameBytes(2, 1, TIME, [{ id: 1, lon: 121, lat: 30 }])))
    expect(positions.at(0)[0]).toBeCloseTo(121, 4)
  })

  it('finds stacked units nearest first, only those shown', () => {
    const positions = new Positions()
    positions.apply(decodeFrame(frameBytes(1, 0, TIME, [
      { id: 1, lon: 120.0002, lat: 30, kind: 0 }, { id: 2, lon: 120, lat: 30, kind: 1 }, { id: 3, lon: 120.5, lat: 30 },
    ])))
    const project = (lon: number, lat: number) => ({ x: (lon - 120) * 1e4, y: (30 - lat) * 1e4 })
    expect(positions.hits({ x: 0, y: 0 }, 8, [119.9, 29.9, 120.1, 30.1], project)).toEqual([2, 1])
    expect(positions.hits({ x: 0, y: 0 }, 8, [119.9, 29.9, 120.1, 30.1], project, (kind) => kind === 0)).toEqual([1])
  })

  it('says the fix time on the server clock, and nothing when it is too old to tell', () => {
    const positions = new Positions()
    positions.apply(decodeFrame(frameBytes(1, 0, TIME, [{ id: 1, lon: 0, lat: 0, age: 5 }, { id: 2, lon: 0, lat: 0, age: 65535 }])))
    expect(positions.unit(1)?.fixTime).toBe(TIME - 5000)
    expect(positions.unit(2)?.fixTime).toBeNull()
    expect(positions.unit(3)).toBeNull()
  })
})
