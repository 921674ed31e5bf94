import { describe, expect, it } from 'vitest'

import { decodeFrame, FrameError } from '../src/core/frame'
import { frameBytes } from './frames'

describe('decodeFrame', () => {
  it('reads every column of an odd number of units', () => {
    const frame = decodeFrame(
      frameBytes(1, 7, 1_795_000_000_123.5, [
        { id: 1, lon: 120.0000001, lat: 30.5, course: 9000, speed: 150, age: 3, kind: 0, state: 2 },
        { id: 4_000_000_000, lon: -179.9999999, lat: -89.9999999, course: 35999, speed: 65534, age: 65535, kind: 3, state: 3 },
        { id: 3, lon: 0, lat: 0, kind: 2, state: 255 },
      ]),
    )
    expect(frame).toMatchObject({ full: true, seq: 7, n: 3, time: 1_795_000_000_123.5 })
    expect([...frame.id]).toEqual([1, 4_000_000_000, 3])
    expect([...frame.lon]).toEqual([1_200_000_001, -1_799_999_999, 0])
    expect([...frame.lat]).toEqual([305_000_000, -899_999_999, 0])
    expect([...frame.course]).toEqual([9000, 35999, 65535])
    expect([...frame.speed]).toEqual([150, 65534, 65535])
    expect([...frame.age]).toEqual([3, 65535, 0])
    expect([...frame.kind]).toEqual([0, 3, 2])
    expect([...frame.state]).toEqual([2, 3, 255])
  })

  it('reads an empty delta', () => {
    expect(decodeFrame(frameBytes(2, 1, 0, []))).toMatchObject({ full: false, n: 0 })
  })

  it.each([
    ['no header', new ArrayBuffer(10)],
    ['a foreign magic number', frameBytes(1, 0, 0, [], 0x1234)],
    ['a later version', frameBytes(1, 0, 0, [], 0x4d57, 2)],
    ['an unknown kind', frameBytes(9, 0, 0, [])],
    ['a cut end', frameBytes(1, 0, 0, [{ id: 1, lon: 0, lat: 0 }]).slice(0, 40)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(FrameError)
  })
})
