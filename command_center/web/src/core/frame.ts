/** The binary frame of `/ws/live`: a 24 byte header and packed columns, little-endian. */

export const FRAME_MAGIC = 0x4d57
export const FRAME_VERSION = 1
export const HEADER_BYTES = 24
export const UNIT_BYTES = 20

/** A full frame replaces everything known; a delta holds only what changed. */
export const FrameKind = { Full: 1, Delta: 2 } as const

export const KINDS = ['inspector', 'sanitation', 'slag_truck', 'enforcement'] as const
export type UnitKind = (typeof KINDS)[number]

export const STATES = ['offline', 'standing', 'moving', 'alert'] as const
export type UnitState = (typeof STATES)[number]
/** State code of a unit that left the viewport or the viewer's areas. */
export const GONE = 255
/** Course, speed and age that were not reported (age: or more than this). */
export const UNKNOWN = 65535

export interface Frame {
  full: boolean
  seq: number
  n: number
  /** Server clock, epoch ms. */
  time: number
  id: Uint32Array
  /** 1e-7 degrees. */
  lon: Int32Array
  lat: Int32Array
  /** 0.01 degrees clockwise from north. */
  course: Uint16Array
  /** 0.01 m/s. */
  speed: Uint16Array
  /** Seconds between the fix and `time`. */
  age: Uint16Array
  kind: Uint8Array
  state: Uint8Array
}

/** Raised by bytes that are no frame of the protocol this program speaks. */
export class FrameError extends Error {}

/** Reads a frame without copying its columns. */
export function decodeFrame(bytes: ArrayBuffer): Frame {
  if (bytes.byteLength < HEADER_BYTES) throw new FrameError(`frame of ${bytes.byteLength} bytes has no header`)
  const view = new DataView(bytes)
  if (view.getUint16(0, true) !== FRAME_MAGIC) throw new FrameError('wrong magic number')
  const version = view.getUint8(2)
  if (version !== FRAME_VERSION) throw new FrameError(`unknown frame version ${version}`)
  const kind = view.getUint8(3)
  if (kind !== FrameKind.Full && kind !== FrameKind.Delta) throw new FrameError(`unknown frame kind ${kind}`)
  const n = view.getUint32(8, true)
  const wanted = HEADER_BYTES + n * UNIT_BYTES
  if (bytes.byteLength !== wanted) throw new FrameError(`frame of ${bytes.byteLength} bytes, ${wanted} expected`)
  let at = HEADER_BYTES
  const take = (width: number) => {
    const from = at
    at += width * n
    return from
  }
  return {
    full: kind === FrameKind.Full,
    seq: view.getUint32(4, true),
    n,
    time: view.getFloat64(16, true),
    id: new Uint32Array(bytes, take(4), n),
    lon: new Int32Array(bytes, take(4), n),
    lat: new Int32Array(bytes, take(4), n),
    course: new Uint16Array(bytes, take(2), n),
    speed: new Uint16Array(bytes, take(2), n),
    age: new Uint16Array(bytes, take(2), n),
    kind: new Uint8Array(bytes, take(1), n),
    state: new Uint8Array(bytes, take(1), n),
  }
}
